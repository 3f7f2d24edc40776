"""Replies of a scripted model that change files, and an agent that may change them."""

from pathlib import Path

from duragent.models.messages import ModelReply
from tests.support.http_house import AGENT, House
from tests.support.tool_calls import calls

FILES = "  tools: [{type: builtin, name: write_file}, {type: builtin, name: edit_file}, {type: builtin, name: bash}]"
"""Lines for an agent.yaml below `spec`."""
SPOOL_ID = "spool_01arz3ndektsv4rrffq69g5fav"


def write(path: str, content: str) -> ModelReply:
    return calls(("write_file", {"path": path, "content": content}))


def edit(path: str, old: str, new: str) -> ModelReply:
    return calls(("edit_file", {"path": path, "old_text": old, "new_text": new}))


async def editor(house: House, *turns: list[ModelReply]) -> tuple[str, Path]:
    """A session whose agent has made these calls, a turn for each list; and the folder that it works in."""
    folder = house.workbench.workspace
    house.write_agent("editor", AGENT.format(name="editor") + FILES + "\n")
    (house.agents_dir / "editor" / "policy.yaml").write_text("mode: dangerous\n")
    house.dependencies.catalog.reload()
    # A spool as a server has one: it can say of a command that it was never started.
    (folder / "run" / "spool" / "id").write_text(f"{SPOOL_ID}\n")
    house.workbench.spool.id = SPOOL_ID
    session = await house.create("editor")
    for number, replies in enumerate(turns, 1):
        house.model.add(*replies, f"done {number}")
        assert (await house.say(session, f"turn {number}")).status_code == 200
    return session, house.workbench.project
