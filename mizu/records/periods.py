"""Periods as requests name them: day words, numbers of days, moments (the manual's chapters CDR API, Statistics).

A moment is UTC unless it names an offset; day words follow the time zone.  A period holds its beginning and not its
end, both UTC text as the tables have them.  Knows no table.
"""

import math
import re
from datetime import datetime, timedelta, timezone

from ..base.clock import utc_text
from ..base.errors import ApiError

BACK = {"lasthour": 1 / 24, "lastday": 1, "lastweek": 7, "lastmonth": 30, "lastyear": 365}
"""Words for so many days back from now."""

SINCE = {
    "today": lambda zone, now: zone.day(now),
    "thismonth": lambda zone, now: zone.month(now),
    "thisyear": lambda zone, now: zone.midnight(zone.local(now).date().replace(month=1, day=1)),
}
"""Words for a beginning in the zone."""

TAKES = f"a number of days, or one of {', '.join([*BACK, *SINCE])}"
MOMENT_TAKES = "a date and time as 2026-01-31 18:00:00, in UTC or with an offset as +02:00"

MOST_DAYS = 36_600
"""A century."""

_NUMBER = re.compile(r"[0-9]{1,5}(\.[0-9]{0,9})?|\.[0-9]{1,9}", re.ASCII)
_MOMENT = re.compile(r"""(\d{4})[-/.](\d\d?)[-/.](\d\d?)
    (?: [T\ ] (\d\d?):(\d\d) (?: :(\d\d) (?:\.(\d{1,6}))? )? )?
    \ ? (?: (Z|UTC) | ([-+\ ])(\d\d):?([0-5]\d) )?""", re.X | re.I | re.ASCII)    # in a URL a + is a blank


def parse_days(text):
    """A day word, or a number of days above 0; else ValueError."""
    word = text.strip().lower()
    if word in BACK or word in SINCE:
        return word
    if not _NUMBER.fullmatch(word) or not 0 < float(word) <= MOST_DAYS:
        raise ValueError
    return float(word)


def parse_moment(text):
    """A date, with time and offset if they are there -> UTC text; else ValueError."""
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        raise ValueError
    year, month, day, hour, minute, second = [int(part or 0) for part in found.groups()[:6]]
    moment = datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(6, "0")))
    if found[10]:
        offset = timedelta(hours=int(found[10]), minutes=int(found[11]))
        if offset > timedelta(hours=14):
            raise ValueError
        try:
            moment += offset if found[9] == "-" else -offset
        except OverflowError:
            raise ValueError from None
    return moment.isoformat(" ", "milliseconds")


def period(zone, now, days=None, since=None, until=None):
    """(beginning, end) as UTC text, None where it is open; `since` and `until`, texts too, win over `days`.

    zone    Zone of the words in SINCE; not looked at for others
    """
    if since is None and days is not None:
        start = SINCE[days](zone, now) if days in SINCE else now - BACK.get(days, days) * 86400
        since = utc_text(max(0.0, start))
    if since is not None and until is not None and until < since:
        raise ApiError(400, "the period ends before it begins")
    return since, until


def whole_days(zone, since, until):
    """Unix seconds `since` to `until` widened to days of the zone."""
    end = zone.day(until)
    return zone.day(since), end if end == until else zone.day(until, 1)


def seconds(text):
    """UTC text of a table -> unix seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


_STEP = 7 * 86400.0
"""Clocks are not put forward and back within a week."""


def offsets(zone, since, until):
    """[(since, until, seconds east of UTC)]: the pieces of a period in unix seconds between which clocks change."""
    pieces, begin, at = [], since, since
    offset = _offset(zone, at)
    while at < until:
        then = min(at + _STEP, until)
        if _offset(zone, then) != offset:
            change = _change(zone, at, then, offset)
            pieces.append((begin, change, offset))
            begin, offset = change, _offset(zone, change)
        at = then
    return [*pieces, (begin, until, offset)] if begin < until or not pieces else pieces


def _change(zone, before, after, offset):
    """The full second at which the offset changes."""
    before, after = math.floor(before), math.ceil(after)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone, moment):
    local = zone.local(moment)
    return int((local if local.tzinfo else local.astimezone()).utcoffset().total_seconds())
