"""Who may talk to an agent through a chat."""

from typing import Any

from pydantic import BaseModel

from duragent.agent.spec import AgentFile, AgentSpec
from duragent.yaml.document import parse_yaml
from duragent.yaml.model import validate

HEAD = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: a}\n"
MODEL = "  model: {provider: openai, name: m}\n"


def spec_of(text: str = "", model: str = MODEL) -> AgentSpec:
    return validate(parse_yaml(f"{HEAD}spec:\n{model}{text}", "agent.yaml"), AgentFile).spec


def plain(value: BaseModel | None) -> dict[str, Any]:
    assert value is not None
    return value.model_dump()


def test_access_and_queue_defaults() -> None:
    assert plain(spec_of("  access: {}\n").access) == {
        "dm": {"policy": "open", "allowlist": ()},
        "groups": {
            "policy": "open",
            "allowlist": (),
            "sender_default": "allow",
            "sender_overrides": {},
            "activation": "mention",
            "context_buffer": {"mode": "silent", "max_messages": 100, "max_age_hours": 24},
            "queue": {
                "mode": "batch",
                "max_pending": 10,
                "overflow": "drop_old",
                "reject_message": None,
                "debounce": {"enabled": True, "window_ms": 1500},
            },
        },
    }
    assert plain(spec_of("  memory: {}\n").memory) == {"backend": "filesystem"}
