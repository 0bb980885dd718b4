"""Money set aside: reserved before it is spent, extended, then posted at its true price or given back.

What an account may spend is its balance without what is reserved, and no more than its limits of the day and the
month leave.  Every step belongs to a unit of its caller, so that calls, messages and transfers never spend the same
cent.  Owns tb_reservations; knows no call and no price.
"""

from ..base.errors import ApiError
from .account import ENDUSER
from .months import Months
from .users import DEPTH
from .values import decimal

SPENDING = "(kind IN ('call', 'sms', 'rebill') OR kind = 'transfer' AND amount_u < 0)"
"""Rows of the ledger that count against dailylimit and monthlylimit."""

_HELD = "CAST(round(amount * 1000000) AS INTEGER)"

_ACCOUNT = ("SELECT credit_u, postpaid, CAST(round(coalesce(dailylimit, 0) * 1000000) AS INTEGER),"
            " CAST(round(coalesce(monthlylimit, 0) * 1000000) AS INTEGER), billingday,"
            f" (SELECT coalesce(sum({_HELD}), 0) FROM tb_reservations WHERE userid = u.id)"
            " FROM tb_users u WHERE id = ?")

_SPENT = ("SELECT coalesce(-sum(amount_u), 0) FROM tb_ledger WHERE userid = ? AND id >= ? AND datum >= ?"
          f" AND {SPENDING}")


class Reservation:
    """One row of tb_reservations: id, userid, callid; its amount is what the table says."""
    __slots__ = ("id", "userid", "callid")

    def __init__(self, id, userid, callid):
        self.id = id
        self.userid = userid
        self.callid = callid

    def __repr__(self):
        return f"Reservation({self.id}, {self.userid}, {self.callid!r})"


class Reservations:
    """db, clock, users, ledger."""

    def __init__(self, db, clock, users, ledger):
        self.db = db
        self.clock = clock
        self.users = users
        self.ledger = ledger
        self.months = Months(users.settings, clock)

    def payer(self, account):
        """The account that is charged for what another one does: its billinguserid; a sub-end-user's parent; else
        itself.  Whoever pays for the parent pays for those below.  `billinguserid` of its own: it pays itself."""
        seen = {account.id}
        while len(seen) < DEPTH:
            above = self._above(account)
            if above is None or above.id in seen:
                break
            seen.add(above.id)
            account = above
        return account

    def _above(self, account):
        """Who is charged instead of an account, or None."""
        named = self.users.by_id(account.billinguserid) if account.billinguserid else None
        if named is not None or account.type != ENDUSER or not account.parentid:
            return named
        parent = self.users.by_id(account.parentid)
        return parent if parent is not None and parent.type == ENDUSER else None

    # -- what is left ------------------------------------------------------------------------------

    def available(self, account):
        """Micro-units that the account may spend just now; below zero if it owes.  ApiError 404 without it."""
        row = self.db.row(_ACCOUNT, (account.id,))
        if row is None:
            raise ApiError(404, f"no such user: {account.username}")
        balance, postpaid, daily, monthly, billingday, held = row
        free = balance - held
        if daily > 0:
            free = min(free, daily - held - self._spent(account.id, self.months.today()))
        if monthly > 0 and not postpaid:        # a postpaid balance is what the month has left
            free = min(free, monthly - held - self._spent(account.id, self.months.month(billingday)))
        return free

    def _spent(self, id, since):
        return self.db.value(_SPENT, (id, self.ledger.first_since(since), since))

    def judge(self, account, micros, free=None):
        """ApiError 422 if the account may not spend that much; `free`: what available() has just said."""
        if micros < 0:
            raise ApiError(422, "an amount to spend is not negative")
        if micros > (self.available(account) if free is None else free):
            raise ApiError(422, "not enough credit")

    # -- the two phases ----------------------------------------------------------------------------

    def reserve(self, unit, account, callid, micros, free=None):
        """Set money of an account aside; returns the Reservation.  ApiError 422 if there is not as much (`free`, if
        available() was asked in this unit)."""
        self.judge(account, micros, free)
        cursor = unit.run("INSERT INTO tb_reservations (userid, callid, amount, datum) VALUES (?, ?, ?, ?)",
                          (account.id, callid, decimal(micros), self.clock.utc()))
        return Reservation(cursor.lastrowid, account.id, callid)

    def extend(self, unit, reservation, micros):
        """Set more aside; returns what is reserved then.  ApiError 422 if there is not as much."""
        held = self.held(reservation)
        self.judge(self._account(reservation), micros)
        unit.run("UPDATE tb_reservations SET amount = ?, datum = ? WHERE id = ?",
                 (decimal(held + micros), self.clock.utc(), reservation.id))
        return held + micros

    def post(self, unit, reservation, micros, kind, actor, cdrid=0, comment=""):
        """Charge the true price, be it more than was reserved, and end the reservation; returns (old, new) balance."""
        if micros < 0:
            raise ApiError(422, "a price is not negative")
        account = self._account(reservation)
        self.void(unit, reservation)
        return self.ledger.add(unit, account, -micros, kind, actor, reservation.callid, comment, cdrid)

    def void(self, unit, reservation):
        """Give it back.  ApiError 422 if it has ended before: nothing is posted or given back twice."""
        if not self.release(unit, reservation):
            raise ApiError(422, f"the reservation of {reservation.callid[:64]} has ended")

    def release(self, unit, reservation):
        """Give it back if it is still there; returns whether it was."""
        return unit.run("DELETE FROM tb_reservations WHERE id = ? AND userid = ? AND callid = ?",
                        (reservation.id, reservation.userid, reservation.callid)).rowcount > 0

    def held(self, reservation):
        """Micro-units set aside; ApiError 422 if the reservation has ended."""
        held = self.db.value(f"SELECT {_HELD} FROM tb_reservations WHERE id = ? AND userid = ? AND callid = ?",
                             (reservation.id, reservation.userid, reservation.callid))
        if held is None:
            raise ApiError(422, f"the reservation of {reservation.callid[:64]} has ended")
        return held

    def _account(self, reservation):
        account = self.users.by_id(reservation.userid)
        if account is None:
            raise ApiError(404, f"no such user: {reservation.userid}")
        return account

    # -- all of them -------------------------------------------------------------------------------

    def listed(self, before="9"):
        """[(Reservation, micro-units)] last extended before that UTC text, oldest first."""
        return [(Reservation(*row[:3]), row[3]) for row in self.db.rows(
            f"SELECT id, userid, callid, {_HELD} FROM tb_reservations WHERE datum < ? ORDER BY id", (before,))]
