"""What a chat of 300 turns costs in tokens, and what it can still be asked: summaries against the whole history.

The law: tokens are counted as duragent counts them. What a request shares with the beginning of the one before it is
remembered and costs a tenth; the rest costs a quarter more than its price, for it is remembered from then on. A
question is answerable when all of its evidence stands in the request, word for word.
"""

import itertools
from collections.abc import AsyncIterator, Collection
from pathlib import Path

from duragent.context.tokens import message_tokens
from duragent.models.messages import ChatMessage, ModelReply, ModelRequest
from duragent.session.session_past import SessionPast
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.tools.history import SEARCH_CHARS
from tests.benchmarks.measure import Bench, Goal, Result, Row
from tests.benchmarks.recall_speed import made_notes
from tests.corpus.load import recall_set
from tests.support.house import open_house
from tests.support.remembering_house import remembering_house
from tests.support.until import take_time

REMEMBERED, NEW = 0.1, 1.25
_WINDOW = "    max_input_tokens: 1000000\n"
_WHOLE = "  session:\n    context:\n      max_history_tokens: 0\n      summaries: 'off'"
_NOTES_A_TURN = 32
"""Some 630 tokens, as much as a turn with a long answer has."""

_READING_SECONDS = 0.02
_SETTLED_SECONDS = 2.0


async def rows(bench: Bench) -> AsyncIterator[Result]:
    turns = bench.effort.of(300, 5)
    folder = bench.place("long-chat")
    whole = priced(await _requests(folder / "whole", turns, _WHOLE))
    ours = priced(await _requests(folder / "ours", turns, ""))
    row = Row(
        "long_chat",
        f"{turns} turns of some 630 tokens, at full price",
        "the whole history, remembered by the provider",
        "tokens",
        Goal("ratio", "most", 0.65),
        "without what memory adds",
    )
    yield Result(row, (whole,), (ours,))
    notes, questions = bench.effort.of(150, 4), bench.effort.of(60, 2)
    shown, found = await _answerable(folder / "asked", notes, questions, "")
    recalled, both = await _answerable(folder / "recalled", notes, questions, "  memory: {}")
    what, against = "questions whose evidence is in the request, at the end of such a chat", "the whole history"
    yield Result(Row("long_chat", what, against, "share", Goal("ours", "least", 0.95)), (1.0,), (shown,))
    for more, share in (
        ("with a memory", recalled),
        ("or in one call of `history`", found),
        ("with a memory, or in one call of `history`", both),
    ):
        row = Row("long_chat", f"{what}, {more}", against, "share", Goal("ours", "least", 0.95))
        yield Result(row, (1.0,), (share,))


async def _answerable(folder: Path, notes: int, questions: int, rest: str) -> tuple[float, float]:
    """A chat in which a person says the corpus's notes, one a turn, and then asks for them.

    How many of the questions have all their evidence in the request, and how many when the model may search once, for
    the rarest of the question's words.
    """
    said = {note.id: note.text for note in recall_set("en").notes[:notes]}
    asked = [each for each in recall_set("en").answered if said.keys() >= set(each.evidence)][:questions]
    # In another language, so that no word of theirs is asked for.
    filler = itertools.cycle(note.text for note in recall_set("de").notes)
    answers = [" ".join(itertools.islice(filler, _NOTES_A_TURN)) for _ in range(len(said) + len(asked))]
    model = ScriptedModel([ModelReply(text=answer) for answer in answers])
    shown = found = 0
    clock = FakeClock()
    async with remembering_house(folder, model, _WINDOW + rest, clock=clock) as at:
        house = at.house
        session = await house.new()
        for text in (*said.values(), *(question.text for question in asked)):
            await house.ask(session, text)
            await house.idle(session)
            # It is indexed meanwhile.
            await clock.advance(_SETTLED_SECONDS)
            await take_time(_READING_SECONDS)
        past = SessionPast(house.sessions, session)
        for question, request in zip(asked, model.requests[len(said) :], strict=True):
            texts = [message.content for message in request.messages]
            missing = [said[each] for each in question.evidence if not any(said[each] in text for text in texts)]
            searched = await past.search([_rarest_word(question.text, said.values())], 10, SEARCH_CHARS)
            shown += not missing
            found += all(any(each in text for _, _, text in searched.found) for each in missing)
    return shown / len(asked), found / len(asked)


def _rarest_word(question: str, texts: Collection[str]) -> str:
    """Of the words that stand in some text, or else any."""
    words = [word.strip("?,.!'").casefold() for word in question.split()]
    counts = {word: sum(word in text.casefold() for text in texts) for word in words if len(word) > 2}
    return min(counts, key=lambda word: counts[word] or len(texts))


async def _requests(folder: Path, turns: int, rest: str) -> list[ModelRequest]:
    """Of one chat, each turn with words of its own."""
    notes = iter(made_notes(turns * 2 * _NOTES_A_TURN))
    said = [" ".join(next(notes).text for _ in range(_NOTES_A_TURN)) for _ in range(turns)]
    model = ScriptedModel([ModelReply(text=text[len(text) // 4 :]) for text in said])
    async with open_house(MemoryStore(), model, folder, agent_rest=_WINDOW + rest) as house:
        session = await house.new()
        for text in said:
            await house.ask(session, text[: len(text) // 4])
            await house.idle(session)
            # A summary is made while a person reads and types.
            await take_time(_READING_SECONDS)
    return model.requests


def priced(requests: list[ModelRequest]) -> float:
    """The tokens of these requests, in tokens of full price."""
    total, before = 0.0, list[ChatMessage]()
    for request in requests:
        same = True
        for at, message in enumerate(request.messages):
            same = same and at < len(before) and before[at] == message
            total += message_tokens(message) * (REMEMBERED if same else NEW)
        before = list(request.messages)
    return total
