"""The agents, and what is wrong with some."""

import asyncio
from dataclasses import replace

from tests.support.http_house import AGENT, TOKEN, House


async def test_agents_are_listed_with_the_broken_ones(house: House) -> None:
    house.write_agent("broken", "apiVersion: [")
    house.http.headers["Authorization"] = "Bearer the-admin-token"
    reloaded = await house.http.post("/api/admin/v1/reload-agents")
    house.http.headers["Authorization"] = f"Bearer {TOKEN}"
    listed = (await house.http.get("/api/v1/agents")).json()
    assert reloaded.text.startswith("Reloaded 2 agents\nbroken: ")
    assert [agent["name"] for agent in listed["agents"]] == ["assistant", "pauser"]
    assert [agent["name"] for agent in listed["broken"]] == ["broken"]
    assert (await house.http.get("/readyz")).json()["broken_agents"] == ["broken"]


async def test_each_agent_says_where_it_works_and_what_confines_it(house: House) -> None:
    house.write_agent("docked", AGENT.format(name="docked") + "  sandbox: {require: docker}\n")
    await asyncio.to_thread(house.dependencies.catalog.reload)
    bench = replace(house.workbench, environment={"PATH": "/nowhere"}, _chosen={})
    listed = await house.with_dependencies(work_place=bench.work_place).get("/api/v1/agents")
    places = {agent["name"]: (agent["folder"], agent["sandbox"]) for agent in listed.json()["agents"]}
    project = str(house.workbench.project)
    assert places == {"assistant": (project, "trust"), "pauser": (project, "trust"), "docked": (project, "")}


async def test_agent_is_shown_with_the_texts_of_its_prompts(house: House) -> None:
    house.write_agent("poet", AGENT.format(name="poet") + "  soul: ./SOUL.md\n  tools: []\n  memory: {}\n")
    (house.agents_dir / "poet" / "SOUL.md").write_text("You rhyme.")
    await asyncio.to_thread(house.dependencies.catalog.reload)
    shown = (await house.http.get("/api/v1/agents/poet")).json()
    assert (shown["api_version"], shown["kind"], shown["metadata"]) == (
        "duragent/v1alpha1",
        "Agent",
        {"name": "poet"},
    )
    assert shown["spec"] == {"model": {"provider": "demo"}, "soul": "You rhyme.", "tools": [], "memory": {}}
    assert shown["inactive"] == []
    assert (await house.http.get("/api/v1/agents/nobody")).status_code == 404
