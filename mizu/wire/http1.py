"""HTTP/1.0 and 1.1, requests in (RFC 9112; semantics of RFC 9110): octets -> Message.

A head that two readers could take for two different messages is refused (RFC 9112
11.1, 11.2): no bare CR, NUL or other control, no folded line, no space before a
colon, no second Content-Length, never Content-Length beside Transfer-Encoding.
Lines end with CRLF.  A head whose every line ends with a bare LF is taken too,
for people at netcat, but nothing behind its content is read: keep_alive is False.

On one connection the field block is nearly always the octets of the request
before, so the parser keeps the last block with what came of it (Fields) and reads
only the request line anew.  Knows no path, no command, no time.
"""

import re

from mizu.base.errors import RemoteProtocolError
from mizu.wire.query import decode_octets

MAX_FIELDS = 100         # Chrome sends 15-20, proxies add a few
MAX_EMPTY_LINES = 4      # before a request line, RFC 9112 2.2
MAX_CHUNKS = 8192        # 8 MiB in chunks of 1 KiB; tiny chunks cost a microsecond each
MAX_CHUNK_LINE = 256     # size and extensions, which we ignore
MAX_KNOWN = 4096         # a longer field block is not kept: an idle connection must stay small

CHUNKED = -1

_USUAL_METHODS = frozenset(("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"))
_SINGLE = frozenset(("host", "content-length", "content-type", "authorization", "origin", "referer",
                     "sec-websocket-key", "sec-websocket-version"))
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])").fullmatch
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(:[0-9]{0,5})?").fullmatch
_ABSOLUTE = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://([^/?]+)(.*)").fullmatch
_NOT_IN_TARGET = re.compile(r"[\x00-\x20\x7f]").search
_FIELD_OCTETS = bytes(octet for octet in range(256) if octet in b"\t\r\n" or octet > 31 and octet != 127)
_HEX_OCTETS = b"0123456789abcdefABCDEF"


def _refuse(status, reason):
    raise RemoteProtocolError(status, reason)


class Message:
    """One whole request: method, target (text: a path with its query, `*` for OPTIONS, host:port for CONNECT),
    Fields, body (bytes)."""
    __slots__ = ("method", "target", "fields", "body")

    def __init__(self, method, target, fields, body):
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body


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


class RequestParser:
    """feed() what arrived, then take messages with next() until it returns None.

    wants_continue  the head has come, the client waits for 100 (Continue); whoever sends it sets False
    buffered        octets held
    in_request      a request has begun and is not complete (for deadlines, and for an end of stream)

    Nothing more is read after a message whose fields.keep_alive is False, nor after a RemoteProtocolError
    (400, 413, 414, 417, 431, 501, 505): answer it and close.
    """
    __slots__ = ("max_head", "max_target", "max_body", "wants_continue", "_data", "_pos", "_empty_lines",
                 "_known", "_fields", "_message", "_body", "_missing", "_chunks", "_closed")

    def __init__(self, max_head=16384, max_target=8192, max_body=8 << 20):
        self.max_head = max_head
        self.max_target = max_target
        self.max_body = max_body
        self.wants_continue = False
        self._data = b""
        self._pos = 0               # everything before has been used
        self._empty_lines = 0
        self._known = bytes(16)     # " HTTP/1.1", CRLF, fields, empty line of the last request; these zeros match nothing
        self._fields = None         # and what came of it
        self._message = None        # the request whose content has not all come
        self._body = b""            # and the content so far
        self._missing = 0           # octets of it, or of its current chunk, still to come
        self._chunks = 0
        self._closed = False

    @property
    def buffered(self):
        return len(self._data) - self._pos + len(self._body)

    @property
    def in_request(self):
        return self._message is not None or self._pos < len(self._data)

    def feed(self, data):
        if self._closed:
            return
        if self._pos < len(self._data):
            data = self._data[self._pos:] + data
        self._data = data
        self._pos = 0

    def next(self):
        """The next whole request, or None: more must come."""
        data, pos = self._data, self._pos
        if pos == len(data):
            self._data, self._pos = b"", 0      # an idle connection holds no octets
            return None
        if self._message is None:
            end = data.find(b"\r\n", pos)
            if data.startswith(self._known, end - 9):
                line = data[pos:end - 9].decode("latin-1")
                method, _, target = line.partition(" ")
                if (method in _USUAL_METHODS and target[:1] == "/" and len(target) <= self.max_target
                        and line.isascii() and line.isprintable() and " " not in target
                        and end - 9 - pos + len(self._known) <= self.max_head and not self._fields.length):
                    self._pos = end - 9 + len(self._known)
                    self._empty_lines = 0
                    return Message(method, target, self._fields, b"")
        try:
            message = self._next_head() if self._message is None else self._next_content()
        except RemoteProtocolError:
            self._close()
            raise
        if message is not None and not message.fields.keep_alive:
            self._close()
        return message

    def _close(self):
        self._closed = True
        self.detach()

    def detach(self):
        """Hands over what has come behind the last message: the connection changes its protocol."""
        rest = self._data[self._pos:]
        self._data, self._pos, self._message, self._body = b"", 0, None, b""
        return rest

    def _next_head(self):
        """Reads the head at the position.  Which error is raised never depends on how the octets were cut."""
        data, start = self._data, self._skip_empty_lines()
        line_end = data.find(b"\n", start)
        if (line_end if line_end >= 0 else len(data)) - start > self.max_target + 64:
            _refuse(414, "request line too long")
        if line_end < 0:
            return None
        crlf = data[line_end - 1] == 13
        ending = b"\r\n" if crlf else b"\n"
        line_end -= crlf
        head_end = data.find(ending * 2, line_end)
        wrong_end = self._has_wrong_line_end(crlf, start, line_end, head_end)
        if head_end < 0 and not wrong_end and len(data) - start <= self.max_head:
            return None
        method, target, version, authority = _parse_request_line(data[start:line_end], self.max_target)
        if wrong_end:
            _refuse(400, "CRLF and bare LF in one head")
        after = head_end + 2 * len(ending)
        if head_end < 0 or after - start > self.max_head:
            _refuse(431, "header fields too long")
        fields = self._fields_of(line_end, head_end, after, version, crlf)
        if authority is not None:       # it replaces Host (RFC 9112 3.2.2)
            fields = Fields({**fields.values, "host": authority}, version)
        self._pos = after
        self._empty_lines = 0
        return self._begin_content(Message(method, target, fields, b""))

    def _has_wrong_line_end(self, crlf, start, line_end, head_end):
        """Does the head end for a reader who takes the other line end, where for us it does not?"""
        stop = min(start + self.max_head, head_end + 2 if head_end >= 0 else len(self._data))
        return any(self._data.find(end, line_end, stop) >= 0 for end in ((b"\n\n", b"\n\r\n") if crlf else (b"\r",)))

    def _fields_of(self, line_end, head_end, after, version, crlf):
        known = self._data[line_end - 9:after]
        if known == self._known:
            return self._fields
        fields = _parse_block(self._data[line_end + 1 + crlf:head_end], version, crlf)
        if fields.keep_alive and len(known) <= MAX_KNOWN:
            self._known, self._fields = known, fields
        return fields

    def _skip_empty_lines(self):
        data, pos = self._data, self._pos
        while data.startswith((b"\r\n", b"\n"), pos):
            pos += 2 if data[pos] == 13 else 1
            self._empty_lines += 1
        if self._empty_lines > MAX_EMPTY_LINES:
            _refuse(400, "empty lines before the request line")
        self._pos = pos
        return pos

    def _begin_content(self, message):
        length = message.fields.length
        if not length:
            return message
        if length > self.max_body:
            _refuse(413, "content too long")
        self._message = message
        self._body = bytearray()
        self._missing = 0 if length == CHUNKED else length
        self._chunks = 0
        self.wants_continue = message.fields.expects and self._pos == len(self._data)
        if length == CHUNKED:
            self._pos -= 2      # each chunk is read as CRLF, size, CRLF, data: the head's last CRLF opens the first
        return self._next_content()

    def _next_content(self):
        message = self._message
        if not (self._read_chunks() if message.fields.length == CHUNKED else self._read_missing()):
            return None
        message.body = bytes(self._body)
        self._message, self._body, self.wants_continue = None, b"", False
        return message

    def _read_missing(self):
        """Moves content to the body; True when none is missing."""
        piece = self._data[self._pos:self._pos + self._missing]
        self._body += piece
        self._pos += len(piece)
        self._missing -= len(piece)
        return not self._missing

    def _read_chunks(self):
        """RFC 9112 7.1, each time CRLF, size, CRLF, data; True when the last chunk and its trailers have come."""
        data = self._data
        while self._read_missing():
            pos = self._pos
            opening = data[pos:pos + 2]
            if opening != b"\r\n":
                return False if opening in (b"", b"\r") else _refuse(400, "chunk longer than its size")
            end = data.find(b"\r\n", pos + 2, pos + MAX_CHUNK_LINE + 4)
            if end < 0:
                return False if len(data) - pos < MAX_CHUNK_LINE + 4 else _refuse(400, "chunk size line too long")
            size = _parse_chunk_size(data[pos + 2:end])
            if not size:
                return self._read_trailers(end)
            self._chunks += 1
            if len(self._body) + size > self.max_body or self._chunks > MAX_CHUNKS:
                _refuse(413, "content too long")
            self._pos, self._missing = end + 2, size
        return False

    def _read_trailers(self, start):
        """Judges and drops the trailers; `start` is the CRLF of the last chunk's line, read anew until all is there."""
        end = self._data.find(b"\r\n\r\n", start)
        if (end if end >= 0 else len(self._data) - 4) - start > self.max_head:
            _refuse(431, "trailer fields too long")
        if end < 0:
            return False
        _split_fields(self._data[start + 2:end])
        self._pos = end + 4
        return True


def _parse_request_line(line, max_target):
    """Octets -> (method, target in origin-form, 10 or 11, authority of an absolute-form or None); RFC 9112 3."""
    parts = decode_octets(line).split(" ")
    if len(parts) != 3 or not _TOKEN(parts[0]) or not parts[1] or _NOT_IN_TARGET(parts[1]):
        _refuse(400, "bad request line")
    method, target, protocol = parts
    if len(target) > max_target:
        _refuse(414, "request target too long")
    match = _VERSION(protocol) or _refuse(400, "bad protocol version")
    if match[1] != "1":
        _refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    version = 10 if match[2] == "0" else 11
    if method == "CONNECT":
        match = _HOST(target)
        if not (match and match[1] and match[2] and len(match[2]) > 1):
            _refuse(400, "CONNECT takes host:port")
        return method, target, version, None
    if target[0] == "/" or target == "*" and method == "OPTIONS":
        return method, target, version, None
    absolute = _ABSOLUTE(target) or _refuse(400, "bad request target")
    authority, rest = absolute.groups()
    if not rest:
        rest = "*" if method == "OPTIONS" else "/"
    return method, "/" + rest if rest[0] == "?" else rest, version, authority


def _parse_block(block, version, crlf):
    """Field lines of a head -> Fields.  With bare LF nothing may depend on where the message ends."""
    if crlf:
        return Fields(_split_fields(block), version)
    fields = Fields(_split_fields(block.replace(b"\n", b"\r\n")), version)
    if fields.length == CHUNKED:
        _refuse(400, "chunks need lines that end with CRLF")
    fields.keep_alive = False
    return fields


def _split_fields(block):
    """Field lines with CRLF between them -> {name in lower case: value}; RFC 9112 5, RFC 9110 5.5."""
    if not block:
        return {}
    if block.translate(None, _FIELD_OCTETS) or not block.count(b"\r") == block.count(b"\n") == block.count(b"\r\n"):
        _refuse(400, "control character in a field")
    lines = block.decode("latin-1").split("\r\n")
    if len(lines) > MAX_FIELDS:
        _refuse(431, "too many header fields")
    values = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN(name):
            _refuse(400, "bad field line")
        name = name.lower()
        value = value.strip(" \t")
        if name in values:
            if name in _SINGLE:
                _refuse(400, f"more than one {name}")
            value = values[name] + ("; " if name == "cookie" else ", ") + value
        values[name] = value
    return values


def _judge_host(host, version):
    """RFC 9112 3.2: exactly one in 1.1, and a valid one."""
    if host is None:
        return "" if version == 10 else _refuse(400, "missing Host")
    return host if _HOST(host) else _refuse(400, "bad Host")


def _judge_length(coding, length, version):
    """RFC 9112 6.1 to 6.3: octets of content, or CHUNKED."""
    if coding is not None:
        codings = [name.strip(" \t") for name in coding.lower().split(",")]
        if version == 10 or length is not None or codings[-1] != "chunked" or "chunked" in codings[:-1]:
            _refuse(400, "bad Transfer-Encoding")
        return CHUNKED if len(codings) == 1 else _refuse(501, "transfer coding other than chunked")
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit()):
        _refuse(400, "bad Content-Length")
    return int(length) if len(length) < 20 else _refuse(413, "content too long")


def _judge_expect(expect, version):
    """RFC 9110 10.1.1; a 1.0 client does not wait."""
    if expect is None or version == 10:
        return False
    return expect.lower() == "100-continue" or _refuse(417, "unknown expectation")


def _parse_chunk_size(line):
    size, semicolon, extensions = line.partition(b";")
    if semicolon:
        size = size.rstrip(b" \t")
    if not size or size.strip(_HEX_OCTETS) or len(size) > 16:
        _refuse(400, "bad chunk size")
    if b"\r" in extensions or b"\n" in extensions or extensions.translate(None, _FIELD_OCTETS):
        _refuse(400, "bad chunk extension")
    return int(size, 16)
