"""The database looked at from outside: read-only, beside a server that uses it or without one.

Opened by SQLite alone, like everywhere; blocks for as long as reading the whole file takes.
"""

from ..base.errors import ConfigError
from . import schema, sqlite
from .tables_money import DIFFERENCES, SUMS

MOST = 10
"""Faults of the file that are told."""

_COUNTS = {
    "same": "SELECT count(*) FROM tb_users WHERE password = username COLLATE NOCASE AND enabled <> 0",
    "empty": "SELECT count(*) FROM tb_users WHERE password = '' AND coalesce(ha1, '') = '' AND enabled <> 0"
             " AND type IN (0, 1, 2, 3, 14, 15, 16) AND needauth IN (4, 8, 10)",
    "admins": "SELECT count(*) FROM tb_users WHERE type IN (15, 16) AND enabled <> 0 AND temporarydisabled <> 1",
}


class Examined:
    """faults: what quick_check says, [] if all is well · differing: accounts whose balance is not what the ledger
    says · same, empty, admins: accounts with the user name as password, without one, and administrators · newest:
    UTC text of the newest row of the ledger or the call records, or ""."""
    __slots__ = ("faults", "differing", "newest", *_COUNTS)


def examine(path):
    """Examined; ConfigError if the file cannot be read or is not ours."""
    connection = None
    try:
        connection = sqlite.read_only(path)
        if not schema.version(connection, path):
            raise ConfigError(f"{path} is not a database of mizud")
        found = Examined()
        rows = connection.execute(f"PRAGMA quick_check({MOST})").fetchall()
        found.faults = [] if rows == [("ok",)] else [row[0] for row in rows]
        found.differing = len({row[0] for sql in (DIFFERENCES, SUMS) for row in connection.execute(sql)})
        for name, sql in _COUNTS.items():
            setattr(found, name, connection.execute(sql).fetchone()[0])
        found.newest = max([row[0] or "" for table in ("tb_ledger", "tb_cdrs") for row in connection.execute(
            f"SELECT datum FROM {table} ORDER BY id DESC LIMIT 1")], default="")
        return found
    except sqlite.module().Error as error:
        raise ConfigError(f"{path}: {error}") from None
    finally:
        if connection is not None:
            connection.close()
