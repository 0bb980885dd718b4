"""The API over HTTP: a request's query and body become one request, an Answer becomes an HTTP answer.

The manual's chapter Request/response format; JSONP is answered to GET only, so that a script cannot post with it.
"""

from ..base.errors import ApiError
from ..base.message import RowStream
from ..base.task import Future
from ..formats.answer import CONTENT_TYPE
from ..formats.request import Parsed, meant, read_body
from ..formats.streamed import layout
from ..wire.query import parse_query
from .asker import code_of
from .pieces import Pieces, RowPieces

_CHALLENGE = b'WWW-Authenticate: mizud realm="api"\r\n'      # RFC 9110 15.5.2; a scheme no browser asks a password for


def on_api(connection, message, facts, path, query):
    """Route: a request to the API in its query, its body, or both (the query wins)."""
    if message.body or message.method == "POST":
        submit(connection, message, facts, lambda: _merged(message, path, query), query)
    else:
        submit(connection, message, facts, lambda: Parsed("url", path, parse_query(query)), query)


def submit(connection, message, facts, read, query=""):
    """Ask the API what `read()` gives, a Parsed or ApiError, and have the answer sent."""
    asker = connection.front.asker
    try:
        parsed = read()
    except ApiError as error:
        syntax = meant(message.body, message.fields.values.get("content-type", ""))
        request, answer = asker.refused(error, facts.peer, facts.accept, syntax, _format_of(query))
    else:
        request, answer = asker.ask(parsed, facts.peer, connection.session, facts.direct, facts.accept, streams=True)
    if answer.__class__ is Future:
        connection.pipeline.wait(answer, lambda done: _rendered(connection, message, facts, request, done))
    else:
        connection.pipeline.add(_rendered(connection, message, facts, request, answer))


def _format_of(query):
    """The `format` of a query beside a body that cannot be read."""
    try:
        return parse_query(query).get("format", "")
    except ApiError:
        return ""


def _rendered(connection, message, facts, request, answer):
    """Answer, or a batch's list -> the bytes of the HTTP answer, or RowPieces of it."""
    front, extra, keep_alive = connection.front, facts.cors_fixed, True
    if answer.__class__ is list:
        body, content_type = front.asker.body(request, answer), CONTENT_TYPE["json"]
    elif answer.blob is not None:
        body, content_type = answer.blob.body, answer.blob.content_type
        extra += _disposition(answer.blob.filename)
        if answer.blob.length is not None:
            return _file(connection, message, answer.blob, extra)
    elif answer.data.__class__ is RowStream:
        return _streamed(connection, message, request, answer, extra)
    else:
        body, keep_alive = front.asker.body(request, answer), not answer.close
        content_type = CONTENT_TYPE[request.format]
    status = code_of(answer) if front.settings.httpstrictresponse else 200
    if status == 401:
        extra += _CHALLENGE
    return connection.framed(message, status, content_type, body, extra, keep_alive)


def _file(connection, message, blob, extra):
    """A Blob whose body is an open file."""
    head = connection.head(message, 200, blob.content_type, blob.length, extra)
    if message.method == "HEAD":
        blob.body.close()
        return head
    return Pieces(head, blob.body, blob.length, connection.front.server.workers)


def _streamed(connection, message, request, answer, extra):
    """An Answer whose rows come a page at a time."""
    head, chunked = connection.endless_head(message, 200, CONTENT_TYPE[request.format], extra)
    if message.method == "HEAD":
        return head
    return RowPieces(head, layout(answer, request.format), answer.data, chunked, connection.front.server, request.entry)


def _merged(message, path, query):
    """Query and body as one request; for a batch the query holds what its requests have in common."""
    common = parse_query(query)
    body = read_body(message.fields.values.get("content-type", ""), message.body)
    syntax = body.syntax if message.body else "url"
    if isinstance(body.params, list):
        return Parsed(syntax, path, [{**each, **common} for each in body.params], body.files)
    params = {**body.params, **common}
    if params.get("format") == "jsonp" and message.method == "POST":
        raise ApiError(400, "jsonp takes GET only")
    return Parsed(syntax, path, params, body.files)


def _disposition(filename):
    """Offers the answer for saving; the name cannot leave its quotes."""
    if filename is None:
        return b""
    safe = "".join([c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in filename])
    return b'Content-Disposition: attachment; filename="%s"\r\n' % safe.encode()
