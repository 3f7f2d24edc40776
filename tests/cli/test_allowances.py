"""`duragent policy list` and `revoke`."""

import json

from tests.cli.commands import Command
from tests.cli.desk import Desk


async def test_what_a_session_allows_is_listed_and_taken_back(desk: Desk) -> None:
    waiting = await desk.house.waits("mkdir a")
    session = waiting["session_id"]
    await desk.house.decide(waiting, "allow_session", patterns=["bash:mkdir *", "bash:ls x"])
    for arguments in ([], ["--session", session]):
        ran = await desk.run("policy", "list", *arguments)
        assert ran.out.splitlines() == [
            "pattern\tagent\tsession\tfile",
            f"bash:mkdir *\tworker\t{session}\t",
            f"bash:ls x\tworker\t{session}\t",
        ]
    ran = await desk.run("policy", "revoke", "bash:mkdir *", "--as", "Ada")
    assert (ran.code, "asks again about bash:mkdir *" in ran.out) == (0, True)
    left = json.loads((await desk.run("policy", "list", "--json")).out)
    assert [each["pattern"] for each in left] == ["bash:ls x"]
    ran = await desk.run("policy", "revoke", "bash:mkdir *")
    assert (ran.code, "nobody allowed 'bash:mkdir *'" in ran.err) == (1, True)
    [revoked] = [each for each in await desk.house.log(session) if each["type"] == "allowance_revoked"]
    assert (revoked["patterns"], revoked["by"]) == (["bash:mkdir *"], "Ada")


def test_what_an_agent_may_always_do_is_listed_with_its_line_without_a_server(duragent: Command) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    ran = duragent("policy", "list", "--agent", "assistant")
    assert (ran.code, ran.out) == (0, "pattern\tagent\tsession\tfile\n")
    assert duragent("policy", "list", "--agent", "a", "--session", "b").code == 2
