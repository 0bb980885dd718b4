"""The pool of telephone numbers: offered, locked for a while, assigned to one account.  Owns tb_telnumbers.

A number is free while `free` is 1, nobody owns it and no account goes by it.  A lock is for one account, or, with
lockedby 0, for whoever an administrator will name.  Every step belongs to a unit, so no number goes to two.
"""

from ..base.clock import utc_text
from ..base.errors import ApiError
from .credentials import check_username

MOST_LOCKED = 100
"""Numbers that one user's requests may hold locked: nobody empties the pool."""

USERNAME = 1
"""assignas: rename the account; 0 would where it has no name, which none lacks, and 2 is the telephone number."""

NOTHING, FULL = 0, 3
"""verify: not even the account and locks · the number must be of the pool.  Between them, 1 and 2, it may come from
outside; what is in the pool is given away by the pool's rules all the same."""

_OTHER = "CASE WHEN n.number LIKE '+%' THEN substr(n.number, 2) ELSE '+' || n.number END"
_UNUSED = (f"NOT EXISTS (SELECT 1 FROM tb_users WHERE username IN (n.number, {_OTHER}))"
           f" AND NOT EXISTS (SELECT 1 FROM tb_users WHERE telnumber IN (n.number, {_OTHER}) AND telnumber <> '')"
           f" AND NOT EXISTS (SELECT 1 FROM tb_users_numbers WHERE number IN (n.number, {_OTHER}) AND kind = 'did')")

_FREE = f"n.free = 1 AND coalesce(n.location, 0) = 0 AND {_UNUSED}"

_OFFER = (f"SELECT n.id, n.number, n.country, n.price FROM tb_telnumbers n WHERE n.ttype = ? AND {_FREE}"
          " AND coalesce(n.lockeduntil, '') <= ? ORDER BY n.id LIMIT ?")
_OWN = (f"SELECT n.id, n.number, n.country, n.price FROM tb_telnumbers n WHERE n.lockedby = ? AND n.lockedby <> 0"
        f" AND n.lockeduntil > ? AND n.ttype = ? AND {_FREE} ORDER BY n.id LIMIT 1")
_LOCKED = "SELECT count(*) FROM tb_telnumbers WHERE lockedby = ? AND lockedby <> 0 AND lockeduntil > ? AND free = 1"


class Number:
    """A row of the pool: id, number, whether it is free, lockedby (None without a lock, 0 for nobody yet)."""
    __slots__ = ("id", "number", "free", "lockedby")

    def __init__(self, id, number, free, lockedby):
        self.id = id
        self.number = number
        self.free = free
        self.lockedby = lockedby


class Numbers:
    """db, clock, users; the settings say how long a lock lasts (numberlockseconds)."""

    def __init__(self, db, clock, users):
        self.db = db
        self.clock = clock
        self.users = users
        self.settings = users.settings

    # -- offering and locking ----------------------------------------------------------------------

    def offer(self, unit, count, ttype, account, bounded):
        """Lock up to `count` free numbers; [(number, country, price)].

        account   for whom, None for nobody yet;  bounded: no more than MOST_LOCKED of his at once
        """
        if bounded:
            count = min(count, self._bound(account))
        rows = self.db.rows(_OFFER, (ttype, self.clock.utc(), count))
        if not rows:
            raise ApiError(404, "no free number")
        self._lock(unit, [row[0] for row in rows], account)
        return [row[1:] for row in rows]

    def lock(self, unit, number, ttype, account, admin):
        """Lock one number, or a free one where none is named; returns it.  `admin`: locks for nobody do not hold."""
        if not number:
            return self.offer(unit, 1, ttype, account, not admin)[0][0]
        found = self.find(number)
        if found is None:
            raise ApiError(404, f"no such number in the pool: {number}")
        self._judge(found, account, admin)
        if not admin and found.lockedby is None:
            self._bound(account)
        self._lock(unit, [found.id], account)
        return found.number

    def _bound(self, account):
        """How many more numbers may be locked for the account; ApiError 422 if none."""
        left = MOST_LOCKED - self.db.value(_LOCKED, (account.id, self.clock.utc()))
        if left <= 0:
            raise ApiError(422, f"{MOST_LOCKED} numbers are locked for you: choose one of them")
        return left

    def _lock(self, unit, ids, account):
        until = utc_text(self.clock.now() + self.settings.numberlockseconds)
        for id in ids:
            unit.run("UPDATE tb_telnumbers SET lockedby = ?, lockeduntil = ? WHERE id = ?",
                     (account.id if account is not None else 0, until, id))

    # -- the rules ---------------------------------------------------------------------------------

    def find(self, number):
        """The Number of the pool, with or without its leading +, or None."""
        row = self.db.row(f"SELECT n.id, n.number, {_FREE}, CASE WHEN n.lockeduntil > :now THEN n.lockedby END"
                          " FROM tb_telnumbers n WHERE n.number IN (:given, :other) ORDER BY n.number = :given DESC",
                          {"given": number, "now": self.clock.utc(),
                           "other": number[1:] if number.startswith("+") else "+" + number})
        return Number(*row) if row is not None else None

    @staticmethod
    def _judge(found, account, admin):
        """ApiError 422 unless the account may have the number."""
        if not found.free:
            raise ApiError(422, f"the number {found.number} is not free")
        own = found.lockedby is not None and account is not None and found.lockedby == account.id
        if found.lockedby is not None and not (own or admin and found.lockedby == 0):
            raise ApiError(422, f"the number {found.number} is locked")

    # -- assigning ---------------------------------------------------------------------------------

    def assign(self, unit, number, ttype, id, assignas, verify):
        """Give a number, or a free one where none is named, to the account of that id; returns (number, the column
        that holds it).  ApiError 404 or 422; the account in memory is the caller's to reload."""
        account = self.users.by_id(id)
        if verify != NOTHING and (account is None or not account.enabled or account.disabled):
            raise ApiError(422 if account else 404, "account disabled" if account else f"no such user: {id}")
        pooled = self._choose(number, ttype, id, account, verify)
        number = pooled.number if pooled is not None else number
        if pooled is not None:
            unit.run("UPDATE tb_telnumbers SET free = 0, location = ?, lockedby = 0, lockeduntil = '' WHERE id = ?",
                     (id, pooled.id))
        if account is None:
            return number, ""
        column = "username" if assignas == USERNAME else "telnumber"    # a user name is never missing
        self._save(unit, account, column, number)
        return number, column

    def _choose(self, number, ttype, id, account, verify):
        """The Number of the pool that is to be given away, None for one of outside."""
        now = self.clock.utc()
        if not number:
            row = self.db.row(_OWN, (id, now, ttype)) or self.db.row(_OFFER, (ttype, now, 1))
            if row is None:
                raise ApiError(404, "no free number")
            return self.find(row[1])
        found = self.find(number)
        if account is not None and self.users.owned.has(id, number):
            return found                # asked again
        if found is None and verify == FULL:
            raise ApiError(404, f"no such number in the pool: {number}")
        if found is None and self.users.owned.owner(number) is not None:
            raise ApiError(422, f"the number {number} belongs to another account")
        if found is not None:
            self._judge(found if verify != NOTHING else Number(found.id, number, found.free, None), account, True)
        return found

    def _save(self, unit, account, column, number):
        if number == getattr(account, column):
            return
        if column == "username":
            check_username(number)
        with self.users.owned.kept(unit, account.id):
            if column == "telnumber":
                unit.run("DELETE FROM tb_users_numbers WHERE userid = ? AND number = ? AND kind = 'did'",
                         (account.id, number))
                if account.telnumber:       # it still rings there
                    unit.run("INSERT INTO tb_users_numbers (userid, number, kind) VALUES (?, ?, 'did')",
                             (account.id, account.telnumber))
            self.users.update(unit, account.id, {column: number})
