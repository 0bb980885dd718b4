"""The user agent core of RFC 3261 8.2: every request that is not a retransmission comes here, and goes to the method,
the dialog or the leg that it is for.

Owns the transaction layer and the table of legs.  Knows no route and no money: calls are begun by `switch`.
"""

from ..base.errors import NotReached, RemoteProtocolError
from ..base.task import spawn
from ..sip.digest import authorize, strength
from ..sip.headers import parse_challenge, parse_value_params
from ..sip.layer import Layer
from ..sip.parser import SipError, parse
from ..sip.uri import parse_uri, shared_uri
from .addressing import Ways, corrected, is_behind
from .exchange import ALLOW, SUPPORTED
from .guard import DROP
from .incoming import IncomingLeg, refusal_of

EXTENSIONS = frozenset(("100rel", "timer", "replaces", "norefersub", "path", "outbound", "gruu", "from-change"))
"""What a Require may name."""

CONTACTS = 256
"""Contacts of flows that are remembered: one for each of our addresses and transports."""

CALL_SECONDS = 86400
"""Seconds that the connection of a call stays open without a word."""

TERSE = 480
"""Bytes of an OPTIONS over UDP below which the answer leaves out what 11.2 only recommends: a forged sender is not to
make much more of a datagram than it was.  Other answers to usual requests are shorter than these."""

MOST_SMALL, SMALL_SECONDS = 1_000, 600.0
"""Places without TCP that are remembered, and for how long: a firewall that swallows the SYN costs five seconds."""

NO_DIALOG = ("BYE", "UPDATE", "INFO", "PRACK", "NOTIFY", "REFER")
"""Methods that mean nothing outside a dialog."""


class Agent:
    """timers    the reactor: later(), now()
    gate      ua.gate.Gate: who sends this
    register  function(transaction, message): a REGISTER
    switch    function(leg, caller, called, replaced): a new call
    api       function(transaction, message) -> whether it was a request of the API
    """

    def __init__(self, timers, entropy, settings, transports, name, log, tap=None):
        self.timers = timers
        self.entropy = entropy
        self.settings = settings
        self.transports = transports
        self.name = name
        self.log = log
        self.layer = Layer(timers, entropy, self._requested, tap)
        self.legs = {}                  # {(Call-ID, our tag): leg}
        self.gate = self.register = self.switch = self.api = None
        self.guard = None               # ua.guard.Guard, or None: everything is let in
        self._size = 0                  # bytes of the message that is looked at
        self.draining = lambda: False
        self.back = lambda account, contact: None   # the flow of a phone that has come back after its connection broke
        self._contacts = {}
        self._small = {}                # {(host, port) that takes datagrams alone: until when}
        transports.received = self.received
        transports.lost = self.layer.lost
        transports.unreachable = self.layer.unreachable

    # -- from the transport

    def received(self, data, flow):
        """One whole message in bytes; what is none is answered 400 where an answer can be made."""
        guard = self.guard
        if guard is not None and not guard.admits(flow.host, data):
            return
        self._size = len(data)
        try:
            message = parse(data)
        except SipError as error:
            if guard is not None:
                guard.malformed(flow.host)
            return self._malformed(error, flow)
        message.flow = flow
        if guard is not None and not message.status and message.method != "ACK" and \
                (message.call_id, message.to_tag) not in self.legs:
            refusal = guard.request(flow)
            if refusal:
                return None if refusal == DROP else self.layer.refuse(message, refusal)
        self.layer.received(message, data)

    def _malformed(self, error, flow):
        """Over UDP an answer is no longer than what it answers, or there is none."""
        message = error.message
        if message is None or not message.is_request or message.method == "ACK":
            return
        try:
            response = message.reply(error.status, error.reason, self.layer.tag)
        except RemoteProtocolError:
            return
        data = response.render()
        if flow.reliable or len(data) <= self._size:
            flow.send(data)

    # -- requests

    def _requested(self, transaction, message):
        if transaction is not None and self.api is not None and self.api(transaction, message):
            return
        tag = message.to_tag
        leg = self.legs.get((message.call_id, tag)) if tag else None
        if leg is None and transaction is None:
            return
        try:
            if leg is not None:
                return leg.received(transaction, message)
            code, fields = self._judge(message) if not tag else (481, ())
            if code:
                return self.refuse(transaction, code, fields)
            handler = METHODS.get(message.method)
            if handler is None:
                return self.refuse(transaction, 405, (("Allow", ALLOW),))
            handler(self, transaction, message)
        except RemoteProtocolError as error:        # a field that only its reader parses
            if transaction is not None:
                self.refuse(transaction, error.status, (), error.reason)

    def _judge(self, message):
        """(code, fields) of the refusal of a request outside of dialogs, or (0, ())."""
        if message.max_forwards == 0 and message.method != "REGISTER":
            return 483, ()
        unknown = self.unsupported(message)
        if unknown:
            return 420, unknown
        if not message.uri.startswith(("sip:", "sips:", "tel:")):
            try:
                parse_uri(message.uri)
            except RemoteProtocolError as error:
                return error.status, ()
        return 0, ()

    @staticmethod
    def unsupported(message):
        """The fields of a 420 for what a request requires and we do not know (8.2.2.3), () if we do."""
        if "Require" not in message.fields:
            return ()
        unknown = [item for item in message.items("Require") if item.lower() not in EXTENSIONS]
        return (("Unsupported", ", ".join(unknown)),) if unknown else ()

    def refuse(self, transaction, code, fields=(), reason=""):
        """Answer a request outside of dialogs."""
        response = transaction.request.reply(code, reason, self.layer.tag)
        for name, value in fields:
            response.add(name, value)
        transaction.refuse(response)

    def _options(self, transaction, message):
        if self.draining():
            return self.refuse(transaction, 503, (("Retry-After", "60"),))
        if self._size < TERSE and not message.flow.reliable:
            return self.refuse(transaction, 200)
        self.refuse(transaction, 200, (("Allow", ALLOW), ("Supported", SUPPORTED), ("Accept", "application/sdp"),
                                       ("Accept-Encoding", "identity"), ("Accept-Language", "en")))

    def _register(self, transaction, message):
        self.register(transaction, message)

    def _no_dialog(self, transaction, message):
        self.refuse(transaction, 481)

    def _no_event(self, transaction, message):
        self.refuse(transaction, 489, (("Allow-Events", "refer"),))

    def _invite(self, transaction, message):
        if self.draining():
            return self.refuse(transaction, 503, (("Retry-After", "60"),))
        code, fields = refusal_of(message)
        if not code and self._came_round(message):
            code, fields = 482, ()
        if code:
            return self.refuse(transaction, code, fields)
        caller = self.gate.caller(transaction, message)
        if caller is not None:
            self.proven(message, "Proxy-Authorization")
            self.begin(transaction, message, caller)

    def proven(self, message, field):
        """Who sends this has proven himself, with credentials in `field` or by his address."""
        if self.guard is not None:
            self.guard.proven(message.flow.host, 1 + (field in message.fields))

    def begin(self, transaction, message, caller):
        """A call of somebody who has proved who he is."""
        try:
            called = shared_uri(message.uri).user
            replaced = self.replaced(message.get("Replaces")) if "Replaces" in message.fields else None
        except RemoteProtocolError as error:
            return self.refuse(transaction, error.status, (), error.reason)
        if replaced is None and "Replaces" in message.fields:
            return self.refuse(transaction, 481)
        leg = IncomingLeg(self, None, transaction, caller.account)
        self.switch(leg, caller, called, replaced)

    def _came_round(self, message):
        """Whether an INVITE of ours has come back unchanged (16.3 4: a loop, not a spiral)."""
        leg = self.legs.get((message.call_id, message.from_tag))
        return leg is not None and leg.side == "called" and leg.target.uri == message.uri

    def replaced(self, text):
        """The leg that a Replaces value names (RFC 3891), or None."""
        call_id, params = parse_value_params(text)
        leg = self.legs.get((call_id, params.get("to-tag"))) or self.legs.get((call_id, params.get("from-tag")))
        if leg is None or leg.dialog is None or leg.over:
            return None
        tags = {params.get("to-tag"), params.get("from-tag")}
        return leg if tags == {leg.tag, leg.dialog.remote_tag} else None

    # -- what legs ask

    def add(self, leg):
        self.legs[leg.call_id, leg.tag] = leg

    def remove(self, leg):
        self.legs.pop((leg.call_id, leg.tag), None)

    def contact(self, flow):
        """Our Contact for a dialog that lives on this flow."""
        key = flow.transport, flow.advertised
        contact = self._contacts.get(key)
        if contact is None:
            if len(self._contacts) >= CONTACTS:
                self._contacts.clear()
            host, port = flow.advertised
            host = f"[{host}]" if ":" in host else host
            transport = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
            contact = self._contacts[key] = f"<sip:{host}:{port}{transport}>"
        return contact

    def corrected(self, body, flow):
        """A session description whose address can be reached, if its sender sits behind a NAT."""
        return corrected(body, flow)

    def authorize(self, leg, request, response):
        """(field, value) that answers a challenge of a trunk, or None."""
        asked, answered = (("WWW-Authenticate", "Authorization") if response.status == 401 else
                           ("Proxy-Authenticate", "Proxy-Authorization"))
        challenges = []
        for line in response.values(asked)[:8]:
            try:
                scheme, challenge = parse_challenge(line)
            except RemoteProtocolError:
                continue
            if scheme == "digest":
                challenges.append(challenge)
        best = max(challenges, key=strength, default=None)
        if best is None:
            return None
        value = authorize(best, request.method, request.uri, *leg.credentials, self.entropy.hex(8))
        return (answered, value) if value else None

    def send(self, leg, request, user):
        """A request within the dialog of `leg`, to where the dialog says, or where its phone was heard."""
        flow, next_hop = leg.flow, leg.dialog.next_hop
        if not flow.alive and leg.phone and leg.account is not None:
            flow = self.back(leg.account, next_hop) or flow
        self.deliver(request, flow, leg.phone, next_hop, user)

    def send_ack(self, leg, request):
        self.send(leg, request, None)

    def deliver(self, request, flow, phone, next_hop, user):
        """A request of a dialog to its next hop: over the flow where its far end was heard if that leads there, else
        over one that has to be found.  `user` of the transaction; an ACK has none."""
        if flow.alive and (phone or flow.reliable or is_behind(next_hop, flow)):
            return self._sent(request, flow, user)
        self.run(self._find(request, next_hop, user), "a request could not be sent")

    async def _find(self, request, next_hop, user):
        try:
            flow = await Ways(self.transports, next_hop).next()
        except (NotReached, RemoteProtocolError):
            flow = None
        if flow is not None:
            self._sent(request, flow, user)
        elif user is not None:
            user.failed(None, "transport")

    def _sent(self, request, flow, user):
        if request.method == "ACK":
            self.layer.send_ack(request, flow)
        else:
            self.layer.request(request, flow, user)

    def run(self, coroutine, what):
        """A coroutine that nobody waits for: a fault in it is told all the same."""
        def finished(future):
            try:
                future.result()
            except Exception as error:
                self.trouble(what, repr(error))
        spawn(coroutine).then(finished)

    @staticmethod
    def keep(flow):
        """The connection of a call that is answered stays, however long nobody says a word over it."""
        if flow.reliable:
            flow.keep(CALL_SECONDS)

    def chance(self, most):
        """A number below `most` (65,536 at most)."""
        return int.from_bytes(self.entropy.bytes(4), "big") % most

    async def larger(self, flow):
        """The flow over TCP to the same place, for what is too big for a datagram (18.1.1); the same where nobody
        listens, and then it is not asked again for a while."""
        place, now = (flow.host, flow.port), self.timers.now()
        if self._small.get(place, 0.0) > now:
            return flow
        try:
            return await self.transports.flow("TCP", *place)
        except NotReached:
            self.only_datagrams(flow)
            return flow

    def only_datagrams(self, flow):
        """Nobody is heard over TCP there."""
        if len(self._small) >= MOST_SMALL:
            self._small.clear()
        self._small[flow.host, flow.port] = self.timers.now() + SMALL_SECONDS

    def trouble(self, what, error):
        self.log.warning(f"SIP: {what}: {error}")


METHODS = {"INVITE": Agent._invite, "REGISTER": Agent._register, "OPTIONS": Agent._options,
           "SUBSCRIBE": Agent._no_event, "PUBLISH": Agent._no_event,
           **dict.fromkeys(NO_DIALOG, Agent._no_dialog)}
