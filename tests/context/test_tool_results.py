"""Tool results: shortened, masked, and never torn from their calls."""

from dataclasses import replace

import pytest

from duragent.context.tokens import tokens
from duragent.context.tool_results import shortened
from duragent.journal.events import Attachment, ToolFinished
from tests.context.logs import READ_OUTPUT, Log, agent_with, request

LONG = " ".join(f"word{number}" for number in range(1000))


@pytest.mark.parametrize("keep", ["head", "tail", "both"])
def test_long_result_keeps_its_part_and_says_so(keep: str) -> None:
    whole = tokens(LONG)
    text = shortened(LONG, 100, keep)
    assert tokens(text) <= 100 + 32
    assert ("word0 " in text, "word999" in text) == {
        "head": (True, False),
        "tail": (False, True),
        "both": (True, True),
    }[keep]
    notice = {
        "head": f"[truncated: kept first ~100 of ~{whole} tokens (head)]",
        "tail": f"[truncated: kept last ~100 of ~{whole} tokens (tail)]",
        "both": f"[truncated: kept first+last ~100 of ~{whole} tokens (both)]",
    }[keep]
    assert notice in text
    head, _, tail = text.partition(notice)
    assert head in ("", head.rstrip() + "\n\n")
    assert tail in ("", "\n\n" + tail.lstrip())


def test_short_result_stays_as_it_is() -> None:
    assert shortened("ü" * 10, 10, "head") == "ü" * 10


def test_results_are_shortened_as_the_agents_file_says_and_keep_their_note() -> None:
    log = Log()
    log.start("go")
    log.call(LONG)
    log.records[-1] = log.records[-1].__class__(
        log.records[-1].seq, "", log.records[-1].event.model_copy(update={"note": "Look at it well."})
    )
    content = request(agent_with(max_tool_result_tokens=50, tool_result_truncation="tail"), log).messages[-1].content
    assert content.startswith("[truncated: kept last ~50 of ~")
    assert content.endswith("word999\n\nLook at it well.")


def masked(log: Log, **context: int) -> list[bool]:
    messages = request(agent_with(**context), log).messages
    return [message.content.startswith("[result masked") for message in messages if message.role == "tool"]


def rounds(count: int) -> Log:
    log = Log()
    log.start("go")
    for number in range(count):
        log.call(f"{number}: {LONG[:900]}")
    return log


def test_first_and_last_results_are_never_masked_and_most_of_the_middle_is() -> None:
    found = masked(rounds(40), tool_result_keep_first=2, tool_result_keep_last=5)
    assert found[:2] == [False, False]
    assert found[-5:] == [False] * 5
    assert sum(found) >= 40 - 2 - 5 - 10
    assert found == sorted(found[:2]) + [True] * sum(found) + [False] * (38 - sum(found))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_few_results_are_not_masked(count: int) -> None:
    assert masked(rounds(count)) == [False] * count


def test_keeping_none_first_and_none_last_turns_masking_off() -> None:
    assert not any(masked(rounds(30), tool_result_keep_first=0, tool_result_keep_last=0))


def test_masks_say_how_much_is_gone_and_how_to_get_it_back() -> None:
    log = rounds(30)
    agent = agent_with()
    plain, helped = (
        next(m for m in request(agent, log, tools=tools).messages if m.content.startswith("[result masked"))
        for tools in ((), (READ_OUTPUT,))
    )
    assert plain.content.startswith("[result masked — ~")
    assert plain.content.endswith(" tokens removed]")
    assert helped.content.endswith(f" tokens removed; read_output with call {helped.call_id} shows it again]")


def test_short_results_are_not_masked() -> None:
    log = Log()
    log.start("go")
    for _ in range(30):
        log.call("ok")
    assert not any(masked(log))


def test_results_of_an_ended_turn_stay_as_its_last_request_had_them() -> None:
    log = rounds(30)
    before = masked(log)
    log.end("done")
    log.start("more")
    assert masked(log) == before


def test_a_masked_result_has_no_files() -> None:
    log = rounds(30)
    file = Attachment(name="a.png", media_type="image/png", sha256="0" * 64)
    log.records = [
        replace(record, event=record.event.model_copy(update={"attachments": (file,)}))
        if isinstance(record.event, ToolFinished)
        else record
        for record in log.records
    ]
    results = [message for message in request(agent_with(), log).messages if message.role == "tool"]
    with_files = [bool(message.attachments) for message in results]
    assert with_files == [not message.content.startswith("[result masked") for message in results]
    assert {True, False} <= set(with_files)
