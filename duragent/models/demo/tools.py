"""Plain words as tool calls, and results as plain words: what the demo model can do with an agent's tools.

`asked_for` reads requests such as `run ls and then read README.md`, `told` says what came out. Both are pure and match
patterns only.
"""

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from duragent.models.messages import ChatMessage, ToolCall
from duragent.text import cut_to

MAX_REQUEST_CHARS = 4_000
"""A request is short; this also bounds what a pattern has to try."""
MAX_SHOWN_CHARS = 3_000
MAX_SHOWN_LINES = 40

_AND = re.compile(r"\s+and\s+(?:then|also)\s+", re.IGNORECASE)
_POLITE = re.compile(r"^(?:please\s+|(?:can|could|would) you\s+(?:please\s+)?)", re.IGNORECASE)
_QUOTED = r"`[^`]*`|\"[^\"]*\"|'[^']*'"
_ONE = rf"(?P<{{0}}>{_QUOTED}|\S+)"
_ANY = rf"(?P<{{0}}>{_QUOTED}|\S.*?)"
_END = r"\s*[!?]?$"


@dataclass(frozen=True)
class ToolWish:
    """One request: the tool for it, and its arguments as JSON. `words` is the request itself."""

    words: str
    tool: str
    arguments: str


@dataclass(frozen=True)
class ToolWishes:
    """What the user asked for, in order; `unclear` is the first part that was not understood."""

    all: tuple[ToolWish, ...] = ()
    unclear: str = ""


def asked_for(said: str) -> ToolWishes:
    """The requests in what a person said; none when it asks for no tool."""
    said = said.strip()
    if not said or len(said) > MAX_REQUEST_CHARS:
        return ToolWishes()
    parts = _parts(said)
    found = [_wish(part) for part in parts]
    if all(found):
        return ToolWishes(tuple(wish for wish in found if wish))
    if found[0] is None:
        # `write this and then that to a.txt` is one request.
        whole = _wish(said)
        return ToolWishes((whole,) if whole else ())
    return ToolWishes(unclear=parts[found.index(None)])


def _parts(said: str) -> list[str]:
    """The text at its ` and then `, but for those in backticks."""
    parts, start = [], 0
    for between in _AND.finditer(said):
        if said.count("`", 0, between.start()) % 2 == 0:
            parts.append(said[start : between.start()])
            start = between.end()
    return [*parts, said[start:]]


def _wish(part: str) -> ToolWish | None:
    words = _POLITE.sub("", part.strip(), count=1)
    for pattern, wish in _WISHES:
        if found := pattern.search(words):
            tool, arguments = wish(found)
            text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            return ToolWish(words, tool, text)
    return None


# --- what can be asked for ------------------------------------------------------------------------------------------

Arguments = dict[str, str] | str


def _plain(text: str) -> str:
    """The text without the quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "`\"'" else text


def _name(text: str) -> str:
    """A file's name without the end of its sentence."""
    plain = _plain(text)
    return plain if plain != text else re.sub(r"(?<=\w)[.,;]$", "", plain)


def _literal(text: str) -> str:
    """The text as a regular expression that finds just it."""
    return re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", text)


def _command(found: re.Match[str]) -> tuple[str, Arguments]:
    return "bash", {"command": next(text for text in found.groupdict().values() if text is not None).strip()}


def _read(found: re.Match[str]) -> tuple[str, Arguments]:
    return "read_file", {"path": _name(found["path"])}


def _write(found: re.Match[str]) -> tuple[str, Arguments]:
    return "write_file", {"path": _name(found["path"]), "content": f"{_plain(found['text'])}\n"}


def _replace(found: re.Match[str]) -> tuple[str, Arguments]:
    path = _name(found["path"])
    return "edit_file", {"path": path, "old_text": _plain(found["old"]), "new_text": _plain(found["new"])}


def _list(found: re.Match[str]) -> tuple[str, Arguments]:
    return "list_files", {"path": _name(found["path"])} if found["path"] else {}


def _find(found: re.Match[str]) -> tuple[str, Arguments]:
    within = {"path": _name(found["path"])} if found["path"] else {}
    return "search_files", {"pattern": _literal(_plain(found["text"])), **within}


def _fetch(found: re.Match[str]) -> tuple[str, Arguments]:
    url = _name(found["url"])
    return "web", {"action": "fetch", "url": url if "://" in url else f"https://{url}"}


def _search(found: re.Match[str]) -> tuple[str, Arguments]:
    return "web", {"action": "search", "query": _plain(found["query"])}


def _remember(found: re.Match[str]) -> tuple[str, Arguments]:
    return "memory", {"action": "remember", "content": _plain(found["note"])}


def _recall(found: re.Match[str]) -> tuple[str, Arguments]:
    return "memory", {"action": "recall"} | ({"query": _plain(found["query"])} if found["query"] else {})


def _sessions(_: re.Match[str]) -> tuple[str, Arguments]:
    return "session", {"action": "list"}


def _reload(_: re.Match[str]) -> tuple[str, Arguments]:
    return "reload_tools", {}


def _skill(found: re.Match[str]) -> tuple[str, Arguments]:
    return "skill", {"name": _name(found["name"])}


def _think(found: re.Match[str]) -> tuple[str, Arguments]:
    return "think", {"thought": _plain(found["thought"])}


def _any(found: re.Match[str]) -> tuple[str, Arguments]:
    # The JSON goes as it was written, so that a person sees what becomes of a wrong one.
    return found["tool"], _plain(found["json"] or "{}")


Wisher = Callable[[re.Match[str]], tuple[str, Arguments]]


def _row(pattern: str, wish: Wisher) -> tuple[re.Pattern[str], Wisher]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL), wish


_WISHES = (
    _row(r"^```\w*\n(?P<fenced>.*\S.*?)\n?```$", _command),
    _row(r"^(?:(?:run|execute)(?:\s+the\s+command)?\s*:?\s+)?`(?P<quoted>[^`]+)`\s*(?:please)?[.!?]?$", _command),
    _row(r"^(?:run|execute)\s*:?\s+(?P<command>\S.*)$", _command),
    _row(rf"^read\s+(?:the\s+)?(?:file\s+)?{_ONE.format('path')}{_END}", _read),
    _row(rf"^write\s+{_ANY.format('text')}\s+(?:in)?to\s+(?:the\s+)?(?:file\s+)?{_ONE.format('path')}{_END}", _write),
    _row(
        rf"^replace\s+{_ANY.format('old')}\s+(?:with|by)\s+{_ANY.format('new')}\s+in\s+(?:the\s+)?(?:file\s+)?"
        rf"{_ONE.format('path')}{_END}",
        _replace,
    ),
    _row(rf"^list\s+(?:the\s+|my\s+)?(?:other\s+)?sessions{_END}", _sessions),
    _row(
        r"^list(?:\s+(?:the\s+)?files)?(?:\s+(?:in|of)(?=\s))?"
        rf"(?:\s+(?:the\s+)?(?:folder\s+)?{_ONE.format('path')})?{_END}",
        _list,
    ),
    _row(rf"^search\s+(?:the\s+)?(?:web|internet)\s+for\s+{_ANY.format('query')}{_END}", _search),
    _row(
        rf"^(?:find|search\s+for)\s+{_ANY.format('text')}"
        rf"(?:\s+in\s+(?:the\s+)?(?:folder\s+|file\s+)?{_ONE.format('path')})?{_END}",
        _find,
    ),
    _row(rf"^remember(?:\s+that\s+|\s*:\s*|\s+){_ANY.format('note')}\s*[.!]?$", _remember),
    _row(
        rf"^what\s+do\s+you\s+(?:know|remember)(?:\s+(?:about|of)\s+{_ANY.format('query')})?{_END}",
        _recall,
    ),
    _row(rf"^fetch\s+{_ONE.format('url')}{_END}", _fetch),
    _row(rf"^(?:use|load)\s+(?:the\s+)?skill\s+{_ONE.format('name')}{_END}", _skill),
    _row(r"^use\s+(?:the\s+)?(?:tool\s+)?(?P<tool>[\w-]{1,64})(?:\s+with\s+(?P<json>\S.*))?$", _any),
    _row(rf"^reload\s+(?:the\s+|your\s+)?tools{_END}", _reload),
    _row(r"^think\s+(?:about\s+)?(?P<thought>\S.*)$", _think),
)
"""The first row that fits wins."""

ABILITIES = (
    ("bash", "`run ls -l`: a command"),
    ("read_file", "`read README.md`"),
    ("write_file", "`write good morning to hello.txt`"),
    ("edit_file", "`replace morning with evening in hello.txt`"),
    ("list_files", "`list` or `list src`: what is in a folder"),
    ("search_files", "`find evening` or `find evening in src`: a text in files"),
    ("web", "`fetch https://example.com/` and `search the web for cats`"),
    ("memory", "`remember that I like tea` and `what do you know about tea`: notes for later sessions"),
    ("session", "`list sessions`: this agent's other sessions"),
    ("think", "`think about dinner`: a note to myself"),
    ("reload_tools", "`reload tools`"),
    ("skill", "`use skill NAME`"),
)
"""By tool: what a person may say to see it."""
_YAML = "```yaml\nspec:\n  tools:\n{rows}\n```"
_OURS = frozenset(tool for tool, _ in ABILITIES) | {"read_output"}


def abilities(offered: Collection[str]) -> str:
    """What can be said to see the offered tools at work, as Markdown."""
    if not offered:
        return "This agent has no tools. Tools go into `spec.tools` of its agent.yaml."
    lines = [f"- {line}" for tool, line in ABILITIES if tool in offered]
    others = ", ".join(f"`{name}`" for name in offered if name not in _OURS)
    other = f" ({others})" if others else ""
    lines.append(f"- `use NAME with {{JSON}}`: any tool{other}")
    lines.append("- several at once: `run date and then list`")
    return "With this agent's tools I can also do what these words say:\n\n" + "\n".join(lines)


def lacking(wishes: Sequence[ToolWish], offered: Collection[str]) -> str:
    """What to add to the agent for these requests; "" when all of their tools are offered."""
    missing = list(dict.fromkeys(wish.tool for wish in wishes if wish.tool not in offered))
    if not missing:
        return ""
    names = " and ".join(f"`{name}`" for name in missing)
    head = f"I am not offered the tool {names}, so I did nothing."
    if "skill" in missing:
        hint = "The tool `skill` is there when the agent has a skill: a folder `skills/NAME/` with a SKILL.md."
    elif "memory" in missing:
        hint = "The tool `memory` is there when the agent remembers: `memory: {}` in `spec` of its agent.yaml."
    elif all(name in _OURS for name in missing):
        rows = "\n".join(f"    - type: builtin\n      name: {name}" for name in missing)
        hint = f"Its agent.yaml needs this; a running server notices when you save:\n\n{_YAML.format(rows=rows)}"
    else:
        there = ", ".join(f"`{name}`" for name in offered)
        hint = f"There are: {there}." if there else "This agent has no tools."
    return f"{head} {hint}"


def calls_for(wishes: Sequence[ToolWish], messages: int) -> tuple[ToolCall, ...]:
    """The calls. Their ids are made of the number of messages so far, so they differ from those of earlier replies."""
    return tuple(
        ToolCall(id=f"demo_{messages}_{number}", name=wish.tool, arguments=wish.arguments)
        for number, wish in enumerate(wishes, 1)
    )


# --- what came out --------------------------------------------------------------------------------------------------

_MAIN = ("command", "path", "pattern", "url", "query", "name", "thought", "session_id", "content")

_OUTCOMES = (
    (r"^The call was denied by the user\.(?: The reason: (?P<why>.*?))?(?: Please try a different approach\.)?$",
     "{call} was not allowed{why}. I did not run it, and I do not try another way."),
    (r"^Command .* was denied by policy \((?P<why>.*)\)\. This command is not allowed\.$",
     "{call} is denied by the policy{why}. It did not run."),
    (r"^The approval was for other arguments\.", "{call} did not run: the approval was for other arguments."),
    (r"^Skipped: ?(?P<why>.*)$", "{call} was skipped{why}."),
    (r"^OUTCOME UNKNOWN|^The call was interrupted and has no result",
     "I do not know whether {call} has run: the server stopped in its middle. Look before you ask for it again."),
    (r"^The server stopped while this ran\. (?P<why>.*)$", "{call} was cut off by the end of the server{why}"),
    (r"^The call was (?:interrupted|cancelled) while it ran\.",
     "{call} was stopped before it was done. A part may have happened."),
    (r"^The call was (?:interrupted|cancelled)\.$", "{call} did not run: the turn was stopped before."),
    (r"^Hook guard: (?P<why>.*)$", "{call} did not run, a guard of this agent holds it back{why}"),
    (r"^(?P<why>The skill '[^']*', which is active until the turn ends, allows only: .*)$", "{call} did not run{why}"),
    (r"^\[result masked ", "{call}: the result is no longer shown to me."),
    (r"^tool not found: |^failed to parse tool arguments: |^Tool execution failed: ", "{call} did not work:"),
)  # fmt: skip
"""How a result begins, and what the demo model says of it."""
_ENDINGS = (
    (r"^\[timed out after .*\]", "{call} took too long and was ended. Until then:"),
    (r"\[was cancelled and ended\]$", "{call} was stopped. Until then:"),
    (r"\[ended by signal .*\]$", "{call} was killed:"),
    (r"\[exit code (?P<code>\d+)\]$", "{call} failed with exit code {code}:"),
    (r"^Command completed with exit code (?P<code>\d+)$", "{call} printed nothing; its exit code is {code}."),
)
"""The same, by its last line."""


def told(messages: Sequence[ChatMessage]) -> str:
    """The tool results since the last assistant message, in the order of the calls; "" when there are none."""
    since = next((at for at in range(len(messages) - 1, -1, -1) if messages[at].role == "assistant"), None)
    if since is None:
        return ""
    results = {each.call_id: each.content for each in messages[since + 1 :] if each.role == "tool"}
    return "\n\n".join(_told(call, results[call.id]) for call in messages[since].calls if call.id in results)


def _told(call: ToolCall, content: str) -> str:
    shown, last_line = label(call), content.rstrip().rpartition("\n")[2]
    readings = [(content, *row) for row in _OUTCOMES] + [(last_line, *row) for row in _ENDINGS]
    for text, pattern, sentence in readings:
        if found := re.search(pattern, text, re.DOTALL):
            words = found.groupdict()
            said = sentence.format(call=shown, why=_why(words.get("why"), sentence), code=words.get("code"))
            return f"{said}\n\n{_fenced(content)}" if said.endswith(":") else said
    return f"{shown} gave:\n\n{_fenced(content)}" if content.strip() else f"{shown} gave nothing."


def _why(reason: str | None, sentence: str) -> str:
    """The reason, so that it fits where the sentence wants it."""
    if not reason or not reason.strip():
        return "" if not sentence.endswith("{why}") else "."
    line = cut_to(" ".join(reason.split()), 500)
    return f": {line}" if sentence.endswith("{why}") else f": {line.rstrip('.')}"


def label(call: ToolCall) -> str:
    """The call in a few words: `` `ls -l` ``, `` `read_file README.md` ``."""
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = {}
    arguments = arguments if isinstance(arguments, dict) else {}
    main = next((arguments[name] for name in _MAIN if isinstance(arguments.get(name), str)), "")
    words = main if call.name == "bash" and main else f"{call.name} {main}"
    line = cut_to(" ".join(words.replace("`", "'").split()), 100)
    return f"`{line}`"


def _fenced(content: str) -> str:
    """The text as a block, cut, with a fence that is longer than any in it."""
    lines = content.strip("\n").splitlines()
    text = cut_to("\n".join(lines[:MAX_SHOWN_LINES]), MAX_SHOWN_CHARS)
    more = f"\n\n({len(lines) - MAX_SHOWN_LINES} more lines)" if len(lines) > MAX_SHOWN_LINES else ""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", text))])
    return f"{fence}text\n{text}\n{fence}{more}"
