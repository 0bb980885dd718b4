"""Statements that somebody else wrote (`db`, custom SQL, `where`): never on the reactor's connection.

A Reader reads in a worker; the Writer writes in the one thread `sql` and reports which cached rows it touched,
those that triggers touched included.  An authorizer (https://sqlite.org/c3ref/set_authorizer.html) says what
either may do, a progress handler ends what takes too long or was cancelled.  Neither knows the gate.
"""

from ..base.errors import ApiError
from ..base.message import Rows
from . import sqlite
from .schema import CACHED_TABLES, MONEY_TABLES, read_tables

MAX_ROWS = 100_000              # of one answer, also where no limit was asked for: some 50 MB
MAX_BYTES = 64 << 20            # of the texts in one answer
MAX_VALUE = 1 << 20             # of one value or row: SQLite's own limit would be 1 GB
IDLE_READERS = 2                # connections kept for the next query: opening one costs 1 ms
STEPS = 20_000                  # virtual machine steps between two looks at the clock: 1 ms or so

_INTERRUPT, _AUTH = 9, 23
_READ_ONLY_PRAGMAS = frozenset(("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"))


class Running:
    """A statement under way: started in monotonic seconds; cancel() ends it at the next look."""
    __slots__ = ("id", "sql", "started", "actor", "cancelled", "timeout", "denied")

    def __init__(self, id, sql, started, actor, timeout):
        self.id = id
        self.sql = sql
        self.started = started
        self.actor = actor
        self.timeout = timeout
        self.cancelled = False
        self.denied = None

    def cancel(self):
        self.cancelled = True


class Executed:
    """rowcount rows were changed; lastrowid of an INSERT; touched {table: set of ids} of cached tables; rows of a
    RETURNING or SELECT, or None; whether it changed the schema."""
    __slots__ = ("rowcount", "lastrowid", "touched", "rows", "ddl")

    def __init__(self, rowcount, lastrowid, touched, rows, ddl):
        self.rowcount = rowcount
        self.lastrowid = lastrowid
        self.touched = touched
        self.rows = rows
        self.ddl = ddl


class Reader:
    """Queries on connections that cannot write; one thread at a time has a connection."""

    def __init__(self, path, clock):
        self._path = path
        self._clock = clock
        self._idle = []

    def read(self, running, sql, args, limit, hide):
        """In a worker: Rows, at most `limit` of them.  A column named in `hide` must not be read."""
        connection = self._idle.pop() if self._idle else self._connect()
        try:
            with _Guard(connection, running, self._clock, _reader_rules(running, hide)):
                rows = _fetch(connection.execute(sql, args), limit)
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < IDLE_READERS:
            self._idle.append(connection)
        else:
            connection.close()
        return rows

    def _connect(self):
        connection = sqlite.connect(self._path, timeout=sqlite.BUSY_WAIT)
        connection.execute("PRAGMA query_only=ON")
        connection.setlimit(sqlite.module().SQLITE_LIMIT_LENGTH, MAX_VALUE)
        return connection

    def close(self):
        while self._idle:
            self._idle.pop().close()


class Writer:
    """All methods run in the thread `sql`."""

    def __init__(self, path, clock):
        self._path = path
        self._clock = clock
        self._connection = None
        self._touched = {}

    def version(self):
        """Differs from the last look when another connection has committed since."""
        return self._connected().execute("PRAGMA data_version").fetchone()[0]

    def wait_until_free(self):
        """Until nobody else writes, or BUSY_WAIT seconds."""
        connection = self._connected()
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite.module().OperationalError:
            pass

    def write(self, running, sql, args):
        """Executed, or ApiError and nothing done."""
        connection = self._connected()
        self._touched = touched = {}
        rules = _WriterRules(running)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO tb_actor VALUES (1, 'sql', ?, '')", (running.actor,))
            with _Guard(connection, running, self._clock, rules):
                cursor = connection.execute(sql, args)
                rows = _fetch(cursor, MAX_ROWS) if cursor.description else None
            connection.execute("DELETE FROM tb_actor")
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise sqlite.told(error)
        if rules.ddl:
            self.close()            # the next one makes the TEMP triggers anew
        return Executed(max(cursor.rowcount, 0), cursor.lastrowid, touched, rows, rules.ddl)

    def _connected(self):
        if self._connection is None:
            self._connection = connection = sqlite.connect(self._path, timeout=sqlite.BUSY_WAIT)
            connection.setlimit(sqlite.module().SQLITE_LIMIT_LENGTH, MAX_VALUE)
            connection.create_function("mizu_touch", 2, self._touch)
            existing = read_tables(connection)
            for table in CACHED_TABLES:
                if table in existing:
                    for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
                        connection.execute(f"CREATE TEMP TRIGGER touch_{table}_{event} AFTER {event} ON main.{table} "
                                           f"BEGIN SELECT mizu_touch('{table}', {row}.id); END")
        return self._connection

    def _touch(self, table, id):
        if table in CACHED_TABLES:
            self._touched.setdefault(table, set()).add(id)

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Guard:
    """`with` it, somebody's statement: rules, time limit, and errors in words."""
    __slots__ = ("_connection", "_running", "_clock", "_rules")

    def __init__(self, connection, running, clock, rules):
        self._connection = connection
        self._running = running
        self._clock = clock
        self._rules = rules

    def __enter__(self):
        running, monotonic = self._running, self._clock.monotonic
        deadline = monotonic() + running.timeout
        self._connection.set_authorizer(self._rules)
        self._connection.set_progress_handler(lambda: running.cancelled or monotonic() > deadline, STEPS)
        if running.cancelled:
            raise ApiError(422, "the statement was cancelled")

    def __exit__(self, kind, error, trace):
        self._connection.set_authorizer(None)
        self._connection.set_progress_handler(None, STEPS)
        sqlite3 = sqlite.module()
        if isinstance(error, (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError)):
            raise _refusal(error, self._running) from error


def _refusal(error, running):
    """An error of somebody's statement as what he is told."""
    code = sqlite.primary(error)
    if code == _INTERRUPT:
        return ApiError(422, "the statement was cancelled" if running.cancelled else
                        f"the statement took longer than {running.timeout:g} s")
    if code == _AUTH:
        return ApiError(403, f"SQL: {running.denied or error} is not allowed here")
    told = sqlite.told(error)
    return told if told is not error else ApiError(400, f"SQL: {error}")


def _fetch(cursor, limit):
    """Rows, at most `limit` (0: MAX_ROWS) and MAX_BYTES of them."""
    limit = min(limit or MAX_ROWS, MAX_ROWS)
    columns = [column[0] for column in cursor.description or ()]
    rows, size = [], 0
    while len(rows) <= limit and size <= MAX_BYTES:
        batch = cursor.fetchmany(min(256, limit + 1 - len(rows)))
        if not batch:
            return Rows(columns, rows)
        rows += batch
        size += sum([len(value) for row in batch for value in row if type(value) in (str, bytes)])
    cursor.fetchall() if cursor.connection.in_transaction else cursor.close()
    return Rows(columns, rows[:limit], truncated=True)


def _refused_pragma(name):
    return f"PRAGMA {name} (only {', '.join(sorted(_READ_ONLY_PRAGMAS))} are)"


def _reader_rules(running, hide):
    """The authorizer of a query: it may select, and ask for the shape of tables."""
    sqlite3 = sqlite.module()
    allowed = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE))

    def authorize(action, first, second, database, inside):
        if action == sqlite3.SQLITE_READ:
            if second not in hide:
                return sqlite3.SQLITE_OK
            running.denied = f"the column {second}"
        elif action == sqlite3.SQLITE_PRAGMA and first not in _READ_ONLY_PRAGMAS:
            running.denied = _refused_pragma(first)
        elif action in allowed or (action == sqlite3.SQLITE_PRAGMA and first in _READ_ONLY_PRAGMAS) or \
                first == "sqlite_master":       # pragma_table_info() declares itself; query_only forbids the rest
            return sqlite3.SQLITE_OK
        running.denied = running.denied or "anything but SELECT"
        return sqlite3.SQLITE_DENY

    return authorize


def _table_rules(sqlite3):
    """{action: which argument names the table}: what must not happen to money tables."""
    return {sqlite3.SQLITE_CREATE_TRIGGER: 1, sqlite3.SQLITE_DROP_TRIGGER: 1, sqlite3.SQLITE_CREATE_INDEX: 1,
            sqlite3.SQLITE_DROP_INDEX: 1, sqlite3.SQLITE_ALTER_TABLE: 1, sqlite3.SQLITE_DROP_TABLE: 0,
            sqlite3.SQLITE_CREATE_TABLE: 0, sqlite3.SQLITE_DROP_VIEW: 0, sqlite3.SQLITE_CREATE_VIEW: 0}


class _WriterRules:
    """The authorizer of a statement that may write."""

    def __init__(self, running):
        sqlite3 = sqlite.module()
        self.ddl = False
        self._running = running
        self._sqlite3 = sqlite3
        self._tables = _table_rules(sqlite3)
        self._never = {getattr(sqlite3, f"SQLITE_{name}"): name.replace("_", " ") for name in (
            "ATTACH DETACH TRANSACTION SAVEPOINT CREATE_TEMP_TABLE CREATE_TEMP_INDEX CREATE_TEMP_TRIGGER "
            "CREATE_TEMP_VIEW DROP_TEMP_TABLE DROP_TEMP_INDEX DROP_TEMP_VIEW").split()}
        self._writes = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))
        self._dropping = False

    def __call__(self, action, first, second, database, inside):
        refused = self._never.get(action) or self._refuse(action, first, second, inside)
        if not refused:
            return self._sqlite3.SQLITE_OK
        self._running.denied = self._running.denied or refused
        return self._sqlite3.SQLITE_DENY

    def _refuse(self, action, first, second, inside):
        """What is refused, in words, or None.  `inside` names the trigger whose statement this is."""
        if action in self._tables:
            self.ddl = True
            self._dropping = self._dropping or action == self._sqlite3.SQLITE_DROP_TABLE
            table = (first, second)[self._tables[action]]
            return f"changing the shape of {table}" if table and table.lower() in MONEY_TABLES else None
        if action == self._sqlite3.SQLITE_DROP_TEMP_TRIGGER:
            return None if self._dropping else "DROP TEMP TRIGGER"      # ours go with their table
        if action == self._sqlite3.SQLITE_PRAGMA:
            return None if first in _READ_ONLY_PRAGMAS else _refused_pragma(first)
        if action in self._writes and inside is None:
            if first in ("tb_actor", "tb_changes") or (first == "sqlite_sequence" and not self._dropping):
                return f"writing to {first}"
        return None
