import ast
import os
import re
import stat
from pathlib import Path

import pytest

from mizu.base.clock import Clock
from mizu.base.errors import ApiError, ConfigError
from mizu.base.task import Future, spawn
from mizu.store.db import Database

STORE = Path(__file__).resolve().parents[2] / "mizu"


def add(db, name, credit=0):
    with db.unit() as unit:
        return unit.run("INSERT INTO tb_users (username, credit) VALUES (?, ?)", (name, credit)).lastrowid


def test_the_files_are_the_owners_alone(path):
    db = Database(path, Clock())
    db.open()
    add(db, "ada")
    for name in (path, path + "-wal", path + "-shm"):
        assert stat.S_IMODE(os.stat(name).st_mode) == 0o600
    db.close()


def test_the_connection_is_set_as_decided(db):
    settings = {"journal_mode": "wal", "synchronous": 1, "wal_autocheckpoint": 0, "recursive_triggers": 1,
                "busy_timeout": 0}
    assert {name: db.value(f"PRAGMA {name}") for name in settings} == settings


def test_rows_row_and_value(db):
    add(db, "ada"), add(db, "bob")
    assert db.rows("SELECT id, username FROM tb_users ORDER BY id") == [(1, "ada"), (2, "bob")]
    assert db.row("SELECT username FROM tb_users WHERE id = ?", (2,)) == ("bob",)
    assert db.row("SELECT 1 FROM tb_users WHERE id = 9") is None
    assert db.value("SELECT username FROM tb_users WHERE username = 'ADA'") == "ada"
    assert db.value("SELECT 1 FROM tb_users WHERE id = 9") is None


def test_octets_that_are_no_text_are_kept_as_a_sign_of_them_and_found_as_such(db):
    add(db, "m\udcfcller")
    assert db.value("SELECT username FROM tb_users WHERE username = ?", ("m\udcfcller",)) == "m\ufffdller"
    assert db.rows("SELECT 1 FROM tb_users WHERE username = ? AND id = ?", ("\udc80", 1)) == []


def test_an_exception_in_a_unit_rolls_it_back(db):
    with pytest.raises(KeyError):
        with db.unit() as unit:
            unit.run("INSERT INTO tb_users (username) VALUES ('ada')")
            raise KeyError
    assert db.rows("SELECT * FROM tb_users") == [] and not db._db.in_transaction and db.commits == 0


def test_a_broken_constraint_is_told_with_422_and_a_bug_stays_a_bug(db):
    add(db, "ada")
    with pytest.raises(ApiError, match="exists already") as refused:
        add(db, "ADA")
    assert refused.value.code == 422
    with pytest.raises(db._sqlite.OperationalError):
        with db.unit() as unit:
            unit.run("INSERT INTO tb_nothing VALUES (1)")
    assert not db._db.in_transaction


def test_a_folder_that_is_not_there_is_a_fault_of_the_configuration(tmp_path):
    with pytest.raises(ConfigError, match="none/mizud.db"):
        Database(tmp_path / "none" / "mizud.db", Clock()).open()


def test_a_database_in_memory_serves_tests(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    db = Database(":memory:", Clock())
    db.open()
    add(db, "ada", 1)
    assert db.value("SELECT credit_u FROM tb_users") == 1000000 and db.durable().done
    assert not spawn(db.checkpoint()).result()
    db.close()
    assert os.listdir(tmp_path) == []


# -- gate

def test_the_gate_of_a_free_database_makes_nobody_wait(live):
    assert spawn(live.db.gate()).done
    assert not live.db._db.in_transaction


def test_the_gate_waits_for_a_foreign_writer(live, foreign):
    shell = foreign()
    shell.execute("BEGIN IMMEDIATE")
    waiting = [spawn(live.db.gate()) for _ in range(3)]
    live.reactor.turn(0.02)
    assert not any(gate.done for gate in waiting)
    shell.execute("INSERT INTO tb_users (username) VALUES ('shell')")
    shell.execute("COMMIT")
    for gate in waiting:
        live.done(gate)
    add(live.db, "ours")
    assert live.db.value("SELECT count(*) FROM tb_users") == 2


def test_a_foreign_writer_that_does_not_end_gets_503_after_a_second(live, foreign):
    shell = foreign()
    shell.execute("BEGIN IMMEDIATE")
    gate = spawn(live.db.gate())
    start = Clock.monotonic()
    with pytest.raises(ApiError, match="busy") as refused:
        live.done(gate)
    assert refused.value.code == 503 and Clock.monotonic() - start > 0.5
    with pytest.raises(ApiError, match="busy"):
        add(live.db, "ours")
    assert live.db.rows("SELECT * FROM tb_users") == []     # reads go on
    shell.execute("ROLLBACK")
    assert add(live.db, "ours") == 1


def test_a_closed_gate_does_not_count_as_a_foreign_writers_time(live, foreign, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(live.db, "_clock", clock)
    shell = foreign()
    shell.execute("BEGIN IMMEDIATE")
    gate = spawn(live.db.gate())
    opened = live.db._opened = Future()
    shell.execute("ROLLBACK")
    live.done(live.db._freed)
    later = Clock.monotonic() + 60
    monkeypatch.setattr(clock, "monotonic", lambda: later, raising=False)
    shell.execute("BEGIN IMMEDIATE")
    live.db._opened = None
    opened.set()
    live.reactor.turn(0.02)
    assert not gate.done
    shell.execute("ROLLBACK")
    live.done(gate)


def test_the_gate_is_closed_while_another_connection_of_ours_writes(live):
    order = []

    async def write(name):
        await live.db.gate()
        with live.db.unit() as unit:
            unit.run("INSERT INTO tb_users (username) VALUES (?)", (name,))
        order.append(name)

    executed = live.db.execute("INSERT INTO tb_users (username) VALUES ('adhoc')")
    executed.then(lambda future: order.append("adhoc"))
    writes = [spawn(write("a")), spawn(write("b"))]
    assert not order
    for future in (*writes, executed):
        live.done(future)
    assert sorted(order) == ["a", "adhoc", "b"] and order.index("a") < order.index("b")
    assert live.db.rows("SELECT username FROM tb_users ORDER BY id") == [("adhoc",), ("a",), ("b",)]


# -- other processes

def test_only_a_foreign_commit_is_a_foreign_change(live, foreign):
    db, shell = live.db, foreign()
    add(db, "ours")
    assert not db.foreign_change()
    live.done(db.execute("UPDATE tb_users SET comment = 'x'"))
    assert not db.foreign_change()
    assert live.done(spawn(db.checkpoint())) and not db.foreign_change()
    shell.execute("UPDATE tb_users SET comment = 'y'")
    assert db.foreign_change() and not db.foreign_change()


def test_a_foreign_commit_in_the_middle_of_ours_is_not_taken_for_ours(live, foreign):
    db = live.db
    add(db, "ours")
    for side, method in ((db._writer, "write"), (db._checkpointer, "write")):
        work = getattr(side, method)
        for before in (True, False):
            def with_foreign(*args):
                if before:
                    shell_there.execute("UPDATE tb_users SET comment = comment || 'x'")
                done = work(*args)
                if not before:
                    shell_there.execute("UPDATE tb_users SET comment = comment || 'x'")
                return done
            shell_there = foreign(timeout=1.0)
            setattr(side, method, with_foreign)
            add(db, f"u{id(side)}{before}")
            db.foreign_change()
            live.done(db.execute("UPDATE tb_users SET phone = '1'") if side is db._writer else spawn(db.checkpoint()))
            assert db.foreign_change() and not db.foreign_change(), (side, before)
        setattr(side, method, work)


def test_an_admins_own_column_is_known_at_once(db, foreign):
    assert "mine" not in db.columns("tb_cdrs")
    db.execute("ALTER TABLE tb_cdrs ADD COLUMN mine TEXT").result()
    assert db.columns("tb_cdrs")["mine"].type == "TEXT"
    foreign().execute("ALTER TABLE tb_cdrs ADD COLUMN theirs TEXT")
    db.foreign_change()
    assert "theirs" in db.columns("tb_cdrs")


# -- what no code of this process does

def test_nothing_opens_the_database_or_its_shared_memory_but_sqlite():
    """Closing any other descriptor of them would drop the process's locks (sqlite.org/howtocorrupt.html, 2.2)."""
    opener = re.compile(r"\b(open|copy\w*|copytree|read_bytes|sendfile|mmap|tarfile|zipfile|move)\b *\([^)\n]*"
                        r"(mizud\.db|-shm|\bdatabase\b|db\.path|db_path)")
    for file in STORE.rglob("*.py"):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            assert not opener.search(line), f"{file}:{number}: {line}"
    opened = {(file.name, ast.unparse(call.args[0])) for file in (STORE / "store").glob("*.py")
              for call in ast.walk(ast.parse(file.read_text())) if isinstance(call, ast.Call)
              and ast.unparse(call.func) in ("open", "os.open", "io.open", "Path.open")}
    assert opened == {("sync.py", "folder"), ("sync.py", "self._log"), ("backup.py", "part"),
                      ("ini.py", "path"), ("ini.py", "part"), ("ini.py", "fd"), ("settings.py", "path")}
