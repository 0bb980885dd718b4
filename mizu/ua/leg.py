"""One INVITE usage within its dialog: what the phone or the trunk at its end says, told as call events, and back.

RFC 3261 12 to 15 (dialog, BYE), RFC 6086 (INFO); new offers are in offers, RFC 4028 is in session, RFC 3515 in
referral.  How a dialog comes to be is said by its two children: incoming (a server transaction) and outgoing (a
client one).  Knows no other leg, no route and no money: it says `bridge.heard(leg, event)` and obeys `take(event)`.
"""

from ..calls.events import Body, Disconnect, Info, Transfer, Update, Withdraw
from . import offers, referral
from .addressing import codec_of, continued, declined
from .exchange import ALLOW, SUPPORTED, Exchange
from .fields import passed_fields
from .states import ANSWERED, CALLING, ENDED, LEAVING, TALKING

DESCRIBING = frozenset(("INVITE", "UPDATE", "PRACK", "ACK"))
"""Methods whose bodies describe the session, also those of their answers."""


class Leg:
    """agent    Agent: layer, timers, settings, where to send
    bridge   hears the events, None once the leg has left
    side     "caller" or "called"
    flow     where the far end was heard last
    dialog   sip.dialog.Dialog once there is one
    """
    __slots__ = ("agent", "bridge", "side", "flow", "call_id", "tag", "dialog", "state", "started", "answered",
                 "alive_at", "theirs", "ours", "serving", "asking", "waiting", "owed", "ack", "session", "allowed",
                 "agent_name", "credentials", "account", "phone", "farewell", "news")

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
        self.asking = None                      # Exchange of one of ours
        self.waiting = None                     # (server INVITE transaction, answered) whose 200 has no ACK yet
        self.owed = None                        # the 200 of a re-INVITE of ours that waits for its ACK, with an answer
        self.ack = None                         # the last ACK of ours: a 200 that comes again gets it again
        self.session = None
        self.allowed = self.agent_name = ""
        self.credentials = None                 # (username, password) for challenges of a trunk
        self.account = None
        self.phone = True                       # behind a NAT perhaps: it is reached where it was heard
        self.farewell = ()                      # fields of the BYE of a leg that is leaving
        self.news = 0                           # NOTIFYs of a transfer that were not answered yet

    # -- to and from the bridge

    def heard(self, event):
        bridge = self.bridge
        if self.over:
            self.bridge = None                  # no circle of the two is left to the collector
        if bridge is not None:
            bridge.heard(self, event)
        elif hasattr(event, "reply"):
            event.reply(481)

    def take(self, event):
        """What the bridge wants; nothing once the leg has ended."""
        if self.state < LEAVING:
            self.takes[event.__class__](self, event)
            if self.over:
                self.bridge = None

    @property
    def over(self):
        return self.state >= LEAVING

    @property
    def unanswered(self):
        return self.state < ANSWERED

    def describe(self, other=None):
        """Facts for a list of calls in progress; `other`: the leg of the other side."""
        flow, theirs = self.flow, self.theirs
        return {"side": self.side, "host": flow.host if flow else "", "port": flow.port if flow else 0,
                "transport": flow.transport if flow else "", "agent": self.agent_name,
                "codec": codec_of(theirs, other and other.theirs) if theirs is not None else ""}

    def end(self):
        """The very last of this leg."""
        if self.state == ENDED:
            return
        self.state = ENDED
        self.stop_session()
        serving, self.serving = self.serving, None
        if serving is not None:                     # 15.1.2: what is under way ends with the dialog
            self.refuse(serving, 487)
        if self.waiting is not None:
            self.waiting[0].acked()
        self.pay(None)
        if self.asking is not None:
            self.asking.leave()
        self.asking = self.waiting = None
        self.agent.remove(self)

    # -- requests within the dialog

    def received(self, transaction, message):
        """A request of this dialog, not a CANCEL; `transaction` is None for an ACK."""
        if self.dialog is None or message.from_tag != self.dialog.remote_tag:
            return self.stranger(transaction, message)
        self.alive_at = self.agent.timers.now()
        self.flow = message.flow
        if transaction is None:
            return self.acked(message)
        refusal = self.dialog.accepts(message)
        if refusal:
            return self.refuse(transaction, refusal)
        unknown = self.agent.unsupported(message)
        if unknown:
            return self.refuse(transaction, 420, extra=unknown)
        handler = REQUESTS.get(message.method)
        if handler is None:
            return self.refuse(transaction, 405, extra=(("Allow", ALLOW),))
        handler(self, transaction, message)

    def stranger(self, transaction, message):
        """A request with our tag, but of no dialog, no answer (PRACK) and no subscription (NOTIFY) of ours."""
        if transaction is not None:
            self.refuse(transaction, 481)

    def refuse(self, transaction, code, reason="", extra=()):
        response = transaction.request.reply(code, reason, self.tag)
        for name, value in extra:
            response.add(name, value)
        transaction.respond(response)

    def acked(self, message):
        """The ACK of a 200: it may bring the answer to an offer that the 200 made."""
        if self.waiting is None or self.waiting[0].request.cseq[0] != message.cseq[0]:
            return                                  # of an earlier INVITE, late or doubled
        transaction, answered = self.waiting
        self.waiting = None
        transaction.acked()
        if self.state == LEAVING:
            return self.part() if not self.news else None
        if self.state == ANSWERED:
            self.state = TALKING
        body = self.body_of(message)
        if answered is not None:
            answered(body)

    def failed(self, transaction, why):
        """A 200 of ours got no ACK: 13.3.1.4 ends the session.  Or an asker is gone, or was not answered in time."""
        if self.waiting is not None and self.waiting[0] is transaction:
            return self.part() if self.state == LEAVING else self.lost(408, "no ACK")
        if self.serving is transaction:
            self.serving = None

    def cancelled(self, transaction):
        """A re-INVITE was taken back; the layer has answered the CANCEL."""
        if self.serving is transaction:
            self.serving = None
            self.refuse(transaction, 487)
            self.heard(Withdraw())

    def _bye(self, transaction, message):
        self.refuse(transaction, 200)
        code = 200
        if self.unanswered:                         # 15: a BYE may come in an early dialog, too
            code = 480 if self.side == "called" else 487
            self.give_up_invite()
        self.end()
        self.heard(Disconnect(code, message.get("Reason"), self.side, passed_fields(message)))

    def _info(self, transaction, message):
        self.heard(Info(message.get("Content-Type"), message.body,
                        lambda code, body=None: self.refuse(transaction, code), passed_fields(message)))

    def _options(self, transaction, message):
        self.refuse(transaction, 200, extra=(("Allow", ALLOW), ("Supported", SUPPORTED), ("Accept", "application/sdp")))

    def _refer(self, transaction, message):
        referral.received(self, transaction, message)

    # -- requests of ours

    def ask(self, method, done, body=None, extra=()):
        """Send a request of the dialog; `done(code, response or None)` hears of the end.  Returns nothing."""
        Exchange(self, method, done, body, extra).send()

    def pay(self, body):
        """The ACK that a 200 with an offer waits for; without an answer every stream is declined."""
        owed, self.owed = self.owed, None
        if owed is not None:
            self.send_ack(*owed, body if body is not None else declined(self.theirs))

    def send_ack(self, response, request, body=None):
        """ACK of a 200 (13.2.2.4): of its CSeq, with the credentials of the request (22.1)."""
        ack = self.dialog.request("ACK", response.cseq[0])
        for name in ("Authorization", "Proxy-Authorization"):
            if name in request.fields:
                ack.fields[name] = request.fields[name]
        self.describe_in(ack, body)
        self.ack = ack
        self.agent.send_ack(self, ack)

    def take_info(self, event):
        if self.dialog is None or self.state == CALLING:
            return event.reply(481)

        def done(code, response):
            event.reply(code or 503)
            if code == 481:
                self.lost(code, "the other side is gone")
        self.ask("INFO", done, Body(event.content_type, event.data), event.extra)

    def take_withdraw(self, event):
        if self.asking is not None:
            self.asking.leave()

    def take_transfer(self, event):
        event.reply(501)

    def hang_up(self, event):
        """BYE, now or once the dialog is confirmed and a transferor has heard how its transfer went."""
        self.farewell = event.extra or (
            [("Reason", event.reason)] if event.reason.startswith(("SIP;", "Q.850;")) else ())
        unconfirmed = self.state == ANSWERED and self.waiting is not None
        if not unconfirmed and not self.news:
            return self.part()
        self.state = LEAVING
        self.stop_session()

    def told(self):
        """A transferor has heard the news."""
        self.news -= 1
        if self.state == LEAVING and not self.news and self.waiting is None:
            self.part()

    def part(self):
        self.pay(None)
        self.ask("BYE", lambda code, response: None, None, self.farewell)
        self.end()

    def lost(self, code, reason):
        """Nobody is at the other end any more: say BYE in case somebody is, and tell the bridge."""
        if self.over:
            return
        self.part()
        self.heard(Disconnect(code, reason, self.side))

    # -- the session timer

    def stop_session(self):
        session, self.session = self.session, None
        if session is not None:
            session.stop()

    def refreshed(self, message):
        """The peer has renewed the session, or has agreed to."""
        if self.session is not None:
            self.session.renewed(message)

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
        if message.method in DESCRIBING:
            if self.ours is not None:           # another may sit on the other side than when it began
                body = continued(body, self.ours)
            self.ours = body
        message.set("Content-Type", body.content_type)
        message.body = body.data


REQUESTS = {"BYE": Leg._bye, "INVITE": offers.invited, "UPDATE": offers.updated, "INFO": Leg._info, "REFER": Leg._refer,
            "OPTIONS": Leg._options, "PRACK": Leg.stranger, "NOTIFY": Leg.stranger}

TAKES = {Update: offers.take_update, Info: Leg.take_info, Transfer: Leg.take_transfer,
         Withdraw: Leg.take_withdraw}
"""What every leg does with the events that its beginning and its end do not decide."""
