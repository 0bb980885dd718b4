"""SIP over connections, without sockets: framing, keep-alives, deadlines, bounds."""

import pytest

from mizu.serve.sipstream import IDLE, SLICE, SLOW, StreamFlow
from mizu.wire.websocket import BINARY, CLOSE, PING, PONG, TEXT

from .sip import Heard, request
from .talk import LAN
from .test_websockets import frame as masked, frames, handshake

INVITE = request("INVITE", via="TCP a", body=b"v=0\r\n")


@pytest.fixture
def heard(web):
    return Heard(web.transports)


def test_messages_arrive_whole_in_whatever_pieces(web, heard):
    stream = web.connect()
    for byte in INVITE + b"\r\n\r\n" + INVITE:
        stream.say(bytes([byte]))
    assert heard.messages == [INVITE] * 2 and stream.sent == b"\r\n"
    flow = heard.flows[0]
    assert flow is stream.protocol is heard.flows[1]
    assert (flow.transport, flow.host, flow.port, flow.reliable, flow.secure) == ("TCP", LAN, 4711, True, False)
    assert flow.send(b"SIP/2.0 200 OK\r\n\r\n") and stream.sent.endswith(b"SIP/2.0 200 OK\r\n\r\n")


def test_inside_tls_it_is_a_secure_flow(web, heard):
    stream = web.connect(secure=True)
    stream.say(INVITE)
    assert heard.flows[0].transport == "TLS" and heard.flows[0].secure


def test_without_an_agent_requests_are_answered_503_and_nothing_else(web):
    stream = web.connect()
    stream.say(INVITE)
    assert stream.sent.startswith(b"SIP/2.0 503 Service Unavailable\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK7@a\r\n")
    stream.sent = b""
    stream.say(request("ACK", via="TCP a") + request().replace(b"OPTIONS sip:bob@h SIP/2.0", b"SIP/2.0 200 OK"))
    assert stream.sent == b"" and stream.open


def test_a_flood_takes_turns_and_loses_nothing(web, heard):
    stream = web.connect()
    many = b"".join(request(call=str(number)) for number in range(100))
    web.front.hand_over(stream, "sip", many)
    assert len(heard.messages) == SLICE and stream.paused
    stream.settle()
    assert b"".join(heard.messages) == many and not stream.paused


def test_a_message_over_64_kib_is_answered_513_and_closed(web, heard):
    stream = web.connect()
    stream.say(INVITE + INVITE.replace(b"Length: 5", b"Length: 70000"))
    assert heard.messages == [INVITE] and stream.sent.startswith(b"SIP/2.0 513 ") and not stream.open
    again = web.connect()
    again.say(INVITE.replace(b"INVITE", b"ACK").replace(b"Length: 5", b"Length: 70000"))
    assert again.sent == b"" and not again.open


def test_a_stream_that_cannot_be_framed_is_answered_400_and_closed(web, heard):
    stream = web.connect()
    stream.say(INVITE.replace(b"Content-Length: 5\r\n", b""))
    assert stream.sent.startswith(b"SIP/2.0 400 ") and not stream.open and not heard.messages
    stream = web.connect()
    stream.say(b"INVITE sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 5000)
    assert not stream.open and stream.sent == b""


def test_a_message_that_does_not_end_is_given_up(web, heard):
    stream = web.connect()
    stream.say(INVITE[:-3])
    web.reactor.pass_time(20)
    stream.say(INVITE[-3:-1])
    stream.expire(web.settings.requesttimeout - 20)
    assert stream.aborted and not heard.messages


def test_messages_that_come_one_after_the_other_are_not_one_slow_one(web, heard):
    stream = web.connect()
    stream.say(INVITE[:50])
    for _ in range(20):
        stream.expire(5)
        stream.say(INVITE[50:] + INVITE[:50])
    assert stream.open and len(heard.messages) == 20


def test_a_quiet_connection_is_closed_unless_it_is_kept(web, heard):
    kept, idle = web.connect(), web.connect()
    for stream in (kept, idle):
        stream.say(INVITE)
    kept.protocol.keep(3600)
    idle.expire(IDLE)
    kept.expire(0)
    assert not idle.open and kept.open
    kept.expire(3600 - IDLE)
    assert not kept.open


def test_keep_alives_keep_it(web, heard):
    stream = web.connect()
    stream.say(INVITE)
    for _ in range(30):
        stream.expire(100)
        stream.say(b"\r\n\r\n")
    assert stream.open and stream.sent == b"\r\n" * 30


def test_a_far_end_that_does_not_read_is_dropped(web, heard):
    stream = web.connect()
    stream.say(INVITE)
    stream.full = True
    flow = stream.protocol
    while flow.send(b"x" * 1000):
        assert stream.pending <= SLOW
    assert stream.aborted and not flow.alive and not flow.send(b"x")


def test_a_lost_connection_is_told_once_and_forgotten(web, heard):
    stream = web.connect()
    stream.say(INVITE)
    assert len(web.transports) == 1
    flow = stream.protocol
    stream.lose()
    assert heard.lost == [flow] and len(web.transports) == 0


def test_the_server_stops(web, heard):
    plain, socket = web.connect(), handshake(web, "/mfstwebsocket")
    plain.say(INVITE)
    socket.sent = b""
    plain.protocol.finish()
    socket.protocol.finish()
    assert not plain.open and not socket.open and frames(socket.sent)[0][0] == CLOSE


# -- WebSocket (RFC 7118) ------------------------------------------------------------------------------

@pytest.fixture
def socket(web, heard):
    stream = handshake(web, "/mfstwebsocket", "Sec-WebSocket-Protocol: sip", leave=("Sec-WebSocket-Protocol",))
    assert stream.sent.startswith(b"HTTP/1.1 101 ") and b"Sec-WebSocket-Protocol: sip\r\n" in stream.sent
    stream.sent = b""
    return stream


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_of_a_websocket_is_a_message(heard, socket, opcode):
    socket.say(masked(opcode, INVITE))
    assert heard.messages == [INVITE] and heard.flows[0].transport == "WS" and heard.flows[0].reliable
    heard.flows[0].send(b"SIP/2.0 200 \xc3\xb6\r\n\r\n")
    heard.flows[0].send(b"SIP/2.0 200 \xff\r\n\r\n")
    assert frames(socket.sent) == [(TEXT, b"SIP/2.0 200 \xc3\xb6\r\n\r\n"), (BINARY, b"SIP/2.0 200 \xff\r\n\r\n")]


def test_keep_alives_and_control_frames_of_a_websocket(heard, socket):
    socket.say(masked(TEXT, b"\r\n\r\n") + masked(TEXT, b"\r\n") + masked(PING, b"?") + masked(CLOSE, b"\x03\xe8"))
    assert frames(socket.sent) == [(TEXT, b"\r\n"), (PONG, b"?"), (CLOSE, b"\x03\xe8")]
    assert not heard.messages and not socket.open


def test_a_quiet_websocket_is_pinged_then_dropped(web, heard, socket):
    socket.expire(web.settings.wspingtime)
    assert frames(socket.sent) == [(PING, b"")] and socket.open
    socket.say(masked(PONG, b""))
    socket.expire(web.settings.wspingtime)
    socket.expire(web.settings.wspingtime)
    assert socket.aborted


def test_a_broken_or_long_websocket_is_closed_with_its_code(web, heard, socket):
    socket.say(masked(TEXT, INVITE) + masked(BINARY, bytes(70_000)))
    assert heard.messages == [INVITE] and frames(socket.sent)[0][1][:2] == (1009).to_bytes(2, "big") and not socket.open


def test_what_comes_with_the_upgrade_is_not_lost_and_nobody_upgrades_too_early(web, heard):
    stream = web.connect()
    upgrade = (b"GET /mfstwebsocket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    stream.say(upgrade + masked(TEXT, INVITE))
    assert heard.messages == [INVITE] and type(stream.protocol) is StreamFlow
    early = web.connect()
    early.say(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" + upgrade)
    assert b"HTTP/1.1 400 " in early.sent
