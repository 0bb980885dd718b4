"""Calls in progress over the API: who sees which, what they cost, who may end them."""

import pytest

from mizu.base.errors import ApiError

from calls.switch import Switch


@pytest.fixture
def lines(town, tmp_path):
    """john (12.34 USD), kid below boss, and a trunk; 36 costs 0.12 a minute."""
    made = Switch(tmp_path, over=town)
    made.trunk = made.person("trunk", type=9)
    made.price("36", 0.12)
    with made.db.unit() as unit:
        unit.run("UPDATE tb_currencies SET rate = 0.5 WHERE name = 'EUR'")
        for name in ("boss", "kid"):
            made.ledger.add(unit, made.person(name), 5_000_000, "admin", "x")
    return made


def talk(lines, name, number="3612345", to="trunk"):
    account = lines.person(name)
    charge = lines.charge(account, number)
    bridge = lines.call(name, lines.stage(to, charges=[charge], kind="trunk"), number=number)
    lines.legs[to].answer()
    return bridge


def dicts(answer):
    return answer.data.dicts()


def test_an_administrator_sees_all_calls_with_all_columns(town, lines):
    talk(lines, "john")
    lines.run(30)
    lines.call("kid", lines.stage("john"))
    first, second = dicts(town.ask("currentcalls"))
    assert first == {"dbcallid": 1, "state": "talking", "caller": "john", "callernumber": "john", "called": "trunk",
                     "callednumber": "3612345", "callstartdate": "2023-11-14 22:13:20.000",
                     "connectdate": "2023-11-14 22:13:20.000", "seconds": 30, "cost": 0.06, "currency": "USD",
                     "callid": "call-1@phone", "callerid": town.john, "calledid": lines.trunk.id,
                     "callerip": "192.0.2.9", "calledip": "10.0.0.5", "codec": "PCMA"}
    assert (second["state"], second["called"], second["connectdate"], second["cost"]) == ("trying", "john", "", 0)
    assert dicts(town.ask("currentcalls", "agent")) == [first, second]
    limited = town.ask("currentcalls", limit=1)
    assert len(limited.data) == 1 and limited.warning == "only 1 of 2 calls: use limit"


def test_users_see_their_own_calls_and_neither_trunks_nor_what_others_pay(town, lines):
    talk(lines, "john")
    lines.call("kid", lines.stage("john"))
    lines.run(10)
    mine = dicts(town.ask("currentcalls", "john"))
    assert [(row["dbcallid"], row["called"], row["cost"]) for row in mine] == [(1, "", 0.02), (2, "john", 0)]
    assert "calledip" not in mine[0] and town.ask("currentcalls", "john", u_id=town.kid).data.dicts() == mine[:1]
    assert [row["dbcallid"] for row in dicts(town.ask("currentcalls", "john", direction=2))] == [2]
    assert [row["dbcallid"] for row in dicts(town.ask("currentcalls", "boss"))] == [2]
    assert [row["dbcallid"] for row in dicts(town.ask("currentcalls", "boss", u_id=town.kid))] == [2]
    with pytest.raises(ApiError):
        town.ask("currentcalls", "boss", u_id=town.john)


def test_directions_and_sub_users(town, lines):
    talk(lines, "john")
    lines.call("kid", lines.stage("john"))

    def ids(**params):
        return [row["dbcallid"] for row in dicts(town.ask("currentcalls", **params))]
    assert ids(u_id=town.john) == ids(u_id=town.john, direction=1) == [1]
    assert ids(u_id=town.john, direction=2) == [2] and ids(u_id=town.john, direction=3) == [1, 2]
    assert ids(u_id=lines.trunk.id) == [1] and ids(u_id=lines.trunk.id, direction=1) == []
    assert ids(u_id=town.boss) == [] and ids(u_id=town.boss, pcr=1) == [2]
    assert town.refused("currentcalls", direction=4)[0] == 400


def test_calls_are_ended_by_their_parties_their_reseller_and_the_administrator(town, lines):
    bridge = talk(lines, "john")
    assert town.refused("disccall", "kid", dbcallid="1") == (404, "no call 1 is in progress")
    assert town.refused("disccall", "boss", dbcallid="1")[0] == 404
    assert town.refused("disccall", "agent", dbcallid="1")[0] == 404
    assert town.ask("disccall", "john", dbcallid="1").message == "OK: call 1 ended" and bridge.ended
    assert lines.rows("disctext, discside") == [("ended by john", "server")]
    second, third = talk(lines, "kid"), talk(lines, "john")
    town.ask("disccall", "boss", callid="call-2@phone")
    town.ask("disccall", dbcallid="3")
    assert second.ended and third.ended
    assert town.refused("disccall", dbcallid="3")[0] == 404
    lines.clean()


def test_a_call_in_progress_is_rated(town, lines):
    talk(lines, "john")
    lines.run(15)
    answer = town.ask("callrating", "john")
    assert answer.message == "0.12 USD/min, Destination: list 36, longest duration: 6170 s"
    assert answer.data["maxduration"] == 6170 and answer.data["credit"] == 12.34 and answer.data["seconds"] == 15
    assert answer.data["rate"] == 0.12 and answer.data["prefix"] == "36"
    assert town.ask("callrating", username="john").data == town.ask("callrating", callid="1").data == answer.data
    assert town.refused("callrating", "kid") == (404, "kid makes no call")
    assert town.refused("callrating", "kid", callid="1")[0] == 404
    lines.call("kid", lines.stage("john"))
    assert town.ask("callrating", "kid").message == "OK: this call costs nothing"


def test_willstop_takes_no_new_calls_and_lets_the_others_go_on(town, lines):
    bridge = talk(lines, "john")
    assert town.ask("willstop").message == "OK: no new calls, 1 in progress"
    assert lines.board.busy() == "no new calls (willstop)" and not bridge.ended
    lines.run(61)
    assert lines.held() == 240_000              # still paid for slice by slice
    assert town.ask("willstop", stop=0).message == "OK: new calls are taken, 1 in progress"
    assert lines.board.busy() == ""
    with pytest.raises(ApiError):
        town.ask("willstop", "john")


def test_details_of_accounts_tell_their_calls(town, lines):
    talk(lines, "john")
    lines.call("kid", lines.stage("john"))
    lines.run(5)
    one = {"dbcallid": 1, "state": "talking", "callernumber": "john", "callednumber": "3612345", "seconds": 5}
    two = {"dbcallid": 2, "state": "trying", "callernumber": "kid", "callednumber": "3612345", "seconds": 0}
    assert town.ask("getuser", u_id=town.john, details="currentcalls").data["currentcalls"] == [one]
    assert town.ask("getuser", u_id=town.john, details="currentcalls", direction=3).data["currentcalls"] == [one, two]
    assert town.ask("getuser", u_id=town.boss, details="currentcalls").data["currentcalls"] is None
    assert town.ask("getuser", u_id=town.boss, details="currentcalls", pcr=1).data["currentcalls"] == [two]
    rows = town.ask("listusers", details="currentcalls").data.dicts()
    assert {row["username"]: row["currentcalls"] for row in rows} == {"john": [one], "kid": [two]}


def test_disabling_an_account_ends_its_calls(town, lines):
    bridge, other = talk(lines, "john"), lines.call("kid", lines.stage("john"))
    town.ask("disableuser", u_id=town.john, unregister=0)
    assert not bridge.ended
    town.ask("disableuser", u_id=town.john)
    assert bridge.ended and other.ended
    lines.clean()
