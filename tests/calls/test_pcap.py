"""Captures: the file is libpcap's, addresses and checksums are sound."""

import shutil
import struct
import subprocess

import pytest

from mizu.calls.pcap import render

OPTIONS = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x\r\n\r\n"
FOUR = (1700000000.123456, ("192.0.2.1", 5060), ("192.0.2.2", 5061), OPTIONS)
SIX = (1700000001.5, ("2001:db8::1", 5060), ("192.0.2.2", 5062), OPTIONS + b"x")


def records(data):
    """[(seconds, micros, packet)] by a second, plain reader."""
    magic, major, minor, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 101)
    at, found = 24, []
    while at < len(data):
        seconds, micros, kept, length = struct.unpack_from("<IIII", data, at)
        assert kept == length
        found.append((seconds, micros, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    return found


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_an_ipv4_packet_has_a_sound_head_and_the_message():
    (seconds, micros, packet), = records(render([FOUR]))
    assert (seconds, micros) == (1700000000, 123456)
    assert packet[0] == 0x45 and ones_sum(packet[:20]) == 0xFFFF
    assert packet[12:20] == bytes((192, 0, 2, 1, 192, 0, 2, 2))
    assert struct.unpack("!HHH", packet[20:26]) == (5060, 5061, 8 + len(OPTIONS))
    assert packet[28:] == OPTIONS


def test_an_ipv6_packet_has_the_checksum_that_udp_wants_there():
    (_, _, packet), = records(render([SIX]))
    assert packet[0] >> 4 == 6 and packet[6] == 17
    length = len(packet) - 40
    assert ones_sum(packet[8:40] + struct.pack("!II", length, 17) + packet[40:]) == 0xFFFF
    assert packet[24:40] == b"\0" * 10 + b"\xff\xff" + bytes((192, 0, 2, 2))


def test_a_message_longer_than_a_packet_is_cut_and_an_unknown_host_is_no_error():
    (_, _, packet), = records(render([(0.0, ("nowhere", 1), ("192.0.2.2", 2), b"x" * 70000)]))
    assert len(packet) <= 65535


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_it(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(render([FOUR, SIX]))
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "sip.Method"], capture_output=True, timeout=60)
    assert done.stdout.split() == [b"OPTIONS", b"OPTIONS"]
