"""Who changed what (tb_changes), shown field by field and taken back one change at a time.

The rows are written by the triggers of store.tables_changes; a change that is taken back is a change itself.  Money is
never taken back by editing: tb_ledger gets a booking of the opposite.  What a row has become since is not overwritten
unless that is asked for.  Keeps the newest MOST changes.
"""

import re

from ..base.errors import ApiError
from ..base.message import Rows
from ..store.options import BY_NAME
from ..store.schema import SECRET_COLUMNS
from ..store.settings import judge
from ..store.tables_changes import WATCHED

MOST = 100_000
"""Changes that are kept: 30 MB."""

BATCH = 500
"""Changes that one transaction removes: a few milliseconds."""

LEDGER = "tb_ledger"

INI = "mizud.ini"
"""What stands for a table where a line of the ini file has changed."""

FIRST_START = "first start"
"""Actor of what the first start has made."""

_NOTE = """INSERT INTO tb_changes (actor, kind, refid, tablename, recordid, label, action, old, new)
SELECT actor, kind, refid, ?, 0, ?, 'update', 'value=' || quote(?) || ',', 'value=' || quote(?) || ',' FROM tb_actor"""

_COLUMNS = "id, datum, actor, kind, tablename, recordid, label, action, old, new"

_FIELD = re.compile(r"(\w+)=(?:'((?:[^']|'')*)'|X'((?:[0-9A-F]{2})*)'|(NULL)|([-+]?[0-9]+)|"
                    r"([-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?)),", re.ASCII)

_BOOKINGS = ("SELECT id, datum, actor, kind, userid, amount, balance FROM tb_ledger WHERE userid = ?"
             " ORDER BY id DESC LIMIT ?")


class Change:
    """One row of tb_changes; old and new are {column: value}."""
    __slots__ = ("id", "datum", "actor", "kind", "table", "rowid", "label", "action", "old", "new")

    def __init__(self, row):
        for name, value in zip(self.__slots__, row):
            setattr(self, name, value)
        self.old, self.new = parse_fields(self.old), parse_fields(self.new)


def parse_fields(text):
    """`column='value',…` as the triggers write it -> {column: value}; ValueError for anything else."""
    fields, at = {}, 0
    while at < len(text):
        found = _FIELD.match(text, at)
        if found is None or found[1] in fields:
            raise ValueError(f"not as quote() writes it: {text[at:at + 40]!r}")
        name, string, blob, null, integer, real = found.groups()
        fields[name] = (string.replace("''", "'") if string is not None else bytes.fromhex(blob) if blob is not None
                        else None if null else int(integer) if integer else float(real))
        at = found.end()
    return fields


class Changes:
    """db, clock, users, ledger."""

    def __init__(self, db, clock, users, ledger):
        self.db = db
        self.clock = clock
        self.users = users
        self.ledger = ledger

    # -- looking

    def listed(self, table="", rowid=None, change=None, limit=100):
        """Rows, the newest change first, one for each field, secrets masked; at most `limit` changes.  ApiError 404
        for a table that nobody watches."""
        if table not in ("", INI, LEDGER, *WATCHED):
            raise ApiError(404, f"{table[:64]} has no history; {', '.join((*WATCHED, LEDGER, INI))} have one")
        if table == LEDGER:
            return Rows(("change", "datum", "actor", "kind", "account", "amount", "balance"),
                        self.db.rows(_BOOKINGS, (rowid, limit)))
        changes = self._find(table, rowid, change, limit)
        return Rows(("change", "datum", "actor", "kind", "table", "rowid", "name", "action", "field", "old", "new"),
                    [row for each in changes for row in _told(each)])

    def last(self, table, rowid):
        """The newest Change of a row; ApiError 404."""
        return self._one(self._find(table, rowid, None, 1))

    def by_id(self, id):
        """ApiError 404 without it."""
        return self._one(self._find("", None, id, 1))

    def _one(self, found):
        if not found:
            raise ApiError(404, "no such change: it may be too old")
        return found[0]

    def _find(self, table, rowid, change, limit):
        conditions = [f"{column} = ?" for column, value in (("tablename", table), ("recordid", rowid), ("id", change))
                      if value]
        where = " AND ".join(conditions) or "1"
        rows = self.db.rows(f"SELECT {_COLUMNS} FROM tb_changes WHERE {where} ORDER BY id DESC LIMIT ?",
                            (*[value for value in (table, rowid, change) if value], limit))
        return [Change(row) for row in rows]

    def note(self, unit, label, old, new):
        """A line of the ini file has become another one; None for none.  The unit says who did it."""
        unit.run(_NOTE, (INI, label, old, new))

    # -- taking back

    def revert(self, unit, change, force=False):
        """Bring the row to what it was before; caches are told by the caller.  ApiError 404 if it is gone, 422 if it
        has changed since (unless `force`) or cannot be taken back."""
        if change.kind == "import":
            raise ApiError(422, "an import is taken back by importing the prices from before")
        if change.table == "tb_settings":
            self._judge_setting(change, force)
        {"update": self._set, "insert": self._remove, "delete": self._restore}[change.action](unit, change, force)

    def _set(self, unit, change, force):
        now = self._now(change, change.new)
        if not force:
            refuse_changed(change.new, now)
        if change.table == "tb_users":
            self._judge_account(change.rowid, change.old)
        sets = ", ".join([f'"{name}" = ?' for name in change.old])
        unit.run(f'UPDATE "{change.table}" SET {sets} WHERE id = ?', (*change.old.values(), change.rowid))

    def _remove(self, unit, change, force):
        if change.table == "tb_users":
            raise ApiError(422, "a new account is taken back by deluser")
        now = self._now(change, change.new)
        if not force:
            refuse_changed(change.new, now)
        unit.run(f'DELETE FROM "{change.table}" WHERE id = ?', (change.rowid,))

    def _restore(self, unit, change, force):
        if self.db.value(f'SELECT 1 FROM "{change.table}" WHERE id = ?', (change.rowid,)):
            raise ApiError(422, f"{change.table}.id {change.rowid} is there again")
        if change.table == "tb_users":
            self._judge_account(change.rowid, change.old)
        names = ", ".join(["id", *[f'"{name}"' for name in change.old]])
        marks = ", ?" * len(change.old)
        unit.run(f'INSERT INTO "{change.table}" ({names}) VALUES (?{marks})', (change.rowid, *change.old.values()))

    def _now(self, change, names):
        """{column: value} of the row as it is; ApiError 404 without it."""
        columns = self.db.columns(change.table)
        gone = [name for name in names if name not in columns]
        if gone:
            raise ApiError(422, f"{change.table} has no column {gone[0]} any more")
        listed = ", ".join(['id', *[f'"{name}"' for name in names]])
        row = self.db.row(f'SELECT {listed} FROM "{change.table}" WHERE id = ?', (change.rowid,))
        if row is None:
            raise ApiError(404, f"no such row: {change.table}.id {change.rowid}")
        return dict(zip(names, row[1:]))

    def _judge_account(self, id, then):
        """ApiError 422 for a name that is taken by now, a parent or payer that is gone or below the account, and for
        another currency of its money."""
        account = self.users.by_id(id)
        if "username" in then:
            self.users.refuse_taken(then["username"], id)
        for name in ("parentid", "billinguserid"):
            other = self.users.by_id(then[name]) if then.get(name) else None
            if then.get(name) and other is None:
                raise ApiError(422, f"the account {then[name]} ({name}) is gone: bring it back first")
            if name == "parentid" and other is not None and account is not None and self.users.below(account, other):
                raise ApiError(422, f"the account {other.id} is below {id} by now and cannot be its parent")
        if account is not None and "currency" in then:
            self.users.judge_currency(id, then["currency"])

    @staticmethod
    def _judge_setting(change, force):
        """A value that would stop the next start is not written, ApiError 400; a key that all clients hold is not
        taken out by the way, 422."""
        option, value = BY_NAME.get(change.label.lower()), change.old.get("value")
        if change.action == "insert" and change.actor == FIRST_START and not force:
            raise ApiError(422, f"{change.label} was made at the first start, and clients rely on it:"
                                " force=1 takes it out all the same")
        if option is not None and value is not None:
            judge(option, str(value))

    def revert_booking(self, unit, id, actor):
        """Book the opposite of a ledger row, once; returns (account, new balance).  ApiError 404, 422."""
        row = self.db.row("SELECT userid, amount_u FROM tb_ledger WHERE id = ?", (id,))
        account = self.users.by_id(row[0]) if row is not None else None
        if account is None:
            raise ApiError(404, f"no such booking: {id}" if row is None else f"the account of booking {id} is gone")
        reference = f"revert:{id}"
        if self.db.value("SELECT 1 FROM tb_ledger WHERE userid = ? AND refid = ?", (account.id, reference)):
            raise ApiError(422, f"booking {id} was taken back before")
        if not row[1]:
            raise ApiError(422, f"booking {id} has moved no money")
        _, new = self.ledger.add(unit, account, -row[1], "revert", actor, reference, f"booking {id} taken back")
        return account, new

    # -- upkeep

    async def prune(self):
        """Remove all but the newest MOST; returns how many went."""
        last = (self.db.value("SELECT max(id) FROM tb_changes") or 0) - MOST
        gone = 0
        while True:
            await self.db.gate()
            with self.db.unit() as unit:
                count = unit.run("DELETE FROM tb_changes WHERE id IN (SELECT id FROM tb_changes WHERE id <= ?"
                                 " ORDER BY id LIMIT ?)", (last, BATCH)).rowcount
            gone += count
            if count < BATCH:
                return gone


def _told(change):
    """A row for each field: what it was, what it became."""
    start = tuple([getattr(change, name) for name in Change.__slots__[:8]])
    names = [*change.old, *[name for name in change.new if name not in change.old]]
    return [(*start, name, _shown(change, name, change.old.get(name)), _shown(change, name, change.new.get(name)))
            for name in names] or [(*start, "", None, None)]


def _shown(change, name, value):
    """A value as it may be seen."""
    if value in (None, ""):
        return value
    secret = name in SECRET_COLUMNS
    if change.table in ("tb_settings", INI) and name == "value":
        option = BY_NAME.get(change.label.lower())
        secret = option is None or option.secret
    return "***" if secret else value.hex() if value.__class__ is bytes else value


def refuse_changed(then, now):
    """ApiError 422 if something is not any more what a change made of it."""
    different = [name for name, value in then.items() if now[name] != value]
    if different:
        raise ApiError(422, f"{', '.join(different[:5])} has changed since: force=1 takes it back all the same")
