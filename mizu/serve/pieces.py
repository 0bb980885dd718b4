"""Answers too long to be held in memory: a head, and what workers read piece by piece, of a file or of a table."""

from ..base.log import where
from ..wire.http1 import LAST_CHUNK, render_chunk

PIECE = 128 * 1024
"""Bytes of one read: 1 ms of a slow disk, and all that a slow reader holds in our memory."""


class Pieces:
    """`file` is open at the first of `left` bytes; it is closed when the answer has left or the stream is lost."""
    __slots__ = ("head", "left", "reading", "_file", "_workers")

    def __init__(self, head, file, left, workers):
        self.head = head
        self.left = left
        self.reading = False
        self._file = file
        self._workers = workers

    def read(self, then):
        """Read on; calls then(self, bytes), no bytes where the file cannot be read."""
        self.reading = True
        self._workers.run(self._file.read, min(PIECE, self.left)).then(lambda done: self._came(done, then))

    def close(self):
        """Close the file, unless a worker has it in hand: then `then` does it."""
        if not self.reading:
            self._file.close()

    def _came(self, done, then):
        self.reading = False
        try:
            data = done.result()
        except Exception:           # the disk, or too many calls waiting
            data = b""
        self.left -= len(data)
        then(self, data)


ROWS = 100
"""Rows that are put into words in one turn of the loop: 1 ms."""


class RowPieces:
    """A RowStream in the format of `layout`, in chunks (RFC 9112 7.1) or up to the end of the connection.

    left    1 until all of it has been given
    """
    __slots__ = ("head", "left", "reading", "_layout", "_more", "_rows", "_chunked", "_server", "_entry")

    def __init__(self, head, layout, stream, chunked, server, entry):
        self.left = 1
        self.reading = False
        self._layout = layout
        self._more = stream.more
        self._rows = []
        self._chunked = chunked
        self._server = server
        self._entry = entry
        self.head = head + self._framed(layout.head.encode("utf-8", "replace"))

    def read(self, then):
        """Read on; calls then(self, bytes), no bytes where the table cannot be read."""
        self.reading = True
        if self._rows:
            self._server.reactor.soon(lambda: self._words(then))
        else:
            self._more().then(lambda done: self._came(done, then))

    def close(self):
        """Nothing is held between two pages."""

    def _came(self, done, then):
        try:
            self._rows = done.result()
        except Exception as error:      # the database, or too many queries waiting; the peer sees an answer cut off
            self._server.log.error(f"{self._entry}, half of it sent, failed: {where(error)}")
            self.reading = False
            return then(self, b"")
        self._words(then)

    def _words(self, then):
        """Some rows, or what follows the last one."""
        self.reading = False
        rows = self._rows[:ROWS]
        if rows:
            del self._rows[:ROWS]
            return then(self, self._framed(self._layout.piece(rows)))
        self.left = 0
        then(self, self._framed(self._layout.tail.encode("utf-8", "replace")) + LAST_CHUNK * self._chunked)

    def _framed(self, data):
        return render_chunk(data) if self._chunked else data


KINDS = frozenset((Pieces, RowPieces))
