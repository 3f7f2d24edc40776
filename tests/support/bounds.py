"""How long a test waits for something that has to come. It is only there to end a hang, so that it says nothing about
speed: a test that shows how long something takes has a figure of its own, with room for a machine that is busy."""

import os

LIMIT_SECONDS = float(os.environ.get("DURAGENT_LIMIT_SECONDS", "240"))
"""The campaign that takes safeguards out sets it to less: there many waits never end."""
