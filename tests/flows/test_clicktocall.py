"""p2p, callback and test calls: two parties that nobody's telephone has begun to call."""

import pytest

from mizu.base.errors import ApiError


def begin(office, username, first, second, **more):
    return office.switch.clicktocall.start(office.users.by_username(username), first, second, **more)


def test_the_first_party_answers_then_the_second_and_they_talk(office):
    office.account("boss", 5)
    alice, bob = office.phone("alice"), office.phone("bob")
    begun = begin(office, "boss", "alice", "bob", shown="5551234")
    office.run(1)
    first = alice.calls[-1]
    assert first.state == "ringing" and not bob.calls
    first.answer()
    office.run(2)
    assert begun.first.done and bob.calls[-1].state == "ringing"
    bob.calls[-1].answer()
    office.run(5)
    assert begun.second.result()[0] == 200
    assert first.state == bob.calls[-1].state == "talking"
    bob.calls[-1].bye()
    office.run(1)
    assert first.state == "ended"
    assert {cdr.sipcallid for cdr in office.bills()} == {begun.call.sipcallid}
    office.swept()


def test_each_party_is_paid_by_itself_from_its_own_answer_on(office):
    office.price("36", 0.6, billingstep=1)
    office.price("44", 1.2, billingstep=1)
    office.account("boss", 5)
    carrier = office.trunk("carrier", "203.0.113.5")
    begin(office, "boss", "36201234567", "442071234567")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(10)
    carrier.calls[-1].answer()
    office.run(20.5)
    carrier.calls[-1].bye()
    office.run(1)
    first, second = sorted(office.bills(), key=lambda cdr: cdr.callednumber)
    assert first.realduration - second.realduration in (10, 11) and second.realduration == 21
    assert office.balance("boss") == 5_000_000 - first.realduration * 10_000 - second.realduration * 20_000
    office.swept()


def test_a_first_party_that_does_not_answer_ends_it_and_the_waiting_hear_why(office):
    office.account("boss", 5)
    alice, bob = office.phone("alice"), office.phone("bob")
    alice.on_call = lambda call: call.refuse(486)
    begun = begin(office, "boss", "alice", "bob")
    office.run(1)
    assert begun.first.result()[0] == begun.second.result()[0] == 486 and not bob.calls
    office.swept()


def test_the_operator_ends_it_while_it_rings(office):
    office.account("boss", 5)
    alice, _ = office.phone("alice"), office.phone("alice2")
    begun = begin(office, "boss", "alice", "alice2")
    office.run(1)
    assert office.board.drop(begun.call.id)
    office.run(1)
    assert alice.calls[-1].state == "ended" and begun.first.result()[0] == 480
    office.swept()


def test_a_test_call_ends_after_its_duration(office):
    office.account("boss", 5)
    alice = office.phone("alice")
    begin(office, "boss", "alice", "", longest=7)
    office.run(1)
    alice.calls[-1].answer()
    office.run(6)
    assert alice.calls[-1].state == "talking"
    office.run(2)
    assert alice.calls[-1].state == "ended"
    assert [cdr.realduration for cdr in office.bills()] == [7]
    office.swept()


def test_nobody_is_rung_without_the_money_for_both(office):
    office.price("36", 60, billingstep=1)
    office.price("44", 60, billingstep=1)
    office.trunk("carrier", "203.0.113.5")
    office.account("boss", 1.5)
    with pytest.raises(ApiError, match="not enough credit"):
        begin(office, "boss", "36201234567", "442071234567")
    assert not len(office.board)
    office.swept()


@pytest.mark.parametrize("second, code", [("nobody", 404), ("995551234", 404), ("36201234567", 403)])
def test_nobody_is_rung_for_a_second_party_that_can_never_be_called(office, second, code):
    office.account("boss", 5)
    office.trunk("carrier", "203.0.113.5", prefix="36")
    alice = office.phone("alice")
    with pytest.raises(ApiError) as refused:
        begin(office, "boss", "alice", second)
    assert refused.value.code == code and not alice.calls and not len(office.board)
    office.swept()


def test_whom_the_plan_refuses_is_not_rung(office):
    office.account("boss", 0)
    with pytest.raises(ApiError):
        begin(office, "boss", "36201234567", "442071234567")
    assert not len(office.board)
    office.swept()
