"""A real server whose agent runs real commands, and a person who answers what is asked.

`./do WORD` appends WORD to the file `count` and may run; `./ask WORD` does the same and needs a yes. So the file says
how often each command took effect.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from duragent.client.client import Client
from duragent.errors import ProblemResponse
from duragent.journal.events import Event, ModelReplied, ToolFinished, ToolLost, TurnEnded
from duragent.wire import Approval, Decide, DecisionName, SendMessage
from tests.support.real_server import RealServer, make_workspace
from tests.support.until import until

SCRIPT = '#!/bin/sh\necho "$1" >> count\necho "did $1"\n'
POLICY = "mode: {mode}\nallow: ['bash:./do *', 'bash:./long *']\n"
TOOLS = "  tools: [{type: builtin, name: bash}]"

Answer = Callable[[Approval], DecisionName]


def allow(asked: Approval) -> DecisionName:
    """Yes to what may run, and nothing is said of what may have run: a test that does not expect that fails."""
    assert asked.kind == "approval", f"{asked.command}: {asked.evidence}"
    return "allow_once"


@dataclass
class Hands:
    """`folder` is where the commands run."""

    server: RealServer
    folder: Path
    decided: list[Approval] = field(default_factory=list)

    def count(self) -> Counter[str]:
        """How often each command took effect."""
        path = self.folder / "count"
        return Counter(path.read_text().split() if path.exists() else [])

    def script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def events(self, session: str) -> list[Event]:
        return [record.event for record in self.server.records(session)]

    def results(self, session: str) -> list[ToolFinished]:
        return [event for event in self.events(session) if isinstance(event, ToolFinished)]

    def lost(self, session: str) -> list[ToolLost]:
        return [event for event in self.events(session) if isinstance(event, ToolLost)]

    async def say(self, client: Client, *commands: str) -> str:
        """A new session whose agent runs these, all asked for in one reply."""
        session = (await client.create_session("assistant")).session_id
        words = " and then ".join(f"run `{command}`" for command in commands)
        await client.post_message(session, SendMessage(content=words))
        return session

    async def settle(self, client: Client, sessions: Sequence[str], answer: Answer = allow) -> None:
        """Answer what is asked until all of them have ended their turn."""

        async def settled() -> bool:
            if all([await self._ended(client, session) for session in sessions]):
                return True
            for asked in (await client.approvals()).approvals:
                self.decided.append(asked)
                await decide(client, asked, answer(asked))
            return False

        await until(settled)

    async def _ended(self, client: Client, session: str) -> bool:
        info = await client.session(session)
        return info.turns > 0 and info.status == "active"

    async def asked(self, client: Client) -> Approval:
        """Wait for the question, of which there is one."""

        async def approvals() -> list[Approval]:
            return (await client.approvals()).approvals

        return (await until(approvals))[0]


async def decide(client: Client, asked: Approval, decision: DecisionName) -> None:
    body = Decide(call_id=asked.call_id, decision=decision, arguments_sha256=asked.arguments_sha256, by="a person")
    with suppress(ProblemResponse):
        # Another decision was first, or the server died with the answer on its way: it may be asked again.
        await client.post_decision(asked.session_id, body)


def whole(hands: Hands, session: str, commands: Sequence[str]) -> None:
    """Each call has one result, and the turn has ended well."""
    events = hands.events(session)
    calls = [call.call for event in events if isinstance(event, ModelReplied) for call in event.calls]
    assert len(calls) == len(commands)
    results = hands.results(session)
    assert sorted(result.call for result in results) == sorted(calls)
    said = {result.call: (result.outcome, result.content) for result in results}
    words = [command.split()[1] for command in commands]
    assert [said[call] for call in calls] == [("ok", f"did {word}\n") for word in words]
    assert [event.outcome for event in events if isinstance(event, TurnEnded)] == ["completed"]


def make_hands(folder: Path, *, mode: str = "ask", rest: str = "", provider: str = "demo", **config: object) -> Hands:
    """A workspace whose commands run without a sandbox; the test starts the server."""
    settings = {"sandbox": {"mode": "trust"}, **config}
    server = make_workspace(
        folder, "\n".join(part for part in (rest, TOOLS) if part), provider=provider, config=settings
    )
    (server.workspace / "policy.yaml").write_text(POLICY.format(mode=mode))
    hands = Hands(server, folder)
    for name in ("do", "ask"):
        hands.script(name, SCRIPT)
    return hands
