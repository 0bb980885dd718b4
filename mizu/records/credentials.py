"""Passwords as they are kept, and names and passwords as they are accepted.

`passwordstore` plain keeps what the manual's digests need; ha1 keeps SIP's HA1 (RFC 2617 3.2.2.2) and a salted
scrypt hash (RFC 7914), and the digests over the password cannot work then.
"""

import hashlib
import re

from ..base.errors import ApiError

_USERNAME = re.compile(r"[0-9A-Za-z_.+@-]{1,64}", re.ASCII)

MAX_PASSWORD = 128
"""Characters: a hash of longer ones would be work for whoever asks."""


def check_username(name):
    """The name of an account, or ApiError 400."""
    if not _USERNAME.fullmatch(name):
        raise ApiError(400, "parameter u_username takes 1 to 64 of the characters 0-9 A-Z a-z _ . + @ -, "
                            f"not {name[:40]!r}")
    return name


def check_password(text, shortest=1):
    """A password, or ApiError 422."""
    if not text:
        raise ApiError(422, "the password is empty")
    if len(text) < shortest:
        raise ApiError(422, f"the password is too short: at least {shortest} characters (minpasswordlength)")
    if len(text) > MAX_PASSWORD or not text.isprintable():
        raise ApiError(422, f"a password is up to {MAX_PASSWORD} printable characters")
    return text


def disabled_name(username, id):
    """What a disabled account is renamed to (disabletype 3), so that its name is free; None if it is already."""
    return f"{username}_disabled_{id}" if enabled_name(username, id) is None else None


def enabled_name(username, id):
    """The name before disabled_name(), or None."""
    name = username.removesuffix(f"_disabled_{id}")
    return name if name != username else None


def ha1(username, realm, password):
    """H(A1) of RFC 2617 3.2.2.2."""
    return hashlib.md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()


def realm(settings):
    return settings.realm or settings.domain or "mizud"


def stored(row, username, settings):
    """The columns that keep the password of `row`; its passwordhash was made beforehand, see hashed()."""
    password = row["password"]
    if settings.passwordstore == "plain" or not password:
        return {"password": password, "ha1": "", "passwordhash": ""}
    return {"password": "", "ha1": ha1(username, realm(settings), password),
            "passwordhash": row.get("passwordhash", "")}


async def hashed(values, settings, workers, entropy):
    """Add the passwordhash to values that hold a password, where `passwordstore` keeps one; takes a worker."""
    values.pop("passwordhash", None)
    if settings.passwordstore == "ha1" and values.get("password"):
        values["passwordhash"] = await workers.run(scrypt, values["password"], entropy.bytes(16))
    return values


def scrypt(password, salt):
    """`scrypt$N$r$p$salt$hash` in hex; 16 MiB and some 50 ms."""
    if not hasattr(hashlib, "scrypt"):
        raise ApiError(501, "passwordstore=ha1 needs hashlib.scrypt, which this Python lacks (it comes with ssl)")
    digest = hashlib.scrypt(password.encode(), salt=salt, n=16384, r=8, p=1, maxmem=64 << 20)
    return f"scrypt$16384$8$1${salt.hex()}${digest.hex()}"
