"""Waits of a fixed length, by the ten thousand: one queue a length instead of one timer a transaction.

All who wait in a lane wait equally long, so they fall due in the order of their coming, and one timer for the whole
lane is enough.  A waiter says when it is due in an attribute (the lane's `event`); one that changed its mind has
another value there, and its place in the queue is worth nothing.  Knows no SIP.
"""

from collections import deque

SLACK = 0.001
"""Seconds before its time that a waiter counts as due: sums of floats are not exact."""

FEW = 1024
"""Places that a lane may have before it looks which of them are still worth something."""


class Lane:
    """Calls `waiter.fire(event)` when a waiter's attribute `event` has become due.

    timers   .later(seconds, callback), .now()
    seconds  how long everybody waits
    most     waiters at most: beyond it the eighth that waits longest is called early
    """
    __slots__ = ("_timers", "_seconds", "_event", "_most", "_queue", "_full", "_armed", "_grain")

    def __init__(self, timers, seconds, event, most=1 << 30):
        self._timers = timers
        self._seconds = seconds
        self._event = event
        self._most = most
        self._queue = deque()       # (due, waiter)
        self._full = min(FEW, most)
        self._armed = False
        self._grain = seconds / 100     # a busy lane is looked after a hundred times in its length, not for each waiter

    def __len__(self):
        """Places taken, also those that are worth nothing any more."""
        return len(self._queue)

    def wait(self, waiter):
        """Let it wait; returns the due time, which the caller keeps in the waiter's attribute."""
        queue = self._queue
        if len(queue) >= self._full:
            self._sweep()
            queue = self._queue
        due = self._timers.now() + self._seconds
        queue.append((due, waiter))
        if not self._armed:
            self._armed = True
            self._timers.later(self._seconds, self._ring)
        return due

    def _ring(self):
        event, soon = self._event, self._timers.now() + SLACK
        try:
            while self._queue:
                due, waiter = self._queue[0]
                if getattr(waiter, event) == due:
                    if due > soon:
                        return
                    setattr(waiter, event, 0.0)
                    self._queue.popleft()
                    waiter.fire(event)
                else:
                    self._queue.popleft()
        finally:            # also when a waiter failed: the others still wait
            self._armed = bool(self._queue)
            if self._armed:
                self._timers.later(max(self._queue[0][0] - self._timers.now(), self._grain), self._ring)

    def _sweep(self):
        """Drop the places that are worth nothing; cheap, as it happens only after the lane has doubled."""
        event = self._event
        self._queue = deque(entry for entry in self._queue if getattr(entry[1], event) == entry[0])
        if len(self._queue) >= self._most:
            for _ in range(self._most // 8 + 1):
                due, waiter = self._queue.popleft()
                if getattr(waiter, event) == due:
                    setattr(waiter, event, 0.0)
                    waiter.fire(event)
        self._full = min(max(FEW, 2 * len(self._queue)), self._most)
