"""What a chat does before its first prompt: as little as it can, for a person waits for it."""

import sys

from tests.cli.place import Place
from tests.support.terminal import Terminal

CODE = """
import sys
from duragent.cli import main
from duragent.client.client import Client

asked, agents = [], Client.agents
async def counted(client):
    asked.append(1)
    return await agents(client)
Client.agents = counted
code = main.run(sys.argv[2:])
print("asked", len(asked), "loaded", [name for name in sys.argv[1].split(",") if name in sys.modules])
sys.exit(code)
"""
HEAVY = (
    "duragent.agent.starter",
    "duragent.agent.load",
    "duragent.agent.spec",
    "duragent.models.messages",
    "duragent.policy.rules",
    "duragent.tools.base",
    "litellm",
)


def test_a_chat_asks_for_the_agents_once_and_loads_nothing_that_writes_or_judges(place: Place) -> None:
    assert place.run("init", "--no-interactive").returncode == 0
    command = [sys.executable, "-c", CODE, ",".join(HEAVY), "chat"]
    with Terminal(command, place.folder, place.environ) as terminal:
        terminal.expect("assistant · new session")
        terminal.expect("> ")
        terminal.type("/detach\r")
        terminal.expect(r"asked 1 loaded \[\]")
        assert terminal.end() == 0
