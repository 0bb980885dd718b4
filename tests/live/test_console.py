"""The console of a running server: netcat, a terminal's telnet, TLS, and the program's own client."""

import os
import pty
import select
import socket
import sys

import pytest

from mizu.serve.consoleclient import Line, _known

from .harness import ROOT, Server, run

pytestmark = pytest.mark.live


def netcat(port, text):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(text.encode())
        sock.shutdown(socket.SHUT_WR)
        return sock.makefile("rb").read().decode()


def read_until(sock, end):
    data = b""
    while not data.endswith(end):
        more = sock.recv(4096)
        assert more, data
        data += more
    return data.decode("latin-1")


def console(server, *args, env=None, **more):
    env = {"MIZUD_USER": "admin", "MIZUD_PASSWORD": server.admin_password} if env is None else env
    return run("console", f"127.0.0.1:{server.console}", *args, env=env, **more)


def test_netcat_logs_in_asks_and_is_answered_to_its_end(server):
    text = netcat(server.console, f"login,admin,{server.admin_password}\nversion\nnosuch\nbalance,1")
    answers = text.split("\r\n\r\n")
    assert answers[0] == "OK: logged in as admin" and "mizud" in answers[1]
    assert answers[2].startswith("ERROR: unknown command") and "credit" in answers[3] and answers[4] == ""


def test_netcat_with_a_wrong_password_is_turned_away(server):
    assert netcat(server.console, "admin\nwrong\nversion\n") == "ERROR: auth failed: wrong user or password\r\n\r\n"


def test_a_terminal_is_asked_and_its_password_not_echoed(server):
    with socket.create_connection(("127.0.0.1", server.console), timeout=10) as sock:
        read_until(sock, b"User: ")
        sock.sendall(b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x03\xff\xfc\x1f")
        read_until(sock, b"User: \x1b[K")
        sock.sendall(b"admin\r\0")
        assert "admin" in read_until(sock, b"Password: \x1b[K")
        sock.sendall(server.admin_password.encode() + b"\r\0")
        seen = read_until(sock, b"mizud> \x1b[K")
        assert "OK: logged in as admin" in seen and server.admin_password not in seen
        sock.sendall(b"keepa\t")
        read_until(sock, b"keepalive ")
        sock.sendall(b"\r\0")
        assert "OK" in read_until(sock, b"mizud> \x1b[K")
        sock.sendall(b"\x04")
        assert read_until_closed(sock) == "\r\n"


def read_until_closed(sock):
    return b"".join(iter(lambda: sock.recv(4096), b"")).decode()


def test_http_finds_nothing_on_the_console(server):
    assert netcat(server.console, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") == ""


def test_the_client_answers_with_its_exit_status(server):
    good = console(server, "-c", "version")
    assert good.returncode == 0 and "mizud" in good.stdout and not good.stderr
    bad = console(server, "-c", "nosuch")
    assert bad.returncode == 1 and bad.stderr.startswith("ERROR: unknown command") and not bad.stdout
    wrong = console(server, "-c", "version", env={"MIZUD_USER": "admin", "MIZUD_PASSWORD": "wrong"})
    assert wrong.returncode == 1 and "wrong user or password" in wrong.stderr


def test_the_client_finds_the_first_administrator_of_its_own_machine(server):
    assert console(server, "-c", "keepalive", "--data", server.data, env={}).stdout == "OK\n"


def test_the_client_says_what_is_wrong(server):
    assert run("console", "--nonsense").returncode == 64
    assert run("console", "host:port:x:").returncode in (1, 64)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = run("console", f"127.0.0.1:{free.getsockname()[1]}", "-c", "version")
    assert closed.returncode == 1 and "no console at" in closed.stderr


def test_the_client_without_a_terminal_says_what_to_do(server):
    for env in ({}, {"MIZUD_USER": "admin"}):
        ended = console(server, "-c", "version", "--data", "/nowhere", env=env, start_new_session=True)
        assert ended.returncode == 1 and not ended.stdout
        assert ended.stderr == "no user and password: where there is no terminal set MIZUD_USER and MIZUD_PASSWORD\n"


def test_the_client_inside_tls(tmp_path):
    ssl_files = make_certificate(tmp_path)
    server = Server(tmp_path / "data", "--set", f"sslcert={ssl_files[0]}", "--set", f"sslkey={ssl_files[1]}")
    try:
        answer = console(server, "--insecure", "-c", "apitest2")
        assert answer.returncode == 0 and "encrypted" in answer.stdout and "true" in answer.stdout, answer.stderr
        verified = console(server, "--tls", "-c", "version")
        assert verified.returncode == 1 and "certificate" in verified.stderr.lower()
    finally:
        server.stop()


def make_certificate(folder):
    from shutil import which
    from subprocess import run as execute
    if not which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    execute(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", "/CN=localhost", "-days", "2", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_the_clients_tab_knows_every_command_its_parameters_and_the_words_of_the_console(server):
    line = Line("127.0.0.1", server.console, False, False)
    line.login("admin", server.admin_password)
    known = _known(line)
    assert len(known) > 120 and {"watch", "calls", "credit", "exit"} <= set(known)
    assert {"u_id=", "u_username="} <= set(known["balance"]) and known["version"] == []


def test_the_client_watches_until_enter(server):
    pid, terminal = pty.fork()
    if not pid:
        os.execve(sys.executable, [sys.executable, ROOT / "mizud.py", "console", f"127.0.0.1:{server.console}"],
                  {**os.environ, "MIZUD_USER": "admin", "MIZUD_PASSWORD": server.admin_password, "TERM": "xterm"})
    seen = b""

    def until(text, times=1):
        nonlocal seen
        while seen.count(text) < times:
            assert select.select([terminal], [], [], 20)[0], seen
            seen += os.read(terminal, 65536)
        seen = seen[seen.rindex(text) + len(text):]
    until(b"mizud> ")
    os.write(terminal, b"calls 1\n")
    until(b"every 1 s: currentcalls", 2)
    os.write(terminal, b"\n")
    until(b"mizud> ")
    os.write(terminal, b"exit\n")
    until(b"OK: bye")
    os.close(terminal)
    os.waitpid(pid, 0)
