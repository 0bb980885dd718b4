"""Who changed what, and taking it back."""

from ..api.command import ADMIN, command
from ..api.param import Param, flag, integer, text
from ..base.errors import ApiError
from ..base.message import Answer
from ..records.changes import INI, LEDGER, refuse_changed
from ..records.values import decimal
from .accounts import U_ID, U_USERNAME
from .settings import reloaded, written

MOST = 10_000
"""Changes of one answer."""

TABLE = Param("table", text, "name of the table; tb_ledger for the bookings of an account, mizud.ini for the ini file")
ROWID = Param("rowid", integer, "id of the row; with tb_ledger that of the account")
CHANGE = Param("change", integer, "number of the change, as history tells it")


def _named(ctx, table, rowid, u_id, u_username):
    """(table, id of the row) that a request means; an account may be named as everywhere else."""
    table = table.lower()
    if u_id is not None or u_username:
        return table or "tb_users", ctx.account(u_id, u_username).id
    return table, rowid


@command("history", group="server", access=ADMIN, reads=True,
         summary="What was changed, by whom and when, the newest first, with old and new values",
         params=[TABLE, ROWID, CHANGE, Param("limit", integer, "changes at most"), U_ID, U_USERNAME])
def history(ctx, table="", rowid=None, change=None, limit=100, u_id=None, u_username=None):
    table, rowid = _named(ctx, table, rowid, u_id, u_username)
    if table == LEDGER and rowid is None:
        raise ApiError(400, "missing parameter rowid (id of the account)")
    return Answer("OK", ctx.server.changes.listed(table, rowid, change, min(max(limit, 1), MOST)))


@command("revert", group="server", access=ADMIN, alone=True,
         summary="Takes one change back; of a row that is named, the last one. Money is booked back, never edited",
         params=[TABLE, ROWID, CHANGE, Param("force", flag, "1: although the row has changed since"), U_ID, U_USERNAME])
async def revert(ctx, table="", rowid=None, change=None, force=False, u_id=None, u_username=None):
    server = ctx.server
    table, rowid = _named(ctx, table, rowid, u_id, u_username)
    await server.db.gate()
    if table == LEDGER:
        return await _book_back(ctx, change)
    if change is None and not (table and rowid):
        raise ApiError(400, "missing parameter change (its number, as history tells it), or table and rowid")
    found = server.changes.by_id(change) if change is not None else server.changes.last(table, rowid)
    if table not in ("", found.table) or rowid not in (None, found.rowid):
        raise ApiError(422, f"change {found.id} is one of {found.table}.id {found.rowid}")
    if found.table == INI:
        return await _rewrite(ctx, found, force)
    if found.table == "tb_users":
        ctx.judge_rank(server.users.column(found.rowid, "type"), found.old.get("type"))
    owned = server.users.owned
    ids = owned.told_by(found.table, found.rowid, found.old)
    with server.db.unit(actor=ctx.actor, kind="revert", refid=found.id) as unit, owned.kept(unit, *ids):
        server.changes.revert(unit, found, force)
        if found.table == "tb_users" and not server.users.other_admins(()):
            raise ApiError(422, "the last administrator has to stay")
    server.fields.touched(found.table, found.rowid)
    await server.db.durable()
    if found.table == "tb_settings":
        reloaded(ctx)
    elif found.table == "tb_api":
        server.reload_rules()
    return Answer(f"OK: change {found.id} of {found.table}.id {found.rowid} was taken back" + _closed(ctx, found))


def _closed(ctx, found):
    """What is left to do for the money of a deleted account that is back."""
    if (found.table, found.action) != ("tb_users", "delete"):
        return ""
    for booking in ctx.server.changes.listed(LEDGER, found.rowid, limit=1).dicts():
        if booking["kind"] == "close":
            return (f"; its balance of {-booking['amount']:g} was closed: revert table={LEDGER}"
                    f" change={booking['change']} brings that back, too")
    return ""


async def _rewrite(ctx, found, force):
    """A line of the ini file as it was."""
    settings = ctx.server.settings
    option = settings.option(found.label)
    now = await ctx.server.workers.run(settings.on_file, option)
    if not force:
        refuse_changed(found.new, {"value": now})
    await written(ctx, option, found.old["value"], "revert", found.id)
    reloaded(ctx)
    return Answer(f"OK: change {found.id} of {option.name} in {INI} was taken back")


async def _book_back(ctx, change):
    if change is None:
        raise ApiError(400, "missing parameter change (number of the booking, as history tells it)")
    server = ctx.server
    with server.db.unit(actor=ctx.actor, kind="revert", refid=change) as unit:
        account, new = server.changes.revert_booking(unit, change, ctx.actor)
    server.users.reload((account.id,))
    await server.db.durable()
    return Answer(f"OK: booking {change} of {account.username} was taken back",
                  {"user_id": account.id, "credit": decimal(new)})
