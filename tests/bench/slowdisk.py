#!/usr/bin/env python3
"""A disk that takes 20 ms for a sync: what 64 connections that write do to somebody who only reads.

    python3 tests/bench/slowdisk.py [SECONDS [MILLISECONDS]]

strace delays every fsync and fdatasync of the server; only these calls are traced (--seccomp-bpf), so that the
rest runs at its own speed.  Without strace, or with 0 milliseconds, the disk is as it is.
"""

import os
import selectors
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.api import http_count, http_frame  # noqa: E402
from tests.live.harness import Server  # noqa: E402

WRITERS = 64


def slowed(milliseconds):
    """The command in front of the server's."""
    strace = shutil.which("strace")
    if not strace or not milliseconds:
        return ()
    return (strace, "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
            "-e", f"inject=fsync,fdatasync:delay_exit={milliseconds * 1000}")


def write(server, until, took, writers=WRITERS):
    """Keep connections busy with setcredit; seconds of each to `took`."""
    selector = selectors.DefaultSelector()
    number = 0

    def ask(sock):
        nonlocal number
        number += 1
        query = f"apientry=setcredit&u_username=disk&u_credit={number % 1000}&format=json&{server.as_admin}"
        sock.sendall(http_frame(query.encode()))
        return time.perf_counter()

    for _ in range(writers):
        sock = server.connect()
        selector.register(sock, selectors.EVENT_READ, [b"", ask(sock)])
    while time.perf_counter() < until:
        for key, _ in selector.select(1):
            key.data[0] += key.fileobj.recv(65536)
            answers, used = http_count(key.data[0])
            if answers:
                took.append(time.perf_counter() - key.data[1])
                key.data[:] = [key.data[0][used:], ask(key.fileobj)]


def read(server, until, took):
    """One balance every 2 ms."""
    sock = server.connect()
    request = http_frame(f"apientry=balance&u_username=disk&format=json&{server.as_admin}".encode())
    while (began := time.perf_counter()) < until:
        sock.sendall(request)
        assert http_count(sock.recv(65536))[0] == 1
        took.append(time.perf_counter() - began)
        time.sleep(0.002)


def stop(server, before):
    """End the server itself, below what runs `before` it."""
    pid = server.process.pid
    if before:
        pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    os.kill(pid, signal.SIGTERM)
    server.wait()


def shown(what, took, seconds):
    took.sort()
    p50, p99, longest = (took[min(len(took) * part // 100, len(took) - 1)] * 1000 for part in (50, 99, 100))
    print(f"{what:<12}{len(took) / seconds:>9.0f} a second   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms"
          f"   longest {longest:6.1f} ms", flush=True)


def main():
    seconds, milliseconds = [float(word) for word in sys.argv[1:] + ["6", "20"][len(sys.argv) - 1:]]
    with tempfile.TemporaryDirectory() as folder:
        Server(folder + "/data").stop()
        before = slowed(int(milliseconds))
        server = Server(folder + "/data", before=before)
        server.api("adduser", u_username="disk")
        writes, reads = [], []
        until = time.perf_counter() + seconds
        writer = threading.Thread(target=write, args=(server, until, writes))
        writer.start()
        read(server, until, reads)
        writer.join()
        print(f"a sync takes {milliseconds:.0f} ms more" if before else "the disk as it is")
        shown("setcredit", writes, seconds)
        shown("balance", reads, seconds)
        stop(server, before)
        held = [line for line in server.err.splitlines() if "held the loop" in line]
        print(f"turns of the loop over 20 ms: {len(held)}", *held[:5], sep="\n  ")


if __name__ == "__main__":
    main()
