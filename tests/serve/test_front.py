"""Every new stream is sniffed once and handed to the protocol it speaks."""

import pytest

from mizu.serve.front import Sniffing
from mizu.serve.httpd import HttpConnection
from mizu.serve.lines import LineConnection
from mizu.serve.sipstream import StreamFlow


@pytest.mark.parametrize("data, protocol", [
    (b"GET / HTTP/1.1\r\n", HttpConnection), (b"OPTIONS * HTTP/1.1\r\n", HttpConnection),
    (b"\r\nPOST /mvapireq/ HTTP/1.0\r\n", HttpConnection),
    (b"/mvapireq/?apientry=x\r\n", LineConnection), (b"{}\r\n", LineConnection), (b"hello\r\n", LineConnection),
    (b"\r\n\r\napientry=x\n", LineConnection), (b"OPTIONS sip:a@b SIP/2.0\r\n", StreamFlow)])
def test_the_first_bytes_choose_the_protocol(web, data, protocol):
    stream = web.connect()
    stream.say(data)
    assert type(stream.protocol) is protocol
    slow = web.connect()
    for byte in data:
        slow.say(bytes([byte]))
    assert type(slow.protocol) is protocol


def test_http_is_named_by_its_link(web):
    plain, secure = web.connect(), web.connect(secure=True)
    for stream in (plain, secure):
        stream.say(b"GET / HTTP/1.1\r\n")
    assert (plain.peer.transport, secure.peer.transport) == ("http", "https")


@pytest.mark.parametrize("data", [b"\x80\x81\x82\x83" * 16, b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), b"\x16\x03\x01\0\0"])
def test_tunnel_stun_and_tls_without_a_certificate_are_dropped(web, data):
    stream = web.connect()
    stream.say(data)
    assert stream.aborted and stream.sent == b""


def test_tls_inside_tls_is_dropped(web):
    stream = web.connect(secure=True)
    stream.say(b"\x16\x03\x01\0\0")
    assert stream.aborted


def test_who_says_nothing_for_five_seconds_is_dropped(web):
    stream = web.connect()
    assert type(stream.protocol) is Sniffing
    stream.expire(4)
    stream.say(b"apien")
    assert not stream.aborted
    stream.expire(1)
    assert stream.aborted


def test_an_undecided_line_that_the_stream_ends_is_a_line(web):
    stream = web.connect()
    stream.say(b"hello")
    assert type(stream.protocol) is Sniffing
    stream.end()
    assert stream.sent.startswith(b"ERROR: unknown command 'hello'") and not stream.open


def test_who_leaves_without_a_word_is_let_go(web):
    stream = web.connect()
    stream.end()
    assert not stream.open and stream.sent == b""


def test_a_stop_closes_the_undecided(web):
    stream = web.connect()
    stream.protocol.finish()
    assert not stream.open
