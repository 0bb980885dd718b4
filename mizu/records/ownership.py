"""To whom a number belongs: to one account only, as its user name, its telnumber or a further DID (tb_users_numbers).

What an account takes leaves the pool (tb_telnumbers), and what it gives up goes back there.  A leading + makes no other
number.  Every step belongs to a unit, so of two who want one number at once one gets it.
"""

from contextlib import contextmanager

from ..base.errors import ApiError

_HAS = ("SELECT username FROM tb_users WHERE id = :id UNION SELECT telnumber FROM tb_users WHERE id = :id AND"
        " telnumber <> '' UNION SELECT number FROM tb_users_numbers WHERE userid = :id AND kind = 'did'")

_OWNER = ("SELECT id FROM tb_users WHERE username IN (:bare, :plus) AND id <> :but"
          " UNION ALL SELECT id FROM tb_users WHERE telnumber IN (:bare, :plus) AND telnumber <> '' AND id <> :but"
          " UNION ALL SELECT userid FROM tb_users_numbers WHERE number IN (:bare, :plus) AND kind = 'did'"
          " AND userid <> :but LIMIT 1")

_POOLED = ("SELECT id, number, free, coalesce(location, 0), CASE WHEN lockeduntil > ? THEN lockedby END"
           " FROM tb_telnumbers WHERE number IN (?, ?)")


def forms(number):
    """A number without and with its +; of a name that is none both are the name."""
    bare = number.removeprefix("+")
    return (bare, "+" + bare) if bare.isascii() and bare.isdecimal() else (number, number)


class Ownership:
    """db, clock."""

    def __init__(self, db, clock):
        self.db = db
        self.clock = clock

    def of(self, id):
        """The names and numbers that an account goes by."""
        return {row[0] for row in self.db.rows(_HAS, {"id": id})}

    def owner(self, number, but=0):
        """The id of the account, `but` that one, which goes by the number; None if it is nobody's."""
        bare, plus = forms(number)
        return self.db.value(_OWNER, {"bare": bare, "plus": plus, "but": but})

    def has(self, id, number):
        """Whether the account goes by the number."""
        return not self.of(id).isdisjoint(forms(number))

    def pooled(self, number):
        """Whether it is a number of the pool."""
        return bool(self.db.value("SELECT 1 FROM tb_telnumbers WHERE number IN (?, ?)", forms(number)))

    def told_by(self, table, rowid, row={}):
        """The accounts whose numbers a row, as it is and as `row` leaves it, tells of."""
        if table == "tb_users":
            return {rowid}
        if table != "tb_users_numbers":
            return set()
        return {row.get("userid"), self.db.value("SELECT userid FROM tb_users_numbers WHERE id = ?", (rowid,))} - {None}

    @contextmanager
    def kept(self, unit, *ids):
        """`with` it, names and numbers of these accounts change: what they lose is given back, then what they have
        won is theirs.  ApiError 422 if that is somebody else's."""
        before = {id: self.of(id) for id in ids}
        yield
        after = {id: self.of(id) for id in ids}
        for id in ids:
            for number in before[id] - after[id]:
                if not self.has(id, number):
                    self.give_back(unit, id, number)
        for id in ids:
            for number in sorted(after[id] - before[id]):
                self.take(unit, id, number)

    def take(self, unit, id, number):
        """An account has come to go by the number: it leaves the pool.  ApiError 422 if the account may not."""
        if self.owner(number, id) is not None:
            raise ApiError(422, f"the number {number} belongs to another account")
        for row, pooled, free, location, lockedby in self.db.rows(_POOLED, (self.clock.utc(), *forms(number))):
            if location not in (0, id):
                raise ApiError(422, f"the number {pooled} belongs to another account")
            if not (free or location):
                raise ApiError(422, f"the number {pooled} is not free")
            if not location and lockedby not in (None, 0, id):
                raise ApiError(422, f"the number {pooled} is locked")
            unit.run("UPDATE tb_telnumbers SET free = 0, location = ?, lockedby = 0, lockeduntil = '' WHERE id = ?",
                     (id, row))

    def give_back(self, unit, id, number):
        """To the pool, if it has come from there."""
        unit.run("UPDATE tb_telnumbers SET free = 1, location = 0 WHERE location = ? AND number IN (?, ?)",
                 (id, *forms(number)))
