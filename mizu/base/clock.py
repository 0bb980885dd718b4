"""Time from outside: the one place that reads the system's clocks."""

import time
from functools import lru_cache


class Clock:
    """The real clocks.  Tests pass a FakeClock with the same methods."""

    monotonic = staticmethod(time.monotonic)
    """Seconds that never go back: expiries, limits, talk time."""

    now = staticmethod(time.time)
    """Unix seconds, UTC."""

    sleep = staticmethod(time.sleep)
    """For programs that have no reactor."""

    def utc(self):
        """UTC text as the tables hold it, `YYYY-MM-DD HH:MM:SS.mmm`."""
        return utc_text(self.now())


class FakeClock:
    """A clock that tests move by hand."""

    def __init__(self, now=1_700_000_000.0):
        self.seconds = now

    def monotonic(self):
        return self.seconds

    now = monotonic

    def utc(self):
        return utc_text(self.seconds)

    def advance(self, seconds):
        self.seconds += seconds

    sleep = advance


def utc_text(seconds):
    """Unix seconds -> `YYYY-MM-DD HH:MM:SS.mmm`, UTC."""
    seconds, millis = divmod(int(seconds * 1000), 1000)
    return "%s.%03d" % (_second(seconds), millis)


@lru_cache(64)
def _second(seconds):
    """What many texts have in common."""
    return "%04d-%02d-%02d %02d:%02d:%02d" % time.gmtime(seconds)[:6]


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(seconds):
    """Unix seconds -> IMF-fixdate (RFC 9110 5.6.7), SIP's Date too (RFC 3261 20.17); never a locale's names."""
    at = time.gmtime(int(seconds))
    return (f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year:04} "
            f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT")
