"""A small resolver on the reactor: addresses, SRV and NAPTR of names, from /etc/hosts and recursive name servers.

Servers are asked in turn, twice (see asking).  Answers are kept for their TTL within bounds, also negative ones (RFC
2308) and, while no server answers, old ones (RFC 8767).  Files are looked at again when they change.  Knows no SIP.
"""

from ..base.errors import NotReached
from ..base.task import Future, spawn
from ..wire import dns
from .asking import ask_server
from .hostfiles import MAX_SERVERS, File, is_numeric, parse_server, read_hosts, read_resolv

PATIENCE = (1.0, 2.5)
"""Seconds that each server has, in the first round and in the second: with three servers 10 s in all."""

MAX_UNDER_WAY = 256         # questions, a socket each; more are refused
MAX_CACHE = 8192            # answers, about 1 KiB each
MAX_ANSWERS = 64            # records of one answer that are kept
MAX_ALIASES = 8             # CNAMEs one behind the other

LONGEST, NEGATIVE, FAILURE = 3600, 300, 5
"""Seconds that an answer, a negative one (at most) and a failure are kept; at least one second, whatever the TTL."""

STALE = 86_400
"""Seconds that an answer is still better than none."""

LOOK_SECONDS = 1.0          # between two looks at the files


class Resolver:
    """servers() gives the setting: texts as 9.9.9.9, 9.9.9.9:53 or [2001:db8::1]:53; empty: those of `resolv`."""

    def __init__(self, reactor, streams, entropy, servers, resolv="/etc/resolv.conf", hosts="/etc/hosts"):
        self._reactor = reactor
        self._streams = streams
        self._entropy = entropy
        self._chosen = servers
        self._resolv = File(resolv, read_resolv)
        self._hosts = File(hosts, read_hosts)
        self._looked = -LOOK_SECONDS
        self._cache = {}            # {(name, kind): (until, records or None, better than none until)}
        self._under_way = {}        # {(name, kind): Future}

    is_numeric = staticmethod(is_numeric)

    def __len__(self):
        """Answers kept."""
        return len(self._cache)

    def addresses(self, name):
        """A Future of the hosts of a name, v4 first; [] if it has none, NotReached if no server says."""
        if is_numeric(name):
            return _done([name.strip("[]")])
        self._look()
        known = self._hosts.value.get(name.lower().rstrip("."))
        return _done(list(known)) if known else spawn(self._addresses(name))

    def srv(self, name):
        """A Future of [(priority, weight, port, target)]; target "": not offered here (RFC 2782)."""
        return self.query(name, dns.SRV)

    def naptr(self, name):
        """A Future of [(order, preference, flags, services, regexp, replacement)], in this order (RFC 3403)."""
        return spawn(self._sorted(name))

    def query(self, name, kind):
        """A Future of the data of the records of one kind."""
        try:
            key = (dns.canonical(name), kind)
        except ValueError:
            return _failed(name, "it is no name")
        entry = self._cache.get(key)
        if entry is not None and entry[0] > self._reactor.now:
            return _done(list(entry[1])) if entry[1] is not None else _failed(name)
        future = self._under_way.get(key)
        if future is None:
            if len(self._under_way) >= MAX_UNDER_WAY:
                return _failed(name, "too many questions are under way")
            future = self._under_way[key] = Future()
            spawn(self._learn(key, future))
        return future

    def forget(self):
        """Ask for everything again."""
        self._cache.clear()

    # -- what is asked for -------------------------------------------------------------------------

    async def _addresses(self, name):
        """The name as it is, and in the search domains if it is a bare word."""
        names = [name]
        if "." not in name.rstrip("."):
            names += [f"{name}.{domain}" for domain in self._resolv.value[1]]
        for each in names:
            asked = self.query(each, dns.A), self.query(each, dns.AAAA)
            found, failure = [], None
            for future in asked:
                try:
                    found += await future
                except NotReached as error:
                    failure = error
            if found:
                return found
            if failure:
                raise failure
        return []

    async def _sorted(self, name):
        return sorted(await self.query(name, dns.NAPTR))

    async def _learn(self, key, future):
        """Ask, keep the answer, tell all who wait."""
        try:
            records, seconds = await self._follow(*key)
        except Exception as error:              # a bug must not leave those who wait for ever
            del self._under_way[key]
            return future.fail(error)
        now = self._reactor.now
        old = self._cache.get(key)
        if records is None and old is not None and old[1] and now < old[2]:
            records = old[1]
            self._keep(key, (now + FAILURE, records, old[2]))
        else:
            self._keep(key, (now + seconds, records, now + STALE))
        del self._under_way[key]
        if records is None:
            future.fail(_unresolved(key[0]))
        else:
            future.set(list(records))

    async def _follow(self, name, kind):
        """(data of the records, seconds they hold) across CNAMEs; (None, …) if nobody answers."""
        seconds = LONGEST
        for _ in range(MAX_ALIASES):
            answer = await self._ask(name, kind)
            if answer is None:
                return None, FAILURE
            found, name, ttl = select(answer, name, kind)
            seconds = min(seconds, ttl)
            if name is None:
                return found, max(1, seconds)
        return [], FAILURE

    async def _ask(self, name, kind):
        """The Answer of the first server that has one, or None."""
        self._look()
        servers = self._servers()
        for seconds in PATIENCE:
            for server in servers:
                answer = await ask_server(self._reactor, self._streams, self._entropy, server, name, kind, seconds)
                if answer is not None and answer.rcode in (dns.NOERROR, dns.NXDOMAIN):
                    return answer
        return None

    # -- what is known -----------------------------------------------------------------------------

    def _keep(self, key, entry):
        self._cache.pop(key, None)
        if len(self._cache) >= MAX_CACHE:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = entry

    def _servers(self):
        chosen = [server for text in self._chosen() if (server := parse_server(text))]
        return (chosen or self._resolv.value[0])[:MAX_SERVERS]

    def _look(self):
        if self._reactor.now - self._looked < LOOK_SECONDS:
            return
        self._looked = self._reactor.now
        self._hosts.look()
        if self._resolv.look():
            self.forget()           # another network: its names may mean something else


def select(answer, name, kind):
    """(data, name to go on with or None, seconds) of one Answer, along its CNAMEs."""
    seconds, asked = LONGEST, name
    for _ in range(MAX_ALIASES):
        found = [record for record in answer.answers if record.name == name and record.kind == kind]
        if found:
            return [record.data for record in found[:MAX_ANSWERS]], None, min(seconds, *(each.ttl for each in found))
        alias = next((each for each in answer.answers if each.name == name and each.kind == dns.CNAME), None)
        if alias is None:
            break
        name, seconds = alias.data, min(seconds, alias.ttl)
    denied = [record.data for record in answer.authority if record.kind == dns.SOA]
    if denied:
        return [], None, min(seconds, NEGATIVE, *denied)
    if name != asked and answer.rcode == dns.NOERROR:
        return [], name, seconds            # the server has stopped half-way
    return [], None, FAILURE                # without an SOA it is not to be kept (RFC 2308 5), for long


def _done(value):
    future = Future()
    future.set(value)
    return future


def _unresolved(name, reason="no name server answers"):
    return NotReached(502, f"{name[:255]} cannot be resolved: {reason}")


def _failed(*facts):
    future = Future()
    future.fail(_unresolved(*facts))
    return future
