"""A disk with no room left: writes are refused in a sentence, everything else goes on, and room heals it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .harness import Server, eventually

SMALL = 'mkdir -p "$1" && mount -t tmpfs -o size=4m mizud "$1" && shift && exec "$@"'


def may_mount():
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "mizud", "/mnt"]
    return shutil.which("unshare") and subprocess.run(command, capture_output=True).returncode == 0


pytestmark = [pytest.mark.live,
              pytest.mark.skipif(not may_mount(), reason="takes a user who may mount a file system of his own")]


@pytest.fixture
def small(tmp_path):
    """A server whose data folder is a file system of 4 MiB that only it can see."""
    server = Server(tmp_path / "data", before=("unshare", "-m", "sh", "-c", SMALL, "sh", str(tmp_path / "data")))
    server.data = Path(f"/proc/{server.process.pid}/root{tmp_path}/data")
    yield server
    server.stop()


def fill(folder):
    """Take all the room there is."""
    with open(folder / "ballast", "ab", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def setcredit(server, number):
    return server.api("setcredit", u_username="rich", u_credit=number)


def until_full(server):
    """Fill the disk, then the room that files have in their last block; the number of the last credit that was set."""
    server.api("adduser", u_username="rich", u_credit=1)
    fill(server.data)
    number = 1
    while (answer := setcredit(server, number + 1)).startswith("OK"):
        number += 1
        assert number < 5000
    return number, answer


def test_writes_are_refused_reads_go_on_and_room_heals(small):
    number, answer = until_full(small)
    assert answer == "ERROR: the database cannot be used: database or disk is full"
    for _ in range(3):
        assert setcredit(small, 7) == answer and small.api("adduser", u_username="late") == answer
    assert small.api("balance", u_username="rich") == f"Your credit is ${number}.00 USD"
    ready = small.request("GET", "/readyz")
    assert ready.status == 503 and "disk is full" in ready.body
    assert small.get("/healthz") == "OK\n"
    os.unlink(small.data / "ballast")
    assert setcredit(small, 8).startswith("OK: credit is 8.00")
    assert small.api("balance", u_username="rich") == "Your credit is $8.00 USD"
    assert eventually(lambda: small.request("GET", "/readyz").status == 200)
    assert eventually(lambda: "writes are possible again" in small.err)
    assert small.err.count("no write is possible") == small.err.count("writes are possible again") == 1
    assert small.process.poll() is None and "Traceback" not in small.err


@pytest.mark.slow
def test_it_finds_out_by_itself_that_there_is_room_again(small):
    number, _ = until_full(small)
    assert small.request("GET", "/readyz").status == 503
    os.unlink(small.data / "ballast")
    assert eventually(lambda: small.request("GET", "/readyz").status == 200)
    assert setcredit(small, number).startswith("OK")


def test_lines_of_the_log_are_dropped_and_counted(small):
    until_full(small)
    for _ in range(40):
        small.request("GET", f"/mvapireq/?apientry=balance&authkey=wrong{'x' * 200}&authid=nobody")
    assert small.process.poll() is None
    os.unlink(small.data / "ballast")
    small.request("GET", "/mvapireq/?apientry=balance&authkey=wrong&authid=nobody")
    assert eventually(lambda: re.search(r"\b[1-9]\d* lines of the log could not be written", small.err))
    logged = (small.data / "log/security.log").read_text()
    assert all(line.endswith('"') for line in logged.splitlines()[-1:])


def test_what_was_refused_is_not_there_after_a_start(small, tmp_path):
    number, _ = until_full(small)
    shutil.copytree(small.data, tmp_path / "copy", ignore=shutil.ignore_patterns("ballast", "mizud.lock", "*-shm"))
    small.kill()
    again = Server(tmp_path / "copy")
    assert again.api("balance", u_username="rich") == f"Your credit is ${number}.00 USD"
    sql = ("SELECT id FROM tb_users WHERE credit_u <> coalesce((SELECT sum(amount_u) FROM tb_ledger"
           " WHERE userid = tb_users.id), 0)")
    assert '"data": []' in again.api("db", format="json", sql=sql)
    again.stop()


def test_statements_of_an_administrator_are_refused_in_the_same_words(small):
    _, answer = until_full(small)
    assert small.api("db", sql=f"UPDATE tb_users SET comment = '{'x' * 3000}'") == answer
    assert small.api("db", sql="SELECT count(*) FROM tb_users") == "2"


def test_it_ends_in_order_without_any_room(small):
    until_full(small)
    small.api("setuser", u_username="rich", u_name="x")
    assert small.stop() == 0 and "Traceback" not in small.err


@pytest.mark.parametrize("room", ["4k", "40k", "200k", "400k"])
def test_a_start_without_room_says_so_in_a_sentence(tmp_path, room):
    data = tmp_path / "data"
    small = SMALL.replace("4m", room)
    server = Server(data, wait=False, before=("unshare", "-m", "sh", "-c", small, "sh", str(data)))
    assert server.wait() == 74, server.out
    assert "full" in server.err or "No space left" in server.err
    assert "Traceback" not in server.err and len(server.err.splitlines()) <= 2
