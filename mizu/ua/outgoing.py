"""A leg that we dial: the UAC core of RFC 3261 13.2, with failover between the addresses of its target (RFC 3263 4.3).

Several phones behind a forking proxy may answer (13.2.2.4): the first dialog wins, every other one is acknowledged and
hung up.  A CANCEL that crosses the answer ends the same way.
"""

from ..base.errors import NotReached, RemoteProtocolError
from ..base.task import spawn
from ..calls.events import Connect, Disconnect, Fail, Progress, Ring, Try
from ..sip.dialog import TERMINATED, Dialog
from ..sip.message import Message
from . import session
from .addressing import declined, unnamed
from .exchange import ALLOW, SUPPORTED, Unheard
from .fields import passed_fields, words
from .leg import TAKES, Leg
from .session import SessionTimer
from .states import ANSWERED, CALLING, EARLY, ENDED, TALKING

MOST_DIALOGS = 12
"""Early dialogs of one INVITE that are told apart."""

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""RFC 3326: the telephone that hears this counts no missed call."""

OWN_FIELDS = 700
"""Bytes of an INVITE of ours without what comes from the caller, at most as a rule."""

CONTACTS = 5
"""Contacts of a 3xx that are followed."""


class Target:
    """Where an INVITE goes and what it says.

    uri          Request-URI · routes  values of Route (a Path) · to  value of To
    origin       From without its tag · identity  [(name, value)] of RFC 3323 and 3325
    flows        object with `async next()` -> Flow or None: the addresses in their order
    credentials  (username, password) or None · account  Account at the far end
    patience     seconds without any answer before the next address is tried
    phone        reached where it was heard · report  function(code, seconds talked or None) that hears
                 how a trunk does, or None
    """
    __slots__ = ("uri", "routes", "to", "origin", "identity", "flows", "credentials", "account", "patience", "phone",
                 "report")

    def __init__(self, uri, to, origin, flows, routes=(), identity=(), credentials=None, account=None, patience=32.0,
                 phone=False, report=None):
        self.uri = uri
        self.routes = routes
        self.to = to
        self.origin = origin
        self.identity = identity
        self.flows = flows
        self.credentials = credentials
        self.account = account
        self.patience = patience
        self.phone = phone
        self.report = report


class OutgoingLeg(Leg):
    """Dialled by take(Try)."""
    __slots__ = ("target", "transaction", "opening", "cseq", "early", "timer", "last", "retries", "rseq", "expires",
                 "opened", "invite", "agreed", "small")

    def __init__(self, agent, bridge, target):
        super().__init__(agent, bridge, "called", None, agent.entropy.hex(12))
        self.target = target
        self.account = target.account
        self.credentials = target.credentials
        self.phone = target.phone
        self.transaction = self.timer = self.opening = None
        self.cseq = 0
        self.early = {}             # {tag of the far end: Dialog}
        self.last = None            # (code, response) of the address tried before
        self.invite = self.small = None
        self.opened = None          # the 200 that made an offer
        self.retries = 2
        self.rseq = {}              # {tag: RSeq of the last reliable answer}
        self.agreed = False         # whether one of them has answered our offer
        self.expires = agent.settings.sessiontimer
        agent.add(self)

    @property
    def unreached(self):
        """What it means that nothing can be sent there: of a phone, that it is not there (RFC 5626 11.6)."""
        return 430 if self.phone else 503

    def describe_in(self, message, body):
        if body is not None and ("Privacy", "id") in self.target.identity:
            body = unnamed(body)
        super().describe_in(message, body)

    def _dial(self, event):
        self.opening = event
        self._try_next()

    def _try_next(self):
        spawn(self._next()).then(self._tried)

    def _tried(self, future):
        """A fault of ours on the way out must not leave the call hanging."""
        try:
            future.result()
        except Exception as error:
            self.agent.trouble("a call could not be sent", repr(error))
            if not self.over:
                self._give_up(500, None)

    async def _next(self):
        """Try the next address, or give up with what the last one said."""
        while self.state != ENDED:
            try:
                flow = await self.target.flows.next()
            except (NotReached, RemoteProtocolError) as error:
                self.agent.trouble(f"no way to {self.target.uri}", error)
                flow = None
            if self.state == ENDED:
                return
            if flow is None:
                code, response = self.last or (self.unreached, None)
                return self._give_up(code, response)
            if flow.transport == "UDP" and not self.phone and self._too_big():
                small, flow = flow, await self.agent.larger(flow)
                if self.state == ENDED:
                    return
                self.small = small if flow is not small else None
            self.flow = flow
            self.send_invite()
            return

    def _too_big(self):
        """Whether our INVITE does not go into a datagram that passes everywhere (18.1.1)."""
        most, opening = self.agent.settings.sipudpmax, self.opening
        size = OWN_FIELDS + (len(opening.body.data) if opening.body is not None else 0)
        return 0 < most < size + sum([len(name) + len(value) for name, value in opening.extra])

    def send_invite(self, authorization=None):
        request = self._request()
        if authorization is not None:
            request.add(*authorization)
        if self.target.patience < 32:
            self._stop_timer()
            self.timer = self.agent.timers.later(self.target.patience, self._impatient)
        self.invite = request
        self.transaction = self.agent.layer.request(request, self.flow, self)

    def _request(self):
        target, opening = self.target, self.opening
        self.cseq += 1
        request = Message.request("INVITE", target.uri)
        fields = request.fields
        fields["Max-Forwards"] = ["70"]
        if target.routes:
            fields["Route"] = list(target.routes)
        fields["From"] = [f"{target.origin};tag={self.tag}"]
        fields["To"] = [target.to]
        fields["Call-ID"] = [self.call_id]
        fields["CSeq"] = [f"{self.cseq} INVITE"]
        fields["Contact"] = [self.agent.contact(self.flow)]
        fields["Allow"] = [ALLOW]
        fields["Supported"] = [SUPPORTED if opening.body is not None else SUPPORTED.replace("100rel, ", "")]
        if self.expires:
            fields["Session-Expires"] = [str(self.expires)]
            fields["Min-SE"] = [str(session.MINIMUM)]
        for name, value in (*target.identity, *opening.extra):
            if name == "Max-Forwards":
                fields[name] = [value]
            else:
                request.add(name, value)
        fields["User-Agent"] = [self.agent.name]
        self.describe_in(request, opening.body)
        return request

    # -- what the transaction says

    def responded(self, transaction, response):
        self.alive_at = self.agent.timers.now()
        code = response.status
        if code < 200:
            if transaction is self.transaction and self.state != ENDED:
                self._stop_timer()
                self._provisional(transaction, response)
        elif code < 300:
            self._success(transaction, response)
        elif transaction is self.transaction and self.state in (CALLING, EARLY):
            self._stop_timer()
            self._refused(transaction, response)

    def failed(self, transaction, why):
        if transaction is self.transaction and self.state in (CALLING, EARLY):
            self._stop_timer()
            self._elsewhere(408 if why == "timeout" else self.unreached, None)

    def _impatient(self):
        """Nothing at all was heard: whoever may still answer is taken back."""
        self.timer = None
        transaction, self.transaction = self.transaction, None
        transaction.cancel()
        self._elsewhere(408, None)

    def _provisional(self, transaction, response):
        tag = response.to_tag
        if tag and tag not in self.early and len(self.early) < MOST_DIALOGS:
            self.early[tag] = Dialog.uac(self.invite, response)
            if self.dialog is None:
                self.dialog = self.early[tag]
        if response.status == 100:
            return
        if tag and not self._acknowledged(response, tag):
            return
        self.state = EARLY
        self.allowed = response.get("Allow") or self.allowed
        body = self.body_of(response)
        if body is not None:
            self.theirs = body
            self.dialog = self.early.get(tag, self.dialog)      # whom the caller hears is whom he speaks to
            self.agreed = self.agreed or tag in self.rseq
        extra = passed_fields(response)
        self.heard(Progress(response.status, body, extra) if body is not None or response.status == 183 else
                   Ring(response.status, None, extra))

    def _acknowledged(self, response, tag):
        """PRACK what wants it (RFC 3262 4); False for one that was seen before or comes out of order."""
        number = response.get("RSeq")
        if not number.isdecimal() or len(number) > 10 or "100rel" not in words(response, "Require"):
            return True
        last = self.rseq.get(tag)
        if last is not None and int(number) != last + 1:
            return False
        self.rseq[tag] = int(number)
        dialog = self.early.get(tag)
        if dialog is None:
            return False
        request = dialog.request("PRACK")
        request.add("RAck", f"{number} {response.cseq[0]} INVITE")
        self.agent.deliver(request, self.flow, self.phone, dialog.next_hop, Unheard)
        return True

    def _success(self, transaction, response):
        """A 200: the first dialog is the call, all others are hung up at once."""
        tag = response.to_tag
        if self.answered is not None and self.dialog.remote_tag == tag:
            return self.agent.send_ack(self, self.ack) if self.ack is not None else None
        dialog = self.early.get(tag) or Dialog.uac(self.invite, response)
        if self.state not in (CALLING, EARLY) or transaction is not self.transaction:
            return self._unwanted(dialog, response, transaction.flow)
        dialog.confirm(response)
        self._stop_timer()
        self._report(200)
        self.dialog = dialog
        self.early.clear()
        self.answered = self.agent.timers.now()
        self.agent.keep(self.flow)
        self.transaction = None
        self.agent_name = (response.get("Server") or response.get("User-Agent"))[:200]
        self.allowed = response.get("Allow") or self.allowed
        body = self.body_of(response)
        self.theirs = body or self.theirs
        answered = None
        if self.opening.body is None:
            self.state = ANSWERED
            self.opened = response
            answered = self._late
        else:
            self.state = TALKING
            self.send_ack(response, self.invite)
        if self.expires:
            self.session = SessionTimer.of_response(self, response, self.expires)
        self.heard(Connect(body, passed_fields(response), answered))

    def _late(self, body):
        """The caller's answer to the offer of the 200, or None: there is none."""
        if self.state == ANSWERED:
            self.state = TALKING
            self.send_ack(self.opened, self.invite, body if body is not None else declined(self.theirs))

    def _unwanted(self, dialog, response, flow):
        """The answer of somebody whose call was taken back, or who was too late: ACK each time, BYE once."""
        agent, again = self.agent, dialog.state == TERMINATED
        dialog.confirm(response)
        dialog.state = TERMINATED
        if len(self.early) < MOST_DIALOGS:
            self.early[response.to_tag] = dialog
        ack = dialog.request("ACK", response.cseq[0])
        body = declined(self.body_of(response)) if self.opening.body is None else None
        if body is not None:
            ack.set("Content-Type", body.content_type)
            ack.body = body.data
        agent.deliver(ack, flow, self.phone, dialog.next_hop, None)
        if not again:
            agent.deliver(dialog.request("BYE"), flow, self.phone, dialog.next_hop, Unheard)

    def _refused(self, transaction, response):
        code = response.status
        if code in (401, 407) and self.credentials is not None and self.retries:
            self.retries -= 1
            authorization = self.agent.authorize(self, self.invite, response)
            if authorization is not None:
                return self.send_invite(authorization)
        if code == 422 and self.retries:
            self.retries -= 1
            self.expires = max(self.expires, session.least(response))
            return self.send_invite()
        if code == 503:
            return self._elsewhere(code, response)
        self._give_up(code, response)

    def _elsewhere(self, code, response):
        """RFC 3263 4.3: the next address, if there is one; the same over UDP where nobody has answered over TCP."""
        self.last = code, response
        small, self.small = self.small, None
        if small is not None and response is None:
            self.agent.only_datagrams(small)
            self.target.flows.flow = small
        self.early.clear()
        self.dialog = None
        self._try_next()

    def _give_up(self, code, response):
        self._stop_timer()
        self._report(code)
        self.end()
        if response is None:
            return self.heard(Fail(code, ""))
        contacts = self._contacts(response) if 300 <= code < 400 else ()
        after = response.get("Retry-After").partition("(")[0].partition(";")[0].strip()
        self.heard(Fail(code, response.reason, contacts, int(after) if after.isdecimal() and len(after) < 7 else 0,
                        passed_fields(response)))

    @staticmethod
    def _contacts(response):
        try:
            return response.items("Contact")[:CONTACTS]
        except RemoteProtocolError:
            return ()

    def received(self, transaction, message):
        if self.early and message.method != "BYE":      # of several phones behind a proxy the one that has spoken last
            self.dialog = self.early.get(message.from_tag, self.dialog)
        super().received(transaction, message)

    def stranger(self, transaction, message):
        """A request of another phone behind a forking proxy, or one that was quicker than our 200."""
        if message.method != "BYE" or not self.unanswered or transaction is None:
            return super().stranger(transaction, message)
        self.refuse(transaction, 200)
        self.early.pop(message.from_tag, None)
        if not self.early:
            self.give_up_invite()
            self.end()
            self.heard(Disconnect(480, message.get("Reason"), self.side))

    def give_up_invite(self):
        self._stop_timer()
        if self.transaction is not None:
            self.transaction.cancel()

    # -- what the bridge wants

    def _disconnect(self, event):
        self._stop_timer()
        if self.answered is not None:
            if self.state == ANSWERED:          # the offer of the 200 is never answered now
                self._late(None)
            return self.hang_up(event)
        if self.transaction is not None:
            self.transaction.cancel(ELSEWHERE if event.code == 200 else "")
        self.end()

    def _report(self, code, seconds=None):
        if self.target.report is not None:
            self.target.report(code, seconds)

    def end(self):
        if self.answered is not None and not self.over:
            self._report(200, self.agent.timers.now() - self.answered)
        super().end()

    def _stop_timer(self):
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


OutgoingLeg.takes = {Try: OutgoingLeg._dial, Disconnect: OutgoingLeg._disconnect, Fail: OutgoingLeg._disconnect,
                     **TAKES}
