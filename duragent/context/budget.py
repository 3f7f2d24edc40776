"""Does it still fit into the window? Counted by the rule of thumb that a token is about four bytes."""

from collections.abc import Sequence

from duragent.agent.spec import ModelSpec, SessionSpec
from duragent.models.messages import ChatMessage

WINDOWS_TOKENS = (
    ("claude", 200_000),
    ("gpt-5", 400_000),
    ("gpt-4.1", 1_000_000),
    ("gemini", 1_000_000),
    ("grok-4", 2_000_000),
    ("grok", 131_072),
    ("deepseek-v3", 163_840),
    ("deepseek-chat-v3", 163_840),
    ("qwen3", 131_072),
    ("llama-4", 327_680),
    ("mistral-large", 262_144),
)
"""Context windows by a part of the model's name, the first that fits; as in duragent v0.5."""

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


def window_tokens(model_name: str) -> int:
    """The context window of a model, as far as its name tells."""
    name = model_name.lower()
    return next((window for part, window in WINDOWS_TOKENS if part in name), DEFAULT_WINDOW_TOKENS)


def history_budget(model: ModelSpec, session: SessionSpec, system_tokens: int) -> int:
    """Tokens for the conversation: the window less system message, answer and a tenth, capped by the agent's wish."""
    window = model.max_input_tokens or window_tokens(model.name)
    left = window - system_tokens - (model.max_output_tokens or DEFAULT_OUTPUT_TOKENS) - window // 10
    cap = session.context.max_history_tokens
    return max(min(left, cap) if cap else left, 1)


def fit(messages: Sequence[ChatMessage], budget_tokens: int) -> list[ChatMessage]:
    """The newest messages that fit, from a user message on; never half of a call and its results.

    The newest exchange is always in; when it is too long its longest messages are cut, and say so.
    """
    groups = _groups(messages)
    kept: list[list[ChatMessage]] = []
    left = budget_tokens
    for group in reversed(groups):
        size = sum(message_tokens(message) for message in group)
        if kept and size > left:
            break
        kept.append(_shortened(group, budget_tokens) if size > left else group)
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


def _shortened(group: Sequence[ChatMessage], budget_tokens: int) -> list[ChatMessage]:
    """The messages, none longer than what lets all of them fit: the short ones stay whole."""
    sizes = sorted(tokens(message.content) for message in group)
    left, share = budget_tokens, 0
    for position, size in enumerate(sizes):
        share = left // (len(sizes) - position)
        if size > share:
            break
        left -= size
    return [_cut(message, share) for message in group]


def _cut(message: ChatMessage, budget_tokens: int) -> ChatMessage:
    whole = tokens(message.content)
    if whole <= budget_tokens:
        return message
    data = message.content.encode("utf-8", "surrogatepass")[: budget_tokens * 4]
    notice = CUT.format(kept=budget_tokens, whole=whole)
    return message.model_copy(update={"content": f"{data.decode('utf-8', 'ignore')}\n\n{notice}"})
