"""Files of messages and results, as methods of `Client`."""

from urllib.parse import quote

from duragent.client.copies import SessionCopies
from duragent.client.transport import ANSWER_SECONDS, Request, session_path
from duragent.text import without_surrogates
from duragent.wire import AttachmentInfo, SentAttachment


class SessionAttachments(SessionCopies):
    """The part of `Client` about files that belong to messages.

    A file is sent first, and named by the message then:

        photo = await client.attach(session_id, content, name="photo.png")
        await client.post_message(session_id, SendMessage(content="What is this?", attachments=[photo]))
    """

    async def attach(self, session_id: str, content: bytes, *, name: str) -> SentAttachment:
        """Send a file to the session; what a message says of it. The file is durable then. Sent again, it is the same.

        Raises ProblemResponse for one that is too large.
        """
        headers = {"Content-Type": "application/octet-stream"}
        path, params = f"{session_path(session_id)}/attachments", {"name": without_surrogates(name)}
        request = Request("POST", path, params, data=content, headers=headers, read_seconds=ANSWER_SECONDS)
        kept = self._http.parse(AttachmentInfo, await self._http.send(request))
        return SentAttachment(
            name=kept.name, media_type=kept.media_type, sha256=kept.sha256, size_bytes=kept.size_bytes
        )

    async def attachment(self, session_id: str, sha256: str) -> bytes:
        """The bytes of a file of a message or a result, by the `sha256` that names it there."""
        path = f"{session_path(session_id)}/attachments/{quote(sha256, safe='')}"
        return (await self._http.send(Request("GET", path))).content
