"""Shell commands that are made to hurt: each is judged soon, a denial stays one, and what is too much is a question."""

import random
import shlex
import time

import pytest

from duragent.policy.patterns import Rule
from duragent.policy.rules import Allow, Ask, Deny, Verdict, allow_patterns, explain, judge
from duragent.policy.shell.commands import MAX_LOOKS, TOO_MUCH, pieces_of
from duragent.policy.shell.parse import MAX_CHARS
from duragent.policy.tiers import Policy
from tests.campaigns.campaign import Campaign
from tests.campaigns.fuzz import changed_text, takes_linear_time
from tests.policy.harmless import HARMLESS
from tests.policy.scenarios.test_against_bash import INSERTED
from tests.policy.scenarios.test_bypass import DENIED, NEVER_ALLOWED
from tests.support.judging import DEFAULT, NO_RM, bash, policy

HEAVY = policy(deny=[f"bash:*{first}{second}x*{second}y *{first}" for first in "abcdefgh" for second in "klmnopqr"])
UNITS = (
    "env ", "nice ", "sudo -x ", "env -x ", "xargs ", "timeout 1 ", "eval ", "ssh ", "watch ", "find -exec ", "docker ",
    "ls;", "ls|", "ls && ", "! ", "time ", "ssh " * 30 + ";", "env -x " * 20 + ";", "sudo -x docker 'ssh docker' ; ",
    "find . -exec env -x xargs -y ls \\; ", "bash -c 'env ls;ls';", "alias a='env -x ls' ", "tee a ", ">a ", "<a ",
    "A=b ", "a=b ", "$(ls) ", "`ls` ", "$(echo $(ls)) ", "* ", "$a ", "{a,b}", "[", "\\a", "'' ", "$'a'", "#\n", "\n",
    "\\\n", "a\\\n ", "for a in b ; do ", "( ", ") ", "[[ a == b && ", "[ a -a ", "$((1+", "${a:-", "git -c a=b ",
    "git status;", "cd x;git log;", "export a=b ", "cat <<E\nls\nE\n", "😀 ", "e\u0301 ", "\"$a\"",
    "bash <<< 'env ls' ;",
)  # fmt: skip
"""What was slow once, or could be: each is repeated up to the longest text that is looked at."""

SED = (" ", "\n", ";", " ;", " \n", "1", "1,", "p;", "s/a/b/;", "s|a|b|;", "/a/,", "/a/ ", "s,a,b,", "\t", "$")


def word(verdict: Verdict) -> str:
    return type(verdict).__name__.lower()


# --- what bash would do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        "s|a|b|;s/x|/touch mark/e;s/a|;/b/",
        "s|a|b|;s/x|/y/w f|",
        "p;s,a,b,;s/x,/y/w f,",
        "1p\ns|a|b|\ns/a|/b/e|",
    ],
)
def test_sed_script_whose_delimiters_change_cannot_hide_a_command(script: str) -> None:
    for spelling in (f"sed '{script}' f", f"sed -n -e '{script}' f", f"sed -e p -e '{script}'"):
        assert isinstance(judge(DEFAULT, bash(spelling)), Ask), spelling


@pytest.mark.parametrize("script", ["s/a/b/;s|c|d|g", "1,5p;s/x/y/", "s,a,b,;s/,/;/", "5q\n/a/,/b/d", " p ; ; p "])
def test_plain_sed_scripts_are_allowed(script: str) -> None:
    assert isinstance(judge(DEFAULT, bash(f"sed '{script}' f")), Allow)


# --- nothing hides behind what is too much --------------------------------------------------------------------------


def judged_soon_and_nothing_hidden(unit: str, size: int, rules: Policy) -> None:
    text = unit * ((size - 10) // len(unit))
    began = time.process_time()
    judge(rules, bash(text + "ls"))
    assert time.process_time() - began < 15.0
    for spelling in (f"rm x; {text}", f"{text}rm x"):
        assert not isinstance(judge(NO_RM, bash(spelling)), Allow), spelling[:80]


@pytest.mark.parametrize("shard", range(2))
def test_much_of_anything_is_judged_soon_and_hides_no_denial(shard: int) -> None:
    for unit in UNITS[shard::2]:
        judged_soon_and_nothing_hidden(unit, 2_000, NO_RM)


@pytest.mark.campaign
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("size", [9_000, MAX_CHARS])
def test_much_of_anything_is_judged_soon_and_hides_no_denial_up_to_the_limit(size: int) -> None:
    for unit in (*UNITS, *(f"sed '{script}" for script in SED)):
        judged_soon_and_nothing_hidden(unit, size, HEAVY)


@pytest.mark.parametrize("unit", ["env ", "ssh " * 30 + ";", "env -x " * 20 + ";", "eval "])
def test_what_is_too_much_is_a_question_that_cannot_be_answered_for_ever(unit: str) -> None:
    call = bash(unit * (MAX_CHARS // len(unit) - 2) + "ls")
    assert any(TOO_MUCH in line or "too many" in line for line in _reasons(call.text))
    assert isinstance(judge(policy(allow=["bash:*"]), call), Ask)
    assert isinstance(judge(policy(allow=["bash:*"], mode="restrict"), call), Deny)
    assert allow_patterns(DEFAULT, call) == ()


def test_denial_that_is_found_counts_however_much_follows() -> None:
    much = "ssh " * 30 + ";"
    call = bash("rm -rf /; " + much * (MAX_CHARS // len(much) - 2))
    assert isinstance(judge(NO_RM, call), Deny)
    assert isinstance(judge(policy(deny=["bash:rm *"], mode="dangerous"), call), Deny)


def test_dangerous_mode_asks_about_what_is_too_much_when_something_is_denied() -> None:
    much = "ssh " * 30 + ";"
    call = bash(much * (MAX_CHARS // len(much) - 2))
    assert isinstance(judge(policy(deny=["bash:rm *"], mode="dangerous"), call), Ask)


@pytest.mark.parametrize("depth", [1, 3, 5, 7, 12, 40])
def test_command_within_shells_within_shells_is_found_or_asked_about(depth: int) -> None:
    text = "rm x"
    for _ in range(depth):
        text = f"bash -c {shlex.quote(text)}" if len(text) < 4_000 else f"env {text}"
    assert not isinstance(judge(policy(deny=["bash:rm *"], allow=["bash:*"]), bash(text)), Allow)
    assert not isinstance(judge(policy(deny=["bash:rm *"], mode="dangerous"), bash(text)), Allow)


def test_ordinary_long_script_is_judged_as_a_whole() -> None:
    script = "".join(f"grep -n 'word {number}' file_{number}.txt | head -n {number}\n" for number in range(1, 200))
    assert isinstance(judge(DEFAULT, bash(script)), Allow)
    assert isinstance(judge(NO_RM, bash(f"{script}rm x\n")), Deny)
    assert sum(1 for piece in pieces_of(script) for _ in piece.all()) < MAX_LOOKS


def _reasons(text: str) -> list[str]:
    return [each.unknowable for piece in pieces_of(text) for each in piece.all() if each.unknowable]


# --- any text -------------------------------------------------------------------------------------------------------


def any_text_is_judged(chance: random.Random) -> None:
    """Never an exception; an allowance closes nothing, a denial opens nothing, and the answer can be shown."""
    corpus = (*DENIED, *NEVER_ALLOWED, *HARMLESS)
    text = changed_text(
        chance, chance.choice(corpus) + chance.choice(["", ";", "\n", " | "]) + chance.choice(corpus), INSERTED
    )
    call, rank = bash(text), {"deny": 0, "ask": 1, "allow": 2}
    found = word(judge(DEFAULT, call))
    explain(judge(DEFAULT, call))
    assert rank[word(judge(policy(deny=["bash:rm *", "bash:* x*"]), call))] <= rank[found]
    assert rank[word(judge(DEFAULT.allowing(["bash:make *", "bash:rm *"]), call))] >= rank[found]
    offered = allow_patterns(DEFAULT, call)
    assert not offered or found == "ask"
    assert not offered or isinstance(judge(DEFAULT.allowing(offered), call), Allow)


def search(campaign: Campaign, numbers: range) -> None:
    for number in campaign.cases(numbers):
        with campaign.case(number) as chance:
            any_text_is_judged(chance)
    print(f"{len(numbers)} commands")  # noqa: T201  # a campaign says what it did


def test_any_text_gets_a_verdict(campaign: Campaign) -> None:
    search(campaign, range(150))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shard", range(2))
def test_any_text_gets_a_verdict_in_a_long_search(campaign: Campaign, shard: int) -> None:
    search(campaign, range(1_000 + shard, 100_000, 2))


# --- patterns -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern", ["bash:*a*a*a*a*b", "bash:" + "*a" * 50 + "b", "bash:ls */*/*/*x", "bash:* * * * * x"]
)
def test_pattern_takes_linear_time(pattern: str) -> None:
    rule = Rule(pattern, "f")
    takes_linear_time(lambda text: (rule.denies("bash", (text,)), rule.may_deny("bash", text + "\0")), "ls a/", 60_000)
    takes_linear_time(lambda text: rule.allows("bash", (text,)), "ls a/", 20_000)


@pytest.mark.parametrize("unit", SED)
def test_sed_script_takes_linear_time(unit: str) -> None:
    def one(text: str) -> None:
        pieces_of.cache_clear()
        judge(DEFAULT, bash(f"sed {shlex.quote(text + '!')} f"))

    takes_linear_time(one, unit, 7_000)
