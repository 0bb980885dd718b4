"""Bytes that are nearly SIP, by the thousand, while a call is up: it goes on, its bill is right, nothing stays behind."""

import random
from collections import Counter

import pytest

from tests.flows.phone import Phone
from tests.flows.test_loss import something

SPICE = (b"\r\n", b"\r\n\r\n", b"\0", b";", b",", b"<", b">", b'"', b"\xff\xfe", b"tag=", b";branch=", b"sip:", b"SIP/2.0 200 OK",
         b"Contact: *\r\n", b"Require: 100rel\r\n", b"Replaces: a;to-tag=b;from-tag=c\r\n", b"Session-Expires: 1\r\n",
         b"Content-Length: 99999\r\n", b"Max-Forwards: 0\r\n", b"4294967296", b"-1", b"%00", b"[::1]", b" " * 40)
MOST = 60_000


def spoilt(chance, data):
    """The message with one to three changes."""
    data = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            data[at:at] = chance.choice(SPICE)
        elif kind == 1:
            del data[at:at + chance.randrange(1, 30)]
        elif kind == 2 and at < len(data):
            data[at] = chance.randrange(256)
        elif kind == 3:
            end = at + chance.randrange(1, 60)
            data[at:at] = data[at:end]
        else:
            lines = bytes(data).split(b"\r\n")
            lines.insert(1, lines.pop(chance.randrange(len(lines))))
            data[:] = b"\r\n".join(lines)
    return bytes(data[:MOST])


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("count", [1_500, pytest.param(25_000, marks=pytest.mark.slow)])
def test_whatever_strangers_send_the_call_goes_on(pair, count, transport):
    office, call, other = pair
    carol, dave = office.phone("carol"), office.phone("dave")
    begun = len(office.network.log)
    third = carol.invite("dave", fields=(("X-Own", "1"),))
    office.run(1)
    dave.calls[-1].answer()
    office.run(1)
    third.hold()
    third.request("INFO", b"Signal=1")
    third.refer("sip:nobody@192.0.2.1")
    office.run(1)
    carol.options()
    carol.register()
    dave.calls[-1].bye()
    office.run(40)
    seeds = [data for _, _, to, _, data in office.network.log[begun:] if to[0] == "192.0.2.1"]
    office.network.log = Silent()
    stranger = Phone(office.network, "198.51.100.99", "stranger")
    answers = Counter()
    stranger.endpoint.received = lambda data, flow: answers.update([data[8:11]])
    chance = random.Random(f"{transport} {count}")
    for number in range(count):
        data = spoilt(chance, chance.choice(seeds))
        if transport == "UDP":
            stranger.endpoint.udp("192.0.2.1", 5060).send(data)
        else:
            office.agent.received(data, stranger_flow(stranger))
        if number % 50 == 0:
            office.run(0.1)
    office.run(5)
    assert len(answers) > 4 and answers.total() > count / 5, answers
    assert len(office.board) == 1 and call.state == other.state == "talking"
    call.hold()
    office.run(1)
    assert call.codes[-1] == 200
    began = office.board.calls[next(iter(office.board.calls))].answered
    talked = office.clock.monotonic() - began
    call.bye()
    office.run(1)
    bill = [cdr for cdr in office.bills() if cdr.sipcallid == call.call_id]
    assert [abs(cdr.realduration - talked) < 2 for cdr in bill] == [True]
    office.run(300)
    office.swept()


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 60))])
def test_telephones_whose_messages_arrive_spoilt_leave_nothing(pair, seed):
    """Their dialogs and transactions are real, so that what is spoilt gets far."""
    office, call, other = pair
    phones = [office.phone("carol"), office.phone("dave", transport="TCP" if seed % 3 == 2 else "UDP")]
    chance = random.Random(seed)
    received = office.agent.received

    def weather(data, flow):
        ours = flow.host in (phones[0].host, phones[1].host)
        received(spoilt(chance, data) if ours and chance.random() < 0.3 else data, flow)
    office.endpoint.received = weather
    for phone in phones:
        phone.on_call = lambda call: chance.choice((call.ring, call.answer, call.refuse, lambda: call.ring(183)))()
    for _ in range(40):
        phone = chance.choice(phones)
        calls = [each for each in phone.calls if each.state != "ended"]
        if not calls:
            phone.invite(chance.choice(("carol", "dave")), chance.choice((None, b"own")),
                         chance.choice(((), (("Require", "100rel"),))))
        else:
            something(chance, chance.choice(calls), calls)
        office.run(chance.choice((0.1, 0.5, 2.0)))
    office.endpoint.received = received
    for phone in phones:
        phone.on_call = lambda call: call.refuse(480)
        for each in phone.calls:
            each.end()
    office.run(70)
    assert call.state == other.state == "talking" and call.call_id in {each.sipcallid for each in
                                                                       office.board.calls.values()}
    call.bye()
    office.run(1200)        # what a spoilt BYE has left: the session timer
    assert [cdr.discreason for cdr in office.bills() if cdr.sipcallid == call.call_id] == [200]
    office.swept()


def stranger_flow(stranger):
    """The switch's end of a connection of the stranger's."""
    key = "TCP", "192.0.2.1", 5060
    near = stranger.endpoint.streams.get(key) or stranger.endpoint.connect("192.0.2.1", 5060, "TCP")
    return near.other


class Silent(list):
    """A log that keeps nothing."""

    def append(self, entry):
        pass
