"""Time zones of notes."""

import time
from datetime import UTC, datetime

import pytest

from duragent.memory.zone import zone_of


def test_machines_zone_has_its_summer_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        zone, berlin = zone_of(None), zone_of("Europe/Berlin")
        for month in (1, 7):
            when = datetime(2026, month, 21, 13, 32, tzinfo=UTC)
            assert when.astimezone(zone).strftime("%H:%M") == when.astimezone(berlin).strftime("%H:%M")
            local = datetime(2026, month, 21, 13, 32)
            assert local.replace(tzinfo=zone).astimezone(UTC) == local.replace(tzinfo=berlin).astimezone(UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "", "a\0b"])
def test_unknown_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ValueError, match="one is `Europe/Berlin`"):
        zone_of(name)
