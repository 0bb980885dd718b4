"""Connections that we open, with real sockets on loopback."""

import socket

import pytest

from mizu.base.errors import NotReached
from mizu.net.connect import connect
from mizu.net.listen import Listener
from mizu.wire.tls import TlsFilter, make_client_context, make_context

from live.wires import certificate

from .netbench import Recorder


class Far:
    """A port of the same reactor, behind TLS if it has a context; `data` is what it heard."""

    def __init__(self, bench, context=None):
        self.bench = bench
        self.context = context
        self.streams = []
        self.listener = Listener(bench.reactor, "127.0.0.1", 0, self.accept, bench.streams)
        self.port = self.listener.address[1]

    def accept(self, stream):
        stream.protocol = Recorder(stream)
        self.streams.append(stream)
        if self.context:
            stream.start_tls(TlsFilter(self.context), b"")


def opened(bench, future):
    """The stream of the future, with a Recorder as its protocol."""
    def take(done):
        if done._error is None:
            done.result().protocol = Recorder(done.result())
    future.then(take)
    bench.until(lambda: future.done)
    return future.result()


def test_a_connection_carries_text_both_ways(bench):
    far = Far(bench)
    stream = opened(bench, connect(bench.reactor, bench.streams, "127.0.0.1", far.port))
    stream.send(b"OPTIONS")
    bench.until(lambda: far.streams and far.streams[0].protocol.data == b"OPTIONS")
    far.streams[0].send(b"200")
    bench.until(lambda: stream.protocol.data == b"200")
    assert stream.peer.local == (far.streams[0].peer.host, far.streams[0].peer.port)


def test_one_that_nobody_takes_is_dropped(bench):
    far = Far(bench)
    future = connect(bench.reactor, bench.streams, "127.0.0.1", far.port)
    bench.until(lambda: future.done)
    assert not future.result().open


def test_a_closed_port_an_unknown_host_and_a_full_house_fail_in_a_sentence(bench):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(NotReached, match="127.0.0.1:.* over TCP: Connection refused"):
            opened(bench, connect(bench.reactor, bench.streams, "127.0.0.1", probe.getsockname()[1]))
    with pytest.raises(NotReached, match="cannot be reached"):
        opened(bench, connect(bench.reactor, bench.streams, "a.name", 5060))
    with pytest.raises(NotReached, match="cannot be reached"):
        opened(bench, connect(bench.reactor, bench.streams, "127.0.0.1", 70_000))
    bench.streams.limit = 0
    with pytest.raises(NotReached, match="too many"):
        opened(bench, connect(bench.reactor, bench.streams, "127.0.0.1", 1))
    assert not len(bench.streams)


def test_a_silent_far_end_is_given_up(bench):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        with pytest.raises(NotReached, match="no answer in time"):
            opened(bench, connect(bench.reactor, bench.streams, *full.getsockname(), seconds=0.1))
        for each in fillers:
            each.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    pytest.importorskip("ssl")
    made = certificate(tmp_path_factory.mktemp("tls"))
    if made is None:
        pytest.skip("needs the openssl program to make a certificate")
    return str(made[0]), str(made[1])


def test_inside_tls_it_is_there_when_the_handshake_is_over(bench, files):
    far = Far(bench, make_context(*files))
    tls = TlsFilter(make_client_context(False), "localhost")
    stream = opened(bench, connect(bench.reactor, bench.streams, "127.0.0.1", far.port, tls))
    assert stream.peer.secure and tls.handshaken
    stream.send(b"x" * 100_000)
    bench.until(lambda: len(far.streams[0].protocol.data) == 100_000)
    far.streams[0].send(b"200")
    bench.until(lambda: stream.protocol.data == b"200")


@pytest.mark.parametrize("trusted, name, works", [(True, "localhost", True), (True, "other", False),
                                                  (False, "localhost", False)])
def test_a_certificate_is_verified_where_that_is_wanted(bench, files, trusted, name, works):
    far = Far(bench, make_context(*files))
    context = make_client_context(True)
    if trusted:
        context.load_verify_locations(files[0])
    future = connect(bench.reactor, bench.streams, "127.0.0.1", far.port, TlsFilter(context, name))
    if works:
        assert opened(bench, future).open
    else:
        with pytest.raises(NotReached, match="over TLS: CERTIFICATE_VERIFY_FAILED"):
            opened(bench, future)


def test_tls_towards_something_else_fails_at_once_or_in_time(bench):
    far = Far(bench)
    future = connect(bench.reactor, bench.streams, "127.0.0.1", far.port,
                     TlsFilter(make_client_context(False), "x"), seconds=0.2)
    bench.until(lambda: far.streams)
    far.streams[0].send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(NotReached, match="over TLS: WRONG_VERSION_NUMBER"):
        opened(bench, future)
    silent = connect(bench.reactor, bench.streams, "127.0.0.1", far.port,
                     TlsFilter(make_client_context(False), "x"), seconds=0.2)
    with pytest.raises(NotReached, match="over TLS"):
        opened(bench, silent)
