"""WebSocket, the server's side (RFC 6455): upgrade request -> 101, octets -> messages, messages -> octets.

No extensions, so every reserved bit is an error.  A text is checked as UTF-8 when it
is whole.  Knows no path, no origin and no command.
"""

import re
from base64 import b64encode
from hashlib import sha1

from ..base.errors import RemoteProtocolError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

MAX_FRAGMENTS = 1024    # 1 MiB in fragments of 1 KiB; empty ones would otherwise never end

VERSION_FIELDS = b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"   # what an answer 426 has to say

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==").fullmatch     # base64 of 16 octets
_CLOSE_CODES = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))     # RFC 6455 7.4.1 and IANA's registry


def upgrade(message, protocols=()):
    """http1.Message -> the whole 101 answer, with the first subprotocol the client offers that is in `protocols`.
    RemoteProtocolError 400, or 426 (its answer needs VERSION_FIELDS); RFC 6455 4.2."""
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
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{chosen}\r\n").encode()


def accept_key(key):
    return b64encode(sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


class FrameParser:
    """Frames of a client -> events, (opcode, payload):

    (TEXT, str) and (BINARY, bytes)     a whole message, its fragments joined
    (PING, bytes) and (PONG, bytes)     also between the fragments of a message
    (CLOSE, bytes)                      judged: empty, or code and reason; the last event, nothing more is read

    RemoteProtocolError has a close code (1002, 1007, 1009) for render_close; nothing more is read after it.
    """
    __slots__ = ("max_message", "_held", "_needed", "_opcode", "_fragments", "_length", "_closed")

    def __init__(self, max_message=1 << 20):
        self.max_message = max_message
        self._held = b""        # the frame that has not all come; a bytearray, so that drops of it stay cheap
        self._needed = 0        # octets it takes at least, as far as known
        self._opcode = 0        # TEXT or BINARY while a fragmented message is under way
        self._fragments = []
        self._length = 0
        self._closed = False

    @property
    def buffered(self):
        return len(self._held) + self._length

    def feed(self, data):
        """What arrived -> an iterator over its events, to be exhausted.  It raises where the peer broke the RFC,
        after the events that came before."""
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return ()
            data = bytes(self._held)
        return self._read_frames(data)

    def _read_frames(self, data):
        pos, size, limit = 0, len(data), min(self.max_message, 0xFFFF)
        integer = int.from_bytes
        try:
            while size - pos >= 2 and not self._closed:
                length = data[pos + 1] - 0x80
                if data[pos] == 0x81 and 0 <= length < 127 and not self._opcode:    # usual: a short text in one frame
                    start = pos + 6
                    if length == 126 and size - pos >= 4:
                        length = data[pos + 2] << 8 | data[pos + 3]
                        start = pos + 8
                    stop = start + length
                    if stop <= size and length <= limit:
                        masked = integer(data[start:stop], "little")
                        mask = integer(data[start - 4:start] * (length + 3 >> 2), "little")
                        text = (masked ^ mask).to_bytes(length + 3, "little")[:length].decode()
                        pos = stop
                        yield TEXT, text
                        continue
                stop, event = self._read_frame(data, pos)
                if not stop:
                    break
                pos = stop
                if event:
                    yield event
            else:
                self._needed = 2
            self._held = bytearray(data[pos:]) if pos < size and not self._closed else b""
        except RemoteProtocolError:
            self._close()
            raise
        except UnicodeDecodeError:
            self._close()
            raise RemoteProtocolError(1007, "text is not UTF-8") from None

    def _close(self):
        self._closed = True
        self._held, self._fragments, self._length = b"", [], 0

    def _read_frame(self, data, pos):
        """Any frame, judged as soon as its header has come -> (position behind it, event or None);
        position 0: it has not all come."""
        first, length, start = data[pos], data[pos + 1] & 0x7F, pos + 6
        opcode = first & 0x0F
        self._judge_header(first, data[pos + 1], opcode)
        if length > 125:
            width = 2 if length == 126 else 8
            self._needed = 2 + width
            if len(data) - pos < self._needed:
                return 0, None
            length = int.from_bytes(data[pos + 2:pos + 2 + width], "big")
            start += width
            if length >> 63:
                raise RemoteProtocolError(1002, "length with its top bit set")
        if opcode < CLOSE and self._length + length > self.max_message:
            raise RemoteProtocolError(1009, "message too long")
        stop = start + length
        if stop > len(data):
            self._needed = stop - pos
            return 0, None
        payload = unmask(data[start - 4:start], data[start:stop])
        if opcode < CLOSE:
            return stop, self._take_fragment(first, payload)
        if opcode == CLOSE:
            _judge_close(payload)
            self._close()
        return stop, (opcode, payload)

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

    def _take_fragment(self, first, payload):
        """The event of the message that is now whole, or None."""
        opcode = self._opcode or first & 0x0F
        self._fragments.append(payload)
        if first < 0x80:
            if len(self._fragments) >= MAX_FRAGMENTS:
                raise RemoteProtocolError(1009, "too many fragments")
            self._opcode = opcode
            self._length += len(payload)
            return None
        message = b"".join(self._fragments)
        self._opcode, self._fragments, self._length = 0, [], 0
        return opcode, message.decode() if opcode == TEXT else message


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


def render_close(code, reason=""):
    """The reason is cut to what a control frame holds."""
    return render_frame(CLOSE, code.to_bytes(2, "big") + reason.encode()[:123].decode("utf-8", "ignore").encode())


def _judge_close(payload):
    """RFC 6455 5.5.1, 7.4: nothing, or a code that may be sent and a reason in UTF-8."""
    code = int.from_bytes(payload[:2], "big")
    if payload and (len(payload) == 1 or not (code in _CLOSE_CODES or 3000 <= code < 5000)):
        raise RemoteProtocolError(1002, "bad close code")
    payload[2:].decode()


def _members(value):
    return [member.strip(" \t") for member in value.split(",")]
