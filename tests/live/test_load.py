"""Crowds, floods and strangers: what many or hostile peers cost everybody else."""

import json
import random
import re
import socket
import threading
from contextlib import ExitStack

import pytest

from mizu.api.command import TABLE
from mizu.commands import load
from mizu.net.addresses import is_loopback, own_addresses

from .harness import Server, eventually

pytestmark = pytest.mark.live

STRANGER = next((host for host in own_addresses() if ":" not in host and not is_loopback(host)), None)
"""An address of this host that is not the loopback's: with allowtrustedip=0 it is limited and banned like any other."""

needs_stranger = pytest.mark.skipif(STRANGER is None, reason="this host has no address beside the loopback's")


def resident(server):
    """KiB of memory."""
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1])


def get(sock, target):
    """The body of an answer over a connection that stays open."""
    sock.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return body_of(sock)


def body_of(sock):
    answer = b""
    while True:
        head, found, body = answer.partition(b"\r\n\r\n")
        if found and len(body) >= int(re.search(rb"Content-Length: (\d+)", head)[1]):
            return body.decode()
        more = sock.recv(65536)
        assert more, f"closed after {answer}"
        answer += more


# -- crowds

def test_2000_idle_connections_and_200_slow_senders_leave_room_for_others(fresh_server):
    server = fresh_server
    for _ in range(100):
        server.get("/mvapireq/?apientry=apitest1")
    before = resident(server)
    with ExitStack() as crowd:
        idle = [crowd.enter_context(server.connect()) for _ in range(2000)]
        for sock in idle:
            assert get(sock, "/mvapireq/?apientry=apitest1").startswith("OK")
        each = (resident(server) - before) / len(idle)
        slow = [crowd.enter_context(server.connect()) for _ in range(200)]
        for byte in b"GET /mvapireq/?apientry=balance":
            for sock in slow:
                sock.sendall(bytes([byte]))
            assert server.api("balance").startswith("Your credit is")
        assert get(idle[0], "/mvapireq/?apientry=apitest1").startswith("OK")
        assert server.line("/mvapireq/?apientry=apitest1").startswith("OK")
        for sock in slow[:50]:
            sock.sendall(f"&{server.as_admin} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert body_of(sock).startswith("Your credit is")
    assert each < 10, f"{each:.1f} KiB a connection"


# -- floods

@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    """A server that trusts no address and answers HTTP with true status numbers."""
    server = Server(tmp_path_factory.mktemp("open") / "data", "--set", "allowtrustedip=0", "--set",
                    "httpstrictresponse=1")
    yield server
    assert server.stop() == 0 and "Traceback" not in server.err


def from_stranger(server):
    return socket.create_connection((STRANGER, server.port), timeout=10, source_address=(STRANGER, 0))


def statuses(sock, count):
    """The status numbers of the next answers."""
    with sock.makefile("rb") as file:
        for _ in range(count):
            yield int(file.readline().split()[1])
            length = 0
            while (row := file.readline()) != b"\r\n":
                length = int(row[15:]) if row.startswith(b"Content-Length:") else length
            file.read(length)


REQUEST = b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


@needs_stranger
def test_who_asks_too_often_hears_429_and_others_do_not(open_server):
    with from_stranger(open_server) as sock:
        sock.sendall(REQUEST * 400)
        seen = list(statuses(sock, 400))
    assert set(seen) == {200, 429} and 100 <= seen.count(200) < 300 and seen[0] == 200
    assert open_server.request("GET", "/mvapireq/?apientry=apitest1").status == 200


@needs_stranger
def test_a_flood_from_one_address_leaves_the_others_their_answers(open_server):
    enough = threading.Event()
    counts = [0] * 4

    def flood(number):
        with from_stranger(open_server) as sock:
            while not enough.is_set():
                sock.sendall(REQUEST * 50)
                counts[number] += sum(status == 429 for status in statuses(sock, 50))

    threads = [threading.Thread(target=flood, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            assert open_server.api("balance").startswith("Your credit is")
    finally:
        enough.set()
        for thread in threads:
            thread.join(20)
    assert min(counts) > 50


# -- bans

def wrong(server):
    return f"/mvapireq/?apientry=balance&authkey={server.key}&authid=admin&authpwd=wrong"


def banned(server):
    return [row["ip"] for row in json.loads(server.api("bannedlist", format="json"))["data"]]


@needs_stranger
def test_failed_logins_ban_an_address_for_all_it_asks_until_somebody_lifts_it(tmp_path):
    data = tmp_path / "data"
    server = Server(data, "--set", "allowtrustedip=0")
    with from_stranger(server) as sock:
        for _ in range(10):
            assert get(sock, wrong(server)).startswith("ERROR: auth failed")
        assert get(sock, "/mvapireq/?apientry=apitest1") == "ERROR: this address is banned"
    assert banned(server) == [STRANGER]
    with server.connect() as sock:
        for _ in range(12):
            assert get(sock, wrong(server)).startswith("ERROR: auth failed"), "the loopback is never banned"
    server.stop()
    server = Server(data, "--set", "allowtrustedip=0")
    assert banned(server) == [STRANGER]
    with from_stranger(server) as sock:
        assert get(sock, "/mvapireq/?apientry=apitest1") == "ERROR: this address is banned"
        assert server.api("delbanned", ip=STRANGER).startswith("OK")
        assert get(sock, "/mvapireq/?apientry=apitest1").startswith("OK") and banned(server) == []
    server.stop()


@pytest.mark.slow
@needs_stranger
def test_a_ban_is_on_the_disk_a_moment_later(tmp_path):
    server = Server(tmp_path / "data", "--set", "allowtrustedip=0", "--set", "maxauthfail=1")
    with from_stranger(server) as sock:
        get(sock, wrong(server))
    assert eventually(lambda: STRANGER in server.api("db", sql="SELECT ip FROM tb_bans"))
    server.kill()
    server = Server(tmp_path / "data", "--set", "allowtrustedip=0")
    assert banned(server) == [STRANGER]
    server.stop()


@needs_stranger
def test_datagrams_ban_nobody_unless_their_address_is_proven(open_server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((STRANGER, 0))
        sock.connect((STRANGER, open_server.port))
        sock.settimeout(5)

        def ask(text):
            sock.send(text.encode())
            return sock.recv(2000).decode()

        for number in range(30):
            assert ask(wrong(open_server) + f"&n={number}").startswith("ERROR")
        assert banned(open_server) == []
        assert "ClaimedAddress" in (open_server.data / "log/security.log").read_text()
        nonce = re.search(r"nonce is:(\w+)EOF", ask("/mvapireq/?apientry=preauth&pad=" + "x" * 100))[1]
        for number in range(12):
            ask(wrong(open_server) + f"&nonce={nonce}&n={number}")
        assert banned(open_server) == [STRANGER]
        open_server.api("delbanned", ip=STRANGER)


# -- amplification

def datagrams():
    """Requests of every command without a proof, in many formats, and rubbish."""
    load()
    rubbish = random.Random(7)
    for name in sorted(TABLE):
        yield f"apientry={name}"
        yield f"/mvapireq/?apientry={name}&authkey=x&authid=admin&authpwd=x&format=json"
        yield f'{{"apientry":"{name}"}}'
        yield f"<r><apientry>{name}</apientry></r>"
    for format in ("json", "xml", "soap", "html", "csv", "url", "jsonp&callback=f", "line", "text", "nonsense"):
        for name in ("apitest1", "apitest2", "help", "version", "preauth", "status", "balance", "no", ""):
            yield f"apientry={name}&format={format}"
    yield from ("/", "?", "{", "[]", "[" + "{}," * 200 + "{}]", "<a/>", "<!DOCTYPE a>", "/mvapireq/", "a", "apientry=",
                "GET / HTTP/1.1\r\n\r\n", "GET /mvapireq/?apientry=help HTTP/1.1\r\nHost: x\r\n\r\n", "[ini]\na=b\n")
    yield from (rubbish.randbytes(rubbish.randrange(1, 200)) for _ in range(500))


def test_no_datagram_of_a_stranger_is_answered_with_a_longer_one(server):
    asked = [text if isinstance(text, bytes) else text.encode() for text in datagrams()]
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in asked]
        for sock, data in zip(socks, asked):
            sock.connect(("127.0.0.1", server.port))
            sock.setblocking(False)
            sock.send(data)
        last = server.datagram("apientry=apitest1&pad=" + "x" * 100)
        assert last.startswith("OK")
        eventually(lambda: False, 0.1)      # refusals are held back for a tick
        answers = [received(sock) for sock in socks]
    for data, answer in zip(asked, answers):
        assert len(b"".join(answer)) <= len(data), (data, answer)
    assert sum(map(len, answers)) > 4 * len(TABLE)


def received(sock):
    """All datagrams that have come."""
    found = []
    try:
        while True:
            found.append(sock.recv(65536))
    except BlockingIOError:
        return found
