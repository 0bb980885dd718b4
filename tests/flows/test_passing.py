"""What passes from one side of a call to the other beside its sound: fields of ours to nobody, X- fields to all."""

import pytest

from tests.flows.phone import moved

MARK = (("X-Mark", "7; a=b"), ("X-MAPI", "k"))


def marks(phone, method):
    message = phone.heard(method)[-1]
    return message.get("X-Mark"), "X-MAPI" in message.fields


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("method", ["INFO", "INVITE", "UPDATE", "BYE"])
def test_x_fields_pass_in_every_request_of_a_call(pair, side, method):
    office, *sides = pair
    call, other = sides[::1 - 2 * side]
    body = moved(call, "203.0.113.7", 4002) if method in ("INVITE", "UPDATE") else b""
    call.request(method, body, MARK, lambda response: None)
    office.run(1)
    got = "INVITE" if method == "UPDATE" else method        # an offer in a call goes on as a re-INVITE
    assert marks(other.phone, got) == ("7; a=b", False)
    if method != "BYE":
        call.bye()
        office.run(1)
    office.swept()


def test_x_fields_pass_in_every_answer_to_an_invite(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.on_call = lambda call: call.ring(183, None, MARK)
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer(fields=MARK)
    office.run(1)
    call.bye()
    bob.on_call = lambda call: call.refuse(486, fields=MARK)
    alice.invite("bob")
    office.run(1)
    assert [(message.status, message.get("X-Mark")) for message in alice.got
            if message.status and message.cseq[1] == "INVITE" and message.status not in (100, 401, 407)] == [
        (183, "7; a=b"), (200, "7; a=b"), (486, "7; a=b")]
    office.swept()


def thinks(call):
    """The telephone says 100 to a new offer and nothing more."""
    def invited(message):
        call.invitation = message
        call.phone.say(message, message.reply(100))
    call._on_invite = invited


def take_back(call):
    """Make a new offer, and cancel it; the statuses that came."""
    codes = []
    call._first = call.request("INVITE", moved(call, "203.0.113.7", 4002), (), lambda told: codes.append(told.status))
    return codes


@pytest.mark.parametrize("side", [0, 1])
def test_a_new_offer_that_is_taken_back_is_taken_back_on_the_other_side_too(pair, side):
    office, *sides = pair
    call, other = sides[::1 - 2 * side]
    thinks(other)
    other._on_cancel = lambda message: (other._okay(message), other._answer(487, None, ()))
    codes = take_back(call)
    office.run(1)
    call._cancel()
    office.run(2)
    assert codes == [100, 487] and other.phone.heard("CANCEL") and "ACK" in other.asked[-1:]
    del other._on_invite
    call.hold()
    office.run(1)
    assert call.codes[-1] == 200 and other.state == "talking"
    call.bye()
    office.run(1)
    office.swept()


@pytest.mark.parametrize("side", [0, 1])
def test_an_offer_that_was_accepted_although_it_was_taken_back_is_put_right(pair, side):
    office, *sides = pair
    call, other = sides[::1 - 2 * side]
    thinks(other)
    other._on_cancel = other._okay
    codes = take_back(call)
    office.run(1)
    call._cancel()
    office.run(1)
    del other._on_invite
    other.answer()
    office.run(2)
    assert codes == [100, 487] and other.state == "talking"
    assert b"c=IN IP4 %b\r\n" % call.phone.host.encode() in other.body and b"203.0.113.7" not in other.body
    call.bye()
    office.run(1)
    office.swept()
