"""When a price holds: every time type over a week, hours over midnight, days, holidays."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from mizu.records.timetype import ALWAYS, REST, SPECIFIC, Moment, inside, minutes, parse_days

HOURS = SimpleNamespace(peakhours=(480, 1080), eveninghours=(1080, 1320), nighthours=(1320, 360))
MONDAY = datetime(2024, 1, 1)


def at(days, hour, minute=0, holidays=()):
    return Moment(MONDAY + timedelta(days, hour * 3600 + minute * 60), HOURS, lambda date: date in holidays)


@pytest.mark.parametrize("moment, types", [
    (at(0, 12), {1, 2, 4, 10, 11}),                 # Monday noon: peak
    (at(0, 7, 59), {1, 3, 4, 6, 10, 11}),           # before it
    (at(0, 8), {1, 2, 4, 10, 11}),
    (at(4, 18), {1, 3, 4, 6, 7, 10, 11}),           # Friday evening
    (at(4, 22), {1, 3, 4, 6, 8, 10, 11}),           # and night
    (at(5, 5, 59), {1, 5, 6, 8, 10, 11}),           # Saturday
    (at(5, 12), {1, 5, 6, 10, 11}),
    (at(6, 19), {1, 5, 6, 7, 10, 11}),
    (at(0, 12, holidays=("2024-01-01",)), {1, 5, 6, 9, 10, 11}),    # a holiday is a Sunday
])
def test_the_types_that_hold(moment, types):
    assert moment.types == types


def test_every_type_that_can_hold_has_its_rank_and_off_never_does():
    assert set(SPECIFIC) == set(range(1, 12)) and all(0 not in at(day, hour).types for day in (0, 5) for hour in (3, 12))


@pytest.mark.parametrize("hours, holds", [
    (("08:00", "18:00", ""), True), (("12:00", "12:01", ""), True), (("12:01", "", ""), False),
    (("", "12:00", ""), False), (("", "12:01", ""), True), (("22:00", "06:00", ""), False),
    (("18:00", "12:30", ""), True), (("00:00", "24:00", ""), True), (("00:00", "00:00", ""), True),
    (("8:00:00", "18:00:00.000", ""), True), (("", "", "1"), True), (("", "", "2-5"), False),
    (("", "", "sat-mon"), True), (("", "", "2024-01-01"), True), (("", "", "01-01"), True), (("", "", "12-24"), False),
    (("08:00", "18:00", "tue"), False), (("25:00", "", ""), False), (("noon", "", ""), False), (("", "", "x"), False),
    ((None, None, None), True),
])
def test_hours_and_days_narrow_a_type(hours, holds):
    assert at(0, 12).holds(1, *hours) is holds and at(0, 12).holds(4, *hours) is holds
    assert at(0, 12).holds(ALWAYS, *hours) and at(0, 12).holds(REST, *hours) and not at(0, 12).holds(5, *hours)


def test_a_window_over_midnight():
    assert [inside(minute, 1320, 360) for minute in (1319, 1320, 0, 359, 360)] == [False, True, True, True, False]


@pytest.mark.parametrize("text, days", [
    ("", set()), ("1-5", {1, 2, 3, 4, 5}), ("6,7", {6, 7}), ("0", {7}), ("0-2", {7, 1, 2}), ("fri-mon", {5, 6, 7, 1}),
    ("Monday; Wed 5", {1, 3, 5}), ("mon - tue", {1, 2}), ("12-24, 2025-12-31", {"12-24", "2025-12-31"}), ("3-3", {3}),
    ("8", None), ("1-", None), ("-", None), ("monkey", None), ("m", None), ("2025-13-01", None), ("1-2-3", None),
])
def test_days_are_numbers_names_ranges_and_dates(text, days):
    assert parse_days(text) == days


def test_times_of_the_day():
    assert [minutes(text) for text in ("0:00", "08:30", "24:00", "24:01", "8", "1:60", "-1:00", "١:٠٠")] == [
        0, 510, 1440, None, None, None, None, None]
