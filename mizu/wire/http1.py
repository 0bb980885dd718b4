"""HTTP/1.0 and 1.1, the server's side (RFC 9112): octets -> Message, and the head of an answer -> octets.

Lines end with CRLF.  A head whose every line ends with a bare LF is taken too, for
people at netcat, but nothing behind its content is read: keep_alive is False.

On one connection the field block is nearly always the octets of the request
before, so the parser keeps the last block with what came of it (Fields) and reads
only the request line anew.  Knows no path, no command, no time.
"""

import re

from ..base.errors import RemoteProtocolError
from .fields import CHUNKED, FIELD_OCTETS, HOST, TOKEN, Fields, refuse, render_field, split_fields
from .query import decode_octets

MAX_EMPTY_LINES = 4      # before a request line, RFC 9112 2.2
MAX_CHUNKS = 8192        # 8 MiB in chunks of 1 KiB; tiny chunks cost a microsecond each
MAX_CHUNK_LINE = 256     # size and extensions, which we ignore
MAX_KNOWN = 4096         # a longer field block is not kept: an idle connection must stay small

_USUAL_METHODS = frozenset(("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"))
_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])").fullmatch
_ABSOLUTE = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://([^/?]+)(.*)").fullmatch
_NOT_IN_TARGET = re.compile(r"[\x00-\x20\x7f]").search
_HEX_OCTETS = b"0123456789abcdefABCDEF"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

REASONS = {
    101: "Switching Protocols",
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
    301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
    415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed", 420: "Bad Pin",
    421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked", 426: "Upgrade Required",
    428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout", 505: "HTTP Version Not Supported", 507: "Insufficient Storage",
}


class Message:
    """One whole request: method, target (text: a path with its query, `*` for OPTIONS, host:port for CONNECT),
    Fields, body (bytes)."""
    __slots__ = ("method", "target", "fields", "body")

    def __init__(self, method, target, fields, body):
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body


class RequestParser:
    """feed() what arrived, then take messages with next() until it returns None.

    wants_continue  the next() before now read a head whose client waits for 100 (Continue): send CONTINUE
    buffered        octets held
    versionless     the connection began with `GET /x` and no version: no HTTP, detach() has the octets for a line's
                    reader; next() raised 400
    in_request      a request has begun and is not complete (for deadlines, and for an end of stream)

    Nothing more is read after a message whose fields.keep_alive is False, nor after a RemoteProtocolError
    (400, 413, 414, 417, 431, 501, 505): answer it and close.
    """
    __slots__ = ("max_head", "max_target", "max_body", "wants_continue", "versionless", "_data", "_pos", "_empty_lines",
                 "_known", "_fields", "_message", "_body", "_missing", "_chunks", "_closed")

    def __init__(self, max_head=16384, max_target=8192, max_body=8 << 20):
        self.max_head = max_head
        self.max_target = max_target
        self.max_body = max_body
        self.wants_continue = False
        self.versionless = None     # until the first request line has come
        self._data = b""
        self._pos = 0               # everything before has been used
        self._empty_lines = 0
        self._known = bytes(16)     # " HTTP/1.1" to the empty line of the last head; these zeros match nothing
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
            self.wants_continue = False
            return None
        if self._message is None:
            end = data.find(b"\r\n", pos)
            if data.startswith(self._known, end - 9):       # the usual: the fields of the request before
                fields = self._fields
                after = end - 9 + len(self._known)
                stop = after + fields.length
                line = data[pos:end - 9].decode("latin-1")
                method, _, target = line.partition(" ")
                if (method in _USUAL_METHODS and target[:1] == "/" and len(target) <= self.max_target
                        and line.isascii() and line.isprintable() and " " not in target
                        and after - pos <= self.max_head and after <= stop <= len(data)):
                    self._pos = stop
                    self._empty_lines = 0
                    return Message(method, target, fields, data[after:stop] if stop > after else b"")
        self.wants_continue = False
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
        if not self.versionless:
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
            refuse(414, "request line too long")
        if line_end < 0:
            return None
        if self.versionless is None:
            self.versionless = data.startswith(b"GET /", start) and b" HTTP/" not in data[start:line_end].upper()
            if self.versionless:
                refuse(400, "no protocol version")
        crlf = data[line_end - 1] == 13
        ending = b"\r\n" if crlf else b"\n"
        line_end -= crlf
        head_end = data.find(ending * 2, line_end)
        wrong_end = self._has_wrong_line_end(crlf, start, line_end, head_end)
        if head_end < 0 and not wrong_end and len(data) - start <= self.max_head:
            return None
        method, target, version, authority = _parse_request_line(data[start:line_end], self.max_target)
        if wrong_end:
            refuse(400, "CRLF and bare LF in one head")
        after = head_end + 2 * len(ending)
        if head_end < 0 or after - start > self.max_head:
            refuse(431, "header fields too long")
        fields = self._fields_of(line_end, head_end, after, version, crlf)
        if authority is not None:       # it replaces Host (RFC 9112 3.2.2)
            keep_alive = fields.keep_alive
            fields = Fields({**fields.values, "host": authority}, version)
            fields.keep_alive = keep_alive      # False behind bare LF
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
        if len(known) <= MAX_KNOWN:
            self._known, self._fields = known, fields
        return fields

    def _skip_empty_lines(self):
        data, pos = self._data, self._pos
        while data.startswith((b"\r\n", b"\n"), pos):
            pos += 2 if data[pos] == 13 else 1
            self._empty_lines += 1
        if self._empty_lines > MAX_EMPTY_LINES:
            refuse(400, "empty lines before the request line")
        self._pos = pos
        return pos

    def _begin_content(self, message):
        length = message.fields.length
        if not length:
            return message
        if length > self.max_body:
            refuse(413, "content too long")
        self._message = message
        self._body = bytearray()
        self._missing = 0 if length == CHUNKED else length
        self._chunks = 0
        self.wants_continue = message.fields.expects and self._pos == len(self._data)    # else it does not wait
        if length == CHUNKED:
            self._pos -= 2      # each chunk is read as CRLF, size, CRLF, data: the head's last CRLF opens the first
        return self._next_content()

    def _next_content(self):
        message = self._message
        if not (self._read_chunks() if message.fields.length == CHUNKED else self._read_missing()):
            return None
        message.body = bytes(self._body)
        self._message, self._body = None, b""
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
                return False if opening in (b"", b"\r") else refuse(400, "chunk longer than its size")
            end = data.find(b"\r\n", pos + 2, pos + MAX_CHUNK_LINE + 4)
            if end < 0:
                return False if len(data) - pos < MAX_CHUNK_LINE + 4 else refuse(400, "chunk size line too long")
            size = _parse_chunk_size(data[pos + 2:end])
            if not size:
                return self._read_trailers(end)
            self._chunks += 1
            if len(self._body) + size > self.max_body or self._chunks > MAX_CHUNKS:
                refuse(413, "content too long")
            self._pos, self._missing = end + 2, size
        return False

    def _read_trailers(self, start):
        """Judges and drops the trailers; `start` is the CRLF of the last chunk's line, read anew until all is there."""
        end = self._data.find(b"\r\n\r\n", start)
        if (end if end >= 0 else len(self._data) - 4) - start > self.max_head:
            refuse(431, "trailer fields too long")
        if end < 0:
            return False
        split_fields(self._data[start + 2:end])
        self._pos = end + 4
        return True


def _parse_request_line(line, max_target):
    """Octets -> (method, target in origin-form, 10 or 11, authority of an absolute-form or None); RFC 9112 3."""
    parts = decode_octets(line).split(" ")
    if len(parts) != 3 or not TOKEN(parts[0]) or not parts[1] or _NOT_IN_TARGET(parts[1]):
        refuse(400, "bad request line")
    method, target, protocol = parts
    if len(target) > max_target:
        refuse(414, "request target too long")
    match = _VERSION(protocol) or refuse(400, "bad protocol version")
    if match[1] != "1":
        refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    version = 10 if match[2] == "0" else 11
    if method == "CONNECT":
        match = HOST(target)
        if not (match and match[1] and match[2] and len(match[2]) > 1):
            refuse(400, "CONNECT takes host:port")
        return method, target, version, None
    if target[0] == "/" or target == "*" and method == "OPTIONS":
        return method, target, version, None
    absolute = _ABSOLUTE(target) or refuse(400, "bad request target")
    authority, rest = absolute.groups()
    if not rest:
        rest = "*" if method == "OPTIONS" else "/"
    return method, "/" + rest if rest[0] == "?" else rest, version, authority


def _parse_block(block, version, crlf):
    """Field lines of a head -> Fields.  With bare LF nothing may depend on where the message ends."""
    if crlf:
        return Fields(split_fields(block), version)
    fields = Fields(split_fields(block.replace(b"\n", b"\r\n")), version)
    if fields.length == CHUNKED:
        refuse(400, "chunks need lines that end with CRLF")
    fields.keep_alive = False
    return fields


def _parse_chunk_size(line):
    size, semicolon, extensions = line.partition(b";")
    if semicolon:
        size = size.rstrip(b" \t")
    if not size or size.strip(_HEX_OCTETS) or len(size) > 16:
        refuse(400, "bad chunk size")
    if b"\r" in extensions or b"\n" in extensions or extensions.translate(None, FIELD_OCTETS):
        refuse(400, "bad chunk extension")
    return int(size, 16)


def answer_prefix(status, content_type, keep_alive, extra=b""):
    """The head of an answer up to and with `Content-Length: `; for callers to keep.
    `extra`: whole field lines, Date among them; content_type None: no such field."""
    if content_type is not None:
        extra = render_field("Content-Type", content_type) + extra
    return _head(status, keep_alive, extra) + b"Content-Length: "


def bodiless_answer(status, keep_alive, extra=b""):
    """A whole answer that never has content and says no length: 204, 304 (RFC 9110 8.6)."""
    return _head(status, keep_alive, extra) + b"\r\n"


def chunked_head(status, content_type, keep_alive, extra=b"", chunked=True):
    """The head of an answer whose length nobody knows yet; its content follows in chunks, or for HTTP/1.0 up to the
    end of the connection (RFC 9112 6.3)."""
    coding = b"Transfer-Encoding: chunked\r\n" if chunked else b""
    return _head(status, keep_alive, render_field("Content-Type", content_type) + extra + coding) + b"\r\n"


def render_chunk(data):
    """A chunk; nothing for no data, which would be the end (RFC 9112 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


LAST_CHUNK = b"0\r\n\r\n"


def _head(status, keep_alive, extra):
    return (f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\nServer: mizud\r\n"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n").encode() + extra
