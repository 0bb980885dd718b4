"""Two legs and what passes between them: the machine of a call from its first word to its last.

The caller's leg has said Try; a hunt finds the other one; then offers, answers and messages go through, until one
side, the money or the operator ends it.  Every way out ends all legs, timers, reservations and charges, once.  Knows
no protocol and no price.
"""

from collections import deque

from .call import ENDED, RINGING, TALKING
from .events import Connect, Disconnect, Fail, Info, Ring, Transfer, Update, Withdraw
from .hunt import Hunt, told_as
from .record import Refused
from .transfer import Transferring

EVENTS = 64
"""Events of one call that wait for the one in hand: more than a leg says in one turn."""


class Bridges:
    """board, meters, timers, clock, settings; what upper floors give as callables:

    dial(destination, call) -> [leg]                  one a phone or trunk, [] if nobody is there
    redirect(contacts, destination, call) -> [Stage]  where a destination's 3xx leads to
    transfer(target, account, call) -> Plan           where an account's blind transfer leads to
    story(Call-ID, text)                              a decision worth telling
    """

    def __init__(self, board, meters, timers, clock, settings, dial, redirect=None, transfer=None, story=None,
                 log=None):
        self.board = board
        self.meters = meters
        self.timers = timers
        self.clock = clock
        self.settings = settings
        self.dial = dial
        self._redirect = redirect
        self.transfer = transfer
        self._story = story
        self.log = log
        meters.note = self.note

    def open(self, call, leg, plan, offer, connected=None):
        """A call begins; returns its Bridge.

        leg        the caller's, whose first word was `offer` (Try)
        connected  function(body) that answers the offer of a leg which has answered already (a callback), else None
        """
        bridge = Bridge(self, call, leg, offer, connected)
        self.board.add(call)
        bridge.begin(plan)
        return bridge

    def redirect(self, contacts, destination, call):
        return self._redirect(contacts, destination, call) if self._redirect is not None else []

    def note(self, call, text):
        if self._story is not None:
            self._story(call.sipcallid, text)

    def warn(self, text):
        if self.log is not None:
            self.log.warning(text)


class Bridge:
    """a, b      the caller's leg and the other one, None where there is none
    bodies    {leg: the last description that it sent}
    hunt      who is rung for this call, or for a transfer in it
    transfer, exchange   under way, or None
    """

    def __init__(self, house, call, leg, offer, connected=None):
        self.house = house
        self.call = call
        self.a = leg
        self.b = None
        self.bodies = {leg: offer.body}
        self.hunt = None
        self.transfer = self.exchange = None
        self.ended = False
        self._offer = offer
        self._connected = connected
        self._asked = None          # reply() of an Update that has not been answered yet
        self._asking = None         # the leg that has not
        self._withdrawn = False     # whether it is wanted no longer
        self._timer = None
        self._queue = deque()
        self._turning = False
        for meter in call.meters:
            meter.exhausted = self.exhausted
        call.bridge = leg.bridge = self
        call.near = leg

    def begin(self, plan):
        if plan.code:
            return self._refuse(plan)
        self.hunt = Hunt(self.house, self.call, plan.stages, self._offer, self._told, self._won, self._lost)
        self.hunt.start()

    def _refuse(self, plan):
        """The call may not be made: it is recorded, for whoever is known to have tried."""
        call = self.call
        if call.caller.account is not None:
            meters = [self.house.meters.meter(call, Refused(call.caller.account, call.called))]
            self.house.meters.settle(meters, plan.code, plan.reason, "server", self.house.clock.monotonic(), True)
        self._lost(None, Fail(plan.code, plan.reason), "server")

    def charges(self):
        """The meters of this call, those of a hunt among them."""
        return self.call.meters + (self.hunt.meters if self.hunt is not None else [])

    # -- events ------------------------------------------------------------------------------------

    def heard(self, leg, event):
        """What a leg says.  One event after the other: what a leg says while it is told something waits."""
        if len(self._queue) < EVENTS or event.__class__ in (Disconnect, Fail):
            self._queue.append((leg, event))
        elif event.__class__ in _ASKING:
            event.reply(500)
        if self._turning:
            return
        self._turning = True
        try:
            while self._queue:
                self._one(*self._queue.popleft())
        finally:
            self._turning = False

    def _one(self, leg, event):
        if leg is self.a or leg is self.b:
            handler = _TALK.get(event.__class__)
            if handler is not None:
                handler(self, leg, event)
        elif self.hunt is not None and leg in self.hunt.branches:
            if event.__class__ is Update and self._early(leg) is not None:
                return self._update(leg, event)
            if event.__class__ is Fail or event.__class__ is Disconnect:
                self._release(leg)
            self.hunt.heard(leg, event)
        elif event.__class__ is Connect:        # too late: the call is over, or somebody else was first
            leg.take(Disconnect(200, "", "server"))
        elif event.__class__ in _ASKING:
            event.reply(481)

    def other(self, leg):
        return self.b if leg is self.a else self.a

    # -- until somebody answers --------------------------------------------------------------------

    def _told(self, hunt, event, alone):
        """Somebody rings: bodies pass only from one that is rung alone, or the caller would hear them all."""
        call = self.call
        if call.state != RINGING:
            call.state = RINGING
            call.ringing = self.house.clock.monotonic()
        if self._connected is None:
            if event.body is not None and not alone:
                event = Ring(180, None, event.extra)
            self.a.take(event)

    def _won(self, hunt, branch, event):
        """They talk."""
        house, call = self.house, self.call
        self.b, self.hunt = branch.leg, None
        self.bodies[self.b] = event.body
        call.state, call.answered = TALKING, house.clock.monotonic()
        house.note(call, f"answered by {branch.destination.number}")
        self.arm(hunt.meters, branch.destination.cost)
        longest = call.longest or house.settings.maxcallduration
        if longest and self._timer is None:
            self.limit(longest)
        for id in call.parties:
            house.board.changed(id)
        if self._connected is not None:
            self._connected(event.body)
        else:
            self.a.take(Connect(event.body, event.extra, self._noting(self.a, event.answered)))

    def limit(self, seconds):
        """End it after so long."""
        self._timer = self.house.timers.later(seconds, self._too_long)

    def arm(self, meters, provider):
        """Charges of the call from now on."""
        self.call.meters += meters
        self.house.meters.arm(meters, self.exhausted, provider)

    def _noting(self, leg, answered):
        """`answered`, remembering what a leg answers."""
        if answered is None:
            return None

        def take(body):
            self.bodies[leg] = body
            answered(body)
        return take

    def _lost(self, hunt, fail, side):
        """Nobody: the caller hears why."""
        self.hunt = None
        told = told_as(fail) if side == "called" else fail
        self._close(fail.code, fail.reason, side, told)

    # -- while they talk ---------------------------------------------------------------------------

    def _update(self, leg, event):
        """A new offer passes; two at once is one too many (RFC 3261 14.2)."""
        other = self.other(leg) if self.call.answered is not None else self._early(leg)
        if other is None or self._asked is not None:
            return event.reply(491)
        self._asked, self._asking, self._withdrawn = event.reply, other, False

        def reply(code, body=None, answered=None):
            if self._asked is not event.reply:
                return
            self._asked = None
            if self._withdrawn:
                return self._put_back(leg, event, code, answered)
            if 200 <= code < 300:
                self.bodies[other] = body or self.bodies.get(other)
                self.bodies[leg] = event.body or self.bodies.get(leg)
            event.reply(code, body, self._noting(leg, answered))
        other.take(Update(event.body, reply, event.extra))

    def _withdraw(self, leg, event):
        """Who has made an offer takes it back."""
        if self._asked is not None and self._asking is self.other(leg):
            self._withdrawn = True
            self._asking.take(event)

    def _put_back(self, leg, event, code, answered):
        """An offer was accepted although it was withdrawn: what was agreed before is offered anew."""
        event.reply(code, None, answered)
        other, before = self.other(leg), self.bodies.get(leg)
        if 200 <= code < 300 and other is not None and before is not None:
            self.ask(other, before, lambda *answer: None)

    def _early(self, leg):
        """The other side before the answer: where one alone is rung, early media can be changed."""
        if self.call.answered is not None or self._connected is not None or self.hunt is None or \
                len(self.hunt.branches) != 1:
            return None
        branch = next(iter(self.hunt.branches))
        return branch if leg is self.a else self.a

    def ask(self, leg, body, done):
        """Offer something to a leg ourselves; done(code, body, answered).  Others have to wait meanwhile."""
        self._asked, self._asking = done, leg

        def reply(code, body=None, answered=None):
            if self._asked is done:
                self._asked = None
                if 200 <= code < 300 and body is not None:
                    self.bodies[leg] = body
                done(code, body, answered)
        leg.take(Update(body, reply))

    @property
    def asking(self):
        return self._asked is not None

    def _info(self, leg, event):
        other = self.other(leg)
        if other is None:
            return event.reply(481)
        other.take(event)

    def _transfer(self, leg, event):
        if self.transfer is not None or self.hunt is not None or self.call.answered is None or self.other(leg) is None:
            return event.reply(491)
        self.transfer = Transferring(self, leg, event)
        self.transfer.begin()

    def _gone(self, leg, event):
        """A side has hung up, has taken its call back, or is lost."""
        code = event.code if event.__class__ is Disconnect else max(event.code, 300)
        now = self.house.clock.monotonic()
        since = now if code < 300 else min(now, getattr(leg, "alive_at", None) or now)
        side = "caller" if leg is self.a else "called"
        self._drop(leg)
        if self.transfer is not None and self.transfer.left(leg):
            return
        self._close(code, event.reason, side, None, since, event.extra)

    def _drop(self, leg):
        """This leg is silent from now on."""
        if leg is self.a:
            self.a = None
        elif leg is self.b:
            self.b = None
        self.bodies.pop(leg, None)
        self._release(leg)

    def _release(self, leg):
        """Whoever waits for an answer of this leg waits in vain."""
        if leg is self._asking and self._asked is not None:
            asked, self._asked = self._asked, None
            asked(481)

    def put(self, leg, is_a):
        """A leg in the caller's place, or in the other one; returns who was there, or None."""
        old = self.a if is_a else self.b
        if is_a:
            self.a = leg
        else:
            self.b = leg
        leg.bridge = self
        if old is not None:
            self._drop(old)
        return old

    # -- the end -----------------------------------------------------------------------------------

    def exhausted(self, meter):
        self.hang_up(402, "the credit is used up")

    def _too_long(self):
        self._timer = None
        self.hang_up(200, "the longest duration of a call")

    def hang_up(self, code, reason="", side="server"):
        """End it on both sides."""
        if not self.ended:
            self._close(code, reason, side, Fail(code if code >= 400 else 480, reason))

    def _close(self, code, reason, side, fail=None, since=None, extra=()):
        """The very last: legs, timers, charges, board.  `fail`: what a caller is told whom nobody has answered."""
        if self.ended:
            return
        self.ended = True
        house, call = self.house, self.call
        now = house.clock.monotonic()
        call.state, call.ended = ENDED, now if since is None else since
        house.note(call, f"ended: {code} {reason} ({side})".replace("  ", " "))
        if self._timer is not None:
            self._timer.cancel()
        if self.hunt is not None:
            self.hunt.cancel(code, reason, side)
            self.hunt = None
        asked, self._asked = self._asked, None
        if asked is not None:
            asked(481)
        if self.transfer is not None:
            self.transfer.stop(code)
        if self.exchange is not None:
            self.exchange.stop()
        meters, call.meters = call.meters, []
        if meters:
            house.meters.settle(meters, code, reason, side, call.ended)
        a, b, self.a, self.b = self.a, self.b, None, None
        if a is not None:
            unanswered = call.answered is None and self._connected is None
            a.take(fail or Fail(480, reason)) if unanswered else \
                a.take(Disconnect(code, reason, side, extra))
        if b is not None:
            b.take(Disconnect(code, reason, side, extra))
        house.board.remove(call)
        self.bodies.clear()
        call.bridge = None

    def surrender(self, leg):
        """Give the other side of `leg` away, with what it costs, to a call that goes on: (leg, body, meters)."""
        other = self.other(leg)
        body = self.bodies.get(other)
        meters, self.call.meters = self.call.meters, []
        self._drop(other)
        self._drop(leg)
        leg.take(Disconnect(200, "", "server"))
        self._close(200, "joined with another call", "server")
        return other, body, meters


_TALK = {Update: Bridge._update, Withdraw: Bridge._withdraw, Info: Bridge._info, Transfer: Bridge._transfer,
         Disconnect: Bridge._gone, Fail: Bridge._gone}
_ASKING = frozenset((Update, Info, Transfer))
