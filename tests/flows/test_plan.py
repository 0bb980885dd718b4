"""Who is rung, in what order and at whose expense, as telephones see it; and that routingtest says the same before."""

from types import SimpleNamespace

import pytest

from mizu.api.command import TABLE
from mizu.commands import load

TABLE or load()

ALWAYS, NORMAL, ASSERT, ASSERT_TRUSTED, HIDE, HIDE_ALL = range(6)


@pytest.fixture
def town(office):
    """alice calls; bob, carol and dave have telephones, too; 36 costs 0.60 a minute over first, then second."""
    office.price("36", 0.6, billingstep=1)
    office.alice = office.phone("alice", credit=10)
    for name in ("bob", "carol", "dave"):
        setattr(office, name, office.phone(name, credit=1))
    return office


def change(office, name, **values):
    with office.db.unit(actor="test") as unit:
        office.users.update(unit, office.users.by_username(name).id, values)


def trunks(office, **values):
    return [office.trunk(name, f"203.0.113.{priority}", priority=priority, **values)
            for priority, name in enumerate(("first", "second"), 1)]


def call(office, number="bob", seconds=1.0, by="alice", **more):
    made = getattr(office, by).invite(number, **more)
    office.run(seconds)
    return made


def talk(office, made, phone, seconds=10):
    """It is answered there, lasts a while, and is over."""
    phone.calls[-1].answer()
    office.run(seconds)
    assert made.state == "talking", made.codes
    made.bye()
    office.run(1)


def rings(*phones):
    return [bool(phone.calls) and phone.calls[-1].state == "ringing" for phone in phones]


def paid(office):
    """[(whose call, towards what number, is it charged)]"""
    names = {row[0]: row[1] for row in office.db.rows("SELECT id, username FROM tb_users")}
    return [(names[caller], number, cost > 0) for caller, number, cost in
            office.bills("callerid", "callednumber", "costenduser")]


# -- forwards


def test_all_calls_are_forwarded_and_both_pay_their_part(town):
    first, second = trunks(town)
    change(town, "bob", forwardalways="+36 20 123 4567")
    made = call(town)
    assert not town.bob.calls and first.calls[-1].invitation.uri.startswith("sip:36201234567@")
    talk(town, made, first)
    assert sorted(paid(town)) == [("alice", "bob", False), ("bob", "36201234567", True)]
    assert town.balance("alice") == 10_000_000 and town.balance("bob") < 1_000_000
    town.swept()


@pytest.mark.parametrize("code", [486, 600])
def test_busy_is_forwarded(town, code):
    change(town, "bob", forwardonbusy="carol", forwardonnoanswer="dave")
    town.bob.on_call = lambda call: call.refuse(code)
    made = call(town)
    assert rings(town.carol, town.dave) == [True, False]
    talk(town, made, town.carol)
    town.swept()


def test_no_answer_is_forwarded_after_its_time(town):
    change(town, "bob", forwardonnoanswer="carol", noanswertimeout=12)
    made = call(town, seconds=11)
    assert rings(town.bob, town.carol) == [True, False]
    town.run(2)
    assert rings(town.bob, town.carol) == [False, True]
    talk(town, made, town.carol)
    town.swept()


def test_nobody_registered_is_forwarded_at_once(town):
    town.account("eve", forwardonnoanswer="carol")
    made = call(town, "eve")
    assert rings(town.carol) == [True]
    talk(town, made, town.carol)
    town.swept()


def test_a_forward_that_is_busy_itself_goes_on(town):
    change(town, "bob", forwardonbusy="carol")
    change(town, "carol", forwardonbusy="dave")
    town.bob.on_call = town.carol.on_call = lambda call: call.refuse(486)
    made = call(town)
    assert rings(town.dave) == [True]
    talk(town, made, town.dave)
    town.swept()


def test_forwards_in_a_circle_end_with_the_last_word(town):
    change(town, "bob", forwardonbusy="carol")
    change(town, "carol", forwardonbusy="bob")
    town.bob.on_call = town.carol.on_call = lambda call: call.refuse(486)
    assert call(town).codes[-1] == 486 and len(town.bob.calls) == len(town.carol.calls) == 1
    change(town, "bob", forwardonbusy="", forwardalways="carol")
    change(town, "carol", forwardonbusy="", forwardalways="bob")
    assert call(town).codes[-1] == 482
    town.swept()


def test_who_has_no_money_to_forward_with_forwards_to_nobody(town):
    trunks(town)
    town.account("eve", forwardalways="36201234567")
    assert call(town, "eve").codes[-1] == 402
    town.swept()


# -- ring groups


def test_a_group_rings_everywhere_at_once_and_one_wins(town):
    town.account("sales", ringgroup="bob,carol,dave")
    made = call(town, "sales")
    assert rings(town.bob, town.carol, town.dave) == [True] * 3
    talk(town, made, town.carol)
    assert town.bob.calls[-1].state == town.dave.calls[-1].state == "ended" and len(town.bills()) == 1
    town.swept()


def test_a_group_in_turns_begins_with_another_one_each_time(town):
    town.account("sales", ringgroup="bob,carol,dave", rgmode=1, noanswertimeout=5)
    people = town.bob, town.carol, town.dave
    made = call(town, "sales")
    seen = [rings(*people)]
    for _ in range(2):
        town.run(5)
        seen.append(rings(*people))
    assert seen == [[True, False, False], [False, True, False], [False, False, True]]
    town.run(5)
    assert made.codes[-1] == 480
    made = call(town, "sales")
    assert rings(*people) == [False, True, False]
    talk(town, made, town.carol)
    town.swept()


# -- permissions


@pytest.mark.parametrize("columns, number, code", [
    ({"candial": 0}, "bob", 403), ({"candial": 0}, "36201234567", 403), ({"blockprefixes": "3620"}, "36201234567", 403),
    ({"enabledprefixes": "49"}, "+36201234567", 403), ({"allowedpartners": "carol"}, "bob", 403),
    ({"usergroup": "red"}, "eve", 403), ({}, "nobody", 404), ({}, "49301234567", 403), ({}, "eve", 480),
    ({"temporarydisabled": 1}, "bob", 403),
])
def test_a_call_that_may_not_be_made_has_its_code_and_rings_nobody(town, columns, number, code):
    first, second = trunks(town)
    town.account("eve", usergroup="blue")
    if columns:
        change(town, "alice", **columns)
    assert call(town, number).codes[-1] == code
    assert not town.bob.calls and not first.calls
    town.swept()


def test_all_lines_in_use_are_503_for_the_caller_and_busy_for_the_called(town):
    change(town, "alice", maxlines=1)
    change(town, "bob", maxlines=1)
    made = call(town)
    assert call(town, "carol").codes[-1] == 503
    assert call(town, by="dave").codes[-1] == 486
    made.cancel()
    town.run(1)
    assert call(town, "carol").state == "ringing"
    town.carol.calls[-1].refuse()
    town.swept()


def test_lines_of_a_reseller_are_those_of_all_below(town):
    boss = town.account("boss", type=2, maxlines=1)
    for name in ("alice", "carol"):
        change(town, name, parentid=boss.id)
    made = call(town)
    assert call(town, "dave", by="carol").codes[-1] == 503
    made.cancel()
    town.swept()


# -- numbers


def test_a_did_and_a_number_in_any_form_ring_their_account(town):
    with town.db.unit(actor="test") as unit:
        town.users.add_number(unit, town.users.by_username("bob").id, "36150000001")
    for number in ("36150000001", "+36150000001", "0036150000001", "+36 1 500 00001".replace(" ", "%20")):
        made = call(town, number)
        assert rings(town.bob) == [True], number
        made.cancel()
        town.run(1)
    town.swept()


def test_a_short_number_is_heard_in_its_group_alone(town):
    for name, group in (("alice", "a"), ("bob", "a"), ("carol", "b")):
        change(town, name, usergroup=group)
    change(town, "bob", shorttelnumber="12")
    made = call(town, "12")
    assert rings(town.bob) == [True]
    made.cancel()
    town.run(1)
    assert call(town, "12", by="carol").codes[-1] == 404
    town.swept()


def test_a_ported_number_goes_where_it_is_now_and_costs_as_dialled(town):
    first, second = trunks(town)
    moved = town.trunk("moved", "203.0.113.9", prefix="99", priority=0)
    with town.db.unit(actor="test") as unit:
        unit.run("INSERT INTO tb_portednumbers (number, providerpx) VALUES ('36201234567', '99')")
    made = call(town, "36201234567")
    assert not first.calls and moved.calls[-1].invitation.uri.startswith("sip:9936201234567@")
    talk(town, made, moved)
    assert paid(town) == [("alice", "36201234567", True)]
    town.swept()


def test_a_carriers_call_comes_in_by_its_address_and_rings_the_did(town):
    first, _ = trunks(town)
    change(town, "bob", telnumber="36150000001")
    first.user = "+447700900123"
    made = first.invite("0036150000001")
    town.run(1)
    assert made.state == "ringing" and town.bob.calls[-1].invitation.from_.uri.startswith("sip:+447700900123@")
    talk(town, made, town.bob)
    assert paid(town) == [("first", "36150000001", False)]
    town.swept()


# -- what the other side sees


@pytest.mark.parametrize("own, theirs, wanted", [
    (NORMAL, NORMAL, ("3611234567", "", "")), (NORMAL, ASSERT, ("3611234567", "3611234567", "")),
    (ASSERT, NORMAL, ("3611234567", "3611234567", "")), (NORMAL, ASSERT_TRUSTED, ("3611234567", "3611234567", "")),
    (HIDE, NORMAL, ("anonymous", "3611234567", "id")), (NORMAL, HIDE, ("anonymous", "3611234567", "id")),
    (HIDE_ALL, ASSERT, ("anonymous", "", "id")), (ALWAYS, NORMAL, ("3611234567", "", "")),
    (ALWAYS, HIDE_ALL, ("anonymous", "", "id")),
])
def test_a_trunk_sees_what_both_sides_allow(town, own, theirs, wanted):
    first, _ = trunks(town, cli=theirs)
    change(town, "alice", cli=own, telnumber="3611234567")
    made = call(town, "36201234567")
    invite = first.calls[-1].invitation
    asserted = invite.get("P-Asserted-Identity").partition("sip:")[2].partition("@")[0]
    assert (invite.from_.uri.partition("sip:")[2].partition("@")[0], asserted, invite.get("Privacy")) == wanted
    assert (b"Alice" in invite.render() or b"alice" in invite.render()) == (wanted[0] != "anonymous") or asserted
    made.cancel()
    town.swept()


def test_whoever_always_shows_does_so_although_he_asks_for_privacy(town):
    change(town, "alice", cli=ALWAYS)
    made = call(town, "bob", fields=(("Privacy", "id"),))
    assert town.bob.calls[-1].invitation.from_.uri.startswith("sip:alice@")
    made.cancel()
    town.swept()


# -- routingtest says before what happens then


def refusing(order, kind, name):
    """What a telephone does that writes down who was rung and with which number."""
    def refuse(call):
        order.append(f"{kind} {name}: {call.invitation.to.uri.partition(':')[2].partition('@')[0]}")
        call.refuse(500)
    return refuse


@pytest.mark.parametrize("number", ["36201234567", "bob", "carol", "sales", "nobody", "49", "dave"])
def test_what_routingtest_says_happens(town, number):
    carriers = [*trunks(town), town.trunk("third", "203.0.113.3", prefix="3620", priority=2)]
    town.account("sales", ringgroup="dave,carol,36205555555", rgmode=1, noanswertimeout=5, credit=1)
    change(town, "carol", forwardonbusy="dave", forwardonnoanswer="bob")
    change(town, "bob", forwardalways="36207777777")
    order, context = [], SimpleNamespace(server=town)
    for kind, phones in (("account", (town.carol, town.dave)), ("trunk", carriers)):
        for phone in phones:
            phone.on_call = refusing(order, kind, phone.user)
    said, again = [TABLE["routingtest"].function(context, caller="alice", called=number).data for _ in range(2)]
    made = call(town, number, seconds=3)
    assert said == again and made.codes[-1] == (said["code"] or 500)
    if number in ("carol", "dave"):         # an error there is no busy, and no missing answer
        assert order == said["destinations"][:1]
    else:
        assert order == said["destinations"] and bool(order) == (not said["code"])
    town.swept()
