"""Raw TCP and TLS lines: one request a line, one answer a request, in order (manual, chapter Protocol)."""

from ..base.errors import ApiError, RemoteProtocolError
from ..base.message import Session
from ..base.task import Future
from ..formats.request import read_text
from ..wire.line import LineParser, render_line
from .asker import body_of
from .pipeline import Pipeline


class LineConnection:
    """The protocol of one stream."""
    __slots__ = ("stream", "front", "session", "parser", "pipeline", "closing")

    def __init__(self, stream, front):
        self.stream = stream
        self.front = front
        self.session = Session(stream.peer)
        self.parser = LineParser()
        self.pipeline = Pipeline(stream, stream.resume)
        self.closing = False

    def received(self, data):
        if self.closing:
            return
        try:
            for line in self.parser.feed(data):
                if line.strip():
                    self._request(line)
        except RemoteProtocolError as error:
            self.pipeline.add(render_line("ERROR: " + error.reason))
            self._close()
        self.pipeline.flush()
        if self.pipeline.full:
            self.stream.pause()
        settings = self.front.settings
        wait = settings.requesttimeout if self.parser.pending else settings.idletimeout
        self.stream.deadline = self.stream.reactor.now + wait

    def drained(self):
        self.pipeline.drained()

    def expired(self):
        if self.parser.pending:
            self.pipeline.add(render_line("ERROR: the request took too long (a request ends with a line break)"))
            self.pipeline.flush()
        self._close()

    def ended(self):
        """The peer has said its last: a line without an end is a request too (echo -n … | nc)."""
        for line in self.parser.finish():
            if line.strip():
                self._request(line)
        self.pipeline.flush()
        self._close()

    def closed(self):
        self.closing = True

    def _request(self, line):
        front = self.front
        asker = front.asker
        peer = self.stream.peer
        try:
            parsed = read_text(line)
        except ApiError as error:
            request, answer = asker.refused(error, peer)
        else:
            request, answer = asker.ask(parsed, peer, self.session, True)
        if answer.__class__ is Future:
            self.pipeline.wait(answer, lambda done: self._rendered(request, done))
        else:
            self.pipeline.add(self._rendered(request, answer))

    def _rendered(self, request, answer):
        if answer.__class__ is not list:
            if answer.close:
                self._close()
            if answer.blob is not None:
                return answer.blob.body
        return render_line(body_of(request, answer).decode())

    def _close(self):
        """Close once everything that was asked has been answered."""
        self.closing = True
        self.stream.reactor.soon(self._close_when_idle)

    def _close_when_idle(self):
        if self.pipeline.idle:
            self.stream.close()
        else:
            self.stream.reactor.later(0.02, self._close_when_idle)
