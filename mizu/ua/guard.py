"""What a source may send before it has proven who it is: banned addresses, floods of requests, floods of nonsense.

A request outside of every dialog takes a token of its source's bucket; who proves himself gets his tokens back, so that
an office of a thousand telephones behind one address is held up by its strangers only.  Over UDP a request too many
is dropped, which a telephone repeats by itself (RFC 3261 17.1.2.2) and which says nothing to a forged sender; over a
connection it is answered 503.  A source of nonsense is not even read for a second.  Since a sender over UDP can be
forged, one that has proven himself lately has ten times as much of everything: nobody else uses up his share easily.
An IPv6 source is its /64.  Knows no methods, no accounts and no sockets.
"""

DROP = 1
"""Say nothing."""

KNOWN = 10
"""As much as a stranger may, an address may that somebody has proven himself from."""

LATELY = 3600
"""Seconds that an address stays known; a telephone registers as often."""

NONSENSE = 20
"""Messages within a second that cannot be read, and no fewer than can: that is no accident any more."""

DEAF = 1.0
"""Seconds that such a source is not heard."""

MOST = 20_000
"""Sources in each half of a table: 15 MB in all.  A flood from more addresses than that pushes out the oldest."""

MUTED = 10_000
"""Sources that are not heard; the addresses of one flood too many are read and answered."""

TELL = 60.0
"""Seconds between two lines in the log."""

ENDS = (b"BYE ", b"ACK ", b"CANCEL ", b"PRACK ", b"SIP/2.0 ")
"""What a banned address may still send: the calls that it has are to end when they end."""


class Source:
    """tokens left at `stamp` · of the second that began with `since`: messages seen and those that were nonsense"""
    __slots__ = ("tokens", "stamp", "since", "seen", "bad")

    def __init__(self, tokens, stamp):
        self.tokens = tokens
        self.stamp = stamp
        self.since = 0.0
        self.seen = self.bad = 0


class Guard:
    """settings (ratelimit_sip), banned(host), exempt(host) neither limited nor banned, now() monotonic seconds,
    group(host) what counts as one source, log."""

    def __init__(self, settings, banned, exempt, now, group, log):
        self.settings = settings
        self.banned = banned
        self.exempt = exempt
        self.now = now
        self.group = group
        self.log = log
        self.dropped = 0                # messages since the start
        self._sources = Lately(MOST)
        self._known = Lately(MOST)
        self._muted = {}                # {source: until}
        self._told = (now(), 0)
        self._worst = {}                # {host: messages dropped} since then
        self.reload()

    def reload(self):
        """After a change of settings."""
        self.rate, self.burst = self.settings.ratelimit_sip
        self._sources.seconds = max(60.0, 2 * self.burst / self.rate) if self.rate else 60.0    # full again long before
        self._known.seconds = LATELY
        self._sources.clear()

    def __len__(self):
        """Sources that are remembered."""
        return len(self._sources)

    def admits(self, host, data):
        """Whether a message is looked at at all."""
        if self.banned(host) and not data.startswith(ENDS) and not self.exempt(host):
            return self._drop(host)
        if self._muted:
            until = self._muted.get(self.group(host))
            if until is not None:
                if self.now() < until:
                    return self._drop(host)
                del self._muted[self.group(host)]
        return True

    def admits_stun(self, host, data):
        """Whether a keep-alive, which proves nothing, is answered: it takes a token as a request does."""
        return self.admits(host, data) and self._take(host)

    def malformed(self, host):
        """A message of it could not be read."""
        now, key = self.now(), self.group(host)
        source = self._source(key, now)
        if now - source.since >= 1.0:
            source.since, source.seen, source.bad = now, 0, 0
        source.bad += 1
        if source.bad >= NONSENSE * self._share(key) and source.bad >= source.seen and not self.exempt(host):
            source.bad = 0
            if len(self._muted) < MUTED:
                self._muted[key] = now + DEAF

    def request(self, flow):
        """A request outside of every dialog came: 0, DROP, or the status of the refusal."""
        if self._take(flow.host):
            return 0
        return 503 if flow.reliable else DROP

    def _take(self, host):
        """Whether there is a token for one more."""
        now, key = self.now(), self.group(host)
        source = self._source(key, now)
        source.seen += 1
        if not self.rate:
            return True
        share = self._share(key)
        source.tokens = min(self.burst * share, source.tokens + (now - source.stamp) * self.rate * share)
        source.stamp = now
        if source.tokens >= 1.0:
            source.tokens -= 1.0
            return True
        return self.exempt(host) or self._drop(host)

    def proven(self, host, tokens):
        """Somebody has proven himself from there, with so many messages."""
        now, key = self.now(), self.group(host)
        self._source(key, now).tokens += tokens
        self._known.put(key, True, now)

    def known(self, host):
        """Whether somebody has lately."""
        return self._known.get(self.group(host), self.now()) is not None

    def tick(self):
        """Once a second: what was dropped is told, and who is heard again."""
        now = self.now()
        for key in [key for key, until in self._muted.items() if until <= now]:
            del self._muted[key]
        since, before = self._told
        if now - since >= TELL and self.dropped > before:
            host = max(self._worst, key=self._worst.get)
            self.log.warning(f"SIP: {self.dropped - before} messages dropped (bans, ratelimit_sip, nonsense), most"
                             f" of them from {host}: {self._worst[host]}")
            self._told = now, self.dropped
            self._worst.clear()

    # -- inside

    def _share(self, key):
        return KNOWN if self._known.get(key, self.now()) is not None else 1

    def _source(self, key, now):
        source = self._sources.get(key, now)
        if source is None:
            source = Source(self.burst * self._share(key), now)
            self._sources.put(key, source, now)
        return source

    def _drop(self, host):
        self.dropped += 1
        if host in self._worst or len(self._worst) < MUTED:
            self._worst[host] = self._worst.get(host, 0) + 1
        return False


class Lately:
    """A table that forgets: two halves, the older one dropped whole when the younger is full, or `seconds` old."""
    __slots__ = ("most", "seconds", "_young", "_old", "_since")

    def __init__(self, most, seconds=LATELY):
        self.most = most
        self.seconds = seconds
        self._since = 0.0
        self.clear()

    def clear(self):
        self._young, self._old = {}, {}

    def __len__(self):
        return len(self._young) + len(self._old)

    def get(self, key, now):
        """The value, None if it is forgotten: whoever looks does not make it younger."""
        if now - self._since >= self.seconds:
            self._turn(now)
        return self._young.get(key) or self._old.get(key)

    def put(self, key, value, now):
        if len(self._young) >= self.most:
            self._turn(now)
        self._young[key] = value

    def _turn(self, now):
        self._old = self._young if now - self._since < 2 * self.seconds else {}
        self._young, self._since = {}, now
