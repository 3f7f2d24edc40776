"""Programs that run other programs: what a command would run besides itself, found by one table a kind.

The law of this file: when a program is known to run something and it cannot be told what, there is a `Reason`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from duragent.policy.shell.git import git
from duragent.policy.shell.inside import MAX_TAILS, NOTHING, Inside, Reason, Words, base_name, split, suffixes
from duragent.policy.shell.options import awk, date, dd, risky, sed, tee, uniq
from duragent.policy.shell.words import Word, literal, unknown


def look_inside(words: Words) -> Inside:
    """What the command runs besides itself. `words` is not empty, and its first word is literal."""
    name = base_name(words[0].text)
    look = _LOOKS.get(name)
    return NOTHING if look is None else look(words)


# --- prefixes: `nice -n 5 COMMAND …` ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prefix:
    """How a program that runs another command reads the words in front of that command."""

    flags: str = ""
    """Letters of options without a value."""
    valued: str = ""
    """Letters of options with a value."""
    long_flags: tuple[str, ...] = ()
    """Long options without a value."""
    long_valued: tuple[str, ...] = ()
    """Long options with a value."""
    skip: int = 0
    """Operands before the command."""
    transparent: bool = False
    """It adds nothing of its own (see `Inside`)."""
    fed: bool = False
    """It reads arguments of the command from its input, as xargs does."""
    assignments: bool = False
    """`NAME=value` may come before the command."""


_PREFIXES = {
    "command": Prefix("p", transparent=True),
    "builtin": Prefix(transparent=True),
    "time": Prefix("pv", transparent=True),
    "nice": Prefix("", "n", (), ("--adjustment",), transparent=True),
    "timeout": Prefix("v", "ks", ("--preserve-status", "--foreground"), ("--kill-after", "--signal"), 1, True),
    "stdbuf": Prefix("", "ioe", (), ("--input", "--output", "--error"), transparent=True),
    "nohup": Prefix(),
    "setsid": Prefix("cfw", "", ("--fork", "--wait", "--ctty")),
    "ionice": Prefix("t", "cn"),
    "exec": Prefix("cl", "a"),
    "coproc": Prefix(),
    "env": Prefix("i0", "uC", ("--ignore-environment",), ("--unset", "--chdir"), assignments=True),
    "sudo": Prefix("AbEeHiKklnPsSVv", "aCcDghpRrTtUu", ("--non-interactive",), ("--user", "--group"), assignments=True),
    "doas": Prefix("Lns", "aCu"),
    "xargs": Prefix("0rtxp", "nPILdEs", ("--null", "--no-run-if-empty", "--verbose"), ("--max-args",), fed=True),
    "chroot": Prefix(skip=1),
    "busybox": Prefix(),
    "toybox": Prefix(),
    "caffeinate": Prefix("dims", "tw"),
    "unbuffer": Prefix("p"),
    "chronic": Prefix("ev"),
    "torsocks": Prefix(),
    "proxychains": Prefix("q", "f"),
    "catchsegv": Prefix(),
    "taskset": Prefix("a", "", skip=1),
    "chrt": Prefix("bfior", "", skip=1),
    "numactl": Prefix(),
    "dbus-run-session": Prefix(),
    "xvfb-run": Prefix("a"),
}


def _prefix(words: Words) -> Inside:
    table, at, reasons = _PREFIXES[base_name(words[0].text)], 1, []
    while at < len(words) and words[at].text.startswith("-") and words[at].text != "-":
        word = words[at].text
        at += 1
        if word == "--":
            break
        taken = _option(table, word) if words[at - 1].literal else None
        if taken is None:
            reasons.append(Reason(word, f"its option {word} is not known to be harmless"))
        at += taken or 0
    if table.assignments:
        while at < len(words) and re.match(r"[A-Za-z_]\w*\+?=", words[at].text):
            reasons.append(Reason(words[at].text, f"sets {words[at].text.split('=')[0]}"))
            at += 1
    rest = words[at + table.skip :]
    # Such a word may become several, and then another one is the command.
    eaten_open = any(not word.literal for word in words[1 : at + table.skip])
    if eaten_open:
        reasons.append(Reason("", "a part in front of its command is known only when it runs"))
    if table.fed:
        rest = (*_filled(rest or (literal("echo"),), words[1:at]), unknown())
    transparent = (table.transparent or table.fed or table.assignments) and bool(rest) and not reasons
    if base_name(words[0].text) in ("sudo", "doas"):
        transparent = False
    guesses = suffixes(words) if reasons or not (rest and rest[0].literal) else ()
    guesses += ((unknown(),),) if eaten_open else ()
    commands = (rest,) if rest else ()
    return Inside(commands, guesses=guesses, reasons=tuple(reasons), transparent=transparent, fed=table.fed)


def _filled(rest: Words, options: Words) -> Words:
    """The command of xargs, with what its `-I` replaces unknown."""
    for at, option in enumerate(options):
        flag, found, value = option.text.partition("I")
        if found and flag.startswith("-") and not flag.startswith("--"):
            mark = value or (options[at + 1].text if at + 1 < len(options) else "")
            return tuple(unknown() if mark in word.text else word for word in rest)
    return rest


def _option(table: Prefix, word: str) -> int | None:
    """How many words behind the option are its value; None for an option that is not known."""
    if word.startswith("--"):
        name, equals, _ = word.partition("=")
        if name in table.long_valued:
            return 0 if equals else 1
        return 0 if name in table.long_flags else None
    if re.fullmatch(r"-\d+", word):
        return 0
    for index, letter in enumerate(word[1:], 2):
        if letter in table.valued:
            return 0 if index < len(word) else 1
        if letter not in table.flags:
            return None
    return 0


def _guess(words: Words) -> Inside:
    """A program that runs what its arguments say, in a place or in a way that is not ours to judge."""
    text = " ".join(word.text for word in words[1:])
    name = base_name(words[0].text)
    scripts = tuple((literal(word.text),) for word in words[1:] if " " in word.text)[:MAX_TAILS]
    return Inside(
        guesses=(*suffixes(words), *(split(word[0].text) for word in scripts)),
        reasons=(Reason(name, f"{name} runs what its arguments say"),) if text else (),
    )


# --- texts that a shell reads ----------------------------------------------------------------------------------------


def _shell(words: Words) -> Inside:
    name, at = base_name(words[0].text), 1
    flags: list[str] = []
    while at < len(words) and words[at].text[:1] in ("-", "+") and len(words[at].text) > 1:
        flags.append(words[at].text)
        at += 2 if words[at].text in ("-o", "+o", "-O", "--rcfile", "--init-file") else 1
        if flags[-1] == "--":
            break
    reasons = tuple(Reason(flag, f"its option {flag} changes what {name} does") for flag in flags if flag != "-c")
    if any(not flag.startswith("--") and "c" in flag for flag in flags):
        return _script(words[at : at + 1], reasons, f"{name} -c")
    if at >= len(words) or words[at].text == "-" or any("s" in flag for flag in flags if not flag.startswith("--")):
        why = Reason(name, f"{name} runs whatever it reads")
        return Inside(guesses=((unknown(),),), reasons=(*reasons, why), fed=True)
    return Inside(reasons=reasons)


def _script(words: Sequence[Word], reasons: tuple[Reason, ...], what: str) -> Inside:
    if words and all(word.literal for word in words):
        return Inside(scripts=(" ".join(word.text for word in words),), reasons=reasons, transparent=not reasons)
    why = Reason("", f"{what} runs a text that is not known before")
    guesses = ((unknown(),), *(split(word.text.strip("\"'")) for word in words))
    return Inside(guesses=guesses, reasons=(*reasons, why), fed=True)


def _eval(words: Words) -> Inside:
    rest = words[2:] if len(words) > 1 and words[1].text == "--" else words[1:]
    return _script(rest, (), "eval") if rest else NOTHING


def _trap(words: Words) -> Inside:
    return _script(words[1:2], (Reason("trap", "trap runs its text later"),), "trap") if len(words) > 1 else NOTHING


def _alias(words: Words) -> Inside:
    scripts = tuple(word.text.partition("=")[2] for word in words[1:] if "=" in word.text)
    return Inside(scripts=scripts, reasons=(Reason("alias", "gives a command another meaning"),))


def _watch(words: Words) -> Inside:
    at = 1
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if words[at].text in ("-n", "--interval", "-q") else 1
    inside = _script(words[at:], (Reason("watch", "watch runs it again and again"),), "watch")
    return inside if words[at:] else NOTHING


def _ssh(words: Words) -> Inside:
    guessed = _guess(words)
    options = [word.text for word in words[1:] if re.match(r"-o|-F|-E|-S|-[DLRwW]|-.*o", word.text)]
    reasons = tuple(Reason(option, f"{option} may run a program here") for option in options)
    return Inside(guesses=guessed.guesses, reasons=(*reasons, *guessed.reasons))


# --- programs with a command behind an option ------------------------------------------------------------------------

_FIND_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_FIND_WRITES = frozenset({"-delete", "-fprint", "-fprint0", "-fprintf", "-fls"})


def _find(words: Words) -> Inside:
    commands: list[Words] = []
    reasons = [Reason(word.text, f"{word.text} changes files") for word in words if word.text in _FIND_WRITES]
    opened = [word for word in words[1:] if word.may_be_option]
    reasons += [Reason(word.source, f"{word.source} may become an action") for word in opened]
    guesses = suffixes(words) if any(word.text.startswith("-") for word in opened) else ()
    at = 1
    while at < len(words):
        if words[at].text in _FIND_EXEC:
            end = next((i for i in range(at + 1, len(words)) if _ends_exec(words, i)), len(words))
            command = tuple(unknown() if "{}" in word.text else word for word in words[at + 1 : end])
            commands += [command] if command else []
            at = end
        at += 1
    return Inside(tuple(commands), guesses=guesses, reasons=tuple(reasons), fed=bool(commands))


def _ends_exec(words: Words, at: int) -> bool:
    return words[at].text == ";" or (words[at].text == "+" and words[at - 1].text == "{}")


def _fd(words: Words) -> Inside:
    for at, word in enumerate(words):
        if word.text in ("-x", "-X", "--exec", "--exec-batch"):
            return Inside(((*words[at + 1 :], unknown()),) if words[at + 1 :] else (), fed=True)
    reasons = risky("xX", "--exec", "--exec-batch")(words).reasons
    return Inside(guesses=suffixes(words) if reasons else (), reasons=reasons)


def _interpreter(*flags: str) -> Callable[[Words], Inside]:
    def look(words: Words) -> Inside:
        name = base_name(words[0].text)
        letters = "".join(flag[1] for flag in flags if not flag.startswith("--"))
        longs = tuple(flag for flag in flags if flag.startswith("--"))
        operands = [word for word in words[1:] if not word.text.startswith("-")]
        reasons: list[Reason] = []
        for word in words[1:]:
            short = word.text.startswith("-") and not word.text.startswith("--") and set(word.text[1:]) & set(letters)
            if short or word.text.partition("=")[0] in longs or word.may_be_option:
                reasons.append(Reason(word.text, f"{name} runs the program in its arguments"))
            if not word.text.startswith("-"):
                break
        if not operands and not any(word.text in ("--version", "-V", "--help") for word in words):
            return Inside(reasons=(*reasons, Reason(name, f"{name} runs whatever it reads")), fed=True)
        return Inside(reasons=tuple(reasons))

    return look


# --- the table -------------------------------------------------------------------------------------------------------


def _command(words: Words) -> Inside:
    # `command -v ls` only tells where it is.
    if len(words) > 1 and words[1].text in ("-v", "-V"):
        return NOTHING
    return _prefix(words)


_GUESSED = """
    ssh mosh su runuser pkexec script parallel flock strace ltrace gdb valgrind unshare nsenter bwrap firejail
    docker podman nerdctl kubectl lxc systemd-run at batch crontab screen tmux entr expect vim vi nvim ex view
    emacs nano less more most man perf rlwrap socat nc ncat netcat make gmake ninja npx uvx pipx bunx source .
    rsync scp sftp ftp tar bsdtar zip cpio openssl gpg mapfile readarray complete compgen bind hash enable fc
    history shopt set dialog
""".split()

_LOOKS: dict[str, Callable[[Words], Inside]] = {
    **dict.fromkeys(_GUESSED, _guess),
    **dict.fromkeys(_PREFIXES, _prefix),
    **dict.fromkeys("sh bash dash zsh ksh mksh ash fish rbash".split(), _shell),
    **dict.fromkeys("python python2 python3 pypy pypy3".split(), _interpreter("-c")),
    **dict.fromkeys("perl ruby lua luajit".split(), _interpreter("-e", "-E", "-n", "-p", "-i", "-r", "-M", "-l")),
    **dict.fromkeys("node nodejs deno bun".split(), _interpreter("-e", "-p", "-r", "--eval", "--print", "--require")),
    **dict.fromkeys("php tclsh guile Rscript osascript julia".split(), _interpreter("-r", "-e", "-c", "-B", "-R")),
    **dict.fromkeys("awk gawk mawk nawk".split(), awk),
    **dict.fromkeys("sed gsed".split(), sed),
    "command": _command,
    "eval": _eval,
    "trap": _trap,
    "alias": _alias,
    "watch": _watch,
    "ssh": _ssh,
    "find": _find,
    "fd": _fd,
    "fdfind": _fd,
    "git": git,
    "tee": tee,
    "dd": dd,
    "uniq": uniq,
    "sort": risky("o", "--output", "--compress-program"),
    "date": date,
    "rg": risky("", "--pre", "--hostname-bin"),
    "tree": risky("oR", "--output"),
    "file": risky("C", "--compile"),
    "printf": risky("v"),
    "hostname": risky("Fb", "--file", "--boot"),
    "go": risky("", "-exec", "-toolexec", "-vettool", "-overlay"),
    "cargo": risky("", "--config"),
    "test": risky("vR", ends=False),
}
