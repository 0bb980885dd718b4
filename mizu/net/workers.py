"""Threads for calls that block in C or in the kernel: the pool, and loops of their own.

Results come back on the reactor through `from_thread`, many with one wake-up.
Threads are daemons, started when first needed.  Knows nothing of the work; Python
that computes does not belong here, for it would starve the reactor of the GIL.
"""

import os
import sys
import threading
from collections import deque
from queue import SimpleQueue

from ..base.task import Future

THREADS = 4
QUEUE_LIMIT = 1000          # waiting calls; more would wait for minutes
STOP_SECONDS = 5


class QueueFull(Exception):
    """More calls wait than the pool takes."""


class Workers:
    """A pool of `threads`."""

    def __init__(self, reactor, threads=THREADS, queue_limit=QUEUE_LIMIT, name="worker"):
        self._reactor = reactor
        self._limit = queue_limit
        self._size = threads
        self._name = name
        self._threads = []
        self._queue = deque()
        self._ready = threading.Condition()
        self._idle = 0
        self._stopped = False

    def __len__(self):
        """Calls that wait for a thread."""
        return len(self._queue)

    def run(self, function, *args):
        """Call function(*args) in a thread; the Future fails with what it raised, or QueueFull if too many wait."""
        future = Future()
        with self._ready:
            if self._stopped or len(self._queue) >= self._limit:
                future.fail(QueueFull(f"{len(self._queue)} calls wait for a {self._name} thread"))
                return future
            self._queue.append((future, function, args))
            if self._idle < len(self._queue) and len(self._threads) < self._size:
                self._threads.append(spawn_thread(f"{self._name} {len(self._threads) + 1}", self._work))
            self._ready.notify()
        return future

    def stop(self, timeout=STOP_SECONDS):
        """Finish what is queued; True if all threads ended within `timeout` seconds."""
        with self._ready:
            self._stopped = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(timeout / len(self._threads))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self):
        while True:
            with self._ready:
                self._idle += 1
                while not self._queue and not self._stopped:
                    self._ready.wait()
                self._idle -= 1
                if not self._queue:
                    return
                future, function, args = self._queue.popleft()
            self._reactor.from_thread(_outcome(future, function, args))
            del future, function, args      # an idle thread holds on to nothing


def _outcome(future, function, args):
    """Do the work; what is left to do on the reactor."""
    try:
        value = function(*args)
    except BaseException as raised:
        error = raised
        return lambda: future.fail(error)
    return lambda: future.set(value)


class LoopThread:
    """A thread of its own that calls `turn()` after each signal(); signals during a turn make one more.

    A turn blocks as it likes and tells the reactor by `reactor.from_thread(callback)`.
    An exception out of it goes to `on_error(exception)` on the reactor, else to the reactor's report.
    """

    def __init__(self, reactor, name, turn, on_error=None):
        self.name = name
        self._reactor = reactor
        self._turn = turn
        self._on_error = on_error
        self._signals = SimpleQueue()   # in C: a wait takes the GIL once, where an Event takes it several times
        self._signalled = False
        self._stopped = False
        self._thread = None

    def signal(self):
        """There is work; from any thread."""
        if self._thread is None:
            self._thread = spawn_thread(self.name, self._work)
        if not self._signalled:
            self._signalled = True
            self._signals.put(None)

    def stop(self, timeout=STOP_SECONDS):
        """End after the turn in hand and one more if it was signalled; True if it ended in time."""
        if self._thread is None:
            return True
        self._stopped = True
        self._signals.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self):
        while True:
            self._signals.get()
            self._signalled = False     # before the turn: a signal during it makes one more
            stopped = self._stopped         # read before the turn: what was signalled before stop() is done
            try:
                self._turn()
            except Exception as error:
                self._reactor.from_thread(self._failed(error))
            if stopped:
                return

    def _failed(self, error):
        def tell():
            if self._on_error is None:
                raise error
            self._on_error(error)
        tell.__qualname__ = self.name
        return tell


class Mailbox:
    """Things on their way to a thread: put() never waits, take() does."""

    def __init__(self, limit=QUEUE_LIMIT):
        self._limit = limit
        self._things = deque()
        self._ready = threading.Condition()
        self._closed = False

    def put(self, thing):
        """False if the box is full or closed."""
        with self._ready:
            if self._closed or len(self._things) >= self._limit:
                return False
            self._things.append(thing)
            self._ready.notify()
            return True

    def take(self, timeout=None):
        """The oldest thing; None after `timeout` seconds or when the box is closed and empty."""
        with self._ready:
            self._ready.wait_for(lambda: self._things or self._closed, timeout)
            return self._things.popleft() if self._things else None

    def close(self):
        with self._ready:
            self._closed = True
            self._ready.notify_all()


def spawn_thread(name, target):
    """A started daemon thread."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


def stacks():
    """[(name of a thread, what it is doing as `file:line function < caller …`)]."""
    import traceback
    frames = sys._current_frames()
    return [(thread.name, " < ".join(
        f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_stack(frames[thread.ident])[-8:])))
        for thread in threading.enumerate() if thread.ident in frames]
