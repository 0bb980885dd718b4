#!/usr/bin/env python3
"""What the server costs while it waits: start, memory, idle connections, and an ordinary request among them.

    python3 tests/bench/idle.py [IDLE [SLOW]]

2,000 idle connections and 200 senders of a byte a second unless told otherwise; TLS where openssl makes a
certificate.  Memory is VmRSS of the server's process, the first start has its files compiled already.
"""

import resource
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.api import ACCOUNTS, Target, http_count, http_frame  # noqa: E402
from tests.live.harness import Server  # noqa: E402

REQUEST = b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
REQUESTS = 1000


def resident(pid):
    """MiB."""
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")) / 1024


def shown(what, value, unit, goal=None):
    good = "" if goal is None else f"goal < {goal:<6}" + ("" if value < goal else "  MISSED")
    print(f"{what:<52}{value:>9.1f} {unit:<5}{good}", flush=True)


def start_times(folder):
    for what, goal, data in (("first start until the first answer", 1000, lambda n: folder / f"fresh{n}"),
                             ("later starts", 400, lambda n: folder / "fresh0")):
        took = []
        for number in range(5):
            began = time.perf_counter()
            server = Server(data(number))
            server.get("/mvapireq/?apientry=apitest1")
            took.append(time.perf_counter() - began)
            server.stop()
        shown(what + ", median of 5", sorted(took)[2] * 1000, "ms", goal)


def accounts_in_use(folder):
    target = Target(folder)
    connection = Server.connect(target)
    for first in range(1, ACCOUNTS, 50):
        connection.sendall(b"".join(http_frame(target.balance(first + each)) for each in range(50)))
        drain(connection, 50)
    shown(f"memory with {ACCOUNTS} accounts, each asked for", resident(target.process.pid), "MiB", 45)
    target.stop()


def drain(sock, answers):
    """Read so many whole answers, all of them good."""
    buffer = b""
    while answers:
        buffer += sock.recv(262144)
        count, used = http_count(buffer)
        answers, buffer = answers - count, buffer[used:]


def ask(sock):
    sock.sendall(REQUEST)
    return sock.recv(65536)


def certificate(folder):
    paths = folder / "cert.pem", folder / "key.pem"
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                           "-nodes", "-days", "2", "-subj", "/CN=localhost", "-out", paths[0], "-keyout", paths[1]],
                          capture_output=True)
    return paths if done.returncode == 0 else None


def tls(sock):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(sock)


def idle_connections(server, count, wrap, what, goal):
    """Connections that have asked once and stay open; prints what each costs."""
    pid = server.process.pid
    warm = [wrap(server.connect()) for _ in range(20)]
    for sock in warm:
        ask(sock)
    before = resident(pid)
    socks = []
    for _ in range(count):
        socks.append(wrap(server.connect()))
        ask(socks[-1])
    shown(what, (resident(pid) - before) * 1024 / count, "KiB", goal)
    return warm + socks


def latencies(server, slow):
    """Sorted seconds of ordinary requests, while each of `slow` gets a byte a second."""
    query = b"&".join([b"apientry=balance", server.as_admin.encode()])
    sock = server.connect()
    took, due = [], time.perf_counter()
    for number in range(REQUESTS):
        if time.perf_counter() >= due:
            due += 1
            for each in slow:
                each.sendall(b"x")
        began = time.perf_counter()
        sock.sendall(http_frame(query))
        sock.recv(65536)
        took.append(time.perf_counter() - began)
        time.sleep(0.002)
    return sorted(took)


def main():
    count, slow = [int(word) for word in sys.argv[1:] + ["2000", "200"][len(sys.argv) - 1:]]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start_times(folder)
        server = Server(folder / "data")
        time.sleep(1)
        shown("memory after the start", resident(server.process.pid), "MiB", 30)
        ask(server.connect())
        crowd = idle_connections(server, count, lambda sock: sock, "an idle connection", 6)
        senders = [server.connect() for _ in range(slow)]
        for sender in senders:
            sender.sendall(b"GET /mvapireq/?apientry=")
        took = latencies(server, senders)
        what = f"a request among {count} idle and {slow} slow ones"
        shown(what + ", p50", took[len(took) // 2] * 1000, "ms")
        shown(what + ", p99", took[len(took) * 99 // 100] * 1000, "ms", 50)
        shown(what + ", longest", took[-1] * 1000, "ms")
        for sock in crowd + senders:
            sock.close()
        server.stop()
        paths = certificate(folder)
        if paths:
            server = Server(folder / "data", "--set", f"sslcert={paths[0]}", "--set", f"sslkey={paths[1]}")
            for sock in idle_connections(server, min(count, 500), tls, "an idle TLS connection", 20):
                sock.close()
            server.stop()
        accounts_in_use(str(folder / "accounts"))


if __name__ == "__main__":
    main()
