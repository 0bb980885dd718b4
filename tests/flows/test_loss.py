"""Calls over a network that loses a fifth of all datagrams, doubles as many and delivers them out of order: whatever
happens on the way, each call ends on all sides, is billed once and leaves nothing behind."""

import random

import pytest

from tests.flows.office import Office
from tests.flows.phone import sdp

SPOILT = {"loss": 0.2, "double": 0.2, "delay": (0.005, 0.4)}
FEW, MANY = range(8), range(8, 68)


@pytest.fixture
def spoilt(tmp_path):
    """spoilt(seed) -> (office, alice, bob): registered, then the weather gets worse."""
    made = []

    def make(seed):
        office = Office(tmp_path, seed=seed)
        made.append(office)
        alice, bob = office.phone("alice", credit=5), office.phone("bob")
        office.price("36", 0.6, billingstep=1)
        office.network.__dict__.update(SPOILT)
        return office, alice, bob
    yield make
    for office in made:
        office.db.close()


def seeds(function):
    """A few seeds always, many where there is time."""
    return pytest.mark.parametrize("seed", [*FEW, *(pytest.param(seed, marks=pytest.mark.slow) for seed in MANY)])(
        function)


@seeds
def test_a_call_is_answered_held_and_hung_up(spoilt, seed):
    office, alice, bob = spoilt(seed)
    bob.on_call = lambda call: (call.ring(), office.timers.later(3, call.answer))
    call = alice.invite("bob")
    assert office.timers.until(lambda: call.state == "talking", 40)
    office.run(5)
    call.hold()
    office.run(20)
    bob.calls[-1].reinvite()
    office.run(20)
    (call if seed % 2 else bob.calls[-1]).bye()
    office.run(40)
    assert call.state == bob.calls[-1].state == "ended" and len(bob.calls) == 1
    cdr, = office.bills()
    assert cdr.discreason == 200 and 40 <= cdr.realduration <= 90
    office.swept()


@seeds
def test_a_call_is_taken_back(spoilt, seed):
    office, alice, bob = spoilt(seed)
    call = alice.invite("bob")
    office.run((seed % 7) / 3)
    call.cancel()
    office.run(70)
    assert call.state == "ended" and call.code in (487, 408, 200)
    assert all(each.state == "ended" for each in bob.calls)
    assert len(office.bills()) <= 1
    office.swept()


@seeds
def test_a_busy_telephone_says_so(spoilt, seed):
    office, alice, bob = spoilt(seed)
    bob.on_call = lambda call: call.refuse(486)
    call = alice.invite("bob")
    office.run(40)
    assert call.state == "ended" and call.code == 486 and len(bob.calls) == 1
    office.swept()


@seeds
def test_a_paid_call_through_a_trunk_is_paid_once(spoilt, seed):
    office, alice, bob = spoilt(seed)
    carrier = office.trunk("carrier", "203.0.113.5")
    carrier.on_call = lambda call: call.answer()
    call = alice.invite("36201234567")
    office.run(30)
    alice.hang_up_all()
    office.run(40)
    paid = 5_000_000 - office.balance("alice")
    assert paid == sum(cdr.realduration for cdr in office.bills()) * 10_000
    assert call.state == "ended" and all(each.state == "ended" for each in carrier.calls)
    office.swept()


@seeds
def test_whatever_people_do_it_ends(spoilt, seed):
    """Anybody does anything at any time."""
    office, alice, bob = spoilt(seed)
    again = random.Random(seed)
    office.network.__dict__.update(loss=0.0, double=0.0, delay=(0.005, 0.02))
    carol, second = office.phone("carol", transport="TCP"), office.device("bob")
    office.network.__dict__.update(SPOILT)
    phones = [alice, bob, carol, second, office.trunk("carrier", "203.0.113.5")]
    for phone in phones:
        phone.on_call = lambda call: again.choice((call.ring, call.ring, call.answer, call.refuse,
                                                   lambda: call.ring(183, sdp(call.phone.host)), lambda: None))()
    for _ in range(25):
        phone = again.choice(phones)
        if phone is carol and again.random() < 0.2:     # its connection breaks
            phone.flow.close()
            phone.register()
        calls = [call for call in phone.calls if call.state != "ended"]
        if not calls:
            phone.invite(again.choice(("alice", "bob", "carol", "36201234567")), again.choice((None, sdp(phone.host))),
                         again.choice(((), (("Require", "100rel"),), (("Supported", "timer"),))))
        else:
            something(again, again.choice(calls), calls)
        office.run(again.choice((0.05, 0.3, 1.0, 4.0)))
    for phone in phones:
        phone.on_call = lambda call: call.refuse(480)
        phone.hang_up_all()
    office.run(70)
    for phone in phones:
        phone.hang_up_all()
    office.run(250)
    assert not len(office.board), [call.bridge for call in office.board.calls.values()]
    paid = sum(round(cdr.costenduser * 1_000_000) for cdr in office.bills())
    assert 5_000_000 - office.balance("alice") == paid >= 0
    office.swept()


def something(again, call, calls):
    if call.state == "talking":
        what = again.randrange(8)
        if what < 2:
            call.reinvite(again.choice((b"", sdp(call.phone.host, 4000 + again.randrange(9)))))
        elif what == 2:
            call.request("UPDATE", again.choice((None, sdp(call.phone.host))))
        elif what == 3:
            call.request("INFO", b"Signal=1")
        elif what == 4:
            call.refer(f"sip:{again.choice(('alice', 'bob', 'carol', '3630', 'nobody'))}@192.0.2.1")
        elif what == 5 and len(calls) > 1:
            other = again.choice(calls)
            if other.state == "talking":
                call.refer("sip:x@192.0.2.1", other.replaces)
        elif what == 6:
            call.bye()
    elif call.outgoing:
        if again.random() < 0.5:
            call.cancel()
    elif call.invitation is not None:
        again.choice((call.answer, call.answer, call.refuse, call.ring))()
