"""The real model: every provider that litellm knows, through litellm, one attempt at a time.

Nothing of litellm is imported here. It lives in a thread of its own (`thread`), which starts at the first `stream` or
at `warm`. `request` writes requests, `reply` gathers answers, `usage` reads their token counts, `errors` names faults.
"""

import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

from duragent.errors import BadModelRequest, ModelNotConfigured
from duragent.models.base import ModelChoice
from duragent.models.faults import unfinished
from duragent.models.litellm.errors import model_error
from duragent.models.litellm.reply import Gathering, overhear
from duragent.models.litellm.request import litellm_arguments
from duragent.models.litellm.thread import Piece, shared
from duragent.models.litellm.usage import make_tolerant, odd, usage_from
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ModelUsage, price
from duragent.models.providers import find_key, ollama_url

_log = logging.getLogger(__name__)


def warm() -> None:
    """Begin to import litellm in its thread and return at once, so that the first message need not wait for it."""
    shared.start()


async def warmed() -> None:
    """As `warm`, and return when it is there, or cannot be: then the first request says why."""
    await shared.loaded()


class LitellmModel:
    """A model of any provider, by the promises of `models.base`. Keys come from `environ`, read at each request."""

    def __init__(self, choice: ModelChoice, environ: Mapping[str, str]) -> None:
        if choice.provider == "ollama" and choice.base_url is None:
            choice = replace(choice, base_url=ollama_url(environ))
        self._choice = choice
        self._environ = environ

    @property
    def has_key(self) -> bool:
        """Whether a request could be sent."""
        try:
            find_key(self._choice, self._environ)
        except ModelNotConfigured:
            return False
        return True

    @property
    def label(self) -> str:
        return self._choice.label

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        """Deltas and the reply. Raises ModelNotConfigured before anything is loaded or sent when the key is missing."""
        key = find_key(self._choice, self._environ)
        arguments = litellm_arguments(self._choice, key, request)

        def work(litellm: Any) -> AsyncGenerator[Piece, None]:
            return self._ask(litellm, arguments)

        try:
            async with contextlib.aclosing(shared.stream(work)) as pieces:
                async for piece in pieces:
                    yield piece
        except ImportError as error:
            raise ModelNotConfigured(f"litellm cannot be loaded: {error}") from error
        except Exception as error:
            raise model_error(error, self._choice, key) from None

    async def _ask(self, litellm: Any, arguments: Mapping[str, Any]) -> AsyncGenerator[Piece, None]:
        """In the thread: one request, from its first to its last piece."""
        if arguments["model"].partition("/")[0] not in litellm.provider_list:
            raise ModelNotConfigured(f"there is no provider '{self._choice.provider}'")
        make_tolerant(self._choice.provider)
        oddities: list[str] = []
        odd.set(oddities)
        answer = await litellm.acompletion(**arguments)
        if answer is None:
            # litellm answers a second 422 from an OpenAI-style provider with nothing at all.
            raise BadModelRequest(f"{self.label}: the provider cannot process the request (status 422)")
        gathering = Gathering()
        overhear(answer, gathering)
        async with contextlib.aclosing(answer):
            async for chunk in answer:
                delta = gathering.add(chunk)
                if gathering.finish_reason is not None and _broke_off(answer):
                    raise unfinished(self._choice, _headers(answer))
                if delta is not None:
                    yield delta
        if gathering.finish_reason is None:
            raise unfinished(self._choice, _headers(answer))
        reported = gathering.usage if _has_usage(answer) else None
        usage = usage_from(reported) if reported else ModelUsage()
        if oddities:
            shown = ", ".join(sorted(set(oddities)))
            _log.warning("%s reported a usage that cannot be true, which counts as unknown: %s", self.label, shown)
        yield gathering.reply(usage, None if oddities else self._cost(litellm, reported))

    def _cost(self, litellm: Any, reported: Any) -> float | None:
        """What the provider says it cost, else what litellm's table says, else None."""
        if reported is None:
            return None
        reported_usd = price(getattr(reported, "cost", None))
        if reported_usd is not None and self._choice.provider == "openrouter":
            return reported_usd
        if self._choice.provider == "ollama":
            return None
        try:
            question, answer = litellm.cost_per_token(
                model=self._choice.name, custom_llm_provider=self._choice.provider, usage_object=reported
            )
        except Exception:  # litellm raises a bare Exception for a model that its table does not have
            return None
        return price(question + answer)


def _broke_off(answer: Any) -> bool:
    """Whether the finish reason is litellm's own: where a stream ends without one it makes up a "stop"."""
    return (
        getattr(answer, "received_finish_reason", "") is None
        and getattr(answer, "intermittent_finish_reason", None) is None
    )


def _headers(answer: Any) -> Mapping[str, str] | None:
    headers = getattr(answer, "_response_headers", None)
    return headers if isinstance(headers, Mapping) else None


def _has_usage(answer: Any) -> bool:
    """Whether the provider reported usage: litellm would count by itself and not say so."""
    chunks = getattr(answer, "chunks", None)
    return chunks is None or any(getattr(chunk, "usage", None) for chunk in chunks)
