"""HTTP on one connection: order, framing, deadlines, refusals (RFC 9110, 9112)."""

import pytest

from mizu.serve.httpd import HttpConnection, api_path
from mizu.serve.pipeline import MOST, SLICE

from .talk import LAN
from .web import CREDIT, JOHN, TEST1, Waiting, parse_answers


def request(target="/healthz", *fields, method="GET", version="1.1"):
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: h", *fields, "", ""]).encode()


def asks(entry):
    return request(f"/mvapireq/?apientry={entry}&format=text")


def bodies(data):
    return [body.decode() for _, _, body in parse_answers(data)]


def test_a_connection_is_kept_for_the_next_request(web):
    stream = web.connect()
    for _ in range(3):
        stream.say(request())
    answers = parse_answers(stream.sent)
    assert [(status, fields["connection"]) for status, fields, _ in answers] == [(200, "keep-alive")] * 3 and stream.open


def test_close_is_answered_and_done(web):
    stream = web.connect()
    stream.say(request("/healthz", "Connection: close") + request())
    assert [fields["connection"] for _, fields, _ in parse_answers(stream.sent)] == ["close"] and not stream.open


def test_http_1_0_is_closed_unless_it_asks_to_be_kept(web):
    stream = web.connect()
    stream.say(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert stream.open
    stream.say(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert not stream.open and len(parse_answers(stream.sent)) == 2


def test_pipelined_requests_are_answered_in_order_although_some_wait(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(asks("wait1") + asks("apitest1") + asks("wait2") + asks("apitest1"))
    assert stream.sent == b""
    waiting.answer(1)
    assert stream.sent == b""
    waiting.answer(0)
    assert bodies(stream.sent) == ["OK: wait1", "OK: api test succeed", "OK: wait2", "OK: api test succeed"]


def test_an_earlier_answer_does_not_say_close_for_a_later_one(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(asks("wait1") + request("/healthz", "Connection: close"))
    waiting.answer(0)
    assert [fields["connection"] for _, fields, _ in parse_answers(stream.sent)] == ["keep-alive", "close"]
    assert not stream.open


def test_no_more_than_so_many_are_started_and_the_rest_goes_on_without_new_bytes(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(asks("wait") * (MOST + 20))
    assert len(waiting.started) == MOST
    for index in range(MOST):
        waiting.answer(index)
    stream.settle()
    assert len(waiting.started) == MOST + 20
    for index in range(MOST, MOST + 20):
        waiting.answer(index)
    assert len(parse_answers(stream.sent)) == MOST + 20


def test_while_held_new_bytes_pause_the_stream(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(asks("wait") * MOST)
    assert not stream.paused
    stream.protocol.received(asks("wait"))
    assert stream.paused and len(waiting.started) == MOST
    waiting.answer(0)
    assert not stream.paused and len(waiting.started) == MOST + 1


def test_a_flood_in_one_buffer_is_served_a_slice_a_turn(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.protocol.received(asks("apitest1") * 300)
    for turn in range(1, 5):
        assert len(waiting.started) == len(SLICE) * turn
        web.reactor.turn()
    web.reactor.turn()
    assert len(waiting.started) == 300 and len(parse_answers(stream.sent)) == 300


def test_a_reader_that_does_not_read_starts_nothing_more(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.full = True
    for _ in range(200):
        stream.protocol.received(request("/mvapireq/?apientry=apitest1&format=json&now=") * 64)
        web.reactor.turn()
    assert len(waiting.started) < 200 * 64 and stream.pending < 400_000 and stream.paused
    started = len(waiting.started)
    stream.read()
    assert len(waiting.started) > started


def test_a_reader_that_takes_nothing_is_given_up(web):
    stream = web.connect()
    stream.full = True
    stream.say(request())
    stream.expire(300)
    assert stream.aborted


def test_five_minutes_of_silence_end_an_idle_connection(web):
    stream = web.connect()
    stream.say(request())
    sent = stream.sent
    stream.expire(299)
    assert stream.open
    stream.expire(1)
    assert not stream.open and stream.sent == sent


def test_a_request_has_one_deadline_however_slowly_it_comes(web):
    stream = web.connect()
    stream.say(b"GET / HTTP/1.1\r\n")
    for _ in range(29):
        stream.expire(1)
        stream.say(b"A: b\r\n")
    assert stream.open
    stream.expire(1)
    assert parse_answers(stream.sent)[0][0] == 408 and not stream.open


def test_an_answer_that_takes_long_is_waited_for(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(asks("wait"))
    stream.expire(300)
    assert stream.open
    waiting.answer(0)
    assert bodies(stream.sent) == ["OK: wait"]


def test_an_answer_that_comes_after_the_connection_is_lost_is_nobodys(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(asks("wait"))
    stream.lose()
    waiting.answer(0)
    assert stream.sent == b""


def test_a_half_closed_client_gets_all_its_answers(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.protocol.received(asks("wait") * (MOST + 5))
    stream.protocol.ended()
    assert stream.open
    for index in range(MOST + 5):
        waiting.answer(index)
    stream.settle()
    assert len(parse_answers(stream.sent)) == MOST + 5 and not stream.open


def test_head_has_the_head_of_get(web):
    for target in ("/healthz", "/", TEST1, "/nothing"):
        status, fields, body = web.get(target)
        answered = web.get(target, method="HEAD")
        assert answered == (status, fields, b"") and int(fields["content-length"]) == len(body)


def test_head_of_an_answer_to_come_has_no_body(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(request("/mvapireq/?apientry=wait", method="HEAD"))
    waiting.answer(0)
    assert parse_answers(stream.sent, "HEAD")[0][0] == 200 and stream.sent.endswith(b"\r\n\r\n")


def test_options_says_what_may_be_sent(web):
    for target in ("*", "/", TEST1):
        status, fields, body = web.get(target, "Origin: http://other", method="OPTIONS")
        assert status == 204 and body == b"" and "content-length" not in fields
        assert fields["allow"] == "GET, HEAD, POST, OPTIONS" and fields["access-control-allow-origin"] == "*"
        assert fields["access-control-allow-methods"] == "GET, HEAD, POST"


@pytest.mark.parametrize("method, status", [("PUT", 405), ("DELETE", 405), ("TRACE", 405), ("BREW", 501), ("get", 501)])
def test_other_methods_are_refused_by_kind(web, method, status):
    answer = web.get("/", method=method)
    assert answer[0] == status and "GET" in answer[1]["allow"]


@pytest.mark.parametrize("target", ["/", "/healthz", "/readyz", "/openapi.json"])
def test_pages_take_no_posts(web, target):
    assert web.get(target, method="POST", body=b"x")[0] == 405


@pytest.mark.parametrize("data, status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nA: b\0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", 413),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"x" * 17000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    (b"GET / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n", 417),
])
def test_what_breaks_the_rfc_is_answered_and_the_connection_closed(web, data, status):
    stream = web.connect()
    stream.say(request() + data + request())
    answers = parse_answers(stream.sent)
    assert [answer[0] for answer in answers] == [200, status] and not stream.open
    assert answers[1][1]["connection"] == "close"


def test_a_client_that_expects_100_gets_it_and_then_its_answer(web):
    stream = web.connect()
    stream.say(b"POST /mvapireq/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n")
    assert stream.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    stream.say(b"apientry=apitest1")
    assert stream.sent.count(b"100 Continue") == 1 and stream.sent.endswith(b"OK: api test succeed")


def test_an_absolute_form_names_the_host_that_counts(web):
    asked = f"GET http://%s/mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert b"OK: api test succeed" in web.talk((asked % "h").encode())


def test_nothing_else_is_there(web):
    status, fields, body = web.get("/elsewhere")
    assert status == 404 and b"/mvapireq/?apientry=NAME" in body and fields["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_is_500_in_its_order_and_closes(web, monkeypatch):
    monkeypatch.setattr(web, "trouble", lambda: 1 // 0)
    stream = web.connect()
    stream.say(request() + request("/readyz") + request())
    answers = parse_answers(stream.sent)
    assert [answer[0] for answer in answers] == [200, 500] and not stream.open
    assert b"ZeroDivision" not in answers[1][2]


def test_a_first_line_without_a_version_is_a_line(web):
    stream = web.connect()
    stream.say(b"GET /mvapireq/?apientry=apite")
    stream.say(b"st1\r\napientry=apitest1\r\n")
    assert stream.sent == b"OK: api test succeed\r\n" * 2 and stream.peer.transport == "tcp" and stream.open


def test_a_first_line_that_only_the_end_of_the_stream_ends_is_a_line(web):
    stream = web.connect()
    stream.say(b"GET /mvapireq/?apientry=apitest1")
    stream.end()
    assert stream.sent == b"OK: api test succeed\r\n" and not stream.open


def test_a_head_that_the_end_of_the_stream_cuts_is_not_answered(web):
    stream = web.connect()
    stream.say(b"GET / HTTP/1.1\r\nHost: h\r\n")
    stream.end()
    assert stream.sent == b"" and not stream.open


def test_a_stop_lets_what_is_under_way_finish(web):
    waiting = Waiting(web)
    busy, idle = web.connect(), web.connect()
    busy.say(asks("wait"))
    idle.say(request())
    for stream in (busy, idle):
        stream.protocol.finish()
    assert busy.open and not idle.open
    waiting.answer(0)
    assert bodies(busy.sent) == ["OK: wait"] and not busy.open


def test_dates_are_renewed_and_prefixes_bounded(web):
    for number in range(400):
        web.http.prefix(200, "text/plain", True, b"X-A: %d\r\n" % number)
    assert len(web.http.prefixes) <= 256
    first = web.get("/healthz")[1]["date"]
    web.clock.advance(5)
    web.http.tick()
    assert web.get("/healthz")[1]["date"] != first


def test_what_was_derived_from_settings_is_derived_anew_after_a_reload(web):
    stream = web.connect()
    stream.say(request("/openapi.json", "Origin: http://a"))
    web.settings.corsorigins = ("http://b",)
    web.trusted_proxies = []
    stream.say(request("/openapi.json", "Origin: http://a"))
    assert ["access-control-allow-origin" in fields for _, fields, _ in parse_answers(stream.sent)] == [True, False]


def test_mvapi_anywhere_in_a_path_is_the_api_but_its_websocket_is_not():
    assert api_path("/x/MVAPIreq/y") and api_path("/mvapi/v2") and not api_path("/mvapi/mvstwebsocket")
    assert not api_path("/mv/api")


def test_a_request_on_a_kept_connection_is_counted_for_its_user(web):
    stream = web.connect(LAN)
    stream.say(request(f"/mvapireq/?apientry=balance&{JOHN}") * 2)
    assert bodies(stream.sent) == [CREDIT] * 2
    assert isinstance(stream.protocol, HttpConnection)
