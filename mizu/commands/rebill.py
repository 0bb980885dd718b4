"""Rating call records anew (the manual's chapter Rebill)."""

from ..api.command import ADMIN, command
from ..api.param import Param, flag, integer
from ..base.errors import ApiError
from ..base.message import Answer, Rows
from ..records.periods import period
from ..records.values import decimal
from .cdr import DAYS, MOMENT

MOST = 10_000
"""Accounts of one answer."""

COLUMNS = ("userid", "username", "records", "before", "after", "difference", "currency")


@command("rebill", group="money", access=ADMIN, alone=True,
         summary="Rates call records by the prices of now and books the differences; again, it finds none",
         params=[Param("days", DAYS, "how far back: a number of days, or a word as in cdr"),
                 Param("fromdate", MOMENT, "from this moment on", aliases=("fromdt",)),
                 Param("todate", MOMENT, "up to and without this moment; now without it", aliases=("todt",)),
                 Param("usertype", integer, "only callers of this type: 0 end users, 5 traffic senders",
                       aliases=("u_type",)),
                 Param("parent", integer, "only callers in the tree of the account of this id"),
                 Param("checkwarnings", flag, "also list the records that have no price or cost more than they bring"),
                 Param("dryrun", flag, "only tell the differences")])
async def rebill(ctx, days=None, fromdate=None, todate=None, usertype=None, parent=None, checkwarnings=False,
                 dryrun=False):
    server = ctx.server
    if days is None and fromdate is None:
        raise ApiError(400, "missing parameter days (how far back), or fromdate")
    if parent is not None and server.users.by_id(parent) is None:
        raise ApiError(404, f"no such parent: {parent}")
    since, until = period(server.statistics.zone, server.clock.now(), days, fromdate, todate)
    result = await server.rebill.run(since, until or server.clock.utc(), usertype, parent, dryrun, checkwarnings,
                                     ctx.actor, lambda: server.stopping)
    if not dryrun:
        await server.db.durable()
    return _told(result, checkwarnings, dryrun)


def _told(result, checkwarnings, dryrun):
    """The Result as an Answer: a row for each account with a difference."""
    rows = [(id, name, count, decimal(before), decimal(after), decimal(after - before), currency)
            for id, (name, currency, count, before, after) in sorted(result.accounts.items())]
    text = f"OK: {result.records} records, {result.changed} {'would change' if dryrun else 'changed'}, " \
           f"{len(rows)} accounts"
    warnings = [f"{result.unrated} records could not be rated" + ": checkwarnings=1 lists them" * (not checkwarnings)
                ] if result.unrated else []
    if len(rows) > MOST:
        warnings.append(f"only the first {MOST} accounts are told")
    data = Rows(COLUMNS, rows[:MOST])
    if checkwarnings:
        data = {"accounts": data.dicts(), "warnings": [{"cdrid": id, "warning": each} for id, each in result.warnings]}
    return Answer(text, data, warning="; ".join(warnings) or None)
