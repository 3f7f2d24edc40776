"""For tests of duragent and of what is built on it: a scripted model, a clock that stands still, a contract for stores.

The stub provider is in `duragent.testing.stub_llm`; it is not imported here, because it brings an HTTP server along.
"""

from duragent.testing.fake_clock import FakeClock
from duragent.testing.scripted import Line, ScriptedModel, reply_from
from duragent.testing.store_contract import check_store

__all__ = ["FakeClock", "Line", "ScriptedModel", "check_store", "reply_from"]
