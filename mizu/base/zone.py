"""Day and month borders in a time zone: those of the setting `timezone`, or the system's.

A border is given in unix seconds.  Knows no tables and no settings.
"""

from datetime import date, datetime, timedelta

from .errors import ConfigError


class Zone:
    """name: as Europe/Budapest; empty for the system's.  ConfigError if this host knows none of that name."""

    def __init__(self, name=""):
        self.name = name
        self._info = _zone(name) if name else None

    def local(self, seconds):
        """Unix seconds -> datetime there."""
        return datetime.fromtimestamp(seconds, self._info)

    def midnight(self, date):
        """The unix seconds at which a date begins; where its midnight is skipped, the first moment after."""
        return datetime(date.year, date.month, date.day, tzinfo=self._info).timestamp()

    def day(self, seconds, days=0):
        """When the day of that moment began, or the one `days` later."""
        return self.midnight(self.local(seconds).date() + timedelta(days))

    def month(self, seconds, first=1):
        """When the month of that moment began, months beginning on the day `first`; a month that is too short for
        it begins on its last day."""
        date = self.local(seconds).date()
        begins = _on(date.year, date.month, first)
        if date < begins:
            before = date.replace(day=1) - timedelta(1)
            begins = _on(before.year, before.month, first)
        return self.midnight(begins)


def _on(year, month, day):
    """That day of the month, or its last one where the month is shorter."""
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(1)).day
    return date(year, month, max(1, min(day, last)))


def _zone(name):
    from zoneinfo import ZoneInfo
    try:
        return ZoneInfo(name)
    except Exception:       # no such key, no tzdata on this host, or a name that is no path below it
        raise ConfigError(f"timezone {name[:64]!r} is not known on this host (package tzdata)") from None
