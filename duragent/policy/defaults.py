"""What may run without asking when no file says otherwise: reading, and nothing that writes, sends or runs more."""

_ANY_ARGUMENTS = """ls cat head tail wc grep egrep fgrep rg fd find echo printf which type pwd date whoami id uname
    basename dirname realpath readlink stat file du df tree diff cmp comm sort uniq cut tr nl tac rev fold paste join
    column seq sleep test jq md5sum sha1sum sha256sum od strings uptime sed cd true false :""".split()

_GIT = """status log diff show blame describe shortlog ls-files ls-tree rev-parse rev-list cat-file grep merge-base
    name-rev show-ref diff-tree diff-index count-objects""".split()

_GIT_EXACT = (
    "branch", "branch -a", "branch -r", "branch -v", "branch -vv", "branch --list", "branch --all",
    "branch --show-current", "branch -a -v", "branch -av", "branch -avv", "tag", "tag -l", "tag --list", "remote",
    "remote -v", "stash list", "worktree list", "config --list", "config -l", "reflog", "--version",
)  # fmt: skip

_LATER = """schedule:list background_process:list background_process:status background_process:log
    background_process:capture""".split()
"""Calls of tools that are part of the format, and come later; those that there are say it of themselves."""

ALLOW: tuple[str, ...] = (
    *(f"bash:{name} *" for name in _ANY_ARGUMENTS),
    *(f"bash:git {name} *" for name in _GIT),
    *(f"bash:git {rest}" for rest in _GIT_EXACT),
    "bash:command -v *",
    "bash:tee",
    "bash:tee /dev/null",
    *(f"builtin:{name}" for name in _LATER),
)

GENERAL = (
    ("git", "add"), ("git", "commit"), ("cargo", "build"), ("cargo", "check"), ("cargo", "fmt"), ("cargo", "test"),
)  # fmt: skip
"""Commands whose other arguments do not make them another thing: "allow always" is offered for all of them at once."""
