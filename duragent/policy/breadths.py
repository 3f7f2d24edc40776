"""How wide "always" may be: what a person is offered to allow together with a call, from narrow to wide. Pure.

The law of this file: what removes, what reaches other machines, what runs any program, and what decides about agents is
never offered wide; and each offer, once taken, allows the call that is asked about.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from duragent.journal.events import AllowanceOffer
from duragent.policy.defaults import GENERAL
from duragent.policy.patterns import Rule, escaped
from duragent.policy.rules import Allow, Invocation, asked_pieces, invocation_text, judge
from duragent.policy.shell.commands import CommandPiece
from duragent.policy.shell.inside import base_name
from duragent.policy.tiers import Policy

MAX_OFFERS = 3
"""More would not be read."""

_FILE_TOOLS = ("write_file", "edit_file")
"""Who allows one of them to change a file allows the other one, too."""

_REMOVING = """rm rmdir unlink shred srm rimraf dd mv cp ln install truncate tee sed sponge patch rename chmod chown
    chgrp setfacl mkfs mount umount find wipefs fdisk parted git-clean trash trash-put gio dropdb unzip unrar 7z 7za"""
_OTHER_MACHINES = """curl wget ssh scp sftp rsync nc ncat netcat socat telnet ftp lftp http https xh aria2c dig nslookup
    host ping nmap whois traceroute mtr tcpdump tshark w3m lynx links elinks grpcurl websocat wscat yt-dlp ffmpeg gh
    glab hub gist svn hg bzr fossil aws az gcloud gsutil kubectl helm terraform tofu pulumi ansible ansible-playbook
    docker podman nerdctl buildah skopeo ctr crictl minikube vagrant vercel netlify fly flyctl heroku wrangler doctl
    serverless eksctl cloudflared ngrok tailscale rclone s3cmd mail sendmail msmtp swaks lp lpr wall psql pg_dump mysql
    mysqldump sqlcmd mongosh redis-cli openssl apt apt-get dpkg dnf yum rpm apk brew snap flatpak pacman zypper nix
    nix-env nix-shell guix pip pip3 pipx uv uvx npx bunx pnpx corepack gem bundle bundler conda mamba pixi poetry pdm
    hatch rye rustup composer twine open xdg-open"""
_ANY_TASK = """make gmake ninja cmake just task mvn mvnw gradle gradlew ant bazel rake tox nox mix dotnet msbuild sbt
    lein stack cabal scons grunt gulp turbo nx pre-commit doit invoke fab"""
_ANY_PROGRAM = """sh bash dash zsh fish ksh csh tcsh nu xonsh elvish pwsh powershell cmd busybox toybox env xargs
    parallel nohup setsid setpriv setarch linux32 linux64 timeout time nice watch entr hyperfine sudo su sg newgrp login
    doas pkexec runuser chroot unshare nsenter bwrap firejail fakeroot proot capsh ssh-agent ssh-add ssh-keygen eval
    exec source . command builtin trap alias export declare typeset set unset enable perl ruby node nodejs ts-node tsx
    deno bun lua php python ipython coverage awk gawk mawk nawk m4 osascript expect tclsh r rscript julia octave java
    jshell groovy scala swift clojure clj elixir iex erl escript guile sbcl racket ghci runghc runhaskell ocaml sqlite3
    wine mono gdb lldb strace ltrace valgrind perf vim vi nvim emacs nano ed ex less more man code subl screen tmux
    zellij script at batch crontab systemctl service launchctl kill killall pkill reboot shutdown claude codex opencode
    aider goose llm duragent"""
NEVER_WIDE = frozenset(" ".join((_REMOVING, _OTHER_MACHINES, _ANY_TASK, _ANY_PROGRAM)).split())
"""Programs that are never offered with any arguments."""

_PARTS = {
    "cargo": ("build", "check", "fmt", "test", "clippy", "doc", "bench", "run"),
    **dict.fromkeys(("npm", "pnpm", "yarn"), ("test", "t", "run", "run-script")),
    "go": ("build", "test", "vet", "fmt"),
    "git": ("add", "commit"),
}
"""Programs of many parts, and which of these may be offered."""
_SCRIPTS = frozenset({"run", "run-script"})
"""Parts of npm and the like that run what the next word names."""

_MODULES = frozenset("pytest unittest mypy ruff black isort flake8 pylint doctest".split())
"""What `python -m` may be offered with."""
_PYTHON = re.compile(r"python[0-9.]*", re.IGNORECASE)
_ENDING = re.compile(r"(?:[-0-9.]+|\.(?:exe|cmd|bat|com|ext[234]|xfs|btrfs|vfat))$")
"""Of a version, of Windows' programs, and of the kinds of `mkfs`."""

_LASTING = (
    *GENERAL, ("pytest",), ("mypy",), ("ruff",), ("black",), ("eslint",), ("prettier",), ("tsc",), ("npm", "test"),
    ("go", "test"), ("go", "build"), ("go", "vet"), ("go", "fmt"), ("cargo", "clippy"), ("cargo", "doc"),
)  # fmt: skip
"""What may be offered for ever with any arguments, and not only until the session ends."""

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+@-]*")
_PLAIN_PROGRAM = re.compile(r"[A-Za-z0-9_.+@/-]+")


def offers(
    policy: Policy, invocation: Invocation, always: Sequence[str], wider: Iterable[AllowanceOffer] = ()
) -> tuple[AllowanceOffer, ...]:
    """What a person may allow together with the call that the policy asks about.

    `always` is what `allow_patterns` says, `wider` what the tool says of its own calls.
    """
    found = [*(_of_programs(policy, invocation) if invocation.kind == "bash" else wider)]
    # Hardly ever is a file changed twice in the same way.
    if always and invocation.tool not in _FILE_TOOLS and not any(offer.patterns == tuple(always) for offer in found):
        exact = all(Rule(pattern, "").exact for pattern in always)
        words = "this call" if exact else "this call and others like it"
        found.insert(0, AllowanceOffer(scope="policy", words=words, patterns=tuple(always)))
    kept: list[AllowanceOffer] = []
    for offer in found:
        same = any(each.patterns == offer.patterns and each.scope == offer.scope for each in kept)
        if not same and isinstance(judge(policy.allowing(offer.patterns), invocation), Allow):
            kept.append(offer)
    return tuple(kept[:MAX_OFFERS])


def every_call(kind: str, tool: str) -> tuple[AllowanceOffer, ...]:
    """All calls of a tool, until the session ends and for ever."""
    words, patterns = f"every call of {tool}", (f"{kind}:{escaped(tool)}",)
    return tuple(AllowanceOffer(scope=scope, words=words, patterns=patterns) for scope in ("session", "policy"))


# --- files -----------------------------------------------------------------------------------------------------------


def of_files(path: str) -> tuple[AllowanceOffer, ...]:
    """Changes of the file that a model's path names, of all below its folder, and of all files; for one session."""
    value = invocation_text("", {"path": path}, "path").strip()
    found = [_changes(f"changes of {path}", f"{escaped(value)} *")]
    folder = PurePosixPath(path).parent
    if value == path and ".." not in folder.parts and str(folder) not in (".", "/"):
        # As the model wrote it, and without the `./` that it may leave out the next time.
        spellings = dict.fromkeys((path.rpartition("/")[0], str(folder)))
        found.append(_changes(f"changes of files below {folder}/", *(f"{escaped(each)}/* *" for each in spellings)))
    return (*found, _changes("changes of any file", "*"))


def _changes(words: str, *rests: str) -> AllowanceOffer:
    # With a `*`, for a pattern without one would also allow what decides about agents.
    patterns = tuple(f"builtin:{tool} {rest}" for rest in rests for tool in _FILE_TOOLS)
    return AllowanceOffer(scope="session", words=words, patterns=patterns)


# --- programs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Widened:
    pattern: str
    program: str
    """What is said of it; "" for a part that stays as it is."""
    lasting: bool = True


def _of_programs(policy: Policy, invocation: Invocation) -> list[AllowanceOffer]:
    """The programs of a command line with any arguments; none when one of its parts must not be so wide."""
    widened = [_widened(piece) for piece in asked_pieces(policy, invocation)]
    parts = [part for part in widened if part is not None]
    if len(parts) < len(widened) or not any(part.program for part in parts):
        return []
    patterns = tuple(dict.fromkeys(part.pattern for part in parts))
    programs = list(dict.fromkeys(part.program for part in parts if part.program))
    words = f"{' and '.join(programs)} with any arguments"
    scopes = ("session", "policy") if all(part.lasting for part in parts) else ("session",)
    return [AllowanceOffer(scope=scope, words=words, patterns=patterns) for scope in scopes]


def _widened(piece: CommandPiece) -> _Widened | None:
    open_ended = piece.unknowable is not None or piece.inner or piece.transparent or piece.fed
    if open_ended or piece.reasons or not piece.allowed_by:
        return None
    if piece.runs in ("", "<", ">"):
        # A redirection or an assignment: as it is.
        return _Widened(f"bash:{escaped(piece.text)}", "")
    words = _kept_words(piece)
    if words is None:
        return None
    program = " ".join(words)
    return _Widened(f"bash:{escaped(program)} *", program, (base_name(words[0]), *words[1:]) in _LASTING)


def _kept_words(piece: CommandPiece) -> tuple[str, ...] | None:
    """The words that say which program it is; the others may be any. None: it must not be so wide."""
    words = [word.text if word.literal else "" for word in piece.words]
    name = piece.runs
    if not _PLAIN_PROGRAM.fullmatch(words[0]) or words[0].startswith("-") or not piece.text.startswith(words[0]):
        return None
    if _PYTHON.fullmatch(name):
        of_module = words[1:2] == ["-m"] and len(words) > 2 and words[2] in _MODULES
        return tuple(words[:3]) if of_module else None
    if {name.casefold(), _ENDING.sub("", name.casefold())} & NEVER_WIDE:
        return None
    if name in _PARTS:
        return _of_parts(words, _PARTS[name])
    return (words[0],)


def _of_parts(words: list[str], parts: Sequence[str]) -> tuple[str, ...] | None:
    if len(words) < 2 or words[1] not in parts:
        return None
    if words[1] not in _SCRIPTS or base_name(words[0]) == "cargo":
        return tuple(words[:2])
    return tuple(words[:3]) if len(words) > 2 and _PLAIN_WORD.fullmatch(words[2]) else None
