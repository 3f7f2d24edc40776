"""Examples of hypothesis have no deadline of their own here: how long one takes says nothing on a busy machine."""

from hypothesis import settings

settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")
