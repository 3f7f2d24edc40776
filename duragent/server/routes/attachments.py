"""`/attachments`: files of messages. One is stored first, durable with its 201, and then a message refers to it."""

import re

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from duragent.errors import Damaged
from duragent.file_types import IMAGES, TEXT, UNKNOWN, media_type_of
from duragent.server.dependencies import Dependencies
from duragent.server.mapping import attachment_info
from duragent.server.params import AttachmentQuery, query_of, session_id_of
from duragent.server.problems import RequestRefused
from duragent.server.responses import answer

_SHA256 = re.compile("[0-9a-f]{64}")


async def post_attachment(dependencies: Dependencies, request: Request) -> Response:
    session_id, query = session_id_of(request), query_of(request, AttachmentQuery)
    try:
        data = await request.body()
    except ClientDisconnect:
        raise RequestRefused("bad-request", "the connection ended within the body") from None
    attachment = await dependencies.sessions.attach(session_id, data, query.name)
    location = f"/api/v1/sessions/{session_id}/attachments/{attachment.sha256}"
    return answer(attachment_info(attachment), 201, {"Location": location})


async def get_attachment(dependencies: Dependencies, request: Request) -> Response:
    session_id, sha256 = session_id_of(request), str(request.path_params["sha256"])
    try:
        data = await dependencies.sessions.blob(session_id, sha256) if _SHA256.fullmatch(sha256) else None
    except Damaged as damage:
        if not damage.is_of_blob:
            raise
        data = None
    if data is None:
        raise RequestRefused("not-found", "the session has no attachment with this SHA-256, or it is damaged")
    media_type = media_type_of(data)
    # Only what a browser draws and never runs is shown; everything else is a download without a type of its own.
    inline = media_type in IMAGES
    headers = {"Content-Disposition": "inline" if inline else f'attachment; filename="{sha256[:12]}"'}
    return Response(data, headers=headers, media_type=media_type if inline or media_type == TEXT else UNKNOWN)
