"""What a pattern fits when it allows, and when it denies."""

import pytest

from duragent.policy.rules import Allow, Ask, Deny, Invocation, judge
from tests.support.judging import policy, verdict


@pytest.mark.parametrize(
    ("pattern", "command", "fits"),
    [
        ("bash:make", "make", True),
        ("bash:make", "make test", False),
        ("bash:make", "cmake", False),
        ("bash:make *", "make", True),
        ("bash:make *", "make test all", True),
        ("bash:make *", "makex", False),
        ("bash:make*", "makex", True),
        ("make *", "make test", True),
        ("*:make *", "make test", True),
        ("cli:make *", "make test", False),
        ("Bash:make *", "make test", False),
        ("bash:a*b*c", "a-b-c", True),
        ("bash:a*b*c", "a-c-b", False),
        ("bash:rm build/*", "rm build/x", True),
        ("bash:rm build/*", "rm build/x/y", True),
        ("bash:rm build/*", "rm build/x /", False),
        ("bash:rm build/*", "rm build/../x", False),
        ("bash:rm build/*", "rm build/x/../../y", False),
        ("bash:rm build/*", "rm build/.*", False),
        ("bash:rm build/*", "rm build/{x,../y}", False),
        ("bash:rm build/*", "rm build/$X", False),
        ("bash:rm \\*", "rm *", True),
        ("bash:rm \\*", "rm a", False),
        ('bash:git commit -m "a b"', "git commit -m 'a b'", True),
        ("bash:git commit -m a b", "git commit -m 'a b'", False),
        ("bash:rm a b", "rm 'a b'", False),
        ("bash:rm ~/a b", "rm ~/'a b'", False),
        ("bash:> log", "foo > log", False),
        ("bash:git *", "git -c a=b log", False),
        ("bash:git -c *", "git -c a=b log", True),
        ("bash:git -c a=b log", "git -c a=b log", True),
        ("bash:find *", "find . -delete", False),
        ("bash:find * -delete", "find . -delete", True),
        ("bash:python *", "python x.py", True),
        ("bash:python *", "python -c 1", False),
        ("bash:python -c *", "python -c 1", True),
        ("bash:foo *", "/usr/bin/foo x", True),
        ("bash:foo *", "/opt/foo x", False),
        ("bash:/opt/foo *", "/opt/foo x", True),
        ("bash:foo *", "FOO=1 foo x", False),
        ("bash:FOO=1 foo *", "FOO=1 foo x", True),
        ("bash:foo *", "LC_ALL=C foo x", True),
        ("bash:sudo *", "sudo make", False),
        ("bash:sudo make", "sudo make", True),
        ("bash:cp *", "cp x .git/config", False),
        ("bash:> *", "> policy.local.yaml", False),
        ("bash:> out/*", "> out/x", True),
    ],
)
def test_pattern_allows(pattern: str, command: str, fits: bool) -> None:
    assert isinstance(verdict(policy(allow=[pattern]), command), Allow) is fits


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("bash:git push *", "git --no-pager push origin"),
        ("bash:git push *", "git -C x push origin"),
        ("bash:git push *", "/usr/bin/git push"),
        ("bash:git push *--force*", "git push origin --force"),
        ("bash:> /dev/*", "echo x > /dev/sda"),
        ("bash:*secret*", "cat 'my secret'"),
        ("bash:*SECRET*", "cat secret"),
        ("*secret*", "cat secret"),
        ("*:*secret*", "cat \uff33\uff25\uff23\uff32\uff25\uff34"),
        ("bash:PATH=*", "PATH=x ls"),
        ("bash:shutdown *", "shutdown"),
    ],
)
def test_pattern_denies(pattern: str, command: str) -> None:
    assert isinstance(verdict(policy(mode="dangerous", deny=[pattern]), command), Deny)


def test_what_may_be_denied_is_asked_about() -> None:
    on = policy(deny=["bash:git push *--force*"], allow=["bash:git push *", "bash:cat *"])
    assert isinstance(verdict(on, "git push origin"), Allow)
    assert isinstance(verdict(on, "git push $X"), Ask)
    assert isinstance(verdict(on, "cat $X"), Allow)
    assert isinstance(verdict(policy(deny=["bash:cat /etc/shadow"]), "cat /etc/shado*"), Ask)


@pytest.mark.parametrize(
    ("pattern", "tool", "text", "fits"),
    [
        ("builtin:web:fetch https://docs.python.org/*", "web", "web:fetch https://docs.python.org/3/", True),
        ("builtin:web:fetch https://docs.python.org/*", "web", "web:fetch https://docs.python.org/3/ x=1", False),
        ("builtin:web:fetch https://docs.python.org/*", "web", "web:fetch https://docs.python.org.evil/", False),
        ("builtin:web:fetch", "web", "web:fetch https://a/", True),
        ("builtin:web:*", "web", "web:fetch https://a/", True),
        ("builtin:web", "web", "web:fetch https://a/", False),
        ("builtin:read_file", "read_file", "read_file x", True),
        ("builtin:READ_FILE", "read_file", "read_file x", False),
        ("builtin:read_file", "READ_FILE", "READ_FILE x", False),
        ("builtin:read_file", "\uff52ead_file", "\uff52ead_file x", False),
        ("builtin:write_file src/*", "write_file", "write_file src/a", True),
        ("builtin:write_file src/*", "write_file", "write_file src/../a", False),
        ("builtin:write_file *", "write_file", "write_file policy.local.yaml", False),
        ("bash:read_file *", "read_file", "read_file x", False),
    ],
)
def test_pattern_allows_tool(pattern: str, tool: str, text: str, fits: bool) -> None:
    assert isinstance(judge(policy(allow=[pattern]), Invocation("builtin", tool, text)), Allow) is fits


@pytest.mark.parametrize(
    "pattern", ["builtin:web", "builtin:web:fetch", "builtin:web:*", "*:*evil*", "WEB:*evil*", "web*"]
)
@pytest.mark.parametrize("tool", ["web", "WEB", "\uff57eb"])
def test_pattern_denies_tool_in_every_spelling(pattern: str, tool: str) -> None:
    on = policy(mode="dangerous", deny=[pattern if pattern != "WEB:*evil*" else "*:WEB*evil*"])
    assert isinstance(judge(on, Invocation("builtin", tool, f"{tool}:fetch https://evil/")), Deny)
