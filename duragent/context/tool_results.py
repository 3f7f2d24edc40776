"""What is left of tool results: a long one is shortened, and the middle ones of a turn are masked."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from duragent.agent.spec import ContextSpec
from duragent.context.stable_cut import roundest
from duragent.context.tokens import beginning, ending, message_tokens, tokens
from duragent.context.transcript import TranscriptEntry, with_note

MASKED = "[result masked — ~{removed} tokens removed]"
GET_BACK = "[result masked — ~{removed} tokens removed; read_output with call {call} shows it again]"
WORTH_MASKING_TOKENS = 64
"""A shorter result stays: its mask would hardly be shorter."""

_LEAST_STEP = 8
_SETTLED_PLACES = 2
"""A provider that remembers marked places remembers four: the system message and the newest one are the others."""


def shortened(content: str, limit_tokens: int, keep: str) -> str:
    """A result of about `limit_tokens` at most: its `head`, `tail` or `both` ends, with a notice of what is gone."""
    whole = tokens(content)
    if whole <= limit_tokens:
        return content
    if keep == "tail":
        notice = f"[truncated: kept last ~{limit_tokens} of ~{whole} tokens (tail)]"
        return f"{notice}\n\n{ending(content, limit_tokens)}"
    if keep == "both":
        notice = f"[truncated: kept first+last ~{limit_tokens} of ~{whole} tokens (both)]"
        half = limit_tokens // 2
        return f"{beginning(content, half)}\n\n{notice}\n\n{ending(content, half)}"
    notice = f"[truncated: kept first ~{limit_tokens} of ~{whole} tokens (head)]"
    return f"{beginning(content, limit_tokens)}\n\n{notice}"


def with_short_results(talk: Iterable[TranscriptEntry], spec: ContextSpec) -> list[TranscriptEntry]:
    """Each tool result shortened as the agent's file says, and with its note behind it."""
    return [with_note(_short(each, spec)) if each.message.role == "tool" else each for each in talk]


def _short(each: TranscriptEntry, spec: ContextSpec) -> TranscriptEntry:
    content = shortened(each.message.content, spec.max_tool_result_tokens, spec.tool_result_truncation)
    if content is each.message.content:
        return each
    return replace(each, message=each.message.model_copy(update={"content": content}), mark="truncated")


def with_masked_results(
    talk: Sequence[TranscriptEntry], spec: ContextSpec, begun: Container[str], *, can_read_output: bool
) -> list[TranscriptEntry]:
    """The middle results of each turn masked, those of ended turns as they were at their last step.

    `begun` are the turns whose beginning is in the talk; of others the first results are not among these. Masks come
    several at a time, because each new one changes the prefix that the provider remembers: what stands before the place
    up to which they reach is marked as settled, and so is what stood before it the last time.
    """
    kept = list(talk)
    turns: dict[str, list[int]] = {}
    for at, each in enumerate(kept):
        if each.message.role == "tool":
            turns.setdefault(each.turn, []).append(at)
    for turn, places in turns.items():
        first = spec.tool_result_keep_first if turn in begun or not turn else 0
        seqs = list(accumulate((kept[at].seq for at in places), max))
        ends = _ends_of_masks(seqs, first, spec)
        for at in places[first : ends[0]] if ends else ():
            kept[at] = _masked(kept[at], can_read_output)
        if turn and turn == kept[-1].turn:
            for end in ends:
                _settle(kept, places[min(end, len(places) - 1)])
    return kept


def _ends_of_masks(seqs: Sequence[int], first: int, spec: ContextSpec) -> list[int]:
    """Before which result the masks end now, and before which they ended the time before; [] when there are none."""
    ends: list[int] = []
    for count in range(len(seqs), 0, -1):
        end = _end_of_masks(seqs[:count], first, spec)
        if end <= first:
            break
        if end not in ends:
            ends.append(end)
        if len(ends) == _SETTLED_PLACES:
            break
    return ends


def _end_of_masks(seqs: Sequence[int], first: int, spec: ContextSpec) -> int:
    """How many results are before the end of the masks: in steps, and at least `keep_last` are behind it."""
    last = spec.tool_result_keep_last
    high = len(seqs) - last
    if (spec.tool_result_keep_first == 0 and last == 0) or high <= first:
        return 0
    low = max(first, high - max(_LEAST_STEP, 2 * last))
    return roundest([*seqs, seqs[-1] + 1], low, high)


def _settle(talk: list[TranscriptEntry], before: int) -> None:
    """Mark the last message before that place which a provider's cache can end at."""
    for at in range(before - 1, -1, -1):
        if talk[at].message.role in ("user", "tool"):
            talk[at] = replace(talk[at], settled=True)
            return


def _masked(each: TranscriptEntry, can_read_output: bool) -> TranscriptEntry:
    removed = message_tokens(each.message)
    if removed < WORTH_MASKING_TOKENS:
        return each
    notice = (GET_BACK if can_read_output else MASKED).format(removed=removed, call=each.message.call_id)
    return replace(each, message=each.message.model_copy(update={"content": notice, "attachments": ()}), mark="masked")
