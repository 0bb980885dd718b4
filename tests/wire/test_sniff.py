"""What the first bytes say, and that more of them never change it."""

import random
from pathlib import Path

import pytest

from mizu.wire import sniff
from mizu.wire.sniff import (CHANNEL, HTTP, KEEPALIVE, LINE, MORE, SIP, STUN, TEXT, TLS, TUNNEL, leading,
                             sniff_datagram, sniff_stream)

COOKIE = b"\x21\x12\xa4\x42"
STREAMS = [
    (b"\x16\x03\x01\x02\x00\x01\x00", TLS),
    (b"\x16\x03\x03", TLS),
    (b"\x00\x01\x00\x00" + COOKIE + bytes(12), STUN),
    (b"\x00\x03\x00\x08" + COOKIE + bytes(20), STUN),
    (b"\x3e\x01\x00\x08" + COOKIE, STUN),
    (b"\x16\x02\x00\x00" + COOKIE, STUN),
    (b"SIP/2.0 200 OK\r\n", SIP),
    (b"INVITE sip:bob@example.com SIP/2.0\r\n", SIP),
    (b"REGISTER sips:example.com SIP/2.0\r\n", SIP),
    (b"INVITE tel:+12125551212 SIP/2.0\r\n", SIP),
    (b"INVITE urn:service:sos SIP/2.0\r\n", SIP),
    (b"REGISTER soap.beep://192.0.2.103:3002 SIP/2.0\r\n", SIP),
    (b"\r\n\r\nOPTIONS sip:x SIP/2.0\r\n", SIP),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP),
    (b"GET /mvapireq/?apientry=apitest1", HTTP),
    (b"OPTIONS * HTTP/1.1\r\n", HTTP),
    (b"GET http://a/ HTTP/1.1\r\n", HTTP),
    (b"GET HTTPS://a/ HTTP/1.1\r\n", HTTP),
    (b"CONNECT a:443 HTTP/1.1\r\n", HTTP),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP),
    (b"\r\n" * 4 + b"GET / HTTP/1.1\r\n", HTTP),
    (b"\r\n" * 5 + b"GET / HTTP/1.1\r\n", LINE),
    (b"/mvapireq/?apientry=version\r\n", LINE),
    (b'{"apientry": "version"}\r\n', LINE),
    (b"[section]\r\n", LINE),
    (b"<mvapireq/>\r\n", LINE),
    (b"apientry=version\n", LINE),
    (b"APIENTRY=version", LINE),
    (b"mvapireq?apientry=version", LINE),
    (b"version\r\n", LINE),
    (b"1\n\x00\x00" + COOKIE, LINE),
    (b"balance,key,user\n", LINE),
    (b"GET http:/ x\n", LINE),
    (b"SIP/7.0 200 OK\n", LINE),
    ("txt=árvíz\n".encode(), LINE),
    (b"\n", LINE),
    (b"a" * 64, LINE),
    (b"\x80\x01", TUNNEL),
    (b"\x16\x04\0\0x", TUNNEL),
    (b"\x00\x01\x00\x00" + COOKIE[:3] + b"\x00", TUNNEL),
    (b"Q\x01abcdefghi", TUNNEL),
    (b"abc\x00\n", TUNNEL),
    (b"", MORE),
    (b"\r", MORE),
    (b"\r\n\r\n", MORE),
    (b"\x16", MORE),
    (b"\x00\x01\x00\x00\x21", MORE),
    (b"12\x01", MORE),
    (b"GET ", MORE),
    (b"GET http:", MORE),
    (b"INVITE sip", MORE),
    (b"a" * 63, MORE),
]


@pytest.mark.parametrize("data, verdict", STREAMS)
def test_a_stream_is_known_by_its_first_bytes(data, verdict):
    assert sniff_stream(data) == verdict


@pytest.mark.parametrize("data, verdict", STREAMS)
def test_every_prefix_says_more_or_the_same(data, verdict):
    for size in range(len(data)):
        assert sniff_stream(data[:size]) in (MORE, verdict)


@pytest.mark.parametrize("data, verdict", [case for case in STREAMS if case[1] == MORE])
def test_more_is_said_only_while_another_byte_can_tell(data, verdict):
    tails = [bytes([byte]) for byte in range(256)] + [COOKIE[max(0, len(data) - 4):], b" / x\n", b"//"]
    assert len({sniff_stream(data + tail) for tail in tails}) > 1


@pytest.mark.parametrize("data", [data for data, verdict in STREAMS if verdict == MORE])
def test_the_end_of_the_stream_decides(data):
    assert sniff_stream(data, ended=True) in (LINE, TUNNEL)
    assert sniff_stream(b"version", ended=True) == LINE


def test_the_verdict_needs_no_more_than_64_bytes():
    assert sniff_stream(b"\r\n" + b"a" * 62) == LINE
    assert sniff_stream(b"a" * 60 + b" sip:") == LINE
    assert sniff_stream(b"a" * 59 + b" sip:") == SIP


def test_up_to_four_leading_crlf_are_dropped():
    assert [leading(b"\r\n" * count + b"x") for count in range(6)] == [0, 2, 4, 6, 8, 8]
    assert leading(b"\r") == leading(b"\n") == 0


@pytest.mark.parametrize("data, verdict", [
    (b"\x00\x01\x00\x00" + COOKIE + bytes(12), STUN),
    (b"INVITE sip:a@b SIP/2.0\r\n\r\nv=0\0\1", SIP),
    (b"\r\nSIP/2.0 100 Trying\r\n\r\n", SIP),
    (b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\n", TEXT),
    (b"/mvapireq/?apientry=apitest1", TEXT),
    (b"apientry=apitest1\0", TEXT),
    (b'{"apientry":"version"}', TEXT),
    (b"version", TEXT),
    (b"{\x01binary", TUNNEL),
    (b"\x80\x60\x01\x02", TUNNEL),
    (b"version\x00\x01", TUNNEL),
    (b"", KEEPALIVE), (b"\r\n", KEEPALIVE), (b"\0", KEEPALIVE), (b"\r\n\r\n\0\0", KEEPALIVE),
])
def test_a_datagram_is_known_as_a_whole(data, verdict):
    assert sniff_datagram(data) == verdict


def test_channel_data_needs_a_bound_channel_and_its_length():
    invite = b"INVITE sip:a@b SIP/2.0\r\n\r\n"
    channel = b"\x40\x00\x00\x03abc"
    assert sniff_datagram(channel, channel_bound=True) == CHANNEL
    assert sniff_datagram(channel + b"\0", channel_bound=True) == CHANNEL
    assert sniff_datagram(channel[:-1], channel_bound=True) == TUNNEL
    assert sniff_datagram(channel) == TUNNEL
    assert sniff_datagram(invite, channel_bound=True) == SIP
    assert sniff_datagram(b"\x40\x00", channel_bound=True) != CHANNEL


VECTORS = Path(__file__).parents[3] / "shared" / "vectors"


@pytest.mark.skipif(not VECTORS.exists(), reason="the RFC's torture messages are not here")
def test_every_torture_message_is_sip():
    for path in sorted([*VECTORS.glob("rfc4475/*.dat"), *VECTORS.glob("rfc5118/*.dat")]):
        assert sniff_stream(path.read_bytes()) == sniff_datagram(path.read_bytes()) == SIP, path.name


def slow_stream(data):
    """The same rules, a byte at a time and without a regular expression: the first prefix that decides."""
    data = data[:64]
    for size in range(len(data) + 1):
        verdict = slow_prefix(data[:size], size == 64)
        if verdict != MORE:
            return verdict
    return MORE


def slow_prefix(seen, full):
    for _ in range(4):
        if seen[:2] == b"\r\n":
            seen = seen[2:]
    lower = seen.lower()
    if seen[:2] == b"\x16\x03":
        return TLS
    if seen[:1] in (b"/", b"{", b"[", b"<") or lower[:9] == b"apientry=" or lower[:5] == b"mvapi":
        return LINE
    if seen[:8] == b"SIP/2.0 ":
        return SIP
    token, space, target = seen.partition(b" ")
    if space and token and all(chr(byte).isalnum() or byte in b"!#$%&'*+-.^_`|~" for byte in token if byte < 128) \
            and max(token) < 128:
        target = target.lstrip(b" ")
        scheme, colon, rest = target.partition(b":")
        if token == b"CONNECT" or target[:1] in (b"/", b"*"):
            return HTTP
        if colon and scheme.lower() in (b"http", b"https"):
            if rest[:2] == b"//":
                return HTTP
        elif colon:
            scheme = scheme[1:] if scheme[:1] == b"<" else scheme
            bare = scheme.translate(None, b"+-.")
            if scheme.lower() not in (b"http", b"https") and scheme[:1].isalpha() and bare.isalnum():
                return SIP
    binary = any(byte < 32 and byte not in b"\t\r\n" or byte == 127 for byte in seen) or seen[:1] >= b"\x80"
    if not binary:
        return LINE if full or seen.endswith(b"\n") else MORE
    if seen[0] < 64:
        if len(seen) >= 8 and seen[4:8] == COOKIE:
            return STUN
        if len(seen) < 8 and seen[4:] == COOKIE[:max(0, len(seen) - 4)] and not full:
            return MORE
    return TUNNEL


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data) + 1)
        data[at:at + rng.choice([0, 0, 1, 4, 99])] = rng.choice([
            b"", b" ", b"\r\n", b"\n", b"\r", b":", b"//", b"<", COOKIE, b"sip:", b"http:", b"\xe9", b"\0",
            bytes([rng.randrange(256)]), rng.choice(STREAMS)[0]])
    return bytes(data)


def test_mutated_beginnings_get_the_verdict_of_a_slow_second_reader():
    rng = random.Random(4)
    verdicts = set()
    for _ in range(20_000):
        data = mutate(rng, rng.choice(STREAMS)[0])
        verdict = sniff_stream(data)
        assert verdict == slow_stream(data), data
        assert sniff_stream(data[:rng.randrange(len(data) + 1)]) in (MORE, verdict), data
        assert sniff_datagram(data, rng.random() < 0.5) in (CHANNEL, STUN, SIP, TEXT, TUNNEL, KEEPALIVE)
        verdicts.add(verdict)
    assert verdicts == {MORE, TLS, HTTP, SIP, LINE, STUN, TUNNEL}


def test_only_the_first_64_bytes_of_a_stream_are_looked_at():
    assert sniff.LOOK == 64
    assert sniff_stream(b"a" * 64 + b"\x01" * 10_000_000) == LINE
