"""SIP messages as a capture file that Wireshark opens (libpcap's format, link type RAW): each as one UDP datagram.

What came over TCP, TLS or WebSocket is shown as a datagram, too: the message is what counts, and it needs no key.
"""

import struct
from ipaddress import ip_address

TYPE = "application/vnd.tcpdump.pcap"

_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
_RECORD = struct.Struct("<IIII")
_UDP = struct.Struct("!HHHH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_MOST = 65535 - 28
"""Bytes of a message in one IPv4 packet; a longer one is cut, as a capture would be."""


def render(packets):
    """[(unix seconds, (host, port) of the sender, of the receiver, bytes)] -> the file."""
    parts = [_FILE]
    for when, source, target, data in packets:
        packet = _packet(source, target, data[:_MOST])
        micros = round(when * 1_000_000)
        parts.append(_RECORD.pack(micros // 1_000_000, micros % 1_000_000, len(packet), len(packet)))
        parts.append(packet)
    return b"".join(parts)


def _packet(source, target, data):
    one, other = _address(source[0]), _address(target[0])
    length = 8 + len(data)
    if one.version == other.version == 4:
        udp = _UDP.pack(source[1], target[1], length, 0) + data     # 0: no checksum (RFC 768)
        head = _IPV4.pack(0x45, 0, 20 + length, 0, 0, 64, 17, 0, one.packed, other.packed)
        return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + udp
    one, other = _six(one), _six(other)
    pseudo = one + other + struct.pack("!II", length, 17)
    udp = _UDP.pack(source[1], target[1], length, 0) + data
    sum = _checksum(pseudo + udp) or 0xFFFF
    return _IPV6.pack(6 << 28, length, 17, 64, one, other) + udp[:6] + struct.pack("!H", sum) + udp[8:]


def _address(host):
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return ip_address("0.0.0.0")


def _six(address):
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
