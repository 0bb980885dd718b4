"""Who is shown to whom (RFC 3323, RFC 3325), as `cli` of both sides and the caller's own wish say."""

import pytest

from tests.flows.phone import sdp

NORMAL, ASSERT, ASSERT_TRUSTED, HIDE, HIDE_ALL = 1, 2, 3, 4, 5


def seen(phone):
    """(user, display, asserted user, Privacy) of the last INVITE of a phone."""
    invite = phone.calls[-1].invitation
    asserted = invite.get("P-Asserted-Identity")
    return (invite.from_.uri.partition(":")[2].partition("@")[0], invite.from_.display,
            asserted.partition("sip:")[2].partition("@")[0], invite.get("Privacy"))


@pytest.fixture
def lines(office):
    """lines(caller's cli, trunk's cli, fields) -> (what a trunk sees, what a phone sees)."""
    office.price("36", 0.6)

    def call(own, theirs, *fields):
        alice = office.phone("alice", credit=1, cli=own, telnumber="3611234567")
        alice.name = "Alice A."
        carrier, bob = office.trunk("carrier", "203.0.113.5", cli=theirs), office.phone("bob")
        for number in ("36201234567", "bob"):
            alice.invite(number, fields=fields)
            office.run(1)
            alice.calls[-1].cancel()
            office.run(1)
        office.swept()
        return seen(carrier), seen(bob)
    return call


def test_a_caller_is_shown_by_number_and_name(lines):
    trunk, phone = lines(NORMAL, NORMAL)
    assert trunk == ("3611234567", "Alice A.", "", "")
    assert phone[1:] == ("Alice A.", "", "")


def test_an_identity_is_asserted_to_whom_it_is_wanted_by(lines):
    trunk, phone = lines(NORMAL, ASSERT)
    assert trunk[2] == "3611234567" and phone[2] == ""


def test_a_trusted_trunk_hears_who_it_is_although_others_do_not(lines):
    trunk, phone = lines(HIDE, ASSERT_TRUSTED)
    assert trunk == ("anonymous", "Anonymous", "3611234567", "id")
    assert phone == ("anonymous", "Anonymous", "", "id")


def test_whoever_hides_all_is_asserted_to_nobody(lines):
    trunk, phone = lines(HIDE_ALL, ASSERT)
    assert trunk == phone == ("anonymous", "Anonymous", "", "id")


def test_the_wish_of_a_caller_hides_him(lines):
    trunk, phone = lines(NORMAL, NORMAL, ("Privacy", "id"))
    assert trunk[0] == phone[0] == "anonymous" and phone[2] == "" and phone[3] == "id"


def test_nobody_shows_a_number_or_an_identity_that_is_not_his(office):
    alice, bob = office.phone("alice", telnumber="3611234567"), office.phone("bob")
    alice.invite("bob", fields=(("From", '"Bank" <sip:3612222222@192.0.2.1>;tag=x1'),
                                ("P-Asserted-Identity", "<sip:3612222222@192.0.2.1>"),
                                ("Remote-Party-ID", "<sip:3612222222@192.0.2.1>"),
                                ("P-Preferred-Identity", "<sip:3612222222@192.0.2.1>")))
    office.run(1)
    assert b"3612222222" not in bob.calls[-1].invitation.render()
    bob.calls[-1].refuse()
    office.swept()


def test_fields_of_the_users_own_stay_where_he_asks_for_privacy(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    alice.invite("bob", fields=(("Privacy", "user;id"), ("Organization", "Alice Ltd"), ("Subject", "me")))
    office.run(1)
    assert not {"Organization", "Subject"} & set(bob.calls[-1].invitation.fields)
    assert b"Alice" not in bob.calls[-1].invitation.render()
    bob.calls[-1].refuse()
    office.swept()


def test_a_hidden_callers_description_does_not_name_him_either(office):
    alice, bob = office.phone("alice", cli=HIDE), office.phone("bob")
    body = sdp(alice.host).replace(b"o=- 1 1", b"o=alice 1 1")
    call = alice.invite("bob", body)
    office.run(1)
    other = bob.calls[-1]
    other.answer()
    office.run(1)
    call.reinvite(body.replace(b"sendrecv", b"sendonly"))
    office.run(1)
    assert b"alice" not in other.invitation.render() and b"o=- 1 1 IN" in other.body and b"sendonly" in other.body
    call.bye()
    office.swept()


def test_a_name_in_another_character_set_does_no_harm(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    alice.name = "M\udcfcller"
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer(fields=(("Server", "T\udce9l\udce9phone"),))
    office.run(2)
    assert call.state == "talking"
    call.bye()
    office.run(1)
    assert len(office.bills()) == 1
    office.swept()
