"""The SHA-256 of a request is that of its whole JSON, however its messages are written."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, OpaquePart, ToolCall, ToolSchema
from duragent.turn.request_sha256 import request_sha256

_TEXTS = st.text('"\\\n\x00\x7f\u2028\ud800é日😀 a:,[]{}', max_size=20) | st.just('"messages": []')
_CALLS = st.builds(ToolCall, id=st.just("c"), name=st.just("bash"), arguments=_TEXTS)
_FILES = st.builds(
    AttachedFile, name=_TEXTS, media_type=st.just("image/png"), sha256=st.just("0" * 64), size_bytes=st.just(1)
)
_OPAQUE = st.builds(OpaquePart, adapter=st.just("a"), value=st.dictionaries(st.just("k"), st.integers()))
_MESSAGES = st.builds(
    ChatMessage,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=_TEXTS,
    calls=st.lists(_CALLS, max_size=2).map(tuple),
    call_id=st.none() | st.just("c"),
    attachments=st.lists(_FILES, max_size=1).map(tuple),
    opaque=st.none() | _OPAQUE,
)
_TOOLS = st.builds(
    ToolSchema, name=st.just("t"), description=_TEXTS, parameters=st.just({"messages": [], "type": "object"})
)


@given(
    st.builds(
        ModelRequest,
        messages=st.lists(_MESSAGES, max_size=5).map(tuple),
        tools=st.lists(_TOOLS, max_size=2).map(tuple),
        tail=_TEXTS,
        cache_points=st.sampled_from([(), (0, 2)]),
    )
)
def test_it_is_the_sha256_of_the_json_of_the_whole_request(request: ModelRequest) -> None:
    whole = json.dumps(request.model_dump(), sort_keys=True)
    assert request_sha256(request) == hashlib.sha256(whole.encode()).hexdigest()
