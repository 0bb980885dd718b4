"""Copies of the database: consistent, compact, on the disk; made by SQLite alone (VACUUM INTO), never by reading the
file, because closing any descriptor of it would drop this process's locks.
"""

import os

from ..base.errors import ConfigError
from . import schema, sqlite
from .sync import sync_folder


def name_for(path, clock, what):
    """backup/mizud-<what>-<UTC>.db beside the database."""
    stamp = clock.utc()[:19].replace(" ", "T").replace(":", "")
    return os.path.join(os.path.dirname(path) or ".", "backup", f"mizud-{what}-{stamp}.db")


def copy(path, target):
    """Copy the database at `path` to `target` (0600), in the calling thread; returns target.  OSError or
    sqlite3.Error if it cannot be; a half-made copy keeps its name `.part` and goes."""
    folder = os.path.dirname(target) or "."
    os.makedirs(folder, mode=0o700, exist_ok=True)
    part = target + ".part"
    if os.path.exists(part):
        os.unlink(part)
    connection = sqlite.connect(path, timeout=sqlite.BUSY_WAIT)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))    # VACUUM INTO takes an empty file
        connection.execute("VACUUM INTO ?", (part,))
        _sync_file(part)
        os.replace(part, target)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
    finally:
        connection.close()
    sync_folder(folder)
    return target


def verify(path):
    """Check a copy before it is used: ours, not newer than this program, sound.  Returns
    {table: rows}; ConfigError says what is wrong.  Never for the database in use."""
    connection = None
    try:
        connection = sqlite.module().connect(path, isolation_level=None)
        connection.execute("PRAGMA query_only=ON")
        if not schema.version(connection, path):
            raise ConfigError(f"{path} is not a database of mizud")
        finding, = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if finding != "ok":
            raise ConfigError(f"{path} is damaged: {finding}")
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in schema.read_tables(connection)}
    except sqlite.module().Error as error:
        raise ConfigError(f"{path}: {error}") from None
    finally:
        if connection is not None:
            connection.close()


def _sync_file(part):
    fd = os.open(part, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
