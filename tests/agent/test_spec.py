"""agent.yaml: every field, its default, its bounds."""

import pytest
from pydantic import BaseModel

from duragent.agent import spec as spec_module
from duragent.agent.spec import AgentFile, ModelSpec, SessionSpec, inactive
from duragent.errors import InvalidFile
from duragent.yaml.document import parse_yaml
from duragent.yaml.model import validate
from tests.agent.written import HEAD, MODEL, plain, spec_of
from tests.support.places import EXAMPLE


def error_of(text: str, model: str = MODEL) -> str:
    with pytest.raises(InvalidFile) as caught:
        spec_of(text, model)
    return str(caught.value)


DEFAULT_SESSION = {
    "on_disconnect": "continue",
    "max_tool_iterations": 50,
    "llm_timeout_seconds": 300,
    "ttl_hours": None,
    "compaction": None,
    "context": {
        "max_history_tokens": 40_000,
        "summaries": "extract",
        "summary_share": 0.2,
        "pin_share": 0.05,
        "max_tool_result_tokens": 8_000,
        "tool_result_truncation": "head",
        "tool_result_keep_first": 2,
        "tool_result_keep_last": 5,
    },
    "turn_budget": {"tokens": None, "cost_usd": None, "seconds": None},
    "session_budget": {"tokens": None, "cost_usd": None},
}


def test_minimal_agent_has_every_default() -> None:
    assert plain(spec_of()) == {
        "model": {
            "provider": "openai",
            "name": "m",
            "temperature": None,
            "max_input_tokens": None,
            "max_output_tokens": None,
            "base_url": None,
            "tools": "auto",
            "thinking": None,
            "adapter": "auto",
            "use": None,
        },
        "soul": None,
        "system_prompt": None,
        "instructions": None,
        "skills_dir": "./skills/",
        "session": DEFAULT_SESSION,
        "working_directory": None,
        "sandbox": {"network": False, "require": None, "writable": ()},
        "tools": (),
        "tools_recall": None,
        "hooks": {"before_tool": (), "after_tool": ()},
        "access": None,
        "memory": None,
    }


@pytest.mark.parametrize(
    "text", ["", "  session:\n", "  session: {}\n", "  session:\n    context:\n", "  session: {context: {}}\n"]
)
def test_absent_mapping_has_the_same_defaults_as_an_empty_one(text: str) -> None:
    assert plain(spec_of(text).session) == DEFAULT_SESSION


def test_all_model_options_are_read() -> None:
    model = (
        "  model:\n    provider: openrouter\n    name: x/y:free\n    temperature: 0\n    max_input_tokens: 1000\n"
        "    max_tokens: 10\n    base_url: http://localhost:1234/v1\n"
    )

    assert plain(spec_of(model=model).model) == {
        "provider": "openrouter",
        "name": "x/y:free",
        "temperature": 0,
        "max_input_tokens": 1000,
        "max_output_tokens": 10,
        "base_url": "http://localhost:1234/v1",
        "tools": "auto",
        "thinking": None,
        "adapter": "auto",
        "use": None,
    }


def test_demo_needs_no_name_and_any_provider_is_taken() -> None:
    assert spec_of(model="  model: {provider: demo}\n").model == ModelSpec(provider="demo", name="demo")
    assert spec_of(model="  model: {provider: groq, name: g}\n").model == ModelSpec(provider="groq", name="g")
    assert "name" not in spec_of(model="  model: {provider: demo}\n").model.model_fields_set


def test_tools_and_hooks_are_read() -> None:
    spec = spec_of(
        "  tools:\n    - {type: builtin, name: bash}\n    - {type: cli, name: x, command: ./x, readme: R.md}\n"
        "  hooks:\n    before_tool:\n      - {match: a:b, type: depends_on, prior: a:c, match_args: [h]}\n"
        "      - {match: b, type: skip_duplicate, match_arg: days}\n"
        "    after_tool:\n      - {match: a, message: look, unless: {wait: true, n: 1, f: 1.5, s: x}}\n"
    )

    assert [plain(tool) for tool in spec.tools] == [
        {"type": "builtin", "name": "bash"},
        {"type": "cli", "name": "x", "command": "./x", "readme": "R.md", "description": None},
    ]
    assert plain(spec.hooks) == {
        "before_tool": (
            {"match": "a:b", "type": "depends_on", "prior": "a:c", "match_arg": None, "match_args": ("h",)},
            {"match": "b", "type": "skip_duplicate", "prior": None, "match_arg": "days", "match_args": ()},
        ),
        "after_tool": ({"match": "a", "message": "look", "unless": {"wait": True, "n": 1, "f": 1.5, "s": "x"}},),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "  session: {on_disconnect: stop}\n",
            "spec.session.on_disconnect: must be one of continue, pause, not 'stop'",
        ),
        ("  session: {ttl_hours: -1}\n", "spec.session.ttl_hours: must be 0 or more, not -1"),
        ("  session: {llm_timeout_seconds: 0}\n", "spec.session.llm_timeout_seconds: must be more than 0, not 0"),
        (
            "  session: {max_tool_iterations: 2.5}\n",
            "spec.session.max_tool_iterations: must be a whole number, not 2.5",
        ),
        ("  session: {compaction: zip}\n", "spec.session.compaction: must be one of discard, archive, disabled"),
        (
            "  session: {context: {max_tool_result_tokens: 0}}\n",
            "spec.session.context.max_tool_result_tokens: must be more than 0, not 0",
        ),
        ("  session: {contxt: {}}\n", "spec.session.contxt: is not a known key (did you mean `context`?)"),
        ("  max_input_tokens: 5\n", "spec.max_input_tokens: is not a known key"),
        ("  soul: ''\n", "spec.soul: must not be empty"),
        ('  skills_dir: "a\\0b"\n', "spec.skills_dir: must not have a NUL character in it"),
        ('  working_directory: "\\0"\n', "spec.working_directory: must not have a NUL character in it"),
        ('  sandbox: {writable: ["a\\0"]}\n', "spec.sandbox.writable[0]: must not have a NUL character in it"),
        ("  tools: [{type: mcp, name: x}]\n", "spec.tools[0]: type must be one of builtin, cli, not 'mcp'"),
        ("  tools: [{type: cli, name: x}]\n", "spec.tools[0].command: is missing"),
        ("  tools: [bash]\n", "spec.tools[0]: must be a mapping (key: value), not 'bash'"),
        (
            "  hooks: {before_tool: [{match: a, type: depends_on}]}\n",
            "spec.hooks.before_tool[0]: depends_on needs `prior`: the call that must have come before",
        ),
        (
            "  hooks: {after_tool: [{match: a, message: m, unless: {k: [1]}}]}\n",
            "spec.hooks.after_tool[0].unless.k: must be a text, a number, or true or false",
        ),
        (
            "  access: {groups: {sender_overrides: {bot: mute}}}\n",
            "spec.access.groups.sender_overrides.bot: must be one of allow, passive, silent, block, not 'mute'",
        ),
        ("  access: {dm: {allowlist: [5]}}\n", "spec.access.dm.allowlist[0]: must be text, not 5"),
    ],
)
def test_wrong_value_is_told_at_its_line(text: str, message: str) -> None:
    assert error_of(text).startswith(f"agent.yaml:6: {message}")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("{provider: openai}", "spec.model.name: is missing"),
        ("{provider: openai, name: ''}", "spec.model.name: is missing"),
        ("{name: m}", "spec.model.provider: is missing"),
        ("{provider: ' ', name: m}", "spec.model.provider: must not be empty"),
        ("{provider: openai, name: m, temperature: 2.5}", "spec.model.temperature: must be 2 or less, not 2.5"),
        ("{provider: openai, name: m, temperature: warm}", "spec.model.temperature: must be a number, not 'warm'"),
        ("{provider: openai, name: m, max_tokens: 0}", "spec.model.max_tokens: must be more than 0, not 0"),
        ("{provider: openai, name: m, base_url: file:///etc}", "spec.model.base_url: must begin with http://"),
        ("{provider: openai, name: 5.1}", 'spec.model.name: must be text, not 5.1 (put it in quotes: "5.1")'),
        ("{provider: openai, name: m, temprature: 1}", "spec.model.temprature: is not a known key (did you mean"),
    ],
)
def test_wrong_model_is_told_at_its_line(model: str, message: str) -> None:
    assert error_of("", f"  model: {model}\n").startswith(f"agent.yaml:5: {message}")


@pytest.mark.parametrize("name", ["A", "-a", "_a", "a b", "a/b", "..", "", "a" * 65, "ä", "a\\n"])
def test_name_has_a_plain_form(name: str) -> None:
    text = f"{HEAD}spec:\n{MODEL}".replace("{name: a}", f'{{name: "{name}"}}')

    with pytest.raises(InvalidFile, match=r"agent.yaml:3: metadata.name: must be 1 to 64 lower-case letters"):
        validate(parse_yaml(text, "agent.yaml"), AgentFile)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "duragent/v1alpha1",
            "duragent/v2",
            "agent.yaml:1: apiVersion: must be 'duragent/v1alpha1', not 'duragent/v2'",
        ),
        ("kind: Agent", "kind: Policy", "agent.yaml:2: kind: must be 'Agent', not 'Policy'"),
        ("kind: Agent\n", "", "agent.yaml:1: kind: is missing"),
        ("{name: a}", "{name: a, version: 1.0}", "agent.yaml:3: metadata.version: must be text, not 1.0"),
    ],
)
def test_wrong_head_is_told_at_its_line(old: str, new: str, message: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        validate(parse_yaml(f"{HEAD}spec:\n{MODEL}".replace(old, new), "agent.yaml"), AgentFile)

    assert str(caught.value).startswith(message)


def test_inactive_lists_only_what_the_file_sets() -> None:
    assert inactive(spec_of()) == []
    assert (
        inactive(spec_of("  session: {on_disconnect: pause, ttl_hours: 1, context: {max_history_tokens: 1}}\n")) == []
    )
    assert inactive(
        spec_of(
            "  skills_dir: s\n  tools: []\n  hooks: {}\n  access: {}\n  memory: {}\n"
            "  session:\n    compaction: discard\n    max_tool_iterations: 10\n"
            "    context: {max_tool_result_tokens: 8000,"
            " tool_result_truncation: head, tool_result_keep_first: 1, tool_result_keep_last: 1}\n"
        )
    ) == ["spec.access", "spec.session.compaction"]


def test_every_field_has_a_description() -> None:
    sections = [each for each in vars(spec_module).values() if isinstance(each, type) and issubclass(each, BaseModel)]

    missing = [
        (each.__name__, name) for each in sections for name, info in each.model_fields.items() if not info.description
    ]

    assert missing == []
    assert SessionSpec in sections


def test_example_workspace_sets_every_field() -> None:
    from duragent.agent.load import load_agent

    agent = load_agent(EXAMPLE / "agents" / "researcher")

    assert agent.metadata.model_fields_set == set(type(agent.metadata).model_fields)
    assert unset_fields(agent.spec) == []


def unset_fields(section: BaseModel) -> list[str]:
    found = [name for name in type(section).model_fields if name not in section.model_fields_set]
    for name in type(section).model_fields:
        if isinstance(value := getattr(section, name), BaseModel):
            found += [f"{name}.{inner}" for inner in unset_fields(value)]
    return found
