"""A network that tests can spoil: its clock, its chance, its endpoints.  Nothing here sleeps or opens a socket.

    timers = FakeTimers()
    network = FakeNetwork(timers, seed=1, loss=0.2, double=0.1, delay=(0.005, 0.3))
    here = network.endpoint("192.0.2.1", 5060)          # received(data, flow), lost(flow), unreachable(host, port): set them
    flow = here.udp("192.0.2.9", 5060)                  # a flow as sip/layer.py wants it
    flow = here.connect("192.0.2.9", 5060, "TCP")       # reliable: in order, neither lost nor doubled
    timers.advance(32)

Datagrams are lost, doubled and (as each has a delay of its own) reordered by the seed, so a failure happens again.
A datagram to where nobody listens comes back as `unreachable`, as ICMP would say it.  `network.sent` counts datagrams,
`network.log` holds (seconds, source, destination, transport, data) of all that was sent.  `network.nat(private, public)`
makes a host appear under another address, its ports counted from 30000.
"""

import heapq
import random
from itertools import count

from mizu.base.errors import NotReached
from mizu.base.task import Future

MTU = 65507


class FakeTimers:
    """later(seconds, callback) -> handle with cancel(); now(); advance(seconds) calls what is due, in order."""

    def __init__(self, now=1000.0):
        self.seconds = now
        self._heap = []
        self._numbers = count()

    def now(self):
        return self.seconds

    monotonic = now

    def later(self, seconds, callback):
        timer = FakeTimer(callback)
        heapq.heappush(self._heap, (self.seconds + seconds, next(self._numbers), timer))
        return timer

    def soon(self, callback):
        self.later(0, callback)

    def advance(self, seconds):
        end = self.seconds + seconds
        while self._heap and self._heap[0][0] <= end + 1e-9:
            self.seconds, _, timer = heapq.heappop(self._heap)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self.seconds = end

    def until(self, done, longest=64.0):
        """Advance until done() is true; False if it is not within `longest` seconds."""
        end = self.seconds + longest
        while not done():
            if not self._heap or self._heap[0][0] > end:
                return False
            self.advance(max(0.0, self._heap[0][0] - self.seconds))
        return True

    def __len__(self):
        """Timers that still run."""
        return sum(timer.callback is not None for _, _, timer in self._heap)


class FakeTimer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None


class FakeEntropy:
    """Chance that comes again with the same seed."""

    def __init__(self, seed=1):
        self._random = random.Random(seed)

    def hex(self, nbytes):
        return self._random.randbytes(nbytes).hex()

    def bytes(self, nbytes):
        return self._random.randbytes(nbytes)

    def below(self, limit):
        return self._random.randrange(limit)

    def digits(self, length):
        return str(self._random.randrange(10 ** (length - 1), 10 ** length))


class FakeNetwork:
    """loss, double: shares of the datagrams · delay: seconds from and to · deaf: {(host, port)} that hear nothing and
    say nothing, as behind a cut cable."""

    def __init__(self, timers, seed=1, loss=0.0, double=0.0, delay=(0.005, 0.02)):
        self.timers = timers
        self.loss = loss
        self.double = double
        self.delay = delay
        self.deaf = set()
        self.endpoints = {}
        self.sent = 0
        self.log = []
        self._random = random.Random(seed)
        self._public = {}           # private host: public host
        self._outside = {}          # (private host, port): (public host, port)
        self._inside = {}
        self._ports = count(30000)
        self._ids = count(1)

    def endpoint(self, host, port):
        if (host, port) in self.endpoints:
            raise OSError(f"{host}:{port} is taken")
        endpoint = self.endpoints[host, port] = Endpoint(self, host, port)
        return endpoint

    def nat(self, private, public):
        self._public[private] = public

    def id(self):
        return str(next(self._ids))

    def outside(self, place):
        """How the world sees a place."""
        public = self._public.get(place[0])
        if public is None:
            return place
        if place not in self._outside:
            seen = self._outside[place] = public, next(self._ports)
            self._inside[seen] = place
        return self._outside[place]

    def datagram(self, source, place, data):
        """From and to as (host, port), `source` as the sender calls itself."""
        self.sent += 1
        seen = self.outside(source)
        self.log.append((self.timers.now(), seen, place, "UDP", data))
        if self._random.random() < self.loss or place in self.deaf or source in self.deaf:
            return
        for _ in range(2 if self._random.random() < self.double else 1):
            self.timers.later(self._random.uniform(*self.delay), lambda: self._arrive(source, seen, place, data))

    def _arrive(self, source, seen, place, data):
        target = self.endpoints.get(self._inside.get(place, place))
        if target is not None:
            target.received(data, target.udp(*seen))
        elif source in self.endpoints:
            self.endpoints[source].unreachable(*place)


class Endpoint:
    """An address with its UDP port and its TCP port.  `received(data, flow)`, `lost(flow)` and `unreachable(host, port)`
    are for the owner to set.  It also is what ua/agent.py knows as transports: flow(), locate()."""

    def __init__(self, network, host, port):
        self.network = network
        self.host = host
        self.port = port
        self.received = lambda data, flow: None
        self.lost = lambda flow: None
        self.unreachable = lambda host, port: None
        self.streams = {}           # (transport, host, port): FakeFlow
        self._datagrams = {}        # (host, port): FakeFlow

    def udp(self, host, port):
        flow = self._datagrams.get((host, port))
        if flow is None:
            flow = self._datagrams[host, port] = FakeFlow(self, "UDP", host, port)
        return flow

    def connect(self, host, port, transport="TCP"):
        """A new stream; OSError where nobody listens."""
        network = self.network
        target = network.endpoints.get(network._inside.get((host, port), (host, port)))
        if target is None or (host, port) in network.deaf:
            raise OSError("connection refused")
        seen_host = network._public.get(self.host, self.host)
        near = FakeFlow(self, transport, host, port)
        far = FakeFlow(target, transport, seen_host, next(network._ports))
        near.other, far.other = far, near
        self.streams[transport, host, port] = near
        target.streams[transport, far.host, far.port] = far
        return near

    def direct(self, uri):
        return None

    def flow(self, transport, host, port, name=""):
        """Future of a flow, an open one if there is."""
        future = Future()
        if transport == "UDP":
            future.set(self.udp(host, port))
        elif (transport, host, port) in self.streams:
            future.set(self.streams[transport, host, port])
        else:
            try:
                future.set(self.connect(host, port, transport))
            except OSError as error:
                future.fail(NotReached(502, str(error)))
        return future

    def close(self):
        """Gone from the network; its streams break."""
        for flow in list(self.streams.values()):
            flow.close()
        self.network.endpoints.pop((self.host, self.port), None)


class FakeFlow:
    """A flow as sip/layer.py describes it."""

    def __init__(self, endpoint, transport, host, port):
        self.endpoint = endpoint
        self.transport = transport
        self.host = host
        self.port = port
        self.reliable = transport != "UDP"
        self.secure = transport in ("TLS", "WSS")
        self.local = self.advertised = endpoint.host, endpoint.port
        self.key = transport, self.local, host, port
        self.id = endpoint.network.id()
        self.alive = True
        self.other = None           # the far end of a stream

    def __repr__(self):
        return f"{self.local}-{self.transport}-({self.host}, {self.port})"

    def send(self, data):
        network = self.endpoint.network
        if not self.reliable:
            if len(data) > MTU:
                return False
            network.datagram(self.local, (self.host, self.port), data)
            return True
        if not self.alive:
            return False
        network.log.append((network.timers.now(), self.local, (self.host, self.port), self.transport, data))
        far = self.other
        network.timers.later(network.delay[0], lambda: far.alive and far.endpoint.received(data, far))
        return True

    def to(self, host, port):
        return self.endpoint.udp(host, port)

    def keep(self, seconds):
        pass

    def close(self):
        """Both ends hear of it."""
        for flow in (self, self.other):
            if flow is not None and flow.alive:
                flow.alive = False
                flow.endpoint.streams.pop((flow.transport, flow.host, flow.port), None)
                flow.endpoint.lost(flow)
