"""The calls of an answer so far, and the faults of what was none."""

import pytest

from duragent.models.text_tools.calls import Doubtful, Found, NoCall
from duragent.models.text_tools.findings import MAX_CALLS, MAX_CHECKS, MAX_FAULTS, Findings

CALL = Found("ls", "{}")


def test_calls_are_kept_in_order() -> None:
    findings = Findings()
    findings.add([CALL])
    findings.add([Found("bash", "{}"), CALL])
    assert [call.name for call in findings.calls] == ["ls", "bash", "ls"]


def test_block_without_a_call_and_one_too_many_are_refused_whole() -> None:
    findings = Findings()
    with pytest.raises(NoCall, match="it is empty"):
        findings.add([])
    findings.add([CALL] * (MAX_CALLS - 1))
    with pytest.raises(Doubtful, match=f"more than {MAX_CALLS} calls"):
        findings.add([CALL, CALL])
    assert len(findings.calls) == MAX_CALLS - 1


def test_text_of_a_tool_result_is_a_quotation() -> None:
    findings = Findings(['it says {"name": 1} here'])
    assert findings.unquoted('{"name": 2}', [CALL]) == [CALL]
    with pytest.raises(Doubtful, match="a tool result has the same text"):
        findings.unquoted(' {"name": 1}\n', [CALL])


def test_only_so_many_blocks_are_compared() -> None:
    findings = Findings()
    for _ in range(MAX_CHECKS):
        findings.unquoted("x", [CALL])
    with pytest.raises(Doubtful):
        findings.unquoted("x", [CALL])


def test_of_many_faults_the_first_ones_are_kept() -> None:
    findings = Findings()
    for number in range(MAX_FAULTS + 2):
        findings.add_fault(str(number))
    assert findings.faults == [str(number) for number in range(MAX_FAULTS)]
