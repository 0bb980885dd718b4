import pytest

from mizu.base.errors import NotReached
from mizu.base.task import Future, spawn
from mizu.calls.events import Body
from mizu.ua.addressing import Ways, codec_of, continued, corrected, declined, is_behind, is_private
from tests.flows.network import FakeNetwork, FakeTimers
from tests.flows.phone import sdp


@pytest.fixture
def endpoint():
    return FakeNetwork(FakeTimers()).endpoint("203.0.113.1", 5060)


@pytest.mark.parametrize("host, private", [
    ("10.1.2.3", True), ("172.16.0.1", True), ("172.32.0.1", False), ("192.168.1.1", True), ("100.64.0.1", True),
    ("100.128.0.1", False), ("127.0.0.1", True), ("169.254.1.1", True), ("0.0.0.0", True), ("203.0.113.1", False),
    ("8.8.8.8", False), ("fd00::1", True), ("fe80::1", True), ("2001:db8::1", False), ("::1", True), ("host", False),
    ("", False), ("10.1", False)])
def test_private_is_what_only_its_own_network_reaches(host, private):
    assert is_private(host) is private is is_private(host)


@pytest.mark.parametrize("hop, behind", [
    ("sip:x@198.51.100.7:5070", True), ("sip:x@198.51.100.7", False), ("sip:x@10.0.0.7:5060", True),
    ("sip:x@203.0.113.99:5070", False)])
def test_a_next_hop_is_behind_a_flow_that_reaches_it_or_its_nat(endpoint, hop, behind):
    assert is_behind(hop, endpoint.udp("198.51.100.7", 5070)) is behind


def test_a_private_media_address_is_replaced_by_where_it_came_from(endpoint):
    flow = endpoint.udp("198.51.100.7", 5070)
    body = corrected(Body("application/sdp", sdp("10.0.0.5")), flow)
    assert b"c=IN IP4 198.51.100.7" in body.data and b"10.0.0.5" not in body.data


@pytest.mark.parametrize("body", [
    Body("application/sdp", sdp("203.0.113.9")), Body("application/sdp", b"nonsense"), Body("application/sdp", b""),
    Body("application/sdp", b"c=IN IP4 10.0.0.5"), Body("text/plain", sdp("10.0.0.5")), Body("application/sdp", sdp("\xe9"))])
def test_any_other_body_stays_as_it_is(endpoint, body):
    assert corrected(body, endpoint.udp("198.51.100.7", 5070)) is body


def test_nothing_is_corrected_for_a_sender_of_the_same_private_network(endpoint):
    body = Body("application/sdp", sdp("10.0.0.5"))
    assert corrected(body, endpoint.udp("10.0.0.6", 5060)) is body is corrected(body, None)


def test_an_offer_is_declined_stream_by_stream():
    offer = Body("application/sdp", sdp("10.0.0.5") + b"m=video 6000 RTP/AVP 31\r\n")
    assert declined(offer).data.count(b" 0 RTP/AVP") == 2 and declined(None) is None


@pytest.mark.parametrize("data, codec", [(sdp("h"), "PCMU"), (b"v=0\r\nm=video 1 RTP/AVP 31\r\n", ""), (b"x", ""),
                                         (b"v=0\r\nm=audio x\r\n", ""), (b"v=0\r\nm=audio 9 RTP/AVP 250\r\n", "")])
def test_the_codec_of_a_description(data, codec):
    assert codec_of(Body("application/sdp", data)) == codec


def test_a_description_by_another_goes_on_as_the_next_version_of_the_first():
    def body(origin, port=4000):
        return Body("application/sdp", b"v=0\r\no=%b\r\ns=-\r\nm=audio %d RTP/AVP 0\r\n" % (origin, port))
    first, second = body(b"- 7 3 IN IP4 10.0.0.1"), body(b"bob 99 12 IN IP4 10.0.0.2", 5000)
    assert continued(second, first).data == body(b"- 7 4 IN IP4 10.0.0.1", 5000).data
    again = continued(second, continued(second, first))
    assert again.data == body(b"- 7 4 IN IP4 10.0.0.1", 5000).data      # nothing has changed: the same version
    own = body(b"- 7 9 IN IP4 10.0.0.1", 6000)
    assert continued(own, first) is own
    odd = Body("application/sdp", b"v=0\r\no=x\r\n")
    assert continued(odd, first) is odd and continued(first, odd) is first


def test_the_codec_of_a_call_is_one_that_both_sides_name():
    offer = Body("application/sdp", b"v=0\r\nm=audio 1 RTP/AVP 96 18 8 0\r\na=rtpmap:96 opus/48000/2\r\n")
    answer = Body("application/sdp", b"v=0\r\nm=audio 1 RTP/AVP 8 0\r\n")
    assert codec_of(offer) == "opus"
    assert codec_of(offer, answer) == codec_of(answer, offer) == "PCMA"
    assert codec_of(offer, Body("application/sdp", b"v=0\r\nm=audio 1 RTP/AVP 3\r\n")) == "opus"


class Transports:
    """Places that can be reached or not."""

    def __init__(self, *places):
        self.places, self.asked = places, []

    def direct(self, uri):
        return None

    def locate(self, uri):
        found = Future()
        found.set([("UDP", place, 5060, "") for place in self.places])
        return found

    def flow(self, transport, host, port, name):
        self.asked.append(host)
        future = Future()
        future.set(host) if not host.startswith("!") else future.fail(NotReached(502, host))
        return future


class Known:
    alive, transport, host, port = True, "UDP", "192.0.2.7", 5060


def test_ways_are_the_live_flow_then_each_place_that_can_be_reached():
    known = Known()
    ways = Ways(Transports("a", "!b", "c"), "sip:x@y", known)
    assert [spawn(ways.next()).result() for _ in range(5)] == [known, "a", "c", None, None]
    known.alive = False
    assert spawn(Ways(Transports("a"), "sip:x@y", known).next()).result() == "a"


def test_a_datagram_that_was_not_answered_is_not_sent_to_the_same_place_again():
    known, stream = Known(), Known()
    ways = Ways(Transports("192.0.2.7", "192.0.2.8"), "sip:x@y", known)
    assert [spawn(ways.next()).result() for _ in range(3)] == [known, "192.0.2.8", None]
    stream.transport = "TCP"
    ways = Ways(Transports("192.0.2.7"), "sip:x@y", stream)
    assert [spawn(ways.next()).result() for _ in range(3)] == [stream, "192.0.2.7", None]
