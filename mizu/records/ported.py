"""Numbers that have moved to another provider or place (tb_portednumbers), in normal form, with a + or without.

The table may hold a whole country's, so it is read by index, number by number; all that is kept of it is whether there
are any.
"""


class Ported:
    """Where a number is now: providerpx is put in front for routing and sending (never for the price), newnumber takes
    its place, newdomain and newport are where the call goes instead of the trunk's own address."""
    __slots__ = ("number", "providerpx", "newnumber", "newdomain", "newport")

    def __init__(self, row):
        self.number = row[0]
        self.providerpx, self.newnumber, self.newdomain = [str(text or "").strip() for text in row[1:4]]
        self.newport = row[4] if row[4].__class__ is int and 0 < row[4] < 65536 else 0


class PortedNumbers:
    """db."""

    def __init__(self, db):
        self.db = db
        self._any = None
        db.on_touched.append(self._touched)

    def reload(self):
        """Look again whether there are any."""
        self._any = None

    def _touched(self, table, ids):
        if table == "tb_portednumbers":
            self.reload()

    def find(self, number):
        """The Ported of a number in normal form, the one of the lowest priority, or None."""
        if self._any is None:
            self._any = self.db.value("SELECT EXISTS (SELECT 1 FROM tb_portednumbers)")
        if not self._any:
            return None
        row = self.db.row("SELECT number, providerpx, newnumber, newdomain, newport FROM tb_portednumbers"
                          " WHERE number IN (?, ?) ORDER BY priority, id LIMIT 1", (number, "+" + number))
        return None if row is None else Ported(row)
