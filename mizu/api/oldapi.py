"""The old API: `COMMAND?key=SERVERKEY&user&password&number&now`, mapped onto the table (see the manual's "old API").

Values have an order and need no names; those that have one are known by the old names and by the new.  Knows no
transport, and of the table only the names.
"""

from ..base.errors import ApiError
from ..formats.request import Parsed
from .command import TABLE
from ..wire.query import MAX_PARAMETERS, unquote

UNKNOWN, FAILED, PIN, NO_NUMBER = 406, 412, 420, 421
"""Codes of the old API, beside 200, 403 (authentication) and 404 (no such user)."""

COMMANDS = {
    "p2p": ("p2p", ("anum", "bnum")),
    "sms": ("sms", ("to", "txt")),
    "cb": ("callback", ("num",)),
    "callback": ("callback", ("num",)),
    "balance": ("balance", ()),
    "rating": ("rating", ("bnum",)),
    "addcredit": ("addcredit", ("credit",)),
    "adduser": ("adduser", ("u_username", "u_password")),
    "cli": ("cli", ("anum",)),
    "recharge": ("charge", ("pin",)),
    "charge": ("charge", ("pin",)),
}
"""Its name -> (command, the command's own values, which follow user and password or a PIN)."""

WITHOUT_USER = frozenset(("adduser",))
"""Commands whose user and password are those of the new account; the key and the address prove who asks."""

_CREDENTIALS = {"username": "authid", "user": "authid", "password": "authpwd", "pwd": "authpwd", "md5": "authmd5",
                "salt": "authsalt"}
_NEW_ACCOUNT = {"username": "u_username", "user": "u_username", "password": "u_password", "pwd": "u_password"}
_VALUES = {"number": 0, "number1": 0, "number2": 1, "code": 0, "text": 1, "amount": 0}
_NOISE = ("now", "new")


def read_old(path, query):
    """`/xmapi/COMMAND`, the raw query -> (Parsed, whether a PIN stands for user and password).
    ApiError 406 for an unknown command, 421 for a missing number."""
    name = path.lower().partition("/xmapi/")[2].rstrip("/").rpartition("/")[2]
    if name not in COMMANDS:
        there = ", ".join([each for each, (target, _) in COMMANDS.items() if target in TABLE])
        raise ApiError(UNKNOWN, f"{f'unknown command {name[:40]!r}' if name else 'missing command'}, there are {there}")
    bare, params = _split(query)
    params = named(name, params)
    target, values = COMMANDS[name]
    wanted = [value for value in values if value not in params]
    pin = _who(name, bare, len(wanted), params)
    for value, text in zip(wanted, bare):
        params[value] = text
    if not all([params.get(value) for value in values]):
        raise ApiError(NO_NUMBER, f"{name} takes {', '.join(values)}")
    params["apientry"] = target
    return Parsed("url", "", params), pin


def named(name, params):
    """Parameters by their old names -> the same by the command's."""
    values = COMMANDS[name][1]
    given = dict(params)
    pincode = given.pop("pincode", "")
    if pincode and "authid" not in given:
        given["authid"] = given["authpwd"] = pincode
    names = _NEW_ACCOUNT if name in WITHOUT_USER else {
        **_CREDENTIALS, **{old: values[index] for old, index in _VALUES.items() if index < len(values)}}
    for old, new in {"key": "authkey", **names}.items():
        if old in given and old != new:
            given.setdefault(new, given.pop(old))
    return given


def is_old(name, params):
    """Whether a request to the new API is one of the old: it says whose it is, but not in the new words."""
    return "authid" not in params and name in COMMANDS and (
        "pincode" in params or "username" in params and ("password" in params or "pwd" in params))


def old_code(code, pin):
    """Code of an Answer -> code of the old API."""
    if code in (UNKNOWN, PIN, NO_NUMBER, 404):
        return code
    if code in (401, 403):
        return PIN if pin else 403
    return 200 if 200 <= code < 300 else FAILED


def _split(query):
    """([values without a name], {name: value}); the first of equal names wins, trailing `now` means nothing."""
    if query.count("&") >= MAX_PARAMETERS:
        raise ApiError(FAILED, f"more than {MAX_PARAMETERS} parameters")
    bare, params = [], {}
    for pair in filter(None, query.replace("+", " ").split("&")):
        name, equals, value = pair.partition("=")
        if equals:
            params.setdefault(unquote(name).lower(), unquote(value))
        else:
            bare.append(unquote(pair))
    while bare and bare[-1] in _NOISE:
        bare.pop()
    return bare, params


def _who(name, bare, wanted, params):
    """Take user and password, or a PIN, off the front of the values; whether it was a PIN."""
    if name in WITHOUT_USER:
        return False
    if "authid" in params:
        return params["authid"] == params.get("authpwd")
    if len(bare) >= wanted + 2:
        params["authid"], params["authpwd"] = bare[:2]
        del bare[:2]
        return False
    if bare:
        params["authid"] = params["authpwd"] = bare.pop(0)
    return "authid" in params
