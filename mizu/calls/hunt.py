"""Looking for somebody who answers: stages one after the other, in each several destinations rung together.

One leg wins, the others are taken back; a leg that answers too late is hung up.  What became of a stage decides which
comes next: the next one after a failure that allows it (`failed`), else the first of those for busy, no answer or
nobody there.  Of all failures the best is told, as RFC 3261 16.7 chooses: 6xx, then the lowest class.  The money of a
stage is set aside before its first leg is rung.  Knows no caller: it tells whoever looks.
"""

from ..base.errors import ApiError
from ..base.task import spawn
from .events import Connect, Disconnect, Fail, Info, Progress, Ring, Transfer, Try, Update

RINGING = 180.0
"""Seconds for all stages together: RFC 3261 lets a proxy wait for three minutes (Timer C)."""

MOST_STAGES = 20
"""Stages tried for one call, redirections among them."""

MOST_REDIRECTS = 5

BUSY, NOANSWER, UNAVAILABLE, FAILED, NEXT = "busy", "noanswer", "unavailable", "failed", "next"
"""plan.Stage.condition, but for "first"."""

_BUSY = frozenset((486, 600))
_UNAVAILABLE = frozenset((404, 408, 410, 430, 480, 604))
_TRUNKS = frozenset((401, 402, 403, 407, 408, 430))
"""Besides 5xx: codes of a trunk that another one may not give, for they say nothing of the called party."""

_PREFERRED = (415, 420, 484, 486)
"""Of the 4xx, those that tell the caller most."""

_TOLD = {401: 500, 407: 500, 430: 480, 487: 480, 503: 500}
"""Codes that mean something else to the caller than they meant to us (503: 16.7; a login at a trunk)."""


class Branch:
    """A leg that is rung, and for which destination."""
    __slots__ = ("leg", "destination", "rang")

    def __init__(self, leg, destination):
        self.leg = leg
        self.destination = destination
        self.rang = False


class Hunt:
    """house: Bridges · call · stages [plan.Stage] · offer: Try.  It calls, with itself first:

    told(event, alone)    a Ring or Progress of a leg; `alone`: no other leg is rung, so its body may pass
    won(branch, event)    Connect; the charges are in `meters`, not armed yet
    lost(fail)            nobody: a Fail; the charges have been settled
    """

    def __init__(self, house, call, stages, offer, told, won, lost):
        self.house = house
        self.call = call
        self.stages = list(stages[:MOST_STAGES])
        self.offer = offer
        self.told = told
        self.won = won
        self.lost = lost
        self.meters = []
        self.branches = {}          # {leg: Branch}
        self.over = None            # (code, reason, side) once it is over
        self._index = self._tried = self._redirects = 0
        self._results = []          # [(Fail, kind)] of all stages
        self._stage = []            # those of this one
        self._contacts = []         # [(contacts, destination)] of redirections in this stage
        self._timer = None
        self._until = house.clock.monotonic() + RINGING

    def start(self):
        self._go(0)

    # -- a stage begins ----------------------------------------------------------------------------

    def _go(self, index):
        spawn(self._enter(index)).then(self._entered)

    def _entered(self, future):
        try:
            future.result()
        except Exception as error:
            self.house.warn(f"a call failed: {error!r}")
            if self.over is None:
                self._stop(500, "", "server")
                self._end(Fail(500, ""), "server")

    async def _enter(self, index):
        self._index, self._stage, self._contacts = index, [], []
        self._tried += 1
        stage = self.stages[index]
        try:
            await self._charge(stage)
        except Exception as error:
            return self._unpaid(error)
        if self.over is None:
            self._dial(stage)

    async def _charge(self, stage):
        """Keep the charges that go on, end those that do not, set money aside for the new ones."""
        kept, new = [], []
        old = {_key(meter.charge): meter for meter in self.meters}
        for charge in stage.charges:
            meter = old.pop(_key(charge), None)
            if meter is not None:
                kept.append(meter)
            else:
                new.append(self.house.meters.meter(self.call, charge))
        self.meters = kept
        if old:
            self._settle(list(old.values()), *self._verdict())
        try:
            await self.house.meters.reserve(new)
        except Exception as error:
            code, reason = _refusal(error)
            self._settle(new, code, reason, "server", lossy=True)
            raise
        if self.over is None:
            self.meters += new
        else:
            self._settle(new, *self.over)

    def _unpaid(self, error):
        """No money for this stage, or nobody can say: the caller hears of it if it is his first one."""
        code, reason = _refusal(error)
        if error.__class__ is not ApiError:
            self.house.warn(f"a call could not be charged: {error!r}")
        self.house.note(self.call, f"refused: {reason}")
        if self.over is None:
            if not self._results:
                return self._end(Fail(code, reason), "server")
            self._give_up()

    def _dial(self, stage):
        house, call = self.house, self.call
        branches = self.branches = {}
        for destination in stage.destinations:
            call.callee = destination
            try:
                legs = house.dial(destination, call)
            except ApiError as error:
                house.note(call, f"cannot be dialled: {error.message}")
                legs = ()
            if not legs:
                self._stage.append((Fail(503, ""), FAILED) if destination.kind == "trunk" else
                                   (Fail(480, "Not Available"), UNAVAILABLE))
            if destination.account is not None:
                house.board.join(call, destination.account, "called")
            branches.update((leg, Branch(leg, destination)) for leg in legs)
        if not branches:
            return self._next()
        left = self._until - house.clock.monotonic()
        self._timer = house.timers.later(max(0.0, min(stage.timeout or left, left)), self._unanswered)
        for leg in list(branches):
            call.far = leg
            if leg in self.branches:        # none of the others has answered at once
                leg.take(Try(self.offer.body, self.offer.extra))

    # -- what the legs say -------------------------------------------------------------------------

    def heard(self, leg, event):
        """Of one of the `branches`."""
        branch = self.branches[leg]
        kind = event.__class__
        if kind is Ring or kind is Progress:
            branch.rang = True
            self.call.far = leg
            self.told(self, event, len(self.branches) == 1)
        elif kind is Connect:
            self._answered(branch, event)
        elif kind is Fail or kind is Disconnect:
            del self.branches[leg]
            self._failed(branch, event)
        elif kind is Update or kind is Transfer:
            event.reply(491)
        elif kind is Info:
            event.reply(481)

    def _answered(self, branch, event):
        del self.branches[branch.leg]
        self._stop(200, "Answered elsewhere", "server")
        self.over = 200, "", ""
        self.call.far, self.call.callee = branch.leg, branch.destination
        self._leave(branch.destination)
        self.won(self, branch, event)

    def _failed(self, branch, event):
        code = event.code if event.code >= 300 else 480
        fail = event if event.__class__ is Fail else Fail(code, event.reason)
        to = branch.destination
        self.house.note(self.call, f"{to.account.username if to.account else to.number}: {code} {fail.reason}".rstrip())
        if 300 <= code < 400 and fail.contacts and self._redirects < MOST_REDIRECTS:
            self._redirects += 1
            self._contacts.append((fail.contacts, branch.destination))
        self._stage.append((fail, _kind(code, branch)))
        if code >= 600:
            self._stop(code, fail.reason, "server")
        if not self.branches:
            self._stop()
            self._next()

    def _unanswered(self):
        """The time of the stage is over, or of all."""
        self._timer = None
        self._stage.append((Fail(480, "No Answer"), NOANSWER))
        self._stop(480, "No Answer", "server")
        self._next()

    def _stop(self, code=0, reason="", side=""):
        """No more ringing in this stage."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        branches, self.branches = self.branches, {}
        for leg in branches:
            leg.take(Disconnect(code, reason, side))

    def _leave(self, but=None):
        """Those that were rung take part no longer."""
        for destination in self.stages[self._index].destinations:
            if destination.account is not None and (but is None or destination.account is not but.account):
                self.house.board.part(self.call, destination.account.id, "called")

    # -- what comes next ---------------------------------------------------------------------------

    def _next(self):
        self._results += self._stage
        self._leave()
        more = [stage for contacts, destination in self._contacts
                for stage in self.house.redirect(contacts, destination, self.call)]
        here = self.stages[self._index].charges
        for stage in more:          # the call to who sends it on goes on
            stage.charges = here + [charge for charge in stage.charges if _key(charge) not in map(_key, here)]
        at = self._index + 1
        self.stages[at:at] = more
        if not more:
            at = self._following()
        if at is None or self._tried >= MOST_STAGES or self.house.clock.monotonic() >= self._until:
            return self._give_up()
        self._go(at)

    def _following(self):
        """The index of the stage that the outcome of this one leads to, or None."""
        kinds = {kind for _, kind in self._stage}
        outcome = next((each for each in (NOANSWER, BUSY, UNAVAILABLE, FAILED) if each in kinds), "")
        at, stages = self._index + 1, self.stages
        here = stages[self._index]
        trunk = any([each.kind == "trunk" for each in here.destinations])
        if at < len(stages) and stages[at].condition == FAILED and (outcome == FAILED or outcome == UNAVAILABLE
                                                                    and not trunk):
            return at
        for condition in (NEXT, "" if outcome == FAILED else outcome, NOANSWER if outcome == UNAVAILABLE else ""):
            for index in range(at, len(stages) if condition else 0):
                if stages[index].condition == condition and (not stages[index].after or here in stages[index].after):
                    return index
        return None

    def _verdict(self):
        """(code, reason, side) of the best failure until now."""
        fail = best(self._results)
        return (fail.code, fail.reason, "called") if fail is not None else (480, "", "server")

    def _give_up(self):
        fail = best(self._results) or Fail(480, "Not Available")
        self._end(fail, "called")

    def _end(self, fail, side):
        self.over = fail.code, fail.reason, side
        meters, self.meters = self.meters, []
        self._settle(meters, *self.over)
        self.lost(self, fail, side)

    def cancel(self, code, reason, side):
        """Nobody waits for it any more."""
        if self.over is not None:
            return
        self.over = code, reason, side
        self._stop(code, reason, side)
        meters, self.meters = self.meters, []
        self._settle(meters, code, reason, side)

    def _settle(self, meters, code, reason, side, lossy=False):
        if meters:
            self.house.meters.settle(meters, code, reason, side, self.house.clock.monotonic(), lossy)


def best(results):
    """The Fail of [(Fail, kind)] that says most, None of none."""
    return min([fail for fail, _ in reversed(results)], key=_worth, default=None)


def _worth(fail):
    code = fail.code
    if code >= 600:
        return 0, 0
    return code // 100 if code >= 400 else 7, 0 if code in _PREFERRED else 1


def told_as(fail):
    """The Fail that the caller gets for one that a leg gave."""
    code = 480 if fail.code < 400 else _TOLD.get(fail.code, fail.code)
    return fail if code == fail.code else Fail(code, "", (), fail.retry_after, fail.extra)


def _kind(code, branch):
    """What became of a leg, as the condition of a stage."""
    if code in _BUSY:
        return BUSY
    if code == 408 and branch.rang:
        return NOANSWER
    if branch.destination.kind == "trunk" and (500 <= code < 600 or code in _TRUNKS):
        return FAILED
    if code in _UNAVAILABLE:
        return UNAVAILABLE
    return FAILED if 500 <= code < 600 else ""


def _key(charge):
    """What makes two charges of two stages the same."""
    return charge.account.id, charge.payer.id, charge.number, charge.mark


def _refusal(error):
    if error.__class__ is not ApiError:
        return 503, "the call cannot be charged"
    return (error.code if error.code in (402, 503) else 503), error.message
