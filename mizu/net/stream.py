"""One TCP connection, non-blocking, plain or behind a TLS filter.

The protocol is any object with
    received(data)  bytes have come
    drained()       `pending` has fallen below LOW_WATER, or to nothing
    ended()         the peer has said its last (EOF); it may still listen
    expired()       `deadline` has passed (it is 0 again); most protocols abort
    closed()        the very last call, exactly once, never from inside another one
and, if it has it,
    secured()       the TLS handshake is over
An exception out of one of them aborts the connection and reaches the reactor's
report.  What is sent leaves at once if the kernel takes it, else it is queued;
a protocol that looks at `pending` and pauses itself never meets the limit.
close() lingers (RFC 9112, 9.6): unread data of the peer would turn our last
answer into a reset.  Knows no protocol, and of TLS only when to turn the filter.
"""

import socket
import struct

from ..base.errors import RemoteProtocolError
from ..base.message import Peer
from .selector import ERROR, HANGUP, READ, WRITE

RECEIVE = 65536             # one recv a wake-up: fair to others, and enough for 16 pipelined requests
LOW_WATER = 65536           # below it a paused protocol goes on
LIMIT = 4 << 20             # a queue already longer than this gets no more: the peer does not read
FINISH_SECONDS = 10         # close(): for what is queued to leave
LINGER_SECONDS = 1          # then: for the peer to see the end and to close
LINGER_BYTES = 1 << 20      # what is read and thrown away meanwhile; the kernel may already hold that much

OPEN, FINISHING, LINGERING, CLOSED = range(4)
PAUSED, HANDSHAKE, ENDED, LEAVING = 1, 2, 4, 8
"""Why nothing is read at the moment; bits of `_holds`."""

_BROKEN = ERROR | HANGUP
_RESET = struct.pack("ii", 1, 0)


class Stream:
    """A connection of `streams` (StreamSet), which watches its deadline.

    peer      Peer
    protocol  gets the calls above; may be exchanged at any time
    deadline  monotonic seconds, or 0 for none; looked at once a second
    active    monotonic seconds of the last byte in or out
    """
    __slots__ = ("peer", "protocol", "deadline", "active", "reactor", "streams",
                 "_socket", "_fd", "_recv", "_send", "_queue", "_mask", "_holds", "_state", "_tls", "_budget")

    def __init__(self, reactor, sock, peer, streams, protocol=None):
        sock.setblocking(False)
        self.peer = peer
        self.protocol = protocol
        self.deadline = 0.0
        self.active = reactor.now
        self.reactor = reactor
        self.streams = streams
        self._socket = sock
        self._fd = sock.fileno()
        self._recv = sock.recv
        self._send = sock.send
        self._queue = b""           # a bytearray while something waits
        self._mask = READ
        self._holds = 0
        self._state = OPEN
        self._tls = None
        self._budget = LINGER_BYTES
        reactor.add(self._fd, self._on_event, READ)
        streams.add(self)

    # -- what protocols call

    @property
    def pending(self):
        """Bytes that wait for the peer to read."""
        return len(self._queue)

    @property
    def open(self):
        """Whether send() still reaches anybody."""
        return self._state == OPEN

    def send(self, data):
        """Send bytes; silently nothing once the connection is closing or lost."""
        if self._tls is not None:
            self._tls.send(data)
            data = self._tls.take()
        self._transmit(data)

    def close(self):
        """Close when all that is queued has left; what still comes in is thrown away."""
        if self._state != OPEN:
            return
        if self._tls is not None:
            self._tls.close()
            self._transmit(self._tls.take())
            if self._state != OPEN:
                return
        self._state = FINISHING
        self.deadline = self.reactor.now + FINISH_SECONDS
        self.reactor.rebind(self._fd, self._on_leaving)
        self._hold(LEAVING)
        if not self._queue:
            self._linger()

    def abort(self):
        """Close now; if something was still owed the peer gets a reset, so that nobody takes it for the whole."""
        if self._queue:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._drop()

    def pause(self):
        """Read no more until resume(): the peer's window fills."""
        self._hold(PAUSED)

    def resume(self):
        self._release(PAUSED)

    def start_tls(self, tls, first):
        """From now on everything passes through the filter; `first` is what has already been read.

        The filter has receive(cipher) -> plain, send(plain), take() -> cipher, close(), handshaken, closed, more.
        """
        peer = self.peer
        self.peer = Peer("tls", peer.host, peer.port, peer.local, True)
        self._tls = tls
        self.reactor.rebind(self._fd, self._on_handshake)
        self.streams.handshakes.start(self, first)

    # -- what the StreamSet calls

    def expire(self):
        """The deadline has passed."""
        self.deadline = 0.0
        if self._state == OPEN:
            self._guard(self.protocol.expired)
        else:
            self.abort()

    def handshake(self, data):
        """A step of the TLS handshake, when it is this connection's turn."""
        if self._state != OPEN:
            return
        self._release(HANDSHAKE)
        self._guard(self._decrypt, data)
        if self._state == OPEN and self._tls.handshaken:
            self.streams.handshakes.end(self)
            self.reactor.rebind(self._fd, self._on_tls)
            secured = getattr(self.protocol, "secured", None)
            if secured is not None:
                self._guard(secured)

    def wait_for_handshake(self):
        self._hold(HANDSHAKE)

    # -- events

    def _on_event(self, mask):
        """The hot path of a plain connection."""
        try:
            if mask & READ:
                try:
                    data = self._recv(RECEIVE)
                except BlockingIOError:
                    return
                except OSError:
                    self._drop()
                    return
                if data:
                    self.active = self.reactor.now
                    self.protocol.received(data)
                else:
                    self._end()
            elif mask & _BROKEN:
                self._drop()
            if mask & WRITE:
                self._flush()
        except Exception:
            self.abort()
            raise

    def _on_tls(self, mask):
        self._guard(self._tls_event, mask, self._decrypt)

    def _on_handshake(self, mask):
        self._guard(self._tls_event, mask, self._step)

    def _tls_event(self, mask, use):
        if mask & READ:
            data = self._read()
            if data:
                use(data)
        elif mask & _BROKEN:
            self._drop()
        if mask & WRITE:
            self._flush()

    def _on_leaving(self, mask):
        """After close(): the queue leaves, then what comes is counted and thrown away until the peer's end."""
        if mask & _BROKEN:
            self._drop()
        elif mask & READ:
            self._budget -= len(self._read() or b"")
            if self._budget < 0:
                self._drop()
        if mask & WRITE:
            self._flush()

    # -- inside

    def _guard(self, call, *args):
        try:
            call(*args)
        except Exception:
            self.abort()
            raise

    def _read(self):
        """Bytes, or None when there are none (now, or ever)."""
        try:
            data = self._recv(RECEIVE)
        except BlockingIOError:
            return None
        except OSError:
            self._drop()
            return None
        if not data:
            self._end()
        return data

    def _end(self):
        """The peer's EOF."""
        self._hold(ENDED)
        if self._state == OPEN:
            self.protocol.ended()
        elif self._state == LINGERING:
            self._drop()

    def _step(self, data):
        self.streams.handshakes.step(self, data)

    def _decrypt(self, data):
        tls = self._tls
        try:
            plain = tls.receive(data)
        except RemoteProtocolError:
            self._transmit(tls.take())      # the alert, if the kernel takes it
            self._drop()
            return
        self.active = self.reactor.now
        if plain:
            self.protocol.received(plain)
        if self._state == OPEN and tls.more:
            self._decrypt(b"")
        if self._state == OPEN:
            cipher = tls.take()
            if cipher:
                self._transmit(cipher)
            if tls.closed and not self._holds & ENDED:
                self._end()

    def _transmit(self, data):
        """Hand bytes to the kernel, or to the queue if something waits there already."""
        if self._queue:
            self._keep(data)
            return
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            if self._state == OPEN:
                self._drop()
            return
        if sent < len(data):
            self._keep(data[sent:])

    def _keep(self, data):
        if self._state != OPEN:
            return
        if len(self._queue) > LIMIT:
            self.abort()
        elif self._queue:
            self._queue += data
        else:
            self._queue = bytearray(data)
            self._watch(self._mask | WRITE)

    def _flush(self):
        """The kernel has room again."""
        before = len(self._queue)
        if not before:
            return
        try:
            sent = self._send(self._queue)
        except BlockingIOError:
            return
        except OSError:
            self._drop()
            return
        self.active = self.reactor.now
        del self._queue[:sent]
        after = before - sent
        if not after:
            self._queue = b""
            self._watch(self._mask & ~WRITE)
            if self._state == FINISHING:
                self._linger()
                return
        if self._state == OPEN and (not after or after < LOW_WATER <= before):
            self.protocol.drained()

    def _linger(self):
        """All has left: say so, and give the peer a moment to read it before its own data could reset it."""
        self._state = LINGERING
        self.deadline = self.reactor.now + LINGER_SECONDS
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop()
            return
        if self._holds & ENDED:
            self._drop()
        else:
            self._holds = 0
            self._watch(READ)

    def _hold(self, reason):
        self._holds |= reason
        self._watch(self._mask & ~READ)

    def _release(self, reason):
        self._holds &= ~reason
        if not self._holds:
            self._watch(self._mask | READ)

    def _watch(self, mask):
        if mask != self._mask and self._state != CLOSED:
            self._mask = mask
            self.reactor.modify(self._fd, mask)

    def _drop(self):
        """The end of every connection."""
        if self._state == CLOSED:
            return
        self._state = CLOSED
        self._queue = b""
        self._tls = None
        self.reactor.remove(self._fd)
        self._socket.close()
        self.streams.discard(self)
        self.reactor.soon(self._closed)

    def _closed(self):
        protocol, self.protocol = self.protocol, None       # no cycle is left for the collector
        if protocol is not None:
            protocol.closed()
