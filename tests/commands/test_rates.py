"""rating."""

import pytest

from mizu.api.command import TABLE, Context
from mizu.base.message import Peer, Principal, Request, Role, Session
from mizu.commands.rates import price_text


@pytest.fixture
def priced(town):
    """Standard for everybody, a dearer list for boss's tree, and a cheap one for packet 7."""
    sql = town.db.execute
    for id, name, columns in ((1, "Standard", {}), (2, "Boss", {"parentid": town.boss}), (3, "Cheap", {"packetid": 7})):
        names = "".join(f", {name}" for name in columns)
        sql(f"INSERT INTO tb_billentries (id, name, currency{names}) VALUES (?, ?, 'USD'{', ?' * len(columns)})",
            (id, name, *columns.values())).result()
        sql("INSERT INTO tb_billingtimes (entryid, prefix, destination, price) VALUES (?, '36', 'Hungary', ?),"
            " (?, '3630', '', ?)", (id, id / 10, id, id / 5)).result()
    sql("UPDATE tb_currencies SET rate = 0.5 WHERE name = 'EUR'").result()
    return town


def test_everybody_hears_his_own_price(priced):
    assert priced.ask("rating", "john", bnum="361").message == "0.10 USD/min, Destination: Hungary"
    assert priced.ask("rating", "kid", bnum="361").message == "0.20 USD/min, Destination: Hungary"
    assert priced.ask("rating", "boss", bnum="361").message == "0.05 EUR/min, Destination: Hungary"
    priced.ask("setuser", u_id=priced.john, u_packetid=7)
    assert priced.ask("rating", "john", bnum="361").message == "0.30 USD/min, Destination: Hungary"


def test_a_price_without_a_destination_tells_the_lists_name(priced):
    assert priced.ask("rating", "john", bnum="3630").message == "0.20 USD/min, Destination: Standard"


def test_staff_asks_for_others_resellers_for_their_tree_and_users_for_themselves(priced):
    assert priced.ask("rating", "root", bnum="36", u_username="kid").message.startswith("0.20 USD")
    assert priced.ask("rating", "agent", bnum="36", u_id=priced.kid).message.startswith("0.20 USD")
    assert priced.ask("rating", "boss", bnum="36", u_username="kid").message.startswith("0.20 USD")
    assert priced.refused("rating", "boss", bnum="36", u_username="john") == (404, "no such user: john")
    assert priced.ask("rating", "john", bnum="36", u_username="kid").message.startswith("0.10 USD")
    assert priced.ask("rating", bnum="36").message.startswith("0.10 USD")


@pytest.mark.parametrize("number", ["3612", "+3612", "003612", "+36 (1) 2", "36-1/2", "36.12"])
def test_a_number_may_be_written_as_people_do(priced, number):
    assert priced.ask("rating", "john", bnum=number).data["prefix"] == "36"


@pytest.mark.parametrize("name", ["bnum", "bnun", "anum", "number", "prefix", "to", "called", "phone2", "param1"])
def test_the_number_goes_by_many_names(priced, name):
    assert priced.ask("rating", "john", **{name: "3612"}).message.startswith("0.10 USD")


def test_the_longest_call_is_what_the_credit_without_reservations_pays(priced):
    assert priced.ask("rating", "john", bnum="36").data["maxduration"] == 7404      # 12.34 at 0.10 a minute
    with priced.db.unit() as unit:
        priced.reservations.reserve(unit, priced.users.by_id(priced.john), "call", 12_000_000)
    assert priced.ask("rating", "john", bnum="36").data["maxduration"] == 204       # 0.34
    priced.ask("setcredit", u_id=priced.john, u_credit=-5)
    assert priced.ask("rating", "john", bnum="36").data["maxduration"] == 0
    priced.ask("setcredit", u_id=priced.john, u_credit=1_000_000)
    assert priced.ask("rating", "john", bnum="36").data["maxduration"] == 10_800    # maxcallduration
    priced.ask("setuser", u_id=priced.john, u_postpaid=1)
    assert "maxduration" not in priced.ask("rating", "john", bnum="36").data


def test_who_is_billed_for_another_pays_in_his_own_currency_and_from_his_own_credit(priced):
    priced.ask("setuser", u_id=priced.kid, u_billinguserid=priced.boss)
    answer = priced.ask("rating", "kid", bnum="36")
    assert answer.message.startswith("0.10 EUR/min") and answer.data["maxduration"] == 0
    priced.ask("setcredit", u_id=priced.boss, u_credit=1)
    assert priced.ask("rating", "kid", bnum="36").data["maxduration"] == 600


def test_taxes_and_fees_are_told_as_they_are_charged(priced):
    priced.db.execute("UPDATE tb_billentries SET vatincluded = 0, vatvalue = 27, connectfee = 0.1, billingstep = 6,"
                      " minammount = 30, freeammount = 5, freeafter = 600 WHERE id = 1").result()
    data = priced.ask("rating", "john", bnum="36").data
    assert {name: data[name] for name in ("rate", "connectfee", "vatincluded", "vatvalue", "billingstep", "minammount",
                                          "freeammount", "freeafter")} == {
        "rate": 0.127, "connectfee": 0.127, "vatincluded": 0, "vatvalue": 27.0, "billingstep": 6, "minammount": 30,
        "freeammount": 5, "freeafter": 600}
    assert priced.ask("rating", "john", bnum="36").message.startswith("0.127 USD/min")


def test_what_has_no_price_or_is_no_number_is_refused(priced):
    assert priced.refused("rating", "john", bnum="44") == (404, "no price for 44")
    assert priced.refused("rating", "john")[0] == 400
    assert priced.refused("rating", "john", bnum="36'; drop table")[0] == 400
    assert priced.refused("rating", "john", bnum="3" * 65)[0] == 400
    priced.db.execute("UPDATE tb_billentries SET currency = 'GBP' WHERE id = 1").result()
    assert priced.refused("rating", "john", bnum="36") == (
        501, "no exchange rate: set tb_currencies.rate of GBP")


def test_somebody_unknown_hears_the_default_list_where_everybody_may_ask(priced):
    request = Request("rating", {"bnum": "36", "u_username": "kid"}, Peer("http", "10.0.0.1", 5))
    context = Context(request, Principal(None, Role.PUBLIC), Session(request.peer), TABLE["rating"], priced)
    answer = TABLE["rating"].function(context, *TABLE["rating"].bind(request.params))
    assert answer.message.startswith("0.10 USD") and "maxduration" not in answer.data


def test_prices_are_written_with_the_decimals_they_have():
    assert [price_text(micros) for micros in (0, 1, 10_000, 100_000, 125_000, 1_000_000, 12_345_678)] == [
        "0.00", "0.000001", "0.01", "0.10", "0.125", "1.00", "12.345678"]
