"""From a request to the format of its answer: the manual's four steps (chapter Request/response format).

Accept as in RFC 9110 12.5.1.  Names of formats, no bytes.
"""

from functools import lru_cache

from ..base.errors import ApiError
from .media_type import parse_media_type, split_quoted

FORMATS = ("json", "xml", "text", "line", "html", "url", "soap", "jsonp", "cleartext", "csv", "pcap")

MEDIA_TYPES = {
    "application/json": "json", "text/json": "json", "application/xml": "xml", "text/xml": "xml",
    "application/rdf+xml": "xml", "text/plain": "text", "text/html": "html", "application/xhtml+xml": "html",
    "application/x-www-form-urlencoded": "url", "application/soap+xml": "soap", "text/csv": "csv",
    "application/*": "json", "text/*": "text",
}
"""What a media type asks for, in Accept, in the settings, and as `format`."""

_NAMES = {**{name: name for name in FORMATS}, **MEDIA_TYPES}
_BY_SYNTAX = {"json": "json", "xml": "xml", "soap": "soap", "rdf": "xml"}

MAX_RANGES = 64     # browsers send 8


def choose(format_param, forced, accept, syntax, default):
    """1 the parameter `format`, 2 forcehttpcontenttype, 3 guessed from the request, 4 defhttpcontenttype.

    Settings with an unknown value count as empty; an unknown `format` is ApiError 400.
    """
    if format_param:
        chosen = format_named(format_param)
        if chosen is None:
            raise ApiError(400, f"unknown format {format_param[:40]!r}, use one of {', '.join(FORMATS)}")
        return chosen
    return forced and format_named(forced) or guess(accept, syntax) or format_named(default) or "text"


def format_named(name):
    """A format by its name or its media type, in any case; None if there is none."""
    return _NAMES.get(name) or _NAMES.get(parse_media_type(name)[0])


def guess(accept, syntax):
    """What the request lets expect: its Accept, then the format it is written in itself; None if neither does."""
    own = _BY_SYNTAX.get(syntax)
    asked = guess_from_accept(accept) if accept else None
    if asked == "xml" and own == "soap":        # SOAP 1.1 clients accept text/xml
        return own
    return asked or own


@lru_cache(maxsize=256)     # one line a kind of client; a flood of others only costs the parsing
def guess_from_accept(accept):
    """The format that Accept wants most, of equals the first; None if it names none of ours or only `*/*`."""
    best, chosen = 0, None
    for element in split_quoted(accept, ",")[:MAX_RANGES]:
        media_range, params = parse_media_type(element)
        weight = _weight(params.get("q", "1"))
        if weight > best and media_range in MEDIA_TYPES:
            best, chosen = weight, MEDIA_TYPES[media_range]
    return chosen


def _weight(text):
    """A q-value in thousandths (RFC 9110 12.4.2: at most three digits after the point), 0 if it is none."""
    whole, _, digits = text.partition(".")
    if whole not in ("0", "1") or len(digits) > 3 or digits and not (digits.isascii() and digits.isdigit()):
        return 0
    weight = int(whole + digits.ljust(3, "0"))
    return weight if weight <= 1000 else 0
