"""A second, plain reading of RFC 8489 for the mutation test: bit by bit, with no code of mizu."""

import binascii


def read(data):
    """(kind, method, id, [(type, value)]), or None."""
    if len(data) < 20 or data[0] >= 64 or data[4:8] != bytes([0x21, 0x12, 0xA4, 0x42]):
        return None
    if data[2] * 256 + data[3] != len(data) - 20 or len(data) % 4:
        return None
    bits = f"{data[0]:08b}{data[1]:08b}"            # 0 0 M11 … M7 C1 M6 M5 M4 C0 M3 … M0
    kind, method = int(bits[7] + bits[11], 2), int(bits[2:7] + bits[8:11] + bits[12:], 2)
    found, rest, sealed = [], data[20:], 0
    while rest:
        type, size = rest[0] * 256 + rest[1], rest[2] * 256 + rest[3]
        if 4 + size > len(rest):
            return None
        value, after = rest[4:4 + size], rest[(size + 7) // 4 * 4:]
        if type == 0x8028:
            whole = binascii.crc32(data[:len(data) - len(rest)]) ^ 0x5354554E
            if after or value != whole.to_bytes(4, "big"):
                return None
            found.append((type, value))
        elif sealed == 0 or sealed == 1 and type == 0x001C:
            found.append((type, value))
        sealed = max(sealed, {0x0008: 1, 0x001C: 2}.get(type, 0))
        rest = after
    return kind, method, data[8:20], found
