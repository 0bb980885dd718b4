"""Programs: the one place that starts them.

No shell: the words of the command line are the program's arguments as they are.  A program gets an empty standard
input, little of our environment, its own process group, and so much time; what it says beyond a limit is read and
dropped.  For worker threads: run_program() blocks.
"""

import os
import select

from ..base.clock import Clock
from ..base.errors import ApiError

SECONDS = 30.0
"""Of one program, whose answer somebody waits for."""

MAX_OUTPUT = 65_536
"""Bytes of its output that are kept: a screen or twenty."""

_PIECE = 65_536
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
"""Of our environment; the rest may hold passwords."""


def run_program(argv, seconds=SECONDS, limit=MAX_OUTPUT, cwd=None, monotonic=Clock.monotonic):
    """(exit code, output of both streams as text); ApiError 422 when it cannot be started, 504 when time is up."""
    import subprocess       # 0.7 MB that most servers never need
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   cwd=cwd, env=environment, start_new_session=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ApiError(422, f"{argv[0][:64]} cannot be started: {reason}") from None
    ended, until = False, monotonic() + seconds
    with process:
        try:
            output, ended = _output(process.stdout, until, limit, monotonic)
            if ended:
                process.wait(max(0.0, until - monotonic()))
        except subprocess.TimeoutExpired:
            ended = False
        finally:
            if not ended:
                _kill(process)
    if not ended:
        raise ApiError(504, f"{argv[0][:64]} was ended after {seconds:g} seconds")
    return process.returncode, output.decode("utf-8", "replace")


def _output(pipe, until, limit, monotonic):
    """(the first `limit` bytes, whether the end came in time)."""
    kept = bytearray()
    poll = select.poll()                # select() ends at descriptor 1023
    poll.register(pipe, select.POLLIN)
    while (wait := until - monotonic()) > 0:
        if poll.poll(wait * 1000):
            piece = os.read(pipe.fileno(), _PIECE)
            if not piece:
                return kept, True
            kept += piece[:limit - len(kept)]
    return kept, False


def _kill(process):
    """The whole group: also what the program has started."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait()
