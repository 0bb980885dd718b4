"""SQLite as this room opens it, and what its errors mean to the asker.

The one import of sqlite3, on demand: small hosts package it apart.  The callbacks (authorizer, progress) are
passed by position, because keywords are deprecated for them from Python 3.13.
"""

import os
from pathlib import Path

from ..base.errors import ApiError, ConfigError

OLDEST = (3, 31, 0)
"""Generated columns."""

BUSY_WAIT = 1.0
"""Seconds that a writer waits for another process's transaction before the asker hears 503."""

_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _CONSTRAINT, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 19, 26
_FSYNC, _DIR_FSYNC = 1034, 1290
_UNWRITABLE = frozenset((_READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB))


class SyncFailed(ApiError):
    """A sync of SQLite's own has failed, with `error`: the kernel may have dropped what was written before."""

    def __init__(self, error):
        super().__init__(503, f"the database cannot be made safe on the disk: {error}")
        self.error = error


def module():
    """sqlite3, or ConfigError when it is missing or too old."""
    try:
        import sqlite3
    except ImportError:
        raise ConfigError("mizud needs Python's sqlite3 module (package python3-sqlite3)") from None
    if sqlite3.sqlite_version_info < OLDEST:
        raise ConfigError(f"mizud needs SQLite 3.31 or later; this Python has {sqlite3.sqlite_version}")
    return sqlite3


def connect(path, timeout=0.0, uri=False):
    """A connection in autocommit mode that may be handed from thread to thread, one at a time."""
    connection = module().connect(path, timeout=timeout, isolation_level=None, check_same_thread=False,
                                  cached_statements=512, uri=uri)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA recursive_triggers=ON")
    return connection


def read_only(path):
    """A connection that changes neither the file nor its log, nor makes one."""
    mode = "mode=ro" if os.path.exists(f"{path}-wal") else "immutable=1"    # read-only, SQLite would make a log
    return module().connect(f"{Path(path).absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_WAIT)


def primary(error):
    """The primary result code (https://sqlite.org/rescode.html) of an sqlite3.Error, 0 if it came from Python."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def lenient(execute):
    """`execute` that takes any text: octets of a peer that are no UTF-8 are surrogates, which SQLite cannot keep."""
    def run(sql, args=()):
        try:
            return execute(sql, args)
        except UnicodeEncodeError:
            return execute(sql, [arg.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                                 if arg.__class__ is str else arg for arg in args])
    return run


def is_busy(error):
    """Whether another connection is in the way."""
    return primary(error) in (_BUSY, _LOCKED)


def is_unwritable(error):
    """Whether the files cannot be written, whoever tries."""
    return primary(error) in _UNWRITABLE


def told(error):
    """An sqlite3.Error as what the asker is told, or itself where it is our bug."""
    code = primary(error)
    if is_busy(error):
        return ApiError(503, "the database is busy")
    if code == _CONSTRAINT:
        kind, failed, columns = str(error).partition(" constraint failed: ")
        return ApiError(422, f"{columns} exists already" if failed and kind == "UNIQUE" else str(error))
    if getattr(error, "sqlite_errorcode", 0) in (_FSYNC, _DIR_FSYNC):
        return SyncFailed(error)
    if is_unwritable(error):
        return ApiError(503, f"the database cannot be used: {error}")
    return error
