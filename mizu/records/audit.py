"""Who ran which administrative command from where, secrets masked: tb_audit.

Rows are gathered and written together a moment later, so that a command does not pay for a second transaction.
"""

from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.task import spawn
from .discreet import told

MOST = 10_000
"""Rows that wait (10 MiB); more than a database that is busy for seconds can leave behind are counted as lost."""

BATCH = 500
"""Rows of one transaction: some five milliseconds."""

_INSERT = ("INSERT INTO tb_audit (datum, userid, username, command, params, ip, transport, code)"
           " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")


class Audit:
    """lost: rows that found no room."""

    def __init__(self, db, clock):
        self.db = db
        self.clock = clock
        self.lost = 0
        self._rows = []
        self._saving = False

    def record(self, request, command, code, params=None):
        """Note one command that has been answered with `code`; `params`: by their own names, if not those sent."""
        if len(self._rows) >= MOST:
            self.lost += 1
            return
        user = request.principal.user if request.principal is not None else None
        peer = request.peer
        self._rows.append((self.clock.now(), user.id if user else 0, user.username if user else "", command,
                           request.params if params is None else params, peer.host, peer.transport, code))
        if len(self._rows) == BATCH:
            self.tick()

    def tick(self):
        """Once a second: write what has gathered."""
        if self._rows and not self._saving:
            self._saving = True
            spawn(self._save())

    async def _save(self):
        try:
            while self._rows:
                await self.db.gate()
                self.save()
        except ApiError:
            pass            # the database is busy: the next tick tries again
        finally:
            self._saving = False

    def save(self):
        """Write one batch."""
        rows = self._rows[:BATCH]
        if not rows:
            return
        with self.db.unit() as unit:
            for when, userid, username, command, params, host, transport, code in rows:
                unit.run(_INSERT, (utc_text(when), userid, username, command, told(command, params), host, transport,
                                   code))
        del self._rows[:len(rows)]

    async def heartbeat(self):
        """Whether the database takes a durable write: what waits here, else nothing but a commit."""
        await self.db.gate()
        if self._rows:
            self.save()
        else:
            with self.db.unit() as unit:
                unit.run("UPDATE tb_audit SET code = code WHERE id = (SELECT max(id) FROM tb_audit)")
        await self.db.durable()
