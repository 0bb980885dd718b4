import os

import pytest

from mizu.base.errors import ApiError
from mizu.store import adhoc, schema
from mizu.store.tables_money import DIFFERENCES, SUMS

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def users(db):
    with db.unit() as unit:
        unit.run("INSERT INTO tb_users (username, password, credit) VALUES ('ada', 'pw', 1), ('bob', 'pw', 2)")
    return db


def refused(code, future, says=""):
    with pytest.raises(ApiError) as error:
        future.result()
    assert error.value.code == code and says in error.value.message, error.value.message
    return True


# -- reading

def test_a_query_answers_rows_with_names_and_says_when_it_is_cut(users):
    rows = users.query("SELECT id, username FROM tb_users ORDER BY id").result()
    assert (rows.columns, rows.rows, rows.truncated) == (["id", "username"], [(1, "ada"), (2, "bob")], False)
    rows = users.query("SELECT id FROM tb_users ORDER BY id", limit=1).result()
    assert rows.rows == [(1,)] and rows.truncated
    assert not users.query("SELECT id FROM tb_users", limit=2).result().truncated
    assert len(users.query("SELECT id FROM tb_users", limit=0).result()) == 2
    assert users.query("SELECT :a", {"a": 5}).result().rows == [(5,)]


def test_no_limit_still_is_one(users, monkeypatch):
    monkeypatch.setattr(adhoc, "MAX_ROWS", 600)
    rows = users.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", limit=0)
    assert len(rows.result()) == 600 and rows.result().truncated
    monkeypatch.setattr(adhoc, "MAX_BYTES", 1000)
    wide = users.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                       " SELECT printf('%0100d', i) FROM n", limit=600).result()
    assert wide.truncated and len(wide) == 256


@pytest.mark.parametrize("sql", [
    "INSERT INTO tb_users (username) VALUES ('x')", "UPDATE tb_users SET credit = 5", "DELETE FROM tb_users",
    "DROP TABLE tb_cdrs", "CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)", "PRAGMA query_only = OFF",
    "PRAGMA journal_mode = DELETE", "BEGIN", "SAVEPOINT a", "ATTACH ':memory:' AS x", "VACUUM",
    "VACUUM INTO '{copy}'", "REINDEX", "ANALYZE", "WITH a AS (SELECT 1) DELETE FROM tb_users",
])
def test_a_query_can_only_read(users, tmp_path, sql):
    copy = tmp_path / "stolen.db"
    assert refused(403, users.query(sql.format(copy=copy)), "not allowed")
    assert not copy.exists()
    assert users.value("SELECT count(*) FROM tb_users WHERE credit IN (1, 2)") == 2


def test_the_shape_of_tables_may_be_asked(users):
    for sql in ("PRAGMA table_info(tb_users)", "SELECT name FROM pragma_table_info('tb_users')"):
        assert len(users.query(sql).result()) > 100


@pytest.mark.parametrize("sql", ["SELECT password FROM tb_users", "SELECT * FROM tb_users",
                                 "SELECT id FROM tb_users WHERE PASSWORD LIKE 'p%'",
                                 "SELECT id FROM tb_users WHERE id IN (SELECT id FROM tb_users WHERE pin <> '')",
                                 "SELECT id FROM tb_users ORDER BY upperpassword"])
def test_hidden_columns_cannot_even_be_compared(users, sql):
    assert refused(403, users.query(sql, hide=schema.SECRET_COLUMNS), "the column")
    assert users.query(sql).result() is not None
    assert users.query("SELECT username FROM tb_users", hide=schema.SECRET_COLUMNS).result().rows


@pytest.mark.parametrize("sql, args, code", [
    ("SELEC 1", (), 400), ("SELECT 1; SELECT 2", (), 400), ("SELECT nothing FROM tb_users", (), 400),
    ("SELECT ?", (), 400), ("SELECT ?", (object(),), 400), ("SELECT ?", (1 << 80,), 400), ("SELECT 1\0", (), 400),
    ("SELECT ?", ("\ud800",), 400), ("SELECT zeroblob(5000000)", (), 400)])
def test_what_is_wrong_with_a_statement_is_told(users, sql, args, code):
    assert refused(code, users.query(sql, args))
    assert refused(code, users.execute(sql, args))
    assert users.query("SELECT 1").result().rows == [(1,)]


def test_a_statement_that_takes_too_long_is_ended(users):
    assert refused(422, users.query(ENDLESS, timeout=0.03), "took longer than 0.03 s")
    assert refused(422, users.execute(f"UPDATE tb_users SET credit = ({ENDLESS})", timeout=0.03), "took longer")
    assert users.running == {} and users.value("SELECT credit FROM tb_users WHERE id = 1") == 1


def test_a_running_statement_is_listed_and_can_be_cancelled(live):
    future = live.db.query(ENDLESS, actor="admin")
    live.reactor.turn(0.01)
    (id, running), = live.db.running.items()
    assert (running.id, running.sql, running.actor) == (id, ENDLESS, "admin")
    assert live.db.cancel(id) and not live.db.cancel(id + 1)
    with pytest.raises(ApiError, match="cancelled"):
        live.done(future)
    assert live.db.running == {}


def test_queries_run_beside_the_loop_and_beside_each_other(live):
    slow = live.db.query(ENDLESS, timeout=0.2)
    assert live.done(live.db.query("SELECT 1")).rows == [(1,)] and not slow.done
    live.db.cancel(next(iter(live.db.running)))
    with pytest.raises(ApiError):
        live.done(slow)


# -- writing

def test_an_executed_statement_says_what_it_did(users):
    done = users.execute("INSERT INTO tb_users (username) VALUES (?)", ("new",)).result()
    assert (done.rowcount, done.lastrowid, done.touched, done.rows) == (1, 3, {"tb_users": {3}}, None)
    done = users.execute("UPDATE tb_users SET comment = 'x' WHERE id > 1").result()
    assert (done.rowcount, done.touched) == (2, {"tb_users": {2, 3}})
    assert users.execute("DELETE FROM tb_users WHERE id = 3").result().touched == {"tb_users": {3}}
    assert users.execute("UPDATE tb_users SET comment = 'x' WHERE id = 9").result().touched == {}
    assert users.execute("INSERT INTO tb_audit (command) VALUES ('x')").result().touched == {}
    done = users.execute("INSERT INTO tb_users (username) VALUES ('r') RETURNING username").result()
    assert done.rows.rows == [("r",)] and done.rows.columns == ["username"]
    assert users.execute("SELECT count(*) FROM tb_users").result().rows.rows == [(3,)]


def test_rows_that_triggers_and_replace_touch_are_told_too(users):
    assert users.execute("REPLACE INTO tb_users (username) VALUES ('BOB')").result().touched == {"tb_users": {2, 3}}
    done = users.execute("INSERT INTO tb_ledger (userid, amount_u, balance_u) VALUES (1, 5, 1000005)").result()
    assert done.touched == {"tb_users": {1}}


def test_caches_are_told_before_the_answer_and_the_ledger_knows_who_it_was(live):
    seen = []
    with live.db.unit() as unit:
        unit.run("INSERT INTO tb_users (username, credit) VALUES ('ada', 1)")
    live.db.on_touched.append(lambda table, ids: seen.append((table, ids)))
    future = live.db.execute("UPDATE tb_users SET credit = 7", actor="root")
    future.then(lambda done: seen.append("answer"))
    live.done(future)
    assert seen == [("tb_users", {1}), "answer"]
    assert live.db.rows("SELECT kind, actor FROM tb_ledger WHERE id = 2") == [("sql", "root")]
    assert live.db.rows("SELECT * FROM tb_actor") == []
    assert live.db.rows(DIFFERENCES) == live.db.rows(SUMS) == []


@pytest.mark.parametrize("sql", [
    "ATTACH ':memory:' AS x", "DETACH main", "PRAGMA writable_schema = ON", "PRAGMA recursive_triggers = OFF",
    "PRAGMA journal_mode = DELETE", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a",
    "CREATE TRIGGER t AFTER UPDATE ON tb_users BEGIN SELECT 1; END", "DROP TRIGGER tr_users_credit",
    "DROP TRIGGER tr_ledger_update", "CREATE TEMP TRIGGER t AFTER UPDATE ON tb_users BEGIN SELECT 1; END",
    "DROP TRIGGER temp.touch_tb_users_UPDATE", "CREATE TEMP TABLE tb_users (id)",
    "CREATE TEMP VIEW tb_users AS SELECT 1",
    "DROP TABLE tb_ledger", "DROP TABLE TB_Users", "ALTER TABLE tb_users ADD COLUMN x",
    "CREATE INDEX x ON tb_users (id)",
    "ALTER TABLE tb_ledger RENAME TO x", "ALTER TABLE tb_users DROP COLUMN fax", "DROP INDEX ix_ledger_userid",
    "INSERT INTO tb_actor VALUES (1, 'card', 'me', '')", "UPDATE tb_actor SET actor = 'me'", "DELETE FROM tb_actor",
    "DELETE FROM sqlite_sequence", "UPDATE sqlite_sequence SET seq = 0"])
def test_the_writer_may_not_touch_transactions_files_or_the_shape_of_money(users, sql):
    shape = users.rows("SELECT sql FROM sqlite_master")
    assert refused(403, users.execute(sql), "is not allowed here")
    assert users.rows("SELECT sql FROM sqlite_master") == shape
    assert users.execute("UPDATE tb_users SET comment = 'on' WHERE id = 1").result().touched == {"tb_users": {1}}


@pytest.mark.parametrize("sql", ["VACUUM INTO '{copy}'", "DELETE FROM tb_ledger", "UPDATE tb_users SET rowid = 9",
                                 "INSERT INTO tb_users (username) VALUES ('ADA')", "DELETE FROM sqlite_master"])
def test_what_sqlite_itself_refuses_changes_nothing(users, tmp_path, sql):
    with pytest.raises(ApiError):
        users.execute(sql.format(copy=tmp_path / "stolen.db")).result()
    assert not (tmp_path / "stolen.db").exists() and users.value("SELECT count(*) FROM tb_users") == 2


def test_an_admin_may_shape_his_own_tables_and_triggers_report_after_it(users):
    for sql in ("CREATE TABLE mine (id INTEGER PRIMARY KEY AUTOINCREMENT, a)", "CREATE INDEX ix ON mine (a)",
                "INSERT INTO mine (a) VALUES (1)", "ALTER TABLE mine ADD COLUMN b", "DROP INDEX ix", "DROP TABLE mine",
                "CREATE VIEW v AS SELECT id FROM tb_users", "DROP VIEW v", "DROP TABLE tb_holidays",
                "CREATE TABLE tb_holidays (id INTEGER PRIMARY KEY, d TEXT)",
                "ALTER TABLE tb_holidays RENAME COLUMN d TO day"):
        users.execute(sql).result()
    assert users.execute("INSERT INTO tb_holidays (day) VALUES ('x')").result().touched == {"tb_holidays": {1}}


def test_a_busy_database_is_told_with_503(users, foreign, monkeypatch):
    monkeypatch.setattr("mizu.store.sqlite.BUSY_WAIT", 0.02)
    shell = foreign()
    shell.execute("BEGIN IMMEDIATE")
    assert refused(503, users.execute("UPDATE tb_users SET comment = 'x'"), "busy")
    shell.execute("ROLLBACK")
    assert users.execute("UPDATE tb_users SET comment = 'x'").result().rowcount == 2


def test_differences_between_ledger_and_balances_are_found(users, foreign):
    shell = foreign()
    assert users.differences().result().rows == users.differences(whole=True).result().rows == []
    shell.execute("DROP TRIGGER tr_users_credit")
    shell.execute("UPDATE tb_users SET credit = 5 WHERE id = 1")
    assert users.differences().result().rows == users.differences(whole=True).result().rows == [(1, 5000000, 1000000)]


def test_a_copy_is_consistent_while_we_write(live, tmp_path):
    from mizu.store.backup import verify
    with live.db.unit() as unit:
        unit.run("INSERT INTO tb_users (username) VALUES ('ada')")
    target = str(tmp_path / "out" / "copy.db")
    assert live.done(live.db.backup(target)) == target
    assert os.stat(target).st_mode & 0o777 == 0o600 and verify(target)["tb_users"] == 1
    assert os.listdir(tmp_path / "out") == ["copy.db"]
