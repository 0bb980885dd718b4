"""A UDP port whose answers leave from the address that was asked.

A port on one address is one socket.  A port on all addresses is one plain socket
for each address the host has, plus one on the wildcard with packet information
(RFC 3542, 6) for all others: 127.0.0.2, or an address that appeared later.  So
correctness hangs on no list, and the usual datagram takes recvfrom/sendto: with
packet information the same exchange costs 20 % more (204k instead of 244k a
CPU-second were measured).

ICMP errors come through the error queue (ip(7), IP_RECVERR) with the address they
belong to; the kernel also returns each once from an innocent send or receive,
which is why those are tried again.  Sending never waits: what the kernel does not
take is dropped and counted, as a network would.  Knows no protocol.
"""

import socket
import struct

from .addresses import own_addresses, unmapped
from .bind import WILDCARDS, bound_socket
from .selector import ERROR, READ

BATCH = 32                  # datagrams a wake-up, then the others' turn: 6 ms where each is a call
SIZE = 65535
BUFFER = 4 << 20            # asked of the kernel for bursts; it gives what its own limit allows
ADDRESSES = 64              # sockets a port
ASKED = 256                 # remembered addresses of the wildcard
ERRORS = 64                 # ICMP errors drained at a time

IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
IPV6_RECVPKTINFO = getattr(socket, "IPV6_RECVPKTINFO", 49)
IPV6_PKTINFO = getattr(socket, "IPV6_PKTINFO", 50)
IP_RECVERR, IPV6_RECVERR = 11, 25
MSG_ERRQUEUE = getattr(socket, "MSG_ERRQUEUE", 0x2000)


class DatagramPort:
    """Calls `on_datagram(data, addr, local)`; answer with `local.send(data, addr)`.

    addr    the kernel's address of the peer: addr[0] host, addr[1] port
    local   Local: the address that was asked
    on_error(addr, errno)  hears of ICMP errors; optional
    fd      a bound socket that was inherited, instead of host and port

    Raises PortTaken.
    """

    def __init__(self, reactor, host, port, on_datagram, on_error=None, fd=None):
        self.received = self.sent = self.dropped = 0
        self.on_datagram = on_datagram
        self.on_error = on_error
        self._reactor = reactor
        sock = bound_socket(socket.SOCK_DGRAM, host, port) if fd is None else socket.socket(fileno=fd)
        sock.setblocking(False)
        self.address = sock.getsockname()[:2]
        if self.address[0] in WILDCARDS:
            self._default = _Wildcard(self, sock)
            self._locals = [self._default, *(self._open_own(sock) if fd is None else ())]
        else:
            self._default = Local(self, sock, self.address)
            self._locals = [self._default]
        for local in self._locals:
            _prepare(local.socket)
            reactor.add(local.socket.fileno(), local.on_event, READ)

    def send(self, data, addr):
        """Send to an address nobody has asked from; the kernel chooses our own."""
        self._default.send(data, addr)

    def towards(self, host):
        """(Local, (host, port) that the far end will see): what the kernel's routes choose for a numeric host; None
        where none of ours leads there."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if family != self._default.socket.family:
            return None
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((host, 9))        # sends nothing
                source = probe.getsockname()[0]
            except OSError:
                return None
        if self.address[0] not in WILDCARDS:
            return self._default, self.address
        local = next((each for each in self._locals if each.address[0] == source), self._default)
        return local, (unmapped(source), self.address[1])

    @property
    def locals(self):
        return tuple(self._locals)

    def close(self):
        for local in self._locals:
            self._reactor.remove(local.socket.fileno())
            local.socket.close()

    def _open_own(self, wildcard):
        """A plain socket for each address.  Sharing the port is allowed for this moment only:
        somebody else who binds it before or after is refused, as it should be."""
        shared = [wildcard]
        found = []
        for host in own_addresses()[:ADDRESSES]:
            if (":" in host) != (wildcard.family == socket.AF_INET6):
                continue
            sock = socket.socket(wildcard.family, socket.SOCK_DGRAM)
            sock.setblocking(False)
            shared.append(sock)
            for each in (wildcard, sock):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, self.address[1]))
            except OSError:
                sock.close()        # an address that has just gone, or belongs to another on this port
                shared.pop()
                continue
            found.append(Local(self, sock, (host, self.address[1])))
        for each in shared:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        return found


class Local:
    """One of our addresses at a port, with a socket of its own."""
    __slots__ = ("port", "socket", "address", "protocol", "_recvfrom", "_sendto")

    def __init__(self, port, sock, address):
        self.port = port
        self.socket = sock
        self.address = address
        self.protocol = port.on_datagram        # the name in a report of slow callbacks
        self._recvfrom = sock.recvfrom
        self._sendto = sock.sendto

    def send(self, data, addr):
        """Send from this address; False if no way leads there, None if there was no room and it was dropped."""
        try:
            self._sendto(data, addr)
        except OSError as error:
            return self._again(error, data, addr)
        self.port.sent += 1
        return True

    def on_event(self, mask):
        if mask & ERROR:
            drain_errors(self.socket, self.port.on_error)
        port, recvfrom, on_datagram = self.port, self._recvfrom, self.port.on_datagram
        for _ in range(BATCH):
            try:
                data, addr = recvfrom(SIZE)
            except BlockingIOError:
                return
            except OSError:
                drain_errors(self.socket, port.on_error)
                continue
            port.received += 1
            on_datagram(data, addr, self)

    def _again(self, error, data, addr):
        """The error may be another peer's: empty the queue and try once more; no room means dropped."""
        if not isinstance(error, BlockingIOError):
            drain_errors(self.socket, self.port.on_error)
            try:
                self._sendto(data, addr)
                self.port.sent += 1
                return True
            except OSError as again:
                error = again
        self.port.dropped += 1
        return None if isinstance(error, BlockingIOError) else False


class _Wildcard(Local):
    """The socket on all addresses; it learns from each datagram which one was asked."""
    __slots__ = ("_asked", "_level", "_type")

    def __init__(self, port, sock):
        super().__init__(port, sock, port.address)
        six = sock.family == socket.AF_INET6
        self._level, self._type = (socket.IPPROTO_IPV6, IPV6_PKTINFO) if six else (socket.IPPROTO_IP, IP_PKTINFO)
        sock.setsockopt(self._level, IPV6_RECVPKTINFO if six else IP_PKTINFO, 1)
        self._asked = {}            # {packet information: _Asked}

    def on_event(self, mask):
        if mask & ERROR:
            drain_errors(self.socket, self.port.on_error)
        for _ in range(BATCH):
            try:
                data, extras, _, addr = self.socket.recvmsg(SIZE, 128)
            except BlockingIOError:
                return
            except OSError:
                drain_errors(self.socket, self.port.on_error)
                continue
            self.port.received += 1
            self.port.on_datagram(data, addr, self._local(extras))

    def _local(self, extras):
        for level, kind, info in extras:
            if level == self._level and kind == self._type:
                local = self._asked.get(info)
                if local is None:
                    if len(self._asked) >= ASKED:
                        self._asked.clear()
                    local = self._asked[info] = _Asked(self, info)
                return local
        return self


class _Asked(Local):
    """An address that shares the wildcard's socket: packet information goes out with each datagram."""
    __slots__ = ("_extras",)

    def __init__(self, wildcard, info):
        six = wildcard._level == socket.IPPROTO_IPV6
        host = info[:16] if six else info[8:12]                 # in6_pktinfo: address, interface
        source = info if six else bytes(4) + host + bytes(4)    # in_pktinfo: interface, source, header's target
        super().__init__(wildcard.port, wildcard.socket,
                         (unmapped(socket.inet_ntop(wildcard.socket.family, host)), wildcard.address[1]))
        self._extras = [(wildcard._level, wildcard._type, source)]
        self._sendto = self._send_from

    def _send_from(self, data, addr):
        self.socket.sendmsg((data,), self._extras, 0, addr)


def drain_errors(sock, on_error):
    """Empty the error queue; `on_error(addr, errno)` may be None."""
    for _ in range(ERRORS):
        try:
            _, extras, _, addr = sock.recvmsg(0, 512, MSG_ERRQUEUE)
        except OSError:
            return
        for _, kind, info in extras:
            if on_error and kind in (IP_RECVERR, IPV6_RECVERR) and len(info) >= 4:
                on_error(addr, struct.unpack_from("I", info)[0])


def _prepare(sock):
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    six = sock.family == socket.AF_INET6
    try:
        sock.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, IPV6_RECVERR if six else IP_RECVERR, 1)
    except OSError:
        pass        # not Linux: ICMP errors come as errors of the next send, which is tried again
