"""charge, recharge, changecredit by PIN, addcredit, transfercredit, checkcredits, checkpins."""

import pytest

from mizu.api.command import TABLE, Context
from mizu.api.trust import Trust
from mizu.base.errors import ApiError
from mizu.base.message import Peer, Principal, Request, Role, Session

from records.store import add, wait

TRUSTED, LAN, STRANGER = "127.0.0.1", "10.0.0.1", "203.0.113.5"


@pytest.fixture
def bank(town):
    """The town with PINs 7777 (10) and 8888 (5 EUR), bob, and who is trusted."""
    town.bob = add(town, "bob", currency="USD")
    town.trust = Trust(town.settings, lambda host: False, lambda host: host.startswith("10."))
    town.guesses = []
    town.wrong_pin = lambda request, account: town.guesses.append((request.peer.host, account.username))
    with town.db.unit() as unit:
        unit.run("INSERT INTO tb_prepaidcodes (pin, value, currency) VALUES ('7777', 10, ''), ('8888', 5, 'EUR')")
    return town


@pytest.mark.parametrize("name, param", [("charge", "pin"), ("recharge", "pin"), ("charge", "anum"),
                                         ("charge", "param1"), ("changecredit", "pin"), ("addcredit", "pin")])
def test_a_user_recharges_by_pin(bank, name, param):
    given = TABLE[name].bind({param: "7777"})
    assert "7777" in given
    answer = bank.ask(name, "john", **{param: "7777"})
    assert answer.message == "OK: credit is 22.34 USD"
    assert answer.data == {"credit": 22.34, "currency": "USD", "amount": 10.0}
    assert bank.users.by_id(bank.john).credit == 22_340_000
    assert bank.refused(name, "john", **{param: "7777"}) == (422, "this PIN is used already")
    assert bank.refused(name, "john", **{param: "7778"}) == (422, "wrong PIN")
    assert bank.guesses == [("10.0.0.1", "john")]       # only what there is not


def test_a_pin_of_another_currency_waits_for_its_rate(bank):
    assert bank.refused("charge", "john", pin="8888") == (
        501, "no exchange rate: set tb_currencies.rate of EUR")
    bank.ask("db", sql="update tb_currencies set rate = 0.8 where name = 'EUR'")
    assert bank.ask("charge", "john", pin="8888").data == {"credit": 18.59, "currency": "USD", "amount": 6.25}


def test_whose_account_a_pin_credits(bank):
    bank.ask("changecredit", "john", pin="7777", u_username="bob")      # a user is always himself
    assert (bank.value("bob", "credit"), bank.value("john", "credit")) == (0, 22.34)
    bank.ask("db", sql="insert into tb_prepaidcodes (pin, value) values ('9999', 1)")
    assert bank.refused("changecredit", "root", pin="9999") == (400, "missing user input")
    assert bank.refused("charge", pin="9999") == (400, "missing user input")
    assert bank.ask("changecredit", "root", pin="9999", u_username="bob").data["credit"] == 1.0


def test_an_amount_is_an_administrators(bank):
    for who in ("john", "boss", "agent"):
        assert bank.refused("changecredit", who, u_credit=5)[0] == 403
        assert bank.refused("changecredit", who, u_credit=5, pin="7777")[0] == 403
    assert bank.refused("changecredit", "root", u_id=bank.john, u_credit=5, pin="7777") == (
        400, "u_credit or pin, not both")
    assert bank.refused("changecredit", "root", u_id=bank.john)[0] == 400


def test_no_pin_is_no_guess(bank):
    for params in ({}, {"pin": ""}):
        assert bank.refused("changecredit", "john", **params)[0] == 400
        assert bank.refused("addcredit", "john", **params)[0] == 400
        with pytest.raises(ApiError, match="missing parameter pin"):
            bank.ask("charge", "john", **params)
    assert bank.guesses == []


# -- addcredit with an amount

def add_credit(bank, by, host, proofs, direct=True, **params):
    user = bank.users.by_username(by) if by else None
    request = Request("addcredit", {name: str(value) for name, value in params.items()}, Peer("http", host, 5),
                      direct=direct, received=0.0, serial=1)
    request.principal = principal = Principal(user, user.role if user else Role.ADMIN, proofs, user)
    command = TABLE["addcredit"]
    context = Context(request, principal, Session(request.peer), command, bank)
    return wait(command.function(context, *command.bind(request.params)))


def test_addcredit_with_an_amount_takes_a_trusted_address(bank):
    assert add_credit(bank, "root", LAN, ("ip", "key", "md5"), credit=5, u_username="john").data["credit"] == 17.34
    assert add_credit(bank, None, TRUSTED, ("ip", "key"), credit="0.5", u_id=bank.john).data["credit"] == 17.84
    assert add_credit(bank, "root", TRUSTED, ("ip", "key"), credit=5).data["credit"] == 5.0        # himself
    with pytest.raises(ApiError) as error:
        add_credit(bank, "root", STRANGER, ("key", "md5"), credit=5, u_username="john")
    assert error.value.code == 403
    bank.settings.apiv2ipauth = (STRANGER,)
    bank.trust.reload()
    add_credit(bank, "root", STRANGER, ("key", "md5"), credit=1, u_username="john")
    with pytest.raises(ApiError):
        add_credit(bank, "root", STRANGER, ("key", "md5"), direct=False, credit=1, u_username="john")
    assert bank.value("john", "credit") == 18.84


@pytest.mark.parametrize("host, proofs, mode, allowed", [
    (TRUSTED, ("ip", "key", "md5"), 1, True), (TRUSTED, ("ip", "md5"), 1, False), (LAN, ("ip", "key", "md5"), 1, False),
    (STRANGER, ("key", "md5"), 1, False), (TRUSTED, ("ip", "key", "md5"), 3, False),
    (TRUSTED, ("ip", "key", "md5"), 2, True), (TRUSTED, ("ip", "key", "md5"), 0, False)])
def test_in_a_users_name_only_an_address_that_may_stand_for_an_administrator_adds(bank, host, proofs, mode, allowed):
    bank.settings.apideftrustadmin = mode
    if allowed:
        assert add_credit(bank, "john", host, proofs, credit=5, u_username="bob").data["credit"] == 17.34
        assert bank.value("bob", "credit") == 0
        return
    with pytest.raises(ApiError) as error:
        add_credit(bank, "john", host, proofs, credit=5)
    assert error.value.code == 403 and bank.value("john", "credit") == 12.34


@pytest.mark.parametrize("amount, code", [("0", 422), ("-5", 422), ("abc", 400), ("1000000000", 400), ("999999999", 422)])
def test_addcredit_adds_a_real_amount(bank, amount, code):
    with pytest.raises(ApiError) as error:
        add_credit(bank, "root", TRUSTED, ("ip", "key"), credit=amount, u_username="john")
        add_credit(bank, "root", TRUSTED, ("ip", "key"), credit=amount, u_username="john")
    assert error.value.code == code


# -- transfers

def test_credit_goes_from_one_to_another(bank):
    answer = bank.ask("transfercredit", "john", username="BOB", credit="2.34")
    assert (answer.message, answer.data) == ("OK: credit is 10.00 USD", {"credit": 10.0, "currency": "USD"})
    assert [bank.users.by_id(id).credit for id in (bank.john, bank.bob)] == [10_000_000, 2_340_000]
    assert bank.ask("transfercredit", "john", param1="bob", param2="10").data["credit"] == 0
    assert bank.refused("transfercredit", "john", username="bob", credit="0.000001") == (422, "not enough credit")


@pytest.mark.parametrize("params, code, says", [
    ({"username": "nobody", "credit": 1}, 404, "no such user: nobody"),
    ({"username": "john", "credit": 1}, 422, "nobody gives credit to himself"),
    ({"username": "boss", "credit": 1}, 422, "boss has another currency: EUR"),
    ({"username": "bob", "credit": -1}, 422, "an amount to transfer is above zero"),
    ({"username": "bob", "credit": 0}, 422, "an amount to transfer is above zero"),
    ({"username": "bob", "credit": "12.340001"}, 422, "not enough credit"),
    ({"username": "bob", "credit": "999999999"}, 422, "not enough credit"),
    ({"username": "bob", "credit": "1e2"}, 400, "parameter credit takes"),
    ({"username": "bob"}, 400, "missing parameter credit"), ({"credit": 1}, 400, "missing parameter username")])
def test_what_cannot_be_transferred_is_said_and_nothing_moves(bank, params, code, says):
    refused = bank.refused("transfercredit", "john", **params)
    assert refused[0] == code and refused[1].startswith(says)
    assert bank.value("john", "credit") == 12.34


def test_an_administrator_by_address_has_nothing_to_give(bank):
    assert bank.refused("transfercredit", username="bob", credit=1) == (400, "missing user input")


# -- the books

def test_checkcredits_tells_what_it_found(bank):
    answer = bank.ask("checkcredits")
    assert answer.message == "OK: 6 balances agree with their ledger" and answer.warning is None
    assert answer.data == {"accounts": 6, "differences": [], "reservations": 0, "reserved": 0.0, "stale": 0,
                           "notices": 0}
    with bank.db.unit() as unit:
        bank.reservations.reserve(unit, bank.users.by_id(bank.john), "call", 2_500_000)
        unit.run("DROP TRIGGER tr_users_credit")
        unit.run("UPDATE tb_users SET credit = 99 WHERE username = 'john'")
    answer = bank.ask("checkcredits")
    assert answer.message == "OK: 1 of 6 balances differ from their ledger" and answer.warning
    assert answer.data["differences"] == [{"id": bank.john, "balance": 99.0, "ledger": 12.34}]
    assert (answer.data["reservations"], answer.data["reserved"]) == (1, 2.5)
    assert bank.value("john", "credit") == 99
    assert bank.ask("checkcredits", fix=1).message.endswith("; 1 balances and 0 reservations put right")
    assert bank.value("john", "credit") == 12.34 and not bank.ask("checkcredits").warning
    assert bank.refused("checkcredits", "john")[0] == bank.refused("checkcredits", "agent", fix=1)[0] == 403


def test_checkpins_tells_ids_and_problems_only(bank):
    assert bank.ask("checkpins").message == "OK: 2 PINs are well"
    bank.ask("db", sql="update tb_prepaidcodes set value = -1 where pin = '8888'")
    answer = bank.ask("checkpins", "agent")
    assert answer.message == "OK: 1 PINs need attention"
    assert answer.data.dicts() == [{"id": 2, "batch": "", "value": -1.0, "currency": "EUR", "problem": "malformed"}]


def test_support_checks_the_credits_and_does_not_put_them_right(town):
    assert town.ask("checkcredits", "agent").message == "OK: 5 balances agree with their ledger"
    assert town.refused("checkcredits", "agent", fix=1) == (403, "access denied: fix is for administrators")
    for by in ("john", "boss"):
        assert town.refused("checkcredits", by)[0] == 403


@pytest.mark.parametrize("params", [{}, {"pin": ""}, {"pin": "", "u_id": 5}])
def test_a_user_who_sends_no_pin_is_asked_for_one(town, params):
    code, message = town.refused("changecredit", "john", **params)
    assert code == 400 and message.startswith("missing parameter pin (the code of a prepaid card")
