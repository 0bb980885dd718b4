"""An answered change is there afterwards: after kill -9, after a power cut, and without the loop waiting for a disk.

kill -9 alone proves little, because the kernel keeps what was written; a power cut is played from a trace of the
system calls: what no finished fdatasync covers is cut off.
"""

import bisect
import contextlib
import json
import math
import os
import random
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from .harness import Server

pytestmark = pytest.mark.live

WRITES = 1000
STRACE = shutil.which("strace")


def strace_works():
    return STRACE and subprocess.run([STRACE, "-f", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(not strace_works(), reason="strace is missing or may not trace")

UNBALANCED = """
    SELECT u.username, u.credit_u, coalesce(sum(l.amount_u), 0) AS total,
           coalesce((SELECT balance_u FROM tb_ledger WHERE userid = u.id ORDER BY id DESC LIMIT 1), 0) AS newest
    FROM tb_users u LEFT JOIN tb_ledger l ON l.userid = u.id GROUP BY u.id
    HAVING u.credit_u <> total OR u.credit_u <> newest"""


class Writer:
    """One connection, HTTP or raw lines, that writes to accounts of its own, one request after another.

    sure    {user name: (credit, name)} as answered
    maybe   the same for the request under way, whose answer never came
    """

    def __init__(self, server, name, http, seed):
        self.server = server
        self.name = name
        self.http = http
        self.random = random.Random(seed)
        self.sure = {}
        self.maybe = {}
        self.made = 0
        self.address = ""
        self.fault = None

    def run(self, answered):
        """Write until the server is gone; `answered(self)` is called after each answer."""
        try:
            with self.server.connect() as sock, sock.makefile("rb") as answers:
                self.address = "%s:%s" % sock.getsockname()
                while True:
                    self._write(sock, answers)
                    answered(self)
        except (OSError, EOFError):
            pass
        except AssertionError as error:
            self.fault = error

    def _write(self, sock, answers):
        query, user, state = self._next()
        self.maybe = {user: state}
        query = f"/mvapireq/?{self.server.as_admin}&format=url&{query}"
        sock.sendall(f"GET {query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() if self.http else
                     query.encode() + b"\r\n")
        answer = self._answer(answers)
        assert "status=success" in answer, answer
        self.sure |= self.maybe
        self.maybe = {}

    def _answer(self, answers):
        length = None
        while (line := answers.readline()) not in (b"\r\n", b""):
            if not self.http:
                return line.decode()
            if line.startswith(b"Content-Length:"):
                length = int(line.split()[1])
        if length is None:
            raise EOFError
        body = answers.read(length)
        if len(body) < length:
            raise EOFError
        return body.decode()

    def _next(self):
        """(query, user name, (credit, name) it will have)."""
        credit = self.random.randrange(10**9) / 10**6
        if not self.sure or self.random.random() < 0.2:
            self.made += 1
            user = f"{self.name}.{self.made}"
            return f"apientry=adduser&u_username={user}&u_credit={credit}&u_name=new", user, (credit, "new")
        user = self.random.choice(list(self.sure))
        if self.random.random() < 0.5:
            return f"apientry=setcredit&u_username={user}&u_credit={credit}", user, (credit, self.sure[user][1])
        name = f"n{self.random.randrange(10**9)}"
        return f"apientry=setuser&u_username={user}&u_credit={credit}&u_name={name}", user, (credit, name)


def write_until_killed(server, pid, writes, number=0, note=lambda writer: None):
    """The writers of six connections that wrote until process `pid`, the server, was killed after `writes` answers."""
    writers = [Writer(server, f"r{number}c{each}", each % 2 == 0, seed=number * 10 + each) for each in range(6)]
    left = [writes]
    lock = threading.Lock()

    def answered(writer):
        with lock:
            note(writer)
            left[0] -= 1
            if left[0] == 0:
                os.kill(pid, signal.SIGKILL)

    threads = [threading.Thread(target=writer.run, args=(answered,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    server.wait()
    assert left[0] <= 0, "it ended before it was killed"
    assert not [writer.fault for writer in writers if writer.fault]
    return writers


def states(path):
    """{user name: (credit, name)} of a database nobody has open, whose ledger is checked on the way."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute(UNBALANCED).fetchall() == []
        found = {row[0]: row[1:] for row in connection.execute("SELECT username, credit, name FROM tb_users")}
    connection.close()
    return found


def copied(data, target):
    """The database's files as the dead server left them; the name of the copy."""
    target.mkdir()
    for path in data.glob("mizud.db*"):
        shutil.copy(path, target)
    return target / "mizud.db"


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_in_the_middle_of_1000_writes_loses_no_answered_change(tmp_path, times):
    data = tmp_path / "data"
    server = Server(data)
    sure = {}
    for number in range(times):
        writers = write_until_killed(server, server.process.pid, random.Random(number).randrange(1, WRITES), number)
        there = states(copied(data, tmp_path / f"copy{number}"))
        for writer in writers:
            sure |= writer.sure
            sure |= {user: there[user] for user, state in writer.maybe.items() if there.get(user) == state}
        assert {user: there.get(user) for user in sure} == sure, f"kill number {number + 1}"
        server = Server(data)
        rows = json.loads(server.api("listusers", fields=2, limit=0, format="json"))["data"]
        told = {row["username"]: (row["credit"], row["name"]) for row in rows}
        assert {user: told.get(user) for user in sure} == sure, f"start number {number + 2}"
    assert server.api("db", sql=UNBALANCED, format="json").find('"data": []') > 0
    assert server.stop() == 0 and states(data / "mizud.db").items() >= sure.items()


# -- a power cut

class Trace:
    """What strace saw, in its order: a place is the number of a line.

    logged  (place begun, place ended, bytes of the log that are written then)
    synced  (place begun, place ended) of every fdatasync of the log
    locks   places where SQLite takes or gives back a lock, and so between two transactions
    turns   places where the loop waits for its next turn
    asked   {connection: [place ended]}, one entry a request
    told    {connection: [place begun]}, one entry an answer
    """
    LINE = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?:\((\d+)<(.*?)>(?=[,) ])| resumed>)(.*)")

    def __init__(self, lines, port):
        self.logged, self.synced, self.locks, self.turns, self.asked, self.told = [], [], [], [], {}, {}
        self._port = f":{port}->"
        begun = {}
        for place, line in enumerate(lines):
            found = self.LINE.match(line)
            if found is None:
                continue
            thread, call, _, name, rest = found.groups()
            if name is None:
                start, name, first = begun.pop((thread, call))
                rest = first + rest
            else:
                start = place
            if rest.endswith("<unfinished ...>"):
                begun[thread, call] = place, name, rest[:-16]
                continue
            self._take(call, name, rest, start, place)

    def _take(self, call, name, rest, start, place):
        result = re.search(r"= (-?\d+)[^=]*$", rest)
        done = int(result[1]) if result else -1
        if done < 0:
            return
        if call == "pwrite64" and name.endswith("mizud.db-wal"):
            self.logged.append((start, place, int(re.search(r", (\d+) *\) += ", rest)[1]) + done))
        elif call == "fdatasync" and name.endswith("mizud.db-wal"):
            self.synced.append((start, place))
        elif call == "fcntl":
            self.locks.append(start)
        elif call.startswith("epoll"):
            self.turns.append(start)
        elif self._port in name:
            if call == "recvfrom" and done:
                self.asked.setdefault(name, []).append(place)
            elif call == "sendto":
                self.told.setdefault(name, []).append(start)


def child_of(server):
    """The number of the server itself, where strace has started it."""
    return int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """(Trace, {connection: its accounts after each answer}, data folder) of 300 writes and a kill -9."""
    folder = tmp_path_factory.mktemp("traced")
    data, trace = folder / "data", folder / "trace"
    Server(data).stop()
    server = Server(data, before=(
        STRACE, "-f", "-yy", "-s", "0", "-o", str(trace),
        "-e", "trace=pwrite64,fdatasync,write,sendto,sendmsg,recvfrom,fcntl,?epoll_wait,?epoll_pwait"))
    histories = {}

    def note(writer):
        histories.setdefault(writer.address, []).append(dict(writer.sure))

    for writer in write_until_killed(server, child_of(server), 300, note=note):
        histories[writer.address].append(writer.sure | writer.maybe)
    return Trace(trace.read_text(errors="replace").splitlines(), server.port), histories, data


@needs_strace
def test_no_answer_leaves_before_a_sync_of_the_log_that_began_after_its_commit(killed):
    trace, _, _ = killed
    marks = sorted([*trace.turns, *(place for places in trace.asked.values() for place in places)])
    count = 0
    for connection, places in trace.told.items():
        for asked, told in zip(trace.asked[connection], places):
            # the commit: the first transaction that is logged between the reading of this request and what comes next
            until = marks[bisect.bisect(marks, asked)]
            first = next((begun for begun, _, _ in trace.logged if asked < begun < until), None)
            assert first, f"{connection} was answered without a commit"
            until = trace.locks[bisect.bisect(trace.locks, first)]
            commit = [ended for begun, ended, _ in trace.logged if first <= begun < until]
            assert any(commit[-1] < begun and ended < told for begun, ended in trace.synced), \
                f"an answer on {connection} left (line {told}) before its commit was safe (line {commit[-1]})"
            count += 1
    assert count >= 290 and len(trace.synced) > 30      # the last ones may not be in the trace any more


@needs_strace
def test_what_a_power_cut_leaves_holds_every_change_that_was_answered(killed, tmp_path):
    trace, histories, data = killed
    log = (data / "mizud.db-wal").read_bytes()
    seen = max(size for _, _, size in trace.logged)
    assert 0 <= len(log) - seen <= 4096, "a checkpoint came in between"     # the very last write may not be traced
    lost = 0
    for cut in {*random.Random(1).sample(range(len(trace.synced)), 15), len(trace.synced) - 1}:
        covered = max((size for _, ended, size in trace.logged if ended < trace.synced[cut][0]), default=0)
        next_end = trace.synced[cut + 1][1] if cut + 1 < len(trace.synced) else math.inf
        lost += covered < len(log)
        (folder := tmp_path / str(cut)).mkdir()
        shutil.copy(data / "mizud.db", folder)
        (folder / "mizud.db-wal").write_bytes(log[:covered])
        there = states(folder / "mizud.db")
        for connection, told in trace.told.items():
            history = histories[re.search(r"->([\d.:]+)\]", connection)[1]]
            answered = sum(place < next_end for place in told)
            for user, state in (history[answered - 1] if answered else {}).items():
                newer = [each[user] for each in history[answered:]]
                assert there.get(user) in (state, *newer), f"{user} after a cut behind sync {cut}"
    assert lost >= 10, "the cuts took nothing away"


@needs_strace
@pytest.mark.parametrize("first", [1, *(pytest.param(number, marks=pytest.mark.slow) for number in (2, 5))])
def test_a_sync_that_fails_ends_the_server_and_promises_nothing(tmp_path, first):
    """The first one is SQLite's own, of a new log."""
    data = tmp_path / "data"
    Server(data).stop()
    server = Server(data, before=(STRACE, "-f", "-o", "/dev/null", "-P", str(data / "mizud.db-wal"), "-e",
                                  "trace=fdatasync", "-e", f"inject=fdatasync:error=EIO:when={first}+"))
    query = f"/mvapireq/?{server.as_admin}&format=url&apientry=adduser&u_username="
    number, answer = 0, b""
    with contextlib.suppress(ConnectionError), server.connect() as sock, sock.makefile("rb") as answers:
        for number in range(20):
            sock.sendall(f"{query}u{number}\r\n".encode())
            answer = answers.readline()
            if b"status=success" not in answer:
                break
    assert number < 19 and (answer == b"" or b"cannot+be+made+safe" in answer)
    assert server.wait() == 74 and "cannot be made durable, stopping" in server.err
    there = states(copied(data, tmp_path / "copy"))
    assert {f"u{each}" for each in range(number)} <= set(there)
    again = Server(data)
    assert again.api("adduser", u_username="safe", format="url").find("status=success") >= 0
    assert again.stop() == 0


# -- a slow disk

@pytest.mark.slow
@needs_strace
def test_balances_are_answered_while_writes_wait_for_a_slow_disk(tmp_path):
    data = tmp_path / "data"
    Server(data).stop()
    server = Server(data, before=(
        STRACE, "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
        "-e", "inject=fsync,fdatasync:delay_exit=100000"))
    server.api("adduser", u_username="slow", u_credit=1)
    write = f"/mvapireq/?{server.as_admin}&apientry=setcredit&u_username=slow&u_credit="
    writers = [server.connect() for _ in range(64)]
    first = 0
    with server.connect() as sock, sock.makefile("rb") as answers:
        for round in range(10):
            for number, writer in enumerate(writers):
                writer.sendall(f"{write}{round}.{number}\r\n".encode())
            sock.sendall(f"/mvapireq/?{server.as_admin}&apientry=balance&u_username=slow\r\n".encode())
            assert answers.readline().startswith(b"Your credit is")
            first += len(select.select(writers, (), (), 0)[0]) < len(writers)
            for writer in writers:
                assert writer.recv(1000).startswith(b"OK: credit is")
    assert first == 10, f"only {first} balances of 10 came before the writes that waited for the disk"
    for writer in writers:
        writer.close()
    os.kill(child_of(server), signal.SIGTERM)
    assert server.wait() == 0
