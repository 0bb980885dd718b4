"""All connections of the process: how many there may be, whose time is up, whose TLS handshake is next.

Loopback is counted and not limited.  IPv6 addresses count by their /64: whoever
has one has 2^64.  Knows no protocol.
"""

import heapq
import resource
from collections import deque

from .addresses import address_key, is_loopback

CONNECTIONS = 10_000        # at 6 KiB each 60 MiB
PER_ADDRESS = 1000          # a whole office behind one NAT
SWEEP_SECONDS = 1           # how exact deadlines are
SWEEP_SLICE = 500           # streams looked at in one turn: 50 us, 10 ms if all of them expired
SHED_BATCH = 64             # idle ones found by one walk over all: 2 ms
SHED_IDLE = 2               # seconds without a byte before a connection may be shed
PENDING_BYTES = 256 << 20   # all queues together: slow readers cannot take the host's memory

HANDSHAKES_PER_TURN = 4     # 0.4 ms each: 2 ms between two ticks of voice
HANDSHAKES = 1024           # under way at once
HANDSHAKES_PER_ADDRESS = 32


class StreamSet:
    """The connections, with a limit in all (default: CONNECTIONS, or 80 % of the descriptors) and per address."""

    def __init__(self, reactor, limit=None, per_address=PER_ADDRESS):
        self.limit = limit or min(CONNECTIONS, descriptor_limit() * 8 // 10)
        self.per_address = per_address
        self.handshakes = Handshakes(reactor)
        self.addresses = {}         # {address_key: connections}
        self.refused = self.shed_count = 0
        self._reactor = reactor
        self._streams = set()
        self._todo = []             # what this sweep has not looked at yet
        self._pending = 0
        self._victims = []          # [(active, stream)] idle ones, the oldest last
        self._timer = None

    def __len__(self):
        return len(self._streams)

    def __iter__(self):
        return iter(list(self._streams))

    def admit(self, host):
        """Whether one more connection from `host` may come; when full the oldest idle one makes room."""
        room = is_loopback(host) or self.addresses.get(address_key(host), 0) < self.per_address
        if room and (len(self._streams) < self.limit or self.shed()):
            return True
        self.refused += 1
        return False

    def add(self, stream):
        key = address_key(stream.peer.host)
        self.addresses[key] = self.addresses.get(key, 0) + 1
        self._streams.add(stream)
        if self._timer is None:
            self._timer = self._reactor.every(SWEEP_SECONDS, self._sweep)

    def discard(self, stream):
        self._streams.discard(stream)
        self.handshakes.end(stream)
        key = address_key(stream.peer.host)
        left = self.addresses[key] - 1
        if left:
            self.addresses[key] = left
        else:
            del self.addresses[key]

    def shed(self):
        """Abort the connection that has been idle longest; False if all of them are at work."""
        if not self._victims:
            oldest = heapq.nsmallest(SHED_BATCH, self._streams, key=_active)
            self._victims = [(stream.active, stream) for stream in reversed(oldest)]
        while self._victims:
            active, stream = self._victims.pop()
            if stream in self._streams and stream.active == active and active <= self._reactor.now - SHED_IDLE:
                stream.abort()
                self.shed_count += 1
                return True
        return False

    def close_all(self):
        """Close every connection once its queue has left (bounded by the stream's own deadlines)."""
        for stream in self:
            stream.close()

    # -- deadlines

    def _sweep(self):
        if not self._streams:
            self._timer.cancel()
            self._timer = None
        elif not self._todo:
            self._victims.clear()       # stale by now, and they must not keep dead streams alive
            self._todo = list(self._streams)
            self._pending = 0
            self._slice()

    def _slice(self):
        """A part of the sweep; the next one comes a turn later."""
        now, soon = self._reactor.now, self._reactor.soon
        part, self._todo = self._todo[-SWEEP_SLICE:], self._todo[:-SWEEP_SLICE]
        for stream in part:
            if 0 < stream.deadline <= now:
                soon(stream.expire)
            self._pending += stream.pending
        if self._todo:
            soon(self._slice)
        elif self._pending > PENDING_BYTES:
            max(self._streams, key=_pending, default=part[0]).abort()


class Handshakes:
    """TLS handshakes take turns: HANDSHAKES_PER_TURN steps a turn, the rest wait in a queue."""

    def __init__(self, reactor):
        self._reactor = reactor
        self._turn = -1
        self._left = 0
        self._queue = deque()       # (stream, data it has read); bounded by HANDSHAKES, as a waiting one reads no more
        self._under_way = {}        # {stream: its address_key, "" for loopback}
        self._addresses = {}

    def __len__(self):
        return len(self._under_way)

    def start(self, stream, first):
        """A connection begins with `first`; over the limits it is aborted."""
        host = stream.peer.host
        key = "" if is_loopback(host) else address_key(host)
        count = self._addresses.get(key, 0)
        if len(self._under_way) >= HANDSHAKES or key and count >= HANDSHAKES_PER_ADDRESS:
            stream.abort()
            return
        self._under_way[stream] = key
        self._addresses[key] = count + 1
        self.step(stream, first)

    def step(self, stream, data):
        """Go on with `data` now, or when its turn comes."""
        if self._queue or not self._take():
            stream.wait_for_handshake()
            self._queue.append((stream, data))
            if len(self._queue) == 1:
                self._reactor.soon(self._serve)
        else:
            stream.handshake(data)

    def end(self, stream):
        """It is done, or the connection is lost."""
        key = self._under_way.pop(stream, None)
        if key is None:
            return
        self._addresses[key] -= 1
        if not self._addresses[key]:
            del self._addresses[key]

    def _serve(self):
        try:
            while self._queue and self._take():
                stream, data = self._queue.popleft()
                stream.handshake(data)
        finally:
            if self._queue:
                self._reactor.soon(self._serve)

    def _take(self):
        """One of this turn's steps, if any is left."""
        if self._turn != self._reactor.turns:
            self._turn, self._left = self._reactor.turns, HANDSHAKES_PER_TURN
        self._left -= 1
        return self._left >= 0


def descriptor_limit():
    """How many descriptors this process may have open.  The soft limit is lifted first: it is 1024 in most shells,
    for the sake of programs that call select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS * 2 if hard == resource.RLIM_INFINITY else min(CONNECTIONS * 2, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):       # macOS has a lower limit of its own
        return soft
    return wanted


def _active(stream):
    return stream.active


def _pending(stream):
    return stream.pending
