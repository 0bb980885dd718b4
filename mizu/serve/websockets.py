"""The API over WebSocket (RFC 6455): a text message holds a request as it would stand in a line; answers in order.

The upgrade is HTTP's (see routes); from then on this protocol has the stream, and the answers still under way.
"""

from ..base.errors import ApiError, RemoteProtocolError
from ..base.log import where
from ..base.message import Peer, Session
from ..base.task import Future
from ..formats.request import meant, read_text
from ..wire.query import decode_octets
from ..wire.websocket import (BINARY, CLOSE, PING, PONG, TEXT, VERSION_FIELDS, FrameParser, render_close, render_frame,
                              upgrade)
from .pipeline import SLICE

PROTOCOL, SIP_PROTOCOL = "api", "sip"
"""The subprotocols we take where they are offered."""

_PLAIN = "text/plain; charset=utf-8"


def on_websocket(connection, message, facts, path, query):
    """HTTP route: upgrade to the API's WebSocket, or say why not."""
    accepted = _accepted(connection, message, PROTOCOL)
    if accepted is None:
        return
    front, stream, peer = connection.front, connection.stream, facts.peer
    peer = Peer("wss" if peer.secure else "ws", peer.host, peer.port, peer.local, peer.secure)
    connection.pipeline.add(accepted)
    stream.protocol = WebSocketConnection(stream, front, peer, facts.direct, connection.pipeline)
    stream.protocol.received(connection.parser.detach())


def on_sip_websocket(connection, message, facts, path, query):
    """HTTP route: upgrade to SIP's WebSocket (RFC 7118), or say why not."""
    pipeline = connection.pipeline
    if not pipeline.idle:
        return connection.answer(message, 400, _PLAIN, b"a WebSocket for SIP begins when all is answered\n")
    accepted = _accepted(connection, message, SIP_PROTOCOL)
    if accepted is None:
        return
    pipeline.add(accepted)
    pipeline.flush()
    pipeline.resume = None          # no circle is left for the collector
    rest = connection.parser.detach()
    flow = connection.front.server.transports.accept_websocket(connection.stream, facts.peer)
    if rest and flow.alive:
        flow.received(rest)


def _accepted(connection, message, protocol):
    """The 101 answer, or None: it was answered why not."""
    allowed = connection.front.settings.wsorigins
    origin = message.fields.values.get("origin", "")
    if origin and "*" not in allowed and origin not in allowed:
        return connection.answer(message, 403, _PLAIN, b"this origin is not in wsorigins\n")
    try:
        return upgrade(message, (protocol,))
    except RemoteProtocolError as error:
        extra = VERSION_FIELDS if error.status == 426 else b""
        return connection.answer(message, error.status, _PLAIN, error.reason.encode() + b"\n", extra)


class WebSocketConnection:
    """The protocol of one stream after the upgrade; `pipeline` is the one of the HTTP connection it was."""
    __slots__ = ("stream", "front", "peer", "direct", "session", "parser", "pipeline", "events", "waiting", "partial",
                 "pinged")

    def __init__(self, stream, front, peer, direct, pipeline):
        self.stream = stream
        self.front = front
        self.peer = peer
        self.direct = direct
        self.session = Session(peer)
        self.parser = FrameParser()
        self.pipeline = pipeline
        self.events = ()      # of the frames that have come and were not looked at
        self.waiting = b""          # what came behind them; the stream is paused, so it is one read at most
        self.partial = False        # a message has begun, and its deadline runs
        self.pinged = False
        pipeline.resume = self._work

    # -- what the stream calls ---------------------------------------------------------------------

    def received(self, data):
        pipeline = self.pipeline
        if pipeline.closing:
            return
        self.pinged = False
        if pipeline.held:
            self.waiting += data
            self.stream.pause()
        else:
            self.events = self.parser.feed(data)
            self._work()

    def drained(self):
        self.pipeline.drained()

    def expired(self):
        """Quiet for long: ping once, then give up.  A message that does not end: say so and close."""
        if self.partial:
            self._close(1008, "the request took too long")
            return self.pipeline.flush()
        if self.pinged:
            return self.stream.abort()
        self.pinged = True
        self.pipeline.add(render_frame(PING, b""))
        self.pipeline.flush()
        self._set_deadline(0)

    def ended(self):
        self.pipeline.closing = True
        self.pipeline.flush()

    def closed(self):
        self.pipeline.drop()

    def finish(self):
        """The server stops: answer what has been started."""
        self._close(1001, "the server stops")
        self.pipeline.flush()

    # -- requests ----------------------------------------------------------------------------------

    def _work(self):
        """Answer the requests that have come, then send once."""
        pipeline, request, left = self.pipeline, self._request, len(SLICE)
        try:
            for opcode, payload in self.events:
                if opcode == TEXT:
                    request(payload)
                elif opcode == BINARY:
                    request(decode_octets(payload))
                else:
                    self._control(opcode, payload)
                left -= 1
                if pipeline.held or pipeline.closing:
                    break
                if not left:
                    pipeline.later()
                    break
            else:
                self._next_events()
        except RemoteProtocolError as error:
            self._close(error.status, error.reason)
        except Exception as error:
            self.front.server.log.error(f"WebSocket failed: {where(error)}")
            self._close(1011, "internal error, see the server's log")
        pipeline.flush()
        if not pipeline.closing:
            self._set_deadline(left < len(SLICE))

    def _next_events(self):
        """The frames have been looked at: those that came meanwhile are next, in another turn."""
        self.events = ()
        if self.waiting:
            data, self.waiting = self.waiting, b""
            self.events = self.parser.feed(data)
            self.pipeline.later()

    def _set_deadline(self, served):
        """For the whole of a message from its first byte, or for a sign of life."""
        stream, settings = self.stream, self.front.settings
        if not self.parser.buffered:
            self.partial = False
            stream.deadline = stream.reactor.now + settings.wspingtime
        elif served or not self.partial:
            self.partial = True
            stream.deadline = stream.reactor.now + settings.requesttimeout

    def _request(self, text):
        asker = self.front.asker
        try:
            parsed = read_text(text)
        except ApiError as error:
            request, answer = asker.refused(error, self.peer, syntax=meant(text))
        else:
            request, answer = asker.ask(parsed, self.peer, self.session, self.direct)
        if answer.__class__ is Future:
            self.pipeline.wait(answer, lambda done: self._rendered(request, done))
        elif answer.blob is None and not answer.close:
            self.pipeline.add(render_frame(TEXT, asker.body(request, answer)))
        else:
            self.pipeline.add(self._rendered(request, answer))

    def _rendered(self, request, answer):
        """Answer, or a batch's list -> frames."""
        if answer.__class__ is not list:
            if answer.blob is not None:
                return render_frame(BINARY, answer.blob.body)
            if answer.close:
                self.pipeline.closing = True
                return render_frame(TEXT, self.front.asker.body(request, answer)) + render_close(1000)
        return render_frame(TEXT, self.front.asker.body(request, answer))

    def _control(self, opcode, payload):
        if opcode == PING:
            self.pipeline.add(render_frame(PONG, payload))
        elif opcode == CLOSE:
            self.pipeline.add(render_frame(CLOSE, payload[:2]))
            self.pipeline.closing = True

    def _close(self, code, reason):
        """Begin to close; what was asked before is still answered."""
        if not self.pipeline.closing:
            self.pipeline.add(render_close(code, reason))
            self.pipeline.closing = True
