"""Safeguards of what providers want back with their answers."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_OPAQUE = "duragent.turn.opaque"
_T_OPAQUE = "tests/turn/test_opaque.py"
_T_PARTS = "tests/turn/scenarios/test_opaque_parts.py"

GIVEN_BACK: tuple[Mutant, ...] = (
    without(
        "a signature goes to another model",
        "the look at the model that it is from",
        Edit(_OPAQUE, "if event.opaque.model == model else None", "if True else None"),
        f"{_T_OPAQUE}::test_another_model_does_not_get_it_and_no_blob_is_read_for_it",
        f"{_T_PARTS}::test_a_session_whose_model_is_changed_goes_on_and_finds_its_own_again",
    ),
    without(
        "a long signature is not stored",
        "the blob of what a provider wants back, before the answer is in the log",
        Edit(
            "duragent.turn.model_call",
            "lambda data: keep_blob(host, ports.store, ports.clock, data)",
            "lambda data: asyncio.to_thread(lambda: __import__('hashlib').sha256(data).hexdigest())",
        ),
        f"{_T_PARTS}::test_the_next_step_and_the_next_turn_and_the_next_process_send_it_back",
    ),
    without(
        "a copy leaves signatures behind",
        "the blobs that answers name, in a fork and an export",
        Edit(
            "duragent.journal.record",
            "            return (event.opaque.sha256,) if event.opaque else ()\n",
            "            return ()\n",
        ),
        f"{_T_PARTS}::test_a_fork_and_an_import_have_what_is_in_blobs",
        "tests/journal/test_record.py::test_blobs_of_a_line_are_its_long_texts_its_output_and_what_files_were",
    ),
    without(
        "a session ends with a signature that is lost",
        "a blob that is lost is left out",
        Edit(_OPAQUE, "except (Damaged, ValueError, RecursionError):", "except (ValueError, RecursionError):"),
        f"{_T_PARTS}::test_a_session_goes_on_without_what_is_lost",
    ),
    without(
        "what is nested deeply ends a turn",
        "the limit of how deep a value may be",
        Edit(_OPAQUE, "if is_flat(value) else None", "if True else None"),
        f"{_T_OPAQUE}::test_what_cannot_be_stored_and_sent_again_is_not_kept",
        f"{_T_OPAQUE}::test_a_blob_of_a_log_from_elsewhere_that_cannot_be_sent_is_left_out",
    ),
    without(
        "words are cut for a signature",
        "what a provider wants back goes before words are cut",
        Edit(
            "duragent.context.budget",
            '    messages = [message.model_copy(update={"opaque": None}) if message.opaque else message for message in '
            "messages]\n",
            "",
        ),
        "tests/context/test_budget.py::test_what_a_provider_wants_back_goes_before_words_are_cut",
    ),
    without(
        "signatures take no room",
        "the tokens of what a provider wants back",
        Edit(
            "duragent.context.tokens",
            "sum(map(tokens, _texts_in(message.opaque.value))) if message.opaque else 0",
            "0",
        ),
        "tests/context/test_tokens.py::test_what_a_provider_wants_back_is_counted",
    ),
)
