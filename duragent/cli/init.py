"""`duragent init`: a workspace with an agent that has a real model."""

import os
from pathlib import Path
from typing import Annotated

import typer

from duragent.cli.place import FIRST_AGENT, choose_model


def init(
    path: Annotated[Path, typer.Argument(help="Where the workspace (.duragent) goes.")] = Path(),
    agent_name: Annotated[str | None, typer.Option(help="The agent's name.")] = None,
    provider: Annotated[
        str | None, typer.Option(help="openrouter, anthropic, openai, gemini, ollama, demo, or another.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name, as the provider has it.")] = None,
    no_interactive: Annotated[bool, typer.Option("--no-interactive", help="Ask nothing; take what is usual.")] = False,
) -> None:
    """Make a workspace with an agent. What you wrote is never overwritten."""
    from duragent.agent.starter import write_workspace

    name, provider, model = ask_for(agent_name, provider, model, not no_interactive)
    written = write_workspace(path, name, provider, model)
    for file in written.created:
        typer.echo(f"Created  {file}")
    for file in written.replaced:
        typer.echo(f"Replaced {file}  (the demo's, which nobody had edited)")
    for file in written.skipped:
        typer.echo(f"Kept     {file}")
    if any(file.name == "agent.yaml" for file in written.skipped):
        typer.echo(f'The agent "{name}" was there already: change its model in its agent.yaml.')
    say_key(provider)
    typer.echo("Next: duragent chat" + ("" if name == FIRST_AGENT else f" -a {name}"))


def ask_for(
    name: str | None, provider: str | None, model: str | None, interactive: bool
) -> tuple[str, str, str | None]:
    """Fills in what was not given, by asking or by what is usual; model None leaves it to the provider's usual one."""
    from duragent.agent.starter import DEFAULT_MODELS

    if name is None:
        name = str(typer.prompt("Agent name", default=FIRST_AGENT)) if interactive else FIRST_AGENT
    usual = choose_model() if provider is None else None
    if provider is None and usual is not None:
        provider = usual.provider
        if interactive:
            provider = str(typer.prompt(f"LLM provider ({', '.join(DEFAULT_MODELS)}, …)", default=provider)).strip()
    provider = provider or "demo"
    if model is None:
        model = usual.model if usual is not None and usual.provider == provider else DEFAULT_MODELS.get(provider)
        if interactive and provider != "demo":
            model = str(typer.prompt("Model name", default=model)).strip()
    return name, provider, model


def say_key(provider: str) -> None:
    from duragent.agent.starter import PROVIDER_KEYS

    key = PROVIDER_KEYS.get(provider)
    if key and not os.environ.get(key):
        typer.echo(f"The key is read from the environment, and is not there yet: export {key}=…")
