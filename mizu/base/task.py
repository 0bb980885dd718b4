"""Futures and tasks on our own reactor: `async def` without asyncio.

A Future is set once; a task runs at once up to its first wait, so a coroutine
that needs no wait is done when spawn() returns.  Knows no sockets and no clock.
"""

_PENDING = object()


class Future:
    """A value that is not there yet.  All methods belong to the reactor's thread."""
    __slots__ = ("_value", "_error", "_callbacks")

    def __init__(self):
        self._value = _PENDING
        self._error = None
        self._callbacks = None

    @property
    def done(self):
        return self._value is not _PENDING

    def set(self, value=None):
        """Give the value; a second call does nothing, so that a late answer cannot replace a time-out."""
        if self._value is _PENDING:
            self._value = value
            self._call()

    def fail(self, error):
        if self._value is _PENDING:
            self._value = None
            self._error = error
            self._call()

    def result(self):
        """The value, or the error raised.  Only when done."""
        if self._error is not None:
            raise self._error
        if self._value is _PENDING:
            raise RuntimeError("the future is not done")
        return self._value

    def then(self, callback):
        """Call `callback(future)` when done, at once if it is."""
        if self._value is not _PENDING:
            callback(self)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def _call(self):
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback(self)

    def __await__(self):
        if self._value is _PENDING:
            yield self
        return self.result()


def spawn(coroutine):
    """Run a coroutine; returns the Future of its result."""
    future = Future()
    _step(coroutine, future)
    return future


def _step(coroutine, future):
    """Drive the coroutine until it waits for something that is not there yet."""
    while True:
        try:
            waited = coroutine.send(None)
        except StopIteration as stop:
            future.set(stop.value)
            return
        except BaseException as error:
            future.fail(error)
            if not isinstance(error, Exception):
                raise
            return
        if not waited.done:
            waited.then(lambda done: _step(coroutine, future))
            return
