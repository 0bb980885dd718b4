"""The loop: one thread that waits for sockets, timers and other threads, and calls back.

A turn is bounded: 64 events, 64 timers, 256 calls; what is left over waits for
the next turn, which then polls without waiting.  An exception or a slow callback
is reported by name and stops nothing.  An idle reactor sleeps until its next
timer, or for ever.  Knows no protocol; time comes from the clock it is given.
"""

import heapq
import os
from collections import deque
from itertools import count

from ..base.task import Future
from .selector import READ, best_selector, events_of

EVENTS_PER_TURN = 64        # fair to timers and media: 64 requests of 50 us are 3 ms
TIMERS_PER_TURN = 64
CALLS_PER_TURN = 256        # soon() and from_thread(), each
SLOW = 0.020                # one tick of voice


class Timer:
    """A call that is due at `when` (monotonic seconds); `interval` 0 for once."""
    __slots__ = ("when", "interval", "callback", "_reactor")

    def __init__(self, when, interval, callback, reactor):
        self.when = when
        self.interval = interval
        self.callback = callback
        self._reactor = reactor

    def cancel(self):
        if self.callback is not None:
            self.callback = None
            self._reactor._purge()


class Reactor:
    """`report_slow(name, seconds)` and `report_error(name, exception)` hear of bad callbacks.

    now    monotonic seconds at the event in hand: good enough for deadlines, and free
    turns  turns since the start
    lag    seconds that the last turn took, which is how long a new event may have waited; `peak_lag` the worst
    """

    def __init__(self, clock, report_slow=None, report_error=None, slow=SLOW, selector=None):
        self._monotonic = clock.monotonic
        self._report_slow = report_slow or (lambda name, seconds: None)
        self._report_error = report_error or (lambda name, error: None)
        self._slow = slow
        self._selector = selector or best_selector()
        self._callbacks = {}
        self._gone = set()              # removed in this turn: events already fetched for them are stale
        self._soon = deque()
        self._threads = deque()         # calls from other threads; append and popleft are atomic
        self._awake = False             # a wake-up is under way, more calls need none
        self._timers = []               # heap of (when, number, Timer)
        self._numbers = count()
        self._cancelled = 0
        self._running = False
        self.now = clock.monotonic()
        self.turns = 0
        self.lag = self.peak_lag = 0.0
        self._wake_read, self._wake_write = _wake_pipe()
        self.add(self._wake_read, self._on_wake, READ)

    # -- descriptors

    def add(self, fd, on_event, mask=READ):
        """Call `on_event(mask)` whenever fd has one of the mask's events, an error or a hang-up."""
        self._selector.register(fd, events_of(mask))
        self._callbacks[fd] = on_event

    def modify(self, fd, mask):
        self._selector.modify(fd, events_of(mask))

    def rebind(self, fd, on_event):
        """Another callback for a watched descriptor, from its next event on."""
        self._callbacks[fd] = on_event

    def remove(self, fd):
        """Stop watching; call it before the descriptor is closed."""
        del self._callbacks[fd]
        self._gone.add(fd)
        self._selector.unregister(fd)

    # -- calls and timers

    def soon(self, callback):
        """Call back in this turn or the next."""
        self._soon.append(callback)

    def later(self, seconds, callback):
        return self._schedule(self._monotonic() + seconds, 0, callback)

    def every(self, seconds, callback):
        """First in `seconds`, then at that pace; turns that were missed are not made up for."""
        return self._schedule(self._monotonic() + seconds, seconds, callback)

    def sleep(self, seconds):
        """A Future that is done in `seconds`."""
        future = Future()
        self.later(seconds, future.set)
        return future

    def from_thread(self, callback):
        """Call back on the reactor's thread.  The one method that other threads and signal handlers may use."""
        self._threads.append(callback)
        if not self._awake:
            self._awake = True
            os.write(self._wake_write, b"\1\0\0\0\0\0\0\0")

    def _schedule(self, when, interval, callback):
        timer = Timer(when, interval, callback, self)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _purge(self):
        """Cancelled timers never make up more than half of the heap (and 64)."""
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if entry[2].callback is not None]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def _on_wake(self, mask):
        os.read(self._wake_read, 4096)
        self._awake = False     # before the queue is looked at: a call put in from now on wakes again

    # -- the loop

    def run(self):
        """Turn until stop()."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self):
        """End run() after this turn."""
        self._running = False

    def close(self):
        self._selector.close()
        for fd in {self._wake_read, self._wake_write}:
            os.close(fd)

    def turn(self, longest=None):
        """One turn: wait (at most `longest` seconds), then events, other threads' calls, calls, timers."""
        events = self._selector.poll(self._wait(longest), EVENTS_PER_TURN)
        self.turns += 1
        self.now = begun = now = self._monotonic()
        gone, callbacks, monotonic, slow = self._gone, self._callbacks, self._monotonic, self._slow
        gone.clear()
        for fd, mask in events:
            if gone and fd in gone:
                continue
            callback = callbacks.get(fd)
            if callback is None:
                continue
            try:
                callback(mask)
            except Exception as error:
                self._report_error(name_of(callback), error)
            then = monotonic()
            if then - now > slow:
                self._report_slow(name_of(callback), then - now)
            self.now = now = then
        if self._threads:
            self._drain(self._threads)
        if self._soon:
            self._drain(self._soon)
        if self._timers and self._timers[0][0] <= self.now:
            self._ring()
        self.lag = self.now - begun
        if self.lag > self.peak_lag:
            self.peak_lag = self.lag

    def _wait(self, longest):
        """Seconds that the selector may wait."""
        if self._soon or self._threads:
            return 0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
            self._cancelled -= 1
        if not self._timers:
            return longest
        wait = max(0.0, self._timers[0][0] - self._monotonic())
        return wait if longest is None else min(wait, longest)

    def _drain(self, queue):
        for _ in range(min(len(queue), CALLS_PER_TURN)):
            self._call(queue.popleft())

    def _ring(self):
        """Call the timers that are due, in the order of their times and then of their making."""
        due = self.now
        for _ in range(TIMERS_PER_TURN):
            if not self._timers or self._timers[0][0] > due:
                return
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is None:
                self._cancelled -= 1
                continue
            callback = timer.callback
            if timer.interval:
                timer.when += timer.interval
                if timer.when <= due:
                    timer.when = due + timer.interval
                heapq.heappush(self._timers, (timer.when, next(self._numbers), timer))
            else:
                timer.callback = None
            self._call(callback)

    def _call(self, callback):
        begun = self.now
        try:
            callback()
        except Exception as error:
            self._report_error(name_of(callback), error)
        self.now = self._monotonic()
        if self.now - begun > self._slow:
            self._report_slow(name_of(callback), self.now - begun)


def name_of(callback):
    """What a log calls a callback: `Class.method`, and the protocol behind it if the object has one."""
    callback = getattr(callback, "func", callback)
    owner = getattr(callback, "__self__", None)
    if owner is None or isinstance(owner, type):
        return getattr(callback, "__qualname__", repr(callback))
    name = f"{type(owner).__name__}.{callback.__name__}"
    protocol = getattr(owner, "protocol", None)
    return name if protocol is None else f"{name} ({getattr(protocol, '__qualname__', type(protocol).__name__)})"


def _wake_pipe():
    """(read, write) of what wakes the loop: an eventfd is both."""
    if hasattr(os, "eventfd"):
        fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        return fd, fd
    ends = os.pipe()
    for fd in ends:
        os.set_blocking(fd, False)
    return ends
