#!/usr/bin/env python3
"""The telephone switch under load: registrations, calls that are paid for, what they take of time and memory.

    python3 tests/bench/sip.py [FIGURE …]

Work is counted per CPU-second of the server (user + system time of its process), with everything written that is
written late.  Telephones and trunk are sipload.py, which looks at every answer; a run with a failed call, a late
answer or a message that came twice is no result.  Peers (sippeers.py) are measured in turns with the server, where
they are installed.  Figures are medians of ROUNDS rounds; the exit status is 1 if a goal was missed.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.api import cpu_seconds  # noqa: E402
from bench.sipload import bound  # noqa: E402
from bench.sippeers import Kamailio, Sippy  # noqa: E402
from live.harness import Server, eventually  # noqa: E402

HERE = Path(__file__).parent
ROUNDS = 3
ACCOUNTS = 10_000
CALLERS = 2000          # who call: known to the server when it is measured
CREDIT, PRICE = 1000, "0.60"
BUSY = {"window": 48, "tick": 0.001}     # registrations or calls that are being set up at once
HOLD = 1.1              # seconds of talk: two billed seconds at most
SETTLE = 2.5            # seconds until all that is written late has been written
FIGURES = {}


class NoResult(Exception):
    """A call failed, or something was sent twice."""


def figure(function):
    """A figure: function(folder) -> iterable of (what, value, unit, goal); goal (">", n), ("<", n) or None."""
    FIGURES[function.__name__] = function
    return function


# -- what is measured, and the load

class Switch(Server):
    """The program with accounts user1, user2 … and, on demand, a trunk and prices."""

    def __init__(self, folder, accounts=ACCOUNTS):
        super().__init__(folder, "--set", "sipports=0")
        self.pid = self.process.pid
        for first in range(1, accounts + 1, ACCOUNTS):
            last = min(first + ACCOUNTS - 1, accounts)
            told = self.sql("INSERT INTO tb_users (username, password, credit, type) WITH RECURSIVE n(i) AS (SELECT"
                            f" {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) SELECT 'user' || i,"
                            f" 'secret' || i, {CREDIT}, 0 FROM n")
            assert told.startswith("OK"), told

    def sql(self, text):
        return self.api("db", sync=1, sql=text)

    def numbers(self, text):
        """The row that a query answers with."""
        return [float(word or 0) for word in self.sql(text).split("\n")[-1].split("\t")]

    def route(self, trunk):
        """All numbers to this port of a trunk, at a price."""
        prices = self.data / "prices.csv"
        prices.write_text(f"prefix,destination,price\n*,World,{PRICE}\n")
        subprocess.run([sys.executable, ROOT / "mizud.py", "import", prices, "--entry", "World", "--data", self.data],
                       check=True, stdout=subprocess.DEVNULL)
        told = self.api("addserver", u_type=9, u_name="carrier", u_ip=f"127.0.0.1:{trunk}", u_auth=6)
        assert told.startswith("OK"), told

    def memory(self):
        return memory(self)


def memory(server):
    """Resident bytes."""
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text())[1])


class Trunk:
    """sipload.py as the carrier."""

    def __init__(self, tick):
        job = json.dumps({"tick": tick})
        self.process = subprocess.Popen([sys.executable, HERE / "sipload.py", "trunk", job], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def report(self):
        """What it has seen since the last time."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


class Job:
    """A load that is under way: `result()` is what sipload.py saw, NoResult if not everything was as it should be."""

    def __init__(self, role, port, count, first=1, accounts=ACCOUNTS, **more):
        job = {"port": port, "count": count, "first": first, "accounts": accounts, **more}
        self.process = subprocess.Popen([sys.executable, HERE / "sipload.py", role, json.dumps(job)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def result(self, once=True):
        """`once`: not even a message that came twice is allowed, as it is to a peer."""
        told = json.loads(self.process.communicate()[0])
        if told["faults"] or once and (told["late"] or told["again"]):
            raise NoResult({name: told[name] for name in ("done", "late", "again", "faults")})
        return told


def per_cpu(cpu, job, once=True):
    """(units of work per CPU-second, per second); `cpu()` reads the seconds, `job()` starts the load."""
    before = cpu()
    told = job().result(once)
    time.sleep(SETTLE)
    return told["done"] / (cpu() - before), told["done"] / told["seconds"]


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


# -- registrations

@lru_cache
def free_ports(count=64):
    """Ports of telephones, which keep theirs from job to job."""
    with ExitStack() as held:
        return [held.enter_context(bound()).getsockname()[1] for _ in range(count)]


def registers(port, count=ACCOUNTS, **more):
    return Job("register", port, count, ports=free_ports(), **(more if "rate" in more else BUSY | more))


@figure
def register(folder):
    """REGISTER with digest, both requests, of 10,000 accounts; Kamailio without a table of bindings beside it."""
    server, peer = Switch(folder / "data"), Kamailio.start(folder, free_ports(65)[64])
    if peer:
        registers(peer.port).result()
    registers(server.port).result()
    ours, seconds, theirs = [], [], []
    for _ in range(ROUNDS):
        work, rate = per_cpu(lambda: cpu_seconds(server.pid), lambda: registers(server.port, 2 * ACCOUNTS))
        ours.append(work)
        seconds.append(rate)
        if peer:
            theirs.append(per_cpu(peer.cpu, lambda: registers(peer.port, 2 * ACCOUNTS))[0])
    kept = server.numbers("select count(*) as n from tb_locations")[0]
    if kept != ACCOUNTS:
        raise NoResult(f"{kept:.0f} bindings are durable")
    yield "registrations with digest", statistics.median(ours), "/CPU-s", (">", 8000)
    yield f"between {min(ours):,.0f} and {max(ours):,.0f}; by the clock", statistics.median(seconds), "/s", None
    if peer:
        yield "Kamailio, nothing durable", statistics.median(theirs), "/CPU-s", None
        yield "ours against it", statistics.median(ours) / statistics.median(theirs), "x", None
        peer.stop()
    server.stop()


@figure
def bindings(folder):
    """100,000 bindings: memory, and what a REGISTER takes among them against one among 1,000."""
    most = 100_000
    servers = {count: Switch(folder / str(count), most) for count in (1000, most)}
    empty = servers[most].memory()
    for count, server in servers.items():
        registers(server.port, count, accounts=count, rate=1000).result()
    times = {count: [] for count in servers}
    for _ in range(ROUNDS):
        for count, server in servers.items():
            time.sleep(SETTLE)
            told = registers(server.port, 2500, accounts=count, first=1, rate=500).result()
            times[count].append(1000 * percentile(told["times"], 0.99))
    live = servers[most].memory()
    few, many = (statistics.median(values) for values in times.values())
    eventually(lambda: servers[most].numbers("select count(*) as n from tb_locations")[0] == most, 60)
    yield "memory with 100,000 bindings made at 1,000/s", live / 2**20, "MiB", ("<", 150)
    yield "memory a binding, with its account and its answers of the last 32 s", (live - empty) / most, "bytes", None
    yield "an answer to REGISTER, p99, among 1,000", few, "ms", None
    yield "an answer to REGISTER, p99, among 100,000", many, "ms", None
    yield "ratio", many / few, "x", ("<", 2)
    for server in servers.values():
        server.stop()
    again = Server(folder / str(most), "--set", "sipports=0")
    yield "memory with them after a restart", memory(again) / 2**20, "MiB", ("<", 150)
    again.stop()


# -- calls

class Office:
    """A server, a trunk, and the sums that must be right when all calls are over."""

    def __init__(self, folder, tick=0):
        self.trunk = Trunk(tick)
        self.server = Switch(folder / "data")
        self.server.route(self.trunk.port)
        self.calls = 0
        self.run(count=CALLERS, hold=0, **BUSY)

    def start(self, count, hold=HOLD, **more):
        self.calls += count
        return Job("calls", self.server.port, count, accounts=CALLERS, hold=hold, ports=free_ports()[:16], **more)

    def run(self, count, **more):
        """All of it; {number: seconds that its INVITE took to the trunk}."""
        told = self.start(count, **more).result()
        return self.forwarded(told)

    def forwarded(self, told):
        seen = self.trunk.report()
        arrived = dict(seen["arrived"])
        if seen["again"] or seen["faults"] or len(arrived) != told["done"]:
            raise NoResult(f"the trunk saw {len(arrived)} calls, {seen['again']} messages twice, {seen['faults']}")
        return {number: arrived[number] - sent for number, sent in told["times"]}

    def check(self):
        """A right record of each call, and every micro-unit accounted for."""
        numbers = self.server.numbers
        records, cost = numbers("select count(*), sum(costenduser) from tb_cdrs")
        spent = ACCOUNTS * CREDIT - numbers("select sum(credit) from tb_users where username like 'user%'")[0]
        kept = numbers("select count(*) as n from tb_reservations")[0]
        if records != self.calls or abs(cost - spent) > 1e-6 or kept or not cost:
            raise NoResult(f"{records:.0f} records of {self.calls} calls, cost {cost}, spent {spent}, {kept} reserved")

    def stop(self):
        self.server.stop()
        self.trunk.stop()


@figure
def calls(folder):
    """Whole prepaid calls: digest, routing, reservation, ringing, answer, BYE, charge, record; beside it Sippy, which
    asks for no proof, bills nothing and gets as few at once as it can bear."""
    office = Office(folder, BUSY["tick"])
    peer = Sippy.start(folder, free_ports(65)[64], office.trunk.port)
    ours, seconds, theirs = [], [], []
    for _ in range(ROUNDS):
        work, rate = per_cpu(lambda: cpu_seconds(office.server.pid), lambda: office.start(6000, **BUSY))
        office.trunk.report()
        ours.append(work)
        seconds.append(rate)
        if peer:
            job = partial(Job, "calls", peer.port, 400, hold=HOLD, ports=free_ports()[:16], rate=60, open=True)
            theirs.append(per_cpu(peer.cpu, job, once=False)[0])
            office.trunk.report()
    office.check()
    yield "calls with digest, prepaid, recorded", statistics.median(ours), "/CPU-s", (">", 2000)
    yield f"between {min(ours):,.0f} and {max(ours):,.0f}; by the clock", statistics.median(seconds), "/s", None
    if peer:
        yield "Sippy B2BUA, calls alone", statistics.median(theirs), "/CPU-s", None
        yield "ours against it", statistics.median(ours) / statistics.median(theirs), "x", None
        peer.stop()
    office.stop()


@figure
def forward(folder):
    """From an INVITE with its proof to the trunk, at 500 new calls a second."""
    office = Office(folder)
    halves, tails = [], []
    for _ in range(ROUNDS):
        times = sorted(office.run(count=5000, rate=500).values())
        halves.append(1000 * percentile(times, 0.5))
        tails.append(1000 * percentile(times, 0.99))
    office.check()
    yield "an INVITE forwarded at 500 calls/s, p50", statistics.median(halves), "ms", None
    yield f"p99 (between {min(tails):.1f} and {max(tails):.1f})", statistics.median(tails), "ms", ("<", 20)
    office.stop()


@figure
def held(folder):
    """Memory of 1,000 calls in progress, once the stories of the last 2,000 calls are there (CALLERS have called)."""
    office = Office(folder)
    time.sleep(SETTLE)
    before = office.server.memory()
    job = office.start(1000, **BUSY, hold=15)
    time.sleep(10)
    after = office.server.memory()
    reserved = office.server.numbers("select count(*) as n from tb_reservations")[0]
    office.forwarded(job.result())
    office.check()
    if reserved != 1000:
        raise NoResult(f"{reserved:.0f} calls were in progress")
    yield "memory of a call in progress, 1,000 held", (after - before) / 1000 / 1024, "KiB", ("<", 30)
    office.stop()


# -- the program

def main(names):
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        sys.exit(f"there is no figure {unknown[0]}; there are {', '.join(FIGURES)}")
    missed = 0
    for name in names or FIGURES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                for what, value, unit, goal in FIGURES[name](Path(folder)):
                    missed += tell(what, value, unit, goal)
            except NoResult as error:
                missed += 1
                print(f"{name}: NO RESULT: {error}", flush=True)
    return 1 if missed else 0


def tell(what, value, unit, goal):
    """Print a figure; whether its goal was missed."""
    verdict, missed = "", False
    if goal is not None:
        sign, wanted = goal
        missed = not (value > wanted if sign == ">" else value < wanted)
        verdict = f"  goal {sign} {wanted:g} ({value / wanted:.2f}){': MISSED' if missed else ''}"
    print(f"{what:60} {value:10,.2f} {unit:7}{verdict}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
