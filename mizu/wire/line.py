"""Requests over a bare stream: one a line, ended by CR LF or LF; and text answers as lines.

Obeys the manual's "TCP (requests must be ended by CR/LF)".  A JSON object or array
that is printed over several lines is one request as well: a line that begins with
`{` or `[` goes on until its brackets are closed (RFC 8259; its strings hold no line
breaks, so an open string ends with its line).  Text is UTF-8, and Latin-1 where
it is not.  Does not know what the lines mean; NUL and telnet's IAC pass through.
"""

import re

from ..base.errors import RemoteProtocolError
from .query import decode_octets

LIMIT = 65536           # bytes of one request without its line end; most have a few hundred, and files go by HTTP

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)


class LineParser:
    """Bytes in, lines out.  Holds one unfinished request of at most `limit` bytes."""
    __slots__ = ("_limit", "_buffer", "_line", "_seen", "_depth", "_refused")

    def __init__(self, limit=LIMIT):
        self._limit = limit
        self._buffer = bytearray()      # begins with the unfinished request
        self._line = 0                  # where its last line begins
        self._seen = 0                  # no LF before this
        self._depth = 0                 # brackets that its earlier lines left open
        self._refused = False

    def feed(self, data):
        """The requests that `data` completes, as text without their line end; an empty line is "".

        Raises RemoteProtocolError(413) for one over the limit; if others were complete before
        it, these are returned first and the next call raises.
        """
        if self._refused:
            raise self._too_long()
        buffer = self._buffer
        buffer += data
        lines, begin = [], 0
        while (end := buffer.find(b"\n", self._seen)) >= 0:
            if not self._goes_on(begin, end):
                size = end - begin - (end > begin and buffer[end - 1] == 0x0D)
                if size > self._limit:
                    break
                lines.append(decode_octets(buffer[begin:begin + size]))
                begin = end + 1
            self._line = self._seen = end + 1
        del buffer[:begin]
        self._line -= begin
        self._seen = len(buffer)
        if len(buffer) > self._limit + buffer.endswith(b"\r"):
            self._refused = True
            self._clear()
            if not lines:
                raise self._too_long()
        return lines

    def finish(self):
        """The stream has ended: the line that nothing ended, as a list of one or none."""
        rest = bytes(self._buffer)
        self._clear()
        return [decode_octets(rest)] if rest else []

    @property
    def pending(self):
        """Whether a request has begun and is not complete."""
        return bool(self._buffer)

    def _goes_on(self, begin, end):
        """Whether the line that ends here leaves a JSON text open; counts each line once."""
        buffer = self._buffer
        if self._line == begin and buffer[begin] not in b"{[":
            return False
        bare = _STRING.sub(b"", buffer[self._line:end])
        self._depth += bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")
        if self._depth > 0:
            return True
        self._depth = 0
        return False

    def _clear(self):
        self._buffer.clear()
        self._line = self._seen = self._depth = 0

    def _too_long(self):
        return RemoteProtocolError(413, f"a request is longer than {self._limit} bytes")


def render_line(text):
    """A text answer as bytes: every line break is CR LF, and exactly one ends it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    return text.replace("\n", "\r\n").encode("utf-8", "replace") + b"\r\n"
