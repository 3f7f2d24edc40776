"""The three policy files on a disk against a model of what they mean: who wrote what, and nothing of how it is read.

Patterns here are names of tools, one word each, so that the model needs no matching of its own but equality and `*`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import strategies as st

from duragent.errors import InvalidFile
from duragent.policy.files import allow_always, load_policy
from duragent.policy.patterns import Kind
from duragent.policy.rules import Allow, Ask, Deny, Invocation, Verdict, allow_patterns, judge
from duragent.policy.tiers import Policy
from tests.campaigns.campaign import Campaign
from tests.campaigns.fuzz import holds

Word = Literal["allow", "ask", "deny"]
TIERS = ("workspace", "agent", "local")
BUILT_IN = "think"
"""A tool that the built-in list allows."""
TOOLS = (BUILT_IN, "deploy", "b", "Deploy", "naïve")
KINDS: tuple[Kind, ...] = ("builtin", "cli", "mcp")
BROKEN = ("mode: asks\n", "deny: [", "\0", "- a\n", "alow: []\n", "deny: {a: b}\n", "mode: ask\nmode: ask\n", "&a\n")
COMMANDS = (
    "make", "rm -rf build", "git add -A && git commit -m 'it is done'", "cp a 'b c'", "cat x > out", "ls; make *.o",
    "env X=1 make", "find . -delete", "curl x | sh", "echo $(make)", "FOO=1 make", "touch '☃ \\'", "xargs rm",
    "sudo make install", "tee a b", "bash -c 'make; rm y'", "cd x && git push", "echo 'a\nb' >> log", "rm $X",
)  # fmt: skip


@dataclass(frozen=True)
class File:
    """What one person wrote. `deny` and `allow` are patterns; `allow` None: the key is not there."""

    mode: str | None = None
    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    broken: str | None = None

    def text(self) -> str:
        if self.broken is not None:
            return self.broken
        lines = ["# by hand\n"] + ([f"mode: {self.mode}  # how\n"] if self.mode else [])
        for key, patterns in (("deny", self.deny), ("allow", self.allow)):
            if patterns:
                lines += [f"{key}:  # list\n", *(f"  - '{each}'  # {at}\n" for at, each in enumerate(patterns))]
            elif patterns is not None:
                lines.append(f"{key}: []\n")
        return "".join(lines)


Files = Mapping[str, File | None]


@dataclass(frozen=True)
class Desk:
    """A workspace with an agent."""

    root: Path
    agent: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "agent", self.root / "agents" / "helper")
        self.agent.mkdir(parents=True, exist_ok=True)

    def write(self, files: Files) -> None:
        for tier, file in files.items():
            self.path(tier).unlink(missing_ok=True)
            if file is not None:
                self.path(tier).write_text(file.text(), encoding="utf-8")

    def path(self, tier: str) -> Path:
        folder = self.root if tier == "workspace" else self.agent
        return folder / ("policy.local.yaml" if tier == "local" else "policy.yaml")

    def load(self) -> Policy:
        return load_policy(self.root, self.agent, (f"builtin:{BUILT_IN}",))


def fits(pattern: str, kind: Kind, tool: str, *, denies: bool) -> bool:
    head, colon, rest = pattern.partition(":")
    head, rest = (head, rest) if colon else ("*", pattern)
    same = (rest.lower() == tool.lower()) if denies else rest == tool
    return head in ("*", kind) and (rest == "*" or same)


def expected(files: Files, kind: Kind, tool: str) -> Word:
    """The model: what these files say of a call without arguments."""
    there = [file for tier in TIERS if (file := files.get(tier)) is not None]
    if any(file.broken is not None for file in there):
        return "deny"
    mode = next((file.mode for file in reversed(there) if file.mode), "ask")
    by_people = [file for tier in ("workspace", "agent") if (file := files.get(tier)) is not None]
    allowed = [pattern for file in there for pattern in file.allow or ()]
    if all(file.allow is None for file in by_people):
        allowed.append(f"builtin:{BUILT_IN}")
    if any(fits(pattern, kind, tool, denies=True) for file in there for pattern in file.deny):
        return "deny"
    if mode == "dangerous" or any(fits(pattern, kind, tool, denies=False) for pattern in allowed):
        return "allow"
    return "deny" if mode == "restrict" else "ask"


def word(verdict: Verdict) -> Word:
    return {Allow: "allow", Ask: "ask", Deny: "deny"}[type(verdict)]  # type: ignore[return-value]  # the three words


RANK = {"deny": 0, "ask": 1, "allow": 2}
PATTERNS = st.builds(
    lambda head, tool: head + tool,
    st.sampled_from(["", "*:", *(f"{kind}:" for kind in KINDS)]),
    st.sampled_from([*TOOLS, "*"]),
)
LISTS = st.lists(PATTERNS, max_size=4).map(tuple)
GOOD = st.builds(
    File, st.sampled_from([None, None, "dangerous", "ask", "restrict"]), LISTS, st.none() | LISTS, st.none()
)
FILES = st.fixed_dictionaries(dict.fromkeys(TIERS, st.none() | GOOD))


def calls() -> list[Invocation]:
    return [Invocation(kind, tool, tool) for kind in KINDS for tool in TOOLS]


def said(policy: Policy) -> dict[tuple[str, str], Word]:
    return {(call.kind, call.tool): word(judge(policy, call)) for call in calls()}


def wanted(files: Files) -> dict[tuple[str, str], Word]:
    return {(call.kind, call.tool): expected(files, call.kind, call.tool) for call in calls()}


def merged_as_the_model_says(data: st.DataObject, desk: Desk) -> None:
    files = data.draw(FILES)
    desk.write(files)
    before = said(desk.load())
    assert before == wanted(files)

    tier = data.draw(st.sampled_from(TIERS))
    file = files[tier] or File()
    pattern = data.draw(PATTERNS)
    desk.write({tier: replace(file, deny=(*file.deny, pattern))})
    for (kind, tool), verdict in said(desk.load()).items():
        assert RANK[verdict] <= RANK[before[kind, tool]], "a denial opened something"
        assert verdict == "deny" or not fits(pattern, kind, tool, denies=True), "a denial was taken back"  # type: ignore[arg-type]  # from KINDS

    if file.allow is not None or tier == "local":
        desk.write({tier: replace(file, allow=(*(file.allow or ()), pattern))})
        after = said(desk.load())
        assert all(RANK[after[call]] >= RANK[before[call]] for call in before), "an allowance closed something"

    turned = {
        each: old and replace(old, deny=old.deny[::-1], allow=old.allow and old.allow[::-1])
        for each, old in files.items()
    }
    desk.write(turned)
    assert said(desk.load()) == before, "the order of a list counts"

    desk.write({tier: File(broken=data.draw(st.sampled_from(BROKEN)))})
    assert set(said(desk.load()).values()) == {"deny"}, "a broken file does not close everything"


def always_allows_exactly_that(data: st.DataObject, desk: Desk) -> None:
    """A person says always to some calls, one after another, beside files that people have written."""
    desk.write(data.draw(FILES))
    for command in data.draw(st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=3)):
        policy, old = desk.load(), local_text(desk)
        before = {each: word(judge(policy, bash(each))) for each in COMMANDS}
        offered = allow_patterns(policy, bash(command))
        assert not offered or before[command] == "ask"
        assert allow_always(desk.agent, offered) == offered
        saved = desk.load()
        after = {each: word(judge(saved, bash(each))) for each in COMMANDS}
        changed = {each for each in COMMANDS if after[each] != before[each]}
        assert {after[each] for each in changed} <= {"allow"}
        assert (command in changed) == bool(offered)
        more = [each for each in changed if not set(allow_patterns(policy, bash(each))) <= set(offered)]
        assert not more, f"{offered} allow {more} too"
        assert in_order(comments(old), comments(local_text(desk))), "a comment went"
        text = local_text(desk)
        assert allow_always(desk.agent, offered) == ()
        assert local_text(desk) == text


def local_text(desk: Desk) -> str:
    return desk.path("local").read_text(encoding="utf-8") if desk.path("local").exists() else ""


def comments(text: str) -> list[str]:
    return [line.partition("  # ")[2] or line for line in text.splitlines() if "# " in line]


def in_order(some: list[str], others: list[str]) -> bool:
    rest = iter(others)
    return all(each in rest for each in some)


def bash(command: str) -> Invocation:
    return Invocation("bash", "bash", command)


def broken_file_is_left_alone(data: st.DataObject, desk: Desk) -> None:
    desk.write({"local": File(broken=data.draw(st.sampled_from(BROKEN)))})
    text = local_text(desk)
    with pytest.raises(InvalidFile):
        allow_always(desk.agent, ["bash:make"])
    assert local_text(desk) == text


def search(campaign: Campaign, blocks: int, examples: int) -> None:
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        for check in (merged_as_the_model_says, always_allows_exactly_that, broken_file_is_left_alone):
            desk.write(dict.fromkeys(TIERS))
            holds(campaign, blocks, examples, lambda data, check=check: check(data, desk))  # type: ignore[misc]  # mypy sees no default
    print(f"3 checks of {blocks * examples} sets of files")  # noqa: T201  # a campaign says what it did


def test_policy_files_mean_what_the_model_says(campaign: Campaign) -> None:
    search(campaign, 1, 60)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
def test_policy_files_mean_what_the_model_says_after_a_long_search(campaign: Campaign) -> None:
    search(campaign, 6, 300)
