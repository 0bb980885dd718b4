"""What a call would cost (the manual's chapter Rating)."""

from ..api.command import USER, command
from ..api.param import Param, phone
from ..base.errors import ApiError
from ..base.message import Answer
from ..records.price import LONGEST, maximum_duration
from ..records.values import decimal
from .accounts import U_ID, U_USERNAME


@command("rating", group="money", access=USER, reads=True, summary="Price of a call to a number or prefix",
         params=[Param("bnum", phone, "called number, or the beginning of one",
                       aliases=("bnun", "anum", "number", "prefix", "num")), U_ID, U_USERNAME])
def rating(ctx, bnum, u_id=None, u_username=None):
    nobody = ctx.principal.target is None and not ctx.is_admin      # opened to the public by a row of tb_api
    account = None if nobody else ctx.account(u_id, u_username, False)
    number = ctx.server.rates.form.beginning(bnum)
    rate = ctx.server.rates.find(account, number)
    if rate is None:
        raise ApiError(404, f"no price for {bnum}")
    data = described(rate)
    payer = account and ctx.server.rates.payer(account)
    if payer is not None and not payer.postpaid:
        most = ctx.server.settings.maxcallduration or LONGEST
        data["maxduration"] = maximum_duration(rate.tariff, ctx.server.reservations.available(payer), most)
    return Answer(f"{price_text(rate.tariff.minute)} {rate.currency}/min, Destination: {data['destination']}", data)


def described(rate):
    """A Rate as data: `rate` and `connectfee` are what the payer is charged, VAT and currency included; seconds."""
    entry, tariff = rate.entry, rate.tariff
    return {
        "rate": decimal(tariff.minute), "currency": rate.currency, "prefix": rate.prefix,
        "destination": rate.destination or entry.name or "", "timetype": rate.timetype,
        "connectfee": decimal(tariff.fee), "billingstep": tariff.billingstep, "minammount": tariff.minammount,
        "freeammount": tariff.freeammount, "freeafter": tariff.freeafter,
        "vatincluded": int(entry.vatincluded), "vatvalue": entry.vatvalue or 0, "pricelist": entry.name or "",
    }


def price_text(micros):
    """Micro-units, not negative -> `0.025`: all decimals there are, two at least."""
    whole, part = divmod(micros, 1_000_000)
    return f"{whole}." + f"{part:06d}".rstrip("0").ljust(2, "0")
