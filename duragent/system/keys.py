"""Keys of providers: those of the environment, of a `.env` that a person named, and of this user's key file.

The law: a stored key is put into no environment. It is handed to what asks a provider, and to nothing else, so that no
command, no tool and no program that an agent starts gets it.

The key file is `keys` in the lasting private folder of the home folder: a server that cron, ssh or systemd started
finds it too, and every sandbox hides it.
"""

import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from duragent.errors import InvalidFile, InvalidRequest, UnsafePrivateFolder
from duragent.system.homes import own_homes
from duragent.system.os_errors import in_words
from duragent.system.private_folder import FOLDER_NAME, make_place, opened, read_text, write_text
from duragent.system.safe_read import read_file

FILE_NAME = "keys"
MAX_FILE_BYTES = 64 << 10
MAX_KEY_CHARS = 4_000

Origin = Literal["environment", "env file", "key file"]
"""Where a value comes from."""

_HEADER = "# Keys of providers, kept by `duragent keys`. No other user may read this file.\n"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""(?:"([^"]*)"|'([^']*)')\s*(?:#.*)?""")
_KEY = re.compile(r"(?!#)[!#-&(-~]+")


@dataclass(frozen=True, slots=True)
class _Read:
    """What a file says, or why it says nothing."""

    values: Mapping[str, str]
    fault: str = ""


class Keys(Mapping[str, str]):
    """The environment with the stored keys behind it. What is exported wins, then the `.env`, then the key file.

    A file is read again when it has changed: a server finds a key that was stored while it ran.
    """

    def __init__(self, environ: Mapping[str, str], env_file: Path | None = None) -> None:
        self._environ, self._env_file = environ, env_file
        folder = key_folder(environ)
        self._key_file = None if folder is None else folder / FILE_NAME
        self._known: dict[Path, tuple[object, _Read]] = {}

    def __getitem__(self, name: str) -> str:
        for _, values in self._sources():
            if values.get(name, "").strip():
                return values[name]
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for _, values in self._sources() for name in values))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def origin(self, name: str) -> Origin | None:
        """Where the value of that name comes from; None when there is none."""
        return next((origin for origin, values in self._sources() if values.get(name, "").strip()), None)

    @property
    def stored(self) -> Mapping[str, str]:
        """What the two files hold."""
        return {name: value for _, values in reversed(self._sources()[1:]) for name, value in values.items()}

    @property
    def faults(self) -> tuple[str, ...]:
        """Why a file is not read, as sentences."""
        return tuple(read.fault for read in (self._of_env_file(), self._of_key_file()) if read.fault)

    def _sources(self) -> tuple[tuple[Origin, Mapping[str, str]], ...]:
        files = (self._of_env_file().values, self._of_key_file().values)
        return (("environment", self._environ), ("env file", files[0]), ("key file", files[1]))

    def _of_env_file(self) -> _Read:
        return self._current(self._env_file, _read_env_file)

    def _of_key_file(self) -> _Read:
        return self._current(self._key_file, _read_key_file)

    def _current(self, path: Path | None, read: Callable[[Path], _Read]) -> _Read:
        if path is None:
            return _Read({})
        mark, known = _mark(path), self._known.get(path)
        if known is None or known[0] != mark:
            known = self._known[path] = (mark, read(path))
        return known[1]


def key_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder of the key file; None for a user without a home folder.

    XDG_STATE_HOME does not count: a login has it and cron does not, and both must find the same file.
    """
    homes = own_homes(environ)
    return homes[0] / ".local" / "state" / FOLDER_NAME if homes else None


def store_key(environ: Mapping[str, str], name: str, key: str) -> Path:
    """Keep the key under the name of its variable, and return the file's path.

    Raises InvalidRequest when it cannot be a key, InvalidFile when the file cannot be used.
    """
    key = key.strip()
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"'{name[:100]}' is no name of a variable: letters, digits and _ are")
    if not key:
        raise InvalidRequest("there is no key: type it, or give it on stdin")
    if len(key) > MAX_KEY_CHARS or not _KEY.fullmatch(key):
        # It is not shown: it may be a real one with a slip in it.
        raise InvalidRequest("this is no key: a key is one word of letters, digits and signs")
    with _changing(environ) as (folder, path):
        _write(folder, path, {**_read_opened(folder, path), name: key})
    return path


def remove_key(environ: Mapping[str, str], name: str) -> bool:
    """Forget the key that is stored under that name; False when there is none. Raises InvalidFile."""
    with _changing(environ) as (folder, path):
        values = _read_opened(folder, path)
        if name not in values:
            return False
        _write(folder, path, {other: value for other, value in values.items() if other != name})
    return True


def parse_env(text: str) -> dict[str, str]:
    """The variables of a `.env`: `NAME=value`, also behind `export`, in quotes, with comments. Other lines are left."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if (fits := _LINE.fullmatch(line.strip())) is None:
            continue
        name, value = fits[1], fits[2]
        if quoted := _QUOTED.fullmatch(value):
            found[name] = quoted[1] if quoted[1] is not None else quoted[2]
        else:
            found[name] = re.split(r"(?:^|\s)#", value, maxsplit=1)[0].strip()
    return found


# --- the files ------------------------------------------------------------------------------------------------------


@contextmanager
def _changing(environ: Mapping[str, str]) -> Iterator[tuple[int, Path]]:
    """The opened folder of the key file, locked against another `duragent keys`, and the file's path."""
    place = key_folder(environ)
    if place is None:
        raise InvalidFile(FILE_NAME, "there is no home folder to keep keys in", hint="set HOME")
    path = place / FILE_NAME
    try:
        if not make_place(place, environ):
            raise InvalidFile(str(path), "its folder cannot be made")
        with opened(place) as folder:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield folder, path
    except UnsafePrivateFolder as error:
        raise InvalidFile(str(path), f"keys cannot be kept there: {error.why}") from error
    except OSError as error:
        raise InvalidFile(str(path), f"cannot be written: {in_words(error)}") from error


def _write(folder: int, path: Path, values: Mapping[str, str]) -> None:
    text = _HEADER + "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
    if len(text) > MAX_FILE_BYTES:
        raise InvalidFile(str(path), "there is no room for more keys")
    write_text(folder, FILE_NAME, text, durable=True)


def _read_opened(folder: int, path: Path) -> dict[str, str]:
    try:
        return parse_env(read_text(folder, FILE_NAME))
    except FileNotFoundError:
        return {}
    except UnsafePrivateFolder as error:
        raise InvalidFile(str(path), f"its keys are not used: {error.why}") from error


def _read_key_file(path: Path) -> _Read:
    try:
        with opened(path.parent) as folder:
            return _Read(_read_opened(folder, path))
    except (FileNotFoundError, NotADirectoryError):
        return _Read({})
    except UnsafePrivateFolder as error:
        return _Read({}, f"{path}: its keys are not used: {error.why}")
    except InvalidFile as error:
        return _Read({}, str(error))
    except OSError as error:
        return _Read({}, f"{path}: its keys are not used: {in_words(error)}")


def _read_env_file(path: Path) -> _Read:
    try:
        return _Read(parse_env(read_file(path, MAX_FILE_BYTES).decode("utf-8", "replace")))
    except FileNotFoundError:
        return _Read({}, f"{path}: there is no such file, and `env_file` names it")
    except OSError as error:
        return _Read({}, f"{path}: is not read: {getattr(error, 'problem', '') or in_words(error)}")


def _mark(path: Path) -> object:
    """What changes when the file, or who may read it, does."""
    try:
        status, folder = os.lstat(path), os.lstat(path.parent)
    except OSError as error:
        return error.errno
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_ctime_ns, stat.S_IMODE(folder.st_mode)
