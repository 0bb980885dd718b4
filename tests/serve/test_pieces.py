"""Tables too long for the memory: in chunks over HTTP, a page at a time, no faster than they are read."""

import json

import pytest

from mizu.base.errors import ApiError
from mizu.base.message import Answer, RowStream, Rows
from mizu.base.task import Future
from mizu.formats.answer import render
from mizu.serve import asker
from mizu.serve.pipeline import HIGH_WATER

COLUMNS = ["id", "name"]


class Table:
    """A RowStream of `pages` pages of `size` rows; `asked` counts them.  A page that is an exception is raised."""

    def __init__(self, pages, size=250):
        self.asked = 0
        self.pages = [[(page * size + row, f"row {row}") for row in range(size)] for page in range(pages)]
        self.rows = [row for page in self.pages for row in page]
        self.stream = RowStream(COLUMNS, self.more)

    def more(self):
        future = Future()
        self.asked += 1
        page = self.pages.pop(0) if self.pages else []
        if isinstance(page, Exception):
            future.fail(page)
        else:
            future.set(page)
        return future


@pytest.fixture
def serve(web, monkeypatch):
    """serve(table): the command `cdr` answers with it."""
    def put(table):
        submit = web.dispatcher.submit

        def submitted(request, session):
            if request.entry != "cdr":
                return submit(request, session)
            future = Future()
            web.reactor.soon(lambda: future.set(Answer("OK", table.stream, entry="cdr")))
            return future
        monkeypatch.setattr(web.dispatcher, "submit", submitted)
        return table
    return put


def ask(format, version="1.1", method="GET", more=""):
    return f"{method} /mvapireq/?apientry=cdr&format={format} HTTP/{version}\r\nHost: h\r\n{more}\r\n".encode()


def unchunked(data):
    """(head, body, what follows) of an answer in chunks, by the plainest reading of RFC 9112 7.1."""
    head, _, data = data.partition(b"\r\n\r\n")
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            assert data.startswith(b"\r\n")
            return head, body, data[2:]
        body += data[:int(size, 16)]
        assert data[int(size, 16):][:2] == b"\r\n"
        data = data[int(size, 16) + 2:]


@pytest.mark.parametrize("format", ["json", "csv", "xml", "text", "html"])
def test_a_long_table_comes_in_chunks_and_is_the_table(web, serve, format):
    table = serve(Table(3))
    head, body, rest = unchunked(web.talk(ask(format)))
    assert b"Transfer-Encoding: chunked" in head and b"Content-Length" not in head and rest == b""
    assert body == render(Answer("OK", Rows(COLUMNS, table.rows), entry="cdr"), format)


def test_the_next_answer_waits_for_its_end_and_the_connection_stays(web, serve):
    serve(Table(3))
    stream = web.connect()
    stream.say(ask("csv") + b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
    _, body, rest = unchunked(stream.sent)
    assert body.count(b"\r\n") == 751 and rest.startswith(b"HTTP/1.1 200 OK") and rest.endswith(b"OK\n")
    assert stream.open


def test_http_1_0_gets_it_up_to_the_end_of_the_connection(web, serve):
    table = serve(Table(2))
    stream = web.connect()
    stream.say(ask("csv", "1.0", more="Connection: keep-alive\r\n"))
    head, _, body = stream.sent.partition(b"\r\n\r\n")
    assert b"chunked" not in head and b"Connection: close" in head and not stream.open
    assert body == render(Answer("OK", Rows(COLUMNS, table.rows), entry="cdr"), "csv")


def test_head_gets_no_rows(web, serve):
    table = serve(Table(2))
    sent = web.talk(ask("csv", method="HEAD"))
    assert sent.endswith(b"\r\n\r\n") and b"chunked" in sent and table.asked == 0


def test_a_peer_that_reads_nothing_is_sent_little_and_costs_little(web, serve):
    table = serve(Table(200))
    stream = web.connect()
    stream.full = True
    stream.say(ask("json"))
    assert stream.pending < HIGH_WATER + 20_000 and table.asked < 60
    asked = table.asked
    stream.settle()
    assert table.asked == asked
    while stream.pending:
        stream.read()
        stream.settle()
    assert len(json.loads(unchunked(stream.sent)[1])["data"]) == 50_000


def test_a_peer_that_leaves_ends_the_reading(web, serve):
    table = serve(Table(200))
    stream = web.connect()
    stream.full = True
    stream.say(ask("json"))
    stream.lose()
    asked = table.asked
    stream.pending = 0
    stream.settle()
    assert table.asked == asked


def test_a_fault_in_the_middle_leaves_an_answer_that_has_no_end(web, serve, monkeypatch):
    said = []
    monkeypatch.setattr(web.log, "error", said.append)
    table = serve(Table(3))
    table.pages[1] = ApiError(503, "the database is busy")
    stream = web.connect()
    stream.say(ask("json"))
    assert stream.aborted and not stream.sent.endswith(b"0\r\n\r\n")
    assert len(said) == 1 and said[0].startswith("cdr, half of it sent, failed")


@pytest.mark.parametrize("format", ["url", "soap", "line"])
def test_formats_that_are_one_piece_get_a_part_and_a_warning(web, serve, monkeypatch, format):
    monkeypatch.setattr(asker, "MOST_GATHERED", 300)
    table = serve(Table(200))
    status, fields, body = web.get(f"/mvapireq/?apientry=cdr&format={format}")
    assert int(fields["content-length"]) == len(body) and table.asked == 2
    assert b"only the first 300 rows".replace(b" ", b"+" if format == "url" else b" ") in body


def test_other_transports_get_it_in_one_piece(web, serve, monkeypatch):
    monkeypatch.setattr(asker, "MOST_GATHERED", 300)
    serve(Table(1))
    stream = web.connect()
    stream.say(b"/mvapireq/?apientry=cdr&format=json\n")
    assert len(json.loads(stream.sent)["data"]) == 250


def test_what_is_empty_is_left_out_where_it_is_one_piece_too(web, serve):
    table = serve(Table(1, 3))
    table.pages[0][1] = (1, None)
    table.stream.thin = True
    stream = web.connect()
    stream.say(b"/mvapireq/?apientry=cdr&format=json\n")
    assert [list(row) for row in json.loads(stream.sent)["data"]] == [["id", "name"], ["id"], ["id", "name"]]


@pytest.mark.parametrize("fault, code", [(ApiError(503, "the database is busy"), 503), (KeyError("bug"), 500)])
def test_a_fault_where_it_is_one_piece_is_an_answer(web, serve, fault, code):
    table = serve(Table(2))
    table.pages[1] = fault
    stream = web.connect()
    stream.say(b"/mvapireq/?apientry=cdr&format=json\n")
    assert json.loads(stream.sent)["code"] == code
