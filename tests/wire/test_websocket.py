"""WebSocket handshake and frames: RFC 6455's own examples, every error with its code, every way to cut the octets."""

import random
import re

import pytest

from mizu.base.errors import RemoteProtocolError
from mizu.wire.http1 import RequestParser
from mizu.wire.websocket import (BINARY, CLOSE, CONTINUATION, MAX_FRAGMENTS, PING, PONG, TEXT, FrameParser, accept_key,
                                 render_close, render_frame, unmask, upgrade)

KEY = b"\x37\xfa\x21\x3d"


def frame(opcode, payload=b"", fin=True, key=KEY, width=None, rsv=0):
    """A client's frame; width 0, 2 or 8 forces the form of the length."""
    length = len(payload)
    if width is None:
        width = 0 if length < 126 else 2 if length < 65536 else 8
    short = length if width == 0 else 126 if width == 2 else 127
    return (bytes((fin << 7 | rsv << 4 | opcode, 0x80 | short)) + (length.to_bytes(width, "big") if width else b"")
            + key
            + bytes(octet ^ key[i % 4] for i, octet in enumerate(payload)))


def run(pieces, **limits):
    """All events; a fault as its close code."""
    parser, seen = FrameParser(**limits), []
    try:
        for piece in pieces:
            for event in parser.feed(piece):
                seen.append(event)
    except RemoteProtocolError as fault:
        seen.append(fault.status)
        assert list(parser.feed(frame(TEXT, b"late"))) == [] and parser.buffered == 0
    return seen


# -- handshake -----------------------------------------------------------------------------------------

def request(line=b"GET /mvstwebsocket HTTP/1.1", without="", **fields):
    fields = {"Host": "a", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
              **{name.replace("_", "-"): value for name, value in fields.items()}}
    block = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if name != without)
    parser = RequestParser()
    parser.feed(line + b"\r\n" + block.encode() + b"\r\n")
    return parser.next()


def test_the_key_of_rfc_6455_1_3_is_accepted():
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert upgrade(request()) == (
        b"HTTP/1.1 101 Switching Protocols\r\nServer: mizud\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def test_upgrade_tokens_ignore_case_and_may_stand_in_a_list():
    assert upgrade(request(Upgrade="h2c, WebSocket", Connection="keep-alive, UPGRADE"))


@pytest.mark.parametrize("offered, protocols, chosen", [
    ("api", ("api",), b"api"), ("sip, api", ("api",), b"api"), ("sip,api", ("api", "sip"), b"sip"),
    ("API", ("api",), None), ("apix", ("api",), None), ("", ("api",), None), ("api", (), None),
])
def test_the_first_protocol_offered_that_we_speak_is_chosen(offered, protocols, chosen):
    answer = upgrade(request(Sec_WebSocket_Protocol=offered), protocols)
    found = re.search(rb"Sec-WebSocket-Protocol: (.*)\r\n", answer)
    assert (found and found[1]) == chosen


@pytest.mark.parametrize("bad, status", [
    ({"line": b"POST / HTTP/1.1"}, 400), ({"line": b"GET / HTTP/1.0"}, 400),
    ({"Upgrade": "websockets"}, 426), ({"without": "Upgrade"}, 426),
    ({"Connection": "keep-alive"}, 426), ({"without": "Connection"}, 426),
    ({"Sec_WebSocket_Version": "8"}, 426), ({"Sec_WebSocket_Version": "13, 8"}, 426),
    ({"without": "Sec-WebSocket-Version"}, 426),
    ({"without": "Sec-WebSocket-Key"}, 400), ({"Sec_WebSocket_Key": "short=="}, 400),
    ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ="}, 400), ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZ!=="}, 400),
    ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==AAAA"}, 400),
    ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZR=="}, 400),
])
def test_a_bad_upgrade_is_refused(bad, status):
    with pytest.raises(RemoteProtocolError) as caught:
        upgrade(request(**bad))
    assert caught.value.status == status


# -- frames --------------------------------------------------------------------------------------------

def test_the_examples_of_rfc_6455_5_7():
    hello = bytes.fromhex("818537fa213d7f9f4d5158")
    assert run([hello]) == [(TEXT, "Hello")]
    assert render_frame(TEXT, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert render_frame(PING, b"Hello") == bytes.fromhex("890548656c6c6f")
    assert run([bytes.fromhex("8a8537fa213d7f9f4d5158")]) == [(PONG, b"Hello")]
    assert render_frame(BINARY, bytes(256)) == bytes.fromhex("827e0100") + bytes(256)
    assert render_frame(BINARY, bytes(65536)) == bytes.fromhex("827f0000000000010000") + bytes(65536)
    fragments = frame(TEXT, b"Hel", fin=False), frame(CONTINUATION, b"lo")
    assert run([b"".join(fragments)]) == [(TEXT, "Hello")]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 125, 126, 127, 1000, 65535, 65536, 100_001])
def test_every_length_comes_through(length):
    payload = bytes(i * 7 & 0x7F for i in range(length))
    octets = frame(TEXT, payload) + frame(BINARY, payload)
    assert run([octets]) == [(TEXT, payload.decode()), (BINARY, payload)]
    assert unmask(KEY, unmask(KEY, payload)) == payload
    ours, header = render_frame(BINARY, payload), 2 if length < 126 else 4 if length < 65536 else 10
    assert ours[1] < 128 and ours[header:] == payload and int.from_bytes(ours[2:header] or ours[1:2], "big") == length


def test_a_length_need_not_be_minimal():
    for width in (2, 8):
        assert run([frame(TEXT, b"hi", width=width) + frame(BINARY, b"", width=width)]) == [(TEXT, "hi"), (BINARY, b"")]


def test_control_frames_come_between_the_fragments():
    octets = (frame(TEXT, "ä€".encode()[:1], fin=False) + frame(PING, b"1")
              + frame(CONTINUATION, "ä€".encode()[1:3], fin=False)
              + frame(PONG) + frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION, "ä€".encode()[3:])
              + frame(TEXT, b"x"))
    assert run([octets]) == [(PING, b"1"), (PONG, b""), (TEXT, "ä€"), (TEXT, "x")]


GOOD = frame(TEXT, b"good")


@pytest.mark.parametrize("octets, code", [
    *[(frame(TEXT, b"x", rsv=rsv), 1002) for rsv in range(1, 8)],
    *[(frame(opcode, b""), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    (render_frame(TEXT, b"Hello"), 1002), (render_frame(PING, b""), 1002), (render_frame(TEXT, b""), 1002),
    (frame(PING, bytes(126)), 1002), (frame(PING, b"x", width=2), 1002), (frame(CLOSE, bytes(200)), 1002),
    *[(frame(opcode, b"", fin=False), 1002) for opcode in (CLOSE, PING, PONG)],
    (frame(CONTINUATION, b"x"), 1002), (frame(CONTINUATION, b"x", fin=False), 1002),
    (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002), (frame(BINARY, b"a", fin=False)
    + frame(TEXT, b"b"), 1002),
    (frame(TEXT, b"a", fin=False) + frame(BINARY, b"b", fin=False), 1002),
    (b"\x81\xff\x80\0\0\0\0\0\0\1", 1002),
    (b"\x81\xff\x00\0\0\0\0\x10\0\1", 1009), (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 1009),
    (frame(TEXT, b"\xff"), 1007), (frame(TEXT, b"\xc3"), 1007), (frame(TEXT, b"\xed\xa0\x80"), 1007),
    (frame(TEXT, b"\xc0\xaf"), 1007),
    (frame(TEXT, b"\xf4\x90\x80\x80"), 1007), (frame(TEXT, b"x" * 200 + b"\xfe"), 1007),
    (frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"x"), 1007),
    (frame(CLOSE, b"\x03"), 1002), (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    *[(frame(CLOSE, code.to_bytes(2, "big")), 1002)
      for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)],
])
def test_each_error_has_its_code_and_spares_what_came_before(octets, code):
    assert run([GOOD + octets + GOOD]) == [(TEXT, "good"), code]
    assert run([bytes([octet]) for octet in GOOD + octets + GOOD]) == [(TEXT, "good"), code]


def test_an_error_shows_with_the_header_that_has_it():
    assert run([b"\x89\x00"]) == [1002]
    assert run([b"\x81\xfe\xff\xff"], max_message=1000) == [1009]


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe8bye", "\x03\xf3".encode("latin-1") + "ö".encode(),
                                     *[code.to_bytes(2, "big") for code in (1001, 1002, 1003, 1007, 1014, 3000, 4999)]])
def test_nothing_is_read_behind_a_close(payload):
    assert run([frame(CLOSE, payload) + GOOD, GOOD]) == [(CLOSE, payload)]


def test_the_limits_of_a_message_are_exact():
    assert run([frame(TEXT, b"x" * 10)], max_message=10) == [(TEXT, "x" * 10)]
    assert run([frame(TEXT, b"x" * 11)], max_message=10) == [1009]
    parts = frame(TEXT, b"x" * 6, fin=False), frame(CONTINUATION, b"x" * 4)
    assert run(parts, max_message=10) == [(TEXT, "x" * 10)]
    assert run([*parts[:1], frame(CONTINUATION, b"x" * 5)], max_message=10) == [1009]
    assert run(parts * 2, max_message=10) == [(TEXT, "x" * 10)] * 2
    many = [frame(TEXT, b"", fin=False)] + [frame(CONTINUATION, b"", fin=False)] * (MAX_FRAGMENTS - 2)
    assert run([*many, frame(CONTINUATION)]) == [(TEXT, "")]
    assert run([*many, frame(CONTINUATION, b"", fin=False), frame(CONTINUATION)]) == [1009]


def test_a_frame_that_drips_is_copied_once():
    parser, octets = FrameParser(), frame(BINARY, bytes(50_000))
    for octet in octets[:-1]:
        assert list(parser.feed(bytes([octet]))) == []
    assert parser.buffered == len(octets) - 1
    assert list(parser.feed(octets[-1:] + GOOD[:3])) == [(BINARY, bytes(50_000))]
    assert list(parser.feed(GOOD[3:])) == [(TEXT, "good")] and parser.buffered == 0


def test_a_close_carries_code_and_a_reason_that_fits():
    assert render_close(1000) == b"\x88\x02\x03\xe8"
    assert render_close(1002, "bad") == b"\x88\x05\x03\xeabad"
    assert len(render_close(1002, "ä" * 100)) == 2 + 2 + 122


def test_every_cut_of_a_stream_gives_the_same_events():
    octets = (frame(TEXT, "grüß".encode()) + frame(PING, b"p") + frame(TEXT, b"a" * 130)
              + frame(BINARY, b"1", fin=False)
              + frame(PONG) + frame(CONTINUATION, b"2") + frame(TEXT, b"z", width=8) + frame(CLOSE, b"\x03\xe8"))
    whole = run([octets])
    assert len(whole) == 7
    for cut in range(len(octets) + 1):
        assert run([octets[:cut], octets[cut:]]) == whole
    assert run([octets[i:i + 1] for i in range(len(octets))]) == whole


# -- mutants against a second, plain reader --------------------------------------------------------------

def plain_run(data, limit):
    """RFC 6455 5.2 in the order of its text, octet by octet."""
    seen, pos, message, kind, count = [], 0, b"", None, 0
    while len(data) - pos >= 2:
        fin, rsv, opcode = data[pos] // 128, data[pos] // 16 % 8, data[pos] % 16
        masked, length = data[pos + 1] // 128, data[pos + 1] % 128
        control = opcode in (8, 9, 10)
        if rsv or not masked or not (control or opcode in (0, 1, 2)) or control and (not fin or length > 125):
            return seen + [1002]
        if not control and (opcode == 0) != (kind is not None):
            return seen + [1002]
        width = {126: 2, 127: 8}.get(length, 0)
        if len(data) - pos < 2 + width:
            break
        if width:
            length = sum(octet << 8 * i for i, octet in enumerate(reversed(data[pos + 2:pos + 2 + width])))
            if length >= 1 << 63:
                return seen + [1002]
        if not control and len(message) + length > limit:
            return seen + [1009]
        body = pos + 2 + width + 4
        if len(data) - body < length:
            break
        payload = bytes(data[body + i] ^ data[body - 4 + i % 4] for i in range(length))
        pos = body + length
        if opcode == 8:
            code = int(payload[:2].hex() or "3e8", 16)
            allowed = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014} | set(range(3000, 5000))
            if length == 1 or code not in allowed:
                return seen + [1002]
            return seen + [(8, payload) if payload[2:].decode("utf-8", "ignore").encode() == payload[2:] else 1007]
        if control:
            seen.append((opcode, payload))
            continue
        kind, message, count = kind or opcode, message + payload, count + 1
        if not fin:
            continue
        if kind == 1 and message.decode("utf-8", "ignore").encode() != message:
            return seen + [1007]
        seen.append((kind, message.decode() if kind == 1 else message))
        kind, message, count = None, b"", 0
    return seen


def random_frame(chance, inside):
    """A frame that fits mostly; (octets, is a message under way behind it)."""
    key = chance.randbytes(4)
    text = "".join(chance.choices("ab{}é€\U0001f600", k=chance.choice((0, 1, 3, 30, 70)))).encode()
    if chance.random() < 0.25:
        opcode = chance.choice((PING, PONG, PING, PONG, CLOSE))
        payload = chance.choice((b"", b"\x03\xe8", b"\x03\xe8" + text[:4])) if opcode == CLOSE else text[:125]
        return frame(opcode, payload, key=key), inside
    fin = chance.random() < 0.7
    opcode = CONTINUATION if inside else chance.choice((TEXT, TEXT, BINARY))
    return frame(opcode, text, fin=fin, key=key, width=chance.choice((None, None, 8)) or None), not fin


def test_20000_mutants_are_read_as_by_a_plain_reader_however_they_are_cut():
    chance = random.Random(6455)
    good = faults = 0
    for number in range(20_000):
        data, inside = bytearray(), False
        for _ in range(chance.randrange(1, 5)):
            octets, inside = random_frame(chance, inside)
            data += octets
        for _ in range(number % 3):
            at = chance.randrange(len(data) + 1)
            if chance.random() < 0.5:
                data[at:at + 1] = bytes([chance.randrange(256)])
            else:
                data[at:at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        data = bytes(data)
        expected = plain_run(data, 400)
        assert run([data], max_message=400) == expected, data.hex()
        cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 4)))
        assert run([data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])], max_message=400) == expected, data.hex()
        faults += expected[-1:] in ([1002], [1007], [1009])
        good += len(expected) > 0 and not isinstance(expected[-1], int)
    assert good > 5_000 and faults > 5_000
