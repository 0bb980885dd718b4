"""Writes of one turn of the loop in one transaction: a commit costs 40 us, however much is in it.

One that fails takes nothing of the others back: all are written anew then, each as a savepoint of its own, so a work
may be called twice.  Knows no tables.
"""

from ..base.task import Future, spawn

MOST = 200
"""Writes of one transaction: some 20 ms of the loop; the rest follows in the next."""


PATIENCE = 0.005
"""Seconds that a patient write waits for company, and any write after another: no more than 200 commits a second."""


class Group:
    """db; soon(callback) calls back at the end of the turn, None: at once (there is no loop); later(seconds, callback):
    without it nothing waits longer than the turn."""

    def __init__(self, db, soon=None, later=None):
        self.db = db
        self._soon = soon
        self._later = later
        self._due = False           # a write at the end of this turn is certain
        self._pause = False         # the last write was just now: the end of the pause writes what waits
        self._waiting = []

    def run(self, work, patient=False):
        """A Future of work(unit), done once it is committed; what it raises, or the commit, is its error."""
        future = Future()
        self._waiting.append((work, future))
        if self._soon is None:
            self.flush()
        elif self._later is not None and (patient or self._pause):
            if len(self._waiting) == 1 and not self._pause:
                self._later(PATIENCE, self.flush)
        elif not self._due:
            self._due = True
            self._soon(self.flush)
        return future

    def flush(self):
        """Write all that waits now."""
        self._due = False
        if self._waiting:
            if self._later is not None and not self._pause:
                self._pause = True
                self._later(PATIENCE, self._rested)
            spawn(self._write()).then(self._written)

    def _rested(self):
        self._pause = False
        self.flush()

    def _written(self, done):
        """Only the gate can have failed: nobody may write just now."""
        try:
            done.result()
        except Exception as error:
            waiting, self._waiting = self._waiting, []
            for _, future in waiting:
                future.fail(error)

    async def _write(self):
        unit = await self.db.begun()
        waiting, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            self._soon(self.flush)
        try:
            results = self._all(unit, waiting)
        except Exception as error:
            results = [(None, error)] * len(waiting)
        for (_, future), (value, error) in zip(waiting, results):
            if error is None:
                future.set(value)
            else:
                future.fail(error)

    def _all(self, unit, waiting):
        """[(value, error)] of each, once they are committed together."""
        try:
            with unit:
                return [(work(unit), None) for work, _ in waiting]
        except Exception:
            if len(waiting) == 1:
                raise
        with self.db.unit():
            return [self._one(work) for work, _ in waiting]

    def _one(self, work):
        try:
            with self.db.unit() as unit:
                return work(unit), None
        except Exception as error:
            return None, error
