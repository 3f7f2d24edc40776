"""Whether a call may run: `judge(policy, invocation)` answers Allow, Ask or Deny, with a finding for each part.

The law of this file: a denial wins over everything, in every mode. What cannot be known before it runs is never
allowed by a pattern, so a mistake here makes a question too many and not one too few.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from duragent.policy.defaults import GENERAL
from duragent.policy.patterns import Kind, Rule, escaped, folded
from duragent.policy.place import CommandPlace
from duragent.policy.reach import reached
from duragent.policy.shell.commands import CommandPiece, is_guarded, pieces_of
from duragent.policy.shell.inside import Reason
from duragent.policy.shell.words import GLOB, HOLE, NUMBER
from duragent.policy.spellings import lines_of, names_harmless
from duragent.policy.tiers import BUILT_IN, Delivery, Policy

NOT_LISTED = "not in the allow list"
MAX_TEXT = 262_144
MAX_OFFERED = 50
"""A person would not read more patterns before answering "always"."""


@dataclass(frozen=True)
class Invocation:
    """A call, as policy and people see it."""

    kind: Kind
    """The type of the tool; patterns begin with it."""
    tool: str
    """The name of the tool."""
    text: str
    """The whole call in one line: for bash the command, for other tools what `invocation_text` returns."""
    shell: str | None = None
    """A command that a tool other than bash gives to a shell; it is also judged as bash. None: there is none."""


def invocation_text(tool: str, arguments: Mapping[str, object], main: str | None = None) -> str:
    """The whole call in one line: `web:fetch https://example.com/ max_chars=500`.

    The action follows the tool's name, then comes the argument `main` on its own, then the others by name in the order
    of the alphabet. Texts with blanks or quotes are written as JSON, so that no value can look like another argument.
    """
    action = arguments.get("action")
    head = f"{tool}:{action}" if isinstance(action, str) and _is_plain(action) else tool
    rest = {name: value for name, value in arguments.items() if not (name == "action" and head != tool)}
    parts = [_value(rest.pop(main))] if main is not None and main in rest else []
    return " ".join([head, *parts, *(f"{_value(name)}={_value(rest[name])}" for name in sorted(rest))])


def _value(value: object) -> str:
    if isinstance(value, str) and _is_plain(value):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _is_plain(text: str) -> bool:
    return bool(text) and text.isprintable() and not any(char.isspace() or char in "\"'" for char in text)


@dataclass(frozen=True)
class CallPart:
    """The finding on one simple command, redirection or assignment."""

    text: str
    """The part in its canonical spelling."""
    verdict: Literal["allow", "ask", "deny"]
    """The finding on this part alone."""
    rule: str = ""
    """The pattern or mode that decided; "" when none did."""
    source: str = ""
    """The file in which the rule is; "" when no rule decided."""
    reason: str = ""
    """For people: `not in the allow list`, or what is special about it."""


@dataclass(frozen=True)
class Allow:
    rule: str
    source: str
    parts: tuple[CallPart, ...] = ()


@dataclass(frozen=True)
class Ask:
    parts: tuple[CallPart, ...]


@dataclass(frozen=True)
class Deny:
    rule: str
    source: str
    parts: tuple[CallPart, ...] = ()


Verdict = Allow | Ask | Deny


def judge(policy: Policy, invocation: Invocation) -> Verdict:
    """Whether the call may run. Never raises, whatever the text is."""
    return _judged(policy, invocation, _pieces(invocation, policy.place))


def _judged(policy: Policy, invocation: Invocation, pieces: Sequence[tuple[Kind, CommandPiece]]) -> Verdict:
    if policy.faults:
        source, fault = policy.faults[0]
        return Deny(f"the policy cannot be used: {fault}", source)
    parts = tuple(part for kind, piece in pieces for part in _findings(policy, kind, piece))
    if not any(part.verdict == "deny" for part in parts):
        parts = (*parts, *_denied_as_a_whole(policy, invocation))
    for part in parts:
        if part.verdict == "deny":
            return Deny(part.rule, part.source, parts)
    if any(part.verdict == "ask" for part in parts):
        return Deny("mode: restrict", policy.mode_source, parts) if policy.mode == "restrict" else Ask(parts)
    first = parts[0] if parts else CallPart("", "allow", "runs nothing")
    return Allow(first.rule, first.source, parts)


def allow_patterns(policy: Policy, invocation: Invocation) -> tuple[str, ...]:
    """What "allow always" would add to the allow list; with it, the same call is allowed. Empty: it cannot be offered.

    Nothing is offered where the text does not tell what would run, such as `rm $X` or `… | sh`.
    """
    # Which files a command names is looked up on the disk, once for both judgements.
    pieces = _pieces(invocation, policy.place)
    if not isinstance(_judged(policy, invocation, pieces), Ask):
        return ()
    found: list[str] = []
    for kind, piece in pieces:
        patterns = _patterns(policy, kind, piece)
        if patterns is None:
            return ()
        found += patterns
    offered = tuple(dict.fromkeys(found))
    if len(offered) > MAX_OFFERED:
        return ()
    return offered if isinstance(_judged(policy.allowing(offered), invocation, pieces), Allow) else ()


def asked_pieces(policy: Policy, invocation: Invocation) -> tuple[CommandPiece, ...]:
    """The parts of the call that the policy asks about, each as far inside as it is judged on its own."""
    return tuple(asked for kind, piece in _pieces(invocation, policy.place) for asked in _asked_of(policy, kind, piece))


def _asked_of(policy: Policy, kind: Kind, piece: CommandPiece) -> Iterator[CommandPiece]:
    if all(part.verdict == "allow" for part in _undenied(policy, kind, piece)):
        return
    if not _is_silent(piece):
        yield piece
        return
    for inner in piece.inner:
        yield from _asked_of(policy, kind, inner)


def notifications(policy: Policy, invocation: Invocation) -> tuple[Delivery, ...]:
    """Where to tell that the call has run."""
    patterns = policy.notify.patterns
    fits = not patterns or any(_matches(rule, invocation) for rule in patterns)
    return deliveries(policy) if policy.notify.enabled and fits else ()


def deliveries(policy: Policy) -> tuple[Delivery, ...]:
    """Where the policy wants notices of any call."""
    return (policy.notify.deliveries or (Delivery("log"),)) if policy.notify.enabled else ()


def _matches(rule: Rule, invocation: Invocation) -> bool:
    return any(rule.denies(kind, _denied_by(piece)) for kind, piece in _pieces(invocation))


def explain(verdict: Verdict) -> list[str]:
    """The verdict for people, the answer first and then a line for each part."""
    match verdict:
        case Allow():
            lines = [f"allow: {verdict.rule}" if not verdict.source else f"allow: {_by(verdict.rule, verdict.source)}"]
        case Ask():
            lines = ["ask: a person must approve"]
        case Deny():
            lines = [f"deny: {_by(verdict.rule, verdict.source)}"]
    width = min(max((len(part.text) for part in verdict.parts), default=0), 60)
    return lines + [f"  {part.text:<{width}}  {part.reason}" for part in verdict.parts]


def _by(rule: str, source: str) -> str:
    return f"{rule} ({source})"


# --- pieces ----------------------------------------------------------------------------------------------------------


def _pieces(invocation: Invocation, place: CommandPlace | None = None) -> tuple[tuple[Kind, CommandPiece], ...]:
    pieces: list[tuple[Kind, CommandPiece]] = []
    if invocation.kind == "bash":
        pieces += [("bash", piece) for piece in _of_command(invocation.text, place)]
    else:
        pieces.append((invocation.kind, _tool_piece(invocation)))
    if invocation.shell is not None:
        pieces += [("bash", piece) for piece in _of_command(invocation.shell, place)]
    return tuple(pieces)


def _of_command(text: str, place: CommandPlace | None) -> tuple[CommandPiece, ...]:
    pieces = pieces_of(text)
    return pieces if place is None else reached(pieces, place)


def _denied_as_a_whole(policy: Policy, invocation: Invocation) -> list[CallPart]:
    """For denials that speak of more than one command, such as `curl * | sh`."""
    if not policy.deny:
        return []
    texts = [invocation.text if invocation.kind == "bash" else None, invocation.shell]
    lines = [lines_of(text[:MAX_TEXT]) for text in texts if text is not None]
    return [part for spelled in lines if (part := _denied_line(policy, spelled))]


def _denied_line(policy: Policy, spelled: tuple[str, ...]) -> CallPart | None:
    """The denial of a line. `/dev/null` and `2>&1` are compared only with patterns that contain them."""
    whole, bare = (folded(spelled[0]),), (folded(spelled[-1]),)
    for rule in policy.deny:
        if rule.denies("bash", whole if names_harmless(rule.rest) else bare):
            return _denied_part(spelled[0], rule.pattern, rule.source)
    return None


def _tool_piece(invocation: Invocation) -> CommandPiece:
    tool, text = invocation.tool, invocation.text
    head = text.split(" ", 1)[0]
    if head != tool and not head.startswith(f"{tool}:"):
        head, text = tool, f"{tool} {text}"
    unknowable = f"is longer than {MAX_TEXT} characters" if len(text) > MAX_TEXT else None
    reasons: tuple[Reason, ...] = ()
    if any(word in tool for word in ("write", "edit")) and is_guarded(text):
        reasons = (Reason("", "changes what is allowed, or what runs later"),)
    return CommandPiece(text, (text[:MAX_TEXT], head, tool), (text, head), text, reasons, unknowable)


# --- findings --------------------------------------------------------------------------------------------------------


def _findings(policy: Policy, kind: Kind, piece: CommandPiece) -> list[CallPart]:
    if denied := _denial(policy, kind, piece):
        return [_denied_part(piece.text, denied.pattern, denied.source)]
    if private := next((each.private for each in piece.all() if each.private), ""):
        return [_denied_part(piece.text, f"{private} is private", BUILT_IN)]
    return _undenied(policy, kind, piece)


def _denied_part(text: str, rule: str, source: str) -> CallPart:
    return CallPart(text, "deny", rule, source, f"denied by {source}: {rule}")


def _denial(policy: Policy, kind: Kind, piece: CommandPiece) -> Rule | None:
    texts = _denied_by(piece) if policy.deny else ()
    return next((rule for rule in policy.deny if rule.denies(kind, texts)), None)


def _denied_by(piece: CommandPiece) -> tuple[str, ...]:
    return tuple({folded(text): None for each in piece.all() for text in each.denied_by})


def _undenied(policy: Policy, kind: Kind, piece: CommandPiece) -> list[CallPart]:
    if _is_silent(piece):
        return [part for inner in piece.inner for part in _undenied(policy, kind, inner)]
    if hidden := _may_be_denied(policy, kind, piece):
        return [CallPart(piece.text, "ask", reason=f"may be what {hidden.source} denies: {hidden.pattern}")]
    if policy.mode == "dangerous":
        return [_allowed(piece, "mode: dangerous", policy.mode_source)]
    if piece.unknowable is not None:
        return [CallPart(piece.text, "ask", reason=piece.unknowable)]
    rules = [rule for rule in policy.allow if _covers(rule, kind, piece)]
    if accepting := next((rule for rule in rules if _objection(rule, piece) is None), None):
        own = _allowed(piece, accepting.pattern, accepting.source)
        # A person who wrote out the whole command has also seen what it runs.
        inner = () if accepting.exact else piece.inner
        return [own, *(part for each in inner for part in _undenied(policy, kind, each))]
    objection = _objection(rules[0], piece) if rules else None
    return [CallPart(piece.text, "ask", reason=objection or _why_not_listed(piece))]


def _is_silent(piece: CommandPiece) -> bool:
    """It needs no allowance of its own, because it adds nothing to what it runs."""
    return piece.transparent and not piece.reasons and (bool(piece.inner) or not piece.template)


def _allowed(piece: CommandPiece, rule: str, source: str) -> CallPart:
    return CallPart(piece.text, "allow", rule, source, f"allowed by {source}: {rule}")


def _why_not_listed(piece: CommandPiece) -> str:
    return f"{NOT_LISTED}; {piece.reasons[0].why}" if piece.reasons else NOT_LISTED


def _covers(rule: Rule, kind: Kind, piece: CommandPiece) -> bool:
    if piece.allowed_by:
        return rule.allows(kind, piece.allowed_by)
    return rule.allows_unknown(kind, piece.template)


def _objection(rule: Rule, piece: CommandPiece) -> str | None:
    if rule.exact:
        return None
    return next((reason.why for reason in piece.reasons if not rule.names(reason.word)), None)


def _may_be_denied(policy: Policy, kind: Kind, piece: CommandPiece) -> Rule | None:
    if not policy.deny:
        return None
    templates = {HOLE if each.unknowable is not None else each.template for each in piece.all()}
    if policy.mode == "dangerous":
        # In this mode no question precedes an option of bash or a variable by which globs find hidden files as well.
        templates = {template.replace(GLOB, HOLE) for template in templates}
    unknown = sorted({folded(each) for each in templates if {HOLE, GLOB, NUMBER} & set(each)})
    return next((rule for rule in policy.deny if any(rule.may_deny(kind, each) for each in unknown)), None)


# --- allow always ----------------------------------------------------------------------------------------------------


def _patterns(policy: Policy, kind: Kind, piece: CommandPiece) -> tuple[str, ...] | None:
    """The patterns that let this piece pass, None when there are none that we would offer."""
    if all(part.verdict == "allow" for part in _undenied(policy, kind, piece)):
        return ()
    if piece.unknowable is not None or any(reason.word == "" for reason in piece.reasons):
        return None
    if _is_silent(piece):
        return _together(_patterns(policy, kind, inner) for inner in piece.inner)
    if piece.fed or not piece.allowed_by or folded(piece.text) != folded(piece.allowed_by[0]):
        return None
    for general in _generalised(kind, piece):
        wider = policy.allowing((general,))
        if all(part.verdict == "allow" for part in _undenied(wider, kind, piece)):
            return (general,)
    return (f"{kind}:{escaped(piece.text)}",)


def _together(groups: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    patterns: list[str] = []
    for group in groups:
        if group is None:
            return None
        patterns += group
    return tuple(patterns)


def _generalised(kind: Kind, piece: CommandPiece) -> list[str]:
    first = tuple(piece.text.split(" ")[:2])
    return [f"bash:{' '.join(first)} *"] if kind == "bash" and first in GENERAL else []
