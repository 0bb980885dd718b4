"""Money of calls: set aside before anybody is rung, more while they talk, the true price at the end, once."""

import pytest

from mizu.base.errors import ApiError
from mizu.base.task import spawn
from mizu.records.price import price

from records.store import wait

from .switch import DOLLAR, Switch


@pytest.fixture
def paying(switch):
    """john has 1 USD; 36 costs 0.12 a minute, by the second."""
    switch.john = switch.person("john", credit=1.0, currency="USD")
    switch.price("36", 0.12)
    return switch


def test_a_minute_is_set_aside_before_anybody_is_rung(paying):
    bridge = paying.paid("john")
    assert paying.held() == 120_000 and paying.legs["bob"].words == ["Try"]
    assert paying.reservations.available(paying.john) == 880_000
    bridge.a.bye(487)
    paying.clean()
    assert paying.credit("john") == DOLLAR


def test_the_true_price_is_charged_at_the_end_with_the_record(paying):
    bridge = paying.paid("john")
    paying.run(7)
    paying.legs["bob"].ring()
    paying.run(3)
    paying.legs["bob"].answer()
    paying.run(61.2)
    paying.legs["bob"].bye()
    paying.clean()
    assert bridge.a is None and paying.credit("john") == DOLLAR - 124_000       # 62 s of 0.12 / 60
    row, = paying.rows("datum, callstartdate, connectdate, callerid, calledid, callernumber, callednumber,"
                       " realduration, origduration, alegduration, blegduration, sipcallid, discreason, discside,"
                       " unitprice, billingstep, costenduser, currency, callerip, calledip, codec")
    john, bob = paying.users.by_username("john"), paying.users.by_username("bob")
    assert row == ("2023-11-14 22:14:31.200", "2023-11-14 22:13:20.000", "2023-11-14 22:13:30.000", john.id, bob.id,
                   "john", "3612345", 62, 62, 72, 72, "call-1@phone", 200, "called", 0.12, 1, 0.124, "USD",
                   "192.0.2.9", "10.0.0.3", "PCMA")
    assert paying.db.row("SELECT kind, amount_u, cdrid, refid FROM tb_ledger WHERE userid = ? ORDER BY id DESC",
                         (john.id,)) == ("call", -124_000, 1, "call-1@phone")
    assert john.credit == DOLLAR - 124_000


@pytest.mark.parametrize("entry, seconds, cost", [
    ({"billingstep": 60}, 61, 240_000), ({"billingstep": 6, "minammount": 30}, 1, 60_000),
    ({"connectfee": 0.05}, 10, 70_000), ({"freeammount": 20}, 30, 20_000), ({"vatincluded": 0, "vatvalue": 25}, 60, 150_000),
    ({"freeafter": 30}, 300, 60_000), ({}, 0, 0), ({"billingstep": 60}, 0.01, 120_000)])
def test_steps_minima_fees_free_seconds_and_vat(switch, entry, seconds, cost):
    switch.person("john", credit=1.0, currency="USD")
    switch.price("36", 0.12, **entry)
    switch.paid("john")
    switch.legs["bob"].answer()
    switch.run(seconds)
    switch.legs["bob"].bye()
    switch.clean()
    assert switch.credit("john") == DOLLAR - cost
    assert switch.rows("costenduser, realduration") == [(cost / DOLLAR, -(-seconds // 1))]


def test_who_cannot_pay_the_first_step_is_refused_before_anybody_is_rung(switch):
    switch.person("john", credit=0.11, currency="USD")
    switch.price("36", 0.12, billingstep=60)
    bridge = switch.paid("john")
    assert switch.legs == {} and switch.everyone[0].last.code == 402 and bridge.ended
    assert switch.rows("realduration, discreason, disctext, discside, mark, costenduser") == [
        (0, 402, "not enough credit", "server", "FAIL", 0)]
    switch.clean()


def test_a_call_is_cut_off_at_the_second_that_the_money_ends(switch):
    switch.person("john", credit=0.3, currency="USD")           # 150 s at 0.002 a second
    switch.price("36", 0.12)
    bridge = switch.paid("john")
    switch.legs["bob"].answer()
    switch.run(149.5)
    assert not bridge.ended and switch.held() == 300_000
    switch.run(0.5)
    assert bridge.ended and switch.legs["bob"].last.code == 402
    assert switch.credit("john") == 0
    assert switch.rows("realduration, discreason, discside, costenduser") == [(150, 402, "server", 0.3)]
    switch.clean()


def test_money_that_comes_in_meanwhile_prolongs_the_call(paying):
    bridge = paying.paid("john")
    paying.legs["bob"].answer()
    paying.run(495)
    with paying.db.unit() as unit:
        paying.ledger.add(unit, paying.john, DOLLAR, "recharge", "x")
    paying.run(480)
    assert not bridge.ended
    paying.run(25)
    assert bridge.ended and paying.credit("john") == 0
    paying.clean()


def test_parallel_calls_never_spend_the_same_money(paying):
    for number in range(12):
        paying.paid("john", to=(f"b{number}",))
    begun = [leg for name, leg in paying.legs.items()]
    assert len(begun) == 9 and paying.reservations.available(paying.john) == 0      # 8 minutes and a third of one
    assert paying.held() == DOLLAR
    for leg in begun:
        leg.answer()
    paying.run(1000)
    assert paying.credit("john") == 0 and len(paying.rows()) == 12
    paying.clean()


def test_what_one_call_gives_back_another_one_may_talk_on(paying):
    first = paying.paid("john", to=("ann",))
    paying.legs["ann"].answer()
    paying.run(400)
    second = paying.paid("john", to=("eve",), timeout=0)
    paying.run(39)
    assert not first.ended and paying.reservations.available(paying.john) == 0
    second.a.bye(487)
    paying.run(60)
    assert not first.ended
    paying.run(1)
    assert first.ended and paying.credit("john") == 0
    paying.clean()


def test_a_long_call_is_ended_by_the_setting(switch):
    switch.settings.maxcallduration = 100
    switch.person("john", credit=10.0, currency="USD")
    switch.price("36", 0.12)
    bridge = switch.paid("john")
    switch.legs["bob"].answer()
    switch.run(100)
    assert bridge.ended and switch.rows("realduration, discreason, disctext") == [
        (100, 200, "the longest duration of a call")]
    switch.clean()


def test_the_price_of_the_answer_holds_whatever_is_changed_later(paying):
    bridge = paying.paid("john", timeout=0)
    paying.db.value("UPDATE tb_billingtimes SET price = 0.06")
    paying.rates.reload()
    paying.run(60)
    paying.legs["bob"].answer()
    paying.db.value("UPDATE tb_billingtimes SET price = 6")
    paying.rates.reload()
    paying.run(130)
    bridge.a.bye()
    assert paying.credit("john") == DOLLAR - 130_000
    paying.clean()


def test_a_dearer_minute_at_the_answer_is_paid_for_or_the_call_ends_with_what_was_set_aside(switch):
    switch.person("john", credit=0.12, currency="USD")
    switch.price("36", 0.12)
    bridge = switch.paid("john", timeout=0)
    switch.db.value("UPDATE tb_billingtimes SET price = 7.2")
    switch.rates.reload()
    switch.run(60)
    switch.legs["bob"].answer()
    switch.run(1)
    assert bridge.ended and switch.credit("john") == 0
    switch.clean()


def test_a_postpaid_account_talks_on_what_the_month_has_left(switch):
    switch.person("john", credit=0.06, currency="USD", postpaid=1, monthlylimit=5.0)
    switch.price("36", 0.12)
    bridge = switch.paid("john")
    switch.legs["bob"].answer()
    switch.run(31)
    assert bridge.ended and switch.credit("john") == 0
    switch.clean()


def test_the_payer_and_the_resellers_are_charged_and_recorded(switch):
    top = switch.person("top", type=2, credit=1.0, currency="USD")
    boss = switch.person("boss", type=2, credit=1.0, currency="USD", parentid=top.id)
    kid = switch.person("kid", credit=1.0, currency="USD", parentid=boss.id)
    switch.price("36", 0.30)
    switch.price("36", 0.18, userid=boss.id)
    switch.price("36", 0.12, userid=top.id)
    bridge = switch.paid("kid")
    assert switch.held() == 600_000
    switch.legs["bob"].answer()
    switch.run(30)
    bridge.a.bye()
    switch.clean()
    assert [switch.credit(name) for name in ("kid", "boss", "top")] == [850_000, 910_000, 940_000]
    assert switch.rows("callerid, resellerid, costenduser") == [(kid.id, boss.id, 0.15)]
    assert switch.db.rows("SELECT cdrid, resellerid, level, unitprice, cost, currency FROM tb_cdrresellers") == [
        (1, boss.id, 1, 0.18, 0.09, "USD"), (1, top.id, 2, 0.12, 0.06, "USD")]


def test_a_reseller_without_money_ends_the_calls_of_his_people(switch):
    boss = switch.person("boss", type=2, credit=0.06, currency="USD")
    switch.person("kid", credit=1.0, currency="USD", parentid=boss.id)
    switch.price("36", 0.12)
    bridge = switch.paid("kid")
    switch.legs["bob"].answer()
    switch.run(30)
    assert bridge.ended and switch.credit("boss") == 0
    assert switch.paid("kid").ended
    switch.clean()


def test_what_the_call_costs_us_is_told_by_the_lists_of_its_kind(paying):
    trunk = paying.person("bob", type=9)
    paying.price("36", 0.03, kind=2, userid=trunk.id)
    paying.price("36", 0.006, kind=3)
    paying.price("36", 0.0006, kind=4)
    paying.paid("john", kind="trunk")
    paying.legs["bob"].answer()
    paying.run(60)
    paying.legs["bob"].bye()
    assert paying.rows("calledid, costenduser, costprovider, costsales, costcompany, costother") == [
        (trunk.id, 0.12, 0.03, 0.006, 0.0006, 0)]
    paying.clean()
    assert wait(paying.rebill.run("2000", "2100")).changed == 0            # re-billing sees what the call has seen


def test_a_free_call_has_a_record_and_no_bill(switch):
    switch.person("john")
    switch.call("john", switch.stage("bob", charges=[switch.charge(switch.person("john"), "bob", free=True)]))
    switch.legs["bob"].answer()
    switch.run(3600)
    switch.legs["bob"].bye()
    assert switch.rows("realduration, costenduser, currency") == [(3600, 0, "")]
    switch.clean()


def test_the_setting_says_how_much_credit_a_call_needs(switch):
    switch.settings.mincreditonroute = 500_000
    switch.person("john", credit=0.49, currency="USD")
    switch.price("36", 0.12)
    assert switch.paid("john").ended
    switch.price("37", 0.0)
    assert not switch.paid("john", number="371").ended          # a free one needs none


def test_free_seconds_may_be_used_without_credit(switch):
    switch.person("john", currency="USD")
    switch.price("36", 0.12, freeammount=90)
    bridge = switch.paid("john")
    switch.legs["bob"].answer()
    switch.run(89)
    assert not bridge.ended
    switch.run(1)
    assert bridge.ended and switch.credit("john") == 0 and switch.rows("realduration") == [(90,)]
    switch.clean()


def test_many_calls_are_noted_in_several_units(switch):
    switch.person("john")
    for number in range(450):
        switch.call("john", switch.stage(f"b{number}", charges=[switch.charge(switch.person("john"), "bob", free=True)]))
        switch.legs[f"b{number}"].answer()
    switch.run(3)
    commits = switch.db.commits
    done = spawn(switch.meters.save())
    assert not done.done
    switch.run(1)
    assert done.done and switch.db.commits == commits + 3
    assert switch.db.row("SELECT count(*), min(seconds), max(seconds) FROM tb_opencalls") == (450, 3, 3)
    switch.board.drop_all("enough")
    switch.clean()


# -- the store fails

class Broken:
    """db whose transactions or reads raise."""

    def __init__(self, switch, where, error):
        self.switch, self.where, self.error, self.kept = switch, where, error, getattr(switch.db, where)

    def __enter__(self):
        def fail(*args, **more):
            raise self.error
        setattr(self.switch.db, self.where, fail)

    def __exit__(self, *more):
        delattr(self.switch.db, self.where)


@pytest.mark.parametrize("where", ["begun", "row"])
@pytest.mark.parametrize("error", [ApiError(503, "the database is busy"), OSError("disk")])
def test_a_store_that_fails_refuses_the_call(paying, where, error):
    stage = paying.stage("bob", charges=[paying.charge(paying.john, "3612345")])
    with Broken(paying, where, error):
        bridge = paying.call("john", stage)
    assert bridge.ended and paying.everyone[0].last.code == 503 and paying.legs == {}
    paying.clean()


def test_a_final_charge_that_fails_is_tried_again_and_refuses_calls_meanwhile(paying):
    paying.paid("john")
    paying.legs["bob"].answer()
    paying.run(30)
    with Broken(paying, "begun", ApiError(503, "the database is busy")):
        paying.legs["bob"].bye()
        assert paying.credit("john") == DOLLAR and len(paying.meters.pending) == 1
        paying.run(40)
    assert paying.paid("john").ended and paying.everyone[-1].last.code == 503
    paying.run(1)
    assert paying.credit("john") == DOLLAR - 60_000 and paying.rows("realduration, mark")[1] == (30, "")
    paying.clean()


def test_a_call_whose_money_cannot_be_extended_is_cut_off(paying):
    bridge = paying.paid("john")
    paying.legs["bob"].answer()
    paying.run(10)
    with Broken(paying, "gate", ApiError(503, "the database is busy")):
        paying.run(50)
        assert bridge.ended
    paying.run(2)
    assert paying.credit("john") == DOLLAR - 120_000
    paying.clean()


def test_a_charge_that_can_never_be_written_does_not_hold_up_the_others(paying):
    paying.paid("john")
    paying.legs["bob"].answer()
    paying.run(20)
    broken = paying.meters.callrecords.write
    paying.meters.callrecords.write = lambda *args: 1 / 0
    paying.legs["bob"].bye()
    paying.run(60)
    paying.meters.callrecords.write = broken
    assert not paying.meters.pending and "ZeroDivisionError" in paying.lines[-1]
    assert not paying.paid("john", to=("eve",)).ended


# -- crashes

def reopened(switch):
    """What a new process finds after the last commit."""
    switch.db.close()
    return Switch(switch.folder)


def test_a_crash_bills_a_call_once_up_to_its_last_checkpoint(paying):
    paying.meters.start()
    paying.paid("john")
    paying.legs["bob"].answer()
    paying.run(47)
    after = reopened(paying)
    assert after.credit("john") == DOLLAR and after.held() == 120_000
    assert wait(after.opencalls.recover()) == (1, 0)
    assert after.credit("john") == DOLLAR - 80_000          # 40 s
    assert after.rows("realduration, discreason, disctext, discside, costenduser, connectdate, datum, sipcallid") == [
        (40, 500, "the server was stopped", "server", 0.08, "2023-11-14 22:13:20.000", "2023-11-14 22:14:00.000",
         "call-1@phone")]
    assert wait(after.opencalls.recover()) == (0, 0)
    after.clean()
    again = reopened(after)
    assert wait(again.opencalls.recover()) == (0, 0) and again.credit("john") == DOLLAR - 80_000
    again.db.close()


def test_a_crash_gives_back_what_was_set_aside_for_a_call_that_never_talked(paying):
    paying.paid("john")
    with paying.db.unit() as unit:
        paying.reservations.reserve(unit, paying.john, "sms-7", 1)
    after = reopened(paying)
    fresh = after.paid("john")              # of the new process: no reservation of it is touched
    assert wait(after.opencalls.recover()) == (0, 1)
    assert after.held() == 120_001
    fresh.a.bye(487)
    assert after.held() == 1
    after.db.close()


def test_a_call_that_has_ended_is_not_billed_again(paying):
    paying.meters.start()
    paying.paid("john")
    paying.legs["bob"].answer()
    paying.run(25)
    paying.legs["bob"].bye()
    after = reopened(paying)
    assert wait(after.opencalls.recover()) == (0, 0) and after.credit("john") == DOLLAR - 50_000
    assert len(after.rows()) == 1
    after.db.close()


def test_the_limit_holds_with_the_price_function(paying):
    """Whatever the tariff, what is charged at the cut-off is what was there."""
    for step, fee, free in ((1, 0, 0), (7, 0.013, 3), (60, 0, 0), (6, 0.1, 30)):
        name = f"u{step}{free}"
        who = paying.person(name, credit=0.4321, currency="USD")
        paying.price("36", 0.1234, billingstep=step, connectfee=fee, freeammount=free, userid=who.id)
        bridge = paying.paid(name, to=(f"b{step}{free}",))
        tariff = bridge.charges()[0].shares[0].tariff
        paying.legs[f"b{step}{free}"].answer()
        paying.run(3000)
        seconds, cost = paying.rows("realduration, costenduser")[-1]
        assert price(tariff, seconds) == round(cost * DOLLAR) <= 432_100 < price(tariff, seconds + step)
    paying.clean()
