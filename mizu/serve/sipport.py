"""The transport layer of SIP (RFC 3261 18): flows in and out over UDP, TCP, TLS and WebSocket, for the agent above.

A flow is a way to one far end (RFC 5626 3.1): transport, host, port, local (host, port), advertised (the host and port
that Via and Contact name), reliable, secure, alive, key (the same for the same five-tuple), id, send(data) -> False
when it is lost for good, keep(seconds).  Connections that are open are used again (18.1.1), whoever opened them.
Without an agent every request is answered 503.  Knows no transaction and no dialog.
"""

from errno import ECONNREFUSED, EHOSTUNREACH, ENETUNREACH

from ..base.errors import ConfigError, NotReached, RemoteProtocolError
from ..base.task import Future, spawn
from ..net.addresses import is_loopback, unmapped
from ..net.bind import WILDCARDS
from ..net.connect import connect
from ..sip.locate import locate
from ..sip.parser import parse
from ..wire.sniff import SIP, STUN, sniff_stream
from .sipstream import Frames, Octets, StreamFlow, flow_id

MAX_UDP = 65_536
"""Far ends over UDP that are remembered, in a younger and an older half each; one that is forgotten is made anew."""

MAX_ROUTES, ROUTE_SECONDS = 4096, 5.0
"""Hosts whose way is remembered, and for how long: asking the kernel costs 15 us, and its routes may change."""

MAX_CONNECTING = 256
"""Connections that are being opened; more are refused."""

_GONE = (ECONNREFUSED, EHOSTUNREACH, ENETUNREACH)
_PORTS = {"TCP": ("sip", "main"), "TLS": ("sips", "tls", "main")}


class Transports:
    """received(data, flow)     one whole message, as bytes
    lost(flow)                 a connection is gone
    unreachable(host, port)    ICMP says that nobody listens there over UDP
    The agent sets these three.

    ports       Ports: those that are open, and the UDP sockets
    is_lan      whether an address is in our local network: such a far end is told our local address
    own         our addresses
    stun        stun(data, addr, local) takes datagrams that are STUN: keep-alives (RFC 5626 4.4.2)
    """

    def __init__(self, reactor, streams, settings, entropy, resolver, ports, is_lan, own, log,
                 stun=None):
        self.reactor = reactor
        self.settings = settings
        self.entropy = entropy
        self.resolver = resolver
        self.log = log
        self.stun = stun
        self.received = self.lost = self.unreachable = None
        self.dropped = 0
        self._streams = streams
        self._ports = ports
        self._is_lan = is_lan
        self._own = next((host for host in own if not is_loopback(host) and ":" not in host), "127.0.0.1")
        self._young, self._old = {}, {}     # {(kernel's address, Local): UdpFlow}
        self._open = {}                     # {(transport, host, port): StreamFlow}
        self._connecting = {}               # {(transport, host, port, name): Future}
        self._routes = {}                   # {host: ((Local, our address), until)}
        self._context = None

    def __len__(self):
        """Connections that are open."""
        return len(self._open)

    # -- in

    def datagram(self, data, addr, local):
        """A datagram on a port of SIP's own."""
        verdict = sniff_stream(data, ended=True)
        if verdict is SIP:
            self.sip_datagram(data, addr, local)
        elif verdict is STUN and self.stun is not None:
            self.stun(data, addr, local)
        else:
            self.dropped += 1               # a keep-alive of CRLF or NUL, or nothing of ours

    def sip_datagram(self, data, addr, local):
        """One that is known to look like SIP."""
        flow = self._young.get((addr, local)) or self._udp_flow(addr, local)
        self.deliver(data, flow)

    def accept(self, stream):
        """A stream that speaks SIP -> the flow, which is its protocol."""
        return StreamFlow(self, stream, stream.peer, "TLS" if stream.peer.secure else "TCP", Octets())

    def accept_websocket(self, stream, peer):
        """A stream that has become a WebSocket for SIP; `peer` may stand behind a proxy of ours."""
        return StreamFlow(self, stream, peer, "WSS" if peer.secure else "WS", Frames())

    def deliver(self, data, flow):
        if self.received is not None:
            self.received(data, flow)
        else:
            self._unserved(data, flow)

    def on_icmp(self, addr, errno):
        """An error for a datagram to the kernel's address `addr`."""
        if errno in _GONE and self.unreachable is not None:
            self.unreachable(unmapped(addr[0]), addr[1])

    def _unserved(self, data, flow):
        try:
            message = parse(data)
        except RemoteProtocolError:
            return
        if message.is_request and message.method != "ACK":
            flow.send(message.reply(503, "", self.entropy.hex(8)).render())

    # -- out

    def locate(self, uri):
        """A Future of [(transport, host, port, name)]: what to hand to flow(), in the order to try (RFC 3263)."""
        return spawn(self._locate(uri))

    async def _locate(self, uri):
        params = uri.params
        host = params.get("maddr") or uri.host
        found = await locate(self.resolver, self.entropy, host, uri.port, params.get("transport") or "",
                             uri.scheme == "sips")
        return [(*target, host) for target in found]

    def flow(self, transport, host, port, name=""):
        """A Future of the flow to a numeric host; NotReached in one sentence.   name: whose certificate it shows"""
        future = Future()
        try:
            if not self.resolver.is_numeric(host):
                raise NotReached(502, f"{host[:255]} is no address")
            if transport == "UDP":
                future.set(self._udp_to(host, port))
                return future
            flow = self._open.get((transport, host, port))
            if flow is not None and flow.alive:
                future.set(flow)
                return future
            key = transport, host, port, name
            return self._connecting.get(key) or self._connect(key, future)
        except NotReached as error:
            future.fail(error)
        return future

    def direct(self, uri):
        """The flow over UDP to a numeric host that was reached lately; None: ask locate() and flow()."""
        params = uri.params
        if uri.scheme != "sip" or params and ("maddr" in params or (params.get("transport") or "udp").lower() != "udp"):
            return None
        found, until = self._routes.get(uri.host, (None, 0.0))
        return self._udp_flow(_address(uri.host, uri.port or 5060), *found) if until > self.reactor.now else None

    def find(self, key):
        """The flow of this key if it is alive, or can be used again as it was; else None."""
        transport, host, port, *local = key
        if transport == "UDP":
            found = next((each for each in self._ports.locals if [*each.address] == local), None)
            return found and self._udp_flow(_address(host, port), found)
        flow = self._open.get((transport, host, port))
        return flow if flow is not None and flow.key == tuple(key) else None

    def reload(self):
        """The settings have changed: externip, the certificate."""
        self._context = None
        self._young, self._old, self._routes = {}, {}, {}

    def _connect(self, key, future):
        transport, host, port, name = key
        if transport not in _PORTS:
            raise NotReached(502, f"no connection is opened over {transport}")
        if len(self._connecting) >= MAX_CONNECTING:
            raise NotReached(503, "too many connections are being opened")
        tls = self._tls(name or host) if transport == "TLS" else None
        self._connecting[key] = future
        connect(self.reactor, self._streams, host, port, tls).then(lambda done: self._connected(key, future, done))
        return future

    def _connected(self, key, future, done):
        del self._connecting[key]
        try:
            stream = done.result()
        except NotReached as error:
            return future.fail(error)
        future.set(StreamFlow(self, stream, stream.peer, key[0], Octets()))

    def _tls(self, name):
        from ..wire.tls import TlsFilter, make_client_context
        settings = self.settings
        try:
            if self._context is None:
                self._context = make_client_context(settings.sipverifypeer, settings.sslcert, settings.sslkey)
            return TlsFilter(self._context, name)
        except (ConfigError, ValueError) as error:          # ValueError: a name that is none
            raise NotReached(502, f"{name[:255]} cannot be reached over TLS: {error}") from None

    # -- UDP

    def _udp_flow(self, addr, local, address=None):
        """The flow of a five-tuple: from the older half, or a new one."""
        key = addr, local
        flow = self._young.get(key)
        if flow is not None:
            return flow
        flow = self._old.get(key) or UdpFlow(self, addr, local, address or local.address)
        if len(self._young) >= MAX_UDP:
            self._old, self._young = self._young, {}
        self._young[key] = flow
        return flow

    def _udp_to(self, host, port):
        """The flow that the kernel's routes choose, from the first of our ports."""
        now = self.reactor.now
        found, until = self._routes.get(host, (None, 0.0))
        if until > now:
            return self._udp_flow(_address(host, port), *found)
        for udp in self._ports.datagram_ports:
            found = udp.towards(host)
            if found is None:
                continue
            if len(self._routes) >= MAX_ROUTES:
                self._routes.clear()
            self._routes[host] = found, now + ROUTE_SECONDS
            return self._udp_flow(_address(host, port), *found)
        raise NotReached(502, f"{host}:{port} cannot be reached over UDP: no way leads there")

    # -- what flows call

    def add(self, flow):
        self._open[flow.transport, flow.host, flow.port] = flow

    def drop(self, flow):
        """A connection is gone."""
        key = flow.transport, flow.host, flow.port
        if self._open.get(key) is flow:
            del self._open[key]
        if self.lost is not None:
            self.lost(flow)

    def advertise(self, flow):
        """(host, port) by which the far end of a flow reaches us."""
        host, port = flow.local
        extern = self.settings.externip
        if extern != "auto" and (":" in extern) == (":" in host) and not is_loopback(flow.host) \
                and not self._is_lan(flow.host):
            host = extern
        elif host in WILDCARDS:
            host = self._own
        opened = self._ports.opened
        if flow.transport in _PORTS and port not in opened.values():        # we have opened it: a port by chance
            port = next((opened[name] for name in _PORTS[flow.transport] if name in opened), port)
        return flow.local if (host, port) == flow.local else (host, port)


class UdpFlow:
    """A far end over UDP, from one of our addresses."""
    __slots__ = ("host", "port", "local", "advertised", "_transports", "_addr", "_local", "__weakref__")

    transport = "UDP"
    reliable = secure = False
    alive = True

    def __init__(self, transports, addr, local, address):
        self.host = unmapped(addr[0])
        self.port = addr[1]
        self.local = address
        self._transports = transports
        self._addr = addr
        self._local = local
        self.advertised = transports.advertise(self)

    @property
    def key(self):
        return "UDP", self.host, self.port, *self.local

    @property
    def id(self):
        return flow_id(self.key)

    def __repr__(self):
        return f"UDP:{self.host}:{self.port}"

    def send(self, data):
        """False: no way leads there."""
        return self._local.send(data, self._addr) is not False

    def to(self, host, port):
        """The flow from the same socket to another address."""
        return self._transports._udp_flow(_address(host, port), self._local)

    def keep(self, seconds):
        pass


def _address(host, port):
    """As the kernel gives it."""
    return (host, port, 0, 0) if ":" in host else (host, port)
