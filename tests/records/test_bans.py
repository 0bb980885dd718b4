"""Failures are counted, bans end, both are bounded, and a restart remembers."""

from mizu.base.clock import utc_text
from mizu.records.bans import Bans

from .store import wait


def test_the_tenth_failure_within_ten_minutes_bans_for_a_quarter_of_an_hour(store):
    bans, clock = store.bans, store.clock
    assert [bans.fail("10.0.0.1") for _ in range(10)] == [False] * 9 + [True]
    assert bans.banned("10.0.0.1") == clock.now() + 900 and bans.banned("10.0.0.2") is None
    clock.advance(899)
    assert bans.banned("10.0.0.1")
    clock.advance(1)
    assert bans.banned("10.0.0.1") is None and len(bans) == 0


def test_old_failures_are_forgotten(store):
    for _ in range(9):
        store.bans.fail("h")
    store.clock.advance(601)
    assert not store.bans.fail("h")
    assert not any(store.bans.fail("h") for _ in range(8))
    assert store.bans.fail("h")


def test_maxauthfail_0_never_bans(store):
    store.settings.maxauthfail = 0
    assert not any(store.bans.fail("h") for _ in range(100))


def test_a_restart_remembers_bans_but_not_those_that_ended(store):
    store.bans.ban("1.1.1.1", "test", 1000, 3, "root")
    store.bans.ban("2.2.2.2", "test", 10)
    store.bans.tick()
    assert store.db.value("SELECT count(*) FROM tb_bans") == 2
    store.clock.advance(100)
    again = Bans(store.db, store.settings, store.clock)
    assert again.banned("2.2.2.2") is None
    assert abs(again.banned("1.1.1.1") - store.clock.now() - 900) < 0.01
    row = again.listing().dicts()[0]
    assert (row["ip"], row["reason"], row["count"], row["addedby"]) == ("1.1.1.1", "test", 3, "root")
    assert row["until"][:19] == utc_text(store.clock.now() + 900)[:19]


def test_lifting_takes_the_row_and_the_failures_away(store):
    bans = store.bans
    for host in ("a", "b", "c"):
        bans.ban(host, "x")
    bans.save()
    assert wait(bans.lift("a")) == 1 and wait(bans.lift("a")) == 0 and bans.banned("a") is None
    assert store.db.value("SELECT count(*) FROM tb_bans") == 2
    for _ in range(9):
        bans.fail("d")
    assert wait(bans.lift("all")) == 2 and not bans.fail("d")
    assert store.db.value("SELECT count(*) FROM tb_bans") == 0


def test_a_flood_of_addresses_does_not_grow_without_end(store, monkeypatch):
    monkeypatch.setattr("mizu.records.bans.MOST", 100)
    for number in range(500):
        store.bans.fail(f"f{number}")
        store.bans.ban(f"b{number}", "x")
    assert len(store.bans) == 100 and len(store.bans._failures) <= 100
    assert store.bans.banned("b499") and not store.bans.banned("b0")
