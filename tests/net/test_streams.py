import resource

import pytest
from .netbench import Bench, Recorder, Rot

from mizu.base.clock import FakeClock
from mizu.net import streams as module
from mizu.net.streams import HANDSHAKES_PER_ADDRESS, HANDSHAKES_PER_TURN, Handshakes, StreamSet, descriptor_limit


class Fake:
    """As much of a Stream as the set needs."""

    def __init__(self, reactor, streams, host="192.0.2.1"):
        self.peer = type("Peer", (), {"host": host})
        self.reactor, self.streams = reactor, streams
        self.active, self.deadline, self.pending = reactor.now, 0.0, 0
        self.ended = ""
        streams.add(self)

    def abort(self):
        self.ended = "aborted"
        self.streams.discard(self)

    def expire(self):
        self.ended = "expired"
        self.streams.discard(self)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def bench(clock):
    bench = Bench(clock)
    yield bench
    bench.reactor.close()


def pass_time(bench, clock, seconds, turns=1):
    clock.advance(seconds)
    for _ in range(turns):
        bench.reactor.turn(0)


def test_the_limit_leaves_room_for_files():
    assert StreamSet(None).limit == min(10_000, descriptor_limit() * 8 // 10)


def test_the_soft_limit_of_descriptors_is_lifted_towards_the_hard_one():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        limit = descriptor_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limit, hard)
        assert limit == (20_000 if hard == resource.RLIM_INFINITY else min(20_000, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_deadlines_are_kept_to_the_second(bench, clock):
    streams = [Fake(bench.reactor, bench.streams) for _ in range(3)]
    streams[0].deadline = clock.monotonic() + 5
    streams[1].deadline = clock.monotonic() + 50
    for _ in range(7):
        pass_time(bench, clock, 1, 2)
    assert [stream.ended for stream in streams] == ["expired", "", ""]


def test_a_sweep_over_thousands_is_done_in_slices(bench, clock):
    streams = [Fake(bench.reactor, bench.streams) for _ in range(2 * module.SWEEP_SLICE + 1)]
    for stream in streams:
        stream.deadline = clock.monotonic()
    pass_time(bench, clock, 1)
    most = 0
    for _ in range(40):
        before = len(bench.streams)
        bench.reactor.turn(0)
        most = max(most, before - len(bench.streams))
    assert len(bench.streams) == 0 and most <= module.SWEEP_SLICE


def test_without_connections_nothing_ticks(bench, clock):
    Fake(bench.reactor, bench.streams).abort()
    pass_time(bench, clock, 1, 2)
    assert bench.reactor._wait(None) is None
    stream = Fake(bench.reactor, bench.streams)
    stream.deadline = clock.monotonic() + 1
    pass_time(bench, clock, 2, 3)
    assert stream.ended == "expired"


def test_an_address_has_its_limit_and_loopback_none(bench):
    streams = StreamSet(bench.reactor, limit=100, per_address=2)
    for _ in range(2):
        assert streams.admit("192.0.2.1")
        Fake(bench.reactor, streams)
    assert not streams.admit("192.0.2.1") and streams.refused == 1
    assert streams.admit("192.0.2.2")
    for _ in range(5):
        Fake(bench.reactor, streams, "127.0.0.1")
        Fake(bench.reactor, streams, "2001:db8::%d" % _)
    assert streams.admit("127.0.0.1") and streams.admit("::1")
    assert not streams.admit("2001:db8::ffff") and streams.admit("2001:db8:0:1::1")
    for stream in streams:
        stream.abort()
    assert streams.addresses == {} and streams.admit("192.0.2.1")


def test_when_full_the_oldest_idle_one_makes_room_but_none_at_work(bench, clock):
    streams = StreamSet(bench.reactor, limit=3)
    fakes = []
    for _ in range(3):
        fakes.append(Fake(bench.reactor, streams))
        pass_time(bench, clock, 10)
    fakes[0].active = clock.monotonic()
    assert streams.admit("192.0.2.9")
    assert [fake.ended for fake in fakes] == ["", "aborted", ""]
    Fake(bench.reactor, streams)
    assert streams.admit("192.0.2.9") and fakes[2].ended == "aborted"
    Fake(bench.reactor, streams)
    assert not streams.admit("192.0.2.9") and fakes[0].ended == ""
    assert streams.shed_count == 2


def test_queues_together_are_bounded(bench, clock, monkeypatch):
    monkeypatch.setattr(module, "PENDING_BYTES", 1000)
    fakes = [Fake(bench.reactor, bench.streams) for _ in range(3)]
    for fake, fake.pending in zip(fakes, (300, 500, 400)):
        pass
    pass_time(bench, clock, 1)
    assert [fake.ended for fake in fakes] == ["", "aborted", ""]


class Hello:
    """A stream in its handshake, which takes two steps."""

    def __init__(self, host="192.0.2.1"):
        self.peer = type("Peer", (), {"host": host})
        self.steps = 0
        self.waits = self.ended = False

    def handshake(self, data):
        self.steps += 1
        self.waits = False

    def wait_for_handshake(self):
        self.waits = True

    def abort(self):
        self.ended = True


def test_a_turn_has_four_handshakes_and_the_others_wait_in_line(bench):
    handshakes = Handshakes(bench.reactor)
    hellos = [Hello(f"192.0.2.{at}") for at in range(10)]
    for hello in hellos:
        handshakes.start(hello, b"")
    for turn in range(1, 4):
        assert sum(hello.steps for hello in hellos) == min(10, turn * HANDSHAKES_PER_TURN)
        assert [hello.waits for hello in hellos] == [at >= turn * HANDSHAKES_PER_TURN for at in range(10)]
        bench.reactor.turn(0)
    assert len(handshakes) == 10
    for hello in hellos:
        handshakes.end(hello)
        handshakes.end(hello)
    assert len(handshakes) == 0 and handshakes._addresses == {}


def test_one_address_cannot_fill_the_line(bench):
    handshakes = Handshakes(bench.reactor)
    hellos = [Hello() for _ in range(HANDSHAKES_PER_ADDRESS + 1)]
    local = [Hello("127.0.0.1") for _ in range(HANDSHAKES_PER_ADDRESS + 1)]
    for hello in hellos + local:
        handshakes.start(hello, b"")
    assert [hello.ended for hello in hellos] == [False] * HANDSHAKES_PER_ADDRESS + [True]
    assert not any(hello.ended for hello in local)


def test_a_bug_in_one_handshake_leaves_the_line_moving(bench):
    class Broken(Hello):
        def handshake(self, data):
            raise ValueError("bug")
    handshakes = Handshakes(bench.reactor)
    hellos = [Hello(), Hello(), Hello(), Hello(), Broken(), Hello()]
    for hello in hellos:
        handshakes.start(hello, b"")
    for _ in range(4):
        bench.reactor.turn(0)
    assert hellos[-1].steps == 1 and len(bench.errors) == 1


def test_real_streams_take_turns_and_lose_no_byte(bench):
    made = [bench.pair() for _ in range(3 * HANDSHAKES_PER_TURN)]
    for stream, _, far in made:
        stream.start_tls(Rot(), b"HEL")
        far.sendall(b"LO`")
    for _ in range(40):
        bench.reactor.turn(0)
    assert [protocol.data for _, protocol, _ in made] == [b"a"] * len(made)
    assert len(bench.streams.handshakes) == 0
    for stream, _, far in made:
        stream.abort()
        far.close()


def test_closing_all_lets_every_queue_leave(bench):
    stream, protocol, far = bench.pair(Recorder)
    stream.send(b"bye")
    bench.streams.close_all()
    assert far.recv(10) == b"bye" and far.recv(10) == b""
    far.close()
    bench.until(lambda: protocol.calls == ["closed"])
