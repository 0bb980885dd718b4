"""Upkeep of balances: the monthly reset of postpaid accounts, notices of low credit, and whether the books agree.

Everything here may run twice, and a crash between two steps leaves nothing undone: what has been done is read from
the ledger and from the notes of tb_settings that are written in the same transactions.
"""

from ..base.clock import utc_text
from .notes import note, take_note

RESET, NOTICES = "_credit_reset", "_credit_notices"
"""Notes of tb_settings: until when billing days, and falling balances, have been looked at."""

BATCH = 100
"""Accounts of one transaction: some five milliseconds."""

LONGEST_CALL = 86_400
"""Seconds after which a reservation is stale where `maxcallduration` sets no limit."""

PAGE = 10_000
"""Accounts of one look at the table, which is made in a worker."""

_POSTPAID = """
SELECT id FROM tb_users WHERE postpaid = 1 AND monthlylimit > 0 AND id > :last
AND min(max(coalesce(billingday, 1), 1), 31) BETWEEN :first AND :until AND coalesce(adddate, '') < :border ORDER BY id
"""

_LIMIT = """
SELECT credit_u, CAST(round(monthlylimit * 1000000) AS INTEGER) FROM tb_users u
WHERE id = ? AND postpaid = 1 AND monthlylimit > 0
AND NOT EXISTS (SELECT 1 FROM tb_ledger WHERE userid = u.id AND id >= ? AND kind = 'reset' AND datum >= ?)
"""

_FALLEN = """
SELECT u.id, u.username, u.name, u.email, u.phone, u.language, u.credit, u.currency FROM tb_users u
WHERE u.sendlowcreditemail <> 0 AND u.enabled <> 0 AND u.credit_u < :low AND u.id IN
    (SELECT userid FROM tb_ledger WHERE id >= :first AND datum > :since
     AND balance_u < :low AND balance_u - amount_u >= :low)
ORDER BY u.id
"""


class Credits:
    """db, clock, users, ledger, reservations, log (or None)."""

    def __init__(self, db, clock, users, ledger, reservations, log=None):
        self.db = db
        self.clock = clock
        self.users = users
        self.ledger = ledger
        self.reservations = reservations
        self.months = reservations.months
        self.settings = users.settings
        self.log = log
        self._summed = ""           # the day on which every row was added up last

    async def maintenance(self):
        """Once an hour and at the start: months are begun, and the books compared; every row of them nightly."""
        await self.reset_months()
        today = self.months.today()
        nightly = self._summed not in ("", today)
        self._summed = today
        differing = await self.db.differences(whole=nightly)
        if differing.rows and self.log is not None:
            ids = ", ".join([str(row[0]) for row in differing.rows[:20]])
            self.log.error(f"{len(differing)} balances are not what the ledger says (checkcredits): accounts {ids}")
        return differing

    # -- the month of postpaid accounts ------------------------------------------------------------

    async def reset_months(self):
        """Lift the credit of postpaid accounts whose month has begun since the last time to their monthlylimit;
        returns how many months were begun."""
        since, now = note(self.db, RESET), self.clock.utc()
        done = 0
        for border, days in self._borders(since or now, now).items():
            done += await self._begin_months(border, days)
        if since is None or now > since:
            await self.db.gate()
            with self.db.unit() as unit:
                take_note(unit, RESET, now, now)
        return done

    def _borders(self, since, now):
        """{when months began after `since`: the billing days that mean it}, which follow each other."""
        borders = {}
        for day in range(1, 32):
            border = self.months.month(day)
            if since < border <= now:
                borders.setdefault(border, []).append(day)
        return borders

    async def _begin_months(self, border, days):
        done = last = 0
        while True:
            found = {"first": days[0], "until": days[-1], "border": border, "last": last}
            ids = [row[0] for row in (await self.db.query(_POSTPAID, found, limit=PAGE, actor="reset")).rows]
            for start in range(0, len(ids), BATCH):
                done += await self._begin(ids[start:start + BATCH], border)
            if len(ids) < PAGE:
                return done
            last = ids[-1]

    async def _begin(self, ids, border):
        """Begin the month of some accounts, each once."""
        await self.db.gate()
        with self.db.unit(actor="server", kind="reset") as unit:
            first = self.ledger.first_since(border)
            begun = [id for id in ids if self._reset(unit, id, first, border)]
        self.users.reload(begun)
        return len(begun)

    def _reset(self, unit, id, first, border):
        row = self.db.row(_LIMIT, (id, first, border))
        if row is None:
            return False
        credit, limit = row
        if credit < limit:          # what was paid beyond the limit stays
            self.ledger.set_credit(unit, self.users.by_id(id), limit, "reset", "server")
        else:
            self.ledger.note(unit, id, "reset", "server")
        return True

    # -- notices -----------------------------------------------------------------------------------

    async def due_notices(self):
        """Rows (id, username, name, email, phone, language, credit, currency) of those who want to hear of it and
        whose balance has fallen below `lowcredit` since noticed(), and is still there."""
        since = note(self.db, NOTICES) or utc_text(self.clock.now() - 86_400)
        return await self.db.query(_FALLEN, {"low": self.settings.lowcredit, "since": since,
                                             "first": self.ledger.first_since(since)}, limit=0, actor="notices")

    def noticed(self, unit):
        """In the unit that queues the notices: they are on their way."""
        take_note(unit, NOTICES, self.clock.utc(), self.clock.utc())

    # -- the books ---------------------------------------------------------------------------------

    async def check(self):
        """{accounts, differences, reservations, reserved, stale, notices}: every row of the ledger against every
        balance; differences are [{id, balance, ledger}], money in micro-units."""
        differing = (await self.db.differences(whole=True)).rows or (await self.db.differences()).rows
        held = self.reservations.listed()
        return {"accounts": self.users.count(),
                "differences": [{"id": id, "balance": balance, "ledger": sum} for id, balance, sum in differing],
                "reservations": len(held), "reserved": sum([micros for _, micros in held]),
                "stale": len(self._stale()), "notices": len(await self.due_notices())}

    def _stale(self):
        """Reservations that no call can still need."""
        longest = self.settings.maxcallduration or LONGEST_CALL
        return [reservation for reservation, _ in
                self.reservations.listed(before=utc_text(self.clock.now() - longest - 3600))]

    async def fix(self, differences):
        """The ledger is the truth: bring balances to their newest row, and give stale reservations back; returns
        (balances, reservations).  A ledger that contradicts itself is left for a backup to mend."""
        await self.db.gate()
        with self.db.unit(actor="checkcredits", kind="check") as unit:
            fixed = [each["id"] for each in differences if self._fix(unit, each["id"])]
            stale = self._stale()
            for reservation in stale:
                self.reservations.void(unit, reservation)
        self.users.reload(fixed)
        return len(fixed), len(stale)

    def _fix(self, unit, id):
        newest = self.db.value("SELECT balance_u FROM tb_ledger WHERE userid = ? ORDER BY id DESC LIMIT 1", (id,)) or 0
        return unit.run("UPDATE tb_users SET credit = ? / 1000000.0 WHERE id = ? AND credit_u <> ?",
                        (newest, id, newest)).rowcount > 0
