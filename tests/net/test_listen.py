import errno
import os
import resource
import socket
import struct
import time

import pytest
from .netbench import Recorder

from mizu.net.bind import PortTaken, bind_error, holder
from mizu.net.listen import Listener
from mizu.net.streams import StreamSet


class Echo(Recorder):
    def received(self, data):
        self.stream.send(data)


@pytest.fixture
def listen(bench):
    made = []

    def make(host="127.0.0.1", port=0, protocol=Echo, **more):
        def on_stream(stream):
            stream.protocol = protocol(stream)
        made.append(Listener(bench.reactor, host, port, on_stream, more.pop("streams", bench.streams), **more))
        return made[-1]
    yield make
    for listener in made:
        listener.close()


def dial(listener, host=None):
    far = socket.create_connection((host or listener.address[0], listener.address[1]))
    far.settimeout(5)
    return far


def test_a_caller_becomes_a_stream_with_its_peer(bench, listen):
    listener = listen()
    far = dial(listener)
    bench.until(lambda: len(bench.streams) == 1)
    stream, = bench.streams
    assert (stream.peer.transport, stream.peer.host, stream.peer.port) == ("tcp", *far.getsockname())
    assert stream.peer.local == listener.address
    assert stream._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert stream._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert not stream._socket.getblocking()
    far.sendall(b"hello")
    bench.reactor.turn(1)
    assert far.recv(10) == b"hello"


def test_both_families_on_one_port_number(bench, listen):
    four = listen("")
    six = listen("::", four.address[1])
    callers = [dial(four, "127.0.0.1"), dial(six, "::1")]
    bench.until(lambda: len(bench.streams) == 2)
    assert sorted(stream.peer.host for stream in bench.streams) == ["127.0.0.1", "::1"]
    assert sorted(stream.peer.local[0] for stream in bench.streams) == ["127.0.0.1", "::1"]
    del callers


def test_an_inherited_socket_is_taken_and_mapped_addresses_are_unmapped(bench, listen):
    with socket.socket(socket.AF_INET6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        sock.listen()
        listener = listen(fd=os.dup(sock.fileno()))
    far = dial(listener, "127.0.0.1")
    bench.until(lambda: len(bench.streams) == 1)
    stream, = bench.streams
    assert stream.peer.host == stream.peer.local[0] == "127.0.0.1"
    far.close()


def test_thousands_of_idle_connections_cost_an_active_one_nothing(bench, listen):
    listener = listen()
    idle = []
    for _ in range(2000):
        idle.append(dial(listener))
        bench.reactor.turn(0)
    far = dial(listener)
    bench.until(lambda: len(bench.streams) == 2001)
    begun, turns = time.monotonic(), bench.reactor.turns
    for _ in range(100):
        far.sendall(b"ping")
        bench.reactor.turn(1)
        assert far.recv(10) == b"ping"
    assert bench.reactor.turns - turns == 100
    assert time.monotonic() - begun < 5         # 50 ms each would be a failure
    for each in idle:
        each.close()
    bench.until(lambda: sum(stream.protocol.calls == ["ended"] for stream in bench.streams) == 2000)


def test_a_full_house_refuses_at_the_door(bench, listen):
    streams = StreamSet(bench.reactor, limit=1)
    listener = listen(streams=streams)
    first, second = dial(listener), dial(listener)
    bench.until(lambda: streams.refused)
    assert second.recv(1) == b""
    assert len(streams) == streams.refused == 1
    first.close()
    for stream in streams:
        stream.abort()


def test_without_descriptors_the_oldest_idle_makes_room_or_the_port_rests(bench, listen):
    listener = listen()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    callers = [dial(listener)]
    bench.until(lambda: len(bench.streams) == 1)
    first, = bench.streams
    callers += [socket.socket(), socket.socket()]
    room = os.dup(0)
    os.close(room)
    resource.setrlimit(resource.RLIMIT_NOFILE, (room, hard))
    try:
        callers[1].connect(listener.address)
        bench.reactor.turn(1)
        assert len(bench.streams) == 1 and listener.accepted == 1
        turns = bench.reactor.turns
        bench.reactor.turn(0.05)
        assert bench.reactor.turns == turns + 1 and first.open      # it rests, and nothing spins
        first.active -= 60
        bench.until(lambda: listener.accepted == 2)
        assert not first.open and len(bench.streams) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_caller_that_is_gone_before_it_is_accepted_does_no_harm(bench, listen):
    listener = listen()
    far = dial(listener)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    for _ in range(3):
        bench.reactor.turn(0.01)
    assert len(bench.streams) == 0 and bench.errors == []


def test_a_bug_in_the_greeting_costs_that_caller_only(bench, listen):
    def protocol(stream):
        raise ValueError("bug")
    listener = listen(protocol=protocol)
    far = dial(listener)
    bench.until(lambda: bench.errors)
    assert far.recv(1) == b"" and len(bench.streams) == 0


def test_a_taken_port_is_told_with_its_holder_and_the_way_out(listen):
    listener = listen()
    with pytest.raises(PortTaken) as caught:
        listen(port=listener.address[1])
    error = caught.value
    assert (error.host, error.port, error.errno) == ("127.0.0.1", listener.address[1], errno.EADDRINUSE)
    assert str(error).endswith(f"(pid {os.getpid()})")
    assert str(error.advise("--port")).endswith("; choose another one with --port")
    with pytest.raises(PortTaken, match="is no address of this host") as caught:
        listen("192.0.2.77")
    assert "choose" not in str(caught.value.advise("--port")), "another port would not help"
    with pytest.raises(PortTaken, match="unknown address"):
        listen("no.such.host.invalid")


def test_every_refusal_has_its_sentence():
    assert "needs root" in bind_error("", 80, errno.EACCES)
    assert str(PortTaken("", 80, errno.EACCES).advise("--port")).endswith("; choose one above 1023 with --port")
    assert "Protocol not available" in bind_error("", 80, errno.ENOPROTOOPT)
    assert bind_error("", 9, errno.EADDRINUSE, socket.SOCK_DGRAM).startswith("UDP port 9 is in use")
    assert holder(1) == ""
