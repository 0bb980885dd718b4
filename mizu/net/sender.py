"""Datagrams to one far end that never answers, as a collector of traces or of logs.

Sending never waits and never fails: what the kernel does not take is dropped, as a network would.  Knows no protocol.
"""

import socket

from ..base.errors import NotReached


class Sender:
    """host: a numeric address.  NotReached where no way leads there."""
    __slots__ = ("_socket",)

    def __init__(self, host, port):
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            socket.inet_pton(self._socket.family, host.partition("%")[0])   # a name would be looked up, and block
            self._socket.connect((host, port))
        except (OSError, ValueError, OverflowError) as error:
            self._socket.close()
            raise NotReached(502, f"no way to {host}:{port}: {getattr(error, 'strerror', None) or error}") from None

    def send(self, data):
        """Whether the kernel has taken it."""
        for _ in range(2):          # the first error may be what became of an earlier datagram
            try:
                self._socket.send(data)
                return True
            except OSError:
                continue
        return False

    def close(self):
        self._socket.close()
