"""Is it alive, can it work, which build is it; shutdown."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from duragent.server.app import build_app
from duragent.system.descriptors import DescriptorUse
from tests.server.requests import is_problem
from tests.support.http_house import House


async def test_health_and_version_answer_without_a_token(house: House) -> None:
    house.http.headers.pop("Authorization")
    live, ready, version = [await house.http.get(path) for path in ("/livez", "/readyz", "/version")]
    assert (live.status_code, live.text, live.headers["content-type"]) == (200, "ok", "text/plain; charset=utf-8")
    shown = ready.json()
    assert shown.pop("descriptors")["used"] > 0
    assert shown == {
        "status": "ok",
        "workspace_hash": "0123456789abcdef",
        "damaged": [],
        "broken_agents": [],
        "problem": None,
        "damaged_count": 0,
        "broken_agents_count": 0,
        "proof": None,
    }
    assert version.json() == {"version": "1.2.3", "commit": "abc", "build_date": "2026-11-20", "variant": "core"}


async def test_shutdown_is_begun_once_and_only_with_the_admin_token(house: House) -> None:
    refused = await house.http.post("/api/admin/v1/shutdown")
    house.http.headers["Authorization"] = "Bearer the-admin-token"
    first, second = [await house.http.post("/api/admin/v1/shutdown") for _ in range(2)]
    assert (refused.status_code, refused.json()["detail"]) == (403, "Admin access denied")
    assert (first.status_code, first.text) == (200, "Shutdown initiated")
    assert (second.status_code, second.json()["detail"]) == (409, "Shutdown already in progress")


async def test_server_that_cannot_store_is_not_ready(house: House) -> None:
    async def trouble() -> str:
        return "the disk is read-only"

    dependencies = replace(house.dependencies, trouble=trouble)
    async with house.client("http://localhost", transport=httpx.ASGITransport(build_app(dependencies))) as http:
        response = await http.get("/readyz")
    assert (response.status_code, response.json()["problem"]) == (503, "the disk is read-only")


async def test_server_that_runs_out_of_descriptors_says_so_while_it_still_works(house: House) -> None:
    async with house.with_dependencies(descriptors=lambda: DescriptorUse(1000, 1024)) as http:
        response = await http.get("/readyz")
    ready = response.json()
    assert (response.status_code, ready["status"]) == (200, "degraded")
    assert ready["descriptors"] == {"used": 1000, "limit": 1024}
    assert "1,000 of 1,024 file descriptors are in use" in ready["problem"]
    assert "ulimit -n" in ready["problem"]


async def test_strangers_are_told_no_names_by_readyz(house: House) -> None:
    house.write_agent("broken", "nonsense")
    await asyncio.to_thread(house.dependencies.catalog.reload)
    known = (await house.http.get("/readyz")).json()
    for token in ({}, {"Authorization": "Bearer wrong"}):
        house.http.headers.pop("Authorization", None)
        told = (await house.http.get("/readyz", headers=token)).json()
        assert (told["status"], told["broken_agents"], told["broken_agents_count"]) == ("degraded", [], 1)
    assert known["broken_agents"] == ["broken"]


@pytest.mark.parametrize("challenge", ["", "x", "0" * 63, "0" * 65, "G" * 64, "0" * 64 + "%0a"])
async def test_odd_challenge_is_refused(house: House, challenge: str) -> None:
    is_problem(await house.http.get(f"/readyz?challenge={challenge}"), 422, "invalid-request")
