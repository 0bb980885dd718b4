"""Files sent over HTTP beside the API: forms posted to /mvweb/, and recordings that phones put anywhere.

Both become a request to the API, so that limits, bans and proofs hold for them, too.  A phone names itself by HTTP's
Basic scheme (RFC 7617) or by the API's parameters in the query.
"""

import base64
import binascii

from ..base.errors import ApiError
from ..formats.request import Parsed, read_body
from ..wire.query import parse_query
from .webapi import submit

FILEUPLOAD, RECORDUPLOAD = "fileupload", "recordupload"

HEADERS = {"x-filename": "filename", "x-caller": "caller", "x-called": "called", "x-callid": "callid"}
"""What a phone says of its recording; `x-user` is authid where nothing else names the user."""


def is_recording(message):
    """Whether it is what phones send: `X-type: fileupload`."""
    return message.fields.values.get("x-type", "").strip().lower() == FILEUPLOAD


def on_upload(connection, message, facts, path, query):
    """A form with `filepath` and a file `filedata`."""
    submit(connection, message, facts, lambda: _form(message, path, query))


def on_recording(connection, message, facts, path, query):
    """A file as the body, or as the one of a form."""
    submit(connection, message, facts, lambda: _recording(message, path, query))


def _form(message, path, query):
    body = read_body(message.fields.values.get("content-type", ""), message.body)
    if not isinstance(body.params, dict):
        raise ApiError(400, "files come one at a time")
    params = {**_proof(message), **body.params, **parse_query(query), "apientry": FILEUPLOAD}
    return Parsed("form", path, params, body.files)


def _recording(message, path, query):
    fields = message.fields.values
    told = {param: fields[name] for name, param in HEADERS.items() if name in fields}
    files = None
    if fields.get("content-type", "").lower().startswith("multipart/"):
        files = read_body(fields["content-type"], message.body).files
    files = files or {"filedata": (told.get("filename", ""), message.body)}
    proof = {"authid": fields["x-user"]} if "x-user" in fields else {}
    params = {**proof, **_proof(message), **told, **parse_query(query), "apientry": RECORDUPLOAD}
    return Parsed("form", path, params, files)


def _proof(message):
    """The user and password of `Authorization: Basic`, {} without them."""
    scheme, _, encoded = message.fields.values.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise ApiError(400, "Authorization: Basic takes user:password in Base64") from None
    return {"authid": user, "authpwd": password} if colon else {}
