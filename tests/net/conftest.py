"""A reactor with the real clock, and turning it until something is true."""

import socket

import pytest

from mizu.base.clock import Clock
from mizu.net.reactor import Reactor
from mizu.net.streams import StreamSet


class Recorder:
    """A protocol that notes its calls."""

    def __init__(self, stream=None):
        self.stream = stream
        self.calls = []
        self.data = b""

    def received(self, data):
        self.data += data
        self.calls.append("received")

    def drained(self):
        self.calls.append("drained")

    def ended(self):
        self.calls.append("ended")

    def expired(self):
        self.calls.append("expired")
        self.stream.abort()

    def closed(self):
        self.calls.append("closed")


class Bench:
    """A reactor with what it reported, and its streams."""

    def __init__(self, clock):
        self.errors, self.slow = [], []
        self.reactor = Reactor(clock, lambda *seen: self.slow.append(seen), lambda *seen: self.errors.append(seen))
        self.streams = StreamSet(self.reactor)

    def until(self, condition, turns=2000):
        """Turn the loop until the condition holds."""
        for _ in range(turns):
            if condition():
                return
            self.reactor.turn(0.01)
        raise AssertionError("it never came true")

    def pair(self, protocol=Recorder):
        """(stream, its protocol, the peer's socket), over TCP on loopback."""
        from mizu.base.message import Peer
        from mizu.net.stream import Stream
        with socket.create_server(("127.0.0.1", 0)) as server:
            far = socket.create_connection(server.getsockname())
            near, address = server.accept()
        stream = Stream(self.reactor, near, Peer("tcp", *address), self.streams)
        stream.protocol = protocol(stream)
        far.settimeout(5)
        return stream, stream.protocol, far


@pytest.fixture
def bench():
    bench = Bench(Clock())
    yield bench
    for stream in bench.streams:
        stream.abort()
    bench.reactor.close()
