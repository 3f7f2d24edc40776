"""A command line as the pieces that policy judges, each with what it runs inside.

The law of this file: a piece knows whether its text says all that it does. What it does not say stands in `reasons`
(a person's pattern may accept that) or makes the piece `unknowable` (no pattern does).
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from duragent.kept_texts import keeps_texts
from duragent.policy.shell.git import git_parts, only_harmless_options
from duragent.policy.shell.inside import Inside, Reason, Words, base_name, suffixes
from duragent.policy.shell.parse import parse
from duragent.policy.shell.script import Assignment, Construct, Redirection, Script, SimpleCommand, Unparsable
from duragent.policy.shell.words import HOLE, Word, unknown
from duragent.policy.shell.wrappers import look_inside

MAX_DEPTH = 6
MAX_PIECES = 500
MAX_LOOKS = 2_000
MAX_LOOKED_CHARS = 131_072
TOO_MUCH = "is too long or too nested to judge"

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
class CommandPiece:
    """One part of a command line that is judged on its own."""

    text: str
    """The canonical spelling, for people."""
    denied_by: tuple[str, ...]
    """The spellings that a denial is tried on."""
    allowed_by: tuple[str, ...] = ()
    """The spellings that an allowance is tried on; empty when the text has holes."""
    template: str = ""
    """The text with marks (`words.HOLE` and others) for the parts that only bash knows."""
    reasons: tuple[Reason, ...] = ()
    """What a pattern with a wildcard does not allow."""
    unknowable: str | None = None
    """Why no pattern can allow it; None when one can."""
    inner: "tuple[CommandPiece, ...]" = ()
    """What it runs besides itself."""
    guesses: "tuple[CommandPiece, ...]" = ()
    """What it may run; only denials look at them."""
    transparent: bool = False
    """It adds nothing of its own: it is allowed when `inner` is."""
    fed: bool = False
    """What it runs depends on its input, so "allow always" is not offered."""
    runs: str = ""
    """The program's name without its folder, where the text tells it; `<` or `>` for a redirection."""
    moves: bool = False
    """What comes after or inside it may run in another folder, or without variables that stand now."""
    words: Words = ()
    """The words that it was made of; of a redirection the file."""
    private: str = ""
    """The private file that it names, where `reach` has found one."""

    def all(self) -> "Iterator[CommandPiece]":
        """It, all that it runs, and all that it may run."""
        yield self
        for piece in (*self.inner, *self.guesses):
            yield from piece.all()


class _Budget:
    """How much more may be looked into, so that a text that is made to take long becomes a question and not a wait."""

    def __init__(self) -> None:
        self.looks, self.chars = MAX_LOOKS, MAX_LOOKED_CHARS

    def take(self, chars: int) -> bool:
        """Whether there is enough for one more look at so many characters."""
        self.looks -= 1
        self.chars -= chars
        return self.looks >= 0 and self.chars >= 0


@keeps_texts
@functools.lru_cache(16)
def pieces_of(text: str) -> tuple[CommandPiece, ...]:
    """The pieces of a command line, in the order of the text."""
    pieces = _pieces_of(text, 0, _Budget())
    # Anywhere in the line: in a loop, the commands in front also run after it.
    moved = any(each.moves for piece in pieces for each in piece.all())
    return tuple(map(_elsewhere, pieces)) if moved else pieces


def _pieces_of(text: str, depth: int, budget: _Budget) -> tuple[CommandPiece, ...]:
    if depth > MAX_DEPTH or not budget.take(len(text)):
        return (_unparsable(text, TOO_MUCH),)
    script = parse(text)
    if isinstance(script, Script) and sum(map(_size, script.pieces)) > MAX_PIECES:
        script = Unparsable("has too many commands")
    if isinstance(script, Unparsable):
        return (_unparsable(text, script.reason),)
    return tuple(piece for part in script.pieces for piece in _pieces(part, script, depth, budget))


def _size(part: SimpleCommand | Construct) -> int:
    return 1 + (len(part.redirections) + len(part.assignments) if isinstance(part, SimpleCommand) else 0)


def _elsewhere(piece: CommandPiece) -> CommandPiece:
    """The piece with a word about each git in it."""
    reasons = (*piece.reasons, _FOREIGN_FOLDER) if piece.runs == "git" else piece.reasons
    return replace(piece, reasons=reasons, inner=tuple(map(_elsewhere, piece.inner)))


def _moves(words: Words) -> bool:
    name = base_name(words[0].text)
    if name == "find":
        return any(word.text in ("-execdir", "-okdir") for word in words)
    return name in _MOVERS or (name == "env" and len(words) > 1 and words[1].text.startswith("-"))


def _unparsable(text: str, reason: str) -> CommandPiece:
    # Only denials look at these: better one that is not needed than one that is missed.
    crude = re.split(r"[;&|\n(){}`]+|\$\(", text[:65_536].replace("\\\n", ""))[:MAX_PIECES]
    spellings = dict.fromkeys(part for piece in crude for part in _without_noise(piece))
    return CommandPiece(text, (text, *spellings), template=HOLE, unknowable=reason)


def _without_noise(text: str) -> Iterator[str]:
    for spelling in (text, re.sub(r"[\"'\\]", "", text)):
        words = spelling.split()
        yield from (" ".join(words[at:]) for at in range(min(len(words), 12)))


def _pieces(part: SimpleCommand | Construct, script: Script, depth: int, budget: _Budget) -> Iterator[CommandPiece]:
    if isinstance(part, Construct):
        yield _construct(part, script, budget)
        return
    for redirection in part.redirections:
        yield from _redirection(redirection)
    if part.words:
        yield _command(part, script.functions, depth, budget)
    else:
        yield from (_assignment(each) for each in part.assignments if not _is_own(each))


def _construct(part: Construct, script: Script, budget: _Budget) -> CommandPiece:
    guesses: tuple[CommandPiece, ...] = ()
    if part.why == "here-document" and any(_reads_commands(each) for each in script.pieces):
        guesses = _pieces_of(part.source, MAX_DEPTH, budget)
    return CommandPiece(" ".join(part.source.split()), (), template=HOLE, unknowable=part.why, guesses=guesses)


def _reads_commands(part: SimpleCommand | Construct) -> bool:
    return isinstance(part, SimpleCommand) and any(word.text.rsplit("/", 1)[-1].endswith("sh") for word in part.words)


def _redirection(redirection: Redirection) -> Iterator[CommandPiece]:
    operator, target = redirection.operator, redirection.target
    if target is None or operator == "<<<":
        return
    if operator in ("<", "<&"):
        if not target.literal or target.text.startswith(("/dev/tcp", "/dev/udp")):
            yield _redirect_piece("<", target)
        else:
            # Reading needs no allowance, but there may be a denial.
            denied = (f"< {target.canonical}", f"< {target.text}")
            yield CommandPiece(denied[0], denied, transparent=True, runs="<", words=(target,))
        return
    if operator == ">&" and target.literal and re.fullmatch(r"\d+-?|-", target.text):
        return
    if not (target.literal and target.text in _HARMLESS_TARGETS):
        yield _redirect_piece(">", target)


def _redirect_piece(operator: str, target: Word) -> CommandPiece:
    text, plain = f"{operator} {target.canonical}", f"{operator} {target.text}"
    if not target.literal:
        return CommandPiece(text, (text, plain), template=f"{operator} {HOLE}", runs=operator, words=(target,))
    reasons = (_GIVES_RIGHTS,) if is_guarded(target.text) else ()
    allowed = _unambiguous(text, plain, (target,))
    return CommandPiece(text, (text, plain), allowed, text, reasons, runs=operator, words=(target,))


def is_guarded(text: str) -> bool:
    """Whether the path is one through which an agent could give itself more rights."""
    return _GUARDED.search(text) is not None


def _is_own(assignment: Assignment) -> bool:
    return assignment.value is not None and bool(
        _OWN_VARIABLE.fullmatch(assignment.name) or _HARMLESS_VARIABLES.fullmatch(assignment.name)
    )


def _assignment(assignment: Assignment) -> CommandPiece:
    text = assignment.canonical
    static = assignment.value is not None and assignment.value.literal
    return CommandPiece(text, (text, assignment.source), (text,) if static else (), text if static else HOLE)


def _unambiguous(canonical: str, plain: str, words: Words) -> tuple[str, ...]:
    """The canonical spelling, and the plain one too where its words cannot be read differently."""
    clear = all(word.text and not re.search(r"\s", word.text) for word in words)
    return tuple(dict.fromkeys((canonical, plain) if clear else (canonical,)))


# --- commands --------------------------------------------------------------------------------------------------------


def _command(part: SimpleCommand, functions: frozenset[str], depth: int, budget: _Budget) -> CommandPiece:
    own = tuple(each for each in part.assignments if not _harmless(each))
    prefix = "".join(f"{each.canonical} " for each in own)
    piece = _of_words(part.words, depth, budget, functions, part.redirections)
    if not own:
        return piece
    static = all(each.value is not None and each.value.literal for each in own)
    return replace(
        piece,
        text=prefix + piece.text,
        denied_by=(*piece.denied_by, *(prefix + text for text in piece.denied_by)),
        allowed_by=tuple(prefix + text for text in piece.allowed_by) if static else (),
        template=(prefix if static else HOLE) + piece.template,
        reasons=(*piece.reasons, *(Reason(f"{each.canonical}", f"sets {each.name} for it") for each in own)),
        transparent=False,
    )


def _harmless(assignment: Assignment) -> bool:
    value = assignment.value
    return value is not None and value.literal and bool(_HARMLESS_VARIABLES.fullmatch(assignment.name))


def _of_words(
    words: Words,
    depth: int,
    budget: _Budget,
    functions: frozenset[str] = frozenset(),
    redirections: tuple[Redirection, ...] = (),
) -> CommandPiece:
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
    if depth > MAX_DEPTH or not budget.take(len(plain)):
        unknowable = TOO_MUCH
    if unknowable is not None:
        guesses = _guesses(suffixes(words), depth, budget)
        return CommandPiece(text, (text, plain), template=template, unknowable=unknowable, guesses=guesses, words=words)
    inside = look_inside(words)
    inner = (*_inner(inside, depth, budget), *_fed_by(words, inside, redirections, depth, budget))
    reasons = inside.reasons
    if base_name(first.text) in _WRITERS and any(is_guarded(word.text) for word in words):
        reasons = (*reasons, _GIVES_RIGHTS)
    found = inside.guesses
    if inside.transparent and not _is_known(words, inside):
        reasons, found = reasons or (_OPEN,), (*found, (unknown(),))
    return CommandPiece(
        text,
        _denied(words, text, plain),
        _allowed(words, text, plain),
        template,
        reasons,
        inner=inner,
        guesses=_guesses(found, depth, budget),
        transparent=inside.transparent,
        fed=inside.fed,
        runs=base_name(first.text),
        moves=_moves(words),
        words=words,
    )


def _is_known(words: Words, inside: Inside) -> bool:
    """Whether each word that is not judged on its own is known as it is."""
    judged = [word for group in (*inside.commands, inside.writes) for word in group]
    return all(word.literal or any(word is each for each in judged) for word in words)


def _inner(inside: Inside, depth: int, budget: _Budget) -> tuple[CommandPiece, ...]:
    return (
        *(_of_words(words, depth + 1, budget) for words in inside.commands),
        *(piece for script in inside.scripts for piece in _pieces_of(script, depth + 1, budget)),
        *_writes(inside.writes),
    )


def _writes(targets: Words) -> Iterator[CommandPiece]:
    for word in targets[:MAX_PIECES]:
        yield from _redirection(Redirection(">", word))
    if targets[MAX_PIECES:]:
        yield CommandPiece("> …", (), template=f"> {HOLE}", unknowable="writes to too many files")


def _fed_by(
    words: Words, inside: Inside, redirections: tuple[Redirection, ...], depth: int, budget: _Budget
) -> tuple[CommandPiece, ...]:
    """What a shell reads from a `<<<`."""
    if not inside.fed or not base_name(words[0].text).endswith("sh"):
        return ()
    texts = [each.target.text for each in redirections if each.operator == "<<<" and each.target is not None]
    return tuple(piece for text in texts for piece in _pieces_of(text, depth + 1, budget))


def _guesses(found: tuple[Words, ...], depth: int, budget: _Budget) -> tuple[CommandPiece, ...]:
    pieces: list[CommandPiece] = []
    for words in filter(None, found):
        if depth == 0 and words[0].literal:
            pieces.append(_of_words(words, MAX_DEPTH - 1, budget))
        elif budget.take(0):
            pieces.append(_flat(words))
        else:
            # A denial may be meant for what is not looked at any more.
            return (*pieces, CommandPiece("…", (), template=HOLE, unknowable=TOO_MUCH))
    return tuple(pieces)


def _flat(words: Words) -> CommandPiece:
    text, plain = " ".join(word.canonical for word in words), " ".join(word.text for word in words)
    template = " ".join(word.template for word in words)
    return CommandPiece(text, _denied(words, text, plain), template=template, words=words)


def _denied(words: Words, text: str, plain: str) -> tuple[str, ...]:
    spellings = [text, plain]
    name = base_name(words[0].text)
    if name != words[0].text:
        spellings.append(" ".join([name, *(word.text for word in words[1:])]))
    if name == "git" and (rest := git_parts(words)[1]):
        spellings.append(" ".join(["git", *(word.text for word in rest)]))
    return tuple(dict.fromkeys(spellings))


def _allowed(words: Words, text: str, plain: str) -> tuple[str, ...]:
    if any(word.dynamic or word.braces for word in words):
        return ()
    spellings = _unambiguous(text, plain, words)
    if base_name(words[0].text) == "git" and only_harmless_options(words):
        rest = (words[0], *git_parts(words)[1])
        spellings = (*spellings, " ".join(word.canonical for word in rest))
    folder = next((each for each in _STANDARD_FOLDERS if words[0].text.startswith(each)), None)
    if folder is None or "/" in words[0].text[len(folder) :]:
        return spellings
    return (*spellings, *(each[len(folder) :] for each in spellings))
