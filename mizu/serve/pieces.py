"""An answer too long to be held in memory: its head, and the part of a file that workers read piece by piece."""

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
