"""The manual's "XOR + Base64 encoding" of requests (Authentication, `httpapiencryptkey`).

Each byte XOR the key repeated, mod 128, then Base64 (RFC 4648) with `- _ .` for
`= + /`.  Mod 128 is the original's: a key byte of 128 or more counts without its
top bit, and only 7-bit text survives.  It hides requests from a glance and is no
encryption.  A text is read only in the one form that encode() gives it.
"""

import base64
import binascii

from ..base.errors import ApiError
from .query import parse_query

WHOLE = "mcrfs"         # parameter whose value is a query, or a target with one
VALUE = "oenc1_"        # in front of a single value

_MOD_128 = bytes(byte & 0x7F for byte in range(256))
_OUT = bytes.maketrans(b"=+/", b"-_.")
_IN = bytes.maketrans(b"-_.=+/", b"=+/\0\0\0")
_PLAIN = bytes((0x09, 0x0A, 0x0D, *range(0x20, 0x7F)))


def encode(text, key):
    """7-bit text -> its encoded form; other text is a ValueError.  `key`: the setting's text, or bytes."""
    data = text.encode("ascii")
    return base64.b64encode(_xor(data, key)).translate(_OUT).decode("ascii")


def decode(text, key):
    """What encode() was given.  ApiError 400 for all that encode() cannot have made of printable text,
    in one wording, so that nothing is learned of the key; 501 without a key."""
    try:
        octets = text.encode("ascii").translate(_IN)
        coded = binascii.a2b_base64(octets, strict_mode=True)
        plain = _xor(coded, key)
        if plain.translate(None, _PLAIN) or not coded.isascii() or base64.b64encode(coded) != octets:
            raise ValueError
    except ValueError:          # binascii.Error and UnicodeError are ValueErrors
        raise ApiError(400, "the encoded request cannot be read") from None
    return plain.decode("ascii")


def reveal(params, key):
    """Parameters as the client meant them: `mcrfs` opened, then every value that begins with `oenc1_`.

    What mcrfs holds counts before equal names in clear, and names the command by a path
    `…mvapi…/NAME?…`, too.  Opened once: neither is looked for in what came out of itself.
    Returns `params` itself if nothing is encoded.  Raises as decode().
    """
    if WHOLE in params:
        rest = {name: value for name, value in params.items() if name != WHOLE}
        params = {**rest, **_parse_target(decode(params[WHOLE], key))}
        params.pop(WHOLE, None)
    if any(value.startswith(VALUE) for value in params.values()):
        params = {name: decode(value[len(VALUE):], key) if value.startswith(VALUE) else value
                  for name, value in params.items()}
    return params


def _parse_target(text):
    """`a=1&b=2`, or with a path or URL in front, -> parameters."""
    path, mark, query = text.partition("?")
    if not mark or "=" in path:         # a `?` inside a value
        return parse_query(text)
    params = parse_query(query)
    *folders, name = path.split("/")
    if name and folders and "mvapi" in folders[-1].lower():
        params.setdefault("apientry", name)
    return params


def _xor(data, key):
    """Every byte XOR the key repeated, mod 128; both ways the same."""
    if isinstance(key, str):
        key = key.encode("utf-8", "surrogateescape")
    if not key:
        raise ApiError(501, "encryption is disabled: set httpapiencryptkey")
    stream = (key * (len(data) // len(key) + 1))[:len(data)]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(len(data), "big").translate(_MOD_128)
