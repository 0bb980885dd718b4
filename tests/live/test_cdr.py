"""The manual's chapters CDR API and Statistics over a running server, checked by plain Python over the same records."""

import csv
import io
import json
import sqlite3
import sys
import time
from collections import defaultdict
from datetime import datetime, timedelta, timezone

import pytest

from bench.make_cdrs import fill

from .harness import Server

pytestmark = pytest.mark.live

RECORDS = 12_000
USER, TRUNK, RESELLER = 1035, 1020, 1000        # the busiest end user, a trunk, and a reseller of make_cdrs
FORMAT = "%Y-%m-%d %H:%M:%S"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with 40 days of records, the last calls a minute ago; `rows` are all of them as dicts."""
    data = tmp_path_factory.mktemp("cdr") / "data"
    data.mkdir()
    fill(data / "mizud.db", RECORDS, 200, 40, time.time() - 60)
    connection = sqlite3.connect(data / "mizud.db")
    with connection:
        connection.execute("UPDATE tb_users SET password = 'pw' WHERE id IN (?, ?)", (USER, RESELLER))
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM tb_cdrs ORDER BY datum DESC, id DESC")]
    types = dict(connection.execute("SELECT id, type FROM tb_users").fetchall())
    names = dict(connection.execute("SELECT id, username FROM tb_users").fetchall())
    connection.close()
    server = Server(data, "--set", "timezone=UTC")
    server.rows, server.types, server.names = rows, types, names
    yield server
    assert server.stop() == 0, server.err


def utc():
    return datetime.fromtimestamp(time.time(), timezone.utc).replace(tzinfo=None)


def ask(server, query, who=None):
    """The data of an answer in JSON, and when it was asked for."""
    login = server.as_admin if who is None else f"authkey={server.key}&authid={who}&authpwd=pw"
    now = utc()
    answer = json.loads(server.get(f"/mvapireq/?apientry=cdr&format=json&{login}&{query}"))
    assert answer["code"] == 200, answer
    return answer["data"], now


def since(server, now, **back):
    begin = (now - timedelta(**back)).strftime(FORMAT)
    return [row for row in server.rows if row["datum"] >= begin]


def beginning(server, now, **parts):
    begin = now.replace(hour=0, minute=0, second=0, **parts).strftime(FORMAT)
    return [row for row in server.rows if row["datum"] >= begin]


def numbers(rows):
    return [row["id"] for row in rows]


def agree(found, expected):
    """The same records; one or two at the edge of the period may have left it meanwhile."""
    found, expected = numbers(found), numbers(expected)
    assert found == expected[:len(found)] and len(expected) - len(found) < 3 and expected, (len(found), len(expected))


def figures(rows):
    """cdrc, sl, asr, acd, endusercost, providercost, profit, by the manual's words."""
    answered = [row for row in rows if row["realduration"] > 0]
    length = sum(row["realduration"] for row in rows)
    paid, cost = (round(sum(row[name] for row in rows), 6) for name in ("costenduser", "costprovider"))
    return {"cdrc": len(rows), "sl": length, "asr": round(100 * len(answered) / len(rows), 2),
            "acd": round(length / len(answered), 2) if answered else 0, "endusercost": paid, "providercost": cost,
            "profit": round(paid - cost, 6)}


def close(found, expected):
    """Statistics that agree; the period may have lost a record or two at its edge meanwhile."""
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=0.02, abs=0.1), (name, found, expected)


# -- the examples, in the manual's order

def test_list_all_calls_from_the_last_day(server):
    data, now = ask(server, "days=1&limit=0")
    agree(data, since(server, now, days=1))


def test_list_all_outgoing_calls_of_a_user_in_the_last_30_days(server):
    data, now = ask(server, f"u_id={USER}&days=30&dir=out&limit=0")
    agree(data, [row for row in since(server, now, days=30) if row["callerid"] == USER])


def test_list_max_100_with_all_fields_from_the_last_30_days(server):
    data, now = ask(server, "maxcount=100&days=30&fields=all")
    assert data == server.rows[:100]


def test_today_call_count_and_duration(server):
    data, now = ask(server, "days=today&by=all")
    rows = beginning(server, now)
    assert data[0]["cdrc"] == len(rows) and data[0]["sl"] == sum(row["realduration"] for row in rows)


def test_this_month_costs_and_todays_profit(server):
    data, now = ask(server, "days=thismonth&by=all")
    rows = beginning(server, now, day=1)
    assert data[0]["endusercost"] == round(sum(row["costenduser"] for row in rows), 6)
    assert data[0]["providercost"] == round(sum(row["costprovider"] for row in rows), 6)
    data, now = ask(server, "days=today&by=all&fields=all")
    rows = beginning(server, now)
    assert data[0]["profit"] == round(sum(row["costenduser"] - row["costprovider"] for row in rows), 6)


@pytest.mark.parametrize("word, days", [("lastweek", 7), ("lastmonth", 30)])
def test_last_days_call_list(server, word, days):
    data, now = ask(server, f"days={word}&limit=0")
    agree(data, since(server, now, days=days))


def test_today_call_list(server):
    data, now = ask(server, "days=today&limit=0")
    assert numbers(data) == numbers(beginning(server, now))


def test_this_month_call_list_with_summary(server):
    data, now = ask(server, "days=thismonth&summary=yes&limit=0")
    rows, last = beginning(server, now, day=1), data.pop()
    assert numbers(data) == numbers(rows) and last["id"] == "summary" and last["cdrc"] == len(rows)
    assert last["realduration"] == sum(row["realduration"] for row in rows)


def test_last_10_day_calls_from_a_user_to_a_prefix(server):
    data, now = ask(server, f"days=10&caller={USER}&prefix=36&limit=0")
    agree(data, [row for row in since(server, now, days=10)
                 if row["callerid"] == USER and row["callednumber"].startswith("36")])


def test_missed_calls(server):
    data, now = ask(server, f"days=lastweek&dir=in&type=notconnected&u_id={TRUNK}&limit=0")
    agree(data, [row for row in since(server, now, days=7) if row["calledid"] == TRUNK and not row["realduration"]])


def test_main_system_statistics_in_the_last_day(server):
    data, now = ask(server, "days=1&by=all&statistics=cdrc-sl-asr-acd")
    assert list(data[0]) == ["cdrc", "sl", "asr", "acd"]
    close(data[0], figures(since(server, now, days=1)))


def test_main_system_statistics_by_day_for_the_last_month(server):
    data, now = ask(server, "days=lastmonth&by=day&statistics=cdrc-sl-asr-acd")
    groups = defaultdict(list)
    for row in since(server, now, days=30):
        groups[row["datum"][:10]].append(row)
    assert [row.pop("day") for row in data] == [day[5:] for day in sorted(groups)]
    for row, day in zip(data[1:], sorted(groups)[1:]):
        close(row, figures(groups[day]))


def test_basic_statistics_for_the_calls_of_a_user_in_the_last_30_days(server):
    data, now = ask(server, f"u_id={USER}&dir=out&days=30&statistics=cdrc-sl-asr-acd-endusercost")
    close(data[0], figures([row for row in since(server, now, days=30) if row["callerid"] == USER]))


def test_trunks_statistics_for_the_last_10_days(server):
    data, now = ask(server, "u_type=9&days=10&statistics=cdrc-sl-asr-acd-providercost-profit&by=calleduser")
    groups = defaultdict(list)
    for row in since(server, now, days=10):
        if server.types[row["calledid"]] == 9:
            groups[row["calledid"]].append(row)
    assert [row.pop("calleduser") for row in data] == [server.names[trunk] for trunk in sorted(groups)]
    for row, trunk in zip(data, sorted(groups)):
        close(row, figures(groups[trunk]))


# -- who sees what

def test_a_user_and_a_reseller_see_what_is_theirs(server):
    data, now = ask(server, "days=lastmonth&limit=0", "user0")
    agree(data, [row for row in since(server, now, days=30) if USER in (row["callerid"], row["calledid"])])
    assert "costprovider" not in data[0]
    data, now = ask(server, "days=lastmonth&limit=0&dir=out", "reseller0")
    agree(data, [row for row in since(server, now, days=30) if row["resellerid"] == RESELLER])
    data, now = ask(server, "isreseller=true&days=lastmonth&limit=0", "reseller0")
    assert data and {row["resellerid"] for row in data} == {RESELLER}
    answer = server.get(f"/mvapireq/?apientry=cdr&authkey={server.key}&authid=user0&authpwd=pw&stats=profit")
    assert answer == "ERROR: the statistic profit is for administrators"


# -- long lists

def memory(server):
    """Resident KiB of the server's process."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


ALL = "apientry=cdr&fields=all&fromdt=2000-01-01&limit=0"


def test_all_records_as_csv_are_the_table(server):
    response = server.request("GET", f"/mvapireq/?{ALL}&format=csv&{server.as_admin}")
    assert response.headers["transfer-encoding"] == "chunked" and response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.body, newline="")))
    assert len(rows) == RECORDS
    assert [{name: str(value) for name, value in row.items()} for row in server.rows] == \
        [{**row, "unitprice": str(float(row["unitprice"]))} for row in rows]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_reader_that_stops_costs_no_memory_and_nobody_else_his_time(server):
    ask(server, "days=lastmonth&limit=0")
    before = memory(server)
    request = f"GET /mvapireq/?{ALL}&format=json&{server.as_admin} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    readers = [server.connect() for _ in range(5)]
    for sock in readers:
        sock.sendall(request)
    time.sleep(0.5)
    began = time.monotonic()
    data, now = ask(server, "days=1&by=all")
    assert data[0]["cdrc"] and time.monotonic() - began < 2
    assert memory(server) - before < 24_000        # at most a page and a queue each; all rows would be 150 MB
    for sock in readers:
        body = b""
        while not body.endswith(b"\r\n0\r\n\r\n"):
            body += sock.recv(1 << 20)
        sock.close()
        assert body.count(b'"sipcallid"') == RECORDS


def test_a_raw_line_gets_as_much_as_one_piece_may_hold(server):
    with server.connect() as sock, sock.makefile("rb") as answers:
        sock.sendall(f"/mvapireq/?{ALL}&format=json&{server.as_admin}\r\n".encode())
        answer = json.loads(answers.readline() + b"".join(iter(answers.readline, b"}\r\n")) + b"}")
    assert len(answer["data"]) == 10_000 and answer["warning"].startswith("only the first 10000 rows")


# -- files

def test_the_files_of_a_period(server):
    begin, end = (utc() - timedelta(days=days) for days in (9, 2))
    query = f"fromdate={begin:%Y-%m-%d}&todate={end:%Y-%m-%d}"
    text = server.get(f"/mvapireq/?apientry=gencdr&{query}&{server.as_admin}")
    expected = [row for row in server.rows if f"{begin:%Y-%m-%d}" <= row["datum"] < f"{end:%Y-%m-%d}"]
    assert text.startswith(f"OK: {len(expected)} records in reports/cdr_")
    files = list((server.data / "reports").iterdir())
    assert len(files) == 1
    rows = list(csv.DictReader(io.StringIO(files[0].read_text())))
    assert [int(row["id"]) for row in rows] == numbers(expected)[::-1]
    assert server.get(f"/mvapireq/?apientry=createcdrinfo&days=9&{server.as_admin}").startswith("OK: 10 days")
    day = server.api("db", sql=f"select cdrc from tb_cdrinfo where day = '{begin:%Y-%m-%d}'")
    assert int(day) == sum(row["datum"].startswith(f"{begin:%Y-%m-%d}") for row in server.rows)
