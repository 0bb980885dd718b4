"""Card payments with a real HTTPS gateway: kill -9, time-outs and nonsense never charge twice, never lose a charge."""

import json
import random
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .harness import Server, eventually
from .test_recharge import DIFFERENT, in_parallel, own_address, query, setup
from .wires import certificate

pytestmark = pytest.mark.live

NUMBER, CODE = "4111111111111111", "7372"


class Gateway(ThreadingHTTPServer):
    """charges  {key: amount} of what was taken from cards, once a key
    asked    [(key, what was told)]
    trouble  for the next questions: seconds of silence, or a (status, body); "deaf" does it and never answers
    hold     an Event: while it is clear, what has been charged is not answered
    """
    daemon_threads = True

    def __init__(self, paths=None):
        super().__init__(("127.0.0.1", 0), Question)
        self.charges, self.asked, self.trouble, self.stored, self.lock = {}, [], [], {}, threading.Lock()
        self.hold = threading.Event()
        self.hold.set()
        scheme = "http"
        if paths:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*paths)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server_port}/charge"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def judge(self, key, told):
        with self.lock:
            self.asked.append((key, told))
            if key not in self.stored:
                if "cardnum" not in told:
                    return 404, b'{"error": "unknown key"}'
                approved = told["cardnum"] == NUMBER and told["ccv2"] == CODE
                self.stored[key] = json.dumps({"approved": approved, "reference": f"R-{len(self.stored)}"}).encode()
                if approved:
                    self.charges[key] = told["amount"]
            return 200, self.stored[key]

    def handle_error(self, request, address):
        pass

    def __exit__(self, *args):
        self.hold.set()
        self.shutdown()
        self.server_close()


class Question(BaseHTTPRequestHandler):
    def do_POST(self):
        gateway = self.server
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        trouble = gateway.trouble.pop(0) if gateway.trouble else None
        status, body = gateway.judge(self.headers["Idempotency-Key"], told)
        gateway.hold.wait(20)
        if isinstance(trouble, tuple):
            status, body = trouble
        elif trouble == "deaf":
            return
        elif trouble:
            threading.Event().wait(trouble)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def gateway():
    with Gateway() as made:
        yield made


def start(folder, gateway, *sets, **more):
    return Server(folder / "data", "--set", f"paymenturl={gateway.url}", "--set", "paymenttimeout=1", *sets, **more)


def paying(server, user="u0", amount="12.5", code=CODE, **more):
    return query(server, user, "cccharge", cardnum=NUMBER, expireyear=2039, expmonth=11, ccv2=code, ammount=amount,
                 **more)


def booked(server):
    return server.api("db", sql="select count(*) || ' ' || coalesce(sum(amount), 0) as s from tb_ledger where kind = 'card'")


def balanced(server, gateway):
    """Every charge is credited, once, and every balance is its ledger."""
    assert server.api("db", sql=DIFFERENT) == "0"
    assert booked(server) == f"{len(gateway.charges)} {float(sum(gateway.charges.values()))}"
    return True


def test_over_https_a_card_is_charged_once_and_leaves_no_trace(tmp_path):
    paths = certificate(tmp_path)
    if not paths:
        pytest.skip("no openssl to make a certificate")
    with Gateway(paths) as gateway:
        server = start(tmp_path, gateway, "--set", "loglevel=debug", "--set", "paymentkey=k-1",
                       env={"SSL_CERT_FILE": str(paths[0])})
        setup(server, 2, 0)
        answers = in_parallel(server, [paying(server)] * 20)
        assert all([answer.startswith("OK: credit is 22.50 USD") for answer in answers]), answers
        assert list(gateway.charges.values()) == [12.5] and balanced(server, gateway)
        assert "was declined" in server.get(paying(server, amount=2, code="999"))
        assert "cardnum is no card number" in server.get(paying(server).replace(NUMBER, NUMBER[:-1] + "2"))
        body = json.dumps({"apientry": "cccharge", "authkey": server.key, "authid": "u1", "authpwd": "pw",
                           "cardnum": NUMBER, "expireyear": 2039, "expmonth": 11, "ccv2": CODE, "amount": 3})
        answer = json.loads(server.request("POST", "/mvapireq/", body, {"Content-Type": "application/json"}).body)
        assert answer["data"]["credit"] == 13.0 and answer["data"]["reference"].startswith("R-")
        server.api("db", sql="select * from tb_payments")
        assert server.stop() == 0
        said = server.out + server.err
    for file in (tmp_path / "data").rglob("*"):
        said += file.read_bytes().decode("latin-1") if file.is_file() else ""
    assert "payment 1 of account" in said and NUMBER not in said and CODE not in said


@pytest.mark.slow
def test_a_gateway_without_a_trusted_certificate_gets_no_card(tmp_path):
    paths = certificate(tmp_path)
    if not paths:
        pytest.skip("no openssl to make a certificate")
    with Gateway(paths) as gateway:
        server = start(tmp_path, gateway)
        setup(server, 1, 0)
        answer = server.get(paying(server))
        assert "payment 1 was declined: not made: 127.0.0.1 does not answer" in answer and "CERTIFICATE" in answer
        assert gateway.asked == [] and server.stop() == 0


@pytest.mark.slow
def test_only_https_from_elsewhere_and_only_with_a_gateway(tmp_path, gateway):
    host = own_address()
    server = start(tmp_path, gateway)
    setup(server, 1, 0)
    if host is not None:
        import http.client
        connection = http.client.HTTPConnection(host, server.port, timeout=10)
        connection.request("GET", paying(server))
        assert connection.getresponse().read() == b"ERROR: access denied: a card is taken over HTTPS only"
    assert "OK" in server.line(paying(server))
    assert server.stop() == 0
    server = Server(tmp_path / "data", "--set", "paymenturl=http://gateway.example/")
    assert "paymenturl takes an address that begins with https://" in server.get(paying(server))
    assert server.stop() == 0
    server = Server(tmp_path / "data")
    assert server.get(paying(server)) == "ERROR: there is no payment gateway: set paymenturl"
    assert server.stop() == 0 and len(gateway.charges) == 1


@pytest.mark.slow
def test_time_outs_errors_and_nonsense_are_asked_again_with_the_same_key(tmp_path, gateway):
    server = start(tmp_path, gateway)
    setup(server, 5, 0)
    troubles = [[1.5], [(500, b"oops")], [(200, b"<html>")], ["deaf"], [(200, b'{"approved":'), "deaf"]]
    for number, trouble in enumerate(troubles):
        gateway.trouble, asked = list(trouble), len(gateway.asked)
        assert server.get(paying(server, f"u{number}")).startswith("OK: credit is 22.50 USD"), trouble
        assert len({key for key, _ in gateway.asked[asked:]}) == 1 and len(gateway.asked) > asked + len(trouble)
    assert len(gateway.charges) == 5 and balanced(server, gateway)
    assert server.stop() == 0


@pytest.mark.slow
def test_what_stays_unclear_is_credited_after_the_next_start(tmp_path, gateway):
    server = start(tmp_path, gateway)
    setup(server, 1, 0)
    gateway.trouble = ["deaf"] * 3
    answer = server.request("GET", paying(server))
    assert "payment 1 stays open" in answer.body and "NORETRY" in answer.body
    assert booked(server) == "0 0" and len(gateway.charges) == 1
    assert server.stop() == 0
    server = start(tmp_path, gateway)
    assert eventually(lambda: booked(server) == "1 12.5")
    assert "cardnum" not in gateway.asked[-1][1] and len({key for key, _ in gateway.asked}) == 1
    assert server.get(query(server, "u0", "balance")) == "Your credit is $22.50 USD"
    assert server.get(paying(server)).startswith("OK: credit is 22.50 USD")     # a repetition within the minute
    assert len(gateway.charges) == 1 and balanced(server, gateway)
    assert server.stop() == 0


def test_kill_9_between_charge_and_answer_credits_once_after_the_start(tmp_path, gateway):
    server = start(tmp_path, gateway, "--set", "paymenttimeout=10")
    setup(server, 3, 0)
    gateway.hold.clear()
    socks = [server.connect() for _ in range(3)]
    for number, sock in enumerate(socks):
        sock.sendall(paying(server, f"u{number}", requestid="order").encode() + b"\r\n")
    assert eventually(lambda: len(gateway.charges) == 3)
    server.kill()
    for sock in socks:
        sock.close()
    gateway.hold.set()
    for _ in range(3):
        server = start(tmp_path, gateway)
        assert eventually(lambda: booked(server) == "3 37.5")
        assert server.get(paying(server, requestid="order")).startswith("OK: credit is 22.50 USD")
        server.kill()
    assert len(gateway.charges) == 3
    server = start(tmp_path, gateway)
    assert balanced(server, gateway) and server.stop() == 0


class Payer(threading.Thread):
    """Pays and pays, each time twice, until the server is gone."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.number, self.answers = server, number, 0

    def run(self):
        try:
            with self.server.connect() as sock, sock.makefile("rb") as lines:
                while True:
                    self.answers += 1
                    line = paying(self.server, f"u{self.number}", requestid=f"{id(self)}-{self.answers}").encode()
                    sock.sendall((line + b"&format=line\r\n") * 2)
                    if not lines.readline() or not lines.readline():
                        return
        except OSError:
            pass


@pytest.mark.slow
def test_kill_9_at_any_moment_charges_once_and_credits_once(tmp_path, gateway):
    chance = random.Random(9)
    server = start(tmp_path, gateway)
    setup(server, 4, 0)
    for _ in range(6):
        payers = [Payer(server, number) for number in range(4)]
        for payer in payers:
            payer.start()
        enough = chance.randrange(8, 40)
        assert eventually(lambda: sum([payer.answers for payer in payers]) >= enough)
        gateway.trouble = chance.choices(["deaf", (500, b""), None], k=4)
        threading.Event().wait(chance.random() / 20)
        server.kill()
        for payer in payers:
            payer.join(10)
        gateway.trouble = []
        server = start(tmp_path, gateway)
        assert eventually(lambda: booked(server).startswith(f"{len(gateway.charges)} "))
        assert balanced(server, gateway)
    assert len(gateway.charges) >= 40
    assert server.stop() == 0
