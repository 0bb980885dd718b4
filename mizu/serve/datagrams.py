"""The API over UDP: one request a datagram of up to 1490 bytes, one datagram back.

A source address can be forged, so an answer to somebody unproven is never longer than the request, nothing is
trusted by address without a nonce, and the same datagram from the same peer is carried out once: a client that
repeats it because the answer was lost gets that answer again.  What looks like an answer is never answered, and
nothing is answered for ever, or two servers could be set talking to each other by one forged datagram.
"""

from ..base.errors import ApiError
from ..base.message import Answer, Peer, Session
from ..base.task import Future
from ..formats.request import meant, read_text
from ..net.addresses import unmapped
from ..wire.query import decode_octets
from ..wire.sniff import SIP, STUN, TEXT, sniff_datagram, sniff_stream

MAX_DATAGRAM = 1490
REPEAT_SECONDS = 30
MAX_REPEATS = 7
"""Times that an answer is given again: what RFC 3261 17.1.2.2 sends in all (a client of ours sends fewer)."""

_SHORT, _PROVEN = 4096, 32768
"""Answers remembered, twice: of strangers and of commands that answer at once (8 MiB of small requests, under load
less than 30 s), and of proven users' commands that write (at most 1,000 a second, 20 addresses at their limit)."""

_UNDER_WAY = 4096
"""Datagrams whose answer is waited for; then the next are dropped, as a network would."""

_PEERS = 4096
_TEXTS = ("text", "line", "cleartext")
_ANSWERS = (b"OK", b"ERROR", b"WARNING:")
_CUT = b"\nWARNING: cut, use TCP for the rest"
_TOO_LONG = "the answer is longer than a datagram, use TCP"


class DatagramApi:
    """The handler of the main port's datagrams.

    sip(data, addr, local) takes those that are SIP, stun(data, addr, local) those that are STUN.
    """

    def __init__(self, asker, clock, sip=None, stun=None):
        self.asker = asker
        self.sip = sip
        self.stun = stun
        self.closed = False         # the server stops: nothing is begun any more
        self.monotonic = clock.monotonic
        self.dropped = 0
        self._peers = {}
        self._under_way = set()
        self._short = Repeats(_SHORT)
        self._proven = Repeats(_PROVEN)

    def __len__(self):
        """Answers remembered."""
        return len(self._short) + len(self._proven)

    def received(self, data, addr, local):
        """A datagram came from the kernel's address `addr` to `local`, which sends the answer."""
        verdict = sniff_datagram(data) if len(data) <= MAX_DATAGRAM else sniff_stream(data, ended=True)
        if verdict is SIP and self.sip is not None:
            return self.sip(data, addr, local)
        if verdict is STUN and self.stun is not None:
            return self.stun(data, addr, local)
        if verdict is not TEXT or data.startswith(_ANSWERS) or self.closed:
            self.dropped += 1
            return
        key = (data, addr)
        now = self.monotonic()
        again = self._short.get(key, now) or self._proven and self._proven.get(key, now)
        if again:
            return self._again(again, addr, local)
        if self._under_way and key in self._under_way:
            return
        peer = self._peers.get(addr)
        if peer is None:
            peer = self._new_peer(addr, local)
        asker = self.asker
        text = decode_octets(data)
        try:
            parsed = read_text(text)
        except ApiError as error:
            request, answer = asker.refused(error, peer, syntax=meant(text))
        else:
            if len(self._under_way) >= _UNDER_WAY:
                self.dropped += 1
                return
            request, answer = asker.ask(parsed, peer, Session(peer), False)
        if answer.__class__ is Future:
            self._under_way.add(key)
            answer.then(lambda done: self._late(key, local, request, done.result()))
        else:
            self._answer(key, local, request, answer, self._short, now)

    def _again(self, entry, addr, local):
        entry[2] += 1
        if entry[2] <= MAX_REPEATS:
            local.send(entry[0], addr)
        else:
            self.dropped += 1

    def _late(self, key, local, request, answer):
        self._under_way.discard(key)
        self._answer(key, local, request, answer, self._proven if _is_proven(request) else self._short,
                     self.monotonic())

    def _answer(self, key, local, request, answer, table, now):
        if not request.entry and not _is_proven(request):
            self.dropped += 1           # it names no command: a stray packet, or an answer in a structure
            return
        body = self._body(request, answer, len(key[0]))
        table.put(key, body, now)
        local.send(body, key[1])

    def _body(self, request, answer, asked):
        """The bytes of the answer within what this peer may be sent."""
        proven = _is_proven(request)
        if answer.__class__ is not list and answer.blob is not None:
            body = bytes(MAX_DATAGRAM + 1)
        else:
            body = self.asker.body(request, answer)
        if len(body) > MAX_DATAGRAM and proven:
            return self._shortened(body, request)
        if len(body) > asked and not proven:
            good = answer.__class__ is not list and answer.code < 400
            return (b"OK: use TCP\r\n" if good else b"ERROR: use TCP\r\n")[:asked]
        return body

    def _shortened(self, body, request):
        """A text is cut at a line, with a warning; half of a structure is worth nothing and is refused."""
        if request.format not in _TEXTS or not body[0]:
            return self.asker.body(request, Answer("ERROR: " + _TOO_LONG, code=422, entry=request.entry))
        cut = body[:MAX_DATAGRAM - len(_CUT)]
        end = cut.rfind(b"\n")
        return (cut[:end] if end > 0 else cut.decode("utf-8", "ignore").encode()) + _CUT

    def _new_peer(self, addr, local):
        if len(self._peers) >= _PEERS:
            self._peers.clear()
        peer = self._peers[addr] = Peer("udp", unmapped(addr[0]), addr[1], local.address)
        return peer


def _is_proven(request):
    """Whether an account's password or digest came with the request."""
    principal = request.principal
    return principal is not None and principal.user is not None and (
        "md5" in principal.proofs or "password" in principal.proofs)


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
        """[answer given to this datagram, its end, how often it was given again], or None."""
        entry = self._young.get(key) or self._old and self._old.get(key) or None
        return entry if entry is not None and entry[1] > now else None

    def put(self, key, answer, now):
        if len(self._young) >= self.most or now - self._since > REPEAT_SECONDS:
            self._old, self._young, self._since = self._young, {}, now
        self._young[key] = [answer, now + REPEAT_SECONDS, 0]
