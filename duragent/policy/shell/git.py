"""git: which of its options and commands run other programs."""

from duragent.policy.shell.inside import MAX_TAILS, Inside, Reason, Words, split, suffixes
from duragent.policy.shell.options import risky

_GIT_HARMLESS = frozenset(
    {"--no-pager", "--no-optional-locks", "--version", "--literal-pathspecs", "--no-replace-objects"}
)
_GIT_VALUED = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"})
_GIT_RUNS = frozenset({"bisect", "submodule", "filter-branch", "difftool", "mergetool", "send-email", "daemon"})
_GIT_LONG = (
    "--output", "--ext-diff", "--textconv", "--open-files-in-pager", "--upload-pack", "--receive-pack", "--exec",
    "--config", "--template", "--filters", "--paginate", "--show-signature", "--edit-description", "--git-dir",
)  # fmt: skip
_GIT_LETTERS = {"grep": "O", "clone": "cu", "rebase": "x", "fetch": "", "format-patch": "o", "archive": "o"}


def git_parts(words: Words) -> tuple[Words, Words]:
    """The options in front of the subcommand, and the rest."""
    at = 1
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if words[at].text in _GIT_VALUED else 1
    return words[1:at], words[at:]


def only_harmless_options(words: Words) -> bool:
    return all(word.text in _GIT_HARMLESS for word in git_parts(words)[0])


def git(words: Words) -> Inside:
    options, rest = git_parts(words)
    reasons = [
        Reason(word.text, f"git's option {word.text.partition('=')[0]} changes what git runs")
        for word in options
        if word.text.startswith("-") and word.text not in _GIT_HARMLESS
    ]
    if rest and not rest[0].literal:
        reasons.append(Reason(rest[0].source, "which git command it is, is not known before"))
    if rest:
        name = rest[0].text
        reasons += risky(_GIT_LETTERS.get(name, ""), *_GIT_LONG)(rest).reasons
        if name in _GIT_RUNS:
            reasons.append(Reason(name, f"git {name} runs other programs"))
    aliases = [word.text.partition("=")[2].lstrip("!") for word in options[:MAX_TAILS] if "=" in word.text]
    guesses = tuple(split(alias) for alias in aliases) + (suffixes(rest) if rest and rest[0].text in _GIT_RUNS else ())
    guesses += tuple(
        split(word.text) for word in rest[1:MAX_TAILS] if " " in word.text and rest[0].text in _GIT_RUNS | {"rebase"}
    )
    return Inside(guesses=guesses, reasons=tuple(reasons))
