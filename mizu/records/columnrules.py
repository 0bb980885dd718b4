"""What the columns of accounts, prices and money take beyond their type, one row a column (DATA.md 1): a value that
nobody could mean is refused by the field's name before anything is written.  A column without a row takes what its
type does.
"""

import re

from ..base.errors import ApiError
from .account import TYPES
from .newusers import address, number
from .timetype import minutes, parse_days

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


def _hour(text):
    if minutes(text) is None:
        raise ValueError
    return text


def _days(text):
    if parse_days(text) is None:
        raise ValueError
    return text


def _matching(pattern):
    """The text without blanks around, if it is one."""
    pattern = re.compile(pattern, re.ASCII)

    def value(text):
        text = text.strip()
        if not pattern.fullmatch(text):
            raise ValueError
        return text
    return value


_FLAG = _choice({0: "", 1: ""})
_DIGIT = _range(0, 9, "a number from 0 to 9")
_ID = _range(0, 2**53, "the id of a row, 0 for none")
_AMOUNT = _range(0, 999_999_999.999999, "an amount from 0 to 1000000000, 0 for no limit")
_RTP = _choice({0: "as the other side says", 1: "leave it", 2: "correct it if needed", 3: "relay behind NAT",
                4: "relay for the caller", 5: "relay for the called", 6: "relay for any", 7: "always relay"})

_PRICE = _range(0, 999_999_999.999999, "an amount from 0 to 1000000000")
_WORTH = _range(0.000001, 999_999_999.999999, "an amount above 0 and below 1000000000")
_SECONDS = _range(0, 86_400, "seconds from 0 to 86400")
_TIME = _text("a time of the day as 08:00", _hour)
_DATE_TIME = _text("a date as 2027-01-31 23:59:59, in UTC", _moment)

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
    **dict.fromkeys(("adddate", "statusdate"), _DATE_TIME),
    "maxlines": _range(0, 1_000_000, "0 for no limit, or how many calls at once"),
    "billingday": _range(1, 31, "a day of the month from 1 to 31"),
    "port": _range(0, 65535, "a port from 0 to 65535"),
    "noanswertimeout": _range(0, 3600, "seconds from 0 to 3600"),
    "regival": _range(0, 604_800, "seconds from 0 to 604800"),
    "telnumber": _text("a telephone number", number),
    "authip": _text("an address, a range or a domain", lambda text: (address(text), text)[1]),
}

TABLES = {
    "tb_users": RULES,
    "tb_billentries": {
        "type": _choice({1: "end user", 2: "provider", 3: "sales", 4: "company", 5: "other"}),
        **dict.fromkeys(("billingstep", "minammount", "freeammount"), _SECONDS),
        "freeafter": _range(0, 10**9, "seconds from 0 to 1000000000"),
        **dict.fromkeys(("connectfee", "vatvalue"), _PRICE),
        "vatincluded": _FLAG,
        **dict.fromkeys(("packetid", "userid", "parentid"), _ID),
        **dict.fromkeys(("validfrom", "validto"), _DATE_TIME)},
    "tb_billingtimes": {
        "prefix": Rule("the beginning of a number in normal form, without + in front",
                       _matching(r"|[^\s+][^\s]{0,63}")),
        "price": _PRICE,
        "timetype": _range(0, 11, "a number from 0 to 11"),
        **dict.fromkeys(("fromtime", "totime"), _TIME),
        "day": _text("days as 1-5, sat,sun, 2026-12-31 or 12-24", _days)},
    "tb_holidays": {
        "day": Rule("a day as 2026-12-31, or 12-24 of every year",
                    _matching(r"(?:[0-9]{4}-)?(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"))},
    "tb_currencies": {
        "name": Rule("a name as USD", _matching(r"[^\s]{1,16}")),
        "rate": _range(0, 999_999_999.999999, "units for one of the default currency, 0 if they are not known")},
    "tb_prepaidcodes": {
        "pin": Rule("4 to 64 of the characters 0-9 A-Z a-z _ -", _matching("[0-9A-Za-z_-]{4,64}")),
        "value": _WORTH,
        "enabled": _FLAG,
        **dict.fromkeys(("validfrom", "validto"), _DATE_TIME)},
    "tb_reservations": {"amount": _PRICE},
}


def judge(row, prefix="", table="tb_users"):
    """{column: value of its type} -> the same, as the rules have it.  ApiError 400."""
    rules = TABLES.get(table, {})
    for name in rules.keys() & row.keys():
        rule, given = rules[name], row[name]
        if given is None:
            continue
        try:
            row[name] = rule.value(given)
        except (ValueError, TypeError, AttributeError):
            raise ApiError(400, f"parameter {prefix}{name} takes {rule.takes}, not {_shown(given)}") from None
    return row


def _shown(given):
    return repr(given[:40]) if isinstance(given, str) else f"{given:g}" if isinstance(given, float) else given
