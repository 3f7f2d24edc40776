"""Which providers are asked directly, and in which protocol. A dialect is imported when it is used."""

from duragent.models.base import ModelChoice
from duragent.models.direct.dialect import Dialect
from duragent.models.providers import PROVIDERS


def dialect_of(choice: ModelChoice) -> Dialect | None:
    """The dialect in which that model is asked; None: through litellm."""
    known = PROVIDERS.get(choice.provider)
    if choice.adapter == "litellm" or known is None:
        return None
    return dialect(known.dialect)


def dialect(name: str) -> Dialect | None:
    """The dialect of that name; None where there is none."""
    match name:
        case "anthropic_messages":
            from duragent.models.direct.anthropic_messages import AnthropicMessages

            return AnthropicMessages()
        case "openai_chat":
            from duragent.models.direct.openai_chat import OpenAiChat

            return OpenAiChat()
        case "ollama_chat":
            from duragent.models.direct.ollama_chat import OllamaChat

            return OllamaChat()
        case _:
            return None
