"""Accounts are found by what they are called, kept once in memory, and changed in place."""

import sys
from hashlib import md5
from time import perf_counter

import pytest

from mizu.base.errors import ApiError
from mizu.base.message import Role
from mizu.records.account import Account, role
from mizu.records.users import MOST

from .store import add, records


@pytest.mark.parametrize("type, rights, expected", [
    (16, 0, Role.SRVADMIN), (15, None, Role.ADMIN), (2, 0, Role.RESELLER), (3, 0, Role.RESELLER), (14, 0, Role.SUPPORT),
    (0, 0, Role.USER), (5, 0, Role.USER), (9, 0, Role.USER), (16, 50, Role.ADMIN), (15, 60, Role.ADMIN),
    (0, 60, Role.USER), (15, 40, Role.SUPPORT), (2, 40, Role.RESELLER), (2, 30, Role.USER), (15, 20, Role.USER),
    (16, 10, None), (0, 10, None), (14, 30, Role.USER), (16, 60, Role.SRVADMIN)])
def test_rights_only_lower_what_the_type_gives(type, rights, expected):
    assert role(type, rights) == expected


def test_an_account_is_found_by_name_did_pin_id_and_full_name_in_this_order(store):
    users = store.users
    john = add(store, "john", pin="4711", name="John Smith", telnumber="3611")
    other = add(store, "4711x", pin="3611", name="john")
    assert users.find("john", True).id == john            # though another's full name is john
    assert users.find("JOHN", True).id == john
    assert users.find("3611", True).id == john            # the DID comes before the PIN
    assert users.find("4711", True).id == john
    assert users.find(str(other), True).id == other
    assert users.find("john smith", True).id == john
    with store.db.unit() as unit:
        users.add_number(unit, other, "36999")
    assert users.find("36999", True).id == other


def test_other_names_count_only_where_they_may(store):
    add(store, "john", pin="4711", name="John Smith", telnumber="3611")
    for authid in ("4711", "John Smith", "3611", "1"):
        assert store.users.find(authid, False) is None
        assert store.users.find(authid, True) is not None


def test_an_ambiguous_name_is_nobody_even_if_a_later_kind_is_clear(store):
    add(store, "a", pin="77")
    add(store, "b", pin="77")
    add(store, "c", name="77")
    assert store.users.find("77", True) is None


@pytest.mark.parametrize("authid", ["", " ", "0", "-1", "9" * 30, "٣", "x' OR '1'='1", "\u212a", "\0"])
def test_odd_names_find_nobody(store, authid):
    add(store, "k")
    assert store.users.find(authid, True) is None


def test_a_row_has_one_account_in_memory_which_changes_in_place(store):
    id = add(store, "john", credit=1.5)
    account = store.users.by_id(id)
    assert store.users.by_username("John") is account and account.credit == 1_500_000
    with store.db.unit() as unit:
        store.users.update(unit, id, {"username": "jack", "displayname": "J"})
    store.users.reload([id])
    assert store.users.by_username("jack") is account and account.displayname == "J"
    assert store.users.by_username("john") is None
    with store.db.unit() as unit:
        store.users.delete(unit, id)
    store.users.reload([id])
    assert store.users.by_id(id) is None and len(store.users) == 0


def test_a_statement_of_an_administrator_is_seen_in_memory_at_once(store):
    account = store.users.by_id(add(store, "john"))
    store.db.execute("UPDATE tb_users SET credit = 7, displayname = 'x'").result()
    assert account.credit == 7_000_000 and account.displayname == "x"


def test_memory_is_bounded_and_the_oldest_leave(store, monkeypatch):
    monkeypatch.setattr("mizu.records.users.MOST", 10)
    ids = [add(store, f"u{number}") for number in range(30)]
    for id in ids:
        store.users.by_id(id)
    assert len(store.users) == 10 and len(store.users._names) == 10
    assert store.users.by_id(ids[0]).username == "u0"
    assert MOST * 1024 <= 52 << 20


def test_ten_thousand_accounts_fit_in_ten_mebibytes():
    row = (1000, "36301234567", "p" * 16, "", "1234", 0, "Some Name", "Name", "361234567", 2000, 0, "", 0, 5_000_000,
           "USD", 0, 1, 0, 4, 0, "", 0)
    account = Account(row)
    own = sys.getsizeof(account) + sum(sys.getsizeof(getattr(account, name)) for name in account.__slots__
                                       if getattr(account, name) not in ("", 0))
    assert own + 2 * 104 < 1048       # and its places in the two dicts


def test_the_tree_holds_all_levels_and_survives_a_loop(store):
    top = add(store, "top", type=2)
    middle = add(store, "middle", type=2, parentid=top)
    leaf = add(store, "leaf", parentid=middle)
    other = add(store, "other")
    users = store.users
    assert sorted(users.tree(top)) == [middle, leaf] and users.tree(leaf) == []
    by = users.by_id
    assert users.below(by(top), by(leaf)) and users.below(by(top), by(top))
    assert not users.below(by(leaf), by(top)) and not users.below(by(top), by(other))
    store.db.execute(f"UPDATE tb_users SET parentid = {leaf} WHERE id = {top}").result()
    assert sorted(users.tree(top)) == [middle, leaf]
    assert not users.below(by(other), by(leaf))


def test_a_taken_name_is_refused_whatever_its_case(store):
    add(store, "john")
    with pytest.raises(ApiError) as error:
        add(store, "JOHN")
    assert (error.value.code, error.value.message) == (422, "user exists")


@pytest.mark.parametrize("values, message", [
    ({"displaynam": "x"}, "unknown field u_displaynam, did you mean u_displayname"),
    ({"zzzzqq": "x"}, "unknown field u_zzzzqq"),
    ({"credit_u": "5"}, "the field u_credit_u is computed and cannot be set"),
    ({"port": "abc"}, "parameter u_port takes a whole number, not 'abc'"),
    ({"port": "9" * 19}, f"parameter u_port takes a whole number, not '{'9' * 19}'"),
    ({"credit": "1e5"}, "parameter u_credit takes a number, not '1e5'"),
    ({"credit": "nan"}, "parameter u_credit takes a number, not 'nan'"),
    ({"credit": "1000000000"}, "parameter u_credit takes an amount below 1000000000"),
    ({"comment": "a\0b"}, "parameter u_comment takes a text without control characters: NUL is not allowed")])
def test_a_field_that_does_not_fit_is_refused_by_name(store, values, message):
    with pytest.raises(ApiError) as error:
        store.users.check(values)
    assert (error.value.code, error.value.message) == (400, message)


def test_synonyms_words_and_empty_numbers_are_understood(store):
    assert store.users.check({"potpaid": "true", "temporarilydisabled": "no", "Notifymissede-Mail": "1", "PORT": "",
                              "noanswertimeout": "", "credit": "12.3456789", "needauth": " 4 "}) == {
        "postpaid": 1, "temporarydisabled": 0, "notifymissedemail": 1, "port": 0, "noanswertimeout": 15,
        "credit": 12.345679, "needauth": 4}


def test_passwordstore_ha1_keeps_no_password(tmp_path):
    store = records(tmp_path, "passwordstore=ha1", "realm=example.com")
    id = add(store, "john", password="secret")
    wanted = md5(b"john:example.com:secret").hexdigest()
    assert store.db.row("SELECT password, ha1 FROM tb_users WHERE id = ?", (id,)) == ("", wanted)
    store.db.close()


def test_a_user_name_in_memory_is_one_look_up(store):
    users = store.users
    add(store, "john")
    users.find("john", True)
    begun = perf_counter()
    for _ in range(10_000):
        users.find("john", True)
    assert perf_counter() - begun < 0.1       # 1.5 ms when nobody else wants the processor
