"""A payment card as it comes with a request, judged before anybody is asked (ISO/IEC 7812: number and check digit).

A Card is kept in memory while it is being used, and nowhere else: neither its text nor any fault found in it repeats
what was sent.
"""

import re

from ..base.errors import ApiError

LONGEST_VALID = 20
"""Years that a card may still be valid."""

_ORNAMENT = re.compile(r"[ -]+")
_NUMBER = re.compile(r"[0-9]{12,19}", re.ASCII)
_CODE = re.compile(r"[0-9]{3,4}", re.ASCII)
_MONTH = re.compile(r"0?[1-9]|1[0-2]", re.ASCII)
_YEAR = re.compile(r"(?:20)?[0-9]{2}", re.ASCII)


class Card:
    """number and code: digits as text; year (four digits) and month: integers."""
    __slots__ = ("number", "year", "month", "code")

    def __init__(self, number, year, month, code):
        self.number = number
        self.year = year
        self.month = month
        self.code = code

    @property
    def lastfour(self):
        return self.number[-4:]

    def __repr__(self):
        return f"Card(…{self.lastfour})"


def read_card(number, year, month, code, today):
    """The Card of four texts; `today` begins with YYYY-MM.  ApiError 422 that says which of them is wrong."""
    number = _ORNAMENT.sub("", number.strip())
    if not _NUMBER.fullmatch(number) or not has_check_digit(number):
        raise ApiError(422, "cardnum is no card number: a digit is wrong or missing")
    if not _YEAR.fullmatch(year.strip()) or not _MONTH.fullmatch(month.strip()):
        raise ApiError(422, "expireyear takes a year and expmonth a month from 1 to 12")
    if not _CODE.fullmatch(code.strip()):
        raise ApiError(422, "ccv2 takes the three or four digits of the card's security code")
    card = Card(number, 2000 + int(year.strip()[-2:]), int(month.strip()), code.strip())
    until, now = (card.year, card.month), (int(today[:4]), int(today[5:7]))
    if until < now:
        raise ApiError(422, "the card has expired")
    if until > (now[0] + LONGEST_VALID, now[1]):
        raise ApiError(422, f"no card is valid for more than {LONGEST_VALID} years")
    return card


def has_check_digit(number):
    """Luhn's sum (ISO/IEC 7812-1 annex B): every second digit from the right counts twice, as the sum of its digits."""
    total = 0
    for place, digit in enumerate(map(int, reversed(number))):
        total += digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return total % 10 == 0
