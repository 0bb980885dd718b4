"""The API over UDP: one request a datagram of up to 1490 bytes, one datagram back.

A source address can be forged, so an answer to somebody unproven is never longer than the request, nothing is
trusted by address without a nonce, and the same datagram from the same peer is carried out once: a client that
repeats it because the answer was lost gets that answer again.
"""

from ..base.errors import ApiError
from ..base.message import Peer, Session
from ..base.task import Future
from ..formats.request import read_text
from ..net.addresses import unmapped
from ..wire.sniff import TEXT, sniff_datagram
from .asker import body_of

MAX_DATAGRAM = 1490
REPEAT_SECONDS = 30
_READS, _WRITES = 4096, 32768
"""Answers remembered, twice, of commands that answer at once (2 MiB, under load less than 30 s) and of those that
write (at most 1,000 a second, the rate of 20 addresses at their limit)."""

_PEERS = 4096
_STRUCTURED = ("json", "xml", "soap", "jsonp", "url", "csv", "html")
_TOO_LONG = "ERROR: use TCP\r\n"
_BUSY = object()


class DatagramApi:
    """The handler of the UDP ports."""

    def __init__(self, asker, clock):
        self.asker = asker
        self.monotonic = clock.monotonic
        self.dropped = 0
        self._peers = {}
        self._reads = Repeats(_READS)
        self._writes = Repeats(_WRITES)

    def received(self, data, addr, local):
        """A datagram came from the kernel's address `addr` to `local`, which sends the answer."""
        if len(data) > MAX_DATAGRAM or sniff_datagram(data) is not TEXT:
            self.dropped += 1
            return
        key = (data, addr)
        now = self.monotonic()
        again = self._reads.get(key, now) or self._writes.get(key, now)
        if again is not None:
            if again is not _BUSY:
                local.send(again, addr)
            return
        peer = self._peers.get(addr)
        if peer is None:
            peer = self._new_peer(addr, local)
        asker = self.asker
        try:
            parsed = read_text(data.decode("utf-8", "replace"))
        except ApiError as error:
            request, answer = asker.refused(error, peer)
        else:
            request, answer = asker.ask(parsed, peer, Session(peer), False)
        if answer.__class__ is Future:
            self._writes.put(key, _BUSY, now)
            answer.then(lambda done: self._answer(key, local, request, done.result(), self._writes, now))
        else:
            self._answer(key, local, request, answer, self._reads, now)

    def _answer(self, key, local, request, answer, table, now):
        body = self._body(request, answer, len(key[0]))
        table.put(key, body, now)
        local.send(body, key[1])

    def __len__(self):
        """Answers remembered."""
        return len(self._reads) + len(self._writes)

    def _body(self, request, answer, asked):
        """The bytes of the answer within what this peer may be sent."""
        if answer.__class__ is not list and answer.blob is not None:
            return _TOO_LONG.encode()
        body = body_of(request, answer)
        principal = request.principal
        proven = principal is not None and principal.user is not None and \
            ("md5" in principal.proofs or "password" in principal.proofs)
        if len(body) > MAX_DATAGRAM and proven:
            return _shortened(body, request)
        if len(body) > asked and not proven:
            return _TOO_LONG.encode()[:asked]
        return body

    def _new_peer(self, addr, local):
        if len(self._peers) >= _PEERS:
            self._peers.clear()
        peer = self._peers[addr] = Peer("udp", unmapped(addr[0]), addr[1], local.address)
        return peer


def _shortened(body, request):
    """A text is cut at a line, with a warning; half of a structure is worth nothing and is refused."""
    if request.format in _STRUCTURED:
        return b"ERROR: the answer is longer than a datagram, use TCP (422)"
    note = b"\nWARNING: cut, use TCP for the rest"
    cut = body[:MAX_DATAGRAM - len(note)]
    return cut[:max(cut.rfind(b"\n"), 0) or len(cut)] + note


class Repeats:
    """Answers of the last REPEAT_SECONDS, in two generations: when the younger one is full or old enough the
    older one is dropped whole, so that forgetting costs nothing per datagram."""
    __slots__ = ("most", "_young", "_old", "_since")

    def __init__(self, most):
        self.most = most
        self._young = {}
        self._old = {}
        self._since = 0.0

    def __len__(self):
        return len(self._young) + len(self._old)

    def get(self, key, now):
        """The answer given to this datagram, or None."""
        entry = self._young.get(key) or self._old.get(key)
        return entry[0] if entry is not None and entry[1] > now else None

    def put(self, key, answer, now):
        if len(self._young) >= self.most or now - self._since > REPEAT_SECONDS:
            self._old, self._young, self._since = self._young, {}, now
        self._young[key] = (answer, now + REPEAT_SECONDS)
