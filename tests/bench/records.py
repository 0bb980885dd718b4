#!/usr/bin/env python3
"""What the tables cost at size: prices, their import, call records.

    python3 tests/bench/records.py [FIGURE …]

Each figure makes what it measures in a folder of its own and prints one line: what was measured, and the goal it
is held against.  Without names all of them run; the exit status is 1 if a goal was missed.
"""

import http.client
import random
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

from live.harness import Server  # noqa: E402

PREFIXES = 500_000
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
