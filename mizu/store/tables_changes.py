"""tb_changes: what a row held before and after, and who changed it, written by triggers whatever path the change takes.

`old` and `new` are texts `column='value',` as SQLite's quote() writes values: built-in functions only (JSON is none in
older SQLite), so that a foreign `sqlite3` shell leaves its traces, too.  An update tells the columns that differ, an
insert and a delete those that are not at their defaults.  Balances are the ledger's, and what a device reports of
itself is nobody's change: updates of these columns alone fire nothing.  Triggers know the columns that there are when
a step makes them: a step that adds one to a table of WATCHED ends with `triggers`.
"""

SQL = """
-- No AUTOINCREMENT: the newest row is never deleted, so no id comes back.
CREATE TABLE tb_changes (
    id INTEGER PRIMARY KEY,
    datum TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    actor TEXT DEFAULT '' COLLATE NOCASE,
    kind TEXT DEFAULT '',
    refid TEXT DEFAULT '',
    tablename TEXT NOT NULL,
    recordid INTEGER NOT NULL,
    label TEXT DEFAULT '',
    action TEXT NOT NULL,
    old TEXT DEFAULT '',
    new TEXT DEFAULT ''
);
CREATE INDEX ix_changes_record ON tb_changes (tablename, recordid);
"""

WATCHED = {
    "tb_users": "username", "tb_users_numbers": "number", "tb_users_authip": "authip", "tb_billentries": "name",
    "tb_billingtimes": "prefix", "tb_holidays": "day", "tb_currencies": "name", "tb_routing": "name",
    "tb_dialplan": "pattern", "tb_api": "fname", "tb_settings": "name", "tb_scheduled": "name",
}
"""Table -> the column that tells people which row it is."""

LEFT_OUT = {
    "tb_users": frozenset("credit status statusdate ip port equipment".split()),
    "tb_settings": frozenset(("changed", "changedby")),
    "tb_scheduled": frozenset(("lastrun", "lastresult")),
}
"""Columns whose changes are somebody else's matter."""

_STAGED = "(SELECT type FROM tb_billentries WHERE id = {row}.entryid) IS NOT -1"

CONDITIONS = {
    "tb_settings": "substr({row}.name, 1, 1) <> '_'",       # notes of the server itself
    "tb_billingtimes": _STAGED,                             # prices on their way in or out
    "tb_billentries": "{row}.type IS NOT -1",
}
"""When a row counts; an entry that was staged and holds now counts as new, and the other way as gone."""

_ROW = """
INSERT INTO tb_changes (actor, kind, refid, tablename, recordid, label, action, old, new)
SELECT coalesce((SELECT actor FROM tb_actor), 'sql'), coalesce((SELECT kind FROM tb_actor), 'sql'),
       coalesce((SELECT refid FROM tb_actor), ''), '{table}', {row}.id, coalesce({row}."{label}", ''), '{action}',
       {old}, {new};"""


def triggers(connection):
    """The SQL of all triggers, for the columns that the tables have now; those that are there go first."""
    return "".join([_of_table(table, label, _columns(connection, table)) for table, label in WATCHED.items()])


def _columns(connection, table):
    """[(name, default as SQL)] of the columns that are watched."""
    rows = connection.execute("SELECT name, dflt_value FROM pragma_table_xinfo(?) WHERE hidden = 0 AND name <> 'id'",
                              (table,))
    left_out = LEFT_OUT.get(table, ())
    return [(name, default) for name, default in rows if name not in left_out]


def _of_table(table, label, columns):
    counts = CONDITIONS.get(table, "1")
    old, new = counts.format(row="OLD"), counts.format(row="NEW")
    differs = " OR ".join([_differs(name) for name, _ in columns])
    names = ", ".join([f'"{name}"' for name, _ in columns])
    kept = "" if counts == "1" else f"({old}) AND ({new}) AND "
    made = _trigger(table, "update", f"UPDATE OF {names}", f"{kept}({differs})", _ROW.format(
        table=table, row="NEW", label=label, action="update",
        old=_joined([(f'OLD."{name}"', name, _differs(name)) for name, _ in columns]),
        new=_joined([(f'NEW."{name}"', name, _differs(name)) for name, _ in columns])))
    whole = {row: _joined([(f'{row}."{name}"', name, _special(f'{row}."{name}"', default))
                           for name, default in columns]) for row in ("OLD", "NEW")}
    added = _ROW.format(table=table, row="NEW", label=label, action="insert", old="''", new=whole["NEW"])
    gone = _ROW.format(table=table, row="OLD", label=label, action="delete", old=whole["OLD"], new="''")
    made += _trigger(table, "insert", "INSERT", new, added) + _trigger(table, "delete", "DELETE", old, gone)
    if table == "tb_billentries":
        made += _trigger(table, "in", "UPDATE OF type", f"NOT ({old}) AND ({new})", added)
        made += _trigger(table, "out", "UPDATE OF type", f"({old}) AND NOT ({new})", gone)
    return made


def _trigger(table, name, event, condition, body):
    name = f"tr_changes_{table[3:]}_{name}"
    return (f"DROP TRIGGER IF EXISTS {name};\nCREATE TRIGGER {name} AFTER {event} ON {table}\nWHEN {condition}\n"
            f"BEGIN{body}\nEND;\n")


def _differs(name):
    """Letter by letter, whatever the column's collation says."""
    return f'OLD."{name}" IS NOT NEW."{name}" COLLATE BINARY'


def _special(value, default):
    """Whether a column is not at its default; one that is computed is always told."""
    return "1" if "(" in (default or "") else f"{value} IS NOT {default or 'NULL'} COLLATE BINARY"


def _joined(columns):
    """[(value, name, condition)] -> the expression of the text."""
    return " || ".join([f"CASE WHEN {condition} THEN '{name}=' || quote({value}) || ',' ELSE '' END"
                        for value, name, condition in columns])
