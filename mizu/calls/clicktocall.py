"""Calls that nobody's telephone has begun: p2p, callback, a test call.  RFC 3725, flow I: the first party is asked for
an offer, the second one gets it, the first one gets the answer.

Each part is planned, paid and recorded by itself, linked by the call's Call-ID.  The first party pays its part from
its answer on, for as long as it talks or waits.  Knows no protocol.
"""

from ..base.errors import ApiError
from ..base.task import Future
from ..records.price import price
from .bridge import Bridge
from .call import ENDED, RINGING, TALKING, Call
from .events import Connect, Disconnect, Info, Transfer, Try, Update
from .hunt import Hunt
from .plan import Caller

MARK = "P2P"

NEVER = (402, 403, 404, 484)
"""Refusals of the plan that are the same once the first party has answered."""

PATIENCE = 30.0
"""Seconds that the second party may ring: the first one's 200 waits for its ACK meanwhile, 64*T1 at most (flow I)."""


class ClickToCall:
    """bridges, board, clock, planner, entropy."""

    def __init__(self, bridges, board, clock, planner, entropy):
        self.bridges = bridges
        self.board = board
        self.clock = clock
        self.planner = planner
        self.entropy = entropy

    def start(self, account, first, second, shown="", host="", longest=0):
        """Ring `first`, then `second`, at the expense of an account; returns the Dialling.

        shown    the number that the first party sees, the account's own without; its name is who will be called then.
                 The second one sees the account's own: nobody calls under a number that is not his
        longest  seconds after which it is ended, 0: as the setting says
        second   "" for a test call that is ended by `longest` alone

        ApiError with the code of the plan if the first party cannot be called, the second one never could, or there is
        no money for a second of both: then nobody is rung.
        """
        caller = Caller(account, shown or own_number(account), second, host, 0, "", "api")
        plan = self.planner.plan(caller, first)
        _judge(first, plan.code, plan.reason)
        call = Call(self.clock, f"{self.entropy.hex(12)}@{MARK.lower()}", caller, plan.called)
        call.longest = longest
        plans = [plan]
        if second:
            then = self.planner.plan(second_caller(call), second, begun=True, trial=True)
            _judge(second, then.code if then.code in NEVER else 0, then.reason)
            plans.append(then)
        self._judge_money(call, [charge for each in plans for stage in each.stages[:1] for charge in stage.charges])
        return Dialling(self, call, plan, first, second)

    def _judge_money(self, call, charges):
        """ApiError 422 if whoever pays has not the money for the first second of all of these together."""
        meters, wanted = self.bridges.meters, {}
        for share in [share for charge in charges for share in meters.meter(call, charge).shares]:
            wanted[share.payer] = wanted.get(share.payer, 0) + price(share.tariff, 1)
        for payer, micros in wanted.items():
            if micros > 0:
                meters.reservations.judge(meters.users.by_id(payer), micros)


class Dialling:
    """The first party is rung; it takes the place of the call's bridge until there is one.

    first, second   Futures of (code, reason): 200 when that party has answered
    """

    def __init__(self, house, call, plan, number, second):
        self.house = house
        self.call = call
        self.number = number
        self.to = second
        self.first, self.second = Future(), Future()
        self.ended = False
        self.transfer = None
        call.bridge = self
        house.board.add(call)
        for stage in plan.stages:
            for charge in stage.charges:
                charge.mark = charge.mark or MARK
        self.hunt = Hunt(house.bridges, call, plan.stages, Try(), self._told, self._won, self._lost)
        self.hunt.start()

    # -- what the legs and the board see of a bridge

    def heard(self, leg, event):
        if leg in self.hunt.branches:
            self.hunt.heard(leg, event)
        elif event.__class__ is Connect:
            leg.take(Disconnect(200, "", "server"))
        elif event.__class__ in (Update, Info, Transfer):
            event.reply(481)

    def hang_up(self, code, reason="", side="server"):
        """End it before anybody has answered."""
        if not self.ended:
            self.hunt.cancel(code, reason, side)
            self._finish(code, reason)

    def charges(self):
        return self.hunt.meters

    # -- what the hunt says

    def _told(self, hunt, event, alone):
        self.call.state = RINGING
        self.call.ringing = self.call.ringing or self.house.clock.monotonic()

    def _lost(self, hunt, fail, side):
        self._finish(fail.code, fail.reason)

    def _finish(self, code, reason):
        self.ended = True
        self.call.state, self.call.ended = ENDED, self.house.clock.monotonic()
        self.house.board.remove(self.call)
        for future in (self.first, self.second):
            future.set((code, reason))

    def _won(self, hunt, branch, event):
        """The first party is there: from now on it is the caller of an ordinary bridge."""
        house, call, leg = self.house, self.call, branch.leg
        self.ended = True
        destination = call.callee
        call.state, call.answered = TALKING, house.clock.monotonic()
        bridge = Watched(house.bridges, call, leg, Try(event.body), event.answered or (lambda body: None), self.second)
        bridge.arm(hunt.meters, destination.cost)
        self.first.set((200, ""))
        if call.longest:
            bridge.limit(call.longest)
        if not self.to:                     # a test call: there is nobody to talk to
            return event.answered and event.answered(None)
        plan = house.planner.plan(second_caller(call), self.to, begun=True)
        house.bridges.note(call, f"{self.number} answered, now {self.to}: {plan.code or 'rung'} {plan.reason}".strip())
        for stage in plan.stages:
            stage.timeout = min(stage.timeout or PATIENCE, PATIENCE)
        call.called = plan.called
        bridge.begin(plan)


class Watched(Bridge):
    """A Bridge whose second party's answer somebody waits for."""

    def __init__(self, house, call, leg, offer, connected, done):
        super().__init__(house, call, leg, offer, connected)
        self.done = done

    def _won(self, hunt, branch, event):
        self.done.set((200, ""))
        super()._won(hunt, branch, event)

    def _close(self, code, reason, side, fail=None, since=None, extra=()):
        super()._close(code, reason, side, fail, since, extra)
        self.done.set((code, reason))


def second_caller(call):
    """Whom the second party sees: the account itself."""
    account = call.caller.account
    return Caller(account, own_number(account), "", call.caller.host, 0, "", "api")


def own_number(account):
    return account.telnumber or account.username


def _judge(number, code, reason):
    if code:
        raise ApiError(_api_code(code), f"{number}: {code} {reason}".strip())


def _api_code(code):
    """The API's code for a refusal of the plan."""
    return {402: 422, 403: 403, 404: 404}.get(code, 503 if code >= 500 else 422)
