"""The HTTP side of the main port: requests of one connection to the API, files, pages and WebSockets.

wire.http1 reads and frames, this room routes: a path with `mvapi` in it is the API, one with `mvstwebsock` its
WebSocket.  What the header fields say of the asker is worked out once per block of fields, see webfacts.
"""

from ..base.clock import http_date
from ..base.errors import RemoteProtocolError
from ..base.log import where
from ..base.message import Session
from ..wire.http1 import CONTINUE, RequestParser, answer_prefix, bodiless_answer, chunked_head
from .lines import LineConnection
from .pipeline import SLICE, Pipeline
from .uploads import is_recording, on_recording
from .webapi import on_api
from .webfacts import FIXED, web_facts

TEXT = "text/plain; charset=utf-8"
METHODS = b"Allow: GET, HEAD, POST, OPTIONS\r\n"
_READING = b"Allow: GET, HEAD, OPTIONS\r\n"
_KNOWN_METHODS = ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT")

PARTING = 2
"""Seconds that a request which has begun to come may take when the server stops."""

MAX_PATHS = 1024
"""Paths whose handler is remembered; others are looked up anew."""

MAX_PREFIXES = 256
"""Beginnings of answers that are remembered until the next second."""


def api_path(path):
    """Whether a path is the API's: any with `mvapi` in it, unless it is the API's WebSocket."""
    path = path.lower()
    return "mvapi" in path and "mvstwebsock" not in path


class HttpFront:
    """What all HTTP connections share: services, routes, and the beginnings of answers, which change once a second
    with the Date."""

    def __init__(self, server, routes, api=api_path):
        self.server = server
        self.asker = server.asker
        self.settings = server.settings
        self.routes = routes
        self.api_path = api
        self.prefixes = {}
        self._paths = {}

    def tick(self):
        """Once a second: the Date has changed."""
        self.prefixes.clear()

    def prefix(self, status, content_type, keep_alive, extra):
        """The bytes of an answer up to its Content-Length."""
        key = (status, content_type, keep_alive, extra)
        prefix = self.prefixes.get(key)
        if prefix is None:
            prefix = answer_prefix(status, content_type, keep_alive, self.date() + extra)
            if len(self.prefixes) < MAX_PREFIXES:
                self.prefixes[key] = prefix
        return prefix

    def date(self):
        """The field line Date."""
        return f"Date: {http_date(self.server.clock.now())}\r\n".encode()

    def route(self, path):
        """The function that serves a path: handle(connection, message, facts, path, query)."""
        handler = self._paths.get(path)
        if handler is None:
            handler = self._look(path)
            if len(self._paths) < MAX_PATHS:
                self._paths[path] = handler
        return handler

    def _look(self, path):
        if self.api_path(path):
            return on_api
        return next((handler for matches, handler in self.routes if matches(path)), on_nothing)


def on_nothing(connection, message, facts, path, query):
    connection.answer(message, 404, TEXT,
                      b"nothing here: the API is /mvapireq/?apientry=NAME, see / for the rest\n", FIXED)


class HttpConnection:
    """The protocol of one stream; requests are answered in order, a slow reader stops the reading."""
    __slots__ = ("stream", "front", "parser", "session", "pipeline", "partial", "over", "last")

    def __init__(self, stream, front):
        self.stream = stream
        self.front = front
        self.parser = RequestParser(max_body=front.settings.maxbody)
        self.session = Session(stream.peer)
        self.pipeline = Pipeline(stream, self._work)
        self.partial = False        # a request has begun, and its deadline runs
        self.over = False           # the peer has said its last
        self.last = False           # the server stops: the request that has begun is the last one

    # -- what the stream calls ---------------------------------------------------------------------

    def received(self, data):
        pipeline = self.pipeline
        if pipeline.closing:
            return
        self.parser.feed(data)
        if pipeline.held:
            self.stream.pause()
        else:
            self._work()

    def drained(self):
        self.pipeline.drained()

    def expired(self):
        """Nothing came for too long: in the middle of a request 408, between two nothing; a reader that takes
        nothing is given up."""
        pipeline, stream = self.pipeline, self.stream
        if pipeline.held or not pipeline.idle or stream.pending:
            waits = self.front.settings.idletimeout
            if stream.pending and stream.reactor.now - stream.active >= waits:
                return stream.abort()
            stream.deadline = stream.reactor.now + waits
        elif self.parser.in_request:
            self._fail(408, "the request took too long")
            pipeline.flush()
        else:
            stream.close()

    def ended(self):
        self.over = True
        if not self.pipeline.held:
            self._work()

    def closed(self):
        self.pipeline.drop()

    def finish(self):
        """The server stops: answer what has been started, and the request that has begun to come."""
        self.last = True
        self.stream.deadline = self.stream.reactor.now + PARTING
        if not self.parser.in_request:
            self.pipeline.closing = True
            self.pipeline.flush()

    # -- requests ----------------------------------------------------------------------------------

    def _work(self):
        """Answer the requests in the buffer, then send once."""
        parser, pipeline = self.parser, self.pipeline
        count = 0
        try:
            for count in SLICE:
                if pipeline.held or pipeline.closing:
                    break
                message = parser.next()
                if message is None:
                    self._out_of_requests()
                    break
                self._serve(message)
            else:
                pipeline.later()
        except RemoteProtocolError as error:
            if parser.versionless:
                return self._as_line()
            self._fail(error.status, error.reason)
        except Exception as error:
            self.front.server.log.error(f"HTTP failed: {where(error)}")
            self._fail(500, "internal error, see the server's log")
        pipeline.flush()
        if self.stream.protocol is self and not (pipeline.closing or self.last):
            self._set_deadline(count)

    def _out_of_requests(self):
        """No whole request is left in the buffer."""
        if self.parser.wants_continue:
            self.pipeline.add(CONTINUE)
        if self.over and self.parser.versionless is None and self.parser.in_request:
            self._as_line()
        elif self.over or self.last and not self.parser.in_request:
            self.pipeline.closing = True

    def _as_line(self):
        """`GET /x` without a version is a line of the raw protocol."""
        stream = self.stream
        stream.peer = stream.peer.over("tls" if stream.peer.secure else "tcp")
        stream.protocol = LineConnection(stream, self.front)
        stream.protocol.received(self.parser.detach())
        if self.over:
            stream.protocol.ended()

    def _set_deadline(self, served):
        """For the whole of a request from its first byte, or for the next one."""
        stream, settings = self.stream, self.front.settings
        if not self.parser.in_request:
            self.partial = False
            stream.deadline = stream.reactor.now + settings.idletimeout
        elif served or not self.partial:
            self.partial = True
            stream.deadline = stream.reactor.now + settings.requesttimeout

    def _serve(self, message):
        fields, front = message.fields, self.front
        facts = fields.derived
        if facts is None or facts.proxies is not front.server.trusted_proxies:      # the settings were read again
            facts = fields.derived = web_facts(self.stream.peer, fields.values, front.server)
        method = message.method
        if method == "GET" or method == "POST" or method == "HEAD":
            path, _, query = message.target.partition("?")
            handler = front.route(path)
            if method == "POST" and is_recording(message):
                handler = on_recording
            handler(self, message, facts, path, query)
        elif method == "PUT" and is_recording(message):
            on_recording(self, message, facts, *message.target.partition("?")[::2])
        elif method == "OPTIONS":
            self.answer(message, 204, None, None, METHODS + facts.preflight)
        elif method in _KNOWN_METHODS:
            self.answer(message, 405, TEXT, b"method not allowed\n", METHODS)
        else:
            self.answer(message, 501, TEXT, b"method not implemented\n", METHODS)

    def framed(self, message, status, content_type, body, extra, keep_alive=True):
        """The bytes of an answer, Content-Length and connection handling included; body None: there is none."""
        if not (keep_alive and message.fields.keep_alive):
            keep_alive = False
            self.pipeline.closing = True
        if body is None:
            return bodiless_answer(status, keep_alive, self.front.date() + extra)
        prefix = self.front.prefix(status, content_type, keep_alive, extra)
        if message.method == "HEAD":
            return b"%s%d\r\n\r\n" % (prefix, len(body))
        return b"%s%d\r\n\r\n%s" % (prefix, len(body), body)

    def head(self, message, status, content_type, length, extra):
        """The head alone, for a body that comes in pieces."""
        keep_alive = message.fields.keep_alive
        if not keep_alive:
            self.pipeline.closing = True
        return answer_prefix(status, content_type, keep_alive, self.front.date() + extra) + b"%d\r\n\r\n" % length

    def endless_head(self, message, status, content_type, extra):
        """(head, whether chunks follow) for a body whose length is not known."""
        chunked = message.fields.version > 10
        keep_alive = chunked and message.fields.keep_alive
        if not keep_alive:
            self.pipeline.closing = True
        return chunked_head(status, content_type, keep_alive, self.front.date() + extra, chunked), chunked

    def answer(self, message, status, content_type, body, extra=b""):
        """An answer that is ready, from the routes."""
        self.pipeline.add(self.framed(message, status, content_type, body, extra))

    def may_read(self, message):
        """Whether a page is only asked for; who posts to it gets 405."""
        if message.method != "POST":
            return True
        self.answer(message, 405, TEXT, b"this is only for reading\n", _READING)
        return False

    def _fail(self, status, reason):
        """The peer broke the RFC, or we are broken: say so and close, as the rest of its bytes means nothing."""
        body = reason.encode() + b"\n"
        prefix = self.front.prefix(status, TEXT, False, FIXED)
        self.pipeline.add(b"%s%d\r\n\r\n%s" % (prefix, len(body), body))
        self.pipeline.closing = True
