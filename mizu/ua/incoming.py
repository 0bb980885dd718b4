"""A leg that somebody's INVITE has made: the UAS core of RFC 3261 13.3, with reliable provisional answers (RFC 3262).

Provisional answers are sent reliably only to who requires it; one that is not acknowledged holds back the next.
"""

from collections import deque

from ..calls.events import Connect, Disconnect, Fail, Progress, Ring, Try, Update
from ..sip.dialog import Dialog
from . import session
from .exchange import ALLOW, SUPPORTED
from .fields import passed_fields, words
from .gate import CARRIERS
from .leg import TAKES, Leg
from .offers import answer, late_answer
from .session import SessionTimer
from .states import ANSWERED, CALLING, EARLY

T1 = 0.5
GIVE_UP = 64 * T1
"""RFC 3262 3: a reliable answer is repeated for as long as that, then the INVITE is refused."""

MOST_WAITING = 8
"""Provisional answers held back by one that was not acknowledged; later ones are dropped, the final one never."""


class IncomingLeg(Leg):
    """`transaction` is the INVITE's; begin() says Try to the bridge."""
    __slots__ = ("transaction", "reliable")

    def __init__(self, agent, bridge, transaction, account=None):
        message = transaction.request
        super().__init__(agent, bridge, "caller", transaction.flow, message.call_id)
        self.transaction = transaction
        self.account = account
        self.phone = account is None or account.type not in CARRIERS     # those are where their dialogs say
        self.agent_name = message.get("User-Agent")[:200]
        self.allowed = message.get("Allow")
        self.dialog = Dialog.uas(message, self.tag)
        self.theirs = self.body_of(message)
        self.reliable = Reliable(self) if "100rel" in words(message, "Require") else None
        transaction.user = self
        agent.add(self)

    @property
    def agreed(self):
        """Whether an early answer of ours was acknowledged."""
        return self.reliable is not None and self.reliable.described

    def opening(self):
        """The Try of this INVITE, for the bridge."""
        message = self.transaction.request
        left = message.max_forwards
        return Try(self.theirs, [("Max-Forwards", str(69 if left is None else left - 1)), *passed_fields(message)])

    # -- what the bridge wants

    def _provisional(self, event):
        if self.state not in (CALLING, EARLY):
            return
        self.state = EARLY
        response = self._response(event.code, event.extra)
        if self.theirs is not None:         # who made no offer gets ours in the 200
            self.describe_in(response, event.body)
        if self.reliable is not None:
            self.reliable.send(response)
        else:
            self.transaction.respond(response)

    def _connect(self, event):
        if self.state not in (CALLING, EARLY):
            return
        if self.reliable is not None and self.reliable.busy:
            return self.reliable.hold(lambda: self._connect(event))
        self.state = ANSWERED
        self.answered = self.agent.timers.now()
        self.agent.keep(self.flow)
        request = self.transaction.request
        response = self._response(200, event.extra)
        response.fields["Supported"] = [SUPPORTED]
        seconds = self.agent.settings.sessiontimer
        if seconds:
            self.session = SessionTimer.of_request(self, request, seconds)
            self.session.answer(request, response)
        if event.body is not None or not (self.reliable is not None and self.reliable.described):
            self.describe_in(response, event.body if event.body is not None else self.ours)
        self.waiting = self.transaction, late_answer(self, event.answered) if self.theirs is None else None
        self.transaction.respond(response)

    def _fail(self, event):
        if self.state not in (CALLING, EARLY):
            return
        response = self.transaction.request.reply(event.code, event.reason, self.tag)
        for contact in event.contacts:
            response.add("Contact", contact)
        if event.retry_after:
            response.add("Retry-After", str(event.retry_after))
        for name, value in event.extra:
            response.add(name, value)
        self.transaction.respond(response)
        self.end()

    def _disconnect(self, event):
        if self.state in (CALLING, EARLY):
            return self._fail(Fail(event.code if event.code >= 300 else 480, event.reason))
        self.hang_up(event)

    def give_up_invite(self):
        self.refuse(self.transaction, 487)

    def _response(self, code, extra=()):
        response = self.transaction.request.reply(code, "", self.tag)
        response.fields["Contact"] = [self.agent.contact(self.transaction.flow)]
        response.fields["Allow"] = [ALLOW]
        for name, value in extra:
            response.add(name, value)
        return response

    # -- what the transaction says

    def cancelled(self, transaction):
        if transaction is not self.transaction:
            return super().cancelled(transaction)
        if self.state not in (CALLING, EARLY):
            return
        self.refuse(transaction, 487)
        self.end()
        self.heard(Disconnect(487, "cancelled", self.side))

    def failed(self, transaction, why):
        if transaction is self.transaction and self.state in (CALLING, EARLY):
            self.end()
            return self.heard(Disconnect(408 if why == "timeout" else 503, "the caller is gone", self.side))
        super().failed(transaction, why)

    def received(self, transaction, message):
        if message.method == "PRACK" and self.reliable is not None and message.from_tag == self.dialog.remote_tag:
            return self.reliable.acknowledged(transaction, message)
        super().received(transaction, message)

    def end(self):
        if self.reliable is not None:
            self.reliable.stop()
            self.reliable = None
        super().end()


class Reliable:
    """The reliable provisional answers of one INVITE: one at a time, repeated until its PRACK.

    described  whether a session description was acknowledged, so that the 200 needs none
    """
    __slots__ = ("leg", "rseq", "sent", "queue", "timer", "wait", "since", "described", "then")

    def __init__(self, leg):
        self.leg = leg
        self.rseq = 1 + leg.agent.chance(60_000)
        self.sent = None
        self.queue = deque()
        self.timer = None
        self.wait = self.since = 0.0
        self.described = False
        self.then = None

    @property
    def busy(self):
        return self.sent is not None

    def hold(self, then):
        """Call back once everything is acknowledged."""
        self.then = then

    def send(self, response):
        if self.sent is not None:
            if len(self.queue) < MOST_WAITING:
                self.queue.append(response)
            return
        self.rseq += 1
        response.add("Require", "100rel")
        response.add("RSeq", str(self.rseq))
        self.sent = response
        self.wait = self.since = 0.0
        self._transmit()

    def _transmit(self):
        leg = self.leg
        self.since += self.wait
        if self.since >= GIVE_UP:
            leg.refuse(leg.transaction, 504, "No PRACK")
            leg.end()
            return leg.heard(Disconnect(504, "no PRACK", leg.side))
        leg.transaction.respond(self.sent)
        self.wait = min(self.wait * 2 or T1, GIVE_UP - self.since)
        self.timer = leg.agent.timers.later(self.wait, self._transmit)

    def acknowledged(self, transaction, message):
        """A PRACK."""
        leg = self.leg
        leg.alive_at = leg.agent.timers.now()
        rack = message.get("RAck").split()
        cseq = leg.transaction.request.cseq[0]
        if self.sent is None or rack != [str(self.rseq), str(cseq), "INVITE"]:
            return leg.refuse(transaction, 481)
        if self.sent.body:
            self.described = True
        self.stop()
        if message.body:        # a new offer in a PRACK (RFC 3262 5): the other side answers
            leg.serving = transaction
            transaction.user = leg
            offer = leg.body_of(message)
            leg.heard(Update(offer, lambda code, body=None, answered=None:
                             answer(leg, transaction, offer, code, body)))
        else:
            leg.refuse(transaction, 200)
        if self.queue:
            self.send(self.queue.popleft())
        elif self.then is not None:
            then, self.then = self.then, None
            then()

    def stop(self):
        self.sent = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


IncomingLeg.takes = {Ring: IncomingLeg._provisional, Progress: IncomingLeg._provisional, Connect: IncomingLeg._connect,
                   Fail: IncomingLeg._fail, Disconnect: IncomingLeg._disconnect, **TAKES}


def refusal_of(message):
    """(code, fields) if an INVITE asks for what no leg can do, else (0, ())."""
    if session.too_small(message):
        return 422, (("Min-SE", str(session.MINIMUM)),)
    return 0, ()
