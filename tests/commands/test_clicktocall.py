"""p2p, callback and call over the API: who is rung, what is waited for, what is refused."""

import pytest

from mizu.base.errors import ApiError
from mizu.base.task import spawn


@pytest.fixture
def busy(office):
    """mary and bob have telephones; john has none, but the money."""
    office.mary, office.bob = office.phone("mary"), office.phone("bob")
    return office


def begin(office, entry, by="john", **params):
    return spawn(office.asked(entry, by, **params))


def test_two_parties_are_called_and_joined(busy):
    answer = busy.ask("p2p", "john", anum="mary", bnum="bob")
    call, = busy.board.calls.values()
    assert answer.message == "OK: call initiated" and answer.data == {"dbcallid": call.id, "callid": call.sipcallid}
    assert call.caller.account.username == "john" and call.caller.host == "10.0.0.1"
    busy.run(1)
    busy.mary.calls[-1].answer()
    busy.run(1)
    busy.bob.calls[-1].answer()
    busy.run(1)
    assert busy.mary.calls[-1].state == busy.bob.calls[-1].state == "talking"
    busy.ask("disccall", "john", dbcallid=call.id)
    busy.run(1)
    assert busy.mary.calls[-1].state == "ended"
    busy.swept()


@pytest.mark.parametrize("waitfor, said", [(1, "mary has answered"), (2, "mary and bob are connected")])
def test_an_answer_may_wait_for_one_party_or_both(busy, waitfor, said):
    asked = begin(busy, "p2p", anum="mary", bnum="bob", waitfor=waitfor)
    busy.run(1)
    assert not asked.done
    busy.mary.calls[-1].answer()
    busy.run(1)
    assert asked.done == (waitfor == 1)
    busy.bob.calls[-1].answer()
    busy.run(1)
    assert asked.result().message == f"OK: {said}"
    busy.bob.calls[-1].bye()
    busy.swept()


def test_who_waits_hears_which_party_has_failed(busy):
    busy.mary.on_call = lambda call: call.refuse(486)
    asked = begin(busy, "p2p", anum="mary", bnum="bob", waitfor=1)
    busy.run(1)
    with pytest.raises(ApiError, match="mary: 486") as caught:
        asked.result()
    assert caught.value.code == 422
    busy.mary.on_call = lambda call: call.answer()
    busy.bob.on_call = lambda call: call.refuse(603)
    asked = begin(busy, "p2p", anum="mary", bnum="bob", waitfor=2)
    busy.run(2)
    with pytest.raises(ApiError, match="bob: 603"):
        asked.result()
    busy.swept()


@pytest.mark.parametrize("name", ["anum", "bnum", "cnum"])
def test_one_number_alone_is_called_from_the_accounts_own_phone(busy, name):
    busy.ask("p2p", "mary", **{name: "bob"})
    busy.run(1)
    assert busy.mary.calls[-1].state == "ringing" and not busy.bob.calls
    busy.mary.calls[-1].refuse()
    busy.swept()


def test_two_numbers_are_joined_whatever_they_are_called(busy):
    busy.ask("p2p", "john", bnum="mary", cnum="bob")
    busy.run(1)
    busy.mary.calls[-1].answer()
    busy.run(1)
    assert busy.bob.calls[-1].state == "ringing"
    busy.mary.calls[-1].bye()
    busy.swept()


def test_a_callback_rings_the_accounts_phone_or_the_number_that_is_named(busy):
    for params, phone in (({}, "mary"), ({"num": "bob"}, "bob")):
        answer = busy.ask("callback", "mary", bnum="john", **params)
        busy.run(1)
        assert answer.message == "OK: call initiated" and getattr(busy, phone).calls[-1].state == "ringing"
        getattr(busy, phone).calls[-1].refuse()
        busy.run(1)
    assert busy.ask("cb", "mary", bnum="bob").code == 200
    busy.run(1)
    busy.mary.calls[-1].refuse()
    busy.swept()


def test_the_first_party_sees_who_will_be_called_and_the_second_one_who_calls(busy):
    busy.ask("p2p", "john", anum="mary", bnum="bob")
    busy.run(1)
    shown = busy.mary.calls[-1].invitation.from_
    assert shown.uri.startswith("sip:john@") and shown.display == "bob"
    busy.mary.calls[-1].answer()
    busy.run(1)
    shown = busy.bob.calls[-1].invitation.from_
    assert shown.uri.startswith("sip:john@") and not shown.display
    busy.mary.calls[-1].bye()
    busy.swept()


def test_a_callers_number_of_the_setting_is_shown_to_the_first_party(busy):
    busy.settings.callbackcallernumber = "36150000"
    busy.ask("callback", "mary", bnum="bob")
    busy.run(1)
    assert busy.mary.calls[-1].invitation.from_.uri.startswith("sip:36150000@")
    busy.mary.calls[-1].refuse()
    busy.swept()


def test_a_test_call_lasts_as_long_as_it_is_told(busy):
    answer = busy.ask("call", "root", origsimid=busy.john, telnum="mary", duration=5)
    assert answer.message == f"OK: call {answer.data['dbcallid']} to mary"
    busy.run(1)
    busy.mary.calls[-1].answer()
    busy.run(4)
    assert busy.mary.calls[-1].state == "talking"
    busy.run(2)
    assert busy.mary.calls[-1].state == "ended"
    busy.swept()


def test_an_account_of_one_line_may_call_two_parties(busy):
    with busy.db.unit() as unit:
        busy.users.update(unit, busy.john, {"maxlines": 1})
    busy.ask("p2p", "john", anum="mary", bnum="bob")
    busy.run(1)
    busy.mary.calls[-1].answer()
    busy.run(1)
    assert busy.bob.calls[-1].state == "ringing"
    assert busy.refused("p2p", "john", anum="mary", bnum="bob") == (503, "mary: 503 all lines are in use")
    busy.mary.calls[-1].bye()
    busy.run(1)
    busy.swept()


@pytest.mark.parametrize("entry, by, params, code", [
    ("p2p", "john", {}, 400), ("p2p", "john", {"anum": "mary", "bnum": "bob", "waitfor": 3}, 400),
    ("p2p", "john", {"anum": "mary", "bnum": "bob", "cnum": "kid"}, 501),
    ("p2p", "john", {"anum": "nobody", "bnum": "bob"}, 404), ("p2p", "john", {"anum": "kid", "bnum": "bob"}, 422),
    ("p2p", None, {"anum": "mary", "bnum": "bob"}, 400), ("callback", "john", {}, 501),
    ("callback", "john", {"bnum": "bob"}, 422), ("call", "root", {}, 400), ("call", "john", {"telnum": "mary"}, 403),
    ("call", "root", {"telnum": "mary", "duration": 0}, 400), ("call", None, {"telnum": "mary"}, 400),
    ("call", "root", {"telnum": "mary", "origsimid": 999}, 404),
])
def test_what_cannot_be_called_is_refused_before_anybody_is_rung(busy, entry, by, params, code):
    assert busy.refused(entry, by, **params)[0] == code
    assert not busy.board.calls and not busy.mary.calls
