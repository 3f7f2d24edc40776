"""`duragent ask`: one question, and nothing on stdout but its answer."""

import json
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duragent.cli.ask import AnswerPrinter
from duragent.cli.view import clean
from duragent.client.turn import TurnResult
from duragent.journal.events import Call, ModelReplied
from duragent.journal.record import Record
from duragent.visible import UNFINISHED
from duragent.wire import Delta
from tests.cli.desk import Desk
from tests.cli.hostile import PIECES
from tests.cli.place import DURAGENT, Place
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import COUNTED
from tests.support.stub_ollama import Pulled, StubOllama
from tests.support.until import until_sync


async def test_ask_says_what_waits_and_approve_prints_what_comes_of_it(desk: Desk) -> None:
    desk.house.script(COUNTED, "rm -f x", then="all done")
    asked = await desk.run("ask", "worker", "please")
    assert (asked.code, asked.out) == (3, "")
    assert "a tool call waits for approval in " in asked.err
    assert f"bash  {COUNTED}" in asked.err
    assert "Decide: duragent approve " in asked.err
    prefix = asked.err.rpartition("approve ")[2].split()[0]
    first = await desk.run("approve", prefix, "--once", "--as", "Ada")
    assert (first.code, first.out, desk.house.count()) == (3, "", 1)
    assert first.err.startswith(f"Ada allowed it once: {COUNTED}\n")
    assert "bash  rm -f x" in first.err
    second = await desk.run("approve", prefix.removeprefix("session_")[:10], "--deny", "--reason", "keep it")
    assert (second.code, second.out) == (0, "all done\n")
    told = desk.house.model.requests[-1].messages[-1].content
    assert "keep it" in told
    nothing = await desk.run("approve", prefix, "--once")
    assert (nothing.code, nothing.out) == (1, "")
    assert "nothing waits" in nothing.err
    assert "duragent approvals" in nothing.err


async def test_a_message_behind_a_waiting_call_does_not_wait_for_ever(desk: Desk) -> None:
    waiting = await desk.house.waits(COUNTED)
    asked = await desk.run("ask", "worker", "and?", "--session", waiting["session_id"], "--json")
    said = json.loads(asked.out)
    assert (asked.code, said["outcome"], said["approval"]["call_id"]) == (3, "waiting", waiting["call_id"])


def test_ask_survives_the_death_of_the_server_in_the_middle(place: Place) -> None:
    command = [*DURAGENT, "ask", "assistant", "count to 80"]
    place.run("init", "--no-interactive")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=place.folder, env=place.environ) as asking:
        place.until_a_partial_answer()
        place.kill_server()
        out, _ = asking.communicate(timeout=LIMIT_SECONDS)
    assert (asking.returncode, out) == (0, " ".join(str(number) for number in range(1, 81)) + "\n")
    [session] = place.sessions()
    kinds = [record["type"] for record in place.log(session["session_id"])]
    assert (kinds.count("message_received"), kinds.count("model_replied")) == (1, 1)


def test_ask_prints_the_answer_and_nothing_else_on_stdout(place: Place) -> None:
    first = place.run("ask", "assistant", "what is 2+2?")
    assert (first.returncode, first.stdout) == (0, "2+2 = 4\n")
    assert "No workspace here" in first.stderr
    assert "Started a server" in first.stderr
    again = place.run("ask", "assistant", stdin="what is 3+3?")
    assert (again.returncode, again.stdout, again.stderr) == (0, "3+3 = 6\n", "")
    as_json = json.loads(place.run("ask", "assistant", "2+3", "--json").stdout)
    assert (as_json["content"], as_json["outcome"], as_json["error"]) == ("2+3 = 5", "completed", None)
    onward = place.run("ask", "assistant", "2+4", "--session", as_json["session_id"][:20])
    assert onward.stdout == "2+4 = 6\n"
    assert place.run("ask", "nobody", "2+2").returncode == 66
    assert place.run("ask", "assistant").returncode == 2


def test_ask_needs_no_agents_name_where_one_answers(place: Place) -> None:
    assert place.run("ask", "what is 2+2?").stdout == "2+2 = 4\n"
    assert place.run("ask", "-", stdin="what is 2+3?").stdout == "2+3 = 5\n"
    assert place.run("ask", "--agent", "assistant", "what is", "2+4?").stdout == "2+4 = 6\n"
    loose = place.run("ask", "what", "is", "2+2?")
    assert (loose.returncode, loose.stdout) == (66, "")
    assert "agent 'what' not found; there are: assistant. With several words" in loose.stderr
    assert "put the question in quotes" in loose.stderr


@pytest.mark.parametrize(
    "words", [("nosuch", "hi"), ("--agent", "nosuch", "hi"), ("assistant", "--session", "nosuch", "hi"), ("assistant",)]
)
def test_slip_makes_no_workspace(place: Place, words: tuple[str, ...]) -> None:
    before = set(place.folder.iterdir())
    assert place.run("ask", *words).returncode in (2, 66)
    assert place.run("chat", "--agent", "nosuch").returncode == 66
    assert set(place.folder.iterdir()) == before


def test_ask_stops_a_turn_that_takes_too_long_and_tells_what_was_said(place: Place) -> None:
    place.run("init", "--no-interactive")
    place.run("session", "list")
    # It is over long before a thousand numbers are.
    ran = place.run("ask", "count to 1000", "--timeout", "0.5")
    assert ran.returncode == 75
    assert ran.stderr.endswith("duragent: the turn was stopped: no answer within 0.5 seconds\n")
    [session] = place.sessions()
    until_sync(lambda: place.log(session["session_id"])[-1].get("outcome") == "cancelled")
    as_json = json.loads(place.run("ask", "count to 1000", "--timeout", "0.5", "--json").stdout)
    assert (as_json["outcome"], as_json["error"]["code"]) == ("cancelled", "timeout")


def test_tokens_have_the_names_of_the_api(place: Place) -> None:
    asked = json.loads(place.run("ask", "what is 2+2?", "--json").stdout)
    shown = json.loads(place.run("session", "show", asked["session_id"], "--json").stdout)
    assert asked["usage"] == shown["usage"]
    assert asked["usage"]["total_tokens"] == asked["usage"]["prompt_tokens"] + asked["usage"]["completion_tokens"] > 0


def test_ask_fails_with_a_code_when_the_model_is_not_set_up(place: Place) -> None:
    place.run("init", "--no-interactive", "--provider", "openai", "--model", "gpt-5-mini")
    ran = place.run("ask", "assistant", "hello")
    assert (ran.returncode, ran.stdout) == (78, "")
    assert "OPENAI_API_KEY" in ran.stderr
    assert "duragent serve stop" in ran.stderr


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(1, 5))
@example(["\U0001f469", "\u200d", "\U0001f469"], 1)
@example(["\x1b", "[2J"], 1)
def test_a_stream_shows_the_same_as_the_whole_answer(pieces: list[str], step: int) -> None:
    whole = "".join(pieces)
    grown = ""
    for end in range(0, len(whole) + step, step):
        shown = clean(UNFINISHED.sub("", whole[:end]))
        assert shown.startswith(grown)
        grown = shown
    assert clean(whole).startswith(grown)


def test_an_answer_in_pieces_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    printer = AnswerPrinter(live=True)
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    text = f"a {family} b\u202ec \x1b[2J"
    for at, char in enumerate(text):
        printer.take(Delta(turn="t", step=1, attempt=1, offset=at, text=char))
    printer.end(TurnResult(1, "completed", text=text))
    assert capsys.readouterr().out == f"a {family} b<U+202E>c \ufffd[2J\n"


def test_the_line_of_a_half_answer_ends_before_the_reason_why_nothing_more_comes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = AnswerPrinter(live=True)
    printer.take(Delta(turn="t", step=1, attempt=1, offset=0, text="one two "))
    printer.end(TurnResult(1, "paused", reason="lunch"))
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("one two \n", "duragent: the turn is paused: lunch\n")


@pytest.mark.parametrize("live", [True, False])
def test_what_was_said_before_a_tool_call_is_printed_once(capsys: pytest.CaptureFixture[str], live: bool) -> None:
    printer = AnswerPrinter(live=live)
    calls = (Call(call="c", tool="bash", arguments="{}"),)
    printer.take(Record(5, "", ModelReplied(message_id="m", turn="t", text="Looking.", calls=calls)))
    printer.end(TurnResult(1, "paused", text="Looking.", seq=5, reason="lunch"))
    assert capsys.readouterr().out == "Looking.\n"


def test_the_same_words_again_are_another_answer(capsys: pytest.CaptureFixture[str]) -> None:
    printer = AnswerPrinter(live=True)
    calls = (Call(call="c", tool="bash", arguments="{}"),)
    printer.take(Record(5, "", ModelReplied(message_id="m", turn="t", text="Looking.", calls=calls)))
    printer.end(TurnResult(1, "completed", text="Looking.", seq=9))
    assert capsys.readouterr().out == "Looking.\nLooking.\n"


def test_a_question_may_have_a_model_and_a_system_text_of_its_own(place: Place) -> None:
    with StubOllama(**{"qwen3:4b": Pulled()}) as ollama:
        place.environ["OLLAMA_HOST"] = ollama.url.replace("http://", "")
        place.run("init", "--no-interactive", "--provider", "demo")
        asked = place.run("ask", "assistant", "hi", "--model", "ollama/qwen3:4b", "--system", "Speak Latin.")
        assert (asked.returncode, asked.stdout) == (0, "You said: hi\n"), asked.stderr
        [request] = ollama.requests
        assert "Speak Latin." in request.body["messages"][0]["content"]
        [session] = place.sessions()
        assert session["model"] == "ollama/qwen3:4b"
        again = place.run("ask", "repeat again", "--session", session["session_id"], "--model", "demo", "--json")
        assert json.loads(again.stdout)["model"] == "demo"
        for wrong, sentence in (
            (("--model", "ollama/gone"), "`ollama pull gone`"),
            (("--model", "openai/gpt"), "`duragent keys set openai`"),
            (("--session", session["session_id"], "--system", "x"), "--system is for a new session"),
        ):
            refused = place.run("ask", "again", *wrong)
            assert (refused.returncode in (2, 78), sentence in refused.stderr) == (True, True), refused.stderr
        assert len(place.sessions()) == 1


def test_ask_goes_on_with_the_session_used_last_or_leaves_none(place: Place) -> None:
    nothing = place.run("ask", "--last", "1+1")
    assert (nothing.returncode, nothing.stdout) == (66, "")
    place.run("init", "--no-interactive")
    nothing = place.run("ask", "--last", "1+1")
    assert (nothing.returncode, nothing.stdout) == (66, "")
    assert "there is no session to go on with; without --last a new one begins" in nothing.stderr
    assert place.run("ask", "1+1").stdout == "1+1 = 2\n"
    assert place.run("ask", "--last", "2+2").stdout == "2+2 = 4\n"
    assert place.run("ask", "-l", "assistant", "3+3").stdout == "3+3 = 6\n"
    unsaved = place.run("ask", "--no-save", "4+4", "--json")
    assert json.loads(unsaved.stdout)["content"] == "4+4 = 8"
    [session] = place.sessions()
    assert (session["messages"], session["topic"]) == (3, "1+1")
    both = place.run("ask", "--no-save", "--last", "4+4")
    assert (both.returncode, "--session, --last and --no-save: give only one of them" in both.stderr) == (2, True)


async def test_session_that_waits_for_a_decision_is_kept_all_the_same(desk: Desk) -> None:
    desk.house.script(COUNTED, then="done")
    asked = await desk.run("ask", "--no-save", "worker", "please")
    assert asked.code == 3
    approved = await desk.run("approve", asked.err.rpartition("approve ")[2].split()[0], "--once")
    assert (approved.code, approved.out) == (0, "done\n")
