"""TLS without sockets: a client of the standard library against the filter."""

import random
import shutil
import subprocess
import sys

import pytest

from mizu.base.errors import ConfigError, RemoteProtocolError
from mizu.wire import tls
from mizu.wire.tls import TlsFilter, make_context

ssl = pytest.importorskip("ssl")
pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl program to make a certificate")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def context(files):
    return make_context(*files)


class Client:
    """The far end: the same machinery from the other side."""

    def __init__(self, cafile, version=None):
        context = ssl.create_default_context(cafile=cafile)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if version:
            context.minimum_version = context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.done = False

    def handshake(self):
        try:
            self.object.do_handshake()
            self.done = True
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def write(self, data):
        rest = memoryview(data)
        while rest:
            rest = rest[self.object.write(rest):]
        return self.outgoing.read()

    def read(self, data):
        self.incoming.write(data)
        plain = b""
        try:
            while chunk := self.object.read(65536):
                plain += chunk
        except ssl.SSLWantReadError:
            pass
        return plain


def connect(context, files, step=1 << 20, version=None):
    client, server = Client(files[0], version), TlsFilter(context)
    for _ in range(4):
        flight = client.handshake()
        for at in range(0, len(flight), step):
            assert server.receive(flight[at:at + step]) == b""
        client.incoming.write(server.take())
    assert client.done and server.handshaken
    return client, server


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_text_passes_both_ways_in_whatever_pieces(context, files, version, step):
    client, server = connect(context, files, step, version)
    assert client.object.selected_alpn_protocol() == "http/1.1"
    record = client.write(b"balance\r\n")
    plain = [server.receive(record[at:at + step]) for at in range(0, len(record), step)]
    assert b"".join(plain) == b"balance\r\n"
    server.send(b"OK\r\n" * 20_000)
    assert client.read(server.take()) == b"OK\r\n" * 20_000
    assert server.take() == b""


def test_one_call_gives_a_bounded_plaintext_and_says_that_there_is_more(context, files, monkeypatch):
    monkeypatch.setattr(tls, "PLAIN_LIMIT", 40_000)
    client, server = connect(context, files)
    sent = random.Random(8).randbytes(200_000)
    got = [server.receive(client.write(sent))]
    while server.more:
        got.append(server.receive(b""))
    assert b"".join(got) == sent
    assert len(got) > 4 and max(map(len, got)) < 40_000 + 16_384 + 1


def test_close_notify_is_seen_and_answered(context, files):
    client, server = connect(context, files)
    data = client.write(b"bye")
    with pytest.raises(ssl.SSLWantReadError):
        client.object.unwrap()
    assert server.receive(data + client.outgoing.read()) == b"bye"
    if not server.closed:
        server.receive(b"")
    assert server.closed
    server.send(b"the last words")
    server.close()
    client.incoming.write(server.take())
    assert client.object.read(100) == b"the last words"
    client.object.unwrap()


def test_our_close_leaves_at_once_and_nothing_follows(context, files):
    client, server = connect(context, files)
    server.close()
    notify = server.take()
    assert notify
    server.send(b"late")
    server.close()
    assert server.take() == b"" and server.receive(b"x") == b""
    client.incoming.write(notify)
    assert client.object.read(100) == b""


def test_before_the_handshake_nothing_is_sent(context):
    server = TlsFilter(context)
    server.send(b"408")
    server.close()
    assert server.take() == b"" and not server.handshaken


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x00\x05hello", bytes(64),
                                     b"\x16\x03\x01\xff\xff" + bytes(70_000)])
def test_garbage_is_a_protocol_error_and_ends_it(context, garbage):
    server = TlsFilter(context)
    with pytest.raises(RemoteProtocolError) as fault:
        server.receive(garbage)
    assert fault.value.status == 400
    assert server.receive(garbage) == b"" and not server.handshaken


def test_a_spoilt_record_gives_what_was_good_before_it_then_the_error(context, files):
    client, server = connect(context, files)
    good, bad = client.write(b"good"), bytearray(client.write(b"bad"))
    bad[-1] ^= 1
    assert server.receive(good + bytes(bad)) == b"good"
    assert server.more
    with pytest.raises(RemoteProtocolError):
        server.receive(b"")
    assert server.take(), "the alert"


def test_half_a_record_waits(context, files):
    client, server = connect(context, files)
    record = client.write(b"balance")
    assert server.receive(record[:9]) == b""
    assert not server.more
    assert server.receive(record[9:]) == b"balance"


def test_mutated_flights_raise_nothing_but_the_protocol_error(context, files):
    rng = random.Random(9)
    hello = Client(files[0]).handshake()
    refused = 0
    for _ in range(400):
        data = bytearray(hello)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        server = TlsFilter(context)
        try:
            assert server.receive(data) == b""
        except RemoteProtocolError as error:
            assert error.status == 400
            refused += 1
        assert not server.handshaken
        assert len(server.take()) < 8192
    assert refused > 20         # the random field and the key share may be anything


def test_old_versions_are_refused(context):
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_files_that_cannot_be_used_are_named(files, tmp_path):
    cert, key = files
    with pytest.raises(ConfigError, match="nothere.pem.*No such file"):
        make_context(str(tmp_path / "nothere.pem"), key)
    with pytest.raises(ConfigError, match="cannot be used"):
        make_context(cert, cert)
    locked = str(tmp_path / "locked.pem")
    subprocess.run(["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:secret", "-out", locked],
                   check=True, capture_output=True)
    with pytest.raises(ConfigError, match="cannot be used"):
        make_context(cert, locked)


def test_without_ssl_the_module_loads_and_says_so_in_a_sentence():
    program = ("import sys; sys.modules['ssl'] = None\n"
               "from mizu.wire.tls import make_context\n"
               "try: make_context('a', 'b')\n"
               "except Exception as error: print(type(error).__name__, error)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("ConfigError TLS needs Python's ssl module"), done.stderr
