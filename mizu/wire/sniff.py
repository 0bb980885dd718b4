"""What speaks on a fresh connection or in a datagram, told from its first bytes.

The rows are tried in their order on at most 64 bytes, so the first prefix that
decides decides for good: more bytes never change a verdict other than MORE.
STUN by RFC 8489 section 5, channel data by RFC 8656 section 12.4, the request
lines by RFC 9112 section 3 and RFC 3261 section 7.  A WebSocket is HTTP here,
and `GET /x` without a version is found out by who parses the request line: the
same bytes then go to a LineParser.  Knows no sockets; the wait for an undecided
stream is the caller's.
"""

import re

MORE = "more"
TLS = "tls"
HTTP = "http"
SIP = "sip"
LINE = "line"
STUN = "stun"
TUNNEL = "tunnel"
CHANNEL = "channel"
TEXT = "text"
KEEPALIVE = "keepalive"

LOOK = 64               # bytes that must do: longer than any method, far below a first segment
COOKIE = b"\x21\x12\xa4\x42"

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TEXT = bytes([0x09, 0x0A, 0x0D, *range(0x20, 0x7F), *range(0x80, 0x100)])
_ASCII = frozenset(byte for byte in _TEXT if byte < 0x80)

ROWS = (
    (TLS, rb"\x16\x03"),                                             # a handshake record, SSL 3.0 to TLS 1.3
    (LINE, rb"[/{\[<]|(?i:apientry=|mvapi)"),
    (SIP, rb"SIP/2\.0 "),
    (HTTP, rb"CONNECT "),
    (HTTP, _TOKEN + rb" +(?:[/*]|(?i:https?)://)"),
    (SIP, _TOKEN + rb" +<?(?!(?i:https?):)[A-Za-z][A-Za-z0-9+.\-]*:"),   # `<`: RFC 4475 3.1.2.13, answered with 400
    (LINE, rb"[\t\r -~][\t\r -~\x80-\xff]*\n|\n"),
    (STUN, rb"[\0-\x3f]...\x21\x12\xa4\x42"),
)
_ROWS = re.compile(b"|".join(b"(%s)" % pattern for _, pattern in ROWS), re.DOTALL)
_LEADING = re.compile(rb"(?:\r\n){0,4}")


def leading(buffer):
    """How many bytes of CRLF in front belong to no protocol and are to be dropped: at most four CRLF."""
    return _LEADING.match(buffer).end()


def sniff_stream(buffer, ended=False):
    """The first bytes of a stream -> TLS HTTP SIP LINE STUN TUNNEL, or MORE while another byte can still tell.

    `ended`: the peer sends no more, so the verdict is never MORE.
    """
    skip = _LEADING.match(buffer).end()
    match = _ROWS.match(buffer, skip, LOOK)
    if match:
        return ROWS[match.lastindex - 1][0]
    head = bytes(buffer[skip:LOOK])
    full = ended or skip + len(head) == LOOK
    if _is_text(head):
        return LINE if full else MORE
    stun = head[0] < 0x40 and len(head) < 8 and COOKIE.startswith(head[4:])
    return MORE if stun and not full else TUNNEL


def sniff_datagram(data, channel_bound=False):
    """A whole datagram -> CHANNEL STUN SIP TEXT TUNNEL, or KEEPALIVE for one that says nothing.

    `channel_bound`: the five-tuple has a TURN channel, whose first byte may also be a letter.
    """
    if channel_bound and _is_channel_data(data):
        return CHANNEL
    if data[4:8] == COOKIE and data[0] < 0x40:
        return STUN
    text = data.rstrip(b"\0")           # C programs send the end of their string, too
    if not text.strip(b"\r\n\0"):
        return KEEPALIVE
    if sniff_stream(text, ended=True) is SIP:
        return SIP
    return TEXT if _is_text(text) else TUNNEL


def _is_text(head):
    """Begins with ASCII and holds no control characters but TAB, CR and LF."""
    return not head or head[0] in _ASCII and not head.translate(None, _TEXT)


def _is_channel_data(data):
    return (len(data) >= 4 and 0x40 <= data[0] <= 0x4F
            and int.from_bytes(data[2:4], "big") <= len(data) - 4)
