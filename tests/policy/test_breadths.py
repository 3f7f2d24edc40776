"""How wide a person is offered to allow: every offer allows the call, and none is wide where it must not be."""

import pytest

from duragent.policy.breadths import MAX_OFFERS, NEVER_WIDE, every_call, of_files, offers
from duragent.policy.defaults import ALLOW
from duragent.policy.rules import Allow, Ask, Invocation, allow_patterns, invocation_text, judge
from duragent.policy.tiers import merge

POLICY = merge([], ALLOW)


def offered(command: str) -> list[tuple[str, str, tuple[str, ...]]]:
    asked = Invocation("bash", "bash", command)
    return [(each.scope, each.words, each.patterns) for each in offers(POLICY, asked, allow_patterns(POLICY, asked))]


@pytest.mark.parametrize(
    ("command", "program", "scopes"),
    [
        ("pytest -q tests", "pytest", ("session", "policy")),
        ("./run.sh a b", "./run.sh", ("session",)),
        ("npm test --watch", "npm test", ("session", "policy")),
        ("npm run build --force", "npm run build", ("session",)),
        ("python3 -m pytest -q", "python3 -m pytest", ("session",)),
        ("mkdir -p a/b", "mkdir", ("session",)),
        ("timeout 60 mkdir a", "mkdir", ("session",)),
    ],
)
def test_a_program_is_offered_with_any_arguments(command: str, program: str, scopes: tuple[str, ...]) -> None:
    first, *wider = offered(command)
    assert first[:2] == ("policy", "this call")
    assert wider == [(scope, f"{program} with any arguments", (f"bash:{program} *",)) for scope in scopes]


def test_what_always_allows_with_any_arguments_is_offered_for_the_session_too() -> None:
    words, patterns = "git commit with any arguments", ("bash:git commit *",)
    assert offered("git commit -m x") == [("session", words, patterns), ("policy", words, patterns)]
    both = ("bash:git add *", "bash:rm x")
    assert offered("git add -A && rm x") == [("policy", "this call and others like it", both)]


def test_a_redirection_stays_as_it_is_beside_a_wide_program() -> None:
    assert offered("pytest -q > out.txt")[1][2] == ("bash:pytest *", "bash:> out.txt")
    assert [scope for scope, _, _ in offered("ls > src/x")] == ["policy"]


@pytest.mark.parametrize(
    "command",
    [
        *(f"{name} -x a" for name in sorted(NEVER_WIDE - {"export", "declare", "typeset", "set", "unset", "trap"})),
        "rm -rf build",
        "/bin/rm -rf build",
        "./rm x",
        "RM x",
        "env X=1 rm x",
        "pip3.12 install x",
        "perl5.36 -e 1",
        "python x.py",
        "python3.13 -c 'print(1)'",
        "python3 -m coverage run -m pip install x",
        "pwsh.exe -c x",
        "mkfs.ext4 x",
        "git push origin main",
        "git -C .. add x",
        "npm install left-pad",
        "npm run",
        "cargo install x",
        "make",
        "make check -j4",
        "pytest && curl http://x/",
        "pytest $(curl http://x/)",
        "pytest | sh",
        "PATH=/tmp pytest",
        "pytest; rm x",
        "x=1; rm $x",
        "mkdir .git/x",
        "echo x > .envrc",
        "'a b' c",
        "$RUN x",
    ],
)
def test_what_must_not_be_wide_is_not_offered_wide(command: str) -> None:
    wide = [words for _, words, _ in offered(command) if "any arguments" in words]
    assert wide == []


@pytest.mark.parametrize(
    "command", ["pytest -q tests", "cd src && pytest > out", "foo *.py", "./a b | ./c d", "git commit -m 'a b'"]
)
def test_each_offer_allows_the_call_and_asks_about_what_it_does_not_name(command: str) -> None:
    asked = Invocation("bash", "bash", command)
    assert 0 < len(offered(command)) <= MAX_OFFERS
    for _, _, patterns in offered(command):
        wider = POLICY.allowing(patterns)
        assert isinstance(judge(wider, asked), Allow)
        for other in ("rm -rf /", f"{command}; rm x", f"{command} $(rm x)", "curl http://x/", f"{command} > .envrc"):
            assert isinstance(judge(wider, Invocation("bash", "bash", other)), Ask), (patterns, other)


def change(path: str, tool: str = "write_file", content: str = "hello there") -> Invocation:
    return Invocation("builtin", tool, invocation_text(tool, {"path": path, "content": content}, "path"))


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("a.py", None),
        ("src/a.py", "src/"),
        ("./src/a.py", "src/"),
        ("src/deep/a.py", "src/deep/"),
        ("/srv/p/a.py", "/srv/p/"),
        ("src/*.py", "src/"),
        ("a b/c d.py", None),
        ("../x/a.py", None),
        ("/a.py", None),
    ],
)
def test_files_are_offered_from_the_one_to_all_of_them(path: str, below: str | None) -> None:
    found = offers(POLICY, change(path), (), of_files(path))
    words = [f"changes of {path}", *([f"changes of files below {below}"] if below else [])]
    assert [each.words for each in found] == [*words, "changes of any file"]
    assert {each.scope for each in found} == {"session"}


def test_a_folder_is_no_other_folder_and_nothing_that_decides_about_agents() -> None:
    one, below, every = offers(POLICY, change("src/a.py"), (), of_files("src/a.py"))
    for tool in ("write_file", "edit_file"):
        assert isinstance(judge(POLICY.allowing(one.patterns), change("src/a.py", tool)), Allow)
        assert isinstance(judge(POLICY.allowing(one.patterns), change("src/a.py2", tool)), Ask)
        within = POLICY.allowing(below.patterns)
        assert isinstance(judge(within, change("src/x/b.py", tool, "a/../b c")), Allow)
        for path in ("a.py", "srcs/a", "src/../a.py", "src/x/../../a.py", "other/src/a", "src/.git/hooks/x", "src/ x"):
            assert isinstance(judge(within, change(path, tool)), Ask), path
        for path in (".git/config", "policy.yaml", "x/agent.yaml", ".envrc", ".duragent/agents/a/SOUL.md"):
            assert isinstance(judge(POLICY.allowing(every.patterns), change(path, tool)), Ask), path


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "src/.envrc", "policy.local.yaml"])
def test_a_file_that_decides_about_agents_is_not_offered(path: str) -> None:
    assert offers(POLICY, change(path), allow_patterns(POLICY, change(path)), of_files(path)) == ()


def test_every_call_of_a_tool_goes_by_its_name() -> None:
    asked = Invocation("cli", "deploy", "deploy --to here")
    found = offers(POLICY, asked, allow_patterns(POLICY, asked), every_call("cli", "deploy"))
    assert [(each.scope, each.words, each.patterns) for each in found] == [
        ("policy", "this call", ("cli:deploy --to here",)),
        ("session", "every call of deploy", ("cli:deploy",)),
        ("policy", "every call of deploy", ("cli:deploy",)),
    ]
    # A tool that hands a command to a shell is asked about that, too.
    shell = Invocation("cli", "deploy", "deploy x", shell="rm -rf x")
    assert [each.words for each in offers(POLICY, shell, (), every_call("cli", "deploy"))] == []
