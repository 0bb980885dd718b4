"""When the database counts as unwritable, and how that ends."""

import pytest

from mizu.store.outage import PAUSE, Outage


class Reactor:
    """every() as the net room has it; `timers` that were not cancelled."""

    def __init__(self):
        self.timers = []

    def every(self, seconds, callback):
        timer = Timer(self.timers, seconds, callback)
        self.timers.append(timer)
        return timer


class Timer:
    def __init__(self, timers, seconds, callback):
        self.timers, self.seconds, self.callback = timers, seconds, callback

    def cancel(self):
        self.timers.remove(self)


class Log:
    def __init__(self):
        self.lines = []

    def error(self, text):
        self.lines.append("error " + text)

    def info(self, text):
        self.lines.append("info " + text)


@pytest.fixture
def parts():
    reactor, log, attempts = Reactor(), Log(), []
    return Outage(lambda: attempts.append(1), reactor, log), reactor, log, attempts


def test_it_is_said_once_however_many_writes_fail(parts):
    outage, reactor, log, _ = parts
    for _ in range(3):
        outage.begin("the disk is full")
    assert outage.message == "the disk is full" and len(reactor.timers) == 1
    outage.end()
    outage.end()
    assert outage.message == "" and reactor.timers == []
    assert log.lines == ["error no write is possible: the disk is full", "info writes are possible again"]


def test_attempts_are_made_until_one_succeeds(parts):
    outage, reactor, _, attempts = parts
    outage.begin("the disk is full")
    timer, = reactor.timers
    assert timer.seconds == PAUSE
    timer.callback()
    outage.begin("the disk is full")
    timer.callback()
    assert len(attempts) == 2 and reactor.timers == [timer]


def test_a_database_that_closes_makes_no_more_attempts(parts):
    outage, reactor, _, _ = parts
    outage.begin("the disk is full")
    outage.close()
    assert reactor.timers == []
