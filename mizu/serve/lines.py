"""Raw TCP and TLS lines: one request a line, one answer a request, in order (manual, chapter Protocol)."""

from ..base.errors import ApiError, RemoteProtocolError
from ..base.log import where
from ..base.message import Session
from ..base.task import Future
from ..formats.request import meant, read_text
from ..wire.line import LineParser, render_line
from .pipeline import SLICE, Pipeline


class LineConnection:
    """The protocol of one stream."""
    __slots__ = ("stream", "front", "session", "parser", "pipeline", "lines", "waiting", "partial", "over")

    def __init__(self, stream, front):
        self.stream = stream
        self.front = front
        self.session = Session(stream.peer)
        self.parser = LineParser()
        self.pipeline = Pipeline(stream, self._work)
        self.lines = None           # an iterator of those that have come and were not looked at
        self.waiting = b""          # what came behind them; the stream is paused, so it is one read at most
        self.partial = False        # a line has begun, and its deadline runs
        self.over = False           # the peer has said its last

    # -- what the stream calls ---------------------------------------------------------------------

    def received(self, data):
        pipeline = self.pipeline
        if pipeline.closing:
            return
        self.waiting += data
        if pipeline.held:
            self.stream.pause()
        else:
            self._work()

    def drained(self):
        self.pipeline.drained()

    def expired(self):
        """Nothing came for too long; a reader that takes nothing is given up."""
        pipeline, stream = self.pipeline, self.stream
        if pipeline.held or not pipeline.idle or stream.pending:
            waits = self.front.settings.idletimeout
            if stream.pending and stream.reactor.now - stream.active >= waits:
                return stream.abort()
            stream.deadline = stream.reactor.now + waits
            return
        if self.parser.pending:
            pipeline.add(render_line("ERROR: the request took too long (a request ends with a line break)"))
        self.finish()

    def ended(self):
        """The peer has said its last: a line without an end is a request too (echo -n … | nc)."""
        self.over = True
        if not self.pipeline.held:
            self._work()

    def closed(self):
        self.pipeline.drop()

    def finish(self):
        """Answer what has been started, then close."""
        self.pipeline.closing = True
        self.pipeline.flush()

    # -- requests ----------------------------------------------------------------------------------

    def _work(self):
        """Answer the lines that have come, then send once."""
        pipeline, left = self.pipeline, len(SLICE)
        try:
            if self.lines is None:
                data, self.waiting = self.waiting, b""
                self.lines = iter(self.parser.feed(data))
            for line in self.lines:
                if line.strip():
                    self._request(line)
                left -= 1
                if pipeline.held or pipeline.closing:
                    break
                if not left:
                    pipeline.later()
                    break
            else:
                self._out_of_lines()
        except RemoteProtocolError as error:
            self._fail(error.reason)
        except Exception as error:
            self.front.server.log.error(f"line failed: {where(error)}")
            self._fail("internal error, see the server's log")
        pipeline.flush()
        if not pipeline.closing:
            self._set_deadline(left < len(SLICE))

    def _out_of_lines(self):
        """Those that came have been answered."""
        self.lines = None
        self.parser.feed(b"")               # raises if the one behind them is too long
        if self.waiting:
            self.pipeline.later()
        elif self.over:
            for line in self.parser.finish():
                if line.strip():
                    self._request(line)
            self.pipeline.closing = True

    def _set_deadline(self, served):
        """For the whole of a line from its first byte, or for the next one."""
        stream, settings = self.stream, self.front.settings
        if not self.parser.pending:
            self.partial = False
            stream.deadline = stream.reactor.now + settings.idletimeout
        elif served or not self.partial:
            self.partial = True
            stream.deadline = stream.reactor.now + settings.requesttimeout

    def _request(self, line):
        asker, peer = self.front.asker, self.stream.peer
        try:
            parsed = read_text(line)
        except ApiError as error:
            request, answer = asker.refused(error, peer, syntax=meant(line))
        else:
            request, answer = asker.ask(parsed, peer, self.session, True)
        if answer.__class__ is Future:
            self.pipeline.wait(answer, lambda done: self._rendered(request, done))
        else:
            self.pipeline.add(self._rendered(request, answer))

    def _rendered(self, request, answer):
        """Answer, or a batch's list -> bytes."""
        if answer.__class__ is not list:
            if answer.close:
                self.pipeline.closing = True
            if answer.blob is not None:
                return answer.blob.body
        return render_line(self.front.asker.body(request, answer).decode())

    def _fail(self, reason):
        self.pipeline.add(render_line("ERROR: " + reason))
        self.pipeline.closing = True
