"""The API over WebSocket (RFC 6455): a text message holds a request as it would stand in a line; answers in order.

The upgrade is HTTP's (routes in front.py); from then on this protocol has the stream.
"""

from ..base.errors import ApiError, RemoteProtocolError
from ..base.message import Peer, Session
from ..base.task import Future
from ..formats.request import read_text
from ..wire.websocket import BINARY, CLOSE, PING, PONG, TEXT, VERSION_FIELDS, FrameParser, render_close, render_frame, upgrade
from .asker import body_of
from .pipeline import Pipeline

PROTOCOL = "api"
"""The subprotocol we take if it is offered."""


def on_websocket(connection, message, facts, path, query):
    """HTTP route: upgrade to the API's WebSocket, or say why not."""
    front = connection.front
    allowed = front.settings.wsorigins
    origin = message.fields.values.get("origin", "")
    if origin and "*" not in allowed and origin not in allowed:
        return connection.answer(message, 403, "text/plain; charset=utf-8", b"this origin is not in wsorigins\n")
    stream = connection.stream
    try:
        accepted = upgrade(message, (PROTOCOL,))
    except RemoteProtocolError as error:
        extra = VERSION_FIELDS if error.status == 426 else b""
        return connection.answer(message, error.status, "text/plain; charset=utf-8", error.reason.encode() + b"\n", extra)
    connection.pipeline.add(accepted)
    connection.pipeline.flush()
    rest = connection.parser.detach()
    direct = facts.direct and (not origin or origin.partition("://")[2] == message.fields.host)
    peer = facts.peer
    stream.protocol = WebSocketConnection(stream, front, Peer("wss" if peer.secure else "ws", peer.host, peer.port,
                                                              peer.local, peer.secure), direct)
    connection.closing = True
    if rest:
        stream.protocol.received(rest)
    else:
        stream.protocol.alive()


class WebSocketConnection:
    """The protocol of one stream after the upgrade."""
    __slots__ = ("stream", "front", "peer", "direct", "session", "parser", "pipeline", "closing", "pinged")

    def __init__(self, stream, front, peer, direct):
        self.stream = stream
        self.front = front
        self.peer = peer
        self.direct = direct
        self.session = Session(peer)
        self.parser = FrameParser()
        self.pipeline = Pipeline(stream, self._resume)
        self.closing = False
        self.pinged = False

    # -- what the stream calls ---------------------------------------------------------------------

    def received(self, data):
        if self.closing:
            return
        self.pinged = False
        try:
            for opcode, payload in self.parser.feed(data):
                if opcode == TEXT or opcode == BINARY:
                    self._request(payload)
                else:
                    self._control(opcode, payload)
        except RemoteProtocolError as error:
            self._close(error.status, error.reason)
        self.pipeline.flush()
        if self.pipeline.full:
            self.stream.pause()
        self.alive()

    def drained(self):
        self.pipeline.drained()

    def expired(self):
        """Quiet for long: ping once, then give up."""
        if self.pinged:
            return self.stream.abort()
        self.pinged = True
        self.stream.send(render_frame(PING, b""))
        self.alive()

    def ended(self):
        self.closing = True
        self.stream.close()

    def closed(self):
        self.closing = True

    # -- inside ------------------------------------------------------------------------------------

    def alive(self):
        self.stream.deadline = self.stream.reactor.now + self.front.settings.wspingtime

    def _resume(self):
        self.stream.resume()

    def _request(self, payload):
        asker = self.front.asker
        try:
            parsed = read_text(payload if payload.__class__ is str else payload.decode("utf-8", "replace"))
        except ApiError as error:
            request, answer = asker.refused(error, self.peer)
        else:
            request, answer = asker.ask(parsed, self.peer, self.session, self.direct)
        if answer.__class__ is Future:
            self.pipeline.wait(answer, lambda done: self._rendered(request, done))
        else:
            self.pipeline.add(self._rendered(request, answer))

    def _rendered(self, request, answer):
        if answer.__class__ is not list:
            if answer.blob is not None:
                return render_frame(BINARY, answer.blob.body)
            if answer.close:
                self.closing = True
                self.stream.reactor.soon(self.stream.close)
                return render_frame(TEXT, body_of(request, answer)) + render_close(1000, "")
        return render_frame(TEXT, body_of(request, answer))

    def _control(self, opcode, payload):
        if opcode == PING:
            self.pipeline.add(render_frame(PONG, payload))
        elif opcode == CLOSE:
            self._close(int.from_bytes(payload[:2]) if payload else 1000, "")

    def _close(self, code, reason):
        """Answer a close frame, or start one: what was asked before is still answered."""
        if not self.closing:
            self.closing = True
            self.pipeline.add(render_close(code, reason))
            self.pipeline.flush()
            self.stream.close()
