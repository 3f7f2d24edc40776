"""An answer in Ollama's spelling, without a server."""

import json

from duragent.models.messages import ModelUsage, ToolCall
from duragent.testing.ollama_wire import ollama_error, ollama_object, ollama_stream
from duragent.testing.provider_wire import ProviderAnswer

CALL = ToolCall(id="", name="ls", arguments='{"path": "."}')
ANSWER = ProviderAnswer("one two", "hm", (CALL,), usage=ModelUsage(input_tokens=7, output_tokens=3))


def test_stream_is_a_line_of_json_for_each_piece() -> None:
    chunks = list(ollama_stream(ANSWER, "m"))
    assert all(chunk.data.endswith(b"\n") for chunk in chunks)
    lines = [json.loads(chunk.data) for chunk in chunks]
    assert [line["message"].get("thinking", "") + line["message"]["content"] for line in lines] == [
        "hm", "one", " two", "", "",
    ]  # fmt: skip
    assert lines[3]["message"]["tool_calls"] == [{"function": {"index": 0, "name": "ls", "arguments": {"path": "."}}}]
    assert [line["done"] for line in lines] == [False, False, False, False, True]
    assert (lines[-1]["done_reason"], lines[-1]["prompt_eval_count"], lines[-1]["eval_count"]) == ("stop", 7, 3)
    assert [chunk.counts for chunk in chunks] == [True, True, True, True, False]


def test_whole_answer_says_the_same_as_the_stream() -> None:
    whole = json.loads(ollama_object(ANSWER, "m"))
    assert (whole["message"]["content"], whole["message"]["thinking"], whole["done"]) == ("one two", "hm", True)


def test_usage_can_be_left_out_and_an_error_is_a_sentence() -> None:
    assert "eval_count" not in json.loads(ollama_object(ProviderAnswer("hi", wire_usage=None), "m"))
    assert json.loads(ollama_error(404, "no such model")) == {"error": "no such model"}
