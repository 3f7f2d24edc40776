"""The list of commands, the table of exit codes, and what happens to an error that no command has caught."""

import contextlib
import functools
import gc
import importlib
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from duragent import __version__, errors
from duragent.cli import view
from duragent.cli.looks import begin_theme
from duragent.cli.place import NoWorkspace
from duragent.system.os_errors import in_words

COMMANDS: dict[str, str] = {
    "chat": "Talk to an agent; makes what is missing.",
    "attach": "Go back to a session.",
    "ask": "Ask one thing, print the answer; made for pipes.",
    "approvals": "List the tool calls that wait for a decision.",
    "approve": "Decide about one: --once, --always, --deny.",
    "keys": "Keep providers' keys for all servers: list, set, remove.",
    "init": "Make a workspace with an agent.",
    "serve": "Run the server, or speak to the one that runs: status, token, stop, reload-agents.",
    "log": "Show a log: ID of a session, or a stream such as mind-AGENT.",
    "verify": "Say whether logs of sessions and streams are whole.",
    "session": "list, show, log, verify, repair, export, import, redact, rename, delete, prune.",
    "diff": "Show what an agent changed in files: ID[@A..@B].",
    "undo": "Put files back as they were before a turn: ID[@TURN].",
    "fork": "Begin a session that shares the past of another one: ID@SEQ.",
    "replay": "Show a session's conversation up to a record: ID@SEQ; --state, --verify.",
    "agent": "list, create, check.",
    "memory": "list, show, add, search, review, forget, log, undo, index, sleep, import: what agents remember.",
    "policy": "test: what an agent's policy says of a command.",
    "context": "Show what the model would see of a session, with tokens.",
    "why": "Say what a question's search in memory gave, and why: ID[@SEQ].",
    "doctor": "Check this machine, the workspace and the agents; say what is missing.",
    "completions": "Print the completion script for bash, zsh or fish.",
}
"""Each is the function of that name, or the `app` of subcommands, in a file of that name, which is imported then."""

_IN_FOLDERS = {
    "chat": "chat.chat",
    "attach": "chat.attach",
    "log": "session.log",
    "verify": "session.verify",
    "session": "session.session",
    "agent": "agent.agent",
    "memory": "memory.memory",
    "doctor": "doctor.doctor",
}
"""Where the file is, if it is not in `cli/` itself."""

EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "the server refused, the turn failed, was stopped or is paused, or a check found a problem",
    2: "the command line is wrong",
    3: "a tool call waits for a person to decide about it",
    65: "a file has a fault: configuration, agent or log",
    66: "no such session, agent or workspace",
    69: "the server cannot be reached or did not start",
    70: "an internal error: please report it",
    73: "another server holds the workspace or its sessions, or the file system has no locks to trust",
    75: "try again later: the model, the disk or the server is not available now",
    76: "an older duragent answers, which this one cannot work with",
    77: "the token is wrong or missing",
    78: "the model's provider or key is not set up",
    130: "stopped with Ctrl-C",
}
"""After sysexits.h where it has a word for it."""

_OF_ERRORS: dict[type[errors.DuragentError], int] = {
    errors.DuragentError: 1,
    errors.InvalidRequest: 2,
    errors.AmbiguousId: 2,
    errors.InvalidFile: 65,
    errors.InvalidArchive: 65,
    errors.AgentBroken: 65,
    errors.Damaged: 65,
    errors.NotFound: 66,
    errors.ServerUnreachable: 69,
    errors.ServerStartFailed: 69,
    errors.OlderServer: 76,
    errors.WorkspaceLocked: 73,
    errors.UnsafeFileSystem: 73,
    errors.StoreError: 75,
    errors.ModelError: 75,
    errors.AuthenticationFailed: 78,
    errors.ModelNotConfigured: 78,
}
_OF_PROBLEMS = {
    errors.AgentBroken.code: 65,
    errors.Damaged.code: 65,
    errors.InvalidArchive.code: 65,
    errors.InvalidFile.code: 65,
    errors.InvalidRequest.code: 2,
    errors.ModelNotConfigured.code: 78,
}
_OF_STATUSES = {401: 77, 403: 77, 404: 66, 410: 66, 502: 75, 503: 75, 504: 75, 507: 75}

_HINTS: dict[type[errors.DuragentError], str] = {
    errors.ServerUnreachable: "`duragent serve status` says what runs; `duragent serve` starts a server.",
    errors.WorkspaceLocked: "`duragent serve status` says who answers; `duragent serve stop` stops it.",
    errors.SessionDeleted: "",
    errors.SessionsLocked: "Stop that server, or give this workspace a folder of its own: `services.session.path`.",
    errors.SessionNotFound: "`duragent session list` shows what there is.",
    errors.AgentNotFound: "`duragent agent list` shows what there is; `duragent agent create NAME` makes one.",
    errors.AgentBroken: "`duragent agent check` shows all faults.",
    errors.AmbiguousId: "Give more of the id.",
    errors.ModelNotConfigured: "`duragent keys set PROVIDER` keeps a key, `duragent init` connects a model.",
    errors.NoMemory: "`memory: {}` under `spec:` in its agent.yaml lets it remember.",
    errors.MemoryChanged: "Look at what it has now, and try again.",
    NoWorkspace: "`duragent init` makes a workspace.",
    errors.NothingToDo: "`duragent approvals` shows what waits.",
    errors.NotDamaged: "",
    errors.NothingToForget: "",
    errors.NothingToRedact: "",
    errors.NothingToUndo: "",
    errors.Damaged: "`duragent doctor` says what is lost, what can be saved, and how.",
    errors.LogChanged: "It is read-only until the server is started again (`duragent serve stop`), which takes the log "
    "as it is then; `duragent session verify` says whether that is whole.",
}


_HINTS_OF_PROBLEMS = {
    errors.AgentBroken.code: _HINTS[errors.AgentBroken],
    errors.NothingToDo.code: _HINTS[errors.NothingToDo],
    errors.NoMemory.code: _HINTS[errors.NoMemory],
    errors.MemoryChanged.code: _HINTS[errors.MemoryChanged],
    errors.CallChanged.code: _HINTS[errors.NothingToDo],
    errors.Damaged.code: _HINTS[errors.Damaged],
    errors.LogChanged.code: _HINTS[errors.LogChanged],
    errors.SessionExists.code: "`--new-id` takes it in beside the one that is here.",
}


_TYPES = {"str": "TEXT", "path": "PATH", "int": "NUMBER", "float": "NUMBER"}
_TYPE = re.compile(r" <([a-z]+)[^>]*>$")


def _say_types_in_words(command: Any) -> None:
    """typer tells types as Python spells them, `<str>`: words behind options, and nothing behind arguments."""
    for each in getattr(command, "commands", {}).values():
        _say_types_in_words(each)
    for parameter in command.params:
        is_argument = parameter.param_type_name == "argument"
        parameter.get_help_record = functools.partial(_in_words, parameter.get_help_record, is_argument)


def _in_words(record: Callable[[Any], tuple[str, str] | None], is_argument: bool, ctx: Any) -> tuple[str, str] | None:
    told = record(ctx)
    if told is None:
        return None
    name, help_text = told
    return _TYPE.sub(lambda found: "" if is_argument else f" {_TYPES.get(found[1], 'VALUE')}", name), help_text


class _Subcommands(TyperGroup):
    """Lists its commands with all of what their first paragraph says; the usual list cuts it after some words."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [
            (name, " ".join((command.help or "").partition("\n\n")[0].split()))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"duragent.cli.{_IN_FOLDERS.get(cmd_name, cmd_name)}")
        loaded = getattr(module, "app", None)
        if loaded is None:
            loaded = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
            loaded.command(cmd_name)(getattr(module, cmd_name))
        else:
            loaded.info.cls = _Subcommands
        command = typer.main.get_command(loaded)
        command.name = cmd_name
        _say_types_in_words(command)
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # Only for "Did you mean": typer looks for similar names here.
        self.commands = dict.fromkeys(COMMANDS, self)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        # From the table, so that `--help` imports no command.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    name="duragent",
    cls=_Commands,
    help="A durable session runtime for AI agents. `duragent chat` is the place to begin.",
    epilog="Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + ".",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"duragent {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, help="Log more: servers log DEBUG."),
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors; servers log ERROR.")] = False,
) -> None:
    if verbose and quiet:
        raise errors.InvalidRequest("--verbose and --quiet: give only one of them")
    view.set_quiet(quiet)
    begin_theme("auto")
    if verbose or quiet:
        # Read by `serve` in this process, and by a server that a command starts in the background.
        os.environ["DURAGENT_LOG"] = "DEBUG" if verbose else "ERROR"


def main() -> None:
    _start_fast()
    code = run(sys.argv[1:])
    # All memory goes back with the process: to look for garbage among the modules first takes as long as their import.
    gc.freeze()
    sys.exit(code)


def _start_fast() -> None:
    """A command is mostly imports, in which nothing is garbage, and for which pydantic would look for its plugins in
    all packages that are installed."""
    gc.set_threshold(200_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; what went wrong is one plain line on stderr."""
    if "_DURAGENT_COMPLETE" in os.environ:
        from duragent.cli.completions import prepare

        prepare()
    try:
        app(arguments, prog_name="duragent")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _broken_pipe()
    except errors.DuragentError as error:
        return _say(error)
    except Exception as error:
        cause = _only_cause(error)
        if isinstance(cause, errors.DuragentError):
            return _say(cause)
        if isinstance(cause, OSError | MemoryError) and os.environ.get("DURAGENT_DEBUG") != "1":
            return _say_system(cause)
        return _report(error, in_full=arguments[:1] == ["serve"] and not sys.stderr.isatty())
    return 0


def _say_system(error: OSError | MemoryError) -> int:
    """What the operating system refuses is no fault of the program: a sentence, and no traceback."""
    if isinstance(error, MemoryError):
        _to_stderr("duragent: there is not enough memory")
    else:
        where = f"{error.filename}: " if error.filename else ""
        _to_stderr(f"duragent: {where}{in_words(error)}")
    return _OF_ERRORS[errors.StoreError]


def _to_stderr(text: str) -> None:
    # It may be a file on the disk that is full.
    with contextlib.suppress(OSError):
        typer.echo(view.wrapped(text, sys.stderr), err=True)


def exit_code(error: errors.DuragentError) -> int:
    if isinstance(error, errors.ProblemResponse):
        return _OF_PROBLEMS.get(error.problem) or _OF_STATUSES.get(error.status, 1)
    return next(_OF_ERRORS[kind] for kind in type(error).__mro__ if kind in _OF_ERRORS)


def _say(error: errors.DuragentError) -> int:
    _to_stderr(f"duragent: {view.clean(str(error))}")
    hint = next((_HINTS[kind] for kind in type(error).__mro__ if kind in _HINTS), None)
    if isinstance(error, errors.ProblemResponse):
        hint = _hint_of_problem(error)
    if isinstance(error, errors.ServerUnreachable) and error.named:
        hint = "Check the URL, and that a duragent server runs there."
    if hint:
        _to_stderr(hint)
    return exit_code(error)


def _hint_of_problem(error: errors.ProblemResponse) -> str | None:
    if error.status in (401, 403):
        return (
            "For a server named with --server, set DURAGENT_TOKEN or give --token-file; a server makes a new token at "
            "each start, and `duragent serve token`, in its workspace, prints it."
        )
    return _HINTS_OF_PROBLEMS.get(error.problem)


def _broken_pipe() -> int:
    # The reader of stdout has gone away; without this the interpreter would complain about it at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _only_cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _report(error: Exception, *, in_full: bool) -> int:
    import tempfile
    import traceback

    cause = _only_cause(error)
    trace = "".join(traceback.format_exception(error))
    _to_stderr(f"duragent: internal error, please report it: {type(cause).__name__}: {cause}")
    if in_full or os.environ.get("DURAGENT_DEBUG") == "1":
        _to_stderr(trace)
        return 70
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="duragent-", suffix=".log", delete=False, errors="replace"
        ) as file:
            file.write(trace)
        typer.echo(f"The details are in {file.name}", err=True)
    except OSError:
        pass
    return 70
