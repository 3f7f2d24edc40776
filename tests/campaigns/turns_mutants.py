"""Safeguards of the turn taken out, one at a time: the simulator must notice each."""

from tests.campaigns.mutants import MUTANTS as ALL
from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import ASKING, SNAPSHOT, TURN

ENGINE = "duragent.session.engine"
HERE = "tests/campaigns/test_turns.py::test_safeguard_that_is_taken_out_is_missed_within_a_hundred_runs"

NAMED_TESTS_NOTICE_TOO = (
    "told before it is durable",
    "acknowledged before it is durable",
    "decided on an old state",
    "what was seen of an answer is lost",
    "a turn is not resumed by itself",
    "idempotency keys are ignored",
    "fingerprints are not compared",
    "intent after effect",
    "no intent",
    "a question before its intent",
    "a call that was started is just run again",
    "unsafe calls are run again",
    "a call of a turn that was stopped in between begins",
    "the sha that a client names is not compared",
    "an approval is decided twice",
    "an expired approval counts",
)
"""From the list of all safeguards, those that random plans miss soon."""

OWN: tuple[Mutant, ...] = (
    Mutant(
        "a cancelled turn ends as it likes",
        "the look for a cancel when the end of a turn is written",
        (
            Edit(TURN, "self._agent, self._ended)", "self._agent, lambda _: [])"),
            Edit(
                TURN,
                "                await self._host.commit(self._ended)",
                "                ended = TurnEnded(turn=step.turn, outcome=step.outcome, code=step.code)\n"
                "                await self._host.commit(lambda _: [ended])",
            ),
        ),
        (HERE,),
    ),
    without(
        "a late message counts as seen",
        "the last record that a question was made from",
        Edit(ASKING, "input_seq=prepared.input_seq,", "input_seq=state.seq,"),
        HERE,
    ),
    without(
        "the summary forgets recoveries",
        "the count of recoveries in state.yaml",
        Edit(
            SNAPSHOT,
            "        body = _HEADER +",
            '        if facts.get("turn"):\n            facts["turn"].pop("recoveries")\n        body = _HEADER +',
        ),
        HERE,
    ),
    without(
        "a stop waits for the model",
        "the interrupt of what is under way, when a session is to stop",
        Edit(ENGINE, "        self.stopping = True\n        self.interrupt.set()\n", "        self.stopping = True\n"),
        HERE,
    ),
)

MUTANTS = (*(mutant for mutant in ALL if mutant.name in NAMED_TESTS_NOTICE_TOO), *OWN)
assert len(MUTANTS) == len(NAMED_TESTS_NOTICE_TOO) + len(OWN)

REMEMBERING = "tests/campaigns/test_turns_memory.py::test_safeguard_that_is_taken_out_is_missed"

OF_MEMORY: tuple[Mutant, ...] = (
    without(
        "what memory gave is not written with the question",
        "the place of memory_recalled, in the same write as model_called",
        Edit(ASKING, "            *([recalled] if recalled else []),\n", ""),
        REMEMBERING,
    ),
    without(
        "memory is asked again for what it was asked before",
        "the mark up to which messages were searched for",
        Edit("duragent.turn.recall", "max(state.viewport.recalled_upto, begun - 1, asked)", "begun - 1"),
        REMEMBERING,
    ),
    Mutant(
        "a note of a call that was cut short is written again",
        "the look whether the call has written it, in the log and in the file",
        (
            Edit("duragent.mind.actor", "if (there := self.state.file_of(note)) and", 'if (there := "") and'),
            Edit(
                "duragent.memory.writes",
                "    if any(placed.note.id == note.id",
                "    if False and any(placed.note.id == note.id",
            ),
        ),
        (REMEMBERING,),
    ),
)
"""What the plans with a memory must notice."""
