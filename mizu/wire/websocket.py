"""WebSocket, the server's side (RFC 6455): upgrade request -> 101, octets -> messages, messages -> octets.

No extensions, so every reserved bit is an error.  A text is checked as UTF-8 when it
is whole.  Knows no path, no origin and no command.
"""

import re
from base64 import b64encode
from hashlib import sha1

from mizu.base.errors import RemoteProtocolError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FAIL = 16               # no opcode: the event that the peer broke the protocol

MAX_FRAGMENTS = 1024    # 1 MiB in fragments of 1 KiB; empty ones would otherwise never end
NO_STATUS = 1005        # a close frame without a code; never sent (RFC 6455 7.4.1)

VERSION_FIELDS = b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"   # what an answer 426 has to say

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==").fullmatch     # base64 of 16 octets
_CLOSE_CODES = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))     # RFC 6455 7.4.1 and IANA's registry


def accept_upgrade(message, protocols=()):
    """http1.Message -> (response, subprotocol or None): the first protocol the client offers that is in `protocols`.
    RemoteProtocolError 400, or 426 (answer it with VERSION_FIELDS); RFC 6455 4.2."""
    fields = message.fields
    get = fields.values.get
    if message.method != "GET" or fields.version < 11 or fields.length:
        raise RemoteProtocolError(400, "a WebSocket begins with GET and HTTP/1.1")
    if "websocket" not in _members(get("upgrade", "").lower()) or "upgrade" not in fields.options:
        raise RemoteProtocolError(426, "only a WebSocket here")
    if get("sec-websocket-version") != "13":
        raise RemoteProtocolError(426, "only WebSocket version 13")
    key = get("sec-websocket-key", "")
    if not _KEY(key):
        raise RemoteProtocolError(400, "bad Sec-WebSocket-Key")
    offered = _members(get("sec-websocket-protocol", ""))
    protocol = next((name for name in offered if name in protocols), None)
    chosen = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (f"HTTP/1.1 101 Switching Protocols\r\nServer: mizud\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{chosen}\r\n").encode(), protocol


def accept_key(key):
    return b64encode(sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


class FrameParser:
    """Frames of a client -> events, (opcode, payload):

    (TEXT, str) and (BINARY, bytes)     a whole message, its fragments joined
    (PING, bytes) and (PONG, bytes)     also between the fragments of a message
    (CLOSE, (code, reason))             code is NO_STATUS if there was none
    (FAIL, (code, reason))              the peer broke the RFC: 1002, 1007 or 1009

    Answer CLOSE and FAIL with render_close and close; they are the last event, what follows is not read.
    """
    __slots__ = ("max_message", "_held", "_needed", "_opcode", "_fragments", "_length", "_closed")

    def __init__(self, max_message=1 << 20):
        self.max_message = max_message
        self._held = b""        # the frame that has not all come; a bytearray, so that drops of it stay cheap
        self._needed = 0        # octets it takes at least
        self._opcode = 0        # TEXT or BINARY while a fragmented message is under way
        self._fragments = []
        self._length = 0
        self._closed = False

    @property
    def buffered(self):
        return len(self._held) + self._length

    def feed(self, data):
        """The events of what arrived, in order."""
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return []
            data = bytes(self._held)
            self._held = b""
        events = []
        if self._closed:
            return events
        try:
            pos = self._read_frames(data, events)
        except RemoteProtocolError as fault:
            events.append((FAIL, (fault.status, fault.reason)))
            self._closed = True
        except UnicodeDecodeError:
            events.append((FAIL, (1007, "text is not UTF-8")))
            self._closed = True
        if self._closed:
            self._fragments, self._length = [], 0
        elif pos < len(data):
            self._held = bytearray(data[pos:])
        return events

    def _read_frames(self, data, events):
        """Appends the events of the whole frames; the position of the first that is not whole."""
        pos, size, limit = 0, len(data), min(self.max_message, 0xFFFF)
        integer = int.from_bytes
        self._needed = 2
        while size - pos >= 2:
            length = data[pos + 1] - 0x80
            if data[pos] == 0x81 and 0 <= length < 127 and not self._opcode:    # the usual: a short text in one frame
                start = pos + 6
                if length == 126 and size - pos >= 4:
                    length = data[pos + 2] << 8 | data[pos + 3]
                    start = pos + 8
                stop = start + length
                if stop <= size and length <= limit:
                    masked = integer(data[start:stop], "little")
                    mask = integer(data[start - 4:start] * (length + 3 >> 2), "little")
                    events.append((TEXT, (masked ^ mask).to_bytes(length + 3, "little")[:length].decode()))
                    pos = stop
                    continue
            stop = self._read_frame(data, pos, events)
            if self._closed or not stop:
                break
            pos = stop
        return pos

    def _read_frame(self, data, pos, events):
        """Any frame, judged as soon as its header has come.  The position behind it; 0: it has not all come."""
        first, length, start = data[pos], data[pos + 1] & 0x7F, pos + 6
        opcode = first & 0x0F
        self._judge_header(first, data[pos + 1], opcode)
        if length > 125:
            width = 2 if length == 126 else 8
            self._needed = 2 + width
            if len(data) - pos < self._needed:
                return 0
            length = int.from_bytes(data[pos + 2:pos + 2 + width], "big")
            start += width
            if length >> 63:
                raise RemoteProtocolError(1002, "length with its top bit set")
        if opcode < CLOSE and self._length + length > self.max_message:
            raise RemoteProtocolError(1009, "message too long")
        stop = start + length
        if stop > len(data):
            self._needed = stop - pos
            return 0
        payload = unmask(data[start - 4:start], data[start:stop])
        if opcode < CLOSE:
            self._take_fragment(first, payload, events)
        elif opcode == CLOSE:
            events.append((CLOSE, _parse_close(payload)))
            self._closed = True
        else:
            events.append((opcode, payload))
        return stop

    def _judge_header(self, first, second, opcode):
        """RFC 6455 5.2, 5.4, 5.5."""
        if first & 0x70:
            reason = "reserved bit without an extension"
        elif 2 < opcode < 8 or opcode > 10:
            reason = "unknown opcode"
        elif second < 0x80:
            reason = "frame without a mask"
        elif opcode >= CLOSE and (first < 0x80 or second > 0xFD):
            reason = "control frame too long or in fragments"
        elif opcode < CLOSE and bool(opcode) == bool(self._opcode):
            reason = "message inside a message" if opcode else "continuation of nothing"
        else:
            return
        raise RemoteProtocolError(1002, reason)

    def _take_fragment(self, first, payload, events):
        self._opcode = self._opcode or first & 0x0F
        self._fragments.append(payload)
        self._length += len(payload)
        if first < 0x80:
            if len(self._fragments) >= MAX_FRAGMENTS:
                raise RemoteProtocolError(1009, "too many fragments")
            return
        message = b"".join(self._fragments)
        events.append((self._opcode, message.decode() if self._opcode == TEXT else message))
        self._opcode, self._fragments, self._length = 0, [], 0


def unmask(key, octets):
    """RFC 6455 5.3; its own inverse.  One integer XOR is the fastest way at every length."""
    length = len(octets)
    mask = int.from_bytes(key * (length + 3 >> 2), "little")
    return (int.from_bytes(octets, "little") ^ mask).to_bytes(length + 3, "little")[:length]


def render_frame(opcode, payload):
    """A whole message or control frame, never masked by a server; a text comes as UTF-8 bytes."""
    length = len(payload)
    if length < 126:
        return (0x8000 | opcode << 8 | length).to_bytes(2, "big") + payload
    if length < 0x10000:
        return (0x807E0000 | opcode << 24 | length).to_bytes(4, "big") + payload
    return bytes((0x80 | opcode, 127)) + length.to_bytes(8, "big") + payload


def render_close(code=NO_STATUS, reason=""):
    """The reason is cut to what a control frame holds."""
    if code == NO_STATUS:
        return render_frame(CLOSE, b"")
    return render_frame(CLOSE, code.to_bytes(2, "big") + reason.encode()[:123].decode("utf-8", "ignore").encode())


def _parse_close(payload):
    """Payload of a close frame -> (code, reason); RFC 6455 5.5.1, 7.4."""
    if not payload:
        return NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not (code in _CLOSE_CODES or 3000 <= code < 5000):
        raise RemoteProtocolError(1002, "bad close code")
    return code, payload[2:].decode()


def _members(value):
    return [member.strip(" \t") for member in value.split(",")]
