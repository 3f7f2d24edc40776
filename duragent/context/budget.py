"""Does it still fit into the window? Counted by the rule of thumb that a token is about four bytes."""

from collections.abc import Sequence

from duragent.agent.spec import ModelSpec, SessionSpec
from duragent.models.messages import ChatMessage

DEFAULT_WINDOW_TOKENS = 128_000
DEFAULT_OUTPUT_TOKENS = 4_096
MESSAGE_OVERHEAD_TOKENS = 4
OMITTED = "[conversation truncated: older messages omitted]"
CUT = "[message truncated: kept first ~{kept} of ~{whole} tokens]"


def tokens(text: str) -> int:
    """An estimate: bytes of UTF-8 / 4, as duragent v0.5 counts; about 40 % off for CJK text and code."""
    return len(text.encode("utf-8", "surrogatepass")) // 4


def message_tokens(message: ChatMessage) -> int:
    calls = sum(tokens(call.arguments) + tokens(call.name) for call in message.calls)
    return tokens(message.content) + calls + MESSAGE_OVERHEAD_TOKENS


def history_budget(model: ModelSpec, session: SessionSpec, system_tokens: int) -> int:
    """Tokens for the conversation: the window less system message, answer and a tenth, capped by the agent's wish."""
    window = model.max_input_tokens or DEFAULT_WINDOW_TOKENS
    left = window - system_tokens - (model.max_output_tokens or DEFAULT_OUTPUT_TOKENS) - window // 10
    cap = session.context.max_history_tokens
    return max(min(left, cap) if cap else left, 1)


def fit(messages: Sequence[ChatMessage], budget_tokens: int) -> list[ChatMessage]:
    """The newest messages that fit, from a user message on; never half of a call and its results.

    The newest exchange is always in; a message that alone is too long is cut, and says so.
    """
    groups = _groups(messages)
    kept: list[list[ChatMessage]] = []
    left = budget_tokens
    for group in reversed(groups):
        size = sum(message_tokens(message) for message in group)
        if kept and size > left:
            break
        kept.append([_cut(message, budget_tokens) for message in group] if size > left else group)
        left -= size
    return [message for group in reversed(kept) for message in group]


def _groups(messages: Sequence[ChatMessage]) -> list[list[ChatMessage]]:
    """Exchanges: each begins with a user message behind something else; what comes before the first is dropped."""
    groups: list[list[ChatMessage]] = []
    before = ""
    for message in messages:
        if message.role == "user" and before != "user":
            groups.append([])
        if groups:
            groups[-1].append(message)
        before = message.role
    return groups


def _cut(message: ChatMessage, budget_tokens: int) -> ChatMessage:
    whole = tokens(message.content)
    if whole <= budget_tokens:
        return message
    data = message.content.encode("utf-8", "surrogatepass")[: budget_tokens * 4]
    notice = CUT.format(kept=budget_tokens, whole=whole)
    return message.model_copy(update={"content": f"{data.decode('utf-8', 'ignore')}\n\n{notice}"})
