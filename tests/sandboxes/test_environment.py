"""The clean environment holds what programs need, and no key."""

import pytest

from duragent.sandboxes.environment import ALLOWED, clean_environment, looks_secret

SECRETS = {
    "ANTHROPIC_API_KEY": "sk-ant-api03-abcdefghijklmnop",
    "OPENAI_API_KEY": "sk-proj-abcdefghijklmnopqrs",
    "GITHUB_TOKEN": "ghp_abcdefghijklmnopqrstuv",
    "DB_PASSWORD": "hunter2",
    "AWS_SECRET_ACCESS_KEY": "x",
    "DATABASE_URL": "postgres://me:pw@db/x",
    "TELEGRAM_BOT_TOKEN": "1:x",
    "SLACK_WEBHOOK": "https://hooks.example",
    "SSH_AUTH_SOCK": "/run/user/1/ssh",
    "LD_PRELOAD": "/x.so",
    "BASH_ENV": "/x",
    "BASH_FUNC_ls%%": "() { :; }",
    "DURAGENT_TOKEN": "x",
}
PLAIN = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/me",
    "LANG": "de_DE.UTF-8",
    "LC_TIME": "C",
    "TERM": "xterm",
    "VIRTUAL_ENV": "/home/me/v",
    "SSL_CERT_FILE": "/etc/ca.pem",
    "https_proxy": "http://proxy:3128",
    "TMPDIR": "/home/me/t",
}


def test_environment_keeps_what_programs_need_and_no_key() -> None:
    assert clean_environment({**SECRETS, **PLAIN}) == PLAIN


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_variable_named_by_a_person_is_passed_on(name: str) -> None:
    assert clean_environment({**SECRETS, **PLAIN}, [name]) == PLAIN | {name: SECRETS[name]}


def test_pattern_passes_on_what_is_no_secret() -> None:
    environ = {"AWS_REGION": "eu-1", "AWS_SESSION_TOKEN": "x", "AWS_ENDPOINT": "http://a:b@c", "aws_region": "x"}
    assert clean_environment(environ, ["AWS_*"]) == {"AWS_REGION": "eu-1"}
    assert clean_environment(environ, ["AWS_*", "AWS_SESSION_TOKEN"]).keys() == {"AWS_REGION", "AWS_SESSION_TOKEN"}


def test_star_passes_on_everything_but_secrets() -> None:
    plain = PLAIN | {"MY_FLAG": "1"}
    kept = clean_environment({**SECRETS, **plain}, ["*"])
    assert kept == plain | {name: SECRETS[name] for name in ("LD_PRELOAD", "BASH_ENV", "BASH_FUNC_ls%%")}


@pytest.mark.parametrize(
    "value",
    [
        "http://me:pw@proxy:3128",
        "sk-ant-api03-abcdefghijklmnop",
        "the-very-same-value-as-a-key",
        "x the-very-same-value-as-a-key x",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "github_pat_11ABCDEFG0123456789",
    ],
)
def test_secret_under_an_innocent_name_is_held_back(value: str) -> None:
    environ = {"MY_API_KEY": "the-very-same-value-as-a-key", "LC_NAME": value, "HTTP_PROXY": value}
    assert clean_environment(environ) == {}
    assert clean_environment(environ, ["LC_NAME"]) == {"LC_NAME": value}


def test_harmless_value_under_a_secret_name_takes_nothing_away() -> None:
    environ = {"KEYMAP": "en_US.UTF-8", "LANG": "en_US.UTF-8", "TOKEN_FOLDER": "/home/me/and/more", "PATH": "/bin"}
    environ["HOME"] = "/home/me/and/more"
    assert clean_environment(environ) == {name: environ[name] for name in ("LANG", "PATH", "HOME")}


def test_no_allowed_name_looks_secret() -> None:
    assert [name for name in sorted(ALLOWED) if looks_secret(name)] == []
