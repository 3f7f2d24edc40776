"""Writes docs/reference/ and the list of rooms in docs/architecture.md from the code: `python docs/generate.py`.

With `--check` it only says what differs. Each page is a pure function that returns its text. What stands on these pages
and not in the code is in the tables at the end of this file.
"""

import ast
import difflib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, get_args

import typer
from markdown_text import code, page, sentences, table
from pydantic import AliasChoices, BaseModel
from rooms import modules_page, rooms_table

from duragent import errors, wire
from duragent.agent import spec
from duragent.agent.model_file import ModelFile
from duragent.cli import main as cli
from duragent.config import ConfigFile
from duragent.journal import events
from duragent.journal.call_states import DECIDED, FINISHED, TRANSITIONS
from duragent.journal.mind import events as mind_events
from duragent.policy.defaults import ALLOW
from duragent.policy.files import PolicyFile
from duragent.server.auth import ADMIN_PREFIX, PUBLIC_PATHS
from duragent.server.bounds import USUAL_BOUNDS
from duragent.server.problems import REFUSALS, STATUSES
from duragent.server.routes.table import ROUTES
from duragent.server.routing import Route
from duragent.tools.base import AnyTool, Tool
from duragent.tools.toolset import builtin_tools
from duragent.wire.base import SEQ_MAX

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"

Schema = Mapping[str, Any]
E = TypeVar("E", bound=errors.DuragentError)


def own_doc(kind: type) -> str:
    """The docstring of the class itself, not one that it inherits."""
    return sentences(kind.__dict__.get("__doc__"))


# --- JSON schema as words -------------------------------------------------------------------------------------------


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema behind a `$ref`, with what stands beside the reference."""
    if "$ref" not in schema:
        return schema
    target = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def kind_of(schema: Schema, root: Schema) -> str:
    """`text`, `number 0 to 2`, the allowed words, `list of text`, or the name of a shape."""
    if "$ref" in schema and "properties" in resolved(schema, root):
        return str(schema["$ref"]).rpartition("/")[2]
    schema = resolved(schema, root)
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(kind_of(choice, root) for choice in choices))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema['items'], root)}" if schema.get("items") else "list"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"keys to {kind_of(values, root)}" if isinstance(values, dict) and values else "object"
    names = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false", "null": "null"}
    return names.get(schema.get("type", ""), "any") + _bounds(schema)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if high == SEQ_MAX:
        high = None
    if low is not None and high is not None:
        return f" {_number(low)} to {_number(high)}"
    if low is not None:
        return f", at least {_number(low)}"
    above = schema.get("exclusiveMinimum")
    limit = f", up to {_number(high)}" if high is not None else ""
    longest = f", at most {schema['maxLength']} characters" if "maxLength" in schema else ""
    return (f" above {_number(above)}" if above is not None else "") + limit + longest


def _number(value: float) -> str:
    """All its digits, as somebody would write it into a file."""
    return str(int(value)) if value == int(value) else str(value)


def default_of(name: str, schema: Schema, parent: Schema) -> str:
    if name in parent.get("required", ()):
        return "required"
    value = schema.get("default")
    if value in (None, {}, [], ""):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def strings_under_fields(kind: type) -> dict[str, str]:
    """What the string under each field of a class says."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: sentences(told.value.value)
        for field, told in pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(told, ast.Expr) and isinstance(told.value, ast.Constant) and isinstance(told.value.value, str)
    }


def fields_table(schema: Schema, root: Schema, told: Mapping[str, str] | None = None) -> str:
    rows = [
        (
            code(name),
            kind_of(field, root),
            default_of(name, field, schema),
            (told or {}).get(name) or resolved(field, root).get("description", ""),
        )
        for name, field in schema.get("properties", {}).items()
        if name != "type"
    ]
    if all(not row[3] for row in rows):
        return table(("field", "type", "default"), [row[:3] for row in rows])
    return table(("field", "type", "default", "meaning"), rows)


# --- YAML files -----------------------------------------------------------------------------------------------------


def yaml_rows(schema: Schema, root: Schema, prefix: str, inactive: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """One row for each key, depth first; the keys of a list's items and of named shapes follow their list."""
    for name, field in schema["properties"].items():
        path = f"{prefix}{name}"
        full = resolved(field, root)
        waits = path in inactive or any(path.startswith((f"{key}.", f"{key}[]")) for key in inactive)
        mark = "no" if waits else "yes"
        meaning = field.get("description") or full.get("description", "")
        inner = list(_inner(full, root))
        default = "none" if inner and name not in schema.get("required", ()) else default_of(name, field, schema)
        # Where null is the default it means that the key is absent, which is what people do.
        kind = kind_of(field, root).removesuffix(" or null")
        if inner:
            kind = "list" if full.get("type") == "array" else "keys"
        yield code(path), kind, default, mark, sentences(meaning)
        marker = "[]." if full.get("type") == "array" else "."
        for shape in inner:
            yield from yaml_rows(shape, root, path + marker, inactive)


def _inner(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The mappings that may stand in this place."""
    if "properties" in schema:
        yield schema
    elif schema.get("type") == "array":
        yield from _inner(resolved(schema["items"], root), root)
    else:
        for choice in schema.get("anyOf") or schema.get("oneOf") or ():
            yield from _inner(resolved(choice, root), root)


YAML_COLUMNS = ("key", "type", "default", "active", "meaning")


def agent_yaml() -> str:
    schema = spec.AgentFile.model_json_schema()
    inactive = frozenset(f"spec.{name}" for name in spec._INACTIVE)
    return page(
        "agent.yaml",
        AGENT_YAML,
        table(YAML_COLUMNS, yaml_rows(schema, schema, "", inactive)),
        "## Other spellings",
        table(("key", "also read as"), _aliases()),
    )


def model_yaml() -> str:
    schema = ModelFile.model_json_schema()
    rows = [row[:3] + row[4:] for row in yaml_rows(schema, schema, "", frozenset())]
    return page("models/NAME.yaml", MODEL_YAML, table(tuple(each for each in YAML_COLUMNS if each != "active"), rows))


def _aliases() -> Iterator[tuple[str, str]]:
    for name, field in spec.ModelSpec.model_fields.items():
        if isinstance(alias := field.validation_alias, AliasChoices):
            others = ", ".join(code(choice) for choice in alias.choices if choice != name)
            yield code(f"spec.model.{name}"), others


def duragent_yaml() -> str:
    schema = ConfigFile.model_json_schema()
    rows = yaml_rows(schema, schema, "", frozenset(INACTIVE_CONFIG))
    return page("duragent.yaml", DURAGENT_YAML, table(YAML_COLUMNS, rows))


# --- tools and policy ------------------------------------------------------------------------------------------------


def tools_page() -> str:
    tools = builtin_tools()
    rows = [(f"[{code(tool.name)}](#{tool.name})", tool.effect, _asks(tool)) for tool in tools]
    parts = [TOOLS, table(("tool", "effect", "without a policy of yours"), rows)]
    for tool in tools:
        schema = tool.parameters()
        arguments = fields_table(schema, schema) or "No arguments."
        parts += [f"## {tool.name}", sentences(tool.description), arguments, f"Effect: {EFFECTS[tool.effect]}."]
        if type(tool).effect_of is not Tool.effect_of:
            parts += [EFFECT_OF_A_CALL]
    return page("Tools", *parts)


def _asks(tool: AnyTool) -> str:
    """What the built-in rules say of its calls."""
    if tool.kind == "bash":
        return "runs what only reads, asks about the rest"
    if not isinstance(tool.runs_unasked, tuple):
        return "runs" if tool.runs_unasked else "asks"
    actions = tool.runs_unasked
    choices = tool.parameters().get("properties", {}).get("action", {}).get("enum", ())
    asked = [action for action in choices if action not in actions]
    return "runs" if not asked else f"runs {', '.join(actions)}; asks about {', '.join(asked)}"


def policy_yaml() -> str:
    schema = PolicyFile.model_json_schema()
    rows = [row[:3] + row[4:] for row in yaml_rows(schema, schema, "", frozenset())]
    columns = tuple(column for column in YAML_COLUMNS if column != "active")
    patterns = [*ALLOW, *(pattern for tool in builtin_tools() for pattern in tool.unasked_patterns())]
    allowed = "```yaml\nallow:\n" + "".join(f"  - '{pattern}'\n" for pattern in patterns) + "```"
    return page("policy.yaml", POLICY_YAML, table(columns, rows), "## What is allowed without a list", ALLOWED, allowed)


# --- events ---------------------------------------------------------------------------------------------------------


def event_types() -> str:
    parts = [EVENTS]
    for name, kind in events.EVENT_TYPES.items():
        parts += _described(name, kind)
    parts += ["# Events of a mind", MIND_EVENTS]
    for name, kind in mind_events.MIND_EVENT_TYPES.items():
        if name not in events.EVENT_TYPES:
            parts += _described(name, kind)
    parts += ["# Parts of events"]
    for part in (
        events.Sender,
        events.Call,
        events.TokenCounts,
        events.PolicyFinding,
        mind_events.NoteCause,
        mind_events.ImportedNote,
    ):
        parts += _described(part.__name__, part)
    parts += ["# Unknown types", own_doc(events.Opaque)]
    return page("Events", *parts)


def _described(name: str, kind: type[BaseModel]) -> list[str]:
    schema = kind.model_json_schema()
    if not (described := own_doc(kind)):
        raise ValueError(f"the event {name} has no docstring")
    return [f"## {name}", described, fields_table(schema, schema, strings_under_fields(kind))]


# --- HTTP -----------------------------------------------------------------------------------------------------------


def http() -> str:
    shapes = [
        shape
        for route in ROUTES
        for answered in (route.body, *route.answers.values())
        for shape in (answered if isinstance(answered, tuple) else (answered,))
        if isinstance(shape, type) and issubclass(shape, BaseModel)
    ]
    limits = {
        "mebibytes": USUAL_BOUNDS.body_max_bytes >> 20,
        "gibibytes": USUAL_BOUNDS.import_max_bytes >> 30,
    }
    parts = [HTTP.format(**limits, public=", ".join(code(path) for path in sorted(PUBLIC_PATHS)))]
    parts += ["## Routes", table(("route", "token", "what it does"), (_route_row(route) for route in ROUTES))]
    for route in ROUTES:
        parts += _route(route)
    parts += ["## The stream of `/events`", EVENTS_STREAM, table(("event", "id", "data"), EVENTS_FRAMES)]
    parts += [shape_section(wire.Hello), shape_section(wire.Delta)]
    parts += ["## The stream of `/stream`", ANSWER_STREAM, table(("event", "data", "when"), ANSWER_FRAMES)]
    parts += ["## Shapes", *(shape_section(shape) for shape in _with_inner(shapes))]
    return page("HTTP API", *parts)


def _route_row(route: Route) -> tuple[str, str, str]:
    token = "none" if route.path in PUBLIC_PATHS else "admin" if route.path.startswith(ADMIN_PREFIX) else "api"
    return f"`{route.method} {route.path}`", token, route.summary


def _route(route: Route) -> Iterator[str]:
    yield f"### {route.method} {route.path}"
    yield route.summary
    if route.query:
        schema = route.query.model_json_schema()
        yield "Query:\n\n" + fields_table(schema, schema)
    if isinstance(route.body, str):
        yield f"Body: `{route.body}`"
    elif route.body:
        yield f"Body: [{route.body.__name__}](#{route.body.__name__.lower()})"
    headers = [header for header, fits in ROUTE_HEADERS if fits(route)]
    if headers:
        yield "Headers: " + " ".join(headers)
    yield "Answers: " + "; ".join(_answer(route, status) for status in route.answers) + "."


def _answer(route: Route, status: int) -> str:
    shape = route.answers[status]
    if shape is None:
        return f"{status} without a body"
    if isinstance(shape, str):
        return f"{status} `{shape}`"
    shapes = shape if isinstance(shape, tuple) else (shape,)
    named = f"{status} " + " or ".join(f"[{each.__name__}](#{each.__name__.lower()})" for each in shapes)
    return f"{named}, or `text/event-stream` when `Accept` names it" if route.streams else named


def _with_inner(shapes: Sequence[type[BaseModel]]) -> list[type[BaseModel]]:
    """The shapes, and those inside them, by name."""
    found = {shape.__name__ for shape in shapes} | {wire.Problem.__name__}
    every: list[type[BaseModel]] = [*shapes, wire.Problem]
    for shape in every:
        found |= shape.model_json_schema().get("$defs", {}).keys()
    return [getattr(wire, name) for name in sorted(found)]


def shape_section(shape: type[BaseModel]) -> str:
    schema = shape.model_json_schema()
    parts = (f"### {shape.__name__}", own_doc(shape), fields_table(schema, schema))
    return "\n\n".join(part for part in parts if part)


# --- errors and exit codes ------------------------------------------------------------------------------------------


def error_meanings() -> dict[str, str]:
    """The words beside each name in the tree of `errors.py`."""
    found = {}
    for line in (errors.__doc__ or "").splitlines():
        name, _, meaning = line.lstrip("│├└─ ").partition(" ")
        if hasattr(errors, name):
            found[name] = meaning.strip()
    return found


def all_errors(root: type[E]) -> Iterator[type[E]]:
    yield root
    for child in root.__subclasses__():
        yield from all_errors(child)


def problem_rows() -> list[tuple[str, str, str, str]]:
    rows = {code_: (status, title, REFUSAL_MEANINGS[code_]) for code_, (status, title) in REFUSALS.items()}
    meanings = error_meanings()
    for kind in all_errors(errors.DuragentError):
        row = next((STATUSES[base] for base in kind.__mro__ if base in STATUSES), None)
        # A model's errors reach nobody through HTTP: they end the turn, and that is `model-failed`.
        if row is not None and not issubclass(kind, errors.ModelError):
            meaning = meanings.get(kind.__name__) or ERRORS_WITHOUT_WORDS.get(kind.__name__, "")
            rows.setdefault(kind.code, (*row, meaning))
    by_status = sorted(rows.items(), key=lambda item: (item[1][0], item[0]))
    return [(code(name), str(status), title, meaning) for name, (status, title, meaning) in by_status]


def model_rows() -> Iterator[tuple[str, str, str]]:
    meanings = error_meanings()
    for kind in all_errors(errors.ModelError):
        meaning = meanings[kind.__name__].removesuffix("; retried").removesuffix("; final")
        meaning = "" if meaning in ("retried", "final") else meaning
        yield code(kind.code), "yes" if kind.retryable else "no", meaning.removeprefix("retried; ")


def error_page() -> str:
    return page(
        "Errors",
        ERRORS,
        table(("code", "status", "title", "when"), problem_rows()),
        "## Codes of a failed turn",
        TURN_CODES,
        table(("code", "asked again", "when"), [*model_rows(), *OTHER_TURN_CODES]),
    )


def exit_codes() -> str:
    by_code: dict[int, list[str]] = {}
    for kind, exit_code in cli._OF_ERRORS.items():
        by_code.setdefault(exit_code, []).append(kind.__name__)
    for status, exit_code in cli._OF_STATUSES.items():
        by_code.setdefault(exit_code, []).append(f"HTTP {status}")
    rows = [(str(number), meaning, ", ".join(by_code.get(number, ()))) for number, meaning in cli.EXIT_CODES.items()]
    return page("Exit codes", EXIT_CODES, table(("code", "meaning", "errors"), rows))


# --- parts of other pages -------------------------------------------------------------------------------------------


def call_states() -> str:
    """The statuses of a call as a diagram and a table: `journal/call_states.py`."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(TRANSITIONS))}: model_replied"]
    for status, row in TRANSITIONS.items():
        for event, to in row.items():
            place = "[*]" if to == FINISHED else to
            lines.append(f"    {status} --> {place}: {_call_event(event)}")
    diagram = "\n".join(["```mermaid", *lines, "```"])
    rows = ((code(status), *CALL_STATES[status]) for status in TRANSITIONS)
    return f"{diagram}\n\n{table(('state', 'what it means', 'what comes next'), rows)}"


def _call_event(event: str) -> str:
    """As the log names it, with the decisions that count as this event."""
    if event not in DECIDED.values():
        return event
    decisions = [decision for decision, kind in DECIDED.items() if kind == event]
    resolutions = get_args(events.ToolResolved.model_fields["resolution"].annotation)
    name = "tool_resolved" if decisions[0] in resolutions else "approval_decided"
    return f"{name} ({', '.join(decisions)})"


# --- the command line -----------------------------------------------------------------------------------------------


def cli_page() -> str:
    group: Any = typer.main.get_command(cli.app)
    parts = [CLI, table(("command", "what it does"), ((f"`duragent {n}`", m) for n, m in cli.COMMANDS.items()))]
    before = [option for option in group.params if "--help" not in option.opts]
    rows = ((_option(option), option.help or "") for option in before)
    parts += ["Before the command:", table(("option", "meaning"), rows)]
    for name in cli.COMMANDS:
        parts += _command(f"duragent {name}", group.get_command(None, name))
    parts += ["## Environment", table(("variable", "meaning"), ((code(n), m) for n, m in ENVIRONMENT.items()))]
    return page("Command line", *parts)


def _command(path: str, command: Any) -> Iterator[str]:
    parameters = [parameter for parameter in command.params if "--help" not in parameter.opts]
    arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
    options = [parameter for parameter in parameters if parameter.param_type_name == "option"]
    children: Mapping[str, Any] = getattr(command, "commands", {})
    usage = [path, *(["[options]"] if options else []), *(_argument(each) for each in arguments)]
    yield f"## {path}"
    yield sentences(command.help)
    runs_alone = not children or command.invoke_without_command
    yield "\n".join(["```text", *([" ".join(usage)] if runs_alone else []), *(f"{path} {c}" for c in children), "```"])
    rows = [(code(_argument(each)), each.help or "") for each in arguments]
    rows += [(_option(each), each.help or "") for each in options]
    if runs_alone:
        yield table(("argument or option", "meaning"), rows)
    for name, child in children.items():
        yield from _command(f"{path} {name}", child)


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name.upper()) + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    names = ", ".join(code(name) for name in parameter.opts)
    value = "" if parameter.is_flag or parameter.count else f" {parameter.metavar or parameter.name.upper()}"
    default = "" if parameter.default in (None, False) or callable(parameter.default) else f" ({parameter.default})"
    return f"{names}{value}{default}"


# --- what only these pages say --------------------------------------------------------------------------------------

TOOLS = """\
The tools that come with duragent, as a model is told of them. An agent has those that `spec.tools` of its
[agent.yaml](agent-yaml.md) names, `read_output` as soon as another tool runs commands, `skill` as soon as there are
skills, and its own programs: [give an agent tools](../how-to/give-an-agent-tools.md).

The effect says what becomes of a call that a crash cut off; [what happens to a call](../tool-calls.md) explains it. The
last column is what happens to a call as long as no [policy.yaml](policy-yaml.md) has an `allow` list or a mode."""

EFFECTS = {
    "pure": "*pure*, it changes nothing and is simply run again",
    "idempotent": "*idempotent*, to run it again makes no difference, so it is run again",
    "unsafe": "*unsafe*, it is never run again in silence",
    "never": "*never*, it is never run again",
}

EFFECT_OF_A_CALL = """\
Of a single call it may be milder: when its arguments show that doing it again would change nothing, it is
*idempotent*."""

POLICY_YAML = """\
What agents may do. Up to three files hold for an agent, and each is optional:

| file | who writes it |
| --- | --- |
| `policy.yaml` in the workspace | you, for all agents |
| `agents/NAME/policy.yaml` | you, for one agent |
| `agents/NAME/policy.local.yaml` | duragent, when a call is allowed always; you may edit it |

Their `deny` and `allow` lists are added up; of `mode` the last one in this order counts, and `ask` where none is set. A
file that cannot be read, or has a fault, denies everything until it is mended. They are read again for every call.
[Write a policy](../how-to/write-a-policy.md) explains the patterns. `[]` in a key stands for each item of a list."""

ALLOWED = """\
As long as neither `policy.yaml` has an `allow` list, this one holds. Options with which one of these commands would
write, or run something else, are looked at besides, and asked about.

[Private files](../how-to/write-a-policy.md#private-files) no command may name, whatever a list allows, and in every
mode."""

AGENT_YAML = """\
An agent is a folder below `agents/`, and this file in it says which model answers and how its sessions live. The
folder's name and `metadata.name` must be equal. `duragent agent check` checks the file without a server.

The file is read strictly. An unknown key is an error that names the file, the line and the key that was probably meant;
so are a value of the wrong type, the same key twice, an alias (`*name`) and a second document. Texts are never turned
into numbers, and numbers never into texts. `[]` in a key stands for each item of a list.

*Active: no* means that this version checks the key and does nothing with it yet; `duragent agent check` lists such keys
when they are set. Prompts are looked for in the agent's folder: `SOUL.md`, `SYSTEM_PROMPT.md` and `INSTRUCTIONS.md`
need no line here. In prompts `{{agent.name}}` and `{{agent.home}}` are replaced; `{{date}}` and
`{{time}}` point at a note beside the newest message. `{{include:FILE}}`, `always.md` and `spec.model.use` are shown in
[Say things once](../how-to/say-things-once.md)."""

MODEL_YAML = """\
A model that agents use by the file's name: `spec.model: {use: NAME}` in [agent.yaml](agent-yaml.md). Fields that the
agent has itself go before those of the file, one by one. The file alone must say which model it is; unknown keys are
errors.
[Say things once](../how-to/say-things-once.md) shows it."""

DURAGENT_YAML = """\
The settings of a workspace's server. The file is optional: without it all defaults hold, and the workspace is
`.duragent` in the current folder or the nearest one above it. Relative paths begin at the file's folder.

It is read as strictly as [agent.yaml](agent-yaml.md). In text values, `${NAME}` becomes the environment variable,
`${NAME:-other}` has a default, and `$$` is a plain dollar sign. This happens after the YAML was parsed, so a variable's
content can never add keys. A variable that is not set and has no default is an error.

*Active: no* means that this version checks the key and does nothing with it yet."""

INACTIVE_CONFIG = ("gateways", "routes", "sessions.compaction")

EVENTS = """\
Each line of `events.jsonl` is one record: one event with its place and time.

```text
{"seq":3,"ts":"2026-11-21T03:47:18.981Z","type":"message_received",…,"crc":"6da0df60"}
```

| field | meaning |
| --- | --- |
| `seq` | the position in the log, from 1, without gaps |
| `ts` | the time, RFC 3339 in UTC with milliseconds |
| `type` | one of the names below |
| `tx` | `i/n`, only where n records were appended at once: they count together or not at all |
| `crc` | eight hex digits: `crc32(the line's bytes before ',"crc":', crc32(session_id + "\\n"))` |

Fields that have their default and are empty are left out. A text that does not fit into a line of 1 MiB is a file
`blobs/<sha256>` beside the log, and the field is `{"blob": "<sha256>", "size_bytes": n}`; the API puts the text back.
The API sends records without `crc`."""

MIND_EVENTS = """\
The log of a mind, `streams/mind-<agent>/events.jsonl`, has lines of the same form; in the checksum its name stands in
the place of the session's id. `owner_claimed` and `log_recovered` are those of sessions. No event has a note's text."""

HTTP = """\
JSON over HTTP, by default on `127.0.0.1:8080`. `GET /openapi.json` is this page for programs.

**Token.** `Authorization: Bearer <token>`, on every route but these:
{public}.
Without `server.api_token` in duragent.yaml the server makes a token at each start, in a folder that only its user can
read; `duragent serve token` prints it. The admin routes want `server.admin_token` if there is one, else the same token.

With `server.auth: local` a request without a token is good, too, when it comes over the Unix socket, or when the kernel
says that its sender is a process of the server's own user on this machine, outside of any sandbox.

**Is it the right server?** `GET /readyz?challenge=<64 hexadecimal digits>` is answered with a `proof`: the HMAC-SHA256,
under the key that the server has in its private folder, of these lines, joined by a line feed: `duragent server proof
1`, the challenge, `workspace_hash`, and the address that was asked, as `127.0.0.1:8080`, or `unix` over the socket.

**Host and Origin.** The Host header must name the address that the server listens on, or localhost. A request with an
Origin header must come from the server's own origin, one with Sec-Fetch-Site from the same origin or from no page at
all. There is no CORS.

**Bodies** are JSON with `Content-Type: application/json`, at most {mebibytes} MiB; unknown fields are an error. So are
unknown query parameters. Only `POST /api/v1/imports` takes `application/zip`, at most {gibibytes} GiB.

**How many at a time.** At most `server.max_connections` requests under `/api/v1` are worked on at a time, besides them
as many that wait for the end of a turn (`/messages` and `/approve` without `respond-async`, exports), and as many
streams. The others wait, and are refused with 503 and `Retry-After` after `server.request_timeout_seconds`, or at once
when more than 1,024 wait; nothing of a request has happened then. `/livez`, `/readyz` and the admin routes never wait.

**Errors** are RFC 9457 problems, `application/problem+json`: see [errors](errors.md).

**Idempotency-Key.** 1 to 255 printable ASCII characters, on a POST that makes something: the same key with the same
request counts once and is answered the same, with `Idempotency-Replayed: true`; with another request it is a 422.
A session remembers the keys of its newest 128 requests, also across a restart. An import under a new id keeps its key
in the session that it makes; one under its own id is a repetition when the session is here, record for record."""


def _is_without_key(route: Route) -> bool:
    return route.path.startswith(ADMIN_PREFIX) or route.path.endswith("/repair")


ROUTE_HEADERS: tuple[tuple[str, Callable[[Route], bool]], ...] = (
    ("`Idempotency-Key`.", lambda route: route.method == "POST" and not _is_without_key(route)),
    ("`Prefer: respond-async`: answer 202 as soon as what was posted is durable.", lambda route: 202 in route.answers),
    ("`Accept: text/event-stream`, `Last-Event-ID` (it wins over `after`).", lambda route: route.streams),
)

EVENTS_STREAM = """\
First `hello`, then the records behind `after` (or `Last-Event-ID`) up to the head, then `caught_up`, then what happens.
Only durable records have an `id`, which is their `seq`: a client that reconnects with the last id it saw gets exactly
what it missed. A comment comes every 15 s when nothing else does. A client that reads too slowly is disconnected and
goes on by id."""

EVENTS_FRAMES = (
    ("`hello`", "no", "[Hello](#hello)"),
    ("the type of a record, such as `model_replied`", "seq", "the record as in [events](events.md), without `crc`"),
    ("`caught_up`", "no", '`{"head": seq}`: what follows is live'),
    ("`delta`", "no", "[Delta](#delta): a piece of an answer that is being written"),
    (
        "`reset`",
        "no",
        "`{}`: the log is another one by now, or the client was ahead of it; it starts again from record 1",
    ),
    ("`deleted`", "no", "`{}`: the session was deleted; the stream ends, and a client that reconnects gets 404"),
)

ANSWER_STREAM = """\
The answer to one message, as clients of duragent v0.5 know it. The turn does not depend on this stream: when it breaks,
the turn goes on, and `/events` has the rest. The stream ends with `done`, `cancelled` or `error`.

Clients of v0.5 fail at an event name that they do not know. So the two frames that v0.5 never sent, `tool_call` and
`tool_result`, come only with `?tools=true`."""

ANSWER_FRAMES = (
    ("`start`", "`{}`", "the message is durable"),
    ("`token`", '`{"content"}`', "a piece of the answer"),
    ("`tool_call`", '`{"call_id", "tool_name", "arguments"}`', "with `?tools=true`: the model asks for a tool"),
    ("`tool_result`", '`{"call_id", "success", "content", "outcome"}`', "with `?tools=true`: the tool's result"),
    (
        "`approval_required`",
        '`{"call_id", "command", "kind", …}` as in [Approval](#approval)',
        "a person has to decide; the stream stays open",
    ),
    (
        "`done`",
        '`{"message_id", "usage", "seq", "content"}`',
        "the end of the turn is durable; `content` is the answer",
    ),
    ("`cancelled`", "`{}`", "the turn was stopped"),
    (
        "`error`",
        '`{"message", "code"}`',
        "the turn failed or waits, this stream ended before it, or the session was deleted",
    ),
)

ERRORS = """\
A refused request is answered with `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, and
`errors` with the single fields where there are several. `type` is `urn:duragent:problem:<code>`; programs should look
at that, people at `detail`."""

REFUSAL_MEANINGS = {
    "bad-request": "a header or a body cannot be read",
    "unauthorized": "the token is wrong or missing",
    "forbidden": "the admin token is wrong or missing",
    "forbidden-host": "the Host header names no address of this server",
    "forbidden-origin": "the request comes from a web page of another origin",
    "not-found": "there is nothing at this path, or no such session or agent",
    "method-not-allowed": "the path exists, the method does not; `Allow` says which do",
    "timeout": "the request was not done within `request_timeout_seconds`; the turn goes on",
    "already-stopping": "a shutdown is under way",
    "turn-paused": "the turn waits for a person",
    "content-too-large": "the body is larger than 2 MiB",
    "unsupported-media-type": "the body is not declared as JSON",
    "internal-error": "a fault in the server; its log says more",
    "too-many-connections": "half of the file descriptors are in use for connections",
    "busy": "`server.max_connections` requests are worked on already; nothing of this one has happened",
    "model-failed": "the turn that answers this message failed; `detail` says why",
}

ERRORS_WITHOUT_WORDS = {
    "SessionIsClosed": "the session takes no more messages",
}

TURN_CODES = """\
A turn that fails or is paused says why in the `code` of its `turn_ended` record. The errors of models are also the
`error` of `model_failed` records; those marked *yes* are asked again, `sessions.model_attempts` times altogether."""

OTHER_TURN_CODES = (
    ("`model-refused`", "no", "the model or its provider declined to answer and said nothing; its reply is in the log"),
    ("`agent-broken`", "no", "the agent's files have a fault"),
    ("`not-found`", "no", "the agent is gone"),
    (
        "`too-many-recoveries`",
        "paused",
        "the server stopped 4 times in this turn without progress, or 21 times in one answer; a message goes on",
    ),
    ("`max-tool-iterations`", "paused", "the turn used up `max_tool_iterations`; a message goes on"),
    ("`loop-detected`", "paused", "the model made the same call five times with the same result; a message goes on"),
    ("`turn-budget`", "paused", "the turn used up `turn_budget`; a message goes on"),
    ("`session-budget`", "paused", "the session used up `session_budget`; raise it, and send a message"),
)

EXIT_CODES = """\
What `duragent` returns to the shell. The numbers follow `sysexits.h` where it has a word for the case."""

CLI = """\
`duragent --help` and `duragent <command> --help` say the same. A command looks for its workspace in this order: `-c`,
`-w`, the file that the variable `DURAGENT_CONFIG` names, else the nearest `duragent.yaml` or `.duragent` from the
current folder upwards. On a terminal lists are tables; in a pipe they are tab-separated lines with a header. What is
not an answer goes to stderr."""

ENVIRONMENT = {
    "OPENROUTER_API_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY": "a provider's key; the server reads it",
    "DURAGENT_TOKEN": "the token for a server that is named with `--server`",
    "DURAGENT_LOG": "how much the server logs: DEBUG, INFO (the default), WARNING, ERROR",
    "DURAGENT_DEMO_SPEED": "how many times as fast as usual the demo model speaks; 1 by default; the server reads it",
    "DURAGENT_DEBUG": "1: print the whole traceback of an internal error",
    "DURAGENT_PAGER, PAGER": "the pager of `session log`; `less` by default",
    "NO_COLOR": "not empty: no colours",
}

PAGES: Mapping[str, Callable[[], str]] = {
    "agent-yaml.md": agent_yaml,
    "cli.md": cli_page,
    "duragent-yaml.md": duragent_yaml,
    "errors.md": error_page,
    "events.md": event_types,
    "exit-codes.md": exit_codes,
    "http.md": http,
    "model-yaml.md": model_yaml,
    "modules.md": modules_page,
    "policy-yaml.md": policy_yaml,
    "tools.md": tools_page,
}

CALL_STATES = {
    "requested": ("the model asked for it", "the policy judges it"),
    "waiting": ("a person is asked whether it may run", "the turn waits"),
    "approved": ("a person allowed it", "the policy judges it once more, then it runs"),
    "denied": ("a person said no", "the model is told, with the reason"),
    "started": ("it runs, or did when its server died", "its result, or the search for it"),
    "lost": ("it was started, and how it ended is not known", "see [below](#calls-whose-end-nobody-knows)"),
}

PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "architecture.md": {"rooms": rooms_table},
    "tool-calls.md": {"call-states": call_states},
}
"""By page, the parts of it that are generated."""


def with_parts(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The page with its generated parts as they are now."""
    for name, write in parts.items():
        begin, end = f"<!-- generated: {name} -->\n", "\n<!-- /generated -->"
        before, begun, rest = text.partition(begin)
        _, ended, behind = rest.partition(end)
        if not begun or not ended:
            raise ValueError(f"the page has no part {name}")
        text = f"{before}{begin}{write()}{end}{behind}"
    return text


def generated() -> Iterator[tuple[Path, str]]:
    """Each page that is generated, or has a part that is, with the text that it must have."""
    for name, write in PAGES.items():
        yield REFERENCE / name, write()
    for name, parts in PARTS.items():
        yield DOCS / name, with_parts((DOCS / name).read_text(encoding="utf-8"), parts)


def main(arguments: Sequence[str]) -> int:
    """0, or 1 when `--check` found a difference."""
    check, differences = "--check" in arguments, 0
    for path, wanted in generated():
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        if there == wanted:
            continue
        differences += 1
        if check:
            lines = difflib.unified_diff(there.splitlines(), wanted.splitlines(), str(path), "generated", lineterm="")
            sys.stdout.write("\n".join(lines) + "\n")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")
    return 1 if check and differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
