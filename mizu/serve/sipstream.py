"""A connection that carries SIP: TCP and TLS (RFC 3261 18.3), WebSocket (RFC 7118).  Its protocol and flow in one.

A message is handed on whole; CRLF CRLF is answered with CRLF (RFC 5626 3.5.1).  A message has to be there within
requesttimeout of its first byte; a quiet connection is closed after IDLE seconds unless the agent wants to keep it, a
quiet WebSocket is pinged.  A far end that does not read is dropped.  Knows no method and no transaction.
"""

from collections import deque

from ..base.errors import RemoteProtocolError
from ..base.log import where
from ..sip.parser import MAX_MESSAGE, Framer
from ..wire.websocket import BINARY, CLOSE, PING, PONG, TEXT, FrameParser, render_close, render_frame

IDLE = 900
"""Seconds without a byte: longer than any keep-alive, and half of the usual session timer (RFC 4028 4)."""

SLICE = 16
"""Messages that one connection may start in one turn of the loop: 5 ms, then the others' turn."""

SLOW = 512 * 1024
"""Bytes that wait for a far end that does not read: some 500 messages, of which none is of use any more."""

PING_PIECE = ("ping", b"\r\n")


def flow_id(key):
    """A short text for the flow, the same as long as this process runs."""
    return f"{hash(key) & 0xFFFFFFFFFFFF:x}"


class StreamFlow:
    """transport "TCP" "TLS" "WS" "WSS", and the other facts of a flow, see Transports.   framing: Octets or Frames"""
    __slots__ = ("transport", "secure", "host", "port", "local", "advertised", "key", "id", "stream", "_transports",
                 "_framing", "_waiting", "_partial", "_until", "_pinged", "__weakref__")

    reliable = True

    def __init__(self, transports, stream, peer, transport, framing):
        self.transport = transport
        self.secure = transport in ("TLS", "WSS")
        self.host = peer.host
        self.port = peer.port
        self.local = peer.local
        self.advertised = transports.advertise(self)
        self.key = (transport, self.host, self.port, *self.local)
        self.id = flow_id(self.key)
        self.stream = stream
        self._transports = transports
        self._framing = framing
        self._waiting = deque()         # what has come and was not looked at; the stream is paused, one read at most
        self._partial = self._pinged = False
        self._until = 0.0
        stream.protocol = self
        transports.add(self)
        self._set_deadline()

    def __repr__(self):
        return f"{self.transport}:{self.host}:{self.port}"

    # -- what the agent calls

    @property
    def alive(self):
        return self.stream.open

    def send(self, data):
        """False: lost for good."""
        stream = self.stream
        if not stream.open:
            return False
        stream.send(self._framing.wrap(data))
        if stream.pending > SLOW:
            stream.abort()
        return stream.open

    def keep(self, seconds):
        """Do not close it for being idle for so long: a registration or a call lives on it."""
        self._until = max(self._until, self.stream.reactor.now + seconds)
        if self.stream.open and not self._partial:
            self._set_deadline()

    def close(self):
        self.stream.close()

    # -- what the stream calls

    def received(self, data):
        self._pinged = False
        framing = self._framing
        try:
            pieces = framing.feed(data)
        except RemoteProtocolError as error:
            return self._break(error)
        if pieces:
            self._partial = False
            self._waiting.extend(pieces)
            self._work()
        if self.stream.open:
            self._set_deadline()

    def drained(self):
        pass

    def ended(self):
        self.stream.close()

    def expired(self):
        stream = self.stream
        if self._partial:
            return stream.abort()
        now, quiet = stream.reactor.now, self._framing.quiet
        if quiet:                                       # a WebSocket: is there anybody?
            if self._pinged:
                return stream.abort()
            self._pinged = True
            stream.send(render_frame(PING, b""))
        elif now >= self._until and now >= stream.active + IDLE:
            return stream.close()
        self._set_deadline()

    def closed(self):
        self._waiting.clear()
        self._transports.drop(self)

    def finish(self):
        """The server stops."""
        self.stream.send(self._framing.parting)
        self.stream.close()

    # -- inside

    def _work(self):
        """A slice of what has come."""
        waiting, received = self._waiting, self._transports.deliver
        for _ in range(SLICE):
            if not waiting or not self.stream.open:
                break
            kind, octets = waiting.popleft()
            if kind == "message":
                received(octets, self)
            else:
                self.stream.send(octets)
                if kind == "close":
                    return self.stream.close()
        if waiting and self.stream.open:
            self.stream.pause()
            return self.stream.reactor.soon(self._go_on)
        if self._framing.broken and self.stream.open:
            self._break(self._framing.broken)

    def _go_on(self):
        if not self.stream.open:
            return
        try:
            self._work()
        except Exception as error:
            self._transports.log.error(f"{self!r} failed: {where(error)}")
            return self.stream.abort()
        if not self._waiting and self.stream.open:
            self.stream.resume()

    def _break(self, error):
        """Nothing more can be read: say so and close (RFC 3261 18.3)."""
        self.stream.send(self._framing.farewell(error, self._transports.entropy))
        self.stream.close()

    def _set_deadline(self):
        """For the rest of a message from its first byte, for a sign of life, or for idleness."""
        stream, transports, framing = self.stream, self._transports, self._framing
        now = stream.reactor.now
        if framing.buffered:
            if not self._partial:
                self._partial = True
                stream.deadline = now + transports.settings.requesttimeout
            return
        self._partial = False
        stream.deadline = now + transports.settings.wspingtime if framing.quiet else max(self._until, now + IDLE)


class Octets:
    """Framing of TCP and TLS: the messages say how long they are."""
    __slots__ = ("_framer",)

    quiet = False           # is not pinged: SIP's keep-alives come from the client
    parting = b""

    def __init__(self):
        self._framer = Framer()

    @property
    def buffered(self):
        return self._framer.buffered

    @property
    def broken(self):
        return self._framer.broken

    def feed(self, data):
        return [PING_PIECE if piece == "ping" else piece for piece in self._framer.feed(data)]

    @staticmethod
    def wrap(data):
        return data

    @staticmethod
    def farewell(error, entropy):
        """The answer to the message that broke the stream, where one can be made."""
        message = getattr(error, "message", None)
        if message is None or not message.is_request or message.method == "ACK":
            return b""
        return message.reply(error.status, error.reason, entropy.hex(8)).render()


class Frames:
    """Framing of a WebSocket: a message of its own for each of ours."""
    __slots__ = ("_parser", "broken")

    quiet = True
    parting = render_close(1001, "the server stops")

    def __init__(self):
        self._parser = FrameParser(MAX_MESSAGE)
        self.broken = None

    @property
    def buffered(self):
        return self._parser.buffered

    def feed(self, data):
        pieces = []
        try:
            for opcode, payload in self._parser.feed(data):
                if opcode == TEXT or opcode == BINARY:
                    octets = payload.encode() if opcode == TEXT else payload
                    if octets.strip(b"\r\n"):
                        pieces.append(("message", octets))
                    elif octets == b"\r\n\r\n":
                        pieces.append(("ping", render_frame(TEXT, b"\r\n")))
                elif opcode == PING:
                    pieces.append(("pong", render_frame(PONG, payload)))
                elif opcode == CLOSE:
                    pieces.append(("close", render_frame(CLOSE, payload[:2])))
        except RemoteProtocolError as error:
            self.broken = error
            if not pieces:
                raise
        return pieces

    @staticmethod
    def wrap(data):
        """A text where it is one (RFC 7118 5.2 leaves both, browsers' scripts expect a text)."""
        try:
            data.decode()
        except UnicodeDecodeError:
            return render_frame(BINARY, data)
        return render_frame(TEXT, data)

    @staticmethod
    def farewell(error, entropy):
        return render_close(error.status, error.reason)
