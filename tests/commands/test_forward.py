"""callforward and calldivert: what is set, told and cleared, and that calls follow at once."""

import pytest

from mizu.calls.plan import Caller

from records.store import wait


@pytest.fixture
def line(office):
    wait(office.db.execute("UPDATE tb_users SET telnumber = '36201111111' WHERE username = 'john'"))
    office.users.reload([office.john])
    return office


def told(office, by="john", **params):
    return office.ask("callforward", by, **params).data


def test_a_forward_is_set_told_and_cleared_by_its_kind(line):
    assert line.ask("callforward", "john", anum="busy", bnum="kid").message == "OK: forwarding set"
    line.ask("callforward", "john", anum="noanswer", bnum="36309999999", cnum=20)
    assert told(line) == {"forwardalways": "", "forwardonbusy": "kid", "forwardonnoanswer": "36309999999",
                          "noanswertimeout": 20}
    assert line.ask("callforward", "john", anum="BUSY", bnum="").message == "OK: forwarding set"
    assert told(line)["forwardonbusy"] == "" and told(line)["forwardonnoanswer"]
    assert line.ask("callforward", "john", bnum="").message == "OK: forwarding cleared"
    assert told(line) == {"forwardalways": "", "forwardonbusy": "", "forwardonnoanswer": "", "noanswertimeout": 20}


def test_places_and_other_names_are_as_good(line):
    line.ask("callforward", "john", param1="always", param2="kid")
    assert told(line)["forwardalways"] == "kid"
    line.ask("callforward", "john", anum="always", to="boss")
    assert told(line)["forwardalways"] == "boss"
    line.ask("callforward", "john", param1="always", param2="")
    assert told(line)["forwardalways"] == ""


def test_the_seconds_alone_leave_the_targets(line):
    line.ask("callforward", "john", anum="noanswer", bnum="kid")
    line.ask("callforward", "john", anum="noanswer", cnum=33)
    assert told(line)["forwardonnoanswer"] == "kid" and told(line)["noanswertimeout"] == 33
    line.ask("calldivert", "john", callforwardonnoanswertimeout=44)
    assert told(line)["forwardonnoanswer"] == "kid" and told(line)["noanswertimeout"] == 44


def test_calldivert_clears_what_is_sent_empty_and_leaves_what_is_not_sent(line):
    line.ask("calldivert", "john", callforwardonbusy="kid", callforwardalways="boss")
    assert line.ask("calldivert", "john").data == told(line)
    line.ask("calldivert", "john", callforwardalways="")
    assert told(line)["forwardonbusy"] == "kid" and told(line)["forwardalways"] == ""
    line.ask("calldivert", "john", param1="", param2="36309999999")
    assert told(line)["forwardonbusy"] == "" and told(line)["forwardonnoanswer"] == "36309999999"


@pytest.mark.parametrize("params, code", [
    ({"bnum": "kid"}, 400), ({"anum": "sometimes", "bnum": "kid"}, 400), ({"anum": "busy", "bnum": "k;d"}, 400),
    ({"anum": "busy", "bnum": "JOHN"}, 422), ({"anum": "busy", "bnum": "+36 20 111 1111"}, 422),
    ({"anum": "noanswer", "bnum": "kid", "cnum": 0}, 400), ({"anum": "noanswer", "bnum": "kid", "cnum": 181}, 400),
])
def test_what_makes_no_sense_is_refused_and_nothing_is_written(line, params, code):
    assert line.refused("callforward", "john", **params)[0] == code


def test_an_administrator_names_the_account_and_a_user_is_himself(line):
    line.ask("callforward", "root", anum="always", bnum="boss", u_username="kid")
    assert line.value("kid", "forwardalways") == "boss"
    line.ask("callforward", "john", anum="always", bnum="boss", u_username="kid")
    assert line.value("john", "forwardalways") == "boss"
    assert line.refused("callforward") == line.refused("calldivert") == (400, "missing user input")


def test_the_next_call_follows_it(line):
    line.phone("mary")
    caller = Caller(line.users.by_username("kid"), proof="digest")
    assert line.switch.planner.plan(caller, "john").code == 480
    line.ask("callforward", "john", anum="always", bnum="mary")
    stage, = line.switch.planner.plan(caller, "john").stages
    assert [to.account.username for to in stage.destinations] == ["mary"]
