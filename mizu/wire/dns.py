"""DNS messages: a question as octets, the octets of an answer as records (RFC 1035, 3596, 2782, 3403, 6891).

Names are texts in lower case without the last dot, other octets in a label than printable ASCII as \\DDD (RFC 1035
5.1), so that no label can pretend to be two.  A compressed name may only point backwards and has 255 octets at most,
which bounds every loop.  A truncated answer has no records: it is asked for again over TCP.  Knows no server, no
cache and no zone.
"""

import re
from ipaddress import IPv4Address, IPv6Address

from ..base.errors import RemoteProtocolError

A, CNAME, SOA, AAAA, SRV, NAPTR, OPT = 1, 5, 6, 28, 33, 35, 41
IN = 1

NOERROR, FORMERR, NXDOMAIN = 0, 1, 3

PAYLOAD = 1232
"""Octets of an answer over UDP that reach everybody without fragments (what the DNS flag day of 2020 agreed on)."""

MAX_NAME = 255
MAX_RECORDS = 512
"""Records that are read of one answer: more than fit into the UDP payload, a bound for TCP's 64 KiB."""

_PLAIN = re.compile(r"[!-\-/-\[\]-~]")              # printable ASCII but the dot and the backslash
_PIECE = re.compile(r"\\([0-9]{3})|([^\\.])|(\.)")


class Record:
    """name, kind, ttl in seconds, and data as the kind has it:

    A, AAAA     the address as text
    CNAME       the name
    SRV         (priority, weight, port, target); target "" means: not offered here
    NAPTR       (order, preference, flags, services, regexp, replacement)
    SOA         the seconds that a negative answer holds (RFC 2308: the lesser of its TTL and MINIMUM)
    """
    __slots__ = ("name", "kind", "ttl", "data")

    def __init__(self, name, kind, ttl, data):
        self.name = name
        self.kind = kind
        self.ttl = ttl
        self.data = data

    def __repr__(self):
        return f"Record({self.name!r}, {self.kind}, {self.ttl}, {self.data!r})"


class Answer:
    """id, rcode, truncated, question (name, kind) or None, answers and authority: [Record] of the kinds above."""
    __slots__ = ("id", "rcode", "truncated", "question", "answers", "authority")


def render_question(number, name, kind, edns=True):
    """The message that asks a recursive server.  ValueError: no name of the DNS."""
    head = number.to_bytes(2, "big") + b"\x01\0\0\x01\0\0\0\0" + (b"\0\x01" if edns else b"\0\0")
    option = b"\0" + OPT.to_bytes(2, "big") + PAYLOAD.to_bytes(2, "big") + bytes(6) if edns else b""
    return head + pack_name(name) + kind.to_bytes(2, "big") + IN.to_bytes(2, "big") + option


def pack_name(name):
    """Text -> labels, uncompressed.  ValueError for an empty or long label, or a long name."""
    name = name.removesuffix(".")
    if not name:
        return b"\0"
    if not name.isascii():
        name = name.encode("idna").decode()         # UnicodeError is a ValueError
    labels, at = [bytearray()], 0
    while at < len(name):
        piece = _PIECE.match(name, at)
        if piece is None or piece[1] and int(piece[1]) > 255:
            raise ValueError(f"{name[:64]!r} is no name of the DNS")
        if piece[3]:
            labels.append(bytearray())
        else:
            labels[-1].append(int(piece[1]) if piece[1] else ord(piece[2]))
        at = piece.end()
    if not all(0 < len(label) < 64 for label in labels) or sum(map(len, labels)) + len(labels) >= MAX_NAME:
        raise ValueError(f"{name[:64]!r} is no name of the DNS")
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def canonical(name):
    """The name as answers spell it.  ValueError for one that cannot be asked for."""
    return _name(pack_name(name), 0)[0]


def parse(data):
    """Octets of a response -> Answer.  RemoteProtocolError 400 for what is none."""
    if len(data) < 12:
        raise RemoteProtocolError(400, "DNS: shorter than its header")
    flags = _short(data, 2)
    if not flags & 0x8000 or flags & 0x7800:
        raise RemoteProtocolError(400, "DNS: no answer to a query")
    answer = Answer()
    answer.id, answer.rcode, answer.truncated = _short(data, 0), flags & 15, bool(flags & 0x0200)
    answer.question, at = _question(data, _short(data, 4))
    answer.answers, answer.authority = [], []
    if not answer.truncated:
        answer.answers, at = _records(data, at, _short(data, 6))
        answer.authority, at = _records(data, at, _short(data, 8))
    return answer


def _question(data, count):
    """((name, kind) or None, position behind it)."""
    if count > 1:
        raise RemoteProtocolError(400, "DNS: several questions")
    if not count:
        return None, 12
    name, at = _name(data, 12)
    kind, group = _short(data, at), _short(data, at + 2)
    return (name, kind) if group == IN else None, at + 4


def _records(data, at, count):
    if count > MAX_RECORDS:
        raise RemoteProtocolError(400, "DNS: too many records")
    found = []
    for _ in range(count):
        name, at = _name(data, at)
        kind, group, ttl, length = _short(data, at), _short(data, at + 2), _long(data, at + 4), _short(data, at + 8)
        at += 10
        end = at + length
        if end > len(data):
            raise RemoteProtocolError(400, "DNS: a record beyond the end")
        read = _READ.get(kind) if group == IN else None
        if read is not None:
            ttl = ttl if ttl < 1 << 31 else 0           # RFC 2181 8
            found.append(Record(name, kind, ttl, read(data, at, end, ttl)))
        at = end
    return found, at


def _name(data, at, limit=None):
    """(text, position behind it in the stream)."""
    labels, size, behind, limit = [], 1, None, len(data) if limit is None else limit
    while True:
        if at >= limit:
            raise RemoteProtocolError(400, "DNS: a name beyond the end")
        length = data[at]
        if length >= 0xC0:
            target = _short(data, at) & 0x3FFF
            behind = at + 2 if behind is None else behind
            if at + 2 > limit or target >= at:
                raise RemoteProtocolError(400, "DNS: a pointer that does not point back")
            limit, at = at, target                      # what is pointed at ends before the pointer: no loop
            continue
        if length > 63:
            raise RemoteProtocolError(400, "DNS: unknown kind of label")
        at += 1 + length
        if not length:
            return ".".join(labels), at if behind is None else behind
        size += 1 + length
        if size > MAX_NAME or at > limit:
            raise RemoteProtocolError(400, "DNS: a name beyond its limit")
        labels.append(_label(data[at - length:at]))


def _label(octets):
    text = octets.lower().decode("latin-1")         # bytes: only ASCII has cases (RFC 4343)
    if text.isascii() and text.replace("-", "").replace("_", "").isalnum():
        return text
    return "".join([char if _PLAIN.match(char) else f"\\{ord(char):03}" for char in text])


def _short(data, at):
    if at + 2 > len(data):
        raise RemoteProtocolError(400, "DNS: cut off")
    return data[at] << 8 | data[at + 1]


def _long(data, at):
    return _short(data, at) << 16 | _short(data, at + 2)


# -- what records hold ---------------------------------------------------------------------------------

def _a(data, at, end, ttl):
    return str(IPv4Address(_exactly(data, at, end, 4)))


def _aaaa(data, at, end, ttl):
    return str(IPv6Address(_exactly(data, at, end, 16)))


def _cname(data, at, end, ttl):
    return _last_name(data, at, end)


def _soa(data, at, end, ttl):
    _, at = _name(data, at, end)
    _, at = _name(data, at, end)
    return min(ttl, int.from_bytes(_exactly(data, at, end, 20)[16:], "big"))


def _srv(data, at, end, ttl):
    return _short(data, at), _short(data, at + 2), _short(data, at + 4), _last_name(data, at + 6, end)


def _naptr(data, at, end, ttl):
    order, preference, texts = _short(data, at), _short(data, at + 2), []
    at += 4
    for _ in range(3):                                  # flags, services, regexp
        if at >= end or at + 1 + data[at] > end:
            raise RemoteProtocolError(400, "DNS: a text beyond its record")
        texts.append(data[at + 1:at + 1 + data[at]].decode("utf-8", "replace"))
        at += 1 + data[at]
    return order, preference, *texts, _last_name(data, at, end)


def _last_name(data, at, end):
    name, at = _name(data, at, end)
    _exactly(data, at, end, 0)
    return name


def _exactly(data, at, end, length):
    if end - at != length:
        raise RemoteProtocolError(400, "DNS: a record of the wrong length")
    return data[at:end]


_READ = {A: _a, AAAA: _aaaa, CNAME: _cname, SOA: _soa, SRV: _srv, NAPTR: _naptr}
