"""RFC 3263: from a URI to the addresses to try, over a resolver without a network."""

from collections import Counter
from random import Random

import pytest

from mizu.base.errors import NotReached
from mizu.base.task import Future, spawn
from mizu.sip.locate import MAX_TARGETS, locate, weighted


class Chance:
    def __init__(self, seed=3263):
        self.bytes = Random(seed).randbytes


class Zone:
    """naptr, srv, hosts: {name: records}; what is in `broken` nobody can tell.   asked: names in their order"""

    def __init__(self, naptr={}, srv={}, hosts={}, broken=()):
        self.tables = {"naptr": naptr, "srv": srv, "addresses": hosts}
        self.broken = broken
        self.asked = []

    @staticmethod
    def is_numeric(host):
        return host[0] in "0123456789["

    def __getattr__(self, kind):
        def answer(name):
            self.asked.append((kind, name))
            future = Future()
            if name in self.broken or kind in self.broken:
                future.fail(NotReached(502, f"{name} cannot be resolved"))
            else:
                future.set(self.tables[kind].get(name, []))
            return future
        return answer


def found(zone, host, port=None, transport="", secure=False):
    return spawn(locate(zone, Chance(), host, port, transport, secure)).result()


HOSTS = {"example.com": ["192.0.2.1", "2001:db8::1"], "a.example.com": ["192.0.2.10"], "b.example.com": ["192.0.2.20"]}
SRV = {"_sip._udp.example.com": [(20, 0, 5060, "b.example.com"), (10, 0, 5070, "a.example.com")],
       "_sip._tcp.example.com": [(10, 0, 5080, "a.example.com")],
       "_sips._tcp.example.com": [(10, 0, 5061, "b.example.com")]}
NAPTR = {"example.com": [(50, 50, "s", "SIPS+D2T", "", "_sips._tcp.example.com"),
                         (90, 50, "S", "sip+d2t", "", "_sip._tcp.example.com"),
                         (95, 50, "u", "SIP+D2U", "", "_sip._udp.example.com"),
                         (99, 50, "s", "SIP+D2S", "", "_sip._sctp.example.com")]}


@pytest.mark.parametrize("uri, target", [
    (("192.0.2.1",), ("UDP", "192.0.2.1", 5060)), (("192.0.2.1", 5070), ("UDP", "192.0.2.1", 5070)),
    (("192.0.2.1", None, "tcp"), ("TCP", "192.0.2.1", 5060)), (("192.0.2.1", None, "tls"), ("TLS", "192.0.2.1", 5061)),
    (("192.0.2.1", None, "", True), ("TLS", "192.0.2.1", 5061)), (("[2001:db8::1]",), ("UDP", "2001:db8::1", 5060)),
    (("192.0.2.1", 5062, "tcp", True), ("TLS", "192.0.2.1", 5062))])
def test_an_address_is_where_it_goes(uri, target):
    zone = Zone()
    assert found(zone, *uri) == [target] and not zone.asked


def test_a_port_leaves_only_addresses_to_find():
    zone = Zone(NAPTR, SRV, HOSTS)
    assert found(zone, "example.com", 5090) == [("UDP", "192.0.2.1", 5090), ("UDP", "2001:db8::1", 5090)]
    assert found(zone, "example.com", 5090, "TCP")[0] == ("TCP", "192.0.2.1", 5090)
    assert found(zone, "example.com", 5090, secure=True)[0] == ("TLS", "192.0.2.1", 5090)
    assert {kind for kind, _ in zone.asked} == {"addresses"}


def test_naptr_says_which_transports_in_which_order():
    zone = Zone(NAPTR, SRV, HOSTS)
    assert found(zone, "example.com") == [("TLS", "192.0.2.20", 5061), ("TCP", "192.0.2.10", 5080)]
    assert found(zone, "example.com", secure=True) == [("TLS", "192.0.2.20", 5061)]


def test_without_naptr_it_is_srv_udp_first_and_by_priority():
    assert found(Zone({}, SRV, HOSTS), "example.com") == [
        ("UDP", "192.0.2.10", 5070), ("UDP", "192.0.2.20", 5060), ("TCP", "192.0.2.10", 5080), ("TLS", "192.0.2.20", 5061)]
    assert found(Zone({}, SRV, HOSTS), "example.com", secure=True) == [("TLS", "192.0.2.20", 5061)]


def test_a_transport_that_is_named_has_its_srv_records_only():
    assert found(Zone(NAPTR, SRV, HOSTS), "example.com", None, "tcp") == [("TCP", "192.0.2.10", 5080)]
    assert found(Zone(NAPTR, SRV, HOSTS), "example.com", None, "tcp", True) == [("TLS", "192.0.2.20", 5061)]


def test_without_any_of_them_the_address_at_the_usual_port():
    zone = Zone({}, {}, HOSTS)
    assert found(zone, "example.com") == [("UDP", "192.0.2.1", 5060), ("UDP", "2001:db8::1", 5060)]
    assert found(zone, "example.com", None, "tls")[0] == ("TLS", "192.0.2.1", 5061)
    assert found(zone, "example.com", secure=True)[0] == ("TLS", "192.0.2.1", 5061)


def test_name_servers_that_fail_for_srv_and_naptr_do_not_hide_the_address():
    assert found(Zone(NAPTR, SRV, HOSTS, ("naptr", "srv")), "example.com")[0] == ("UDP", "192.0.2.1", 5060)
    assert found(Zone({}, SRV, HOSTS, ("a.example.com",)), "example.com")[0] == ("UDP", "192.0.2.20", 5060)


def test_a_target_that_is_a_dot_is_no_target():
    zone = Zone({}, {"_sip._udp.example.com": [(0, 0, 0, "")], "_sip._tcp.example.com": SRV["_sip._tcp.example.com"]}, HOSTS)
    assert found(zone, "example.com") == [("TCP", "192.0.2.10", 5080)]


@pytest.mark.parametrize("uri, says", [
    (("none.example",), "has no address"), (("broken.example",), "cannot be resolved"),
    (("example.com", None, "sctp"), "over SCTP"), (("example.com", None, "ws"), "over WS"),
    (("example.com", None, "udp", True), "over sips and UDP")])
def test_why_there_is_nowhere_to_go(uri, says):
    with pytest.raises(NotReached, match=says):
        found(Zone({}, {}, HOSTS, ("broken.example",)), *uri)


def test_the_list_has_a_bound_and_names_nobody_twice():
    many = {"_sip._udp.x": [(1, 1, port, "a") for port in range(5000, 5100)]}
    targets = found(Zone({}, many, {"a": ["192.0.2.1", "192.0.2.2", "192.0.2.1"]}), "x")
    assert len(targets) == MAX_TARGETS == len(set(targets))


def test_weights_share_the_load_and_zero_is_nearly_never():
    records = [(1, 0, 1, "z"), (1, 10, 1, "a"), (1, 30, 1, "b"), (2, 99, 1, "c")]
    chance, first = Chance(), Counter()
    for _ in range(4_000):
        ordered = weighted(records, chance)
        assert sorted(ordered) == records and ordered[-1] == records[-1]
        first[ordered[0][3]] += 1
    assert 2_700 < first["b"] < 3_150 and 850 < first["a"] < 1_150 and 0 < first["z"] < 200
    assert weighted([], chance) == []
