"""STUN (RFC 8489): one message <-> its attributes, with integrity and fingerprint.

A header of 20 bytes, then attributes of type, length and value, each padded to four bytes (5, 14).  Padding may hold
anything when it is read (RFC 5769 has spaces) and is zero when it is written.  What follows MESSAGE-INTEGRITY is not
protected by it and is left out, as 14.5 and 14.6 want.  A fingerprint that is there has to be right and the last.
Knows no transaction, no credentials and no cookie-less client of RFC 3489.
"""

import hmac
import struct
import unicodedata
import zlib
from hashlib import md5, sha256
from ipaddress import IPv4Address, IPv6Address, ip_address

from ..base.errors import RemoteProtocolError

REQUEST, INDICATION, SUCCESS, ERROR = range(4)
BINDING = 0x001

MAPPED_ADDRESS, USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES = 0x0001, 0x0006, 0x0008, 0x0009, 0x000A
REALM, NONCE, MESSAGE_INTEGRITY_SHA256, PASSWORD_ALGORITHM, USERHASH = 0x0014, 0x0015, 0x001C, 0x001D, 0x001E
XOR_MAPPED_ADDRESS = 0x0020
PASSWORD_ALGORITHMS, ALTERNATE_DOMAIN, SOFTWARE, ALTERNATE_SERVER, FINGERPRINT = 0x8002, 0x8003, 0x8022, 0x8023, 0x8028

UNDERSTOOD = frozenset((MAPPED_ADDRESS, USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES, REALM, NONCE,
                        MESSAGE_INTEGRITY_SHA256, PASSWORD_ALGORITHM, USERHASH, XOR_MAPPED_ADDRESS))
"""Those of RFC 8489 that must be understood; all from 0x8000 on may be passed over (14)."""

OPTIONAL = 0x8000
COOKIE = 0x2112A442
HEADER = 20

_DIGESTS = {MESSAGE_INTEGRITY: "sha1", MESSAGE_INTEGRITY_SHA256: "sha256"}
_SIZES = {MESSAGE_INTEGRITY: (20,), MESSAGE_INTEGRITY_SHA256: (16, 20, 24, 28, 32)}
_AFTER = {MESSAGE_INTEGRITY: (MESSAGE_INTEGRITY_SHA256, FINGERPRINT), MESSAGE_INTEGRITY_SHA256: (FINGERPRINT,)}
"""What still counts behind an integrity."""

_FAMILIES = {1: (4, IPv4Address), 2: (16, IPv6Address)}
_MASK = 0x5354554E


class Message:
    """kind REQUEST INDICATION SUCCESS ERROR · method · id 12 bytes · attributes [(type, value)] in their order"""
    __slots__ = ("kind", "method", "id", "attributes", "_octets", "_places")

    def __init__(self, kind, method, id, attributes, octets, places):
        self.kind = kind
        self.method = method
        self.id = id
        self.attributes = attributes
        self._octets = octets
        self._places = places           # {type: where its first one begins}

    def get(self, type):
        """The value of the first attribute of this type, or None."""
        return next((value for each, value in self.attributes if each == type), None)

    def unknown(self, understood=UNDERSTOOD):
        """Types that must be understood and are not, each once: what a 420 names (6.3.1)."""
        return [*dict.fromkeys(type for type, _ in self.attributes if type < OPTIONAL and type not in understood)]

    def proves(self, key, type=MESSAGE_INTEGRITY):
        """Whether the integrity of this type is there and made with this key (14.5, 14.6)."""
        value, place = self.get(type), self._places.get(type)
        if value is None or len(value) not in _SIZES[type]:
            return False
        return hmac.compare_digest(value, _integrity(self._octets[:place], key, type, len(value)))


def parse(data):
    """One whole message -> Message; RemoteProtocolError."""
    if len(data) < HEADER:
        raise RemoteProtocolError(400, "shorter than a header")
    type, length, cookie = struct.unpack_from("!HHI", data)
    if type >> 14 or cookie != COOKIE:
        raise RemoteProtocolError(400, "not STUN")
    if length % 4 or length != len(data) - HEADER:
        raise RemoteProtocolError(400, "bad length")
    attributes, places, allowed, place = [], {}, None, HEADER
    while place < len(data):
        each, size = struct.unpack_from("!HH", data, place)
        value = data[place + 4:place + 4 + size]
        if len(value) != size:
            raise RemoteProtocolError(400, "an attribute is cut off")
        if each == FINGERPRINT:
            _check_fingerprint(data, place, value)
        if allowed is None or each in allowed:
            attributes.append((each, value))
            places.setdefault(each, place)
            allowed = _AFTER.get(each, allowed)
        place += 4 + size + -size % 4
    kind = type >> 7 & 2 | type >> 4 & 1
    method = type >> 2 & 0xF80 | type >> 1 & 0x70 | type & 0xF
    return Message(kind, method, data[8:HEADER], attributes, data, places)


def render(kind, method, id, attributes=(), key=None, integrities=(MESSAGE_INTEGRITY,), fingerprint=False):
    """The bytes of a message.   key: it gets these integrities, MESSAGE_INTEGRITY first where there are both"""
    type = (method & 0xF80) << 2 | (method & 0x70) << 1 | method & 0xF | (kind & 2) << 7 | (kind & 1) << 4
    data = b"".join([struct.pack("!HHI", type, 0, COOKIE), id, *[_attribute(*each) for each in attributes]])
    for each in integrities if key is not None else ():
        data += _attribute(each, _integrity(data, key, each, _SIZES[each][-1]))
    data = _with_length(data, 8 * fingerprint)
    return data + _attribute(FINGERPRINT, _fingerprint(data)) if fingerprint else data


# -- the values of attributes

def mapped(host, port):
    """MAPPED-ADDRESS (14.1)."""
    packed = ip_address(host.partition("%")[0]).packed
    return struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, port) + packed


def xor_mapped(host, port, id):
    """XOR-MAPPED-ADDRESS (14.2), so that no NAT on the way rewrites it."""
    return _xored(mapped(host, port), id)


def read_mapped(value):
    """(host, port); RemoteProtocolError."""
    size, address = _FAMILIES.get(value[1] if len(value) >= 4 else 0, (-5, None))
    if len(value) != 4 + size:
        raise RemoteProtocolError(400, "bad address")
    return str(address(value[4:])), int.from_bytes(value[2:4], "big")


def read_xor_mapped(value, id):
    return read_mapped(_xored(value, id))


def error_code(code, reason=""):
    """ERROR-CODE (14.8)."""
    return bytes((0, 0, code // 100, code % 100)) + reason.encode()


def read_error_code(value):
    """(code, reason); RemoteProtocolError."""
    if len(value) < 4 or not 3 <= value[2] & 7 <= 6 or value[3] > 99:
        raise RemoteProtocolError(400, "bad error code")
    return (value[2] & 7) * 100 + value[3], value[4:].decode("utf-8", "replace")


def unknown_attributes(types):
    """UNKNOWN-ATTRIBUTES (14.13)."""
    return struct.pack(f"!{len(types)}H", *types)


# -- keys (9.1.1, 9.2.2)

def short_term_key(password):
    return _opaque(password).encode()


def long_term_key(username, realm, password, digest="md5"):
    """What an account's integrity is made with.   digest: "md5" or "sha256", the PASSWORD-ALGORITHM"""
    text = ":".join((_opaque(username), _opaque(realm), _opaque(password))).encode()
    return sha256(text).digest() if digest == "sha256" else md5(text, usedforsecurity=False).digest()


def userhash(username, realm):
    """USERHASH (14.4): the account without its name."""
    return sha256(f"{_opaque(username)}:{_opaque(realm)}".encode()).digest()


def _opaque(text):
    """OpaqueString (RFC 8265 4.2): every space is the plain one, composed characters."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", "".join([" " if unicodedata.category(each) == "Zs" else each for each in text]))


# -- inside

def _attribute(type, value):
    return struct.pack("!HH", type, len(value)) + value + bytes(-len(value) % 4)


def _with_length(data, more):
    """The message with the length that it has with so many more bytes."""
    return data[:2] + struct.pack("!H", len(data) - HEADER + more) + data[4:]


def _integrity(data, key, type, size):
    """Of what stands before it; the length in the header is that of a message which ends with it."""
    return hmac.digest(key, _with_length(data, 4 + size), _DIGESTS[type])[:size]


def _fingerprint(data):
    return struct.pack("!I", zlib.crc32(data) ^ _MASK)


def _check_fingerprint(data, place, value):
    if place + 8 != len(data) or value != _fingerprint(data[:place]):
        raise RemoteProtocolError(400, "bad fingerprint")


def _xored(value, id):
    """Everything but the family, with the cookie and the transaction's id (14.2)."""
    mask = b"\0\0\x21\x12\x21\x12\xa4\x42" + id
    return bytes([one ^ other for one, other in zip(value, mask)]) if len(value) <= len(mask) else b""
