"""The API over UDP: once, short for strangers, and never an answer to an answer."""

import json

import pytest

from mizu.base.message import Blob
from mizu.serve.datagrams import MAX_DATAGRAM, MAX_REPEATS, Repeats

from .sip import Heard
from .talk import FAR
from .web import CREDIT, JOHN, Waiting

ADDR = (FAR, 4711)
GOOD = b"OK: api test succeed"


class Local:
    address = ("203.0.113.1", 80)

    def __init__(self):
        self.sent = []

    def send(self, data, addr):
        self.sent.append((data, addr))


@pytest.fixture
def ask(web):
    """ask(text) -> the datagram that comes back, or None."""
    def ask(data, addr=ADDR, wait=0.05):
        local = ask.local = Local()
        web.datagrams.received(data if isinstance(data, bytes) else data.encode(), addr, local)
        web.reactor.pass_time(wait)
        assert len(local.sent) <= 1 and all(to == addr for _, to in local.sent)
        return local.sent[0][0] if local.sent else None
    return ask


@pytest.mark.parametrize("request_", [
    "/mvapireq/?apientry=apitest1", "apientry=apitest1&now=123456", "apientry=apitest1     \r\n",
    "apientry=apitest1\0\0\0\0", "GET /mvapireq/?apientry=apitest1 HTTP/1.1"])
def test_a_datagram_is_a_request_and_a_datagram_its_answer(ask, request_):
    assert ask(request_) == GOOD


def test_json_goes_both_ways(ask):
    sent = json.dumps({"apientry": "balance", "authkey": "KEY", "authid": "john", "authpwd": "johnpass"})
    assert json.loads(ask(sent))["message"] == CREDIT


def test_a_datagram_beyond_the_limit_is_dropped(web, ask):
    fits = b"apientry=apitest1&now=".ljust(MAX_DATAGRAM, b"x")
    assert ask(fits) == GOOD and ask(fits + b"x") is None and web.datagrams.dropped == 1


@pytest.mark.parametrize("data", [
    b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), b"\x80\0\1", b"\r\n\r\n", b"", b"\0", bytes(range(200))])
def test_what_is_no_text_is_dropped(web, ask, data):
    assert ask(data) is None and web.datagrams.dropped == 1


@pytest.mark.parametrize("data", [b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n" + bytes(2000)])
def test_sip_is_handed_on_whatever_its_length(web, ask, data):
    heard = Heard(web.transports)
    assert ask(data) is None and heard.messages == [data] and heard.flows[0].host == FAR and web.datagrams.dropped == 0


def test_stun_is_handed_on(web, ask):
    heard = []
    web.datagrams.stun = lambda *facts: heard.append(facts)
    asked = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
    assert ask(asked) is None and heard == [(asked, ADDR, ask.local)] and web.datagrams.dropped == 0


def test_nothing_is_begun_when_the_server_stops(web, ask):
    web.datagrams.closed = True
    assert ask("/mvapireq/?apientry=apitest1") is None


@pytest.mark.parametrize("data", [
    GOOD, b"ERROR: auth failed", b"ERROR: use TCP\r\n", b"WARNING: x", b"Your credit is $1.00 USD",
    b'{"code": 404, "status": "error", "error": true, "message": "x", "data": null, "frequest": "x"}'])
def test_an_answer_is_never_answered(web, ask, data):
    assert ask(data) is None and web.datagrams.dropped == 1


@pytest.mark.parametrize("format", ["json", "xml", "text", "line", "html", "url", "soap", "csv"])
@pytest.mark.parametrize("entry", ["apitest1", "help", "balance", "nonsense", "version", "getuser"])
def test_a_stranger_never_gets_more_than_he_sent(web, ask, entry, format):
    sent = f"apientry={entry}&format={format}"
    assert 0 < len(ask(sent)) <= len(sent)
    assert len(ask(sent[:12], wait=1)) <= 12


def test_a_stranger_gets_no_files(web, ask):
    waiting = Waiting(web)
    local = Local()
    web.datagrams.received(b"apientry=wait", ADDR, local)
    waiting.answer(0, blob=Blob("audio/wav", bytes(9999)))
    assert local.sent == [(b"OK: use TCP\r\n"[:13], ADDR)]


def test_no_address_is_trusted_without_a_nonce(ask):
    asked = "apientry=balance&authkey=KEY&authid=john&now=" + "x" * 200
    assert ask(asked, ("127.0.0.1", 5)).startswith(b"ERROR: auth failed")


def test_the_same_datagram_from_the_same_peer_runs_once(web, ask):
    waiting = Waiting(web)
    assert [ask("/mvapireq/?apientry=apitest1") for _ in range(3)] == [GOOD] * 3 and len(waiting.started) == 1
    assert ask("/mvapireq/?apientry=apitest1", (FAR, 4712)) == GOOD and len(waiting.started) == 2
    web.clock.advance(31)
    assert ask("/mvapireq/?apientry=apitest1") == GOOD and len(waiting.started) == 3


def test_a_repeat_of_what_is_under_way_is_not_run_again_however_long_it_takes(web):
    waiting = Waiting(web)
    local = Local()
    for _ in range(3):
        web.datagrams.received(b"apientry=wait", ADDR, local)
        web.clock.advance(20)
    assert waiting.started == ["wait"] and local.sent == []
    waiting.answer(0)
    web.clock.advance(29)
    web.datagrams.received(b"apientry=wait", ADDR, local)
    assert [data for data, _ in local.sent] == [b"OK: wait"] * 2 and waiting.started == ["wait"]


def test_no_datagram_is_answered_for_ever(web, ask):
    answers = [ask("/mvapireq/?apientry=apitest1", wait=0) for _ in range(20)]
    assert answers == [GOOD] * (1 + MAX_REPEATS) + [None] * (19 - MAX_REPEATS)


def test_two_servers_cannot_be_set_talking_to_each_other(web, ask):
    here, there = ("192.0.2.1", 80), ("192.0.2.2", 80)
    data, rounds = b"apientry=nonsense", 0
    while data is not None and rounds < 100:
        data = ask(data, here if rounds % 2 else there)
        rounds += 1
    assert rounds < 100


def test_a_long_text_is_cut_at_a_line_with_a_warning(web):
    waiting = Waiting(web)
    local = Local()
    proven(web, waiting, local, "text", data={f"name{index}": "\u00e9" * 20 for index in range(200)})
    answer = local.sent[0][0]
    assert len(answer) <= MAX_DATAGRAM and answer.endswith("\u00e9\nWARNING: cut, use TCP for the rest".encode())


def test_a_long_line_is_cut_between_characters(web):
    waiting = Waiting(web)
    for shift in range(2):
        local = Local()
        proven(web, waiting, local, "line", message="OK: " + "x" * shift + "\u00e9" * 2000)
        assert len(local.sent[0][0]) <= MAX_DATAGRAM and "\ufffd" not in local.sent[0][0].decode()


@pytest.mark.parametrize("format, sign", [("json", b'"code": 422'), ("xml", b"<code>422</code>"), ("url", b"code=422"),
                                          ("soap", b"<code>422</code>")])
def test_a_long_structure_is_refused_in_its_own_format(web, format, sign):
    waiting = Waiting(web)
    local = Local()
    proven(web, waiting, local, format, data=["x" * 50] * 100)
    assert sign in local.sent[0][0] and len(local.sent[0][0]) <= MAX_DATAGRAM


def test_a_proven_user_gets_more_than_he_sent(web, ask):
    answer = ask(f"apientry=balance&{JOHN}&format=json")
    assert len(answer) > 90 and json.loads(answer)["message"] == CREDIT


def proven(web, waiting, local, format, message=None, **more):
    """The answer to somebody with a password to a command that waits."""
    from mizu.base.message import Principal
    request = f"apientry=wait&format={format}&now={len(waiting.futures)}".encode()
    asked = {}
    original = web.decoder.request

    def decode(*args):
        asked["request"] = original(*args)
        asked["request"].principal = Principal(object(), 12, ["key", "password"])
        return asked["request"]
    web.decoder.request = decode
    web.datagrams.received(request, ADDR, local)
    web.decoder.request = original
    waiting.answer(-1, message, **more)


def test_a_flood_of_strangers_is_remembered_within_bounds(web):
    local = Local()
    for number in range(20000):
        web.clock.advance(0.1)          # the limits of one address are another test's
        web.datagrams.received(b"apientry=apitest1&now=%d" % number, ADDR, local)
    assert len(local.sent) == 20000 and len(web.datagrams) <= 2 * 4096


def test_peers_are_remembered_within_bounds(web):
    for number in range(5000):
        web.datagrams.received(b"apientry=apitest1", (f"10.0.{number // 250}.{number % 250}", 5), Local())
    assert len(web.datagrams._peers) <= 4096


def test_repeats_forget_by_time_and_by_number():
    repeats = Repeats(3)
    for number in range(10):
        repeats.put(number, b"x", 100.0)
        assert len(repeats) <= 6
    assert repeats.get(9, 100.0)[0] == b"x" and not repeats.get(0, 100.0) and not repeats.get(9, 131.0)


def test_a_batch_runs_and_is_refused_when_too_long(ask):
    asked = json.dumps([{"apientry": "apitest1"}] * 2)
    answer = ask(asked)
    assert len(answer) <= len(asked) and answer.endswith(b"use TCP\r\n")
