"""How far an answer is and how things stand, as lines."""

from datetime import UTC, datetime, timedelta

import pytest

from duragent.cli.chat.progress import Progress, duration, short, short_folder, status_line, working_line
from duragent.client.watch import Reset
from duragent.journal import events
from duragent.journal.record import Record
from duragent.wire import AgentSummary, SessionInfo, Usage

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CALLED = events.ModelCalled(
    turn="t",
    step=1,
    attempt=1,
    epoch=1,
    model="anthropic/claude",
    input_seq=1,
    estimated_tokens=1_000,
    window_tokens=10_000,
)
REPLIED = events.ModelReplied(
    message_id="m", turn="t", usage=events.TokenCounts(input=1_500, output=500), cost_usd=0.021
)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(progress: Progress, *happened: tuple[float, events.Event], late: float = 0.0, first: int = 1) -> Progress:
    """Records of those seconds, each seen `late` seconds after it was written."""
    for seq, (seconds, event) in enumerate(happened, first):
        ts = at(seconds).isoformat().replace("+00:00", "Z")
        progress.take(Record(seq, ts, event), at(seconds + late))
    return progress


def started() -> events.TurnStarted:
    return events.TurnStarted(turn="t", trigger=1)


def test_a_turn_that_works_says_for_how_long_and_what_it_has_used() -> None:
    progress = told(Progress(), (0, started()), (1, CALLED))
    assert working_line(progress, "writing", 400, 100, at(12)) == (
        "writing · 12 s · 1.0k tokens in, 100 out · Ctrl-C stops"
    )
    told(progress, (13, REPLIED), (14, CALLED))
    assert working_line(progress, "working", 0, 100, at(75)) == (
        "working · 1 min 15 s · 2.5k tokens in, 500 out · Ctrl-C stops"
    )
    assert working_line(progress, "running bash", 0, 40, at(75)) == "running bash · 1 min 15 s · Ctrl-C stops"
    assert working_line(progress, "running bash", 0, 30, at(75)) == "running bash · Ctrl-C stops"


def test_the_model_that_was_chosen_is_shown_at_once_and_its_window_is_not_known_yet() -> None:
    progress = told(
        Progress(), (0, started()), (1, CALLED), (2, REPLIED), (3, events.TurnEnded(turn="t", outcome="completed"))
    )
    progress.know(AgentSummary(name="a", provider="anthropic", model="claude"))
    told(progress, (4, events.ModelChosen(provider="ollama", model="qwen3")), first=9)
    assert status_line(progress, 100).startswith("ollama/qwen3 · $")
    told(progress, (5, events.ModelChosen()), first=10)
    assert progress.model == "anthropic/claude"
    session = SessionInfo(session_id="s", agent="a", status="active", created_at="", updated_at="", model="x/y")
    later = Progress()
    later.begin(session)
    later.know(AgentSummary(name="a", provider="anthropic", model="claude"))
    assert later.model == "x/y"


def test_the_time_of_a_decision_is_not_the_agents() -> None:
    decided = events.ApprovalDecided(call="c", decision="allow_once", arguments_sha256="5a")
    progress = told(Progress(), (0, started()), (3600, decided))
    assert progress.seconds(at(3605)) == 5


def test_seconds_are_those_of_the_server_whose_clock_goes_wrong() -> None:
    for late in (7200.0, -7200.0):
        progress = told(Progress(), (0, started()), (1, CALLED), late=late)
        assert progress.seconds(at(late + 30)) == 30


def test_a_pause_that_the_provider_wants_is_counted_down() -> None:
    failed = events.ModelFailed(turn="t", step=1, attempt=1, error="x", retry=True, retry_after_seconds=20)
    progress = told(Progress(), (0, started()), (1, CALLED), (2, failed))
    assert working_line(progress, "working", 0, 80, at(12)).startswith("asking again in 11 s · 12 s · ")
    assert working_line(progress, "working", 0, 80, at(23)).startswith("working · 23 s · ")


def test_status_holds_what_was_used_before_and_since() -> None:
    progress = Progress()
    usage = Usage(prompt_tokens=90, completion_tokens=10, total_tokens=100, cost_usd=0.4)
    session = SessionInfo(session_id="s", agent="a", status="active", created_at="", updated_at="", head=2, usage=usage)
    progress.begin(session)
    progress.know(
        AgentSummary(name="a", provider="openai", model="gpt-5", folder="/home/me/work", sandbox="bubblewrap")
    )
    assert status_line(progress, 100, "/home/me") == "openai/gpt-5 · $0.40 · ~/work · bubblewrap"
    # The second is in the session's usage already.
    told(progress, (0, CALLED), (1, REPLIED), (2, CALLED), (3, REPLIED))
    assert status_line(progress, 100, "/home/me") == ("anthropic/claude · context 20% · $0.43 · ~/work · bubblewrap")
    assert status_line(progress, 45, "/home/me") == "claude · context 20% · $0.43 · bubblewrap"
    assert status_line(progress, 20, "/home/me") == "claude · context 20%"
    progress.take(Reset())
    assert status_line(progress, 100, "/home/me") == "anthropic/claude · ~/work · bubblewrap"


def test_status_without_a_price_says_the_tokens_and_without_a_sandbox_says_so() -> None:
    progress = told(
        Progress(sandbox="trust", folder="/srv"), (0, CALLED), (1, REPLIED.model_copy(update={"cost_usd": None}))
    )
    assert status_line(progress, 100) == "anthropic/claude · context 20% · 2.0k tokens · /srv · no sandbox"


def test_what_the_server_says_cannot_drive_the_terminal() -> None:
    progress = Progress(model="a\x1b[2J/b\n", folder="/x\x1b]0;y\x07", sandbox="\x9b1m")
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in status_line(progress, 200))


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1_000, "1.0k"), (9_949, "9.9k"), (9_951, "10k"), (999_499, "999k"), (999_500, "1.0M")],
)
def test_a_count_is_short(count: int, text: str) -> None:
    assert short(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3_700, "1 h 1 min")])
def test_a_duration_is_short(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("folder", "shown"),
    [("", ""), ("/home/me", "~"), ("/home/me/a", "~/a"), ("/home/meg", "/home/meg"), ("/a/b/c/d/e", "…/d/e")],
)
def test_a_folder_is_short(folder: str, shown: str) -> None:
    assert short_folder(folder, "/home/me") == shown
