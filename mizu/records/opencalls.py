"""Checkpoints of calls under way: how long they have talked, written every few seconds, billed once after a crash.

A row holds what the charge would be written with; the final charge removes it in its own unit.  So a row that is
there at the start belongs to a call that the last process never ended: it is billed up to its last checkpoint.  A
reservation of a call without a row has never been talked on for long, and is given back.  Owns tb_opencalls; the
seconds are seconds, as a monotonic clock does not survive a reboot.
"""

import json

from ..base.clock import utc_text
from ..base.errors import ApiError
from .callrecords import Share

MARK = "call:"
"""What tb_reservations.callid of a call begins with."""

BATCH = 100
"""Charges billed in one unit after a crash: some ten milliseconds."""


class OpenCalls:
    """db, clock, callrecords, reservations, log (or None).  When it is made it notes what the process before has
    left; calls of this one are none of that."""

    def __init__(self, db, clock, callrecords, reservations, log=None):
        self.db = db
        self.clock = clock
        self.callrecords = callrecords
        self.reservations = reservations
        self.log = log
        self._left = [id for id, in db.rows("SELECT id FROM tb_opencalls ORDER BY id")]
        self._held = [held for held, _ in reservations.listed() if held.callid.startswith(MARK)]

    def begin(self, unit, callid, seconds, when, row, shares):
        """The first checkpoint of a charge; returns the id of its row."""
        facts = json.dumps([when, row, [share.facts() for share in shares]])
        return unit.run("INSERT INTO tb_opencalls (callid, datum, seconds, facts) VALUES (?, ?, ?, ?)",
                        (callid, self.clock.utc(), seconds, facts)).lastrowid

    def go_on(self, unit, id, seconds):
        """A later one.  What was set aside since is in tb_reservations under the ids of the first."""
        unit.run("UPDATE tb_opencalls SET seconds = ?, datum = ? WHERE id = ?", (seconds, self.clock.utc(), id))

    async def recover(self):
        """Bill what the last process has left; returns (charges billed, reservations given back)."""
        billed = freed = 0
        while self._left:
            await self.db.gate()
            batch = self._left[:BATCH]
            with self.db.unit() as unit:
                payers = [self._bill(unit, id) for id in batch]
            del self._left[:BATCH]
            billed += len([each for each in payers if each is not None])
            self.callrecords.users.reload({payer for each in payers for payer in each or ()})
        while self._held:
            await self.db.gate()
            with self.db.unit() as unit:
                freed += sum([self.reservations.release(unit, held) for held in self._held[:BATCH]])
            del self._held[:BATCH]
        if self.log is not None and (billed or freed):
            self.log.warning(f"calls cut off by the last stop: {billed} charges billed, {freed} reservations released")
        return billed, freed

    def _bill(self, unit, id):
        """One charge; ids of who paid, or None if it is not there any more or cannot be read."""
        found = self.db.row("SELECT seconds, facts FROM tb_opencalls WHERE id = ?", (id,))
        if found is None:
            return None
        try:
            when, row, shares = json.loads(found[1])
            shares = [Share.of(facts) for facts in shares]
            row.update(datum=utc_text(when + found[0]), origduration=found[0])
        except (ValueError, TypeError, AttributeError) as error:
            return self._fault(id, error)
        row.update(discreason=500, disctext="the server was stopped", discside="server")
        try:
            with self.db.unit():
                self.callrecords.write(unit, row, shares, found[0], when, None, id)
        except ApiError as error:
            if error.code >= 500:
                raise
            return self._fault(id, error)
        return {share.payer for share in shares}

    def _fault(self, id, error):
        if self.log is not None:
            self.log.error(f"row {id} of tb_opencalls cannot be billed: {error}")
