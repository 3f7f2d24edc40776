"""Whether a model gets its tools as text: `spec.model.tools` is native, text or auto."""

from typing import Literal

from duragent.models.base import ModelChoice
from duragent.models.facts import model_facts
from duragent.models.providers import OLLAMA

ToolMode = Literal["native", "text", "auto"]

_OLLAMA_WITHOUT_TOOLS = frozenset(
    """
    alfred bakllava codebooga codegeex4 codegemma codellama codeqwen codestral codeup deepseek-coder
    deepseek-coder-v2 deepseek-llm deepseek-v2 dolphin-llama3 dolphin-mistral dolphin-mixtral dolphin-phi
    everythinglm falcon falcon2 gemma gemma2 gemma3 gemma3n glm4 goliath internlm2 llama-pro llama2
    llama2-chinese llama2-uncensored llama3 llama3-chatqa llama3-gradient llava llava-llama3 llava-phi3
    magicoder meditron medllama2 minicpm-v mistral-openorca mistrallite moondream neural-chat nexusraven notus
    notux nous-hermes nous-hermes2 open-orca-platypus2 openchat openhermes orca-mini orca2 phi phi3 phi3.5 phi4
    phind-codellama qwen samantha-mistral smollm solar sqlcoder stable-beluga stable-code stablelm-zephyr
    stablelm2 starcoder starcoder2 starling-lm tinydolphin tinyllama vicuna wizard-math wizard-vicuna
    wizard-vicuna-uncensored wizardcoder wizardlm wizardlm-uncensored wizardlm2 xwinlm yarn-llama2 yarn-mistral
    yi zephyr
    """.split()
)
"""Families of Ollama's own library whose templates have no tools: Ollama refuses every request that brings some."""


def wants_text(choice: ModelChoice, mode: ToolMode) -> bool:
    """`auto` is text only for a model that is known to have no tool calling. Reads litellm's table at the first use."""
    if mode != "auto":
        return mode == "text"
    if choice.provider in OLLAMA and choice.name.removeprefix("library/").partition(":")[0] in _OLLAMA_WITHOUT_TOOLS:
        return True
    facts = model_facts(choice.provider, choice.name)
    return facts.get("supports_function_calling") is False and facts.get("mode") in ("chat", "completion")
