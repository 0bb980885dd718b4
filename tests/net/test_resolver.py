"""The resolver against a name server on loopback."""

import pytest

from mizu.base.clock import Clock
from mizu.base.entropy import Entropy
from mizu.base.errors import NotReached
from mizu.net import resolver as module
from mizu.net.hostfiles import parse_server
from mizu.net.resolver import Resolver

from .nameserver import NameServer
from .netbench import Bench

A, CNAME, AAAA, SRV, NAPTR = 1, 5, 28, 33, 35


class Skipping(Clock):
    """The real clock with leaps."""

    def __init__(self):
        self.skipped = 0.0

    def monotonic(self):
        return Clock.monotonic() + self.skipped


class Town:
    def __init__(self, folder):
        self.clock = Skipping()
        self.bench = Bench(self.clock)
        self.server = NameServer(self.bench)
        self.chosen = [self.server.name]
        self.resolv, self.hosts = folder / "resolv.conf", folder / "hosts"
        self.resolver = Resolver(self.bench.reactor, self.bench.streams, Entropy(), lambda: self.chosen,
                                 str(self.resolv), str(self.hosts))

    def ask(self, future):
        self.bench.until(lambda: future.done)
        return future.result()

    def addresses(self, name):
        return self.ask(self.resolver.addresses(name))

    def later(self, seconds):
        self.clock.skipped += seconds
        self.bench.reactor.turn(0)


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", (0.1, 0.1))
    town = Town(tmp_path)
    yield town
    assert not town.resolver._under_way
    for stream in town.bench.streams:
        stream.abort()
    town.bench.reactor.close()


def test_a_name_has_its_addresses_v4_first(town):
    town.server.a("pbx.example", "2001:db8::1", "192.0.2.1", "192.0.2.2")
    assert town.addresses("PBX.example.") == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert sorted(town.server.asked) == [("pbx.example", A, "udp"), ("pbx.example", AAAA, "udp")]


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "[2001:db8::1]"])
def test_an_address_is_not_asked_for(town, host):
    assert town.addresses(host) == [host.strip("[]")] and not town.server.asked


def test_services_and_pointers(town):
    town.server.put("_sip._udp.example", SRV, (10, 60, 5060, "a.example"))
    town.server.put("example", NAPTR, (90, 1, "s", "SIP+D2U", "", "_sip._udp.example"))
    town.server.put("example", NAPTR, (50, 1, "s", "SIPS+D2T", "", "_sips._tcp.example"))
    assert town.ask(town.resolver.srv("_sip._udp.example")) == [(10, 60, 5060, "a.example")]
    assert [row[3] for row in town.ask(town.resolver.naptr("example"))] == ["SIPS+D2T", "SIP+D2U"]


def test_an_answer_is_kept_for_its_ttl_and_those_who_ask_at_once_share_a_question(town):
    town.server.a("pbx.example", "192.0.2.1", ttl=60)
    both = [town.resolver.query("pbx.example", A) for _ in range(2)]
    assert [town.ask(each) for each in both] == [["192.0.2.1"]] * 2
    town.later(59)
    assert town.ask(town.resolver.query("pbx.example", A)) == ["192.0.2.1"] and len(town.server.asked) == 1
    town.later(2)
    assert town.ask(town.resolver.query("pbx.example", A)) == ["192.0.2.1"] and len(town.server.asked) == 2


def test_that_there_is_no_such_name_is_kept_as_its_soa_says(town):
    assert town.addresses("none.example") == [] == town.addresses("none.example")
    assert len(town.server.asked) == 2
    town.later(61)
    assert town.addresses("none.example") == [] and len(town.server.asked) == 4


def test_aliases_are_followed_within_an_answer_and_beyond_it(town):
    town.server.put("pbx.example", CNAME, "a.example")
    town.server.zone["pbx.example", A] = [("pbx.example", CNAME, 9, "a.example"), ("a.example", A, 60, "192.0.2.1")]
    town.server.zone["half.example", A] = [("half.example", CNAME, 9, "a.example")]
    town.server.a("a.example", "192.0.2.2")
    assert town.ask(town.resolver.query("pbx.example", A)) == ["192.0.2.1"]
    assert town.ask(town.resolver.query("half.example", A)) == ["192.0.2.2"]
    town.server.zone["loop.example", A] = [("loop.example", CNAME, 9, "loop.example")]
    assert town.ask(town.resolver.query("loop.example", A)) == []


def test_a_long_answer_comes_over_tcp(town):
    town.server.long = True
    town.server.a("many.example", *[f"192.0.2.{number}" for number in range(60)])
    assert len(town.addresses("many.example")) == 60
    assert ("many.example", A, "tcp") in town.server.asked


def test_another_server_is_asked_when_one_is_silent_fails_or_is_gone(town):
    other = NameServer(town.bench)
    other.a("pbx.example", "192.0.2.9")
    town.server.twist = lambda data, reply: None
    for first in (town.server.name, "127.0.0.1:1"):
        town.chosen = [first, other.name]
        assert town.addresses("pbx.example") == ["192.0.2.9"]
        town.resolver.forget()
    town.server.twist = lambda data, reply: reply
    town.server.rcode = 2
    town.chosen = [town.server.name, other.name]
    assert town.addresses("pbx.example") == ["192.0.2.9"]


def test_a_server_that_does_not_know_edns_is_asked_without(town):
    town.server.a("pbx.example", "192.0.2.1")
    plain = town.server.reply
    town.server.reply = lambda data, over: data[:2] + b"\x81\x81" + bytes(8) if data[11] else plain(data, over)
    assert town.addresses("pbx.example") == ["192.0.2.1"]


def test_nobody_answers_is_an_error_that_is_remembered_shortly_unless_an_old_answer_is_there(town):
    town.server.a("pbx.example", "192.0.2.1")
    assert town.ask(town.resolver.query("pbx.example", A)) == ["192.0.2.1"]
    town.server.twist = lambda data, reply: None
    town.later(3600)
    assert town.ask(town.resolver.query("pbx.example", A)) == ["192.0.2.1"]
    with pytest.raises(NotReached, match="other.example cannot be resolved: no name server answers"):
        town.addresses("other.example")
    asked = len(town.server.asked)
    with pytest.raises(NotReached):
        town.addresses("other.example")
    assert len(town.server.asked) == asked


def test_what_answers_another_question_or_id_is_no_answer(town):
    town.server.a("pbx.example", "192.0.2.1")

    def forged(data, reply):
        evil = reply.replace(bytes((192, 0, 2, 1)), bytes((6, 6, 6, 6)))
        other = bytes((data[0] ^ 1,))
        return [other + evil[1:], evil.replace(b"\3pbx", b"\3pbq"), evil[:20], reply]
    town.server.twist = forged
    assert town.ask(town.resolver.query("pbx.example", A)) == ["192.0.2.1"]
    town.server.twist = lambda data, reply: [bytes((data[0] ^ 1,)) + reply[1:]] * 40
    town.resolver.forget()
    with pytest.raises(NotReached):
        town.ask(town.resolver.query("pbx.example", A))


def test_another_address_than_the_asked_server_is_not_heard(town):
    town.server.a("pbx.example", "192.0.2.1")
    forger = NameServer(town.bench)
    ports = []

    def datagram(data, addr, local):
        ports.append(addr[1])
        forger.udp.send(town.server.reply(data, "udp").replace(bytes((192, 0, 2, 1)), bytes((6, 6, 6, 6))), addr)
        local.send(town.server.reply(data, "udp"), addr)
    town.server.udp.on_datagram = datagram
    for _ in range(5):
        assert town.ask(town.resolver.query("pbx.example", A)) == ["192.0.2.1"]
        town.resolver.forget()
    assert len(set(ports)) > 3


def test_the_hosts_file_comes_first_and_is_read_again(town):
    town.hosts.write_text("# names\n::1 pbx.example\n127.0.0.9 PBX.example other # more\nnonsense x\n")
    assert town.addresses("pbx.example") == ["127.0.0.9", "::1"] and not town.server.asked
    town.hosts.write_text("127.0.0.10 pbx.example\n")
    town.later(2)
    assert town.addresses("pbx.example") == ["127.0.0.10"]


def test_the_servers_are_those_of_resolv_conf_until_the_setting_names_others(town):
    town.server.a("word.in.example", "192.0.2.1")
    town.chosen = []
    town.resolv.write_text("nameserver 127.0.0.1\n")
    assert town.resolver._servers() == [("127.0.0.1", 53)]
    town.later(2)
    town.resolv.write_text("; no\nsearch out.example in.example\nnameserver ::1\nnameserver 192.0.2.7\n")
    town.resolver._look()
    assert town.resolver._servers() == [("::1", 53), ("192.0.2.7", 53)]
    town.chosen = [town.server.name]
    assert town.addresses("word") == ["192.0.2.1"]


def test_what_is_no_name_and_too_many_questions_fail_at_once(town, monkeypatch):
    for name in ("", "a" * 64 + ".example", "a..b"):
        with pytest.raises(NotReached, match="no name"):
            town.addresses(name) if name else town.ask(town.resolver.query("..", A))
    monkeypatch.setattr(module, "MAX_UNDER_WAY", 1)
    first = town.resolver.query("a.example", A)
    with pytest.raises(NotReached, match="too many questions"):
        town.ask(town.resolver.query("b.example", A))
    assert town.ask(first) == []


def test_what_is_kept_has_a_bound(town, monkeypatch):
    monkeypatch.setattr(module, "MAX_CACHE", 3)
    for number in range(6):
        town.addresses(f"n{number}.example")
    assert len(town.resolver) == 3


@pytest.mark.parametrize("text, server", [
    ("9.9.9.9", ("9.9.9.9", 53)), ("9.9.9.9:5353", ("9.9.9.9", 5353)), ("2001:db8::1", ("2001:db8::1", 53)),
    ("[2001:db8::1]:5353", ("2001:db8::1", 5353)), ("[::1]", ("::1", 53)), ("dns.example", None), ("9.9.9.9:x", None)])
def test_how_a_server_is_written(text, server):
    assert parse_server(text) == server
