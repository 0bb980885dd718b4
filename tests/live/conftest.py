"""A server for all tests that leave it as it was, and a fresh one for those that do not."""

import pytest

from . import manual_examples as manual
from .harness import Server
from .wires import certificate


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("shared") / "data")
    yield server
    assert server.stop() == 0, server.err


@pytest.fixture
def fresh_server(tmp_path):
    server = Server(tmp_path / "data")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    """A server with the accounts that the manual's examples speak of, and with a certificate if openssl makes one."""
    folder = tmp_path_factory.mktemp("manual")
    paths = certificate(folder)
    tls = ["--set", f"sslcert={paths[0]}", "--set", f"sslkey={paths[1]}", "--set", "sslportmain=auto",
           "--set", "sslportweb=auto"] if paths else []
    server = Server(folder / "data", "--set", "httpstrictresponse=1", "--set", "enablejsonp=1", *tls)
    server.certificate = paths and paths[0]
    manual_accounts(server)
    yield server
    assert server.stop() == 0, server.err


def manual_accounts(server):
    for sql in (manual.ACCOUNTS, manual.CALLS, manual.PINS, manual.NUMBERS, manual.PRICE_LIST, manual.PRICES,
                manual.TRUNK, manual.ROUTE):
        assert server.api("db", sql=sql).startswith("OK")
