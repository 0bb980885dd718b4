"""Requests to gateways: any status is an answer, redirections are not followed, nothing takes longer than allowed."""

import socket
import time

import pytest

from mizu.base.errors import ApiError, NotReached
from mizu.net.webclient import MAX_BODY, fetch

from .gateways import WebServer


def url(server, path="/send?to=1"):
    return f"http://127.0.0.1:{server.port}{path}"


def test_get_and_post():
    with WebServer() as server:
        reply = fetch(url(server))
        assert (reply.status, reply.text) == (200, "ID: 42")
        fetch(url(server), b'{"a": 1}', {"Content-Type": "application/json", "Idempotency-Key": "k"})
    first, headers, body = server.requests[1]
    assert server.requests[0][0] == "GET /send?to=1 HTTP/1.1" and first == "POST /send?to=1 HTTP/1.1"
    assert headers["idempotency-key"] == "k" and body == b'{"a": 1}'


@pytest.mark.parametrize("reply, status", [
    (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 500), (b"HTTP/1.0 404 No\r\n\r\nnothing", 404),
    (b"HTTP/1.1 302 Go\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", 302)])
def test_every_status_is_an_answer_and_no_redirection_is_followed(reply, status):
    with WebServer(reply) as server:
        assert fetch(url(server)).status == status
    assert len(server.requests) == 1


def test_a_long_answer_is_cut():
    with WebServer(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 1_000_000) as server:
        assert len(fetch(url(server)).body) == MAX_BODY


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x/", "x", "http://", "http://:80/"])
def test_only_http_is_spoken(address):
    with pytest.raises(ApiError) as error:
        fetch(address)
    assert error.value.code in (501, 502)


def test_a_gateway_that_is_silent_gone_or_talks_nonsense():
    with WebServer(late=2) as server:
        begun = time.monotonic()
        with pytest.raises(ApiError) as error:
            fetch(url(server, "/?password=s3cret"), seconds=0.2)
    assert error.value.code == 504 and time.monotonic() - begun < 2 and "s3cret" not in error.value.message
    with WebServer(b"SSH-2.0-x\r\n") as server, pytest.raises(ApiError) as error:
        fetch(url(server))
    assert error.value.code == 502 and not isinstance(error.value, NotReached)       # it was asked, and may have acted
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ApiError) as error:
            fetch(f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert error.value.code == 502
    assert isinstance(error.value, NotReached)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    from live.wires import certificate
    import ssl
    import threading
    paths = certificate(tmp_path)
    if not paths:
        pytest.skip("no openssl to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            try:
                context.wrap_socket(listener.accept()[0], server_side=True)
            except OSError:
                pass
        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(ApiError) as error:
            fetch(f"https://127.0.0.1:{listener.getsockname()[1]}/", seconds=5)
    assert error.value.code == 502 and "CERTIFICATE" in error.value.message.upper()
    assert isinstance(error.value, NotReached)
