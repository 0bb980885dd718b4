"""What talking costs: the one price() of quote, reservation, final charge and re-billing.

Seconds are rounded up, raised to the minimum, then to the next step; the free ones come off, and beyond `freeafter`
nothing more is counted.  Connect fee + price · seconds / 60, then VAT, then the currency: one exact fraction of
integers, rounded once, a half upward.  Pure: knows no table, no clock and no account.
"""

from math import ceil

from .currencies import fraction, rounded

MICRO = 1_000_000

LONGEST = 10**9
"""Seconds of a call that nothing ends: thirty years."""


class Tariff:
    """price        micro-units a minute
    connectfee   micro-units once, as soon as there is a second
    billingstep  seconds that are begun count as a whole (1 or more)
    minammount   seconds that count at least
    freeammount  seconds at the start that cost nothing
    freeafter    seconds after which the rest costs nothing, 0: none does
    vatvalue     per cent that come on top where not `vatincluded`
    rate         (numerator, denominator): units of the payer's currency for one of the price's

    ValueError for what would pay the caller: a negative price, fee, VAT or rate.
    """
    __slots__ = ("price", "connectfee", "billingstep", "minammount", "freeammount", "freeafter",
                 "numerator", "denominator")

    def __init__(self, price, connectfee=0, billingstep=1, minammount=0, freeammount=0, freeafter=0,
                 vatincluded=True, vatvalue=0, rate=(1, 1)):
        self.price = price
        self.connectfee = connectfee
        self.billingstep = max(int(billingstep or 1), 1)
        self.minammount = max(int(minammount or 0), 0)
        self.freeammount = max(int(freeammount or 0), 0)
        self.freeafter = max(int(freeafter or 0), 0)
        vat, hundred = fraction(0 if vatincluded else vatvalue or 0)
        if price < 0 or connectfee < 0 or vat < 0 or rate[0] <= 0 or rate[1] <= 0:
            raise ValueError("a price, a connect fee, a VAT and a currency's rate are never below zero")
        hundred *= 100
        self.numerator = (hundred + vat) * rate[0]
        self.denominator = 60 * hundred * rate[1]

    @property
    def minute(self):
        """What a minute costs, VAT and currency included, in micro-units."""
        return rounded(self.price * 60 * self.numerator, self.denominator)

    @property
    def fee(self):
        """The connect fee, VAT and currency included, in micro-units."""
        return rounded(self.connectfee * 60 * self.numerator, self.denominator)


def billed(tariff, seconds):
    """Talk seconds -> those that the price per minute is multiplied with."""
    step = tariff.billingstep
    counted = -(-max(ceil(seconds), tariff.minammount) // step) * step - tariff.freeammount
    if counted <= 0:
        return 0
    return min(counted, tariff.freeafter) if tariff.freeafter else counted


def price(tariff, seconds):
    """Talk seconds -> micro-units of the payer's currency; no talk costs nothing."""
    if seconds <= 0:
        return 0
    minutes = tariff.connectfee * 60 + tariff.price * billed(tariff, seconds)
    return rounded(minutes * tariff.numerator, tariff.denominator)


def maximum_duration(tariff, available, most=LONGEST):
    """The most whole seconds d that `available` micro-units pay: price(d) ≤ available < price(d + billingstep).
    Where no duration costs more than that, `most`; never more than `most`."""
    # rounded(x) ≤ available means 2x < 2·available + 1, x = (fee·60 + price·s) · numerator / denominator
    room = (2 * available + 1) * tariff.denominator - 120 * tariff.connectfee * tariff.numerator
    if room <= 0:
        return 0
    each = 2 * tariff.price * tariff.numerator
    if not each:
        return most
    paid = (room - 1) // each
    if tariff.freeafter and tariff.freeafter <= paid:
        return most
    step = tariff.billingstep
    longest = (paid + tariff.freeammount) // step * step
    return min(longest, most) if longest >= max(tariff.minammount, 1) else 0
