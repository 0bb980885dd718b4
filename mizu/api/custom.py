"""Custom commands: the SQL of a row of tb_api, run with its keywords bound (the manual's chapter Custom).

No input ever becomes SQL: store.customsql has turned the keywords into parameters, here they get their values.
"""

from ..base.message import Answer, Role
from ..records.fields import SECRET_COLUMNS


async def run_custom(ctx, rule):
    """SELECT answers rows; a leading * waits for the statement, else `OK: pending` leaves before it is done."""
    custom = rule.sql
    if custom is None:
        return Answer("OK")
    server = ctx.server
    args = [keyword_value(ctx, *arg) for arg in custom.args]
    if custom.is_query:
        hide = SECRET_COLUMNS if ctx.principal.role > Role.ADMIN else frozenset()
        rows = await server.db.query(custom.sql, args, limit=server.settings.maxcustomrows,
                                     timeout=server.settings.dbtimeout, actor=ctx.actor, hide=hide)
        return Answer("OK", rows)
    future = server.db.execute(custom.sql, args, actor=ctx.actor)
    if not custom.sync:
        future.then(lambda future: _note_failure(server.log, rule.name, future))
        return Answer("OK: pending")
    done = await future
    await server.db.durable()
    return Answer(f"OK: {done.rowcount} rows", done.rows)


def keyword_value(ctx, kind, which=None):
    """What a keyword stands for; nothing is an empty text, nobody the id 0.  {email} is also what was sent as u_email.
    """
    params = ctx.request.params
    user = ctx.user
    if kind == "USERID":
        return user.id if user is not None else 0
    if kind == "USERNAME":
        return user.username if user is not None else ""
    if kind == "SPARAM":
        names = (f"sparam{which}", f"param{which}") if which else ("sparam", "sparam1", "param1")
        return next((params[name] for name in names if name in params), "")
    own = ctx.server.users.column(user.id, which) if user is not None else None
    return params.get(which, params.get(f"u_{which}", "")) if own is None else own


def _note_failure(log, name, future):
    try:
        future.result()
    except Exception as error:
        log.warning(f"the custom command {name} failed: {error}")
