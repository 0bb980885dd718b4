"""Static files under /mvweb/ (RFC 9110: types, ETag, conditional and range requests).

There is no way out of the folder: names are judged before the file system is asked, and what links lead to is
judged again.  What users uploaded (filestorage) is only ever offered for saving.
"""

import os
import stat

from ..base.errors import ApiError
from ..wire.http1 import http_date
from ..wire.query import unquote

MAX_FILE = 32 << 20
"""A larger one is served in ranges of this size only (players and download managers ask for ranges)."""

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


def safe_path(root, name):
    """The real path of a name under `root` (both texts), or ApiError 400/403/404: no absolute name, no `..`, no
    drive, no NUL, no hidden file, and no link that leads out."""
    parts = name.split("/")
    if "\0" in name or "\\" in name or ":" in name or any(part[:1] == "." for part in parts):
        raise ApiError(403, "this name is not allowed")
    root = os.path.realpath(root)
    path = os.path.realpath(os.path.join(root, *[part for part in parts if part]))
    if path != root and not path.startswith(root + os.sep):
        raise ApiError(403, "this name leads out of the folder")
    return path


class File:
    """A part of a file: status, content type, extra header fields, bytes (None: an answer without a body)."""
    __slots__ = ("status", "content_type", "extra", "body")

    def __init__(self, status, content_type, extra, body):
        self.status = status
        self.content_type = content_type
        self.extra = extra
        self.body = body


class StaticFiles:
    """Files of one folder; get() blocks on the disk and belongs in a worker."""

    def __init__(self, root):
        self.root = root

    def get(self, name, values):
        """The File for a path below /mvweb/ and the header fields of the request."""
        try:
            path = safe_path(self.root, unquote(name))
            if os.path.isdir(path):
                path = os.path.join(path, "index.html")
            with open(path, "rb") as file:
                return self._file(file, os.fstat(file.fileno()), name, values)
        except ApiError as error:
            return _plain(error.code, error.message)
        except (OSError, ValueError):
            return _plain(404, "no such file")

    def _file(self, file, status, name, values):
        if not stat.S_ISREG(status.st_mode):
            return _plain(403, "not a regular file")
        etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        uploaded = name.lower().startswith("filestorage/")
        content_type = _TYPES.get(name.rpartition(".")[2].lower() if "." in name else "html", _OTHER)
        extra = (f"ETag: {etag}\r\nLast-Modified: {http_date(int(status.st_mtime))}\r\nAccept-Ranges: bytes\r\n"
                 "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n")
        if uploaded:
            extra += "Content-Disposition: attachment\r\nContent-Security-Policy: sandbox; default-src 'none'\r\n"
        if _matches(values.get("if-none-match"), etag) or (
                "if-none-match" not in values and values.get("if-modified-since") == http_date(int(status.st_mtime))):
            return File(304, None, extra.encode(), None)
        size = status.st_size
        first, last = 0, size - 1
        asked = values.get("range") if values.get("if-range", etag) == etag else None
        wanted = _range(asked, size) if asked else None
        if wanted == ():
            return File(416, "text/plain", f"Content-Range: bytes */{size}\r\n".encode(), b"")
        if wanted or size > MAX_FILE:
            first, last = wanted or (0, size - 1)
            last = min(last, first + MAX_FILE - 1)
            extra += f"Content-Range: bytes {first}-{last}/{size}\r\n"
        file.seek(first)
        return File(206 if wanted or size > MAX_FILE else 200, content_type, extra.encode(),
                    file.read(last - first + 1))


def _plain(status, text):
    return File(status, "text/plain; charset=utf-8", b"", text.encode() + b"\n")


def _matches(sent, etag):
    """If-None-Match: weak comparison, or `*`."""
    if not sent:
        return False
    return sent.strip() == "*" or etag in [each.strip().removeprefix("W/") for each in sent.split(",")]


def _range(text, size):
    """(first, last) of one byte range, () when it cannot be satisfied, None for what RFC 9110 14.2 lets us ignore."""
    unit, _, spec = text.partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or not (first + last).isdecimal() or not (first + last).isascii():
        return None
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) and size else ()
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return ()
    return int(first), min(int(last), size - 1) if last else size - 1
