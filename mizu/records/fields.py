"""Rows of any table by field (setfield, getfield, addrecord), and which fields who may change.

The two lists of the manual's setfield hold for users; resellers reach what concerns their customers' service, never
money, rights or prices; administrators everything.
"""

from ..base.errors import ApiError
from ..store.schema import SECRET_COLUMNS
from ..store.settings import judge
from ..store.settings import known as setting
from .account import SRVADMIN
from .columnrules import TABLES
from .columnrules import judge as judge_columns
from .newusers import number
from .values import checked, known

ALWAYS = frozenset("""forwardonbusy forwardonnoanswer forwardalways voicemail musiconhold displayname noanswertimeout
    forwardearlystart changesptoring convertdtmf playadv playdisc sendsmsalert sendemailalert sendsmsreport
    senddailyemail sendlowcreditemail sendmonthlyemail sendotheremail notifymissedsms notifymissedemail choosecodecs
    needcodeconversion discvoice connectvoice voicemailonbusy voicemailonnoansw voicemailalways""".split())
"""What a user may change of himself."""

ONCE = frozenset("""contactname name email email2 phone fax address billaddress postaddress country regnumber
    euregnumber birthday gender language utc""".split())
"""The same, as long as it is empty."""

QUESTION = frozenset(("forgotpasswordquestion", "forgotpasswordanswer"))
"""And what he is asked when he has forgotten his password."""

TREE = ALWAYS | ONCE | QUESTION | frozenset("""username password pin type parentid name2 comment enabled
    temporarydisabled deviceid usergroup companyname shorttelnumber ringgroup rgmode maxlines regival""".split())
"""What a reseller may set of the accounts below him."""

_INTERNAL = frozenset(("tb_actor", "tb_checkpoint", "tb_changes"))
_NUMBERED = frozenset(("tb_telnumbers", "tb_users_numbers"))
_GUESSES = ("username", "callerid", "userid", "fname", "name", "number", "id")
"""Columns by which a row is looked for where none is named: the manual's three, then ours."""


def judge_user(values, account_value):
    """ApiError 403 if a user's change of himself goes beyond the lists; `account_value(column)` is what is there."""
    for name in values:
        if name not in ALWAYS and name not in ONCE and name not in QUESTION:
            raise ApiError(403, f"the field u_{name} cannot be changed by a user")
        if name in ONCE and account_value(name):
            raise ApiError(403, f"the field u_{name} is set already and cannot be changed by a user")


def judge_reseller(values):
    """ApiError 403 if a reseller sets what is not his to set."""
    for name, value in values.items():
        if name not in TREE:
            raise ApiError(403, f"the field u_{name} cannot be set by a reseller")
        if name == "type" and value not in (0, 1):
            raise ApiError(403, "a reseller makes end users (u_type 0) and operators (1)")


def _judge_setting(row):
    """ApiError unless a row of tb_settings holds the name of a setting and a value that it takes."""
    judge(setting(row.get("name") or ""), "" if row.get("value") is None else str(row["value"]))


class Fields:
    """Any table of the database but the server's own switches."""

    def __init__(self, db, users):
        self.db = db
        self.users = users

    def check(self, table, values):
        """{field: text} -> {column: value}; ApiError 404 for an unknown table, 400 for a field."""
        columns = self._columns(table)
        row = judge_columns(checked(values, columns, "u_"), "u_", table)
        if table in TABLES:
            self.users.check_currency(row.get("currency"))
        if "id" in row:
            raise ApiError(400, "the field u_id cannot be set: the server gives it")
        if not row:
            raise ApiError(400, "no field to set: send u_NAME=value")
        if table in _NUMBERED and row.get("number") is not None:
            row["number"] = number(row["number"], "u_number")
        return row

    def set(self, unit, table, rowid, row):
        """Change columns of one row; ApiError 404 if there is none, 400 for a setting that the next start refuses."""
        if not self.db.value(f'SELECT 1 FROM "{table}" WHERE id = ?', (rowid,)):
            raise ApiError(404, f"no such row: {table}.id {rowid}")
        if table == "tb_settings":
            name, value = self.db.row("SELECT name, value FROM tb_settings WHERE id = ?", (rowid,))
            _judge_setting({"name": name, "value": value} | row)
        if table == "tb_users":
            self.users.update(unit, rowid, row)
            return
        owned = self.users.owned
        with owned.kept(unit, *owned.told_by(table, rowid, row)):
            sets = ", ".join([f'"{name}" = ?' for name in row])
            unit.run(f'UPDATE "{table}" SET {sets} WHERE id = ?', (*row.values(), rowid))
        self._judge_pool(unit, table, rowid, row)

    def _judge_pool(self, unit, table, rowid, row={}):
        """A row of the pool whose number an account goes by is that account's.  ApiError 422 if `row`, what was
        changed of it, says otherwise."""
        if table != "tb_telnumbers":
            return
        number, free, location = self.db.row("SELECT number, free, coalesce(location, 0) FROM tb_telnumbers"
                                             " WHERE id = ?", (rowid,))
        owner = self.users.owned.owner(number)
        if owner is None or (free, location) == (0, owner):
            return
        if location not in (0, owner) or not {"free", "location"}.isdisjoint(row):
            raise ApiError(422, f"the account {owner} goes by the number {number}: take it from there first")
        unit.run("UPDATE tb_telnumbers SET free = 0, location = ? WHERE id = ?", (owner, rowid))

    def add(self, unit, table, row):
        """A new row; returns its id.  ApiError 404 and 400 for a setting that the next start refuses."""
        if table == "tb_users":
            return self.users.create(unit, row)
        if table == "tb_settings":
            _judge_setting(row)
        names = ", ".join([f'"{name}"' for name in row])
        marks = ", ".join("?" * len(row))
        owned = self.users.owned
        with owned.kept(unit, *owned.told_by(table, 0, row)):
            id = unit.run(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(row.values())).lastrowid
        self._judge_pool(unit, table, id)
        return id

    def touched(self, table, rowid):
        """After the unit: tell whoever keeps rows of the table in memory."""
        for touched in self.db.on_touched:
            touched(table, {rowid})

    async def get(self, table, field, filterfield, value, actor="", guarded=False):
        """One field of the first row whose `filterfield` (guessed if empty) is `value`; ApiError 404 without one.
        `guarded`: secrets of server administrators are neither told nor looked for, ApiError 403."""
        columns = self._columns(table)
        name = known(field, columns, written=False)
        by = known(filterfield, columns, written=False) if filterfield else self._guess(columns, table)
        guarded = guarded and table == "tb_users"
        others = f" AND type <> {SRVADMIN}" if guarded and by in SECRET_COLUMNS else ""
        guarded = guarded and name in SECRET_COLUMNS
        rows = await self.db.query(f'SELECT "{name}"{", type" * guarded} FROM "{table}" WHERE "{by}" = ?{others}'
                                   " ORDER BY rowid LIMIT 1", (value,), limit=1, actor=actor)
        if not rows.rows:
            raise ApiError(404, f"no row in {table} with {by} {value[:64]}")
        if guarded and rows.rows[0][1] == SRVADMIN:
            raise ApiError(403, "access denied: only a server administrator may read the secrets of one")
        return rows.rows[0][0]

    def _columns(self, table):
        columns = self.db.columns(table) if table not in _INTERNAL and table.startswith("tb_") else {}
        if not columns:
            raise ApiError(404, f"no such table: {table[:64]}")
        return columns

    @staticmethod
    def _guess(columns, table):
        for name in _GUESSES:
            if name in columns:
                return name
        raise ApiError(400, f"missing parameter filterfieldname ({table} has none that could be guessed)")


__all__ = ["ALWAYS", "Fields", "ONCE", "SECRET_COLUMNS", "TREE", "judge_reseller", "judge_user"]
