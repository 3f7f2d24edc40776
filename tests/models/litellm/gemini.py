"""Gemini's streaming protocol, as far as these tests need it: a real HTTP server that sends what it is given."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Gemini:
    """Each request takes the next of `answers`: the chunks of one stream, each a JSON object."""

    def __init__(self) -> None:
        self.answers: list[list[dict[str, Any]]] = []
        gemini = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for chunk in gemini.answers.pop(0):
                    self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @staticmethod
    def text(text: str, finish_reason: str | None = None) -> dict[str, Any]:
        """One chunk with a piece of the answer."""
        candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        return {"candidates": [candidate | ({"finishReason": finish_reason} if finish_reason else {})]}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="gemini", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
