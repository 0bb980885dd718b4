"""Credit by card, through the gateway of the setting paymenturl (the manual's cccharge)."""

from ..api.command import USER, command
from ..api.param import Param, money, secret, username
from ..api.trust import LOOPBACK
from ..base.errors import ApiError
from ..records.values import decimal
from .recharge import credited, own_account

CARD = (Param("cardnum", secret, "number of the card", aliases=("cardnumber",)),
        Param("expireyear", secret, "year it expires in", aliases=("expyear",)),
        Param("expmonth", secret, "month of that year", aliases=("expiremonth",)),
        Param("ccv2", secret, "security code of the card", aliases=("cvv2", "cvv", "cvc")))
"""Judged where no answer repeats what was sent, and so is the amount: somebody may mistake the order."""

AMOUNT = Param("ammount", secret, "what to pay, in the currency of the account", aliases=("amount",))

REQUEST = Param("requestid", username, "your own name of the payment: whatever repeats it is the same payment")


@command("cccharge", group="money", access=USER, alone=True, limit=(0.5, 10),
         summary="Pays by card, over HTTPS only, and credits what the payment gateway approves",
         params=[*CARD, AMOUNT, REQUEST])
async def cccharge(ctx, cardnum, expireyear, expmonth, ccv2, ammount, requestid=""):
    _forget(ctx)
    _judge_line(ctx)
    server, account = ctx.server, own_account(ctx)
    payments = server.payments
    payments.gateway.require()
    card = payments.card(cardnum, expireyear, expmonth, ccv2)
    payment, known = await payments.charge(account, card, _amount(ammount), ctx.actor, requestid)
    await server.db.durable()
    return _told(ctx, account, payment, known)


def _told(ctx, account, payment, known):
    """The answer to a payment as it stands."""
    if payment.open:
        raise ApiError(504, f"the payment gateway has not answered clearly: payment {payment.id} stays open and will be"
                       " credited or closed by itself, do not pay again", control="NORETRY")
    if payment.state == "declined":
        raise ApiError(422, f"payment {payment.id} was declined" + (f": {payment.comment}" if payment.comment else ""))
    server = ctx.server
    answer = credited(ctx, account, server.ledger.balance(account.id) or 0,
                      {"amount": decimal(payment.micros), "payment": payment.id, "reference": payment.reference})
    if payment.comment.startswith("not credited"):
        answer.warning = f"payment {payment.id} was approved, but {payment.comment}: tell the operator"
    elif known:
        answer.warning = f"payment {payment.id} had been asked for already and was made once"
    return answer


def _forget(ctx):
    """The card leaves the request, which actions, audit and log look at when the command is done."""
    names = {name for names, param, _ in ctx.command.keys if param in CARD for name in names}
    request = ctx.request
    request.params = {name: text for name, text in request.params.items() if name not in names}


def _judge_line(ctx):
    """ApiError 403 where somebody may listen."""
    request = ctx.request
    own = request.direct and ctx.server.trust.flags(request.peer.host) & LOOPBACK
    if not (request.peer.secure or own):
        raise ApiError(403, "access denied: a card is taken over HTTPS only")


def _amount(text):
    try:
        return money.parse(text)
    except ValueError:
        raise ApiError(400, f"parameter ammount takes {money.takes}") from None
