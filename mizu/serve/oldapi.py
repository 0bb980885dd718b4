"""The port of the old API: `GET /xmapi/COMMAND?key=SERVERKEY&user&password&number`, answered `OK` or `ERROR:reason`."""

from ..api.oldapi import old_code, read_old
from ..base.errors import ApiError
from ..base.message import Answer
from ..base.task import Future
from ..formats.answer import CONTENT_TYPE, render
from .httpd import HttpFront


def old_api_front(server):
    """The HttpFront of the port `httpserver`."""
    front = HttpFront(server, ROUTES, api=lambda path: False)
    front.prefixes = server.http.prefixes       # one Date for both ports
    return front


def on_old(connection, message, facts, path, query):
    front = connection.front
    pin = False
    try:
        parsed, pin = read_old(path, query)
    except ApiError as error:
        front.server.dispatcher.failures += 1
        answer = Answer("ERROR: " + error.message, code=error.code)
    else:
        if parsed.params["apientry"] in front.server.dispatcher.table:
            request, answer = front.asker.ask(parsed, facts.peer, connection.session, facts.direct)
        else:
            answer = Answer("ERROR: unknown command", code=406)
    if answer.__class__ is Future:
        connection.pipeline.wait(answer, lambda done: _rendered(connection, message, facts, done, pin))
    else:
        connection.pipeline.add(_rendered(connection, message, facts, answer, pin))


def _rendered(connection, message, facts, answer, pin):
    """Answer -> the bytes of the HTTP answer."""
    strict = connection.front.settings.httpstrictresponse
    status = old_code(answer.code, pin) if strict else 200
    body = render(answer, "text")
    if body.startswith(b"ERROR: "):
        body = b"ERROR:" + body[7:]
    return connection.framed(message, status, CONTENT_TYPE["text"], body, facts.cors_fixed)


ROUTES = (
    (lambda path: path.lower().startswith("/xmapi/"), on_old),
)
