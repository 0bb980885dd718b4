import selectors
import socket
import struct

import pytest

from mizu.net.selector import ERROR, HANGUP, READ, WRITE, EpollSelector, PortableSelector, best_selector


@pytest.fixture(params=[EpollSelector, PortableSelector])
def selector(request):
    with request.param() as selector:
        yield selector


@pytest.fixture
def pair():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_linux_gets_epoll():
    assert isinstance(best_selector(), EpollSelector)


def test_both_speak_the_standard_interface(selector, pair):
    key = selector.register(pair[0], selectors.EVENT_READ, "tag")
    assert (key.fd, key.data) == (pair[0].fileno(), "tag")
    assert selector.get_key(pair[0]) is selector.get_map()[pair[0].fileno()]
    assert selector.select(0) == []
    pair[1].send(b"x")
    assert selector.select(0) == [(key, selectors.EVENT_READ)]
    key = selector.modify(pair[0], selectors.EVENT_READ | selectors.EVENT_WRITE, "other")
    assert selector.select(-1) == [(key, selectors.EVENT_READ | selectors.EVENT_WRITE)]
    assert selector.unregister(pair[0]).data == "other"
    assert selector.select(0) == []
    with pytest.raises(KeyError):
        selector.unregister(pair[0])


def test_poll_gives_plain_pairs_of_fd_and_mask(selector, pair):
    fd = pair[0].fileno()
    selector.register(fd, selectors.EVENT_READ | selectors.EVENT_WRITE)
    assert selector.poll(0, 64) == [(fd, WRITE)]
    pair[1].send(b"x")
    mask, = [mask for at, mask in selector.poll(0, 64) if at == fd and mask & READ]
    assert not mask & (ERROR | HANGUP)


def test_a_descriptor_may_be_silent_for_a_while(selector, pair):
    fd = pair[0].fileno()
    selector.register(fd, 0)
    pair[1].send(b"x")
    assert selector.poll(0, 64) == []
    selector.modify(fd, selectors.EVENT_READ)
    assert selector.poll(0, 64) == [(fd, READ)]
    selector.modify(fd, 0)
    selector.unregister(fd)


def test_errors_are_seen_without_being_asked_for():
    with EpollSelector() as selector, socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
        selector.register(near, 0)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        assert selector.poll(1, 64) == [(near.fileno(), ERROR | HANGUP)]
        near.close()
