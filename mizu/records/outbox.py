"""A queue of things to be sent, kept in a table: in with the transaction that wants it, out one by one in a worker.

What it has been handed survives a crash.  An attempt is counted before it is made, so whoever ends the process in the
middle of one does not repeat it at once; what was handed over but not noted as sent is sent again: at least once.
Knows neither mail nor SMS.
"""

from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.task import spawn

PAUSES = (60, 300, 900, 3600, 4 * 3600, 12 * 3600)
"""Seconds after the first attempt that fails, the second …; one more than these are made, over some 17 hours."""

MOST = 10_000
"""Rows that may wait: an hour's work of a slow gateway; more would arrive too late to be of use."""

KEPT = 30 * 86_400
"""Seconds that what was sent, or given up, can be looked at."""

_SETTLED = ("sent", "failed")

PURGED = 1000
"""Rows taken out in one transaction: some ten milliseconds."""


class Outbox:
    """columns  what `deliver(row)` gets, a tuple that begins with the row's id, in a thread of `workers`; it returns
                {column: value} to be noted, or raises: ApiError 422 for what will never go, anything else for later
    busy     something is under way"""

    def __init__(self, db, clock, workers, table, columns, deliver, log=None):
        self.db = db
        self.clock = clock
        self.workers = workers
        self.table = table
        self.log = log
        self.deliver = deliver
        self.busy = False
        self._stopped = False
        self._waiting = 0           # as of the last tick, and what came since
        self._due = (f"SELECT tries, {', '.join(columns)} FROM {table} WHERE state = 'queued' AND nexttry <= ?"
                     " ORDER BY nexttry, id LIMIT 1")

    def __len__(self):
        """Rows that wait."""
        return self.db.value(f"SELECT count(*) FROM {self.table} WHERE state = 'queued'")

    def put(self, unit, values):
        """Queue a row of {column: value}; returns its id.  ApiError 503 when too many wait."""
        if self._waiting >= MOST:
            raise ApiError(503, f"{MOST} messages wait to be sent already")
        self._waiting += 1
        marks = ", ".join("?" * len(values))
        return unit.run(f"INSERT INTO {self.table} ({', '.join(values)}) VALUES ({marks})",
                        tuple(values.values())).lastrowid

    def tick(self):
        """Once a second: begin to send what is due."""
        self._waiting = len(self)
        if self._waiting and not self.busy and not self._stopped and self._next() is not None:
            self.busy = True
            spawn(self._send())

    def stop(self):
        """Begin nothing more."""
        self._stopped = True

    def _next(self):
        return self.db.row(self._due, (self.clock.utc(),))

    async def _send(self):
        try:
            while not self._stopped and (row := self._next()) is not None:
                await self._attempt(row[0] + 1, row[1:])
        except ApiError as error:           # the database is busy: the next tick goes on
            self._warn(f"waits: {error.message}")
        finally:
            self.busy = False

    async def _attempt(self, tries, row):
        pause = PAUSES[min(tries, len(PAUSES)) - 1]
        await self._note(row[0], tries=tries, nexttry=utc_text(self.clock.now() + pause))
        try:
            noted = await self.workers.run(self.deliver, row)
        except Exception as error:
            for_good = isinstance(error, ApiError) and error.code == 422
            reason = error.message if isinstance(error, ApiError) else repr(error)
            given_up = for_good or tries > len(PAUSES)
            await self._note(row[0], state="failed" if given_up else "queued", error=reason[:500])
            self._warn(f"{row[0]} {'is given up' if given_up else 'will be tried again'}: {reason}")
        else:
            await self._note(row[0], state="sent", error="", **noted)

    async def _note(self, id, **values):
        sets = [f"{column} = ?" for column in values]
        if values.get("state") in _SETTLED:
            sets.append("message = CASE WHEN secret THEN '' ELSE message END")
        await self.db.gate()
        with self.db.unit() as unit:
            unit.run(f"UPDATE {self.table} SET {', '.join(sets)} WHERE id = ?", (*values.values(), id))

    def _warn(self, text):
        if self.log is not None:
            self.log.warning(f"{self.table} {text}")

    async def purge(self):
        """Take out what was sent or given up long ago."""
        old = utc_text(self.clock.now() - KEPT)
        while True:
            await self.db.gate()
            with self.db.unit() as unit:
                done = unit.run(f"DELETE FROM {self.table} WHERE id IN (SELECT id FROM {self.table} WHERE"
                                f" state IN ('sent', 'failed') AND datum < ? LIMIT {PURGED})", (old,)).rowcount
            if done < PURGED:
                return


def one_line(text):
    """What goes into a header or an address: without line ends and other controls."""
    return "".join([c if c.isprintable() else " " for c in text]).strip()
