"""Addresses that failed too often: counted, banned for a while, written to tb_bans now and then.

The truth is in memory; a crash loses the bans of the last seconds, never a request's time.  Who is exempt
(loopback, trusted addresses) is judged by the caller.
"""

from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.message import Rows
from ..base.task import spawn

MOST = 100_000
"""Addresses counted, and addresses banned (20 MiB each); the oldest give way."""

COLUMNS = ("ip", "reason", "datum", "until", "count", "addedby")


class Ban:
    """until in unix seconds; the rest as in tb_bans."""
    __slots__ = ("reason", "datum", "until", "count", "addedby")

    def __init__(self, reason, datum, until, count, addedby):
        self.reason = reason
        self.datum = datum
        self.until = until
        self.count = count
        self.addedby = addedby


class Bans:
    """settings: maxauthfail failures within authfailtime seconds ban an address for bantime seconds."""

    def __init__(self, db, settings, clock):
        self.db = db
        self.settings = settings
        self.clock = clock
        self._bans = {}
        self._failures = {}         # host -> [failures, unix seconds of the first]
        self._changed = set()       # hosts whose row in the table is not what memory says
        self._saving = False
        self._load()

    def __len__(self):
        return len(self._bans)

    def _load(self):
        now = self.clock.utc()
        for row in self.db.rows(f"SELECT {', '.join(COLUMNS)}, (julianday(until) - 2440587.5) * 86400 FROM tb_bans"
                                " WHERE until > ? ORDER BY id DESC LIMIT ?", (now, MOST)):
            self._bans[row[0]] = Ban(row[1], row[2], row[6], row[4], row[5])

    def banned(self, host):
        """Unix seconds when the ban ends, or None."""
        ban = self._bans.get(host)
        if ban is None:
            return None
        if ban.until > self.clock.now():
            return ban.until
        self._drop(host)
        return None

    def fail(self, host, reason="failed logins"):
        """One failure; returns whether it led to a ban."""
        most = self.settings.maxauthfail
        if not most:
            return False
        now = self.clock.now()
        counted = self._failures.get(host)
        if counted is None or now - counted[1] > self.settings.authfailtime:
            self._failures.pop(host, None)
            if len(self._failures) >= MOST:
                del self._failures[next(iter(self._failures))]
            counted = self._failures[host] = [0, now]
        counted[0] += 1
        if counted[0] < most:
            return False
        self.ban(host, reason, count=counted[0])
        return True

    def forgive(self, host):
        """Forget the failures of an address."""
        self._failures.pop(host, None)

    def ban(self, host, reason, seconds=None, count=0, addedby=""):
        """Refuse an address for `seconds` (default: bantime)."""
        self._failures.pop(host, None)
        if host not in self._bans and len(self._bans) >= MOST:
            self._drop(next(iter(self._bans)))
        until = self.clock.now() + (self.settings.bantime if seconds is None else seconds)
        self._bans[host] = Ban(reason, self.clock.utc(), until, count, addedby)
        self._changed.add(host)

    async def lift(self, host):
        """Lift the ban of an address, or with `all` every one; returns how many there were, once that is written."""
        hosts = list(self._bans) if host == "all" else [host] if host in self._bans else []
        for each in hosts:
            self._drop(each)
        if host == "all":
            self._failures.clear()
        else:
            self.forgive(host)
        if hosts:
            await self.db.gate()
            self.save()
            await self.db.durable()
        return len(hosts)

    def _drop(self, host):
        del self._bans[host]
        self._changed.add(host)

    def listing(self):
        """Rows: address, reason, since, until, failures, who."""
        now = self.clock.now()
        return Rows(COLUMNS, [(host, ban.reason, ban.datum, utc_text(ban.until), ban.count, ban.addedby)
                              for host, ban in self._bans.items() if ban.until > now])

    # -- the table ---------------------------------------------------------------------------------

    def tick(self):
        """Once a second: write what has changed."""
        if self._changed and not self._saving:
            self._saving = True
            spawn(self._save())

    async def _save(self):
        try:
            await self.db.gate()
            self.save()
        except ApiError:
            pass            # the database is busy: the next tick tries again
        finally:
            self._saving = False

    def save(self, most=1000):
        """Write what has changed, up to `most` addresses: some ten milliseconds."""
        hosts = [self._changed.pop() for _ in range(min(most, len(self._changed)))]
        if not hosts:
            return
        try:
            with self.db.unit() as unit:
                for host in hosts:
                    self._write(unit, host)
        except ApiError:
            self._changed.update(hosts)
            raise

    def _write(self, unit, host):
        unit.run("DELETE FROM tb_bans WHERE ip = ?", (host,))
        ban = self._bans.get(host)
        if ban is not None:
            unit.run("INSERT INTO tb_bans (ip, reason, datum, until, count, addedby) VALUES (?, ?, ?, ?, ?, ?)",
                     (host, ban.reason, ban.datum, utc_text(ban.until), ban.count, ban.addedby))
