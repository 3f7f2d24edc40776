"""Servers that speak OpenAI's Chat Completions, each with what it wants in another way than the rest. Pure.

What a server is not known for is the plain protocol, as vLLM, LM Studio and llama.cpp speak it.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from duragent.models.base import ModelChoice


@dataclass(frozen=True, slots=True)
class ChatServer:
    """What is particular about a server."""

    thinking: Literal["effort", "openai", "openrouter", "gemini", "mistral", "groq", "switch"] = "effort"
    """How a request says how much to think. `switch`: a field `thinking` that is on or off, and an effort."""
    limit_field: str = "max_tokens"
    """How it calls the limit of the answer."""
    takes_stream_options: bool = True
    """It can be asked for the usage; where not, it sends that without being asked."""
    pdfs: Literal["file", "image", "document", ""] = ""
    """As what a PDF is sent; "" where it takes none."""
    nine_letter_ids: bool = False
    """Ids of calls are nine letters and digits."""
    answer_behind_results: bool = False
    """Behind results of tools only the assistant may speak."""
    files_in_results: bool = False
    """A result of a tool may have images; elsewhere they follow in a message of the user."""
    wants_reasoning: Literal["", "calls", "all"] = "calls"
    """Which of its answers it wants back with their reasoning, in the field that it came in."""
    needs_reasoning: bool = False
    """It refuses calls without `reasoning_content`, also such that another model made."""
    takes_schemas: bool = True
    """An answer can be bound to a JSON schema; where not, only to be JSON."""
    cost_in_usage: bool = False
    """The usage says what the answer cost."""


_PLAIN = ChatServer(pdfs="file")
_OPENAI = ChatServer(thinking="openai", limit_field="max_completion_tokens", pdfs="file", wants_reasoning="")
_OPENROUTER = ChatServer(thinking="openrouter", pdfs="file", cost_in_usage=True)
_GEMINI = ChatServer(thinking="gemini", pdfs="image")
_MISTRAL = ChatServer(
    thinking="mistral",
    takes_stream_options=False,
    pdfs="document",
    nine_letter_ids=True,
    answer_behind_results=True,
    files_in_results=True,
    wants_reasoning="all",
)
_DEEPSEEK = ChatServer(thinking="switch", wants_reasoning="all", needs_reasoning=True, takes_schemas=False)
_SWITCHED = ChatServer(thinking="switch", wants_reasoning="all")

_BY_HOST = {
    "api.openai.com": _OPENAI,
    "openai.azure.com": _OPENAI,
    "services.ai.azure.com": _OPENAI,
    "openrouter.ai": _OPENROUTER,
    "generativelanguage.googleapis.com": _GEMINI,
    "aiplatform.googleapis.com": _GEMINI,
    "mistral.ai": _MISTRAL,
    "groq.com": ChatServer(thinking="groq"),
    "deepseek.com": _DEEPSEEK,
    "moonshot.ai": replace(_SWITCHED, needs_reasoning=True),
    "moonshot.cn": replace(_SWITCHED, needs_reasoning=True),
    "z.ai": _SWITCHED,
    "bigmodel.cn": _SWITCHED,
}
_BY_PROVIDER = {
    "openai": _OPENAI,
    "openrouter": _OPENROUTER,
    "gemini": _GEMINI,
    "mistral": _MISTRAL,
    "deepseek": _DEEPSEEK,
}

_OF_MISTRAL = re.compile(r"\b(mi[sn]istral|mistral|mixtral|codestral|devstral|magistral|pixtral|voxtral)")
_OF_DEEPSEEK = re.compile(r"^deepseek-(reasoner|chat|v[4-9])")
_CLOSED_OPENAI = re.compile(r"(^|/)(gpt-(?!oss)|o[1-9]|chatgpt)")
_THINKING_OPENAI = re.compile(r"(^|/)(o[1-9]|gpt-[5-9])(?!.*chat)")


def server_of(choice: ModelChoice) -> ChatServer:
    """What is particular about the server of that model."""
    server = _by_address(choice)
    if server is not _MISTRAL and _OF_MISTRAL.search(choice.name.lower()):
        # The templates of its models refuse the same wherever they run.
        server = replace(server, nine_letter_ids=True, answer_behind_results=True)
    if _OF_DEEPSEEK.search(choice.name.lower()) and server is _PLAIN:
        # As its makers call it, so it is a gateway to them.
        server = replace(server, wants_reasoning="all", needs_reasoning=True)
    if _CLOSED_OPENAI.search(choice.name.lower()) and server.thinking != "openrouter":
        server = replace(server, wants_reasoning="")
    if is_thinking_openai(choice.name):
        # Through a gateway of one's own it is the same model, which refuses the older field.
        server = replace(server, limit_field="max_completion_tokens")
    return server


def is_thinking_openai(name: str) -> bool:
    """Whether it is a model of OpenAI that always thinks, and therefore wants no temperature."""
    return _THINKING_OPENAI.search(name.lower()) is not None


def hands_on_to_claude(choice: ModelChoice, server: ChatServer) -> bool:
    """Whether Claude answers, behind a server that hands Anthropic's own fields on."""
    return server.thinking == "openrouter" and "claude" in choice.name.lower()


def _by_address(choice: ModelChoice) -> ChatServer:
    if choice.base_url is None:
        return _BY_PROVIDER.get(choice.provider, _PLAIN)
    host = urlsplit(choice.base_url).hostname or ""
    for known, server in _BY_HOST.items():
        if host == known or host.endswith((f".{known}", f"-{known}")):
            return server
    # A proxy in front of OpenRouter or Gemini still is one of them; "openai" with an address may be anything.
    return _PLAIN if choice.provider == "openai" else _BY_PROVIDER.get(choice.provider, _PLAIN)


# --- addresses ------------------------------------------------------------------------------------------------------

_ROOTS = {
    "openrouter.ai": "/api/v1",
    "api.groq.com": "/openai/v1",
    "generativelanguage.googleapis.com": "/v1beta/openai",
    "api.fireworks.ai": "/inference/v1",
}
_OPERATION = "/chat/completions"


def api_url(base_url: str) -> str:
    """The address before `/chat/completions`. People leave out the `/v1`, or write down the whole."""
    parts = urlsplit(base_url.strip())
    path = parts.path.rstrip("/").removesuffix(_OPERATION).rstrip("/")
    root = _ROOTS.get(parts.hostname or "", "/v1")
    if not path or (root.startswith(f"{path}/") and root != "/v1"):
        path = root
    return f"{parts.scheme}://{parts.netloc}{path}"


def operation_path(base_url: str | None) -> str:
    """What stands behind `api_url`; the query of the address, such as Azure's version, stays."""
    query = urlsplit(base_url or "").query
    return f"{_OPERATION}?{query}" if query else _OPERATION
