"""One INVITE usage within its dialog: what the phone or the trunk at its end says, told as call events, and back.

RFC 3261 12 to 15 (dialog, re-INVITE, BYE), RFC 3311 (UPDATE), RFC 6086 (INFO); RFC 4028 is in session, RFC 3515 in
referral.  How a dialog comes to be is said by its two children: incoming (a server transaction) and outgoing (a
client one).  Knows no other leg, no route and no money: it says `bridge.heard(leg, event)` and obeys `take(event)`.
"""

from ..calls.events import Body, Disconnect, Info, Transfer, Update
from . import referral
from .addressing import codec_of

CALLING, EARLY, ANSWERED, TALKING, ENDED = range(5)
"""Nothing yet · a provisional answer · 200 sent or received, no ACK yet · confirmed · silent for ever."""

ALLOW = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, REFER, NOTIFY, OPTIONS"
SUPPORTED = "100rel, timer, replaces, norefersub"

GONE = (408, 481)
"""RFC 3261 12.2.1.2: a request of the dialog that is answered so ends it; 0 stands for a broken transport."""

PASSED = frozenset(("Alert-Info", "Call-Info", "Diversion", "History-Info", "Subject", "Priority", "User-To-User",
                    "Geolocation", "Reason", "Answer-Mode", "Priv-Answer-Mode", "Organization"))
OWN = frozenset(("X-MAPI", "X-MPUSH"))
"""Fields of a message that go to the other side with every X- field; those of the X- that are meant for us."""

MOST_PASSED = 30
"""Fields that are passed on: a message of 64 KiB could bring a thousand, and every leg would send them."""


class Leg:
    """agent    Agent: layer, timers, settings, where to send
    bridge   hears the events
    side     "caller" or "called"
    flow     where the far end was heard last
    dialog   sip.dialog.Dialog once there is one
    """
    __slots__ = ("agent", "bridge", "side", "flow", "call_id", "tag", "dialog", "state", "started", "answered",
                 "alive_at", "theirs", "ours", "serving", "asking", "waiting", "ack", "session", "allowed",
                 "agent_name", "credentials", "account", "phone")

    def __init__(self, agent, bridge, side, flow, call_id):
        self.agent = agent
        self.bridge = bridge
        self.side = side
        self.flow = flow
        self.call_id = call_id
        self.tag = agent.entropy.hex(8)
        self.dialog = None
        self.state = CALLING
        self.started = self.alive_at = agent.timers.now()
        self.answered = None
        self.theirs = self.ours = None          # the last session description of each side
        self.serving = None                     # server transaction of a re-INVITE or UPDATE not answered yet
        self.asking = None                      # client transaction of one of ours
        self.waiting = None                     # (server INVITE transaction, answered) whose 200 has no ACK yet
        self.ack = None                         # the last ACK of ours: a 200 that comes again gets it again
        self.session = None
        self.allowed = self.agent_name = ""
        self.credentials = None                 # (username, password) for challenges of a trunk
        self.account = None
        self.phone = True                       # behind a NAT perhaps: it is reached where it was heard
        agent.add(self)

    # -- to and from the bridge

    def heard(self, event):
        self.bridge.heard(self, event)

    def take(self, event):
        """What the bridge wants; nothing once the leg has ended."""
        if self.state != ENDED:
            self.takes[event.__class__](self, event)

    @property
    def over(self):
        return self.state == ENDED

    def describe(self):
        """Facts for a list of calls in progress."""
        flow = self.flow
        return {"side": self.side, "host": flow.host if flow else "", "port": flow.port if flow else 0,
                "transport": flow.transport if flow else "", "agent": self.agent_name,
                "codec": codec_of(self.theirs) if self.theirs is not None else ""}

    def end(self):
        """The very last of this leg."""
        if self.state == ENDED:
            return
        self.state = ENDED
        if self.session is not None:
            self.session.stop()
        self.serving = self.asking = self.waiting = None
        self.agent.remove(self)

    # -- requests within the dialog

    def received(self, transaction, message):
        """A request of this dialog, not a CANCEL; `transaction` is None for an ACK."""
        self.alive_at = self.agent.timers.now()
        if transaction is None:
            return self.acked(message)
        refusal = self.dialog.accepts(message) if self.dialog is not None else 0
        if refusal:
            return self.refuse(transaction, refusal)
        handler = REQUESTS.get(message.method)
        if handler is None:
            return self.refuse(transaction, 405, extra=(("Allow", ALLOW),))
        handler(self, transaction, message)

    def refuse(self, transaction, code, reason="", extra=()):
        response = transaction.request.reply(code, reason, self.tag)
        for name, value in extra:
            response.add(name, value)
        transaction.respond(response)

    def acked(self, message):
        """The ACK of a 200: it may bring the answer to an offer that the 200 made."""
        if self.waiting is None:
            return
        transaction, answered = self.waiting
        self.waiting = None
        transaction.acked()
        if self.state == ANSWERED:
            self.state = TALKING
        body = self.body_of(message)
        if answered is not None:
            answered(body)

    def failed(self, transaction, why):
        """A 200 of ours got no ACK, or its connection broke: 13.3.1.4 ends the session."""
        if self.waiting is not None and self.waiting[0] is transaction:
            self.lost(408, "no ACK")

    def cancelled(self, transaction):
        """A re-INVITE was taken back; the layer has answered the CANCEL."""
        if self.serving is transaction:
            self.serving = None
            self.refuse(transaction, 487)

    def _bye(self, transaction, message):
        self.refuse(transaction, 200)
        reason = message.get("Reason")
        self.end()
        self.heard(Disconnect(200, reason, self.side))

    def _invite(self, transaction, message):
        if self.serving is not None or self.waiting is not None:
            return self.refuse(transaction, 500, extra=(("Retry-After", str(self.agent.chance(10))),))
        if self.asking is not None or self.state != TALKING:
            return self.refuse(transaction, 491)
        self._offered(transaction, message)

    def _update(self, transaction, message):
        if not message.body:
            self.refreshed(message)
            return transaction.respond(self._final(transaction, None))
        if self.serving is not None:
            return self.refuse(transaction, 500, extra=(("Retry-After", str(self.agent.chance(10))),))
        if self.asking is not None:
            return self.refuse(transaction, 491)
        self._offered(transaction, message)

    def _offered(self, transaction, message):
        """A new offer, or a request for one: the other side answers, unless nothing has changed."""
        self.dialog.update_target(message)
        self.refreshed(message)
        self.serving = transaction
        transaction.user = self
        body = self.body_of(message)
        if body is not None and self.theirs is not None and body.data == self.theirs.data and self.ours is not None:
            return self._answer(transaction, body, 200, self.ours)
        self.heard(Update(body, lambda code, answer=None, answered=None:
                          self._answer(transaction, body, code, answer, answered)))

    def _answer(self, transaction, offer, code, body=None, answered=None):
        """The other side's answer to a re-INVITE or an UPDATE."""
        if self.serving is not transaction or self.state == ENDED:
            return
        self.serving = None
        if not 200 <= code < 300:
            return self.refuse(transaction, code if code >= 300 else 500)
        if offer is not None:
            self.theirs = offer
        if transaction.request.method == "INVITE":
            self.waiting = transaction, self._late_answer(answered) if offer is None else None
        transaction.respond(self._final(transaction, body))

    def _late_answer(self, answered):
        def take(body):
            self.theirs = body or self.theirs
            if answered is not None:
                answered(body)
        return take

    def _final(self, transaction, body):
        """The 200 of an INVITE or UPDATE."""
        response = transaction.request.reply(200, "", self.tag)
        response.add("Contact", self.agent.contact(transaction.flow))
        response.add("Allow", ALLOW)
        response.add("Supported", SUPPORTED)
        if self.session is not None:
            self.session.answer(transaction.request, response)
        self.describe_in(response, body)
        return response

    def _info(self, transaction, message):
        self.heard(Info(message.get("Content-Type"), message.body,
                        lambda code, body=None: self._reply(transaction, code)))

    def _reply(self, transaction, code):
        if self.state != ENDED:
            self.refuse(transaction, code)

    def _options(self, transaction, message):
        self.refuse(transaction, 200, extra=(("Allow", ALLOW), ("Supported", SUPPORTED), ("Accept", "application/sdp")))

    def _prack(self, transaction, message):
        self.refuse(transaction, 481)

    def _notify(self, transaction, message):
        self.refuse(transaction, 481, "Subscription Does Not Exist")

    def _refer(self, transaction, message):
        referral.received(self, transaction, message)

    # -- requests of ours

    def ask(self, method, done, body=None, extra=()):
        """Send a request of the dialog; `done(code, response or None)` hears of the end.  Returns nothing."""
        Exchange(self, method, done, body, extra).send()

    def take_update(self, event):
        """The other side's new offer, or its wish for one."""
        if self.asking is not None or self.serving is not None or self.waiting is not None or self.dialog is None:
            return event.reply(491)
        by_update = event.body is not None and "UPDATE" in self.allowed and self.state != TALKING
        if not by_update and self.state != TALKING:
            return event.reply(491)
        self._negotiate("UPDATE" if by_update else "INVITE", event)

    def _negotiate(self, method, event):
        def done(code, response):
            self.asking = None
            if response is None or not 200 <= code < 300:
                event.reply(code)
                if code in GONE or response is None:
                    self.lost(code or 503, "the other side is gone")
                return
            self.dialog.update_target(response)
            self.refreshed(response)
            body = self.body_of(response)
            self.theirs = body or self.theirs
            answered = None
            if method == "INVITE":
                answered = self._acknowledge(response, event.body is None)
            event.reply(code, body, answered)
        self.asking = True
        self.ask(method, done, event.body, (("Contact", None),))

    def _acknowledge(self, response, delayed):
        """ACK the 200 now, or return what sends the ACK with the answer to its offer."""
        if not delayed:
            self.send_ack(response)
            return None
        return lambda body: self.send_ack(response, body)

    def send_ack(self, response, body=None):
        """ACK of a 200 (13.2.2.4): of its CSeq, with the credentials of the request."""
        ack = self.dialog.request("ACK", response.cseq[0])
        self.describe_in(ack, body)
        self.ack = ack
        self.agent.send_ack(self, ack)

    def take_info(self, event):
        if self.dialog is None or self.state == CALLING:
            return event.reply(481)
        self.ask("INFO", lambda code, response: event.reply(code or 503), Body(event.content_type, event.data))

    def take_transfer(self, event):
        event.reply(501)

    def hang_up(self, event):
        """BYE, once the dialog is confirmed."""
        extra = (("Reason", event.reason),) if event.reason.startswith(("SIP;", "Q.850;")) else ()
        self.ask("BYE", lambda code, response: None, None, extra)
        self.end()

    def lost(self, code, reason):
        """Nobody is at the other end any more: say BYE in case somebody is, and tell the bridge."""
        if self.state == ENDED:
            return
        if self.dialog is not None:
            self.ask("BYE", lambda code, response: None)
        side = self.side
        self.end()
        self.heard(Disconnect(code, reason, side))

    # -- the session timer

    def refreshed(self, message):
        """The peer has renewed the session, or has agreed to."""
        if self.session is not None:
            self.session.renewed(message)

    def renew(self, done):
        """Send what renews the session: an UPDATE, or a re-INVITE with the description we sent last."""
        if "UPDATE" in self.allowed:
            return self.ask("UPDATE", done, None, (("Contact", None),))

        def renewed(code, response):
            self.asking = None
            if response is not None and 200 <= code < 300:
                self.send_ack(response)
            done(code, response)
        self.asking = True
        self.ask("INVITE", renewed, self.ours, (("Contact", None),))

    # -- bodies

    def body_of(self, message):
        """The session description or other body as an event carries it, None without one."""
        if not message.body:
            return None
        body = Body(message.get("Content-Type"), message.body)
        return self.agent.corrected(body, message.flow)

    def describe_in(self, message, body):
        """Put a body into a message of ours."""
        if body is None:
            return
        message.set("Content-Type", body.content_type)
        message.body = body.data
        self.ours = body


class Exchange:
    """A request of ours within the dialog, with one more try where a trunk asks for a digest.

    The client transaction's user (sip.layer): `done(code, response)` once; code 0 without a transport.
    """
    __slots__ = ("leg", "method", "done", "body", "extra", "tries", "request")

    def __init__(self, leg, method, done, body, extra):
        self.leg = leg
        self.method = method
        self.done = done
        self.body = body
        self.extra = extra
        self.tries = 0
        self.request = None

    def send(self, authorization=None):
        leg = self.leg
        request = leg.dialog.request(self.method)
        if self.method in ("INVITE", "UPDATE"):
            request.add("Allow", ALLOW)
            request.add("Supported", SUPPORTED)
            if leg.session is not None:
                leg.session.ask(request)
        for name, value in self.extra:
            request.add(name, leg.agent.contact(leg.flow) if value is None else value)
        if authorization is not None:
            request.add(*authorization)
        leg.describe_in(request, self.body)
        self.request = request
        leg.agent.send(leg, request, self)

    def responded(self, transaction, response):
        code = response.status
        if code < 200:
            return
        if self.done is None:                       # a 200 came again: its ACK was lost
            return self._again(response)
        if code in (401, 407) and self.tries < 2 and self.leg.credentials is not None:
            self.tries += 1
            authorization = self.leg.agent.authorize(self.leg, self.request, response)
            if authorization is not None:
                return self.send(authorization)
        self._end(code, response)

    def failed(self, transaction, why):
        if self.done is not None:
            self._end(408 if why == "timeout" else 0, None)

    def _end(self, code, response):
        done, self.done = self.done, None
        done(code, response)

    def _again(self, response):
        leg = self.leg
        if self.method == "INVITE" and response.status < 300 and leg.ack is not None and \
                leg.ack.cseq[0] == response.cseq[0]:
            leg.agent.send_ack(leg, leg.ack)


def passed_fields(message):
    """[(name, value)] of a message that go to the other side."""
    fields = [(name, value) for name, values in message.fields.items()
              if (name in PASSED or name[:2] == "X-") and name not in OWN for value in values]
    return fields[:MOST_PASSED]


REQUESTS = {"BYE": Leg._bye, "INVITE": Leg._invite, "UPDATE": Leg._update, "INFO": Leg._info, "REFER": Leg._refer,
            "OPTIONS": Leg._options, "PRACK": Leg._prack, "NOTIFY": Leg._notify}

TAKES = {Update: Leg.take_update, Info: Leg.take_info, Transfer: Leg.take_transfer}
"""What every leg does with the events that its beginning and its end do not decide."""
