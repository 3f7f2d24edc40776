"""What is shown in a group, through real turns: what is the group's, and of what is private only the asker's notes."""

from pathlib import Path

import pytest

from duragent.testing import FakeClock, ScriptedModel
from duragent.turn import recall
from tests.support.remembering_house import RememberingHouse, call, remembering_house

ADA, BO, CY = "1", "4711", "5"
TOOLS = "  tools: [{type: builtin, name: read_file}, {type: builtin, name: session}]"
REST = f"  memory: {{}}\n  access: {{owners: ['{ADA}']}}\n{TOOLS}"
FILES = {
    "MEMORY.md": "The alarm code of the house is quokka.\n",
    "daily/2026-01-01.md": "# 2026-01-01\n\n## 09:00\n\nThe owner pays a salary of capybara.\n",
    f"people/telegram-{BO}.md": "# Bo\n\nBo looks for another job at wombat.\n",
    f"people/telegram-{CY}.md": "# Cy\n\nCy wants a divorce, says numbat.\n",
    "chats/telegram--100.md": "# Group\n\nThe group meets for a job at echidna on Fridays.\n",
    "chats/telegram--200.md": "# Other\n\nThe other group meets for a job at platypus.\n",
}
QUESTIONS = (
    "Which alarm code has the house?",
    "Which salary does the owner pay?",
    "Which job does Bo look for?",
    "Does Cy want a divorce?",
    "Where does the group meet for a job?",
    "Where does the other group meet for a job?",
    "Which password shall you keep?",
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no part of this."""
    monkeypatch.setattr(recall, "DEADLINE_SECONDS", 60.0)


async def shown(at: RememberingHouse, session: str, sender: str) -> str:
    """All that the model sees while it tries each way to find out, for questions of that person in the group."""
    before = len(at.model.requests)
    own = str(at.memory)
    at.model.add(
        *[call(action="recall", query=question, limit=50) for question in QUESTIONS],
        call(action="recall", days=3),
        call(action="reflect"),
        *[call("read_file", path=f"{own}/{file}") for file in FILES],
        call("session", action="list"),
        call("session", action="read", session_id="session_01JXBO"),
        "I see.",
    )
    await at.house.sessions.answer(session, await at.house.say_as(session, sender, "Look it up."))
    for question in QUESTIONS:
        at.model.add("I see.")
        await at.house.sessions.answer(session, await at.house.say_as(session, sender, question))
    return "\n".join(request.model_dump_json() for request in at.model.requests[before:])


@pytest.mark.parametrize(
    ("sender", "words"),
    [(BO, {"echidna", "wombat"}), (CY, {"echidna", "numbat"}), (ADA, {"echidna"})],
    ids=["bo", "cy", "the owner"],
)
async def test_group_is_shown_its_own_notes_and_those_of_who_asks(tmp_path: Path, sender: str, words: set[str]) -> None:
    clock, model = FakeClock(), ScriptedModel()
    async with remembering_house(tmp_path, model, REST, clock=clock) as at:
        for file, text in FILES.items():
            (at.memory / file).parent.mkdir(parents=True, exist_ok=True)
            (at.memory / file).write_text(text)
        private = await at.house.new_in_group("session_01JXBO", chat="")
        model.add("I see.")
        await at.house.sessions.answer(private, await at.house.say_as(private, BO, "Keep this: bilby is my password."))
        seen = await shown(at, await at.house.new_in_group("session_01JXGROUP"), sender)
    every = {"quokka", "capybara", "wombat", "numbat", "echidna", "platypus", "bilby"}
    assert {word for word in every if word in seen} == words
