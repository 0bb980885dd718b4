"""The log over the API: read, search, write a line, rotate."""

import os

from ..api.command import ADMIN, command
from ..api.param import Param, choice, integer, text
from ..base.errors import ApiError
from ..base.log import read_log
from ..base.message import Answer, Rows

FILES = {"main": "mizud.log", "security": "security.log"}
MOST_LINES = 10_000

_WHICH = Param("which", choice(*FILES), "which log")
_LINES = Param("lines", integer, f"how many of the last lines, at most {MOST_LINES}")


async def _read(ctx, which, lines, pattern=""):
    """The lines as an Answer; the file is read in a worker."""
    path = os.path.join(ctx.server.folders.log, FILES[which])
    lines = max(1, min(lines, MOST_LINES))
    try:
        found = await ctx.server.workers.run(read_log, path, lines, pattern)
    except OSError as error:
        raise ApiError(404, f"the log {which} cannot be read: {error.strerror}") from None
    return Answer("OK", Rows(("line",), [(line,) for line in found]))


@command("showlog", group="server", access=ADMIN, reads=True, summary="The last lines of a log",
         params=[_WHICH, _LINES])
async def showlog(ctx, which="main", lines=100):
    return await _read(ctx, which, lines)


@command("logsearch", group="server", access=ADMIN, reads=True, summary="Lines of a log that hold a text",
         params=[Param("pattern", text, "the text, in any case", aliases=("txt",)), _WHICH, _LINES])
async def logsearch(ctx, pattern, which="main", lines=100):
    return await _read(ctx, which, lines, pattern)


@command("log", group="server", access=ADMIN, alone=True, summary="Writes a line into the log",
         params=[Param("txt", text, "the line")])
def log(ctx, txt):
    ctx.server.log.info("note: " + txt, by=ctx.actor)
    return Answer("OK: logged")


@command("logrename", group="server", access=ADMIN, alone=True, summary="Moves the log aside and begins a new one",
         params=[Param("name", text, "new name of the old file, without it the time")])
def logrename(ctx, name=""):
    if name and (os.path.basename(name) != name or name.startswith(".") or name in FILES.values()):
        raise ApiError(400, f"parameter name takes the name of a new file, not {name[:40]!r}")
    try:
        moved = ctx.server.log.rotate(name)
    except FileExistsError:
        raise ApiError(400, f"there is a file {name[:40]} already") from None
    except OSError as error:
        raise ApiError(500, f"the log cannot be moved: {error.strerror}") from None
    if not moved:
        raise ApiError(501, "there is no log file: the log goes to stderr alone")
    return Answer(f"OK: the old log is {moved}")
