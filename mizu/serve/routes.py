"""Paths of the main port beside the API: pages, health, the API's description, files, WebSockets."""

from functools import cache

from ..base.task import Future
from .page import front_page
from .pieces import Pieces
from .static import File
from .uploads import on_upload
from .webfacts import FIXED
from .websockets import on_sip_websocket, on_websocket

_TEXT = "text/plain; charset=utf-8"
_PAGE = b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n" + FIXED


def on_page(connection, message, facts, path, query):
    if connection.may_read(message):
        page = front_page(connection.front.server, message.fields.host)
        connection.answer(message, 200, "text/html; charset=utf-8", page, _PAGE)


def on_health(connection, message, facts, path, query):
    """Alive: the loop turns."""
    if connection.may_read(message):
        connection.answer(message, 200, _TEXT, b"OK\n", FIXED)


def on_ready(connection, message, facts, path, query):
    """Ready for work: started, not stopping, and the database takes writes."""
    if connection.may_read(message):
        trouble = connection.front.server.trouble()
        connection.answer(message, 503 if trouble else 200, _TEXT, (trouble or "OK").encode() + b"\n", FIXED)


def on_openapi(connection, message, facts, path, query):
    if connection.may_read(message):
        connection.answer(message, 200, "application/json", _openapi(), facts.cors_fixed)


@cache
def _openapi():
    """The command table does not change while the process runs, and to describe it takes 10 ms."""
    from ..api.manual import openapi
    return openapi().encode()


def on_static(connection, message, facts, path, query):
    """A file of /mvweb/, read in workers; one at a time on a connection, as it may be large.  Posted to, it takes
    one."""
    if message.method == "POST":
        return on_upload(connection, message, facts, path, query)
    server = connection.front.server
    answer = Future()
    work = server.workers.run(server.static.get, path[len("/mvweb"):], message.fields.values, message.method == "HEAD")
    work.then(lambda done: answer.set(_result(done)))
    connection.pipeline.wait(answer, lambda file: _framed(connection, message, facts, file), alone=True)


def _framed(connection, message, facts, file):
    """File -> the bytes of the HTTP answer, or Pieces of it."""
    extra = facts.cors + file.extra
    if file.source is None:
        return connection.framed(message, file.status, file.content_type, file.body, extra)
    head = connection.head(message, file.status, file.content_type, file.length, extra)
    if message.method == "HEAD":
        file.source.close()
        return head
    return Pieces(head, file.source, file.length, connection.front.server.workers)


def _result(done):
    try:
        return done.result()
    except Exception:           # more calls wait for the workers than they take
        return File(503, _TEXT, b"", b"too many files are being read, try again\n")


def on_unbuilt(connection, message, facts, path, query):
    connection.answer(message, 501, _TEXT, b"media over WebSocket is not served here\n", FIXED)


ROUTES = (
    (lambda path: path in ("/", "/index.html"), on_page),
    (lambda path: path == "/healthz", on_health),
    (lambda path: path == "/readyz", on_ready),
    (lambda path: path == "/openapi.json", on_openapi),
    (lambda path: "mvstwebsock" in path.lower(), on_websocket),
    (lambda path: "mfstwebsock" in path.lower(), on_sip_websocket),
    (lambda path: "mmstwebsock" in path.lower(), on_unbuilt),
    (lambda path: path.lower() == "/mvweb" or path.lower().startswith("/mvweb/"), on_static),
)
"""(matches(path), handler), tried in order; the API's own paths come before all of them."""
