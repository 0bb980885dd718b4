"""SQL by administrators, and the rows of tb_api and keys again (the manual's chapter Custom SQL commands)."""

from ..api.command import ADMIN, command
from ..api.param import Param, flag, text
from ..base.errors import ApiError, ConfigError
from ..base.message import Answer
from ..records.adhoc import prepared
from .writing import SYNC


NO_ADMIN = "no administrator is left who could log in: from a trusted address, adduser with u_type=15 makes one"


@command("db", group="store", access=ADMIN, summary="Runs one SQL statement, in SQL Server's or SQLite's words",
         params=[Param("sql", text, "the statement"), Param("isopen", flag, "it answers rows; else guessed"), SYNC])
async def db(ctx, sql, isopen=None, sync=-1):
    server = ctx.server
    statement, reads = prepared(sql, isopen)
    if reads:
        settings = server.settings
        rows = await server.db.query(statement, limit=settings.maxrows, timeout=settings.dbtimeout, actor=ctx.actor)
        return Answer("OK", rows, warning=f"only the first {len(rows)} rows" if rows.truncated else None)
    future = server.db.execute(statement, actor=ctx.actor)
    if sync == 0:
        future.then(lambda done: _note_failure(server.log, ctx.request.serial, done))
        return Answer("OK: pending")
    done = await future
    await server.db.durable()
    return Answer(f"OK: {done.rowcount} rows", done.rows, warning=None if server.users.other_admins(()) else NO_ADMIN)


def _note_failure(log, serial, future):
    try:
        future.result()
    except Exception as error:
        log.warning(f"an SQL statement failed: {error}", serial=serial)


@command("apireload", group="store", access=ADMIN, alone=True, summary="Reads tb_api again")
async def apireload(ctx):
    await ctx.server.rules.judge()
    faults = ctx.server.reload_rules()
    return Answer(f"OK: {len(ctx.server.rules.rows)} rows of tb_api", warning="; ".join(faults) or None)


@command("reloadapikeys", group="store", access=ADMIN, alone=True, summary="Reads the API keys and the salt again")
def reloadapikeys(ctx):
    try:
        return Answer(f"OK: {ctx.server.reload_keys()} keys")
    except ConfigError as error:
        raise ApiError(422, "nothing was reloaded: " + "; ".join(str(error).split("\n"))) from None
