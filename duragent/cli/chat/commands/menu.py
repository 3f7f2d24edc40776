"""What a name behind a slash stands for: a command, or a template that people wrote."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from duragent.cli.chat.commands import BY_NAME, COMMANDS
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.completion import MenuItem

if TYPE_CHECKING:
    from duragent.agent.templates import Template


def menu(templates: "Sequence[Template]") -> list[MenuItem]:
    """The lines of the menu. A command counts, not a template of the same name."""
    items = [MenuItem(each.name, each.summary, each.arguments) for each in COMMANDS if each.name.startswith("/")]
    own = [each for each in templates if f"/{each.name}" not in BY_NAME]
    return [*items, *(MenuItem(f"/{each.name}", each.description or "a template", each.arguments) for each in own)]


def named(name: str, templates: "Sequence[Template]") -> "SlashCommand | Template | str":
    """What the name, or a beginning that only one has, stands for; else a sentence for the person."""
    known: dict[str, SlashCommand | Template] = {f"/{each.name}": each for each in templates} | BY_NAME
    if name in known:
        return known[name]
    begin = {each: known[each] for each in sorted(known) if len(name) > 1 and each.startswith(name)}
    meant = list({id(each): each for each in begin.values()}.values())
    if len(meant) == 1:
        return meant[0]
    near = list(begin) or get_close_matches(name, known, n=3)
    hint = f" Did you mean {_or(near)}?" if near else ""
    return f"There is no {name}.{hint} /help shows what there is."


def _or(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
