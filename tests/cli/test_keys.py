"""`duragent keys`: kept, listed, used and forgotten, and shown nowhere."""

import json
import os
from pathlib import Path

import pytest

from duragent.testing.stub_llm import StubLlm
from tests.cli.commands import Command
from tests.cli.place import Place

KEY = "sk-secret-abcdefgh-1"


def stored() -> Path:
    return Path(os.environ["HOME"], ".local/state/duragent/keys")


def test_a_key_is_kept_from_stdin_listed_without_itself_and_forgotten(duragent: Command) -> None:
    kept = duragent("keys", "set", "anthropic", stdin=f"{KEY}\n".encode())
    assert (kept.code, kept.err) == (0, "")
    assert kept.out.startswith(f"Kept ANTHROPIC_API_KEY in {stored()}")
    listed = duragent("keys", "list")
    assert listed.out == "provider\tvariable\tfrom\nanthropic\tANTHROPIC_API_KEY\tkey file\n"
    found = json.loads(duragent("keys", "list", "--json").out)
    assert found == [{"provider": "anthropic", "variable": "ANTHROPIC_API_KEY", "from": "key file"}]
    assert duragent("keys", "remove", "anthropic").out == "Forgot ANTHROPIC_API_KEY.\n"
    assert duragent("keys", "remove", "anthropic").code == 66
    assert "ANTHROPIC" not in duragent("keys", "list").out
    assert KEY not in kept.out + listed.out


@pytest.mark.parametrize(
    ("which", "variable"),
    [
        ("groq", "GROQ_API_KEY"),
        ("Gemini", "GEMINI_API_KEY"),
        ("BRAVE_API_KEY", "BRAVE_API_KEY"),
        ("xai", "XAI_API_KEY"),
    ],
)
def test_any_provider_has_its_variable(duragent: Command, which: str, variable: str) -> None:
    assert duragent("keys", "set", which, stdin=KEY.encode()).code == 0
    assert f"{variable}={KEY}\n" in stored().read_text()
    assert variable in duragent("keys", "list").out


def test_what_is_exported_goes_before_and_is_said(duragent: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    assert "goes before it" in duragent("keys", "set", "openai", stdin=KEY.encode()).out
    assert "environment, which goes before the stored one" in duragent("keys", "list").out
    assert "still in the environment" in duragent("keys", "remove", "openai").out


def test_a_key_on_the_command_line_is_refused_and_not_repeated(duragent: Command) -> None:
    for arguments in (("openai", KEY), (KEY,), ("AIzaSyA-1234567890123456789012",)):
        ran = duragent("keys", "set", *arguments)
        assert ran.code == 2
        assert KEY not in ran.out + ran.err
        assert "AIza" not in ran.out + ran.err
    assert not stored().exists()


def test_a_misspelt_provider_is_no_variable(duragent: Command) -> None:
    ran = duragent("keys", "set", "antropic", stdin=KEY.encode())
    assert (ran.code, "did you mean 'anthropic'?" in ran.err) == (2, True)
    assert duragent("keys", "set", "demo", stdin=KEY.encode()).code == 2
    assert duragent("keys", "set", "openai", stdin=b"\n").code == 2


def test_a_file_that_others_can_read_is_not_used_and_said(duragent: Command) -> None:
    duragent("keys", "set", "openai", stdin=KEY.encode())
    stored().chmod(0o644)
    listed = duragent("keys", "list")
    assert "openai" not in listed.out
    assert "chmod go-rwx would close it" in listed.err
    assert duragent("keys", "set", "groq", stdin=b"k").code == 65


def test_a_key_is_asked_for_without_being_shown(place: Place) -> None:
    with place.terminal("keys", "set", "openai") as terminal:
        terminal.expect("OPENAI_API_KEY: ")
        terminal.type(f"{KEY}\r")
        terminal.expect("Kept OPENAI_API_KEY")
        assert terminal.end() == 0
        assert KEY not in terminal.text
    assert KEY in (place.folder / ".local/state/duragent/keys").read_text()


def test_a_server_that_runs_takes_a_key_and_shows_it_nowhere(place: Place) -> None:
    with StubLlm() as stub:
        place.environ["ANTHROPIC_API_BASE"] = stub.anthropic_url
        assert place.run("init", "--no-interactive", "--provider", "anthropic").returncode == 0
        missing = place.run("ask", "assistant", "hi")
        assert (missing.returncode, "duragent keys set anthropic" in missing.stderr) == (78, True)
        assert place.run("keys", "set", "anthropic", stdin=KEY).returncode == 0
        stub.script("hello")
        answered = place.run("ask", "assistant", "hi")
        assert (answered.returncode, answered.stdout) == (0, "hello\n"), answered.stderr
        assert stub.requests[-1].headers["x-api-key"] == KEY
    address = json.loads((place.folder / ".duragent/run/server.json").read_text())
    assert KEY.encode() not in Path(f"/proc/{address['pid']}/environ").read_bytes()
    written = [each for each in (place.folder / ".duragent").rglob("*") if each.is_file()]
    assert [each for each in written if KEY.encode() in each.read_bytes()] == []


def test_commands_of_an_agent_do_not_see_a_stored_key(place: Place) -> None:
    place.run("init", "--no-interactive")
    place.run("keys", "set", "openai", stdin=KEY)
    policy = "apiVersion: duragent/v1alpha1\nkind: Policy\nmode: dangerous\n"
    (place.folder / ".duragent/policy.yaml").write_text(policy)
    (place.folder / ".env").write_text(f"GROQ_API_KEY={KEY}\n")
    (place.folder / "duragent.yaml").write_text("env_file: .env\n")
    asked = place.run("ask", "assistant", "run env and then run `cat .env` and then read .env")
    sessions = place.sessions()
    results = [line for line in place.log(sessions[0]["session_id"]) if line["type"] == "tool_finished"]
    assert [result["tool"] for result in results] == ["bash", "bash", "read_file"], asked.stderr
    assert "PATH=" in results[0]["content"]
    assert KEY not in json.dumps(results)
