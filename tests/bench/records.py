#!/usr/bin/env python3
"""What the tables cost at size: prices, their import, call records, lists of accounts, bookings.

    python3 tests/bench/records.py [FIGURE …]

Each figure makes what it measures in a folder of its own and prints one line: what was measured, and the goal it
is held against.  Without names all of them run; the exit status is 1 if a goal was missed.
"""

import http.client
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench import slowdisk  # noqa: E402
from bench.make_cdrs import fill  # noqa: E402
from live.harness import Server  # noqa: E402

PREFIXES = 500_000
CDRS, ACCOUNTS = 2_000_000, 100_000
RESELLER, TRUNK, BUSY = 1000, 1020, 1035        # accounts of make_cdrs: its first reseller, trunk, and end user
FIGURES = {}


def figure(function):
    """A figure: function(folder) -> iterable of (what, value, unit, goal or None); a value below the goal is good."""
    FIGURES[function.__name__] = function
    return function


# -- prices

def price_file(folder, prefixes=PREFIXES):
    """A price list of random prefixes of 3 to 9 digits; the same seed gives the same list."""
    chance = random.Random(1)
    seen = set()
    path = folder / "prices.csv"
    with open(path, "w") as file:
        file.write("prefix;destination;price;connectfee;step\n")
        while len(seen) < prefixes:
            prefix = str(chance.randrange(10 ** chance.randrange(3, 10)))
            if prefix not in seen:
                seen.add(prefix)
                file.write(f"{prefix};Country {prefix[:3]};0,{chance.randrange(10**6):06d};"
                           f"{chance.choice(('0', '0', '0,05'))};{chance.choice((1, 60))}\n")
    return path


def imported(server, path):
    """Seconds of an import."""
    began = time.perf_counter()
    subprocess.run([sys.executable, ROOT / "mizud.py", "import", path, "--data", server.data], check=True,
                   stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


class Asker:
    """One kept connection to the server; ask(query) is the time of an answer in ms."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def ask(self, query, wanted):
        began = time.perf_counter()
        self.connection.request("GET", "/mvapireq/?" + query)
        text = self.connection.getresponse().read().decode()
        assert wanted in text, text
        return (time.perf_counter() - began) * 1000


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


class Pace:
    """`with` it, a request every few milliseconds from a thread; `times` in ms."""

    def __init__(self, server, query, wanted, pause=0.003):
        self.times = []
        self._asker, self._ask, self._pause, self._ended = Asker(server), (query, wanted), pause, False
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._ended:
            self.times.append(self._asker.ask(*self._ask))
            time.sleep(self._pause)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *fault):
        self._ended = True
        self._thread.join()


@figure
def prices(folder):
    """Import of 500,000 prices into a server that answers meanwhile, then `rating` among them."""
    path = price_file(folder)
    server = Server(folder / "data")
    server.api("adduser", u_username="john", u_password="john-pw", u_credit=10)
    john = f"authkey={server.key}&authid=john&authpwd=john-pw"
    write = f"apientry=setcredit&u_username=john&u_credit=10&{server.as_admin}"
    with Pace(server, f"apientry=balance&{john}", "credit is") as reads, Pace(server, write, "OK") as writes:
        seconds = imported(server, path)
    yield f"import of {PREFIXES:,} prices", seconds, "s", 30
    yield "balance meanwhile, p99", percentile(reads.times, 0.99), "ms", None
    yield "setcredit meanwhile, p99", percentile(writes.times, 0.99), "ms", None
    yield "import again, instead of them", imported(server, path), "s", 30
    yield from rating(server, john, path)
    server.stop()


def rating(server, john, path):
    """Random numbers below prefixes that there are."""
    chance = random.Random(2)
    lines = path.read_text().splitlines()[1:]
    asker = Asker(server)
    numbers = [chance.choice(lines).partition(";")[0] + str(chance.randrange(10**6)) for _ in range(3000)]
    asker.ask(f"apientry=rating&bnum={numbers[0]}&{john}", "USD/min")
    bare = [asker.ask("apientry=apitest1", "OK") for _ in numbers]
    times = [asker.ask(f"apientry=rating&bnum={quote(number)}&{john}", "USD/min") for number in numbers]
    median = statistics.median(times)
    yield f"rating among {PREFIXES:,} prefixes, median over HTTP", median, "ms", None
    yield "the same without what apitest1 takes", median - statistics.median(bare), "ms", 1
    yield "rating, p99 over HTTP", percentile(times, 0.99), "ms", None


# -- call records

@figure
def cdrs(folder):
    """2,000,000 records of a year between 100,000 accounts: lists, statistics, and what others notice of them."""
    (folder / "data").mkdir()
    fill(folder / "data" / "mizud.db", CDRS, ACCOUNTS)
    server = Server(folder / "data")
    server.api("adduser", u_username="john", u_password="john-pw", u_credit=10)
    john = f"apientry=balance&authkey={server.key}&authid=john&authpwd=john-pw"
    query = f"apientry=cdr&days=lastmonth&format=json&{server.as_admin}"
    asker = Asker(server)

    def median(more, times):
        return statistics.median([asker.ask(f"{query}&{more}", '"success"') for _ in range(times)])

    yield "cdr of an account and a month", median(f"u_id={BUSY}", 100), "ms", 20
    yield "the same, outgoing calls only", median(f"u_id={BUSY}&dir=out", 100), "ms", 20
    yield "cdr of a trunk and a month, the last 1,000", median(f"u_id={TRUNK}", 30), "ms", None
    yield "cdr of a reseller's tree and a month", median(f"u_id={RESELLER}&pcr=1", 30), "ms", None
    with Pace(server, john, "credit is") as reads:
        days = [asker.ask(f"{query}&by=day", '"success"') for _ in range(10)]
    yield "stats by day for a month", max(days) / 1000, "s", 1.5
    yield "balance meanwhile, p99", percentile(reads.times, 0.99), "ms", 5
    yield "stats by day and account called, a year", asker.ask(
        f"{query.replace('lastmonth', 'lastyear')}&by=day-calleduser&limit=0", '"success"') / 1000, "s", None
    yield from streamed(server, john)
    server.stop()


def streamed(server, john):
    """All records at once, as CSV."""
    before = memory(server)
    began = time.perf_counter()
    with Pace(server, john, "credit is") as reads, socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(f"GET /mvapireq/?apientry=cdr&days=400&limit=0&format=csv&{server.as_admin} HTTP/1.1\r\n"
                     "Host: x\r\n\r\n".encode())
        size, end, looks, most = 0, b"", 0, 0
        while not end.endswith(b"\r\n0\r\n\r\n"):
            data = sock.recv(1 << 18)
            size, end = size + len(data), (end + data)[-7:]
            if size >> 22 > looks:      # every 4 MB
                looks, most = size >> 22, max(most, memory(server))
    yield f"{CDRS:,} records as CSV, {size / 1e6:.0f} MB", time.perf_counter() - began, "s", None
    yield "balance meanwhile, p99", percentile(reads.times, 0.99), "ms", None
    yield "memory more than before", (most - before) / 1024, "MiB", 16


def memory(server):
    """Resident KiB of the server."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


# -- accounts

LIVELY = """UPDATE tb_users SET credit = id * 7919 % 10000 / 100.0, status = id % 20 = 0, enabled = id % 200 <> 0,
    adddate = datetime('2020-01-01', '+' || (id * 7919 % 50000) || ' hours'), email = 'u' || id || '@example.com',
    statusdate = CASE WHEN id % 3 THEN datetime('2024-01-01', '+' || (id * 104729 % 9000) || ' hours') ELSE '' END"""
"""Balances, dates, one of 20 registered, one of 200 disabled."""

ORDERS = (-1, 0, 1, 2, 3, 4)
LISTS = ("", "fields=2", "type=-1", "type=0", "type=5", "type=9", f"u_id={BUSY}", "parent=-2", "parent=0",
         f"parent={RESELLER}", "parentinclusive=-2", "parentinclusive=0", f"parentinclusive={RESELLER}", "enabled=-1",
         "enabled=0", "active=0", "active=1", "where=credit+>+99+and+postpaid+<+1", "where=credit+>+9999",
         "where=email+=+'u50000@example.com'", "details=basic-statistics", "details=basic&pcr=1", "offset=500")


@figure
def listusers(folder):
    """Lists of 100 among 100,000 accounts: each filter in each order."""
    (folder / "data").mkdir()
    database = folder / "data" / "mizud.db"
    fill(database, 1000, ACCOUNTS)
    with sqlite3.connect(database) as connection:
        connection.execute(LIVELY)
    connection.close()
    server = Server(folder / "data")
    server.api("adduser", u_username="boss", u_type=2, u_password="boss-pw")
    asker = Asker(server)
    for words in LISTS:
        medians = {}
        for order in ORDERS:
            query = f"apientry=listusers&limit=100&format=json&order={order}&{words.replace('>', '%3E')}"
            query = f"{query.replace('<', '%3C')}&{server.as_admin}"
            medians[order] = statistics.median([asker.ask(query, '"success"') for _ in range(9)])
        worst = max(medians, key=medians.get)
        yield f"listusers {words[:36]} (slowest: order={worst})", medians[worst], "ms", 20
    server.stop()


# -- bookings

@figure
def postings(folder):
    """Bookings of 64 connections, each answered once it is on the disk, and what `balance` notices."""
    server = Server(folder / "data")
    server.api("adduser", u_username="disk")
    yield from _booked(server, 64, 6.0, "", None)
    server.stop()


@figure
def slow_disk(folder):
    """The same where every sync takes 20 ms more, by strace."""
    before = slowdisk.slowed(20)
    if not before:
        return
    Server(folder / "data").stop()
    server = Server(folder / "data", before=before)
    server.api("adduser", u_username="disk")
    yield from _booked(server, 8, 6.0, ", a sync takes 20 ms", 2)
    yield from _booked(server, 64, 6.0, ", a sync takes 20 ms", None)
    slowdisk.stop(server, before)


def _booked(server, writers, seconds, how, goal):
    """What a booking takes, and a balance meanwhile."""
    writes, reads = [], []
    until = time.perf_counter() + seconds
    writer = threading.Thread(target=slowdisk.write, args=(server, until, writes, writers))
    writer.start()
    slowdisk.read(server, until, reads)
    writer.join()
    what = f"by {writers} connections{how}"
    yield f"5,000 bookings {what}", 5000 * seconds / len(writes), "s", None if how else 1
    yield f"balance meanwhile, p99, {what}", percentile(reads, 0.99) * 1000, "ms", goal


# -- the program

def main(names):
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        sys.exit(f"there is no figure {unknown[0]}; there are {', '.join(FIGURES)}")
    missed = 0
    for name in names or FIGURES:
        with tempfile.TemporaryDirectory() as folder:
            for what, value, unit, goal in FIGURES[name](Path(folder)):
                verdict = "" if goal is None else f"  goal {goal:g} {unit}" + ("" if value < goal else ": MISSED")
                missed += "MISSED" in verdict
                print(f"{what:58} {value:9.2f} {unit:3}{verdict}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
