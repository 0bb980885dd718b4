"""When a certificate begins and ends (RFC 5280 4.1.2.5), read from PEM (RFC 7468) without the ssl module.

Knows of DER (X.690) what it takes to walk to the two dates; signatures are for others.
"""

import base64
import binascii
import re
from datetime import datetime, timezone

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----", re.ASCII)
_TIMES = {0x17: re.compile(rb"(\d\d)(\d{10})Z"), 0x18: re.compile(rb"(\d{4})(\d{10})Z")}
"""UTCTime and GeneralizedTime, as RFC 5280 narrows them."""

_INTEGER, _SEQUENCE, _VERSION = 0x02, 0x30, 0xA0


def validities(pem):
    """[(not before, not after)] in unix seconds of all certificates in a text; ValueError if one cannot be read."""
    try:
        return [validity(base64.b64decode("".join(found.split()), validate=True)) for found in _PEM.findall(pem)]
    except binascii.Error:
        raise ValueError("it is not Base64") from None


def validity(der):
    """(not before, not after) of one certificate in DER; ValueError."""
    _, at, end = _element(der, 0, len(der), _SEQUENCE)
    _, at, end = _element(der, at, end, _SEQUENCE)          # TBSCertificate
    tag, _, after = _element(der, at, end)
    if tag == _VERSION:
        at = after
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):            # serialNumber, signature, issuer
        _, _, at = _element(der, at, end, tag)
    _, at, end = _element(der, at, end, _SEQUENCE)
    begins, at = _time(der, at, end)
    ends, _ = _time(der, at, end)
    return begins, ends


def _element(der, at, end, wanted=None):
    """(tag, where its contents begin, where they end); ValueError where it does not fit or is another one."""
    if at + 2 > end:
        raise ValueError("it ends too early")
    tag, length, start = der[at], der[at + 1], at + 2
    if length > 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[at + 2:start], "big") if start <= end else end
    elif length == 0x80:
        raise ValueError("an element has no length")
    if start + length > end:
        raise ValueError("it ends too early")
    if wanted not in (None, tag):
        raise ValueError("it is no X.509 certificate")
    return tag, start, start + length


def _time(der, at, end):
    """(unix seconds, where the next element begins)."""
    tag, start, after = _element(der, at, end)
    found = _TIMES[tag].fullmatch(der[start:after]) if tag in _TIMES else None
    if found is None:
        raise ValueError("its dates cannot be read")
    year, rest = int(found[1]), found[2].decode()
    if tag == 0x17:
        year += 1900 if year >= 50 else 2000
    numbers = [int(rest[at:at + 2]) for at in range(0, 10, 2)]
    return datetime(year, *numbers, tzinfo=timezone.utc).timestamp(), after
