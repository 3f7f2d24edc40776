"""`duragent keys list|set|remove`: keys of providers, in one private file that all servers of this user read."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.place import find_config, keys_of
from duragent.cli.prompts import prompt
from duragent.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from duragent.system.keys import Keys, Origin

app = typer.Typer(
    help="Keep providers' keys for all servers of this user: in a file that no other user can read, never in YAML.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
_OTHERS = {"web search": "BRAVE_API_KEY"}
"""What else reads a key, and its variable."""

_LONGEST_NAME = 60

Which = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="A provider, such as anthropic; or a variable, such as BRAVE_API_KEY.")
]


@app.command("list")
def list_keys(config: options.Config = None, workspace: options.Workspace = None, json: options.Json = False) -> None:
    """List the keys that are there, and where each comes from; never the keys themselves."""
    keys = keys_of(find_config(config, workspace))
    rows = list(_rows(keys))
    if json:
        view.print_json([{"provider": row[0], "variable": row[1], "from": row[2]} for row in rows])
    else:
        shown = [(provider, variable, _said(keys, variable, origin)) for provider, variable, origin in rows]
        view.print_table(("PROVIDER", "VARIABLE", "FROM"), shown, "No keys: `duragent keys set PROVIDER` keeps one.")
    for fault in keys.faults:
        view.note(f"duragent: {fault}")


def _rows(keys: "Keys") -> "list[tuple[str, str, Origin]]":
    from duragent.models.providers import PROVIDERS

    known = {name: provider for provider, each in PROVIDERS.items() for name in each.key_variables}
    known |= {variable: use for use, variable in _OTHERS.items()}
    stored = {name: name.removesuffix("_API_KEY").lower() if name.endswith("_API_KEY") else "" for name in keys.stored}
    found = [(provider, name, keys.origin(name)) for name, provider in (stored | known).items()]
    return sorted((provider, name, origin) for provider, name, origin in found if origin is not None)


def _said(keys: "Keys", variable: str, origin: "Origin") -> str:
    hidden = origin == "environment" and variable in keys.stored
    return f"{origin}, which goes before the stored one" if hidden else origin


@app.command("set")
def set_key(which: Which, given: Annotated[str | None, typer.Argument(hidden=True, metavar="")] = None) -> None:
    """Keep a key. It is asked for without being shown, or read from stdin; servers that run use it from now on."""
    from duragent.system.keys import store_key

    if given is not None:
        # The value must be in no message: it may be a real one.
        raise InvalidRequest(
            "a key on the command line can be seen by other users and stays in the shell's history: "
            f"`duragent keys set {which}` asks for it, or reads it from stdin"
        )
    variable = _variable(which)
    path = store_key(os.environ, variable, _key(variable))
    typer.echo(f"Kept {variable} in {path}, which no other user can read. Servers use it from their next question on.")
    if os.environ.get(variable, "").strip():
        typer.echo(f"{variable} is in the environment here too, and that one goes before it.")


@app.command()
def remove(which: Which) -> None:
    """Forget a key that was kept with `keys set`."""
    from duragent.system.keys import remove_key

    variable = _variable(which)
    if not remove_key(os.environ, variable):
        raise NotFound(f"no {variable} is kept")
    typer.echo(f"Forgot {variable}.")
    if os.environ.get(variable, "").strip():
        typer.echo(f"{variable} is still in the environment here.")


def _variable(which: str) -> str:
    """The variable that holds the key. Raises InvalidRequest for what is no provider."""
    from duragent.models.provider_names import unknown_provider
    from duragent.models.providers import key_variables
    from duragent.sandboxes.environment import looks_secret

    if len(which) > _LONGEST_NAME or looks_secret("", which):
        raise InvalidRequest(
            "this looks like a key, not like a provider: `duragent keys set PROVIDER` asks for the key"
        )
    if which.isupper():
        return which
    name = which.strip().lower()
    if name == "demo":
        raise InvalidRequest("the demo model needs no key")
    if wrong := unknown_provider(name):
        raise InvalidRequest(wrong)
    return key_variables(name)[0]


def _key(variable: str) -> str:
    if sys.stdin.isatty():
        return str(prompt(variable, "type the key, or give it in a pipe", hide_input=True, err=True))
    lines = sys.stdin.buffer.read(1 << 16).decode("utf-8", "replace").split("\n")
    return lines[0].strip()
