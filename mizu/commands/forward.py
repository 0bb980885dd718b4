"""Where calls of an account go instead (the manual's callforward; calldivert is the form that phones send)."""

from ..api.command import USER, command
from ..api.param import Param, choice, integer, phone
from ..base.errors import ApiError
from ..base.message import Answer
from .accounts import U_ID, U_USERNAME

COLUMNS = {"always": "forwardalways", "busy": "forwardonbusy", "noanswer": "forwardonnoanswer"}

SECONDS = 180
"""Nobody rings longer."""

TARGET = "a number or user name; nothing: calls are not forwarded"


@command("callforward", group="calls", access=USER,
         summary="Forwards calls of the account: always, when busy or when there is no answer; no target clears it",
         params=[Param("anum", choice(*COLUMNS), "which calls; without it all three are told, or cleared by an empty"
                       " bnum"),
                 Param("bnum", phone, TARGET), Param("cnum", integer, "seconds without an answer"), U_ID, U_USERNAME])
async def callforward(ctx, anum="", bnum="", cnum=None, u_id=None, u_username=None):
    account = _account(ctx, u_id, u_username)
    sent = "bnum" in ctx.command.named(ctx.request.params)
    if bnum and not anum:
        raise ApiError(400, f"missing parameter anum ({', '.join(COLUMNS)})")
    if not anum and not sent and cnum is None:
        return Answer("OK", _told(ctx, account))
    if not sent and cnum is not None:
        values = {}                     # the seconds alone
    else:
        values = {COLUMNS[anum]: bnum} if anum else dict.fromkeys(COLUMNS.values(), "")
    return await _write(ctx, account, values, cnum)


@command("calldivert", group="calls", access=USER,
         summary="Forwards calls of the account; what is sent empty is cleared, what is not sent stays",
         params=[Param("callforwardonbusy", phone, TARGET), Param("callforwardonnoanswer", phone, TARGET),
                 Param("callforwardalways", phone, TARGET),
                 Param("callforwardonnoanswertimeout", integer, "seconds without an answer"), U_ID, U_USERNAME])
async def calldivert(ctx, callforwardonbusy="", callforwardonnoanswer="", callforwardalways="",
                     callforwardonnoanswertimeout=None, u_id=None, u_username=None):
    account = _account(ctx, u_id, u_username)
    targets = {"forwardonbusy": callforwardonbusy, "forwardonnoanswer": callforwardonnoanswer,
               "forwardalways": callforwardalways}
    sent = ctx.command.named(ctx.request.params)
    values = {column: target for column, target in targets.items() if "call" + column in sent}
    if not values and callforwardonnoanswertimeout is None:
        return Answer("OK", _told(ctx, account))
    return await _write(ctx, account, values, callforwardonnoanswertimeout)


def _account(ctx, u_id, u_username):
    account = ctx.account(u_id, u_username, required=False)
    if account is None:
        raise ApiError(400, "missing user input")
    return account


def _told(ctx, account):
    column = ctx.server.users.column
    return {name: column(account.id, name) or "" for name in (*COLUMNS.values(), "noanswertimeout")}


async def _write(ctx, account, values, seconds):
    server = ctx.server
    for target in filter(None, values.values()):
        if target.lower() == account.username.lower() or server.users.owned.has(account.id, server.form.normal(target)):
            raise ApiError(422, "an account does not forward to itself")
    if seconds is not None:
        if not 0 < seconds <= SECONDS:
            raise ApiError(400, f"seconds without an answer are 1 to {SECONDS}, not {seconds}")
        values["noanswertimeout"] = seconds
    await server.db.gate()
    with server.db.unit(actor=ctx.actor, kind="forward") as unit:
        server.users.update(unit, account.id, values)
    told = _told(ctx, account)
    return Answer("OK: forwarding set" if any([told[name] for name in COLUMNS.values()]) else "OK: forwarding cleared",
                  told)
