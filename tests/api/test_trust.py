"""Which addresses are trusted, and how far."""

from types import SimpleNamespace

import pytest

from mizu.api import trust as module
from mizu.api.trust import CLIENT, LAN, LISTED, LOOPBACK, OWN, Networks, Trust


def trust(level=3, lanip=1, listed=("198.51.100.0/24", "2001:db8::/32"), clients=("203.0.113.5/32",)):
    settings = SimpleNamespace(allowtrustedip=level, trustlanip=lanip, trustediplist=listed, apiv2ipauth=clients)
    return Trust(settings, {"192.168.7.1", "fd00::1"}.__contains__, lambda host: host.startswith("192.168.7."))


@pytest.mark.parametrize("host, flags", [
    ("127.0.0.1", LOOPBACK), ("127.9.9.9", LOOPBACK), ("::1", LOOPBACK), ("192.168.7.1", OWN | LAN), ("fd00::1", OWN),
    ("192.168.7.7", LAN), ("198.51.100.200", LISTED), ("2001:db8::5", LISTED), ("203.0.113.5", CLIENT),
    ("203.0.113.6", 0), ("fe80::1%eth0", 0), ("::1%lo", LOOPBACK), ("not an address", 0), ("", 0), ("/run/socket", 0)])
def test_an_address_is_looked_at_once_and_remembered_as_flags(host, flags):
    looked = trust()
    assert looked.flags(host) == looked.flags(host) == flags


@pytest.mark.parametrize("level, mask", [(0, 0), (1, LOOPBACK | OWN), (2, LOOPBACK | OWN | LAN),
                                         (3, LOOPBACK | OWN | LAN | LISTED), (4, LOOPBACK | OWN | LAN | LISTED)])
def test_allowtrustedip_chooses_the_flags_that_count(level, mask):
    for flag in (LOOPBACK, OWN, LAN, LISTED, CLIENT):
        assert bool(trust(level).trusted(flag)) == bool(flag & mask)
        assert bool(trust(level, lanip=0).trusted(flag)) == bool(flag & mask & ~LAN)


def test_only_loopback_and_the_list_stand_for_an_administrator():
    assert [bool(trust().administers(flag)) for flag in (LOOPBACK, OWN, LAN, LISTED, CLIENT)] == [1, 0, 0, 1, 0]
    assert not trust(0).administers(LOOPBACK)


def test_only_loopback_and_the_list_are_never_banned_whatever_the_level():
    assert [bool(trust(0).exempt(flag)) for flag in (LOOPBACK, OWN, LAN, LISTED, CLIENT)] == [1, 0, 0, 1, 0]


def test_the_lan_has_no_rate_as_long_as_it_is_trusted():
    assert trust().unlimited(LAN) and not trust(lanip=0).unlimited(LAN) and not trust(1).unlimited(LAN)
    assert not trust().unlimited(CLIENT)


def test_a_reload_forgets_what_was_seen():
    looked = trust()
    assert not looked.trusted(looked.flags("203.0.113.9"))
    looked.settings.trustediplist = ("203.0.113.9",)
    assert not looked.trusted(looked.flags("203.0.113.9"))
    looked.reload()
    assert looked.trusted(looked.flags("203.0.113.9"))


def test_the_memory_of_addresses_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 10)
    looked = trust()
    for number in range(100):
        looked.flags(f"10.0.0.{number}")
    assert len(looked._flags) <= 10


def test_networks_hold_addresses_of_their_own_family():
    import ipaddress
    networks = Networks(("10.0.0.0/8", "::/0"))
    assert ipaddress.ip_address("10.1.2.3") in networks and ipaddress.ip_address("11.1.2.3") not in networks
    assert ipaddress.ip_address("2001:db8::1") in networks
