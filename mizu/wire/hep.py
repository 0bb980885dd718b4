"""HEP3, the encapsulation in which Homer and its kin take copies of SIP messages and log lines.

"HEP3", a length of two bytes, then chunks: vendor (0), type, length with these six bytes, value; all big-endian.
"""

import struct
from functools import lru_cache
from ipaddress import ip_address

SIP, LOG = 1, 100
"""Chunk 11: what the payload is."""

_PROTOCOLS = {"UDP": 17}        # all others run over TCP
_TCP = 6
_MOST = 65535 - 256
"""Bytes of a payload: the whole packet is one datagram, its length two bytes."""


_MAPPED = b"\0" * 10 + b"\xff\xff"


def render(kind, when, transport, source, target, agent, correlation, data, name=""):
    """One packet.

    when    unix seconds · source, target  (host, port) · agent  number of this node · correlation  Call-ID
    ValueError if a host is no address.
    """
    one, other = _packed(source[0]), _packed(target[0])
    six = len(one) == 16 or len(other) == 16
    if len(one) != len(other):
        one, other = (_MAPPED + each if len(each) == 4 else each for each in (one, other))
    micros = round(when * 1_000_000)
    chunks = [
        (1, bytes((10 if six else 2,))), (2, bytes((_PROTOCOLS.get(transport, _TCP),))),
        (5 if six else 3, one), (6 if six else 4, other),
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


@lru_cache(4096)
def _packed(host):
    """An address in 4 or 16 bytes: made once, as that takes longer than all the rest."""
    return ip_address(host.partition("%")[0]).packed
