"""HTML forms as multipart/form-data (RFC 7578, on RFC 2046 5.1.1).  Knows no HTTP: a boundary and a body come in."""

import re

from ..base.errors import ApiError
from .media_type import decode, parse_media_type

MAX_PARTS = 100             # fields of a form
MAX_PART_HEADERS = 8192     # bytes of one part's header, as much as HTTP allows a field line

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ESCAPES = {"%22": '"', "%0d": "\r", "%0a": "\n"}       # what browsers write for these three in a name
_ESCAPED = re.compile("%(?:22|0d|0a)", re.I)


def parse_multipart(body, boundary):
    """-> ({field in lower case: text}, {field: (file name, bytes)}).  Of a field given twice the first counts."""
    if not _BOUNDARY.fullmatch(boundary):
        raise ApiError(400, "multipart/form-data needs a boundary of 1 to 70 characters in Content-Type")
    params, files = {}, {}
    for part in _split(body, b"\r\n--" + boundary.encode()):
        fields, content = _split_part(part)
        name, filename = _disposition(fields)
        if filename is None:
            params.setdefault(name, decode(content, _charset(fields)))
        else:
            files.setdefault(name, (filename, content))
    return params, files


def _split(body, delimiter):
    """The parts between the delimiter lines; what stands before the first and after the closing one is ignored."""
    pieces = (b"\r\n" + body).split(delimiter, MAX_PARTS + 1)
    parts = []
    for piece in pieces[1:]:
        last = piece[:2] == b"--"
        padding, crlf, part = piece[2 if last else 0:].partition(b"\r\n")
        if padding.strip(b" \t"):
            raise ApiError(400, "a line of the multipart body goes on behind the boundary")
        if last:
            return parts
        if not crlf or len(parts) == MAX_PARTS:
            break
        parts.append(part)
    if len(parts) == MAX_PARTS:
        raise ApiError(400, f"a form has at most {MAX_PARTS} fields")
    raise ApiError(400, "the multipart body has no closing boundary")


def _split_part(part):
    """-> ({header field in lower case: value}, content)."""
    if part[:2] == b"\r\n":
        return {}, part[2:]
    end = part.find(b"\r\n\r\n", 0, MAX_PART_HEADERS)
    if end < 0:
        raise ApiError(400, f"a field of the form has no header, or one over {MAX_PART_HEADERS} bytes")
    fields = {}
    for line in part[:end].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon or not _FIELD_NAME.fullmatch(name):
            raise ApiError(400, "a header line of the form is not `name: value`")
        fields.setdefault(name.decode().lower(), decode(value).strip())
    return fields, part[end + 4:]


def _disposition(fields):
    """Name and file name (None for an ordinary field) of Content-Disposition, RFC 7578 4.2."""
    kind, params = parse_media_type(fields.get("content-disposition", ""))
    if kind != "form-data" or not params.get("name"):
        raise ApiError(400, 'each field of a form needs Content-Disposition: form-data; name="…"')
    if fields.get("content-transfer-encoding", "8bit").lower() not in ("7bit", "8bit", "binary"):
        raise ApiError(400, "Content-Transfer-Encoding is not for forms (RFC 7578 4.7), send the bytes as they are")
    filename = params.get("filename")
    return _unescape(params["name"]).lower(), None if filename is None else _unescape(filename)


def _charset(fields):
    return parse_media_type(fields.get("content-type", ""))[1].get("charset", "")


def _unescape(text):
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0].lower()], text)
