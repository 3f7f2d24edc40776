"""For tests of duragent and of what is built on it: a scripted model, a clock that stands still, the contracts' checks.

The stub provider is in `duragent.testing.stub_llm`; it is not imported here, because it brings an HTTP server along.
"""

from duragent.testing.embedder_contract import check_embedder
from duragent.testing.fake_clock import FakeClock
from duragent.testing.listener_contract import check_listener
from duragent.testing.sandbox_contract import check_sandbox
from duragent.testing.scripted import Line, ScriptedModel, reply_from
from duragent.testing.store_contract import check_store
from duragent.testing.tool_context import context_in
from duragent.testing.tool_contract import check_tool

__all__ = [
    "FakeClock",
    "Line",
    "ScriptedModel",
    "check_embedder",
    "check_listener",
    "check_sandbox",
    "check_store",
    "check_tool",
    "context_in",
    "reply_from",
]
