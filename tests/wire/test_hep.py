"""HEP3: the packet that Homer's collectors read."""

from mizu.wire.hep import LOG, SIP, render

VECTOR = bytes.fromhex(
    "48455033008b 0000000100070200000002000711 00000003000ac0000201 00000004000ac0000202 0000000700081 3c4"
    .replace(" ", "") + "00000008000813c5 00000009000a6553f100 0000000a000a0001e240 0000000b000701 0000000c000a000007d1"
    "00000011000d63616c6c314078 0000000f0021".replace(" ", "")) + b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"


def test_a_packet_is_what_a_collector_was_seen_to_take():
    assert render(SIP, 1700000000.123456, "UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5061), 2001, "call1@x",
                  b"OPTIONS sip:a@b SIP/2.0\r\n\r\n") == VECTOR


def test_the_length_is_the_datagrams_also_over_ipv6_and_for_a_log_line():
    packet = render(LOG, 0.0, "TLS", ("2001:db8::1", 1), ("192.0.2.2", 2), 1, "é" * 300, b"x" * 70000, "mizud")
    assert int.from_bytes(packet[4:6], "big") == len(packet)
    assert packet[12:13] == b"\x0a" and packet[19:20] == b"\x06"
