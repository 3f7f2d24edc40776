"""Does it still fit into the window? What is kept of the conversation, and what notices say of the rest.

The running turn comes first: the messages that it answers, its newest round of calls and results, then as many of its
rounds as fit. Earlier exchanges fill what is left, up to the agent's cap. A notice stands where something was cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from duragent.agent.spec import ModelSpec
from duragent.context.stable_cut import steady_start
from duragent.context.tokens import beginning, tokens
from duragent.context.tokens import message_tokens as message_tokens
from duragent.context.transcript import TranscriptEntry
from duragent.models.messages import ChatMessage, ToolCall

DEFAULT_OUTPUT_TOKENS = 4_096
OMITTED = "[conversation truncated: older messages omitted]"
OMITTED_COUNTED = "[conversation truncated — {count} older messages omitted]"
CUT = "[message truncated: kept first ~{kept} of ~{whole} tokens]"
CUT_ARGUMENTS = '{{"truncated":"~{whole} tokens"}}'
NOTICE_TOKENS = 32
"""What a notice may take: of what is omitted, or of date and time."""

LEAST_SHARE_TOKENS = 32
"""A message of which less would stay is left out, when there are newer ones."""


def reserved_tokens(model: ModelSpec, window_tokens: int) -> int:
    """What of the window is kept free: the answer and a tenth, for our counting is an estimate."""
    return answer_tokens(model, window_tokens) + window_tokens // 10


def answer_tokens(model: ModelSpec, window_tokens: int) -> int:
    """How long an answer is reckoned with: the agent's limit, or a usual length."""
    return model.max_output_tokens or min(DEFAULT_OUTPUT_TOKENS, window_tokens // 4)


# --- one conversation -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """What there is room for."""

    room_tokens: int
    """For the whole conversation."""
    history_tokens: int
    """The agent's cap for what came before the turn; 0 means none."""
    turn_grows: bool
    """Tools may be called: a part is kept free for the running turn from its beginning."""


@dataclass(frozen=True, slots=True)
class FittedRecords:
    """What of the session the talk shows."""

    from_start: bool
    """The talk begins where the log does."""
    turn_begun: bool
    """At least the running turn is there from its beginning."""


def keep(talk: Sequence[TranscriptEntry], limits: WindowLimits, seen: FittedRecords) -> list[TranscriptEntry]:
    """What of the talk fits, and a notice where something is left out. It begins with a user message.

    The newest user message and the newest round of calls are always in, cut when they are too long by themselves.
    """
    earlier, current = split(talk)
    head, rounds = _rounds(current)
    free = max(limits.room_tokens - _size(head), 0)
    limit = _history_limit(free, sum(map(_size, rounds)), limits) - NOTICE_TOKENS
    parts = _parts(earlier, limit // 4)
    whole = seen.from_start and len(earlier) == sum(map(len, parts))
    history = _joined(parts[_start(parts, limit, whole=whole) :])
    if len(history) < len(earlier) or not seen.from_start or not (history or head):
        first = (history or current or [_NOBODY])[0]
        history.insert(0, _notice(len(earlier) - len(history) if seen.from_start else None, first))
    return [*history, *_current(head, rounds, limits.room_tokens - _size(history), seen)]


def split(talk: Sequence[TranscriptEntry]) -> tuple[list[TranscriptEntry], list[TranscriptEntry]]:
    """What came before, and what is under way: the messages of the last turn, from the user messages it answers on."""
    turn = talk[-1].turn if talk else ""
    at = len(talk)
    while turn and at > 0 and talk[at - 1].turn == turn:
        at -= 1
    if at == len(talk) or talk[at].message.role != "user":
        at = _exchange_start(talk, at)
    return list(talk[:at]), list(talk[at:])


def _exchange_start(talk: Sequence[TranscriptEntry], before: int) -> int:
    """Where the exchange begins that the place is in, as far as one can see; `before` when none begins."""
    at = before
    while at > 0 and talk[at - 1].message.role != "user":
        at -= 1
    if at == 0:
        return before if before < len(talk) else 0
    while at > 0 and talk[at - 1].message.role == "user":
        at -= 1
    return at


def _exchanges(talk: Sequence[TranscriptEntry]) -> list[list[TranscriptEntry]]:
    """Each begins with a user message behind something else; what comes before the first is left out."""
    found: list[list[TranscriptEntry]] = []
    before = ""
    for each in talk:
        if each.message.role == "user" and before != "user":
            found.append([])
        if found:
            found[-1].append(each)
        before = each.message.role
    return found


def _parts(talk: Sequence[TranscriptEntry], large: int) -> list[list[TranscriptEntry]]:
    """Where history may be cut: between exchanges, and within those that are larger than `large` between rounds."""
    found: list[list[TranscriptEntry]] = []
    for exchange in _exchanges(talk):
        head, rounds = _rounds(exchange)
        if not rounds or _size(exchange) <= large:
            found.append(exchange)
        else:
            found += [[*head, *rounds[0]], *rounds[1:]]
    return found


def _rounds(current: Sequence[TranscriptEntry]) -> tuple[list[TranscriptEntry], list[list[TranscriptEntry]]]:
    """The user messages in front, and then what the model said each time, with all that follows until the next."""
    head: list[TranscriptEntry] = []
    rounds: list[list[TranscriptEntry]] = []
    for each in current:
        if each.message.role == "assistant":
            rounds.append([])
        (rounds[-1] if rounds else head).append(each)
    return head, rounds


def _history_limit(free: int, need: int, limits: WindowLimits) -> int:
    """Tokens for what came before the turn. It shrinks in quarters, not with each call, down to a half."""
    quarters = min(max(-(-4 * need // free), limits.turn_grows), 2) if free else 0
    limit, cap = free * (4 - quarters) // 4, limits.history_tokens
    return min(limit, cap) if cap else limit


def _start(parts: Sequence[Sequence[TranscriptEntry]], limit: int, *, whole: bool) -> int:
    return steady_start([part[0].seq for part in parts], [_size(part) for part in parts], limit, whole=whole)


def _current(
    head: list[TranscriptEntry], rounds: Sequence[list[TranscriptEntry]], limit: int, seen: FittedRecords
) -> list[TranscriptEntry]:
    """The turn under way, without its oldest rounds when it is too long, but with all that people said in them."""
    everything = [*head, *_joined(rounds)]
    if not rounds or (seen.turn_begun and _size(everything) <= limit):
        return everything if _size(everything) <= limit else _fitted(everything, limit, seen)
    people = [[each for each in part if each.message.role == "user"] for part in rounds]
    work = [[each for each in part if each.message.role != "user"] for part in rounds]
    free = limit - _size(head) - _size(_joined(people)) - NOTICE_TOKENS
    start = min(_start(work, free, whole=seen.turn_begun), len(rounds) - 1)
    gone = sum(map(len, work[:start]))
    told = [_notice(gone if seen.from_start else None, work[start][0])] if gone else []
    kept = [*head, *_joined(people[:start]), *told, *_joined(rounds[start:])]
    return kept if _size(kept) <= limit else _fitted(kept, limit, seen)


def _joined(parts: Iterable[Iterable[TranscriptEntry]]) -> list[TranscriptEntry]:
    return [each for part in parts for each in part]


_NOBODY = TranscriptEntry(ChatMessage(role="user"), 0)


def _notice(count: int | None, before: TranscriptEntry) -> TranscriptEntry:
    text = OMITTED if count is None else OMITTED_COUNTED.format(count=count)
    return TranscriptEntry(ChatMessage(role="user", content=text), before.seq, turn=before.turn, mark="notice")


def _size(talk: Iterable[TranscriptEntry]) -> int:
    return sum(message_tokens(each.message) for each in talk)


# --- messages that must stay, and are too long ----------------------------------------------------------------------


def _fitted(talk: Sequence[TranscriptEntry], limit: int, seen: FittedRecords) -> list[TranscriptEntry]:
    """All of it, cut; half of the room is the newest user message's, if it wants so much.

    The oldest user messages are left out when too little of each would stay.
    """
    people = [each for each in talk if each.message.role == "user" and each.mark != "notice"]
    newest = people[-1:]
    rest = [each for each in talk if not newest or each is not newest[0]]
    for_newest = max(limit // 2, limit - _size(rest))
    for_rest = max(limit - min(_size(newest), for_newest) - NOTICE_TOKENS, 0)
    older, least = people[:-1], sum(_size_when_cut(each.message, LEAST_SHARE_TOKENS) for each in rest)
    gone: set[int] = set()
    for each in older:
        if least <= for_rest:
            break
        gone.add(id(each))
        least -= _size_when_cut(each.message, LEAST_SHARE_TOKENS)
    cut = _cut_to(newest, for_newest) | _cut_to([each for each in rest if id(each) not in gone], for_rest)
    kept = [cut[id(each)] for each in talk if id(each) in cut]
    return [_notice(len(gone) if seen.from_start else None, kept[0]), *kept] if gone else kept


def _cut_to(talk: Sequence[TranscriptEntry], limit: int) -> dict[int, TranscriptEntry]:
    """Each of them as it fits, by its identity."""
    messages = fit([each.message for each in talk], limit)
    return {
        id(each): each if message is each.message else replace(each, message=message, mark="cut")
        for each, message in zip(talk, messages, strict=True)
    }


def fit(messages: Sequence[ChatMessage], budget_tokens: int) -> list[ChatMessage]:
    """All the messages, the longest ones cut so that the whole fits; short ones stay. Notices say what is cut.

    Before anything is cut goes what a provider wants back with them: it is worth less than their words, and belongs to
    messages that are whole. When there is no room even for the notices, they are all that is left of the long ones.
    """
    if sum(map(message_tokens, messages)) <= budget_tokens:
        return list(messages)
    messages = [message.model_copy(update={"opaque": None}) if message.opaque else message for message in messages]
    if sum(map(message_tokens, messages)) <= budget_tokens:
        return messages
    low, high = 0, max(budget_tokens, 0)
    while low < high:
        middle = (low + high + 1) // 2
        size = sum(_size_when_cut(message, middle) for message in messages)
        low, high = (middle, high) if size <= budget_tokens else (low, middle - 1)
    return [_cut(message, low) for message in messages]


def _size_when_cut(message: ChatMessage, share: int) -> int:
    """The most that `_cut` leaves."""
    texts = [message.content, *(call.arguments for call in message.calls)]
    return message_tokens(message) - sum(max(tokens(text) - share - NOTICE_TOKENS, 0) for text in texts)


def _cut(message: ChatMessage, share: int) -> ChatMessage:
    """The message with no text longer than `share` and a notice."""
    whole = tokens(message.content)
    calls = tuple(_cut_call(call, share) for call in message.calls)
    if whole <= share + NOTICE_TOKENS:
        return message if calls == message.calls else message.model_copy(update={"calls": calls})
    notice = CUT.format(kept=share, whole=whole)
    content = f"{beginning(message.content, share)}\n\n{notice}" if share else notice
    return message.model_copy(update={"content": content, "calls": calls})


def _cut_call(call: ToolCall, share: int) -> ToolCall:
    whole = tokens(call.arguments)
    if whole <= share + NOTICE_TOKENS:
        return call
    return call.model_copy(update={"arguments": CUT_ARGUMENTS.format(whole=whole)})
