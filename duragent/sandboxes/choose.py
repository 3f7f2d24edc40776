"""Which sandbox commands run in: the strongest that really works here, or the one that a person asked for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from duragent.errors import SandboxUnavailable
from duragent.sandboxes.base import Confinement, Sandbox
from duragent.sandboxes.bubblewrap import Bubblewrap
from duragent.sandboxes.docker import Docker
from duragent.sandboxes.home import NOTHING_HIDDEN, hidden_home
from duragent.sandboxes.layout import ROOT
from duragent.sandboxes.secret_places import homes_here, secret_places
from duragent.sandboxes.settings import SandboxSettings
from duragent.sandboxes.trust import Trust
from duragent.system.homes import own_homes

Known = Bubblewrap | Docker | Trust


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what `duragent doctor` says. `hint` is what to do, "" when there is nothing to do."""

    name: str
    works: bool
    why: str
    hint: str = ""


def choose(
    settings: SandboxSettings, environ: Mapping[str, str] | None = None, bubblewrap: str | None = None
) -> Sandbox:
    """The sandbox for these settings. Tries it out, which may take seconds. Raises SandboxUnavailable.

    `auto` never takes docker, because docker needs an image that a person chose; `require: docker` does.
    `bubblewrap` is its program; None: the one that is installed, "": there is none.
    """
    named = settings.wanted
    here = sandboxes(settings, environ, bubblewrap)
    if named == "auto":
        named = "bubblewrap"
        if settings.fallback == "trust" and here[named].problem() is not None:
            return here["trust"]
    problem = here[named].problem()
    if problem is not None:
        raise SandboxUnavailable(named, problem)
    return here[named]


def why_no_sandbox(
    settings: SandboxSettings, environ: Mapping[str, str] | None = None, bubblewrap: str | None = None
) -> str:
    """Why `auto` finds no sandbox here, with what to do about it. "" where one works, or where `auto` is not wanted.

    Tries bubblewrap out, which may take seconds.
    """
    if settings.wanted != "auto":
        return ""
    return sandboxes(settings, environ, bubblewrap)["bubblewrap"].problem() or ""


def sandboxes(
    settings: SandboxSettings, environ: Mapping[str, str] | None = None, bubblewrap: str | None = None
) -> Mapping[str, Known]:
    """All of them by name, the strongest first; none has been tried. `bubblewrap`: see `choose`."""
    environ = os.environ if environ is None else environ
    visible = tuple(map(_path, settings.visible))
    if settings.home == "hidden":
        homes = tuple(home for home in own_homes(environ) if home != ROOT)
        home = hidden_home(homes, environ)
    else:
        homes, home = homes_here(environ), NOTHING_HIDDEN
    confined = Bubblewrap(secret_places(homes, environ), visible, bubblewrap, home)
    return {"bubblewrap": confined, "docker": Docker(settings.docker_image, environ), "trust": Trust()}


def widen(within: Confinement, settings: SandboxSettings) -> Confinement:
    """The confinement with what the settings add: folders to write, paths to hide, the network."""
    return replace(
        within,
        writable=(*within.writable, *map(_path, settings.writable)),
        hidden=(*within.hidden, *map(_path, settings.hidden)),
        network=within.network or settings.network,
    )


def report(
    settings: SandboxSettings, environ: Mapping[str, str] | None = None, bubblewrap: str | None = None
) -> list[Fact]:
    """What works here and what does not, each sandbox once, and last which one is used. Raises nothing."""
    facts = [_fact(sandbox) for sandbox in sandboxes(settings, environ, bubblewrap).values()]
    return [*facts, _chosen(settings, {fact.name: fact for fact in facts})]


def _fact(sandbox: Known) -> Fact:
    if isinstance(sandbox, Trust):
        return Fact("trust", True, "commands run as they are, with all that you may do")
    trouble = sandbox.trouble
    return Fact(sandbox.name, False, trouble.why, trouble.hint) if trouble else Fact(sandbox.name, True, "works here")


def _chosen(settings: SandboxSettings, facts: Mapping[str, Fact]) -> Fact:
    """The last line of the report, from the lines before it: what `choose` does with the same settings."""
    named = settings.wanted
    if named != "auto":
        return replace(facts[named], name="sandbox", why=f"{named}: {facts[named].why}")
    if facts["bubblewrap"].works:
        return Fact("sandbox", True, "auto: bubblewrap is used")
    why = "auto: no sandbox is used, commands run as you; what reads outside the project is asked about, too"
    if settings.fallback == "none":
        why = "auto: no sandbox works here, so no command runs (`sandbox.fallback: none`)"
    return Fact("sandbox", True, why, facts["bubblewrap"].hint)


def _path(text: str) -> Path:
    return Path(text).expanduser()
