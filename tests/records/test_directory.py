"""Whom a called number names here."""

import pytest

from mizu.records.directory import NUMBER, USERNAME, Directory

from .store import add, wait


@pytest.fixture
def directory(store):
    made = Directory(store.db, store.users)
    made.name = lambda *names: getattr(made.find(*names)[0], "username", None)
    return made


def test_a_user_name_comes_before_a_number_and_a_plus_makes_no_other(directory, store):
    id = add(store, "bob", telnumber="+36201")
    add(store, "36301", telnumber="")
    with store.db.unit() as unit:
        store.users.add_number(unit, id, "36202")
    assert [directory.find(name)[1] for name in ("BOB", "36201", "+36201", "36202", "36301", "none", "")] == [
        USERNAME, NUMBER, NUMBER, NUMBER, USERNAME, "", ""]
    assert directory.name("nobody", "36202") == "bob" and directory.name("36202", "36301") == "36301"


def test_a_number_of_two_accounts_is_nobodys(directory, store):
    add(store, "a")
    add(store, "b")
    wait(store.db.execute("UPDATE tb_users SET telnumber = '36201'"))
    assert directory.find("36201") == (None, "")


def test_what_was_looked_up_is_kept_until_an_account_changes(directory, store):
    assert directory.name("bob") is None and len(directory) == 1
    id = add(store, "bob")
    assert directory.name("bob") == "bob"
    with store.db.unit() as unit:
        store.users.update(unit, id, {"username": "rob"})
    assert directory.name("bob") is None and directory.name("rob") == "rob"
    wait(store.db.execute("INSERT INTO tb_users_numbers (userid, number) VALUES (?, '36')", (id,)))
    assert directory.name("36") == "rob"
    with store.db.unit() as unit:
        store.users.delete(unit, id)
    assert directory.name("36") is None and directory.reload() == 1 and len(directory) == 0


def test_beginnings_that_nobody_has_are_not_looked_up_again_until_somebody_has(directory, store, monkeypatch):
    asked = []
    rows = store.db.rows
    monkeypatch.setattr(store.db, "rows", lambda sql, args=(): asked.append(sql) or rows(sql, args))
    for last in range(50):
        number = f"362012345{last:02}"
        assert directory.name(number) is directory.name("+" + number, number) is None
    assert not asked and len(directory) == 1
    id = add(store, "bob", telnumber="+36201234567")
    assert directory.name("36201234567") == directory.name("+36201234567") == "bob"
    assert directory.name("36202234567") is None
    with store.db.unit() as unit:
        store.users.add_number(unit, id, "36202234567")
    assert directory.name("36202234567") == "bob"
    add(store, "+4930-office")
    add(store, "49301")
    assert directory.name("+4930-office") == "+4930-office" and directory.name("49301") == "49301"
    assert directory.name("49301abc") is None


def test_a_short_number_holds_in_one_household(directory, store):
    boss = add(store, "boss", type=2)
    kids = [store.users.by_id(add(store, name, parentid=boss, shorttelnumber=short))
            for name, short in (("a", "1"), ("b", "2"), ("c", "2"))]
    other = store.users.by_id(add(store, "other", shorttelnumber="3"))
    group = [store.users.by_id(add(store, name, usergroup="g", shorttelnumber=short)) for name, short in (
        ("x", "7"), ("y", "8"))]
    assert directory.short("1", kids[1]).username == "a" and directory.short("2", kids[0]) is None
    assert directory.short("1", store.users.by_id(boss)).username == "a" and directory.short("1", other) is None
    assert directory.short("8", group[0]).username == "y" and directory.short("8", kids[0]) is None
    assert directory.short("3", kids[0]) is None and directory.short("x", other) is None
    assert directory.short("123456789", other) is None


def test_look_ups_use_indexes(store):
    from mizu.records import directory
    for sql, args in ((directory._KNOWN, ("1", "1", "+1")), (directory._SHORT, ("1",)),
                      (directory._STEM, ("36201", "36202", "+36201", "+36202"))):
        plan = " ".join([row[3] for row in store.db.rows("EXPLAIN QUERY PLAN " + sql, args)])
        assert "SCAN tb_" not in plan, plan
