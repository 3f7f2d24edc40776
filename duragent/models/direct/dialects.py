"""Which providers are asked directly, and in which protocol. A dialect is imported when it is used."""

from duragent.models.base import ModelChoice
from duragent.models.direct.dialect import Dialect
from duragent.models.providers import dialect_name


def dialect_of(choice: ModelChoice) -> Dialect | None:
    """The dialect in which that model is asked; None: through litellm. Raises ModelNotConfigured as `dialect_name`."""
    match dialect_name(choice):
        case None:
            return None
        case "anthropic_messages":
            from duragent.models.direct.anthropic_messages import AnthropicMessages

            return AnthropicMessages()
        case "openai_chat":
            from duragent.models.direct.openai_chat import OpenAiChat

            return OpenAiChat()
        case "ollama_chat":
            from duragent.models.direct.ollama_chat import OllamaChat

            return OllamaChat()
        case name:
            raise ValueError(f"no dialect is named '{name}'")
