"""Single fields of any table, and what users and resellers may set."""

import re
from pathlib import Path

import pytest

from mizu.base.errors import ApiError
from mizu.records.fields import ALWAYS, ONCE, TREE, judge_reseller, judge_user
from mizu.records.newusers import completed, extras, without_extras
from mizu.records.routes import add_route
from mizu.store import schema

from .store import add, wait

MANUAL = Path(__file__).resolve().parents[3] / "shared" / "spec" / "mizu-api.txt"


def code(call, *args):
    with pytest.raises(ApiError) as error:
        call(*args)
    return error.value.code


def test_the_whitelists_are_columns():
    assert ALWAYS | ONCE | TREE <= schema.columns("tb_users").keys()
    assert not TREE & {"credit", "rights", "packetid", "telnumber", "needauth", "postpaid", "isoperator"}


@pytest.mark.skipif(not MANUAL.exists(), reason="the manual is not here")
def test_the_whitelists_are_the_manuals():
    text = MANUAL.read_text()
    always = re.search(r"the following fields are allowed:\n(.*?)\n", text)[1].replace("e-mail", "email").split(",")
    once = re.search(r"allowed only if not set yet:\n(.*?)\n", text)[1].split(",")
    assert (ALWAYS, ONCE) == (set(always), set(once))


def test_users_set_what_is_listed_and_some_only_once():
    judge_user({"forwardalways": "1", "email": "x"}, {"email": ""}.get)
    for values in ({"credit": 5.0}, {"type": 16}, {"password": "x"}, {"email": "y"}):
        assert code(judge_user, values, {"email": "x"}.get) == 403
    judge_reseller({"username": "a", "type": 0, "comment": "x"})
    for values in ({"type": 15}, {"type": 2}, {"credit": 1.0}, {"rights": 60}, {"telnumber": "1"}):
        assert code(judge_reseller, values) == 403


def test_rows_of_any_table_are_set_and_added(store):
    fields = store.fields
    row = fields.check("tb_holidays", {"DAY": "2024-12-24", "name": "Eve"})
    with store.db.unit() as unit:
        id = fields.add(unit, "tb_holidays", row)
        fields.set(unit, "tb_holidays", id, {"country": "HU"})
    assert store.db.row("SELECT day, name, country FROM tb_holidays WHERE id = ?", (id,)) == ("2024-12-24", "Eve", "HU")
    with store.db.unit() as unit:
        assert code(fields.set, unit, "tb_holidays", 999, {"country": "HU"}) == 404


@pytest.mark.parametrize("table", ["", "nosuch", "sqlite_master", "tb_actor", "tb_checkpoint", 'tb_users" --', "tb_\0"])
def test_other_tables_are_not_there(store, table):
    assert code(store.fields.check, table, {"a": "b"}) == 404


def test_the_id_is_not_to_be_set_and_something_has_to_be(store):
    assert code(store.fields.check, "tb_users", {"id": "7"}) == 400
    assert code(store.fields.check, "tb_users", {}) == 400


def test_the_ledger_refuses_to_be_rewritten_in_sqlites_words(store):
    add(store, "john", credit=5.0)
    with pytest.raises(ApiError) as error, store.db.unit() as unit:
        store.fields.set(unit, "tb_ledger", 1, {"comment": "x"})
    assert (error.value.code, error.value.message) == (422, "ledger rows are never changed")


def test_a_field_is_got_by_the_guessed_column(store):
    id = add(store, "john", password="pw", telnumber="36")
    get = lambda *args: wait(store.fields.get(*args))
    assert get("tb_users", "id", "", "JOHN") == id
    assert get("tb_users", "password", "", "john") == "pw"
    assert get("tb_users", "username", "telnumber", "36") == "john"
    assert get("tb_currencies", "sign", "", "usd") == "$"
    assert get("tb_users", "credit_u", "id", str(id)) == 0
    for args, expected in ((("tb_users", "id", "", "nobody"), 404), (("tb_users", "nosuch", "", "john"), 400),
                           (("tb_users", "id", "nosuch", "john"), 400), (("x", "id", "", "john"), 404)):
        assert code(get, *args) == expected


def test_a_new_account_gets_type_needauth_and_password(store):
    values, password = completed({"username": "a"}, store.entropy)
    assert (values["type"], values["needauth"], values["password"]) == (0, 4, password) and len(password) == 16
    assert completed({"username": "a", "type": 5}, store.entropy)[0]["needauth"] == 1
    assert completed({"username": "a", "password": "x", "needauth": 0}, store.entropy) == (
        {"username": "a", "type": 0, "password": "x", "needauth": 0}, None)
    for name in ("", "a b", "a\n", "é", "x" * 65, "a'b"):
        assert code(completed, {"username": name}, store.entropy) == 400


def test_numbers_and_addresses_are_taken_in_their_order_with_or_without_u():
    numbers, addresses = extras({"num2": "36 30", "num1": "+361", "u_num10": "9", "u_authip2": "6.6.6.6:5070",
                                 "authip1": "10.0.0.0/8", "authip3": "[::1]:5060", "authip4": "a.example.com",
                                 "authip5": "10.0.0.1-10.0.0.9", "num3": "", "number": "1", "u_authip": "5.5.5.5"})
    assert numbers == ["+361", "3630", "9"]
    assert addresses == [("10.0.0.0/8", 0), ("6.6.6.6", 5070), ("::1", 5060), ("a.example.com", 0),
                         ("10.0.0.1-10.0.0.9", 0)]
    assert without_extras({"num1": "", "authip22": "", "authip": "x", "name": "y"}) == {"authip": "x", "name": "y"}
    for params in ({"num1": "<x>"}, {"authip1": "a b"}, {"authip1": "1.2.3.4:99999"}, {"authip1": "1.1.1.1_x"},
                   {f"num{n}": "1" for n in range(101)}):
        assert code(extras, params) == 400


def test_a_trunk_joins_the_entry_for_all_numbers_or_gets_its_own(store):
    def route(serverid, *how):
        with store.db.unit() as unit:
            id = add_route(store.db, unit, serverid, f"trunk{serverid}", *how)
        return store.db.row("SELECT name, prefix, serverid, priority FROM tb_routing WHERE id = ?", (id,))
    assert route(1) == ("trunk1", "", 1, 7)
    assert route(2, None, 3) == ("trunk1", "", 2, 3)
    with store.db.unit() as unit:
        unit.run("INSERT INTO tb_routing (name, prefix, serverid) VALUES ('hungary', '36', 1)")
    assert route(3, "HUNGARY") == ("hungary", "36", 3, 7)
    assert route(4, "3", 1) == ("hungary", "36", 4, 1)
    with store.db.unit() as unit:
        assert code(add_route, store.db, unit, 5, "x", "nosuch") == 404
