"""What commands see of home folders: nothing, but the tools that lie there.

The law: a home is hidden as a whole and opened by name, because a list of secrets can never be whole. A command finds
an empty home that it can write to and that is gone when it ends, so that caches work. What is opened is read-only, and
holds programs, libraries and downloaded packages. Known secrets in it are covered all the same (`secret_places`).
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from duragent.sandboxes.base import Confinement
from duragent.system.safe_read import read_beginning

TOOLS_BELOW_HOME: tuple[str, ...] = (
    # several languages
    ".asdf", ".mise", ".local/share/mise", ".local/share/rtx", ".linuxbrew", ".nix-profile", ".guix-profile",
    ".local/state/nix/profiles", ".local/bin", ".local/lib", "bin",
    # Python
    ".pyenv", ".local/share/uv", ".local/share/pipx", ".local/pipx", ".local/share/virtualenvs", ".virtualenvs",
    ".local/share/pypoetry", ".poetry", ".conda/envs", ".conda/pkgs", "miniconda3", "anaconda3", "miniforge3",
    "mambaforge", "micromamba", ".local/share/mamba", ".cache/pip", ".cache/pypoetry/cache",
    ".cache/pypoetry/virtualenvs", ".cache/pre-commit",
    # JavaScript
    ".nvm", ".fnm", ".local/share/fnm", ".volta", ".n", ".npm", ".npm-global", ".npm-packages", ".yarn",
    ".local/share/pnpm", ".pnpm-store", ".bun", ".deno", ".cache/yarn", ".cache/node", ".cache/ms-playwright",
    ".cache/puppeteer", ".cache/Cypress", ".cache/electron",
    # Rust, Go, C and C++
    ".cargo", ".rustup", "go", ".go", "sdk", ".conan2/p", ".cache/vcpkg", ".cache/bazelisk", ".cache/zig",
    # Java and its relatives
    ".sdkman", ".jenv", ".jabba", ".jdks", ".m2/repository", ".m2/wrapper", ".gradle/caches", ".gradle/wrapper",
    ".gradle/jdks", ".ivy2/cache", ".ivy2/local", ".sbt/boot", ".cache/coursier", ".local/share/coursier",
    "Android/Sdk", ".android/avd",
    # others
    ".rbenv", ".rvm", ".gem", ".local/share/gem", ".composer/vendor", ".config/composer/vendor", ".phpenv", ".dotnet",
    ".nuget/packages", ".ghcup", ".cabal/bin", ".cabal/packages", ".cabal/store", ".local/state/cabal", ".stack",
    ".opam", ".elan", ".julia", ".juliaup", ".mix", ".hex/packages", ".cache/rebar3", "perl5", ".plenv", ".luarocks",
    "R", "flutter", ".pub-cache", ".swiftly", ".local/share/swiftly", ".tfenv", ".tenv", "texmf",
    # what programs read and what is not secret
    ".gitconfig", ".config/git", ".gitignore", ".gitignore_global", ".terminfo", ".fonts", ".local/share/fonts",
    ".config/fontconfig", ".cache/fontconfig", ".cache/huggingface", ".cache/torch", ".cache/whisper",
)  # fmt: skip
"""Programs, libraries and packages; of folders that hold settings with passwords only the parts without these."""

NAMED_BY: tuple[str, ...] = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "PIPX_HOME", "NVM_DIR", "NVM_BIN", "NODE_PATH", "VOLTA_HOME",
    "FNM_DIR", "PNPM_HOME", "BUN_INSTALL", "DENO_DIR", "JAVA_HOME", "JDK_HOME", "M2_HOME", "MAVEN_HOME", "GRADLE_HOME",
    "SDKMAN_DIR", "ANDROID_HOME", "ANDROID_SDK_ROOT", "GOPATH", "GOROOT", "GOBIN", "GOMODCACHE", "CARGO_HOME",
    "RUSTUP_HOME", "RBENV_ROOT", "GEM_HOME", "GEM_PATH", "RUBYLIB", "PERL5LIB", "DOTNET_ROOT", "ASDF_DIR",
    "ASDF_DATA_DIR", "MISE_DATA_DIR", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "HOMEBREW_PREFIX", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "NIX_SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO", "PIP_CERT",
)  # fmt: skip
"""Variables that commands get (`environment.ALLOWED`) and that name a tool's folder or file, several with colons."""

_HOMES_LIE_IN = (Path("/home"), Path("/root"))
_SHARED_PARENTS = ("", ".local", ".config", ".cache", ".local/share", ".local/state", "snap")
"""Folders below a home in which everything lies: a `bin` in them is opened without them."""
_MOST_REPOSITORY_BYTES = 4096
_WORKTREE = re.compile(r"^\s*worktree\s*=\s*(.*?)\s*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HiddenHome:
    """Which home folders are hidden, and what may be read in them."""

    homes: tuple[Path, ...]
    """Folders that are empty for a command, and that it can write to until it ends."""
    hidden: tuple[Path, ...]
    """Folders that are empty for a command, and stay so."""
    opened: tuple[Path, ...]
    """What a command may read in them."""

    def readable(self, within: Confinement) -> tuple[Path, ...]:
        """What may be read of what is hidden: the tools, what the confinement says, and the repository around."""
        if not self.homes:
            return ()
        repository = repository_of(within.writable[0]) if within.writable else ()
        existing = [path for path in (*self.opened, *within.readable, *repository) if os.path.exists(path)]
        homes = [Path(os.path.realpath(home)) for home in self.homes]
        return tuple(path for path in existing if not _has_one_in_it(os.path.realpath(path), homes))

    def links(self, paths: Iterable[Path]) -> dict[Path, Path]:
        """The symbolic links on the way to them that lie in what is hidden, and where each leads to in the end."""
        covered = tuple(Path(os.path.realpath(path)) for path in (*self.homes, *self.hidden))
        steps = {step for path in (*self.homes, *paths) for step in (path, *path.parents)}
        targets: dict[Path, Path] = {}
        for step in steps:
            if not os.path.islink(step):
                continue
            real = Path(os.path.realpath(step.parent), step.name)
            if any(real.is_relative_to(each) and real != each for each in covered):
                targets[real] = Path(os.path.realpath(step))
        return targets


NOTHING_HIDDEN = HiddenHome((), (), ())


def hidden_home(homes: Iterable[Path], environ: Mapping[str, str]) -> HiddenHome:
    """`homes` are those of the server's user; what lies on its PATH is opened."""
    homes = tuple(homes)
    named = [Path(part) for name in NAMED_BY for part in environ.get(name, "").split(":") if os.path.isabs(part)]
    programs = [Path(part) for part in environ.get("PATH", "").split(":") if os.path.isabs(part)]
    below = [home / name for home in homes for name in TOOLS_BELOW_HOME]
    shared = _shared_folders(homes) if programs else frozenset()
    opened = (*below, *(_with_libraries(folder, shared) for folder in programs), *named)
    hidden = tuple(path for path in _HOMES_LIE_IN if path not in homes)
    return HiddenHome(homes, hidden, tuple(dict.fromkeys(Path(os.path.normpath(path)) for path in opened)))


def _has_one_in_it(folder: str, homes: Iterable[Path]) -> bool:
    return any(home.is_relative_to(folder) for home in homes)


def _shared_folders(homes: Iterable[Path]) -> frozenset[str]:
    """The real paths of folders that hold much more than one tool."""
    # Real paths: PATH may spell a home through a link, or without a link that HOME has.
    below = (os.path.realpath(home / name) for home in homes for name in _SHARED_PARENTS)
    return frozenset((*below, *map(str, _HOMES_LIE_IN)))


def _with_libraries(folder: Path, shared: frozenset[str]) -> Path:
    """What to open for a folder of programs: its parent, because `…/v20/bin` finds its libraries in `…/v20/lib`.

    Only the folder itself where its parent is one of `shared`, or where its name is no usual one.
    """
    folder = Path(os.path.normpath(folder))
    if folder.name not in ("bin", "sbin", "shims", "libexec") or os.path.realpath(folder.parent) in shared:
        return folder
    return folder.parent


def repository_of(folder: Path) -> tuple[Path, ...]:
    """The top of the git repository that the folder lies in, and what its `.git` names if that lies elsewhere."""
    for top in (folder, *folder.parents):
        git = top / ".git"
        if git.is_dir():
            return (top,)
        if git.is_file():
            return (top, *_elsewhere(git))
    return ()


def _elsewhere(git: Path) -> tuple[Path, ...]:
    """The git folder of a worktree or a submodule; a worktree's lies in the `worktrees` of the repository's own.

    A command can write such a file to open what it likes, so it counts only where git itself has written the answer:
    the git folder must name this `.git` (worktree), or lie in a git folder above it and name its folder (submodule).
    """
    git_folder = _first_line(git).removeprefix("gitdir: ")
    inner = Path(os.path.realpath(git.parent / git_folder))
    if inner.is_relative_to(git.parent):
        return ()
    if inner.parent.name == "worktrees" and os.path.realpath(_first_line(inner / "gitdir")) == str(git):
        return (inner.parent.parent,)
    if not _is_worktree_of(inner, git.parent):
        return ()
    above = [folder / ".git" for folder in git.parent.parents]
    return tuple(folder for folder in above if inner.is_relative_to(folder) and folder.is_dir())


def _is_worktree_of(inner: Path, folder: Path) -> bool:
    """Whether a submodule's git folder says that its files are in `folder` (`core.worktree`, git-config(1))."""
    worktree = _WORKTREE.search(_beginning(inner / "config"))
    return worktree is not None and os.path.realpath(inner / worktree[1].strip('"')) == os.path.realpath(folder)


def _first_line(path: Path) -> str:
    return _beginning(path).partition("\n")[0]


def _beginning(path: Path) -> str:
    return os.fsdecode(read_beginning(path, _MOST_REPOSITORY_BYTES))
