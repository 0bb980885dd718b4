"""When a price holds: time types, hours and days of tb_billingtimes and of routes, in the operator's time zone.

    0 off               3 off-peak (weekdays)  6 off-peak and weekend    9 holiday
    1 from-to           4 weekday              7 evening                10 always
    2 peak (weekdays)   5 weekend              8 night                  11 the rest

Saturday, Sunday and the days of tb_holidays are the weekend.  Hours (`fromtime`, `totime` as 08:00) and days (`day`:
1-5 with Monday 1 and Sunday 7 or 0, mon,wed, 2025-12-31, or 12-24 of every year) narrow any type but 10 and 11; what
cannot be understood never holds.
"""

import re
from functools import lru_cache

OFF, FROM_TO, PEAK, OFF_PEAK, WEEKDAY, WEEKEND, OFF_PEAK_WEEKEND, EVENING, NIGHT, HOLIDAY, ALWAYS, REST = range(12)

SPECIFIC = {type: rank for rank, type in enumerate(
    (REST, ALWAYS, WEEKDAY, OFF_PEAK_WEEKEND, WEEKEND, OFF_PEAK, PEAK, EVENING, NIGHT, FROM_TO, HOLIDAY))}
"""Which of the types that hold at a moment decides: the greatest."""

_NAMES = "monday tuesday wednesday thursday friday saturday sunday".split()
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2}(?:\.[0-9]+)?)?", re.ASCII)
_DATE = re.compile(r"(?:[0-9]{4}-)?(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)


class Moment:
    """A time as prices see it: `types` are those that hold whatever hours and days a row adds."""
    __slots__ = ("minute", "weekday", "date", "types")

    def __init__(self, local, hours, is_holiday):
        """local: datetime · hours: an object with peakhours, eveninghours, nighthours · is_holiday(date text)."""
        self.minute = local.hour * 60 + local.minute
        self.weekday = local.isoweekday()
        self.date = local.strftime("%Y-%m-%d")
        holiday = is_holiday(self.date)
        weekend = holiday or self.weekday > 5
        peak = not weekend and inside(self.minute, *hours.peakhours)
        holds = {FROM_TO: True, PEAK: peak, OFF_PEAK: not weekend and not peak, WEEKDAY: not weekend,
                 WEEKEND: weekend, OFF_PEAK_WEEKEND: not peak, EVENING: inside(self.minute, *hours.eveninghours),
                 NIGHT: inside(self.minute, *hours.nighthours), HOLIDAY: holiday, ALWAYS: True, REST: True}
        self.types = frozenset([type for type, does in holds.items() if does])

    def holds(self, timetype, fromtime="", totime="", day=""):
        """Whether a row of tb_billingtimes (or tb_routing) holds now."""
        if timetype not in self.types:
            return False
        if timetype >= ALWAYS or not (fromtime or totime or day):
            return True
        start, end, days = minutes(fromtime or "0:00"), minutes(totime or "24:00"), parse_days(day or "")
        return (start is not None and end is not None and days is not None and inside(self.minute, start, end) and
                (not days or self.weekday in days or self.date in days or self.date[5:] in days))


def inside(minute, start, end):
    """Whether a minute of the day is in start … end, over midnight where the end is smaller; equal: all day."""
    if start < end:
        return start <= minute < end
    return start == end or minute >= start or minute < end


@lru_cache(2048)
def minutes(text):
    """`08:30` -> minutes since midnight, up to 24:00; None if it is no time."""
    found = _TIME.fullmatch(text.strip())
    if not found or int(found[2]) > 59 or (at := int(found[1]) * 60 + int(found[2])) > 1440:
        return None
    return at


@lru_cache(2048)
def parse_days(text):
    """`1-5`, `sat,sun`, `2025-12-31 12-24` -> frozenset of weekdays (1 … 7) and dates, None if it is none of these."""
    days = set()
    for word in re.sub(r"\s*-\s*", "-", text.strip().lower()).replace(";", " ").replace(",", " ").split():
        if _DATE.fullmatch(word):
            days.add(word)
            continue
        first, dash, last = word.partition("-")
        first, last = _weekday(first), _weekday(last if dash else first)
        if first is None or last is None:
            return None
        days.update((first + more - 1) % 7 + 1 for more in range((last - first) % 7 + 1))
    return frozenset(days)


def _weekday(word):
    """1 … 7 of a number, an English name or its first three letters and more; else None."""
    if len(word) == 1 and word in "01234567":
        return int(word) or 7
    return next((day for day, name in enumerate(_NAMES, 1) if len(word) > 2 and name.startswith(word)), None)
