"""Static files under /mvweb/ (RFC 9110: types, ETag, conditional and range requests).

There is no way out of the folder: names are judged before the file system is asked, and what links lead to is
judged again.  What users uploaded (filestorage) is only ever offered for saving.
"""

import os
import stat

from ..base.clock import http_date
from ..base.errors import ApiError
from ..base.paths import safe_path
from ..wire.query import unquote

MAX_WHOLE = 64 * 1024
"""Bytes of a file that are read at once; what is longer leaves in pieces, as fast as the client reads."""

_TYPES = {
    "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8", "json": "application/json",
    "txt": "text/plain; charset=utf-8", "csv": "text/csv; charset=utf-8", "xml": "text/xml; charset=utf-8",
    "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "ico": "image/x-icon", "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf",
    "mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg", "mp4": "video/mp4", "webm": "video/webm",
    "wasm": "application/wasm", "pdf": "application/pdf", "zip": "application/zip",
}
_OTHER = "application/octet-stream"
_PLAIN = "text/plain; charset=utf-8"
_GUARD = "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"
_UPLOADED = "Content-Disposition: attachment\r\nContent-Security-Policy: sandbox; default-src 'none'\r\n"


class File:
    """A file or a part of it as an answer: status, content type, extra header fields; its bytes in `body` (None: no
    body at all), or `length` bytes to be read from the open file `source`."""
    __slots__ = ("status", "content_type", "extra", "body", "source", "length")

    def __init__(self, status, content_type, extra, body, source=None, length=0):
        self.status = status
        self.content_type = content_type
        self.extra = extra
        self.body = body
        self.source = source
        self.length = length


class StaticFiles:
    """Files of one folder; get() blocks on the disk and belongs in a worker."""

    def __init__(self, root):
        self.root = root

    def get(self, name, values, head=False):
        """The File for the path behind /mvweb and the header fields of a request; `head`: its bytes are not wanted."""
        file = None
        try:
            path = safe_path(self.root, unquote(name))
            if os.path.isdir(path):
                if name[-1:] != "/":        # its page has links that are relative to it
                    return File(301, None, f"Location: {name.rpartition('/')[2] or 'mvweb'}/\r\n".encode(), None)
                path = safe_path(self.root, unquote(name) + "index.html")
            file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb", buffering=0)
            answer = self._file(file, os.fstat(file.fileno()), path, values, head)
        except ApiError as error:
            answer = _plain(error.code, error.message)
        except (OSError, ValueError):
            answer = _plain(404, "no such file")
        if file is not None and answer.source is None:
            file.close()
        return answer

    def _file(self, file, status, path, values, head):
        if not stat.S_ISREG(status.st_mode):
            return _plain(403, "not a regular file")
        size, changed = status.st_size, http_date(int(status.st_mtime))
        etag = f'"{status.st_mtime_ns:x}-{size:x}"'
        extra = f"ETag: {etag}\r\nLast-Modified: {changed}\r\nAccept-Ranges: bytes\r\n{_GUARD}"
        if self._uploaded(path):
            extra += _UPLOADED
        if _matches(values.get("if-none-match"), etag) or (
                "if-none-match" not in values and values.get("if-modified-since") == changed):
            return File(304, None, extra.encode(), None)
        asked = values.get("range") if values.get("if-range", etag) in (etag, changed) else None
        wanted = _range(asked, size) if asked and not head else None       # RFC 9110 14.2: only for GET
        if wanted == ():
            return File(416, _PLAIN, f"Content-Range: bytes */{size}\r\n".encode(), b"")
        first, last = wanted or (0, size - 1)
        if wanted:
            extra += f"Content-Range: bytes {first}-{last}/{size}\r\n"
        content_type = _TYPES.get(os.path.splitext(path)[1][1:].lower(), _OTHER)
        file.seek(first)
        length = last - first + 1
        if length > MAX_WHOLE:
            return File(206 if wanted else 200, content_type, extra.encode(), None, file, length)
        return File(206 if wanted else 200, content_type, extra.encode(), file.read(length) if length else b"")

    def _uploaded(self, path):
        """Whether users put it there: judged on the real path, as names have many spellings."""
        return os.path.relpath(path, os.path.realpath(self.root)).lower().startswith("filestorage" + os.sep)


def _plain(status, text):
    return File(status, _PLAIN, b"X-Content-Type-Options: nosniff\r\n", text.encode() + b"\n")


def _matches(sent, etag):
    """If-None-Match: weak comparison, or `*`."""
    if not sent:
        return False
    return sent.strip() == "*" or etag in [each.strip().removeprefix("W/") for each in sent.split(",")]


def _range(text, size):
    """(first, last) of one byte range, () when it cannot be satisfied, None for what RFC 9110 14.2 lets us ignore."""
    unit, _, spec = text.partition("=")
    first, dash, last = spec.strip().partition("-")
    digits = first + last
    if unit.strip().lower() != "bytes" or not dash or len(digits) > 40 or not (digits.isascii() and digits.isdecimal()):
        return None
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) and size else ()
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return ()
    return int(first), min(int(last), size - 1) if last else size - 1
