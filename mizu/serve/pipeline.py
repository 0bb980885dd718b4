"""Answers of one connection leave in the order of its requests, and with one send per read.

A protocol puts in what the dispatcher gave it: bytes, or a Future with a function that makes bytes of its result.
Answers that are not there yet hold back those behind them.  While `held` the protocol starts no request and leaves
what comes in its buffer; `resume()` tells it to go on.  Knows no protocol.
"""

from collections import deque

from .pieces import KINDS

MOST = 64
"""Requests under way on one connection."""

SLICE = range(64)
"""Requests that one connection may start in one turn of the loop: 2 ms, then the others' turn."""

HIGH_WATER = 256 * 1024
"""Bytes waiting for a slow reader at which no more requests are started."""

LARGE = 16 * 1024
"""An answer from this size on is sent and not collected: those of one slice never fill the memory."""


class Pipeline:
    """held     start no request now
    closing  nothing more is asked: the stream is closed once the last answer has left
    """
    __slots__ = ("stream", "resume", "held", "closing", "_out", "_slots", "_alone", "_lost")

    def __init__(self, stream, resume):
        self.stream = stream
        self.resume = resume
        self.held = False
        self.closing = False
        self._out = []
        self._slots = ()            # a deque of [render, answer] once an answer has to be waited for
        self._alone = False
        self._lost = False

    @property
    def idle(self):
        """Nobody waits for an answer."""
        return not self._slots and not self._out

    def add(self, data):
        """Bytes that are ready, behind whatever was put before."""
        if self._slots:
            self._append([None, data])
        else:
            self._out.append(data)
            if len(data) >= LARGE:
                self._send()

    def wait(self, future, render, alone=False):
        """An answer to come; `render(result)` makes its bytes, or one of pieces.py.  `alone`: it may be large, so no
        other request is started before it has left."""
        if future.done and not alone:
            return self.add(render(future.result()))
        slot = [render, None]
        self._append(slot)
        self._alone = alone
        self.held = self.held or alone
        future.then(lambda done: self._arrived(slot, done.result()))

    def flush(self):
        """Send what is ready: the end of every read and of every late answer."""
        if self._out:
            self._send()
        if self.closing and not self._slots:
            self.stream.close()

    def later(self):
        """The protocol has started a SLICE and holds more: it goes on in another turn."""
        self.held = True
        self.stream.reactor.soon(self._room)

    def drained(self):
        """The stream has sent what was waiting."""
        if self._slots and self._slots[0][1].__class__ in KINDS:
            self._pump(self._slots[0][1])
        self._room()

    def drop(self):
        """The stream is lost: nobody waits for what is still to come."""
        slots, self._slots, self._out = self._slots, (), []
        self._lost = self.held = self.closing = True
        self.resume = None          # no circle is left for the collector
        for _, answer in slots:
            if answer.__class__ in KINDS:
                answer.close()

    # -- inside

    def _append(self, slot):
        if not self._slots:
            self._slots = deque()
        self._slots.append(slot)
        if len(self._slots) >= MOST:
            self.held = True

    def _send(self):
        out, self._out = self._out, []
        self.stream.send(out[0] if len(out) == 1 else b"".join(out))
        if self.stream.pending > HIGH_WATER:
            self.held = True

    def _arrived(self, slot, answer):
        if self._lost:
            return
        slot[1] = slot[0](answer)
        if slot is self._slots[0]:
            self._leave()

    def _leave(self):
        """The answers in front that are there."""
        slots = self._slots
        while slots and slots[0][1] is not None:
            answer = slots[0][1]
            if answer.__class__ in KINDS:
                self._out.append(answer.head)
                self._send()
                return self._pump(answer)
            self._out.append(slots.popleft()[1])
        self._left()

    def _left(self):
        if not self._slots:
            self._slots = ()        # 600 bytes less for an idle connection
        self.flush()
        self._room()

    def _room(self):
        """Go on if there is room."""
        slots = self._slots
        if self.held and not self._lost and not (slots and (self._alone or len(slots) >= MOST)) \
                and self.stream.pending <= HIGH_WATER:
            self.held = False
            self.stream.resume()
            self.resume()

    # -- an answer in pieces

    def _pump(self, pieces):
        """Read the next piece, once the ones before have nearly left."""
        if not pieces.reading and self.stream.pending <= HIGH_WATER:
            pieces.read(self._piece)

    def _piece(self, pieces, data):
        if self._lost:
            return pieces.close()
        self.stream.send(data)
        if pieces.left and data:
            return self._pump(pieces)
        pieces.close()
        if pieces.left:             # the file has become shorter, say: what was promised cannot be kept
            return self.stream.abort()
        self._slots.popleft()
        if self._slots:
            self._leave()
        else:
            self._left()
