"""Sign-ups that wait for their code: tb_pendingusers.

The account comes into being with the right code and not before, so a name is nobody's until then; the password comes
with the code and is not kept here.  Of a code a keyed hash is kept.
"""

import hmac
import json
from hashlib import sha256

from ..base.clock import utc_text
from ..base.errors import ApiError
from .notes import hidden_key

LIFETIME = 900
"""Seconds that a code is good for."""

TRIES = 5
"""Of one code, out of 900,000."""

DIGITS = 6

MOST = 10_000
"""Sign-ups that may wait (5 MB)."""

WRONG = "wrong or expired code"


class Signups:
    """db, clock, entropy."""

    def __init__(self, db, clock, entropy):
        self.db = db
        self.clock = clock
        self.entropy = entropy

    def begin(self, unit, username, deviceid, fields):
        """Keep {field: text} until the code comes, which is returned; one sign-up of a device for a name, the last.
        ApiError 503 when too many wait."""
        self.purge(unit)
        if self.db.value("SELECT count(*) FROM tb_pendingusers") >= MOST:
            raise ApiError(503, "too many sign-ups wait for their codes, try again later")
        code = self.entropy.digits(DIGITS)
        row = (username, deviceid, json.dumps(fields), self._hash(username, deviceid, code),
               utc_text(self.clock.now() + LIFETIME))
        unit.run("INSERT OR REPLACE INTO tb_pendingusers (username, deviceid, fields, codehash, expires)"
                 " VALUES (?, ?, ?, ?, ?)", row)
        return code

    async def confirmed(self, username, deviceid, code):
        """(id, fields) of the sign-up with this code; ApiError 422 for a wrong one, the same and as late for a name
        that nobody waits for."""
        await self.db.gate()
        row = self.db.row("SELECT id, fields, codehash FROM tb_pendingusers WHERE username = ? AND deviceid = ?"
                          " AND tries < ? AND expires > ?", (username, deviceid, TRIES, self.clock.utc()))
        id, fields, kept = row or (0, "{}", self._hash("", "", ""))
        with self.db.unit() as unit:        # counted before it is compared, so parallel guesses are no more than TRIES
            unit.run("UPDATE tb_pendingusers SET tries = tries + 1 WHERE id = ?", (id,))
        right = hmac.compare_digest(self._hash(username, deviceid, code), kept)
        if not right or not id:
            raise ApiError(422, WRONG)
        return id, json.loads(fields)

    def end(self, unit, id):
        """The account is there."""
        unit.run("DELETE FROM tb_pendingusers WHERE id = ?", (id,))

    def purge(self, unit):
        unit.run("DELETE FROM tb_pendingusers WHERE expires <= ?", (self.clock.utc(),))

    def _hash(self, *words):
        text = "\0".join(words).lower()
        return hmac.new(hidden_key(self.db, self.entropy), text.encode("utf-8", "surrogatepass"), sha256).hexdigest()
