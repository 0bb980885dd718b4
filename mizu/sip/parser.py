"""Bytes -> Message (RFC 3261 7, 8.2, 16.3, 18.3), and the frames of a stream (18.3, RFC 5626 3.5.1).

What `parse` returns needs no second look: start line, topmost Via, From, To, Call-ID, CSeq, Max-Forwards and the first
Contact have been read, so that asking for them never fails; each Via has a line of its own, the length is gone.
A message that two readers could take for two different ones is refused: a single header twice, bare line breaks,
a Content-Length that does not fit.  Knows no sockets and answers nothing.
"""

import re

from ..base.errors import RemoteProtocolError
from .headers import parse_cseq, parse_number, parse_via, refuse, shared_name_addr, split_commas
from .message import Message
from .names import KNOWN, METHODS, SINGLE, TOKEN, canonical
from .uri import shared_uri

MAX_MESSAGE = 65536     # a UDP datagram holds no more; a stream gets no more
MAX_HEAD = 16384        # of a stream: what we hold before we know how long a message is
MAX_HOPS = 255
MAX_FIELDS = 512        # header lines; 70 hops with Via and Record-Route are 140

_LENGTH = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:(?:\r\n(?=[ \t]))?([^\r\n]*)", re.I).findall
_PRINTABLE = bytes(octet for octet in range(256) if octet > 31 and octet != 127 or octet == 9)
_BREAKS = b"\r\n" * MAX_FIELDS
_QUOTED_PAIR = re.compile(rb"\\[^\r\n]").sub
_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.I | re.S).fullmatch
_GMT = re.compile(r".* (?:GMT|UTC)", re.I).fullmatch
_BLANKS = " \t"
_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+", re.I).fullmatch


class SipError(RemoteProtocolError):
    """status and reason to answer with; message what could be read of the request, None if no answer is possible."""

    def __init__(self, status, reason, message=None):
        super().__init__(status, reason)
        self.message = message


def parse(data, stream=False):
    """One message.  SipError if it cannot be used; on a stream Content-Length is required."""
    if data[:1] in b"\r\n":
        data = data.lstrip(b"\r\n")             # 7.5
    end = data.find(b"\r\n\r\n")
    head = data[:end] if end >= 0 else data
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    message, fault = _start(lines)
    if len(data) > MAX_MESSAGE:
        fault = fault or (513, "Message Too Large")
    elif len(lines) > MAX_FIELDS:
        fault = fault or (400, "Too many headers")
    elif end < 0:
        fault = fault or (400, "Incomplete message")
    elif head.translate(None, _PRINTABLE) != _BREAKS[:2 * len(lines) - 2] and not _quoted_controls(head):
        fault = fault or (400, "Control character in header")
    fault = _read_fields(message.fields, lines[1:MAX_FIELDS]) or fault
    try:
        _check(message)
        if fault is None:
            message.body = _cut(message.fields.pop("Content-Length", None), data, end + 4, stream)
            return message
    except RemoteProtocolError as error:
        fault = fault or (error.status, error.reason)
    raise SipError(*fault, message if _answerable(message) else None)


def _quoted_controls(head):
    """Control characters are allowed behind a backslash (25.1, quoted-pair), line breaks not even there."""
    rest = _QUOTED_PAIR(b"", head).translate(None, _PRINTABLE)
    return rest == b"\r\n" * head.count(b"\r\n")


def _start(lines):
    """(Message without fields, None or (status, reason))"""
    start = lines[0]
    pieces = start.split(" ")
    if len(pieces) == 3 and pieces[2] == "SIP/2.0" and pieces[0] in METHODS:
        return Message(pieces[0], pieces[1], 0, "", {}), None
    if start[:4].upper() == "SIP/":
        match = _STATUS(start)
        if match:
            return Message("", "", int(match[1]), match[2] or "", {}), None
        return Message("", "", 400, "", {}), (400, "Bad Status-Line")
    method, uri, version = (pieces + ["", ""])[0], (pieces + ["", ""])[1], pieces[-1]
    message = Message(method, uri, 0, "", {})
    if len(pieces) < 3 or not _VERSION(version) or not TOKEN(method):
        return message, (400, "Bad Request-Line")
    if version.upper() != "SIP/2.0":
        return message, (505, "Version Not Supported")
    return message, None if len(pieces) == 3 else (400, "Bad Request-Line")


def _read_fields(fields, lines):
    """The header lines into `fields`; (400, reason) of a fault, after which it reads on."""
    fault = values = None
    known = KNOWN
    for line in lines:
        name, colon, value = line.partition(":")
        if name in known and colon:
            key = known[name]
        elif line[:1] in (" ", "\t") and values:
            values[-1] = f"{values[-1]} {line.strip(_BLANKS)}".strip(_BLANKS)
            continue
        else:
            key = canonical(name.rstrip(_BLANKS)) if colon else ""
            if not key:
                fault, values = (400, "Bad header line"), None
                continue
        if key not in fields:
            fields[key] = values = [value.strip(_BLANKS)]
            continue
        if key in SINGLE:
            fault = fault or (400, f"More than one {key}")
        values = fields[key]
        values.append(value.strip(_BLANKS))
    return fault


def _check(message):
    """What every message must have (8.1.1), parsed once and kept."""
    fields = message.fields
    try:
        vias = fields["Via"]
        for via in vias:
            if "," in via:
                fields["Via"] = vias = [one for line in vias for one in split_commas(line)] or [""]
                break
        message._via = parse_via(vias[0])
        message._from = shared_name_addr(fields["From"][0])
        message._to = shared_name_addr(fields["To"][0])
        message._cseq = cseq = parse_cseq(fields["CSeq"][0])
        if not fields["Call-ID"][0]:
            refuse("Empty Call-ID")
    except KeyError as missing:
        raise RemoteProtocolError(400, f"Missing {missing.args[0]}") from None
    if message.status:
        message.method = cseq[1]
        if "Contact" in fields:
            _forgive_contact(message)
    else:
        _check_request(message, fields, cseq[1])


def _check_request(message, fields, method):
    if method != message.method:
        refuse("CSeq method does not match")
    if shared_uri(message.uri).headers:
        refuse("Headers in the Request-URI")
    hops = fields.get("Max-Forwards")
    if hops and hops[0] != "70":
        number = parse_number(hops[0])
        if number is None or number > MAX_HOPS:
            refuse("Bad Max-Forwards")
    if "Contact" in fields:
        message.contact                             # raises
    if "Date" in fields and not _GMT(fields["Date"][0]):
        refuse("Bad Date")


def _forgive_contact(message):
    """A response is not dropped for a Contact that leads nowhere."""
    try:
        message.contact
    except RemoteProtocolError:
        message._contact = None


def _cut(length, data, start, stream):
    """The body (18.3): what lies behind it in a datagram is not ours."""
    if length is None:
        if stream:
            raise RemoteProtocolError(400, "Missing Content-Length")
        return data[start:]
    there = len(data) - start
    if length[0] == str(there):
        return data[start:]
    size = parse_number(length[0])
    if size is None:
        raise RemoteProtocolError(400, "Bad Content-Length")
    if size > there:
        raise RemoteProtocolError(400, "Body shorter than Content-Length")
    return data[start:start + size]


def _answerable(message):
    """A request with a Via that leads back; an ACK is never answered (17.1.1.3)."""
    if message.status or message.method == "ACK":
        return False
    try:
        return bool(message.via)
    except RemoteProtocolError:
        return False


class Framer:
    """Messages and keep-alives of one stream.

    `broken` is the error after which nothing more can be read.  It is raised by the feed that meets it; if that
    feed holds whole messages before, they are returned and the next feed raises.
    """
    __slots__ = ("broken", "_buffer", "_searched", "_need")

    def __init__(self):
        self.broken = None
        self._buffer = b""
        self._searched = 0      # no end of the head before this
        self._need = 0          # octets of the message under way, 0: not known yet

    @property
    def buffered(self):
        """Octets of a message that has not all come."""
        return len(self._buffer)

    def feed(self, data):
        """["ping" (answer it with CRLF) or ("message", bytes), …]"""
        if self.broken:
            raise self.broken
        self._buffer = self._buffer + data if self._buffer else data
        found = []
        try:
            while self._buffer and self._next(found):
                pass
        except RemoteProtocolError as error:
            self.broken = error
            self._buffer = b""
            if not found:
                raise
        return found

    def _next(self, found):
        """Take one piece off the buffer; False if it is not whole yet."""
        buffer = self._buffer
        if buffer[0] in b"\r\n":
            return self._keep_alive(found)
        if not self._need:
            end = buffer.find(b"\r\n\r\n", self._searched)
            if end < 0 and len(buffer) < MAX_HEAD + 4:
                self._searched = max(0, len(buffer) - 3)
                return False
            if end < 0 or end > MAX_HEAD:
                raise SipError(513, "Message Too Large")
            self._need = self._measure(buffer[:end + 4])
        if len(buffer) < self._need:
            return False
        found.append(("message", buffer[:self._need]))
        self._buffer = buffer[self._need:]
        self._searched = self._need = 0
        return True

    def _keep_alive(self, found):
        """CRLF CRLF is a ping, CRLF alone a pong (RFC 5626 3.5.1) or padding (RFC 3261 7.5)."""
        rest = self._buffer.lstrip(b"\r\n")
        run = self._buffer[:len(self._buffer) - len(rest)]
        if run != (b"\r\n" * (len(run) // 2 + 1))[:len(run)] or rest and len(run) % 2:
            raise SipError(400, "Bare line break")
        pings, half = divmod(len(run), 4)
        found += ["ping"] * pings
        self._buffer = rest or run[len(run) - half:]
        return bool(rest)

    def _measure(self, head):
        """Octets of the message that this head begins."""
        lengths = [length.strip(b" \t") for length in _LENGTH(head)]
        if len(lengths) != 1 or not lengths[0].isdigit() or len(lengths[0]) > 10:
            parse(head, stream=True)            # says what is wrong, with the message to answer
            raise SipError(400, "Bad Content-Length")
        need = len(head) + int(lengths[0])
        if need <= MAX_MESSAGE:
            return need
        try:
            parse(head, stream=True)
        except SipError as error:               # always: its body is missing
            raise SipError(513, "Message Too Large", error.message) from None
