"""What sending costs at least: bytes that are there already, on raw sockets. `python -m tests.benchmarks.raw_server`
prints its port.

A connection sends one line: `watch` to be sent what is broadcast, `tell COUNT BYTES` to broadcast so many frames, `file
PATH` to be sent a file.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import cast

import uvloop

END = b"event: the_end\n\n"
BLOCK_BYTES = 256 << 10


class _Connection(asyncio.Protocol):
    def __init__(self, watchers: "list[asyncio.Transport]", tasks: "set[asyncio.Task[None]]") -> None:
        self._watchers, self._tasks = watchers, tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are no subclasses of it.
        self._transport = cast(asyncio.Transport, transport)
        self._room = asyncio.Event()
        self._room.set()

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport in self._watchers:
            self._watchers.remove(self._transport)
        self._room.set()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def data_received(self, data: bytes) -> None:
        words = data.decode().split()
        match words[0]:
            case "watch":
                self._watchers.append(self._transport)
                self._transport.write(b"watching\n")
            case "tell":
                self._start(self._tell(int(words[1]), int(words[2])))
            case "file":
                self._start(self._send_file(Path(words[1])))

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, count: int, size: int) -> None:
        frame = b"data: " + b"x" * (size - 8) + b"\n\n"
        for _ in range(count):
            for watcher in self._watchers:
                watcher.write(frame)
            await asyncio.sleep(0)
        for watcher in self._watchers:
            watcher.write(END)

    async def _send_file(self, path: Path) -> None:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                await self._room.wait()
                self._transport.write(block)
        self._transport.write(END)


async def main() -> None:
    watchers: list[asyncio.Transport] = []
    tasks: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(watchers, tasks), "127.0.0.1", 0)
    os.write(sys.stdout.fileno(), b"%d\n" % server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
