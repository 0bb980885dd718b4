"""What the columns of an account take."""

import pytest

from mizu.base.errors import ApiError
from mizu.records.columnrules import RULES, TABLES, judge
from mizu.store import schema

from .store import add


def test_each_rule_is_of_a_column():
    assert RULES is TABLES["tb_users"]
    for table, rules in TABLES.items():
        assert rules.keys() <= schema.columns(table).keys()


@pytest.mark.parametrize("table, name, good, bad", [
    ("tb_billingtimes", "price", ["0", "0.000001", "1.5"], ["-0.000001", "1000000000"]),
    ("tb_billingtimes", "prefix", ["", "36", "*100", "john.doe"], ["+36", "36 30"]),
    ("tb_billingtimes", "timetype", ["11"], ["12", "-1"]), ("tb_billingtimes", "fromtime", ["", "8:00"], ["25:00", "x"]),
    ("tb_billingtimes", "day", ["", "1-5", "12-24"], ["someday"]), ("tb_billentries", "type", ["1", "5"], ["0", "-1", "6"]),
    ("tb_billentries", "billingstep", ["0", "60"], ["-1", "86401"]), ("tb_billentries", "connectfee", ["0.05"], ["-5"]),
    ("tb_billentries", "vatvalue", ["27"], ["-10"]), ("tb_billentries", "currency", ["", "eur"], ["ZZZ"]),
    ("tb_billentries", "validto", ["", "2027-01-31"], ["soon"]), ("tb_holidays", "day", ["12-24", "2026-12-31"], ["", "x"]),
    ("tb_currencies", "rate", ["0", "389.55"], ["-1"]), ("tb_currencies", "name", ["XAU"], ["", "X Y"]),
    ("tb_prepaidcodes", "value", ["0.000001", "5"], ["0", "-8", "1000000000"]),
    ("tb_prepaidcodes", "pin", ["7777", "ab-CD_1"], ["", "123", "77 88", "7\u0667\u0667\u0667"]),
    ("tb_prepaidcodes", "validto", ["", "2027-01-31 12:00:00"], ["tomorrow"]),
    ("tb_prepaidcodes", "currency", ["", "EUR"], ["ZZZ"]), ("tb_reservations", "amount", ["0", "1"], ["-50"])])
def test_prices_and_money_are_refused_by_name_where_nobody_could_mean_them(store, table, name, good, bad):
    for text in good:
        assert name in store.fields.check(table, {name: text})
    for text in bad:
        with pytest.raises(ApiError) as error:
            store.fields.check(table, {name: text})
        assert error.value.code == 400
        assert error.value.message.startswith(f"parameter u_{name} takes ") and ", not " in error.value.message


@pytest.mark.parametrize("name, good, bad", [
    ("type", ["0", "17"], ["77", "-1", "6"]), ("needauth", ["0", "10"], ["99", "11", "-1"]),
    ("enabled", ["0", "1", "yes"], ["7", "-1"]), ("postpaid", ["1"], ["2"]), ("rights", ["0", "60"], ["61", "5"]),
    ("monthlylimit", ["0", "12.5"], ["-5", "-0.01", "1000000000"]), ("dailylimit", ["3"], ["-1"]),
    ("maxlines", ["0", "30"], ["-1"]), ("billingday", ["1", "31", ""], ["0", "32", "45", "-1"]),
    ("port", ["0", "65535"], ["65536", "99999", "-1"]), ("protocol", ["2"], ["3"]), ("cli", ["5"], ["6"]),
    ("routertpcalled", ["7"], ["8"]), ("telnumber", ["", "+36 (1) 234-567"], ["x", "36a", "<1>"]),
    ("currency", ["", "usd", "EUR"], ["XYZ", "x", "EURO"]), ("authip", ["", "10.0.0.0/8"], ["1.2.3", "a b"]),
    ("adddate", ["", "2027-01-31", "2027-01-31 23:59:59.123"], ["yesterday", "2027-13", "31/01/2027"]),
    ("status", ["-1", "3"], ["77", "-2"]), ("voicemail", ["0", "1"], ["99", "-1"]), ("parentid", ["0"], ["-1"]), ("noanswertimeout", ["15"], ["-1", "9999"])])
def test_what_no_account_could_mean_is_refused_by_name(store, name, good, bad):
    for text in good:
        store.users.check({name: text})
    for text in bad:
        with pytest.raises(ApiError) as error:
            store.users.check({name: text})
        assert error.value.code == 400
        assert error.value.message.startswith(f"parameter u_{name} takes ") and ", not " in error.value.message


def test_a_refusal_says_what_is_accepted():
    for row, words in (({"needauth": 99}, "one of 0 none, 1 address, 2 tech prefix"), ({"enabled": 7}, "one of 0, 1,"),
                       ({"billingday": 45}, "a day of the month from 1 to 31, not 45"),
                       ({"monthlylimit": -5.5}, "not -5.5")):
        with pytest.raises(ApiError) as error:
            judge(row, "u_")
        assert words in error.value.message


def test_a_number_is_kept_without_what_people_write_between_its_digits(store):
    assert store.users.check({"telnumber": "+36 (1) 234-567"}) == {"telnumber": "+361234567"}
    assert store.users.check({"telnumber": "", "port": None}) == {"telnumber": "", "port": None}


@pytest.mark.parametrize("held", ["money", "debt", "reserved", "nothing", "same"])
def test_money_does_not_change_its_currency(store, held):
    id = add(store, "ann", currency="EUR", credit={"money": 5.0, "debt": -1.0, "same": 5.0}.get(held, 0.0))
    if held == "reserved":
        with store.db.unit() as unit:
            unit.run("INSERT INTO tb_reservations (userid, amount) VALUES (?, 1)", (id,))
    with store.db.unit() as unit:
        if held in ("nothing", "same"):
            store.users.update(unit, id, {"currency": "HUF" if held == "nothing" else "eur"})
            return
        with pytest.raises(ApiError) as error:
            store.users.update(unit, id, {"currency": "HUF"})
    assert error.value.code == 422 and store.db.value("SELECT currency FROM tb_users WHERE id = ?", (id,)) == "EUR"
    assert ("setcredit 0" in error.value.message) == (held != "reserved")
