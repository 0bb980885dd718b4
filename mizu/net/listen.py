"""A TCP port: accepts connections and hands each on as a Stream.

Bounded: 64 accepts a wake-up, the StreamSet's limits; without descriptors the
longest idle connection makes room, else the port rests for 100 ms while the
kernel's backlog holds the callers.  Knows no protocol.
"""

import errno
import socket

from ..base.message import Peer
from .addresses import unmapped
from .bind import bound_socket
from .selector import READ
from .stream import Stream

ACCEPTS = 64                # a wake-up: 20 us each
REST_SECONDS = 0.1
BACKLOG = 1024
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener:
    """Calls `on_stream(stream)`, which gives the stream its protocol.

    host     an address, "" or "*" for all of IPv4, "::" for all of IPv6
    port     0 for a free one
    fd       a listening socket that was inherited, instead of host and port
    address  (host, port) as bound

    Raises PortTaken.
    """

    def __init__(self, reactor, host, port, on_stream, streams, transport="tcp", backlog=BACKLOG, fd=None):
        self.transport = transport
        self.accepted = 0
        self._reactor = reactor
        self._on_stream = on_stream
        self._streams = streams
        self._rest = None
        self._locals = {}           # {host: (host, port)}: connections share the tuple
        self._socket = sock = bound_socket(socket.SOCK_STREAM, host, port) if fd is None else socket.socket(fileno=fd)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)      # accepted sockets inherit both options
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)      # finds peers that vanished
        sock.listen(backlog)
        self.address = (unmapped(sock.getsockname()[0]), sock.getsockname()[1])
        reactor.add(sock.fileno(), self._on_event, READ)

    def close(self):
        """Accept no more; connections live on."""
        if self._rest is not None:
            self._rest.cancel()
        self._reactor.remove(self._socket.fileno())
        self._socket.close()

    def _on_event(self, mask):
        for _ in range(ACCEPTS):
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    continue        # that caller has gone again (accept(2): ECONNABORTED and errors of the network)
                if not self._streams.shed():
                    self._pause()
                    return
                continue
            self._greet(sock, unmapped(address[0]), address[1])

    def _greet(self, sock, host, port):
        if not self._streams.admit(host):
            sock.close()
            return
        try:
            peer = Peer(self.transport, host, port, self._local(sock))
        except OSError:
            sock.close()            # reset before it was looked at
            return
        self.accepted += 1
        stream = Stream(self._reactor, sock, peer, self._streams)
        try:
            self._on_stream(stream)
        except Exception:
            stream.abort()
            raise

    def _local(self, sock):
        host = unmapped(sock.getsockname()[0])
        if host not in self._locals:
            if len(self._locals) > 256:         # all of 127/8 can be asked
                self._locals.clear()
            self._locals[host] = (host, self.address[1])
        return self._locals[host]

    def _pause(self):
        self._reactor.modify(self._socket.fileno(), 0)
        self._rest = self._reactor.later(REST_SECONDS, self._resume)

    def _resume(self):
        self._rest = None
        self._reactor.modify(self._socket.fileno(), READ)
