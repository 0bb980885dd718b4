"""Exchange rates: tb_currencies, whose `rate` tells how many units one of the default currency buys.

Amounts are integer micro-units and a rate is the decimal number that it reads as, so that a conversion is one exact
fraction, rounded once, a half upward.  Knows no account.
"""

from ..base.errors import ApiError


class Currencies:
    """db, settings (defaultcurrency)."""

    def __init__(self, db, settings):
        self.db = db
        self.settings = settings

    def named(self, name):
        """The currency that an account or a price means by `name`."""
        return name or self.settings.defaultcurrency

    def same(self, one, other):
        """Whether two names mean one currency; case ignored, as in the tables."""
        return self.named(one).lower() == self.named(other).lower()

    def convert(self, micros, source, target):
        """An amount in another currency.  ApiError 501 as of rate()."""
        numerator, denominator = self.exchange(source, target)
        return rounded(micros * numerator, denominator)

    def exchange(self, source, target):
        """Units of `target` for one of `source`, as (numerator, denominator).  ApiError 501 as of rate()."""
        if self.same(source, target):
            return 1, 1
        paid, each = self.rate(source)
        bought, per = self.rate(target)
        return bought * each, per * paid

    def rate(self, name):
        """Units for one of the default currency as (numerator, denominator).  ApiError 501 without such a currency, and
        where its rate was never set (0): money is not taken at par because nobody said.
        """
        if self.same(name, ""):
            return 1, 1
        rate = self.db.value("SELECT rate FROM tb_currencies WHERE name = ?", (self.named(name),))
        if rate is None:
            raise ApiError(501, f"there is no currency {self.named(name)[:16]} in tb_currencies")
        if rate.__class__ is not float or not 0 < rate < 1e12:
            raise ApiError(501, f"no exchange rate: set tb_currencies.rate of {self.named(name)[:16]}")
        return fraction(rate)


def fraction(number):
    """The decimal number that a float reads as (its repr) -> (numerator, denominator)."""
    digits, _, exponent = repr(float(number)).partition("e")
    whole, _, part = digits.partition(".")
    power = int(exponent or 0) - len(part)
    value = int(whole + part)
    return (value * 10 ** power, 1) if power >= 0 else (value, 10 ** -power)


def rounded(numerator, denominator):
    """A fraction as a whole number, a half upward; the denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)
