"""`watch [SECONDS] COMMAND` and `calls` on the console: an answer that is painted anew until a key is pressed.

The next picture is asked for when the last one is there, and none is drawn for a terminal that does not keep up, so
that neither the loop nor the far end is ever held.  Only commands that change nothing are repeated.  A script gets one
picture, and asks again itself (as `mizud.py console` does); a terminal that edits its own lines gets them one below
the other, and Enter ends them.  Knows no telnet.
"""

import re

from ..api.command import ANYBODY, OPEN, TABLE
from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.message import Answer, Rows
from ..base.task import Future
from ..formats.table import as_rows, least_width
from .consoletext import console_text
from .pipeline import HIGH_WATER

SECONDS, LONGEST = 2, 3600
"""Between two pictures: where nobody says, and at most."""

LIVE = ("dbcallid", "state", "seconds", "caller", "callednumber", "called", "cost", "currency", "callerip", "codec",
        "calledip", "callernumber")
"""Columns of `calls`, as many of them as fit."""

ROOM = 5
"""Lines of a picture that are no rows: the head, the names, their ruler, `and more`, and the cursor's."""

USAGE = "watch [SECONDS] COMMAND …, or calls: the calls in progress"

_WATCH = re.compile(r"\s*watch\b[\s,]*(?:([0-9]+)(?:[\s,]+|\Z))?(.*)", re.I | re.S)
_CALLS = re.compile(r"\s*calls(?:[\s,]+([0-9]+))?\s*\Z", re.I)
_NAME = re.compile(r"[^\s,]*")


def asked_to_watch(line):
    """(seconds, command line, columns or ()) of a line that asks for it, else None.  ApiError 400."""
    found = _CALLS.match(line)
    if found:
        return _seconds(found[1]), "currentcalls", LIVE
    found = _WATCH.match(line)
    if not found:
        return None
    if _CALLS.match(found[2]):
        return _seconds(found[1]), "currentcalls", LIVE
    command = TABLE.get(_NAME.match(found[2])[0].lower())
    if command is None:
        raise ApiError(400, USAGE if not found[2] else f"no such command to watch: {found[2][:40]}")
    if not command.reads and command.access not in (OPEN, ANYBODY):
        raise ApiError(400, f"{command.name} changes something, which is not repeated")
    return _seconds(found[1]), found[2].strip(), ()


def _seconds(text):
    seconds = int(text[:9]) if text else SECONDS
    if not 1 <= seconds <= LONGEST:
        raise ApiError(400, f"between two pictures there are 1 to {LONGEST} seconds")
    return seconds


class Watch:
    """One that goes on, of a ConsoleConnection."""
    __slots__ = ("connection", "seconds", "line", "columns", "timer", "painted")

    def __init__(self, connection, seconds, line, columns):
        self.connection = connection
        self.seconds = seconds
        self.line = line
        self.columns = columns
        self.timer = None
        self.painted = False

    def begin(self):
        self._ask()

    def end(self):
        """No more pictures."""
        if self.timer is not None:
            self.timer.cancel()

    def _ask(self):
        connection = self.connection
        if connection.stream.pending > HIGH_WATER:
            return self._rest()
        line = f"{self.line} limit={connection.telnet.height}" if self.columns else self.line
        try:
            _, answer = connection.ask(line)
        except ApiError as error:
            answer = Answer("ERROR: " + error.message, code=error.code)
        if answer.__class__ is Future:
            answer.then(lambda done: self._arrived(done.result()))
        else:
            self._arrived(answer)

    def _arrived(self, answer):
        connection = self.connection
        if connection.watch is not self or not connection.stream.open:
            return
        telnet = connection.telnet
        if answer.__class__ is list or answer.code >= 400:
            return connection.watched(console_text(answer))
        if connection.script:
            return connection.watched("\n".join(picture(connection.server, self, answer, connection.width)))
        lines = picture(connection.server, self, answer, telnet.width, telnet.height)
        if telnet.character_mode:
            clear = "" if self.painted else "\x1b[2J"
            connection.paint(f"{clear}\x1b[H" + "".join([line + "\x1b[K\r\n" for line in lines]) + "\x1b[J")
        else:
            connection.paint("".join([line + "\r\n" for line in lines]) + "\r\n")
        self.painted = True
        if answer.close:
            return connection.watched()
        self._rest()

    def _rest(self):
        self.timer = self.connection.stream.reactor.later(self.seconds, self._ask)


def picture(server, watch, answer, width=0, height=0):
    """Lines of at most `width` characters, at most `height` - 1 of them; 0 cuts nothing."""
    board = server.board
    lines = [f"{utc_text(server.clock.now())[:19]} UTC  {len(board)} calls, {board.rate()} cps  "
             f"every {watch.seconds} s: {watch.line}"]
    lines += console_text(_fitted(answer, watch.columns, width, height - ROOM if height else 0), width).split("\n")
    if height and len(lines) >= height:
        lines[max(1, height - 2):] = ["… and more"]
    return [line[:width] for line in lines] if width else lines


def _fitted(answer, columns, width, most):
    """The Answer with the rows and columns that there is room for; 0: for all."""
    rows = as_rows(answer.data)
    if rows is None or not rows.columns:
        return answer
    names = [name for name in columns if name in rows.columns] or list(rows.columns)
    kept = rows.rows[:max(1, most)] if most else rows.rows
    while True:
        places = [rows.columns.index(name) for name in names]
        cut = Rows(names, [tuple([row[at] for at in places]) for row in kept],
                   rows.truncated or len(kept) < len(rows))
        if not width or len(names) < 2 or not kept or least_width(cut) <= width:
            return Answer(answer.message, cut, code=answer.code)
        names = names[:-1]
