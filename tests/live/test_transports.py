"""One port, every transport, from programs that are not ours: curl, openssl, netcat's way of talking."""

import re
import shutil
import socket
import ssl
import subprocess
import time

import pytest

from mizu.wire.stun import SUCCESS, XOR_MAPPED_ADDRESS, parse, read_xor_mapped

from .harness import Server
from .wires import WebSocket, certificate, connect

pytestmark = pytest.mark.live

GOOD = b"OK: api test succeed"
ASK = b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: h\r\n\r\n"


def curl(*arguments, input=None):
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    done = subprocess.run(["curl", "-sS", "--max-time", "10", *map(str, arguments)], capture_output=True, input=input)
    assert done.returncode == 0, done.stderr
    return done.stdout


def talk(port, data, end=True):
    """All that comes back until the far end closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(data)
        if end:
            sock.shutdown(socket.SHUT_WR)
        return sock.makefile("rb").read()


def test_curl_keeps_its_connection(server):
    url = f"http://127.0.0.1:{server.port}/mvapireq/?apientry=apitest1"
    assert curl("-w", "%{num_connects}\n", url, url, url) == (GOOD + b"1\n" + GOOD + b"0\n" + GOOD + b"0\n")


@pytest.mark.parametrize("how", [
    ["-d", "apientry=apitest1"], ["-F", "apientry=apitest1"], ["-G", "-d", "apientry=apitest1"],
    ["--http1.0", "-d", "apientry=apitest1"], ["-H", "Expect: 100-continue", "-d", "apientry=apitest1"],
    ["-H", "Transfer-Encoding: chunked", "-d", "apientry=apitest1"],
    ["-H", "Content-Type: application/json", "-d", '{"apientry":"apitest1","format":"text"}']])
def test_curl_posts_as_it_likes(server, how):
    assert curl(f"http://127.0.0.1:{server.port}/mvapireq/", *how) == GOOD


def test_curl_sees_head_and_options(server):
    url = f"http://127.0.0.1:{server.port}/mvapireq/?apientry=apitest1"
    assert b"Content-Length: 20\r\n" in curl("-I", url)
    assert b"204 No Content" in curl("-i", "-X", "OPTIONS", url)


def test_a_line_without_an_end_is_answered_when_the_stream_ends(server):
    assert talk(server.port, b"/mvapireq/?apientry=apitest1") == GOOD + b"\r\n"
    assert talk(server.port, b"GET /mvapireq/?apientry=apitest1") == GOOD + b"\r\n"


def test_ten_thousand_requests_in_one_piece_are_answered_and_disturb_nobody(server):
    count = 10_000
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as flood, \
            socket.create_connection(("127.0.0.1", server.port), timeout=30) as other:
        flood.setblocking(False)
        data, got, worst = memoryview(ASK * count), 0, 0.0
        while got < count:
            try:
                data = data[flood.send(data):] if data else data
            except BlockingIOError:
                pass
            try:
                got += flood.recv(1 << 20).count(GOOD[4:])
            except BlockingIOError:
                pass
            began = time.monotonic()
            other.sendall(ASK)
            assert GOOD in other.recv(4096)
            worst = max(worst, time.monotonic() - began)
        assert worst < 0.5, "an own request waited behind a whole flood"


def test_sip_over_tcp_is_answered(server):
    sent = (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
            b"Call-ID: 7\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
    answer = talk(server.port, sent)
    assert answer.startswith(b"SIP/2.0 ") and b"\r\nVia: SIP/2.0/TCP a;" in answer
    assert b"CSeq: 1 OPTIONS\r\n" in answer


def test_sip_over_a_websocket_and_over_its_own_port_is_answered(server):
    options = ("OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/{} a;rport;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
               "To: <sip:b@h>\r\nCall-ID: 8\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
    with WebSocket(server, path="/mfstwebsocket", headers="Sec-WebSocket-Protocol: sip\r\n") as web:
        assert web.ask(options.format("WS")).startswith("SIP/2.0 ")
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        for port in (int(re.search(r"sip (\d+)", server.out)[1]), server.port):
            sock.connect(("127.0.0.1", port))
            sock.send(options.format("UDP").replace("Call-ID: 8", f"Call-ID: {port}").encode())
            assert sock.recv(4096).startswith(b"SIP/2.0 ")


def test_stun_on_each_port_of_sip_tells_the_asker_where_he_is(server):
    asked = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(range(12))
    for port in (int(re.search(r"sip (\d+)", server.out)[1]), server.port):
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.bind(("127.0.0.1", 0))
            sock.sendto(asked, ("127.0.0.1", port))
            data, source = sock.recvfrom(2048)
            answer = parse(data)
            assert source == ("127.0.0.1", port) and (answer.kind, answer.id) == (SUCCESS, asked[8:])
            assert read_xor_mapped(answer.get(XOR_MAPPED_ADDRESS), answer.id) == sock.getsockname()


def test_broken_sip_and_stun_datagrams_are_dropped(server):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", server.port))
        sock.settimeout(0.3)
        for data in (b"OPTIONS sip:h SIP/2.0\r\n\r\n", b"\0\1\0\4\x21\x12\xa4\x42" + bytes(12)):
            sock.send(data)
        with pytest.raises(TimeoutError):
            sock.recv(2048)
        sock.send(b"/mvapireq/?apientry=apitest1")
        assert sock.recv(2048) == GOOD


@pytest.mark.slow
def test_who_says_nothing_is_let_go_after_five_seconds(tmp_path):
    server = Server(tmp_path / "data", "--set", "sniffwait=1")
    began = time.monotonic()
    assert talk(server.port, b"GE", end=False) == b"" and 0.5 < time.monotonic() - began < 4
    assert server.stop() == 0


def test_a_large_file_comes_whole_and_in_parts_and_takes_no_memory(fresh_server):
    folder = fresh_server.data / "mvweb"
    body = bytes(range(256)) * (1 << 17)                # 32 MiB
    (folder / "large.bin").write_bytes(body)
    url = f"http://127.0.0.1:{fresh_server.port}/mvweb/large.bin"
    before = resident(fresh_server)
    assert curl(url) == body
    assert curl("-r", "1000-2000000", url) == body[1000:2000001]
    slow = [socket.create_connection(("127.0.0.1", fresh_server.port)) for _ in range(20)]
    for sock in slow:
        sock.sendall(b"GET /mvweb/large.bin HTTP/1.1\r\nHost: h\r\n\r\n" * 8)
    assert curl(f"http://127.0.0.1:{fresh_server.port}/healthz") == b"OK\n"
    assert resident(fresh_server) - before < 24 << 20
    for sock in slow:
        sock.close()


def resident(server):
    """Bytes of memory the process has."""
    with open(f"/proc/{server.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.slow
def test_an_idle_connection_costs_under_six_kilobytes(fresh_server):
    port, count = fresh_server.port, 900        # below what one address may have
    for name, hello in (("http", ASK), ("line", b"apientry=apitest1\r\n"), ("silent", b"")):
        before = resident(fresh_server)
        socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for sock in socks:
            sock.sendall(hello)
        for sock in socks:
            assert not hello or GOOD in sock.recv(4096)
        cost = (resident(fresh_server) - before) / count
        assert cost < 6 * 1024, (name, cost)
        for sock in socks:
            sock.close()
        time.sleep(0.2)


@pytest.fixture
def secure(tmp_path):
    paths = certificate(tmp_path)
    if paths is None:
        pytest.skip("openssl is not here")
    server = Server(tmp_path / "data", "--set", f"sslcert={paths[0]}", "--set", f"sslkey={paths[1]}",
                    "--set", "sslportmain=auto", "--set", "trustedproxies=127.0.0.0/8")
    server.certificate = paths[0]
    yield server
    server.stop()


def test_tls_on_the_main_port_carries_lines_http_and_websockets(secure):
    done = subprocess.run(["openssl", "s_client", "-quiet", "-verify_quiet", "-CAfile", secure.certificate, "-connect",
                           f"127.0.0.1:{secure.port}"], input=b"apientry=apitest1\r\napientry=close\r\n", capture_output=True, timeout=20)
    assert done.stdout.startswith(GOOD + b"\r\nOK")
    url = f"https://127.0.0.1:{secure.port}/mvapireq/?apientry=apitest1"
    assert curl("--cacert", secure.certificate, url) == GOOD
    for version, good in (("1.1", False), ("1.2", True), ("1.3", True)):
        probe = subprocess.run(["curl", "-sk", f"--tlsv{version}", "--tls-max", version, url], capture_output=True)
        assert (probe.stdout == GOOD) is good
    with WebSocket(secure, secure=True) as socket_:
        assert socket_.ask("apientry=apitest1") == GOOD.decode()


@pytest.mark.slow
def test_a_new_certificate_is_taken_and_running_connections_are_untouched(secure):
    def shown():
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", secure.port)) as sock, context.wrap_socket(sock) as tls:
            return tls.getpeercert(True)
    with connect(secure, secure=True) as running:
        first = shown()
        certificate(secure.certificate.parent)
        until = time.monotonic() + 10
        while shown() == first and time.monotonic() < until:
            time.sleep(0.1)
        assert shown() != first
        running.sendall(ASK)
        assert GOOD in running.recv(4096)
        secure.certificate.unlink()
        time.sleep(2.5)
        assert shown() and secure.err.count("the old one stays") == 1


def test_a_proxys_client_has_the_trust_of_its_own_address_only(secure):
    url = f"http://127.0.0.1:{secure.port}/mvapireq/?apientry=balance&authid=admin&authkey={secure.key}"
    assert curl(url).startswith(b"Your credit"), "loopback may stand for the administrator"
    for field in ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 127.0.0.1, 203.0.113.9, 127.0.0.7",
                  "Forwarded: for=203.0.113.9", "Via: 1.1 x", "Origin: http://evil", "Sec-Fetch-Site: cross-site",
                  "Host: rebound.example"):
        assert curl(url, "-H", field).startswith(b"ERROR: auth failed"), field
