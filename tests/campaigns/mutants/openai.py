"""Safeguards of the dialect of Chat Completions, and of the engine of all dialects."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_ROOM = "duragent.models.direct"
_TESTS = "tests/models/direct"
_T_STRICT_JSON = "tests/models/test_strict_json.py"
_T_MESSAGES = f"{_TESTS}/openai/test_messages.py"
_T_ANSWER = f"{_TESTS}/openai/test_answer.py"
_T_CALLS = f"{_TESTS}/openai/test_calls.py"
_T_LOOP = f"{_TESTS}/openai/test_loop.py"
_T_ENGINE = f"{_TESTS}/test_model.py"

OPENAI: tuple[Mutant, ...] = (
    without(
        "what another model wrote goes to this one",
        "the look at the model and the adapter of what is given back",
        Edit(
            f"{_ROOM}.openai.messages", "opaque.adapter != self._adapter or opaque.model != self._choice.label", "False"
        ),
        f"{_T_MESSAGES}::test_what_another_model_or_adapter_wrote_is_dropped",
    ),
    without(
        "calls come back under our ids",
        "blocks of reasoning and results name calls by the provider's own ids",
        Edit(f"{_ROOM}.openai.messages", "given if isinstance(given, str) and given else", "given if False else"),
        f"{_T_MESSAGES}::test_blocks_of_reasoning_go_back_with_the_ids_that_the_provider_gave",
    ),
    without(
        "a call of another model has no signature",
        "Gemini reads which calls have no signature of its own",
        Edit(f"{_ROOM}.openai.messages", "elif signs and place == 0:", "elif False:"),
        f"{_T_LOOP}::test_server_takes_up_a_turn_that_another_model_began",
    ),
    without(
        "a user speaks behind a result at Mistral",
        "the assistant's message between a result and the user",
        Edit(
            f"{_ROOM}.openai.messages",
            'if message.role == "user" and before == "tool" and self._server.answer_behind_results:',
            "if False:",
        ),
        f"{_T_LOOP}::test_server_refuses_nothing_of_a_turn_with_thinking_and_tools",
    ),
    without(
        "malformed arguments go back as they came",
        "arguments that are no JSON object are written as an empty one",
        Edit("duragent.models.strict_json", 'return "{}" if _object_in(text) is None else text', "return text"),
        f"{_T_MESSAGES}::test_malformed_arguments_do_not_fail_every_later_request",
    ),
    without(
        "an endless number in a call is written as a word that is no JSON",
        "numbers that no float holds make arguments malformed",
        Edit("duragent.models.strict_json", ", parse_float=_finite", ""),
        f"{_T_STRICT_JSON}::test_everything_else_counts_as_no_arguments",
    ),
    without(
        "Claude behind OpenRouter thinks on in calls of another model",
        "the look for calls without thinking before thinking is asked for",
        Edit(f"{_ROOM}.openai_chat", 'if not _lacks_thinking(choice, server, body["messages"]):', "if True:"),
        f"{_T_LOOP}::test_server_takes_up_a_turn_that_another_model_began",
    ),
    without(
        "all calls of number 0 are one",
        "a new id and name begin another call, whatever its number",
        Edit(f"{_ROOM}.openai.calls", "return call_id != call.id", "return False"),
        f"{_T_CALLS}::test_calls_are_put_together",
    ),
    without(
        "an answer without its end is taken for whole",
        "an answer is whole when its provider gave a reason, or ended the stream",
        Edit(f"{_ROOM}.openai.answer", "return self._finish is not None or (self.is_over and", "return (True and"),
        f"{_T_ANSWER}::test_answer_is_whole_when_somebody_says_so",
    ),
    without(
        "words before a fault are not shown",
        "what came in one piece with a fault is given before it",
        Edit(f"{_ROOM}.model", "        fault = error\n", "        raise error from None\n"),
        f"{_T_ENGINE}::test_words_before_a_fault_in_the_same_piece_are_shown",
    ),
)
