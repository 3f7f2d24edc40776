"""What the commands of a line reach on the disk: private files are denied, and what may lead to them is asked about.

The law of this file: where no sandbox holds, a command that reads files runs without a question only when each file
that it may read is known, and is not private. Which those are, `place` says.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from duragent.policy.place import CommandPlace
from duragent.policy.resolve import FileTarget, Resolver, TooMuch
from duragent.policy.shell import rg_globs, searches
from duragent.policy.shell.commands import CommandPiece
from duragent.policy.shell.inside import Reason, Words
from duragent.policy.shell.words import NotAWord, Word, read_word

NO_FILES = frozenset(
    "echo printf which type pwd whoami id uname basename dirname sleep true false : tr test df".split()
)
"""Their words name no file that they read."""
NAMES_ONLY = frozenset("ls find fd fdfind stat realpath readlink cd pushd tree du".split())
"""They tell the names of files, and not what is in them."""
READERS = frozenset(
    """cat head tail wc grep egrep fgrep rg file diff cmp comm sort uniq cut nl tac rev fold paste join column seq jq
    md5sum sha1sum sha256sum od strings uptime sed date git du tree <""".split()
)
"""They print what is in the files that their words name."""
_READ_NO_FOLDERS = READERS - {"grep", "egrep", "fgrep", "rg", "diff", "git", "du", "tree"}
_MOVERS = frozenset({"cd", "pushd", "env"})
_MAX_FOLDERS = 64
_MAX_TEXTS = 200
_BRACES = re.compile(r"\{([^{},]*(?:,[^{},]*)+)\}")
_PIPE = re.compile(r"<\([^()$`]*\)")
_UNKNOWN = Reason("", "which files it reads is known only when it runs")
_NO_END = Reason("", "names more files than can be looked at")


def reached(pieces: Iterable[CommandPiece], place: CommandPlace) -> tuple[CommandPiece, ...]:
    """The pieces with what is to be said about the files that they name. Looks at the disk."""
    pieces = tuple(pieces)
    return tuple(map(_Look(place, pieces).piece, pieces))


class _Look:
    def __init__(self, place: CommandPlace, pieces: tuple[CommandPiece, ...]) -> None:
        self._place = place
        self._disk = Resolver(place)
        self._folders: tuple[str, ...] | None = self._all_folders(pieces)
        """Where the commands may run; None when that is not known."""

    def piece(self, piece: CommandPiece) -> CommandPiece:
        inner, guesses = tuple(map(self.piece, piece.inner)), tuple(map(self.piece, piece.guesses))
        private, reasons = self._found(piece)
        if piece.transparent and piece.inner:
            reasons = ()  # what it runs has them already
        if reasons and piece.runs == "<":
            piece = replace(piece, transparent=False, allowed_by=(piece.text,), template=piece.text)
        return replace(piece, inner=inner, guesses=guesses, private=private, reasons=(*piece.reasons, *reasons))

    def _found(self, piece: CommandPiece) -> tuple[str, tuple[Reason, ...]]:
        """The private file that it names, and why it is asked about."""
        if not piece.words or piece.runs in NO_FILES:
            return "", ()
        try:
            words = searches.operands(piece.runs, piece.words)
            private = next((each.path for word in words for each in self._targets(word) if each.private), "")
            reasons = () if self._place.confined or private else tuple(self._reasons(piece, words))
        except TooMuch:
            return "", () if self._place.confined else (_NO_END,)
        return private, tuple(dict.fromkeys(reasons))

    def _reasons(self, piece: CommandPiece, words: tuple[Word, ...]) -> Iterator[Reason]:
        lost = self._folders is None
        reads = piece.runs in READERS or (piece.runs in NAMES_ONLY and not self._place.chosen)
        is_open = reads and (lost or any(_texts(word) is None for word in words))
        if is_open or searches.names_in_a_file(piece.runs, piece.words):
            yield _UNKNOWN
        if not self._place.chosen:
            yield from (each for word in words for each in self._outside(piece.runs, word))
        if search := searches.search(piece.runs, piece.words):
            yield from self._search(search)
        elif compared := self._folders_in(searches.compares_folders(piece.runs, piece.words)):
            yield from self._search(searches.Search(compared))

    def _outside(self, program: str, word: Word) -> Iterator[Reason]:
        named = {"other"} if program in _READ_NO_FOLDERS else {"folder", "other"}
        for texts, sorts in ((_texts(word) or (), named), (_parts_of(word), {"other"})):
            paths = ((base, self._home(text)) for text in texts for base in self._bases())
            for target in (each for base, path in paths for each in self._disk.targets(base, path)):
                if target.sort in sorts and not self._is_inside(target.path):
                    yield Reason(word.text, "is outside the project, and no sandbox works here")

    def _search(self, search: searches.Search) -> Iterator[Reason]:
        """About a command that reads all files below a folder."""
        if search.follows:
            yield Reason(search.follows, "follows links out of the folder that it searches")
        for word in search.folders:
            for target in self._targets(word):
                if target.sort != "folder":
                    continue
                if private := self._private_below(target.path, search):
                    yield Reason(word.text, f"searches {private} too: leave it out, or name a folder")
                elif not self._is_inside(target.path):
                    yield Reason(word.text, "searches outside the project, where no sandbox holds")

    def _folders_in(self, words: Words) -> Words:
        """The words that name folders, when two of the words or more name what exists."""
        named = [(word, {target.sort for target in self._targets(word)} - {"missing"}) for word in words]
        there = [(word, sorts) for word, sorts in named if sorts]
        return tuple(word for word, sorts in there if "folder" in sorts) if len(there) > 1 else ()

    def _private_below(self, folder: str, search: searches.Search) -> str:
        prefix = folder.rstrip("/") + "/"
        private_paths = [each[len(prefix) :] for each in (*self._place.closed, "/proc/self") if each.startswith(prefix)]
        globs = () if search.hidden or not private_paths else (*search.globs, *rg_globs.named_again(folder))
        return next((each for each in private_paths if not search.leaves_out(each, globs)), "")

    # --- files --------------------------------------------------------------------------------------------------------

    def _targets(self, word: Word) -> Iterator[FileTarget]:
        for text in (*(_texts(word) or ()), *_parts_of(word)):
            for base in self._bases():
                yield from self._disk.targets(base, text)
                if text.startswith("~"):
                    yield from self._disk.targets(base, self._home(text))

    def _home(self, text: str) -> str:
        if text == "~" or text.startswith("~/"):
            return self._place.home + text[1:]
        # `~+` and `~-` are folders where the commands run; `~name` is the home of that user.
        return re.sub(r"^~[+-]", ".", text) if text.startswith(("~+", "~-")) else re.sub(r"^~[^/]+", "/home", text)

    def _bases(self) -> tuple[str, ...]:
        return self._folders if self._folders is not None else (self._place.folder,)

    def _is_inside(self, path: str) -> bool:
        return any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in self._place.roots)

    def _all_folders(self, pieces: tuple[CommandPiece, ...]) -> tuple[str, ...] | None:
        """Every folder that a `cd` may lead to, in any order and however often they run."""
        found: tuple[str, ...] = (self._place.folder,)
        moves = [each for piece in pieces for each in piece.all() if each.runs in _MOVERS and len(each.words) > 1]
        words = [word for each in moves for word in each.words[1:]]
        if any(_texts(word) is None for word in words):
            return None
        if any(each.runs == "cd" for piece in pieces for each in piece.all()):
            found = (*found, self._place.home)
        texts = {text for word in words for text in (*(_texts(word) or ()), *_parts_of(word)) if text}
        texts |= {text[:at] for text in texts for at, char in enumerate(text) if char == "/" and at}
        waiting = list(found)
        try:
            while waiting:
                base = waiting.pop()
                targets = [each for text in texts for each in self._disk.targets(base, self._home(text))]
                more = {each.path for each in targets if each.sort == "folder" or each.private} - set(found)
                found, waiting = (*found, *sorted(more)), [*waiting, *more]
                if len(found) > _MAX_FOLDERS:
                    return None
        except TooMuch:
            return None
        return found


def _texts(word: Word) -> tuple[str, ...] | None:
    """The word as paths, with marks for globs; None when what it will be is not known."""
    if word.literal:
        return (word.text,)
    if word.braces:
        return _braced(word)
    return (word.marked,) if word.marked else () if _PIPE.fullmatch(word.source) else None


def _braced(word: Word) -> tuple[str, ...] | None:
    if word.dynamic or re.search(r"[\\'\"$`]", word.source):
        return None
    waiting, done = [word.source], []
    while waiting:
        text = waiting.pop()
        if found := _BRACES.search(text):
            waiting += [text[: found.start()] + each + text[found.end() :] for each in found[1].split(",")]
        elif "{" in text:
            return None
        else:
            done.append(text)
        if len(waiting) + len(done) > _MAX_TEXTS:
            return None
    try:
        words = [read_word(each, {}) for each in done if each]
    except NotAWord:
        return None
    return tuple(each.text if each.literal else each.marked for each in words)


def _parts_of(word: Word) -> Iterator[str]:
    """What may be a path within a word: the value of an option, and what stands behind `=`, `@` or `file://`."""
    for text in _texts(word) or ():
        name, equals, value = text.partition("=")
        if equals:
            yield value
        if text.startswith("@"):
            yield text[1:]
        if "://" in text:
            yield text.split("://", 1)[1]
        if text.startswith("-") and not text.startswith("--"):
            yield from (text[at:] for at in range(2, min(len(name), 12)))
