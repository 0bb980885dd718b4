"""Targets, queries and percent encoding (RFC 3986 2.1 and 3.4; the form encoding of the WHATWG URL standard).

Values are text.  Octets become text as UTF-8; what is not UTF-8 counts as Latin-1,
octet by octet, because old clients escape é as %E9.  Knows no parameter by name.
"""

from ..base.errors import ApiError

MAX_PARAMETERS = 1000    # ten times the longest documented request; more is an attack on the dict

_OCTETS = {a + b: bytes((int(a + b, 16),)) for a in "0123456789abcdefABCDEF" for b in "0123456789abcdefABCDEF"}
_LATIN = {0xDC00 + octet: octet for octet in range(0x80, 0x100)}


def split_target(target):
    """Request target -> (path, query), both as they were sent."""
    path, _, query = target.partition("?")
    return path, query


def parse_query(query):
    """`a=1&B=x+y` -> {"a": "1", "b": "x y"}: names in lower case, the first of equal names wins,
    a name without `=` has the value "", a pair without a name is dropped.
    ApiError 400 on more than MAX_PARAMETERS pairs."""
    if query.count("&") >= MAX_PARAMETERS:
        raise ApiError(400, f"more than {MAX_PARAMETERS} parameters")
    params = {}
    first = params.setdefault
    if "%" in query or "+" in query:
        for pair in query.replace("+", " ").split("&"):
            name, _, value = pair.partition("=")
            first(unquote(name).lower(), unquote(value))
    else:
        for pair in query.split("&"):
            name, _, value = pair.partition("=")
            first(name.lower(), value)
    params.pop("", None)
    return params


def unquote(text):
    """Percent escapes -> their characters; `+` and whatever is no escape stay as they are."""
    if "%" not in text:
        return text
    head, *pieces = text.split("%")
    octets = [_encode(head)]
    for piece in pieces:
        octet = _OCTETS.get(piece[:2])
        octets.append(b"%" + _encode(piece) if octet is None else octet + _encode(piece[2:]))
    return decode_octets(b"".join(octets))


def decode_octets(octets):
    """UTF-8 where it is UTF-8, elsewhere Latin-1; never fails."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("utf-8", "surrogateescape").translate(_LATIN)


def _encode(text):
    return text.encode("utf-8", "surrogatepass")    # JSON may hand us half a surrogate pair
