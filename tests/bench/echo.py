"""How much of a CPU-second the room of sockets itself takes: a bare echo of 200 bytes on Stream and on
DatagramPort, against the smallest loop that does the same, in one run.

    python3 tests/bench/echo.py [SECONDS]

Each server is a process of its own; what counts is requests per CPU-second (user + system) of that process.
"""

import os
import select
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mizu.base.clock import Clock                   # noqa: E402
from mizu.net.datagram import DatagramPort          # noqa: E402
from mizu.net.listen import Listener                # noqa: E402
from mizu.net.reactor import Reactor                # noqa: E402
from mizu.net.streams import StreamSet              # noqa: E402

CONNECTIONS = 64
BODY = b"x" * 200
UNDER_WAY = 32          # datagrams


def raw_tcp(announce):
    server = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS)
    announce(server.getsockname()[1])
    poll, calls = select.epoll(), {}
    poll.register(server, select.EPOLLIN)
    while True:
        for fd, _ in poll.poll(-1, 64):
            if fd == server.fileno():
                sock, _ = server.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                poll.register(sock, select.EPOLLIN)
                calls[sock.fileno()] = sock.recv, sock.send, sock
                continue
            recv, send, sock = calls[fd]
            try:
                send(recv(65536) or None)
            except (OSError, TypeError):      # reset, or the end: None cannot be sent
                del calls[fd]
                sock.close()


def raw_udp(announce):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    announce(sock.getsockname()[1])
    poll = select.epoll()
    poll.register(sock, select.EPOLLIN)
    while True:
        poll.poll()
        for _ in range(128):
            try:
                data, addr = sock.recvfrom(65535)
            except BlockingIOError:
                break
            sock.sendto(data, addr)


class Echo:
    __slots__ = ("stream",)

    def __init__(self, stream):
        self.stream = stream
        stream.protocol = self

    def received(self, data):
        self.stream.send(data)

    def ended(self):
        self.stream.close()

    def drained(self):
        pass

    closed = expired = drained


def our_tcp(announce):
    reactor = Reactor(Clock())
    announce(Listener(reactor, "127.0.0.1", 0, Echo, StreamSet(reactor)).address[1])
    reactor.run()


def our_udp(announce, host="127.0.0.1"):
    reactor = Reactor(Clock())
    port = DatagramPort(reactor, host, 0, lambda data, addr, local: local.send(data, addr))
    announce(port.address[1])
    reactor.run()


def wildcard_udp(announce):
    our_udp(announce, "")


def drive_tcp(port, seconds):
    """Every connection asks again as soon as it has its answer."""
    poll, calls = select.epoll(), {}
    for _ in range(CONNECTIONS):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(sock, select.EPOLLIN)
        calls[sock.fileno()] = sock.recv, sock.send, sock
        sock.send(BODY)
    done, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for fd, _ in poll.poll(1):
            recv, send, _ = calls[fd]
            if recv(65536) != BODY:
                raise SystemExit("a wrong answer")
            send(BODY)
            done += 1
    return done


def drive_udp(port, seconds, host="127.0.0.1"):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((host, port))
    sock.settimeout(0.2)
    done, end = 0, time.monotonic() + seconds
    for _ in range(UNDER_WAY):
        sock.send(BODY)
    while time.monotonic() < end:
        try:
            if sock.recv(65535) != BODY:
                raise SystemExit("a wrong answer")
            done += 1
        except TimeoutError:
            pass        # one was lost: another takes its place
        sock.send(BODY)
    return done


def drive_asked(port, seconds):
    return drive_udp(port, seconds, "127.0.0.2")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(serve, drive, seconds):
    """Requests per CPU-second of the server."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            serve(lambda port: os.write(write, b"%d" % port))
        finally:
            os._exit(1)
    try:
        port = int(os.read(read, 16))
        drive(port, 0.2)
        before = cpu_seconds(pid)
        return drive(port, seconds) / (cpu_seconds(pid) - before)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


ROWS = (
    ("TCP, 64 connections", "smallest loop", raw_tcp, drive_tcp),
    ("TCP, 64 connections", "Stream", our_tcp, drive_tcp),
    ("UDP", "smallest loop", raw_udp, drive_udp),
    ("UDP", "DatagramPort, one address", our_udp, drive_udp),
    ("UDP", "DatagramPort, all addresses", wildcard_udp, drive_udp),
    ("UDP", "the same, asked at 127.0.0.2", wildcard_udp, drive_asked),
)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3
    first = {}
    for work, who, serve, drive in ROWS:
        figure = measure(serve, drive, seconds)
        print(f"{work:22}{who:32}{figure:9,.0f} a CPU-second  {figure / first.setdefault(work, figure):5.0%}", flush=True)


if __name__ == "__main__":
    main()
