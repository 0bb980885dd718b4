"""Files: put and fetched by administrators, sent by users and by their phones (the manual's chapter File upload)."""

import base64
import binascii
import os

from ..api.command import ADMIN, USER, command
from ..api.param import Param, Type, text
from ..base.errors import ApiError
from ..base.message import Answer, Blob
from ..records.files import FILES, LOGS, PUBLIC, RECORDINGS, cleaned
from .writing import settle

PUBLIC_URL = "/mvweb/filestorage/"

LONGEST_TOLD = 200
"""Characters of a parameter that the audit row keeps: not the file."""

WHOLE = 64 << 10
"""Bytes that `file` sends over any transport; larger ones leave over HTTP, as fast as the client reads."""

_FROM_URL = bytes.maketrans(b"-_ ", b"+/+")     # RFC 4648 5; and a + that nobody has escaped


def _encoded(text):
    """Base64 as bytes, decoded in a worker; what is none shows there."""
    return text.encode("ascii", "replace")


FILENAME = Param("filename", text, "the file's name, with the folders it is in: a/b.txt", aliases=("name",))
FILEDATA = Param("filedata", Type("base64", _encoded, "Base64", {"type": "string", "format": "byte"}, "SGVsbG8="),
                 "the file's contents in Base64, or as a file of a multipart form")


async def _contents(ctx, filedata):
    """The bytes of a file that came as one of a form, or in Base64."""
    params = ctx.request.params
    for name, value in params.items():
        if len(value) > LONGEST_TOLD:
            params[name] = value[:LONGEST_TOLD] + "…"
    if ctx.request.files:
        return (ctx.request.files.get("filedata") or next(iter(ctx.request.files.values())))[1]
    if filedata is None:
        raise ApiError(400, f"missing parameter filedata ({FILEDATA.help})")
    try:
        return await ctx.server.workers.run(_decoded, filedata)
    except binascii.Error:
        raise ApiError(400, "parameter filedata takes Base64") from None


def _decoded(data):
    """RFC 4648, line breaks and missing padding allowed."""
    data = data.translate(_FROM_URL, b"\r\n\t").rstrip(b"=")
    return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)


async def _put(ctx, area, filename, filedata):
    size = await ctx.server.files.put(area, filename, await _contents(ctx, filedata))
    return Answer(f"OK: {filename} saved, {size} bytes", {"filename": filename, "size": size})


async def _get(ctx, area, filename):
    """In Base64, as it came."""
    data = await ctx.server.files.get(area, filename)
    encoded = (await ctx.server.workers.run(base64.b64encode, data)).decode()
    return Answer(f"OK: {filename}, {len(data)} bytes", {"filename": filename, "size": len(data), "filedata": encoded})


@command("putfile", group="store", access=ADMIN, alone=True, params=[FILENAME, FILEDATA],
         summary="Saves a file in the server's file folder")
async def putfile(ctx, filename, filedata=None):
    return await _put(ctx, FILES, filename, filedata)


@command("getfile", group="store", access=ADMIN, audited=True, params=[FILENAME],
         summary="A file of the server's file folder, in Base64")
async def getfile(ctx, filename):
    return await _get(ctx, FILES, filename)


@command("pputfile", group="store", access=ADMIN, alone=True, params=[FILENAME, FILEDATA],
         summary="Saves a file in the public file storage, /mvweb/filestorage/")
async def pputfile(ctx, filename, filedata=None):
    answer = await _put(ctx, PUBLIC, filename, filedata)
    answer.data["url"] = PUBLIC_URL + filename
    return answer


@command("pgetfile", group="store", access=ADMIN, audited=True, params=[FILENAME],
         summary="A file of the public file storage, in Base64")
async def pgetfile(ctx, filename):
    return await _get(ctx, PUBLIC, filename)


@command("file", group="store", access=ADMIN, audited=True, params=[FILENAME],
         summary="Sends a file of the file folder, or of the log folder, as it is")
async def file(ctx, filename):
    files = ctx.server.files
    try:
        found, size = await files.open(FILES, filename)
    except ApiError as error:
        if error.code != 404:
            raise
        found, size = await files.open(LOGS, filename)
    name = os.path.basename(filename)
    if size > WHOLE and ctx.request.peer.transport in ("http", "https"):
        return Answer("OK", blob=Blob("application/octet-stream", found, name, size))
    with found:
        if size > WHOLE:
            raise ApiError(422, f"the file has {size} bytes: fetch it over HTTP")
        return Answer("OK", blob=Blob("application/octet-stream", found.read(size), name))


@command("fileupload", group="store", access=USER, alone=True, audited=True,
         params=[Param("filepath", text, "folder in the file storage"), FILENAME, FILEDATA],
         summary="Takes a file into the public file storage; what is there already is not replaced")
async def fileupload(ctx, filepath="", filename="", filedata=None):
    data = await _contents(ctx, filedata)
    folder, name = cleaned(filepath), cleaned(_sent_name(ctx, filename))
    path = f"{folder}/{name}" if folder else name
    size = await ctx.server.files.put(PUBLIC, path, data, replace=ctx.is_admin)
    return Answer(f"OK: {PUBLIC_URL}{path}", {"url": PUBLIC_URL + path, "size": size})


def _sent_name(ctx, filename):
    """The parameter, or the name of the form's file without the folders that it had at home."""
    files = ctx.request.files or {}
    sent = (files.get("filedata") or next(iter(files.values()), ("",)))[0]
    name = filename or sent.replace("\\", "/").rpartition("/")[2]
    if not name:
        raise ApiError(400, f"missing parameter filename ({FILENAME.help})")
    return name


@command("recordupload", group="store", access=USER, alone=True, audited=True,
         params=[FILENAME, Param("callid", text, "SIP Call-ID of the call"), Param("caller", text, "who called"),
                 Param("called", text, "who was called"), FILEDATA],
         summary="Takes the recording of a call that a phone has made")
async def recordupload(ctx, filename="", callid="", caller="", called="", filedata=None):
    data = await _contents(ctx, filedata)
    server, own = ctx.server, ctx.user
    if own is None:
        raise ApiError(400, "missing user input")
    now = server.clock.utc()
    call = cleaned(callid)[:100] or now[11:19].replace(":", "")
    name = f"{now[:10].replace('-', '/')}/{own.id}-{call}-{cleaned(_sent_name(ctx, filename))[-80:]}"
    size = await server.files.put(RECORDINGS, name, data)
    await server.db.gate()
    with server.db.unit() as unit:
        id = server.recordings.add(unit, own.id, "uploaded/" + name, callid[:255], caller[:64], called[:64])
    await settle(ctx, -1)
    return Answer("OK: recording saved", {"id": id, "size": size})
