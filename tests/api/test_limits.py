"""Rates per address, per user, per command and for all; tables that stay bounded."""

import pytest

from mizu.api import limits as module
from mizu.api.command import TABLE
from mizu.api.limits import Buckets

from .house import FAR, LAN, LISTED, LOOP, OWN, bare


def test_a_bucket_gives_its_burst_and_then_its_rate():
    buckets = Buckets(10, 20)
    assert [buckets.take("a", 100.0) for _ in range(20)] == [0] * 20
    assert buckets.take("a", 100.0) == pytest.approx(0.1)
    assert buckets.take("a", 100.05) == pytest.approx(0.05)
    assert buckets.take("a", 100.1) == 0
    assert buckets.take("b", 100.0) == 0


def test_a_bucket_is_never_fuller_than_its_burst():
    buckets = Buckets(10, 20)
    buckets.take("a", 0)
    assert sum(not buckets.take("a", 1e6) for _ in range(50)) == 20


def test_rate_0_limits_nothing_and_remembers_nobody():
    buckets = Buckets(0, 0)
    assert not any(buckets.take("a", 1) for _ in range(1000)) and len(buckets) == 0


def test_full_buckets_are_dropped():
    buckets = Buckets(10, 20)
    for number in range(100_000):
        buckets.take(number, number * 0.01)
    assert len(buckets) < 3000


def test_the_table_is_bounded_when_all_of_them_are_busy(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 5000)
    buckets, sweeps = Buckets(1, 100), []
    sweep = Buckets._sweep
    monkeypatch.setattr(Buckets, "_sweep", lambda self, now: sweeps.append(now) or sweep(self, now))
    for number in range(50_000):
        buckets.take(number, number * 0.0001)
    assert len(buckets) <= 5001
    assert len(sweeps) < 10, "a flood must not make every request sweep"
    assert buckets.take(10**9, 5.0) > 0, "strangers share what is left"
    assert buckets.take(10, 5.0) == 0, "who was there keeps his own"


# -- through the dispatcher ------------------------------------------------------------------------

def answers(house, count, entry="apitest1", **how):
    return [house.ask(entry, **how).code for _ in range(count)]


def test_one_address_has_its_rate_and_its_burst(house):
    house.set(ratelimit_ip="5/10")
    assert answers(house, 12) == [200] * 10 + [429] * 2
    answer = house.ask("apitest1")
    assert answer.message == "ERROR: too many requests, try again in 0.2 s"
    house.clock.advance(1)
    assert answers(house, 6) == [200] * 5 + [429]


def test_a_flood_from_one_address_leaves_others_alone(house):
    house.set(ratelimit_ip="5/10")
    answers(house, 100)
    assert answers(house, 10, host="203.0.113.10") == [200] * 10


def test_unknown_commands_count_too(house):
    house.set(ratelimit_ip="5/10")
    assert answers(house, 12, "nosuch") == [404] * 10 + [429] * 2


@pytest.mark.parametrize("host, limited", [(LOOP, 0), (LISTED, 0), (LAN, 0), (OWN, 0), (FAR, 1)])
def test_loopback_the_list_and_the_lan_have_no_rate(house, host, limited):
    house.set(ratelimit_ip="5/10", ratelimit_global="5/10")
    assert (429 in answers(house, 20, host=host)) == limited


def test_the_lan_is_limited_where_it_is_not_trusted_or_not_proven(house):
    house.set(ratelimit_ip="5/10")
    assert 429 in answers(house, 20, host=LAN, direct=False)
    house.set(trustlanip=0)
    assert 429 in answers(house, 20, host=OWN[:-1] + "7")


def test_one_account_has_its_rate_wherever_it_asks_from(house):
    house.set(ratelimit_user="3/3", ratelimit_ip="0")
    codes = [house.keyed("balance", host=f"203.0.113.{n}", **bare("john", "johnpass")).code for n in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    assert house.keyed("balance", **bare("kid", "kidpass")).code == 200
    assert house.keyed("balance", host=LISTED, **bare("john", "johnpass")).code == 200


def test_wrong_passwords_do_not_use_up_the_accounts_rate(house):
    house.set(ratelimit_user="3/3")
    for _ in range(10):
        house.keyed("balance", authid="john", authpwd="wrong")
    assert house.keyed("balance", **bare("john", "johnpass")).code == 200


def test_all_together_have_a_rate_where_it_is_set(house):
    assert house.settings.ratelimit_global[0] == 0
    house.set(ratelimit_global="5/5", ratelimit_ip="0")
    assert [house.ask("apitest1", host=f"203.0.113.{n}").code for n in range(7)] == [200] * 5 + [429] * 2


def test_a_command_has_the_rate_it_declares(house, monkeypatch):
    row = TABLE["apitest2"]
    monkeypatch.setattr(row, "limit", (1, 3))
    assert answers(house, 5, "apitest2") == [200] * 3 + [429] * 2
    assert answers(house, 2, "apitest2", host="203.0.113.10") == [200] * 2
    assert answers(house, 2) == [200] * 2


def test_a_banned_address_is_refused_before_anything_else(house):
    house.bans.ban(FAR, "test", 60)
    for entry in ("apitest1", "balance", "nosuch"):
        answer = house.ask(entry)
        assert (answer.code, answer.message) == (403, "ERROR: this address is banned")
    house.clock.advance(61)
    assert house.ask("apitest1").code == 200


def test_a_ban_of_the_lan_holds_and_one_of_loopback_does_not(house):
    for host in (LAN, LOOP, LISTED):
        house.bans.ban(host, "test")
    assert [house.ask("apitest1", host=host).code for host in (LAN, LOOP, LISTED)] == [403, 200, 200]


def test_nobody_is_told_to_wait_no_time(house):
    house.set(ratelimit_ip="50/50")
    answers(house, 51)
    house.clock.advance(0.019)
    assert house.ask("apitest1").message == "ERROR: too many requests, try again in 0.1 s"
