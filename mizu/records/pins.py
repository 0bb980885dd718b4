"""Prepaid codes: each is worth its value once, to whoever names it first.  Owns tb_prepaidcodes.

A PIN is used up in the transaction of its booking, whose ledger row refers to it by its id: the PIN itself is a
secret until then.
"""

import re

from ..base.errors import ApiError
from .values import decimal

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?", re.ASCII)

_FIND = ("SELECT id, CAST(round(value * 1000000) AS INTEGER), currency, coalesce(validfrom, ''),"
         " coalesce(validto, ''), coalesce(usedby, 0) <> 0 OR coalesce(useddate, '') <> '', enabled"
         " FROM tb_prepaidcodes WHERE pin = ?")

_USED = "(coalesce(usedby, 0) <> 0 OR coalesce(useddate, '') <> '')"
_NO_TIME = "{0} <> '' AND {0} NOT GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]*'"
_FAULTS = f"""
SELECT id, batch, value, currency, 'malformed' AS problem FROM tb_prepaidcodes
WHERE pin GLOB '*[^0-9A-Za-z_-]*' OR length(pin) < 4 OR length(pin) > 64 OR typeof(value) <> 'real' OR value <= 0
   OR {_NO_TIME.format("validfrom")} OR {_NO_TIME.format("validto")}
   OR validto <> '' AND validfrom <> '' AND substr(validto, 1, 10) < substr(validfrom, 1, 10)
   OR currency <> '' AND currency <> :currency AND NOT EXISTS (SELECT 1 FROM tb_currencies c WHERE c.name = currency)
UNION ALL SELECT id, batch, value, currency, 'expired' FROM tb_prepaidcodes
WHERE NOT {_USED} AND enabled <> 0 AND validto <> '' AND validto < substr(:now, 1, length(validto))
UNION ALL SELECT id, batch, value, currency, 'used twice' FROM tb_prepaidcodes WHERE CAST(id AS TEXT) IN
    (SELECT refid FROM tb_ledger WHERE kind = 'recharge' GROUP BY refid HAVING count(*) > 1)
UNION ALL SELECT id, batch, value, currency, 'booked but not used up' FROM tb_prepaidcodes
WHERE NOT {_USED} AND CAST(id AS TEXT) IN (SELECT refid FROM tb_ledger WHERE kind = 'recharge')
ORDER BY 1
"""


class Pins:
    """db, clock, ledger, currencies."""

    def __init__(self, db, clock, ledger, currencies):
        self.db = db
        self.clock = clock
        self.ledger = ledger
        self.currencies = currencies

    def known(self, pin):
        """Whether there is such a PIN at all."""
        return self._find(pin) is not None

    def recharge(self, unit, account, pin, actor):
        """Use a PIN up for an account; returns (old, new) balance.  ApiError 422 that says why not."""
        row = self._find(pin)
        if row is None:
            raise ApiError(422, "wrong PIN")
        id, micros, currency = row[:3]
        self._judge(*row[1:])
        worth = self.currencies.convert(micros, currency, account.currency)
        if worth <= 0:
            raise ApiError(422, "this PIN is worth nothing in the currency of the account")
        unit.run("UPDATE tb_prepaidcodes SET usedby = ?, useddate = ? WHERE id = ?",
                 (account.id, self.clock.utc(), id))
        comment = "" if worth == micros else f"{decimal(micros)} {self.currencies.named(currency)}"
        return self.ledger.add(unit, account, worth, "recharge", actor, str(id), comment)

    def _find(self, pin):
        pin = "".join(pin.split())
        return self.db.row(_FIND, (pin,)) if pin else None

    def _judge(self, micros, currency, validfrom, validto, used, enabled):
        """ApiError 422 if the PIN gives no credit just now."""
        now = self.clock.utc()
        if used:
            raise ApiError(422, "this PIN is used already")
        if not enabled:
            raise ApiError(422, "this PIN is disabled")
        if not micros or micros < 0 or any([time and not _TIME.fullmatch(time) for time in (validfrom, validto)]):
            raise ApiError(422, "this PIN is malformed: tell the operator")
        if validfrom.replace("T", " ") > now:
            raise ApiError(422, "this PIN is not valid yet")
        if validto and validto.replace("T", " ") < now[:len(validto)]:      # a date holds to its end
            raise ApiError(422, "this PIN has expired")

    def count(self):
        """How many PINs there are."""
        return self.db.value("SELECT count(*) FROM tb_prepaidcodes")

    def faults(self, limit, actor=""):
        """The Future of Rows (id, batch, value, currency, problem) of PINs that need attention; never the PIN."""
        args = {"now": self.clock.utc(), "currency": self.currencies.named("")}
        return self.db.query(_FAULTS, args, limit=limit, timeout=60.0, actor=actor)
