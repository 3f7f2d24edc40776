"""Sessions from other sessions, as methods of `Client`: fork, repair, export and import."""

from collections.abc import AsyncIterable, Callable

from duragent.client.address import Endpoint
from duragent.client.problem import problem_of
from duragent.client.transport import ANSWER_SECONDS, Request, Transport, new_key, session_path
from duragent.errors import ServerUnreachable
from duragent.http.library import httpx
from duragent.wire import ForkSession, RedactedSession, RedactSession, SessionInfo

IMPORTS_PATH = "/api/v1/imports"


class SessionCopies:
    """The part of `Client` that copies sessions. An archive is too long to be kept, and is not simply sent again."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    async def fork(
        self, session_id: str, *, at: int | None = None, title: str | None = None, key: str | None = None
    ) -> SessionInfo:
        """A session that shares the past of this one, up to record `at`; nothing of it is run again."""
        body = ForkSession(at=at, title=title)
        return self._http.parse(SessionInfo, await self._http.post(f"{session_path(session_id)}/fork", body, key=key))

    async def repair(self, session_id: str) -> SessionInfo:
        """Cut a damaged session behind its last good record; the rest is kept beside its log."""
        return self._http.parse(SessionInfo, await self._http.post(f"{session_path(session_id)}/repair"))

    async def redact(self, session_id: str, body: RedactSession) -> RedactedSession:
        """Take texts out of its log, for good."""
        response = await self._http.post(f"{session_path(session_id)}/redact", body, read_seconds=ANSWER_SECONDS)
        return self._http.parse(RedactedSession, response)

    async def export(self, session_id: str, write: Callable[[bytes], object]) -> None:
        """Give the session as one file to `write`, piece by piece."""
        endpoint = await self._http.fresh_endpoint()
        try:
            async with self._http.stream(endpoint, Request("GET", f"{session_path(session_id)}/export")) as response:
                if not response.is_success:
                    await response.aread()
                    raise problem_of(response)
                async for piece in response.aiter_bytes():
                    write(piece)
        except httpx.RequestError as error:
            raise self._http.unreachable(error) from error

    async def import_session(
        self,
        pieces: AsyncIterable[bytes],
        *,
        new_id: bool = False,
        again: Callable[[], AsyncIterable[bytes]] | None = None,
    ) -> SessionInfo:
        """Take in what `export` wrote. `again` gives the same pieces from the beginning.

        Under a new id, and with `again`, it is sent a second time when the connection is lost: there is one session of
        it all the same. Else whether it was taken in before the loss is not known, and the error says so.
        """
        key = new_key() if new_id else None
        endpoint = await self._http.fresh_endpoint()
        try:
            try:
                response = await self._post_archive(endpoint, pieces, key)
            except httpx.RequestError:
                if key is None or again is None:
                    raise
                response = await self._post_archive(await self._http.fresh_endpoint(), again(), key)
        except (httpx.RequestError, ServerUnreachable) as error:
            failure = error if isinstance(error, ServerUnreachable) else self._http.unreachable(error)
            reason = f"{failure.reason}; the session may have been taken in: `duragent session list` shows it then"
            raise ServerUnreachable(failure.url, reason, named=failure.named) from error
        if not response.is_success:
            raise problem_of(response)
        return self._http.parse(SessionInfo, response)

    async def _post_archive(self, endpoint: Endpoint, pieces: AsyncIterable[bytes], key: str | None) -> httpx.Response:
        headers = {"Content-Type": "application/zip"} | ({} if key is None else {"Idempotency-Key": key})
        params = {"new_id": str(key is not None).lower()}
        request = Request("POST", IMPORTS_PATH, params, headers=headers, read_seconds=ANSWER_SECONDS)
        return await self._http.exchange(endpoint, request, pieces)
