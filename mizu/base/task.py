"""Futures and tasks on our own reactor: `async def` without asyncio.

A Future is set once; a task runs at once up to its first wait, so a coroutine that needs no wait is done when spawn()
returns.  An error keeps the frames it has passed, and they keep what they knew, this Future among it: so that no circle
is left to the collector, our own frames forget, and once the error has been told it does.  Knows no sockets and no
clock.
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
        if self._value is _PENDING:
            raise RuntimeError("the future is not done")
        error, value = self._error, self._value
        if error is None:
            return value
        del self
        try:
            raise error
        finally:
            del error

    def then(self, callback):
        """Call `callback(future)` when done, at once if it is."""
        if self._value is not _PENDING:
            callback(self)
            if self._error is not None:
                _forget(self._error)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def _call(self):
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            for callback in callbacks:
                callback(self)
            if self._error is not None:
                _forget(self._error)

    def __await__(self):
        if self._value is _PENDING:
            yield self
        error, value = self._error, self._value
        if error is None:
            return value
        del self
        try:
            raise error
        finally:
            del error

    def settled(self):
        """The result if it is there, else the Future itself."""
        error, value = self._error, self._value
        if error is None:
            return self if value is _PENDING else value
        del self
        try:
            raise error
        finally:
            del error


def _forget(error):
    """The frames that an error and those behind it have passed."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def spawn(coroutine):
    """Run a coroutine; returns the Future of its result."""
    future = Future()
    try:
        _step(coroutine, future)
        return future
    finally:
        del future


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
            del future
            if not isinstance(error, Exception):
                raise
            return
        if not waited.done:
            waited.then(lambda done: _step(coroutine, future))
            return
