"""Session descriptions: RFC 4566 and 3264 as a B2BUA needs them."""

import timeit
from random import Random

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.sip import sdp
from mizu.sip.sdp import Media, address_of, codec, is_hold, parse, render, with_address

from .messages import SDP

ODD = (b"v=0\no=bob 1 2 IN IP4 host.example.com\r\ns=\r\nz=unknown\nc=IN IP6 2001:db8::9\r\na=recvonly\r\nt=0 0\r\n"
       b"m=audio 22334/2 RTP/SAVP  0 96 \r\nm =video 3 RTP/AVP 1\r\na=rtpmap:96 opus/48000/2\r\n"
       b"a=rtcp:22335 IN IP4 1.2.3.4\r\n"
       b"c=IN IP4 224.2.36.42/127/3\r\nb=AS:64\r\na=candidate:1 1 UDP 1 10.0.0.1 9 typ host\r\n"
       b"m=video 0 RTP/AVP 31\r\nm=image 4000 udptl t38\r\na=sendonly\r\nc=IN IP4 0.0.0.0\r\n"
       b"a=\xff\xfe\r\nno line of sdp")


def test_what_is_needed_is_read():
    session = parse(SDP)
    assert (session.connection, session.origin) == ("192.0.2.5", "- 20518 0 IN IP4 192.0.2.5")
    media, = session.media
    assert (media.kind, media.port, media.proto, media.formats) == ("audio", 40000, "RTP/AVP", ["0", "8", "18", "101"])
    assert (media.connection, media.direction) == ("192.0.2.5", "sendrecv")
    assert media.rtpmap == {"0": "PCMU/8000", "8": "PCMA/8000", "18": "G729/8000", "101": "telephone-event/8000"}
    assert media.values("ptime") == ["20"] and media.values("sendrecv") == [None]
    assert address_of(SDP) == "192.0.2.5" and codec(SDP) == "PCMU"


def test_a_stream_takes_from_the_session_what_it_does_not_say():
    audio, video, image = parse(ODD).media
    assert (audio.connection, audio.direction, audio.formats, audio.rtpmap["96"]) == \
        ("224.2.36.42", "recvonly", ["0", "96"], "opus/48000/2")
    assert (video.port, video.connection, video.direction) == (0, "2001:db8::9", "recvonly")
    assert (image.proto, image.connection, image.direction, image.rtpmap) == ("udptl", "0.0.0.0", "sendonly", {})


@pytest.mark.parametrize("body", [SDP, ODD, b"v=0", b"v=0\r\n", SDP + b"\r\n\r\nrest"])
def test_what_is_not_touched_stays_octet_for_octet(body):
    assert render(parse(body)) == body


def test_an_address_is_replaced_and_nothing_else():
    changed = SDP.replace(b"192.0.2.5", b"203.0.113.1")
    assert with_address(SDP, "203.0.113.1") == changed
    assert with_address(SDP, "203.0.113.1", [5004]) == changed.replace(b"40000", b"5004")
    assert with_address(SDP, "2001:db8::1") == SDP.replace(b"IP4 192.0.2.5", b"IP6 2001:db8::1")


def test_a_correction_leaves_what_it_does_not_understand():
    assert with_address(ODD, "198.51.100.7", [5004, 5006, None]) == (
        ODD.replace(b"IP4 host.example.com", b"IP4 198.51.100.7").replace(b"IP6 2001:db8::9", b"IP4 198.51.100.7")
        .replace(b"22334", b"5004").replace(b"rtcp:22335 IN IP4 1.2.3.4", b"rtcp:5005 IN IP4 198.51.100.7")
        .replace(b"224.2.36.42/127/3", b"198.51.100.7/127/3"))


def test_a_port_without_a_new_address_for_it_stays():
    assert with_address(SDP, "192.0.2.5", [None]) == with_address(SDP, "192.0.2.5", []) == SDP


HOLDS = {b"sendrecv": False, b"recvonly": False, b"sendonly": True, b"inactive": True}


@pytest.mark.parametrize("direction", HOLDS)
def test_hold_is_a_direction(direction):
    assert is_hold(parse(SDP.replace(b"sendrecv", direction))) == HOLDS[direction]


def test_hold_is_also_no_address_and_concerns_only_streams_that_live():
    assert is_hold(parse(SDP.replace(b"c=IN IP4 192.0.2.5", b"c=IN IP4 0.0.0.0")))
    assert is_hold(parse(SDP.replace(b"sendrecv", b"inactive") + b"m=video 0 RTP/AVP 31\r\n"))
    assert not is_hold(parse(SDP.replace(b"sendrecv", b"inactive") + b"m=video 9 RTP/AVP 31\r\na=sendrecv\r\n"))
    assert not is_hold(parse(SDP.replace(b"m=audio 40000", b"m=audio 0").replace(b"sendrecv", b"inactive")))
    assert not is_hold(parse(b"v=0\r\n"))


def test_the_address_of_a_hold_stays_a_hold():
    held = SDP.replace(b"c=IN IP4 192.0.2.5", b"c=IN IP4 0.0.0.0")
    assert is_hold(parse(with_address(held, "203.0.113.1")))


@pytest.mark.parametrize("body", [b"", b"<xml/>", b"v", b"v=0\r\nm=audio\r\n", b"v=0\r\nm=audio x RTP/AVP 0",
                                  b"v=0\r\nm=audio 65536 RTP/AVP",
                                  b"v=0\r\n" + b"m=audio 1 RTP/AVP 0\r\n" * 65])
def test_what_is_no_description_is_400(body):
    with pytest.raises(RemoteProtocolError) as refused:
        parse(body)
    assert refused.value.status == 400
    assert address_of(body) == codec(body) == ""


def test_mutants_stay_as_they_are_and_a_correction_is_complete():
    random, accepted = Random(4), 0
    for _ in range(10_000):
        body = random.choice((SDP, ODD))
        for _ in range(random.randrange(1, 4)):
            at = random.randrange(len(body) + 1)
            body = random.choice((body[:at] + bytes([random.randrange(256)]) + body[at + 1:], body[:at],
                                  body[:at] + b"\r\n" + body[at:],
                                  body[:at] + body[at + random.randrange(9):], body + b"m=audio 5 RTP/AVP 0\r\n"))
        try:
            session = parse(body)
        except RemoteProtocolError:
            continue
        accepted += 1
        assert render(session) == body
        moved = with_address(body, "203.0.113.1", [7] * 9)
        again = parse(moved)
        assert moved.count(b"\n") == body.count(b"\n") and len(again.media) == len(session.media)
        for old, new in zip(session.media, again.media):
            moves = old.connection and old.connection not in sdp.NOWHERE
            assert new.connection == ("203.0.113.1" if moves else old.connection)
            assert new.port == (7 if old.port else 0)
            assert all(getattr(old, slot) == getattr(new, slot) for slot in ("kind", "proto", "formats", "direction"))
    assert 5_000 < accepted < 9_900


def test_a_media_line_is_one():
    with pytest.raises(RemoteProtocolError):
        Media("m=audio 1")


@pytest.mark.parametrize("line", ["m=audio 1 RTP/AVP " + " " * 60_000 + "x\x0b", "c=IN IP4 " + "a" * 60_000 + " b",
                                  "o=" + " IP4 a" * 9_000,
                                  "a=rtcp:" + "1" * 4_000 + " IN IP4", "a=" * 30_000, "a=rtpmap:" + " " * 60_000])
def test_long_nonsense_is_read_in_time(line):
    body = f"v=0\r\n{line}\r\n{line}\r\n".encode()
    assert min(timeit.repeat(lambda: with_address(body, "192.0.2.1"), number=1, repeat=2)) < 0.1
