"""Paths of the main port beside the API: pages, health, the API's description, files, WebSockets."""

from ..base.task import Future
from .page import front_page
from .static import File
from .webfacts import FIXED
from .websockets import on_websocket

_TEXT = "text/plain; charset=utf-8"


def on_page(connection, message, facts, path, query):
    connection.answer(message, 200, "text/html; charset=utf-8", front_page(connection.front.server, message.fields.host),
                      b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n" + FIXED)


def on_health(connection, message, facts, path, query):
    """Alive: the loop turns."""
    connection.answer(message, 200, _TEXT, b"OK\n", FIXED)


def on_ready(connection, message, facts, path, query):
    """Ready for work: started, not stopping, and the database takes writes."""
    trouble = connection.front.server.trouble()
    connection.answer(message, 503 if trouble else 200, _TEXT, (trouble or "OK").encode() + b"\n", FIXED)


def on_openapi(connection, message, facts, path, query):
    from ..api.manual import openapi
    connection.answer(message, 200, "application/json", openapi().encode(), facts.cors_fixed)


def on_static(connection, message, facts, path, query):
    """A file of /mvweb/, read in a worker."""
    server = connection.front.server
    name = path.lower().partition("/mvweb")[2].lstrip("/")
    name = path[len(path) - len(name):] if name else ""
    work = server.workers.run(server.static.get, name, message.fields.values)
    answer = Future()
    work.then(lambda done: answer.set(_result(done)))
    connection.pipeline.wait(answer, lambda file: connection.framed(message, file.status, file.content_type,
                                                                    file.body, facts.cors + file.extra))


def _result(done):
    try:
        return done.result()
    except Exception:
        return File(503, _TEXT, b"", b"too many files are being read, try again\n")


def on_unbuilt(connection, message, facts, path, query):
    connection.answer(message, 501, _TEXT, b"SIP over WebSocket is not served here\n", FIXED)


ROUTES = (
    (lambda path: path in ("/", "/index.html"), on_page),
    (lambda path: path == "/healthz", on_health),
    (lambda path: path == "/readyz", on_ready),
    (lambda path: path == "/openapi.json", on_openapi),
    (lambda path: "mvstwebsock" in path.lower(), on_websocket),
    (lambda path: "mfstwebsock" in path.lower() or "mmstwebsock" in path.lower(), on_unbuilt),
    (lambda path: path.lower() == "/mvweb" or path.lower().startswith("/mvweb/"), on_static),
)
"""(matches(path), handler), tried in order; the API's own paths come before all of them."""
