"""Money over the wire: each PIN once however many ask, wrong ones lead to a ban, and kill -9 loses no cent."""

import contextlib
import json
import random
import socket
import sqlite3
import threading

import pytest

from .harness import Server, eventually

pytestmark = pytest.mark.live

DIFFERENT = """select count(*) from tb_users u where credit_u <> coalesce((select sum(amount_u) from tb_ledger
    where userid = u.id), 0)"""


def setup(server, users, pins, credit=10):
    """Users u0 …, password pw, and PINs 70000 … of 1.5 each."""
    rows = ", ".join([f"('u{number}', 'pw', {credit}, 'USD')" for number in range(users)])
    assert server.api("db", sql=f"insert into tb_users (username, password, credit, currency) values {rows}"
                      ).startswith("OK")
    for first in range(0, pins, 100):
        rows = ", ".join([f"('{70_000 + number}', 1.5)" for number in range(first, min(pins, first + 100))])
        assert server.api("db", sql=f"insert into tb_prepaidcodes (pin, value) values {rows}").startswith("OK")


def query(server, user, entry, **params):
    words = "".join([f"&{name}={value}" for name, value in params.items()])
    return f"/mvapireq/?apientry={entry}&authkey={server.key}&authid={user}&authpwd=pw{words}"


def in_parallel(server, requests):
    """The answers to requests that are all on their way before the first is read: one connection each."""
    socks = [server.connect() for _ in requests]
    barrier, answers = threading.Barrier(len(requests)), [None] * len(requests)

    def ask(index):
        barrier.wait()
        with socks[index] as sock, sock.makefile("rb") as answer:
            sock.sendall(requests[index].encode() + b"\r\n")
            sock.shutdown(socket.SHUT_WR)
            answers[index] = answer.read().decode()
    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return answers


def test_a_pin_is_used_once_by_fifty_at_a_time(fresh_server):
    server = fresh_server
    setup(server, 10, 3)
    for pin in (70_000, 70_001, 70_002):
        answers = in_parallel(server, [query(server, f"u{number % 10}", ("charge", "recharge", "changecredit")[number % 3],
                                             pin=pin) for number in range(50)])
        assert sum([answer.startswith("OK: credit is 1") for answer in answers]) == 1
        assert sum(["this PIN is used already" in answer for answer in answers]) == 49
    assert server.api("db", sql="select count(*), sum(amount) from tb_ledger where kind = 'recharge'").endswith("3\t4.5")
    assert server.api("db", sql="select sum(credit_u) as s from tb_users where username like 'u%'") == "104500000"
    assert server.api("checkpins") == "OK: 3 PINs are well"


def test_parallel_transfers_never_go_below_zero(fresh_server):
    server = fresh_server
    setup(server, 2, 0)
    answers = in_parallel(server, [query(server, "u0", "transfercredit", username="u1", credit="0.7")
                                   for _ in range(50)])
    assert sum([answer.startswith("OK") for answer in answers]) == 14       # 14 × 0.7 = 9.8 of 10
    assert sum(["not enough credit" in answer for answer in answers]) == 36
    assert server.api("db", sql="select credit from tb_users where username like 'u%' order by id") == "0.2\n19.8"


def test_every_transport_recharges(fresh_server):
    server = fresh_server
    setup(server, 1, 5)
    assert server.get(query(server, "u0", "charge", anum=70_000) + "&now").startswith("OK: credit is 11.50 USD\n")
    assert server.line(query(server, "u0", "charge", pin=70_001)).startswith("OK: credit is 13.00 USD")
    request = query(server, "u0", "charge", pin=70_002)
    assert server.datagram(request).startswith("OK: credit is 14.50 USD")
    body = json.dumps({"apientry": "recharge", "authkey": server.key, "authid": "u0", "authpwd": "pw", "pin": "70003"})
    answer = json.loads(server.request("POST", "/mvapireq/", body, {"Content-Type": "application/json"}).body)
    assert answer["data"] == {"credit": 16.0, "currency": "USD", "amount": 1.5}
    old = f"/mvapireq/?apientry=recharge&key={server.key}&username=u0&password=pw&code="
    assert server.get(old + "70004").startswith("OK: credit is 17.50 USD")
    assert server.get(old + "70004").startswith("ERROR: this PIN is used already")
    assert server.get(query(server, "u0", "balance")) == "Your credit is $17.50 USD"


def test_no_log_shows_a_pin_and_the_audit_hides_it(fresh_server):
    server = fresh_server
    setup(server, 1, 1)
    server.api("changecredit", u_username="u0", pin="70000")
    server.api("changecredit", u_username="u0", pin="424242")
    server.get(query(server, "u0", "charge", pin="434343"))
    assert server.stop() == 0
    assert "ChallengeResponseFailed" in server.err
    logs = server.err + "".join([file.read_text() for file in (server.data / "log").iterdir()])
    assert not any(pin in logs for pin in ("70000", "424242", "434343"))
    server = Server(server.data)
    rows = server.api("db", sql="select params from tb_audit where command = 'changecredit'")
    assert rows.count("***") >= 2 and "70000" not in rows and "424242" not in rows
    server.stop()


def own_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
            host = sock.getsockname()[0]
        except OSError:
            return None
    return None if host.startswith("127.") else host


def test_wrong_pins_lead_to_a_ban(tmp_path):
    host = own_address()
    if host is None:
        pytest.skip("this machine has no address but loopback")
    server = Server(tmp_path / "data", "--set", "maxauthfail=5")
    setup(server, 1, 1)

    def charge(pin):
        with socket.create_connection((host, server.port), timeout=10) as sock, sock.makefile("rb") as lines:
            sock.sendall(query(server, "u0", "charge", pin=pin).encode() + b"\r\n")
            return lines.readline().decode().strip()
    assert charge(70_000).startswith("OK")
    assert charge(70_000) == "ERROR: this PIN is used already"      # no guess
    for guess in range(5):
        assert charge(80_000 + guess) == "ERROR: wrong PIN"
    assert charge(70_000) == "ERROR: this address is banned"
    assert "wrong PINs" in server.api("bannedlist")
    server.stop()


# -- the start

def test_the_start_begins_months_and_tells_of_balances_that_differ(tmp_path):
    server = Server(tmp_path / "data")
    setup(server, 2, 0)
    server.api("setuser", u_username="u0", u_postpaid=1, u_monthlylimit=50, u_adddate="2020-01-01")
    server.stop()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "mizud.db", isolation_level=None)) as shell:
        shell.execute("UPDATE tb_settings SET value = '2020-01-01' WHERE name = '_credit_reset'")
        trigger, = shell.execute("SELECT sql FROM sqlite_master WHERE name = 'tr_users_credit'").fetchone()
        shell.execute("DROP TRIGGER tr_users_credit")
        shell.execute("UPDATE tb_users SET credit = 11 WHERE username = 'u1'")
        shell.execute(trigger)
    server = Server(tmp_path / "data")
    assert eventually(lambda: "1 balances are not what the ledger says (checkcredits)" in server.err)
    assert server.get(query(server, "u0", "balance")) == "Postpaid. Your credit is $50.00 USD"
    assert server.get(query(server, "u1", "balance")) == "Your credit is $11.00 USD"
    assert "1 balances and 0 reservations put right" in server.api("checkcredits", fix=1)
    assert server.get(query(server, "u1", "balance")) == "Your credit is $10.00 USD"
    assert server.stop() == 0


# -- kill -9

class Spender(threading.Thread):
    """One connection that recharges, gives and is given, until the server is gone; remembers what was answered."""

    def __init__(self, server, number, users, pins):
        super().__init__(daemon=True)
        self.server, self.users, self.pins = server, users, pins
        self.chance = random.Random(number)
        self.user = f"u{number}"
        self.recharged, self.answers = set(), 0

    def run(self):
        try:
            with self.server.connect() as sock, sock.makefile("rb") as lines:
                while True:
                    self.step(sock, lines)
        except OSError:
            pass

    def step(self, sock, lines):
        what, pin = self.chance.randrange(4), 0
        if what == 0:
            pin = 70_000 + self.chance.randrange(self.pins)
            request = query(self.server, self.user, "charge", pin=pin)
        elif what == 1:
            request = (f"/mvapireq/?apientry=changecredit&{self.server.as_admin}&u_username={self.user}"
                       f"&u_credit={self.chance.randrange(-10**6, 2 * 10**6) / 10**6}")
        else:
            request = query(self.server, self.user, "transfercredit", username=self.chance.choice(self.users),
                            credit=self.chance.randrange(3 * 10**6) / 10**6)
        sock.sendall(request.encode() + b"&format=line\r\n")
        answer = lines.readline().decode()
        if not answer:
            raise OSError
        self.answers += 1
        if pin and answer.startswith("OK"):
            self.recharged.add(str(pin))


@pytest.mark.slow
def test_kill_9_leaves_every_ledger_equal_to_its_balance(tmp_path):
    server = Server(tmp_path / "data")
    setup(server, 6, 400)
    chance = random.Random(29)
    told = set()
    for _ in range(4):
        users = [f"u{number}" for number in range(6)]
        spenders = [Spender(server, number, users, 400) for number in range(6)]
        for spender in spenders:
            spender.start()
        enough = chance.randrange(150, 400)
        assert eventually(lambda: sum([spender.answers for spender in spenders]) >= enough)
        server.kill()
        for spender in spenders:
            spender.join(10)
            assert not told & spender.recharged
            told |= spender.recharged
        server = Server(tmp_path / "data")
        report = json.loads(server.api("checkcredits", format="json"))
        assert report["data"]["differences"] == [] and "warning" not in report
        assert server.api("db", sql=DIFFERENT) == "0"
        assert server.api("checkpins") == "OK: 400 PINs are well"
        used = server.api("db", sql="select pin from tb_prepaidcodes where usedby <> 0").split("\n")
        assert told <= set(used)
        booked = server.api("db", sql="select count(*) from tb_ledger where kind = 'recharge'")
        assert int(booked) == len(used)
    assert server.api("db", sql="select count(*) from tb_ledger where kind = 'transfer' and amount_u > 0") == \
        server.api("db", sql="select count(*) from tb_ledger where kind = 'transfer' and amount_u < 0")
    assert server.stop() == 0
