"""Transfers: who leaves, who stays, who pays for what."""

import pytest

from mizu.calls.events import Transfer, Update

from .switch import DOLLAR
from .test_bridge import Reply, people, talk       # noqa: F401


def blind(switch, leg, target="carl", **values):
    """A blind transfer by a leg; carl's way is paid by whoever transfers."""
    who = switch.person(values.pop("who", "bob"))
    if not switch.credit(who.username):
        give(switch, who, DOLLAR)
    charge = switch.charge(who, "3655555")
    switch.transfers["carl"] = switch.plan(switch.stage("carl", charges=[charge], **values))
    reply = Reply()
    leg.say(Transfer(target, None, reply))
    return reply


def give(switch, who, micros):
    with switch.db.unit() as unit:
        switch.users.update(unit, who.id, {"currency": "USD"})
        switch.ledger.add(unit, who, micros, "admin", "x")
    switch.users.reload((who.id,))


def settle(switch, waiting, new):
    """The descriptions that are exchanged."""
    assert waiting.last.body.data == b"carl's answer"
    waiting.last.reply(200, new.told[0].body)
    assert new.last.__class__ is Update
    new.last.reply(200, new.told[0].body)


def test_a_blind_transfer_by_the_called_side(switch):
    bridge, a, b = talk(switch)
    switch.run(10)
    reply = blind(switch, b)
    carl = switch.legs["carl"]
    assert carl.told[0].body.data == b"offer" and reply.codes == [] and switch.held() == 240_000
    carl.ring()
    assert a.words == ["Connect"]
    switch.run(5)
    carl.answer("carl's answer")
    assert reply.codes == [200] and b.words[-1] == "Disconnect" and (bridge.a, bridge.b) == (a, carl)
    settle(switch, a, carl)
    switch.run(15)
    a.bye()
    assert carl.words[-1] == "Disconnect"
    assert switch.credit("john") == DOLLAR - 60_000 and switch.credit("bob") == DOLLAR - 30_000
    ids = [switch.person(name).id for name in ("john", "bob", "carl")]
    assert switch.rows("callerid, calledid, callednumber, mark, realduration, sipcallid") == [
        (ids[0], ids[1], "3612345", "", 30, "call-1@phone"), (ids[1], ids[2], "3655555", "TRANS", 15, "call-1@phone")]
    switch.clean()


def test_a_blind_transfer_by_the_caller(switch):
    bridge, a, b = talk(switch)
    reply = blind(switch, a, who="john")
    switch.legs["carl"].answer("carl's answer")
    carl = switch.legs["carl"]
    assert reply.codes == [200] and a.words[-1] == "Disconnect" and (bridge.a, bridge.b) == (carl, b)
    settle(switch, b, carl)
    switch.run(30)
    carl.bye()
    assert b.words[-1] == "Disconnect" and switch.credit("john") == DOLLAR - 120_000
    switch.clean()


def test_a_transfer_that_finds_nobody_leaves_the_call_as_it_was(switch):
    bridge, a, b = talk(switch)
    reply = blind(switch, b)
    switch.legs["carl"].fail(486)
    assert reply.codes == [486] and not bridge.ended and bridge.b is b
    refused = Reply()
    b.say(Transfer("nobody", None, refused))
    assert refused.codes == [404]
    a.bye()
    assert switch.rows("discreason, realduration, mark")[0] == (486, 0, "TRANS")
    switch.clean()


def test_whoever_transfers_may_hang_up_before_anybody_answers(switch):
    bridge, a, b = talk(switch)
    reply = blind(switch, b)
    b.bye()
    assert not bridge.ended and bridge.b is None
    asked = Reply()
    a.say(Update(None, asked))
    assert asked.codes == [491]
    switch.legs["carl"].answer("carl's answer")
    settle(switch, a, switch.legs["carl"])
    assert reply.codes == [200] and bridge.b is switch.legs["carl"]
    a.bye()
    switch.clean()


def test_whoever_waits_for_nobody_in_the_end_is_hung_up(switch):
    bridge, a, b = talk(switch)
    reply = blind(switch, b)
    b.bye()
    switch.legs["carl"].fail(486)
    assert bridge.ended and a.words[-1] == "Disconnect" and reply.codes == [486]
    switch.clean()


@pytest.mark.parametrize("end", ["waiting", "operator", "noanswer"])
def test_a_transfer_under_way_ends_with_the_call(switch, end):
    bridge, a, b = talk(switch)
    reply = blind(switch, b, timeout=20)
    carl = switch.legs["carl"]
    if end == "noanswer":
        b.bye()
        switch.run(20)
    else:
        a.bye() if end == "waiting" else switch.board.drop(bridge.call.id)
    assert bridge.ended and carl.words == ["Try", "Disconnect"] and len(reply.codes) == 1 and len(switch.rows()) == 2
    switch.clean()


def test_the_money_of_whoever_transfers_may_end_the_call(switch):
    bridge, a, b = talk(switch)
    give(switch, switch.person("bob"), 40_000)
    blind(switch, b)
    switch.legs["carl"].answer("carl's answer")
    settle(switch, a, switch.legs["carl"])
    switch.run(20)
    assert bridge.ended and switch.credit("bob") == 0 and switch.credit("john") == DOLLAR - 40_000
    switch.clean()


def two_calls(switch):
    """john talks to bob, and bob has called eve: (first, second)."""
    switch.person("bob", credit=1.0, currency="USD")
    first, _, b = talk(switch)
    second = switch.paid("bob", number="3677777", to=("eve",))
    return first, b, second


def test_an_attended_transfer_joins_two_calls(switch):
    first, b, second = two_calls(switch)
    switch.legs["eve"].answer("eve's answer")
    a, eve, bobs = first.a, switch.legs["eve"], second.a
    switch.run(10)
    reply = Reply()
    b.say(Transfer("eve", bobs, reply))
    assert reply.codes == [200] and second.ended and not first.ended and (first.a, first.b) == (a, eve)
    assert b.words[-1] == bobs.words[-1] == "Disconnect" and len(switch.board) == 1 and eve.words == ["Try"]
    assert a.last.body.data == b"eve's answer"
    a.last.reply(200, second.bodies.get(a) or first.bodies[a])
    assert eve.last.__class__ is Update and eve.last.body.data == b"offer"
    eve.last.reply(200, first.bodies[eve])
    switch.run(20)
    eve.bye()
    assert a.words[-1] == "Disconnect"
    assert switch.credit("john") == DOLLAR - 60_000 and switch.credit("bob") == DOLLAR - 60_000
    assert switch.rows("callednumber, realduration, sipcallid") == [("3612345", 30, "call-1@phone"),
                                                                    ("3677777", 30, "call-2@phone")]
    switch.clean()


def test_an_attended_transfer_before_the_answer_becomes_a_blind_one(switch):
    first, b, second = two_calls(switch)
    switch.transfers["eve"] = switch.plan(switch.stage("eve"))
    old = switch.legs["eve"]
    reply = Reply()
    b.say(Transfer("eve", second.a, reply))
    assert second.ended and old.words == ["Try", "Disconnect"]
    switch.legs["eve"].answer("eve's answer")
    assert reply.codes == [200] and first.b is switch.legs["eve"]
    first.a.bye()
    switch.clean()


def test_a_call_that_is_gone_cannot_be_joined(switch):
    first, b, second = two_calls(switch)
    bobs = second.a
    switch.legs["eve"].fail(486)
    reply = Reply()
    b.say(Transfer("eve", bobs, reply))
    assert reply.codes == [481]
    b.say(Transfer("eve", first.a, reply))
    assert reply.codes == [481, 481]
    first.a.bye()
    switch.clean()


def test_an_offer_that_collides_is_made_again(switch):
    bridge, a, b = talk(switch)
    blind(switch, b)
    carl = switch.legs["carl"]
    carl.answer("carl's answer")
    a.last.reply(491)
    theirs = Reply()
    a.say(Update(sdp_of(a), theirs))
    carl.last.reply(200, None)
    switch.run(1)
    settle(switch, a, carl)
    a.bye()
    switch.clean()


def sdp_of(leg):
    from .switch import sdp
    return sdp("offer")


def test_sides_that_cannot_be_joined_are_hung_up(switch):
    bridge, a, b = talk(switch)
    blind(switch, b)
    switch.legs["carl"].answer("carl's answer")
    a.last.reply(488)
    assert bridge.ended and switch.legs["carl"].words[-1] == "Disconnect"
    switch.clean()


def test_a_leg_takes_the_place_of_another_one(switch):
    from mizu.calls.events import Try
    from mizu.calls.transfer import replace

    from .switch import sdp
    bridge, a, b = talk(switch)
    new = switch.leg("new")
    assert replace(bridge, b, new, Try(sdp("new's offer")))
    assert b.words[-1] == "Disconnect" and a.last.body.data == b"new's offer" and bridge.b is new
    a.last.reply(200, sdp("a's answer"))
    assert new.words == ["Connect"] and new.last.body.data == b"a's answer"
    new.bye()
    assert a.words[-1] == "Disconnect"
    switch.clean()
