"""Which moments a word, a number of days or a date means."""

import random
import re
from datetime import datetime, timedelta, timezone

import pytest

from mizu.base.errors import ApiError
from mizu.base.zone import Zone
from mizu.records.periods import offsets, parse_days, parse_moment, period, seconds, whole_days

UTC = Zone("UTC")
BUDAPEST = Zone("Europe/Budapest")
NOW = datetime(2026, 3, 30, 23, 30, tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize("text, since", [
    ("lasthour", "2026-03-30 22:30:00.000"), ("lastday", "2026-03-29 23:30:00.000"),
    ("lastweek", "2026-03-23 23:30:00.000"), ("lastmonth", "2026-02-28 23:30:00.000"),
    ("lastyear", "2025-03-30 23:30:00.000"), ("today", "2026-03-30 00:00:00.000"),
    ("ThisMonth", "2026-03-01 00:00:00.000"), ("thisyear", "2026-01-01 00:00:00.000"),
    ("10", "2026-03-20 23:30:00.000"), ("0.5", "2026-03-30 11:30:00.000"), (" .25 ", "2026-03-30 17:30:00.000")])
def test_a_word_or_a_number_of_days_is_a_beginning_without_an_end(text, since):
    assert period(UTC, NOW, parse_days(text)) == (since, None)


@pytest.mark.parametrize("word, since", [
    ("today", "2026-03-30 22:00:00.000"), ("thismonth", "2026-02-28 23:00:00.000"),
    ("thisyear", "2025-12-31 23:00:00.000"), ("lastday", "2026-03-29 23:30:00.000")])
def test_words_of_the_calendar_follow_the_time_zone(word, since):
    assert period(BUDAPEST, NOW, word)[0] == since


@pytest.mark.parametrize("text", ["", "0", "-1", "yesterday", "1e3", "nan", "99999", "1;2", "١"])
def test_what_is_no_number_of_days_is_refused(text):
    with pytest.raises(ValueError):
        parse_days(text)


@pytest.mark.parametrize("text, moment", [
    ("2026-01-31", "2026-01-31 00:00:00.000"), ("2026-1-3 7:05", "2026-01-03 07:05:00.000"),
    ("2026-01-31 18:00:01", "2026-01-31 18:00:01.000"), ("2026-01-31T18:00:01.5Z", "2026-01-31 18:00:01.500"),
    ("2026-01-31T18:00:00+02:00", "2026-01-31 16:00:00.000"), ("2026-01-31 18:00:00 0200", "2026-01-31 16:00:00.000"),
    ("2026-12-31 23:00 -03:30", "2027-01-01 02:30:00.000"), ("2026/01/31 18:00 utc", "2026-01-31 18:00:00.000")])
def test_a_moment_is_utc_or_has_an_offset(text, moment):
    assert parse_moment(text) == moment


@pytest.mark.parametrize("text", [
    "", "today", "2026-13-01", "2026-02-30", "2026-01-01 24:00", "2026-01-01 10:61", "2026-01-01 10:00 +15:00",
    "0001-01-01 00:00 +02:00", "9999-12-31 23:00 -05:00", "1767225600", "2026-01-01'--"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):
        parse_moment(text)


def plain_moment(text):
    """A moment as datetime reads it, one layout after the other; None if no layout fits."""
    text = re.sub(r"^(\d+)[/.-](\d+)[/.-]", r"\1-\2-", text.upper().replace("UTC", "Z"))
    text = re.sub(r"(:\d\d(?:\.\d+)?) {1,2}(\d\d:?\d\d)$", r"\1+\2", re.sub(r"(\d)T(\d)", r"\1 \2", text))
    text = re.sub(r" (?=[-+]\d\d:?\d\d$|Z$)", "", text)
    for layout in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"):
        for zoned in ("", "%z"):
            try:
                moment = datetime.strptime(text, layout + zoned)
                if zoned:
                    if abs(moment.utcoffset()) > timedelta(hours=14):
                        return None
                    moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
                return moment.isoformat(" ", "milliseconds")
            except (ValueError, OverflowError):
                pass
    return None


@pytest.mark.slow
def test_mutated_moments_are_read_as_a_second_reader_reads_them():
    chance = random.Random(20260131)
    seeds = ["2026-01-31", "2026-02-28 18:05", "2026-12-31 23:59:59", "2024-02-29T01:02:03.456Z",
             "2026-06-30 12:00:00+02:00", "2026-06-30T12:00:00.5 -0330", "2026/1/2 3:04 0100"]
    accepted = 0
    for number in range(20_000):
        text = list(chance.choice(seeds))
        digits_only = number % 2
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(text))
            if digits_only:
                text[at] = chance.choice("0123456789") if text[at].isdigit() else text[at]
            else:
                text[at:at + chance.randrange(2)] = chance.choice(["", *"0123456789-:/.+TZ "])
                text = text or ["2"]
        text = "".join(text)
        try:
            moment = parse_moment(text)
        except ValueError:
            moment = None
        if digits_only or moment is not None:       # strptime is generous with blanks and short fields
            assert moment == plain_moment(text.strip()), text
        accepted += moment is not None
    assert 5000 < accepted < 15_000


def test_dates_win_over_words_and_must_not_be_turned_around():
    assert period(UTC, NOW, "today", "2026-01-01", None) == ("2026-01-01", None)
    assert period(UTC, NOW, "today", None, "2026-04-01") == ("2026-03-30 00:00:00.000", "2026-04-01")
    assert period(UTC, NOW) == (None, None)
    with pytest.raises(ApiError, match="before it begins"):
        period(UTC, NOW, None, "2026-01-02", "2026-01-01")


def test_a_period_is_widened_to_whole_days():
    since, until = whole_days(BUDAPEST, NOW - 86400, NOW)
    assert (since, until) == (seconds("2026-03-29 22:00:00"), seconds("2026-03-31 22:00:00"))
    assert whole_days(BUDAPEST, since, until) == (since, until)


def test_offsets_change_in_the_second_in_which_the_clocks_do():
    pieces = offsets(BUDAPEST, seconds("2026-01-01"), seconds("2027-01-01"))
    spring, autumn = seconds("2026-03-29 01:00"), seconds("2026-10-25 01:00")
    assert pieces == [(seconds("2026-01-01"), spring, 3600), (spring, autumn, 7200),
                      (autumn, seconds("2027-01-01"), 3600)]
    assert offsets(UTC, 5.5, 9.0) == [(5.5, 9.0, 0)]
    assert offsets(Zone("Asia/Kathmandu"), 1.7e9, 1.7e9) == [(1.7e9, 1.7e9, 20700)]


def test_the_systems_zone_has_offsets_too():
    assert sum(until - since for since, until, _ in offsets(Zone(), NOW - 3e7, NOW)) == 3e7
