"""Who is registered where: the location service of RFC 3261 10.2, in memory, with a lazy copy in tb_locations.

The truth is in memory.  What has changed is written once a second in groups, however often it did: a clean stop loses
nothing, a crash the last second at most, and no REGISTER waits for the disk.  The same goes for what tb_users tells of
a device (status, statusdate, ip, port, equipment) and for push tokens.  Owns tb_locations.
Knows no messages: the rules of registration are the registrar's.
"""

from sys import intern

from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.task import spawn
from .binding import COLUMNS, CONNECTED, FLOW_ONLY, Binding

MOST = 1_000_000
"""Bindings (600 MiB); whoever comes then is asked to come later."""

BATCH = 300
"""Rows of one transaction: some two milliseconds."""

PAUSE = 0.01
"""Seconds that the loop has for others between two transactions."""

RESTATE = 3600
"""Seconds after which tb_users.statusdate of a device that is still there is written again: the manual's SQL takes a
state for dead after 2.4 hours."""

OFFLINE, REGISTERED, RINGING, SPEAKING, UNREGISTERED = 0, 1, 2, 3, -1
"""tb_users.status; -1: the device has said goodbye."""

_WRITE = f"INSERT OR REPLACE INTO tb_locations ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_ERASE = "DELETE FROM tb_locations WHERE id = ?"
_STATE = "UPDATE tb_users SET status = ?, statusdate = ?, ip = ?, port = ?, equipment = ? WHERE id = ?"
_STATE_ONLY = "UPDATE tb_users SET status = ?, statusdate = ? WHERE id = ?"
_TOKEN = ("INSERT INTO tb_pushtokens (userid, platform, package, token) SELECT ?1, ?2, ?3, ?4"
          " WHERE EXISTS (SELECT 1 FROM tb_users WHERE id = ?1) ON CONFLICT (userid, token)"
          " DO UPDATE SET platform = excluded.platform, package = excluded.package")

_WORDS = {REGISTERED: "Registered", RINGING: "In Call", SPEAKING: "Speaking"}


class Locations:
    """pause(seconds) -> Future; busy(account id) -> 0, RINGING or SPEAKING, set by whoever knows the calls."""

    def __init__(self, db, clock, pause):
        self.db = db
        self.clock = clock
        self.pause = pause
        self.busy = lambda id: 0
        self.frozen = False         # the process ends: connections that go now were closed by us
        self.count = 0
        self._accounts = {}         # account id -> tuple of Bindings
        self._flows = {}            # key of a connection -> ids of accounts that came over it
        self._changed = {}          # id of a binding -> Binding, or None if it is gone
        self._states = {}           # account id -> arguments of _STATE or _STATE_ONLY
        self._tokens = {}           # (account id, text of push): none
        self._moved = set()         # ids of accounts whose calls have changed
        self._calling = set()       # ids of those that tb_users has in a call
        self._saving = False
        self._tidied = True         # nothing that a former process has left is out of date
        self._load()

    def __len__(self):
        return self.count

    # -- asking ------------------------------------------------------------------------------------

    def of(self, id):
        """The live bindings of an account, the most preferred first."""
        bindings = self._accounts.get(id)
        if bindings is None:
            return []
        now = self.clock.now()
        live = [binding for binding in bindings if binding.expires > now]
        if len(live) > 1:
            live.sort(key=_preference)
        return live

    def registered(self, id, host=None):
        """Whether an account has a live binding (from this address)."""
        now = self.clock.now()
        return any([binding.expires > now and (host is None or binding.host == host)
                    for binding in self._accounts.get(id, ())])

    def describe(self, id):
        """What is told of each device of an account: a list of dicts, empty if it is not registered."""
        return [{"address": f"{binding.transport.lower()}:{shown(binding)}", "equipment": binding.user_agent,
                 "contact": binding.contact, "created": utc_text(binding.registered),
                 "expires": utc_text(binding.expires)} for binding in self.of(id)]

    def statustext(self, id):
        """The state in words as it is at this moment, "" for somebody who has no device now."""
        return _WORDS.get(self.busy(id) or int(self.registered(id)), "")

    def held(self, id):
        """All bindings of an account, oldest first; expired ones may be among them."""
        return self._accounts.get(id, ())

    def accounts(self):
        """The ids of accounts that have bindings."""
        return list(self._accounts)

    def __iter__(self):
        """All live bindings, each account's together."""
        now = self.clock.now()
        return (binding for bindings in list(self._accounts.values()) for binding in bindings if binding.expires > now)

    @property
    def full(self):
        return self.count >= MOST

    def waiting(self):
        """How many rows wait to be written."""
        return len(self._changed) + len(self._states) + len(self._tokens) + len(self._moved)

    # -- changing ----------------------------------------------------------------------------------

    def new_id(self):
        self._last += 1
        return self._last

    def replace(self, id, bindings, status=OFFLINE):
        """Bindings of an account from now on, oldest first, in the place of those that it has: all or none of a
        request.  `status` says why, should none be left."""
        before = self._accounts.get(id, ())
        changed = self._changed
        for binding in before:
            if binding not in bindings:
                changed[binding.id] = None
        fresh = [binding for binding in bindings if binding not in before]
        for binding in fresh:
            changed[binding.id] = binding
            if binding.transport in CONNECTED and binding.flow is not None:
                self._flows.setdefault(binding.flow.key, set()).add(id)
        self.count += len(bindings) - len(before)
        if bindings:
            self._accounts[id] = tuple(bindings)
            for binding in fresh:
                self._registered(id, binding, before)
        elif before:
            del self._accounts[id]
            self._states[id] = (status, self.clock.utc(), id)

    def _registered(self, id, binding, before):
        """Have tb_users told, if that is news."""
        old = None
        for each in before:
            if each.id == binding.id:
                old = each
        now = int(self.clock.now())
        if old is not None and old.host == binding.host and old.port == binding.port and \
                old.user_agent == binding.user_agent and now - old.stated < RESTATE:
            binding.stated = old.stated
        else:
            binding.stated = binding.registered if binding.registered == now else now      # one object
            self._states[id] = (self.busy(id) or REGISTERED, utc_text(now), binding.host, binding.port,
                                binding.user_agent, id)
        if binding.push and (old is None or old.push != binding.push):
            self._tokens[id, binding.push] = None

    def touch(self, id):
        """A call of the account began, was answered or ended: have tb_users told, once for all of a second."""
        self._moved.add(id)

    def _state_of(self, id):
        """What tb_users is told; a call that came and went within the second is no news."""
        busy = self.busy(id)
        if busy:
            self._calling.add(id)
        elif id in self._calling:
            self._calling.discard(id)
        else:
            return
        status = busy or (REGISTERED if self.registered(id) else OFFLINE)
        state = self._states.get(id)
        if state is not None and len(state) > 3:
            self._states[id] = (status, *state[1:])
        else:
            self._states[id] = (status, self.clock.utc(), id)

    def expire(self, id):
        """Take away what has expired; returns what is left."""
        bindings = self._accounts.get(id, ())
        now = self.clock.now()
        for binding in bindings:
            if binding.expires <= now:
                bindings = tuple([each for each in bindings if each.expires > now])
                self.replace(id, bindings)
                break
        return bindings

    def drop(self, id, host=None, status=OFFLINE):
        """End the registrations of an account (from one address); returns how many there were."""
        bindings = self._accounts.get(id, ())
        kept = tuple([each for each in bindings if host is not None and each.host != host])
        if len(kept) < len(bindings):
            self.replace(id, kept, status)
        return len(bindings) - len(kept)

    def lost(self, flow):
        """A connection is gone: so is what can only be reached over it."""
        ids = self._flows.pop(flow.key, None)
        if ids is None or self.frozen:
            return
        for id in ids:
            bindings = self._accounts.get(id, ())
            kept = []
            for binding in bindings:
                if binding.flow is not flow and binding.flow_key != flow.key:
                    kept.append(binding)
                elif not (binding.reg_id or binding.natted or binding.transport in FLOW_ONLY):
                    binding.flow = None
                    kept.append(binding)
            if len(kept) < len(bindings):
                self.replace(id, tuple(kept))

    # -- the table ---------------------------------------------------------------------------------

    def _load(self):
        now = int(self.clock.now())
        pairs = {}
        accounts = self._accounts
        for row in self.db.rows(f"SELECT {', '.join(COLUMNS)} FROM tb_locations WHERE expires > ? ORDER BY id LIMIT ?",
                                (now, MOST)):
            local = pairs.setdefault(row[14:16], row[14:16])
            binding = Binding.loaded(row, local)
            binding.host = intern(binding.host)
            accounts[binding.userid] = (*accounts.get(binding.userid, ()), binding)
            self.count += 1
        self._last = self.db.value("SELECT coalesce(max(id), 0) FROM tb_locations")
        self._tidied = not self.db.value("SELECT EXISTS (SELECT 1 FROM tb_users WHERE status > 0)"
                                         " OR EXISTS (SELECT 1 FROM tb_locations WHERE expires <= ?)", (now,))

    def tick(self):
        """Once a second: write what has changed."""
        if not self._saving and (self.waiting() or not self._tidied):
            self._saving = True
            spawn(self._save())

    async def _save(self):
        try:
            while True:
                await self.db.gate()
                self._write()
                if not self.waiting():
                    break
                await self.pause(PAUSE)
            await self.db.durable()
        except ApiError:
            pass            # the database is busy: the next tick tries again
        finally:
            self._saving = False

    def save(self):
        """Write all that waits; ApiError leaves it waiting."""
        self.frozen = True
        while self.waiting():
            self._write()

    def _write(self):
        """One batch in one transaction."""
        for id in list(self._moved)[:BATCH]:
            self._moved.discard(id)
            self._state_of(id)
        changed, states, tokens = (_take(each) for each in (self._changed, self._states, self._tokens))
        try:
            with self.db.unit() as unit:
                if not self._tidied:
                    self._tidy(unit)
                for id, binding in changed.items():
                    if binding is None:
                        unit.run(_ERASE, (id,))
                    else:
                        unit.run(_WRITE, binding.row())
                for state in states.values():
                    unit.run(_STATE if len(state) > 3 else _STATE_ONLY, state)
                for id, push in tokens:
                    unit.run(_TOKEN, (id, *token(push)))
        except ApiError:
            for taken, waiting in ((changed, self._changed), (states, self._states), (tokens, self._tokens)):
                for key, value in taken.items():
                    waiting.setdefault(key, value)
            raise
        self._tidied = True

    def _tidy(self, unit):
        """After a start: what expired while nobody was there."""
        unit.run("DELETE FROM tb_locations WHERE expires <= ?", (int(self.clock.now()),))
        unit.run("UPDATE tb_users SET status = 0 WHERE status > 0 AND id NOT IN (SELECT userid FROM tb_locations)")
        unit.run("UPDATE tb_users SET status = 1 WHERE status > 1")

    async def forget_tokens(self, id):
        """Drop the push tokens of an account; returns how many there were."""
        for key in [key for key in self._tokens if key[0] == id]:
            del self._tokens[key]
        for binding in self._accounts.get(id, ()):
            if binding.push:
                binding.push = ""
                self._changed[binding.id] = binding
        await self.db.gate()
        with self.db.unit() as unit:
            return unit.run("DELETE FROM tb_pushtokens WHERE userid = ?", (id,)).rowcount


def shown(binding):
    """host:port of the far end."""
    return f"[{binding.host}]:{binding.port}" if ":" in binding.host else f"{binding.host}:{binding.port}"


def token(push):
    """Binding.push as (platform, package, token): `pn:apns:package:token`, `g:package:token` or a bare token."""
    parts = push.split(":", 3) if push.startswith("pn:") else ["", *push.split(":", 2)]
    parts = parts[1:] if len(parts) == 4 else ["", "", push]
    return tuple(parts)


def _take(waiting):
    """Up to BATCH entries, oldest first."""
    if len(waiting) <= BATCH:
        taken = dict(waiting)
        waiting.clear()
        return taken
    keys = [key for key, _ in zip(waiting, range(BATCH))]
    return {key: waiting.pop(key) for key in keys}


def _preference(binding):
    """The highest q first, then the newest."""
    return -binding.q, -binding.id
