#!/usr/bin/env python3
"""The API under load: work per CPU-second of the server, against http.server doing the same work in the same run.

    python3 tests/bench/api.py [SECONDS] [NAME …]

10,000 accounts, a fresh salt in every request, one request in a hundred writes, every answer is checked, all
limits are on (loopback is counted, not limited).  CPU is user + system time of the server's process.
"""

import base64
import hashlib
import http.client
import os
import random
import re
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = 10_000
CONNECTIONS = 64
TICK = os.sysconf("SC_CLK_TCK")
WRITE_EVERY = 100


class Target:
    """A started mizud with its accounts."""

    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, str(ROOT / "mizud.py"), "--port", "0", "--data", folder,
                                         "--set", "sipports=0"], stderr=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.port = int(re.search(r"port (\d+)", self.process.stdout.readline().decode()).group(1))
        admin = dict(line.split(" = ", 1) for line in Path(folder, "initial-admin").read_text().splitlines()
                     if " = " in line)
        self.key, self.salt, self.password = admin["apikey"], admin["apiv2md5salt"], admin["password"]
        self.admin = f"authkey={self.key}&authid=admin&authpwd={quote(self.password)}"
        self._accounts()

    def ask(self, query):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/mvapireq/?" + query)
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer

    def _accounts(self):
        sql = ("INSERT INTO tb_users (username, password, credit, type) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT"
               f" i + 1 FROM n WHERE i < {ACCOUNTS}) SELECT 'user' || i, 'secret' || i, 12.5, 0 FROM n")
        answer = self.ask(f"apientry=db&sync=1&{self.admin}&sql={quote(sql)}")
        assert answer.startswith("OK"), answer

    def balance(self, number):
        """The query of a balance request with a digest over a fresh salt."""
        salt = "%08x" % random.getrandbits(32)
        digest = hashlib.md5(f"ck5Gpuser{number}secret{number}{self.salt}{salt}".encode()).hexdigest()
        return (f"apientry=balance&authkey={self.key}&authid=user{number}&authmd5={digest}&authsalt={salt}"
                "&format=json").encode()

    def write(self, number):
        credit = random.randrange(1, 100_000_000) / 100
        return f"apientry=setcredit&u_username=user{number}&u_credit={credit}&{self.admin}&format=json".encode()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


# -- framings: how a query becomes bytes and how answers are counted ---------------------------------

GOOD = (b'"status": "success"', b'"status":"success"')


def http_frame(query):
    return (b"GET /mvapireq/?%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"
            b"Connection: keep-alive\r\n\r\n" % query)


def http_count(buffer):
    """(whole answers in the buffer, bytes they take); every one must be a success."""
    count = at = 0
    while True:
        end = buffer.find(b"\r\n\r\n", at)
        if end < 0:
            return count, at
        length = buffer.index(b"Content-Length: ", at) + 16
        whole = end + 4 + int(buffer[length:buffer.index(b"\r", length)])
        if len(buffer) < whole:
            return count, at
        assert buffer.find(GOOD[0], end, whole) > 0 or buffer.find(GOOD[1], end, whole) > 0, buffer[at:whole]
        count += 1
        at = whole


def ws_frame(query):
    payload = b"/mvapireq/?" + query
    mask = os.urandom(4)
    masked = (int.from_bytes(payload, "big") ^
              int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")).to_bytes(len(payload), "big")
    return b"\x81" + struct.pack(">BH", 254, len(payload)) + mask + masked


def ws_count(buffer):
    count = at = 0
    while len(buffer) >= at + 4:
        length, head = buffer[at + 1], 2
        if length == 126:
            length, head = int.from_bytes(buffer[at + 2:at + 4], "big"), 4
        whole = at + head + length
        if len(buffer) < whole:
            break
        assert buffer.find(GOOD[0], at, whole) > 0, buffer[at:whole]
        count += 1
        at = whole
    return count, at


def ws_open(sock):
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(f"GET /mvstwebsocket/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    answer = sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer


# -- the load --------------------------------------------------------------------------------------

def requests(target, frame, depth, writes):
    """An endless stream of chunks of `depth` framed requests; one request in `writes` writes."""
    number = 0
    while True:
        chunk = []
        for _ in range(depth):
            number += 1
            user = random.randrange(ACCOUNTS) + 1
            write = writes and number % writes == 0
            chunk.append(frame(target.write(user) if write else target.balance(user)))
        yield b"".join(chunk)


def load(port, pid, chunks, count, depth, seconds, opened=None):
    """Keep CONNECTIONS busy with chunks of `depth` requests; (answers a CPU-second, answers a second)."""
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if opened:
            opened(sock)
        sock.sendall(next(chunks))
        selector.register(sock, selectors.EVENT_READ, [b"", depth])
    done, began, cpu = 0, time.monotonic(), cpu_seconds(pid)
    warm = began + 1
    while time.monotonic() < began + seconds:
        if warm and time.monotonic() > warm:
            done, began, cpu, warm = 0, time.monotonic(), cpu_seconds(pid), 0
        for key, _ in selector.select(1):
            state = key.data
            state[0] += key.fileobj.recv(262144)
            answers, used = count(state[0])
            state[0] = state[0][used:]
            done += answers
            state[1] -= answers
            if state[1] <= 0:
                state[1] += depth
                key.fileobj.sendall(next(chunks))
    cpu, took = cpu_seconds(pid) - cpu, time.monotonic() - began
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return done / cpu, done / took


def load_udp(target, seconds):
    """64 sockets, one datagram under way on each."""
    selector = selectors.DefaultSelector()
    chunks = requests(target, lambda query: b"/mvapireq/?" + query, 1, WRITE_EVERY)
    for _ in range(CONNECTIONS):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("127.0.0.1", target.port))
        sock.send(next(chunks))
        selector.register(sock, selectors.EVENT_READ)
    pid = target.process.pid
    done, began, cpu = 0, time.monotonic(), cpu_seconds(pid)
    while time.monotonic() < began + seconds:
        for key, _ in selector.select(1):
            answer = key.fileobj.recv(2048)
            assert GOOD[0] in answer, answer
            done += 1
            key.fileobj.send(next(chunks))
    return done / (cpu_seconds(pid) - cpu), done / (time.monotonic() - began)


# -- the same work with the standard library ----------------------------------------------------------

BASELINE = r'''
import hashlib, json, sqlite3, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
path, key, serversalt = sys.argv[1:]
local = threading.local()
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        if not hasattr(local, "db"):
            local.db = sqlite3.connect(path)
        params = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        row = local.db.execute("SELECT password, credit, currency FROM tb_users WHERE username = ?",
                               (params["authid"],)).fetchone()
        right = hashlib.md5(f"ck5Gp{params['authid']}{row[0]}{serversalt}{params['authsalt']}".encode()).hexdigest()
        good = params["authkey"] == key and params["authmd5"] == right
        body = json.dumps({"code": 200, "status": "success" if good else "error", "success": True,
                           "message": f"Your credit is ${row[1]:.2f} {row[2]}", "data": None,
                           "frequest": params["apientry"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
'''


def baseline(target, folder, seconds):
    """http.server with a thread per connection, each with its own connection to the database."""
    process = subprocess.Popen([sys.executable, "-c", BASELINE, str(Path(folder, "mizud.db")), target.key, target.salt],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        port = int(process.stdout.readline())
        return load(port, process.pid, requests(target, http_frame, 1, 0), http_count, 1, seconds)
    finally:
        process.kill()


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 6
    wanted = sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        target = Target(folder)
        try:
            run(target, folder, seconds, wanted)
        finally:
            target.stop()


def run(target, folder, seconds, wanted):
    pid, port = target.process.pid, target.port

    def stream(frame, count, depth, opened=None, writes=WRITE_EVERY):
        return load(port, pid, requests(target, frame, depth, writes), count, depth, seconds, opened)

    work = {
        "http": (30_000, lambda: stream(http_frame, http_count, 1)),
        "http-16": (60_000, lambda: stream(http_frame, http_count, 16)),
        "ws": (40_000, lambda: stream(ws_frame, ws_count, 1, ws_open)),
        "ws-16": (100_000, lambda: stream(ws_frame, ws_count, 16, ws_open)),
        "udp": (50_000, lambda: load_udp(target, seconds)),
        "setcredit": (5_000, lambda: stream(http_frame, http_count, 1, writes=1)),
        "http.server": (None, lambda: baseline(target, folder, seconds)),
    }
    results = {}
    print(f"{'work':<14}{'per CPU-second':>16}{'goal':>10}{'ratio':>8}{'per second':>14}")
    for name, (goal, measure) in work.items():
        if wanted and name not in wanted:
            continue
        per_cpu, per_second = results[name] = measure()
        ratio = f"{per_cpu / goal:.2f}" if goal else ""
        print(f"{name:<14}{per_cpu:>16,.0f}{goal or '':>10}{ratio:>8}{per_second:>14,.0f}", flush=True)
    if "http" in results and "http.server" in results:
        print(f"http against http.server: {results['http'][0] / results['http.server'][0]:.1f} times (goal 12)")


if __name__ == "__main__":
    main()
