"""`duragent init`: a workspace with an agent that has a real model."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import view
from duragent.cli.place import FIRST_AGENT, choose_model, keys_of
from duragent.cli.prompts import prompt
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.models.reachable import ReachableModel

BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Where the provider answers; OpenAI's protocol without --provider."),
]


_ASK_NOTHING = "--no-interactive, which asks nothing"


@dataclass(frozen=True)
class ModelWish:
    """The model of a new agent, as far as the command line says it; then as it was chosen."""

    provider: str | None
    """As litellm names it; None: not said."""
    model: str | None
    """None: not said, or the provider's usual one."""
    base_url: str | None = None
    """None: the provider's own address."""


def init(
    path: Annotated[Path, typer.Argument(help="Where the workspace (.duragent) goes.")] = Path(),
    agent_name: Annotated[str | None, typer.Option(help="The agent's name.")] = None,
    provider: Annotated[
        str | None, typer.Option(help="openrouter, anthropic, openai, gemini, ollama, demo, or another.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name, as the provider has it.")] = None,
    base_url: BaseUrl = None,
    no_interactive: Annotated[bool, typer.Option("--no-interactive", help="Ask nothing; take what is usual.")] = False,
) -> None:
    """Make a workspace with an agent. What you wrote is never overwritten."""
    from duragent.agent.starter import write_workspace

    name, wish = ask_for(agent_name, ModelWish(provider, model, base_url), not no_interactive)
    assert wish.provider is not None
    written = write_workspace(path, name, wish.provider, wish.model, wish.base_url)
    for file in written.created:
        typer.echo(f"Created  {file}")
    for file in written.replaced:
        typer.echo(f"Replaced {file}  (the demo's, which nobody had edited)")
    for file in written.skipped:
        typer.echo(f"Kept     {file}")
    if any(file.name == "agent.yaml" for file in written.skipped):
        typer.echo(f'The agent "{name}" was there already: change its model in its agent.yaml.')
    say_what_is_missing(wish, not no_interactive)
    typer.echo("Next: duragent chat" + ("" if name == FIRST_AGENT else f" -a {name}"))


def ask_for(name: str | None, wish: ModelWish, interactive: bool) -> tuple[str, ModelWish]:
    """Fills in what was not given, by asking or by what is usual; model None leaves it to the provider's usual one."""
    if name is None:
        instead = f"give --agent-name, or {_ASK_NOTHING}"
        name = str(prompt("Agent name", instead, default=FIRST_AGENT)) if interactive else FIRST_AGENT
    if wish.base_url is not None:
        return name, _at_address(wish, wish.base_url, interactive)
    if wish.provider is None and interactive:
        wish = _picked(wish)
    elif wish.provider is None:
        usual = choose_model()
        wish = ModelWish(usual.provider, wish.model or usual.model)
    return name, _with_model(wish, interactive)


def _at_address(wish: ModelWish, base_url: str, interactive: bool) -> ModelWish:
    """A server that speaks OpenAI's protocol, unless another provider was named, and one of its models."""
    provider, model = wish.provider or "openai", wish.model
    if model is None:
        from duragent.models.local_servers import SHOW_SECONDS, ollama_models, openai_models

        ask = ollama_models if provider == "ollama" else openai_models
        has = ask(base_url, SHOW_SECONDS)
        if interactive:
            model = _model_of(has or (), None)
        elif has:
            model = has[0]
        else:
            raise InvalidRequest(f"nothing at {base_url} says which models it has: name one with --model")
    return ModelWish(provider, model, base_url)


def _picked(wish: ModelWish) -> ModelWish:
    """Shows what can be asked from here, and takes the number of a line or the name of a provider."""
    from duragent.agent.first_model import DEFAULT_MODELS
    from duragent.models.reachable import reachable

    found = reachable(keys_of(None), DEFAULT_MODELS)
    usual = found.models[0].provider if found.models else "demo"
    for number, each in enumerate(found.models, 1):
        typer.echo(f"{number:3}  {view.one_line(each.label, 60)}  ({view.one_line(each.why, 80)})")
    for hint in found.hints:
        typer.echo(view.one_line(hint, 200))
    which = f"LLM provider ({', '.join(DEFAULT_MODELS)}, …{', or a number' if found.models else ''})"
    typed = str(prompt(which, f"give --provider, or {_ASK_NOTHING}", default=usual)).strip()
    if (place := view.place_of(typed, len(found.models))) is not None:
        return _wish_for(found.models[place], wish)
    return ModelWish(typed, wish.model)


def _wish_for(found: "ReachableModel", wish: ModelWish) -> ModelWish:
    # Of a provider with a key the list has one model of many.
    model = wish.model or (None if found.is_example else found.name)
    return ModelWish(found.provider, model, found.base_url)


def _with_model(wish: ModelWish, interactive: bool) -> ModelWish:
    from duragent.agent.first_model import DEFAULT_MODELS

    provider = wish.provider or "demo"
    model = wish.model
    if model is None and provider == "ollama":
        from duragent.models.local_servers import ollama_models
        from duragent.models.providers import ollama_url

        has = ollama_models(ollama_url(keys_of(None))) or []
        model = _model_of(has, DEFAULT_MODELS[provider]) if interactive else next(iter(has), None)
    elif model is None and interactive and provider != "demo":
        model = _model_of((), DEFAULT_MODELS.get(provider))
    return ModelWish(provider, model or DEFAULT_MODELS.get(provider), wish.base_url)


def _model_of(has: "list[str] | tuple[str, ...]", usual: str | None) -> str:
    """Asks for one of these models, by its number or by name."""
    for number, name in enumerate(has, 1):
        typer.echo(f"{number:3}  {view.one_line(name, 80)}")
    which = "Model name" + (" or number" if has else "")
    typed = str(prompt(which, f"give --model, or {_ASK_NOTHING}", default=has[0] if has else usual)).strip()
    return typed if (place := view.place_of(typed, len(has))) is None else has[place]


def say_what_is_missing(wish: ModelWish, interactive: bool) -> None:
    """Says which key is not there, or which model Ollama has not; a person may type the key at once."""
    from duragent.errors import ModelNotConfigured
    from duragent.models.base import ModelChoice
    from duragent.models.providers import find_key, key_variables
    from duragent.models.reachable import missing_at_ollama

    provider, model = wish.provider or "demo", wish.model or ""
    if provider == "demo":
        return
    try:
        find_key(ModelChoice(provider, model, wish.base_url), keys_of(None))
    except ModelNotConfigured:
        variable = key_variables(provider)[0]
        if interactive and keep_typed_key(variable):
            return
        typer.echo(f"The key is not there yet: `duragent keys set {provider}` keeps it, or export {variable}=…")
    if provider == "ollama" and (missing := missing_at_ollama(keys_of(None), model, wish.base_url)):
        typer.echo(view.one_line(missing, 200))


def keep_typed_key(variable: str) -> bool:
    """Asks for the key, and keeps it; False when the person has none now."""
    from duragent.system.keys import store_key

    if not sys.stdin.isatty():
        return False
    text = f"{variable} (it is not shown; Enter: later)"
    instead = "`duragent keys set` keeps a key"
    key = str(prompt(text, instead, default="", hide_input=True, show_default=False))
    if not key.strip():
        return False
    path = store_key(os.environ, variable, key)
    typer.echo(f"Kept {variable} in {path}, which no other user can read.")
    return True
