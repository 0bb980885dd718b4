"""From who calls and what was dialled to a plan: permissions, whom it is for, forwards, price, trunks in order."""

import random
from types import SimpleNamespace

import pytest

from mizu.calls.board import Board
from mizu.calls.plan import Caller, Destination
from mizu.calls.planner import Planner
from mizu.calls.showing import shown
from mizu.records.callprofile import Profiles
from mizu.records.dialplan import DialPlan
from mizu.records.directory import Directory
from mizu.records.numberform import NumberForm
from mizu.records.ported import PortedNumbers
from mizu.records.routing import Routing

from records.store import add, records, wait


class Exchange:
    """Records with a planner over them.  plan("john", "36301") of a caller who has proven himself; everybody is
    registered but those in `away`."""

    def __init__(self, folder):
        self.__dict__.update(vars(records(folder)))
        self.settings.brs_lcr = 0
        self.away = set()
        self.devices = [SimpleNamespace(q=1.0)]
        self.locations = SimpleNamespace(of=lambda id: self.devices if self.users.by_id(id).username not in self.away
                                         else [])
        self.faults = []
        self.log = SimpleNamespace(error=self.faults.append)
        self.board = Board(self.clock, self.settings, self.users)
        self.lines = {}
        self.board.lines = lambda id, below=True: self.lines.get(self.users.by_id(id).username, 0)
        self.profiles, self.form = Profiles(self.db), NumberForm(self.settings)
        self.dialplan, self.ported = DialPlan(self.db), PortedNumbers(self.db)
        self.directory = Directory(self.db, self.users)
        self.routing = Routing(self.db, self.settings, self.clock, self.users, self.profiles, self.rates, self.entropy)
        self.planner = Planner(self)

    def account(self, name, **values):
        return self.users.by_id(add(self, name, **values))

    def sql(self, text, args=()):
        wait(self.db.execute(text, args))

    def set(self, name, **values):
        columns = ", ".join([f"{column} = ?" for column in values]) or "comment = comment"
        self.sql(f"UPDATE tb_users SET {columns} WHERE username = ?", (*values.values(), name))

    def trunk(self, name, prefix="", **values):
        account = self.account(name, type=9, domainname=f"{name}.example.com", **values)
        self.sql("INSERT INTO tb_routing (name, serverid, prefix, priority) VALUES (?, ?, ?, ?)",
                 (name, account.id, prefix, len(self.routing)))
        return account

    def price(self, prefix, price, **columns):
        columns = {"type": 1, **columns}
        with self.db.unit() as unit:
            entry = unit.run(f"INSERT INTO tb_billentries ({', '.join(columns)}) VALUES"
                             f" ({', '.join('?' * len(columns))})", tuple(columns.values())).lastrowid
            unit.run("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, ?, ?)", (entry, prefix, price))
        self.rates.reload()

    def plan(self, caller, called, begun=False, trial=False, **facts):
        account = self.users.by_username(caller)
        caller = Caller(account, facts.pop("number", caller), proof="digest", **facts)
        return self.planner.plan(caller, called, begun, trial)

    def rung(self, caller, called, **facts):
        """["first 60 bob+carol", …], or the code of a refusal."""
        plan = self.plan(caller, called, **facts)
        return plan.code or [f"{stage.condition} {stage.timeout} " + "+".join(
            [to.account.username if to.kind == "account" else f"{to.account.username}:{to.number}"
             for to in stage.destinations]) for stage in plan.stages]

    def paid(self, caller, called, **facts):
        """[[who pays:for whom:mark, …] of each stage]"""
        return [[f"{charge.payer.username}:{charge.number}" + f":{charge.mark}" * bool(charge.mark)
                 + ":free" * (charge.rate is None) for charge in stage.charges]
                for stage in self.plan(caller, called, **facts).stages]


@pytest.fixture
def exchange(tmp_path):
    made = Exchange(tmp_path)
    made.account("john", credit=10.0)
    made.account("bob", telnumber="36201111111")
    made.account("carol")
    yield made
    made.db.close()


@pytest.fixture
def outside(exchange):
    exchange.trunk("t1")
    exchange.trunk("t2")
    exchange.price("36", 0.6)
    return exchange


# -- may he


@pytest.mark.parametrize("columns, code", [
    ({"enabled": 0}, 403), ({"temporarydisabled": 1}, 403), ({"candial": 0}, 403), ({"blockprefixes": "36"}, 403),
    ({"enabledprefixes": "49"}, 403), ({"maxlines": 1}, 503), ({}, 0),
])
def test_an_account_may_call_or_not(outside, columns, code):
    outside.set("john", **columns)
    outside.lines["john"] = 1
    plan = outside.plan("john", "36309999999")
    assert plan.code == code and bool(plan.stages) == (not code)
    assert plan.trace[-1].startswith(f"refused: {code} ") or not code


def test_nobody_calls_nobody(exchange):
    plan = exchange.planner.plan(Caller(None), "bob")
    assert (plan.code, plan.stages) == (403, [])


def test_lines_and_prefixes_of_those_above_count(outside):
    boss = outside.account("boss", type=2, maxlines=3)
    outside.price("", 0.1, parentid=boss.id)
    outside.set("john", parentid=boss.id)
    assert outside.plan("john", "36309999999").code == 0
    outside.lines["boss"] = 3
    assert outside.plan("john", "36309999999").code == 503
    outside.lines["boss"] = 0
    outside.set("boss", blockprefixes="3630")
    assert outside.plan("john", "36309999999").code == 403 and outside.plan("john", "36209999999").code == 0


def test_the_lines_of_the_gateway_that_sends_a_call_count(exchange):
    gate = exchange.account("gate", type=5, maxlines=2)
    exchange.lines["gate"] = 2
    assert exchange.rung("john", "bob", via=gate) == 503
    exchange.lines["gate"] = 1
    assert exchange.rung("john", "bob", via=gate) == ["first 60 bob"]


def test_another_part_of_a_call_needs_no_further_line(exchange):
    exchange.set("john", maxlines=1)
    exchange.lines["john"] = 1
    exchange.board.close("willstop")
    assert exchange.plan("john", "bob").code == 503 and exchange.plan("john", "bob", begun=True).code == 0
    exchange.set("john", candial=0)
    assert exchange.plan("john", "bob", begun=True).code == 403


def test_the_caller_hears_nothing_of_other_accounts_the_administrator_does(outside):
    boss = outside.account("boss", type=2, maxlines=1, blockprefixes="3630")
    outside.set("john", parentid=boss.id)
    outside.set("bob", allowedpartners="carol")
    outside.set("carol", temporarydisabled=1)
    for called, name in (("36309999999", "boss"), ("bob", "bob"), ("carol", "carol")):
        plan = outside.plan("john", called)
        assert plan.code and name not in plan.reason and name in plan.trace[-1]
    outside.lines["boss"] = 1
    assert "boss" not in outside.plan("john", "36").reason and "boss" in outside.plan("john", "36").trace[-1]


def test_a_plan_never_raises(exchange):
    exchange.directory.find = lambda *names: 1 / 0
    plan = exchange.plan("john", "bob")
    assert (plan.code, plan.reason, plan.stages) == (500, "Server Internal Error", [])
    assert exchange.faults == ["a call could not be planned: ZeroDivisionError('division by zero')"]
    john = exchange.users.by_username("john")
    assert exchange.planner.transfer("bob", john, Caller(john)).code == 500
    assert exchange.planner.redirect("bob", Destination("account", john, "john"), Caller(john)).code == 500


def test_limits_of_the_server_refuse_with_503(outside):
    outside.board.close("willstop")
    assert "willstop" in outside.plan("john", "bob").reason and outside.plan("john", "bob").code == 503


def test_a_disabled_gateway_stops_those_it_sends(exchange):
    gate = exchange.account("gate", type=5)
    exchange.set("gate", temporarydisabled=1)
    assert exchange.plan("john", "bob", via=gate).code == 403


# -- whom is it for


@pytest.mark.parametrize("called", ["bob", "BOB", "36201111111", "+36 20 111 1111", "0036201111111"])
def test_an_account_is_found_by_name_and_number(exchange, called):
    assert exchange.rung("john", called) == ["first 60 bob"]


def test_a_did_leads_to_its_account(exchange):
    with exchange.db.unit() as unit:
        exchange.users.add_number(unit, exchange.users.by_username("carol").id, "36202222222")
    assert exchange.rung("john", "+36202222222") == ["first 60 carol"]


def test_a_short_number_holds_in_its_household_only(exchange):
    boss = exchange.account("boss", type=2)
    for name, parent in (("bob", boss.id), ("carol", boss.id), ("john", 0)):
        exchange.set(name, parentid=parent, shorttelnumber={"bob": "11", "carol": "12"}.get(name, ""))
    assert exchange.rung("bob", "12") == ["first 60 carol"] and exchange.rung("john", "12") == 404
    assert exchange.rung("boss", "11") == ["first 60 bob"]


@pytest.mark.parametrize("called, code", [
    ("nobody", 404), ("", 484), ("+", 404), ("x" * 65, 404), ("49301234567", 404), ("voicemail", 501), ("*98", 501),
    ("*21*361#", 404), ("123abc", 404), ("٣٦٣٠١٢٣٤٥٦٧", 404), ("t1", 404), ("36301234567", 0),
])
def test_what_is_dialled_has_its_code(outside, called, code):
    outside.sql("UPDATE tb_routing SET prefix = '36'")
    assert outside.plan("john", called).code == code


def test_nobody_registered_is_480_and_disabled_too(exchange):
    exchange.away.add("bob")
    assert exchange.rung("john", "bob") == 480
    exchange.set("carol", temporarydisabled=1)
    assert exchange.rung("john", "carol") == 480


def test_the_dial_plan_comes_first_and_the_technical_prefix_before_it(exchange):
    exchange.sql("INSERT INTO tb_dialplan (pattern, replacement) VALUES ('9', 'bob')")
    assert exchange.rung("john", "9") == ["first 60 bob"]
    plan = exchange.plan("john", "779", techprefix="77")
    assert plan.stages and plan.trace[1] == "technical prefix 77 is taken off: 9"


def test_a_user_group_keeps_names_to_itself_and_numbers_open(exchange):
    for name in ("john", "bob", "carol"):
        exchange.set(name, usergroup={"john": "a", "bob": "b", "carol": ""}[name])
    assert exchange.rung("john", "bob") == 403 and exchange.rung("john", "36201111111") == ["first 60 bob"]
    assert exchange.rung("john", "carol") == ["first 60 carol"]


def test_allowed_partners_hold_on_both_sides(exchange):
    exchange.set("bob", allowedpartners="carol")
    assert exchange.rung("john", "bob") == 403 and exchange.rung("carol", "bob") == ["first 60 bob"]
    exchange.set("bob", allowedpartners="")
    exchange.set("john", allowedpartners="carol,x")
    assert exchange.rung("john", "bob") == 403 and exchange.rung("john", "carol") == ["first 60 carol"]


def test_a_call_to_all_lines_busy_is_busy_or_forwarded(exchange):
    exchange.set("bob", maxlines=1)
    exchange.lines["bob"] = 1
    assert exchange.rung("john", "bob") == 486
    exchange.set("bob", forwardonbusy="carol")
    assert exchange.rung("john", "bob") == ["first 60 carol"]


# -- ring groups and forwards


def test_a_ring_group_rings_all_at_once_itself_if_it_is_registered(exchange):
    exchange.account("sales", ringgroup="bob, carol; nobody 36309999999")
    assert exchange.rung("john", "sales") == ["first 60 sales+bob+carol"]
    exchange.away.update(("sales", "bob"))
    assert exchange.rung("john", "sales") == ["first 60 carol"]
    exchange.away.add("carol")
    assert exchange.rung("john", "sales") == 480


def test_members_whose_lines_are_all_in_use_do_not_ring(exchange):
    exchange.account("sales", ringgroup="bob,carol")
    exchange.away.add("sales")
    exchange.set("bob", maxlines=1)
    exchange.lines["bob"] = 1
    assert exchange.rung("john", "sales") == ["first 60 carol"]


def test_a_forward_whose_price_cannot_be_computed_keeps_nobody_from_ringing(outside):
    outside.sql("UPDATE tb_billentries SET currency = 'ZZZ'")
    outside.set("bob", forwardonbusy="36309999999")
    plan = outside.plan("john", "bob")
    assert len(plan.stages) == 1 and "ZZZ" in plan.trace[-1]


def test_a_group_in_turns_begins_with_another_one_each_time(exchange):
    exchange.account("sales", ringgroup="john,bob,carol", rgmode=1, noanswertimeout=20)
    exchange.away.add("sales")
    assert exchange.rung("john", "sales", trial=True) == exchange.rung("john", "sales", trial=True)
    assert [exchange.rung("john", "sales")[0] for _ in range(4)] == [
        "first 20 john", "first 20 bob", "first 20 carol", "first 20 john"]
    assert exchange.rung("john", "sales") == ["first 20 bob", "next 20 carol", "next 20 john"]


def test_a_large_group_in_turns_rings_twenty_of_its_members(exchange):
    for number in range(50):
        exchange.account(f"m{number}")
    exchange.account("sales", ringgroup=",".join([f"m{number}" for number in range(50)]), rgmode=1)
    exchange.away.add("sales")
    assert len(exchange.plan("john", "sales").stages) == 20


def test_a_number_of_outside_rings_in_its_turn_and_the_group_pays(outside):
    outside.account("sales", ringgroup="bob,36309999999,carol", rgmode=1, credit=1.0)
    outside.away.add("sales")
    assert outside.rung("john", "sales") == [
        "first 15 bob", "next 90 t1:36309999999", "failed 90 t2:36309999999", "next 15 carol"]
    outside.planner._turns.clear()
    own = "john:sales:free"
    assert outside.paid("john", "sales") == [[own], [own, "sales:36309999999:FWD"], [own, "sales:36309999999:FWD"], [own]]


def test_a_forward_of_all_calls_is_paid_by_who_forwards(outside):
    outside.set("bob", forwardalways="36309999999")
    assert outside.rung("john", "bob") == ["first 90 t1:36309999999", "failed 90 t2:36309999999"]
    assert outside.paid("john", "bob")[0] == ["john:bob:free", "bob:36309999999:FWD"]
    outside.set("carol", forwardalways="bob")
    assert outside.paid("john", "carol")[0] == ["john:carol:free", "carol:bob:FWD:free", "bob:36309999999:FWD"]


def test_forwards_on_busy_and_on_no_answer_follow_the_one_who_forwards(exchange):
    for name in ("dave", "eve"):
        exchange.account(name)
    exchange.set("bob", forwardonbusy="carol", forwardonnoanswer="dave", noanswertimeout=9)
    exchange.set("carol", forwardonnoanswer="eve", noanswertimeout=5)
    assert exchange.rung("john", "bob") == ["first 9 bob", "busy 5 carol", "noanswer 60 eve", "noanswer 60 dave"]
    first, carol, eve, dave = exchange.plan("john", "bob").stages
    assert (carol.after, eve.after, dave.after) == ((first,), (carol,), (first,))


def test_a_chain_of_forwards_is_followed_for_forty_numbers(exchange):
    for number in range(41):
        exchange.account(f"p{number}", forwardalways=f"p{number + 1}")
    exchange.account("p41")
    assert exchange.rung("john", "p2") == ["first 60 p41"] and exchange.rung("john", "p1") == 482


def test_groups_of_groups_that_ring_nobody_do_not_grow(exchange):
    exchange.sql("INSERT INTO tb_dialplan (pattern, replacement) VALUES ('55*', 'g*')")
    words = ",".join([f"55{number}" for number in range(30)])
    for number in range(30):
        exchange.account(f"g{number}", ringgroup=words, rgmode=1)
        exchange.away.add(f"g{number}")
    plan = exchange.plan("john", "g0")
    assert plan.code == 480 and 40 < plan.numbers <= 40 * 31 and len(plan.trace) <= 200


def test_nobody_there_is_as_no_answer(exchange):
    exchange.set("bob", forwardonnoanswer="carol", forwardonbusy="john")
    exchange.away.add("bob")
    assert exchange.rung("john", "bob") == ["first 60 carol"]


def test_forwards_in_a_circle_end(exchange):
    exchange.set("bob", forwardalways="carol")
    exchange.set("carol", forwardalways="bob")
    assert exchange.rung("john", "bob") == 482
    for name, other in (("bob", "carol"), ("carol", "bob")):
        exchange.set(name, forwardalways="", forwardonbusy=other, forwardonnoanswer=other)
    assert exchange.rung("john", "bob") == ["first 15 bob", "busy 15 carol", "noanswer 15 carol"]
    names = [f"p{number}" for number in range(12)]
    for name in names:
        exchange.account(name)
    for name, after, other in zip(names, names[1:], names[2:]):
        exchange.set(name, forwardonbusy=after, forwardonnoanswer=other)
    assert 5 < len(exchange.plan("john", "p0").stages) <= 20


def test_whatever_forwards_to_whom_a_plan_ends_and_its_stages_hang_together(outside):
    chance = random.Random(4)
    names = [f"n{number}" for number in range(9)]
    for name in names:
        outside.account(name, credit=1.0)
    targets = [*names, "", "", "36309999999", "voicemail", "nobody", "55", "*98", "n1@x"]
    for _ in range(60):
        outside.away = set(chance.sample(names, 3))
        for name in names:
            outside.set(name, ringgroup=",".join(chance.sample(targets, chance.choice((0, 0, 2, 5)))),
                        rgmode=chance.choice((0, 1)), maxlines=chance.choice((0, 0, 0, 1)),
                        **{f"forward{when}": chance.choice(targets) for when in ("onbusy", "onnoanswer")},
                        forwardalways=chance.choice(["", "", "", *names]))
        outside.lines = {name: chance.choice((0, 1)) for name in names}
        for called in names:
            plan = outside.plan("john", called)
            assert bool(plan.code) != bool(plan.stages) and plan.code != 500 and len(plan.stages) <= 20
            assert len(plan.trace) <= 200 and plan.numbers < 2000
            for index, stage in enumerate(plan.stages):
                assert (stage.condition == "first") == (index == 0) and stage.destinations
                assert all(any(earlier is each for earlier in plan.stages[:index]) for each in stage.after)
                assert stage.charges[0].account.username == "john"
    assert not outside.faults


def test_whatever_is_dialled_has_a_code(outside):
    chance = random.Random(5)
    letters = "0123456789+*#abNX%;@:/ \t\r\n\0\u00e9\u0663\U0001f600\udcff'\"<>"
    outside.sql("INSERT INTO tb_dialplan (pattern, replacement) VALUES ('8X*', '3630X'), ('/^7(.*)$/', '\\1')")
    for _ in range(3000):
        called = "".join(chance.choices(letters, k=chance.choice((0, 1, 3, 8, 15, 70))))
        plan = outside.plan("john", called)
        assert plan.code in (0, 403, 404, 484, 501) and bool(plan.code) != bool(plan.stages), called
    assert not outside.faults


def test_a_forward_that_cannot_be_made_is_left_out_or_refuses(exchange):
    exchange.set("bob", forwardonbusy="36309999999", candial=1)
    plan = exchange.plan("john", "bob")
    assert len(plan.stages) == 1 and plan.trace[-1].startswith("but 36309999999 is not called: 404")
    exchange.set("bob", forwardalways="36309999999")
    assert exchange.rung("john", "bob") == 404
    exchange.set("bob", forwardalways="carol", candial=0)
    assert exchange.rung("john", "bob") == 403


def test_voicemail_is_not_there_yet(exchange):
    exchange.set("bob", voicemailalways=1)
    assert exchange.rung("john", "bob") == 501
    exchange.set("bob", voicemailalways=0, forwardonnoanswer="voicemail")
    assert exchange.rung("john", "bob") == ["first 15 bob"]
    exchange.away.add("bob")
    assert exchange.rung("john", "bob") == 501


# -- outside


def test_trunks_come_in_their_order_and_each_after_the_one_before(outside):
    assert outside.rung("john", "+36 30 999-9999") == ["first 90 t1:36309999999", "failed 90 t2:36309999999"]
    plan = outside.plan("john", "0036309999999")
    assert (plan.called, plan.dialled) == ("36309999999", "0036309999999")
    assert plan.charge.rate.prefix == "36" and plan.charge.called is None
    assert "price: prefix 36 at 0.6 USD/min, paid by john" in plan.trace


def test_without_a_price_there_is_no_call(outside):
    plan = outside.plan("john", "49301234567")
    assert (plan.code, plan.reason) == (403, "no price for 49301234567")


def test_without_a_route_the_number_is_unknown_and_with_none_free_it_is_our_fault(outside):
    outside.sql("UPDATE tb_routing SET prefix = '40'")
    assert outside.plan("john", "36309999999").code == 404
    outside.sql("UPDATE tb_routing SET prefix = '36'")
    outside.sql("UPDATE tb_users SET temporarydisabled = 1 WHERE type = 9")
    assert outside.plan("john", "36309999999").code == 503


def test_a_carriers_call_is_not_sent_back_to_it_but_its_forward_may_go_there(outside):
    plan = outside.plan("t1", "36309999999")
    assert [stage.destinations[0].account.username for stage in plan.stages] == ["t2"]
    outside.set("bob", forwardalways="36309999999")
    plan = outside.plan("t1", "bob")
    assert sorted(stage.destinations[0].account.username for stage in plan.stages) == ["t1", "t2"]


def test_who_tests_is_told_of_routes_that_do_not_fit(outside):
    with outside.db.unit() as unit:
        unit.run("INSERT INTO tb_routing (name, prefix, serverid, callertype) VALUES ('night', '36', 1, 14)")
    outside.db.touch("tb_routing", ())
    told = [outside.planner.plan(Caller(outside.users.by_username("john")), "36309999999", trial=trial).trace
            for trial in (True, False)]
    assert [any("night" in text and "callers of type 14" in text for text in trace) for trace in told] == [True, False]


def test_a_price_that_cannot_be_computed_refuses_with_its_reason(outside):
    outside.sql("UPDATE tb_billentries SET currency = 'ZZZ'")
    plan = outside.plan("john", "36309999999")
    assert plan.code == 503 and "ZZZ" in plan.reason


def test_calls_to_accounts_are_free_but_for_a_price_of_that_very_number(exchange):
    exchange.price("36", 0.6)
    assert exchange.paid("john", "36201111111") == [["john:36201111111:free"]]
    exchange.price("36201111111", 0.2)
    assert exchange.paid("john", "36201111111") == [["john:36201111111"]]


def test_the_payer_and_the_resellers_above_are_named(outside):
    boss = outside.account("boss", type=2)
    outside.set("john", parentid=boss.id, billinguserid=outside.users.by_username("carol").id)
    charge = outside.plan("john", "36309999999").charge
    assert charge.account.username == "john" and charge.payer.username == "carol"
    assert [(level, account.username, rate.price) for level, account, rate in charge.levels] == [(1, "boss", 600_000)]


def test_a_ported_number_is_routed_where_it_is_and_priced_as_dialled(outside):
    outside.trunk("special", "99")
    outside.sql("INSERT INTO tb_portednumbers (number, providerpx, newdomain, newport)"
                " VALUES ('36309999999', '99', 'new.example.com', 5070)")
    plan = outside.plan("john", "36309999999")
    to = plan.stages[-1].destinations[0]
    assert {stage.destinations[0].number for stage in plan.stages} == {"9936309999999"}
    assert (to.domain, to.port, plan.charge.number) == ("new.example.com", 5070, "36309999999")
    assert any("ported" in text for text in plan.trace)


def test_what_a_trunk_costs_is_looked_up_when_it_is_asked(outside):
    trunk = outside.users.by_username("t1")
    outside.price("3630", 0.3, type=2, userid=trunk.id)
    first, second = [stage.destinations[0] for stage in outside.plan("john", "36309999999").stages]
    assert first.cost.price == 300_000 and first.cost is first.cost and second.cost is None
    outside.sql("UPDATE tb_billentries SET currency = 'ZZZ' WHERE type = 2")
    assert outside.plan("john", "36309999999").stages[0].destinations[0].cost is None


# -- transfers and redirections


def test_a_transfer_is_paid_by_who_transfers_and_a_redirection_by_who_was_called(outside):
    john, bob = outside.users.by_username("john"), outside.users.by_username("bob")
    caller = Caller(john, "john")
    plan = outside.planner.transfer("36309999999", bob, caller)
    assert [(charge.payer.username, charge.mark) for charge in plan.stages[0].charges] == [("bob", "TRANS")]
    stages = outside.planner.redirect("36309999999", Destination("account", bob, "bob"), caller).stages
    assert [(charge.payer.username, charge.mark) for charge in stages[0].charges] == [("bob", "FWD")]
    trunk = outside.users.by_username("t1")
    assert outside.planner.redirect("bob", Destination("trunk", trunk, "1"), caller).code == 403
    assert outside.planner.redirect("bob", Destination("account", bob, "bob"), caller).code == 482
    assert outside.planner.transfer("nobody", bob, caller).code == 404


# -- what is shown


@pytest.mark.parametrize("own, theirs, private, trunk, wanted", [
    (1, 1, False, True, (False, "")), (1, 1, True, True, (True, "361")), (1, 1, True, False, (True, "")),
    (0, 1, True, True, (False, "")), (1, 0, True, False, (False, "")), (1, 2, False, False, (False, "361")),
    (1, 3, False, False, (False, "")), (1, 3, False, True, (False, "361")), (4, 1, False, True, (True, "361")),
    (4, 1, False, False, (True, "")), (1, 4, False, True, (True, "361")), (5, 2, False, True, (True, "")),
    (4, 5, False, True, (True, "")), (4, 2, False, False, (True, "361")), (2, 1, False, False, (False, "361")),
    (3, 1, False, False, (False, "")), (3, 1, False, True, (False, "361")), (2, 1, True, False, (True, "")),
    (0, 5, True, True, (True, "")), (0, 4, True, False, (True, "")),
])
def test_a_callers_number_is_shown_hidden_or_asserted(own, theirs, private, trunk, wanted):
    account = SimpleNamespace(username="john", telnumber="")
    to = shown(Destination("trunk", None, "1"), Caller(account, "361", "John", private=private),
               SimpleNamespace(cli=own, displayname=""), SimpleNamespace(cli=theirs), trunk)
    assert (to.hidden, to.asserted) == wanted and to.caller == "361" and to.display == ("" if to.hidden else "John")


def test_a_trunk_is_shown_a_number_where_there_is_one(outside):
    outside.price("49", 1)
    for called, wanted in (("john", "bob"), ("49301234567", "36201111111")):
        assert outside.plan("bob", called).stages[0].destinations[0].caller == wanted
    assert outside.plan("john", "49301234567").stages[0].destinations[0].caller == "john"
    assert outside.plan("bob", "john", number="").stages[0].destinations[0].caller == "36201111111"
