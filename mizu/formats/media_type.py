"""Media types and their parameters (RFC 9110 8.3.1, 5.6.6), and the charsets that requests may use."""

import re

from ..base.errors import ApiError
from ..wire.query import decode_octets

CHARSETS = {"utf-8": "utf-8-sig", "utf8": "utf-8-sig", "us-ascii": "ascii", "ascii": "ascii",
            "iso-8859-1": "latin-1", "latin1": "latin-1", "iso-8859-2": "iso-8859-2", "iso-8859-15": "iso-8859-15",
            "windows-1250": "cp1250", "windows-1251": "cp1251", "windows-1252": "cp1252",
            "utf-16": "utf-16"}

_QUOTED_PAIR = re.compile(r'\\(["\\])')     # other backslashes stay: browsers of old send C:\dir\file


def split_quoted(text, mark):
    """The pieces between the marks that stand outside quoted strings."""
    if '"' not in text:
        return text.split(mark)
    pieces, inside = [], False
    for piece in text.split(mark):
        if inside:
            pieces[-1] += mark + piece
        else:
            pieces.append(piece)
        inside ^= _QUOTED_PAIR.sub("", piece).count('"') & 1
    return pieces


def parse_media_type(text):
    """`Text/HTML; Charset="utf-8"` -> ("text/html", {"charset": "utf-8"}).  Of a name given twice the first counts."""
    head, *rest = split_quoted(text, ";")
    params = {}
    for piece in rest:
        name, _, value = piece.partition("=")
        value = value.strip()
        if value[:1] == '"':
            value = _QUOTED_PAIR.sub(r"\1", value[1:-1] if value[-1] == '"' and len(value) > 1 else value[1:])
        params.setdefault(name.strip().lower(), value)
    return head.strip().lower(), params


def decode(data, charset=""):
    """Bytes -> text by a charset of the table; without one like the octets of a URL.  A byte order mark is dropped."""
    if not charset:
        return decode_octets(data).removeprefix("\ufeff")
    codec = CHARSETS.get(charset.strip().lower())
    if codec is None:
        raise ApiError(400, f"unknown charset {charset[:40]!r}, send utf-8")
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise ApiError(400, f"the text is not valid {charset} at byte {error.start}") from None
