"""Who may talk to an agent through a chat."""

from tests.agent.written import plain, spec_of


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
        "owners": (),
    }
