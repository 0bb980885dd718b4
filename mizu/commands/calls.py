"""Calls in progress: told, rated, ended, and no new ones (the manual's chapter List active calls)."""

from ..api.command import ADMIN, USER, command
from ..api.param import Param, flag, integer, text
from ..base.errors import ApiError
from ..base.message import Answer, Role, Rows
from ..calls.current import BOTH, BRIEF, DEFAULT, FULL
from ..records.price import LONGEST, maximum_duration
from ..records.values import decimal
from .accounts import PCR, U_ID, U_USERNAME
from .rates import described, price_text

MOST = 10_000
"""Calls of one list: some 50 ms of the loop."""


@command("currentcalls", group="calls", access=USER, reads=True, tree=True,
         summary="Calls in progress with state, seconds and cost so far; users see their own, resellers their tree",
         params=[U_ID, U_USERNAME, Param("direction", integer, "0 as the type says, 1 outgoing, 2 incoming, 3 both"),
                 PCR, Param("limit", integer, "calls at most")])
def currentcalls(ctx, u_id=None, u_username=None, direction=DEFAULT, pcr=False, limit=0):
    if direction not in range(4):
        raise ApiError(400, f"parameter direction takes 0 to 3, not {direction}")
    server, role, own = ctx.server, ctx.principal.role, ctx.principal.target
    named = u_id is not None or bool(u_username)
    account = ctx.account(u_id, u_username, required=False)
    full = _sees_all(ctx)
    if full and not named and own is ctx.principal.user:
        account = None                              # administrators and support, who name nobody: all calls
    if not named:
        direction, pcr = direction or BOTH, pcr or role == Role.RESELLER
    calls = server.currentcalls.chosen(account, direction, pcr)
    most = min(limit, MOST) if limit > 0 else server.settings.maxrows
    row, viewer = server.currentcalls.row, None if full else own
    rows = Rows(FULL if full else BRIEF, [row(call, viewer) for call in calls[:most]], len(calls) > most)
    return Answer("OK", rows, warning=f"only {most} of {len(calls)} calls: use limit" if rows.truncated else None)


def _sees_all(ctx):
    return ctx.is_admin or ctx.principal.role == Role.SUPPORT


@command("disccall", group="calls", access=USER, alone=True, audited=True,
         summary="Ends a call on both sides; users their own ones, resellers those of their tree",
         params=[Param("dbcallid", text, "number of the call as currentcalls tells it, or its Call-ID",
                       aliases=("callid", "sipcallid"))])
def disccall(ctx, dbcallid):
    call = _call(ctx, dbcallid)
    ctx.server.board.drop(call.id, f"ended by {ctx.actor}")
    return Answer(f"OK: call {call.id} ended")


def _call(ctx, word):
    """The call of that number or Call-ID, if the asker may touch it; ApiError 404."""
    server, own = ctx.server, ctx.principal.target
    call = server.board.find(word.strip())
    if call is not None and not ctx.is_admin and not (ctx.principal.role == Role.SUPPORT and ctx.command.reads):
        mine = own.id in call.parties
        if not mine and not (ctx.principal.role == Role.RESELLER and server.currentcalls.concerns(call, own)):
            call = None
    if call is None:
        raise ApiError(404, f"no call {word[:64]} is in progress")
    return call


@command("callrating", group="calls", access=USER, reads=True, tree=True,
         summary="Credit, price and longest duration of a call in progress",
         params=[U_USERNAME, Param("callid", text, "number or Call-ID of the call; without it the caller's newest",
                                   aliases=("dbcallid", "sipcallid"))])
def callrating(ctx, u_username=None, callid=""):
    server = ctx.server
    if callid:
        call = _call(ctx, callid)
        account = _whose(ctx, call)
    else:
        account = ctx.account(None, u_username, required=ctx.is_admin)
        call = max(server.currentcalls.chosen(account, 1), key=lambda call: call.id, default=None)
        if call is None:
            raise ApiError(404, f"{account.username} makes no call")
    meter = next((meter for meter in call.bridge.charges() if meter.shares and meter.charge.account is account), None)
    data = {"dbcallid": call.id, "state": call.state, "seconds": call.seconds(server.clock.monotonic())}
    if meter is None:
        return Answer("OK: this call costs nothing", data)
    share = meter.shares[0]
    payer = server.users.by_id(share.payer)
    available = max(0, server.reservations.available(payer))
    if payer is account or ctx.is_admin:
        data["credit"] = decimal(payer.credit)
    most = call.longest or server.settings.maxcallduration or LONGEST
    data["maxduration"] = maximum_duration(share.tariff, share.held + available, most)
    data.update(described(share.rate))
    return Answer(f"{price_text(share.tariff.minute)} {share.currency}/min, Destination: {data['destination']},"
                  f" longest duration: {data['maxduration']} s", data)


def _whose(ctx, call):
    """Whose price of a call is told: the caller's to those who may know it, else the asker's own."""
    caller, own = call.caller.account, ctx.principal.target
    if _sees_all(ctx) or caller is not None and ctx.principal.role == Role.RESELLER and \
            ctx.server.users.below(own, caller):
        return caller
    return own


@command("willstop", group="calls", access=ADMIN, alone=True,
         summary="No new calls from now on; those in progress go on, each as long as it is paid for",
         params=[Param("stop", flag, "0 takes new calls again")])
def willstop(ctx, stop=True):
    board = ctx.server.board
    board.close("no new calls (willstop)" if stop else "")
    return Answer(f"OK: {'no new calls' if stop else 'new calls are taken'}, {len(board)} in progress",
                  {"calls": len(board)})
