"""A lane: calls that block, one after another in a thread of their own, with Futures for the loop.

Without a reactor (tests, tools) a call is made at once.
"""

from collections import deque

from ..base.task import Future


class Lane:
    """`thread(turn)` makes the net room's LoopThread: after signal() it calls turn() once more."""

    def __init__(self, reactor=None, thread=None):
        self._reactor = reactor
        self._jobs = deque()        # as long as the callers' own lists: each of them waits for its Future
        self._thread = thread(self._turn) if thread is not None else None

    def run(self, function, *args):
        """The Future of function(*args), which runs in the lane."""
        future = Future()
        if self._thread is None:
            try:
                future.set(function(*args))
            except Exception as error:
                future.fail(error)
        else:
            self._jobs.append((future, function, args))
            self._thread.signal()
        return future

    def _turn(self):
        while self._jobs:
            future, function, args = self._jobs.popleft()
            try:
                done, value = future.set, function(*args)
            except BaseException as error:
                done, value = future.fail, error
            self._reactor.from_thread(_Done(done, value))

    def close(self, timeout):
        if self._thread is not None:
            self._thread.stop(timeout)


class _Done:
    """A result on its way to the loop."""
    __slots__ = ("done", "value")

    def __init__(self, done, value):
        self.done = done
        self.value = value

    def __call__(self):
        self.done(self.value)
