import socket
import struct
import tracemalloc

import pytest
from .netbench import Recorder, Rot

from mizu.net import stream as module
from mizu.net.stream import LIMIT, LOW_WATER


class Echo(Recorder):
    def received(self, data):
        super().received(data)
        self.stream.send(data)


def everything(far):
    """What the peer reads until the end."""
    parts = []
    while data := far.recv(1 << 20):
        parts.append(data)
    return b"".join(parts)


def fill(stream, data=bytes(1 << 16)):
    """Send until the kernel takes no more; how much that was in all."""
    sent = 0
    while not stream.pending:
        stream.send(data)
        sent += len(data)
    return sent


def test_what_comes_is_received_and_what_is_sent_arrives(bench):
    stream, echo, far = bench.pair(Echo)
    for text in (b"one", b"two" * 10_000):
        far.sendall(text)
        bench.until(lambda: echo.data.endswith(text))
        assert far.recv(len(text), socket.MSG_WAITALL) == text
    assert stream.pending == 0 and stream.open


def test_a_slow_reader_gets_it_all_in_order_and_drained_tells(bench):
    stream, protocol, far = bench.pair()
    blocks = [bytes([at]) * 50_000 for at in range(80)]
    for block in blocks:
        stream.send(block)
    assert LOW_WATER < stream.pending <= LIMIT
    got = b""
    while len(got) < 80 * 50_000:
        bench.reactor.turn(0)
        got += far.recv(30_000)
    assert got == b"".join(blocks)
    bench.until(lambda: stream.pending == 0)
    assert "drained" in protocol.calls and len(protocol.calls) <= 2
    bench.reactor.turn(0)
    assert len(protocol.calls) <= 2     # a writable socket is not watched while nothing waits


def test_who_never_reads_is_cut_off_with_a_reset(bench):
    stream, protocol, far = bench.pair()
    for _ in range(2 * LIMIT // 65536 + 200):
        stream.send(bytes(65536))
        assert stream.pending <= LIMIT + 65536
    assert not stream.open and stream.pending == 0
    assert protocol.calls == []         # not from inside send()
    bench.until(lambda: protocol.calls == ["closed"])
    with pytest.raises(ConnectionResetError):
        everything(far)


def test_one_answer_larger_than_the_limit_is_no_fault(bench):
    stream, _, far = bench.pair()
    stream.send(bytes(2 * LIMIT))
    stream.close()
    got = 0
    while got < 2 * LIMIT:
        bench.reactor.turn(0)
        got += len(far.recv(1 << 20))
    bench.until(lambda: stream._state == module.LINGERING)
    assert far.recv(10) == b""


def test_close_waits_for_the_queue_and_then_for_the_peer(bench):
    stream, protocol, far = bench.pair()
    size = fill(stream)
    stream.close()
    stream.close()
    stream.send(b"too late")
    far.sendall(b"unread")
    got = 0
    while got < size:
        bench.reactor.turn(0)
        got += len(far.recv(1 << 20))
    bench.until(lambda: stream._state == module.LINGERING)
    assert far.recv(10) == b"" and protocol.calls == []
    far.close()
    bench.until(lambda: protocol.calls == ["closed"])
    assert len(bench.streams) == 0


def test_data_the_peer_is_still_sending_does_not_turn_the_last_answer_into_a_reset(bench):
    stream, protocol, far = bench.pair()
    far.sendall(bytes(200_000))
    stream.send(b"no more of this")
    stream.close()
    for _ in range(5):
        bench.reactor.turn(0)
        far.sendall(bytes(20_000))
    assert everything(far) == b"no more of this"
    assert protocol.calls == []


def test_lingering_ends_after_its_bytes_or_its_time(bench):
    stream, protocol, far = bench.pair()
    stream.close()
    assert 0 < stream.deadline - bench.reactor.now <= module.LINGER_SECONDS
    stream.expire()
    bench.until(lambda: protocol.calls == ["closed"])
    stream, protocol, far = bench.pair()
    stream.close()
    with pytest.raises(OSError):
        for _ in range(1000):
            far.sendall(bytes(65536))
            bench.reactor.turn(0)
    assert protocol.calls == ["closed"]


def test_a_peer_that_stops_sending_may_still_read(bench):
    stream, protocol, far = bench.pair()
    far.sendall(b"ask")
    far.shutdown(socket.SHUT_WR)
    bench.until(lambda: "ended" in protocol.calls)
    turns = bench.reactor.turns
    bench.reactor.turn(0)
    assert protocol.calls == ["received", "ended"] and bench.reactor.turns == turns + 1
    stream.send(b"answer")
    stream.close()
    assert everything(far) == b"answer"
    bench.until(lambda: protocol.calls == ["received", "ended", "closed"])


def test_pause_stops_reading_and_resume_goes_on(bench):
    stream, protocol, far = bench.pair()
    stream.pause()
    far.sendall(b"wait")
    for _ in range(3):
        bench.reactor.turn(0)
    assert protocol.calls == []
    stream.resume()
    bench.until(lambda: protocol.data == b"wait")


@pytest.mark.parametrize("paused", [False, True])
def test_a_reset_ends_the_connection_also_while_it_is_paused(bench, paused):
    stream, protocol, far = bench.pair()
    if paused:
        stream.pause()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    bench.until(lambda: protocol.calls == ["closed"])
    stream.send(b"nobody")
    stream.close()
    stream.abort()
    stream.pause()
    stream.resume()
    bench.reactor.turn(0)
    assert protocol.calls == ["closed"] and bench.errors == []


def test_closed_comes_last_and_never_from_inside_another_call(bench):
    class Hasty(Recorder):
        def received(self, data):
            self.stream.abort()
            super().received(data)
    _, protocol, far = bench.pair(Hasty)
    far.sendall(b"x")
    bench.until(lambda: "closed" in protocol.calls)
    assert protocol.calls == ["received", "closed"]


def test_a_bug_in_a_protocol_costs_its_connection_and_no_other(bench):
    class Broken(Recorder):
        def received(self, data):
            raise KeyError("bug")
    _, broken, far = bench.pair(Broken)
    _, echo, other = bench.pair(Echo)
    far.sendall(b"x")
    bench.until(lambda: broken.calls == ["closed"])
    (name, error), = bench.errors
    assert name == "Stream._on_event (Broken)" and isinstance(error, KeyError)
    other.sendall(b"y")
    bench.until(lambda: echo.data == b"y")


def test_a_protocol_may_hand_the_stream_to_another(bench):
    stream, first, far = bench.pair()
    second = Recorder(stream)
    stream.protocol = second
    far.sendall(b"x")
    bench.until(lambda: second.data == b"x")
    assert first.calls == []


def test_an_idle_connection_costs_under_two_kib_of_python_memory(bench):
    bench.pair()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    pairs = [bench.pair() for _ in range(200)]
    after = tracemalloc.get_traced_memory()[0]
    for _, _, far in pairs:
        far.close()
    del pairs
    tracemalloc.stop()
    assert (after - before) / 200 < 2048        # with the test's recorder and its own socket


# -- TLS, with a filter that turns bytes round


def test_tls_turns_both_directions_and_says_goodbye(bench):
    stream, echo, far = bench.pair(Echo)
    stream.start_tls(Rot(), b"HEL")
    assert stream.peer.secure and stream.peer.transport == "tls"
    far.sendall(b"LO" + b"`cb")
    bench.until(lambda: echo.data == b"abc")
    greeting = far.recv(10, socket.MSG_WAITALL)
    assert greeting == b"WELCOME`cb"
    stream.close()
    far.sendall(b"\xff")
    assert everything(far).endswith(b"\xff")
    far.close()
    bench.until(lambda: echo.calls[-1] == "closed")
    assert len(bench.streams.handshakes) == 0


def test_the_peers_goodbye_is_its_end(bench):
    stream, protocol, far = bench.pair()
    stream.start_tls(Rot(), b"HELLO")
    far.sendall(b"\xff")
    bench.until(lambda: protocol.calls == ["ended"])


def test_a_peer_that_speaks_no_tls_gets_the_alert_and_the_end(bench):
    stream, protocol, far = bench.pair()
    stream.start_tls(Rot(), b"NONSENSE")
    bench.until(lambda: protocol.calls == ["closed"])
    assert everything(far) == b"ALERT"
    assert bench.errors == [] and len(bench.streams.handshakes) == 0


def test_a_slow_reader_behind_tls_gets_it_all(bench):
    stream, protocol, far = bench.pair()
    stream.start_tls(Rot(), b"HELLO")
    size = len(b"WELCOME") + fill(stream)
    got = b""
    while len(got) < size:
        bench.reactor.turn(0)
        got += far.recv(1 << 20)
    assert got == b"WELCOME" + b"\1" * (size - 7)
