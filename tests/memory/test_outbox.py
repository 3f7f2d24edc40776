"""Missing vectors are computed once each, in batches, within the budget; a text that is refused holds up no other."""

from array import array
from collections.abc import Mapping, Sequence

from duragent.embedders.base import MAX_TEXTS, EmbeddedAs, Vector
from duragent.embedders.breaker import MOST_FAILURES, Guarded
from duragent.errors import EmbedderUnavailable, EmbeddingRefused
from duragent.memory.outbox import Computed, Outbox, TextWithoutVector
from duragent.testing import FakeClock


class Table:
    """Texts and vectors in memory."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.vectors: dict[tuple[str, str], Vector] = {}

    async def without_vector(self, label: str, limit: int, skipped: frozenset[str]) -> Sequence[TextWithoutVector]:
        missing = [text for text in self.texts if (label, text) not in self.vectors and text not in skipped]
        return [TextWithoutVector(text, text) for text in missing[:limit]]

    async def keep(self, label: str, vectors: Mapping[str, Vector]) -> None:
        self.vectors |= {(label, key): vector for key, vector in vectors.items() if key in self.texts}

    async def drop_other_labels(self, label: str) -> None:
        self.vectors = {key: vector for key, vector in self.vectors.items() if key[0] == label}


class Purse:
    """A budget of so many jobs."""

    def __init__(self, jobs: int = 99) -> None:
        self.jobs, self.ended = jobs, list[str]()

    async def begin(self, estimate_tokens: int) -> str | None:
        assert estimate_tokens > 0
        self.jobs -= 1
        return "job" if self.jobs >= 0 else None

    async def end(self, job: str, outcome: str, tokens: int) -> None:
        self.ended.append(outcome)


class Strict:
    """An embedder that refuses texts with `bad`, and is down while `down`."""

    def __init__(self, label: str = "test/model") -> None:
        self.label, self.down = label, False
        self.batches: list[int] = []

    async def embed(self, texts: Sequence[str], kind: EmbeddedAs) -> list[Vector]:
        assert kind == "note"
        if self.down:
            raise EmbedderUnavailable("it is down")
        self.batches.append(len(texts))
        if any("bad" in text for text in texts):
            raise EmbeddingRefused("bad text", text_is_at_fault=True)
        return [array("f", [float(len(text))]) for text in texts]


NAMES = [f"text {number}" for number in range(MAX_TEXTS + 6)]


async def test_all_that_is_missing_is_computed_once() -> None:
    table, embedder, purse = Table(*NAMES), Strict(), Purse()
    outbox = Outbox(embedder, table, purse)
    assert await outbox.run() == Computed(len(NAMES))
    assert embedder.batches == [MAX_TEXTS, 6]
    assert purse.ended == ["done", "done"]
    table.texts.append("new")
    assert await outbox.run() == Computed(1)
    assert await outbox.run() == Computed(0)
    assert embedder.batches == [MAX_TEXTS, 6, 1]


async def test_another_model_begins_anew_and_the_old_vectors_go_when_it_is_done() -> None:
    table = Table("one", "two")
    await Outbox(Strict("old"), table, Purse()).run()
    other = Strict("new")
    other.down = True
    await Outbox(other, table, Purse()).run()
    assert {label for label, _ in table.vectors} == {"old"}
    other.down = False
    await Outbox(other, table, Purse()).run()
    assert {label for label, _ in table.vectors} == {"new"}


async def test_a_text_that_is_refused_holds_up_no_other() -> None:
    names = [*NAMES[:20], "bad", *NAMES[20:]]
    table, embedder = Table(*names), Strict()
    outbox = Outbox(Guarded(embedder, FakeClock()), table, Purse())
    assert await outbox.run() == Computed(len(NAMES), refused=1)
    asked = len(embedder.batches)
    assert await outbox.run() == Computed(0, refused=1)
    assert len(embedder.batches) == asked


async def test_an_embedder_that_refuses_everything_is_left_alone_soon() -> None:
    embedder = Strict()
    done = await Outbox(Guarded(embedder, FakeClock()), Table(*(f"bad {n}" for n in range(64))), Purse()).run()
    assert (done.vectors, done.refused) == (0, MOST_FAILURES)
    assert "asked again" in done.why_stopped
    assert len(embedder.batches) < 16


async def test_it_catches_up_when_the_embedder_is_back() -> None:
    table, embedder, purse = Table("one"), Strict(), Purse()
    embedder.down = True
    outbox = Outbox(embedder, table, purse)
    assert await outbox.run() == Computed(0, why_stopped="it is down")
    assert purse.ended == ["failed"]
    embedder.down = False
    assert await outbox.run() == Computed(1)


async def test_over_the_budget_nothing_begins() -> None:
    table, embedder = Table(*NAMES), Strict()
    assert await Outbox(embedder, table, Purse(jobs=1)).run() == Computed(MAX_TEXTS, why_stopped="budget")
    assert embedder.batches == [MAX_TEXTS]


async def test_a_text_that_is_gone_meanwhile_is_not_asked_for_for_ever() -> None:
    class Forgetful(Table):
        async def keep(self, label: str, vectors: Mapping[str, Vector]) -> None:
            pass

    assert await Outbox(Strict(), Forgetful("one"), Purse()).run() == Computed(1)
