"""The offline model: it needs no key and no network, and says plainly that it is no AI.

It looks at the last user message, takes the first row of `_ANSWERS` whose pattern fits, and streams that answer at a
human pace, times `speed`. One more ability is one more row. What it does with tools is in `tools`: it calls those that
are offered, and after their results it tells what came out and ends.
"""

import ast
import operator
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

from duragent.clock import Clock
from duragent.models.demo import memories, tools
from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest, ModelUsage, ToolCall

_WORDS_PER_SECOND = 30.0
_NUMBERS_PER_SECOND = 10.0
_RESULT_WORDS_PER_SECOND = 300.0
_COUNT_LIMIT = 1000
_PIECE = re.compile(r"\s*\S+|\s+")

_SUM = r"(?P<sum>[-+\d(.][-+*/%^\u00d7\u00f7().,\d\s]{0,100}?)"

_HELP = (
    "I can say hello, tell the time and the date, do small sums (`2 + 2`), count (`count to 20`), "
    "repeat what you say (`repeat good morning`) and write a long text (`write me a long text`)."
)
_WHO = (
    "I am the demo model of duragent. I am not an AI: I match patterns, offline, and understand nothing. "
    "Set a real model in the agent's file to talk to one."
)
_LONG_TEXT = """\
# A long text

This is a sample, so that you can see how a long answer arrives and how it looks. It was written beforehand.

## A list

- A session is written to disk before anybody is told.
- A server that is killed goes on where it was.
- A client that goes away misses nothing: it attaches again.

## A table

| word    | what it means                    |
|---------|----------------------------------|
| session | one conversation with an agent   |
| record  | one line of the session's log    |
| turn    | your message and all that follows |

## Some code

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"
```

## And a paragraph

Stop the server while these words arrive, start it again, and attach to the session: the log holds all that was said
and done until then, and nothing that was not. **That** is the point of the exercise; the words themselves are
*of no importance*.
"""


@dataclass(frozen=True)
class DemoAnswer:
    """What the demo model says, how fast, and which tools it calls."""

    text: str
    words_per_second: float = _WORDS_PER_SECOND
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class DemoQuestion:
    """What an answer may depend on: `found` is what fits in the last user message."""

    found: re.Match[str]
    clock: Clock
    tools: tuple[str, ...] = ()
    """The names of those that are offered."""


class DemoModel:
    """A `Model` without a model. The same conversation at the same time gets the same answer.

    `speed`: how many times as fast as usual it speaks.
    """

    def __init__(self, clock: Clock, speed: float = 1.0) -> None:
        self._clock, self._speed = clock, speed

    @property
    def label(self) -> str:
        return "demo"

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        """The answer, word by word."""
        answer = self._answer(request)
        for number, piece in enumerate(_PIECE.findall(answer.text)):
            if number:
                await self._clock.sleep(1 / (answer.words_per_second * self._speed))
            yield ModelDelta(text=piece)
        yield ModelReply(
            text=answer.text,
            calls=answer.calls,
            finish_reason="tool_calls" if answer.calls else "stop",
            model="demo",
            usage=ModelUsage(
                input_tokens=sum(len(message.content.split()) for message in request.messages),
                output_tokens=len(answer.text.split()),
            ),
            cost_usd=0.0,
        )

    def _answer(self, request: ModelRequest) -> DemoAnswer:
        messages = request.messages
        reported = tools.told(messages)
        if reported and messages[-1].role == "tool":
            return DemoAnswer(reported, _RESULT_WORDS_PER_SECOND)
        answer = self._reaction(request)
        # A message came while a tool ran: the results come first, so that nothing is passed over.
        return replace(answer, text=f"{reported}\n\n{answer.text}".strip()) if reported else answer

    def _reaction(self, request: ModelRequest) -> DemoAnswer:
        """To the last user message."""
        offered = tuple(tool.name for tool in request.tools)
        texts = [memories.without_notes(each.content).strip() for each in request.messages if _is_of_a_person(each)]
        said = texts[-1] if texts else ""
        named = _NAMED.fullmatch(said)
        spellings = (said, named["text"]) if named else (said,)
        for spelling in spellings:
            if memories.asks_for_notes(spelling) and (notes := memories.shown_notes(request.messages)):
                return DemoAnswer(memories.told_notes(notes))
            wishes = tools.asked_for(spelling)
            if wishes.unclear:
                return DemoAnswer(f"I do not know what `{wishes.unclear[:100]}` asks for, so I did nothing. {_HELP}")
            if wishes.all:
                lacks = tools.lacking(wishes.all, offered)
                calls = () if lacks else tools.calls_for(wishes.all, len(request.messages))
                return DemoAnswer(lacks, calls=calls)
            for pattern, answer in _ANSWERS:
                found = pattern.search(spelling)
                made = answer(DemoQuestion(found, self._clock, offered)) if found else None
                if made is not None:
                    return made
        return _echo(said, len(texts))


_NAMED = re.compile(r"[^\s:`][^:\n`]{0,60}: (?P<text>.+)", re.DOTALL)
"""A message that begins with its sender's name: `Ada: run ls`."""


def _is_of_a_person(message: ChatMessage) -> bool:
    if message.role != "user" or message.content.startswith("[now: "):
        return False
    return not message.content or bool(memories.without_notes(message.content))


# --- what it can say ------------------------------------------------------------------------------------------------


def _hello(question: DemoQuestion) -> DemoAnswer:
    more = " I can use this agent's tools, too: say `help`." if question.tools else ""
    return DemoAnswer(f"Hello! I am the demo model of duragent, not an AI. {_HELP}{more}")


def _help(question: DemoQuestion) -> DemoAnswer:
    return DemoAnswer(f"{_HELP}\n\n{tools.abilities(question.tools)}")


def _who(_: DemoQuestion) -> DemoAnswer:
    return DemoAnswer(_WHO)


def _time(question: DemoQuestion) -> DemoAnswer:
    return DemoAnswer(f"It is {question.clock.now():%H:%M:%S} UTC.")


def _date(question: DemoQuestion) -> DemoAnswer:
    now = question.clock.now()
    return DemoAnswer(f"Today is {now:%A}, {now.day} {now:%B %Y} (UTC).")


def _count(question: DemoQuestion) -> DemoAnswer:
    end = int(question.found["end"])
    if end > _COUNT_LIMIT:
        return DemoAnswer(f"I count to {_COUNT_LIMIT} at most.")
    if end == 0:
        return DemoAnswer("0")
    return DemoAnswer(" ".join(str(number) for number in range(1, end + 1)), _NUMBERS_PER_SECOND)


def _repeat(question: DemoQuestion) -> DemoAnswer:
    return DemoAnswer(question.found["what"])


def _long_text(_: DemoQuestion) -> DemoAnswer:
    return DemoAnswer(_LONG_TEXT)


def _sum(question: DemoQuestion) -> DemoAnswer | None:
    text = question.found["sum"].strip()
    try:
        result = calculate(text)
    except ZeroDivisionError:
        return DemoAnswer("Nothing can be divided by zero.")
    except (ValueError, OverflowError):
        return None
    return DemoAnswer(f"{text} = {result}")


def _echo(said: str, asked: int) -> DemoAnswer:
    counted = f"That was message {asked} of yours. " if asked > 1 else ""
    heard = f"You said: {said}\n\n" if said else "You said nothing.\n\n"
    return DemoAnswer(f"{heard}{counted}I am the demo model, not an AI, and understood none of it. {_HELP}")


def _row(
    pattern: str, answer: Callable[[DemoQuestion], DemoAnswer | None]
) -> tuple[re.Pattern[str], Callable[..., DemoAnswer | None]]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL), answer


_ANSWERS = (
    _row(r"^(please )?(repeat|echo|say)( after me)?\s*:?\s+(?P<what>\S.*)", _repeat),
    _row(r"\bcount\s+(up\s+)?to\s+(?P<end>\d{1,9})\b", _count),
    _row(r"\blong\s+(text|story|answer)\b|\b(markdown|sample)\b", _long_text),
    _row(r"\bwho are you|\bwhat are you|\bare you (an? |really )*(ai|bot|robot|human|person|llm|model|real)\b", _who),
    _row(r"\bwhat(['\u2019]s| is)? (the )?time\b|\btime is it\b|^time\W*$", _time),
    _row(r"\bwhat(['\u2019]s| is)? (the )?(date|day)\b|\b(date|day) is (it|today)\b|^(date|today)\W*$", _date),
    _row(
        r"^(what(['\u2019]s| is)|how much is|calculate|compute)?\s*" + _SUM + r"\s{0,9}[=?.!]{0,9}$",
        _sum,
    ),
    _row(r"^(help|\?|what can you do)\b|^\?+$", _help),
    _row(r"^(hello|hi|hey|good (morning|day|evening)|moin|hallo)\b", _hello),
)
"""The first row that fits and has an answer wins."""


# --- small sums -----------------------------------------------------------------------------------------------------

_LONGEST_SUM = 100
_LARGEST = 10**15
_SPELLINGS = str.maketrans({"\N{MULTIPLICATION SIGN}": "*", "\N{DIVISION SIGN}": "/", "^": "**", ",": ""})

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def calculate(text: str) -> int | float:
    """The value of a small sum such as `2 * (3 + 4)`; whole numbers stay whole. `^` is a power.

    Raises ValueError for what is no sum or too large, ZeroDivisionError for a division by zero.
    """
    spelled = text.translate(_SPELLINGS)
    if len(spelled) > _LONGEST_SUM:
        raise ValueError("too long for a small sum")
    try:
        tree = ast.parse(spelled.strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"not a sum: {text}") from error
    if not isinstance(tree.body, ast.BinOp):
        raise ValueError("a number alone is no sum")
    result = _value(tree.body)
    return int(result) if result == int(result) else round(result, 10)


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _small(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(op, _value(left), _value(right))
    raise ValueError("not a sum")


def _combined(op: ast.operator, left: float, right: float) -> float:
    # A power grows faster than any check of its result could stop it.
    if type(op) not in _OPERATORS or (isinstance(op, ast.Pow) and abs(right) > 50):
        raise ValueError("not a small sum")
    return _small(_OPERATORS[type(op)](left, right))


def _small(number: float) -> float:
    if isinstance(number, complex) or not abs(number) <= _LARGEST:
        raise ValueError("too large for a small sum")
    return number
