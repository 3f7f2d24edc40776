"""Safeguards of asking a provider directly: no key is shown, and no answer is taken that is none."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_ENGINE = "duragent.models.direct.model"
_FAULTS = "duragent.models.faults"
_T_ENGINE = "tests/models/direct/test_model.py"
_T_FAULTS = "tests/models/direct/test_faults.py"

ASKING: tuple[Mutant, ...] = (
    without(
        "a key that the provider quotes is shown",
        "the key is left out of what a provider says",
        Edit(_FAULTS, 'return said.replace(key, "…") if key and key != "none" else said', "return said"),
        f"{_T_FAULTS}::test_refusal_is_one_short_line_without_the_key",
    ),
    without(
        "a key that cannot be sent fails inside",
        "a key with odd characters is told in our words, before the HTTP library quotes it",
        Edit(_ENGINE, "if key is not None and not _FIT_FOR_A_HEADER.fullmatch(key):", "if key == 0:"),
        f"{_T_ENGINE}::test_key_that_cannot_be_sent_is_told_before_anything_is_and_is_not_shown",
    ),
    Mutant(
        "an answer without an end fills the memory",
        "an answer has at most 64 MiB",
        (Edit(_ENGINE, "if received > MAX_ANSWER_BYTES:", "if received < 0:"),),
        (f"{_T_ENGINE}::test_answer_without_an_end_is_given_up",),
        frozenset({"JSONDecodeError"}),
    ),
    Mutant(
        "half an event is read",
        "what a closed connection left of an event is no event",
        (Edit(_ENGINE, "if not _is_cut(event)]", "if True]"),),
        (f"{_T_ENGINE}::test_answer_that_breaks_off_may_be_asked_for_again",),
        frozenset({"JSONDecodeError"}),
    ),
    without(
        "a web page is taken for an answer",
        "a page that does not call itself one is known by its first character",
        Edit(_ENGINE, 'if begun.startswith(b"<"):', "if False:"),
        f"{_T_ENGINE}::test_refusal_is_told_in_the_providers_words",
    ),
    without(
        "an answer without its end is whole",
        "a stream that ends before the provider says so has broken off",
        Edit(
            _ENGINE,
            "        if not answer.is_whole:\n            raise unfinished",
            "        if False:\n            raise unfinished",
        ),
        f"{_T_ENGINE}::test_answer_that_breaks_off_may_be_asked_for_again",
    ),
    without(
        "why a host of several addresses cannot be reached is not told",
        "the errors of each address are looked at",
        Edit(_FAULTS, "if isinstance(cause, BaseExceptionGroup):", "if False:"),
        f"{_T_FAULTS}::test_host_of_several_addresses_that_all_refuse_has_refused",
    ),
)
