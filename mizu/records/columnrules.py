"""What the columns of tb_users take beyond their type, one row a column (DATA.md 1): a value that no account could
mean is refused by the field's name before anything is written.  A column without a row takes what its type does.
"""

import re

from ..base.errors import ApiError
from .account import TYPES
from .newusers import address, number

_DATE = re.compile(r"\d{4}-[01]\d-[0-3]\d([ T][0-2]\d:[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?", re.ASCII)


class Rule:
    """takes    in words, behind `parameter NAME takes`
    value(x)    as it is stored; ValueError for what does not fit
    """
    __slots__ = ("takes", "value")

    def __init__(self, takes, value):
        self.takes = takes
        self.value = value


def _choice(names):
    """One of {number: what it means}."""
    def value(given):
        if given not in names:
            raise ValueError
        return given
    return Rule(f"one of {', '.join([f'{key} {word}'.rstrip() for key, word in names.items()])}", value)


def _range(low, high, words):
    def value(given):
        if not low <= given <= high:
            raise ValueError
        return given
    return Rule(words, value)


def _text(takes, function):
    """A text that may be empty."""
    def value(given):
        given = given.strip()
        if given:
            try:
                return function(given)
            except ApiError:
                raise ValueError from None
        return given
    return Rule(takes, value)


def _moment(text):
    """A date, with its time or without, as all tables have it."""
    if not _DATE.fullmatch(text):
        raise ValueError
    return text


_FLAG = _choice({0: "", 1: ""})
_DIGIT = _range(0, 9, "a number from 0 to 9")
_ID = _range(0, 2**53, "the id of a row, 0 for none")
_AMOUNT = _range(0, 999_999_999.999999, "an amount from 0 to 1000000000, 0 for no limit")
_RTP = _choice({0: "as the other side says", 1: "leave it", 2: "correct it if needed", 3: "relay behind NAT",
                4: "relay for the caller", 5: "relay for the called", 6: "relay for any", 7: "always relay"})

RULES = {
    "type": _choice(TYPES),
    "rights": _choice({0: "as the type says", 10: "no login", 20: "login only", 30: "normal", 40: "sales", 50: "admin",
                       60: "general admin"}),
    "needauth": _choice({0: "none", 1: "address", 2: "tech prefix", 3: "tech prefix and address",
                         4: "user name and password", 5: "user name", 6: "address and port",
                         7: "address and user name", 8: "address and password", 9: "address range",
                         10: "address range and password"}),
    "protocol": _choice({0: "UDP", 1: "TCP", 2: "TLS"}),
    "cli": _choice({0: "always forward", 1: "normal", 2: "asserted identity", 3: "asserted to trusted domains",
                    4: "hide", 5: "hide all"}),
    "rgmode": _choice({0: "all at once", 1: "one after the other"}),
    "routertpcaller": _RTP,
    "routertpcalled": _RTP,
    **dict.fromkeys(("enabled", "temporarydisabled", "postpaid", "iscompany", "needregister"), _FLAG),
    **dict.fromkeys("""isoperator paymentmode candial usecallingcard iscallback anumberlookup ivrbilling record
        needcodeconversion convertdtmf changesptoring forwardearlystart voicemail voicemailonbusy voicemailonnoansw
        voicemailalways playadv playdisc sendsmsalert sendemailalert sendsmsreport senddailyemail sendlowcreditemail
        sendmonthlyemail sendotheremail notifymissedsms notifymissedemail""".split(), _DIGIT),
    **dict.fromkeys(("parentid", "billinguserid", "packetid", "belongstocompany", "addedby", "ivrid"), _ID),
    **dict.fromkeys(("dailylimit", "monthlylimit"), _AMOUNT),
    "status": _choice({-1: "unregistered", 0: "offline", 1: "registered", 2: "ringing", 3: "in call"}),
    **dict.fromkeys(("adddate", "statusdate"), _text("a date as 2027-01-31 23:59:59, in UTC", _moment)),
    "maxlines": _range(0, 1_000_000, "0 for no limit, or how many calls at once"),
    "billingday": _range(1, 31, "a day of the month from 1 to 31"),
    "port": _range(0, 65535, "a port from 0 to 65535"),
    "noanswertimeout": _range(0, 3600, "seconds from 0 to 3600"),
    "regival": _range(0, 604_800, "seconds from 0 to 604800"),
    "telnumber": _text("a telephone number", number),
    "authip": _text("an address, a range or a domain", lambda text: (address(text), text)[1]),
}


def judge(row, prefix=""):
    """{column: value of its type} -> the same, as the rules have it.  ApiError 400."""
    for name in RULES.keys() & row.keys():
        rule, given = RULES[name], row[name]
        if given is None:
            continue
        try:
            row[name] = rule.value(given)
        except (ValueError, TypeError, AttributeError):
            raise ApiError(400, f"parameter {prefix}{name} takes {rule.takes}, not {_shown(given)}") from None
    return row


def _shown(given):
    return repr(given[:40]) if isinstance(given, str) else f"{given:g}" if isinstance(given, float) else given
