"""Whom a called number names here: an account by user name, number or DID, or by its short number among its own.

What was looked up is remembered until an account changes; a name that is nobody's too, for most calls go outside.
Reads the tables of users.
"""

from .ownership import forms

MOST = 50_000
"""Names and numbers that are remembered: 8 MB; the table starts afresh when it is full."""

USERNAME, NUMBER, SHORT = "user name", "number", "short number"

_KNOWN = ("SELECT 0, id FROM tb_users WHERE username = ?1 UNION ALL"
          " SELECT 1, id FROM tb_users WHERE telnumber IN (?2, ?3) AND telnumber <> '' UNION ALL"
          " SELECT 1, userid FROM tb_users_numbers WHERE number IN (?2, ?3) AND kind = 'did'")

_SHORT = "SELECT id, parentid, usergroup FROM tb_users WHERE shorttelnumber = ? AND shorttelnumber <> '' LIMIT 1000"

SHORTEST, LONGEST = 1, 8
"""Digits of a short number."""

TABLES = ("tb_users", "tb_users_numbers")


class Directory:
    """db, users."""

    def __init__(self, db, users):
        self.db = db
        self.users = users
        self._held = {}
        db.on_touched.append(self._touched)

    def __len__(self):
        return len(self._held)

    def reload(self):
        """Forget all that was looked up; returns how much it was."""
        held = len(self._held)
        self._held.clear()
        return held

    def _touched(self, table, ids):
        if table in TABLES:
            self._held.clear()

    def find(self, *names):
        """(Account, how it was found) for what was called, in several spellings: the first user name that is one, then
        the first number; (None, "") if nobody goes by any of them, or more than one does."""
        found = self._held.get(names)
        if found is None:
            found = self._look(names)
            if len(self._held) >= MOST:
                self._held.clear()
            self._held[names] = found
        id, how = found
        return (self.users.by_id(id), how) if id else (None, "")

    def _look(self, names):
        numbered = None
        for name in names:
            rows = self.db.rows(_KNOWN, (name, *forms(name)))
            named = [id for kind, id in rows if not kind]
            if named:
                return named[0], USERNAME
            numbered = numbered or {id for _, id in rows}
        return (*numbered, NUMBER) if numbered and len(numbered) == 1 else (0, "")

    def short(self, number, account):
        """The Account of a short number among those of an account's group, or below its parent, or its children;
        None if there is none, or more than one."""
        if not (SHORTEST <= len(number) <= LONGEST and number.isascii() and number.isdecimal()):
            return None
        rows = self._held.get((SHORT, number, SHORT))
        if rows is None:
            rows = self._held[SHORT, number, SHORT] = self.db.rows(_SHORT, (number,))
        near = [id for id, parentid, group in rows if _near(account, id, parentid or 0, group or "")]
        return self.users.by_id(near[0]) if len(near) == 1 else None


def _near(account, id, parentid, group):
    """Whether an account and the one of that row are of one household."""
    if account.usergroup or group:
        return account.usergroup == group
    return parentid == account.parentid != 0 or parentid == account.id or id == account.parentid
