"""HEP3, the encapsulation in which Homer and its kin take copies of SIP messages and log lines.

"HEP3", a length of two bytes, then chunks: vendor (0), type, length with these six bytes, value; all big-endian.
"""

import struct
from ipaddress import ip_address

SIP, LOG = 1, 100
"""Chunk 11: what the payload is."""

_PROTOCOLS = {"UDP": 17}        # all others run over TCP
_TCP = 6
_MOST = 65535 - 256
"""Bytes of a payload: the whole packet is one datagram, its length two bytes."""


def render(kind, when, transport, source, target, agent, correlation, data, name=""):
    """One packet.

    when    unix seconds · source, target  (host, port) · agent  number of this node · correlation  Call-ID
    """
    one, other = ip_address(source[0].partition("%")[0]), ip_address(target[0].partition("%")[0])
    if one.version != other.version:
        one, other = (ip_address(f"::ffff:{each}") if each.version == 4 else each for each in (one, other))
    six = one.version == 6
    micros = round(when * 1_000_000)
    chunks = [
        (1, bytes((10 if six else 2,))), (2, bytes((_PROTOCOLS.get(transport, _TCP),))),
        (5 if six else 3, one.packed), (6 if six else 4, other.packed),
        (7, struct.pack("!H", source[1])), (8, struct.pack("!H", target[1])),
        (9, struct.pack("!I", micros // 1_000_000 & 0xFFFFFFFF)), (10, struct.pack("!I", micros % 1_000_000)),
        (11, bytes((kind,))), (12, struct.pack("!I", agent)),
        (17, correlation.encode("utf-8", "replace")[:200]),
    ]
    if name:
        chunks.append((19, name.encode()[:60]))
    chunks.append((15, data[:_MOST - 400]))
    body = b"".join([struct.pack("!HHH", 0, type, 6 + len(value)) + value for type, value in chunks])
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body
