import os
import socket
import threading
import time

import pytest

from mizu.base.clock import FakeClock
from mizu.base.task import spawn
from mizu.net.reactor import CALLS_PER_TURN, EVENTS_PER_TURN, TIMERS_PER_TURN, Reactor, name_of
from mizu.net.selector import READ, PortableSelector


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def reactor(clock):
    reactor = Reactor(clock, slow=0.02)
    yield reactor
    reactor.close()


@pytest.fixture
def pairs():
    made = []

    def make():
        made.append(socket.socketpair())
        return made[-1]
    yield make
    for ends in made:
        for end in ends:
            end.close()


def turn(reactor, clock, seconds=0):
    clock.advance(seconds)
    reactor.turn(0)


def test_timers_ring_in_the_order_of_their_times(reactor, clock):
    rung = []
    for name, seconds in (("c", 3), ("a", 1), ("b", 2), ("a2", 1)):
        reactor.later(seconds, lambda name=name: rung.append(name))
    turn(reactor, clock, 0.5)
    assert rung == []
    turn(reactor, clock, 1)
    assert rung == ["a", "a2"]
    turn(reactor, clock, 2)
    assert rung == ["a", "a2", "b", "c"]


def test_every_keeps_its_pace_and_does_not_make_up_for_missed_turns(reactor, clock):
    rung = []
    timer = reactor.every(10, lambda: rung.append(clock.monotonic()))
    start = clock.monotonic()
    turn(reactor, clock, 11)
    turn(reactor, clock, 8)
    assert len(rung) == 1
    turn(reactor, clock, 1)
    assert len(rung) == 2
    turn(reactor, clock, 1000)
    turn(reactor, clock)
    assert len(rung) == 3
    turn(reactor, clock, 10)
    assert [seen - start for seen in rung] == [11, 20, 1020, 1030]
    timer.cancel()
    turn(reactor, clock, 100)
    assert len(rung) == 4


def test_a_timer_may_cancel_itself_and_others(reactor, clock):
    rung = []
    second = reactor.later(1, lambda: rung.append("second"))
    first = reactor.every(0.5, lambda: (rung.append("first"), first.cancel(), second.cancel()))
    for _ in range(4):
        turn(reactor, clock, 1)
    assert rung == ["first"]


def test_cancelled_timers_do_not_pile_up(reactor, clock):
    kept = [reactor.later(1000, int) for _ in range(100)]
    for _ in range(20_000):
        reactor.later(500, int).cancel()
        assert len(reactor._timers) <= 2 * 100 + 65
    kept[0].cancel()
    kept[0].cancel()
    turn(reactor, clock, 1001)
    turn(reactor, clock, 1)
    assert reactor._timers == [] and reactor._cancelled == 0


def test_a_turn_is_bounded_and_the_rest_comes_in_the_next(reactor, clock):
    seen = []
    for _ in range(1000):
        reactor.soon(lambda: seen.append("call"))
        reactor.later(0, lambda: seen.append("timer"))
    turn(reactor, clock)
    assert (seen.count("call"), seen.count("timer")) == (CALLS_PER_TURN, TIMERS_PER_TURN)
    for _ in range(20):
        turn(reactor, clock)
    assert len(seen) == 2000


def test_a_call_that_asks_for_itself_again_does_not_hold_the_turn(reactor, clock):
    seen = []

    def again():
        seen.append(1)
        reactor.soon(again)
    reactor.soon(again)
    turn(reactor, clock)
    assert len(seen) == 1


def test_many_ready_descriptors_are_served_fairly(reactor, clock, pairs):
    seen = set()
    for _ in range(150):
        near, far = pairs()
        far.send(b"x")      # nobody reads it: all stay ready
        reactor.add(near.fileno(), lambda mask, near=near: seen.add(near), READ)
    for count in (EVENTS_PER_TURN, 2 * EVENTS_PER_TURN, 150):
        turn(reactor, clock)
        assert len(seen) == count


def test_an_exception_is_reported_by_name_and_stops_nothing(clock, pairs):
    errors, seen = [], []
    reactor = Reactor(clock, report_error=lambda name, error: errors.append((name, str(error))))

    def broken(*mask):
        raise ValueError("oops")
    near, far = pairs()
    far.send(b"x")
    reactor.add(near.fileno(), broken, READ)
    for ask in (reactor.soon, reactor.from_thread, lambda call: reactor.later(0, call)):
        ask(broken)
        ask(lambda: seen.append(1))
    turn(reactor, clock)
    assert len(errors) == 4 and len(seen) == 3
    assert all(name.endswith("broken") and text == "oops" for name, text in errors)
    reactor.close()


def test_a_slow_callback_is_reported_by_name(clock, pairs):
    reports = []
    reactor = Reactor(clock, report_slow=lambda *seen: reports.append(seen), slow=0.02)

    class Sleepy:
        protocol = None

        def on_event(self, mask):
            clock.advance(0.5)

        def on_timer(self):
            clock.advance(0.25)

        def quick(self):
            clock.advance(0.01)
    sleepy = Sleepy()
    near, far = pairs()
    far.send(b"x")
    reactor.add(near.fileno(), sleepy.on_event, READ)
    reactor.later(0, sleepy.on_timer)
    reactor.soon(sleepy.quick)
    turn(reactor, clock)
    assert [name for name, _ in reports] == ["Sleepy.on_event", "Sleepy.on_timer"]
    assert [round(seconds, 3) for _, seconds in reports] == [0.5, 0.25]
    assert round(reactor.lag, 3) == round(reactor.peak_lag, 3) == 0.76
    reactor.remove(near.fileno())
    turn(reactor, clock)
    assert reactor.lag == 0 and round(reactor.peak_lag, 3) == 0.76
    reactor.close()


def test_the_name_says_which_protocol_a_stream_served():
    class Httpd:
        pass

    class Stream:
        protocol = Httpd()

        def on_event(self):
            pass
    assert name_of(Stream().on_event) == "Stream.on_event (Httpd)"
    assert name_of(turn) == "turn"


def test_events_fetched_for_a_removed_descriptor_do_not_reach_its_successor(reactor, clock, pairs):
    seen = []
    ends = [pairs() for _ in range(2)]
    for near, far in ends:
        far.send(b"x")

    def replace(mask):      # whoever comes first removes the other and puts a newcomer on its number
        seen.append("first")
        for near, _ in ends:
            reactor.remove(near.fileno())
        fd = ends[1][0].fileno()
        reactor.add(fd, lambda mask: seen.append("newcomer"), READ)
        reactor.modify(fd, 0)
    for near, _ in ends:
        reactor.add(near.fileno(), replace, READ)
    turn(reactor, clock)
    assert seen == ["first"]


def test_sleep_is_awaitable(reactor, clock):
    async def nap():
        await reactor.sleep(5)
        return "rested"
    future = spawn(nap())
    turn(reactor, clock, 4)
    assert not future.done
    turn(reactor, clock, 2)
    assert future.result() == "rested"


def test_another_thread_wakes_a_sleeping_reactor(bench):
    seen = []

    def work():
        time.sleep(0.02)
        for at in range(3 * CALLS_PER_TURN):
            bench.reactor.from_thread(lambda at=at: seen.append((at, threading.get_ident())))
        bench.reactor.from_thread(bench.reactor.stop)
    thread = threading.Thread(target=work)
    thread.start()
    bench.reactor.run()     # no timer: it would sleep for ever
    thread.join()
    assert seen == [(at, threading.get_ident()) for at in range(3 * CALLS_PER_TURN)]


def test_an_idle_reactor_does_not_turn(bench):
    bench.reactor.later(0.2, bench.reactor.stop)
    before = time.process_time()
    bench.reactor.run()
    assert bench.reactor.turns <= 3
    assert time.process_time() - before < 0.1


def test_it_runs_on_the_portable_selector_too(clock, pairs):
    reactor = Reactor(clock, selector=PortableSelector())
    seen = []
    near, far = pairs()
    far.send(b"x")
    reactor.add(near.fileno(), lambda mask: seen.append(near.recv(10)), READ)
    reactor.from_thread(lambda: seen.append("call"))
    turn(reactor, clock)
    assert sorted(map(str, seen)) == ["b'x'", "call"]
    reactor.close()


def test_close_gives_its_descriptors_back(clock):
    before = len(os.listdir("/proc/self/fd"))
    Reactor(clock).close()
    assert len(os.listdir("/proc/self/fd")) == before
