"""Credit that changes hands: PINs, transfers, the old addcredit, and the books (the manual's Credit -set, -old)."""

from ..api.command import ADMIN, USER, command
from ..api.param import Param, flag, money, secret, username
from ..api.trust import CLIENT
from ..base.errors import ApiError
from ..base.message import Answer, Rows
from ..records.ledger import money_text
from ..records.values import decimal
from .accounts import U_ID, U_USERNAME
from .writing import SYNC, settle

PIN = Param("pin", secret, "the code of a prepaid card", aliases=("anum", "pincode", "code"))

MOST_PINS = 1000
"""PINs that one checkpins tells of."""


@command("charge", also=("recharge",), group="money", access=USER, summary="Credits the worth of a prepaid PIN",
         params=[PIN, SYNC])
async def charge(ctx, pin, sync=-1):
    return await recharged(ctx, own_account(ctx), pin, sync)


def own_account(ctx):
    """The account the request acts on, which an administrator by address has to name."""
    if ctx.user is None:
        raise ApiError(400, "missing user input")
    return ctx.user


async def recharged(ctx, account, pin, sync):
    """Credit an account by a PIN; a wrong one is a step towards a ban."""
    server = ctx.server
    if not server.pins.known(pin):
        server.wrong_pin(ctx.request, account)
        raise ApiError(422, "wrong PIN")
    await server.db.gate()
    with server.db.unit() as unit:
        old, new = server.pins.recharge(unit, account, pin, ctx.actor)
    server.users.reload((account.id,))
    await settle(ctx, sync)
    return credited(ctx, account, new, {"amount": decimal(new - old)})


def credited(ctx, account, micros, more={}):
    """The answer that tells the balance."""
    currency = ctx.server.ledger.currency(account.currency)
    return Answer(f"OK: credit is {money_text(micros)} {currency}",
                  {"credit": decimal(micros), "currency": currency, **more})


@command("addcredit", group="money", access=USER, audited=True,
         summary="Credits a PIN, or from trusted addresses an amount (old; see charge and changecredit)",
         params=[PIN, Param("credit", money, "the amount", aliases=("u_credit",)), U_ID, U_USERNAME, SYNC])
async def addcredit(ctx, pin="", credit=None, u_id=None, u_username=None, sync=-1):
    account = ctx.account(u_id, u_username, False)
    if account is None:
        raise ApiError(400, "missing user input")
    if pin:
        return await recharged(ctx, account, pin, sync)
    if credit is None:
        raise ApiError(400, f"missing parameter pin, or credit (takes {money.takes})")
    _judge_amount(ctx)
    if credit <= 0:
        raise ApiError(422, "addcredit adds: changecredit deducts")
    server = ctx.server
    await server.db.gate()
    with server.db.unit() as unit:
        _, new = server.ledger.add(unit, account, credit, "admin", ctx.actor)
    server.users.reload((account.id,))
    await settle(ctx, sync)
    return credited(ctx, account, new)


def _judge_amount(ctx):
    """An amount from a trusted address only; in a user's name only from one that may stand for an administrator."""
    trust = ctx.server.trust
    flags = trust.flags(ctx.request.peer.host)
    proofs = ctx.principal.proofs
    if ctx.is_admin:
        if not ("ip" in proofs or ctx.request.direct and flags & CLIENT):
            raise ApiError(403, "access denied: an amount is taken from trusted addresses only")
    elif not ("ip" in proofs and "key" in proofs and trust.administers(flags)
              and ctx.server.settings.apideftrustadmin in (1, 2)):
        raise ApiError(403, "access denied: users add credit by PIN")


@command("transfercredit", group="money", access=USER, summary="Gives some of the own credit to another account",
         params=[Param("username", username, "user name of the receiver"), Param("credit", money, "the amount"), SYNC])
async def transfercredit(ctx, username, credit, sync=-1):
    server = ctx.server
    giver = own_account(ctx)
    taker = server.users.by_username(username)
    if taker is None:
        raise ApiError(404, f"no such user: {username}")
    await server.db.gate()
    with server.db.unit() as unit:
        left, _ = server.transfers.give(unit, giver, taker, credit, ctx.actor)
    server.users.reload((giver.id, taker.id))
    await settle(ctx, sync)
    return credited(ctx, giver, left)


@command("checkcredits", group="money", access=ADMIN, reads=True, audited=True,
         summary="Compares every balance with its ledger; reports open reservations and notices of low credit due",
         params=[Param("fix", flag, "bring balances to their ledger, give back what no call can still need")])
async def checkcredits(ctx, fix=False):
    if fix and not ctx.is_admin:
        raise ApiError(403, "access denied: fix is for administrators")
    credits = ctx.server.credits
    found = await credits.check()
    wrong = len(found["differences"])
    text = f"{wrong} of {found['accounts']} balances differ from their ledger" if wrong else \
        f"{found['accounts']} balances agree with their ledger"
    if fix:
        balances, reservations = await credits.fix(found["differences"])
        await settle(ctx, 1)
        text += f"; {balances} balances and {reservations} reservations put right"
    for each in found["differences"]:
        each.update(balance=decimal(each["balance"]), ledger=decimal(each["ledger"]))
    found["reserved"] = decimal(found["reserved"])
    return Answer(f"OK: {text}", found, warning=f"{wrong} balances differ from their ledger" if wrong else None)


@command("checkpins", group="money", access=ADMIN, reads=True,
         summary="PINs that are expired, booked twice or malformed, by their id")
async def checkpins(ctx):
    pins = ctx.server.pins
    rows = await pins.faults(MOST_PINS, ctx.actor)
    text = f"{len(rows)} PINs need attention" if rows.rows else f"{pins.count()} PINs are well"
    return Answer(f"OK: {text}", Rows(rows.columns, rows.rows, rows.truncated))
