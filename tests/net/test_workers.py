import threading

import pytest

from mizu.net.workers import LoopThread, Mailbox, QueueFull, Workers, spawn_thread


@pytest.fixture
def workers(bench):
    workers = Workers(bench.reactor, threads=2, queue_limit=10)
    yield workers
    workers.stop()


def test_a_result_comes_back_on_the_reactors_thread(bench, workers):
    seen = []
    future = workers.run(lambda *args: (args, threading.get_ident()), 1, 2)
    future.then(lambda done: seen.append(threading.get_ident()))
    bench.until(lambda: future.done)
    args, ident = future.result()
    assert args == (1, 2) and ident != threading.get_ident() and seen == [threading.get_ident()]


def test_what_was_raised_comes_back_too(bench, workers):
    future = workers.run(int, "x")
    bench.until(lambda: future.done)
    with pytest.raises(ValueError):
        future.result()


def test_threads_start_when_needed_and_no_more_than_allowed(bench, workers):
    assert workers._threads == []
    for _ in range(3):
        future = workers.run(int)
        bench.until(lambda: future.done and workers._idle == len(workers._threads))
    assert len(workers._threads) == 1
    gate = threading.Event()
    futures = [workers.run(gate.wait, 5) for _ in range(6)]
    assert len(workers._threads) == 2
    gate.set()
    bench.until(lambda: all(future.done for future in futures))
    assert all(thread.daemon for thread in workers._threads)


def test_too_many_waiting_calls_are_refused(bench, workers):
    gate = threading.Event()
    futures = [workers.run(gate.wait, 5) for _ in range(20)]
    refused = [future for future in futures if future.done]
    assert 8 <= len(refused) <= 10 and len(workers) <= 10
    with pytest.raises(QueueFull):
        refused[0].result()
    gate.set()
    bench.until(lambda: all(future.done for future in futures))


def test_stop_finishes_what_is_queued(bench):
    workers = Workers(bench.reactor, threads=1)
    done = []
    for at in range(20):
        workers.run(done.append, at)
    assert workers.stop(5) and done == list(range(20))
    with pytest.raises(QueueFull):
        workers.run(int).result()


def test_stop_does_not_wait_for_ever(bench):
    workers = Workers(bench.reactor)
    gate = threading.Event()
    workers.run(gate.wait, 5)
    assert workers.stop(0.01) is False
    gate.set()


def test_signals_of_a_loop_thread_are_gathered_and_none_is_lost(bench):
    seen, gate, todo = [], threading.Semaphore(0), []

    def turn():
        gate.acquire()
        taken, todo[:] = list(todo), []
        bench.reactor.from_thread(lambda: seen.append(taken))
    loop = LoopThread(bench.reactor, "syncer", turn)
    for at in range(5):
        todo.append(at)
        loop.signal()
    gate.release()
    bench.until(lambda: seen == [[0, 1, 2, 3, 4]])
    todo.append(5)
    loop.signal()
    gate.release(5)
    assert loop.stop(5)
    bench.until(lambda: [5] in seen)


def test_an_exception_in_a_loop_thread_is_told_and_the_thread_goes_on(bench):
    def turn():
        raise OSError("disk")
    heard = []
    for loop in (LoopThread(bench.reactor, "syncer", turn), LoopThread(bench.reactor, "own", turn, heard.append)):
        loop.signal()
        bench.until(lambda: bench.errors)
        loop.signal()
        assert loop.stop(5)
        bench.reactor.turn(0)
    assert {name for name, _ in bench.errors} == {"syncer"}
    assert len(heard) >= 1 and str(heard[0]) == "disk"


def test_a_loop_thread_that_never_ran_is_stopped_at_once(bench):
    assert LoopThread(bench.reactor, "idle", int).stop()


def test_a_mailbox_hands_over_in_order_and_is_bounded():
    box = Mailbox(limit=3)
    assert [box.put(at) for at in range(4)] == [True, True, True, False]
    got = []

    def work():
        while (thing := box.take()) is not None:
            got.append(thing)
    thread = spawn_thread("reader", work)
    box.close()
    thread.join(5)
    assert got == [0, 1, 2] and not box.put(4)
    assert Mailbox().take(0) is None
