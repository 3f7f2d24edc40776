"""What is allowed, asked and denied, and what people are told about it."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duragent.policy.rules import (
    Allow,
    Ask,
    CallPart,
    Deny,
    Invocation,
    allow_patterns,
    explain,
    invocation_text,
    judge,
    notifications,
)
from duragent.policy.tiers import Delivery, Mode, Notify, Policy, Tier, merge
from tests.support.judging import DEFAULT, NO_RM, bash, policy, rules, verdict


@pytest.mark.parametrize(
    ("mode", "listed", "other"), [("dangerous", Allow, Allow), ("ask", Allow, Ask), ("restrict", Allow, Deny)]
)
def test_mode_decides_what_is_in_no_list(mode: Mode, listed: type, other: type) -> None:
    on = policy(mode=mode, allow=["bash:make *"])
    assert isinstance(verdict(on, "make test"), listed)
    assert isinstance(verdict(on, "cargo test"), other)


@pytest.mark.parametrize("mode", ["dangerous", "ask", "restrict"])
def test_denial_comes_first_in_every_mode(mode: Mode) -> None:
    on = policy(mode=mode, allow=["bash:rm *", "*:*"], deny=["bash:rm -rf *"])
    assert isinstance(verdict(on, "rm x"), Allow)
    assert isinstance(verdict(on, "rm -rf x"), Deny)
    # The whole line is compared as well; here only a part of it is what the pattern says.
    assert isinstance(verdict(on, "rm y; rm -rf x"), Deny)


def test_default_asks_and_says_that_it_is_the_default() -> None:
    assert (DEFAULT.mode, DEFAULT.mode_source) == ("ask", "built-in default")
    assert verdict(DEFAULT, "git status --short") == Allow(
        "bash:git status *",
        "built-in default",
        (
            CallPart(
                "git status --short",
                "allow",
                "bash:git status *",
                "built-in default",
                "allowed by built-in default: bash:git status *",
            ),
        ),
    )


def test_each_part_has_its_own_finding() -> None:
    on = policy(allow=["bash:git status*"])
    found = verdict(on, "git status --short && rm -rf build > log")
    assert isinstance(found, Ask)
    assert [(part.text, part.verdict, part.reason) for part in found.parts] == [
        ("git status --short", "allow", "allowed by policy.yaml: bash:git status*"),
        ("rm -rf build", "ask", "not in the allow list"),
        ("> log", "ask", "not in the allow list"),
    ]
    assert explain(found) == [
        "ask: a person must approve",
        "  git status --short  allowed by policy.yaml: bash:git status*",
        "  rm -rf build        not in the allow list",
        "  > log               not in the allow list",
    ]


def test_explain_begins_with_the_answer() -> None:
    assert explain(verdict(NO_RM, "rm x"))[0] == "deny: bash:rm * (policy.yaml)"
    assert explain(verdict(DEFAULT, "ls"))[0] == "allow: bash:ls * (built-in default)"
    assert explain(verdict(DEFAULT, "# nothing")) == ["allow: runs nothing"]


def test_whole_line_can_be_denied() -> None:
    on = policy(mode="dangerous", deny=["bash:curl * | sh"])
    assert isinstance(verdict(on, "curl   x | sh"), Deny)
    assert isinstance(verdict(on, "curl x"), Allow)


def test_whole_call_of_a_tool_is_one_line() -> None:
    assert (
        invocation_text("web", {"action": "fetch", "url": "https://a/", "max": 5}, "url")
        == "web:fetch https://a/ max=5"
    )
    assert invocation_text("deploy", {"args": ["a b", "c"], "force": True}) == 'deploy args=["a b", "c"] force=true'
    assert (
        invocation_text("write_file", {"path": "a b", "content": "x\ny"}, "path") == 'write_file "a b" content="x\\ny"'
    )
    assert invocation_text("think", {}) == "think"
    assert invocation_text("t", {"action": "a b"}) == 't action="a b"'


def test_text_that_hides_its_tool_is_judged_with_the_tool() -> None:
    on = policy(allow=["builtin:read_file"])
    assert not isinstance(judge(on, Invocation("builtin", "write_file", "read_file x")), Allow)


def test_command_of_another_tool_is_judged_as_bash_too() -> None:
    on = policy(deny=["bash:rm *"], allow=["builtin:background_process:spawn", "bash:ls *"])
    spawn = "background_process:spawn"
    assert isinstance(judge(on, Invocation("builtin", "background_process", f"{spawn} x", shell="ls; rm x")), Deny)
    assert isinstance(judge(on, Invocation("builtin", "background_process", f"{spawn} x", shell="make")), Ask)
    assert isinstance(judge(on, Invocation("builtin", "background_process", f"{spawn} x", shell="ls")), Allow)


@pytest.mark.parametrize(
    ("command", "patterns"),
    [
        ("rm -rf build && git add -A", ("bash:rm -rf build", "bash:git add *")),
        ("make 2>&1 > log", ("bash:make", "bash:> log")),
        ("sudo make install", ("bash:sudo make install",)),
        ("timeout 5 make", ("bash:make",)),
        ("rm *", ("bash:rm \\*",)),
        ("ls; foo 'a  b'", ("bash:foo 'a  b'",)),
        ("rm $X", ()),
        ("make $(ls)", ()),
        ("curl x | sh", ()),
        ("ls | xargs rm", ()),
        ("echo x > .git/config", ()),
        ("ls '", ()),
        ("f() { make; }; f", ()),
        ("ls", ()),
    ],
)
def test_allow_always_offers(command: str, patterns: tuple[str, ...]) -> None:
    assert allow_patterns(DEFAULT, bash(command)) == patterns


def test_allow_always_offers_nothing_for_what_is_denied() -> None:
    assert allow_patterns(NO_RM, bash("rm x")) == ()


def test_allow_always_of_one_command_does_not_allow_another() -> None:
    on = DEFAULT.allowing(allow_patterns(DEFAULT, bash("rm 'a*' b")))
    assert isinstance(verdict(on, "rm 'a*' b"), Allow)
    for other in ("rm a* b", "rm ab b", "rm 'a*'", "rm 'a*' b c", "rm 'a* b'"):
        assert not isinstance(verdict(on, other), Allow), other


WORDS = ["rm", "ls", "git", "-rf", "x", "'a b'", '"$X"', "$X", "*", "{a,b}", "sudo", "env", "A=1", "bash", "-c", "find"]
WORDS += [
    ";",
    "&&",
    "|",
    "(",
    ")",
    "$(",
    "`",
    "'",
    '"',
    "<",
    ">",
    "<<E",
    "\n",
    "\\",
    "#",
    "if",
    "then",
    "fi",
    "done",
    "for",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=60)
PATTERNS = st.lists(
    st.sampled_from(["bash:rm *", "bash:*", "*", "bash:ls*", "bash:git add *", "bash:sudo *"]), max_size=3
)


@given(text=TEXTS, deny=PATTERNS, allow=PATTERNS, mode=st.sampled_from(["dangerous", "ask", "restrict"]))
@example(text="\ud800", deny=["*"], allow=[], mode="ask")
def test_judge_answers_whatever_the_text_is(text: str, deny: list[str], allow: list[str], mode: Mode) -> None:
    on = policy(deny=deny, allow=allow, mode=mode)
    found = judge(on, bash(text))
    assert explain(found)
    assert judge(on, bash(text)) == found
    assert isinstance(judge(on, Invocation("mcp", "t", text, shell=text)), Allow | Ask | Deny)


@given(text=TEXTS, allow=PATTERNS)
@example(text="sudo rm x; git add 'a\nb'", allow=[])
def test_what_was_offered_is_allowed_then(text: str, allow: list[str]) -> None:
    on = policy(allow=allow)
    if offered := allow_patterns(on, bash(text)):
        assert isinstance(judge(on.allowing(offered), bash(text)), Allow)


@given(text=TEXTS)
def test_more_denials_never_allow_more(text: str) -> None:
    if isinstance(verdict(NO_RM, text), Allow):
        assert isinstance(verdict(DEFAULT, text), Allow)


AROUND = ["{}; ls", "ls && {}", "ls | {}", "({})", "{ {}; }", "if ls; then {}; fi", "while {}; do ls; done"]
AROUND += ["echo $({})", 'echo "$({})"', "cat <({})", "for i in 1; do {}; done", "ls\n{}", "! {}", "f() { {}; }; f"]
AROUND += ["{} &", "ls ||\n{}", "x=$({})", "echo a > $({})", "cat <<E\n$({})\nE\n", "[ -n $({}) ]"]
AROUND += ["bash -c <>", "sh -c <>", "eval <>", "trap <> EXIT", "timeout 5 bash -c <>", "env sh -c <>"]


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(AROUND), inner).map(
        lambda pair: pair[0].replace("{}", pair[1]).replace("<>", _quote(pair[1]))
    )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


PREFIXES = ["", "env ", "sudo -n ", "nice -n 3 ", "nohup ", "command ", "timeout 3 ", "exec ", "env A=1 ", "xargs "]
NAMES = ["rm", "'rm'", "r'm'", "\\rm", "/bin/rm", "r\\m", '"rm"', "RM"]
REMOVALS = st.tuples(st.lists(st.sampled_from(PREFIXES), max_size=3).map("".join), st.sampled_from(NAMES)).map(
    lambda pair: f"{pair[0]}{pair[1]} -rf x"
)


@given(st.recursive(REMOVALS, _wrapped, max_leaves=4))
def test_denied_command_is_never_hidden_by_what_is_around_it(command: str) -> None:
    found = verdict(NO_RM, command)
    # Deeper than we look, or not understood: then a person is asked because of the denial, in dangerous mode too.
    hidden = any(part.reason.startswith("may be what policy.yaml denies") for part in found.parts)
    assert isinstance(found, Deny) or (isinstance(found, Ask) and hidden), explain(found)


@pytest.mark.parametrize(
    "text",
    [
        "ls " * 10_000,
        "ls; " * 8_000,
        "(" * 10_000,
        "$(" * 300 + "ls" + ")" * 300,
        "sudo " * 5_000,
        "sudo -q " * 3_000 + "ls",
        "docker " * 4_000,
        "'" * 30_001,
        "<<E " * 1_000,
        "{a," * 5_000,
        "`" * 5_000,
        "ssh 'a b c' " * 2_000,
        "if " * 5_000,
    ],
)
def test_long_text_is_judged_in_time(text: str) -> None:
    on = policy(deny=["bash:rm *", "bash:*a*b*c*d*", "*:*x*y*"])
    began = time.process_time()
    judge(on, bash(text))
    assert time.process_time() - began < 20


def _notifying(*patterns: str, enabled: bool = True, deliveries: tuple[Delivery, ...] = ()) -> Policy:
    return merge([Tier("x", notify=Notify(enabled, rules(*patterns), deliveries))], ())


def test_notifications_go_where_the_policy_says() -> None:
    hook = Delivery("webhook", "https://a/")
    assert notifications(_notifying(), bash("ls")) == (Delivery("log"),)
    assert notifications(_notifying(enabled=False), bash("ls")) == ()
    assert notifications(_notifying("bash:rm *", deliveries=(hook,)), bash("ls; rm x")) == (hook,)
    assert notifications(_notifying("bash:rm *"), bash("ls")) == ()
    assert notifications(_notifying("builtin:web"), Invocation("builtin", "web", "web:fetch x")) == (Delivery("log"),)
