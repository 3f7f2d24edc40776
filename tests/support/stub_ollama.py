"""An Ollama of our own: a real HTTP server on 127.0.0.1 that speaks its protocol, and OpenAI's as Ollama does."""

from dataclasses import dataclass
from typing import Any

from duragent.testing.stub_llm import Failure, StubLlm, StubRequest, say_back


@dataclass(frozen=True)
class Pulled:
    """A model that was pulled."""

    context_length: int = 40_960
    """What it was made for."""
    num_ctx: int | None = None
    """What its Modelfile says; None: nothing."""
    loaded_with: int | None = None
    """What it is loaded with; None: it is not loaded."""
    sees: bool = False
    """Whether it takes images."""


class StubOllama(StubLlm):
    """The Ollama. `pulled` may be changed while it runs."""

    def __init__(self, **pulled: Pulled) -> None:
        super().__init__(self._answer, check=False)
        self.pulled: dict[str, Pulled] = dict(pulled)
        self.shown: list[str] = []
        """The models whose facts were asked for, in order."""
        self.others = {"/api/tags": self._tags, "/api/show": self._show, "/api/ps": self._ps}

    def pull(self, name: str, model: Pulled | None = None) -> None:
        self.pulled[name] = model or Pulled()

    def _answer(self, request: StubRequest) -> Any:
        name = request.body.get("model")
        if name not in self.pulled:
            return Failure(404, f"model '{name}' not found")
        return say_back(request)

    def _tags(self, _: Any) -> object:
        return {"models": [{"name": name, "model": name, "size": 1} for name in self.pulled]}

    def _show(self, asked: Any) -> object:
        self.shown.append(asked["model"])
        model = self.pulled.get(asked["model"])
        if model is None:
            return None
        can = ["completion", "tools", *(["vision"] if model.sees else [])]
        facts = {"general.architecture": "qwen3", "qwen3.context_length": model.context_length}
        parameters = "temperature 0.6" + (f"\nnum_ctx                        {model.num_ctx}" if model.num_ctx else "")
        return {"modelfile": "", "parameters": parameters, "model_info": facts, "capabilities": can}

    def _ps(self, _: Any) -> object:
        loaded = {name: model.loaded_with for name, model in self.pulled.items() if model.loaded_with}
        return {"models": [{"name": name, "context_length": length} for name, length in loaded.items()]}
