"""Calls begun over the API: p2p, callback, a test call (the manual's chapters P2P Call and Callback)."""

from ..api.command import ADMIN, USER, command
from ..api.param import Param, integer, phone
from ..base.errors import ApiError
from ..base.message import Answer

LONGEST = 3600
"""Seconds of a test call at most."""

ANUM = Param("anum", phone, "the party that is rung first: a number or user name")
BNUM = Param("bnum", phone, "the party that is rung then")
CNUM = Param("cnum", phone, "a third party")
WAITFOR = Param("waitfor", integer, "0 answers at once, 1 once the first party has answered or failed, 2 once both")


@command("p2p", group="calls", access=USER, alone=True,
         summary="Calls two parties and joins them; with one number alone the account's own phone is the first one",
         params=[ANUM, BNUM, CNUM, WAITFOR])
async def p2p(ctx, anum="", bnum="", cnum="", waitfor=0):
    account = _payer(ctx)
    parties = [number for number in (anum, bnum, cnum) if number]
    if not parties:
        raise ApiError(400, "missing parameter anum or bnum (two numbers)")
    if len(parties) == 1:
        parties.insert(0, account.username)
    return await _joined(ctx, account, *(parties + [""])[:3], waitfor)


@command("callback", group="calls", access=USER, alone=True, also=("cb",),
         summary="Calls the account's phone (or num), then bnum, and joins them",
         params=[Param("num", phone, "where the account is called; its own number without", aliases=("anum", "phone1")),
                 Param("ivr", integer, "voice menu that asks for the destination, -1 the usual one"), BNUM, WAITFOR])
async def callback(ctx, num="", ivr=-1, bnum="", waitfor=0):
    account = _payer(ctx)
    if not bnum:
        raise ApiError(501, "the voice menu that asks for the number is not there: send bnum")
    return await _joined(ctx, account, num or account.telnumber or account.username, bnum, "", waitfor)


@command("call", group="calls", access=ADMIN, alone=True, summary="A test call that ends after its duration",
         params=[Param("origsimid", integer, "account that calls (its id), the administrator's own without"),
                 Param("telnum", phone, "the number that is called", aliases=("bnum", "num")),
                 Param("duration", integer, "seconds from the answer on")])
async def call(ctx, origsimid=None, telnum="", duration=10):
    if not telnum:
        raise ApiError(400, "missing parameter telnum (a number)")
    if not 0 < duration <= LONGEST:
        raise ApiError(400, f"parameter duration takes 1 to {LONGEST} seconds, not {duration}")
    account = ctx.account(origsimid, None) if origsimid else _payer(ctx)
    begun = ctx.server.switch.clicktocall.start(account, telnum, "", longest=duration, host=ctx.request.peer.host)
    return Answer(f"OK: call {begun.call.id} to {telnum}", _facts(begun))


def _payer(ctx):
    account = ctx.principal.target
    if account is None:
        raise ApiError(400, "missing user input: who pays for the call")
    return account


async def _joined(ctx, account, first, second, third, waitfor):
    if third:
        raise ApiError(501, "three parties need the conference, which is not there: leave cnum out")
    if waitfor not in (0, 1, 2):
        raise ApiError(400, f"parameter waitfor takes 0, 1 or 2, not {waitfor}")
    shown = ctx.server.settings.callbackcallernumber
    begun = ctx.server.switch.clicktocall.start(account, first, second, shown, ctx.request.peer.host)
    for number, wanted, future in ((first, 1, begun.first), (second, 2, begun.second)):
        if waitfor >= wanted:
            code, reason = await future
            if code >= 300 or future is begun.second and begun.first.result()[0] >= 300:
                raise ApiError(422, f"{number}: {code} {reason}".strip())
    said = ("call initiated", f"{first} has answered", f"{first} and {second} are connected")[waitfor]
    return Answer(f"OK: {said}", _facts(begun))


def _facts(begun):
    return {"dbcallid": begun.call.id, "callid": begun.call.sipcallid}
