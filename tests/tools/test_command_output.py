import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.process.base import Finished, LimitReached, Output
from duragent.tools.command_output import SHOWN_BYTES, command_result, cut_in_the_middle, result_of


def out(content: bytes) -> Output:
    return Output(content, b"", len(content))


def ended(
    stdout: bytes = b"", stderr: bytes = b"", *, exit_code: int | None = 0, signal: int | None = None
) -> Finished:
    return Finished("exited", exit_code, out(stdout), out(stderr), 0.25, signal)


def told(finished: Finished) -> tuple[str, str]:
    result = result_of(finished, "c1", 120)
    return result.content, result.outcome


def test_result_tells_both_streams_and_the_exit_code() -> None:
    assert told(ended(b"a\n")) == ("a\n", "ok")
    assert told(ended(b"", b"oh\n")) == ("oh\n", "ok")
    assert told(ended(b"a", b"b\n", exit_code=2)) == ("a\n--- stderr ---\nb\n[exit code 2]", "error")
    assert told(ended(b"a", exit_code=1)) == ("a\n[exit code 1]", "error")
    assert told(ended()) == ("Command completed with exit code 0", "ok")
    assert told(ended(b" \n\x1b[0m", exit_code=1)) == ("Command completed with exit code 1", "error")


def test_result_tells_how_a_command_was_ended() -> None:
    empty = out(b"")
    assert told(ended(b"a", exit_code=None, signal=9)) == ("a\n[ended by signal 9 (SIGKILL)]", "error")
    assert told(ended(exit_code=None, signal=250)) == ("[ended by signal 250]", "error")
    assert told(Finished("timeout", None, out(b"half\n"), empty, 120.0, 15)) == (
        "half\n[timed out after 120 s and was ended]",
        "timeout",
    )
    assert told(Finished("cancelled", None, empty, empty)) == ("[was cancelled and ended]", "cancelled")
    assert told(Finished("exited", None, empty, empty)) == ("[ended, without an exit code]", "error")
    assert told(Finished("exited", None, empty, empty, error="x\0: no such file")) == (
        "The command could not be started: x\N{REPLACEMENT CHARACTER}: no such file",
        "error",
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "processes",
            2048,
            "had more than 2,048 processes and threads at once and was ended: `sandbox.limits.processes`",
        ),
        (
            "memory_bytes",
            4 << 30,
            "used more than 4,096 MiB of memory and was ended: `sandbox.limits.memory_mebibytes`",
        ),
        ("file_bytes", 1 << 30, "wrote a file of more than 1,024 MiB and was ended: `sandbox.limits.file_mebibytes`"),
        ("cpu_seconds", 9, "used more than 9 seconds of CPU time and was ended: `sandbox.limits.cpu_seconds`"),
        ("of_later", 9, "went over a limit of 9 and was ended: `sandbox.limits.of_later`"),
    ],
)
def test_result_tells_which_limit_a_command_went_over(name: str, value: int, words: str) -> None:
    empty, limit = out(b""), LimitReached(name, value)
    killed = Finished("cancelled", None, out(b"half\n"), empty, 1.0, 9, limit=limit)
    assert told(killed) == (f"half\n[the command {words} in duragent.yaml]", "error")
    late = Finished("timeout", None, empty, empty, 120.0, 9, limit=limit)
    assert told(late) == (f"[timed out after 120 s; the command {words} in duragent.yaml]", "error")
    stuck = Finished("cancelled", None, empty, empty, 9.0, None, "it could not be ended", limit)
    assert told(stuck)[0].endswith("in duragent.yaml; it could not be ended]")
    left = Finished("exited", 0, empty, empty, 1.0, limit=limit)
    who = "the command" if name == "file_bytes" else "exit code 0; what the command left running"
    assert told(left) == (f"[{who} {words} in duragent.yaml]", "error")


def test_result_of_a_command_that_ran_never_says_that_it_was_not_started() -> None:
    full = Finished("cancelled", None, out(b"half\n"), out(b""), 1.0, 15, "its output could not be stored: disk full")
    assert told(full) == ("half\n[its output could not be stored: disk full]", "cancelled")
    stuck = Finished("timeout", None, out(b""), out(b""), 9.0, None, "it could not be ended")
    assert told(stuck) == ("[timed out after 120 s; it could not be ended]", "timeout")
    left = Finished("exited", 0, out(b"done\n"), out(b""), 9.0, None, "it could not be ended")
    assert told(left) == ("done\n[it could not be ended]", "error")
    assert result_of(left, "c1", 120).details["error"] == "it could not be ended"


def test_details_have_the_numbers() -> None:
    assert result_of(ended(b"ab", b"c", exit_code=2), "c1", 120).details == {
        "exit_code": 2,
        "signal": None,
        "seconds": 0.25,
        "stdout_bytes": 2,
        "stderr_bytes": 1,
        "ending": "exited",
    }


def test_invalid_utf8_is_replaced() -> None:
    assert told(ended(b"a\xff\xfeb\n")) == ("a\ufffd\ufffdb\n", "ok")


def test_long_output_is_cut_in_the_middle_on_line_ends() -> None:
    lines = "".join(f"line {number:06}\n" for number in range(20_000))
    result = result_of(ended(lines.encode(), b"warning\n", exit_code=3), "c7", 120)
    head, notice, tail = result.content.partition('read_output(call="c7") shows all of it]\n')
    assert notice
    shown_head, _, omitted = head.rpartition("\n")
    assert lines.startswith(shown_head + "\n")
    assert tail.endswith("line 019999\n\n--- stderr ---\nwarning\n[exit code 3]")
    body = f"{lines}\n--- stderr ---\nwarning\n"
    kept = len(shown_head) + 1 + len(tail.removesuffix("[exit code 3]"))
    assert omitted == f"[{len(body) - kept:,} bytes omitted: "
    assert SHOWN_BYTES - 4096 < kept <= SHOWN_BYTES
    assert result.full == body.encode()


def test_output_that_fits_is_not_kept_twice() -> None:
    fits = b"x" * SHOWN_BYTES
    assert result_of(ended(fits), "c1", 120).full is None
    assert result_of(ended(fits + b"x"), "c1", 120).full == fits + b"x"


@given(st.text(st.sampled_from("aé漢🙂\n"), min_size=1), st.integers(1, 4))
def test_cut_never_tears_a_character(text: str, shift: int) -> None:
    long = "a" * shift + text * (3 * SHOWN_BYTES // len(text.encode()) + 1)
    shown = cut_in_the_middle(long, "c1")
    head, _, tail = shown.text.partition("bytes omitted")
    assert "\ufffd" not in shown.text
    assert long.startswith(head.rpartition("[")[0].removesuffix("\n"))
    assert long.endswith(tail.partition("\n")[2])
    assert len(shown.text.encode()) < SHOWN_BYTES + 100


def test_gap_of_the_runner_is_told_where_it_is() -> None:
    stdout = Output("é".encode() + "漢".encode()[:2], "漢".encode()[1:] + b"end\n", 1000)
    result = result_of(Finished("exited", 0, stdout, out(b"")), "c1", 120)
    assert (result.content, result.full) == (f"é\n[{1000 - 2 - 4:,} bytes were not kept]\nend\n", None)
    gap = Output(b"a" * 20_000, b"b" * 20_000, 10**9)
    result = result_of(Finished("exited", 0, gap, out(b"")), "c1", 120)
    assert 'read_output(call="c1") shows what was kept of it]' in result.content
    assert b"\n[999,960,000 bytes were not kept]\n" in (result.full or b"")


async def test_long_output_is_formatted_as_a_short_one() -> None:
    finished = ended(b"line\n" * 50_000)
    assert await command_result(finished, call="c1", timeout_seconds=9) == result_of(finished, "c1", 9)
