"""Flows of SIP over real sockets on loopback, and what is told to whom."""

import socket
from types import SimpleNamespace

import pytest

from mizu.base.clock import Clock
from mizu.base.entropy import Entropy
from mizu.base.errors import NotReached
from mizu.base.log import Log
from mizu.net.reactor import Reactor
from mizu.net.resolver import Resolver
from mizu.net.streams import StreamSet
from mizu.serve import sipport
from mizu.serve.front import Front
from mizu.serve.ports import Ports
from mizu.serve.sipport import Transports
from mizu.serve.stunport import StunPort, answer_to
from mizu.sip.uri import parse_uri
from mizu.store.settings import Settings
from mizu.wire.stun import BINDING, REQUEST, render
from mizu.wire.tls import make_context

from live.wires import certificate

from .sip import Heard, request

INVITE = request("INVITE")
STUN = render(REQUEST, BINDING, bytes(12))


class Switch:
    """A reactor with SIP's ports on free numbers; `heard` is its agent."""

    def __init__(self, folder, *sets, reactor=None, context=None):
        self.errors = []
        self.reactor = reactor or Reactor(Clock(), report_error=lambda *error: self.errors.append(error))
        self.streams = StreamSet(self.reactor)
        self.settings = Settings.load(("mainaport=0", *sets))
        log = Log(stderr=None)
        (folder / "hosts").write_text("127.0.0.1 pbx.test\n")
        self.resolver = Resolver(self.reactor, self.streams, Entropy(), lambda: ["127.0.0.1:1"],
                                 str(folder / "none"), str(folder / "hosts"))
        self.ports = Ports(self.reactor, self.streams, self.settings, log)
        self.transports = Transports(self.reactor, self.streams, self.settings, Entropy(), self.resolver, self.ports,
                                     lambda host: host.startswith("192.168."), ["127.0.0.1", "192.0.2.1"], log)
        self.ports.on_error = self.transports.on_icmp
        front = Front(SimpleNamespace(settings=self.settings), lambda: context, log, self.transports, only_sip=True)
        self.ports.open_sip(front.accept, self.transports.datagram)
        if context:
            self.ports.open_secondary("sips", "localtlsport", front.accept)
        self.port, self.sips = self.ports.opened["sip"], self.ports.opened.get("sips")
        self.heard = Heard(self.transports)

    def until(self, condition):
        for _ in range(500):
            if condition():
                return
            self.reactor.turn(0.01)
        raise AssertionError("it never came true")

    def flow(self, *facts):
        future = self.transports.flow(*facts)
        self.until(lambda: future.done)
        return future.result()

    def close(self):
        self.ports.close()
        for stream in self.streams:
            stream.abort()
        self.reactor.turn(0)
        assert not self.errors


@pytest.fixture
def switch(tmp_path):
    made = Switch(tmp_path)
    yield made
    made.close()
    made.reactor.close()


@pytest.fixture
def other(switch, tmp_path):
    """A second one on the same reactor."""
    made = Switch(tmp_path, reactor=switch.reactor)
    yield made
    made.close()


@pytest.fixture
def phone(switch):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(2)
        yield sock


# -- UDP -----------------------------------------------------------------------------------------------

def test_a_datagram_is_a_message_of_a_flow_that_answers_from_where_it_was_asked(switch, phone):
    for _ in range(2):
        phone.sendto(INVITE, ("127.0.0.1", switch.port))
    switch.until(lambda: len(switch.heard.messages) == 2)
    flow = switch.heard.flows[0]
    assert flow is switch.heard.flows[1] and switch.heard.messages == [INVITE] * 2
    assert (flow.transport, flow.host, flow.port) == ("UDP", *phone.getsockname())
    assert flow.local == flow.advertised == ("127.0.0.1", switch.port) and not flow.reliable and flow.alive
    assert flow.send(b"SIP/2.0 200 OK\r\n\r\n")
    assert phone.recvfrom(2048) == (b"SIP/2.0 200 OK\r\n\r\n", ("127.0.0.1", switch.port))
    assert switch.transports.find(flow.key) is flow and switch.transports.find(list(flow.key)) is flow
    assert switch.flow("UDP", *phone.getsockname()) is flow


def test_a_flow_has_siblings_on_the_same_socket(switch, phone):
    phone.sendto(INVITE, ("127.0.0.1", switch.port))
    switch.until(lambda: switch.heard.flows)
    flow = switch.heard.flows[0]
    sibling = flow.to("127.0.0.1", 5062)
    assert sibling.local == flow.local and sibling.port == 5062 and sibling.key != flow.key and sibling.id != flow.id
    assert flow.to(flow.host, flow.port) is flow


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0", b"", b"apientry=apitest1", bytes(range(200))])
def test_keep_alives_and_what_is_no_sip_are_dropped(switch, phone, data):
    phone.sendto(data, ("127.0.0.1", switch.port))
    phone.sendto(INVITE, ("127.0.0.1", switch.port))
    switch.until(lambda: switch.heard.messages)
    assert switch.heard.messages == [INVITE] and switch.transports.dropped == 1


def test_a_keep_alive_of_stun_is_answered_from_where_it_was_asked(switch, phone):
    port = StunPort(lambda host, data: True)
    switch.transports.stun = port.datagram
    phone.sendto(STUN, ("127.0.0.1", switch.port))
    switch.until(lambda: port.answered)
    data, source = phone.recvfrom(2048)
    assert source == ("127.0.0.1", switch.port) and data == answer_to(STUN, *phone.getsockname())
    assert not switch.transports.dropped and not switch.heard.messages


def test_we_may_speak_first(switch, phone):
    flow = switch.flow("UDP", *phone.getsockname())
    assert flow.send(INVITE) and phone.recvfrom(2048) == (INVITE, ("127.0.0.1", switch.port))
    phone.sendto(b"SIP/2.0 200 OK\r\n\r\n", ("127.0.0.1", switch.port))
    switch.until(lambda: switch.heard.messages)
    assert switch.heard.flows[0] is flow


def test_over_ipv6_it_is_the_same(switch):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        try:
            six.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        six.settimeout(2)
        flow = switch.flow("UDP", "::1", six.getsockname()[1])
        assert flow.send(INVITE) and six.recvfrom(2048)[1][:2] == ("::1", switch.port)
        six.sendto(INVITE, ("::1", switch.port))
        switch.until(lambda: switch.heard.flows)
        assert switch.heard.flows[0] is flow and flow.advertised == ("::1", switch.port)


def test_icmp_says_that_nobody_listens(switch):
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flow = switch.flow("UDP", "127.0.0.1", port)
    assert flow.send(INVITE)
    switch.until(lambda: switch.heard.unreachable)
    assert set(switch.heard.unreachable) == {("127.0.0.1", port)}


def test_far_ends_are_remembered_within_bounds(switch, monkeypatch):
    monkeypatch.setattr(sipport, "MAX_UDP", 100)
    transports, local = switch.transports, switch.ports.locals[0]
    kept = transports._udp_flow(("198.51.100.1", 5060), local)
    for number in range(1000):
        transports._udp_flow(("198.51.100.2", number), local)
        assert len(transports._young) <= 100 >= len(transports._old)
        if number < 150:
            assert transports._udp_flow(("198.51.100.1", 5060), local) is kept
    assert transports._udp_flow(("198.51.100.1", 5060), local).key == kept.key


def test_who_is_outside_is_told_the_outer_address(tmp_path):
    switch = Switch(tmp_path, "externip=203.0.113.9")
    local = switch.ports.locals[0]
    told = [switch.transports._udp_flow((host, 5060), local, ("10.0.0.1", 5060)).advertised[0]
            for host in ("198.51.100.1", "192.168.1.2", "127.0.0.1", "2001:db8::1")]
    assert told == ["203.0.113.9", "10.0.0.1", "10.0.0.1", "203.0.113.9"]
    switch.settings.externip = "auto"
    switch.transports.reload()
    assert switch.transports._udp_flow(("198.51.100.1", 1), local, ("0.0.0.0", 5060)).advertised == ("192.0.2.1", 5060)
    switch.close()


# -- TCP and TLS ---------------------------------------------------------------------------------------

def test_a_connection_is_opened_once_and_used_by_both_sides(switch, other):
    first, second = (switch.transports.flow("TCP", "127.0.0.1", other.port) for _ in range(2))
    assert first is second
    flow = switch.flow("TCP", "127.0.0.1", other.port)
    assert flow is first.result() and flow.local[1] != switch.port
    assert flow.advertised == ("127.0.0.1", switch.port), "where we listen, not the port by chance"
    assert flow.send(INVITE)
    switch.until(lambda: other.heard.flows)
    back = other.heard.flows[0]
    assert back.host == "127.0.0.1" and back.port == flow.local[1] and back.advertised == ("127.0.0.1", other.port)
    assert other.flow("TCP", back.host, back.port) is back and other.transports.find(back.key) is back
    back.send(b"\r\n\r\n" + INVITE)
    switch.until(lambda: switch.heard.messages)
    assert switch.heard.flows == [flow] and len(switch.streams) == len(other.streams) == 1


def test_a_closed_connection_is_lost_at_both_ends_and_opened_anew(switch, other):
    flow = switch.flow("TCP", "127.0.0.1", other.port)
    flow.send(INVITE)
    switch.until(lambda: other.heard.flows)
    other.heard.flows[0].close()
    switch.until(lambda: switch.heard.lost and other.heard.lost)
    assert switch.heard.lost == [flow] and not flow.alive and not flow.send(INVITE)
    assert switch.transports.find(flow.key) is None and switch.flow("TCP", "127.0.0.1", other.port) is not flow


def test_nobody_there_is_told_in_a_sentence_to_all_who_wait(switch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        futures = [switch.transports.flow("TCP", "127.0.0.1", probe.getsockname()[1]) for _ in range(2)]
        switch.until(lambda: all(future.done for future in futures))
    for future in futures:
        with pytest.raises(NotReached, match="refused"):
            future.result()
    assert not switch.transports._connecting


@pytest.mark.parametrize("facts, says", [(("UDP", "a.name", 5060), "no address"), (("WS", "127.0.0.1", 80), "over WS"),
                                         (("UDP", "255.255.255.255", 5060), "no way leads there")])
def test_where_no_flow_leads(switch, facts, says):
    with pytest.raises(NotReached, match=says):
        switch.flow(*facts)


def test_what_does_not_speak_sip_is_dropped_on_its_port(switch):
    with socket.create_connection(("127.0.0.1", switch.port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        switch.until(lambda: len(switch.streams))
        switch.until(lambda: not len(switch.streams))
    assert not switch.heard.lost


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    pytest.importorskip("ssl")
    made = certificate(tmp_path_factory.mktemp("tls"))
    if made is None:
        pytest.skip("needs the openssl program to make a certificate")
    return str(made[0]), str(made[1])


def test_tls_goes_both_ways_and_is_verified_only_where_that_is_set(switch, tmp_path, files):
    far = Switch(tmp_path, reactor=switch.reactor, context=make_context(*files))
    flow = switch.flow("TLS", "127.0.0.1", far.sips, "localhost")
    assert flow.secure and flow.transport == "TLS" and flow.send(INVITE)
    switch.until(lambda: far.heard.flows)
    back = far.heard.flows[0]
    assert back.transport == "TLS" and far.heard.messages == [INVITE] and back.advertised == ("127.0.0.1", far.sips)
    back.send(INVITE)
    switch.until(lambda: switch.heard.messages)
    switch.settings.sipverifypeer = True
    switch.transports.reload()
    flow.close()
    switch.until(lambda: switch.heard.lost)
    with pytest.raises(NotReached, match="CERTIFICATE_VERIFY_FAILED"):
        switch.flow("TLS", "127.0.0.1", far.sips, "localhost")
    far.close()


# -- RFC 3263 ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("uri, places", [
    ("sip:bob@192.0.2.7", [("UDP", "192.0.2.7", 5060, "192.0.2.7")]),
    ("sips:bob@pbx.test:5071", [("TLS", "127.0.0.1", 5071, "pbx.test")]),
    ("sip:bob@192.0.2.7;maddr=192.0.2.8;transport=tcp", [("TCP", "192.0.2.8", 5060, "192.0.2.8")])])
def test_a_uri_is_found(switch, uri, places):
    future = switch.transports.locate(parse_uri(uri))
    switch.until(lambda: future.done)
    assert future.result() == places
