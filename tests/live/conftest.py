"""A server for all tests that leave it as it was, and a fresh one for those that do not."""

import pytest

from .harness import Server


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
