"""Whatever path changes a balance leaves a ledger row, exact to the micro-unit."""

import random

import pytest

from mizu.base.errors import ApiError
from mizu.store.tables_money import DIFFERENCES, SUMS


@pytest.fixture
def shell(db, foreign):
    """A foreign connection with three accounts: ada 10, bob 20.5, eve 0."""
    shell = foreign()
    shell.execute("INSERT INTO tb_users (username, credit) VALUES ('ada', 10), ('bob', 20.5), ('eve', 0)")
    return shell


def in_order(connection):
    """No account, living or closed, differs from its ledger; each credit is an exact number of micro-units."""
    assert connection.execute(DIFFERENCES).fetchall() == []
    assert connection.execute(SUMS).fetchall() == []
    assert connection.execute("SELECT 1 FROM tb_users WHERE credit <> credit_u / 1000000.0").fetchall() == []
    assert connection.execute(
        "SELECT 1 FROM (SELECT balance_u, sum(amount_u) OVER (PARTITION BY userid ORDER BY id) AS running"
        " FROM tb_ledger) WHERE balance_u <> running").fetchall() == []
    return True


def ledger(connection, userid):
    return connection.execute(
        "SELECT kind, amount_u, balance_u, actor FROM tb_ledger WHERE userid = ? ORDER BY id", (userid,)).fetchall()


def test_a_new_account_with_credit_opens_its_ledger_and_one_without_does_not(shell):
    assert ledger(shell, 2) == [("sql", 20500000, 20500000, "sql")]
    assert ledger(shell, 3) == []
    assert in_order(shell)


@pytest.mark.parametrize("sql", [
    "UPDATE tb_users SET credit = credit * 1.1 + id / 3.0",
    "UPDATE tb_users SET credit = 0.1 + 0.2",
    "UPDATE tb_users SET credit = '12.3456789' WHERE id = 1",
    "UPDATE tb_users SET credit = -7 WHERE username = 'ADA'",
    "INSERT INTO tb_users (username, credit) VALUES ('Ada', 5)"
    " ON CONFLICT (username) DO UPDATE SET credit = credit + 5",
    "REPLACE INTO tb_users (id, username, credit) VALUES (1, 'ada', 3.3333333)",
    "UPDATE tb_users SET credit = credit + 1.0000004 RETURNING id, credit",
    "INSERT INTO tb_users (username, credit) SELECT username || '2', credit / 7 FROM tb_users",
    "DELETE FROM tb_users",
    "DELETE FROM tb_users WHERE id = 2",
    "UPDATE OR REPLACE tb_users SET credit = credit + 2 WHERE id < 3",
    "WITH n AS (SELECT 9.99 AS v) UPDATE tb_users SET credit = (SELECT v FROM n)",
])
def test_a_foreign_shell_keeps_the_books(shell, sql):
    shell.execute(sql).fetchall()
    assert in_order(shell)


def test_deleting_an_account_closes_its_ledger_and_its_id_never_comes_back(shell):
    shell.execute("DELETE FROM tb_users WHERE id = 3")
    shell.execute("DELETE FROM tb_users WHERE id = 2")
    assert ledger(shell, 2)[-1] == ("close", -20500000, 0, "sql")
    shell.execute("INSERT INTO tb_users (username) VALUES ('new')")
    assert shell.execute("SELECT id FROM tb_users WHERE username = 'new'").fetchone() == (4,)


def test_a_replaced_account_is_closed_first_on_our_own_connection(db):
    with db.unit() as unit:
        unit.run("INSERT INTO tb_users (username, credit) VALUES ('ada', 10)")
        unit.run("REPLACE INTO tb_users (username, credit) VALUES ('ADA', 4)")
    assert db.rows("SELECT userid, kind, amount_u FROM tb_ledger ORDER BY id") == [
        (1, "sql", 10000000), (1, "close", -10000000), (2, "sql", 4000000)]
    assert in_order(db._db)


@pytest.mark.parametrize("sql, says", [
    ("UPDATE tb_users SET id = 9 WHERE id = 1", "id of an account"),
    ("UPDATE tb_users SET rowid = 9 WHERE id = 1", "id of an account"),
    ("UPDATE OR REPLACE tb_users SET _rowid_ = 2 WHERE id = 1", "id of an account"),
    ("UPDATE tb_ledger SET amount_u = 0", "never changed"),
    ("UPDATE OR IGNORE tb_ledger SET comment = 'x'", "never changed"),
    ("DELETE FROM tb_ledger", "never deleted"),
    ("INSERT INTO tb_ledger (id, userid, amount_u, balance_u) VALUES (1, 1, 1, 10000001)", "used again"),
    ("REPLACE INTO tb_ledger (id, userid, amount_u, balance_u) VALUES (1, 1, 1, 10000001)", "used again"),
    ("INSERT OR IGNORE INTO tb_ledger (id, userid, amount_u, balance_u) VALUES (1, 1, 1, 10000001)", "used again"),
    ("INSERT INTO tb_ledger (userid, amount_u, balance_u) VALUES (1, 1, 5)", "balance before"),
    ("INSERT INTO tb_ledger (userid, amount_u, balance_u) VALUES (77, 1, 1)", "no such account"),
    ("INSERT INTO tb_ledger (id, userid, amount_u, balance_u) VALUES (-5, 1, 1, 10000001)", "CHECK"),
    ("INSERT INTO tb_ledger (userid, amount_u, balance_u) VALUES (1, 0.5, 10000000.5)", "CHECK"),
    ("UPDATE tb_users SET credit = 1e9", "CHECK"),
    ("UPDATE tb_users SET credit = 'much'", "CHECK"),
    ("UPDATE tb_users SET credit = NULL", "NOT NULL"),
    ("UPDATE tb_users SET credit_u = 1", "generated column"),
    ("UPDATE tb_users SET username = 'BOB' WHERE id = 1", "UNIQUE"),
    ("UPDATE tb_users SET username = 'a b' WHERE id = 1", "CHECK"),
])
def test_what_would_falsify_the_books_is_refused_and_nothing_changes(shell, sql, says):
    before = shell.execute("SELECT * FROM tb_users").fetchall(), shell.execute("SELECT * FROM tb_ledger").fetchall()
    with pytest.raises(Exception, match=says):
        shell.execute(sql)
    assert before == (shell.execute("SELECT * FROM tb_users").fetchall(),
                      shell.execute("SELECT * FROM tb_ledger").fetchall())


def test_a_ledger_row_moves_the_balance_and_setting_the_credit_afterwards_adds_nothing(db):
    with db.unit() as unit:
        unit.run("INSERT INTO tb_users (username) VALUES ('ada')")
        unit.run("INSERT INTO tb_ledger (userid, kind, amount_u, balance_u) VALUES (1, 'recharge', 1234567, 1234567)")
        assert db.value("SELECT credit_u FROM tb_users") == 1234567
        unit.run("UPDATE tb_users SET credit = ? / 1000000.0", (1234567,))
    assert db.value("SELECT count(*) FROM tb_ledger") == 1 and in_order(db._db)


def test_the_unit_says_who_it_is_and_leaves_no_trace(db, foreign):
    with db.unit("admin", "recharge", 42) as unit:
        unit.run("INSERT INTO tb_users (username, credit) VALUES ('ada', 1)")
    assert db.row("SELECT kind, actor, refid FROM tb_ledger") == ("recharge", "admin", "42")
    with pytest.raises(ApiError):
        with db.unit("admin", "recharge") as unit:
            unit.run("INSERT INTO tb_users (username) VALUES ('ADA')")
    assert db.rows("SELECT * FROM tb_actor") == []
    foreign().execute("UPDATE tb_users SET credit = 2")
    assert db.row("SELECT kind, actor FROM tb_ledger WHERE id = 2") == ("sql", "sql")


@pytest.mark.parametrize("micros", [1, -1, 999999, 100000000000001, 999999999999999, -999999999999999])
def test_every_micro_unit_below_a_thousand_million_is_exact(db, micros):
    with db.unit() as unit:
        unit.run("INSERT INTO tb_users (username, credit) VALUES ('a', ?)", (micros / 1000000.0,))
    assert db.row("SELECT credit_u, credit * 1 = ? / 1000000.0 FROM tb_users", (micros,)) == (micros, 1)
    assert db.value("SELECT balance_u FROM tb_ledger") == micros


@pytest.mark.slow
def test_random_statements_from_two_connections_never_part_ledger_and_balance(db, foreign):
    chance = random.Random(20240607)
    shell = foreign()
    shell.execute("PRAGMA recursive_triggers=ON")

    def number():
        return chance.choice((0, 1, 0.1, 1e-7, 5e-7, chance.uniform(-1e4, 1e4),
                              chance.randrange(-10**14, 10**14) / 1e6))
    shapes = (
        ("INSERT OR IGNORE INTO tb_users (username, credit) VALUES (?, ?)", lambda: (name(), number())),
        ("REPLACE INTO tb_users (username, credit) VALUES (?, ?)", lambda: (name(), number())),
        ("UPDATE tb_users SET credit = credit + ? WHERE id % 3 = ?", lambda: (number(), chance.randrange(3))),
        ("UPDATE tb_users SET credit = ? WHERE username = ?", lambda: (number(), name())),
        ("INSERT INTO tb_users (username, credit) VALUES (?, 1) ON CONFLICT DO UPDATE SET credit = credit * ?",
         lambda: (name(), chance.uniform(-2, 2))),
        ("DELETE FROM tb_users WHERE username = ? RETURNING id", lambda: (name(),)),
        ("UPDATE OR REPLACE tb_users SET username = ?, credit = credit / 3 WHERE username = ?",
         lambda: (name(), name())),
        ("INSERT INTO tb_ledger (userid, amount_u, balance_u) SELECT id, ?, credit_u + ? FROM tb_users LIMIT 2",
         lambda: (chance.randrange(-10**9, 10**9),) * 2),
    )

    def name():
        return chance.choice("abcdefghijklABCDEFGHIJKL")
    done = 0
    for turn in range(3000):
        sql, arguments = chance.choice(shapes)
        try:
            chance.choice((shell, db._db)).execute(sql, arguments()).fetchall()
            done += 1
        except Exception as error:
            assert "CHECK constraint failed" in str(error), error
        if turn % 100 == 0:
            assert in_order(shell)
    assert in_order(shell) and done > 2500
