"""The files that `init`, `agent create` and the first `chat` write. What a person wrote is never overwritten."""

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from duragent.agent.first_model import DEFAULT_MODELS, PROVIDER_KEYS
from duragent.agent.load import FILE_NAME
from duragent.agent.spec import API_VERSION, check_name
from duragent.errors import InvalidFile, InvalidRequest, StoreFull
from duragent.system.os_errors import is_full
from duragent.system.workspace_folder import make_folders
from duragent.yaml.document import parse_yaml


@dataclass(frozen=True)
class Written:
    """What is there now: `created` by this call, `skipped` because it was there before.

    `replaced` was there too, but held only what an earlier call had written.
    """

    created: tuple[Path, ...]
    skipped: tuple[Path, ...]
    replaced: tuple[Path, ...] = ()


def write_workspace(
    root: Path, agent_name: str, provider: str, model: str | None = None, base_url: str | None = None
) -> Written:
    """`root/.duragent` with one agent. Raises InvalidRequest, and InvalidFile when a file cannot be written.

    The demo agent of a first `chat` makes room for a real model, as long as its agent.yaml is unedited.
    """
    workspace = root / ".duragent"
    files = {
        workspace / ".gitignore": _GITIGNORE,
        workspace / "policy.yaml": _POLICY.replace("VERSION", API_VERSION),
        **_agent_files(workspace / "agents", agent_name, provider, model, base_url),
    }
    file = workspace / "agents" / agent_name / FILE_NAME
    demo = _agent_files(workspace / "agents", agent_name, "demo", None)[file]
    return _write_new(files, {file: demo} if provider != "demo" else {})


def is_demo(agents_dir: Path, name: str) -> bool:
    """Whether the agent is the demo of a first chat, and its agent.yaml was not edited."""
    file, demo = _demo_file(agents_dir, name)
    return _holds(file, demo)


def replace_demo(agents_dir: Path, name: str, provider: str, model: str) -> bool:
    """Give the demo of a first chat a real model; False when its agent.yaml was edited. Raises InvalidFile."""
    file, demo = _demo_file(agents_dir, name)
    text = _agent_files(agents_dir, name, provider, model)[file]
    return bool(_write_new({file: text}, {file: demo}).replaced)


def _demo_file(agents_dir: Path, name: str) -> tuple[Path, str]:
    file = agents_dir / name / FILE_NAME
    return file, _agent_files(agents_dir, name, "demo", None)[file]


def write_agent(
    agents_dir: Path, name: str, provider: str, model: str | None = None, base_url: str | None = None
) -> Written:
    """One agent's folder; `model` None takes a usual one. Raises as `write_workspace` does."""
    return _write_new(_agent_files(agents_dir, name, provider, model, base_url))


def _agent_files(
    agents_dir: Path, name: str, provider: str, model: str | None, base_url: str | None = None
) -> dict[Path, str]:
    try:
        check_name(name)
    except ValueError as error:
        raise InvalidRequest(f"the agent's name {error}", [("name", str(error))]) from None
    if not provider.strip():
        raise InvalidRequest("a provider is needed", [("provider", "must not be empty")])
    model = model or DEFAULT_MODELS.get(provider)
    if not model:
        raise InvalidRequest(f"a model name is needed for the provider '{provider}'", [("model", "must not be empty")])
    if base_url is not None and not re.match(r"https?://[^/\s]", base_url):
        problem = "must begin with http:// or https://, and name a host"
        raise InvalidRequest(f"the base URL {problem}", [("base_url", problem)])
    folder = agents_dir / name
    spec = _AGENT.format(
        api_version=API_VERSION,
        name=yaml_scalar(name),
        provider=yaml_scalar(provider),
        model=yaml_scalar(model),
        note=_note(provider) if base_url is None else f"    base_url: {yaml_scalar(base_url)}\n",
    )
    return {folder / FILE_NAME: spec, folder / "SOUL.md": _SOUL, folder / "SYSTEM_PROMPT.md": _SYSTEM_PROMPT}


def _note(provider: str) -> str:
    if provider == "demo":
        return _DEMO_NOTE
    if provider == "ollama":
        return "    # Ollama answers at http://localhost:11434; another machine's address goes into base_url.\n"
    key = PROVIDER_KEYS.get(provider)
    return f"    # The key: `duragent keys set {provider}`, or {key} in the environment.\n" if key else ""


def yaml_scalar(text: str) -> str:
    """The text as it can stand behind a YAML key: plain when that is safe, else in quotes."""
    try:
        plain = text.isprintable() and parse_yaml(f"key: {text}", "").data == {"key": text}
    except InvalidFile:
        plain = False
    if plain:
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else f"\\U{ord(char):08X}"


def _write_new(files: Mapping[Path, str], replaceable: Mapping[Path, str] = MappingProxyType({})) -> Written:
    """All of them, or none that was not there before. `replaceable`: what a file may hold and yet be written over."""
    made = _missing_folders(files)
    created: list[Path] = []
    skipped: list[Path] = []
    replaced: list[Path] = []
    for path, text in files.items():
        try:
            if not os.path.lexists(path):
                created.append(path)
            elif path in replaceable and _holds(path, replaceable[path]):
                replaced.append(path)
            else:
                skipped.append(path)
                continue
            _write(path, text)
        except OSError as error:
            _remove(created, made)
            problem = f"cannot be written: {error.strerror or error}"
            raise (StoreFull(f"{path}: {problem}") if is_full(error) else InvalidFile(str(path), problem)) from error
    return Written(tuple(created), tuple(skipped), tuple(replaced))


def _missing_folders(files: Iterable[Path]) -> list[Path]:
    """The folders that the files need and that are not there, the innermost first."""
    missing = {folder for path in files for folder in path.parents if not os.path.lexists(folder)}
    return sorted(missing, key=lambda folder: len(folder.parts), reverse=True)


def _remove(files: Iterable[Path], folders: Iterable[Path]) -> None:
    """Remove what a failed call has made: half a workspace would count as a whole one later."""
    for file in files:
        with suppress(OSError):
            file.unlink()
    for folder in folders:
        # A folder stays when another program has put a file into it.
        with suppress(OSError):
            folder.rmdir()


def _holds(path: Path, text: str) -> bool:
    return not path.is_symlink() and path.is_file() and path.read_bytes() == text.encode()


def _write(path: Path, text: str) -> None:
    """Writes the file; it is there whole or as it was."""
    make_folders(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            # mkstemp allows only the owner; people expect the mode of any file they make.
            os.fchmod(descriptor, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


# --- the texts ------------------------------------------------------------------------------------------------------

_GITIGNORE = """\
# What belongs to this machine and this moment, and caches. Agents and the logs of sessions (events.jsonl, blobs) are
# yours: commit them or not, as you like.
/run/
/logs/
/.lock
*.tmp
/sessions/**/.lock
/sessions/**/state.yaml
/sessions/**/partial.jsonl
/sessions/.index.jsonl
/streams/*/.lock
/streams/*/state.yaml
/streams/*/index.sqlite*
"""

_POLICY = """\
# What no agent of this workspace may do, whatever else is allowed and whoever says yes. A running server reads this
# file for every call. Add your own lines, or take out what is in your way.
#
# A line is `type:pattern`. The type is bash, cli (your own programs), builtin (the other tools), or * for all; mcp is
# kept for tools of MCP servers, which this version does not have yet. In the pattern * stands for anything, and the
# whole must fit from end to end. A shell command is taken apart first, and each simple command in it is compared, also
# those behind `&&`, in `$(…)`, or run by `sudo` and `bash -c`. Letter case does not matter here. To try it:
#   duragent policy test AGENT 'rm -rf /'
#
# Without `mode` and `allow` the built-in rules hold: what only reads runs at once, a person is asked about the rest.
apiVersion: VERSION
kind: Policy

# mode: ask # or restrict: what is not allowed is denied; or dangerous: what is not denied runs

deny:
  # everything at once
  - 'bash:rm / *'
  - 'bash:rm * / *'
  - 'bash:rm * /\\* *' # \\* is a star itself
  - 'bash:rm * ~ *'
  - 'bash:rm * ~/ *'
  - 'bash:rm * ~/\\* *'
  - 'bash:rm * $HOME *'
  - 'bash:rm * ${HOME} *'
  - 'bash:rm *--no-preserve-root*'
  # disks and devices
  - 'bash:mkfs*'
  - 'bash:dd *of=/dev/*'
  - 'bash:> /dev/*'
  # more rights than you have now
  - 'bash:sudo *'
  - 'bash:su *'
  - 'bash:chmod *+s*'
  - 'bash:chmod *777*'
  # the machine, and what runs on it later
  - 'bash:shutdown *'
  - 'bash:reboot *'
  - 'bash:halt *'
  - 'bash:poweroff *'
  - 'bash:crontab *'
  # keys and passwords
  - '*:*.ssh/*'
  - 'bash:*/.ssh *'
  - 'bash:* .ssh *'
  - 'cli:*.ssh *'
  - 'mcp:*.ssh *'
  - 'builtin:*.ssh *'
  - '*:*/etc/shadow*'
  # what a person decides about notes, calls and logs
  - 'bash:duragent memory review*'
  - 'bash:duragent memory forget*'
  - 'bash:duragent approve*'
  - 'bash:duragent session redact*'
  # doors into this machine
  - 'bash:nc *-l*'
  - 'bash:ncat *-l*'
  # programs straight from the web
  - 'bash:*curl *| sh *'
  - 'bash:*curl *|sh *'
  - 'bash:*curl *| bash *'
  - 'bash:*curl *|bash *'
  - 'bash:*wget *| sh *'
  - 'bash:*wget *|sh *'
  - 'bash:*wget *| bash *'
  - 'bash:*wget *|bash *'
  - 'bash:*bash *(curl *'
  - 'bash:*bash *(wget *'
  - 'bash:*sh -c *(curl *'
  - 'bash:*sh -c *(wget *'
"""

_AGENT = """\
# An agent: this file says which model answers and how its sessions live. What it is told stands in the Markdown
# files beside it. A running server notices when you save.
apiVersion: {api_version}
kind: Agent
metadata:
  name: {name} # the same as this folder's name
  description: A helpful assistant

spec:
  model:
    provider: {provider}
    name: {model}
{note}    # temperature: 0.7          # 0 is sober, 2 is wild
    # max_output_tokens: 4096   # the longest answer

  # These two are read from where they are; a line here is only needed for another name.
  # soul: SOUL.md                     # who it is
  # system_prompt: SYSTEM_PROMPT.md   # what it is here for

  session:
    on_disconnect: continue # a turn goes on when you close the terminal; `pause` waits for you
    # llm_timeout_seconds: 300  # the time for one answer
    # ttl_hours: 168            # when an idle session expires; 0 is never
    # max_tool_iterations: 50   # how often a turn may go back to the model; then it pauses
    # turn_budget: {{tokens: 200000, cost_usd: 0.5, seconds: 1800}}  # what one turn may use; then it pauses
    # context:
    #   max_history_tokens: 40000  # how much of the talk the model sees again; 0 is all that fits

  # memory: {{}} # remembers across sessions: notes in a folder `memory` beside this file; see `duragent memory`

  # What it can do. What only reads runs at once; about the rest you are asked, and policy.yaml says what never runs.
  # Take a line out, and the agent cannot do that at all. Your own programs go into a folder `tools` beside this file.
  tools:
    - {{type: builtin, name: bash}} # commands
    - {{type: builtin, name: read_file}}
    - {{type: builtin, name: write_file}}
    - {{type: builtin, name: edit_file}} # one text for another
    - {{type: builtin, name: list_files}}
    - {{type: builtin, name: search_files}}
    - {{type: builtin, name: web}} # search, and fetch pages; searching needs a key
    - {{type: builtin, name: session}} # its other sessions
    - {{type: builtin, name: think}} # a note to itself
    - {{type: builtin, name: reload_tools}} # see new programs in `tools`

  # working_directory: .     # where it works; `.` is the folder that holds .duragent
  # sandbox:
  #   network: true          # commands may use the network
  #   require: bubblewrap    # run no command where this sandbox does not work
"""

_DEMO_NOTE = """\
    # `demo` answers offline, with canned words, so that you can look around. For a real model, set a key in your
    # environment and write one of these instead:
    #   provider: openrouter   name: {openrouter}   (OPENROUTER_API_KEY)
    #   provider: anthropic    name: {anthropic}   (ANTHROPIC_API_KEY)
    #   provider: openai       name: {openai}   (OPENAI_API_KEY)
    #   provider: gemini       name: {gemini}   (GEMINI_API_KEY)
    #   provider: ollama       name: {ollama}   (no key: it runs on your machine)
""".format(**DEFAULT_MODELS)

_SOUL = """\
You are a calm and capable assistant. You speak plainly, say what you know and what you only suppose, and keep answers
as short as the question allows. When a request can be read in two ways, you say which one you took.
"""

_SYSTEM_PROMPT = """\
You are {{agent.name}}. Today is {{date}}.

- Begin with the answer; reasons come after it, when they help.
- Ask when something that matters is missing, one question at a time.
- Say so when you cannot do something. Never claim to have done what you have not done.
"""
