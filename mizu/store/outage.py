"""The time in which the database takes no writes: the disk is full, or has become read-only.

It begins with a write that failed for such a reason and ends with one of our own that succeeds, tried every PAUSE
seconds once the disk has ROOM.  That a small write of somebody succeeds meanwhile proves nothing: the next larger
one fails again.  Knows no SQL.
"""

import os

PAUSE = 1.0
"""Seconds between two attempts; one that fails costs the loop some 0.1 ms."""

ROOM = 1 << 20
"""Bytes: a hundred commits or so."""


def has_room(folder):
    """Whether a disk has ROOM left for us."""
    there = os.statvfs(folder)
    return there.f_bavail * there.f_frsize >= ROOM


class Outage:
    """message  what is wrong, or ""

    attempt()  writes something small where there is room, and calls end() if that succeeds
    """

    def __init__(self, attempt, reactor=None, log=None):
        self.message = ""
        self._attempt = attempt
        self._reactor = reactor
        self._log = log
        self._timer = None

    def begin(self, message):
        """A write has failed."""
        if not self.message and self._log is not None:
            self._log.error(f"no write is possible: {message}")
        self.message = message
        if self._timer is None and self._reactor is not None:
            self._timer = self._reactor.every(PAUSE, self._attempt)

    def end(self):
        """The attempt has succeeded."""
        self.close()
        if self.message and self._log is not None:
            self._log.info("writes are possible again")
        self.message = ""

    def close(self):
        """Try no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
