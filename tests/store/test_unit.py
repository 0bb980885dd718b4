"""Units join the one they are in, and memory follows what is taken back."""

import re
import sqlite3
import threading
from pathlib import Path

import pytest

from mizu.base.clock import FakeClock
from mizu.base.errors import ApiError
from mizu.base.task import spawn
from mizu.records.users import Users
from mizu.store.db import Database
from mizu.store.settings import Settings

from tests.blank import lay


@pytest.fixture
def db(tmp_path):
    database = Database(lay(tmp_path / "mizud.db"), FakeClock())
    database.open()
    with database.unit() as unit:
        unit.run("INSERT INTO tb_users (id, username, credit) VALUES (1, 'john', 10)")
    yield database
    database.close()


def credit(db):
    return db.value("SELECT credit FROM tb_users WHERE id = 1")


def spend(db, amount, **who):
    with db.unit(**who) as unit:
        unit.run("UPDATE tb_users SET credit = credit - ? WHERE id = 1", (amount,))


def test_an_inner_unit_is_taken_back_with_the_outer_one(db):
    with pytest.raises(ZeroDivisionError), db.unit():
        spend(db, 1)
        spend(db, 2)
        assert credit(db) == 7
        raise ZeroDivisionError
    assert credit(db) == 10


def test_an_inner_unit_that_fails_takes_back_only_itself(db):
    with db.unit():
        spend(db, 1)
        with pytest.raises(ApiError):
            with db.unit(actor="x") as unit:
                unit.run("UPDATE tb_users SET credit = 5")
                unit.run("INSERT INTO tb_users (id, username) VALUES (1, 'twice')")
        spend(db, 2)
    assert credit(db) == 7


def test_inner_units_are_one_commit(db):
    before = db.commits
    with db.unit():
        spend(db, 1)
        with db.unit():
            spend(db, 1)
    assert db.commits == before + 1 and credit(db) == 8


def test_each_row_of_the_ledger_names_the_unit_that_wrote_it(db):
    with db.unit(actor="outer", kind="a") as outer:
        spend(db, 1, actor="inner", kind="b", refid=7)
        outer.run("UPDATE tb_users SET credit = credit - 1")
        with db.unit():
            spend(db, 1, actor="deep", kind="c")
            spend(db, 1)
    spend(db, 1)
    rows = db.rows("SELECT actor, kind, refid FROM tb_ledger WHERE userid = 1 ORDER BY id")[1:]
    assert [row[:2] for row in rows[:4]] == [("inner", "b"), ("outer", "a"), ("deep", "c"), ("outer", "a")]
    assert rows[0][2] == "7" and rows[4][1] == "sql"
    assert db.value("SELECT count(*) FROM tb_actor") == 0


def test_the_gate_is_open_and_nothing_waits_for_the_disk_inside_a_unit(db):
    with db.unit():
        assert spawn(db.gate()).done
        assert db.durable().done


def test_free_sql_cannot_join_a_unit(db):
    with db.unit(), pytest.raises(ApiError) as refusal:
        db.execute("UPDATE tb_users SET credit = 0")
    assert refusal.value.code == 400 and credit(db) == 10


def test_what_was_to_be_undone_is_forgotten_with_the_commit(db):
    heard = []
    with db.unit():
        db.on_undo(heard.append, 1)
    with pytest.raises(ZeroDivisionError), db.unit():
        raise ZeroDivisionError
    db.on_undo(heard.append, 2)
    assert heard == [] and not db._undone


def test_a_callback_of_the_same_kind_is_called_once(db):
    heard = []
    with pytest.raises(ZeroDivisionError), db.unit():
        for _ in range(1000):
            db.on_undo(heard.append, 1)
        raise ZeroDivisionError
    assert heard == [1]


def test_accounts_in_memory_say_what_the_table_says_after_a_unit_is_taken_back(db):
    users = Users(db, Settings(), FakeClock())
    john = users.by_id(1)
    with pytest.raises(ZeroDivisionError), db.unit() as unit:
        spend(db, 3)
        unit.run("UPDATE tb_users SET username = 'jim' WHERE id = 1")
        users.reload((1,))
        new = users.create(unit, {"username": "mary"})
        assert john.credit == 7_000_000 and users.by_username("mary").id == new
        assert users.by_username("jim") is john
        raise ZeroDivisionError
    assert (john.username, john.credit) == ("john", 10_000_000)
    assert users.by_username("john") is john and users.by_username("jim") is None
    assert users.by_username("mary") is None and users.by_id(new) is None


def test_an_account_first_seen_inside_the_unit_is_read_again(db):
    users = Users(db, Settings(), FakeClock())
    with pytest.raises(ZeroDivisionError), db.unit():
        spend(db, 3)
        assert users.by_id(1).credit == 7_000_000
        raise ZeroDivisionError
    assert users.by_id(1).credit == 10_000_000


def test_every_unit_that_names_an_actor_says_why():
    """Else the ledger and the history call it sql."""
    root = Path(__file__).resolve().parents[2] / "mizu"
    named = re.compile(r"\.unit\(actor=(?:[^()]|\([^()]*\))*\)")
    found = [(path.name, call) for path in root.rglob("*.py") for call in named.findall(path.read_text())]
    assert len(found) > 10 and [each for each in found if "kind=" not in each[1]] == []


def test_a_stranger_who_came_in_after_the_gate_is_waited_for_but_not_long(db):
    shell = sqlite3.connect(db.path, isolation_level=None, check_same_thread=False)
    assert spawn(db.gate()).done
    shell.execute("BEGIN IMMEDIATE")
    threading.Timer(0.02, shell.execute, ("COMMIT",)).start()
    spend(db, 1)
    assert credit(db) == 9 and db.value("PRAGMA busy_timeout") == 0
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(ApiError, match="busy"):
        spend(db, 1)
    assert credit(db) == 9 and db.value("PRAGMA busy_timeout") == 0
    shell.execute("COMMIT")
    shell.close()
