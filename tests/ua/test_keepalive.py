"""A round over all accounts, spread over its time."""

import pytest

from mizu.records.binding import Binding
from mizu.ua import keepalive
from mizu.ua.keepalive import KeepAlive

from .register import settings


def put(store, id, lifetime=600, **facts):
    binding = Binding(store.locations.new_id(), id, f"sip:{id}@10.0.0.9", expires=int(store.clock.now()) + lifetime,
                      **{"host": "192.0.2.7", "natted": 1, **facts})
    store.locations.replace(id, (*store.locations.held(id), binding))


@pytest.fixture
def pings(store):
    return []


def run(store, keeper, seconds):
    for _ in range(round(seconds * 10)):
        keeper.tick()
        store.clock.advance(0.1)


def test_each_device_behind_nat_is_pinged_once_a_round(store, pings):
    for id in range(1, 101):
        put(store, id)
    put(store, 101, natted=0), put(store, 102, transport="TCP")
    keeper = KeepAlive(store.locations, settings(), store.clock, pings.append)
    run(store, keeper, 12.5)
    assert 40 < len(pings) < 60                     # half of them after half the time
    run(store, keeper, 13)
    assert sorted(binding.userid for binding in pings) == list(range(1, 101))
    run(store, keeper, 75)
    assert 398 <= len(pings) <= 402


def test_one_device_is_not_pinged_more_often(store, pings):
    put(store, 1)
    run(store, KeepAlive(store.locations, settings(), store.clock, pings.append), 100)
    assert len(pings) in (3, 4)


def test_a_tick_does_a_part_that_is_bounded(store, pings, monkeypatch):
    monkeypatch.setattr(keepalive, "MOST", 10)
    for id in range(1, 101):
        put(store, id)
    keeper = KeepAlive(store.locations, settings(), store.clock, pings.append)
    keeper.tick()
    store.clock.advance(60)
    for number in range(1, 11):
        keeper.tick()
        assert len(pings) == 10 * number


@pytest.mark.parametrize("period", [25, 0])
def test_what_has_ended_leaves_with_or_without_pings(store, pings, period):
    put(store, 1, lifetime=10), put(store, 2)
    run(store, KeepAlive(store.locations, settings(natkeepalive=period), store.clock, pings.append), 65)
    assert store.locations.accounts() == [2] and (period != 0) == bool(pings)
