import json
from pathlib import Path

import pytest

from duragent.errors import InvalidArguments
from duragent.testing.tool_context import ToldSessions, context_in
from duragent.testing.tool_contract import check_tool
from duragent.tools.base import Sibling, ToolResult
from duragent.tools.session import SessionTool
from tests.tools.calling import call

TOLD = ToldSessions(
    known=(
        Sibling("s2", "active", "2026-01-02T03:04:05Z", "Tidy\n the repo", "http"),
        Sibling("s1", "closed", "2026-01-01T00:00:00Z", "", "telegram"),
    ),
    texts={"s1": [("user", "hi\nthere"), ("assistant", "漢" * 501), ("user", "é" * 500)], "s2": []},
)


async def run(folder: Path, sessions: ToldSessions = TOLD, **arguments: object) -> ToolResult:
    return await call(SessionTool(sessions), folder, **arguments)


async def test_list_shows_the_other_sessions(tmp_path: Path) -> None:
    lines = [
        "- s2 (http) — active — 2026-01-02T03:04:05Z — Tidy the repo",
        "- s1 (telegram) — closed — 2026-01-01T00:00:00Z",
    ]
    assert (await run(tmp_path, action="list")).content == "\n".join(lines)
    assert (await run(tmp_path, action="list", limit=1)).content == lines[0]
    assert (await run(tmp_path, ToldSessions(), action="list")).content == "There are no other sessions."


async def test_read_shows_the_newest_messages_cut(tmp_path: Path) -> None:
    cut = ["[user]: hi\nthere", f"[assistant]: {'漢' * 500}…", f"[user]: {'é' * 500}"]
    assert (await run(tmp_path, action="read", session_id=" s1 ")).content == "\n".join(cut)
    assert (await run(tmp_path, action="read", session_id="s1", limit="1")).content == cut[2]
    assert (await run(tmp_path, action="read", session_id="s2")).content == "This session has no messages yet."


async def test_session_of_somebody_else_is_not_found(tmp_path: Path) -> None:
    result = await run(tmp_path, action="read", session_id="../s9")
    assert (result.content, result.outcome) == ("session '../s9' not found; use list to see which there are", "error")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "action: is missing"),
        ({"action": "lst"}, "action: must be one of 'list', 'read', not 'lst' (did you mean 'list'?)"),
        ({"action": "read"}, "they: read needs `session_id`: use list to see which there are"),
        ({"action": "read", "session_id": " "}, "they: read needs `session_id`: use list to see which there are"),
        ({"action": "list", "limit": 51}, "limit: must be 50 or less, not 51"),
    ],
)
def test_session_says_what_is_wrong_with_its_arguments(arguments: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidArguments) as raised:
        SessionTool().parse(json.dumps(arguments))
    assert [each.replace("one of list, read", "one of 'list', 'read'") for each in raised.value.faults] == [fault]


def test_policy_sees_the_action_and_the_session() -> None:
    tool = SessionTool()
    assert tool.invocation(tool.parse('{"action": "read", "session_id": "s1"}')).text == "session:read s1"
    assert tool.effect == "pure"


async def test_session_keeps_the_contract(tmp_path: Path) -> None:
    good = ['{"action": "list"}', '{"action": "read", "session_id": "s1", "limit": 2}']
    await check_tool(lambda: SessionTool(TOLD), good=good, make_context=lambda: context_in(tmp_path))
