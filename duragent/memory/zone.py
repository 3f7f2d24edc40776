"""Time zones of notes: the day of a file and the time of a heading are a person's, everything else is UTC."""

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class MachineZone(tzinfo):
    """The machine's own zone, with its summer times."""

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return when.replace(tzinfo=None).astimezone().utcoffset() if when is not None else None

    def dst(self, when: datetime | None) -> timedelta | None:
        return timedelta(0)

    def tzname(self, when: datetime | None) -> str | None:
        return when.replace(tzinfo=None).astimezone().tzname() if when is not None else None

    def fromutc(self, when: datetime) -> datetime:
        local = (when.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
        return datetime.fromtimestamp(local).replace(tzinfo=self)


def zone_of(name: str | None) -> tzinfo:
    """The zone of that name; without one the machine's. Raises ValueError when this machine knows none."""
    if name is None:
        return MachineZone()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"no time zone is called '{name[:64]}' here; one is `Europe/Berlin`") from error
