"""For tests of duragent and of what is built on it: a scripted model, a clock that stands still, a provider.

The stub provider is in `duragent.testing.stub_llm`; it is not imported here, because it brings an HTTP server along.
"""

from duragent.testing.fake_clock import FakeClock
from duragent.testing.scripted import Line, ScriptedModel, reply_from

__all__ = ["FakeClock", "Line", "ScriptedModel", "reply_from"]
