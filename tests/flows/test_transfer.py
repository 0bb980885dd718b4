"""Transfers (RFC 3515, 5589), blind and attended, and calls that take the place of others (RFC 3891)."""

import pytest

from mizu.calls.current import FULL, CurrentCalls


def talking(office, caller, callee):
    call = caller.invite(callee.user)
    office.run(1)
    callee.calls[-1].answer()
    office.run(1)
    assert call.state == callee.calls[-1].state == "talking"
    return call, callee.calls[-1]


@pytest.mark.parametrize("side", [0, 1])
def test_a_blind_transfer_by_either_side(office, side):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    transferor, waiting = talking(office, alice, bob)[::1 - 2 * side]
    transferor.refer("sip:carol@192.0.2.1")
    office.run(1)
    assert transferor.referred == [202, [100]] and carol.calls[-1].state == "ringing"
    carol.calls[-1].answer()
    office.run(2)
    assert transferor.referred == [202, [100, 200]] and transferor.state == "ended"
    assert waiting.state == carol.calls[-1].state == "talking"
    assert carol.host.encode() in waiting.body and waiting.phone.host.encode() in carol.calls[-1].body
    notify = transferor.phone.heard("NOTIFY")[-1]
    assert notify.get("Subscription-State").startswith("terminated") and notify.get("Event").startswith("refer")
    assert notify.get("Content-Type").startswith("message/sipfrag")
    waiting.hold()
    office.run(1)
    assert b"sendonly" in carol.calls[-1].body
    carol.calls[-1].bye()
    office.run(1)
    assert waiting.state == "ended"
    office.swept()


def test_a_blind_transfer_to_nobody_is_told_and_they_go_on_talking(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    carol = office.phone("carol")
    carol.on_call = lambda call: call.refuse(486)
    call, other = talking(office, alice, bob)
    other.refer("sip:carol@192.0.2.1")
    office.run(1)
    assert other.referred == [202, [100, 486]]
    other.refer("sip:nobody@192.0.2.1")
    office.run(1)
    assert other.referred[1][-1] == 404 and call.state == other.state == "talking"
    call.hold()
    office.run(1)
    assert b"sendonly" in other.body
    call.bye()
    office.swept()


def test_a_transferor_that_hangs_up_before_the_answer_leaves_the_other_ringing_the_third(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    call, other = talking(office, alice, bob)
    call.refer("sip:carol@192.0.2.1")
    office.run(1)
    call.bye()
    office.run(1)
    carol.calls[-1].answer()
    office.run(1)
    assert other.state == carol.calls[-1].state == "talking"
    other.bye()
    office.run(1)
    assert carol.calls[-1].state == "ended"
    office.swept()


def test_the_waiting_side_that_hangs_up_ends_the_transfer(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    call, other = talking(office, alice, bob)
    call.refer("sip:carol@192.0.2.1")
    office.run(1)
    other.bye()
    office.run(1)
    assert call.state == carol.calls[-1].state == "ended"
    office.swept()


@pytest.mark.parametrize("side", [0, 1])
def test_an_attended_transfer(office, side):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    first, waiting = talking(office, alice, bob)[::1 - 2 * side]
    first.hold()
    office.run(1)
    second, third = talking(office, first.phone, carol)
    first.refer("sip:carol@192.0.2.1", second.replaces)
    office.run(2)
    assert first.referred[0] == 202 and first.referred[1][-1] == 200
    assert first.state == second.state == "ended"
    assert waiting.state == third.state == "talking"
    assert carol.host.encode() in waiting.body and waiting.phone.host.encode() in third.body
    for call in waiting, third:         # RFC 3264 8: to its telephone it is the session that it was
        assert b"o=- 1 2 IN IP4 %b\r\n" % first.phone.host.encode() in call.body
    third.bye()
    office.run(1)
    assert waiting.state == "ended" and len(office.bills()) == 2
    office.swept()


def shown(office):
    """(caller, callernumber, called, callednumber, calledip) of the call in progress."""
    call, = office.board.calls.values()
    row = dict(zip(FULL, CurrentCalls(office.board, office.users, office.clock).row(call)))
    return tuple(row[name] for name in ("caller", "callernumber", "called", "callednumber", "calledip"))


def test_the_list_of_calls_shows_who_talks_now(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    first, second = talking(office, alice, bob)
    assert shown(office) == ("alice", "alice", "bob", "bob", bob.host)
    second.refer("sip:carol@192.0.2.1")
    office.run(1)
    carol.calls[-1].answer()
    office.run(1)
    assert shown(office) == ("alice", "alice", "carol", "carol", carol.host)
    first.refer("sip:bob@192.0.2.1")
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    assert shown(office) == ("bob", "bob", "carol", "carol", carol.host)
    carol.calls[-1].refer("sip:nobody@192.0.2.1")           # nothing comes of that one
    office.run(1)
    assert shown(office) == ("bob", "bob", "carol", "carol", carol.host)
    carol.calls[-1].bye()
    office.run(1)
    office.swept()


def test_the_list_shows_whom_an_attended_transfer_has_joined(office):
    office.price("36", 0.6)
    alice, bob = office.phone("alice", credit=5), office.phone("bob", credit=5)
    carrier = office.trunk("trunk", "203.0.113.5")
    first, waiting = talking(office, alice, bob)
    second = alice.invite("36201234567")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(1)
    first.refer("sip:36201234567@192.0.2.1", second.replaces)
    office.run(2)
    assert shown(office) == ("trunk", "36201234567", "bob", "bob", bob.host)
    waiting.bye()
    office.run(1)
    office.swept()


def test_a_transfer_while_the_second_call_rings_becomes_a_blind_one(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    call, other = talking(office, alice, bob)
    second = alice.invite("carol")
    office.run(1)
    call.refer("sip:carol@192.0.2.1", second.replaces if second.remote.count("tag=") else "")
    office.run(1)
    carol.calls[-1].answer()
    office.run(2)
    assert other.state == carol.calls[-1].state == "talking"
    second.end()
    other.bye()
    office.run(1)
    assert carol.calls[-1].state == "ended"
    office.swept()


def test_a_transferor_that_wants_no_news_gets_none(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    call, other = talking(office, alice, bob)
    answers = []
    call.request("REFER", None, (("Refer-To", "<sip:carol@192.0.2.1>"), ("Refer-Sub", "false")), answers.append)
    office.run(1)
    carol.calls[-1].answer()
    office.run(1)
    assert answers[-1].status == 202 and answers[-1].get("Refer-Sub") == "false" and "NOTIFY" not in call.asked
    other.bye()
    office.swept()


@pytest.mark.parametrize("target, code", [
    ("", 400), ("<sip:carol@192.0.2.1>, <sip:bob@192.0.2.1>", 400), ("<http://carol>", 416), ("<sip:>", 400),
    ('"<sip:carol', 400), ("<sip:carol@192.0.2.1?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>", 481),
    ("<sip:carol@192.0.2.1;method=BYE>", 400)])
def test_a_refer_that_makes_no_sense_is_refused(office, target, code):
    alice, bob = office.phone("alice"), office.phone("bob")
    call, other = talking(office, alice, bob)
    answers = []
    call.request("REFER", None, (("Refer-To", target),) if target else (), answers.append)
    office.run(1)
    assert answers[-1].status == code and call.state == other.state == "talking"
    call.bye()
    office.swept()


def test_a_call_cannot_be_transferred_to_itself(office):
    alice, bob = office.phone("alice"), office.phone("bob")
    call, other = talking(office, alice, bob)
    call.refer("sip:bob@192.0.2.1", call.replaces)
    office.run(1)
    assert call.referred == [202, [481]] and other.state == "talking"
    call.bye()
    office.swept()


def test_an_invite_takes_the_place_of_a_call(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    call, other = talking(office, alice, bob)
    remote = other.remote.rpartition("tag=")[2]
    taken = carol.invite("bob", fields=(("Replaces", f"{other.call_id};to-tag={remote};from-tag={other.tag}"),))
    office.run(2)
    assert taken.state == call.state == "talking" and other.state == "ended"
    assert carol.host.encode() in call.body
    taken.bye()
    office.run(1)
    assert call.state == "ended"
    office.swept()


def test_an_invite_that_replaces_nothing_is_refused(office):
    alice = office.phone("alice")
    call = alice.invite("alice", fields=(("Replaces", "x;to-tag=1;from-tag=2"),))
    office.run(1)
    assert call.codes[-1] == 481
    office.swept()


def test_who_transfers_pays_for_the_new_part(office):
    office.price("36", 0.6, billingstep=1)
    alice, bob = office.phone("alice"), office.phone("bob", credit=1)
    carrier = office.trunk("carrier", "203.0.113.5")
    call, other = talking(office, alice, bob)
    other.refer("sip:36201234567@192.0.2.1")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(20.5)
    call.bye()
    office.run(1)
    assert carrier.calls[-1].state == "ended"
    assert office.balance("bob") in (1_000_000 - 210_000, 1_000_000 - 200_000)
    office.swept()


@pytest.mark.parametrize("first", ["fails", "succeeds"])
def test_who_transfers_after_another_transfer_pays_himself(office, first):
    office.price("36", 0.6, billingstep=1)
    alice, bob, carol = office.phone("alice", credit=1), office.phone("bob", credit=1), office.phone("carol", credit=1)
    carrier = office.trunk("carrier", "203.0.113.5")
    call, other = talking(office, alice, bob)
    call.refer("sip:carol@192.0.2.1")
    office.run(1)
    carol.calls[-1].answer() if first == "succeeds" else carol.calls[-1].refuse()
    office.run(2)
    other.refer("sip:36201234567@192.0.2.1")
    office.run(1)
    carrier.calls[-1].answer()
    office.run(10.5)
    (carol.calls[-1] if first == "succeeds" else call).bye()
    office.run(1)
    assert carrier.calls[-1].state == "ended"
    assert [office.balance(name) < 1_000_000 for name in ("alice", "bob", "carol")] == [False, True, False]
    office.swept()


def test_a_transfer_that_fails_leaves_the_call_with_who_talks(office):
    alice, bob, carol = office.phone("alice"), office.phone("bob"), office.phone("carol")
    carol.on_call = lambda call: call.refuse(486)
    call, other = talking(office, alice, bob)
    call.refer("sip:carol@192.0.2.1")
    office.run(1)
    current = next(iter(office.board.calls.values()))
    assert current.callee.account.username == "bob" and current.far.account.username == "bob"
    assert not office.board.lines(office.users.by_username("carol").id)
    call.bye()
    office.swept()
