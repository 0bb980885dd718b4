"""The HTTP side of the main port: requests of one connection to the API, files, pages and WebSockets.

wire.http1 reads and frames, this room routes: a path with `mvapi` in it is the API, one with `mvstwebsock` its
WebSocket.  What the header fields say of the asker is worked out once per block of fields, see webfacts.
"""

from ..base.errors import ApiError, RemoteProtocolError
from ..base.message import Session
from ..base.task import Future
from ..formats.answer import CONTENT_TYPE
from ..formats.request import Parsed, read_body
from ..wire.http1 import RequestParser, answer_prefix, bodiless_answer, http_date
from ..wire.query import parse_query
from .asker import body_of, code_of
from .lines import LineConnection
from .pipeline import Pipeline
from .webfacts import FIXED, web_facts

MAX_LINE = 8192 + 64
"""Bytes of the first line that are held back until its end tells HTTP from a raw line; then the parser judges."""

METHODS = b"Allow: GET, HEAD, POST, OPTIONS\r\n"


def api_path(path):
    """Whether a path is the API's: any with `mvapi` in it."""
    return "mvapi" in path.lower()


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
            if len(self.prefixes) > 256:
                self.prefixes.clear()
            prefix = self.prefixes[key] = answer_prefix(status, content_type, keep_alive, self.date() + extra)
        return prefix

    def date(self):
        """The field line Date."""
        return f"Date: {http_date(self.server.clock.now())}\r\n".encode()

    def route(self, path):
        """The function that serves a path: handle(connection, message, facts, path, query)."""
        handler = self._paths.get(path)
        if handler is None:
            handler = self._look(path)
            if len(self._paths) < 1024:
                self._paths[path] = handler
        return handler

    def _look(self, path):
        if self.api_path(path):
            return HttpConnection.on_api
        for matches, handler in self.routes:
            if matches(path):
                return handler
        return HttpConnection.on_nothing


class HttpConnection:
    """The protocol of one stream; requests are answered in order, a slow reader stops the reading."""
    __slots__ = ("stream", "front", "parser", "session", "pipeline", "closing", "opening")

    def __init__(self, stream, front):
        self.opening = b""          # the first line, while it has no end; then None
        self.stream = stream
        self.front = front
        self.parser = RequestParser(max_body=front.settings.maxbody)
        self.session = Session(stream.peer)
        self.pipeline = Pipeline(stream, self._resume)
        self.closing = False

    # -- what the stream calls ---------------------------------------------------------------------

    def received(self, data):
        if self.closing:
            return
        if self.opening is not None:
            data = self.opening + data
            self.opening = data
            if b"\n" in data or len(data) > MAX_LINE:
                return self._begin(data)
            self.stream.deadline = self.stream.reactor.now + self.front.settings.requesttimeout
            return
        self.parser.feed(data)
        self._work()

    def _begin(self, data):
        """The first line is whole: `GET /x` without a version is a line of the raw protocol."""
        self.opening = None
        if b" HTTP/" in data.partition(b"\n")[0] or len(data) > MAX_LINE:
            self.parser.feed(data)
            return self._work()
        self.closing = True
        stream = self.stream
        stream.protocol = LineConnection(stream, self.front)
        stream.protocol.received(data)

    def drained(self):
        self.pipeline.drained()

    def expired(self):
        """Nothing came for too long: in the middle of a request 408, between two nothing."""
        if self.opening or self.parser.in_request:
            self._fail(RemoteProtocolError(408, "the request took too long"))
        elif self.pipeline.idle:
            self.stream.close()
        else:
            self._set_deadline()

    def ended(self):
        if self.opening and not self.closing:
            return self._begin(self.opening)
        self.closing = True
        if self.pipeline.idle:
            self.stream.close()

    def closed(self):
        self.closing = True

    # -- requests ----------------------------------------------------------------------------------

    def _resume(self):
        self.stream.resume()
        if not self.closing:
            self._work()

    def _work(self):
        """Answer every request in the buffer, then send once."""
        parser, pipeline, front = self.parser, self.pipeline, self.front
        try:
            while not self.closing:
                if pipeline.full:
                    self.stream.pause()
                    break
                message = parser.next()
                if message is None:
                    if parser.wants_continue:
                        pipeline.add(b"HTTP/1.1 100 Continue\r\n\r\n")
                    break
                self._serve(message, front)
        except RemoteProtocolError as error:
            self._fail(error)
        pipeline.flush()
        if self.stream.protocol is self:
            self._set_deadline()

    def _set_deadline(self):
        settings = self.front.settings
        wait = settings.requesttimeout if self.parser.in_request else settings.idletimeout
        self.stream.deadline = self.stream.reactor.now + wait

    def _serve(self, message, front):
        fields = message.fields
        facts = fields.derived
        if facts is None:
            facts = fields.derived = web_facts(self.stream.peer, fields.values, front.server)
        path, _, query = message.target.partition("?")
        method = message.method
        if method not in ("GET", "POST", "HEAD"):
            return self._other_method(message, facts)
        front.route(path)(self, message, facts, path, query)

    def _other_method(self, message, facts):
        if message.method == "OPTIONS":
            extra = METHODS + facts.preflight
            return self.answer(message, 204, None, None, extra)
        if message.method in ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT"):
            return self.answer(message, 405, "text/plain", b"method not allowed\n", METHODS)
        return self.answer(message, 501, "text/plain", b"method not implemented\n", METHODS)

    def on_api(self, message, facts, path, query):
        """A request to the API: its query, its body, or both (the query wins)."""
        asker = self.front.asker
        try:
            parsed = Parsed("url", path, parse_query(query))
            if message.body:
                parsed = _merged(parsed, read_body(message.fields.values.get("content-type", ""), message.body))
        except ApiError as error:
            request, answer = asker.refused(error, facts.peer, facts.accept)
        else:
            request, answer = asker.ask(parsed, facts.peer, self.session, facts.direct, facts.accept)
        if answer.__class__ is Future:
            self.pipeline.wait(answer, lambda done: self._rendered(message, facts, request, done))
        else:
            self.pipeline.add(self._rendered(message, facts, request, answer))

    def _rendered(self, message, facts, request, answer):
        """Answer -> the bytes of the HTTP answer."""
        front = self.front
        status = code_of(answer) if front.settings.httpstrictresponse else 200
        if answer.__class__ is list:
            request.format = "json"
        elif answer.close:
            self.closing = True
        elif answer.blob is not None:
            blob = answer.blob
            return self.framed(message, status, blob.content_type, blob.body,
                                facts.cors_fixed + _disposition(blob.filename))
        body = body_of(request, answer)
        return self.framed(message, status, CONTENT_TYPE[request.format], body, facts.cors_fixed)

    def framed(self, message, status, content_type, body, extra):
        """The bytes of an answer, Content-Length and connection handling included."""
        keep_alive = message.fields.keep_alive and not self.closing
        prefix = self.front.prefix(status, content_type, keep_alive, extra)
        if not keep_alive:
            self._close_after()
        if body is None:
            return bodiless_answer(status, keep_alive, self.front.date() + extra)
        if message.method == "HEAD":
            return b"%s%d\r\n\r\n" % (prefix, len(body))
        return b"%s%d\r\n\r\n%s" % (prefix, len(body), body)

    def _close_after(self):
        """Close once the answers that were asked for have left."""
        self.closing = True
        self.stream.reactor.soon(self._close_when_idle)

    def _close_when_idle(self):
        if self.pipeline.idle:
            self.stream.close()
        else:
            self.stream.reactor.later(0.02, self._close_when_idle)

    def answer(self, message, status, content_type, body, extra=b""):
        """An answer that is ready, from the routes."""
        self.pipeline.add(self.framed(message, status, content_type, body, extra))

    def on_nothing(self, message, facts, path, query):
        self.answer(message, 404, "text/plain; charset=utf-8",
                    b"nothing here: the API is /mvapireq/?apientry=NAME, see / for the rest\n", FIXED)

    def _fail(self, error):
        """The peer broke the RFC: say so and close, as the rest of its bytes means nothing."""
        if self.closing:
            return
        self.closing = True
        body = error.reason.encode() + b"\n"
        prefix = self.front.prefix(error.status, "text/plain; charset=utf-8", False, FIXED)
        self.pipeline.add(b"%s%d\r\n\r\n%s" % (prefix, len(body), body))
        self.pipeline.flush()
        self._close_when_idle()


def _merged(parsed, body):
    """Query and body as one request; for a batch the query holds what its requests have in common."""
    common = parsed.params
    if isinstance(body.params, list):
        params = [{**each, **common} for each in body.params]
    else:
        params = {**body.params, **common} if common else body.params
    return Parsed(body.syntax, parsed.path, params, body.files)


def _disposition(filename):
    if filename is None:
        return b""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in filename)
    return b'Content-Disposition: attachment; filename="%s"\r\n' % safe.encode()

