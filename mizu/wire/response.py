"""HTTP/1.1 responses out (RFC 9112 4, 6; RFC 9110 6.6.1, 8.6, 15): status, type and body -> octets.

A response is answer_prefix() + length + head_end() + body: the first is the same for
all answers of a kind, the last for all of a second.  Knows no clock and no request.
"""

from datetime import datetime, timezone
from functools import lru_cache

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

REASONS = {
    101: "Switching Protocols",
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
    301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
    415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed", 420: "Bad Pin",
    421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked", 426: "Upgrade Required",
    428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout", 505: "HTTP Version Not Supported", 507: "Insufficient Storage",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def render_answer(status, content_type, keep_alive, body, end, extra=b"", omit_body=False):
    """A whole response.  `end` is head_end(second), `extra` whole field lines,
    omit_body answers HEAD: the head is that of GET (RFC 9110 9.3.2)."""
    head = answer_prefix(status, content_type, keep_alive, extra) + b"%d" % len(body) + end
    return head if omit_body else head + body


def render_bodiless(status, keep_alive, end, extra=b""):
    """A response that never has content: 204, 304 (RFC 9110 8.6: no Content-Length in 204)."""
    return (_status_and_connection(status, keep_alive) + extra)[:-2] + end


@lru_cache(maxsize=256)     # kinds of answers: status x type x CORS origin, some dozens in use
def answer_prefix(status, content_type, keep_alive, extra=b""):
    """The head up to and with `Content-Length: `."""
    return b"".join((_status_and_connection(status, keep_alive), field_line("Content-Type", content_type), extra,
                     b"Content-Length: "))


@lru_cache(maxsize=2)
def head_end(second):
    """What follows the last field: CRLF, Date and the empty line.  `second`: whole Unix seconds."""
    return b"\r\nDate: " + http_date(second) + b"\r\n\r\n"


def http_date(seconds):
    """Unix seconds -> IMF-fixdate (RFC 9110 5.6.7); the names are never those of a locale."""
    at = datetime.fromtimestamp(int(seconds), timezone.utc)
    return (f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
            f"{at.hour:02}:{at.minute:02}:{at.second:02} GMT").encode()


def field_line(name, value):
    """`Name: value` and CRLF, characters above U+00FF as `?`.  ValueError on a line break or NUL inside:
    the text of a peer must not become a field of ours."""
    line = f"{name}: {value}".encode("latin-1", "replace")
    if b"\r" in line or b"\n" in line or b"\0" in line:
        raise ValueError("control character in a field")
    return line + b"\r\n"


def _status_and_connection(status, keep_alive):
    return (f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\nServer: mizud\r\n"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n").encode()
