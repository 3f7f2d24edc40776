"""The SHA-256 of a request, as `ModelCalled.request_sha256` keeps it.

The law: it is over `json.dumps(request.model_dump(), sort_keys=True)`, byte for byte. Most messages have a text only.
The JSON of these is written here, which takes a tenth of the time.
"""

import hashlib
import json
from json.encoder import encode_basestring_ascii

from duragent.models.messages import ChatMessage, ModelRequest

_PLACE = '"messages": []'
"""Where the messages stand: only numbers come before them, in the order of the names."""


def request_sha256(request: ModelRequest) -> str:
    """In hex."""
    around = json.dumps(request.model_copy(update={"messages": ()}).model_dump(), sort_keys=True)
    before, place, behind = around.partition(_PLACE)
    messages = ", ".join(map(_message_json, request.messages))
    return hashlib.sha256(f"{before}{place[:-1]}{messages}]{behind}".encode()).hexdigest()


def _message_json(message: ChatMessage) -> str:
    if message.calls or message.attachments or message.opaque is not None or message.call_id is not None:
        return json.dumps(message.model_dump(), sort_keys=True)
    content = encode_basestring_ascii(message.content)
    return (
        f'{{"attachments": [], "call_id": null, "calls": [], "content": {content}, "opaque": null, '
        f'"role": "{message.role}"}}'
    )
