"""One question to one name server, over UDP or TCP (RFC 1035 4.2, RFC 7766).

A Future of the Answer, or of None when there is none in time.  Every datagram leaves from a socket of its own with a
port by chance, connected to the server; what names another id or question is not an answer (RFC 5452).  Knows no
other server and no cache.
"""

import socket

from ..base.errors import NotReached, RemoteProtocolError
from ..base.task import Future
from ..wire import dns
from .connect import connect
from .selector import READ

MAX_WRONG = 16              # datagrams on one socket that are no answer: somebody is guessing


async def ask_server(reactor, streams, entropy, server, name, kind, seconds):
    """The Answer or None: over UDP, without EDNS where the server does not know it, over TCP if it is long."""
    answer = None
    for edns in (True, False):
        number = int.from_bytes(entropy.bytes(2), "big")
        question = dns.render_question(number, name, kind, edns)
        expected = number, name, kind
        answer = await Asking(reactor, entropy, server, question, expected, seconds).future
        if answer is not None and answer.truncated:
            return await _over_tcp(reactor, streams, server, question, expected, seconds)
        if answer is None or answer.rcode != dns.FORMERR:
            break
    return answer


async def _over_tcp(reactor, streams, server, question, expected, seconds):
    try:
        stream = await connect(reactor, streams, *server, seconds=seconds)
    except NotReached:
        return None
    asking = stream.protocol = TcpAsking(stream, expected)
    stream.deadline = reactor.now + seconds
    stream.send(len(question).to_bytes(2, "big") + question)
    return await asking.future


class Asking:
    """One question to one server over UDP; future: of the Answer, or None when there is none."""
    __slots__ = ("future", "_reactor", "_socket", "_expected", "_wrong", "_timer")

    def __init__(self, reactor, entropy, server, question, expected, seconds):
        self.future = Future()
        self._reactor = reactor
        self._expected = expected
        self._wrong = 0
        self._socket = sock = None
        try:
            self._socket = sock = _by_chance(entropy, socket.AF_INET6 if ":" in server[0] else socket.AF_INET)
            sock.connect(server)
            sock.send(question)
        except OSError:
            if sock is not None:
                sock.close()
            return self.future.set(None)
        self._timer = reactor.later(seconds, self._finish)
        reactor.add(sock.fileno(), self._on_event, READ)

    def _on_event(self, mask):
        try:
            data = self._socket.recv(65535)
        except BlockingIOError:
            return
        except OSError:
            return self._finish()               # ICMP: nobody listens there
        answer = matching(data, self._expected)
        if answer is None:
            self._wrong += 1
        if answer is not None or self._wrong >= MAX_WRONG:
            self._finish(answer)

    def _finish(self, answer=None):
        self._timer.cancel()
        self._reactor.remove(self._socket.fileno())
        self._socket.close()
        self.future.set(answer)


class TcpAsking:
    """The protocol of a stream with one question on its way: two octets of length, then the answer."""
    __slots__ = ("future", "stream", "_expected", "_data")

    def __init__(self, stream, expected):
        self.future = Future()
        self.stream = stream
        self._expected = expected
        self._data = b""

    def received(self, data):
        self._data += data
        length = int.from_bytes(self._data[:2], "big")
        if len(self._data) > 2 and len(self._data) >= 2 + length:
            answer = matching(self._data[2:2 + length], self._expected)
            self.stream.close()
            self.future.set(answer if answer is not None and not answer.truncated else None)

    def ended(self):
        self.stream.abort()

    expired = ended

    def drained(self):
        pass

    def closed(self):
        self.future.set(None)


def matching(data, expected):
    """The Answer in a datagram if it has this (id, name, kind), else None."""
    try:
        answer = dns.parse(data)
    except RemoteProtocolError:
        return None
    number, name, kind = expected
    if answer.question is None and answer.rcode == dns.FORMERR:         # a server that could not read it
        return answer if answer.id == number else None
    return answer if (answer.id, answer.question) == (number, (name, kind)) else None


def _by_chance(entropy, family):
    """A UDP socket on a port that nobody can guess; the kernel's choice if ours are taken."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    for _ in range(8):
        port = 1024 + int.from_bytes(entropy.bytes(2), "big") % 64_512
        try:
            sock.bind(("0.0.0.0" if family == socket.AF_INET else "::", port))
            break
        except OSError:
            continue
    return sock
