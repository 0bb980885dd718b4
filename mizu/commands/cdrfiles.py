"""Call records to and from files, and what is computed from them (COMMANDS, chapter Call records)."""

import os

from ..api.command import ADMIN, command
from ..api.param import Param, choice, text
from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.message import Answer
from ..records.cdrfiles import FORMATS
from ..records.periods import period, seconds
from .cdr import DAYS, MOMENT

BACK = Param("days", DAYS, "how far back: a number of days or a word as in cdr")


@command("gencdr", group="cdr", access=ADMIN, alone=True,
         summary="Writes the call records of a period into a file of reports/, always the same one for the same period",
         params=[Param("fromdate", MOMENT, "from this moment on; else the last whole day"),
                 Param("todate", MOMENT, "up to and without this moment; else up to today"),
                 Param("fformat", choice(*FORMATS), "what is between two fields: a comma, a semicolon, a tab")])
async def gencdr(ctx, fromdate=None, todate=None, fformat="csv"):
    server = ctx.server
    zone = server.statistics.zone
    until = todate or utc_text(zone.day(server.clock.now()))
    since = fromdate or utc_text(zone.day(seconds(until) - 1))
    since, until = period(zone, 0, None, since, until)
    name, count = await server.cdrfiles.write(server.folders.reports, since, until, fformat, ctx.actor)
    return Answer(f"OK: {count} records in reports/{name}",
                  {"file": name, "records": count, "from": since, "to": until})


@command("createcdrinfo", group="cdr", access=ADMIN,
         summary="Sums up the calls of each day in tb_cdrinfo, whole days of the time zone up to now",
         params=[BACK])
async def createcdrinfo(ctx, days="lastday"):
    since = _since(ctx, days)
    count = await ctx.server.cdrupkeep.summarize(since, ctx.actor)
    return Answer(f"OK: {count} days summed up", {"days": count})


@command("updcdrdir", group="cdr", access=ADMIN,
         summary="Finds the direction of call records anew: the longest prefix in their price list, as dirid",
         params=[BACK])
async def updcdrdir(ctx, days="lastday"):
    seen, changed = await ctx.server.cdrupkeep.direct(_since(ctx, days), ctx.actor)
    return Answer(f"OK: {changed} of {seen} records changed", {"records": seen, "changed": changed})


def _since(ctx, days):
    server = ctx.server
    return period(server.statistics.zone, server.clock.now(), days)[0]


@command("parsegsmcdr", group="cdr", access=ADMIN,
         summary="Takes call records from a gateway's log in files/: CSV headed by names of tb_cdrs, each line once",
         params=[Param("file", text, "its name in files/")])
async def parsegsmcdr(ctx, file):
    added, known = await ctx.server.cdrfiles.read(_inside(ctx.server.folders.files, file))
    return Answer(f"OK: {added} records added, {known} known before", {"added": added, "known": known})


def _inside(folder, name):
    """The path of a file that lies in the folder whatever its name says; ApiError 403 for one that does not."""
    folder = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(folder, name.replace("\0", "")))
    if not path.startswith(folder + os.sep):
        raise ApiError(403, f"{name[:80]!r} does not lie in files/")
    return path
