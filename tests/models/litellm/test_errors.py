"""What is particular about errors that litellm raises. What goes wrong at a provider is in `tests/models/scenarios`."""

import pytest

from duragent.errors import BadModelRequest, ModelTimeout, ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.faults import retry_after_seconds
from duragent.models.litellm.errors import model_error
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import Failure, StubLlm
from tests.models.litellm.asking import ENVIRON, Door, ask

CALL = ToolCall(id="call_1", name="ls", arguments='{"path": "."}')


async def test_unprocessable_request_becomes_bad_model_request(door: Door) -> None:
    # litellm's `drop_params` asks OpenAI a second time, without the parameters that a 422 complains of.
    door.stub.script(Failure(422, "no"), Failure(422, "no"))
    with pytest.raises(BadModelRequest):
        await ask(door.model)


async def test_context_overflow_becomes_bad_model_request() -> None:
    with StubLlm() as stub:
        stub.script(Failure(400, "This model's maximum context length is 8192 tokens."))
        with pytest.raises(BadModelRequest, match="maximum context length"):
            await ask(LitellmModel(ModelChoice("openai", "gpt-4o-mini", stub.openai_url), ENVIRON))


def test_timeouts_without_an_answer_become_model_timeout() -> None:
    assert isinstance(model_error(TimeoutError("read timed out"), ModelChoice("a", "b"), None), ModelTimeout)


def test_what_litellm_says_of_itself_is_left_out() -> None:
    said = (
        "litellm.UnsupportedParamsError: x does not support parameters: ['reasoning_effort'], for model=m. "
        "To drop these, set `litellm.drop_params=True` or for proxy: ..."
    )
    error = model_error(ValueError(said), ModelChoice("x", "m"), None)
    assert str(error) == "x/m: x does not support parameters: ['reasoning_effort'], for model=m."


def test_unknown_exceptions_become_model_unavailable_with_their_name() -> None:
    error = model_error(KeyError(), ModelChoice("a", "b"), None)
    assert (type(error), str(error)) == (ModelUnavailable, "a/b: KeyError")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e300", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, "Thu, 01 Jan 2026 00:00:00 GMT") == seconds
