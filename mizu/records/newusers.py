"""What a new account gets beside the fields that were sent (the manual's chapter Add user)."""

import ipaddress
import re

from ..base.errors import ApiError
from .account import ENDUSER, OWNER, SENDER
from .credentials import check_password, check_username

MOST_EXTRAS = 100
"""Numbers, and addresses, that one request may bring."""

_EXTRA = re.compile(r"(?:u_)?(num|authip)([0-9]{1,3})", re.ASCII)
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}", re.ASCII)
_DOMAIN = re.compile(r"[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?(\.[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)*", re.ASCII)
_WITH_PORT = re.compile(r"(\[[^]]+\]|[^:]+):([0-9]{1,5})", re.ASCII)


def completed(values, entropy):
    """Typed values -> (values with type, needauth and password, the password if it was made here)."""
    check_username(values.get("username") or "")
    values = {name: value for name, value in values.items() if value is not None}
    type = values.setdefault("type", ENDUSER)
    values.setdefault("needauth", 1 if type == SENDER else 4)
    if values.get("password"):
        check_password(values["password"])
        return values, None
    values["password"] = entropy.password()
    return values, values["password"]


def owner_of(values, entropy):
    """The parent reseller that `userautoaddwithowner` makes for a new end user: username_owner."""
    name = f"{values['username'][:58]}_owner"
    return {"username": name, "type": OWNER, "password": entropy.password(), "needauth": 4,
            "name": values.get("companyname") or values.get("name") or name,
            "companyname": values.get("companyname", ""), "currency": values.get("currency", "")}


def without_extras(fields):
    """The fields of an account without num1 … and authip1 …"""
    return {name: value for name, value in fields.items() if not _EXTRA.fullmatch(name)}


def extras(params):
    """Parameters -> ([number], [(host, port)]) of num1 … and authip1 …, with or without u_, in their order."""
    numbers, addresses = replacements(params)
    return numbers or [], addresses or []


def replacements(params):
    """The same for what replaces what is there: None for a kind that no parameter names; named empty it is []."""
    found = {"num": {}, "authip": {}}
    named = set()
    for name, value in params.items():
        match = _EXTRA.fullmatch(name)
        if match:
            named.add(match[1])
            if value.strip():
                found[match[1]][int(match[2])] = (name, value.strip())
    for kind, given in found.items():
        if len(given) > MOST_EXTRAS:
            raise ApiError(400, f"at most {MOST_EXTRAS} of {kind}1 … at once")
    return [[parse(text, name) for _, (name, text) in sorted(found[kind].items())] if kind in named else None
            for kind, parse in (("num", number), ("authip", address))]


def number(text, name="num"):
    """A telephone number without what people write between its digits."""
    plain = re.sub(r"[ ()/.-]", "", text)
    if not _NUMBER.fullmatch(plain):
        raise ApiError(400, f"parameter {name} takes a telephone number, not {text[:40]!r}")
    return plain


def address(text, name="authip"):
    """An address, network (10.0.0.0/8), range (10.0.0.1-10.0.0.9) or domain, with `:port` or without."""
    match = _WITH_PORT.fullmatch(text)
    host, port = (match[1].strip("[]"), int(match[2])) if match else (text, 0)
    if port > 65535 or not (_is_network(host) or _is_range(host) or _is_domain(host)):
        raise ApiError(400, f"parameter {name} takes an address, a range or a domain, not {text[:40]!r}")
    return host, port


def _is_domain(text):
    """Plausible: its last label is no number, else it is an address with a slip."""
    return _DOMAIN.fullmatch(text) and not text.rpartition(".")[2].isdigit()


def _is_network(text):
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_range(text):
    first, dash, last = text.partition("-")
    return bool(dash) and "/" not in text and _is_network(first.strip()) and _is_network(last.strip())
