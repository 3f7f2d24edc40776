"""Finding files, and lines in them, where ripgrep is not installed. A program of its own: run by its path, by `walk`.

It runs apart from the server because a pattern can take for ever, and then it must be possible to kill it. It imports
only the standard library. On stdin it reads JSON: `{"glob": …, "pattern": …, "ignore_case": …, "only": …}`; it writes
what `rg --null` writes: `path NUL` for each file, or `path NUL line:column:` for each line that fits.
"""

import fnmatch
import json
import os
import re
import stat
import sys
from collections.abc import Iterator

MAX_FILE_BYTES = 10 << 20
MAX_DEPTH = 64


def main() -> int:
    """Exit 0 when all went well, 2 with a message when the pattern is wrong."""
    request = json.loads(sys.stdin.buffer.read())
    globs = [each.lstrip("/") for each in _alternatives(request["glob"])] if request["glob"] else None
    paths = (path for path in _files(request["only"]) if globs is None or any(_fits(path, each) for each in globs))
    if request["pattern"] is None:
        for path in paths:
            _put(path, "")
        return 0
    try:
        pattern = re.compile(request["pattern"], re.IGNORECASE if request["ignore_case"] else 0)
    except (re.error, RecursionError, OverflowError) as error:
        sys.stderr.write(f"the pattern is not a regular expression: {error}")
        return 2
    for path in paths:
        _search(path, pattern)
    return 0


def _put(path: str, rest: str) -> None:
    sys.stdout.buffer.write(os.fsencode(path) + b"\0" + rest.encode())


def _files(only: str | None) -> Iterator[str]:
    return iter([only]) if only is not None else _walk(".", 0)


def _walk(folder: str, depth: int) -> Iterator[str]:
    """Regular files below, sorted, without hidden ones; symbolic links are not followed."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        if entry.name.startswith("."):
            continue
        path = entry.name if folder == "." else f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if depth < MAX_DEPTH:
                yield from _walk(path, depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield path


def _alternatives(glob: str) -> list[str]:
    """`a.{b,c}` as `a.b` and `a.c`; at most a few hundred."""
    waiting, done = [glob], list[str]()
    while waiting and len(waiting) + len(done) < 500:
        each = waiting.pop(0)
        if braces := re.search(r"\{([^{}]*)\}", each):
            waiting += [each[: braces.start()] + part + each[braces.end() :] for part in braces[1].split(",")]
        else:
            done.append(each)
    return done


def _fits(path: str, glob: str) -> bool:
    parts = path.split("/")
    return _fit(parts, glob.split("/")) if "/" in glob else fnmatch.fnmatchcase(parts[-1], glob)


def _fit(parts: list[str], globs: list[str]) -> bool:
    if not globs:
        return not parts
    if globs[0] == "**":
        return any(_fit(parts[at:], globs[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], globs[0]) and _fit(parts[1:], globs[1:])


def _search(path: str, pattern: re.Pattern[str]) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:
            return
        content = file.read(MAX_FILE_BYTES)
    if b"\0" in content:
        return
    for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), 1):
        if match := pattern.search(line.removesuffix("\r")):
            column = len(line[: match.start()].encode()) + 1
            _put(path, f"{number}:{column}:\n")


if __name__ == "__main__":
    sys.exit(main())
