"""Header fields (RFC 9110 5, RFC 9112 5) and what they say of the message: host, connection, framing, expectation.

A block that two readers could take for two different messages is refused (RFC 9112 11.1, 11.2): no bare CR,
NUL or other control, no folded line, no space before a colon, no second Content-Length, never Content-Length
beside Transfer-Encoding.  Knows no request line and no content.
"""

import re

from ..base.errors import RemoteProtocolError

MAX_FIELDS = 100        # Chrome sends 15-20, proxies add a few
CHUNKED = -1

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(:[0-9]{0,5})?").fullmatch
FIELD_OCTETS = bytes(octet for octet in range(256) if octet in b"\t\r\n" or octet > 31 and octet != 127)
_SINGLE = frozenset(("host", "content-length", "content-type", "authorization", "origin", "referer",
                     "sec-websocket-key", "sec-websocket-version"))


def refuse(status, reason):
    raise RemoteProtocolError(status, reason)


class Fields:
    """What a field block says.

    values      {name in lower case: value}, repeated ones joined by ", "
    version     10 or 11
    host        authority the request is for, as sent ("" if a 1.0 request has none)
    options     frozenset of the tokens of Connection in lower case
    keep_alive  may another request follow on this connection (RFC 9112 9.3)
    length      octets of content that follow, or CHUNKED
    expects     the client waits for 100 before it sends the content
    derived     free for whoever reads the fields: what follows from them alone, kept with them
    """
    __slots__ = ("values", "version", "host", "options", "keep_alive", "length", "expects", "derived")

    def __init__(self, values, version):
        get = values.get
        self.values = values
        self.version = version
        self.host = _judge_host(get("host"), version)
        self.options = frozenset(option.strip(" \t") for option in get("connection", "").lower().split(","))
        self.keep_alive = "close" not in self.options and (version > 10 or "keep-alive" in self.options)
        self.length = _judge_length(get("transfer-encoding"), get("content-length"), version)
        self.expects = _judge_expect(get("expect"), version) and self.length != 0
        self.derived = None


def split_fields(block):
    """Field lines with CRLF between them -> {name in lower case: value}; RFC 9112 5, RFC 9110 5.5."""
    if not block:
        return {}
    if block.translate(None, FIELD_OCTETS) or not block.count(b"\r") == block.count(b"\n") == block.count(b"\r\n"):
        refuse(400, "control character in a field")
    lines = block.decode("latin-1").split("\r\n")
    if len(lines) > MAX_FIELDS:
        refuse(431, "too many header fields")
    values = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not TOKEN(name):
            refuse(400, "bad field line")
        name = name.lower()
        value = value.strip(" \t")
        if name in values:
            if name in _SINGLE:
                refuse(400, f"more than one {name}")
            value = values[name] + ("; " if name == "cookie" else ", ") + value
        values[name] = value
    return values


def _judge_host(host, version):
    """RFC 9112 3.2: exactly one in 1.1, and a valid one."""
    if host is None:
        return "" if version == 10 else refuse(400, "missing Host")
    return host if HOST(host) else refuse(400, "bad Host")


def _judge_length(coding, length, version):
    """RFC 9112 6.1 to 6.3: octets of content, or CHUNKED."""
    if coding is not None:
        codings = [name.strip(" \t") for name in coding.lower().split(",")]
        if version == 10 or length is not None or codings[-1] != "chunked" or "chunked" in codings[:-1]:
            refuse(400, "bad Transfer-Encoding")
        return CHUNKED if len(codings) == 1 else refuse(501, "transfer coding other than chunked")
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit()):
        refuse(400, "bad Content-Length")
    return int(length) if len(length) < 20 else refuse(413, "content too long")


def _judge_expect(expect, version):
    """RFC 9110 10.1.1; a 1.0 client does not wait."""
    if expect is None or version == 10:
        return False
    return expect.lower() == "100-continue" or refuse(417, "unknown expectation")


def render_field(name, value):
    """`Name: value` and CRLF; characters above U+00FF become `?`.  ValueError on a line break or NUL inside:
    the text of a peer must not become a field of ours."""
    line = f"{name}: {value}".encode("latin-1", "replace")
    if b"\r" in line or b"\n" in line or b"\0" in line:
        raise ValueError(f"control character in {name}")
    return line + b"\r\n"
