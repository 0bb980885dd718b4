"""A TCP connection to somebody else, plain or inside TLS: a Future of its Stream.

Whoever waits gives the stream its protocol at once, when the Future tells of it; a stream without one is dropped.
Addresses are numeric (see resolver).  Bounded by the StreamSet's limits and the seconds given.  Knows no protocol.
"""

import os
import socket
from errno import EINPROGRESS

from ..base.errors import NotReached
from ..base.message import Peer
from ..base.task import Future
from .addresses import unmapped
from .selector import WRITE
from .stream import Stream

SECONDS = 5.0
"""For the connection and the TLS handshake together: SYNs at 0, 1 and 3 seconds."""


def connect(reactor, streams, host, port, tls=None, seconds=SECONDS):
    """A Future of a Stream; it fails with NotReached in one sentence.   tls: a TlsFilter of the client's side."""
    return Connecting(reactor, streams, host, port, tls, seconds).future


class Connecting:
    """One attempt.  It is also the protocol of the stream while TLS shakes hands."""
    __slots__ = ("future", "stream", "reactor", "_streams", "_host", "_port", "_tls", "_socket", "_timer")

    def __init__(self, reactor, streams, host, port, tls, seconds):
        self.future = Future()
        self.stream = None
        self.reactor = reactor
        self._streams = streams
        self._host = host
        self._port = port
        self._tls = tls
        self._socket = self._timer = None
        if not streams.admit(host):
            return self._fail("there are too many connections")
        try:
            self._socket = sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            socket.inet_pton(sock.family, host.partition("%")[0])       # a name would be looked up, and block
            code = sock.connect_ex((host, port))
        except (OSError, ValueError, OverflowError) as error:
            return self._fail(getattr(error, "strerror", None) or str(error))
        if code and code != EINPROGRESS:
            return self._fail(os.strerror(code))
        self._timer = reactor.later(seconds, self._late)
        reactor.add(sock.fileno(), self._on_event, WRITE)

    def _on_event(self, mask):
        """The kernel has decided."""
        self.reactor.remove(self._socket.fileno())
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            local = self._socket.getsockname()
        except OSError as error:
            code = code or error.errno
        if code:
            self._timer.cancel()
            return self._fail(os.strerror(code))
        peer = Peer("tcp", unmapped(self._host), self._port, (unmapped(local[0]), local[1]))
        sock, self._socket = self._socket, None
        self.stream = Stream(self.reactor, sock, peer, self._streams, self)
        if self._tls is None:
            self._done()
        else:
            self.stream.start_tls(self._tls, b"")

    def _done(self):
        self._timer.cancel()
        stream, self.stream = self.stream, None
        self.future.set(stream)
        if stream.protocol is self:
            stream.abort()

    def _late(self):
        if self.stream is not None:
            return self.stream.abort()
        self.reactor.remove(self._socket.fileno())
        self._fail("no answer in time")

    def _fail(self, reason):
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        what = "TLS" if self._tls is not None else "TCP"
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.future.fail(NotReached(502, f"{host}:{self._port} cannot be reached over {what}: {reason}"))

    # -- what the stream calls, during the handshake

    def secured(self):
        if self.stream is not None:
            self._done()

    def received(self, data):
        """The first data came in one piece with the end of the handshake."""
        stream = self.stream
        if stream is not None:
            self._done()
            if stream.open:
                stream.protocol.received(data)

    def drained(self):
        pass

    def ended(self):
        self.stream.abort()

    expired = ended

    def closed(self):
        if not self.future.done:
            self._timer.cancel()
            self._fail(self._tls.fault or "the far end closed during the handshake")
