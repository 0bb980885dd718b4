"""A transfer: one side of a call leaves, and somebody else takes its place.

Blind: the other side goes on waiting while the new party is rung, and whoever transfers pays for the new part.
Attended: the other sides of two calls are joined; what each of them costs goes on.  Descriptions are exchanged as in
RFC 3725: the waiting side is offered what the new one sent last, and its answer is offered to that one.
"""

from .events import Connect, Disconnect, Fail, Try
from .hunt import Hunt, told_as

TRIES = 5
"""Offers to a side that refuses them because it is making one itself (491)."""

AGAIN = 1.0
"""Seconds between two of them; RFC 3261 14.1 lets the other one wait for two at most."""


class Transferring:
    """What `leg` has asked for with `event` (Transfer), until it is known what becomes of it."""

    def __init__(self, bridge, leg, event):
        self.bridge = bridge
        self.leg = leg
        self.event = event
        self.is_a = leg is bridge.a
        self.waiting = bridge.other(leg)
        self._before = bridge.call.callee, bridge.call.far
        self._talkers = bridge.call.talkers
        self._replied = False

    def begin(self):
        replaced = self.event.replaces
        if replaced is None:
            return self._blind()
        second = replaced.bridge
        if second is self.bridge or second is None or second.ended:
            return self._end(481)
        if second.call.answered is None or second.transfer is not None or second.other(replaced) is None:
            second.hang_up(487, "transferred before the answer", "caller")
            return self._blind()
        self._join(second, replaced)

    # -- blind

    def _blind(self):
        bridge, house = self.bridge, self.bridge.house
        account = self._account()
        if house.transfer is None or account is None:
            return self._end(403)
        plan = house.transfer(self.event.target, account, bridge.call)
        house.note(bridge.call, f"transfer to {self.event.target} by {account.username}: {plan.code or 'rung'}")
        if plan.code:
            return self._end(plan.code)
        for stage in plan.stages:
            for charge in stage.charges:
                charge.mark = charge.mark or "TRANS"
        offer = Try(bridge.bodies.get(self.waiting))
        bridge.hunt = Hunt(house, bridge.call, plan.stages, offer, self._told, self._won, self._lost)
        bridge.hunt.start()

    def _account(self):
        """Whose transfer it is: that of who began the call, or of whoever is at this leg now."""
        call = self.bridge.call
        return call.caller.account if self.leg is call.near else self.leg.account

    def _told(self, hunt, event, alone):
        """Somebody rings: the waiting side has a call already, there is nothing to tell it."""

    def _won(self, hunt, branch, event):
        bridge = self.bridge
        bridge.hunt = None
        bridge.arm(hunt.meters, branch.destination.cost)
        bridge.bodies[branch.leg] = event.body
        self._replace(branch.leg, branch.destination.account, branch.destination.number)
        Exchange(bridge, self.waiting, branch.leg, event.answered).begin()

    def _lost(self, hunt, fail, side):
        bridge = self.bridge
        bridge.hunt = None
        bridge.call.callee, bridge.call.far = self._before
        self._end(told_as(fail).code if side == "called" else fail.code)
        if bridge.other(self.waiting) is None:          # whoever wanted it has hung up meanwhile
            bridge.hang_up(fail.code, fail.reason, side)

    # -- attended

    def _join(self, second, replaced):
        bridge, board = self.bridge, self.bridge.house.board
        parties = list(second.call.parties)
        account, number = second.call.talkers[0 if second.other(replaced) is second.a else 1]
        leg, body, meters = second.surrender(replaced)
        for meter in meters:
            meter.exhausted = bridge.exhausted
        bridge.call.meters += meters
        for id in parties:
            party = board.users.by_id(id)
            if party is not None:
                board.join(bridge.call, party, "called")
        bridge.house.note(bridge.call, f"joined with call {second.call.id}")
        bridge.bodies[leg] = body
        self._replace(leg, account, number)
        Exchange(bridge, self.waiting, leg).begin()

    # -- both

    def _replace(self, new, account, number):
        """The new leg in the place of the one that leaves; whose it is."""
        self._talkers[0 if self.is_a else 1] = account, number
        self.bridge.call.sides = self._talkers
        old = self.bridge.put(new, self.is_a)
        self._end(200)
        if old is not None:
            old.take(Disconnect(200, "transferred", "server"))

    def left(self, leg):
        """A side has gone; True if the call goes on without it."""
        if leg is self.leg:
            return True
        self.bridge.hunt.cancel(487, "", "caller" if self.is_a else "called")
        self.bridge.hunt = None
        self._end(487)
        return False

    def stop(self, code):
        """The call ends."""
        self._end(code if code >= 300 else 487)

    def _end(self, code):
        self.bridge.transfer = None
        if not self._replied:
            self._replied = True
            self.event.reply(code)


class Exchange:
    """Two legs that did not know each other: `x` is offered what `y` sent last, and `y` the answer to it.  `answered`
    takes that answer instead where `y` waits for it."""

    def __init__(self, bridge, x, y, answered=None):
        self.bridge = bridge
        self.x = x
        self.y = y
        self.answered = answered
        self.tries = 0
        self.timer = None
        if bridge.exchange is not None:
            bridge.exchange.stop()
        bridge.exchange = self

    def begin(self):
        bridge = self.bridge
        if not self._present():
            return self._done()
        if bridge.asking:                   # an Update is on its way: after it
            return self._later()
        bridge.ask(self.x, bridge.bodies.get(self.y), self._of_x)

    def _present(self):
        """Whether both are still there."""
        there = self.bridge.a, self.bridge.b
        return self.x in there and self.y in there

    def _of_x(self, code, body=None, answered=None):
        if not self._present():
            return self._done()
        if code == 491:
            return self._later()
        if not 200 <= code < 300:
            return self.bridge.hang_up(480, "the sides could not be joined")
        if self.answered is not None:
            self.answered(body)
        elif body is not None:
            return self.bridge.ask(self.y, body, lambda code, body=None, more=None: self._of_y(code, body, answered))
        self._done()

    def _of_y(self, code, body, answered):
        if answered is not None:            # x had made the offer
            answered(body)
        if code == 491 and answered is None:
            return self._later()
        self._done()

    def _later(self):
        self.tries += 1
        if self.tries > TRIES:
            return self.bridge.hang_up(480, "the sides could not be joined")
        self.timer = self.bridge.house.timers.later(AGAIN, self._again)

    def _again(self):
        self.timer = None
        self.begin()

    def _done(self):
        if self.bridge.exchange is self:
            self.bridge.exchange = None

    def stop(self):
        if self.timer is not None:
            self.timer.cancel()


def replace(bridge, old, new, offer):
    """A leg that somebody else's call has made takes the place of one (RFC 3891); False if that cannot be now."""
    other = bridge.other(old)
    if other is None or bridge.asking or bridge.transfer is not None or bridge.call.answered is None:
        return False
    sides, is_a, account = bridge.call.talkers, old is bridge.a, new.account
    sides[0 if is_a else 1] = account, account.username if account is not None else ""
    bridge.call.sides = sides
    bridge.put(new, is_a)
    bridge.bodies[new] = offer.body

    def done(code, body=None, answered=None):
        if 200 <= code < 300:
            new.take(Connect(body, (), answered))
        else:
            new.take(Fail(480 if code < 400 else code, ""))
            bridge.hang_up(480, "the sides could not be joined")
    old.take(Disconnect(200, "replaced", "server"))
    bridge.ask(other, offer.body, done)
    return True
