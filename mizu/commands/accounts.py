"""Accounts, by administrators and, in their own tree, by resellers (the manual's List users … Enable user)."""

from ..api.command import ADMIN, USER, command
from ..api.param import Param, Type, decimal, flag, integer, text, username
from ..base.errors import ApiError
from ..base.message import Answer, Role
from ..records.account import TYPES
from ..records.credentials import check_password, check_username, disabled_name, enabled_name, hashed
from ..records.details import LEVELS, split_words
from ..records.fields import judge_reseller, judge_user
from ..records.listing import MOST_WORKED, filtered, nested, thinned
from ..records.newusers import extras, replacements, without_extras
from .writing import PRIORITY, SYNC, add_account, checked_parent, refuse_pooled, settle

U_ID = Param("u_id", integer, "id of the account (tb_users.id)")
U_USERNAME = Param("u_username", username, "user name of the account")
PCR = Param("pcr", flag, "also the accounts below it")


def _direction(text):
    if text.strip() not in ("0", "1", "2", "3"):
        raise ValueError
    return int(text)


DIRECTION = Type("direction", _direction, "0, 1, 2 or 3", {"type": "integer", "minimum": 0, "maximum": 3}, "3")

DETAILS = [
    Param("details", text, "what to tell, joined by -: basic, allfields, statistics, currentcalls, runtime, statustext,"
                           " typetext, credittext, numbers, addresses, all, or names of fields"),
    Param("skipnullfields", flag, "leave out what is null, empty or 0"),
    Param("statdays", decimal, "days that the statistics look back"),
    Param("direction", DIRECTION, "statistics as 0 the type says, 1 caller, 2 called, 3 both"),
]

_ORDERS = {"auto": -1, "none": 0, "id": 1, "added": 2, "username": 3, "used": 4}


def _order(text):
    word = text.strip().lower()
    number = _ORDERS.get(word)
    return int(word) if number is None else number


ORDER = Type("order", _order, "-1 to 4 or auto, none, id, added, username, used", {"type": "string"}, "username")


@command("adduser", group="accounts", access=ADMIN, tree=True, fields=True,
         summary="Adds an account with any field of tb_users as u_NAME, numbers num1… and addresses authip1…",
         params=[Param("u_username", username, "name of the new account"),
                 Param("routing_id", text, "for SIP servers: id or name of a routing entry to join, null for none"),
                 Param("routing_priority", integer, "priority of the route, lower ones first"), SYNC])
async def adduser(ctx, u_username, routing_id=None, routing_priority=PRIORITY, sync=-1):
    fields = {**without_extras(ctx.fields()), "username": u_username}
    numbers, addresses = extras(ctx.request.params)
    route = None if (routing_id or "").lower() == "null" else (routing_id, routing_priority)
    return await added(ctx, fields, sync, numbers, addresses, route)


async def added(ctx, fields, sync=-1, *extras, kind="admin"):
    """Add an account and say so."""
    id, name, password = await add_account(ctx, fields, *extras, kind=kind)
    await settle(ctx, sync)
    data = {"user_id": id, "username": name}
    if password is not None:
        data["password"] = password
    return Answer(f"OK: user added, user_id: {id}", data)


@command("getuser", group="accounts", access=USER, reads=True, summary="Details of an account",
         params=[U_ID, U_USERNAME, *DETAILS, PCR])
async def getuser(ctx, u_id=None, u_username=None, details="", skipnullfields=False, statdays=1.0, direction=0,
                  pcr=False):
    account = ctx.account(u_id, u_username, required=ctx.is_admin)
    row = await ctx.server.listing.one(account.id, split_words(details), _sees_all(ctx), statdays=statdays,
                                       direction=direction, pcr=pcr, actor=ctx.actor)
    return Answer("OK", thinned(row) if skipnullfields else row)


@command("listusers", group="accounts", access=ADMIN, reads=True, tree=True,
         summary="Accounts by type, parent, state or any condition, with the details of getuser",
         params=[Param("type", integer, "-1 all, 0 end users, 5 traffic senders, 9 SIP servers", aliases=("u_type",)),
                 Param("limit", integer, "accounts at most, 0 for no limit"),
                 Param("fields", integer, "0 id and user name, 1 the important ones, 2 all"),
                 Param("order", ORDER, "by what to sort", aliases=("u_order",)),
                 Param("offset", integer, "number of the page, -1 for no pages"), U_ID,
                 Param("parent", integer, "-1 all, -2 only children, 0 no children, else those below this id"),
                 Param("parentinclusive", integer, "-1 all, -2 sub-endusers, 0 main endusers, else this id and below"),
                 Param("enabled", integer, "-1 all, 0 disabled, 1 enabled"),
                 Param("active", integer, "-1 all, 0 inactive, 1 registered"),
                 Param("where", text, "an SQL condition over the fields (administrators)"),
                 Param("pcr", flag, "nest accounts under their parents, statistics with those below"), *DETAILS])
async def listusers(ctx, type=None, limit=1000, fields=0, order=-1, offset=-1, u_id=None, parent=-1,
                    parentinclusive=-1, enabled=None, active=-1, where="", pcr=False, details="",
                    skipnullfields=False, statdays=1.0, direction=0):
    if where and not ctx.is_admin:
        raise ApiError(403, "where is for administrators")
    if fields not in LEVELS:
        raise ApiError(400, f"parameter fields takes 0, 1 or 2, not {fields}")
    if type not in (None, -1, *TYPES):
        raise ApiError(400, f"parameter type takes -1 for all or one of {', '.join(map(str, TYPES))}, not {type}")
    if limit < 0:
        raise ApiError(400, f"parameter limit takes 0 for no limit, or how many accounts, not {limit}")
    if offset < -1:
        raise ApiError(400, f"parameter offset takes -1 for no pages, or a page from 0, not {offset}")
    listing = ctx.server.listing
    scope = ctx.principal.target.id if ctx.principal.role == Role.RESELLER else None
    found = filtered(listing.db.columns("tb_users"), type, u_id, parent, parentinclusive, enabled, active, where, scope)
    words = [*LEVELS[fields], *split_words(details), *(["parentid"] if pcr else [])]
    worked = pcr or skipnullfields
    heavy = worked or not {"runtime", "currentcalls", "all"}.isdisjoint(words)
    most = MOST_WORKED if heavy and not 0 < limit < MOST_WORKED else limit
    rows = await listing.rows(words, found, _sees_all(ctx), order, most, offset, statdays, direction, pcr, ctx.actor)
    answer = Answer("OK", rows)
    if rows.truncated and offset < 0:
        answer.warning = f"only the first {len(rows)} accounts: use limit and offset"
    if worked:
        answer.data = nested(rows.dicts()) if pcr else rows.dicts()
        if skipnullfields:
            answer.data = [_thinned(row) for row in answer.data]
    return answer


def _thinned(row):
    row = thinned(row)
    if "children" in row:
        row["children"] = [_thinned(child) for child in row["children"]]
    return row


def _sees_all(ctx):
    """Whether figures of the sales side may be shown."""
    return ctx.principal.role in (Role.SRVADMIN, Role.ADMIN, Role.SUPPORT)


@command("setuser", group="accounts", access=USER, fields=True, audited=True,
         summary="Changes fields of an account, sent as u_NAME, all or none; users only what the manual lists. num1… or"
                 " authip1… replace all of its further numbers or addresses, sent empty they remove them",
         params=[U_ID, U_USERNAME, SYNC])
async def setuser(ctx, u_id=None, u_username=None, sync=-1):
    account = ctx.account(u_id, u_username, required=ctx.is_admin)
    fields = ctx.fields()
    fields.pop("id", None)
    if u_id is None or ctx.principal.role > Role.RESELLER:
        fields.pop("username", None)
    return await changed(ctx, account, fields, sync)


async def changed(ctx, account, fields, sync):
    """Change fields of an account, its numbers and addresses, as far as the asker may, and say so."""
    server = ctx.server
    users = server.users
    values = users.check(without_extras(fields))
    extras = replacements(ctx.request.params)
    if not values and extras == [None, None]:
        raise ApiError(400, "no field to set: send u_NAME=value")
    _judge(ctx, account, values, extras)
    await hashed(values, server.settings, server.workers, server.entropy)
    await server.db.gate()
    with server.db.unit(actor=ctx.actor, kind="admin") as unit:
        _write(users, unit, account.id, values, *extras)
        if not _ADMINISTERS.isdisjoint(values) and not users.other_admins(()):
            raise ApiError(422, "the last administrator has to stay")
    users.reload((account.id,))
    if not account.enabled or account.disabled:
        _unregister(ctx, (account.id,))
    await settle(ctx, sync)
    told = {"numbers": extras[0], "addresses": extras[1] and [_written(*each) for each in extras[1]]}
    return Answer("OK", {name: list for name, list in told.items() if list is not None} or None)


_ADMINISTERS = frozenset(("type", "rights", "enabled", "temporarydisabled"))
"""Columns that make an administrator, or none."""


def _write(users, unit, id, values, numbers, addresses):
    """In a unit: columns, and the numbers and addresses that are not None."""
    if values:
        users.update(unit, id, values)
    if numbers is not None:
        users.set_numbers(unit, id, numbers)
    if addresses is not None:
        users.set_addresses(unit, id, addresses)


def _written(host, port):
    return f"[{host}]:{port}" if port and ":" in host else f"{host}:{port}" if port else host


def _judge(ctx, account, values, extras):
    """Whether these values may be set by who asks, and make sense."""
    ctx.judge_rank(account.type, values.get("type"))
    users = ctx.server.users
    role = ctx.principal.role
    if role > Role.RESELLER or role == Role.RESELLER and account is ctx.principal.target:
        judge_user(values, lambda name: users.column(account.id, name))
    elif role == Role.RESELLER:
        judge_reseller(values)
    if not ctx.is_admin and extras != [None, None]:
        raise ApiError(403, "numbers and addresses are given by the administrator")
    if "username" in values:
        check_username(values["username"])
        if not ctx.is_admin:
            refuse_pooled(ctx, values["username"])
    if "password" in values:
        check_password(values["password"])
    if values.get("parentid"):
        parent = checked_parent(ctx, values["parentid"])
        if users.below(account, parent):
            raise ApiError(422, "an account cannot be its own parent")


@command("deluser", group="accounts", access=ADMIN,
         summary="Deletes an account that was never used; disableuser is for the others",
         params=[U_ID, U_USERNAME, PCR, Param("force", flag, "delete although call records or sub-users refer to it")])
async def deluser(ctx, u_id=None, u_username=None, pcr=False, force=False):
    account = ctx.account(u_id, u_username)
    server = ctx.server
    users = server.users
    below = users.tree(account.id)
    ids = [*(below if pcr else ()), account.id]
    if below and not (pcr or force):
        raise ApiError(422, f"{account.username} has {len(below)} sub-users: send pcr=1 to delete them, too")
    if not force and (users.has_calls(ids) or any(map(server.board.of, ids))):
        raise ApiError(422, "call records refer to the account: use disableuser, or force=1")
    _spare_self_and_last_admin(ctx, ids)
    _judge_ranks(ctx, ids)
    _unregister(ctx, ids)
    await server.meters.billed()
    await server.db.gate()
    with server.db.unit(actor=ctx.actor, kind="close") as unit:
        for id in ids:
            users.delete(unit, id)
    users.reload(ids)
    _unregister(ctx, ids)
    await server.db.durable()
    return Answer(f"OK: {len(ids)} deleted" if len(ids) > 1 else "OK: user deleted")


def _judge_ranks(ctx, ids):
    ctx.judge_rank(*[account.type for account in map(ctx.server.users.by_id, ids) if account is not None])


def _spare_self_and_last_admin(ctx, ids):
    user = ctx.principal.user
    if user is not None and user.id in ids:
        raise ApiError(422, "nobody can remove or disable himself")
    if not ctx.server.users.other_admins(ids):
        raise ApiError(422, "the last administrator has to stay")


DISABLETYPE = Param("disabletype", integer, "0 temporary, 1 full, 2 both, 3 both and rename")
UNREGISTER = Param("unregister", flag, "0 keeps registrations and calls that are there")


@command("disableuser", group="accounts", access=ADMIN, tree=True,
         summary="Disables an account, for a while or for good",
         params=[U_ID, U_USERNAME, DISABLETYPE, UNREGISTER, PCR])
async def disableuser(ctx, u_id=None, u_username=None, disabletype=0, unregister=True, pcr=False):
    account = ctx.account(u_id, u_username)
    ids = [account.id, *(ctx.server.users.tree(account.id) if pcr else ())]
    _spare_self_and_last_admin(ctx, ids)
    answer = await _switch(ctx, ids, _flags(disabletype, 0, 1), disabled_name if disabletype == 3 else None)
    if unregister:
        _unregister(ctx, ids)
    return answer


def _unregister(ctx, ids):
    for id in ids:
        ctx.server.locations.drop(id)
        ctx.server.board.drop_account(id)


@command("enableuser", group="accounts", access=ADMIN, tree=True,
         summary="Enables a disabled account, with its name; it may be named as before",
         params=[U_ID, U_USERNAME, DISABLETYPE, UNREGISTER, PCR])
async def enableuser(ctx, u_id=None, u_username=None, disabletype=3, unregister=True, pcr=False):
    users = ctx.server.users
    if u_id is None and u_username and users.by_username(u_username) is None:
        u_id = users.disabled_by_name(u_username)
    account = ctx.account(u_id, u_username)
    ids = [account.id, *(ctx.server.users.tree(account.id) if pcr else ())]
    return await _switch(ctx, ids, _flags(disabletype, 1, 0), enabled_name if disabletype == 3 else None)


def _flags(disabletype, enabled, disabled):
    """The columns that a disabletype means."""
    if not 0 <= disabletype <= 3:
        raise ApiError(400, f"parameter disabletype takes 0, 1, 2 or 3, not {disabletype}")
    values = {"temporarydisabled": disabled} if disabletype != 1 else {}
    return {**values, "enabled": enabled} if disabletype else values


async def _switch(ctx, ids, values, rename):
    """Set the flags of accounts, and their names if `rename(username, id)` gives others."""
    _judge_ranks(ctx, ids)
    server = ctx.server
    users = server.users
    await server.db.gate()
    with server.db.unit(actor=ctx.actor, kind="admin") as unit:
        for id in ids:
            users.switch(unit, id, values, rename)
    users.reload(ids)
    await server.db.durable()
    word = "enabled" if values.get("enabled", not values.get("temporarydisabled")) else "disabled"
    return Answer(f"OK: {len(ids)} users {word}" if len(ids) > 1 else f"OK: user {word}")
