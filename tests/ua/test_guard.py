"""What strangers may send before they have proven who they are, and that nobody else pays for it."""

from types import SimpleNamespace

import pytest

import mizu.ua.guard as module
from mizu.net.addresses import address_key
from mizu.ua.guard import DROP, Guard

HOME, BAD, TRUNK = "192.0.2.7", "203.0.113.66", "198.51.100.1"


class Door(Guard):
    """A guard with a clock of its own: 10 requests a second, 20 at once."""

    def __init__(self, rate=(10, 20)):
        self.seconds = 1000.0
        self.bans = set()
        self.lines = []
        super().__init__(SimpleNamespace(ratelimit_sip=rate), self.bans.__contains__, {TRUNK}.__contains__,
                         lambda: self.seconds, address_key, SimpleNamespace(warning=self.lines.append))

    def flood(self, count, host=BAD, reliable=False):
        """How many of `count` requests at once are let in."""
        flow = SimpleNamespace(host=host, reliable=reliable)
        return [self.request(flow) for _ in range(count)].count(0)


@pytest.fixture
def door():
    return Door()


def test_a_flood_of_one_source_is_cut_and_others_do_not_notice(door):
    assert door.flood(1000) == 20 and door.flood(5, HOME) == 5
    door.seconds += 1
    assert door.flood(1000) == 10 and door.dropped == 1970


def test_over_udp_nothing_is_said_and_over_a_connection_503(door):
    door.flood(20), door.flood(20, HOME)
    assert door.request(SimpleNamespace(host=BAD, reliable=False)) == DROP
    assert door.request(SimpleNamespace(host=HOME, reliable=True)) == 503


def test_a_keep_alive_takes_a_token_as_a_request_does_and_none_from_a_ban(door):
    assert [door.admits_stun(BAD, b"") for _ in range(30)].count(True) == 20 and door.flood(5) == 0
    door.bans.add(HOME)
    assert not door.admits_stun(HOME, b"") and door.admits_stun(TRUNK, b"")
    assert all([door.admits_stun(TRUNK, b"") for _ in range(100)])


def test_loopback_trusted_addresses_and_trunks_are_not_limited(door):
    assert door.flood(1000, TRUNK) == 1000 and not door.dropped


def test_who_proves_himself_gets_his_tokens_back(door):
    for _ in range(1000):
        assert door.flood(2, HOME) == 2
        door.proven(HOME, 2)


def test_an_address_that_is_known_has_ten_times_as_much_for_an_hour(door):
    door.proven(HOME, 1)
    door.seconds += 30
    assert door.known(HOME) and door.flood(1000, HOME) == 200
    door.seconds += 2 * 3600
    assert not door.known(HOME) and door.flood(1000, HOME) == 20


def test_an_ipv6_source_is_its_64(door):
    assert sum([door.flood(10, f"2001:db8::{number}") for number in range(10)]) == 20
    assert door.flood(10, "2001:db8:0:1::1") == 10


def test_a_source_of_nonsense_is_not_read_for_a_second(door):
    for _ in range(20):
        assert door.admits(BAD, b"x")
        door.malformed(BAD)
    assert not door.admits(BAD, b"x") and door.admits(HOME, b"x")
    door.seconds += 1
    assert door.admits(BAD, b"x") and not door._muted


def test_who_sends_sense_as_well_is_heard(door):
    door.malformed(BAD)
    door.flood(100)
    for _ in range(98):
        door.malformed(BAD)
    assert door.admits(BAD, b"x")
    door.malformed(BAD), door.malformed(BAD)
    assert not door.admits(BAD, b"x")


def test_a_little_nonsense_now_and_then_is_an_accident(door):
    for _ in range(100):
        door.malformed(BAD)
        door.seconds += 0.1
    assert door.admits(BAD, b"x")


def test_nobody_is_silenced_so_easily_whose_telephone_is_known(door):
    door.proven(HOME, 1)
    for _ in range(100):
        door.malformed(HOME)
    for _ in range(1000):
        door.malformed(TRUNK)
    assert door.admits(HOME, b"x") and door.admits(TRUNK, b"x")


def test_a_banned_address_may_only_end_its_calls(door):
    door.bans |= {BAD, TRUNK}
    assert not door.admits(BAD, b"INVITE sip:a SIP/2.0\r\n") and not door.admits(BAD, b"REGISTER sip:a SIP/2.0\r\n")
    assert door.admits(BAD, b"BYE sip:a SIP/2.0\r\n") and door.admits(BAD, b"SIP/2.0 200 OK\r\n")
    assert door.admits(TRUNK, b"INVITE sip:a SIP/2.0\r\n") and door.admits(HOME, b"INVITE sip:a SIP/2.0\r\n")


def test_a_flood_from_everywhere_fills_no_table(door, monkeypatch):
    monkeypatch.setattr(door._sources, "most", 100)
    monkeypatch.setattr(door._known, "most", 100)
    monkeypatch.setattr(module, "MUTED", 100)
    for number in range(1000):
        host = f"10.0.{number // 250}.{number % 250}"
        door.flood(30, host)
        door.proven(host, 1)
        for _ in range(300):
            door.malformed(host)
    assert len(door) <= 200 and len(door._known) <= 200 and len(door._muted) <= 100 and len(door._worst) <= 100


def test_a_minute_of_dropping_is_one_line_in_the_log(door):
    door.flood(100)
    door.flood(25, HOME)
    for _ in range(180):
        door.seconds += 1
        door.tick()
    assert door.lines == ["SIP: 85 messages dropped (bans, ratelimit_sip, nonsense), most of them from 203.0.113.66: 80"]


def test_a_changed_setting_holds_at_once_and_0_limits_nothing(door):
    door.flood(100)
    door.settings.ratelimit_sip = (0, 0)
    door.reload()
    assert door.flood(1000) == 1000
    door.settings.ratelimit_sip = (5, 7)
    door.reload()
    assert door.flood(1000) == 7
