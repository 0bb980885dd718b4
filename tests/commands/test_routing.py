"""routingtest, normalizechk, capcheck, and reading the tables of routing again."""

from types import SimpleNamespace

import pytest

from mizu.calls.planner import Planner
from mizu.records.callprofile import Profiles
from mizu.records.dialplan import DialPlan
from mizu.records.directory import Directory
from mizu.records.ported import PortedNumbers
from mizu.records.routing import Routing
from mizu.records.sources import Sources

from records.store import add, wait


@pytest.fixture
def routed(town):
    """36 costs 0.60 a minute over carrier; gate sends from 192.0.2.1."""
    town.profiles, town.form = Profiles(town.db), town.rates.form
    town.dialplan, town.ported = DialPlan(town.db), PortedNumbers(town.db)
    town.directory = Directory(town.db, town.users)
    town.sources = Sources(town.db, town.users, town.profiles, town.form)
    town.routing = Routing(town.db, town.settings, town.clock, town.users, town.profiles, town.rates, town.entropy)
    town.locations = SimpleNamespace(of=lambda id: [])
    town.switch = SimpleNamespace(planner=Planner(town), trunks=SimpleNamespace(listed=lambda: [1]),
                                  reload=lambda: [each.reload() for each in (town.routing, town.directory)])
    carrier = add(town, "carrier", type=9, domainname="sip.example.com")
    add(town, "gate", type=5, needauth=1, authip="192.0.2.1", credit=0.05, currency="USD")
    with town.db.unit() as unit:
        unit.run("INSERT INTO tb_routing (name, serverid, prefix) VALUES ('carrier', ?, '36')", (carrier,))
        entry = unit.run("INSERT INTO tb_billentries (type, name) VALUES (1, 'list')").lastrowid
        unit.run("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, '36', 0.6)", (entry,))
    town.rates.reload()
    return town


def test_a_route_is_explained_with_price_and_duration(routed):
    answer = routed.ask("routingtest", caller="john", called="+36 30 999 9999")
    assert answer.data == {"caller": "john", "called": "36309999999", "code": 0, "reason": "", "rate": 0.6,
                           "destinations": ["trunk carrier: 36309999999"], "currency": "USD", "maxduration": 1234,
                           "steps": answer.data["steps"]}
    assert answer.message.split("\n") == [
        "36309999999 can be called", "john is the account john, who proves it by a digest",
        f"the caller is john (id {routed.john}), known by digest",
        "normal form: junk out: +36 30 999 9999 is +36309999999 (normalize_clean)", "normal form: + off: 36309999999",
        "price: prefix 36 at 0.6 USD/min, paid by john",
        "trunk carrier (sip.example.com) as 36309999999, priority 7",
        "john pays 0.6 USD a minute and has 12.34: 1234 s at most"]


def test_a_sender_is_known_by_his_address_and_its_money_counts(routed):
    answer = routed.ask("routingtest", ip="192.0.2.1:5070", caller="3620111", called="36309999999")
    assert answer.data["caller"] == "gate" and answer.data["maxduration"] == 5
    assert answer.data["steps"][0] == "192.0.2.1 with 3620111 is gate, by address"
    wait(routed.db.execute("UPDATE tb_users SET credit = 0 WHERE username = 'gate'"))
    answer = routed.ask("routingtest", ip="192.0.2.1", caller="", called="36309999999")
    assert answer.data["maxduration"] == 0 and "refused with 402" in answer.message


def test_a_reseller_above_pays_his_part_and_may_be_the_one_who_cannot(routed):
    with routed.db.unit() as unit:
        entry = unit.run("INSERT INTO tb_billentries (type, parentid, name) VALUES (1, ?, 'boss')",
                         (routed.boss,)).lastrowid
        unit.run("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, '36', 1.2)", (entry,))
        routed.users.update(unit, routed.john, {"parentid": routed.boss, "billinguserid": routed.john})
        unit.run("UPDATE tb_currencies SET rate = 1 WHERE name = 'EUR'")
    routed.rates.reload()
    answer = routed.ask("routingtest", caller="john", called="36309999999")
    assert answer.data["rate"] == 1.2 and answer.data["maxduration"] == 0
    assert [step for step in answer.data["steps"] if "pays" in step] == [
        "john pays 1.2 USD a minute and has 12.34: 617 s at most",
        "boss pays 0.6 EUR a minute and has 0.0: 0 s at most, refused with 402"]


def test_too_little_credit_for_the_setting_is_refused(routed):
    routed.settings.mincreditonroute = 12_350_000
    answer = routed.ask("routingtest", caller="john", called="36309999999")
    assert answer.data["maxduration"] == 0 and answer.data["code"] == 402
    assert answer.message.startswith("refused with 402 not enough credit\n")


@pytest.mark.parametrize("params, code, head", [
    ({"ip": "198.51.100.1", "called": "361"}, 403, "198.51.100.1 is nobody we know: a digest is asked for"),
    ({"caller": "john", "called": "nobody"}, 404, "john is the account john"),
    ({"caller": "john", "called": "49301234567"}, 404, "john is the account john"),
    ({"caller": "john", "called": "kid"}, 480, "john is the account john"),
    ({"ip": "198.51.100.1", "caller": "gate", "called": "36309999999"}, 0, "gate is the account gate"),
])
def test_a_refusal_is_explained_too(routed, params, code, head):
    answer = routed.ask("routingtest", **params)
    assert answer.data["code"] == code and answer.data["steps"][0].startswith(head)
    assert answer.message.startswith(f"refused with {code} {answer.data['reason']}") or not code


def test_nothing_is_asked_without_a_number_and_only_by_administrators(routed):
    assert routed.refused("routingtest", caller="john")[0] == 400
    for name in ("routingtest", "normalizechk", "capcheck", "rulesreload", "clearncache"):
        assert routed.refused(name, "john", called="36")[0] == 403


def test_the_normal_form_of_both_numbers_is_shown_with_its_rules(routed):
    answer = routed.ask("normalizechk", called="06 30 999 9999", caller="+36301111111", country="hu")
    assert answer.data == {
        "called": "36309999999", "caller": "36301111111", "callerrules": ["+ off: 36301111111"],
        "calledrules": ["junk out: 06 30 999 9999 is 06309999999 (normalize_clean)",
                        "national prefix 06 is 36: 36309999999"]}
    assert routed.ask("normalizechk", called="36309999999").message == (
        "called: 36309999999 -> 36309999999\n  no rule applies")
    assert routed.refused("normalizechk", called="1", country="Hungary")[0] == 400
    assert routed.refused("normalizechk")[0] == 400


def test_free_capacity_is_counted(routed):
    assert routed.ask("capcheck").data == {"calls": 0, "maxcalls": 0, "callspersecond": 0, "maxcps": 0,
                                           "free": "no limit", "refused": ""}
    routed.settings.maxcalls = 7
    wait(routed.db.execute("UPDATE tb_users SET maxlines = 3 WHERE username = 'carrier'"))
    data = routed.ask("capcheck", direction="carrier").data
    assert (data["free"], data["username"], data["lines"], data["maxlines"], data["freelines"]) == (7, "carrier", 0, 3, 3)
    assert routed.ask("capcheck", direction="+36 30 999").data["username"] == "carrier"
    assert routed.refused("capcheck", direction="nobody")[0] == routed.refused("capcheck", direction="49")[0] == 404


@pytest.mark.parametrize("name, table, row", [
    ("rulesreload", "tb_routing", "(name, rewrite) VALUES ('x', 'nonsense')"),
    ("rulesreload", "tb_users", "(username, needauth, authip) VALUES ('x', 1, '300.1.1.1')"),
    ("reloaddialplan", "tb_dialplan", "(pattern) VALUES ('/(a+)+/')"),
])
def test_tables_are_read_again_and_bad_rows_reported(routed, name, table, row):
    assert routed.ask(name).warning is None
    with routed.db.unit() as unit:
        unit.run(f"INSERT INTO {table} {row}")
    assert routed.ask(name).warning.startswith(f"{table}.id ")


def test_caches_are_counted_and_forgotten(routed):
    routed.ask("routingtest", caller="john", called="36309999999")
    data = routed.ask("calcncache").data
    assert data["directory"] >= 1 and data["profiles"] >= 2 and (data["routes"], data["trunks"]) == (1, 1)
    with routed.db.unit() as unit:
        unit.run("UPDATE tb_users SET candial = 0 WHERE username = 'john'")
    assert routed.ask("routingtest", caller="john", called="36309999999").data["code"] == 0
    assert routed.ask("clearncache", operatorid=routed.john).message == "OK: john"
    assert routed.ask("routingtest", caller="john", called="36309999999").data["code"] == 403
    routed.ask("clearncache")
    assert routed.ask("calcncache").data["directory"] == 0
    routed.ask("routingtest", caller="kid", called="36309999999")
    routed.ask("reloadnumdircache")
    assert routed.ask("calcncache").data["directory"] == 0
