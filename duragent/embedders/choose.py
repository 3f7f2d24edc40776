"""Which embedder `spec.memory.embedding` stands for: one of another package, a server asked directly, or litellm."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from duragent.agent.memory_spec import EmbeddingSpec
from duragent.clock import Clock
from duragent.embedders.base import TIMEOUT_SECONDS, Embedder, EmbedderChoice
from duragent.embedders.breaker import Guarded
from duragent.errors import ModelNotConfigured
from duragent.models.base import ModelChoice
from duragent.models.direct.dialects import dialect_of
from duragent.models.providers import PROVIDERS, with_address
from duragent.text import cut_to

if TYPE_CHECKING:
    from duragent.models.direct.connections import ProviderConnections

ENTRY_POINTS = "duragent.embedders"
"""Other packages name a function there, by provider: from an `EmbedderChoice` and the keys it makes an `Embedder`."""

MakeEmbedder = Callable[[EmbedderChoice, Mapping[str, str]], Embedder]

_WITHOUT = ("anthropic", "deepseek", "demo")
"""Providers that have no embeddings."""


class EmbedderChooser:
    """The embedders of one process: the same object for the same choice, so that what it has failed at is known."""

    def __init__(
        self,
        clock: Clock,
        environ: Mapping[str, str],
        allow_hosts: Sequence[str] = (),
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """`environ` has the keys; `allow_hosts` are the hosts that `web: allow_hosts` names."""
        self._timeout_seconds = timeout_seconds
        self._clock, self._environ, self._allow_hosts = clock, environ, tuple(allow_hosts)
        self._known: dict[EmbedderChoice, Guarded] = {}
        self._connections: ProviderConnections | None = None

    def embedder_for(self, spec: EmbeddingSpec) -> Guarded:
        """No provider is asked. Raises ModelNotConfigured where there can be none."""
        choice = EmbedderChoice(spec.provider, spec.model, spec.base_url, spec.dimensions)
        if choice not in self._known:
            self._known[choice] = Guarded(self._plain(choice), self._clock)
        return self._known[choice]

    async def close(self) -> None:
        """End the connections."""
        if self._connections is not None:
            await self._connections.close()

    def _plain(self, choice: EmbedderChoice) -> Embedder:
        if (made := _of_another_package(choice, self._environ)) is not None:
            return made
        if choice.provider in _WITHOUT and choice.base_url is None:
            raise ModelNotConfigured(
                f"{choice.provider} has no embeddings; `openai`, `gemini`, `mistral` and `ollama` have some, and so "
                "has every server that speaks OpenAI's protocol, as `openai` with a `base_url`"
            )
        if choice.provider in PROVIDERS or choice.base_url is not None:
            return self._over_http(choice)
        from duragent.embedders.litellm import LitellmEmbedder

        return LitellmEmbedder(choice, self._environ)

    def _over_http(self, choice: EmbedderChoice) -> Embedder:
        from duragent.embedders.http import Destination, HttpEmbedder
        from duragent.embedders.protocols import OllamaEmbeddings, OpenAiEmbeddings
        from duragent.models.direct.connections import ProviderConnections

        self._connections = self._connections or ProviderConnections()
        asked = with_address(
            ModelChoice(choice.provider, choice.name, choice.base_url, adapter="direct"), self._environ
        )
        known = PROVIDERS.get(choice.provider)
        dialect = dialect_of(asked)
        assert dialect is not None
        destination = Destination(
            url=dialect.url(asked.base_url or (known.url if known else "")),
            is_providers_own=asked.base_url is None,
            allow_hosts=self._allow_hosts,
        )
        protocol = OllamaEmbeddings() if choice.provider == "ollama" else OpenAiEmbeddings()
        return HttpEmbedder(choice, protocol, destination, self._environ, self._connections, self._timeout_seconds)


def _of_another_package(choice: EmbedderChoice, environ: Mapping[str, str]) -> Embedder | None:
    """None where no package has one for that provider. Raises ModelNotConfigured, whatever the package does."""
    for point in entry_points(group=ENTRY_POINTS, name=choice.provider):
        try:
            make: MakeEmbedder = point.load()
            return make(choice, environ)
        except ModelNotConfigured:
            raise
        except (Exception, SystemExit) as error:
            # What others say may quote a key.
            why = cut_to(str(error), 300) if isinstance(error, ImportError) else type(error).__name__
            raise ModelNotConfigured(f"the embedder of {point.value} cannot be loaded: {why}") from None
    return None
