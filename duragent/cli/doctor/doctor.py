"""`duragent doctor`: what works here and what is missing, from the files and this machine; no server needed.

The law of this file: looking changes nothing. Each check says facts; nothing is repaired.
"""

import os
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
from duragent.cli.doctor.finding import Diagnosis, Status
from duragent.cli.doctor.sessions import sessions
from duragent.cli.doctor.v05 import old_workspace
from duragent.cli.place import find_config
from duragent.errors import InvalidFile

if TYPE_CHECKING:
    from duragent.agent.load import Agent
    from duragent.config import Config
    from duragent.errors import ServerUnreachable
    from duragent.sandboxes.choose import Fact
    from duragent.wire import Ready

LEAST_FREE_BYTES = 1 << 30
LEAST_TOKEN_CHARACTERS = 16
PROGRAMS = {
    "git": "agents that work on code use it",
    "rg": "ripgrep makes search_files fast; without it duragent searches by itself",
    "docker": "only for the sandbox `docker`",
}
_ALL = os.R_OK | os.W_OK | os.X_OK
_COLOURS: Mapping[Status, str] = {"ok": "green", "note": "blue", "warning": "yellow", "problem": "red"}


def doctor(config: options.Config = None, workspace: options.Workspace = None, json: options.Json = False) -> None:
    """Check this machine, the workspace and its agents. Needs no server, and changes nothing.

    Exit code 0: no problems; 1: there is one.
    """
    found: Config | None = None
    findings = [_python()]
    try:
        found = find_config(config, workspace)
        findings += [] if found is None else list(_configuration(found))
    except (InvalidFile, OSError) as error:
        findings.append(Diagnosis("configuration", "problem", str(error), "correct it, and look again"))
        # Without it nobody knows where they are.
        findings.append(
            Diagnosis("workspace", "note", "it was not looked at, nor were its server, sessions and agents")
        )
    else:
        if found is None:
            hint = "`duragent init` makes one; so does `duragent chat`"
            findings.append(Diagnosis("workspace", "warning", f"there is none in {Path.cwd()} or above", hint))
    findings += _examined(found)
    problems = any(finding.status == "problem" for finding in findings)
    if json:
        view.print_json({"ok": not problems, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    raise typer.Exit(1 if problems else 0)


def _examined(config: "Config | None") -> list[Diagnosis]:
    """What takes a while, side by side; it is told in the same order all the same."""
    with ThreadPoolExecutor(4) as threads:
        trying = threads.submit(_facts, config)

        def agents(of: "Config") -> list[Diagnosis]:
            return list(_agents(of, {fact.name: fact for fact in trying.result()}))

        looking = threads.submit(lambda: list(_workspace(config)) if config else [])
        reading = threads.submit(agents, config) if config else None
        is_there = config is not None and (config.workspace.is_dir() or config.sessions_dir.is_dir())
        verifying = threads.submit(lambda: list(sessions(config.sessions_dir)) if config and is_there else [])
        old = list(old_workspace(config)) if config and is_there else []
        found = [*looking.result(), *verifying.result(), *old, *sandbox(trying.result()), _limits(config), *programs()]
        return [*found, *(reading.result() if reading else ())]


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
        text = f"{name}: {where}" if where else f"{name} is not installed"
        yield Diagnosis("programs", "ok" if where else "note", text, "" if where else use)


# --- the workspace, and its server -----------------------------------------------------------------------------------


def _workspace(config: "Config") -> Iterator[Diagnosis]:
    workspace = config.workspace
    if not os.path.isdir(workspace):
        # One that was named with -w is not made: its name may be a slip.
        status: Status = "warning" if config.path else "problem"
        yield Diagnosis("workspace", status, f"{workspace} is not there", "`duragent init` makes a workspace")
        return
    places = (workspace, workspace / "run", config.sessions_dir)
    faults = [_unwritable(place) for place in places if os.path.isdir(place) and not os.access(place, _ALL)]
    yield from faults or [Diagnosis("workspace", "ok", f"{workspace} is there, and you may read and write it")]
    for place in dict.fromkeys((workspace, config.sessions_dir)):
        yield from _file_system(place, allowed=config.store.allow_network_fs)
    yield from free_space(shutil.disk_usage(workspace).free)
    yield from _server(config)


def _unwritable(place: Path) -> Diagnosis:
    if os.access(place, os.R_OK | os.X_OK) and os.statvfs(place).f_flag & os.ST_RDONLY:
        text = f"{place} is on a file system that is mounted read-only: sessions can be read, and do not go on"
        return Diagnosis("workspace", "problem", text, "mount it read-write")
    return Diagnosis(
        "workspace", "problem", f"you may not read and write {place}", f"`ls -ld {place}` shows whose it is"
    )


def _file_system(place: Path, *, allowed: bool) -> Iterator[Diagnosis]:
    from duragent.errors import UnsafeFileSystem
    from duragent.stores.files.locks import refuse_network_file_system

    try:
        refuse_network_file_system(place)
    except UnsafeFileSystem as error:
        text = f"{place} is on {error.kind}, a network file system, where locks and fsync cannot be trusted"
        hint = "put it on a local disk" + ("" if allowed else ", or set `allow_network_fs: true` if you know better")
        yield Diagnosis("workspace", "warning" if allowed else "problem", text, hint)


def free_space(free_bytes: int) -> Iterator[Diagnosis]:
    free = f"{free_bytes / (1 << 30):,.1f} GiB are free on its disk"
    if free_bytes < LEAST_FREE_BYTES:
        yield Diagnosis("workspace", "warning", free, "make room: sessions stand still when the disk is full")
    else:
        yield Diagnosis("workspace", "ok", free)


def _server(config: "Config") -> Iterator[Diagnosis]:
    from duragent.client.address import read_address, workspace_hash
    from duragent.errors import OlderServer, ServerUnreachable

    workspace = config.workspace
    address = read_address(workspace)
    if address is None:
        yield from _without_address(workspace)
        return
    who, url = f"the server (process {address.pid})", f"http://{address.host}:{address.port}"
    if address.workspace_hash != workspace_hash(workspace):
        hint = "`duragent serve` starts one for this workspace"
        yield Diagnosis("server", "warning", f"another workspace's server answers at {url}", hint)
        return
    try:
        ready = _ready(config)
    except OlderServer as error:
        yield Diagnosis("server", "warning", f"{who} is an older duragent ({error.version})", error.advice)
        return
    except ServerUnreachable as error:
        yield _silent(address.pid, address.started_at, error)
        return
    started = view.ago(address.started_at)
    yield Diagnosis("server", "ok", f"{who}, started {started}, answers at {url} on /livez and /readyz")
    if holder := lock_holder(workspace / ".lock"):
        yield Diagnosis("server", "ok", f"the workspace is held by {holder}")
    if address.version != __version__:
        text = f"the server is version {address.version}, this program {__version__}"
        yield Diagnosis("server", "warning", text, "`duragent serve stop`: the next command starts the new version")
    if ready.problem:
        yield Diagnosis("server", "problem", f"the server is not well: {ready.problem}", "`duragent serve status`")


def _ready(config: "Config") -> "Ready":
    """What `/readyz` says, when `/livez` answers too. Raises ServerUnreachable, OlderServer."""
    import asyncio

    from duragent.client.address import TokenSource, always
    from duragent.client.client import Client
    from duragent.client.find import find_server

    tokens = TokenSource(config.server.api_token, config.server.admin_token)

    async def ask() -> "Ready":
        endpoint = await find_server(config.workspace, tokens)
        async with Client(always(endpoint), patience_seconds=0) as client:
            await client.alive()
            return await client.ready()

    return asyncio.run(ask())


def _silent(pid: int, started_at: str, error: "ServerUnreachable") -> Diagnosis:
    from duragent.client.server_process import is_gone

    if is_gone(pid, started_at):
        text = f"the server (process {pid}) ended in the middle of its work; nothing that it wrote is lost"
        return Diagnosis("server", "warning", text, "`duragent serve` goes on; so does any command that needs a server")
    text = f"the server (process {pid}) runs, and does not answer at {error.url}: {error.reason}"
    hint = f"its log is logs/server.log in the workspace; `kill {pid}` ends it, and the next one goes on"
    return Diagnosis("server", "problem", text, hint)


def _without_address(workspace: Path) -> Iterator[Diagnosis]:
    """No server says where it is: nobody is there, or one that begins or ends."""
    holder = lock_holder(workspace / ".lock")
    if holder is None:
        yield Diagnosis("server", "ok", "none runs; a command that needs one starts it")
    else:
        hint = "it may be starting or stopping: look again in a moment"
        yield Diagnosis("server", "warning", f"the workspace is held by {holder}, which does not say where it is", hint)


def lock_holder(path: Path) -> str | None:
    """Who holds the workspace, as they wrote it down; None when nobody does."""
    import fcntl

    from duragent.system.safe_read import open_file

    try:
        descriptor = open_file(path)
    except OSError:
        return None
    try:
        note = os.read(descriptor, 500).decode(errors="replace").strip()
        # An empty note means that it was let go of. The lock is only tried where a note was left, and only for a
        # moment, because a server that starts in that moment would find it taken.
        if not note:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return view.one_line(note)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


# --- the sandbox -----------------------------------------------------------------------------------------------------


def _facts(config: "Config | None") -> "list[Fact]":
    from duragent.sandboxes.choose import report
    from duragent.sandboxes.settings import SandboxSettings

    return report(SandboxSettings() if config is None else config.sandbox)


def sandbox(facts: "Sequence[Fact]") -> Iterator[Diagnosis]:
    """What is used comes first; of the others only what they lack matters less."""
    *others, chosen = facts
    status: Status = "problem" if not chosen.works else "warning" if chosen.hint else "ok"
    yield Diagnosis("sandbox", status, chosen.why, chosen.hint)
    for fact in others:
        if fact.name != "trust":
            said = f"{fact.name} {fact.why}" if fact.works else f"{fact.name}: {fact.why}"
            yield Diagnosis("sandbox", "ok" if fact.works else "note", said, fact.hint)


def _limits(config: "Config | None") -> Diagnosis:
    from duragent.sandboxes.settings import SandboxSettings

    settings = SandboxSettings() if config is None else config.sandbox
    how = "the kernel holds those of one file and of open files, the command's runner counts the others"
    return Diagnosis("sandbox", "ok", f"limits of a command: {settings.limits.in_words()}; {how}")


# --- agents ----------------------------------------------------------------------------------------------------------

_Said = tuple[Status, str, str]
"""A finding about one agent, without its name."""


def _agents(config: "Config", facts: "Mapping[str, Fact]") -> Iterator[Diagnosis]:
    from duragent.agent.catalog import Catalog

    try:
        catalog = Catalog.open(config.agents_dir)
    except InvalidFile as error:
        yield Diagnosis("agents", "problem", str(error))
        return
    for name, reason in catalog.broken.items():
        hint = f"correct the file; `duragent agent check {name}` says when it is good"
        yield Diagnosis("agents", "problem", f"{name} cannot be used: {reason}", hint)
    if not catalog.agents and not catalog.broken:
        yield Diagnosis("agents", "warning", f"none in {config.agents_dir}", "`duragent agent create NAME` makes one")
    # What several agents have in common, such as a broken file of the workspace, is told once.
    said: dict[_Said, list[str]] = {}
    for agent in catalog.agents.values():
        for each in _about(agent, config, facts):
            said.setdefault(each, []).append(agent.name)
    for (status, text, hint), names in said.items():
        yield Diagnosis("agents", status, f"{', '.join(names)}: {text}", hint)


def _about(agent: "Agent", config: "Config", facts: "Mapping[str, Fact]") -> list[_Said]:
    from duragent.agent.spec import doubt_about_provider, inactive
    from duragent.equipment import equip

    model, has = agent.spec.model, equip(agent, config.workspace, config.base)
    shows = "`duragent agent check` shows all faults"
    found: list[_Said] = []
    for fault in has.policy_faults:
        found.append(("problem", f"its policy is broken, so that all its tools are denied: {fault}", shows))
    found += [("problem", f"a tool is missing: {fault}", shows) for fault in has.loaded.tools.faults]
    found += [("warning", f"left out: {fault}", shows) for fault in has.loaded.sections.faults]
    found += _about_key(agent, config)
    if doubt := doubt_about_provider(model.provider):
        found.append(("warning", doubt, "correct spec.model.provider, if that was meant"))
    if waiting := inactive(agent.spec):
        found.append(("warning", f"not active in this version: {', '.join(waiting)}", "what they ask for is not done"))
    if not os.path.isdir(has.folder):
        found.append(("problem", f"its working directory {has.folder} is not there", f"mkdir -p {has.folder}"))
    needed = facts.get(agent.spec.sandbox.require or "")
    if needed is not None and not needed.works:
        found.append(("problem", f"it runs no command without {needed.name}: {needed.why}", needed.hint))
    return found or [("ok", f"{model.provider}/{model.name}, {len(has.loaded.tools.tools)} tools", "")]


def _about_key(agent: "Agent", config: "Config") -> list[_Said]:
    from duragent.agent.starter import PROVIDER_KEYS
    from duragent.client.address import read_address
    from duragent.errors import ModelNotConfigured
    from duragent.models.base import ModelChoice
    from duragent.models.litellm.request import find_key

    model = agent.spec.model
    if model.provider == "demo":
        return []
    try:
        find_key(ModelChoice(model.provider, model.name, model.base_url), os.environ)
    except ModelNotConfigured as error:
        hint = f"export {PROVIDER_KEYS.get(model.provider, 'its variable')}=…"
        if read_address(config.workspace) is None:
            return [("problem", str(error), hint)]
        return [("warning", f"{error} (not set here; what counts is the running server's environment)", hint)]
    return []


# --- how it looks ----------------------------------------------------------------------------------------------------


def _print(findings: Iterable[Diagnosis]) -> None:
    section = ""
    counts: Counter[Status] = Counter()
    for finding in findings:
        if finding.section != section:
            section = finding.section
            typer.echo(view.paint(section, bold=True))
        typer.echo(f"  {view.paint(f'{finding.status:<8}', fg=_COLOURS[finding.status])} {view.one_line(finding.text)}")
        if finding.hint:
            typer.echo(f"{'':11}→ {view.one_line(finding.hint)}")
        counts[finding.status] += 1
    typer.echo(f"\n{_sum(counts)}")


def _sum(counts: Mapping[Status, int]) -> str:
    told = [view.many(counts[status], status) for status in ("problem", "warning") if counts[status]]
    return f"{' and '.join(told)}." if told else "Everything is fine."
