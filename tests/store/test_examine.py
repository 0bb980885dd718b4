"""The database looked at from outside, without a trace."""

import os
import sqlite3

import pytest

from mizu.base.clock import FakeClock
from mizu.base.errors import ConfigError
from mizu.store.db import Database
from mizu.store.examine import examine


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mizud.db"


@pytest.fixture
def db(path):
    made = Database(path, FakeClock())
    made.open()
    yield made
    made.close()


def run(db, sql):
    with db.unit(actor="test") as unit:
        unit.run(sql)


def test_a_new_database_has_nothing_but_no_administrator(db):
    found = examine(db.path)
    assert (found.faults, found.differing, found.same, found.empty, found.admins, found.newest) == ([], 0, 0, 0, 0, "")


def test_accounts_are_counted_by_what_is_weak_in_them(db):
    run(db, "INSERT INTO tb_users (username, password, type, enabled, needauth) VALUES ('a', 'A', 16, 1, 4),"
            " ('b', '', 0, 1, 4), ('c', 'c', 0, 0, 4), ('d', '', 9, 1, 4), ('e', '', 0, 1, 1), ('f', 'good', 15, 0, 4)")
    found = examine(db.path)
    assert (found.same, found.empty, found.admins) == (1, 1, 1)


def test_balances_that_differ_from_the_ledger_are_counted_once(db):
    run(db, "INSERT INTO tb_users (id, username, credit) VALUES (1, 'a', 5.0), (2, 'b', 1.0)")
    run(db, "DROP TRIGGER tr_users_credit")
    run(db, "UPDATE tb_users SET credit = 7.0 WHERE id = 1")
    assert examine(db.path).differing == 1


def test_it_works_beside_a_server_and_without_one_and_leaves_no_file(db, path):
    run(db, "INSERT INTO tb_users (username, type) VALUES ('a', 16)")
    assert examine(path).admins == 1
    db.close()
    before = sorted(os.listdir(path.parent))
    assert examine(path).admins == 1 and sorted(os.listdir(path.parent)) == before
    db.open()


def test_a_damaged_file_is_told_and_one_that_is_none_refused(db, path):
    for number in range(300):
        run(db, f"INSERT INTO tb_cdrs (callednumber, comment) VALUES ({number}, '{'x' * 500}')")
    db.close()
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 2, len(data) - 4096, 4096):
        data[at:at + 2000] = bytes(2000)
    path.write_bytes(data)
    try:
        assert examine(path).faults
    except ConfigError as error:
        assert "malformed" in str(error)
    for text in (b"", b"no database" * 100):
        path.write_bytes(text)
        with pytest.raises(ConfigError):
            examine(path)
    path.unlink()
    with pytest.raises(ConfigError):
        examine(path)
    sqlite3.connect(path).close()
    path.unlink(missing_ok=True)
    db.open()
