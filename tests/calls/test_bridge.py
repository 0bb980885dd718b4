"""Ladders of two legs and a bridge: whatever the order, one call, one bill, and nothing left behind."""

import pytest

from mizu.calls.events import Connect, Disconnect, Fail, Info, Progress, Ring, Update

from .switch import DOLLAR, sdp


@pytest.fixture(autouse=True)
def people(switch):
    switch.person("john", credit=1.0, currency="USD")
    switch.price("36", 0.12)


def talk(switch, **more):
    """john's call to bob, answered."""
    bridge = switch.paid("john", **more)
    switch.legs["bob"].answer()
    return bridge, bridge.a, bridge.b


class Reply:
    """What an asker was told."""

    def __init__(self):
        self.given = []

    def __call__(self, code, body=None, answered=None):
        self.given.append((code, body and body.data.decode()))
        self.answered = answered

    @property
    def codes(self):
        return [code for code, _ in self.given]


def test_an_ordinary_call(switch):
    bridge = switch.paid("john")
    a, bob = bridge.a, switch.legs["bob"]
    assert bob.told[0].body.data == b"offer" and bridge.call.state == "trying"
    bob.ring()
    assert bridge.call.state == "ringing" and a.words == ["Ring"]
    bob.ring("early")
    assert a.words == ["Ring", "Progress"] and a.last.body.data == b"early"
    bob.answer()
    assert bridge.call.state == "talking" and a.words[-1] == "Connect" and a.last.body.data == b"answer"
    switch.run(10)
    a.bye()
    assert bob.words == ["Try", "Disconnect"] and switch.rows("discreason, discside") == [(200, "caller")]
    switch.clean()


def test_a_delayed_offer_is_answered_by_the_caller(switch):
    answers = []
    bridge = switch.call("john", switch.stage("bob"), offer=None)
    switch.legs["bob"].answer("bob's offer", answers.append)
    a = bridge.a
    a.last.answered(sdp("john's answer"))
    assert [body.data for body in answers] == [b"john's answer"] and bridge.bodies[a].data == b"john's answer"
    a.bye()
    switch.clean()


def test_the_caller_gives_up_while_it_rings(switch):
    bridge = switch.paid("john")
    bob, a = switch.legs["bob"], bridge.a
    bob.ring()
    a.bye(487, "cancelled")
    assert bob.words == ["Try", "Disconnect"] and switch.credit("john") == DOLLAR
    assert switch.rows("realduration, discreason, disctext, discside, connectdate") == [
        (0, 487, "cancelled", "caller", "")]
    switch.clean()


def test_an_answer_that_crosses_the_caller_giving_up_is_hung_up_and_costs_nothing(switch):
    bridge = switch.paid("john")
    bob = switch.legs["bob"]
    bridge.a.bye(487)
    bob.silent = False
    bob.answer()
    assert bob.words == ["Try", "Disconnect", "Disconnect"] and switch.credit("john") == DOLLAR
    assert len(switch.rows()) == 1
    bob.silent = True
    switch.clean()


def test_the_caller_may_be_gone_while_money_is_set_aside(switch):
    from mizu.base.task import Future
    gate, kept = Future(), switch.db.begun

    async def closed():
        await gate
        return await kept()
    switch.db.begun = closed
    bridge = switch.paid("john")
    assert switch.legs == {}
    bridge.a.bye(487)
    gate.set()
    switch.db.begun = kept
    assert switch.legs == {} and switch.rows("discreason") == [(487,)]
    switch.clean()


def test_the_first_of_several_wins_and_the_others_are_taken_back(switch):
    bridge = switch.paid("john", to=("ann", "bob", "eve"))
    ann, bob, eve = [switch.legs[name] for name in ("ann", "bob", "eve")]
    ann.ring("ann's music")
    assert bridge.a.words == ["Ring"] and bridge.a.last.body is None        # who would hear whose?
    bob.answer()
    assert ann.words[-1] == eve.words[-1] == "Disconnect" and bridge.b is bob
    ann.silent = False
    ann.answer()
    assert ann.words[-1] == "Disconnect" and bridge.b is bob
    ann.silent = True
    assert list(bridge.call.parties) == [switch.person("john").id, switch.person("bob").id]
    bob.bye()
    assert switch.rows("calledid") == [(switch.person("bob").id,)]
    switch.clean()


@pytest.mark.parametrize("codes, told", [
    ((486, 480, 500), 486), ((404, 603), 603), ((500, 503), 500), ((503, 503), 500), ((401, 500), 500),
    ((480, 404), 404), ((302, 486), 486), ((302, 302), 480), ((487, 487), 480), ((484, 404), 484)])
def test_of_several_failures_the_best_is_told(switch, codes, told):
    names = ("ann", "bob")[:len(codes)] if len(codes) == 2 else ("ann", "bob", "eve")
    bridge = switch.paid("john", to=names)
    a = bridge.a
    for name, code in zip(names, codes):
        if not switch.legs[name].silent:
            switch.legs[name].fail(code)
    assert a.words == ["Fail"] and a.last.code == told
    assert switch.credit("john") == DOLLAR
    switch.clean()


def test_a_6xx_ends_the_ringing_of_all(switch):
    bridge = switch.paid("john", to=("ann", "bob"))
    a = bridge.a
    switch.legs["ann"].fail(603, "Decline")
    assert switch.legs["bob"].words[-1] == "Disconnect" and a.last.code == 603
    switch.clean()


def test_nobody_answers_in_time(switch):
    bridge = switch.paid("john", timeout=15)
    a = bridge.a
    switch.legs["bob"].ring()
    switch.run(14.9)
    assert not bridge.ended
    switch.run(0.1)
    assert a.last.code == 480 and switch.rows("discreason, disctext, alegduration") == [(480, "No Answer", 15)]
    switch.clean()


def test_all_stages_together_ring_for_three_minutes_at_most(switch):
    stages = [switch.stage(f"b{number}", timeout=50, condition="noanswer" if number else "first")
              for number in range(8)]
    bridge = switch.call("john", *stages)
    switch.run(179)
    assert not bridge.ended and len(switch.legs) == 4
    switch.run(1)
    assert bridge.ended
    switch.clean()


def failover(switch, first, kind="trunk"):
    """A second trunk for when the first one fails; whether it was tried, and what the caller was told."""
    charge = switch.charge(switch.person("john"), "3612345")
    bridge = switch.call("john", switch.stage("t1", kind=kind, charges=[charge]),
                         switch.stage("t2", kind=kind, condition="failed", charges=[charge]))
    a = bridge.a
    first(switch.legs["t1"])
    tried = "t2" in switch.legs
    if tried:
        switch.legs["t2"].answer()
        a.bye()
    return tried, a.words[0]


@pytest.mark.parametrize("code, again", [(500, True), (503, True), (408, True), (403, True), (486, False),
                                         (404, False), (480, False), (603, False), (600, False), (484, False)])
def test_another_trunk_is_tried_only_when_the_first_one_failed(switch, code, again):
    tried, word = failover(switch, lambda leg: leg.fail(code))
    assert tried == again and word == ("Connect" if again else "Fail")
    assert len(switch.rows()) == 1 and len(switch.db.rows("SELECT 1 FROM tb_ledger WHERE kind = 'call'")) == 0
    switch.clean()


def test_a_trunk_that_has_rung_is_not_replaced_when_it_times_out(switch):
    def rang(leg):
        leg.ring()
        leg.fail(408)
    assert failover(switch, rang) == (False, "Ring")
    switch.clean()


def test_a_trunk_that_nobody_is_at_is_passed_over(switch):
    switch.reachable = {"t2"}
    charge = switch.charge(switch.person("john"), "3612345")
    bridge = switch.call("john", switch.stage("t1", kind="trunk", charges=[charge]),
                         switch.stage("t2", kind="trunk", condition="failed", charges=[charge]))
    assert switch.legs["t2"].words == ["Try"] and switch.held() == 120_000
    bridge.a.bye(487)
    switch.clean()


@pytest.mark.parametrize("outcome, target", [("busy", "b"), ("noanswer", "n"), ("unavailable", "u"), ("decline", None)])
def test_forwards_by_what_became_of_the_first(switch, outcome, target):
    bob = switch.person("bob", credit=1.0, currency="USD")
    forward = [switch.charge(switch.person("john"), "bob", called=bob, free=True),
               switch.charge(bob, "3699999", mark="FWD")]
    bridge = switch.call("john", switch.stage("bob", timeout=10, charges=forward[:1]),
                         *[switch.stage(name, condition=condition, charges=forward)
                           for name, condition in (("b", "busy"), ("n", "noanswer"), ("u", "unavailable"))])
    a = bridge.a
    if outcome == "noanswer":
        switch.run(10)
    else:
        switch.legs["bob"].fail({"busy": 486, "unavailable": 480, "decline": 603}[outcome])
    assert set(switch.legs) == {"bob", target} - {None}
    if target is None:
        return switch.clean()
    assert switch.held() == 120_000         # bob pays for the way from him
    switch.legs[target].answer()
    switch.run(30)
    a.bye()
    assert switch.credit("bob") == DOLLAR - 60_000 and switch.credit("john") == DOLLAR
    assert switch.rows("callerid, calledid, callednumber, mark, realduration, costenduser, sipcallid, origcallerid") == [
        (switch.person("john").id, bob.id, "bob", "", 30, 0, "call-1@phone", "john"),
        (bob.id, switch.person(target).id, "3699999", "FWD", 30, 0.06, "call-1@phone", "john")]
    switch.clean()


@pytest.mark.parametrize("code", [486, 480, 404, 500, 603, 0])
def test_the_next_one_of_a_group_is_rung_whatever_became_of_the_one_before(switch, code):
    first = switch.stage("bob", timeout=10)
    second = switch.stage("carl", timeout=10, condition="next", after=(first,))
    switch.call("john", first, second, switch.stage("x", condition="busy", after=(first, second)))
    if code:
        switch.legs["bob"].fail(code)
    else:
        switch.run(10)
    assert list(switch.legs) == ["bob", "carl"]
    switch.legs["carl"].fail(486)
    assert list(switch.legs) == ["bob", "carl", "x"]
    switch.legs["x"].fail(486)
    switch.clean()


def test_a_forward_is_followed_only_from_where_it_belongs_and_nobody_there_is_as_no_answer(switch):
    first = switch.stage("bob", timeout=10)
    busy = switch.stage("b", condition="busy", after=(first,))
    switch.call("john", first, busy, switch.stage("deep", condition="noanswer", after=(busy,)),
                switch.stage("n", condition="noanswer", after=(first,)))
    switch.legs["bob"].fail(480)
    assert list(switch.legs) == ["bob", "n"]
    switch.legs["n"].fail(486)
    switch.clean()


def test_a_forward_that_its_owner_cannot_pay_leaves_the_caller_with_busy(switch):
    bob = switch.person("bob", currency="USD")
    bridge = switch.call("john", switch.stage("bob"),
                         switch.stage("b", condition="busy", charges=[switch.charge(bob, "3699999", mark="FWD")]))
    a = bridge.a
    switch.legs["bob"].fail(486)
    assert a.last.code == 486 and "b" not in switch.legs
    assert switch.rows("callerid, discreason, mark") == [(bob.id, 402, "FWD")]
    switch.clean()


def test_a_phone_that_redirects_leads_to_a_new_stage(switch):
    switch.redirects["<sip:carl@x>"] = switch.stage("carl")
    bridge = switch.call("john", switch.stage("bob"), switch.stage("x", condition="busy"))
    switch.legs["bob"].fail(302, "Moved", ["<sip:carl@x>"])
    assert switch.legs["carl"].words == ["Try"]
    switch.legs["carl"].answer()
    assert bridge.b is switch.legs["carl"]
    bridge.a.bye()
    switch.clean()


def test_redirections_that_go_in_circles_end(switch):
    switch.redirects["<sip:bob@x>"] = switch.stage("bob")
    bridge = switch.call("john", switch.stage("bob"))
    a, tried = bridge.a, 0
    while not bridge.ended:
        tried += 1
        switch.legs["bob"].fail(302, "Moved", ["<sip:bob@x>"])
    assert tried == 6 and a.last.code == 480
    switch.clean()


def test_a_leg_that_fails_at_once_and_one_that_answers_at_once(switch):
    kept = switch.dial

    def dial(destination, call):
        legs = kept(destination, call)
        for leg in legs:
            leg.onto = {"Try": None}
            take = leg.take

            def now(event, leg=leg, take=take, name=destination.number):
                take(event)
                if event.__class__.__name__ == "Try":
                    leg.fail(486) if name == "ann" else leg.answer()
            leg.take = now
        return legs
    switch.bridges.dial = dial
    bridge = switch.paid("john", to=("ann", "bob"))
    assert bridge.b is switch.legs["bob"] and bridge.a.words == ["Connect"]
    bridge.a.bye()
    switch.clean()


def test_a_plan_that_refuses_is_told_and_recorded(switch):
    bridge = switch.call("john", plan=switch.plan(code=403, reason="not allowed"))
    assert bridge.ended and switch.everyone[0].last.code == 403
    assert switch.rows("callernumber, callednumber, discreason, disctext, discside, mark") == [
        ("john", "3612345", 403, "not allowed", "server", "FAIL")]
    bridge = switch.call(None, plan=switch.plan(code=404))
    assert bridge.ended and len(switch.rows()) == 1
    switch.clean()


# -- in the call

def test_offers_pass_both_ways_and_hold_is_one_of_them(switch):
    bridge, a, b = talk(switch)
    for leg, other in ((a, b), (b, a)):
        reply = Reply()
        leg.say(Update(sdp("hold"), reply))
        assert other.last.body.data == b"hold" and reply.given == []
        other.last.reply(200, sdp("held"))
        assert reply.given == [(200, "held")] and bridge.bodies[leg].data == b"hold"
    a.bye()
    switch.clean()


def test_two_offers_at_once_are_one_too_many(switch):
    bridge, a, b = talk(switch)
    first, second, third = Reply(), Reply(), Reply()
    a.say(Update(sdp("1"), first))
    b.say(Update(sdp("2"), second))
    assert second.codes == [491] and first.codes == []
    b.last.reply(200, sdp("ok"))
    b.last.reply(200, sdp("again"))
    assert first.codes == [200]
    b.say(Update(sdp("3"), third))
    assert a.last.body.data == b"3"
    a.bye()
    assert third.codes == [481]
    switch.clean()


def test_a_wish_for_an_offer_passes_and_its_answer_comes_after(switch):
    bridge, a, b = talk(switch)
    reply, answers = Reply(), []
    a.say(Update(None, reply))
    b.last.reply(200, sdp("b's offer"), answers.append)
    assert reply.given == [(200, "b's offer")]
    reply.answered(sdp("a's answer"))
    assert answers[0].data == b"a's answer" and bridge.bodies[a].data == b"a's answer"
    a.bye()
    switch.clean()


def test_keys_pass_as_info(switch):
    bridge, a, b = talk(switch)
    reply = Reply()
    a.say(Info("application/dtmf-relay", b"Signal=5", reply))
    assert b.last.data == b"Signal=5"
    b.last.reply(200)
    assert reply.codes == [200]
    a.bye()
    switch.clean()


def test_before_the_answer_an_offer_passes_to_the_only_one_that_is_rung(switch):
    bridge = switch.paid("john")
    info, update, back = Reply(), Reply(), Reply()
    bridge.a.say(Info("x", b"", info))
    assert info.codes == [481]
    bridge.a.say(Update(sdp("x"), update))
    bob = switch.legs["bob"]
    assert bob.last.body.data == b"x"
    bob.last.reply(200, sdp("y"))
    assert update.codes == [200]
    bob.say(Update(sdp("z"), back))
    assert bridge.a.last.body.data == b"z"
    bridge.a.last.reply(488)
    assert back.codes == [488]
    bridge.a.bye(487)
    switch.clean()


def test_an_offer_to_one_of_many_that_are_rung_has_to_wait_and_one_to_who_fails_ends(switch):
    bridge = switch.paid("john", to=("bob", "carol"))
    first, second = Reply(), Reply()
    bridge.a.say(Update(sdp("x"), first))
    assert first.codes == [491]
    switch.legs["carol"].fail(486)
    bridge.a.say(Update(sdp("x"), second))
    switch.legs["bob"].fail(486)
    assert second.codes == [481]
    switch.clean()


def test_a_side_that_is_lost_is_billed_up_to_its_last_sign_of_life(switch):
    bridge, a, b = talk(switch)
    switch.run(30)
    b.alive_at = switch.clock.monotonic()
    switch.run(60)
    b.bye(408, "session expired")
    assert a.words[-1] == "Disconnect" and switch.rows("realduration, discreason, discside, costenduser") == [
        (30, 408, "called", 0.06)]
    switch.clean()


def test_the_operator_ends_a_call(switch):
    bridge, a, b = talk(switch)
    assert switch.board.find(str(bridge.call.id)) is bridge.call is switch.board.find("call-1@phone")
    assert switch.board.drop(bridge.call.id) and not switch.board.drop(bridge.call.id) and not switch.board.drop(99)
    assert a.words[-1] == b.words[-1] == "Disconnect" and switch.rows("discside") == [("server",)]
    switch.paid("john")
    assert switch.board.drop_account(switch.person("john").id) == 1
    assert switch.everyone[-2].words == ["Fail"]
    switch.clean()


def test_a_leg_that_has_answered_already_is_told_by_its_answer(switch):
    answers = []
    bridge = switch.call("john", switch.stage("bob"), connected=answers.append)
    a = bridge.a
    switch.legs["bob"].ring()
    assert a.told == []
    switch.legs["bob"].answer()
    assert [body.data for body in answers] == [b"answer"] and a.told == []
    a.bye()
    switch.call("john", switch.stage("bob"), connected=answers.append)
    switch.legs["bob"].fail(486)
    assert switch.everyone[-2].words == ["Disconnect"]
    switch.clean()


def test_what_a_leg_says_while_it_is_told_something_waits_its_turn(switch):
    bridge = switch.paid("john")
    a, bob = bridge.a, switch.legs["bob"]
    a.onto[Connect] = lambda leg, event: leg.say(Disconnect())
    bob.answer()
    assert bridge.ended and bob.words == ["Try", "Disconnect"] and switch.rows("realduration") == [(0,)]
    switch.clean()


# -- the board

def test_whoever_wants_to_know_hears_of_every_change_of_an_account(switch):
    told = []
    switch.board.changed = lambda id: told.append((switch.users.by_id(id).username, [
        call.state for call in switch.board.of(id)]))
    bridge = switch.paid("john")
    switch.legs["bob"].answer()
    bridge.a.bye()
    assert told == [("john", ["trying"]), ("bob", ["trying"]), ("john", ["talking"]), ("bob", ["talking"]),
                    ("john", []), ("bob", [])]


def test_the_board_counts_calls_by_account_and_tree(switch):
    boss = switch.person("boss", type=2)
    kid = switch.person("kid", parentid=boss.id)
    board = switch.board
    first, second = switch.call("kid", switch.stage("bob")), switch.call("boss", switch.stage("kid"))
    assert len(board) == 2 and [call.id for call in board.of(kid.id)] == [1, 2]
    assert board.lines(boss.id) == 2 and board.lines(kid.id) == 2 and board.lines(switch.person("bob").id) == 1
    first.a.bye()
    assert board.lines(boss.id) == 1 and board.of(kid.id) == [second.call]
    second.a.bye()
    switch.clean()


def test_the_board_tells_when_there_are_too_many_calls(switch):
    switch.settings.maxcalls, switch.settings.maxcps = 2, 3
    board = switch.board
    calls = [switch.call("john", switch.stage("bob"))]
    assert board.busy() == ""
    calls.append(switch.call("john", switch.stage("bob")))
    assert board.busy() == "maxcalls"
    calls.pop().a.bye()
    calls.append(switch.call("john", switch.stage("bob")))
    calls.pop().a.bye()
    assert board.busy() == "maxcps"
    switch.run(1)
    assert board.busy() == ""
    board.close("willstop")
    assert board.busy() == "willstop" and not calls[0].ended
    calls[0].a.bye()
    switch.clean()


def test_the_sweep_ends_what_should_have_ended(switch):
    bridge, a, b = talk(switch)
    bridge._timer.cancel()
    switch.clock.advance(switch.settings.maxcallduration + 59)
    assert switch.board.sweep() == 0
    switch.clock.advance(2)
    assert switch.board.sweep() == 1 and "a ghost" in switch.lines[-1]
    switch.clean()
