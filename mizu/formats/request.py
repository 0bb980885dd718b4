"""One request as text or as the body of a POST -> Parsed: which format it is in, and what it says.

Texts are what a line, a datagram, a WebSocket message or a SIP header holds: a URL or a part of one, JSON, XML,
or lines key=value.  A URL is read as a browser would send it.  Knows no command, and of HTTP only Content-Type.
"""

import re

from ..base.errors import ApiError
from .ini import parse_ini
from .json_in import parse_json
from .media_type import decode, parse_media_type
from .multipart import parse_multipart
from .xml_in import parse_xml
from ..wire.query import parse_query

MAX_BODY = 8 << 20      # a form with a file: a fax, a welcome message
MAX_TEXT = 256 << 10    # all else is parsed in one go on the loop, at some 10 ms for that much

SYNTAXES = {
    "": "text", "text/plain": "text", "application/octet-stream": "text", "application/x-www-form-urlencoded": "form",
    "multipart/form-data": "multipart",
    "application/json": "json", "text/json": "json", "text/x-json": "json",
    "application/xml": "xml", "text/xml": "xml", "application/soap+xml": "xml", "application/rdf+xml": "xml",
    "text/ini": "ini", "text/x-ini": "ini", "application/ini": "ini", "application/x-ini": "ini",
}
"""Content-Type -> how to read the body; "text" and "form" (curl's default, whatever it sends) also look at it."""

_ENDS = " \t\r\n\0"
_JSON = re.compile(r"\{|\[[ \t\r\n]*[{\]]")         # an array of anything else than objects is a section of an ini file
_METHOD = re.compile(r"(?:GET|POST|HEAD)[ \t]+")
_VERSION = re.compile(r"HTTP/\d\.\d", re.I)
_URL = re.compile(r"https?:|/|\?|mvapi\w*[/?]", re.I)
_SERVER = re.compile(r"^https?:[/ ]*[^/?#]*", re.I)  # the manual has `http:// 10.2.2.2/…` too
_WORD = re.compile(r"[a-z]\w{1,63}", re.I)


class Parsed:
    """What a request says, before anybody asks whether it may.

    syntax   url form json ini xml soap rdf text
    path     of a URL ("/mvapireq/NAME"), else ""
    params   {name in lower case: text}, or a list of them: a batch
    files    {field: (file name, bytes)} of a multipart form, or None
    """
    __slots__ = ("syntax", "path", "params", "files")

    def __init__(self, syntax, path, params, files=None):
        self.syntax = syntax
        self.path = path
        self.params = params
        self.files = files

    def __repr__(self):
        return f"Parsed({self.syntax}, {self.path!r}, {self.params!r})"


def read_text(text):
    """A whole request in one text.  ApiError 400 says what is wrong with it."""
    if text[:11] == "/mvapireq/?":          # what nearly all send; no blank, line break or fragment to take off
        if text.isascii() and text[-1] > " " and not ("#" in text or "\n" in text or "\r" in text):
            return Parsed("url", "/mvapireq/", parse_query(text[11:]))
    elif text[:9] == "apientry=":
        if text.isascii() and text[-1] > " " and not ("#" in text or "\n" in text or "\r" in text):
            return Parsed("url", "", parse_query(text))
    if len(text) > MAX_TEXT:
        raise ApiError(400, f"the request is longer than {MAX_TEXT} characters")
    text = text.lstrip("\ufeff").strip(_ENDS)
    if text[:1] == "<":
        inside = text[1:-1].strip(_ENDS)
        if text[-1] != ">" or inside[:4] == "?xml" or not _URL.match(inside):
            return _xml(text, None)
        text = inside
    return _text(text, "url")


def read_body(content_type, body):
    """The body of a POST; params are {} if it is empty.  ApiError 400 says what is wrong and what is accepted."""
    if not body:
        return Parsed("form", "", {})
    kind, attributes = parse_media_type(content_type or "")
    syntax = SYNTAXES.get(kind) or _by_suffix(kind)
    if len(body) > (MAX_BODY if syntax == "multipart" else MAX_TEXT):
        raise ApiError(400, f"the body is longer than {MAX_BODY} bytes for a form with files, {MAX_TEXT} for all else")
    if syntax == "multipart":
        return Parsed("form", "", *parse_multipart(body, attributes.get("boundary", "")))
    charset = attributes.get("charset", "")
    if syntax == "xml" or syntax in ("text", "form") and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return _xml(body, charset)
    text = decode(body, "utf-8" if syntax == "json" else charset).strip(_ENDS)   # JSON is UTF-8 (RFC 8259 8.1)
    if syntax == "json":
        return Parsed("json", "", parse_json(text))
    if syntax == "ini":
        return Parsed("ini", "", parse_ini(text))
    return _text(text, syntax)


def meant(text, content_type=""):
    """The syntax that a request is in which cannot be read (text, or the octets of a body): json xml soap, else url."""
    start = text[:1024]
    start = (start if isinstance(start, str) else start.decode("latin-1")).lstrip("\ufeff\xef\xbb\xbf" + _ENDS)
    kind = parse_media_type(content_type)[0]
    if "json" in kind or _JSON.match(start):
        return "json"
    if "xml" not in kind and start[:1] != "<":
        return "url"
    return "soap" if "soap" in kind or "Envelope" in start else "xml"


def path_entry(path):
    """The command that a path names: `/mvapireq/NAME`, `/mvapi/v2/NAME/` -> name in lower case, else ""."""
    if path == "/mvapireq/":
        return ""
    return path.lower().partition("mvapi")[2].partition("/")[2].rstrip("/").rpartition("/")[2]


def _by_suffix(kind):
    """RFC 6839: what ends in +json or +xml can be read as that."""
    suffix = kind.rpartition("+")[2]
    if suffix in ("json", "xml") and suffix != kind:
        return suffix
    raise ApiError(400, f"requests of type {kind[:60]} are not understood, send application/x-www-form-urlencoded, "
                        "multipart/form-data, application/json, application/xml, application/soap+xml, "
                        "application/rdf+xml, text/ini or text/plain")


def _text(text, syntax):
    """JSON, URL, lines or query, by how it begins.  `syntax` is what a plain query is called here."""
    if _JSON.match(text):
        return Parsed("json", "", parse_json(text))
    method = _METHOD.match(text)
    if method:
        target, _, version = text[method.end():].rpartition(" ")
        text = target.rstrip(_ENDS) if _VERSION.fullmatch(version) else text[method.end():]
    if method or _URL.match(text):
        return _url(text)
    first, line_break, _ = text.partition("\n")
    if text[:1] in ("[", ";", "#") or line_break and "=" in first and "&" not in first:
        return Parsed("ini", "", parse_ini(text))
    if syntax == "url":
        text = _as_browser(text)
    if _WORD.fullmatch(text):
        return Parsed(syntax, "", {"apientry": text})
    return Parsed(syntax, "", parse_query(text))


def _url(text):
    path, _, query = _SERVER.sub("", _as_browser(text), 1).partition("?")
    if path[:1] != "/":
        path = "/" + path
    return Parsed("url", path, parse_query(query))


def _as_browser(text):
    """A URL as a browser sends it: without line breaks and fragment; `¶m` is what some pages make of `&param`."""
    text = text.replace("\r", "").replace("\n", "")
    return text.partition("#")[0].rstrip(_ENDS).replace("\xb6m", "&param")


def _xml(body, charset):
    syntax, params = parse_xml(body, charset)
    return Parsed(syntax, "", params)
