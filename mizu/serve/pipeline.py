"""Answers of one connection leave in the order of its requests, and with one send per read.

A protocol puts in what the dispatcher gave it, an Answer or a Future of one, and a function that makes bytes of
the Answer; at the end of a read it calls flush().  Answers that are not there yet hold back those behind them.
"""

from collections import deque

MOST = 64
"""Requests under way on one connection; the protocol stops reading at this many."""

HIGH_WATER = 256 * 1024
"""Bytes waiting for a slow reader at which the protocol stops reading requests."""


class Pipeline:
    """`resume()` is called when a full pipeline has room again."""
    __slots__ = ("stream", "resume", "_out", "_slots", "_full")

    def __init__(self, stream, resume):
        self.stream = stream
        self.resume = resume
        self._out = []
        self._slots = deque()
        self._full = False

    @property
    def full(self):
        """No more requests for now; resume() will be called."""
        if len(self._slots) >= MOST or self.stream.pending > HIGH_WATER:
            self._full = True
        return self._full

    @property
    def idle(self):
        return not self._slots and not self._out

    def add(self, data):
        """Bytes that are ready, behind whatever was put before."""
        if self._slots:
            self._slots.append([None, data])
        else:
            self._out.append(data)

    def wait(self, future, render):
        """An answer to come; `render(answer)` makes its bytes."""
        slot = [render, None]
        self._slots.append(slot)
        future.then(lambda done: self._arrived(slot, done.result()))

    def flush(self):
        """Send what is ready."""
        out = self._out
        if out:
            self._out = []
            self.stream.send(out[0] if len(out) == 1 else b"".join(out))

    def drained(self):
        """The stream has sent what was waiting."""
        self._room()

    def _arrived(self, slot, answer):
        slot[1] = slot[0](answer)
        slots = self._slots
        while slots and slots[0][1] is not None:
            self._out.append(slots.popleft()[1])
        self.flush()
        self._room()

    def _room(self):
        if self._full and len(self._slots) < MOST and self.stream.pending <= HIGH_WATER:
            self._full = False
            self.resume()
