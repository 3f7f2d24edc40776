"""How far an answer is and what a session has used, folded from what `watch` gives; and both as lines. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

from duragent.cli.view import clean, dollars, one_line, parse_time
from duragent.client.watch import Item, Reset
from duragent.journal import events
from duragent.journal.record import Record
from duragent.wire import AgentSummary, SessionInfo

CHARACTERS_PER_TOKEN = 4
"""For what is being written; the provider's count takes its place."""
_GAP = " · "


@dataclass
class Progress:
    """A fold: `take` is given what `watch` gives, in order, and when that was."""

    model: str = ""
    """The model that was asked last, as `provider/name`."""
    folder: str = ""
    """Where the agent works."""
    sandbox: str = ""
    """What confines its commands."""
    cost_usd: float | None = None
    """What the session has cost; None while no price is known."""
    used_tokens: int = 0
    """All tokens of the session."""
    context_tokens: int = 0
    """How much of the window the newest question and its answer take."""
    window_tokens: int | None = None
    """How much the model can read; None before it is known."""

    since: datetime | None = None
    """When the turn began, or went on after a person's decision, by the server's clock; None between turns."""
    input_tokens: int = 0
    """Of this turn: what the model has read."""
    output_tokens: int = 0
    """Of this turn: what it has written, without the answer that is being written."""
    asking: bool = False
    """Whether the model is asked now."""
    loading: bool = False
    """Whether the server still loads what it needs to ask a model."""
    own_model: str = ""
    """The agent's own model."""
    retry_at: datetime | None = None
    """When it is asked again; None when no pause is named."""

    _counted: int = 0
    """The record up to which `cost_usd` and `used_tokens` hold."""
    _lag: timedelta | None = None
    """By how much this clock is ahead of the server's, at most; None before there was a live record."""

    def begin(self, session: SessionInfo) -> None:
        """What was used before the records that come now."""
        self._counted = session.head
        self.cost_usd, self.used_tokens = session.usage.cost_usd, session.usage.total_tokens
        self.model = session.model or self.model

    def know(self, agent: AgentSummary) -> None:
        """What is known of the agent without any record."""
        self.folder, self.sandbox = agent.folder, agent.sandbox
        self.own_model = "/".join(part for part in (agent.provider, agent.model) if part)
        self.model = self.model or self.own_model

    def choose(self, model: str) -> None:
        """Another model answers from the next question on."""
        # Until then the window is not known.
        self.model, self.window_tokens = model, None

    def take(self, item: Item, now: datetime | None = None) -> None:
        """`now` for what comes live; None for what was before."""
        if isinstance(item, Reset):
            self.cost_usd, self.used_tokens, self.context_tokens, self._counted = None, 0, 0, 0
            self._rest()
        if not isinstance(item, Record):
            return
        moment = parse_time(item.ts)
        if now is not None and moment is not None:
            self._lag = now - moment if self._lag is None else min(self._lag, now - moment)
        self._turn(item.event, moment)
        if isinstance(item.event, events.ModelReplied) and item.seq > self._counted:
            self._count(item.event)

    def _turn(self, event: events.Event, moment: datetime | None) -> None:
        match event:
            case events.TurnStarted():
                self._rest()
                self.since = moment
            case events.ApprovalDecided() | events.ToolResolved():
                # What a person took to decide is not the agent's time.
                self.since = moment if self.since is not None else None
            case events.ModelCalled():
                self.asking, self.retry_at, self.model = True, None, event.model or self.model
                self.since = self.since or moment
                self.window_tokens = event.window_tokens or self.window_tokens
                self.context_tokens = event.estimated_tokens or self.context_tokens
                self.input_tokens += event.estimated_tokens
            case events.ModelReplied(usage=usage):
                self.asking = False
                if usage.input:
                    self.input_tokens += usage.input - self.context_tokens
                    self.context_tokens = usage.input + usage.output
                self.output_tokens += usage.output
            case events.ModelFailed():
                self.asking = False
                pause = event.retry_after_seconds if event.retry else None
                self.retry_at = moment + timedelta(seconds=pause) if moment and pause else None
            case events.ModelChosen(provider=provider, model=model):
                self.choose(f"{provider}/{model}" if provider else self.own_model)
            case events.TurnEnded() | events.SessionClosed():
                self._rest()

    def _rest(self) -> None:
        self.since, self.asking, self.retry_at, self.input_tokens, self.output_tokens = None, False, None, 0, 0

    def _count(self, replied: events.ModelReplied) -> None:
        self.used_tokens += replied.usage.input + replied.usage.output
        if replied.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + replied.cost_usd

    def seconds(self, now: datetime) -> int:
        """For how long the turn has been working."""
        return 0 if self.since is None else max(0, int((self._server_time(now) - self.since).total_seconds()))

    def pause_seconds(self, now: datetime) -> int:
        """Until the model is asked again; 0 for no pause."""
        return 0 if self.retry_at is None else max(0, int((self.retry_at - self._server_time(now)).total_seconds() + 1))

    def _server_time(self, now: datetime) -> datetime:
        return now - (self._lag or timedelta())


def utc_now() -> datetime:
    return datetime.now(UTC)


# --- as lines -------------------------------------------------------------------------------------------------------


def working_line(progress: Progress, what: str, written: int, width: int, now: datetime) -> str:
    """What it does, for how long, how many tokens of this turn, and how to stop it, as far as there is room.

    `written`: characters of the answer that is being written.
    """
    if pause := progress.pause_seconds(now):
        what = f"asking again in {duration(pause)}"
    output = progress.output_tokens + written // CHARACTERS_PER_TOKEN
    tokens = f"{short(progress.input_tokens)} tokens in, {short(output)} out" if progress.input_tokens or output else ""
    return _fitting([what, duration(progress.seconds(now)), tokens, "Ctrl-C stops"], (2, 1), width)


def status_line(progress: Progress, width: int, home: str = "") -> str:
    """How things stand between two turns: model, how full its window is, cost, folder and sandbox, as far as there is
    room.
    """
    model = "demo" if progress.model == "demo/demo" else one_line(progress.model)
    window, used = progress.window_tokens, progress.context_tokens
    context = f"context {percent(used, window)}%" if window and used else ""
    cost = dollars(progress.cost_usd) if progress.cost_usd else ""
    if not cost and progress.used_tokens:
        cost = f"{short(progress.used_tokens)} tokens"
    sandbox = "no sandbox" if progress.sandbox == "trust" else one_line(progress.sandbox)
    rest = [context, cost, short_folder(progress.folder, home), sandbox]
    line = _fitting([model, *rest], (), width)
    return line if not line.endswith("…") else _fitting([model.rpartition("/")[2], *rest], (3, 2, 4), width)


def percent(part: int, whole: int) -> int:
    """Rounded; what is there at all is at least 1, and no more than 100."""
    return min(100, max(1, round(100 * part / whole)))


def _fitting(parts: list[str], order: tuple[int, ...], width: int) -> str:
    """The parts with something in them; those in `order` are left out one after the other until the rest fits."""
    left = list(parts)
    for at in (None, *order):
        if at is not None:
            left[at] = ""
        line = _GAP.join(part for part in left if part)
        if len(line) <= width:
            return line
    return line[: max(width - 1, 1)] + "…"


def duration(seconds: int) -> str:
    """`12 s`, `2 min 5 s`, `1 h 3 min`."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def short(count: int) -> str:
    """`870`, `1.2k`, `34k`, `1.2M`."""
    if count < 1_000:
        return str(count)
    for size, letter in ((1_000, "k"), (1_000_000, "M")):
        if count < 10 * size - size // 20:
            return f"{count / size:.1f}{letter}"
        if count < 999.5 * size:
            return f"{count / size:.0f}{letter}"
    return f"{count / 1_000_000:,.0f}M"


def short_folder(folder: str, home: str) -> str:
    """Below home it begins with `~`; of a deep one the last two parts."""
    if not folder:
        return ""
    path, below = PurePath(clean(folder)), PurePath(home) if home else None
    shown = path
    if below is not None and path.is_relative_to(below):
        shown = "~" / path.relative_to(below)
    return str(shown) if len(shown.parts) <= 4 else "…/" + "/".join(shown.parts[-2:])
