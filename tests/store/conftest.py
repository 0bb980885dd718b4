"""A database of its own for each test: at once, or with a reactor and threads."""

import sqlite3

import pytest

from mizu.base.clock import Clock
from mizu.net.reactor import Reactor
from mizu.net.workers import Workers
from mizu.store.db import Database

from tests.blank import lay


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "mizud.db")


@pytest.fixture
def db(path):
    db = Database(str(lay(path)), Clock())
    db.open()
    yield db
    db.close()


class Live:
    """A database on a turning loop."""

    def __init__(self, path):
        self.errors = []
        self.reactor = Reactor(Clock(), None, lambda *seen: self.errors.append(seen))
        self.workers = Workers(self.reactor)
        self.db = Database(str(lay(path)), Clock(), self.reactor, self.workers)
        self.db.open()

    def done(self, future, turns=2000):
        """The future's result, once it is there."""
        for _ in range(turns):
            if future.done:
                return future.result()
            self.reactor.turn(0.01)
        raise AssertionError("it was never done")


@pytest.fixture
def live(path):
    live = Live(path)
    yield live
    live.db.close()
    live.workers.stop()
    live.reactor.close()
    assert not live.errors


@pytest.fixture
def foreign(path, request):
    """Opens connections as another program would: no functions, no settings of ours."""
    opened = []

    def connect(timeout=0.0):
        opened.append(sqlite3.connect(path, isolation_level=None, timeout=timeout,
                                      check_same_thread=False))
        return opened[-1]
    yield connect
    for connection in opened:
        connection.close()
