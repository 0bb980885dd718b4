"""Single fields and rows of any table (the manual's chapters Set field, Add record)."""

from ..api.command import ADMIN, USER, command
from ..api.param import Param, choice, integer, text
from ..base.errors import ApiError
from ..base.message import Answer, Role
from ..records.values import known
from .accounts import changed
from .writing import SYNC, add_account, settle

TABLE = Param("table", text, "name of the table")
FIELDTYPE = choice("string", "int", "float", "auto")


@command("setfield", group="accounts", access=USER, fields=True, audited=True,
         summary="Changes fields of one row; users those of themselves that the manual lists, administrators all",
         params=[TABLE, Param("fieldtype", FIELDTYPE, "accepted: the table knows the type"),
                 Param("fieldname", text, "the field, or several as u_NAME=value"),
                 Param("fieldvalue", text, "its new value"),
                 Param("rowid", integer, "id of the row", aliases=("u_id",)), SYNC])
async def setfield(ctx, table="tb_users", fieldtype="auto", fieldname="", fieldvalue="", rowid=None, sync=-1):
    fields = _fields(ctx, fieldname, fieldvalue)
    table = table.lower()
    if not ctx.is_admin and table != "tb_users":
        raise ApiError(403, "users change fields of tb_users only")
    columns = ctx.server.db.columns(table)
    if fieldname and columns:
        known(fieldname.removeprefix("u_"), columns)        # refused in the asker's words
    if not ctx.is_admin:
        return await changed(ctx, ctx.account(rowid, required=False), fields, sync)
    if rowid is None:
        if table != "tb_users" or ctx.user is None:
            raise ApiError(400, f"missing parameter rowid ({table}.id)")
        rowid = ctx.user.id
    if table == "tb_users":
        return await changed(ctx, ctx.account(rowid), fields, sync)
    server = ctx.server
    row = server.fields.check(table, fields)
    await server.db.gate()
    with server.db.unit(actor=ctx.actor, kind="admin") as unit:
        server.fields.set(unit, table, rowid, row)
    server.fields.touched(table, rowid)
    await settle(ctx, sync)
    return Answer("OK")


def _fields(ctx, fieldname, fieldvalue):
    """{field: text} of both ways to send them."""
    fields = ctx.fields()
    fields.pop("id", None)
    if fieldname:
        fields[fieldname.removeprefix("u_")] = fieldvalue
    return fields


@command("getfield", group="accounts", access=ADMIN, audited=True, summary="One field of one row of any table",
         params=[TABLE, Param("retfieldname", text, "the field to tell"),
                 Param("filterfieldtype", FIELDTYPE, "accepted: the table knows the type"),
                 Param("filterfieldname", text, "the field that is compared; empty: the user name, caller or user id"),
                 Param("filterfieldvalue", text, "with this value")])
async def getfield(ctx, table="tb_users", retfieldname="id", filterfieldtype="auto", filterfieldname="",
                   filterfieldvalue=""):
    if not filterfieldvalue:
        raise ApiError(400, "missing parameter filterfieldvalue (with this value; takes a text)")
    guarded = ctx.principal.role > Role.SRVADMIN
    value = await ctx.server.fields.get(table.lower(), retfieldname, filterfieldname, filterfieldvalue, ctx.actor,
                                        guarded)
    return Answer(f"OK: {'' if value is None else value}", value)


@command("addrecord", group="accounts", access=ADMIN, fields=True,
         summary="Adds a row to any table, its fields sent as u_NAME", params=[TABLE, SYNC])
async def addrecord(ctx, table, sync=-1):
    server = ctx.server
    table = table.lower()
    fields = ctx.fields()
    if table == "tb_users":
        id, _, _ = await add_account(ctx, fields)
    else:
        row = server.fields.check(table, fields)
        await server.db.gate()
        with server.db.unit(actor=ctx.actor, kind="admin") as unit:
            id = server.fields.add(unit, table, row)
        server.fields.touched(table, id)
    await settle(ctx, sync)
    return Answer(f"OK: record added, id: {id}", {"id": id})
