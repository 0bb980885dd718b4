"""What the tests of this room share: a reactor turned by hand, a protocol that takes notes, a mock TLS filter."""

import socket

from mizu.base.errors import RemoteProtocolError
from mizu.base.message import Peer
from mizu.net.reactor import Reactor
from mizu.net.stream import Stream
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
        with socket.create_server(("127.0.0.1", 0)) as server:
            far = socket.create_connection(server.getsockname())
            near, address = server.accept()
        stream = Stream(self.reactor, near, Peer("tcp", *address), self.streams)
        stream.protocol = protocol(stream)
        far.settimeout(5)
        return stream, stream.protocol, far


class Rot:
    """A filter that turns the lowest bit; b"HELLO" shakes hands and b"\\xff" says goodbye."""

    def __init__(self):
        self.handshaken = self.closed = self.more = False
        self.out = b""
        self.seen = b""

    def receive(self, data):
        if not self.handshaken:
            self.seen += data
            if not b"HELLO".startswith(self.seen[:5]):
                self.out += b"ALERT"
                raise RemoteProtocolError(400, "no hello")
            if len(self.seen) < 5:
                return b""
            self.handshaken, data = True, self.seen[5:]
            self.out += b"WELCOME"
        self.closed = data.endswith(b"\xff")
        return bytes(byte ^ 1 for byte in data.rstrip(b"\xff"))

    def send(self, data):
        self.out += bytes(byte ^ 1 for byte in data)

    def take(self):
        out, self.out = self.out, b""
        return out

    def close(self):
        self.out += b"\xff"
