import errno
import os
import socket

import pytest

from mizu.net.bind import PortTaken
from mizu.net.datagram import BATCH, DatagramPort


@pytest.fixture
def port(bench):
    made = []

    def make(host="127.0.0.1", number=0, on_datagram=None, **more):
        def echo(data, addr, local):
            local.send(local.address[0].encode() + b" " + data, addr)
        made.append(DatagramPort(bench.reactor, host, number, on_datagram or echo, **more))
        return made[-1]
    yield make
    for each in made:
        each.close()


@pytest.fixture
def asker():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        yield sock


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.3.2.1"])
def test_the_answer_leaves_from_the_address_that_was_asked(bench, port, asker, host):
    number = port("").address[1]
    asker.connect((host, number))       # the kernel would drop an answer from elsewhere
    for _ in range(2):
        asker.send(b"hello")
        bench.reactor.turn(1)
        assert asker.recv(100) == host.encode() + b" hello"


@pytest.mark.parametrize("number", ["auto", "same"])
def test_ipv6_answers_leave_from_the_address_that_was_asked(bench, port, number):
    number = 0 if number == "auto" else port("").address[1]
    number = port("::", number).address[1]
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        asker.connect(("::1", number))
        asker.send(b"hello")
        bench.reactor.turn(1)
        assert asker.recv(100) == b"::1 hello"


def test_the_wildcard_alone_serves_every_address(bench, port, asker, monkeypatch):
    monkeypatch.setattr("mizu.net.datagram.own_addresses", lambda: [])
    number = port("").address[1]
    for host in ("127.0.0.1", "127.0.0.9"):
        asker.connect((host, number))
        asker.send(b"x")
        bench.reactor.turn(1)
        assert asker.recv(100) == host.encode() + b" x"


def test_remembered_addresses_are_bounded(bench, port, asker, monkeypatch):
    monkeypatch.setattr("mizu.net.datagram.ASKED", 4)
    made = port("")
    for at in range(10):
        asker.sendto(b"x", (f"127.0.7.{at}", made.address[1]))
        bench.reactor.turn(1)
        assert asker.recvfrom(100)[1][0] == f"127.0.7.{at}"
    assert len(made._default._asked) <= 4


def test_a_wake_up_is_bounded(bench, port, asker):
    seen = []
    made = port(on_datagram=lambda data, addr, local: seen.append(data))
    for at in range(BATCH + 10):
        asker.sendto(b"%d" % at, made.address)
    bench.reactor.turn(1)
    assert len(seen) == BATCH
    bench.reactor.turn(1)
    assert seen == [b"%d" % at for at in range(BATCH + 10)] and made.received == BATCH + 10


@pytest.mark.parametrize("host", ["", "127.0.0.1"])
def test_nobody_else_can_join_the_port(port, host):
    made = port(host)
    for reuse in (0, 1):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
            with pytest.raises(OSError) as caught:
                thief.bind(("127.0.0.1", made.address[1]))
            assert caught.value.errno == errno.EADDRINUSE
    with pytest.raises(PortTaken, match=rf"UDP port \d+ is in use by .* \(pid {os.getpid()}\)"):
        port(host, made.address[1])


def test_a_closed_port_at_one_peer_is_told_and_harms_no_other(bench, port, asker):
    errors = []
    made = port(on_error=lambda addr, code: errors.append((addr, code)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        nobody = gone.getsockname()
    asker.bind(("127.0.0.1", 0))
    for _ in range(3):
        made.send(b"x", nobody)
        made.send(b"to you", asker.getsockname())       # would raise the other's error without a second try
        assert asker.recv(100) == b"to you"
    bench.reactor.turn(0.1)
    assert errors and set(errors) == {(nobody, errno.ECONNREFUSED)}
    assert made.dropped == 0 and made.sent == 6
    asker.sendto(b"still here?", made.address)
    bench.until(lambda: made.received == 1)


def test_what_cannot_be_sent_is_dropped_and_counted(bench, port):
    made = port()
    made.send(bytes(70_000), ("127.0.0.1", 9))
    assert made.dropped == 1
    local = made._default

    def full(data, addr):
        raise BlockingIOError
    local._sendto = full
    assert local.send(b"x", ("127.0.0.1", 9)) is None and made.dropped == 2


def test_an_inherited_socket_is_taken(bench, port, asker):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        made = port(fd=os.dup(sock.fileno()))
    asker.connect(("127.0.0.5", made.address[1]))
    asker.send(b"x")
    bench.reactor.turn(1)
    assert asker.recv(100) == b"127.0.0.5 x"
