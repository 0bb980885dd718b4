"""balance, getcredit, setcredit, changecredit."""

from time import process_time

import pytest

from mizu.api.command import TABLE, Context
from mizu.base.message import Peer, Principal, Request, Session


@pytest.mark.parametrize("name", ["balance", "credit", "creditrequest"])
def test_the_balance_is_a_sentence(town, name):
    answer = town.ask(name, "john")
    assert (answer.code, answer.message, answer.data) == (200, "Your credit is $12.34 USD", None)


def test_who_sees_whose_balance(town):
    assert town.ask("balance", "root", u_username="john").message == "Your credit is $12.34 USD"
    assert town.ask("balance", "root").message == "Your credit is $0.00 USD"
    assert town.ask("balance", "john", u_username="root").message == "Your credit is $12.34 USD"
    assert town.ask("balance", "boss", u_username="kid").message == "Your credit is $0.00 USD"
    assert town.refused("balance", "boss", u_username="john") == (404, "no such user: john")
    assert town.refused("balance") == (400, "missing user input")


def test_a_postpaid_account_is_told_so_first(town):
    town.ask("setuser", u_id=town.john, u_postpaid=1)
    assert town.ask("balance", "john").message == "Postpaid. Your credit is $12.34 USD"


def test_getcredit_answers_the_exact_fields(town):
    assert town.ask("getcredit", u_id=town.john).data == {"credit": 12.34, "currency": "USD", "postpaid": 0}
    town.ask("setcredit", u_id=town.john, u_credit="-0.000001")
    assert town.ask("getcredit", "john").data["credit"] == -0.000001


def test_setcredit_and_changecredit_book_with_a_row_each(town):
    answer = town.ask("setcredit", "root", u_id=town.john, u_credit=10)
    assert (answer.message, answer.data) == ("OK: credit is 10.00 USD", {"credit": 10.0, "currency": "USD"})
    town.ask("changecredit", u_username="john", u_credit=8)
    assert town.ask("changecredit", u_username="john", u_credit="-20.5").data["credit"] == -2.5
    assert town.users.by_id(town.john).credit == -2_500_000
    assert town.db.rows("SELECT kind, amount, actor FROM tb_ledger WHERE userid = ? AND id > 1", (town.john,)) == [
        ("admin", -2.34, "root"), ("admin", 8.0, "10.0.0.1"), ("admin", -20.5, "10.0.0.1")]


def test_what_is_no_amount_is_refused_and_nothing_booked(town):
    for command in ("setcredit", "changecredit"):
        for amount, code in (("abc", 400), ("1e5", 400), ("1000000000", 400), ("0.0000001", 400), ("", 400),
                             ("nan", 400), ("1,5", 400)):
            assert town.refused(command, u_id=town.john, u_credit=amount)[0] == code
        assert town.refused(command, u_credit=5) == (400, "missing user input")
        for who in ("john", "boss", "agent"):
            assert town.refused(command, who, u_id=town.john, u_credit=5)[0] == 403
    town.ask("setcredit", u_id=town.john, u_credit="999999999")
    assert town.refused("changecredit", u_id=town.john, u_credit="999999999")[0] == 422


def test_money_waits_for_the_disk_unless_told_otherwise(town):
    waits = []
    town.db.durable = lambda: waits.append(1) or town.db._sync.wait()
    for sync in (-1, 0, 1, None):
        town.ask("setcredit", u_id=town.john, u_credit=1, **({} if sync is None else {"sync": sync}))
    assert len(waits) == 3


def test_the_balance_costs_next_to_nothing(town):
    user = town.users.by_username("john")
    request = Request("balance", {}, Peer("http", "10.0.0.1", 5))
    context = Context(request, Principal(user, user.role, (), user), Session(request.peer), TABLE["balance"], town)
    function = TABLE["balance"].function
    function(context)
    before = process_time()
    for _ in range(20_000):
        function(context)
    assert (process_time() - before) / 20_000 < 15e-6     # 1.2 us where nothing else runs
