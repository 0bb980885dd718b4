"""The schema: numbered steps, applied inside one transaction, and what its tables look like to the others.

PRAGMA user_version holds the number of the last step, application_id that the file is ours.  A step that has
been released is never changed again; a new table or column is a new step.
"""

from functools import lru_cache

from ..base.errors import ConfigError
from . import sqlite, tables_calls, tables_changes, tables_money, tables_system, tables_users

APPLICATION_ID = 0x6D697A75     # "mizu"

STEPS = (
    ("the first tables", (tables_users.SQL, tables_money.SQL, tables_calls.SQL, tables_system.SQL)),
    ("whose numbers are locked", (tables_calls.LOCKED_NUMBERS,)),
    ("codes and links on their way", (tables_system.OUTGOING,)),
    ("who changed what", (tables_changes.SQL, tables_changes.triggers)),
    ("card payments", (tables_money.PAYMENTS,)),
    ("who is registered where", (tables_calls.LOCATIONS,)),
    ("long lists of accounts, who was charged for a call, rates that nobody has set",
     (tables_users.LISTS, tables_money.CHARGED, tables_money.CURRENCIES, tables_changes.triggers)),
    ("calls under way", (tables_money.OPENCALLS,)),
    ("who calls", (tables_users.CALLERS,)),
    ("the currency of daily sums", (tables_calls.SUMMARY_CURRENCY,)),
)
"""(what it brings, its SQL, or functions of the connection that make it): step 1 first."""

SECRET_COLUMNS = frozenset(("password", "ha1", "passwordhash", "pin", "upperpassword", "forgotpasswordanswer", "token"))
"""Columns that no answer shows but those of an admin's own SQL; of tb_settings, see options.Option.secret."""

MONEY_TABLES = frozenset(("tb_users", "tb_ledger", "tb_actor", "tb_reservations", "tb_prepaidcodes",
                          "tb_payments", "tb_opencalls"))
"""Tables whose triggers and shape nobody's SQL over the API changes."""

CACHED_TABLES = ("tb_users", "tb_users_authip", "tb_users_numbers", "tb_api", "tb_settings", "tb_bans",
                 "tb_currencies", "tb_billentries", "tb_billingtimes", "tb_holidays", "tb_routing", "tb_dialplan",
                 "tb_portednumbers", "tb_telnumbers")
"""Tables whose rows somebody keeps in memory: an ad-hoc statement reports which of them it touched."""


class Column:
    """type: INTEGER REAL TEXT; default: its SQL text or None; generated: it can be read, not written."""
    __slots__ = ("type", "default", "generated")

    def __init__(self, type, default=None, generated=False):
        self.type = type
        self.default = default
        self.generated = generated

    def __repr__(self):
        return f"Column({self.type!r}, {self.default!r}, {self.generated!r})"


def statements(text):
    """The statements of an SQL text, one by one; a trigger with its body is one."""
    complete = sqlite.module().complete_statement
    pieces = []
    for line in text.splitlines(keepends=True):
        if not pieces and (not line.strip() or line.startswith("--")):
            continue
        pieces.append(line)
        if line.rstrip().endswith(";") and complete("".join(pieces)):
            yield "".join(pieces)
            pieces.clear()


def version(connection, path="the database"):
    """The number of the last step of the file, 0 if it is new; ConfigError if it is not ours or too new."""
    number, = connection.execute("PRAGMA user_version").fetchone()
    ours, = connection.execute("PRAGMA application_id").fetchone()
    if ours != APPLICATION_ID and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise ConfigError(f"{path} is not a database of mizud")
    if number > len(STEPS):
        raise ConfigError(f"{path} was written by a newer mizud: its schema is {number},"
                          f" this program knows {len(STEPS)}")
    return number


def upgrade(connection, path="the database"):
    """Apply the steps that are missing, all or none; returns how many there were."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = version(connection, path)
        for number, (_, texts) in enumerate(STEPS[done:], done + 1):
            for text in texts:
                for statement in statements(text if text.__class__ is str else text(connection)):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number}")
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return len(STEPS) - done


def read_columns(connection, table):
    """{name: Column} of a table as it is now, empty if there is none."""
    rows = connection.execute("SELECT name, type, dflt_value, hidden FROM pragma_table_xinfo(?)", (table,))
    return {name: Column(type.partition(" ")[0], default, hidden > 1) for name, type, default, hidden in rows}


def read_tables(connection):
    """The names of all tables."""
    return [name for name, in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")]


@lru_cache(maxsize=None)
def _model():
    """{table: {name: Column}} of a fresh database."""
    connection = sqlite.module().connect(":memory:", isolation_level=None)
    try:
        upgrade(connection)
        return {table: read_columns(connection, table) for table in read_tables(connection)}
    finally:
        connection.close()


def columns(table):
    """{name: Column} of a table as the steps make it, empty if there is none.  Database.columns knows the columns
    that an admin has added to his file, too."""
    return _model().get(table, {})


def tables():
    """The names of all tables that the steps make."""
    return list(_model())
