"""`duragent policy test`: what the policy says of a call, from the files alone; and the list of its sister commands."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from duragent.cli import allowances, options, view
from duragent.cli.completions import complete_agent
from duragent.cli.place import need_config

if TYPE_CHECKING:
    from duragent.tools.base import AnyTool

app = typer.Typer(
    help="See what an agent's policy allows.", rich_markup_mode=None, add_completion=False, no_args_is_help=True
)


def _unasked(tools: "Iterable[AnyTool]") -> tuple[str, ...]:
    """What these tools and all that come with duragent say may run unasked, as patterns."""
    from duragent.tools.toolset import builtin_tools

    return tuple(dict.fromkeys(pattern for tool in (*builtin_tools(), *tools) for pattern in tool.unasked_patterns()))


def _no_sessions() -> NoReturn:
    raise AssertionError("no tool of this workbench is made")


@app.command("test")
def try_command(
    agent: Annotated[str, typer.Argument(help="Whose policy.", autocompletion=complete_agent)],
    command: Annotated[str, typer.Argument(help="A shell command; with --tool, that tool's call.")],
    tool: Annotated[str | None, typer.Option(help="A built-in tool instead of bash, as in `web:fetch`.")] = None,
    config: options.Config = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Say whether a command would be allowed, asked about or denied, and by which rule. Runs nothing.

    Exit code 0: allowed; 1: a person would be asked, or it is denied.
    """
    from duragent.agent.catalog import Catalog
    from duragent.cli.loop import run
    from duragent.equipment import equip, make_workbench
    from duragent.policy.rules import Allow, Invocation, allow_patterns, explain, judge
    from duragent.process.spool import Spool

    settings = need_config(config, workspace)
    spool = Spool(settings.workspace / "run" / "spool", "")
    bench = make_workbench(settings, settings.agents_dir, spool, _no_sessions)
    loaded = Catalog.open(settings.agents_dir, settings.workspace).get(agent)
    unasked: tuple[str, ...] = ()
    invocation = Invocation("bash", "bash", command)
    if tool is not None:
        unasked = _unasked(equip(loaded, settings.workspace, settings.base).loaded.tools.tools)
        invocation = Invocation("builtin", tool.partition(":")[0], f"{tool} {command}".strip())
    policy = run(bench.policy(loaded, unasked))
    verdict = judge(policy, invocation)
    always = allow_patterns(policy, invocation)
    if json:
        parts = [{"text": part.text, "verdict": part.verdict, "reason": part.reason} for part in verdict.parts]
        answer = type(verdict).__name__.lower()
        view.print_json({"verdict": answer, "mode": policy.mode, "parts": parts, "allow_always": list(always)})
    else:
        for line in explain(verdict):
            typer.echo(view.clean(line))
        if always:
            typer.echo("allow always would add: " + ", ".join(f'"{view.one_line(pattern)}"' for pattern in always))
    raise typer.Exit(0 if isinstance(verdict, Allow) else 1)


app.command("list")(allowances.list_allowances)
app.command("revoke")(allowances.revoke)
