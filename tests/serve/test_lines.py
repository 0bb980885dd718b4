"""Raw TCP and TLS lines (manual, chapter Protocol)."""

import json

import pytest

from mizu.base.message import Blob
from mizu.serve.pipeline import MOST, SLICE

from .web import CREDIT, JOHN, Waiting

GOOD = b"OK: api test succeed\r\n"


def test_a_line_ends_with_cr_lf_or_lf_and_is_answered_by_one(web):
    assert web.talk(b"apientry=apitest1\r\napientry=apitest1\n\r\n\n/mvapireq/?apientry=apitest1\r\n") == GOOD * 3


@pytest.mark.parametrize("line", [
    f"/mvapireq/?apientry=balance&{JOHN}", f"apientry=balance&{JOHN}", f"/mvapireq/balance?{JOHN}",
    f"http://h/mvapireq/?apientry=balance&{JOHN}", f"GET /mvapireq/?apientry=balance&{JOHN}",
    json.dumps({"apientry": "balance", "authkey": "KEY", "authid": "john", "authpwd": "johnpass", "format": "text"}),
    json.dumps({"apientry": "balance", "authkey": "KEY", "authid": "john", "authpwd": "johnpass", "format": "text"},
               indent=2),
    "<?xml version='1.0'?><r><apientry>balance</apientry><authkey>KEY</authkey><authid>john</authid>"
    "<authpwd>johnpass</authpwd><format>text</format></r>",
    "<r><apientry>balance</apientry><authkey>KEY</authkey><authid>john</authid><authpwd>johnpass</authpwd>"
    "<format>text</format></r>"])
def test_a_line_holds_a_request_in_every_format(web, line):
    assert web.talk(line.encode() + b"\r\n").decode() == CREDIT + "\r\n"


def test_a_line_may_come_byte_by_byte(web):
    stream = web.connect()
    for byte in b"apientry=apitest1\r\n":
        stream.say(bytes([byte]))
    assert stream.sent == GOOD and stream.open


def test_a_json_array_is_a_batch(web):
    answer = web.talk(b'[{"apientry": "apitest1"}, {"apientry": "apitest1"}]\r\n')
    assert len(json.loads(answer)) == 2


def test_the_last_line_needs_no_end_if_the_stream_ends(web):
    stream = web.connect()
    stream.say(b"apientry=apitest1\napientry=apitest1")
    stream.end()
    assert stream.sent == GOOD * 2 and not stream.open


def test_a_half_closed_client_gets_all_its_answers(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.protocol.received(b"apientry=wait\n" * (MOST + 5) + b"apientry=apitest1")
    stream.protocol.ended()
    for index in range(MOST + 5):
        waiting.answer(index)
        stream.settle()
    assert stream.sent == b"OK: wait\r\n" * (MOST + 5) + GOOD and not stream.open


def test_answers_keep_the_order(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(b"apientry=wait1\napientry=apitest1\napientry=wait2\n")
    waiting.answer(1)
    assert stream.sent == b""
    waiting.answer(0)
    assert stream.sent == b"OK: wait1\r\n" + GOOD + b"OK: wait2\r\n"


def test_no_more_than_so_many_are_started_and_the_rest_goes_on_without_new_bytes(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(b"apientry=wait\n" * (MOST + 20))
    assert len(waiting.started) == MOST
    stream.protocol.received(b"apientry=apitest1\n")
    assert stream.paused
    for index in range(MOST + 20):
        waiting.answer(index)
        stream.settle()
    assert stream.sent == b"OK: wait\r\n" * (MOST + 20) + GOOD and not stream.paused


def test_a_flood_in_one_buffer_is_served_a_slice_a_turn(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.protocol.received(b"apientry=apitest1\n" * 200)
    assert len(waiting.started) == len(SLICE)
    stream.settle()
    assert stream.sent == GOOD * 200


def test_a_line_that_is_too_long_is_told_so_behind_the_others(web):
    stream = web.connect()
    stream.say(b"apientry=apitest1\n" + b"apientry=" + b"x" * 70000)
    assert stream.sent.startswith(GOOD + b"ERROR: a request is longer than 65536 bytes") and not stream.open


def test_a_line_has_one_deadline_however_slowly_it_comes(web):
    stream = web.connect()
    stream.say(b"apientry=")
    for _ in range(29):
        stream.expire(1)
        stream.say(b"x")
    assert stream.open and stream.sent == b""
    stream.expire(1)
    assert stream.sent.startswith(b"ERROR: the request took too long") and not stream.open


def test_silence_ends_the_connection(web):
    stream = web.connect()
    stream.say(b"apientry=apitest1\n")
    stream.expire(299)
    assert stream.open
    stream.expire(1)
    assert not stream.open and stream.sent == GOOD


def test_a_slow_answer_is_waited_for_and_a_reader_that_takes_nothing_given_up(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(b"apientry=wait\n")
    stream.expire(300)
    assert stream.open
    stream.full = True
    waiting.answer(0)
    stream.expire(300)
    assert stream.aborted


def test_close_closes_behind_its_answer(web):
    stream = web.connect()
    stream.say(b"apientry=close\napientry=apitest1\n")
    assert stream.sent.startswith(b"OK") and GOOD not in stream.sent and not stream.open


def test_a_login_lasts_as_long_as_the_connection(web):
    assert web.talk(f"apientry=login&{JOHN}\napientry=balance&authkey=KEY\n".encode()).endswith(CREDIT.encode() + b"\r\n")


def test_a_blob_comes_as_it_is(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(b"apientry=wait\n")
    waiting.answer(0, blob=Blob("audio/wav", b"RI\nFF"))
    assert stream.sent == b"RI\nFF"


def test_what_cannot_be_read_is_told_why(web):
    assert b'"message": "ERROR: not valid JSON' in web.talk(b"{\"a\": }\r\n")


def test_a_stop_lets_what_is_under_way_finish(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(b"apientry=wait\n")
    stream.protocol.finish()
    assert stream.open
    waiting.answer(0)
    assert stream.sent == b"OK: wait\r\n" and not stream.open


def test_a_fault_of_ours_is_told_without_its_reasons(web, monkeypatch):
    monkeypatch.setattr(web.asker, "ask", lambda *args: 1 // 0)
    stream = web.connect()
    stream.say(b"apientry=apitest1\n")
    assert stream.sent == b"ERROR: internal error, see the server's log\r\n" and not stream.open
