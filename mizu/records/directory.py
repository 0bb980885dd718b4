"""Whom a called number names here: an account by user name, number or DID, or by its short number among its own.

What was looked up is remembered until an account changes, and of numbers the beginnings that nobody here has: most
calls go outside, each to another number.
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

STEM, STEMS = 5, 20_000
"""Digits of a number's beginning, and how many of those are remembered: 3 MB."""

_STEM = "SELECT " + " OR ".join([
    f"EXISTS (SELECT 1 FROM {place} {column} BETWEEN {which})"
    for place, column in (("tb_users WHERE", "username"), ("tb_users WHERE telnumber <> '' AND", "telnumber"),
                          ("tb_users_numbers WHERE", "number")) for which in ("?1 AND ?2", "?3 AND ?4")])

TABLES = ("tb_users", "tb_users_numbers")


class Directory:
    """db, users."""

    def __init__(self, db, users):
        self.db = db
        self.users = users
        self._held = {}
        self._stems = {}            # {beginning of numbers: whether somebody here has one of them}
        db.on_touched.append(self._touched)

    def __len__(self):
        return len(self._held) + len(self._stems)

    def reload(self):
        """Forget all that was looked up; returns how much it was."""
        held = len(self)
        self._held.clear()
        self._stems.clear()
        return held

    def _touched(self, table, ids):
        if table in TABLES:
            self.reload()

    def find(self, *names):
        """(Account, how it was found) for what was called, in several spellings: the first user name that is one, then
        the first number; (None, "") if nobody goes by any of them, or more than one does."""
        found = self._held.get(names)
        if found is None:
            if not any([self._taken(name) for name in names]):
                return None, ""
            found = self._look(names)
            if len(self._held) >= MOST:
                self._held.clear()
            self._held[names] = found
        id, how = found
        return (self.users.by_id(id), how) if id else (None, "")

    def _taken(self, name):
        """Whether somebody here may go by that number: anybody goes by one that begins like it, or it is no number."""
        stem = name.lstrip("+")[:STEM]
        taken = self._stems.get(stem)
        if taken is None:
            if len(stem) < STEM or not (stem.isascii() and stem.isdecimal()):
                return True
            if len(self._stems) >= STEMS:
                self._stems.clear()
            end = stem + "\U0010ffff"
            taken = self._stems[stem] = bool(self.db.value(_STEM, (stem, end, "+" + stem, "+" + end)))
        return taken

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
