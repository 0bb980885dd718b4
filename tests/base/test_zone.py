"""Days and months begin at the midnights of the zone, whatever its clocks do."""

import random
from datetime import datetime, timedelta, timezone

import pytest

from mizu.base.clock import utc_text
from mizu.base.errors import ConfigError
from mizu.base.zone import Zone

zoneinfo = pytest.importorskip("zoneinfo")
NAMES = ["Europe/Budapest", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Santiago"]


def zone(name):
    try:
        return Zone(name)
    except ConfigError:
        pytest.skip("this host has no tzdata")


def utc(text):
    return datetime.fromisoformat(text + "+00:00").timestamp()


def test_a_day_begins_at_local_midnight():
    budapest = zone("Europe/Budapest")
    assert utc_text(budapest.day(utc("2024-01-15 22:59:59"))) == "2024-01-14 23:00:00.000"
    assert utc_text(budapest.day(utc("2024-01-15 23:00:00"))) == "2024-01-15 23:00:00.000"
    assert utc_text(budapest.day(utc("2024-07-15 12:00:00"))) == "2024-07-14 22:00:00.000"
    assert utc_text(budapest.day(utc("2024-03-31 12:00:00"), 1)) == "2024-03-31 22:00:00.000"     # 23 hours long


@pytest.mark.parametrize("first, now, began", [
    (1, "2024-03-15", "2024-03-01"), (1, "2024-03-01", "2024-03-01"), (20, "2024-03-15", "2024-02-20"),
    (31, "2024-03-15", "2024-02-29"), (31, "2023-03-15", "2023-02-28"), (31, "2024-03-31", "2024-03-31"),
    (30, "2024-02-29", "2024-02-29"), (5, "2024-01-04", "2023-12-05"), (0, "2024-03-15", "2024-03-01"),
    (99, "2024-04-30", "2024-04-30")])
def test_a_billing_month_begins_on_its_day_or_the_last_one_there_is(first, now, began):
    assert utc_text(Zone("UTC").month(utc(now + " 12:00:00"), first)) == began + " 00:00:00.000"


@pytest.mark.parametrize("name", NAMES)
def test_a_moment_lies_in_its_day_and_month(name):
    there, chance = zone(name), random.Random(3)
    for _ in range(300):
        now = chance.randrange(0, 2_000_000_000)
        first = chance.randrange(1, 32)
        assert there.day(now) <= now < there.day(now, 1)
        assert there.month(now, first) <= now < there.month(now, first) + 33 * 86400
        begun = there.local(there.month(now, first))
        assert begun.day == first or (begun + timedelta(1)).day == 1


def test_without_a_name_it_is_the_systems():
    now = 1_700_000_000
    assert Zone().local(now).replace(tzinfo=None) == datetime.fromtimestamp(now)
    assert Zone("UTC").local(now) == datetime.fromtimestamp(now, timezone.utc)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "a\0b", "Europe", "x" * 300])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(ConfigError, match="timezone"):
        Zone(name)
