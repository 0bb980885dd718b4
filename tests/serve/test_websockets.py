"""The API over WebSocket (RFC 6455)."""

import os

import pytest

from mizu.base.message import Blob
from mizu.serve.pipeline import MOST, SLICE
from mizu.wire.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

from .talk import LAN
from .web import CREDIT, JOHN, Waiting, Web

SAMPLE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
          "Sec-WebSocket-Version: 13")


def frame(opcode, payload=b"", final=True):
    mask = os.urandom(4)
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big") if length < 65536 else \
        b"\xff" + length.to_bytes(8, "big")
    masked = bytes(byte ^ mask[index & 3] for index, byte in enumerate(payload))
    return bytes([0x80 * final | opcode]) + size + mask + masked


def text(request):
    return frame(TEXT, request.encode())


def frames(data):
    """[(opcode, payload)] of a server's frames."""
    found = []
    while data:
        assert data[0] & 0x80 and not data[1] & 0x80
        length, at = data[1], 2
        if length > 125:
            width = 2 if length == 126 else 8
            length, at = int.from_bytes(data[2:2 + width], "big"), 2 + width
        found.append((data[0] & 15, data[at:at + length]))
        data = data[at + length:]
    return found


def handshake(web, path="/mvstwebsocket/", *fields, leave=(), host=LAN):
    stream = web.connect(host)
    lines = [f"GET {path} HTTP/1.1", "Host: h", *(each for each in SAMPLE if not each.startswith(leave or "\n")), *fields]
    stream.say("\r\n".join([*lines, "", ""]).encode())
    return stream


@pytest.fixture
def socket(web):
    stream = handshake(web)
    assert stream.sent.startswith(b"HTTP/1.1 101 ")
    stream.sent = b""
    return stream


def answers(stream):
    sent, stream.sent = stream.sent, b""
    return [(opcode, payload.decode() if opcode == TEXT else payload) for opcode, payload in frames(sent)]


@pytest.mark.parametrize("path", ["/mvstwebsocket", "/mvstwebsocket/", "/x/MVSTWEBSOCK/y?z=1", "/mvapi/mvstwebsocket"])
def test_any_path_with_the_word_is_the_websocket(web, path):
    sent = handshake(web, path).sent
    assert sent.startswith(b"HTTP/1.1 101 ") and b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in sent
    assert b"Sec-WebSocket-Protocol" not in sent


def test_the_subprotocol_api_is_taken_if_offered(web):
    assert b"Sec-WebSocket-Protocol: api\r\n" in handshake(web, "/mvstwebsocket", "Sec-WebSocket-Protocol: sip, api").sent
    assert b"Sec-WebSocket-Protocol" not in handshake(web, "/mvstwebsocket", "Sec-WebSocket-Protocol: sip").sent


def test_what_is_no_upgrade_is_told_so_and_may_go_on(web):
    stream = handshake(web, leave=("Upgrade",))
    assert stream.sent.startswith(b"HTTP/1.1 426 ") and b"Sec-WebSocket-Version: 13\r\n" in stream.sent and stream.open
    assert handshake(web, leave=("Sec-WebSocket-Version",)).sent.startswith(b"HTTP/1.1 426 ")
    assert handshake(web, leave=("Sec-WebSocket-Key",)).sent.startswith(b"HTTP/1.1 400 ")


def test_the_websocket_of_media_is_not_here_yet(web):
    assert handshake(web, "/mmstwebsocket").sent.startswith(b"HTTP/1.1 501 ")


def test_origins_are_judged_by_wsorigins(tmp_path):
    web = Web(tmp_path, "wsorigins=http://good")
    assert handshake(web, "/mvstwebsocket", "Origin: http://good").sent.startswith(b"HTTP/1.1 101 ")
    assert handshake(web, "/mvstwebsocket", "Origin: http://evil").sent.startswith(b"HTTP/1.1 403 ")
    assert handshake(web).sent.startswith(b"HTTP/1.1 101 "), "a program sends none"
    web.db.close()


@pytest.mark.parametrize("request_", [
    f"/mvapireq/?apientry=balance&{JOHN}", f"apientry=balance&{JOHN}", f"apientry=balance&{JOHN}\r\n",
    f"http://h/mvapireq/?apientry=balance&{JOHN}\n", f"GET /mvapireq/?apientry=balance&{JOHN} HTTP/1.1",
    '{"apientry": "balance", "authkey": "KEY", "authid": "john", "authpwd": "johnpass", "format": "text"}'])
def test_a_message_holds_a_whole_request(socket, request_):
    socket.say(text(request_))
    assert answers(socket) == [(TEXT, CREDIT)]


def test_a_binary_message_is_a_request_too(socket):
    socket.say(frame(BINARY, b"apientry=apitest1"))
    assert answers(socket) == [(TEXT, "OK: api test succeed")]


def test_a_message_may_come_in_fragments_with_pings_between_and_byte_by_byte(socket):
    data = frame(TEXT, b"apientry=", False) + frame(PING, b"p") + frame(CONTINUATION, b"api", False) + \
        frame(CONTINUATION, b"test1")
    for byte in data:
        socket.say(bytes([byte]))
    assert answers(socket) == [(PONG, b"p"), (TEXT, "OK: api test succeed")]


def test_many_in_one_read_are_answered_in_order_with_one_send(web, socket):
    before = socket.sends
    socket.say(text("apientry=apitest1") + text("apientry=nonsense") + text(f"apientry=balance&{JOHN}"))
    assert [payload[:12] for _, payload in answers(socket)] == ["OK: api test", "ERROR: unkno", "Your credit "]
    assert socket.sends == before + 1


def test_answers_to_come_keep_the_order(web, socket):
    waiting = Waiting(web)
    socket.say(text("apientry=wait1") + text("apientry=apitest1") + frame(PING))
    assert answers(socket) == []
    waiting.answer(0)
    assert answers(socket) == [(TEXT, "OK: wait1"), (TEXT, "OK: api test succeed"), (PONG, b"")]


def test_answers_of_http_before_the_upgrade_come_before_it(web):
    waiting = Waiting(web)
    stream = web.connect()
    upgrade = "\r\n".join(["GET /mvstwebsocket HTTP/1.1", "Host: h", *SAMPLE, "", ""]).encode()
    stream.say(b"GET /mvapireq/?apientry=wait HTTP/1.1\r\nHost: h\r\n\r\n" + upgrade + text("apientry=apitest1"))
    assert stream.sent == b""
    waiting.answer(0)
    http, mark, rest = stream.sent.partition(b"HTTP/1.1 101 ")
    assert b"OK: wait" in http and frames(rest.partition(b"\r\n\r\n")[2]) == [(TEXT, b"OK: api test succeed")]


def test_what_comes_with_the_upgrade_is_answered(web):
    stream = web.connect()
    stream.say("\r\n".join(["GET /mvstwebsocket HTTP/1.1", "Host: h", *SAMPLE, "", ""]).encode() + text("apientry=apitest1"))
    assert stream.sent.endswith(b"\x81\x14OK: api test succeed")


def test_no_more_than_so_many_are_started_and_the_rest_goes_on_without_new_bytes(web, socket):
    waiting = Waiting(web)
    socket.say(text("apientry=wait") * (MOST + 20))
    assert len(waiting.started) == MOST
    socket.protocol.received(text("apientry=wait"))
    assert socket.paused and len(waiting.started) == MOST
    for index in range(MOST + 21):
        waiting.answer(index)
        socket.settle()
    assert len(answers(socket)) == MOST + 21 and not socket.paused


def test_a_flood_in_one_buffer_is_served_a_slice_a_turn(web, socket):
    waiting = Waiting(web)
    socket.protocol.received(text("apientry=apitest1") * 200)
    assert len(waiting.started) == len(SLICE)
    web.reactor.turn()
    assert len(waiting.started) == 2 * len(SLICE)
    socket.settle()
    assert len(answers(socket)) == 200


@pytest.mark.parametrize("sent, code", [
    (frame(3), 1002), (b"\x81\x01a", 1002), (frame(TEXT, b"\xff"), 1007), (frame(CLOSE, b"\x03\xed"), 1002),
    (b"\x81\xff" + (1 << 21).to_bytes(8, "big") + bytes(4), 1009), (frame(CONTINUATION, b"x"), 1002)])
def test_a_broken_frame_is_answered_with_its_code(socket, sent, code):
    socket.say(text("apientry=apitest1") + sent)
    assert answers(socket) == [(TEXT, "OK: api test succeed"), (CLOSE, answers_close(code, socket))] and not socket.open


def answers_close(code, socket):
    """Any reason will do behind the code."""
    class Code(bytes):
        def __eq__(self, other):
            return other[:2] == code.to_bytes(2, "big")
    return Code()


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe9bye", b"\x0f\xa0"])
def test_a_close_is_answered_with_its_code_after_what_was_asked(web, socket, payload):
    waiting = Waiting(web)
    socket.say(text("apientry=wait") + frame(CLOSE, payload) + text("apientry=apitest1"))
    assert socket.open
    waiting.answer(0)
    assert answers(socket) == [(TEXT, "OK: wait"), (CLOSE, payload[:2])] and not socket.open


def test_the_command_close_says_goodbye(socket):
    socket.say(text("apientry=close"))
    assert answers(socket)[1] == (CLOSE, b"\x03\xe8") and not socket.open


def test_a_blob_is_a_binary_message(web, socket):
    waiting = Waiting(web)
    socket.say(text("apientry=wait"))
    waiting.answer(0, blob=Blob("audio/wav", bytes(300)))
    assert answers(socket) == [(BINARY, bytes(300))]


def test_silence_is_pinged_once_and_then_given_up(socket):
    socket.expire(30)
    assert answers(socket) == [(PING, b"")]
    socket.say(frame(PONG))
    socket.expire(30)
    assert answers(socket) == [(PING, b"")] and socket.open
    socket.expire(30)
    assert socket.aborted


def test_a_message_has_one_deadline_however_slowly_it_comes(socket):
    data = text("apientry=apitest1&" + "x" * 100)
    for index in range(31):
        socket.expire(1)
        if socket.open:
            socket.say(data[index:index + 1])
    assert answers(socket) == [(CLOSE, answers_close(1008, socket))] and not socket.open


def test_a_login_lasts_as_long_as_the_connection(socket):
    socket.say(text(f"apientry=login&{JOHN}") + text("apientry=balance&authkey=KEY"))
    assert answers(socket)[1] == (TEXT, CREDIT)


def test_a_foreign_page_has_no_trusted_address(web):
    for origin, good in (("http://h", True), ("http://evil", False)):
        stream = handshake(web, "/mvstwebsocket", f"Origin: {origin}", host="127.0.0.1")
        stream.sent = b""
        stream.say(text("apientry=balance&authkey=KEY&authid=john"))
        web.reactor.pass_time(0.05)
        assert answers(stream)[0][1].startswith("Your credit") is good


def test_a_stop_is_told_and_what_is_under_way_answered(web, socket):
    waiting = Waiting(web)
    socket.say(text("apientry=wait"))
    socket.protocol.finish()
    waiting.answer(0)
    assert answers(socket) == [(TEXT, "OK: wait"), (CLOSE, answers_close(1001, socket))] and not socket.open


def test_an_end_without_a_close_frame_closes(socket):
    socket.end()
    assert not socket.open
