"""A stub provider in a process of its own; `python -m tests.benchmarks.provider` prints its port.

"words=2000 pace=0.02" in the last message says of how many words its answer is, and how many seconds apart they come.
"""

import re
import sys
import threading

from duragent.testing.stub_llm import Behaviour, ProviderAnswer, StubLlm, StubRequest

_ORDER = re.compile(r"words=(\d+)(?: pace=([\d.]+))?")


def answer(request: StubRequest) -> Behaviour:
    found = _ORDER.search(request.last_message)
    words, pace = (int(found[1]), float(found[2] or 0)) if found else (1, 0.0)
    # Each is another one: litellm gives up on a provider that says the same a hundred times.
    return ProviderAnswer(" ".join(f"word{number}" for number in range(words)), chunk_delay_seconds=pace)


if __name__ == "__main__":
    with StubLlm(answer) as stub:
        sys.stdout.write(f"{stub.url.rpartition(':')[2]}\n")
        sys.stdout.flush()
        threading.Event().wait()
