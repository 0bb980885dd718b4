"""Offers and answers in a call: hold, re-INVITE and UPDATE from both sides, at once, and without an offer."""

import pytest

from tests.flows.phone import moved, sdp


def test_a_new_offer_passes_from_either_side_and_its_answer_back(pair):
    office, call, other = pair
    other.reinvites = 200, moved(other, "203.0.113.8", 4100)
    call.reinvite(moved(call, "203.0.113.7", 4002))
    office.run(1)
    assert other.body == moved(call, "203.0.113.7", 4002) and call.body == moved(other, "203.0.113.8", 4100)
    call.reinvites = 200, moved(call, "203.0.113.9", 4200)
    other.reinvite(moved(other, "203.0.113.6", 4004))
    office.run(1)
    assert call.body == moved(other, "203.0.113.6", 4004) and other.body == moved(call, "203.0.113.9", 4200)
    call.bye()
    office.swept()


def test_hold_and_resume(pair):
    office, call, other = pair
    call.hold()
    office.run(1)
    assert b"a=sendonly" in other.body and call.codes[-1] == 200
    call.reinvite()
    office.run(1)
    assert b"a=sendrecv" in other.body and other.asked == ["ACK", "INVITE", "ACK", "INVITE", "ACK"]
    other.bye()
    office.swept()


def test_a_refused_offer_changes_nothing(pair):
    office, call, other = pair
    other.reinvites = 488, None
    call.hold()
    office.run(1)
    assert call.codes[-1] == 488 and call.state == other.state == "talking"
    other.reinvites = 200, None
    call.hold()
    office.run(1)
    assert call.codes[-1] == 200
    call.bye()
    office.swept()


def test_the_same_offer_again_is_answered_by_us(pair):
    office, call, other = pair
    call.reinvite(sdp(call.phone.host))
    office.run(1)
    assert call.codes[-1] == 200 and call.body == sdp(other.phone.host) and "INVITE" not in other.asked
    call.bye()
    office.swept()


def test_update_passes_in_a_call(pair):
    office, call, other = pair
    answers = []
    for side, far in ((call, other), (other, call)):
        side.request("UPDATE", moved(side, "203.0.113.7", 4002), (), answers.append)
        office.run(1)
        assert answers[-1].status == 200 and answers[-1].body == sdp(far.phone.host)
        assert far.body == moved(side, "203.0.113.7", 4002)
    call.request("UPDATE", None, (), answers.append)
    office.run(1)
    assert answers[-1].status == 200 and not answers[-1].body
    call.bye()
    office.swept()


@pytest.mark.parametrize("code, codes", [(200, [200, 491]), (491, [491, 491])])
def test_of_two_offers_at_once_one_has_to_be_made_again(pair, code, codes):
    office, call, other = pair
    call.reinvites = other.reinvites = code, None
    call.hold()
    other.hold()
    office.run(1)
    assert sorted([call.codes[-1], other.codes[-1]]) == codes
    call.reinvites = other.reinvites = 200, None
    call.hold()
    office.run(1)
    assert call.codes[-1] == 200 and b"sendonly" in other.body
    other.bye()
    office.swept()


def test_a_second_offer_of_the_same_side_has_to_wait(pair):
    office, call, other = pair
    other._on_invite = lambda message: setattr(other, "invitation", message)
    call.hold()
    office.run(0.5)
    got = []
    office.network.delay = 0.01, 0.01
    call.request("INVITE", sdp("203.0.113.7"), (), got.append)
    call.request("UPDATE", sdp("203.0.113.7"), (), got.append)
    office.run(0.5)
    assert [answer.status for answer in got if answer.status > 100] == [500, 500]
    assert all(answer.get("Retry-After").isdecimal() for answer in got if answer.status == 500)
    other.answer()
    office.run(1)
    assert call.codes[-1] == 200
    call.bye()
    office.swept()


def test_an_offer_that_is_under_way_ends_with_the_call(pair):
    office, call, other = pair
    other._on_invite = lambda message: setattr(other, "invitation", message)
    call.hold()
    office.run(0.5)
    call.bye()
    office.run(1)
    assert call.codes[-1] == 487
    other.refuse(487)
    office.run(1)
    assert "BYE" in other.asked
    office.swept()


@pytest.mark.parametrize("begun", [False, True])
def test_an_offer_that_is_never_answered_does_not_outlive_the_call(pair, begun):
    office, call, other = pair
    other._on_invite = lambda message: other.phone.say(message, message.reply(100)) if begun else None
    call.hold()
    office.run(1)
    call.bye()
    office.run(1)
    assert other.state == "ended" and ("CANCEL" in other.asked) is begun
    office.swept()


def test_an_offer_that_is_thought_over_for_ever_is_taken_back(pair):
    office, call, other = pair
    other._on_invite = lambda message: (setattr(other, "invitation", message), other.phone.say(message, message.reply(100)))
    other._on_cancel = lambda message: (other._okay(message), other._answer(487, None, ()))
    call.hold()
    office.run(70)
    assert call.codes[-1] == 487 and call.state == other.state == "talking"
    del other._on_invite
    call.hold()
    office.run(1)
    assert call.codes[-1] == 200
    call.bye()
    office.swept()


def test_a_new_offer_is_taken_back(pair):
    office, call, other = pair
    other._on_invite = lambda message: setattr(other, "invitation", message)
    codes = []
    asking = call.request("INVITE", sdp("203.0.113.7"), (), lambda response: codes.append(response.status))
    office.run(1)
    call._first = asking
    call._cancel()
    office.run(1)
    assert codes == [100, 487] and call.state == "talking"
    del other._on_invite
    other.answer()                      # it was too quick for the CANCEL: what was agreed before is offered anew
    office.run(1)
    assert call.phone.host.encode() in other.body
    other.reinvite()
    office.run(1)
    assert other.codes[-1] == 200
    other.bye()
    office.run(1)
    assert call.state == "ended"
    office.swept()


@pytest.mark.parametrize("side", [0, 1])
def test_a_re_invite_without_an_offer_gets_one_and_its_answer_comes_in_the_ack(pair, side):
    office, call, other = pair
    asks, offers = (call, other)[::1 - 2 * side]
    offers.reinvites = 200, moved(offers, "203.0.113.8", 4444)
    answer = moved(asks, "203.0.113.7", 4333)

    def acknowledged(invite, old=asks._new):
        ack = old("ACK", invite.cseq[0])
        ack.fields = {"Via": [f"SIP/2.0/UDP {asks.phone.host}:5060;rport;branch=z9hG4bKlate"], **ack.fields}
        ack.set("Content-Type", "application/sdp")
        ack.body = answer
        asks._way.send(ack.render())
        return ack.render()
    asks._ack = acknowledged
    asks.reinvite(b"")
    office.run(1)
    assert asks.codes[-1] == 200 and asks.body == moved(offers, "203.0.113.8", 4444) and offers.body == answer
    del asks._ack
    offers.reinvite()
    office.run(1)
    assert offers.codes[-1] == 200
    asks.bye()
    office.swept()


def test_a_re_invite_without_an_offer_whose_ack_never_comes_ends_the_call(pair):
    office, call, other = pair
    call._ack = lambda invite: b""
    call.reinvite(b"")
    office.run(40)
    assert call.state == other.state == "ended" and other.asked[:3] == ["ACK", "INVITE", "ACK"]
    assert b"m=audio 0 " in other.body
    office.swept()


def test_an_invite_without_an_offer(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob", body=None)
    answer = sdp(alice.host, 4777)

    def acknowledged(invite):
        ack = call._new("ACK", invite.cseq[0])
        ack.fields = {"Via": [f"SIP/2.0/UDP {alice.host}:5060;rport;branch=z9hG4bKlate"], **ack.fields}
        ack.set("Content-Type", "application/sdp")
        ack.body = answer
        alice.flow.send(ack.render())
        return ack.render()
    call._ack = acknowledged
    office.run(1)
    assert bob.calls[-1].body == b"" and "100rel" not in bob.calls[-1].invitation.get("Supported")
    bob.calls[-1].answer(sdp(bob.host, 4888))
    office.run(1)
    assert call.body == sdp(bob.host, 4888) and bob.calls[-1].body == answer
    call.bye()
    office.swept()


def test_an_invite_without_an_offer_whose_ack_brings_no_answer_declines_every_stream(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.invite("bob", body=None)
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    assert b"m=audio 0 " in bob.calls[-1].body and call.state == "talking"
    call.bye()
    office.swept()


def early(office, reliable=True):
    """(alice's call, bob's): it rings, and the early description was acknowledged on both sides."""
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.on_call = lambda call: call.ring(183, sdp(bob.host), (("Require", "100rel"), ("RSeq", "1")))
    call = alice.invite("bob", fields=(("Require", "100rel"),) if reliable else ())
    office.run(1)
    assert call.codes[-1] == 183 and "PRACK" in bob.calls[-1].asked
    return call, bob.calls[-1]


def test_update_passes_before_the_answer_where_the_early_description_was_acknowledged(office):
    call, other = early(office)
    answers = []
    call.request("UPDATE", moved(call, "203.0.113.7", 4002), (), answers.append)
    office.run(1)
    assert answers[-1].status == 200 and other.body == moved(call, "203.0.113.7", 4002)
    other.request("UPDATE", moved(other, "203.0.113.8", 4004), (), answers.append)
    office.run(1)
    assert answers[-1].status == 200 and call.body == moved(other, "203.0.113.8", 4004)
    other.answer()
    office.run(1)
    assert call.state == "talking"
    call.bye()
    office.swept()


def test_update_before_the_answer_is_put_off_where_nothing_was_agreed(office):
    call, other = early(office, reliable=False)
    answers = []
    first = call.phone.heard("INVITE", 183)[-1]
    call._learn(first, first.to, first.get("To"), [])
    call.request("UPDATE", sdp("203.0.113.7", 4002), (), answers.append)
    office.run(1)
    assert answers[-1].status == 500 and answers[-1].get("Retry-After")
    other.request("UPDATE", sdp("203.0.113.8", 4004), (), answers.append)
    office.run(1)
    assert answers[-1].status == 491
    call.cancel()
    office.swept()


def test_a_refresh_of_ours_sends_the_description_and_not_the_keys_pressed(pair):
    office, call, other = pair
    leg = next(leg for leg in office.agent.legs.values() if leg.side == "called")
    call.request("INFO", b"Signal=5\r\n")
    office.run(1)
    leg.allowed = "INVITE"
    office.run(1000)
    assert other.phone.heard("INVITE")[-1].body == sdp(call.phone.host)
    call.bye()
    office.swept()
