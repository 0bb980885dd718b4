"""The transaction layer: matching, repetition, CANCEL, merged requests, ACKs, where answers go, and bounds."""

import pytest

from mizu.sip import lanes, layer as layers
from mizu.sip.layer import Layer
from mizu.sip.message import Message
from mizu.sip.parser import parse
from tests.flows.network import FakeEntropy, FakeFlow, FakeNetwork, FakeTimers

OURS, THEIRS = ("192.0.2.1", 5060), ("192.0.2.9", 5060)


class Side:
    """A layer at an endpoint, with a user that writes down what it hears."""

    def __init__(self, network, place, seed):
        self.heard, self.requests, self.acks, self.cancels = [], [], [], []
        self.endpoint = network.endpoint(*place)
        self.layer = Layer(network.timers, FakeEntropy(seed), self.requested)
        self.endpoint.received = self.received
        self.endpoint.lost = self.layer.lost
        self.endpoint.unreachable = self.layer.unreachable
        self.take = lambda transaction, message: None

    def received(self, data, flow):
        message = parse(data, flow.reliable)
        message.flow = flow
        self.layer.received(message, data)

    def requested(self, transaction, message):
        if transaction is None:
            self.acks.append(message)
        else:
            self.requests.append(transaction)
            self.take(transaction, message)

    def responded(self, transaction, response):
        self.heard.append(response.status)

    def failed(self, transaction, why):
        self.heard.append(why)

    def cancelled(self, transaction):
        self.cancels.append(transaction)
        transaction.respond(transaction.request.reply(487, to_tag="t"))


class World:
    def __init__(self, transport="UDP", **spoilt):
        self.timers = FakeTimers()
        self.network = FakeNetwork(self.timers, delay=(0.01, 0.01), **spoilt)
        self.here, self.there = Side(self.network, OURS, 1), Side(self.network, THEIRS, 2)
        end = self.here.endpoint
        self.flow = end.udp(*THEIRS) if transport == "UDP" else end.connect(*THEIRS, transport)

    def ask(self, message=None, **changes):
        return self.here.layer.request(message or request(**changes), self.flow, self.here)

    def sent(self, start):
        """Times, counted from the first, of messages that begin so."""
        times = [when for when, _, _, _, data in self.network.log if data.startswith(start)]
        return [round(when - times[0], 1) for when in times]

    def is_empty(self):
        self.timers.advance(130)
        for side in (self.here, self.there):
            layer = side.layer
            assert (len(layer), layer.live, layer._merged, layer._towards) == (0, 0, {}, {})
            assert not any(map(len, (layer.patience, layer.lingering, layer.brief, *layer.again.values())))
        assert len(self.timers) == 0


def request(method="INVITE", call_id="c1", cseq=1, to_tag="", from_tag="f1"):
    message = Message.request(method, "sip:bob@192.0.2.9")
    message.add("Max-Forwards", "70")
    message.add("From", f"<sip:alice@192.0.2.1>;tag={from_tag}")
    message.add("To", "<sip:bob@192.0.2.9>" + (f";tag={to_tag}" if to_tag else ""))
    message.add("Call-ID", call_id)
    message.add("CSeq", f"{cseq} {method}")
    return message


def answer(*codes):
    def take(transaction, message):
        for code in codes:
            transaction.respond(transaction.request.reply(code, to_tag="t"))
    return take


@pytest.fixture(params=["UDP", "TCP"])
def world(request):
    return World(request.param)


# -- the ordinary way

def test_a_request_is_answered_and_forgotten(world):
    world.there.take = answer(200)
    world.ask(method="OPTIONS")
    world.timers.advance(1)
    assert world.here.heard == [200] and len(world.there.requests) == 1
    world.is_empty()


def test_the_first_header_is_our_via_with_rport(world):
    world.ask(method="OPTIONS")
    data = world.network.log[0][4]
    start = f"OPTIONS sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/{world.flow.transport} 192.0.2.1:5060;rport;branch=z9hG4bK"
    assert data.decode().startswith(start)


def test_a_refused_invite_is_acknowledged_by_the_layer(world):
    world.there.take = answer(180, 486)
    world.ask()
    world.timers.advance(1)
    assert world.here.heard == [180, 486]
    assert len(world.sent(b"ACK")) == 1 and world.there.acks == []
    world.is_empty()


def test_an_accepted_invite_repeats_its_2xx_until_the_ack(world):
    world.there.take = answer(200)
    world.ask()
    world.timers.advance(3)
    assert len(world.here.heard) == 3 and world.sent(b"SIP/2.0 200") == [0, 0.5, 1.5]
    transaction = world.there.requests[0]
    world.here.layer.send_ack(request("ACK", to_tag="t"), world.flow)
    world.timers.advance(0.1)
    assert [ack.method for ack in world.there.acks] == ["ACK"]
    transaction.acked()
    world.timers.advance(20)
    assert len(world.sent(b"SIP/2.0 200")) == 3
    world.is_empty()
    assert world.there.heard == []


def test_a_2xx_without_an_ack_fails_after_32_seconds(world):
    def take(transaction, message):
        transaction.user = world.there
        answer(200)(transaction, message)
    world.there.take = take
    world.ask()
    world.timers.advance(40)
    assert world.there.heard == ["timeout"]
    world.is_empty()


def test_the_ack_of_a_2xx_gets_a_branch_of_its_own():
    world = World()
    first = request("ACK", to_tag="t")
    world.ask()
    world.here.layer.send_ack(first, world.flow)
    assert first.branch.startswith("z9hG4bK") and f"{first.branch} INVITE" not in world.here.layer._clients


def test_100_trying_leaves_after_200_ms_unless_something_was_said(world):
    world.ask()
    world.timers.advance(0.15)
    assert world.here.heard == []
    world.timers.advance(0.15)
    assert world.here.heard == [100]
    world.there.requests[0].respond(world.there.requests[0].request.reply(180, to_tag="t"))
    world.timers.advance(5)
    assert world.here.heard == [100, 180]


def test_no_100_where_there_was_a_180(world):
    world.there.take = answer(180)
    world.ask()
    world.timers.advance(5)
    assert world.here.heard == [180]


# -- timers

def test_an_invite_nobody_answers_is_repeated_by_timer_a_and_fails_by_timer_b():
    world = World(loss=1.0)
    world.ask()
    world.timers.advance(33)
    assert world.sent(b"INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5] and world.here.heard == ["timeout"]
    world.is_empty()


def test_another_request_nobody_answers_is_repeated_by_timer_e_and_fails_by_timer_f():
    world = World(loss=1.0)
    world.ask(method="OPTIONS")
    world.timers.advance(33)
    assert world.sent(b"OPTIONS") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert world.here.heard == ["timeout"]
    world.is_empty()


def test_over_a_stream_nothing_is_repeated():
    world = World("TCP")
    world.ask(method="OPTIONS")
    world.timers.advance(33)
    assert world.sent(b"OPTIONS") == [0] and world.here.heard == ["timeout"]
    world.is_empty()


def test_a_provisional_answer_stops_timer_a_and_slows_timer_e():
    world = World()
    world.there.take = answer(180)
    world.ask()
    world.ask(method="MESSAGE", call_id="c2")
    world.timers.advance(20)
    assert world.sent(b"INVITE") == [0] and world.sent(b"MESSAGE") == [0, 0.5, 4.5, 8.5, 12.5, 16.5]


def test_a_ringing_invite_has_no_timeout():
    world = World()
    world.there.take = answer(180)
    world.ask()
    world.timers.advance(600)
    assert world.here.heard == [180] and world.here.layer.live == 1


def test_a_refusal_is_repeated_by_timer_g_until_timer_h():
    world = World()
    world.there.take = answer(486)
    world.ask()
    world.timers.advance(0.015)
    world.network.deaf.add(OURS)
    world.timers.advance(40)
    assert world.sent(b"SIP/2.0 486")[:6] == [0, 0.5, 1.5, 3.5, 7.5, 11.5] and world.sent(b"SIP/2.0 486")[-1] == 31.5
    world.is_empty()


def test_a_repeated_refusal_is_acknowledged_again():
    world = World()
    world.there.take = answer(486)
    world.ask()
    world.timers.advance(0.1)
    refusal = next(data for *_, data in world.network.log if data.startswith(b"SIP/2.0 486"))
    world.there.endpoint.udp(*OURS).send(refusal)
    world.timers.advance(0.1)
    assert world.here.heard == [486] and len(world.sent(b"ACK")) == 2


# -- repetitions that come

def repeat(world, start, times=1):
    """The datagram that begins so, once more from here."""
    data = next(data for *_, data in world.network.log if data.startswith(start))
    for _ in range(times):
        world.flow.send(data)
    world.timers.advance(0.1)


def test_a_repeated_request_gets_the_same_answer_and_is_not_handed_up_again():
    world = World()
    world.there.take = answer(200)
    world.ask(method="REGISTER")
    world.timers.advance(10)
    repeat(world, b"REGISTER", 3)
    assert len(world.there.requests) == 1
    assert len({data for *_, data in world.network.log if data.startswith(b"SIP/2.0 200")}) == 1
    assert len(world.sent(b"SIP/2.0 200")) == 4
    world.is_empty()


def test_a_repeated_invite_gets_the_last_1xx_again_and_after_the_2xx_nothing():
    world = World()
    world.there.take = answer(100, 180)
    world.ask()
    world.timers.advance(0.1)
    repeat(world, b"INVITE")
    assert sorted(world.here.heard) == [100, 180, 180] and len(world.there.requests) == 1
    transaction = world.there.requests[0]
    transaction.respond(transaction.request.reply(200, to_tag="t"))
    transaction.acked()
    world.timers.advance(0.1)
    repeat(world, b"INVITE")
    assert world.here.heard[-1] == 200 and len(world.here.heard) == 4 and len(world.there.requests) == 1
    world.is_empty()


def test_every_2xx_of_forks_is_reported():
    world = World()
    world.ask()
    world.timers.advance(0.1)
    message = world.there.requests[0].request
    for tag in ("a", "b", "a"):
        world.there.endpoint.udp(*OURS).send(message.reply(200, to_tag=tag).render())
    world.timers.advance(0.1)
    assert world.here.heard == [200, 200, 200]


def test_a_response_that_matches_nothing_is_dropped():
    world = World()
    world.ask(method="OPTIONS")
    world.timers.advance(0.1)
    message = world.there.requests[0].request
    back = world.there.endpoint.udp(*OURS)
    for changed in (("CSeq", "1 INVITE"), ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother")):
        response = message.reply(200, to_tag="t")
        response.set(*changed)
        back.send(response.render())
    two = message.reply(200, to_tag="t")
    two.add("Via", "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx")
    back.send(two.render())
    world.timers.advance(0.1)
    assert world.here.heard == []


# -- CANCEL

def test_cancel_waits_for_the_first_1xx(world):
    def take(transaction, message):
        transaction.user = world.there
    world.there.take = take
    transaction = world.ask()
    transaction.cancel("SIP;cause=200")
    world.timers.advance(0.1)
    assert world.sent(b"CANCEL") == []
    world.timers.advance(1)
    assert world.here.heard == [100, 487] and len(world.there.cancels) == 1
    cancel = parse(next(data for *_, data in world.network.log if data.startswith(b"CANCEL")))
    invite = parse(next(data for *_, data in world.network.log if data.startswith(b"INVITE")))
    assert cancel.values("Via") == invite.values("Via") and cancel.uri == invite.uri
    assert cancel.cseq == (1, "CANCEL") and cancel.get("Reason") == "SIP;cause=200"
    world.is_empty()


def test_cancel_of_a_ringing_call_leaves_at_once_and_only_once(world):
    def take(transaction, message):
        transaction.user = world.there
        answer(180)(transaction, message)
    world.there.take = take
    transaction = world.ask()
    world.timers.advance(0.1)
    transaction.cancel()
    transaction.cancel()
    world.timers.advance(1)
    assert len(world.sent(b"CANCEL")) == 1 and world.here.heard == [180, 487]
    okay = parse(next(data for *_, data in world.network.log if b"CSeq: 1 CANCEL" in data and data[:3] == b"SIP"))
    assert okay.status == 200 and okay.to_tag == "t"
    world.is_empty()


def test_an_invite_that_nobody_has_taken_is_answered_487_by_the_layer(world):
    transaction = world.ask()
    world.timers.advance(0.3)
    transaction.cancel()
    world.timers.advance(1)
    assert world.here.heard == [100, 487]
    late = world.there.requests[0]
    late.respond(late.request.reply(200, to_tag="t"))
    world.timers.advance(1)
    assert world.here.heard == [100, 487]
    world.is_empty()


def test_cancel_of_nothing_is_481(world):
    world.ask(method="CANCEL")
    world.timers.advance(1)
    assert world.here.heard == [481] and world.there.requests == []
    world.is_empty()


def test_a_cancel_that_comes_too_late_changes_nothing(world):
    world.there.take = answer(180)
    transaction = world.ask()
    world.timers.advance(0.1)
    invite = world.there.requests[0]
    invite.respond(invite.request.reply(200, to_tag="t"))
    invite.acked()
    transaction.cancel()
    world.timers.advance(1)
    assert world.here.heard == [180, 200] and world.there.cancels == []
    world.is_empty()


def test_a_cancelled_call_whose_end_never_comes_fails_after_32_seconds():
    world = World()
    world.there.take = answer(180)
    transaction = world.ask()
    world.timers.advance(0.1)
    world.network.deaf.add(THEIRS)
    transaction.cancel()
    world.timers.advance(33)
    assert world.here.heard == [180, "timeout"]
    world.there.requests[0].respond(world.there.requests[0].request.reply(480, to_tag="t"))
    world.is_empty()


# -- merged requests, clients of RFC 2543

def raw(method, via, *, to="<sip:b@h>", call_id="m1", cseq=1, uri="sip:b@h", tag="x"):
    return (f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@h>;tag={tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nMax-Forwards: 9\r\n\r\n").encode()


def test_a_request_that_comes_by_two_ways_is_482_the_second_time():
    world = World()
    for branch in ("z9hG4bKone", "z9hG4bKtwo"):
        world.flow.send(raw("OPTIONS", f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch}"))
        world.timers.advance(0.1)
    assert len(world.there.requests) == 1 and len(world.sent(b"SIP/2.0 482")) == 1
    world.there.requests[0].respond(world.there.requests[0].request.reply(200))
    world.is_empty()


@pytest.mark.parametrize("other", [{"tag": "y"}, {"cseq": 2}, {"call_id": "m2"}, {"to": "<sip:b@h>;tag=t"}])
def test_requests_that_only_look_alike_are_not_merged(other):
    world = World()
    world.there.take = answer(200)
    world.flow.send(raw("OPTIONS", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKone"))
    world.flow.send(raw("OPTIONS", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtwo", **other))
    world.timers.advance(0.1)
    assert len(world.there.requests) == 2
    world.is_empty()


def test_a_client_of_rfc_2543_is_understood():
    """No magic cookie: Request-URI, tags, Call-ID, CSeq and Via say what belongs together (17.2.3)."""
    world = World()
    world.there.take = answer(180)
    via = "SIP/2.0/UDP 192.0.2.1:5060"
    for method in ("INVITE", "INVITE", "CANCEL"):
        world.flow.send(raw(method, via))
        world.timers.advance(0.1)
    assert len(world.there.requests) == 1 and len(world.sent(b"SIP/2.0 180")) == 2
    world.there.requests[0].respond(world.there.requests[0].request.reply(486))
    world.timers.advance(0.1)
    world.flow.send(raw("ACK", via, to="<sip:b@h>;tag=t"))
    world.timers.advance(10)
    assert world.there.acks == [] and len(world.sent(b"SIP/2.0 487")) == 1
    world.is_empty()


# -- where answers go

def sent_to(world, via, place=("192.0.2.9", 6000), transport="UDP"):
    """Where the answer of a request with this Via went that came from `place`, and the Via of the answer."""
    world.there.take = answer(200)
    flow = FakeFlow(world.here.endpoint, transport, *place)
    went = []
    flow.send = lambda data: went.append((place, data)) or True
    flow.to = lambda host, port: FakeThere(went, host, port)
    message = parse(raw("OPTIONS", via))
    message.flow = flow
    world.here.take = answer(200)
    world.here.layer.received(message)
    (where, data), = went
    return where, parse(data).get("Via")


class FakeThere:
    reliable = False

    def __init__(self, went, host, port):
        self.send = lambda data: went.append(((host, port), data)) or True


@pytest.mark.parametrize("via, where, written", [
    ("SIP/2.0/UDP 192.0.2.9:6000;branch=z9hG4bKa", ("192.0.2.9", 6000), "SIP/2.0/UDP 192.0.2.9:6000;branch=z9hG4bKa"),
    ("SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa", ("192.0.2.9", 5070), "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa"),
    ("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa", ("192.0.2.9", 5060), "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa"),
    ("SIP/2.0/UDP 192.0.2.9;rport;branch=z9hG4bKa", ("192.0.2.9", 6000),
     "SIP/2.0/UDP 192.0.2.9;rport=6000;branch=z9hG4bKa;received=192.0.2.9"),
    ("SIP/2.0/UDP pc.example.org:5070;branch=z9hG4bKa", ("192.0.2.9", 5070),
     "SIP/2.0/UDP pc.example.org:5070;branch=z9hG4bKa;received=192.0.2.9"),
    ("SIP/2.0/UDP 10.1.1.1:5070;branch=z9hG4bKa", ("192.0.2.9", 6000),
     "SIP/2.0/UDP 10.1.1.1:5070;branch=z9hG4bKa;received=192.0.2.9"),
    ("SIP/2.0/UDP 172.16.1.1;branch=z9hG4bKa;received=6.6.6.6", ("192.0.2.9", 6000),
     "SIP/2.0/UDP 172.16.1.1;branch=z9hG4bKa;received=192.0.2.9"),
    ("SIP/2.0/UDP 172.40.1.1:5070;branch=z9hG4bKa;maddr=6.6.6.6", ("192.0.2.9", 5070),
     "SIP/2.0/UDP 172.40.1.1:5070;branch=z9hG4bKa;maddr=6.6.6.6;received=192.0.2.9"),
])
def test_an_answer_over_udp_goes_where_the_via_and_the_source_say(via, where, written):
    assert sent_to(World(), via) == (where, written)


def test_an_answer_over_a_stream_goes_back_by_it():
    where, _ = sent_to(World(), "SIP/2.0/TCP 192.0.2.9:5070;branch=z9hG4bKa", transport="TCP")
    assert where == ("192.0.2.9", 6000)


def test_the_other_vias_stay_as_they_were():
    _, via = sent_to(World(), "SIP/2.0/UDP 192.0.2.9:6000;branch=z9hG4bKa, SIP/2.0/UDP 1.1.1.1;branch=z9hG4bKb")
    assert via == "SIP/2.0/UDP 192.0.2.9:6000;branch=z9hG4bKa"


# -- trouble below

def test_a_lost_connection_fails_what_waits_on_it():
    world = World("TCP")
    def take(transaction, message):
        transaction.user = world.there
    world.there.take = take
    world.ask()
    world.ask(method="MESSAGE", call_id="c2")
    world.timers.advance(0.1)
    world.flow.close()
    assert world.here.heard == ["transport", "transport"] == world.there.heard
    late = world.there.requests[0]
    late.respond(late.request.reply(200, to_tag="t"))
    world.is_empty()


def test_a_flow_that_is_lost_already_fails_later_and_not_within_the_call():
    world = World("TCP")
    world.flow.close()
    world.ask()
    assert world.here.heard == []
    world.timers.advance(0)
    assert world.here.heard == ["transport"]
    world.is_empty()


def test_icmp_fails_the_datagrams_towards_that_port_only():
    world = World()
    world.flow = world.here.endpoint.udp("192.0.2.9", 5999)
    world.ask()
    world.flow = world.here.endpoint.udp(*THEIRS)
    world.there.take = answer(200)
    world.ask(method="OPTIONS", call_id="c2")
    world.timers.advance(0.1)
    assert sorted(map(str, world.here.heard)) == ["200", "transport"]
    world.is_empty()


def test_a_user_that_fails_is_answered_for_with_500_and_leaves_nothing(world):
    def take(transaction, message):
        raise RuntimeError("a bug")
    world.there.take = take
    world.ask(method="OPTIONS")
    with pytest.raises(RuntimeError):
        world.timers.advance(0.1)
    world.timers.advance(0.2)
    assert world.here.heard == [500]
    world.is_empty()


def test_a_request_that_is_never_answered_is_forgotten(world):
    def take(transaction, message):
        transaction.user = world.there
    world.there.take = take
    world.ask(method="OPTIONS")
    world.timers.advance(40)
    assert world.here.heard == ["timeout"] == world.there.heard
    world.is_empty()


# -- bounds

def test_a_request_too_many_is_503_but_running_calls_are_served(monkeypatch):
    monkeypatch.setattr(layers, "MAX_TRANSACTIONS", 3)
    world = World("TCP")
    for number in range(4):
        world.ask(call_id=f"c{number}")
    world.timers.advance(0.1)
    assert world.here.heard == [503] and len(world.there.requests) == 3
    assert b"Retry-After: 10" in world.network.log[-2][4] + world.network.log[-1][4]
    world.there.take = answer(200)
    world.ask(method="BYE", call_id="c1", to_tag="t")
    world.timers.advance(0.05)
    assert world.here.heard == [503, 200]
    world.flow.close()
    world.is_empty()


def test_refuse_leaves_no_transaction_and_a_repeated_request_is_judged_again():
    world = World()
    world.there.take = lambda transaction, message: transaction.refuse(message.reply(401, to_tag="t"))
    world.ask()
    world.timers.advance(0.1)
    assert world.here.heard == [401] and len(world.there.layer) == 0
    repeat(world, b"INVITE")
    assert len(world.there.requests) == 2 and [ack.method for ack in world.there.acks] == ["ACK", "ACK"]
    world.is_empty()


def test_refuse_after_a_1xx_is_kept_like_any_answer():
    world = World()
    world.ask()
    world.timers.advance(0.3)
    transaction = world.there.requests[0]
    transaction.refuse(transaction.request.reply(403, to_tag="t"))
    assert len(world.there.layer) == 1
    world.timers.advance(0.1)
    assert world.here.heard == [100, 403] and world.there.acks == []
    world.is_empty()


def test_a_message_that_could_not_be_read_is_refused_without_a_transaction():
    world = World()
    message = parse(raw("OPTIONS", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport"))
    message.fields["Via"] = ["SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport, SIP/2.0/UDP 9.9.9.9"]
    message.flow = world.here.endpoint.udp(*THEIRS)
    world.here.layer.refuse(message, 400, "Bad day")
    data = world.network.log[0][4].decode()
    assert data.startswith("SIP/2.0 400 Bad day\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport=5060")
    assert "Via: SIP/2.0/UDP 9.9.9.9\r\n" in data and len(world.here.layer) == 0


def test_what_lingers_holds_no_message_and_no_user():
    world = World()
    def take(transaction, message):
        transaction.user = world.there
        answer(200)(transaction, message)
    world.there.take = take
    client, other = world.ask(), world.ask(method="OPTIONS", call_id="c2")
    world.timers.advance(0.1)
    for transaction in world.there.requests:
        if transaction.state == "accepted":
            transaction.acked()
    world.ask(method="OPTIONS", call_id="c3")
    world.timers.advance(0.1)
    assert client.request is None and client.state == "accepted" and client.user is world.here
    assert other.request is None and other.user is None
    assert all(transaction.request is None and transaction.user is None for transaction in world.there.requests[:2])
    world.is_empty()


def test_the_tap_sees_every_message_once():
    world = World()
    seen = []
    world.here.layer.tap = lambda message, flow, data, outgoing: seen.append((outgoing, data.split(b" ")[0]))
    world.there.take = answer(486)
    world.ask()
    world.timers.advance(0.1)
    assert seen == [(True, b"INVITE"), (False, b"SIP/2.0"), (True, b"ACK")]


# -- lanes

class Waiter:
    def __init__(self):
        self.end, self.fired = 0.0, []

    def fire(self, event):
        self.fired.append(event)


def test_a_lane_calls_in_order_and_only_those_who_still_wait():
    timers = FakeTimers()
    lane = lanes.Lane(timers, 5.0, "end")
    first, second, third = Waiter(), Waiter(), Waiter()
    for waiter in (first, second, third):
        waiter.end = lane.wait(waiter)
        timers.advance(1)
    second.end = 0.0
    timers.advance(1.9)
    assert (first.fired, third.fired) == ([], [])
    timers.advance(0.2)
    assert (first.fired, third.fired) == (["end"], [])
    timers.advance(2)
    assert (second.fired, third.fired, len(lane), len(timers)) == ([], ["end"], 0, 0)


def test_a_lane_drops_places_that_are_worth_nothing():
    lane = lanes.Lane(FakeTimers(), 32.0, "end")
    living = Waiter()
    living.end = lane.wait(living)
    for _ in range(10 * lanes.FEW):
        lane.wait(Waiter())
    assert len(lane) <= lanes.FEW + 1


def test_a_full_lane_calls_the_oldest_early():
    lane = lanes.Lane(FakeTimers(), 32.0, "end", most=80)
    waiters = [Waiter() for _ in range(100)]
    for waiter in waiters:
        waiter.end = lane.wait(waiter)
    assert len(lane) <= 80 and waiters[0].fired == ["end"] and waiters[-1].fired == []


def test_a_waiter_that_fails_does_not_stop_the_others():
    timers = FakeTimers()
    lane = lanes.Lane(timers, 1.0, "end")
    bad, good = Waiter(), Waiter()
    bad.fire = lambda event: 1 / 0
    bad.end, good.end = lane.wait(bad), lane.wait(good)
    with pytest.raises(ZeroDivisionError):
        timers.advance(1)
    timers.advance(1)
    assert good.fired == ["end"]
