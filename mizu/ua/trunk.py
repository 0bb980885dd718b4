"""Our registrations at upper servers (RFC 3261 10.2), the OPTIONS that ask trunks whether they live, and who rests.

A trunk that fails several calls or pings in a row is left out for a while, longer each time, until it answers again.
Knows no call: who dials says failed() and answered().
"""

from ..base.errors import NotReached, RemoteProtocolError
from ..records.account import OUTBOUND
from ..sip.headers import parse_seconds
from ..sip.message import Message
from ..sip.uri import Uri
from .addressing import Ways

MOST = 2_000
"""Trunks that are watched."""

OFF, ASKING, REGISTERED, FAILED = "off", "registering", "registered", "failed"

EXPIRES = 600
"""Seconds asked for: an upper server that was restarted knows us again by then."""

EARLY = 0.8
"""Part of the granted time after which it is renewed."""

RETRY, RETRY_MOST = 15, 600
"""Seconds until a failed registration is tried again, doubled each time."""

PATIENCE = 3
"""Failures in a row after which a trunk rests: one or two may be the callee's network."""

REST, REST_MOST = 20, 300
"""Seconds of the first rest, doubled with every further failure."""

FAILURES = frozenset((408, 500, 502, 503, 504, 580))
"""Answers of a trunk that say something of itself; 480, 486 and 404 are the callee's."""

_COLUMNS = "id, needregister, upperusername, upperpassword, username, domainname, ip, port, protocol, proxy"
_TRANSPORTS = ("udp", "tcp", "tls")


class Trunk:
    """How a trunk fares: state of our registration, failures in a row, until when (monotonic) it rests."""
    __slots__ = ("id", "name", "uri", "hop", "user", "wanted", "credentials", "state", "code", "until", "failures",
                 "rest", "resting", "call_id", "tag", "cseq", "contact", "retry", "timer", "asked", "tries", "alive",
                 "facts")

    def __init__(self, id, name):
        self.id = id
        self.name = name
        self.state = OFF
        self.code = self.failures = self.cseq = self.tries = 0
        self.until = self.rest = self.resting = 0.0
        self.retry = RETRY
        self.timer = self.asked = self.alive = self.facts = None
        self.call_id = self.tag = self.contact = ""

    def take(self, row):
        """The row of tb_users; returns whether it says something new."""
        facts = row
        if facts == self.facts:
            return False
        self.facts = facts
        _, needregister, upper, upperpassword, username, domain, ip, port, protocol, proxy = row
        host = domain or ip or ""
        transport = _TRANSPORTS[protocol] if protocol in (1, 2) else None
        params = {"transport": transport} if transport else {}
        self.uri = Uri("sip", "", host, port or None, params)
        name, _, number = (proxy or "").partition(":")
        self.hop = Uri("sip", "", name, int(number) if number.isdecimal() else None, params) if name else self.uri
        self.wanted = bool(needregister) and bool(host)
        self.user = upper or username or ""
        # the password of its own row is what it proves itself with to us, and nothing to tell anybody
        self.credentials = (self.user, upperpassword or "") if upper or upperpassword else None
        self.forgive()
        return True

    def forgive(self):
        """What failed was another place, or nobody minds any more."""
        self.failures = 0
        self.rest = self.resting = 0.0


class Trunks:
    """agent, db, users, settings (trunkping), log; quality(id, answered, seconds) hears of every call of a trunk."""

    def __init__(self, agent, db, users, settings, log):
        self.agent = agent
        self.db = db
        self.users = users
        self.settings = settings
        self.log = log
        self.timers = agent.timers
        self.quality = lambda id, answered, seconds: None
        self._trunks = {}
        self._contacts = frozenset()    # user names of our registrations
        self._pinging = None
        self._stale = True
        db.on_touched.append(self._touched)

    def start(self):
        self.refresh()
        self._ping_later()

    def _touched(self, table, ids):
        if table == "tb_users":
            self._stale = True

    def reload(self):
        self._stale = True

    def tick(self):
        """Once a second: what was changed in the table is looked at again."""
        if self._stale:
            self.refresh()

    def refresh(self):
        """Read the trunks again: new ones register, changed ones anew, those that are gone take their leave."""
        self._stale = False
        types = ", ".join(map(str, sorted(OUTBOUND)))
        rows = self.db.rows(f"SELECT {_COLUMNS} FROM tb_users WHERE type IN ({types}) AND enabled <> 0"
                            f" AND temporarydisabled <> 1 ORDER BY id LIMIT {MOST}")
        found = {row[0]: row for row in rows}
        for id in [id for id in self._trunks if id not in found]:
            self._drop(self._trunks.pop(id))
        for id, row in found.items():
            trunk = self._trunks.get(id)
            if trunk is None:
                trunk = self._trunks[id] = Trunk(id, row[4])
            registered = trunk.state == REGISTERED
            if trunk.take(row):
                if registered and not trunk.wanted:
                    self._drop(trunk)
                elif trunk.wanted:
                    self.register(trunk)
        self._contacts = frozenset(trunk.user for trunk in self._trunks.values() if trunk.wanted and trunk.user)

    def restart(self):
        """None rests any more, and we register again; returns how many there are."""
        self.refresh()
        for trunk in self._trunks.values():
            trunk.forgive()
            if trunk.wanted:
                self.register(trunk)
        return len(self._trunks)

    def trunk(self, id):
        if self._stale:
            self.refresh()
        return self._trunks.get(id)

    def registers_as(self, user):
        """Whether one of our registrations has a Contact of that name: calls to it have their number in To alone."""
        return user in self._contacts

    def listed(self):
        return list(self._trunks.values())

    # -- who rests

    def resting(self, account):
        """Whether calls had better not go there just now."""
        trunk = self._trunks.get(account.id)
        return trunk is not None and trunk.resting > self.timers.now()

    def heard(self, id, code, seconds):
        """How a call of this trunk has done: the status of its end, or 200 and, at the end, how long they talked."""
        if seconds is not None:
            return self.quality(id, True, seconds)
        if code in FAILURES:
            self.quality(id, False, 0.0)
        self.failed(id, code)

    def failed(self, id, code):
        """A call or a ping of this trunk has ended with a status."""
        trunk = self._trunks.get(id)
        if trunk is None:
            return
        if code not in FAILURES:
            return self.answered(id)
        trunk.failures += 1
        if trunk.failures >= PATIENCE:
            trunk.rest = min(trunk.rest * 2 or REST, REST_MOST)
            trunk.resting = self.timers.now() + trunk.rest
            if trunk.failures == PATIENCE:
                self.log.warning(f"trunk {trunk.name} failed {PATIENCE} times ({code}): it rests")

    def answered(self, id):
        """It is alive."""
        trunk = self._trunks.get(id)
        if trunk is not None and trunk.failures:
            if trunk.failures >= PATIENCE:
                self.log.info(f"trunk {trunk.name} answers again")
            trunk.forgive()

    # -- registration

    def register(self, trunk, expires=EXPIRES):
        """Ask for a registration now, or end it with 0."""
        self._stop(trunk)
        if not trunk.call_id:
            trunk.call_id, trunk.tag = self.agent.entropy.hex(12), self.agent.entropy.hex(6)
        trunk.state = ASKING if expires else OFF
        trunk.tries = 0
        self._start(trunk, "REGISTER", expires)

    def unregister(self, id):
        """End our registration until the trunk's row is changed; False if there is none."""
        trunk = self._trunks.get(id)
        if trunk is None or trunk.state == OFF:
            return False
        self._drop(trunk)
        return True

    def _drop(self, trunk):
        self._stop(trunk)
        if trunk.state in (REGISTERED, ASKING):
            self.register(trunk, 0)
        trunk.state = OFF

    def _stop(self, trunk):
        if trunk.timer is not None:
            trunk.timer.cancel()
            trunk.timer = None

    def _start(self, trunk, method, expires, authorization=None):
        self.agent.run(self._send(trunk, method, expires, authorization), f"trunk {trunk.name}: {method}")

    async def _send(self, trunk, method, expires, authorization=None):
        try:
            flow = await Ways(self.agent.transports, str(trunk.hop)).next()
        except (NotReached, RemoteProtocolError):
            flow = None
        if flow is None:
            return self._done(trunk, method, expires, 503, None)
        request = self._request(trunk, method, flow, expires)
        if authorization is not None:
            request.add(*authorization)
        self.agent.layer.request(request, flow, Asked(self, trunk, method, expires, request))

    def _request(self, trunk, method, flow, expires):
        user = trunk.user
        request = Message.request(method, trunk.uri)
        add = request.add
        own = f"<{Uri('sip', user, trunk.uri.host)}>" if method == "REGISTER" else self.agent.contact(flow)
        add("Max-Forwards", "70")
        if trunk.hop is not trunk.uri:
            add("Route", f"<{trunk.hop};lr>")
        add("From", f"{own};tag={trunk.tag or self.agent.layer.tag}")
        add("To", own if method == "REGISTER" else f"<{trunk.uri}>")
        if method == "REGISTER":
            trunk.cseq += 1
            add("Call-ID", trunk.call_id)
            trunk.contact = self.agent.contact(flow).replace("<sip:", f"<sip:{user}@" if user else "<sip:", 1)
            add("CSeq", f"{trunk.cseq} REGISTER")
            add("Contact", f"{trunk.contact};expires={expires}")
            add("Expires", str(expires))
        else:
            add("Call-ID", self.agent.entropy.hex(12))
            add("CSeq", f"1 {method}")
            add("Contact", self.agent.contact(flow))
        add("User-Agent", self.agent.name)
        return request

    def _done(self, trunk, method, expires, code, response):
        """The final answer of a REGISTER or an OPTIONS, or 408 and 503 without one."""
        if method == "OPTIONS":
            trunk.alive = response is not None
            return self.failed(trunk.id, code if response is None or code == 503 else 200)
        trunk.code = code
        if not expires or trunk.state == OFF:
            return
        if 200 <= code < 300:
            granted = self._granted(trunk, response)
            trunk.state, trunk.retry = REGISTERED, RETRY
            trunk.until = self.timers.now() + granted
            self.answered(trunk.id)
            trunk.timer = self.timers.later(max(granted * EARLY, 10), lambda: self.register(trunk))
        elif code == 423 and response is not None and trunk.tries < 2:
            trunk.tries += 1
            self._start(trunk, method, max(expires, parse_seconds(response.get("Min-Expires"), EXPIRES)))
        else:
            if trunk.state != FAILED:
                self.log.warning(f"trunk {trunk.name}: our registration failed with {code}")
            trunk.state = FAILED
            trunk.timer = self.timers.later(trunk.retry, lambda: self.register(trunk))
            trunk.retry = min(trunk.retry * 2, RETRY_MOST)

    def _granted(self, trunk, response):
        """Seconds that the 200 grants to our contact."""
        own = trunk.contact.partition(">")[0]
        try:
            contacts = response.items("Contact")
        except RemoteProtocolError:
            contacts = ()
        for contact in contacts:
            if own in contact or len(contacts) == 1:
                for param in contact.rpartition(">")[2].split(";"):
                    name, _, value = param.partition("=")
                    if name.strip().lower() == "expires":
                        return parse_seconds(value, EXPIRES)
        return parse_seconds(response.get("Expires"), EXPIRES)

    # -- pings

    def _ping_later(self):
        seconds = self.settings.trunkping
        self.timers.later(seconds or 60, self._ping)

    def _ping(self):
        """Ask one after the other, spread over the interval, who lives."""
        self._ping_later()
        if not self.settings.trunkping:
            return
        trunks = [trunk for trunk in self._trunks.values() if trunk.uri.host]
        for number, trunk in enumerate(trunks):
            self.timers.later(self.settings.trunkping * number / len(trunks), lambda trunk=trunk: self.ping(trunk))

    def ping(self, trunk):
        if self._trunks.get(trunk.id) is trunk:
            self._start(trunk, "OPTIONS", 0)


class Asked:
    """The user of the client transaction of a REGISTER or OPTIONS of ours."""
    __slots__ = ("trunks", "trunk", "method", "expires", "request", "credentials")

    def __init__(self, trunks, trunk, method, expires, request):
        self.trunks = trunks
        self.trunk = trunk
        self.method = method
        self.expires = expires
        self.request = request
        self.credentials = trunk.credentials

    def responded(self, transaction, response):
        code, trunk = response.status, self.trunk
        if code < 200 or self._overtaken():
            return
        if code in (401, 407) and self.method == "REGISTER" and self.credentials and trunk.tries < 2:
            trunk.tries += 1
            authorization = self.trunks.agent.authorize(self, self.request, response)
            if authorization is not None:
                return self.trunks._start(trunk, self.method, self.expires, authorization)
        self.trunks._done(trunk, self.method, self.expires, code, response)

    def _overtaken(self):
        """Whether another REGISTER has left since: its answer counts."""
        return self.method == "REGISTER" and self.request.cseq[0] != self.trunk.cseq

    def failed(self, transaction, why):
        if self._overtaken():
            return
        self.trunks._done(self.trunk, self.method, self.expires, 408 if why == "timeout" else 503, None)
