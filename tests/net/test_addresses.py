import socket

import pytest

from mizu.base.clock import FakeClock
from mizu.net.addresses import Lan, address_key, is_loopback, own_addresses, unmapped

ROUTE = """Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth1\t0000000A\t0201A8C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0
"""
IF_INET6 = """fd000000000000000000000000000002 04 40 00 82     eth0
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
20010db8000000000000000000000001 04 40 00 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""
IPV6_ROUTE = ("00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
              "fd000000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
              "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 "
              "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n")
FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
        |-- 192.168.1.7
           /32 host LOCAL
        |-- 192.168.1.255
           /32 link BROADCAST
Local:
        |-- 192.168.1.7
           /32 host LOCAL
"""


@pytest.fixture
def proc(tmp_path):
    for name, text in (("route", ROUTE), ("if_inet6", IF_INET6), ("ipv6_route", IPV6_ROUTE), ("fib_trie", FIB_TRIE)):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_own_addresses_are_those_of_the_interfaces(proc):
    assert own_addresses(proc) == ["127.0.0.1", "192.168.1.7", "fd00::2", "2001:db8::1", "::1"]


def test_own_addresses_can_be_bound_here():
    for host in own_addresses():
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            sock.bind((host, 0))


def test_without_proc_the_hosts_name_is_asked(tmp_path):
    assert "127.0.0.1" in own_addresses(tmp_path)


@pytest.mark.parametrize("host, inside", [
    ("192.168.1.9", True), ("192.168.1.1", False), ("192.168.2.9", False),      # .1 is the gateway
    ("192.0.2.9", False),                                                       # a public subnet is no LAN
    ("10.1.2.3", False),                                                        # behind a router, who knows
    ("fd00::9", True), ("fd00::1", False), ("fe80::5", True), ("2001:db8::9", False), ("fd01::9", False),
    ("127.0.0.1", False), ("::1", False), ("", False), ("nonsense", False), ("192.168.1", False),
])
def test_the_lan_is_the_private_subnets_without_the_gateway(proc, host, inside):
    assert (host in Lan(FakeClock(), proc)) is inside


def test_the_lan_is_looked_up_again_after_a_while(proc):
    clock = FakeClock()
    lan = Lan(clock, proc)
    assert "192.168.1.9" in lan
    (proc / "route").write_text("")
    assert "192.168.1.9" in lan
    clock.advance(Lan.SECONDS)
    assert "192.168.1.9" not in lan


def test_without_proc_there_is_no_lan(tmp_path):
    assert "192.168.1.9" not in Lan(FakeClock(), tmp_path)


def test_addresses_have_one_plain_form():
    assert unmapped("::ffff:192.0.2.1") == "192.0.2.1"
    assert unmapped("fe80::1%eth0") == "fe80::1"
    assert unmapped("2001:db8::1") == "2001:db8::1"
    assert unmapped("192.0.2.1") == "192.0.2.1"
    assert is_loopback("127.9.9.9") and is_loopback("::1") and not is_loopback("192.0.2.1")


def test_limits_count_ipv6_by_its_network():
    assert address_key("2001:db8::1") == address_key("2001:db8::2:3:4:5%eth0") != address_key("2001:db8:0:1::1")
    assert address_key("192.0.2.1") == "192.0.2.1"
    assert address_key("::nonsense") == "::nonsense"
