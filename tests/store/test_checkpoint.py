import os

from mizu.base.task import spawn
from mizu.store import db as module


def write(db, name, times=1):
    for number in range(times):
        with db.unit() as unit:
            unit.run("INSERT INTO tb_users (username) VALUES (?)", (f"{name}{number}",))


def runs(live, monkeypatch):
    """Counts the passive checkpoints from here on."""
    seen, passive = [], live.db._checkpointer.passive
    monkeypatch.setattr(live.db._checkpointer, "passive", lambda: (seen.append(1), passive())[1])
    return seen


def test_a_checkpoint_starts_the_log_afresh(live):
    write(live.db, "a", 300)
    size = os.path.getsize(live.db.path + "-wal")
    assert live.done(spawn(live.db.checkpoint()))
    for _ in range(5):
        write(live.db, f"b{_}", 50)
        live.done(spawn(live.db.checkpoint()))
    assert os.path.getsize(live.db.path + "-wal") <= size


def test_nothing_is_done_where_nothing_was_committed(live, monkeypatch):
    seen = runs(live, monkeypatch)
    write(live.db, "a")
    assert live.done(spawn(live.db.checkpoint())) and len(seen) == 2
    assert live.done(spawn(live.db.checkpoint())) and len(seen) == 2     # its own small write does not count
    write(live.db, "b")
    assert live.done(spawn(live.db.checkpoint())) and len(seen) == 4


def test_the_gate_opens_again_and_writers_meanwhile_are_never_refused(live, foreign):
    done = []

    async def writer(name):
        for number in range(100):
            await live.db.gate()
            with live.db.unit() as unit:
                unit.run("INSERT INTO tb_users (username) VALUES (?)", (f"{name}{number}",))
            await live.reactor.sleep(0)
        done.append(name)

    async def checkpoints():
        while len(done) < 3:
            await live.db.checkpoint()
            await live.reactor.sleep(0)
        done.append("checkpoints")
    futures = [spawn(writer(name)) for name in "abc"] + [spawn(checkpoints())]
    for future in futures:
        live.done(future, 20_000)
    assert live.db.value("SELECT count(*) FROM tb_users") == 300


def test_a_foreign_reader_or_writer_makes_it_incomplete_not_an_error(live, foreign):
    shell = foreign()
    write(live.db, "a")
    shell.execute("BEGIN")
    shell.execute("SELECT count(*) FROM tb_users").fetchall()
    write(live.db, "b")
    assert live.done(spawn(live.db.checkpoint())) is False
    shell.execute("ROLLBACK")
    assert live.done(spawn(live.db.checkpoint())) is True
    write(live.db, "c")
    shell.execute("BEGIN IMMEDIATE")
    assert live.done(spawn(live.db.checkpoint())) is False
    assert live.db._opened is None
    shell.execute("ROLLBACK")
    assert live.done(spawn(live.db.checkpoint())) is True


def test_the_two_thousandth_commit_brings_one_by_itself(live, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT_COMMITS", 20)
    write(live.db, "a", 20)
    for _ in range(200):
        live.reactor.turn(0.01)
        if live.db._checkpointed:
            break
    assert live.db._checkpointed == 20


def test_closing_leaves_one_complete_file(path, live):
    write(live.db, "a", 10)
    live.done(live.db.execute("UPDATE tb_users SET comment = 'x'"))
    live.done(live.db.query("SELECT 1"))
    live.db.close()
    assert not os.path.exists(path + "-wal") and not os.path.exists(path + "-shm")
