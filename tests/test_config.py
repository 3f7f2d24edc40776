"""duragent.yaml: defaults, paths, and environment variables that can never become YAML."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.config import Config, ConfigFile, StoreSettings, inactive_config, interpolate, load_config
from duragent.errors import InvalidFile
from duragent.server.settings import ServerSettings
from duragent.turn.settings import SessionsSettings
from duragent.yaml.document import parse_yaml
from tests.support.bounds import LIMIT_SECONDS


def load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "duragent.yaml"
    path.write_text(text)
    return load_config(path, environ)


def error_of(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        load(folder, text, **environ)
    return str(caught.value).removeprefix(str(folder) + "/")


# --- defaults and paths ---------------------------------------------------------------------------------------------


def test_without_a_file_all_defaults_hold(tmp_path: Path) -> None:
    config = load_config(None, {}, tmp_path)

    assert config == Config(base=tmp_path, file=ConfigFile(), path=None)
    assert config.workspace == tmp_path / ".duragent"
    assert config.agents_dir == tmp_path / ".duragent/agents"
    assert config.sessions_dir == tmp_path / ".duragent/sessions"
    assert config.store == StoreSettings(config.workspace, config.sessions_dir, allow_network_fs=False)
    assert inactive_config(config) == []


def test_without_a_file_and_a_base_the_workspace_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert load_config(None, {}).workspace == tmp_path / ".duragent"


def test_defaults_are_the_promised_ones() -> None:
    assert ServerSettings().model_dump() == {
        "host": "127.0.0.1",
        "port": 8080,
        "api_token": None,
        "admin_token": None,
        "auth": "token",
        "request_timeout_seconds": 300,
        "idle_timeout_seconds": 60,
        "keep_alive_interval_seconds": 15,
        "max_connections": 1024,
        "shutdown_grace_seconds": 10,
    }
    assert SessionsSettings().model_dump() == {
        "ttl_hours": 168,
        "compaction": "disabled",
        "idle_unload_seconds": 300,
        "model_attempts": 4,
        "retry_base_seconds": 1.0,
        "approval_ttl_hours": 0,
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "server:\nsessions:\nroutes:\ngateways:\n"])
def test_empty_file_means_defaults(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).file == ConfigFile()


def test_given_keys_override_and_the_others_keep_their_default(tmp_path: Path) -> None:
    config = load(tmp_path, "server:\n  port: 9000\nsessions: {ttl_hours: 0}\n")

    assert config.server == ServerSettings(port=9000)
    assert config.sessions == SessionsSettings(ttl_hours=0)


def test_relative_paths_begin_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/duragent.yaml").write_text(
        "workspace: ./work\nagents_dir: ../agents\nservices: {session: {path: /var/sessions}}\n"
        "world_memory: {path: w}\n"
    )
    monkeypatch.chdir(tmp_path)

    config = load_config(Path("deep/duragent.yaml"), {})

    assert config.path == tmp_path / "deep/duragent.yaml"
    assert config.workspace == tmp_path / "deep/work"
    assert config.agents_dir == tmp_path / "agents"
    assert config.sessions_dir == Path("/var/sessions")


def test_workspace_may_be_the_files_own_folder(tmp_path: Path) -> None:
    assert load(tmp_path, "workspace: .\n").agents_dir == tmp_path / "agents"


def test_absent_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="does not exist"):
        load_config(tmp_path / "duragent.yaml", {})


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server:\n  prot: 1\n", "duragent.yaml:2: server.prot: is not a known key (did you mean `port`?)"),
        ("serverr: {}\n", "duragent.yaml:1: serverr: is not a known key (did you mean `server`?)"),
        ("server:\n  port: 70000\n", "duragent.yaml:2: server.port: must be 65535 or less, not 70000"),
        ("server:\n  port: yes\n", "duragent.yaml:2: server.port: must be a whole number, not yes"),
        ("server:\n  port: '8080'\n", "duragent.yaml:2: server.port: must be a whole number, not '8080'"),
        (
            "server:\n  host: example.org\n",
            "duragent.yaml:2: server.host: must be an IP address or localhost, not 'example.org'",
        ),
        ("server:\n  request_timeout_seconds: .nan\n", "duragent.yaml:2: server.request_timeout_seconds: must be"),
        ("server:\n  request_timeout_seconds: .inf\n", "duragent.yaml:2: server.request_timeout_seconds: must be"),
        (
            "sandbox:\n  mode: dokker\n",
            "duragent.yaml:2: sandbox.mode: must be one of auto, trust, bubblewrap, docker, not 'dokker' "
            "(did you mean 'docker'?)",
        ),
        ("workspace: ''\n", "duragent.yaml:1: workspace: "),
        ('workspace: "a\\0b"\n', "duragent.yaml:1: workspace: must not have a NUL character in it"),
        ('services: {session: {path: "\\0"}}\n', "duragent.yaml:1: services.session.path: must not have a NUL"),
        ("gateways:\n  telegram: {}\n", "duragent.yaml:2: gateways.telegram.bot_token: is missing"),
        ("routes:\n  - agent: a\n", "duragent.yaml:2: routes[0].match: is missing"),
        ("a: [\n", "duragent.yaml:2: is not valid YAML"),
    ],
)
def test_fault_names_file_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    assert error_of(tmp_path, text).startswith(message)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_open_host_needs_a_token(tmp_path: Path, host: str) -> None:
    problem = f"api_token: is needed, because other machines can reach the server at {host}"

    assert error_of(tmp_path, f"server:\n  host: '{host}'\n") == f"duragent.yaml:1: server.{problem}"
    assert error_of(tmp_path, f"server:\n  host: '{host}'\n  api_token: ${{T:-}}\n").endswith(problem)
    assert load(tmp_path, f"server: {{host: '{host}', api_token: secret}}\n").server.api_token == "secret"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_a_server_without_tokens_is_for_this_machine_alone(tmp_path: Path, host: str) -> None:
    text = f"server: {{host: '{host}', api_token: secret, auth: local}}\n"
    wanted = f"server.auth: 'local' is only for a server on this machine alone, and `host` is {host}"
    assert wanted in error_of(tmp_path, text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_host_needs_no_token(tmp_path: Path, host: str) -> None:
    assert load(tmp_path, f"server: {{host: '{host}'}}\n").server.host == host


def test_tokens_are_not_in_the_repr(tmp_path: Path) -> None:
    config = load(tmp_path, "server: {api_token: hush, admin_token: hush}\ngateways: {telegram: {bot_token: hush}}\n")

    assert "hush" not in repr(config)


# --- gateways and routes --------------------------------------------------------------------------------------------


def test_gateways_and_routes_are_read(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "gateways:\n"
        "  telegram: {bot_token: t}\n"
        "  external:\n    - {name: mail, command: ./mail, args: [-v], env: {A: b}, restart: never}\n"
        "routes:\n"
        "  - {match: {gateway: telegram, chat_type: dm}, agent: a}\n"
        "  - {match: {}, agent: b}\n",
    )

    assert config.file.gateways.model_dump() == {
        "telegram": {"enabled": True, "bot_token": "t"},
        "discord": None,
        "external": ({"name": "mail", "command": "./mail", "args": ("-v",), "env": {"A": "b"}, "restart": "never"},),
    }
    assert [(route.match.gateway, route.match.chat_type, route.agent) for route in config.file.routes] == [
        ("telegram", "dm", "a"),
        (None, None, "b"),
    ]


def test_keys_without_effect_are_listed(tmp_path: Path) -> None:
    text = "gateways: {}\nroutes: []\nworld_memory: {}\nsandbox: {mode: docker}\nsessions: {compaction: archive}\n"

    assert inactive_config(load(tmp_path, text)) == [
        "gateways",
        "routes",
        "sessions.compaction",
    ]
    assert inactive_config(load(tmp_path, "sandbox: {mode: trust}\nsessions: {compaction: disabled}\n")) == []


# --- environment variables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$5 and $x and $", "$5 and $x and $"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$one"),
        ("${A}", "one"),
        ("a ${A} b ${B}", "a one b two"),
        ("${A}${A}", "oneone"),
        ("${NO:-def}", "def"),
        ("${NO:-}", ""),
        ("${NO:-a:-b}", "a:-b"),
        ("${A:-def}", "one"),
        ("${EMPTY:-def}", ""),
        ("${EMPTY}", ""),
        ("${NESTED}", "${A}"),
    ],
)
def test_variables_are_replaced(text: str, value: str) -> None:
    environ = {"A": "one", "B": "two", "EMPTY": "", "NESTED": "${A}"}
    document = parse_yaml(f"a: '{text}'\nb: ['{text}']\n", "c.yaml")

    assert interpolate(document, environ).data == {"a": value, "b": [value]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NO}", "environment variable 'NO' is not set (set it, or write ${NO:-default})"),
        ("${A", "has a '${' that is not closed (write $$ for a plain dollar sign)"),
        ("${A ${A}", "has a '${' that is not closed (write $$ for a plain dollar sign)"),
        ("${A:-x", "has a '${' that is not closed (write $$ for a plain dollar sign)"),
        ("${}", "'${}' is not ${NAME} or ${NAME:-default}"),
        ("${1A}", "'${1A}' is not ${NAME} or ${NAME:-default}"),
        ("${A-x}", "'${A-x}' is not ${NAME} or ${NAME:-default}"),
    ],
)
def test_wrong_variable_names_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    assert error_of(tmp_path, f"sessions: {{}}\nserver:\n  api_token: '{text}'\n", A="one") == (
        f"duragent.yaml:3: server.api_token: {message}"
    )


def test_keys_and_comments_are_not_touched() -> None:
    document = parse_yaml("# ${NO}\n${A}: 1\n", "c.yaml")

    assert interpolate(document, {"A": "x"}).data == {"${A}": 1}


def test_variable_becomes_the_number_that_is_wanted(tmp_path: Path) -> None:
    text = (
        "allow_network_fs: ${FS}\n"
        "server: \n  port: ${PORT}\n  api_token: ${TOKEN}\n  idle_timeout_seconds: '${IDLE:-2.5}'\n"
    )

    config = load(tmp_path, text, FS="yes", PORT="9000", TOKEN="12345")

    assert config.server == ServerSettings(port=9000, api_token="12345", idle_timeout_seconds=2.5)
    assert config.file.allow_network_fs is True


def test_variable_that_is_no_number_is_told_without_its_value(tmp_path: Path) -> None:
    message = error_of(tmp_path, "server:\n  port: ${PORT}\n", PORT="hush")

    assert message == "duragent.yaml:2: server.port: must be a whole number, not what ${PORT} holds"


def test_variable_out_of_bounds_is_told(tmp_path: Path) -> None:
    message = error_of(tmp_path, "server:\n  port: ${PORT}\n", PORT="70000")

    assert message == "duragent.yaml:2: server.port: must be 65535 or less, not what ${PORT} holds"


@pytest.mark.parametrize(
    "value",
    [
        "x\nserver: {host: 0.0.0.0}",
        "x\nallow_network_fs: true",
        "{a: b}",
        "*alias",
        "!!python/object:os.system x",
        "null",
        "true",
        "'",
        '"',
        "# comment",
    ],
)
def test_variable_cannot_become_yaml(tmp_path: Path, value: str) -> None:
    config = load(tmp_path, "agents_dir: ${FOO}\nserver:\n  api_token: ${FOO}\n", FOO=value)

    assert config.file == ConfigFile(agents_dir=value, server=ServerSettings(api_token=value))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_variable_arrives_as_it_is(value: str) -> None:
    document = interpolate(parse_yaml("a: ${V}\nb: <${V}>\n", "c.yaml"), {"V": value})

    assert document.data == {"a": value, "b": f"<{value}>"}


# --- weight ---------------------------------------------------------------------------------------------------------


def test_config_imports_nothing_heavy() -> None:
    heavy = "{'starlette', 'uvicorn', 'litellm', 'httpx', 'watchfiles', 'rich', 'asyncio'}"
    script = f"import sys, duragent.config; print(sorted({heavy} & set(sys.modules)))"

    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=True)

    assert done.stdout == "[]\n"


def test_every_key_has_a_description() -> None:
    for model in (ConfigFile, ServerSettings, SessionsSettings):
        assert [name for name, info in model.model_fields.items() if not info.description] == []
