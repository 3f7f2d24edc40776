"""A command line as the pieces that policy judges, each with what it runs inside.

The law of this file: a piece knows whether its text says all that it does. What it does not say stands in `reasons`
(a person's pattern may accept that) or makes the piece `unknowable` (no pattern does).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from duragent.policy.git import git_parts, only_harmless_options
from duragent.policy.inside import Inside, Reason, Words, base_name, suffixes
from duragent.policy.shell import Assignment, Construct, Redirection, Script, SimpleCommand, Unparsable, parse
from duragent.policy.words import GLOB, HOLE, NUMBER, Word, unknown
from duragent.policy.wrappers import look_inside

MAX_DEPTH = 6
MAX_PIECES = 500

_STANDARD_FOLDERS = ("/bin/", "/usr/bin/")
_HARMLESS_TARGETS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})
_HARMLESS_VARIABLES = re.compile(r"LC_[A-Z]+|LANG|TZ|NO_COLOR|FORCE_COLOR|CLICOLOR|COLUMNS|LINES|CI")
_OWN_VARIABLE = re.compile(r"(?!.*_proxy$)[a-z][a-z0-9_]*")
_WRITERS = frozenset("cp mv ln install rsync touch chmod chown rm tee dd sed truncate mkdir".split())
_MOVERS = frozenset({"cd", "pushd", "popd"})
_FOREIGN_FOLDER = Reason("", "git may run what the folder's own configuration says")
_OPEN = Reason("", "a part that is not its command is known only when it runs")
_GIVES_RIGHTS = Reason("", "changes what is allowed, or what runs later")
_GUARDED = re.compile(
    r"(?:^|[/\s='\"])(?:policy(?:\.local)?\.yaml|agent\.yaml|duragent\.yaml|\.duragent|\.git|\.ssh|\.bashrc|\.profile"
    r"|\.bash_profile|\.zshrc|\.gitconfig|\.envrc)(?:$|[/\s'\"])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Piece:
    """What is judged on its own."""

    text: str
    denied_by: tuple[str, ...]
    """The spellings that a denial is tried on."""
    allowed_by: tuple[str, ...] = ()
    """The spellings that an allowance is tried on; empty when the text has holes."""
    template: str = ""
    reasons: tuple[Reason, ...] = ()
    unknowable: str | None = None
    inner: "tuple[Piece, ...]" = ()
    guesses: "tuple[Piece, ...]" = ()
    transparent: bool = False
    fed: bool = False
    runs: str = ""
    """The program's name without its folder, where the text tells it."""
    moves: bool = False
    """What comes after or inside it may run in another folder, or without variables that stand now."""

    @property
    def has_holes(self) -> bool:
        return bool({HOLE, GLOB, NUMBER} & set(self.template))

    def all(self) -> "Iterator[Piece]":
        """It, all that it runs, and all that it may run."""
        yield self
        for piece in (*self.inner, *self.guesses):
            yield from piece.all()


def pieces_of(text: str, depth: int = 0) -> tuple[Piece, ...]:
    """The pieces of a command line, in the order of the text."""
    script = parse(text) if depth <= MAX_DEPTH else Unparsable("has too many commands within commands")
    if isinstance(script, Script) and len(script.pieces) > MAX_PIECES:
        script = Unparsable("has too many commands")
    if isinstance(script, Unparsable):
        return (_unparsable(text, script.reason),)
    pieces = tuple(piece for part in script.pieces for piece in _pieces(part, script, depth))
    # Anywhere in the line: in a loop, what stands in front comes after as well.
    moved = depth == 0 and any(each.moves for piece in pieces for each in piece.all())
    return tuple(map(_elsewhere, pieces)) if moved else pieces


def _elsewhere(piece: Piece) -> Piece:
    """The piece with a word about each git in it."""
    reasons = (*piece.reasons, _FOREIGN_FOLDER) if piece.runs == "git" else piece.reasons
    return replace(piece, reasons=reasons, inner=tuple(map(_elsewhere, piece.inner)))


def _moves(words: Words) -> bool:
    name = base_name(words[0].text)
    if name == "find":
        return any(word.text in ("-execdir", "-okdir") for word in words)
    return name in _MOVERS or (name == "env" and len(words) > 1 and words[1].text.startswith("-"))


def _unparsable(text: str, reason: str) -> Piece:
    # Only denials look at these: better one that is not needed than one that is missed.
    crude = re.split(r"[;&|\n(){}`]+|\$\(", text[:65_536].replace("\\\n", ""))[:MAX_PIECES]
    spellings = dict.fromkeys(part for piece in crude for part in _without_noise(piece))
    return Piece(text, (text, *spellings), template=HOLE, unknowable=reason)


def _without_noise(text: str) -> Iterator[str]:
    for spelling in (text, re.sub(r"[\"'\\]", "", text)):
        words = spelling.split()
        yield from (" ".join(words[at:]) for at in range(min(len(words), 12)))


def _pieces(part: SimpleCommand | Construct, script: Script, depth: int) -> Iterator[Piece]:
    if isinstance(part, Construct):
        yield _construct(part, script)
        return
    for redirection in part.redirections:
        yield from _redirection(redirection)
    if part.words:
        yield _command(part, script.functions, depth)
    else:
        yield from (_assignment(each) for each in part.assignments if not _is_own(each))


def _construct(part: Construct, script: Script) -> Piece:
    guesses: tuple[Piece, ...] = ()
    if part.why == "here-document" and any(_reads_commands(each) for each in script.pieces):
        guesses = pieces_of(part.source, MAX_DEPTH)
    return Piece(" ".join(part.source.split()), (), template=HOLE, unknowable=part.why, guesses=guesses)


def _reads_commands(part: SimpleCommand | Construct) -> bool:
    return isinstance(part, SimpleCommand) and any(word.text.rsplit("/", 1)[-1].endswith("sh") for word in part.words)


def _redirection(redirection: Redirection) -> Iterator[Piece]:
    operator, target = redirection.operator, redirection.target
    if target is None or operator == "<<<":
        return
    if operator in ("<", "<&"):
        if not target.literal or target.text.startswith(("/dev/tcp", "/dev/udp")):
            yield _redirect_piece("<", target)
        else:
            # Reading needs no allowance, but there may be a denial.
            yield Piece(f"< {target.canonical}", (f"< {target.canonical}", f"< {target.text}"), transparent=True)
        return
    if operator == ">&" and target.literal and re.fullmatch(r"\d+-?|-", target.text):
        return
    if not (target.literal and target.text in _HARMLESS_TARGETS):
        yield _redirect_piece(">", target)


def _redirect_piece(operator: str, target: Word) -> Piece:
    text, plain = f"{operator} {target.canonical}", f"{operator} {target.text}"
    if not target.literal:
        return Piece(text, (text, plain), template=f"{operator} {HOLE}")
    reasons = (_GIVES_RIGHTS,) if is_guarded(target.text) else ()
    return Piece(text, (text, plain), _unambiguous(text, plain, (target,)), text, reasons)


def is_guarded(text: str) -> bool:
    """Whether the path is one through which an agent could give itself more rights."""
    return _GUARDED.search(text) is not None


def _is_own(assignment: Assignment) -> bool:
    return assignment.value is not None and bool(
        _OWN_VARIABLE.fullmatch(assignment.name) or _HARMLESS_VARIABLES.fullmatch(assignment.name)
    )


def _assignment(assignment: Assignment) -> Piece:
    text = assignment.canonical
    static = assignment.value is not None and assignment.value.literal
    return Piece(text, (text, assignment.source), (text,) if static else (), text if static else HOLE)


def _unambiguous(canonical: str, plain: str, words: Words) -> tuple[str, ...]:
    """The plain spelling counts as well, when nobody could read other words in it."""
    clear = all(word.text and not re.search(r"\s", word.text) for word in words)
    return tuple(dict.fromkeys((canonical, plain) if clear else (canonical,)))


# --- commands --------------------------------------------------------------------------------------------------------


def _command(part: SimpleCommand, functions: frozenset[str], depth: int) -> Piece:
    own = tuple(each for each in part.assignments if not _harmless(each))
    prefix = "".join(f"{each.canonical} " for each in own)
    piece = _of_words(part.words, depth, functions, part.redirections)
    if not own:
        return piece
    static = all(each.value is not None and each.value.literal for each in own)
    return Piece(
        prefix + piece.text,
        (*piece.denied_by, *(prefix + text for text in piece.denied_by)),
        tuple(prefix + text for text in piece.allowed_by) if static else (),
        (prefix if static else HOLE) + piece.template,
        (*piece.reasons, *(Reason(f"{each.canonical}", f"sets {each.name} for it") for each in own)),
        piece.unknowable,
        piece.inner,
        piece.guesses,
        fed=piece.fed,
        runs=piece.runs,
        moves=piece.moves,
    )


def _harmless(assignment: Assignment) -> bool:
    value = assignment.value
    return value is not None and value.literal and bool(_HARMLESS_VARIABLES.fullmatch(assignment.name))


def _of_words(
    words: Words, depth: int, functions: frozenset[str] = frozenset(), redirections: tuple[Redirection, ...] = ()
) -> Piece:
    text = " ".join(word.canonical for word in words)
    plain = " ".join(word.text for word in words)
    template = " ".join(word.template for word in words)
    first, unknowable = words[0], None
    if not first.literal:
        unknowable = "which command it is, is known only when it runs"
    elif not first.text or re.search(r"\s", first.text):
        unknowable = "its name has blanks in it"
    elif first.text in functions:
        unknowable = f"{first.text} is a function defined in the same text"
    if unknowable is not None or depth > MAX_DEPTH:
        guesses = _guesses(suffixes(words), depth)
        return Piece(
            text, (text, plain), template=template, unknowable=unknowable or "is nested too deeply", guesses=guesses
        )
    inside = look_inside(words)
    inner = (*_inner(inside, depth), *_fed_by(words, inside, redirections, depth))
    reasons = inside.reasons
    if base_name(first.text) in _WRITERS and any(is_guarded(word.text) for word in words):
        reasons = (*reasons, _GIVES_RIGHTS)
    found = inside.guesses
    if inside.transparent and not _is_known(words, inside):
        reasons, found = reasons or (_OPEN,), (*found, (unknown(),))
    return Piece(
        text,
        _denied(words, text, plain),
        _allowed(words, text, plain),
        template,
        reasons,
        inner=inner,
        guesses=_guesses(found, depth),
        transparent=inside.transparent,
        fed=inside.fed,
        runs=base_name(first.text),
        moves=_moves(words),
    )


def _is_known(words: Words, inside: Inside) -> bool:
    """Whether each word that is not judged on its own stands for itself."""
    judged = [word for group in (*inside.commands, inside.writes) for word in group]
    return all(word.literal or any(word is each for each in judged) for word in words)


def _inner(inside: Inside, depth: int) -> tuple[Piece, ...]:
    return (
        *(_of_words(words, depth + 1) for words in inside.commands),
        *(piece for script in inside.scripts for piece in pieces_of(script, depth + 1)),
        *(piece for word in inside.writes for piece in _redirection(Redirection(">", word))),
    )


def _fed_by(words: Words, inside: Inside, redirections: tuple[Redirection, ...], depth: int) -> tuple[Piece, ...]:
    """What a shell reads from a `<<<`."""
    if not inside.fed or not base_name(words[0].text).endswith("sh"):
        return ()
    texts = [each.target.text for each in redirections if each.operator == "<<<" and each.target is not None]
    return tuple(piece for text in texts for piece in pieces_of(text, depth + 1))


def _guesses(found: tuple[Words, ...], depth: int) -> tuple[Piece, ...]:
    if depth > 0:
        return tuple(_flat(words) for words in found if words)
    return tuple(_of_words(words, MAX_DEPTH - 1) if words[0].literal else _flat(words) for words in found if words)


def _flat(words: Words) -> Piece:
    text, plain = " ".join(word.canonical for word in words), " ".join(word.text for word in words)
    return Piece(text, _denied(words, text, plain), template=" ".join(word.template for word in words))


def _denied(words: Words, text: str, plain: str) -> tuple[str, ...]:
    found = [text, plain]
    name = base_name(words[0].text)
    if name != words[0].text:
        found.append(" ".join([name, *(word.text for word in words[1:])]))
    if name == "git" and (rest := git_parts(words)[1]):
        found.append(" ".join(["git", *(word.text for word in rest)]))
    return tuple(dict.fromkeys(found))


def _allowed(words: Words, text: str, plain: str) -> tuple[str, ...]:
    if any(word.dynamic or word.braces for word in words):
        return ()
    found = _unambiguous(text, plain, words)
    if base_name(words[0].text) == "git" and only_harmless_options(words):
        rest = (words[0], *git_parts(words)[1])
        found = (*found, " ".join(word.canonical for word in rest))
    folder = next((each for each in _STANDARD_FOLDERS if words[0].text.startswith(each)), None)
    if folder is None or "/" in words[0].text[len(folder) :]:
        return found
    return (*found, *(each[len(folder) :] for each in found))
