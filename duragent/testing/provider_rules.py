"""What real providers refuse, as the stub refuses it: one pure check of a request per protocol.

Each check returns None, or the `Refusal` that the real API would answer. The sentences are the real ones where known.
"""

from duragent.testing.anthropic_rules import merged, refuse_anthropic
from duragent.testing.ollama_rules import refuse_ollama
from duragent.testing.openai_rules import refuse_openai
from duragent.testing.refusals import Refusal

__all__ = ["Refusal", "merged", "refuse_anthropic", "refuse_ollama", "refuse_openai"]
