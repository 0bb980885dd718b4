"""Datagrams that nobody answers."""

import socket

import pytest

from mizu.base.errors import NotReached
from mizu.net.sender import Sender


def test_what_is_sent_arrives():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        far.settimeout(5)
        sender = Sender(*far.getsockname())
        assert sender.send(b"one") and sender.send(b"two")
        assert [far.recv(10), far.recv(10)] == [b"one", b"two"]
        sender.close()


def test_nobody_there_is_no_error():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        place = far.getsockname()
    sender = Sender(*place)
    assert all([sender.send(b"x") for _ in range(20)])
    assert not sender.send(bytes(70_000))
    sender.close()
    assert not sender.send(b"x")


@pytest.mark.parametrize("host, port", [("example.com", 9060), ("127.0.0.1", 70_000), ("", 1), ("127.0.0.1\0", 1)])
def test_what_is_no_address_is_refused_without_asking_anybody(host, port):
    with pytest.raises(NotReached):
        Sender(host, port)
