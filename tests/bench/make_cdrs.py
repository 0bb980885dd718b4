#!/usr/bin/env python3
"""Realistic call records: who calls whom, when, for how long, answered or not, at which price.

    python3 tests/bench/make_cdrs.py DATABASE [RECORDS [ACCOUNTS [DAYS]]]

Makes the database if it is missing.  The day has its peak and its night, few accounts make most of the calls,
durations are log-normal, one call in three fails; calls go out over some trunks, one in eight to another account;
every twentieth account has a reseller, whose share lies in tb_cdrresellers.  The same seed gives the same records.
"""

import itertools
import random
import sqlite3
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mizu.base.clock import Clock, utc_text
from mizu.store.db import Database

RESELLERS, TRUNKS, SENDERS = 20, 10, 5
FIRST = 1000                # id of the first reseller; trunks, senders and end users follow
DAY = 86400

HOURS = [1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 20, 19, 16, 17, 18, 17, 15, 13, 11, 9, 7, 5, 3, 2]
WEEKDAYS = [10, 10, 10, 10, 9, 4, 3]
DESTINATIONS = [    # prefix, digits behind it, weight, price and cost a minute
    ("3630", 7, 30, 0.12, 0.09), ("361", 7, 25, 0.03, 0.02), ("40", 9, 15, 0.08, 0.05), ("49", 10, 10, 0.025, 0.018),
    ("1", 10, 8, 0.015, 0.01), ("44", 10, 6, 0.02, 0.014), ("91", 10, 4, 0.06, 0.045), ("53", 8, 2, 0.9, 0.7)]
FAILURES = [(486, "Busy Here", 40), (480, "Temporarily Unavailable", 25), (487, "Request Terminated", 20),
            (404, "Not Found", 10), (503, "Service Unavailable", 5)]

COLUMNS = ("datum", "callstartdate", "connectdate", "callerid", "calledid", "callernumber", "callednumber",
           "realduration", "origduration", "sipcallid", "discreason", "disctext", "discside", "unitprice",
           "billingstep", "costenduser", "costprovider", "currency", "resellerid", "callerip", "calledip", "codec",
           "callerpackets", "callerlost", "callerjitter", "calledpackets", "calledlost", "calledjitter")


def accounts(count):
    """Rows (id, username, type, parentid): resellers, trunks, senders, then end users."""
    kinds = [(2, "reseller", RESELLERS), (9, "trunk", TRUNKS), (5, "sender", SENDERS)]
    ids = itertools.count(FIRST)
    for type, name, many in kinds:
        yield from [(next(ids), f"{name}{number}", type, 0) for number in range(many)]
    for number in range(max(1, count - RESELLERS - TRUNKS - SENDERS)):
        yield next(ids), f"user{number}", 0, FIRST + number // 20 % RESELLERS if number % 20 == 0 else 0


def records(count, users, days=365, now=None, seed=1):
    """Rows of COLUMNS, hour after hour; users is what accounts() gave."""
    chance = random.Random(seed)
    now = time.time() if now is None else now
    people = [user for user in users if user[2] in (0, 5)]
    trunks = [user[0] for user in users if user[2] == 9]
    weights = [dest[2] for dest in DESTINATIONS]
    failed = [row[2] for row in FAILURES]
    first = int(now) - days * DAY
    shares = [WEEKDAYS[time.gmtime(first + day * DAY).tm_wday] for day in range(days)]
    each = [share * count / sum(shares) for share in shares]
    done, due = 0, 0.0
    for day in range(days):
        due += each[day]
        many = round(due) - done
        done += many
        hours = sorted(chance.choices(range(24), HOURS, k=many))
        begin = first + day * DAY
        for hour in hours:
            end = begin + hour * 3600 + chance.random() * 3600
            caller = people[int(len(people) * chance.random() ** 3)]
            prefix, digits, _, price, cost = chance.choices(DESTINATIONS, weights)[0]
            ring = chance.uniform(1, 25)
            seconds = min(7200, int(chance.lognormvariate(4.3, 1.2)) + 1) if chance.random() < 0.66 else 0
            reason, text = (200, "OK") if seconds else chance.choices(FAILURES, failed)[0][:2]
            packets = seconds * 50
            inside = chance.random() < 0.125
            called = chance.choice(people)[0] if inside else chance.choice(trunks)
            price, cost = (0.0, 0.0) if inside else (price, cost)
            start = end - seconds - ring
            yield (utc_text(end), utc_text(start), utc_text(end - seconds) if seconds else "", caller[0], called,
                   caller[1], prefix + str(chance.randrange(10 ** (digits - 1), 10 ** digits)), seconds,
                   int(seconds + ring), f"{chance.getrandbits(64):016x}@mizud", reason, text,
                   "caller" if chance.random() < 0.6 else "called", price, 1, round(price * seconds / 60, 6),
                   round(cost * seconds / 60, 6), "USD", caller[3], "10.0.0.1", "192.0.2.1", "PCMA",
                   packets, packets // 500, 4, packets, packets // 1000, 6)


def fill(path, count=2_000_000, users=100_000, days=365, now=None, seed=1):
    """Write accounts and records into the database at `path`; returns the accounts."""
    database = Database(path, Clock())
    database.open()
    database.close()
    people = list(accounts(users))
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany("INSERT OR IGNORE INTO tb_users (id, username, type, parentid) VALUES (?, ?, ?, ?)",
                               people)
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO tb_cdrs ({', '.join(COLUMNS)}) VALUES ({marks})",
                               records(count, people, days, now, seed))
        connection.execute("INSERT INTO tb_cdrresellers (cdrid, resellerid, level, datum, unitprice, cost, currency)"
                           " SELECT id, resellerid, 1, datum, unitprice * 0.9, round(costenduser * 0.9, 6), currency"
                           " FROM tb_cdrs WHERE resellerid <> 0")
    connection.close()
    return people


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    numbers = [int(text.replace("_", "")) for text in sys.argv[2:5]]
    started = time.monotonic()
    fill(sys.argv[1], *numbers)
    print(f"{sys.argv[1]}: made in {time.monotonic() - started:.0f} s")
