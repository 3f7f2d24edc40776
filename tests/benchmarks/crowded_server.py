"""duragent's own server with a model that speaks as fast as it can.

`python -m tests.benchmarks.crowded_server WORKSPACE PORT` prints the port when it serves. "words=2000" is answered with
so many pieces of one word. "post=500 to=SESSION" posts so many messages to another session before it answers: records
for its watchers. "hold" is never answered.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import uvloop

from duragent.config import Config, ConfigFile
from duragent.journal.inputs import Message
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest
from duragent.runtime import Runtime
from duragent.server.settings import ServerSettings
from duragent.session.sessions import Sessions

LAST = "the last of these messages"
_WORDS = re.compile(r"words=(\d+)")
_POSTS = re.compile(r"post=(\d+) to=(\S+)")


class _FastModel:
    """Gives a piece whenever the loop comes by."""

    label = "fast"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        asked = request.messages[-1].content
        if asked == "hold":
            await asyncio.Event().wait()
        if posts := _POSTS.search(asked):
            await self._post(posts[2], int(posts[1]))
        words = int(found[1]) if (found := _WORDS.search(asked)) else 1
        for _ in range(words):
            yield ModelDelta(text=" word")
            await asyncio.sleep(0)
        yield ModelReply(text=" word" * words, model=self.label)

    async def _post(self, session_id: str, count: int) -> None:
        for number in range(1, count + 1):
            text = LAST if number == count else "one of many messages that nobody answers " * 4
            await self._sessions.post(session_id, Message(text=text))


async def main(workspace: Path, port: int) -> None:
    config = Config(workspace.parent, ConfigFile(workspace=str(workspace)))
    server = Runtime(config, ServerSettings(port=port), config.agents_dir)
    server.model_for = lambda _: _FastModel(server.sessions)
    async with server.open() as runtime:
        os.write(sys.stdout.fileno(), b"%d\n" % port)
        await runtime.stop.wait()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
