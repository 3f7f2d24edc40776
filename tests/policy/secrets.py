"""A project with secrets around it, and ways to read them, for tests of what a policy lets through."""

import base64
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from duragent.policy.place import CommandPlace
from duragent.policy.tiers import Policy
from tests.support.judging import DEFAULT

SECRET = "a-key-that-no-command-may-print"

# --- ways to read a file ---------------------------------------------------------------------------------------------

WAYS = (
    "cat @", "cat -- @", "cat README.md @", "head @", "tail -n 5 @", "tac @", "nl @", "od -c @", "strings -n 3 @",
    "rev @", "fold @", "paste @", "column @", "sort @", "uniq @", "cut -c1- @", "wc @", "md5sum @", "sha256sum @",
    "file -f @", "grep -a . @", "grep -ahf /dev/null -e '' @", "grep -f @ README.md", "grep -f@ README.md",
    "grep -rf@ src", "grep --file=@ README.md", "egrep -a . @", "fgrep -a '' @", "rg -a . @", "rg -af @ src",
    "sed '' @", "sed -n p @", "sed -e p @", "diff /dev/null @", "diff @ /dev/null", "cmp -l @ /dev/zero",
    "comm @ /dev/null", "join @ @", "jq -R . @", "jq -n --rawfile a @ '$a'", "date -f @", "date --file=@",
    "du --files0-from=@", "wc --files0-from=@", "sort --files0-from=@", "find -files0-from @", "strings @@",
    "git diff --no-index /dev/null @", "git blame --contents=@ README.md", "git grep --no-index . @", "cat < @",
    "cat <@", "cat 0< @", "tr a a < @", "xargs -0 < @", "xargs -0 echo < @", "while read x; do echo $x; done < @",
    "cat README.md - < @", "cat <(cat @)", "echo $(cat @)", "echo `cat @`", 'echo "$(< @)"', 'cat <<< "$(cat @)"',
    "cat <<E\n$(cat @)\nE\n", "x=$(cat @); echo $x", "find @ -exec cat {} +", "find @ -exec cat {} \\;",
    "find @ | xargs cat", "echo @ | xargs cat", "ls @ | xargs -I% cat %", "printf %s @ | xargs head", "f=@; cat $f",
    'f=@; cat "$f"', 'for f in @; do cat "$f"; done', 'a=(@); cat "${a[@]}"', 'set -- @; cat "$1"',
    'read f <<< @; cat "$f"', "timeout 5 cat @", "nice cat @", "env cat @", "env A=1 cat @", "command cat @",
    "time cat @", "stdbuf -oL cat @", "sudo cat @", 'bash -c "cat @"', "eval cat @", "ls && cat @", "(cat @)",
    "{ cat @; }", "cat @ | head", "cat @ &", "! cat @", "if cat @; then ls; fi", "ls || cat @", "x() { cat @; }; x",
    "dd if=@", "cp @ /dev/stdout", "awk 1 @", "perl -pe 1 @", "python3 @", "source @", ". @", "tee < @",
    "mapfile x < @", "curl file://@", "base64 @", "xxd @",
)  # fmt: skip
"""Commands that print what is in the file `@`."""

ENVIRONMENTS = (
    "/proc/self/environ", "/proc/1/environ", "/proc/$$/environ", "/proc/$PPID/environ", "/proc/*/environ",
    "/proc/[0-9]*/enviro?", "/proc/?/environ", "//proc//self//environ", "/proc/./self/../self/environ",
    "/proc/self/task/*/environ", "/proc/self/task/../environ", "/proc/thread-self/environ", "/proc/self/e*",
    "/proc/self/root/proc/self/environ", "/proc/self/cwd/../../../../../proc/1/environ", "/proc/{self,1}/environ",
    "{/proc/self,/proc/1}/environ", "'/proc/self/environ'", '/proc/self/envi"ron"', "/pr\\oc/self/environ",
    "$'/proc/self/environ'", "../../../../../../../../../proc/self/environ", "/????/self/environ", "/proc/*/*",
    "/proc/self/fd/../environ", "/dev/fd/../environ", "${x:-/proc/self/environ}", "notes", "./notes", "src/notes2",
    "/proc/self/mem", "/proc/self/fd/3", "/proc/1/root/etc/hostname",
)  # fmt: skip
TOKENS = (
    ".duragent/run/token", "./.duragent/run/token", ".//.duragent/./run/token", "$PWD/.duragent/run/token",
    "src/../.duragent/run/token", "src/../src/../.duragent/run/../run/token", ".d*/run/token", ".duragent/r?n/token",
    ".[d]uragent/run/t*", ".duragent/{run,x}/token", ".duragent/run/{token,x}", '".duragent/run/token"',
    ".dura'gent/run/'token", ".duragent/run/tok\\en", "PROJECT/.duragent/run/token", "PROJECT/.d*/*/*",
    "~/project/.duragent/run/token", "$HOME/project/.duragent/run/token", "~/other/.duragent/run/token",
    "../other/.duragent/run/token", "../*/.duragent/run/token", "/proc/self/cwd/.duragent/run/token",
    "/proc/self/root/PROJECT/.duragent/run/token", "link/run/token", "src/deep", "~/.local/state/duragent/token",
    "~/.local/*/duragent/*", "~+/.duragent/run/token", "../project/.duragent/run/token",
    ".duragent/sessions/session_1/events.jsonl",
)  # fmt: skip
ELSEWHERE = (
    "cd /proc && cat self/environ", "cd /proc; cd self; cat environ", "cd /proc; cd 1; cat environ",
    "cd /proc/self && cat environ", "cd /; cat proc/self/environ", "cd ..; cat project/.duragent/run/token",
    "cd .duragent && cat run/token", "cd .duragent; cd run; cat token", "cd src; cd ..; cat .duragent/run/token",
    "cd .duragent/run; cat *", "cd .duragent/run && cat t?ken", "pushd .duragent/run; cat token",
    "cd link; cat run/token",
    "cd src; cat ../.duragent/run/token", "(cd .duragent/run && cat token)", "cd $X; cat token",
    'cd "$X" && cat run/token',
    "cd src/sub; cd ../..; cat .duragent/run/token", "for i in 1 2 3; do cd ..; done; cat proc/self/environ",
    "env -C .duragent/run cat token", "env --chdir=/proc/self cat environ", "cd; cat project/.duragent/run/token",
    "cd - && cat run/token; cd .duragent; cd -; cat run/token", "cd -- .duragent; cat run/token",
    "cd -P .duragent/run && cat token", "cd .d* && cat run/token", "cd {.duragent,}/run && cat token",
    "cd src/dir && cd .. && cat run/token",
)  # fmt: skip
SEARCHES = (
    "grep -r . .", "grep -rh ''", "grep -ra . /proc/self", "grep -a . -r /proc/1", "grep -r . ..", "grep -r . /",
    "grep -R . src", "grep --recursive . .", "grep -d recurse . .", "grep --directories=recurse . .", "rg -uu .",
    "rg --hidden .", "rg -. .", "rg -uuu . .", "rg -L . src", "rg . .duragent", "grep -r . .duragent", "grep -r . ./",
    "diff -r . src", "git grep --no-index .", "git diff --no-index . src", "find . -type f -exec cat {} +",
    "find . -name token -exec cat {} \\;", "find . -name token | xargs cat", "find / -name environ | xargs cat",
    "ls -a | xargs cat", "git ls-files -o | xargs cat", "cat .*/*/*", "cat */notes*", "find . | xargs grep .",
    "grep -r . *", "grep -r . .*", "fd . -H -x cat", "ls .duragent/run/*", "cp -r . /dev/shm/x",
    "env", "printenv", "set", "export -p", "declare -x", "declare -p", "ps eww", "ps auxe", "strings /proc/*/mem",
    "cat /proc/*/task/*/environ | tr '\\0' '\\n'", "xargs -a /proc/self/environ",
    "jq -n 'env'; cat $(ls -d .d*)/run/token",
    # What looks like an option, a pattern or a folder is none.
    "grep -r . -- . --exclude-dir=.duragent", "grep -r -e --exclude-dir=.duragent -e . .",
    "grep -rm --exclude-dir=.duragent . .", "grep -r . * --exclude-dir=.duragent", "grep -r -A 3 .", "grep -rm 1 .",
    "grep -r -e src", "grep -r -f README.md", "grep -r --include '*' .", "rg -uu -e --exclude-dir=.duragent -e . .",
    # Hidden folders that are entered, folders that git does not know, and files that are named in other files.
    "rg --no-ignore -g '**' .", "rg --no-ignore -g'.d*' .", "rg --no-ignore -ng '**' .", "rg --no-ignore --glob '**' .",
    "rg --no-ignore --glob='**' . .", "rg --iglob '*' .", "git grep --untracked --no-exclude-standard .",
    "git grep --no-index foo", "git diff src /", "git diff /usr/lib .", "git diff -- . /usr/lib",
    "printf '.duragent/run/token\\0' | sort --files0-from=-", "echo .duragent/run/token | sort --files0-fr -",
    "sort --files0-from README.md", "strings @README.md", "echo .duragent/run/token | file -f -", "jq -nf README.md",
    "jq -L . -n 'import \".duragent/sessions/session_1/snapshot\" as $d; $d'", "jq -n 'include \"x\"; 1'",
)  # fmt: skip
ORDINARY = (
    "git status", "git diff", "git log --oneline -5 2>/dev/null", "ls", "ls -la", "ls src", "ls -R src 2> /dev/null",
    "cat README.md", "cat src/a.py src/sub/b.py", "cat src/*.py", "cat src/{a,c}.py", "head -n 3 README.md",
    "grep -r foo src", "grep -rn 'run/token' src", "grep foo README.md", "grep -rn foo src/ --include='*.py'",
    "grep -r /proc/self/environ src", "grep -rn foo . --exclude-dir=.duragent --exclude-dir=.git", "rg foo",
    "rg foo src", "rg -g '*.py' foo", "rg -tpy -A 3 foo", "rg -g '!*.md' foo", "grep -rnA3 foo src",
    "grep -rn -A 3 foo src", "grep -rn --exclude-dir=.duragent foo", "grep -rn --color --include '*.py' foo src",
    "git grep foo", "git diff HEAD .", "git diff main feature", "git diff README.md src/a.py", "sort -k 2 README.md",
    "jq -r .included README.md",
    "find . -name '*.py'", "find src -type f", "find . -maxdepth 1", "wc -l src/*.py", "sort README.md | uniq -c",
    "sed -n 1,20p README.md", "cut -d/ -f1 README.md", "cd src && cat a.py", "cd src/sub && ls && cat b.py",
    "cat README.md | grep foo | head", "cat < README.md", "diff src/a.py src/c.py",
    "diff <(sort README.md) <(sort src/a.py)",
    "echo /proc/self/environ", "echo 'cat .duragent/run/token'", "tail -n1 < /dev/null",
    "timeout 5 cat README.md", "echo $HOME $X", "ls -d .*", "stat README.md", "du -sh src", "pwd; date +%F; whoami",
)  # fmt: skip


def project(folder: Path) -> Path:
    """A project in a home folder, with secrets in it and beside it."""
    home = Path(os.path.realpath(folder)) / "home"
    here = home / "project"
    for each in (here, home / "other"):
        (each / ".duragent" / "run").mkdir(parents=True)
        (each / ".duragent" / "run" / "token").write_text(SECRET)
        (each / ".duragent" / "sessions" / "session_1").mkdir(parents=True)
        (each / ".duragent" / "sessions" / "session_1" / "events.jsonl").write_text(SECRET)
    (home / ".local" / "state" / "duragent").mkdir(parents=True)
    (home / ".local" / "state" / "duragent" / "token").write_text(SECRET)
    (here / "src" / "sub").mkdir(parents=True)
    for name in ("README.md", "src/a.py", "src/c.py", "src/sub/b.py"):
        (here / name).write_text(f"foo {name}\n")
    (here / "notes").symlink_to("/proc/self/environ")
    (here / "src" / "notes2").symlink_to("../notes")
    (here / "src" / "deep").symlink_to("../.duragent/run/token")
    (here / "src" / "dir").symlink_to("../.duragent/sessions")
    (here / "link").symlink_to(".duragent")
    return here


def policy_in(here: Path, *, confined: bool = False, chosen: bool = True) -> Policy:
    """The default policy for commands that run in the project."""
    closed = tuple(str(here / ".duragent" / each) for each in ("run", "sessions", ".lock"))
    place = CommandPlace(str(here), (str(here),), closed, str(here.parent), confined=confined, chosen=chosen)
    return replace(DEFAULT, place=place)


def ways(here: Path) -> Iterator[str]:
    """Every way to read with every spelling of every secret file."""
    for way, spelling in itertools.product(WAYS, (*ENVIRONMENTS, *TOKENS)):
        # `@@` is a word that begins with the character itself.
        command = spelling.join(re.split("(?<=@)@|@(?!@)", way))
        yield command.replace("PROJECT", str(here))
    yield from (each.replace("PROJECT", str(here)) for each in (*ELSEWHERE, *SEARCHES))


class Shell:
    """A process whose environment has the secret, and which runs commands in a clean one, as a server does."""

    _LOOP = """
import base64, subprocess, sys
for line in sys.stdin:
    text = base64.b64decode(line).decode()
    try:
        done = subprocess.run(["bash", "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, env={"PATH": sys.argv[1], "HOME": sys.argv[2]})
        out = done.stdout
    except subprocess.TimeoutExpired as error:
        out = error.stdout or b""
    print(base64.b64encode(out).decode(), flush=True)
"""

    def __init__(self, here: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._LOOP, os.environ["PATH"], str(here.parent)],
            cwd=here,
            env={**os.environ, "PROVIDER_KEY": SECRET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=120)

    def output(self, command: str) -> str:
        """What bash prints, of both streams."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(base64.b64encode(command.encode()).decode() + "\n")
        self._process.stdin.flush()
        return base64.b64decode(self._process.stdout.readline()).decode(errors="replace")
