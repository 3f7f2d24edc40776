"""`duragent doctor`: what works here and what is missing, from the files and this machine; no server needed.

The law of this file: looking changes nothing. Each check says facts; nothing is repaired.
"""

import platform
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from duragent import __version__
from duragent.cli import options, view
from duragent.cli.doctor.agents import agents
from duragent.cli.doctor.finding import Diagnosis, Status
from duragent.cli.doctor.sessions import sessions, streams
from duragent.cli.doctor.v05 import old_workspace
from duragent.cli.doctor.workspace import workspace as workspace_diagnoses
from duragent.cli.looks import Role
from duragent.cli.place import find_config
from duragent.errors import InvalidFile

if TYPE_CHECKING:
    from duragent.config import Config
    from duragent.sandboxes.choose import Fact

LEAST_TOKEN_CHARACTERS = 16
PROGRAMS = {
    "git": "agents that work on code use it",
    "rg": "ripgrep makes search_files fast; without it duragent searches by itself",
    "docker": "only the sandbox `docker` needs it",
}
_ROLES: Mapping[Status, Role] = {"ok": "good", "note": "note", "warning": "warning", "problem": "error"}


def doctor(config: options.Config = None, workspace: options.Workspace = None, json: options.Json = False) -> None:
    """Check this machine, the workspace and its agents. Needs no server, and changes nothing.

    Exit code 0: no problems; 1: there is one.
    """
    settings: Config | None = None
    findings = [_python()]
    try:
        settings = find_config(config, workspace)
        findings += [] if settings is None else list(_configuration(settings))
    except (InvalidFile, OSError) as error:
        findings.append(Diagnosis("configuration", "problem", str(error), "correct it, and look again"))
        # Only the configuration says where they are.
        findings.append(
            Diagnosis("workspace", "note", "it was not looked at, nor were its server, sessions and agents")
        )
    else:
        if settings is None:
            hint = "`duragent init` makes one; so does `duragent chat`"
            findings.append(Diagnosis("workspace", "warning", f"there is none in {Path.cwd()} or above", hint))
    findings += _examined(settings)
    problems = any(finding.status == "problem" for finding in findings)
    if json:
        view.print_json({"ok": not problems, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    raise typer.Exit(1 if problems else 0)


def _examined(config: "Config | None") -> list[Diagnosis]:
    """What takes a while, at the same time; the order of the result is always the same."""
    with ThreadPoolExecutor(4) as threads:
        trying = threads.submit(_facts, config)

        def agents_with_facts(of: "Config") -> list[Diagnosis]:
            return list(agents(of, {fact.name: fact for fact in trying.result()}))

        looking = threads.submit(lambda: list(workspace_diagnoses(config)) if config else [])
        reading = threads.submit(agents_with_facts, config) if config else None
        is_there = config is not None and (config.workspace.is_dir() or config.sessions_dir.is_dir())
        verifying = threads.submit(lambda: list(_logs(config)) if config and is_there else [])
        old = list(old_workspace(config)) if config and is_there else []
        machine = [*sandbox(trying.result()), _limits(config), *programs()]
        return [*looking.result(), *verifying.result(), *old, *machine, *(reading.result() if reading else ())]


def _logs(config: "Config") -> Iterator[Diagnosis]:
    yield from sessions(config.sessions_dir)
    yield from streams(config.workspace)


# --- this program, its configuration, and the programs that it may use -----------------------------------------------


def _python() -> Diagnosis:
    where = f"Python {platform.python_version()} ({sys.executable}), {platform.system()} {platform.machine()}"
    return Diagnosis("duragent", "ok", f"duragent {__version__} on {where}")


def _configuration(config: "Config") -> Iterator[Diagnosis]:
    from duragent.config import inactive_config

    if config.path is None:
        return
    yield Diagnosis("configuration", "ok", str(config.path))
    for name in ("api_token", "admin_token"):
        token = getattr(config.server, name)
        if token is not None and len(token) < LEAST_TOKEN_CHARACTERS:
            text = f"server.{name} has {len(token)} characters: it can be guessed"
            yield Diagnosis("configuration", "warning", text, "`openssl rand -hex 16` makes a good one")
    if keys := inactive_config(config):
        hint = "what they ask for does not happen"
        yield Diagnosis("configuration", "warning", f"not active in this version: {', '.join(keys)}", hint)


def programs(path: str | None = None) -> Iterator[Diagnosis]:
    """The optional programs; `path` None looks where this process looks."""
    for name, use in PROGRAMS.items():
        where = shutil.which(name, path=path)
        # No hint when it is missing: a line with an arrow reads as something to do.
        text = f"{name}: {where}" if where else f"{name} is not installed, and need not be: {use}"
        yield Diagnosis("programs", "ok" if where else "note", text)


# --- the sandbox -----------------------------------------------------------------------------------------------------


def _facts(config: "Config | None") -> "list[Fact]":
    from duragent.sandboxes.choose import report
    from duragent.sandboxes.settings import SandboxSettings

    return report(SandboxSettings() if config is None else config.sandbox)


def sandbox(facts: "Sequence[Fact]") -> Iterator[Diagnosis]:
    """What is used comes first. What the others lack is something to do only where no sandbox is used."""
    *others, chosen = facts
    used = chosen.works and not chosen.hint
    status: Status = "problem" if not chosen.works else "warning" if chosen.hint else "ok"
    yield Diagnosis("sandbox", status, chosen.why, chosen.hint)
    for fact in others:
        if fact.name != "trust":
            text = f"{fact.name} {fact.why}" if fact.works else f"{fact.name}: {fact.why}"
            text += " (not used, and not needed)" if used and not fact.works else ""
            yield Diagnosis("sandbox", "ok" if fact.works else "note", text, "" if used else fact.hint)


def _limits(config: "Config | None") -> Diagnosis:
    from duragent.sandboxes.settings import SandboxSettings

    settings = SandboxSettings() if config is None else config.sandbox
    how = "the kernel holds those of one file and of open files, the command's runner counts the others"
    return Diagnosis("sandbox", "ok", f"limits of a command: {settings.limits.in_words()}; {how}")


# --- how it looks ----------------------------------------------------------------------------------------------------


def _print(findings: Iterable[Diagnosis]) -> None:
    section = ""
    counts: Counter[Status] = Counter()
    for finding in findings:
        if finding.section != section:
            section = finding.section
            typer.echo(view.paint(section, "strong"))
        typer.echo(f"  {view.paint(f'{finding.status:<8}', _ROLES[finding.status])} {view.one_line(finding.text)}")
        if finding.hint:
            typer.echo(f"{'':11}→ {view.one_line(finding.hint)}")
        counts[finding.status] += 1
    typer.echo(f"\n{_sum(counts)}")


def _sum(counts: Mapping[Status, int]) -> str:
    parts = [view.many(counts[status], status) for status in ("problem", "warning") if counts[status]]
    return f"{' and '.join(parts)}." if parts else "Everything is fine."
