"""Futures and tasks: an error reaches whoever asks, and leaves no circle behind."""

import gc
import traceback
import weakref

import pytest

from mizu.base.task import Future, spawn


class Thing:
    """What a frame knows; it goes when the frame does."""


@pytest.fixture
def counted():
    """make() is a Thing; none of them may be left at the end, though no collector runs."""
    things = []

    def make():
        thing = Thing()
        things.append(weakref.ref(thing))
        return thing
    gc.disable()
    yield make
    left = [thing for thing in things if thing() is not None]
    gc.enable()
    assert things and not left


def error_of(ask):
    """The class of what it raises; pytest.raises would keep the frames."""
    try:
        ask()
    except Exception as error:
        return error.__class__


async def fails(make, wait=None):
    thing = make()
    if wait is not None:
        await wait
    raise ValueError(f"of {thing}")


def test_an_error_that_is_asked_for_at_once(counted):
    told = []
    spawn(fails(counted)).then(lambda done: told.append(error_of(done.result)))
    assert told == [ValueError]


def test_an_error_that_comes_later(counted):
    wait, told = Future(), []

    def tell(done):
        thing = counted()
        try:
            done.result()
        except ValueError as error:
            told.append((str(error), len(traceback.extract_tb(error.__traceback__)), thing is None))
    spawn(fails(counted, wait)).then(tell)
    wait.set()
    assert told[0][0].startswith("of ") and told[0][1] > 1      # the frames are there when it is told


def test_an_error_that_a_task_catches_and_one_that_passes_through(counted):
    async def catches():
        thing = counted()
        try:
            await fails(counted)
        except ValueError:
            return thing is not None
    async def passes():
        thing = counted()
        await spawn(fails(counted))
        return thing
    assert spawn(catches()).result()
    told = []
    spawn(passes()).then(lambda done: told.append(error_of(done.result)))
    assert told == [ValueError]


def test_an_error_with_another_behind_it(counted):
    async def turns():
        thing = counted()
        try:
            await fails(counted)
        except ValueError as error:
            raise KeyError(str(thing)) from error
    told = []
    spawn(turns()).then(lambda done: told.append(error_of(done.result)))
    assert told == [KeyError]


def test_an_error_of_what_is_settled(counted):
    assert error_of(lambda: spawn(fails(counted)).settled()) is ValueError
    future = Future()
    assert future.settled() is future
    future.set(5)
    assert future.settled() == 5


def test_an_error_that_nobody_asks_for(counted):
    spawn(fails(counted))


def test_a_future_is_set_once_and_told_in_order():
    future, told = Future(), []
    future.then(lambda done: told.append(("first", done.result())))
    with pytest.raises(RuntimeError):
        future.result()
    future.set(1)
    future.fail(ValueError())
    future.then(lambda done: told.append(("second", done.result())))
    assert told == [("first", 1), ("second", 1)]
