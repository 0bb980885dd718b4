"""Strangers at the switch: what they get for what they send, and what they cannot learn."""

import re

import pytest

from mizu.net.addresses import address_key
from mizu.ua.guard import Guard

STRANGER = "203.0.113.66"


@pytest.fixture
def guarded(office):
    office.banned = set()
    office.guard = office.agent.guard = Guard(office.settings, office.banned.__contains__, office.sources.knows,
                                              office.clock.monotonic, address_key, office.log)
    return office


class Stranger:
    """A host that sends bytes and keeps what comes back."""

    def __init__(self, office, transport="UDP"):
        self.office = office
        endpoint = office.network.endpoint(STRANGER, 5060)
        endpoint.received = lambda data, flow: self.got.append(data)
        self.got = []
        self.flow = endpoint.udp("192.0.2.1", 5060) if transport == "UDP" else endpoint.connect("192.0.2.1", 5060)

    def send(self, data):
        self.got.clear()
        self.flow.send(data)
        self.office.run(0.2)
        return list(self.got)


def request(method, user="bob", sender="eve", number=1, more=""):
    return (f"{method} sip:{user}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {STRANGER}:5060;branch=z9hG4bK{number:08};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{sender}@192.0.2.1>;tag=t1\r\nTo: <sip:{user}@192.0.2.1>\r\n"
            f"Call-ID: call{number:08}\r\nCSeq: 1 {method}\r\nContact: <sip:{sender}@{STRANGER}>\r\n"
            f"Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n"
            f"User-Agent: friendly-scanner 1.0\r\n{more}Content-Length: 0\r\n\r\n").encode()


def test_a_flood_is_cut_before_the_transactions_and_telephones_go_on(guarded):
    alice, stranger = guarded.phone("alice"), Stranger(guarded)
    guarded.phone("bob")
    before = len(guarded.agent.layer)
    for number in range(1000):
        stranger.flow.send(request("INVITE", number=number))
    guarded.run(0.5)
    assert len(stranger.got) < 200 and guarded.guard.dropped > 800 and len(guarded.agent.layer) == before
    assert alice.invite("bob") and guarded.run(1) is None and guarded.board.calls
    assert guarded.guard.known(alice.endpoint.host) and not guarded.guard.known(STRANGER)


def test_over_a_connection_a_request_too_many_is_told_to_come_later(guarded):
    stranger = Stranger(guarded, "TCP")
    for number in range(150):
        stranger.flow.send(request("REGISTER", number=number))
    guarded.run(0.5)
    status = [int(data[8:11]) for data in stranger.got]
    assert set(status) == {401, 503} and b"Retry-After: " in stranger.got[-1]


def test_nonsense_is_answered_no_longer_than_it_is_and_then_not_read(guarded):
    stranger = Stranger(guarded)
    for number in range(100):
        stranger.flow.send(request("INVITE", number=number).replace(b"CSeq: 1", b"CSeq: x"))
    guarded.run(0.5)
    assert len(stranger.got) == 20 and {data[8:11] for data in stranger.got} == {b"400"}
    guarded.run(1)
    assert stranger.send(request("OPTIONS")) != []
    tiny = b"X sip:a SIP/2.0\r\nv:SIP/2.0/UDP h;branch=1\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\ni:1\r\nCSeq:x X\r\n\r\n"
    assert stranger.send(tiny) == []


def test_a_banned_telephone_ends_its_call_and_begins_none(guarded):
    alice, bob = guarded.phone("alice"), guarded.phone("bob")
    call = alice.invite("bob")
    guarded.run(1)
    bob.calls[-1].answer()
    guarded.run(1)
    guarded.banned.add(alice.endpoint.host)
    call.bye()
    guarded.run(1)
    assert not guarded.board.calls and call.state == "ended"
    again = alice.invite("bob")
    guarded.run(40)
    assert not again.codes
    guarded.swept()


def test_a_trunk_is_not_limited(guarded):
    trunk = guarded.trunk("carrier", "203.0.113.5")
    assert guarded.sources.knows("203.0.113.5") and not guarded.sources.knows(STRANGER)
    flow = trunk.endpoint.udp("192.0.2.1", 5060)
    for number in range(1000):
        flow.send(request("OPTIONS", number=number))
    guarded.run(0.5)
    assert guarded.guard.dropped == 0


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS", "BYE", "SUBSCRIBE", "PUBLISH", "MESSAGE", "FOO"])
def test_no_answer_to_a_stranger_is_longer_than_his_request(guarded, method):
    stranger = Stranger(guarded)
    asked = request(method)
    answers = stranger.send(asked)
    assert len(answers) == 1 and len(answers[0]) <= len(asked)


def test_a_forged_datagram_of_the_least_bytes_makes_three_times_as_many_at_most(guarded):
    stranger = Stranger(guarded)
    for method in ("REGISTER", "INVITE", "OPTIONS", "BYE", "SUBSCRIBE", "MESSAGE"):
        tiny = (f"{method} sip:a SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK{method}\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\n"
                f"i:{method}\r\nCSeq:1 {method}\r\n\r\n").encode()
        answers = stranger.send(tiny)
        assert len(answers) == 1 and len(answers[0]) < 3 * len(tiny), method
        guarded.run(70)
        assert len(stranger.got) == 1       # and no answer is given again by itself


def alike(data):
    """An answer without what is new in each: nonces and our tags."""
    return re.sub(rb'nonce="[0-9a-f]+"|(?<=;tag=)[0-9a-f]{8,}', b"", data)


@pytest.mark.parametrize("byname", [False, True])
@pytest.mark.parametrize("method, places", [
    ("INVITE", "user sender"), ("REGISTER", "user sender"), ("OPTIONS", "user"), ("SUBSCRIBE", "user"),
    ("PUBLISH", "user"), ("MESSAGE", "user"), ("REFER", "user")])
def test_names_are_learnt_neither_from_answers_nor_from_look_ups(guarded, method, places, byname):
    """alice is registered, carol is not, nemos does not exist."""
    guarded.phone("alice"), guarded.phone("carol", register=False)
    if byname:
        guarded.account("doorbell", needauth=0)
    stranger, asked = Stranger(guarded), []
    for name in ("row", "rows"):
        real = getattr(guarded.db, name)
        setattr(guarded.db, name, lambda sql, *args, real=real: asked.append(sql) or real(sql, *args))
    stranger.send(request("INVITE"))        # what is read once
    for place in places.split():
        answers, counts = set(), set()
        for name in ("alice", "carol", "nemos"):
            guarded.users.by_username(name)
            asked.clear()
            got, = stranger.send(request(method, **{place: name}))
            answers.add(alike(got.replace(name.encode(), b"NAME")))
            counts.add(len(asked))
        assert len(answers) == len(counts) == 1, (place, answers, asked)
