import os
import socket

import pytest

from mizu.net.notify import inherited, notify, socket_kind, watchdog_seconds


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_hears_all_fields_in_one_datagram(tmp_path, abstract):
    path = f"@mizud-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path.replace("@", "\0") if abstract else path)
        assert notify({"NOTIFY_SOCKET": path}, READY=1, STATUS="12 calls,\n340 registered")
        assert manager.recv(1000) == b"READY=1\nSTATUS=12 calls, 340 registered"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/no/such"}])
def test_without_a_manager_nothing_happens(environ):
    assert notify(environ, READY=1) is False


def test_the_watchdog_is_fed_at_half_of_its_time():
    assert watchdog_seconds({"WATCHDOG_USEC": "10000000"}, 7) == 5
    assert watchdog_seconds({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "7"}, 7) == 5
    assert watchdog_seconds({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "8"}, 7) == 0
    assert watchdog_seconds({"WATCHDOG_USEC": "soon"}, 7) == watchdog_seconds({}, 7) == 0


def test_passed_sockets_are_for_the_named_process_only(monkeypatch):
    closed = []
    monkeypatch.setattr(os, "set_inheritable", lambda fd, on: closed.append(fd))
    environ = {"LISTEN_FDS": "3", "LISTEN_PID": "7", "LISTEN_FDNAMES": "main:secure"}
    assert inherited(environ, 7) == [(3, "main"), (4, "secure"), (5, "")]
    assert closed == [3, 4, 5]
    assert inherited(environ, 8) == inherited({}, 7) == inherited({**environ, "LISTEN_FDS": "x"}, 7) == []
    assert len(inherited({**environ, "LISTEN_FDS": "999999999"}, 7)) == 64


def test_a_passed_socket_tells_what_it_is():
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        assert socket_kind(tcp.fileno()) == ("tcp", *tcp.getsockname())
        assert socket_kind(udp.fileno()) == ("udp", *udp.getsockname())
    with open(os.devnull) as file:
        assert socket_kind(file.fileno()) is None
    assert socket_kind(9999) is None
