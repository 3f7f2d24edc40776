"""The policy files: `policy.yaml` of the workspace and of the agent, and the agent's `policy.local.yaml`.

The law of this file: a file that is there and cannot be understood is never left out. It becomes a fault that says its
line, and a policy with a fault denies everything.
"""

import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, Strict, model_validator

from duragent.agent.spec import API_VERSION
from duragent.errors import InvalidFile
from duragent.policy.defaults import ALLOW
from duragent.policy.patterns import Rule, known_pattern
from duragent.policy.tiers import Delivery, Mode, Notify, Policy, Tier, merge
from duragent.yaml.document import YamlDocument, parse_yaml, read_text, read_yaml
from duragent.yaml.model import validate
from duragent.yaml.section import YamlSection

FILE_NAME = "policy.yaml"
LOCAL_NAME = "policy.local.yaml"


Pattern = Annotated[str, AfterValidator(known_pattern)]
Patterns = Annotated[tuple[Pattern, ...], Strict(False)]


class DeliveryFile(YamlSection):
    """Where a notification goes."""

    type: Literal["log", "webhook"] = Field(description="`log`: the server's log; `webhook`: a POST to `url`.")
    url: str | None = Field(default=None, description="For a webhook: where to.")

    @model_validator(mode="after")
    def _url_for_webhook(self) -> "DeliveryFile":
        if (self.type == "webhook") != (self.url is not None):
            raise ValueError("a webhook needs `url`, and a log has none")
        if self.url is not None and (
            urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).netloc
        ):
            raise ValueError("url must begin with http:// or https://, and name a host")
        return self


class NotifyFile(YamlSection):
    """Notifications after a tool call."""

    enabled: bool = Field(default=False, description="Whether anybody is told.")
    patterns: Patterns = Field(default=(), description="Which calls; none means all.")
    deliveries: Annotated[tuple[DeliveryFile, ...], Strict(False)] = Field(
        default=(), description="Where to; none means the log."
    )


class PolicyFile(YamlSection):
    """A `policy.yaml`."""

    api_version: Literal["duragent/v1alpha1"] | None = Field(
        default=None, alias="apiVersion", description="The format's version."
    )
    kind: Literal["Policy"] | None = Field(default=None, description="What this file is.")
    mode: Mode | None = Field(
        default=None,
        description="What happens to calls in no list: `dangerous` runs them, `ask` asks a person, `restrict` refuses.",
    )
    deny: Patterns = Field(default=(), description="Patterns of calls that never run.")
    allow: Patterns | None = Field(default=None, description="Patterns of calls that run without asking.")
    notify: NotifyFile = Field(default_factory=NotifyFile, description="Who is told after a tool call.")


def load_policy(workspace: Path, agent_folder: Path, unasked: Iterable[str] = ()) -> Policy:
    """The policy of an agent as its files are now. Never raises: what is wrong is in its `faults`.

    `unasked` are patterns that the agent's tools add to the built-in list, see `Tool.runs_unasked`.
    """
    agent = agent_folder.name
    places = (
        (workspace / FILE_NAME, FILE_NAME),
        (agent_folder / FILE_NAME, f"{agent}/{FILE_NAME}"),
        (agent_folder / LOCAL_NAME, f"{agent}/{LOCAL_NAME}"),
    )
    return merge([tier for path, source in places if (tier := load_tier(path, source))], (*ALLOW, *unasked))


def load_tier(path: Path, source: str) -> Tier | None:
    """What one file says, None when there is none."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Tier(source, fault=f"{path}: cannot be read: {error.strerror}")
    try:
        document = read_yaml(path)
        return _tier(document, validate(document, PolicyFile), source, by_machine=path.name == LOCAL_NAME)
    except InvalidFile as error:
        return Tier(source, fault=str(error))


def _tier(document: YamlDocument, file: PolicyFile, source: str, *, by_machine: bool) -> Tier:
    def rules(key: str, patterns: Iterable[str], *above: str) -> tuple[Rule, ...]:
        lines = (document.line((*above, key, index)) for index in range(len(tuple(patterns))))
        return tuple(Rule(pattern, source, line) for pattern, line in zip(patterns, lines, strict=True))

    notify = Notify(
        file.notify.enabled,
        rules("patterns", file.notify.patterns, "notify"),
        tuple(Delivery(each.type, each.url or "") for each in file.notify.deliveries),
    )
    allow = None if file.allow is None else rules("allow", file.allow)
    return Tier(source, file.mode, rules("deny", file.deny), allow, notify, by_machine)


# --- saving what is always allowed -----------------------------------------------------------------------------------

_HEAD = f"""# What was answered with "always". You may edit this file.
apiVersion: {API_VERSION}
kind: Policy
"""

_ONE_WRITER = threading.Lock()
"""Two sessions of one agent may be answered at the same time: neither must write over what the other has added."""


def allow_always(agent_folder: Path, patterns: Iterable[str]) -> tuple[str, ...]:
    """Adds the patterns to the agent's `policy.local.yaml`; the answer is what was not there yet.

    Everything else in the file stays as it is, comments too. When this returns, the file is on the disk. Raises
    InvalidFile, with nothing changed, when the file is broken or cannot be edited in place.
    """
    with _ONE_WRITER:
        return _added(agent_folder / LOCAL_NAME, patterns)


def _added(path: Path, patterns: Iterable[str]) -> tuple[str, ...]:
    text = read_text(path) if os.path.lexists(path) else _HEAD
    before = validate(parse_yaml(text, str(path)), PolicyFile)
    added = tuple(dict.fromkeys(known_pattern(each) for each in patterns if each not in (before.allow or ())))
    if not added:
        return ()
    edited = with_allowed(text, added, str(path))
    after = validate(parse_yaml(edited, str(path)), PolicyFile)
    if after != before.model_copy(update={"allow": (*(before.allow or ()), *added)}):
        raise InvalidFile(str(path), "could not be extended", hint="write `allow:` as a list with a '-' on each line")
    _replace(path, edited.encode())
    return added


def revoke(agent_folder: Path, patterns: Iterable[str]) -> tuple[str, ...]:
    """Removes the patterns from what `allow_always` has added to; the answer is what was there.

    Everything else in the file stays as it is. Raises as `allow_always` does.
    """
    path, unwanted = agent_folder / LOCAL_NAME, set(patterns)
    with _ONE_WRITER:
        if not os.path.lexists(path):
            return ()
        text = read_text(path)
        before = validate(parse_yaml(text, str(path)), PolicyFile)
        kept = tuple(each for each in before.allow or () if each not in unwanted)
        removed = tuple(dict.fromkeys(each for each in before.allow or () if each in unwanted))
        if not removed:
            return ()
        edited = _without_allowed(text, removed, str(path))
        after = validate(parse_yaml(edited, str(path)), PolicyFile)
        if after != before.model_copy(update={"allow": kept}):
            problem = "could not be shortened"
            raise InvalidFile(str(path), problem, hint="write `allow:` as a list with a '-' on each line")
        _replace(path, edited.encode())
    return removed


def _without_allowed(text: str, patterns: Iterable[str], name: str) -> str:
    document, lines, unwanted = parse_yaml(text, name), text.splitlines(keepends=True), set(patterns)
    key, items = document.lines["allow",], document.data["allow"]
    head, _, rest = lines[key - 1].partition(":")
    if rest.split("#")[0].strip():
        lines[key - 1] = f"{head}: [{', '.join(_scalar(item) for item in items if item not in unwanted)}]\n"
        return "".join(lines)
    for index in reversed(range(len(items))):
        if items[index] in unwanted:
            line = document.lines["allow", index]
            indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
            del lines[line - 1 : _end_of_item(lines, line, indent)]
    if unwanted.issuperset(items):
        lines[key - 1] = f"{head}: []{rest}"
    return "".join(lines)


def with_allowed(text: str, patterns: Iterable[str], name: str) -> str:
    """The text of a policy file with more items at the end of its `allow` list."""
    document = parse_yaml(text, name)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    key = document.lines.get(("allow",))
    if key is None:
        items = "".join(f"  - {_scalar(pattern)}\n" for pattern in patterns)
        return "".join(lines) + f"allow:\n{items}"
    count = len(document.data["allow"] or ())
    written = lines[key - 1].partition(":")[2].split("#")[0].strip()
    if count == 0 and written in ("", "[]", "null", "~"):
        lines[key - 1] = re.sub(r":[ \t]*(?:\[\]|null|~)?", ":", lines[key - 1], count=1)
        return _inserted(lines, key, "  ", patterns)
    if written:
        return _flow(lines, document, key, patterns)
    last = document.lines["allow", count - 1]
    indent = lines[last - 1][: len(lines[last - 1]) - len(lines[last - 1].lstrip())]
    return _inserted(lines, _end_of_item(lines, last, len(indent)), indent, patterns)


def _end_of_item(lines: list[str], line: int, indent: int) -> int:
    """The line behind the item: texts that go over several lines are indented deeper."""
    while line < len(lines) and lines[line].strip() and len(lines[line]) - len(lines[line].lstrip(" ")) > indent:
        if lines[line].lstrip().startswith("#"):
            break
        line += 1
    return line


def _flow(lines: list[str], document: YamlDocument, key: int, patterns: Iterable[str]) -> str:
    """An `allow: [a, b]` on one line, written as a list with a line for each item."""
    head, _, rest = lines[key - 1].partition(":")
    comment = re.search(r"\]\s*(#.*)$", rest.rstrip("\n"))
    items = [*document.data["allow"], *patterns]
    if not rest.strip().startswith("[") or (not comment and not rest.rstrip().endswith("]")):
        raise InvalidFile(
            document.name, "could not be extended", line=key, hint="write `allow:` as a list with a '-' on each line"
        )
    lines[key - 1] = f"{head}:{'  ' + comment[1] if comment else ''}\n"
    return _inserted(lines, key, "  ", items)


def _inserted(lines: list[str], at: int, indent: str, patterns: Iterable[str]) -> str:
    return "".join([*lines[:at], *(f"{indent}- {_scalar(pattern)}\n" for pattern in patterns), *lines[at:]])


def _scalar(pattern: str) -> str:
    """A YAML text in double quotes."""
    shown = (char if char.isprintable() and char not in '"\\' else _escape(char) for char in pattern)
    return '"' + "".join(shown) + '"'


def _escape(char: str) -> str:
    return f"\\{char}" if char in '"\\' else f"\\U{ord(char):08X}" if ord(char) > 255 else f"\\x{ord(char):02X}"


def _replace(path: Path, data: bytes) -> None:
    """The file has exactly `data`, or what it had before, whatever happens in between."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
