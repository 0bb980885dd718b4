"""SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966).

`parse_uri` takes what telephones write (raw `#` or `@` in the user part); `str()` writes what the RFC allows.
Knows no display names and no header parameters.
"""

import re
from functools import lru_cache

from ..base.errors import RemoteProtocolError

MAX_PORT = 65535
MAX_SHARED = 4096       # Request-URIs kept parsed: they come again in every registration and retransmission
MAX_SHARED_LENGTH = 256

_SIP = re.compile(r"(sips?):(?:([^\s<>\"@\x00-\x1f]+)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?"
                  r"(;[^\s<>\"?@]*)?(?:\?([^\s<>\"]*))?", re.I).fullmatch
_TEL = re.compile(r"tel:(\+?[0-9A-Fa-f*#().-]+)(;[^\s<>\"?]*)?", re.I).fullmatch
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"]").match
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_VISUAL = str.maketrans("", "", "-.()")
_USER = re.compile(r"[^A-Za-z0-9_.!~*'()&=+$,;?/-]")
_PASSWORD = re.compile(r"[^A-Za-z0-9_.!~*'()&=+$,-]")
_PARAM = re.compile(r"[^A-Za-z0-9_.!~*'()\[\]/:&+$-]")
_HEADER = re.compile(r"[^A-Za-z0-9_.!~*'()\[\]/?:+$-]")

_TELLING = ("user", "ttl", "method", "maddr", "transport")      # never equal to a URI without it (19.1.4)


def unescape(text):
    """`%41` -> `A`; a `%` without two hexadecimal digits stays."""
    if "%" not in text:
        return text
    return _ESCAPES.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode("utf-8", "surrogateescape"), text)


def escape(text, unsafe=_PARAM):
    return unsafe.sub(lambda one: "".join(f"%{octet:02X}" for octet in one[0].encode("utf-8", "surrogateescape")), text)


class Uri:
    """scheme "sip" "sips" "tel" · user and password unescaped, "" and None if there is none · host without
    brackets · port int or None · params {lower case: text or None} · headers {lower case: text}."""
    __slots__ = ("scheme", "user", "password", "host", "port", "params", "headers")

    def __init__(self, scheme="sip", user="", host="", port=None, params=None, headers=None, password=None):
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.params = {} if params is None else params
        self.headers = {} if headers is None else headers

    def __str__(self):
        params = "".join([f";{escape(name)}" if value is None else f";{escape(name)}={escape(value)}"
                          for name, value in self.params.items()]) if self.params else ""
        if self.scheme == "tel":
            return f"tel:{self.user}{params}"
        user = escape(self.user, _USER) if self.user else ""
        if self.password is not None:
            user += ":" + escape(self.password, _PASSWORD)
        place = self.place
        text = f"{self.scheme}:{user}@{place}{params}" if user else f"{self.scheme}:{place}{params}"
        if self.headers:
            text += "?" + "&".join(f"{escape(name, _HEADER)}={escape(value, _HEADER)}"
                                   for name, value in self.headers.items())
        return text

    @property
    def place(self):
        """host[:port] as it is written, with brackets around IPv6."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def __repr__(self):
        return f"Uri({str(self)!r})"


def parse_uri(text):
    """Uri; RemoteProtocolError 416 if it is a URI of another scheme, 400 if it is none."""
    match = _SIP(text) or text.count("@") > 1 and _SIP(_escape_at(text))
    if not match:
        return _parse_tel(text)
    scheme, user, host, port, params, headers = match.groups()
    uri = Uri(scheme.lower(), "", host)
    if user:
        if ":" in user:
            user, _, password = user.partition(":")
            uri.password = unescape(password)
            if not user:
                raise RemoteProtocolError(400, "Bad URI")
        uri.user = unescape(user)
    if host[0] == "[":
        uri.host = host[1:-1].replace(":::", "::")      # RFC 5118 4.10: an old grammar made three of them
    if port:
        uri.port = parse_port(port)
    if params:
        uri.params = _parse_params(params)
    if headers:
        uri.headers = _parse_headers(headers)
    return uri


def _escape_at(text):
    """`sip:bob@home@example.com`, from phones whose user name has an @."""
    user, at, place = text.rpartition("@")
    return user.replace("@", "%40") + at + place


_shared = lru_cache(MAX_SHARED)(parse_uri)


def shared_uri(text):
    """parse_uri for reading only: the same object for the same text."""
    return _shared(text) if len(text) <= MAX_SHARED_LENGTH else parse_uri(text)


def parse_port(text):
    port = int(text)
    if not 0 < port <= MAX_PORT:
        raise RemoteProtocolError(400, "Port out of range")
    return port


def _parse_tel(text):
    match = _TEL(text)
    if match and (number := match[1].translate(_VISUAL)) not in ("", "+"):
        return Uri("tel", number, "", None, _parse_params(match[2]) if match[2] else {})
    scheme = text.partition(":")[0].lower()
    if _SCHEME(text) and scheme not in ("sip", "sips", "tel"):
        raise RemoteProtocolError(416, "Unsupported URI Scheme")
    raise RemoteProtocolError(400, "Bad URI")


def _parse_params(text):
    params = {}
    for piece in text.split(";"):
        if piece:
            name, equals, value = piece.partition("=")
            params.setdefault(unescape(name).lower(), unescape(value) if equals else None)
    return params


def _parse_headers(text):
    headers = {}
    for piece in text.split("&"):
        name, _, value = piece.partition("=")
        if name:
            headers.setdefault(unescape(name).lower(), unescape(value))
    return headers


def equal(a, b):
    """Do two Uris (or their texts) name the same resource?  RFC 3261 19.1.4."""
    a = parse_uri(a) if isinstance(a, str) else a
    b = parse_uri(b) if isinstance(b, str) else b
    if (a.scheme, a.user, a.password, a.host.lower(), a.port) != (b.scheme, b.user, b.password, b.host.lower(), b.port):
        return False
    if a.headers != b.headers:
        return False
    mine, theirs = a.params, b.params
    if any((name in mine) != (name in theirs) for name in _TELLING):
        return False
    return all((mine[name] or "").lower() == (theirs[name] or "").lower() for name in mine if name in theirs)
