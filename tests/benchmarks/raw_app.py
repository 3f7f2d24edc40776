"""What a server on uvicorn costs at least: `python -m tests.benchmarks.raw_app PORT` answers 200 to everything."""

import sys
from typing import Any

import uvicorn


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, lifespan="off", ws="none")
