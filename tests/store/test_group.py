"""Writes of one turn share a transaction and nothing else."""

import sqlite3

import pytest

from mizu.base.errors import ApiError
from mizu.base.task import Future
from mizu.store.group import Group
from records.store import records


@pytest.fixture
def store(tmp_path):
    services = records(tmp_path)
    yield services
    services.db.close()


def put(name):
    return lambda unit: unit.run("INSERT INTO tb_holidays (day) VALUES (?)", (name,)).lastrowid


def days(store):
    return [day for day, in store.db.rows("SELECT day FROM tb_holidays ORDER BY id")]


def test_what_is_asked_in_one_turn_is_one_commit(store):
    soon = []
    group = Group(store.db, soon.append)
    before = store.db.commits
    futures = [group.run(put(name)) for name in "abc"]
    assert len(soon) == 1 and days(store) == [] and not futures[0].done
    soon.pop()()
    assert store.db.commits == before + 1 and days(store) == ["a", "b", "c"]
    assert [future.result() for future in futures] == [1, 2, 3]


def test_one_that_fails_takes_back_its_own_writes_alone(store):
    soon = []
    group = Group(store.db, soon.append)

    def half(unit):
        put("half")(unit)
        raise ApiError(402, "not enough credit")
    futures = [group.run(put("a")), group.run(half), group.run(put("b"))]
    before = store.db.commits
    soon.pop()()
    assert days(store) == ["a", "b"] and futures[2].done and store.db.commits == before + 1
    with pytest.raises(ApiError, match="not enough"):
        futures[1].result()


def test_a_single_one_that_fails_leaves_nothing(store):
    group = Group(store.db)

    def half(unit):
        put("half")(unit)
        raise ApiError(402, "not enough credit")
    with pytest.raises(ApiError):
        group.run(half).result()
    assert days(store) == []


def test_a_commit_that_fails_fails_all(store, monkeypatch):
    soon = []
    group = Group(store.db, soon.append)
    futures = [group.run(put(name)) for name in "ab"]

    def broken(sql, *args):
        if sql == "COMMIT":
            raise store.db._sqlite.IntegrityError("a constraint at last")
        return execute(sql, *args)
    execute = store.db._execute
    monkeypatch.setattr(store.db, "_execute", broken)
    soon.pop()()
    monkeypatch.undo()
    assert days(store) == []
    for future in futures:
        with pytest.raises(Exception, match="a constraint at last"):
            future.result()


def test_a_gate_that_stays_closed_fails_all_who_wait(store, monkeypatch):
    async def gate():
        raise ApiError(503, "the database is busy")
    group = Group(store.db)
    monkeypatch.setattr(store.db, "begun", gate)
    with pytest.raises(ApiError, match="busy"):
        group.run(put("a")).result()


def test_a_patient_write_goes_with_the_next_that_is_not_or_by_its_own_time(store):
    soon, later = [], []
    group = Group(store.db, soon.append, lambda seconds, callback: later.append(callback))
    first = group.run(put("a"), patient=True)
    assert soon == [] and len(later) == 1
    group.run(put("b"))
    soon.pop()()
    assert first.done and days(store) == ["a", "b"]
    later.pop()()                       # too late: nothing waits any more
    third = group.run(put("c"), patient=True)
    later.pop()()
    assert third.done and days(store) == ["a", "b", "c"]


def test_a_write_soon_after_another_waits_for_the_end_of_the_pause(store):
    soon, later = [], []
    group = Group(store.db, soon.append, lambda seconds, callback: later.append(callback))
    group.run(put("a"))
    soon.pop()()                        # the first goes at once, and begins the pause
    second, third = group.run(put("b")), group.run(put("c"), patient=True)
    assert soon == [] and len(later) == 1 and not second.done
    before = store.db.commits
    later.pop()()
    assert second.done and third.done and store.db.commits == before + 1
    assert len(later) == 1              # that write began a pause of its own
    later.pop()()
    group.run(put("d"))
    assert len(soon) == 1 and later == []


def test_what_begins_at_once_waits_for_a_closed_gate_like_all_others(store):
    store.db._opened = opened = Future()
    done = Group(store.db).run(put("a"))
    assert not done.done and days(store) == []
    store.db._opened = None
    opened.set()
    assert done.done and days(store) == ["a"]
    with store.db.unit():               # joins it, as a savepoint
        Group(store.db).run(put("b"))
    assert days(store) == ["a", "b"]


def test_a_stranger_who_writes_is_waited_for(store):
    shell = sqlite3.connect(store.db.path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(ApiError, match="busy"):
        Group(store.db).run(put("a")).result()
    shell.execute("COMMIT")
    shell.close()
    Group(store.db).run(put("a")).result()
    assert days(store) == ["a"]
