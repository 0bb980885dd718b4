"""Session timers (RFC 4028) and reliable provisional answers (RFC 3262): what time itself does to a call."""

import pytest

from tests.flows.phone import moved, sdp


def leg_of(office, side):
    return next(leg for leg in office.agent.legs.values() if leg.side == side)


def talk(office, alice, bob, fields=(), answer=()):
    call = alice.invite("bob", fields=fields)
    office.run(1)
    bob.calls[-1].answer(fields=answer)
    office.run(1)
    assert call.state == "talking"
    return call, bob.calls[-1]


TIMER = ("Supported", "timer")


def test_an_interval_that_is_too_small_is_refused(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob", fields=(TIMER, ("Session-Expires", "60")))
    office.run(1)
    assert call.codes[-1] == 422 and alice.got[-1].get("Min-SE") == "90"
    office.swept()


def test_a_callee_that_wants_a_longer_interval_gets_it(office):
    office.settings.sessiontimer = 100
    alice, bob = office.phone("alice"), office.phone("bob")

    def asked(call):
        if int(call.invitation.get("Session-Expires")) < 600:
            return call.refuse(422, (("Min-SE", "600"),))
        call.ring()
    bob.on_call = asked
    call = alice.invite("bob")
    office.run(1)
    assert call.state == "ringing" and bob.calls[-1].invitation.get("Session-Expires") == "600"
    call.cancel()
    office.swept()


def test_whoever_knows_timers_renews_what_it_began(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call, other = talk(office, alice, bob, (TIMER, ("Session-Expires", "600")),
                       (("Session-Expires", "600;refresher=uas"), ("Require", "timer")))
    answer = alice.heard("INVITE", 200)[-1]
    assert answer.get("Session-Expires") == "600;refresher=uac" and answer.get("Require") == "timer"
    for _ in range(4):
        office.run(300)
        call.request("UPDATE", None, (TIMER, ("Session-Expires", "600;refresher=uac")))
        other.reinvite()
        office.run(1)
    assert call.state == other.state == "talking" and "UPDATE" not in call.asked + other.asked
    call.bye()
    office.run(1)
    assert office.bills()[0].realduration > 1200
    office.swept()


def test_a_caller_that_renews_no_more_has_gone_and_pays_up_to_its_last_word(office):
    office.price("36", 0.6, billingstep=1)
    alice, carrier = office.phone("alice", credit=100), office.trunk("carrier", "203.0.113.5")
    call = alice.invite("36201234567", fields=(TIMER, ("Session-Expires", "200")))
    office.run(1)
    carrier.calls[-1].answer()
    office.run(50)
    call.request("UPDATE", None, (TIMER, ("Session-Expires", "200;refresher=uac")))
    office.run(1)
    office.network.deaf.add((alice.host, alice.port))       # its BYE is lost
    call.bye()
    office.run(200)
    assert carrier.calls[-1].state == "ended"
    cdr, = office.bills()
    assert cdr.realduration in (50, 51) and cdr.discreason == 408
    assert office.balance("alice") == 100_000_000 - cdr.realduration * 10_000
    office.network.deaf.clear()
    office.swept()


@pytest.mark.parametrize("allow, method", [("INVITE, ACK, BYE, UPDATE", "UPDATE"), ("INVITE, ACK, BYE", "INVITE")])
def test_who_knows_no_timers_is_asked_by_us(office, allow, method):
    alice, bob = office.phone("alice"), office.phone("bob")
    call, other = talk(office, alice, bob, (("Allow", allow),), (("Allow", allow),))
    assert "Session-Expires" not in alice.heard("INVITE", 200)[-1].fields
    office.run(2000)
    assert call.asked.count(method) == other.asked.count(method) == 2
    assert call.state == other.state == "talking"
    if method == "INVITE":
        assert call.body == sdp(bob.host)
    call.bye()
    office.swept()


def test_a_callee_that_does_not_answer_our_renewal_has_gone(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call, other = talk(office, alice, bob)
    office.network.deaf.add((bob.host, bob.port))
    office.run(1000)
    assert call.state == "ended"
    assert office.bills()[0].realduration <= 2
    office.network.deaf.clear()
    office.swept()


@pytest.mark.parametrize("code, state", [(481, "ended"), (405, "talking"), (500, "talking")])
def test_only_an_answer_that_knows_no_call_ends_it(office, code, state):
    alice, bob = office.phone("alice"), office.phone("bob")
    call, other = talk(office, alice, bob)
    other._on_update = lambda message: other._okay(message, code)
    office.run(1000)
    assert call.state == state
    call.end()
    office.swept()


def test_a_renewal_that_is_refused_with_a_longer_interval_is_made_with_it(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call, other = talk(office, alice, bob)

    def renewed(message):
        if int(message.get("Session-Expires").partition(";")[0]) < 3000:
            response = message.reply(422, to_tag=other.tag)
            response.add("Min-SE", "3000")
            return bob.say(message, response)
        other._okay(message)
    other._on_update = renewed
    office.run(1000)
    assert other.asked.count("UPDATE") == 2 and call.state == "talking"
    call.bye()
    office.swept()


# -- reliable provisional answers

RELIABLE = (("Require", "100rel"), ("RSeq", "1"))


def test_what_a_callee_wants_acknowledged_is_acknowledged_once(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.on_call = lambda call: call.ring(183, sdp(bob.host), RELIABLE)
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1]._answer(183, sdp(bob.host), RELIABLE)             # again
    bob.calls[-1]._answer(180, None, (("Require", "100rel"), ("RSeq", "3")))      # out of order
    office.run(1)
    assert [message.get("RAck") for message in bob.heard("PRACK")] == ["1 1 INVITE"]
    bob.calls[-1]._answer(180, None, (("Require", "100rel"), ("RSeq", "2")))
    office.run(1)
    assert [message.get("RAck") for message in bob.heard("PRACK")] == ["1 1 INVITE", "2 1 INVITE"]
    assert call.codes[-1] == 180 and "RSeq" not in alice.heard("INVITE", 183)[-1].fields
    bob.calls[-1].answer()
    office.run(1)
    assert call.state == "talking"
    call.bye()
    office.swept()


def test_a_caller_that_requires_it_gets_reliable_answers_in_their_order(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.on_call = lambda call: (call.ring(180), call.ring(183, sdp(bob.host)), call.answer())
    office.network.delay = 0.01, 0.01
    call = alice.invite("bob", fields=(("Require", "100rel"),))
    office.run(2)
    assert call.state == "talking" and [code for code in call.codes if code > 100 and code != 407] == [180, 183, 200]
    first, second = alice.heard("INVITE", 180)[0], alice.heard("INVITE", 183)[0]
    assert int(second.get("RSeq")) == int(first.get("RSeq")) + 1
    call.bye()
    office.swept()


def test_a_caller_that_never_acknowledges_is_refused(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    alice.pracks = False
    call = alice.invite("bob", fields=(("Require", "100rel"),))
    office.run(35)
    assert call.codes[-1] == 504 and bob.calls[-1].state == "ended"
    assert [cdr.discreason for cdr in office.bills()] == [504]
    office.swept()


def test_an_answer_waits_for_the_acknowledgement_and_a_cancel_does_not(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    alice.pracks = False
    call = alice.invite("bob", fields=(("Require", "100rel"),))
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    assert call.codes[-1] == 180
    call.cancel()
    office.run(1)
    assert call.codes[-1] == 487 and bob.calls[-1].state == "ended"
    office.swept()


def test_an_acknowledgement_of_nothing_is_refused(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob", fields=(("Require", "100rel"),))
    office.run(1)
    answers = []
    call.request("PRACK", None, (("RAck", "1 2 INVITE"),), answers.append)
    office.run(1)
    assert answers[-1].status == 481 and call.state == "ringing"
    call.cancel()
    office.swept()


def test_an_acknowledgement_may_bring_another_offer(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.on_call = lambda call: call.ring(183, sdp(bob.host), RELIABLE)
    alice.pracks = False
    call = alice.invite("bob", fields=(("Require", "100rel"),))
    office.run(0.3)
    early = alice.heard("INVITE", 183)[-1]
    call._learn(early, early.to, early.get("To"), [])
    answers = []
    call.request("PRACK", moved(call, "203.0.113.7", 4444), (("RAck", f"{early.get('RSeq')} {early.cseq[0]} INVITE"),),
                 answers.append)
    office.run(1)
    assert answers[-1].status == 200 and bob.calls[-1].body == moved(call, "203.0.113.7", 4444)
    assert answers[-1].body == sdp(bob.host)
    call.cancel()
    office.swept()
