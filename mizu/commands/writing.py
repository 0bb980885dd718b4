"""What commands that write have in common: `sync`, and the way an account comes into being."""

from typing import NamedTuple

from ..api.param import Param, Type
from ..base.errors import ApiError
from ..base.message import Role
from ..records.account import ENDUSER, SERVER
from ..records.credentials import hashed
from ..records.fields import judge_reseller
from ..records.newusers import completed, owner_of
from ..records.routes import PRIORITY, add_route


def _sync(text):
    if text.strip() not in ("-1", "0", "1", "2"):
        raise ValueError
    return int(text)


SYNC = Param("sync", Type("sync", _sync, "-1, 0, 1 or 2", {"type": "integer", "enum": [-1, 0, 1, 2]}, "1"),
             "0 answers before the change is safe on the disk, -1, 1 and 2 afterwards")


async def settle(ctx, sync):
    """Wait until what was committed survives a power cut, unless the asker does not care."""
    if sync != 0:
        await ctx.server.db.durable()


async def add_account(ctx, fields, numbers=(), addresses=(), route=None, kind="admin"):
    """Make an account of {field: text or number}, all or nothing; returns (id, user name, generated password or None).

    route   (routing_id or None, priority): a row of tb_routing for a trunk; None makes none
    """
    prepared = await prepare_account(ctx, fields, numbers, addresses, route, kind)
    db = ctx.server.db
    await db.gate()
    with db.unit(actor=ctx.actor, kind=kind) as unit:
        id = create_account(ctx, unit, prepared)
    return id, prepared.values["username"], prepared.password


class Prepared(NamedTuple):
    """An account that has been judged and can be created."""
    values: dict
    password: str       # generated, or None
    owner: dict         # the parent reseller to be made first, or None
    numbers: tuple
    addresses: tuple
    route: tuple


async def prepare_account(ctx, fields, numbers=(), addresses=(), route=None, kind="admin"):
    """All that can be refused or takes time before the transaction."""
    server = ctx.server
    if "id" in fields:
        raise ApiError(400, "the field u_id cannot be set: the server gives it")
    values = server.users.check(fields)
    if ctx.principal.role == Role.RESELLER:
        judge_reseller(values)
        if numbers or addresses:
            raise ApiError(403, "numbers and addresses are given by the administrator")
    if ctx.principal.role > Role.ADMIN:
        refuse_pooled(ctx, values.get("username") or "")
    values, password = completed(values, server.entropy)
    ctx.judge_rank(values["type"])
    _inherit(ctx, values)
    owner = _owner(ctx, values) if kind == "admin" else None
    for each in filter(None, (owner, values)):
        await hashed(each, server.settings, server.workers, server.entropy)
    return Prepared(values, password, owner, numbers, addresses, route)


def refuse_pooled(ctx, username):
    """ApiError 403 for a user name that is a number of the pool: those are given by the administrator."""
    if ctx.server.users.owned.pooled(username):
        raise ApiError(403, f"the user name {username} is a number of the pool: assignphonenumber gives it")


def create_account(ctx, unit, prepared):
    """In a unit: the rows of an account; returns its id."""
    users, values = ctx.server.users, prepared.values
    users.refuse_taken(values["username"])
    if prepared.owner is not None:
        values["parentid"] = users.create(unit, prepared.owner)
    id = users.create(unit, values)
    for number in prepared.numbers:
        users.add_number(unit, id, number)
    for host, port in prepared.addresses:
        users.add_address(unit, id, host, port)
    if prepared.route is not None and values["type"] == SERVER:
        add_route(ctx.server.db, unit, id, values["username"], *prepared.route)
    return id


def _inherit(ctx, values):
    """Parent, currency and who has added the account."""
    users = ctx.server.users
    own = ctx.principal.target
    if ctx.principal.role == Role.RESELLER:
        values["parentid"] = values.get("parentid") or own.id
    parent = checked_parent(ctx, values.get("parentid"))
    if not values.get("currency"):
        values["currency"] = users.settings.defaultcurrency if parent is None else parent.currency
    user = ctx.principal.user
    values["addedby"] = user.id if user is not None else 0


def checked_parent(ctx, id):
    """The account of a `parentid` in reach of the asker, or None for no parent."""
    if not id:
        return None
    users = ctx.server.users
    parent = users.by_id(id)
    if parent is None or ctx.principal.role == Role.RESELLER and not users.below(ctx.principal.target, parent):
        raise ApiError(404, f"no such parent: {id}")
    return parent


def _owner(ctx, values):
    """The parent reseller to be made first, or None; one that is there already becomes the parent."""
    server = ctx.server
    if not server.settings.userautoaddwithowner or values["type"] != ENDUSER or values.get("parentid"):
        return None
    owner = owner_of(values, server.entropy)
    found = server.users.by_username(owner["username"])
    if found is None:
        return owner
    values["parentid"] = found.id
    return None


__all__ = ["PRIORITY", "SYNC", "add_account", "checked_parent", "create_account", "prepare_account",
           "refuse_pooled", "settle"]
