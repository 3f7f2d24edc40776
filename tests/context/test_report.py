"""What `duragent context` shows adds up to the request that would be made."""

from dataclasses import replace

from duragent.agent.always import Always
from duragent.context.build import WindowUse, build, frame_of
from duragent.context.report import TailLine, report
from duragent.context.tokens import request_tokens, tail_tokens
from tests.context.logs import NOW, READ_OUTPUT, Log, agent_with


def test_report_tells_each_part_and_adds_up_to_the_request() -> None:
    agent, log = agent_with(20_000, "Today is {{date}}.", tool_result_keep_last=1, max_tool_result_tokens=200), Log()
    agent = replace(agent, always=(Always("agents/always.md", "Be short."),))
    for number in range(30):
        log.start("words " * 300)
        log.end(f"yes {number}")
    log.start("go")
    for _ in range(20):
        log.call("result " * 100)
    log.call("long " * 1_000)
    around = frame_of(agent, NOW, tools=[READ_OUTPUT])
    found = report(agent, around, WindowUse(log.records, from_start=True))
    request = build(agent, around, WindowUse(log.records, from_start=True))

    assert [(line.source, line.priority) for line in found.sections] == [
        ("prime directives", -100),
        ("soul", 0),
        ("system prompt", 100),
    ]
    assert [line.name for line in found.tools] == ["read_output"]
    assert [(line.role, line.text) for line in found.messages] == [
        (message.role, message.content) for message in request.messages[1:]
    ]
    assert found.tail == TailLine(("agents/always.md",), tail_tokens("Be short."), "Be short.")
    assert request.tail == "Be short."
    assert (found.used_tokens, found.ratio) == (request_tokens(request), 1.0)
    assert found.window_tokens == 20_000 == found.reserved_tokens + found.used_tokens + found.left_tokens
    assert found.history_cap_tokens == 40_000
    marks = [line.mark for line in found.messages]
    assert marks[:2] == ["notice", "notice"]
    assert (marks[-1], found.truncated, found.masked) == ("truncated", 1, marks.count("masked"))
    assert found.masked > 5
    assert found.messages[-2].calls == ('bash {"command":"ls"}',)


def test_report_on_an_empty_session_is_its_frame() -> None:
    agent = agent_with(20_000)
    found = report(agent, frame_of(agent, NOW), WindowUse([], from_start=True))
    assert found.left_tokens > 13_000
    assert [line.mark for line in found.messages] == ["notice"]
