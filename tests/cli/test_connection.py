"""A command finds its server and its agent, or says why not."""

import json

from tests.cli.place import Place


def test_a_workspace_without_an_agent_says_how_to_make_one(place: Place) -> None:
    (place.folder / ".duragent").mkdir()
    ran = place.run("chat")
    assert (ran.returncode, ran.stdout) == (66, "")
    assert "there are no agents yet" in ran.stderr
    assert "`duragent agent create NAME` makes one." in ran.stderr


def test_a_workspace_whose_only_agent_is_broken_says_what_is_wrong_with_it(place: Place) -> None:
    place.run("init", "--no-interactive", "--agent-name", "ada")
    (place.folder / ".duragent/agents/ada/agent.yaml").write_text("apiVersion: [")
    ran = place.run("chat")
    assert (ran.returncode, ran.stdout) == (65, "")
    assert "agent 'ada' cannot be used: " in ran.stderr


def test_a_wrong_token_is_exit_code_77(place: Place) -> None:
    place.run("ask", "assistant", "2+2")
    url = "http://127.0.0.1:{}".format(json.loads((place.folder / ".duragent/run/server.json").read_text())["port"])
    for arguments in (["session", "list"], ["ask", "assistant", "hello"]):
        ran = place.run(*arguments, "--server", url)
        assert ran.returncode == 77
        assert "DURAGENT_TOKEN" in ran.stderr
    (place.folder / "token").write_text(place.run("serve", "token").stdout)
    ran = place.run("session", "list", "--server", url, "--token-file", "token")
    assert ran.returncode == 0


def test_a_command_beside_a_server_of_another_folders_configuration_finds_it_and_its_token(place: Place) -> None:
    # As in the container: the configuration, with the token, lies elsewhere, and the environment names it.
    (place.folder / "etc").mkdir()
    file = place.folder / "etc/duragent.yaml"
    file.write_text(f"workspace: {place.folder}/.duragent\nserver:\n  port: 0\n  api_token: ${{OUR_TOKEN}}\n")
    place.environ |= {"DURAGENT_CONFIG": str(file), "OUR_TOKEN": "long-enough-token"}
    place.run("init", "--no-interactive", "--agent-name", "assistant")
    asked = place.run("ask", "assistant", "2+2")
    assert (asked.returncode, asked.stdout) == (0, "2+2 = 4\n")
    assert place.run("serve", "token").stdout == "long-enough-token\n"
    del place.environ["DURAGENT_CONFIG"]
    assert place.run("ask", "assistant", "2+2").returncode == 77
    place.environ["DURAGENT_CONFIG"] = str(file)
