"""What is computed from call records and kept: a summary of each day, and the direction of each record.

A direction is the row of the record's price list with the longest prefix of the called number.  Owns tb_cdrinfo.
"""

from ..base.clock import utc_text
from .cdrs import chosen
from .periods import seconds, whole_days

SUMMED = "cdrc succ sl endusercost providercost salescost companycost othercost".split()
"""Columns of tb_cdrinfo, and the statistics in them."""

PAGE = 1000
"""Records read at once."""

SLICE = 200
"""Rows written in one turn of the loop: 2 ms."""

_INSERT = f"INSERT INTO tb_cdrinfo (day, {', '.join(SUMMED)}, currency) VALUES (?{', ?' * len(SUMMED)}, ?)"

_PREFIXES = ", ".join([f"substr(ltrim(c.callednumber, '+'), 1, {digits})" for digits in range(17)])
_DIRECTIONS = f"""SELECT c.datum, c.id, c.dirid, (SELECT b.id FROM tb_billingtimes b
        WHERE b.entryid = c.billingentry AND b.prefix IN ({_PREFIXES}) ORDER BY length(b.prefix) DESC, b.id LIMIT 1)
    FROM tb_cdrs c WHERE c.datum >= :datum AND (c.datum > :datum OR c.id > :id)
    ORDER BY c.datum, c.id LIMIT {PAGE + 1}"""


class CdrUpkeep:
    """db, clock, settings (dbtimeout), statistics."""

    def __init__(self, db, clock, settings, statistics):
        self.db = db
        self.clock = clock
        self.settings = settings
        self.statistics = statistics

    async def summarize(self, since, actor=""):
        """Write tb_cdrinfo anew for every day from that moment (UTC text) to now; returns how many days had calls."""
        zone, now = self.statistics.zone, self.clock.now()
        begin, end = whole_days(zone, seconds(since), now)
        found = chosen(self.db.columns("tb_cdrs"), (utc_text(begin), utc_text(end)))
        days = await self.statistics.rows(found, SUMMED, ("day",), actor=actor, short=False)
        first, last = str(zone.local(begin).date()), str(zone.local(now).date())
        await self.db.gate()
        with self.db.unit(actor=actor, kind="upkeep") as unit:
            unit.run("DELETE FROM tb_cdrinfo WHERE day BETWEEN ? AND ?", (first, last))
            for row in days.rows:
                unit.run(_INSERT, (*row, "")[:len(SUMMED) + 2])       # "" for the default currency
        return len(days)

    async def direct(self, since, actor=""):
        """Set dirid anew in the records from that moment (UTC text) on; returns (records, how many have changed).
        A record whose price list has no prefix for it keeps what it has."""
        key, seen, changed = (since, 0), 0, 0
        while True:
            rows = await self.db.query(_DIRECTIONS, {"datum": key[0], "id": key[1]}, limit=PAGE,
                                       timeout=self.settings.dbtimeout, actor=actor)
            new = [(direction, id) for _, id, old, direction in rows.rows if direction not in (None, old)]
            for at in range(0, len(new), SLICE):
                await self.db.gate()
                with self.db.unit(actor=actor, kind="upkeep") as unit:
                    for row in new[at:at + SLICE]:
                        unit.run("UPDATE tb_cdrs SET dirid = ? WHERE id = ?", row)
            seen, changed = seen + len(rows), changed + len(new)
            if not rows.truncated:
                return seen, changed
            key = rows.rows[-1][:2]
