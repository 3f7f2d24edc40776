"""What is measured of a server while it soaks, and what is made of it: slopes, percentiles, a table and JSON."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean

from tests.campaigns import process_figures


@dataclass(frozen=True)
class Sample:
    """The server at one moment. `life` counts its starts, `age_seconds` is since this one."""

    life: int
    age_seconds: float
    rss_mib: float
    descriptors: int
    threads: int


def sample(pid: int, life: int, age_seconds: float) -> Sample:
    rss, files = process_figures.rss_mib(pid), process_figures.descriptors(pid)
    return Sample(life, age_seconds, rss, files, process_figures.threads(pid))


Figure = Callable[[Sample], float]


def slope_per_minute(samples: Sequence[Sample], figure: Figure) -> float:
    """Least squares, with one slope for all lives and a level of its own for each."""
    over = under = 0.0
    for life in lives(samples):
        ages, values = [each.age_seconds / 60 for each in life], [figure(each) for each in life]
        age, value = fmean(ages), fmean(values)
        over += sum((x - age) * (y - value) for x, y in zip(ages, values, strict=True))
        under += sum((x - age) ** 2 for x in ages)
    return over / under if under else 0.0


def lives(samples: Sequence[Sample]) -> list[list[Sample]]:
    numbers = sorted({each.life for each in samples})
    return [[each for each in samples if each.life == number] for number in numbers]


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@dataclass
class Report:
    """`warm` are the samples after the warm-up of each life."""

    minutes: float
    sessions: int
    watchers: int
    samples: list[Sample] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    warm_up_seconds: float = 0.0
    idle_descriptors: tuple[int, int] = (0, 0)
    """Right after the first start, and at the end, when everybody has gone."""

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    @property
    def warm(self) -> list[Sample]:
        return [each for each in self.samples if each.age_seconds >= self.warm_up_seconds]

    def slopes(self) -> dict[str, float]:
        """By minute, after the warm-up."""
        return {
            "rss_mib": slope_per_minute(self.warm, lambda each: each.rss_mib),
            "descriptors": slope_per_minute(self.warm, lambda each: each.descriptors),
            "threads": slope_per_minute(self.warm, lambda each: each.threads),
        }

    def append_milliseconds(self) -> dict[str, float]:
        """From the request to the answer that it is durable, as the client saw it."""
        found = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
        return {name: 1000 * percentile(self.latencies, share) for name, share in found.items()}

    def table(self) -> str:
        head = f"{'life':>4} {'seconds':>8} {'RSS MiB: first':>15} {'mean':>7} {'last':>7} {'files':>6} {'threads':>8}"
        rows = [f"soak of {self.minutes:g} min, {self.sessions} sessions, {self.watchers} watchers", head]
        for life in lives(self.samples):
            warm = [each for each in life if each.age_seconds >= self.warm_up_seconds] or life
            rss = f"{warm[0].rss_mib:15.1f} {fmean(each.rss_mib for each in warm):7.1f} {warm[-1].rss_mib:7.1f}"
            most = f"{max(each.descriptors for each in life):6} {max(each.threads for each in life):8}"
            rows.append(f"{life[0].life:4} {life[-1].age_seconds:8.0f} {rss} {most}")
        slopes = ", ".join(f"{name} {value:+.2f}" for name, value in self.slopes().items())
        appends = ", ".join(f"{name} {value:.1f}" for name, value in self.append_milliseconds().items())
        counts = ", ".join(f"{number} {what}" for what, number in sorted(self.counts.items()))
        idle = "{} files when idle at the start, {} at the end".format(*self.idle_descriptors)
        return "\n".join([*rows, f"by minute: {slopes}", f"append, ms: {appends}", idle, counts])

    def as_json(self) -> str:
        found = {"slopes_per_minute": self.slopes(), "append_milliseconds": self.append_milliseconds()}
        raw = {name: value for name, value in asdict(self).items() if name != "latencies"}
        return json.dumps(found | {"appends": len(self.latencies)} | raw, indent=1)
