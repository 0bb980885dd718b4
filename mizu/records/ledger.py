"""Balances: booked to the micro-unit with a row each in tb_ledger, and shown as text.

The row goes first, then `credit`; the triggers of tables_money then find nothing left to do.  Who is at work, and
why, was said to the unit.  Knows no prices.
"""

from ..base.errors import ApiError

MOST = 10**9 * 10**6
"""Micro-units of a balance: doubles are exact below, the CHECK on tb_users.credit says the same."""


class Ledger:
    """db, clock, users (records.users.Users, whose settings say how a balance is shown)."""

    def __init__(self, db, clock, users):
        self.db = db
        self.clock = clock
        self.users = users
        self.settings = users.settings
        self._sentences = {}
        db.on_touched.append(self._touched)

    def reload(self):
        """After a change of settings or currencies."""
        self._sentences.clear()

    def _touched(self, table, ids):
        if table == "tb_currencies":
            self.reload()

    # -- booking -----------------------------------------------------------------------------------

    def set_credit(self, unit, account, micros, kind, actor, refid="", comment=""):
        """Make the balance `micros`; returns (old, new).  The account in memory is the caller's to reload."""
        return self._book(unit, account, kind, actor, refid, comment, lambda old: micros)

    def add(self, unit, account, micros, kind, actor, refid="", comment="", cdrid=0):
        """Add to the balance, or take from it; returns (old, new)."""
        return self._book(unit, account, kind, actor, refid, comment, lambda old: old + micros, cdrid)

    def note(self, unit, id, kind, actor, comment=""):
        """A row that moves nothing and says that something was done."""
        unit.run("INSERT INTO tb_ledger (userid, datum, kind, amount_u, balance_u, actor, comment)"
                 " SELECT id, ?, ?, 0, credit_u, ?, ? FROM tb_users WHERE id = ?",
                 (self.clock.utc(), kind, actor, comment, id))

    def _book(self, unit, account, kind, actor, refid, comment, change, cdrid=0):
        found = unit.run("SELECT credit_u FROM tb_users WHERE id = ?", (account.id,)).fetchone()
        if found is None:
            raise ApiError(404, f"no such user: {account.username}")
        old = found[0]
        new = change(old)
        if not -MOST < new < MOST:
            raise ApiError(422, "a balance stays below 1000000000")
        if new != old:
            unit.run("INSERT INTO tb_ledger (userid, datum, kind, amount_u, balance_u, refid, actor, comment, cdrid)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     (account.id, self.clock.utc(), kind, new - old, new, refid, actor, comment, cdrid))
        return old, new

    def first_since(self, datum):
        """The id from which on rows are as late as that UTC text: ids and times grow together, so it is searched
        for by halves.  A clock that was set back may hide rows of its overlap behind it."""
        low, high = 0, self.db.value("SELECT coalesce(max(id), 0) FROM tb_ledger") + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.db.value("SELECT datum FROM tb_ledger WHERE id >= ? ORDER BY id LIMIT 1", (middle,)) < datum:
                low = middle
            else:
                high = middle
        return high

    def balance(self, id):
        """Micro-units as the table says them, None without such an account."""
        return self.db.value("SELECT credit_u FROM tb_users WHERE id = ?", (id,))

    # -- as text -----------------------------------------------------------------------------------

    def sentence(self, account):
        """`Your credit is $12.34 USD`, in the words of yourcredittext, its prefix and suffix."""
        pattern = self._sentences.get((account.currency, account.postpaid))
        if pattern is None:
            pattern = self._pattern(account.currency, account.postpaid)
        micros = account.credit
        if micros > -5_000:
            return pattern % divmod((micros + 5_000) // 10_000, 100)
        return pattern.replace("%d.%02d", "-%d.%02d") % divmod((5_000 - micros) // 10_000, 100)

    def _pattern(self, currency, postpaid):
        """The sentence with %d.%02d for the amount."""
        settings = self.settings
        prefix, suffix = settings.yourcredittextprefix, settings.yourcredittextsuffix
        name = self.currency(currency)
        prefix = self.sign(name) if prefix == "CSIGN" else prefix
        suffix = name if suffix == "CURRENCY" else suffix
        text = f"{settings.yourcredittext} {prefix}\0 {suffix}".strip().replace("%", "%%").replace("\0", "%d.%02d")
        pattern = "Postpaid. " + text if postpaid else text
        if len(self._sentences) < 1000:         # more pairs than there are currencies: somebody writes nonsense
            self._sentences[currency, postpaid] = pattern
        return pattern

    def currency(self, name):
        """The currency of an account that names `name`, or none."""
        return name or self.settings.defaultcurrency

    def sign(self, currency):
        """What stands in front of amounts, "" if tb_currencies does not know."""
        return self.db.value("SELECT sign FROM tb_currencies WHERE name = ?", (currency,)) or ""


def money_text(micros):
    """Micro-units -> `12.34`: two decimals, a half away from zero."""
    if micros > -5_000:
        return "%d.%02d" % divmod((micros + 5_000) // 10_000, 100)
    return "-%d.%02d" % divmod((5_000 - micros) // 10_000, 100)
