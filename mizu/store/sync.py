"""Durable answers: a thread that makes the log safe in groups, without ever stalling the loop.

A commit with `synchronous=NORMAL` is in the log, not on the disk.  The thread reads the number of the last
commit, then syncs the log, then releases everybody who waits for a commit up to that number; whoever commits
in the meantime goes with the next group.  A log that SQLite starts afresh has been checkpointed, and synced
with it.  An error of a sync is final: the kernel may have dropped the pages, so a second sync that succeeds
proves nothing.  Opens the log only, never the database.
"""

import os
import sys
from collections import deque

from ..base.errors import ApiError
from ..base.task import Future


def sync_data(fd):
    """The file's contents on the disk itself; fsync(2) of macOS stops at the drive's cache."""
    if sys.platform == "darwin":
        import fcntl
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


def sync_folder(folder):
    """The names in a folder on the disk."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


PACE = 0.003
"""Seconds between two syncs under load: each costs the disk and two switches of threads, and the longer the pause
the more commits share it.  A commit that comes after a quiet moment is synced at once."""

RELEASED = 32
"""Futures released in one turn of the loop: each sends an answer, together some 2 ms."""

LOOK = 1.0
"""Seconds between two looks whether the log is still the same file.  SQLite keeps its own descriptor while the
database is open, so it does not become another one by itself; each look costs two more switches of threads."""


class LogSync:
    """All but turn() belongs to the loop.

    committed   number of commits so far, counted up by the database after each
    durable     number of the last commit known to be on the disk
    failed      called once with the OSError of a sync
    """

    def __init__(self, log, reactor=None, thread=None, failed=None, sync=sync_data):
        self.committed = 0
        self.durable = 0
        self.error = None
        self._log = log
        self._fd = -1
        self._reactor = reactor
        self._failed = failed
        self._sync = sync
        self._asked = False         # a signal is due at `_due`
        self._due = 0.0
        self._looks = True          # this turn makes sure that the log is still the same file
        self._looked = 0.0
        self._waiting = deque()     # (number, Future), ascending: one per group of commits between two waits
        self._thread = thread(self.turn) if thread is not None else None

    def wait(self):
        """A Future that is done when all that has been committed until now is on the disk."""
        number = self.committed
        if self._waiting and self._waiting[-1][0] == number:
            return self._waiting[-1][1]
        future = Future()
        if self.error is not None:
            future.fail(_refusal(self.error))
        elif self._thread is None or number <= self.durable:
            future.set()
        else:
            self._waiting.append((number, future))
            self._ask()
        return future

    def _ask(self):
        """Have the thread sync now, or PACE after it was last asked."""
        if self._asked:
            return
        wait = self._due - self._reactor.now
        if wait <= 0:
            self._signal()
        else:
            self._asked = True
            self._reactor.later(wait, self._signal)

    def _signal(self):
        now = self._reactor.now
        self._asked = False
        self._due = now + PACE
        if now - self._looked >= LOOK:
            self._looked, self._looks = now, True
        self._thread.signal()

    def turn(self):
        """In the thread: one sync, for the commits that were there when it began."""
        number = self.committed
        if self.error is not None or number <= self.durable:
            return
        try:
            self._sync(self._descriptor())
        except OSError as error:
            self.error = error
            self._reactor.from_thread(self._fail)
        else:
            self._reactor.from_thread(lambda: self._release(number))

    def _descriptor(self):
        """Our own descriptor of the log, opened again when the log is another file."""
        if self._fd >= 0 and not self._looks:
            return self._fd
        self._looks = False
        if self._fd >= 0:
            mine, there = os.fstat(self._fd), os.stat(self._log)
            if (mine.st_ino, mine.st_dev) == (there.st_ino, there.st_dev):
                return self._fd
            os.close(self._fd)
            self._fd = -1
        self._fd = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        return self._fd

    def _release(self, number):
        if self.error is not None:
            return
        self.durable = max(self.durable, number)
        for _ in range(RELEASED):
            if not self._waiting or self._waiting[0][0] > number:
                return
            self._waiting.popleft()[1].set()
        self._reactor.soon(lambda: self._release(number))

    def _fail(self):
        while self._waiting:
            self._waiting.popleft()[1].fail(_refusal(self.error))
        if self._failed is not None:
            self._failed(self.error)

    def close(self, timeout):
        """Stop the thread; who still waits gets his sync here and now."""
        if self._thread is None:
            return
        self._thread.stop(timeout)
        if self._waiting and self.error is None:
            try:
                self._sync(self._descriptor())
            except OSError as error:
                self.error = error
                self._fail()
            else:
                while self._waiting:
                    self._waiting.popleft()[1].set()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _refusal(error):
    return ApiError(503, f"the database cannot be made safe on the disk: {error}")
