"""The accounts: looked up by what a request calls them, kept in memory, created, changed, deleted.

Owns tb_users, tb_users_numbers and tb_users_authip.  Knows no request: who may change what is judged above.
"""

from ..base.errors import ApiError
from .account import COLUMNS, Account
from .columnrules import judge
from .credentials import stored
from .ownership import Ownership
from .values import checked, decimal

MOST = 20_000
"""Accounts in memory (20 MiB at most); the oldest leave first and are read again when they are asked for (20 us)."""

DEPTH = 64
"""Levels of a hierarchy; a loop of parents ends here."""

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM tb_users WHERE "

_KINDS = (
    "SELECT id FROM tb_users WHERE telnumber = :name AND telnumber <> ''"
    " UNION SELECT userid FROM tb_users_numbers WHERE number = :name AND kind = 'did' LIMIT 2",
    "SELECT id FROM tb_users WHERE pin = :name AND pin <> '' LIMIT 2",
    "SELECT id FROM tb_users WHERE id = :id",
    "SELECT id FROM tb_users WHERE name = :name AND name <> '' LIMIT 2",
)
"""What an authid may be but a user name, in the order in which it is tried: DID, PIN, id, name."""

_BELOW = ("WITH RECURSIVE tree(id) AS (SELECT id FROM tb_users WHERE parentid = ? AND parentid <> 0"
          " UNION SELECT u.id FROM tree JOIN tb_users u ON u.parentid = tree.id AND u.parentid <> 0)"
          " SELECT id FROM tree WHERE id <> ?")


class Users:
    """`by_id` and `by_username` give the one Account of a row, which reload() changes in place."""

    def __init__(self, db, settings, clock):
        self.db = db
        self.settings = settings
        self.clock = clock
        self._ids = {}
        self._names = {}
        self.owned = Ownership(db, clock)
        db.on_touched.append(self._touched)

    def __len__(self):
        return len(self._ids)

    def count(self):
        """How many accounts there are."""
        return self.db.value("SELECT count(*) FROM tb_users")

    # -- look up -----------------------------------------------------------------------------------

    def by_id(self, id):
        account = self._ids.get(id)
        return account if account is not None else self._read("id = ?", id)

    def by_username(self, name):
        """Case ignored, ASCII only as COLLATE NOCASE does."""
        account = self._names.get(name)
        if account is None and name.isascii():
            account = self._names.get(name.lower()) or self._read("username = ?", name)
        return account

    def disabled_by_name(self, name):
        """The id of the one disabled account that had this user name before disabletype 3 renamed it, or None."""
        rows = self.db.rows("SELECT id, username FROM tb_users WHERE username >= ?1 || '_disabled_'"
                            " AND username < ?1 || '_disabled_:'", (name,))
        ids = [id for id, username in rows if username.lower() == f"{name}_disabled_{id}".lower()]
        return ids[0] if len(ids) == 1 else None

    def find(self, authid, alternatives):
        """The account that `authid` names, or None; `alternatives` allows more than user names.

        The first kind that matches counts, an ambiguous one is nobody.  A miss takes every look-up.
        """
        account = self._names.get(authid) or self.by_username(authid)
        if account is not None or not alternatives:
            return account
        number = int(authid) if authid.isdecimal() and len(authid) < 18 else 0
        given = {"name": authid, "id": number}
        for kind in _KINDS:
            ids = self.db.rows(kind, given)
            if ids:
                return self.by_id(ids[0][0]) if len(ids) == 1 else None
        return None

    def _read(self, where, value):
        row = self.db.row(_SELECT + where, (value,))
        if row is None:
            return None
        account = self._ids.get(row[0])
        if account is not None:
            return account
        if len(self._ids) >= MOST:
            self.forget((next(iter(self._ids)),))
        account = self._ids[row[0]] = Account(row)
        self._name(account)
        self.db.on_undo(self.reload, (account.id,))
        return account

    def _name(self, account):
        self._names[account.username] = self._names[account.username.lower()] = account

    def _unname(self, account):
        for name in (account.username, account.username.lower()):
            if self._names.get(name) is account:
                del self._names[name]

    # -- memory ------------------------------------------------------------------------------------

    def reload(self, ids):
        """Read accounts again, in place, and once more should the open unit be taken back; those that nobody has
        in memory cost nothing."""
        self.db.on_undo(self.reload, tuple(ids))
        for id in ids:
            account = self._ids.get(id)
            if account is None:
                continue
            row = self.db.row(_SELECT + "id = ?", (id,))
            self._unname(account)
            if row is None:
                del self._ids[id]
            else:
                account.load(row)
                self._name(account)

    def forget(self, ids=None):
        """Drop accounts from memory, all of them without `ids`: the next look-up reads them again."""
        if ids is None:
            self._ids.clear()
            self._names.clear()
            return
        for id in ids:
            account = self._ids.pop(id, None)
            if account is not None:
                self._unname(account)

    def reload_all(self):
        """After another process's commit: what changed is not known, so everything is read again when asked for."""
        self.forget()

    def _touched(self, table, ids):
        if table == "tb_users":
            self.reload(ids)

    def listed(self):
        """The accounts in memory, oldest first."""
        return list(self._ids.values())

    # -- hierarchy ---------------------------------------------------------------------------------

    def below(self, parent, child):
        """Whether `child` is `parent` or in its tree."""
        for _ in range(DEPTH):
            if child is None:
                return False
            if child.id == parent.id:
                return True
            child = self.by_id(child.parentid) if child.parentid else None
        return False

    def tree(self, id):
        """The ids below an account, at any depth; itself is not among them."""
        return [row[0] for row in self.db.rows(_BELOW, (id, id))]

    def column(self, id, name):
        """Any column of an account, None if there is no such column or account."""
        if name not in self.db.columns("tb_users"):
            return None
        return self.db.value(f'SELECT "{name}" FROM tb_users WHERE id = ?', (id,))

    # -- change ------------------------------------------------------------------------------------

    def create(self, unit, values):
        """A new row of column -> text or number; returns its id.  ApiError 422 if the user name is taken."""
        self.refuse_taken(values["username"])
        values.setdefault("adddate", self.clock.utc())
        row = self._row(values, values["username"])
        names = ", ".join([f'"{name}"' for name in row])
        marks = ", ".join("?" * len(row))
        id = unit.run(f"INSERT INTO tb_users ({names}) VALUES ({marks})", tuple(row.values())).lastrowid
        for number in self.owned.of(id):
            self.owned.take(unit, id, number)
        self.db.touch("tb_users", (id,))
        return id

    def update(self, unit, id, values):
        """Change columns of one row; reload() it once the unit is over.  ApiError 422 for a user name or number of
        somebody else, and for another currency of money that is there."""
        username = values.get("username")
        if username is not None:
            self.refuse_taken(username, id)
        old = self.db.value("SELECT username FROM tb_users WHERE id = ?", (id,))
        row = self._row(values, username or old)
        if row.get("username", old) != old and "password" not in row and self.settings.passwordstore == "ha1":
            row.update(ha1="", passwordhash="")     # HA1 holds the old name: a new password is needed
        if "currency" in row:
            self.judge_currency(id, row["currency"])
        self._write(unit, id, row)

    def _write(self, unit, id, row):
        sets = ", ".join([f'"{name}" = ?' for name in row])
        if "username" not in row and "telnumber" not in row:
            unit.run(f"UPDATE tb_users SET {sets} WHERE id = ?", (*row.values(), id))
        else:
            with self.owned.kept(unit, id):
                unit.run(f"UPDATE tb_users SET {sets} WHERE id = ?", (*row.values(), id))
        self.db.touch("tb_users", (id,))

    def judge_currency(self, id, name):
        """ApiError 422 if an account with money, or whose calls hold some, would change its currency."""
        default = self.settings.defaultcurrency
        currency, credit = self.db.row("SELECT currency, credit_u FROM tb_users WHERE id = ?", (id,))
        if (currency or default).lower() == (name or default).lower():
            return
        if credit:
            raise ApiError(422, f"the account holds {decimal(credit):.2f} {currency or default}: empty it by"
                                " transfercredit or setcredit 0, then change u_currency")
        if self.db.value("SELECT 1 FROM tb_reservations WHERE userid = ?", (id,)):
            raise ApiError(422, "money is reserved for calls of the account: change u_currency when they have ended")

    def switch(self, unit, id, values, rename=None):
        """Set the flags of enabled and disabled; `rename(username, id)` tells another name, or None for none."""
        username = self.db.value("SELECT username FROM tb_users WHERE id = ?", (id,))
        name = rename(username, id) if rename is not None else None
        if name is not None:
            self.refuse_taken(name, id)
            values = {**values, "username": name}       # and HA1 stays: the old name comes back
        self._write(unit, id, values)

    def delete(self, unit, id):
        """The row and what belongs to it alone, its numbers back to the pool; its ledger and call records stay."""
        for table in ("tb_users_numbers", "tb_users_authip", "tb_pushtokens", "tb_presence", "tb_reservations"):
            unit.run(f"DELETE FROM {table} WHERE userid = ?", (id,))
        unit.run("DELETE FROM tb_routing WHERE serverid = ?", (id,))
        unit.run("UPDATE tb_telnumbers SET free = 1, location = 0 WHERE location = ?", (id,))
        unit.run("DELETE FROM tb_users WHERE id = ?", (id,))
        self.db.touch("tb_users", (id,))
        self.db.touch("tb_routing", ())

    def check(self, values):
        """Column -> value as the column takes it; ApiError 400 names the field that does not fit.  A credit
        that was sent empty was not sent: nobody's money goes by a form left blank."""
        values = {name: value for name, value in values.items() if name.lower() != "credit" or value != ""}
        row = judge(checked(values, self.db.columns("tb_users"), "u_"), "u_")
        if row.get("billinguserid") and self.by_id(row["billinguserid"]) is None:
            raise ApiError(404, f"no such user: {row['billinguserid']} (u_billinguserid)")
        self.check_currency(row.get("currency"))
        return row

    def check_currency(self, currency):
        """ApiError 400 for one that is not in tb_currencies."""
        if currency and currency.lower() != self.settings.defaultcurrency.lower() and not self.db.value(
                "SELECT 1 FROM tb_currencies WHERE name = ?", (currency,)):
            raise ApiError(400, f"parameter u_currency takes a currency of tb_currencies such as"
                                f" {self.settings.defaultcurrency}, not {currency[:16]!r}")

    def refuse_taken(self, username, but=0):
        if self.db.value("SELECT id FROM tb_users WHERE username = ? AND id <> ?", (username, but)):
            raise ApiError(422, "user exists")
        if self.owned.owner(username, but) is not None:
            raise ApiError(422, f"the number {username} belongs to another account")

    def _row(self, values, username):
        """The columns to write: checked, and the password as `passwordstore` wants it."""
        row = self.check(values)
        if "password" in row:
            row.update(stored(row, username, self.settings))
        return row

    def has_calls(self, ids):
        """Whether a call record refers to one of the accounts."""
        return any(self.db.value("SELECT EXISTS (SELECT 1 FROM tb_cdrs WHERE callerid = ?)"
                                 " OR EXISTS (SELECT 1 FROM tb_cdrs WHERE calledid = ?)", (id, id)) for id in ids)

    def other_admins(self, ids):
        """Whether somebody but these can still administer."""
        admins = self.db.rows("SELECT id FROM tb_users WHERE type IN (15, 16) AND enabled <> 0"
                              " AND temporarydisabled <> 1 AND NOT coalesce(rights, 0) BETWEEN 1 AND 49")
        return any(id not in ids for id, in admins)

    # -- numbers and addresses ---------------------------------------------------------------------

    def add_number(self, unit, id, number):
        """A further DID; ApiError 422 if it is somebody else's."""
        if self.owned.has(id, number):
            return
        with self.owned.kept(unit, id):
            unit.run("INSERT INTO tb_users_numbers (userid, number, kind) VALUES (?, ?, 'did')", (id, number))
        self.db.touch("tb_users_numbers", ())

    def set_numbers(self, unit, id, numbers):
        """These are the further DIDs from now on; ApiError 422 if one is somebody else's."""
        with self.owned.kept(unit, id):
            for row, number in self.db.rows("SELECT id, number FROM tb_users_numbers WHERE userid = ? AND kind = 'did'",
                                            (id,)):
                if number not in numbers:
                    unit.run("DELETE FROM tb_users_numbers WHERE id = ?", (row,))
            for number in numbers:
                if not self.owned.has(id, number):
                    unit.run("INSERT INTO tb_users_numbers (userid, number, kind) VALUES (?, ?, 'did')", (id, number))
        self.db.touch("tb_users_numbers", ())

    def set_addresses(self, unit, id, addresses):
        """These [(host, port)] are the further source addresses from now on."""
        there = []
        for row, *address in self.db.rows("SELECT id, authip, port FROM tb_users_authip WHERE userid = ?", (id,)):
            if tuple(address) in addresses:
                there.append(tuple(address))
            else:
                unit.run("DELETE FROM tb_users_authip WHERE id = ?", (row,))
        self.db.touch("tb_users_authip", ())
        for host, port in addresses:
            if (host, port) not in there:
                self.add_address(unit, id, host, port)

    def add_address(self, unit, id, host, port):
        """A further source address, range or domain."""
        unit.run("INSERT INTO tb_users_authip (userid, authip, port) VALUES (?, ?, ?)", (id, host, port))
        self.db.touch("tb_users_authip", ())
