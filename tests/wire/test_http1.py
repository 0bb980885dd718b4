"""Requests in, whatever the pieces they come in; what two readers could read in two ways is refused."""

import random

import pytest

from mizu.base.clock import http_date
from mizu.base.errors import RemoteProtocolError
from mizu.wire.http1 import MAX_CHUNKS, MAX_KNOWN, RequestParser, answer_prefix, bodiless_answer

from .plain_http1 import plain_run

HOST = b"Host: a\r\n"


def picture(message):
    fields = message.fields
    return (message.method, message.target, fields.version, fields.host, fields.keep_alive, fields.values, message.body)


def run(pieces, **limits):
    """Pictures of all messages; then the status of a refusal, or `more` for an unfinished request."""
    parser = RequestParser(**limits)
    seen = []
    try:
        for piece in pieces:
            parser.feed(piece)
            while (message := parser.next()) is not None:
                seen.append(picture(message))
    except RemoteProtocolError as error:
        return seen + [f"versionless {error.status}" if parser.versionless else error.status]
    return seen + ["more"] if parser.in_request else seen


def octets(data):
    return [data[i:i + 1] for i in range(len(data))]


def one(data, **limits):
    parser = RequestParser(**limits)
    parser.feed(data)
    return parser.next()


def status(data, **limits):
    with pytest.raises(RemoteProtocolError) as caught:
        message = one(data, **limits)
        assert message is None, picture(message)
        raise AssertionError("neither refused nor complete")
    assert run(octets(data), **limits)[-1] == caught.value.status
    return caught.value.status


def test_a_get_is_read_with_its_fields():
    message = one(b"GET /mvapireq/?apientry=balance&a=%20 HTTP/1.1\r\nHost: x:8080\r\nAccept:\t */* \r\n"
                  b"X-A: 1\r\nx-a:2\r\nCookie: a=1\r\nCookie: b=2\r\nX-Empty:\r\n\r\n")
    assert picture(message) == (
        "GET", "/mvapireq/?apientry=balance&a=%20", 11, "x:8080", True,
        {"host": "x:8080", "accept": "*/*", "x-a": "1, 2", "cookie": "a=1; b=2", "x-empty": ""}, b"")
    assert message.fields.derived is None


def test_equal_field_blocks_are_read_once_and_keep_what_was_derived():
    parser = RequestParser()
    parser.feed(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\n\r\n"
                b"GET /3 HTTP/1.1\r\nHost: b\r\n\r\n")
    first, second, third = parser.next(), parser.next(), parser.next()
    assert first.fields is second.fields is not third.fields
    assert (first.target, second.method, third.fields.host) == ("/1", "POST", "b")
    parser.feed(b"GET /4 HTTP/1.0\r\nHost: b\r\n\r\n")
    assert parser.next().fields.version == 10


def test_a_long_field_block_is_not_kept():
    parser = RequestParser()
    parser.feed(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * MAX_KNOWN + b"\r\n\r\n")
    assert parser.next() and len(parser._known) < 100


def test_an_idle_parser_holds_no_octets():
    parser = RequestParser()
    parser.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
    while parser.next():
        pass
    assert parser._data == b"" and not parser.in_request and parser.buffered == 0
    parser.feed(b"GET / HT")
    assert parser.next() is None and parser.in_request and parser.buffered == 8


@pytest.mark.parametrize("line, method, target, host", [
    (b"GET / HTTP/1.1", "GET", "/", "a"),
    (b"GET /?#{}|\"<> HTTP/1.1", "GET", "/?#{}|\"<>", "a"),
    (b"GET //x/y HTTP/1.1", "GET", "//x/y", "a"),
    ("GET /é HTTP/1.1".encode(), "GET", "/é", "a"),
    (b"GET /\xe9 HTTP/1.1", "GET", "/é", "a"),
    (b"OPTIONS * HTTP/1.1", "OPTIONS", "*", "a"),
    (b"GET http://b:81/p?q HTTP/1.1", "GET", "/p?q", "b:81"),
    (b"GET HTTPS://b HTTP/1.1", "GET", "/", "b"),
    (b"GET http://b?q=1 HTTP/1.1", "GET", "/?q=1", "b"),
    (b"GET http://[::1]:80/ HTTP/1.1", "GET", "/", "[::1]:80"),
    (b"OPTIONS http://b HTTP/1.1", "OPTIONS", "*", "b"),
    (b"CONNECT b:443 HTTP/1.1", "CONNECT", "b:443", "a"),
    (b"B!#$%&'*+-.^_`|~rew / HTTP/1.1", "B!#$%&'*+-.^_`|~rew", "/", "a"),
    (b"get / HTTP/1.2", "get", "/", "a"),
])
def test_every_form_of_target_is_read(line, method, target, host):
    message = one(line + b"\r\n" + HOST + b"\r\n")
    assert (message.method, message.target, message.fields.host) == (method, target, host)
    assert message.fields.values["host"] == host


@pytest.mark.parametrize("line, expected", [
    (b"GET / HTTP/2.0", 505), (b"PRI * HTTP/2.0", 505), (b"GET / HTTP/0.9", 505), (b"GET / HTTP/3.1", 505),
    (b"GET / http/1.1", 400), (b"GET / HTTP/11", 400), (b"GET / HTTP/1.10", 400), (b"GET / HTTP/1.x", 400),
    (b"GET / HTTP/1.1 ", 400), (b"GET  / HTTP/1.1", 400), (b"GET /  HTTP/1.1", 400), (b" GET / HTTP/1.1", 400),
    (b"GET\t/ HTTP/1.1", 400), (b"GET /a b HTTP/1.1", 400), (b"G(T / HTTP/1.1", 400), (b"G\xc9T / HTTP/1.1", 400),
    (b"GET /\r HTTP/1.1", 400), (b"GET /\0 HTTP/1.1", 400), (b"GET /\x7f HTTP/1.1", 400), (b"GET /\x1b HTTP/1.1", 400),
    (b"GET a HTTP/1.1", 400), (b"GET * HTTP/1.1", 400), (b"GET ftp://b/ HTTP/1.1", 400), (b"GET http:/b HTTP/1.1", 400),
    (b"GET http:// HTTP/1.1", 400), (b"GET http:///p HTTP/1.1", 400), (b"GET http://u@b/ HTTP/1.1", 400),
    (b"GET http://b#f HTTP/1.1", 400), (b"GET http://b:x/ HTTP/1.1", 400),
    (b"CONNECT / HTTP/1.1", 400), (b"CONNECT b HTTP/1.1", 400), (b"CONNECT b: HTTP/1.1", 400),
    (b"CONNECT :1 HTTP/1.1", 400),
    (b"POST /", 400), (b"\0", 400),
    (b"GET /" + b"x" * 8192 + b" HTTP/1.1", 414), (b"GET /" + b"x" * 9000, 414), (b"x" * 9000, 414),
])
def test_a_bad_request_line_is_refused(line, expected):
    assert status(line + b"\r\n" + HOST + b"\r\n") == expected


def test_a_request_line_without_an_end_is_refused_early():
    assert status(b"x" * 8300) == 414


def test_a_first_line_without_a_version_is_handed_back_at_once():
    parser = RequestParser()
    parser.feed(b"GET /mvapireq/?apientry=balance\r\nnext")
    with pytest.raises(RemoteProtocolError):
        parser.next()
    assert parser.versionless and parser.detach() == b"GET /mvapireq/?apientry=balance\r\nnext"
    assert run([b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /\r\n\r\n"])[-1] == 400


def test_up_to_four_empty_lines_come_before_a_request_line():
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert len(run([(b"\r\n" * 4 + request) * 3])) == 3
    assert run([b"\r\n", b"\r\n\r\n", b"\r", b"\n", request])[0][1] == "/"
    assert len(run([piece for _ in range(9) for piece in (request, b"\r\n")])) == 9
    assert status(b"\r\n" * 5 + request) == 400
    assert run([b"\r\n"] * 5) == [400]


@pytest.mark.parametrize("fields, expected", [
    (b"", 400), (b"Host: a\r\nHost: a\r\n", 400), (b"Host: a\r\nhost: b\r\n", 400),
    (b"Host: a b\r\n", 400), (b"Host: a/b\r\n", 400), (b"Host: u@a\r\n", 400), (b"Host: a, b\r\n", 400),
    (b"Host: a:b\r\n", 400), (b"Host: a:1:2\r\n", 400), (b"Host: [::1\r\n", 400), (b"Host: [x]\r\n", 400),
    (b"Host: \xe9\r\n", 400), (b"Host: a?\r\n", 400), (b"Host: <a>\r\n", 400), (b"Host: %zz\r\n", 400),
    (HOST + b"X : 1\r\n", 400), (HOST + b"X\t: 1\r\n", 400), (HOST + b": 1\r\n", 400), (HOST + b"X\r\n", 400),
    (HOST + b"X 1\r\n", 400), (HOST + b"X: 1\r\n folded: 2\r\n", 400), (HOST + b"X: 1\r\n\tfolded\r\n", 400),
    (b" " + HOST, 400), (HOST + b"X\xe9: 1\r\n", 400), (HOST + b"X(): 1\r\n", 400),
    (HOST + b"X: a\0b\r\n", 400), (HOST + b"X: a\rb\r\n", 400), (HOST + b"X: a\nb: c\r\n", 400),
    (HOST + b"X: a\x01\r\n", 400), (HOST + b"X: a\x7f\r\n", 400), (HOST + b"X: a\r\r\n", 400),
    (HOST + b"Origin: a\r\nOrigin: b\r\n", 400), (HOST + b"Authorization: a\r\nAuthorization: a\r\n", 400),
    (HOST + b"Expect: 200-ok\r\n", 417), (HOST + b"Expect: 100-continue, x\r\n", 417),
    (HOST + b"X: 1\r\n" * 100, 431), (HOST + b"X: " + b"x" * 16384 + b"\r\n", 431),
    (HOST + b"X: a\n\r\n", 400), (b"Host: a\n\n", 400), (b"\n", 400),
])
def test_bad_fields_are_refused(fields, expected):
    assert status(b"GET / HTTP/1.1\r\n" + fields + b"\r\n") == expected


@pytest.mark.parametrize("host", ["", "a", "a.b-c_d~e", "a:", "a:80", "1.2.3.4:80", "[::1]", "[::ffff:1.2.3.4]:99",
                                  "%41"])
def test_a_valid_host_is_taken(host):
    assert one(f"GET / HTTP/1.1\r\nHost:{host}\r\n\r\n".encode()).fields.host == host


def test_a_hundred_fields_and_octets_above_ascii_are_taken():
    message = one(b"GET / HTTP/1.1\r\n" + HOST + b"X: \xe9\r\n" * 99 + b"\r\n")
    assert message.fields.values["x"] == ", ".join("é" * 99)


def test_the_limits_of_the_head_are_exact():
    line = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    fill = 16384 - len(line) - 4
    assert one(line + b"x" * fill + b"\r\n\r\n")
    assert status(line + b"x" * (fill + 1) + b"\r\n\r\n") == 431
    assert status(line + b"x" * 20000) == 431
    assert one(b"GET /" + b"x" * 8191 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    small = RequestParser(max_target=10)
    small.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET /" + b"x" * 10 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert small.next()
    with pytest.raises(RemoteProtocolError):
        small.next()


# RFC 9112 11.1 and 11.2: what another reader in the chain could take for something else.
SMUGGLING = [
    (b"Content-Length: 5\r\nContent-Length: 5\r\n", 400),
    (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
    (b"Content-Length: 5, 5\r\n", 400),
    (b"Content-Length: 5\r\ncontent-length: 0\r\n", 400),
    (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
    (b"Transfer-Encoding: chunked, gzip\r\n", 400),
    (b"Transfer-Encoding: chunked, chunked\r\n", 400),
    (b"Transfer-Encoding: identity\r\n", 400),
    (b"Transfer-Encoding: xchunked\r\n", 400),
    (b"Transfer-Encoding: chunked;q=1\r\n", 400),
    (b"Transfer-Encoding: ,chunked\r\n", 501),
    (b"Transfer-Encoding: \"chunked\"\r\n", 400),
    (b"Transfer-Encoding: \x0bchunked\r\n", 400),
    (b"Transfer-Encoding: chunked\x0b\r\n", 400),
    (b"Transfer-Encoding:\r\n chunked\r\n", 400),
    (b"Transfer-Encoding\r\n : chunked\r\n", 400),
    (b"Transfer-Encoding : chunked\r\n", 400),
    (b"Transfer-Encoding\0: chunked\r\n", 400),
    (b"X: x\nTransfer-Encoding: chunked\r\n", 400),
    (b"X: x\rTransfer-Encoding: chunked\r\n", 400),
    (b"X: x\r\n\rGET /admin HTTP/1.1\r\n", 400),
    (b"Transfer-Encoding: gzip, chunked\r\n", 501),
    (b"Content-Length: +5\r\n", 400),
    (b"Content-Length: -5\r\n", 400),
    (b"Content-Length: 0x5\r\n", 400),
    (b"Content-Length: 5_0\r\n", 400),
    (b"Content-Length: 5.0\r\n", 400),
    (b"Content-Length: 5 5\r\n", 400),
    (b"Content-Length: \xb2\r\n", 400),
    (b"Content-Length:\r\n", 400),
    (b"Content-Length: 5\x0b\r\n", 400),
    (b"Content-Length : 5\r\n", 400),
    (b"Content-Length: 8388609\r\n", 413),
    (b"Content-Length: 18446744073709551621\r\n", 413),
    (b"Content-Length: " + b"9" * 5000 + b"\r\n", 413),
]


@pytest.mark.parametrize("fields, expected", SMUGGLING)
def test_ambiguous_framing_is_refused(fields, expected):
    assert status(b"POST / HTTP/1.1\r\n" + HOST + fields + b"\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n") == expected


def test_a_transfer_coding_in_http_1_0_is_refused():
    assert status(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400


def test_nothing_is_read_behind_a_refusal_or_a_last_message():
    good = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    parser = RequestParser()
    parser.feed(b"GET / HTTP/1.1\r\n\r\n" + good)
    with pytest.raises(RemoteProtocolError):
        parser.next()
    parser.feed(good)
    assert parser.next() is None and parser.buffered == 0 and not parser.in_request
    assert len(run([b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + good, good])) == 1


@pytest.mark.parametrize("version, connection, keep_alive", [
    (b"1.1", b"", True), (b"1.1", b"keep-alive", True), (b"1.1", b"Upgrade", True), (b"1.1", b"closed", True),
    (b"1.1", b"close", False), (b"1.1", b"Close, Upgrade", False), (b"1.1", b"upgrade ,\tCLOSE", False),
    (b"1.1", b"keep-alive, close", False), (b"1.0", b"", False), (b"1.0", b"Keep-Alive", True),
    (b"1.0", b"keep-alive, close", False), (b"1.0", b"close", False),
])
def test_keep_alive_follows_version_and_connection(version, connection, keep_alive):
    field = b"Connection: " + connection + b"\r\n" if connection else b""
    message = one(b"GET / HTTP/" + version + b"\r\nHost: a\r\n" + field + b"\r\n")
    assert message.fields.keep_alive is keep_alive


def test_an_absolute_target_changes_nothing_but_the_host():
    fields = one(b"POST http://b/ HTTP/1.1\nHost: a\nContent-Length: 2\n\nhi").fields
    assert (fields.host, fields.keep_alive, fields.length) == ("b", False, 2)
    assert one(b"GET http://b/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").fields.keep_alive is False
    assert len(run([b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"])) == 2


def test_http_1_0_needs_no_host():
    assert one(b"GET / HTTP/1.0\r\n\r\n").fields.host == ""


def test_a_head_with_bare_lf_only_is_taken_and_is_the_last():
    assert run([b"GET /a HTTP/1.1\nHost: b\n\nGET /c HTTP/1.1\nHost: b\n\n"]) == [
        ("GET", "/a", 11, "b", False, {"host": "b"}, b"")]
    assert run([b"POST /a HTTP/1.0\nContent-Length: 2\n\nhi"])[0][-1] == b"hi"
    assert status(b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\r\n\r\n") == 400
    assert status(b"GET / HTTP/1.1\nHost: a\r\n\r\n") == 400
    assert status(b"GET / HTTP/1.1\nHost: a\r\n\n") == 400
    assert status(b"GET / HTTP/1.1\nHost: a\n\r\n") == 400


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\r\n\r\n", b"\n\r\nX: y\r\n\r\n", b"\n\nX: y\r\n\r\n",
                                 b"\r\n \r\n\r\n"])
def test_the_first_fault_is_told_however_the_head_is_cut(end):
    data = b"GET / HTTP/1.1\r\nHost: a\r\nX: y" + end
    for limit in range(20, len(data) + 2):
        assert run(octets(data), max_head=limit) == run([data], max_head=limit)


def test_the_limit_of_the_trailers_is_exact():
    trailers = b"\r\nX: " + b"x" * 91
    data = chunked(b"0" + trailers + b"\r\n\r\n")
    assert run(octets(data), max_head=len(trailers)) == run([data]) != [431]
    assert run(octets(data), max_head=len(trailers) - 1) == run([data], max_head=len(trailers) - 1) == [431]


def test_known_fields_do_not_lift_the_limit_of_the_head():
    first = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert len(run([first + first.replace(b"/ ", b"/x ")], max_head=len(first) + 1)) == 2
    assert run([first + first.replace(b"/ ", b"/xy ")], max_head=len(first) + 1)[-1] == 431


# -- content -------------------------------------------------------------------------------------------

def chunked(content, head=b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"):
    return head + content


@pytest.mark.parametrize("content, body", [
    (b"0\r\n\r\n", b""),
    (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"1\r\na\r\n00A\r\n0123456789\r\n0\r\n\r\n", b"a0123456789"),
    (b"2;name=value;x=\"y\"\r\n\r\n\r\n0;last\r\nTrailer: 1\r\nX: y\r\n\r\n", b"\r\n"),
    (b"2 \t;x\r\nab\r\n0\r\n\r\n", b"ab"),
    (b"0000000000000001\r\na\r\n0000\r\n\r\n", b"a"),
    (b"1;" + b"x" * 254 + b"\r\na\r\n0\r\n\r\n", b"a"),
])
def test_chunks_are_joined(content, body):
    following = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
    seen = run([chunked(content) + following])
    assert run(octets(chunked(content) + following)) == seen
    assert [seen[0][-1], seen[1][1], len(seen)] == [body, "/next", 2]


@pytest.mark.parametrize("content, expected", [
    (b"\r\n", 400), (b"x\r\n", 400), (b"-1\r\n", 400), (b"+1\r\n", 400), (b"0x1\r\n", 400), (b"1_0\r\n", 400),
    (b" 1\r\n", 400), (b"1\x0b;x\r\na\r\n0\r\n\r\n", 400),
    (b"1 \r\n", 400), (b";x\r\n", 400), (b"1\r\nab\r\n", 400), (b"1\r\na\n", 400), (b"1\r\na0\r\n", 400),
    (b"1\nab\r\n", 400),
    (b"2\r\na\r\n0\r\n\r\n", 400), (b"1;x\ny\r\na\r\n", 400), (b"1;x\ry\r\na\r\n", 400), (b"1;\0\r\n", 400),
    (b"10000000000000000\r\n", 400), (b"FFFFFFFFFFFFFFFF\r\n", 413), (b"800001\r\n", 413),
    (b"1;" + b"x" * 255 + b"\r\na\r\n0\r\n\r\n", 400), (b"1" * 300, 400), (b"1\r\na\r\n" * (MAX_CHUNKS + 1), 413),
    (b"0\r\nbad\r\n\r\n", 400), (b"0\r\n folded: 1\r\n\r\n", 400), (b"0\r\nX: " + b"x" * 16384, 431),
    (b"0\r\nX: " + b"x" * 16384 + b"\r\n\r\n", 431), (b"0\r\n" + b"X: 1\r\n" * 101 + b"\r\n", 431),
])
def test_bad_chunks_are_refused(content, expected):
    assert status(chunked(content)) == expected


def test_the_limit_of_the_content_is_exact():
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    assert one(head % 10 + b"x" * 10, max_body=10).body == b"x" * 10
    assert status(head % 11, max_body=10) == 413
    assert one(chunked(b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"), max_body=10).body == b"helloworld"
    assert status(chunked(b"5\r\nhello\r\n6\r\n"), max_body=10) == 413


def test_a_waiting_client_is_told_once_to_continue():
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n"
    parser = RequestParser()
    parser.feed(head)
    assert parser.next() is None and parser.wants_continue
    assert parser.next() is None and not parser.wants_continue
    parser.feed(b"a")
    assert parser.next() is None and not parser.wants_continue
    parser.feed(b"b")
    assert parser.next().body == b"ab" and not parser.wants_continue


@pytest.mark.parametrize("request_", [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\na",
    b"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
])
def test_nobody_is_told_to_continue_who_does_not_wait(request_):
    parser = RequestParser()
    parser.feed(request_)
    parser.next()
    assert not parser.wants_continue


def test_content_that_drips_is_joined_once():
    parser = RequestParser()
    parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n")
    for _ in range(49999):
        parser.feed(b"x")
        assert parser.next() is None
        assert len(parser._data) - parser._pos == 0
    assert parser.buffered == 49999 and parser.in_request
    parser.feed(b"xGET")
    assert parser.next().body == b"x" * 50000 and parser.buffered == 3


def test_what_follows_an_upgrade_is_handed_over():
    parser = RequestParser()
    parser.feed(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n\x81\x00")
    assert parser.next().fields.options == {"upgrade"}
    assert parser.detach() == b"\x81\x00" and parser.next() is None


# -- answers -------------------------------------------------------------------------------------------

def test_a_prefix_ends_where_the_length_begins():
    assert answer_prefix(200, "application/json", True, b"Date: x\r\n") == (
        b"HTTP/1.1 200 OK\r\nServer: mizud\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nDate: x\r\n"
        b"Content-Length: ")
    assert answer_prefix(404, None, False) == (
        b"HTTP/1.1 404 Not Found\r\nServer: mizud\r\nConnection: close\r\nContent-Length: ")
    assert bodiless_answer(204, True) == b"HTTP/1.1 204 No Content\r\nServer: mizud\r\nConnection: keep-alive\r\n\r\n"


def test_no_text_of_a_peer_becomes_a_field():
    for bad in ("a\r\nX: 1", "a\nX: 1", "a\0"):
        with pytest.raises(ValueError):
            answer_prefix(200, bad, True)


@pytest.mark.parametrize("seconds, text", [
    (784111777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (1709164800.9, "Thu, 29 Feb 2024 00:00:00 GMT"), (4102444799, "Thu, 31 Dec 2099 23:59:59 GMT"),
])
def test_a_date_is_an_imf_fixdate(seconds, text):
    assert http_date(seconds) == text


# -- mutants against a second, plain reader --------------------------------------------------------------

SEEDS = [
    b"GET /mvapireq/?apientry=balance&authid=u&x=%20 HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\n\r\n" * 3,
    b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world"
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST /b HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n6\r\n world\r\n"
    b"0\r\nT: 1\r\n\r\n"
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" * 3,
    b"PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" * 3,
    b"\r\nGET http://b:81/p?q HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\nCookie: a\r\nCookie: b\r\n\r\nGET /y HTTP/1.0\r\n\r\n",
    b"GET /lf HTTP/1.1\nHost: a\nX-Y: z\n\nrest",
    b"POST /lf HTTP/1.0\nContent-Length: 3\nX-Y: z\n\nabc",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    b"PUT /c HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab"
    b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n",
]
SPLINTERS = [b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"\t", b":", b"\0", b"\x7f", b"\x85", b"\xc3\xa9",
             b",", b";", b"0", b"+", b"/",
             b"HTTP/2.0", b"Host: b\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n x: y",
             b"0\r\n\r\n",
             b"Expect: x\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"GET /", b" HTTP/1.1", b"x" * 60, b"http://",
             b"?", b"FF\r\n"]


def mutants(count, seed):
    chance = random.Random(seed)
    for number in range(count):
        data = bytearray(chance.choice(SEEDS))
        for _ in range(number % 4):
            at = chance.randrange(len(data) + 1)
            kind = chance.randrange(5)
            if kind == 0:
                data[at:at + 1] = bytes([chance.randrange(256)])
            elif kind == 1:
                del data[at:at + chance.choice((1, 1, 2, 9))]
            elif kind == 2:
                data[at:at] = chance.choice(SPLINTERS)
            elif kind == 3:
                data[at:at + chance.choice((1, 2, 5))] = chance.choice(SPLINTERS)
            else:
                other = chance.choice(SEEDS)
                data[at:] = other[chance.randrange(len(other)):]
        yield bytes(data), chance


def test_20000_mutants_are_read_as_by_a_plain_reader_however_they_are_cut():
    limits = {"max_target": 60, "max_body": 300}
    whole = refused = 0
    for data, chance in mutants(20_000, 9112):
        expected = plain_run(data, **limits)
        seen = run([data], **limits)
        assert seen == expected, data
        cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 5)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
        assert run(pieces, **limits) == seen, (data, cuts)
        whole += all(isinstance(entry, tuple) for entry in seen)
        refused += any(isinstance(entry, int) for entry in seen)
    assert whole > 5000 and refused > 5000


def test_octet_by_octet_is_as_in_one_piece_also_at_the_limits():
    limits = {"max_target": 24, "max_head": 80, "max_body": 10}
    for data, _ in mutants(2_000, 7):
        assert run(octets(data), **limits) == run([data], **limits), data


def test_a_request_line_means_the_same_before_known_fields():
    rest, chance = b" HTTP/1.1\r\nHost: a\r\n\r\n", random.Random(3)
    for _ in range(5_000):
        line = bytearray(b"GET /mvapireq/?a=b")
        for _ in range(chance.randrange(1, 3)):
            at = chance.randrange(len(line) + 1)
            line[at:at + chance.randrange(2)] = chance.choice((bytes([chance.randrange(256)]), *SPLINTERS))
        fresh = run([b"PUT / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + line + rest])[1:]
        known = run([b"PUT /" + rest + line + rest])[1:]
        assert fresh == known, line
