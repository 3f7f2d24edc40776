"""Which tools a small model is offered: the few whose words fit what was said. Pure and deterministic."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from duragent.models.messages import ToolSchema

_NAME_WEIGHT = 3.0
_ARGUMENT_WEIGHT = 1.5
_SATURATION = 1.2
_LENGTH_SHARE = 0.5
_OLDER_MESSAGE = 0.5
_MESSAGES = 8
_MESSAGE_CHARS = 4_000

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")


def recall(
    tools: Sequence[ToolSchema], said: Sequence[str], n: int, always: Collection[str] = ()
) -> tuple[ToolSchema, ...]:
    """The `n` tools that fit best, in the order of `tools`. `said`: messages, the newest last.

    Tools named in `always` (those that the session has used already) stay, also when they alone are more than `n`.
    Otherwise it is `n` when there are so many: tools that fit equally well come in their order.
    """
    scores = _scores(tools, said)
    ranked = sorted(range(len(tools)), key=lambda at: (tools[at].name not in always, -scores[at], at))
    count = max(n, sum(tool.name in always for tool in tools))
    return tuple(tools[at] for at in sorted(ranked[:count]))


def _scores(tools: Sequence[ToolSchema], said: Sequence[str]) -> list[float]:
    """BM25 with fields: a word of the name counts more than one of the description; older messages count less."""
    documents = [_weights(tool) for tool in tools]
    lengths = [sum(document.values()) for document in documents]
    average = sum(lengths) / len(lengths) if lengths else 1.0
    asked = _asked(said)
    # Sorted, because the sum of floats depends on its order, and a set's order on the run.
    rarity = {word: _rarity(word, documents) for word in sorted(asked)}
    return [
        math.fsum(
            asked[word] * rarity[word] * _saturated(document[word], length / (average or 1.0))
            for word in rarity
            if word in document
        )
        for document, length in zip(documents, lengths, strict=True)
    ]


def _rarity(word: str, documents: Sequence[Counter[str]]) -> float:
    having = sum(word in document for document in documents)
    return math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))


def _saturated(weight: float, relative_length: float) -> float:
    return weight * (_SATURATION + 1) / (weight + _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * relative_length))


def _asked(said: Sequence[str]) -> dict[str, float]:
    """Each word with the weight of the newest message that has it."""
    asked: dict[str, float] = {}
    for age, text in enumerate(reversed(said[-_MESSAGES:])):
        for word in stems(text[-_MESSAGE_CHARS:]):
            asked.setdefault(word, _OLDER_MESSAGE**age)
    return asked


def _weights(tool: ToolSchema) -> "Counter[str]":
    weights: Counter[str] = Counter()
    properties = tool.parameters.get("properties")
    fields = (
        ([tool.name], _NAME_WEIGHT),
        (properties if isinstance(properties, dict) else (), _ARGUMENT_WEIGHT),
        ([tool.description], 1.0),
    )
    for texts, weight in fields:
        for word in _stems_of(texts):
            weights[word] += weight  # type: ignore[assignment]  # a Counter adds floats as well
    return weights


def _stems_of(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in stems(text)]


def stems(text: str) -> list[str]:
    """The words without their endings: `readFile`, `read_files` and `reading files` are all read, fil."""
    plain = unicodedata.normalize("NFKC", _CAMEL.sub(" ", text)).casefold()
    return [_stem(word) for word in _WORD.findall(plain)]


def _stem(word: str) -> str:
    for ending, shortest in (("ing", 6), ("ed", 5), ("s", 4)):
        if word.endswith(ending) and len(word) >= shortest and not word.endswith("ss"):
            word = word.removesuffix(ending)
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    if len(word) > 3 and word[-1] in "ey":
        word = word[:-1]
    return word.removesuffix("i") if len(word) > 3 else word
