"""httpx without the command-line program that it brings along.

That program wants pygments, click and rich, whose import takes longer than all the rest. httpx does without it where
they are not installed; while it is imported here, that is how things look.
"""

import sys

_PROGRAM = "httpx._main"

if "httpx" in sys.modules or _PROGRAM in sys.modules:
    import httpx as httpx
else:
    sys.modules[_PROGRAM] = None  # type: ignore[assignment]  # how the import system writes "there is none"
    try:
        import httpx as httpx
    finally:
        del sys.modules[_PROGRAM]
