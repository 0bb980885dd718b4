"""Calls between telephones, the whole switch between them."""

import pytest

from tests.flows.office import Office


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path)
    yield made
    made.db.close()


def test_two_telephones_talk_and_one_hangs_up(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    assert call.state == "ringing" and bob.calls[-1].state == "ringing"
    bob.calls[-1].answer()
    office.run(10)
    assert call.state == bob.calls[-1].state == "talking"
    assert len(office.board) == 1
    call.bye()
    office.run(1)
    assert bob.calls[-1].state == "ended"
    cdr, = office.bills()
    assert (cdr.realduration, cdr.discreason, cdr.discside) == (10, 200, "caller")
    office.swept()


def test_a_call_to_a_trunk_is_paid_to_the_micro_unit(office):
    office.price("36", 0.6, billingstep=1)
    alice, carrier = office.phone("alice", credit=1), office.trunk("carrier", "203.0.113.5")
    call = alice.invite("36201234567")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(20.5)
    assert call.state == "talking"
    carrier.calls[-1].bye()
    office.run(1)
    cdr, = office.bills()
    assert office.balance("alice") == 1_000_000 - cdr.realduration * 10_000
    assert cdr.realduration in (20, 21) and cdr.costenduser == cdr.realduration * 0.01
    office.swept()


def test_the_call_ends_when_the_money_does(office):
    office.price("36", 0.6, billingstep=1)
    alice, carrier = office.phone("alice", credit=0.905), office.trunk("carrier", "203.0.113.5")
    call = alice.invite("36201234567")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(89)
    assert call.state == "talking"
    office.run(3)
    assert call.state == carrier.calls[-1].state == "ended"
    assert office.balance("alice") == 5_000 and office.bills()[0].realduration == 90
    office.swept()


def test_cancel_busy_and_no_such_number(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob")
    office.run(1)
    call.cancel()
    office.run(1)
    assert call.codes[-1] == 487 and bob.calls[-1].state == "ended"
    bob.on_call = lambda call: call.refuse(486)
    busy = alice.invite("bob")
    office.run(1)
    assert busy.codes[-1] == 486
    nobody = alice.invite("nobody")
    office.run(1)
    assert nobody.codes[-1] == 404
    assert [cdr.discreason for cdr in office.bills()] == [487, 486, 404]
    office.swept()
