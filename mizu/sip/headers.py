"""Values of header fields: lists, parameters, name-addr, Via, CSeq, credentials (RFC 3261 20 and 25).

Every parser takes text without line breaks and raises RemoteProtocolError(400) on what cannot be understood.
Parameter values stay as written, quotes included (`unquote` takes them off), so that what is read can be sent on.
No pattern tries a text in more than one way: what is long and wrong costs no more than what is long.
Knows no messages.
"""

import re
from functools import lru_cache
from types import MappingProxyType

from ..base.errors import RemoteProtocolError
from .names import METHODS, TOKEN
from .uri import parse_port

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_ELEMENT = re.compile(r'(?:[^,"<]+|' + _QUOTED + r'|<[^>]*>)*', re.S).match
_PLAIN = re.compile(r'[^\s,"<>]*').fullmatch
_PARAM = re.compile(r'\s*([^\s;,="<>]+)\s*(?:=\s*(' + _QUOTED + r'|[^\s;,"]*)\s*)?', re.S).fullmatch
_PIECE = re.compile(r'(?:[^;"]+|' + _QUOTED + r')*', re.S).match
_NAMED = re.compile(r'\s*+(' + _QUOTED + r'\s*+|[^"<>,;]*+)<([A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+)>\s*(?:;(.*))?',
                    re.S).fullmatch
_BARE = re.compile(r'\s*([A-Za-z][A-Za-z0-9+.-]*:[^\s<>",;?]+)\s*(?:;(.*))?', re.S).fullmatch
# What nine of ten peers write, in one step
_USUAL_ADDRESS = re.compile(r'(?:"([^"\\]*)" ?)?<([A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+)>(?:;tag=([^\s;,="<>]+))?').fullmatch
_USUAL_VIA = re.compile(r'SIP/2\.0/([A-Z]+) ([A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(;rport)?;branch=([^\s;,="<>]+)(;rport)?'
                        ).fullmatch
_VIA = re.compile(r"\s*SIP\s*/\s*[0-9.]+\s*/\s*([A-Za-z0-9.!%*_+`'~-]+)\s+"
                  r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+|[0-9A-Fa-f.]*+:[0-9A-Fa-f.]*+:[0-9A-Fa-f:.]*+)"
                  r"\s*(?::\s*([0-9]{1,5})\s*)?(?:;(.*))?", re.S | re.I).fullmatch
_PAIR = re.compile(r'\s*([^\s=,"]+)\s*=\s*(' + _QUOTED + r'|[^\s,"]*)\s*(?:,|$)', re.S).match
_USUAL_PAIRS = re.compile(r' *+([a-z]++)=(?:"([^"\\]*+)"|([^\s,"]*+))(?:,|$)|(.++)', re.S).findall
_ESCAPED = re.compile(r"\\(.)", re.S)
_TO_ESCAPE = re.compile(r'["\\]')

MAX_SEQUENCE = 2**31    # CSeq stays below it (8.1.1.5)
MAX_SECONDS = 2**32 - 1
MAX_CSEQ = 256          # kept parsed: most calls count alike
MAX_SHARED = 4096       # addresses kept parsed: From, To and Contact come again in every message of a call
MAX_SHARED_LENGTH = 256  # longer ones are not kept: the table stays within some MiB


def refuse(reason):
    raise RemoteProtocolError(400, reason)


def quote(text):
    return f'"{_TO_ESCAPE.sub(_backslash, text)}"' if '"' in text or "\\" in text else f'"{text}"'


def _backslash(match):
    return "\\" + match[0]


def unquote(text):
    """The text of a quoted-string, or the token itself."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
        return _ESCAPED.sub(r"\1", text) if "\\" in text else text
    return text


def split_commas(text):
    """The elements of a list header: commas inside quotes or <> part nothing; empty elements are left out."""
    if "," not in text:
        text = text.strip()
        return [text] if text else []
    if '"' not in text and "<" not in text:
        return [piece for one in text.split(",") if (piece := one.strip())]
    pieces, at = [], 0
    while True:
        end = _ELEMENT(text, at).end()
        if end < len(text) and text[end] != ",":
            refuse("Unbalanced quotes")
        if piece := text[at:end].strip():
            pieces.append(piece)
        if end >= len(text):
            return pieces
        at = end + 1


def parse_params(text):
    """`a=1;b;c="x;y"` -> {"a": "1", "b": None, "c": '"x;y"'}; the first of two counts, a last `;` is forgiven."""
    params = {}
    plain = _PLAIN(text)
    pieces = text.split(";") if plain or '"' not in text else _split_semicolons(text)
    if not pieces[-1].strip():
        pieces.pop()
    for piece in pieces:
        if plain:
            name, equals, value = piece.partition("=")
            if not equals:
                value = None
        else:
            name, value = (_PARAM(piece) or refuse("Bad parameter")).groups()
        name = name.lower() or refuse("Empty parameter")
        if name not in params:
            params[name] = value
    return params


def _split_semicolons(text):
    pieces, at = [], 0
    while True:
        end = _PIECE(text, at).end()
        pieces.append(text[at:end])
        if end >= len(text):
            return pieces
        if text[end] != ";":
            refuse("Unbalanced quotes")
        at = end + 1


def render_params(params):
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params.items()])


class NameAddr:
    """display unescaped, "" if none · uri as text · params {lower case: text or None} · tag, the one it was made with
    (RFC 3261 20.10, 25)."""
    __slots__ = ("display", "uri", "params", "tag")

    def __init__(self, uri, display="", params=None):
        self.uri = uri
        self.display = display
        self.params = {} if params is None else params
        self.tag = self.params.get("tag") or ""

    def __str__(self):
        display = quote(self.display) + " " if self.display else ""
        return f"{display}<{self.uri}>{render_params(self.params)}" if self.params else f"{display}<{self.uri}>"

    def __repr__(self):
        return f"NameAddr({str(self)!r})"


def parse_name_addr(text):
    """One From, To, Contact, Route … value.  Without <> the parameters are the header's, not the URI's (20.10)."""
    match = _USUAL_ADDRESS(text)
    if match:
        display, uri, tag = match.groups()
        return NameAddr(uri, display or "", {"tag": tag} if tag else None)
    match = _NAMED(text)
    if match:
        display, uri, params = match.groups()
        display = unquote(display.rstrip())
    else:
        match = _BARE(text) or refuse("Bad address")
        uri, params = match.groups()
        display = ""
    return NameAddr(uri, display, parse_params(params) if params is not None else None)


@lru_cache(MAX_SHARED)
def _shared(text):
    address = parse_name_addr(text)
    address.params = MappingProxyType(address.params)
    return address


def shared_name_addr(text):
    """parse_name_addr for reading only: the same object for the same text."""
    return _shared(text) if len(text) <= MAX_SHARED_LENGTH else parse_name_addr(text)


class Via:
    """transport in upper case · host without brackets · port int or None · params (RFC 3261 20.42, RFC 3581)."""
    __slots__ = ("transport", "host", "port", "params")

    def __init__(self, transport, host, port=None, params=None):
        self.transport = transport
        self.host = host
        self.port = port
        self.params = {} if params is None else params

    @property
    def branch(self):
        return self.params.get("branch") or ""

    @property
    def rport(self):
        """The port of rport, None if it has no value; `"rport" in via.params` tells whether it is asked for."""
        value = self.params.get("rport")
        return int(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else None

    @property
    def received(self):
        """The address without brackets (RFC 5118 4.5 allows both), "" if none."""
        return (self.params.get("received") or "").strip("[]")

    def __str__(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {host}{port}{render_params(self.params)}"

    def __repr__(self):
        return f"Via({str(self)!r})"


def parse_via(text):
    """One Via value, not a list of them."""
    match = _USUAL_VIA(text)
    if match:
        transport, host, port, before, branch, behind = match.groups()
        params = {"rport": None, "branch": branch} if before else {"branch": branch}
        if behind:
            params.setdefault("rport")
        return Via(transport, host, parse_port(port) if port else None, params)
    match = _VIA(text) or refuse("Bad Via")
    transport, host, port, params = match.groups()
    return Via(transport.upper(), host[1:-1] if host[0] == "[" else host, parse_port(port) if port else None,
               parse_params(params) if params is not None else None)


@lru_cache(MAX_CSEQ)
def parse_cseq(text):
    """(number, method); RFC 3261 20.16."""
    number, _, method = text.partition(" ")
    if method in METHODS and number.isdigit() and number.isascii() and len(number) < 10:
        return int(number), method
    pieces = text.split()
    if len(pieces) != 2 or not TOKEN(pieces[1]):
        refuse("Bad CSeq")
    number = parse_number(pieces[0])
    if number is None or number >= MAX_SEQUENCE:
        refuse("Bad CSeq")
    return number, pieces[1]


def parse_rack(text):
    """(response number, CSeq number, method); RFC 3262 7.2."""
    first, _, rest = text.strip().partition(" ")
    number = parse_number(first)
    if number is None or number >= 2**32:
        refuse("Bad RAck")
    return (number, *parse_cseq(rest))


def parse_number(text):
    """A decimal number, None if it is not one."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 100 else None


def parse_seconds(text, default=None):
    """delta-seconds of Expires, Min-SE …: bounded to 2**32 - 1 (20.19); `default` if malformed or empty."""
    number = parse_number(text.partition(";")[0])
    return default if number is None else min(number, MAX_SECONDS)


def parse_value_params(text):
    """`presence;id=7` -> ("presence", {"id": "7"}): Event, Subscription-State, Session-Expires, Replaces, Reason."""
    value, semicolon, params = text.partition(";")
    return value.strip(), parse_params(params) if semicolon else {}


def parse_credentials(text):
    """`Digest username="a", nc=1` -> ("digest", {"username": "a", "nc": "1"}); names in lower case, values unquoted."""
    scheme, _, rest = text.strip().partition(" ")
    pairs = _USUAL_PAIRS(rest)
    fields = {name: quoted or token for name, quoted, token, other in pairs}
    if len(fields) == len(pairs) and "" not in fields:
        return scheme.lower(), fields
    fields, at = {}, 0
    rest = rest.strip()
    while at < len(rest):
        match = _PAIR(rest, at) or refuse("Bad credentials")
        fields.setdefault(match[1].lower(), unquote(match[2]))
        at = match.end()
    return scheme.lower(), fields


parse_challenge = parse_credentials     # WWW-Authenticate has the same form (25.1)
