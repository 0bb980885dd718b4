"""A PIN is worth its value once; what cannot be used says why, and nothing shows it."""

import pytest

from mizu.base.errors import ApiError

from .store import add, wait


@pytest.fixture
def john(store):
    store.clock.seconds = 1_710_504_000.0        # 2024-03-15 12:00:00
    return store.users.by_id(add(store, "john", credit=1.0, currency="USD"))


def card(store, pin, value=10.0, **columns):
    names = ", ".join(["pin", "value", *columns])
    with store.db.unit() as unit:
        unit.run(f"INSERT INTO tb_prepaidcodes ({names}) VALUES (?, ?{', ?' * len(columns)})",
                 (pin, value, *columns.values()))


def recharge(store, account, pin):
    with store.db.unit() as unit:
        return store.pins.recharge(unit, account, pin, account.username)


def refused(store, account, pin):
    with pytest.raises(ApiError) as error:
        recharge(store, account, pin)
    assert store.ledger.balance(account.id) == 1_000_000
    return error.value.code, error.value.message


def test_a_pin_is_credited_once_and_the_ledger_does_not_tell_it(store, john):
    card(store, "7777")
    assert store.pins.known(" 77 77 ") and not store.pins.known("7778")
    assert recharge(store, john, " 77 77 ") == (1_000_000, 11_000_000)
    assert store.db.row("SELECT usedby, useddate FROM tb_prepaidcodes") == (john.id, store.clock.utc())
    assert store.db.row("SELECT kind, amount_u, refid, actor, comment FROM tb_ledger ORDER BY id DESC") == (
        "recharge", 10_000_000, "1", "john", "")
    with pytest.raises(ApiError, match="this PIN is used already"):
        recharge(store, john, "7777")
    assert store.ledger.balance(john.id) == 11_000_000


@pytest.mark.parametrize("columns, says", [
    ({"enabled": 0}, "this PIN is disabled"), ({"enabled": None}, "this PIN is disabled"),
    ({"usedby": 99}, "this PIN is used already"), ({"useddate": "2020-01-01"}, "this PIN is used already"),
    ({"validto": "2024-03-14"}, "this PIN has expired"), ({"validto": "2024-03-15 11:59"}, "this PIN has expired"),
    ({"validto": "2024-03-15T11:59:59.999"}, "this PIN has expired"),
    ({"validfrom": "2024-03-16"}, "this PIN is not valid yet"),
    ({"validfrom": "2024-03-15 12:00:00.001"}, "this PIN is not valid yet"),
    ({"validto": "15/03/2099"}, "this PIN is malformed: tell the operator"),
    ({"validfrom": "soon"}, "this PIN is malformed: tell the operator"),
    ({"value": 0.0}, "this PIN is malformed: tell the operator"),
    ({"value": -5.0}, "this PIN is malformed: tell the operator"),
    ({"value": "much"}, "this PIN is malformed: tell the operator")])
def test_what_cannot_be_used_says_why(store, john, columns, says):
    card(store, "7777", **{"value": 10.0, **columns})
    assert refused(store, john, "7777") == (422, says)
    assert store.db.value("SELECT usedby FROM tb_prepaidcodes") == columns.get("usedby", 0)


@pytest.mark.parametrize("columns", [
    {"validto": "2024-03-15"}, {"validto": "2024-03-15 12:00"}, {"validfrom": "2024-03-15", "validto": "2024-03-16"},
    {"validfrom": "2024-03-15 12:00:00", "validto": "2099-12-31T23:59:59"}, {"validto": None, "validfrom": None}])
def test_a_date_holds_to_its_end(store, john, columns):
    card(store, "7777", **columns)
    assert recharge(store, john, "7777")[1] == 11_000_000


def test_a_pin_of_another_currency_is_converted(store, john):
    with store.db.unit() as unit:
        unit.run("UPDATE tb_currencies SET rate = 0.92 WHERE name = 'EUR'")
    card(store, "7777", currency="EUR")
    assert recharge(store, john, "7777")[1] == 1_000_000 + 10_869_565
    assert store.db.value("SELECT comment FROM tb_ledger ORDER BY id DESC") == "10.0 EUR"
    card(store, "8888", 0.0000001, currency="HUF")
    card(store, "9999", currency="HUF")
    for pin, code, says in (("8888", 422, "malformed"), ("9999", 501, "no exchange rate")):
        with pytest.raises(ApiError, match=says) as error:
            recharge(store, john, pin)
        assert error.value.code == code
    assert store.db.value("SELECT count(*) FROM tb_prepaidcodes WHERE usedby = 0") == 2


def test_a_blank_is_no_pin(store, john):
    card(store, "")
    assert refused(store, john, "  ") == (422, "wrong PIN") and not store.pins.known("")


def test_an_unknown_pin_is_wrong(store, john):
    for pin in ("", "0", "7777 ' OR 1", "x" * 1000, "7777\0"):
        assert refused(store, john, pin) == (422, "wrong PIN")


def test_what_needs_attention_is_told_by_id(store, john):
    good = [("7777", {}), ("8888", {"currency": "EUR"}), ("9999", {"validto": "2024-03-15"})]
    bad = [("777", {}, "malformed"), ("77 78", {}, "malformed"), ("7779", {"value": 0.0}, "malformed"),
           ("7780", {"currency": "QQQ"}, "malformed"), ("7781", {"validto": "never"}, "malformed"),
           ("7782", {"validfrom": "2024-05-01", "validto": "2024-04-01"}, "malformed"),
           ("7783", {"validto": "2024-03-14"}, "expired"), ("7784", {}, "used twice"),
           ("7785", {}, "booked but not used up")]
    for pin, columns in good:
        card(store, pin, **{"value": 10.0, **columns})
    assert wait(store.pins.faults(100)).rows == [] and store.pins.count() == 3
    for pin, columns, _ in bad:
        card(store, pin, **{"value": 10.0, **columns})
    for pin in ("7784", "7785"):
        recharge(store, john, pin)
        with store.db.unit() as unit:       # somebody's SQL
            unit.run("UPDATE tb_prepaidcodes SET usedby = 0, useddate = '' WHERE pin = ?", (pin,))
    recharge(store, john, "7784")
    rows = wait(store.pins.faults(100))
    assert rows.columns[0] == "id" and "pin" not in rows.columns
    assert [(row[0], row[4]) for row in rows.rows] == [(number, problem) for number, (*_, problem) in enumerate(bad, 4)]
