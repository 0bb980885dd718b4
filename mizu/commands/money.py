"""Balances: asked for, set, changed (the manual's chapters Credit -get and Credit -set)."""

from ..api.command import ADMIN, USER, command
from ..api.param import Param, money
from ..base.errors import ApiError
from ..base.message import Answer
from ..records.values import decimal
from .accounts import U_ID, U_USERNAME
from .recharge import PIN, credited, own_account, recharged
from .writing import SYNC, settle


@command("balance", also=("credit", "creditrequest"), group="money", access=USER, reads=True,
         summary="Credit of an account as a sentence", params=[U_ID, U_USERNAME])
def balance(ctx, u_id=None, u_username=None):
    account = ctx.account(u_id, u_username, False)
    if account is None:
        raise ApiError(400, "missing user input")
    return Answer(ctx.server.ledger.sentence(account))


@command("getcredit", group="money", access=USER, reads=True, summary="Credit, currency and postpaid of an account",
         params=[U_ID, U_USERNAME])
def getcredit(ctx, u_id=None, u_username=None):
    account = ctx.account(u_id, u_username, False)
    if account is None:
        raise ApiError(400, "missing user input")
    return Answer("OK", {"credit": decimal(account.credit), "currency": ctx.server.ledger.currency(account.currency),
                         "postpaid": account.postpaid or 0})


@command("setcredit", group="money", access=ADMIN, summary="Sets the credit of an account",
         params=[U_ID, U_USERNAME, Param("u_credit", money, "the new credit", aliases=("credit",)), SYNC])
async def setcredit(ctx, u_id=None, u_username=None, u_credit=None, sync=-1):
    return await _book(ctx, ctx.account(u_id, u_username), ctx.server.ledger.set_credit, u_credit, sync)


@command("changecredit", group="money", access=USER, audited=True,
         summary="Adds to the credit of an account, or takes from it; users add by PIN only",
         params=[U_ID, U_USERNAME, Param("u_credit", money, "what to add, negative to deduct", aliases=("credit",)),
                 PIN, SYNC])
async def changecredit(ctx, u_id=None, u_username=None, u_credit=None, pin="", sync=-1):
    if not ctx.is_admin and u_credit is not None:
        raise ApiError(403, "access denied: users change their credit by PIN")
    if not (ctx.is_admin or pin):
        raise ApiError(400, f"missing parameter pin ({PIN.help}; takes {PIN.type.takes})")
    if pin and u_credit is not None:
        raise ApiError(400, "u_credit or pin, not both")
    account = ctx.account(u_id, u_username) if ctx.is_admin else own_account(ctx)
    if pin:
        return await recharged(ctx, account, pin, sync)
    return await _book(ctx, account, ctx.server.ledger.add, u_credit, sync)


async def _book(ctx, account, change, micros, sync):
    """One booking; the account in memory follows in the turn of the commit."""
    if micros is None:
        raise ApiError(400, f"missing parameter u_credit (takes {money.takes})")
    server = ctx.server
    await server.db.gate()
    with server.db.unit() as unit:
        _, new = change(unit, account, micros, "admin", ctx.actor)
    server.users.reload((account.id,))
    await settle(ctx, sync)
    return credited(ctx, account, new)
