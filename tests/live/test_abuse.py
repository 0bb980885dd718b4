"""Rubbish, rudeness and malice over every transport: nobody else notices, nothing grows, nothing falls over."""

import os
import random
import re
import select
import socket
import ssl
import struct
import threading
import time
from contextlib import ExitStack, suppress
from itertools import islice

import pytest

from tests.formats.mutate import mutations

from .harness import Server, eventually
from .test_load import from_stranger, get, needs_stranger, resident
from .wires import certificate

pytestmark = pytest.mark.live

GROWTH = 16_000         # KiB: answers to datagrams that are remembered, caches of names, the log's tail


# -- valid requests of each transport

def queries(server):
    admin = server.as_admin
    yield f"apientry=balance&u_username=victim&{admin}"
    yield f"apientry=setcredit&u_username=victim&u_credit=3.25&{admin}"
    yield f"apientry=setuser&u_username=victim&u_name=O'Brien&u_email=a%40b.c&{admin}"
    yield f"apientry=getuser&u_username=victim&details=all&format=json&{admin}"
    yield f"apientry=listusers&limit=3&fields=2&format=csv&{admin}"
    yield f"apientry=balance&authkey={server.key}&authid=victim&authpwd=secret&format=xml"
    yield f"apientry=balance&authkey={server.key}&authid=victim&authmd5={'ab' * 16}&authsalt1=abc&nonce=12345678"
    yield f"apientry=help&command=setuser&format=html&{admin}"
    yield f"apientry=db&sql=SELECT%20id%2Cusername%20FROM%20tb_users%20WHERE%20id%20%3C%205&format=json&{admin}"
    yield "apientry=apitest2&a=1&b=%C3%A9+%E2%82%AC&format=url"
    yield "apientry=preauth&format=jsonp&callback=f"


def texts(server):
    """As lines, datagrams and messages of a WebSocket."""
    for query in queries(server):
        yield f"/mvapireq/?{query}".encode()
        yield query.encode()
        fields = [pair.split("=", 1) for pair in query.split("&")]
        yield ("{" + ", ".join(f'"{name}": "{value}"' for name, value in fields) + "}").encode()
        yield ("<r>" + "".join(f"<{name}>{value}</{name}>" for name, value in fields) + "</r>").encode()
    yield b'[{"apientry":"apitest1"},{"apientry":"apitest2","x":[1,2,{"y":null}]}]'


def requests(server):
    """HTTP."""
    for number, text in enumerate(texts(server)):
        if text.startswith(b"/"):
            yield b"GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json;q=0.5, */*\r\n\r\n" % text
        else:
            kind = {b"{": b"application/json", b"[": b"application/json", b"<": b"text/xml"}.get(
                text[:1], b"application/x-www-form-urlencoded")
            yield (b"POST /mvapireq/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                   % (kind, len(text), text))
            yield (b"POST /mvapireq/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n"
                   b"Expect: 100-continue\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (kind, len(text), text))
    yield (b"POST /mvapireq/?apientry=apitest2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 88\r\nContent-Type: "
           b'multipart/form-data; boundary=q\r\n\r\n--q\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n'
           b"\r\n0123456789\r\n--q--\r\n")
    for target in (b"/", b"/mvweb/", b"/mvweb/../mizud.db", b"/openapi.json", b"/healthz", b"*", b"/mvstwebsocket/"):
        for method in (b"GET", b"HEAD", b"OPTIONS"):
            yield (b"%s %s HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-5\r\nIf-None-Match: \"x\"\r\n"
                   b"Origin: http://x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n" % (method, target))


UPGRADE = (b"GET /mvstwebsocket/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def frame(payload, opcode=0x81, mask=b"\x11\x22\x33\x44"):
    size = struct.pack(">B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack(">BH", 0xFE, len(payload))
    return bytes([opcode]) + size + mask + bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))


def frames(server):
    for text in texts(server):
        yield frame(text)
    yield frame(b"apientry=", 0x01) + frame(b"ping", 0x89) + frame(b"apitest1", 0x80)
    yield frame(b"apientry=apitest1", 0x82) + frame(b"\x03\xe8bye", 0x88)


SPLINTERS = (b"\r\n", b"\0", b"&", b"=", b"%", b"%00", b"<", b'"', b"{", b"]", b"\xff\xfe", b"'", b";", b"-1",
             b"\r\n\r\n", b"99999999999999999999", b"\xed\xa0\x80", b"apientry=", b"[" * 200, b"<a>" * 200)


# -- the flood of mutations

class Sender(threading.Thread):
    """Sends `count` mutations of its seeds, `each` on a connection, and reads whatever comes.

    bytes  of all answers
    bad    answers that are our fault
    """

    def __init__(self, server, seeds, count, each=1, opening=b"", ending=b""):
        super().__init__()
        self.server, self.inputs = server, mutations(list(seeds), count, SPLINTERS, seed=count)
        self.each, self.opening, self.ending = each, opening, ending
        self.bad = []
        self.bytes = 0
        self.fault = None

    def run(self):
        try:
            while inputs := list(islice(self.inputs, self.each)):
                self._connection(self.opening + b"".join([data + self.ending for data in inputs]))
        except Exception as error:
            self.fault = error

    def _connection(self, data):
        seen = b""
        with self.server.connect() as sock, suppress(ConnectionError):      # it closes on those that break the rules
            sock.settimeout(20)
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while more := sock.recv(262144):
                seen += more
        self.took(seen)

    def took(self, seen):
        self.bytes += len(seen)
        self.bad += re.findall(rb"HTTP/1.1 500[^\r]*|internal error.{0,60}", seen)


class DatagramSender(Sender):
    """The same by UDP."""

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.server.port))
            for number, data in enumerate(self.inputs):
                sock.send(data[:1490])
                if number % 16 == 15:
                    self._drain(sock, 0.001)
            self._drain(sock, 0.1)

    def _drain(self, sock, wait):
        """Read until nothing comes for so long."""
        sock.settimeout(wait)
        with suppress(TimeoutError):
            while True:
                self.took(sock.recv(65536))


def soundness(server):
    """What is wrong with the process, its log and its answers."""
    assert server.process.poll() is None, server.err[-2000:]
    wrong = [line for line in server.err.splitlines() if " error " in line or "Traceback" in line]
    assert not wrong, wrong[:10]


@pytest.mark.parametrize("inputs", [2000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_mutated_requests_over_all_transports_harm_nobody(tmp_path, inputs):
    server = Server(tmp_path / "data", "--set", "httpstrictresponse=1")
    server.api("adduser", u_username="victim", u_password="secret", u_credit=1)
    server.api("adduser", u_username="good", u_password="secret", u_credit=12.5)
    good = f"/mvapireq/?apientry=balance&authkey={server.key}&authid=good&authpwd=secret"

    def flood(count):
        return [Sender(server, requests(server), count * 4 // 10),
                Sender(server, texts(server), count * 2 // 10, each=32, ending=b"\n"),
                Sender(server, frames(server), count * 2 // 10, opening=UPGRADE),
                DatagramSender(server, texts(server), count * 2 // 10)]

    def carried_out(senders):
        asked = 0
        for sender in senders:
            sender.start()
        while any(sender.is_alive() for sender in senders):
            with server.connect() as sock:
                for _ in range(50):
                    assert get(sock, good) == "Your credit is $12.50 USD"
                    asked += 1
            assert server.line(good) == "Your credit is $12.50 USD"
        assert [(type(sender).__name__, sender.fault) for sender in senders if sender.fault] == []
        assert [bad for sender in senders for bad in sender.bad] == []
        assert all(sender.bytes for sender in senders) and asked >= 50

    carried_out(flood(inputs // 4))
    before = resident(server)
    carried_out(flood(inputs * 3 // 4))
    assert resident(server) - before < GROWTH
    soundness(server)
    assert server.stop() == 0


# -- rudeness

@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server of short deadlines, with TLS where openssl makes a certificate."""
    folder = tmp_path_factory.mktemp("strict")
    paths = certificate(folder)
    secure = ["--set", f"sslcert={paths[0]}", "--set", f"sslkey={paths[1]}"] if paths else []
    server = Server(folder / "data", "--set", "requesttimeout=1", "--set", "sniffwait=1", "--set", "idletimeout=2",
                    "--set", "httpstrictresponse=1", "--set", "allowtrustedip=0", *secure)
    server.secure = bool(secure)
    yield server
    soundness(server)
    assert server.stop() == 0


def rest(sock):
    """What comes until the end, b"" also for a reset."""
    seen = b""
    with suppress(ConnectionError):
        while data := sock.recv(65536):
            seen += data
    return seen


HALVES = {
    "nothing": (b"", b""),
    "one byte": (b"G", b""),
    "half a request line": (b"GET /mvapireq/?apientry=apit", b" 408 "),
    "half a head": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b" 408 "),
    "half a body": (b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", b" 408 "),
    "half a chunk": (b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", b" 408 "),
    "half a line": (b"apientry=apitest1", b"ERROR: "),
    "half a JSON text": (b'{"apientry": "apitest1",\r\n', b"ERROR: "),
    "half a frame": (UPGRADE + b"\x81\xfe\x00", b"\x88"),
    "half a ClientHello": (b"\x16\x03\x01\x02\x00\x01\x00", b""),
}


@pytest.mark.slow
def test_half_requests_are_ended_in_time_and_in_words(strict):
    with ExitStack() as stack:
        socks = {}
        for name, (data, _) in HALVES.items():
            socks[name] = stack.enter_context(strict.connect())
            socks[name].sendall(data)
        for name, (_, wanted) in HALVES.items():
            socks[name].settimeout(6)
            assert wanted in rest(socks[name]), name


@pytest.mark.slow
def test_a_byte_now_and_then_does_not_keep_a_request_alive(strict):
    began = time.monotonic()
    with strict.connect() as sock:
        sock.settimeout(0.1)
        seen = b""
        with suppress(ConnectionError):
            for byte in (b"GET /mvapireq/?apientry=apitest1" + b"x" * 200):
                sock.sendall(bytes([byte]))
                with suppress(TimeoutError):
                    seen += sock.recv(1000)
                    if seen:
                        break
    assert b" 408 " in seen and time.monotonic() - began < 10


HUGE = {
    "a request line": (b"GET /" + b"a" * 5_000_000, (b" 414 ",)),
    "a field": (b"GET / HTTP/1.1\r\nA: " + b"a" * 5_000_000, (b" 431 ",)),
    "fields": (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 500_000, (b" 431 ",)),
    "a body": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", (b" 413 ",)),
    "a chunk's line": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 3_000_000,
                       (b" 4",)),
    "a line": (b"apientry=" + b"a" * 30_000_000, (b"ERROR",)),
    "a frame": (UPGRADE + b"\x81\xff\x00\x00\x00\x40\x00\x00\x00\x00mask" + b"x" * 2_000_000, (b"\x88",)),
}


@pytest.mark.parametrize("name", HUGE)
def test_what_is_huge_is_refused_and_costs_no_memory(strict, name):
    data, wanted = HUGE[name]
    before = resident(strict)
    with strict.connect() as sock:
        reader = []
        thread = threading.Thread(target=lambda: reader.append(rest(sock)))
        thread.start()
        with suppress(OSError):
            sock.sendall(data)
        thread.join(10)
    assert any(word in reader[0] for word in wanted), reader[0][:200]
    assert resident(strict) - before < 40_000
    soundness(strict)


def test_binary_and_rubbish_close_their_own_connection_only(strict):
    rng = random.Random(3)
    first = b"\x16\x03\x01", b"\x16\x03\x03\x00\x05", b"\x80", b"\0", b"SSH-2.0-x\r\n", b"\xff\xfd\x01", b""
    for number in range(300):
        with strict.connect() as sock, suppress(ConnectionError):
            sock.settimeout(5)
            sock.sendall(first[number % 7] + rng.randbytes(rng.randrange(1, 600)))
            sock.shutdown(socket.SHUT_WR)
            rest(sock)
    assert strict.line("/mvapireq/?apientry=apitest1").startswith("OK")


def test_handshakes_that_go_wrong_leave_tls_to_others(strict):
    if not strict.secure:
        pytest.skip("there is no openssl to make a certificate")
    rng = random.Random(4)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    hello = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(*hello, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = hello[1].read()
    for _ in range(150):
        data = bytearray(hello)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(3, len(data))] = rng.randrange(256)
        with strict.connect() as sock, suppress(ConnectionError):
            sock.settimeout(5)
            sock.sendall(data[:rng.randrange(5, len(data) + 1)])
            sock.shutdown(socket.SHUT_WR)
            rest(sock)
    with context.wrap_socket(strict.connect(), server_hostname="localhost") as sock:
        assert get(sock, "/mvapireq/?apientry=apitest1").startswith("OK")


@pytest.mark.slow
def test_resets_in_the_middle_of_everything(strict):
    big = f"/mvapireq/?apientry=listusers&fields=2&format=json&{strict.as_admin}"
    for number in range(200):
        sock = strict.connect()
        sock.sendall(f"GET {big} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * (1 + number % 20))
        sock.sendall(b"POST / HTTP"[:number % 12])
        if number % 3:
            sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    assert strict.api("apitest1").startswith("OK")


@pytest.mark.slow
def test_who_asks_for_much_and_reads_nothing_is_held_and_given_up(strict):
    before = resident(strict)
    page = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
    with ExitStack() as stack:
        socks = [stack.enter_context(strict.connect()) for _ in range(10)]
        for sock in socks:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(1)
            with suppress(TimeoutError):
                sock.sendall(page)
        assert strict.api("apitest1").startswith("OK")
        assert resident(strict) - before < 10_000
        assert eventually(lambda: all(hung_up(sock) for sock in socks))


def hung_up(sock):
    """Whether the connection is gone, with something still to be read."""
    poll = select.poll()
    poll.register(sock, 0)
    return bool(poll.poll(0))


@needs_stranger
def test_one_address_cannot_take_all_connections(tmp_path):
    server = Server(tmp_path / "data", "--set", "allowtrustedip=0")
    with ExitStack() as stack:
        socks = [stack.enter_context(from_stranger(server)) for _ in range(1050)]
        assert server.line("/mvapireq/?apientry=apitest1").startswith("OK")
        assert eventually(lambda: sum(closed(sock) for sock in socks) == 50)
        socks[0].close()
        with from_stranger(server) as sock:
            assert get(sock, "/mvapireq/?apientry=apitest1").startswith("OK")
    assert server.stop() == 0


def closed(sock):
    """Whether the peer has closed it; it does not wait from now on."""
    sock.setblocking(False)
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_descriptors_are_given_back(strict):
    def open_now():
        return len(os.listdir(f"/proc/{strict.process.pid}/fd"))

    eventually(lambda: open_now() < 60, 8)
    before = open_now()
    for number in range(300):
        sock = strict.connect()
        sock.sendall((b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"apientry=apitest1\n", UPGRADE)[number % 5])
        sock.close()
    assert eventually(lambda: open_now() <= before + 5, 8), open_now() - before
