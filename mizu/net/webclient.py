"""HTTP requests to the gateways that the operator has configured (RFC 9110), certificates verified.

For worker threads: fetch() blocks.  Redirections are not followed, for a gateway's address is the operator's choice,
and no proxy is asked.  Knows nothing of what is said.
"""

import socket
from urllib.parse import urlsplit

from ..base.clock import Clock
from ..base.errors import ApiError, NotReached

SECONDS = 15.0
MAX_BODY = 65_536
"""Bytes of an answer that are read: gateways answer in a line or a page."""


class Reply:
    """status, headers (of urllib's answer), body (bytes)."""
    __slots__ = ("status", "headers", "body")

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


def fetch(url, body=None, headers={}, seconds=SECONDS, method=None, monotonic=Clock.monotonic):
    """The Reply, whatever its status; ApiError 502 when there is none (NotReached: and nothing was sent), 504 when time
    is up.  POST with a body."""
    from http.client import HTTPException
    from urllib.request import Request
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(501, "a gateway's address begins with http:// or https://")
    until = monotonic() + seconds
    request = Request(url, body, {"User-Agent": "mizud", **headers}, method=method)
    try:
        with _opener(parts.scheme).open(request, timeout=seconds) as answer:
            return Reply(answer.status, answer.headers, _body(answer, until, monotonic))
    except (OSError, HTTPException, ValueError) as error:       # ValueError: a URL that http.client refuses
        reason = getattr(error, "reason", None) or error        # the URL itself may hold a password
        if isinstance(reason, TimeoutError):
            raise _late(seconds) from None
        fault = NotReached if _before_sending(reason) else ApiError
        raise fault(502, f"{parts.hostname} does not answer: {type(error).__name__} {str(reason)[:100]}") from None


def _before_sending(reason):
    """Whether an error can only come before the first byte of the request: no name, no listener, no trust."""
    return (isinstance(reason, (ConnectionRefusedError, socket.gaierror))
            or type(reason).__name__ == "SSLCertVerificationError")


def _opener(scheme):
    """One that neither follows redirections nor takes a status for an error."""
    from urllib.request import HTTPHandler, OpenerDirector
    opener = OpenerDirector()
    if scheme == "http":
        opener.add_handler(HTTPHandler())
        return opener
    try:
        import ssl
        from urllib.request import HTTPSHandler
    except ImportError:
        raise ApiError(501, "https needs Python's ssl module, which is missing here") from None
    opener.add_handler(HTTPSHandler(context=ssl.create_default_context()))
    return opener


def _body(answer, until, monotonic):
    body = bytearray()
    while len(body) < MAX_BODY:
        piece = answer.read1(MAX_BODY - len(body))
        if not piece:
            break
        body += piece
        if monotonic() > until:
            raise TimeoutError("the answer took too long")
    return bytes(body)


def _late(seconds):
    return ApiError(504, f"the gateway did not answer within {seconds:g} seconds")
