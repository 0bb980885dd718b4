"""Prepaid: money is set aside before anybody is rung, more of it while they talk, and the true price is posted at the
end, with the record, in one unit.

A slice of a minute is set aside at a time, so that parallel calls share what there is.  A call is cut off at the
second that is not paid for, so nobody is charged more than was set aside.  Price and time type are those of the
moment of the answer.  What cannot be written is tried again until it can be, and meanwhile refuses new calls.  Knows
no legs: it is told of the answer and of the end.
"""

from collections import deque
from math import ceil

from ..base.errors import ApiError
from ..base.task import Future, spawn
from ..records.callrecords import Share
from ..records.opencalls import MARK
from ..records.price import LONGEST, maximum_duration, price
from ..records.values import decimal
from ..store.group import Group
from .record import row_of

SLICE = 60
"""Seconds set aside at once: parallel calls keep little from each other, and a write a minute is cheap."""

MARGIN = 10.0
"""Seconds before the end of what is set aside at which more is asked for: ten tries if the store is busy."""

AGAIN = 1.0
"""Seconds between two tries, and between two looks whether money has come in meanwhile."""

CHECKPOINT = 10.0
"""Seconds between two checkpoints: what a crash may cost the operator."""

BATCH = 200
"""Checkpoints in one unit: some two milliseconds of the loop."""

PAUSE = 0.005

TRIES = 20
"""A final charge that the store takes no offence at, but that cannot be written all the same (an error of ours), is
given up after as many: it must not hold up the others.  Its checkpoint stays, to be billed at the next start."""

NEW, HELD, TALKING, CLOSED, POSTED = range(5)
"""Nothing set aside yet · before the answer · after it · ended, not written yet · written."""


class Meter:
    """One charge of a call (plan.Charge), with its reservation and its record.

    shares     [Share]: what the payer and the resellers above pay; none where the call is free
    answered   monotonic seconds, None before
    limit      talk seconds that are paid for
    exhausted  called with the meter when they are over
    provider   Rate of whoever takes the call, or None
    seconds    talked, once it is over
    callee, far   the destination and the leg that it began to talk with
    """
    __slots__ = ("call", "charge", "shares", "state", "answered", "limit", "exhausted", "provider", "seconds", "timer",
                 "checkpoint", "moment", "callee", "far")

    def __init__(self, call, charge, moment, payer):
        self.call = call
        self.charge = charge
        self.moment = moment
        self.state = NEW
        self.answered = self.exhausted = self.provider = self.timer = None
        self.callee = self.far = None
        self.limit, self.seconds, self.checkpoint = LONGEST, 0, 0
        self.shares = []
        if charge.rate is not None:
            self.shares.append(Share(0, charge.account.id, charge.payer.id, charge.rate))
            for level, account, rate in charge.levels or ():
                if rate is not None:
                    self.shares.append(Share(level, account.id, payer(account).id, rate))

    def covered(self):
        """Talk seconds that are paid for with what is set aside."""
        return min([maximum_duration(share.tariff, share.held) for share in self.shares], default=LONGEST)

    def cost(self, seconds):
        """What the caller's side pays for so long, in micro-units, and the currency."""
        if not self.shares:
            return 0, ""
        return price(self.shares[0].tariff, min(seconds, self.limit)), self.shares[0].currency


class Final:
    """Meters that end together, and how."""
    __slots__ = ("meters", "code", "reason", "side", "ended", "lossy", "tries")

    def __init__(self, meters, code, reason, side, ended, lossy=False):
        self.tries = 0
        self.meters = meters
        self.code = code
        self.reason = reason
        self.side = side
        self.ended = ended
        self.lossy = lossy


class Meters:
    """db, clock, timers, settings, users, rates, reservations, callrecords, opencalls; log or None; group
    (store.group.Group).  note(call, text) hears of money that has moved."""

    def __init__(self, db, clock, timers, settings, users, rates, reservations, callrecords, opencalls, log=None,
                 group=None):
        self.db = db
        self.group = group or Group(db)
        self.clock = clock
        self.timers = timers
        self.settings = settings
        self.users = users
        self.rates = rates
        self.reservations = reservations
        self.callrecords = callrecords
        self.opencalls = opencalls
        self.log = log
        self.talking = {}           # {Meter: None}, oldest first
        self.pending = deque()      # Finals that could not be written
        self.note = lambda call, text: None
        self._saving = False
        self._retry = None

    def meter(self, call, charge):
        return Meter(call, charge, self.rates.moment(self.clock.now()), self.reservations.payer)

    def billed(self):
        """A Future: the bills of all calls that have ended until now are written."""
        return self.group.run(lambda unit: None)

    # -- before the call ---------------------------------------------------------------------------

    async def reserve(self, meters):
        """Set the first slice of each aside, all or none.  ApiError 402 if there is too little money, 503 while
        nothing can be written."""
        trouble = self.db.trouble()
        if trouble or self.pending:
            raise ApiError(503, trouble or "charges wait to be written")
        paid = [(meter, share) for meter in meters for share in meter.shares]
        if paid:
            taken = await self.group.run(lambda unit: [self._first(unit, *each) for each in paid])
            for (_, share), (reservation, held) in zip(paid, taken):
                share.reservation, share.held = reservation, held
        for meter in meters:
            meter.state = HELD
            meter.limit = meter.covered()
            self._set_aside(meter)

    def _set_aside(self, meter):
        for share in meter.shares:
            if share.held:
                self._note(meter, share, share.held, f"set aside for {meter.limit} s")

    def _note(self, meter, share, micros, what):
        payer = self.users.by_id(share.payer)
        self.note(meter.call, f"{payer.username if payer else share.payer}: {decimal(micros)} {share.currency} {what}")

    def _first(self, unit, meter, share):
        """(Reservation or None, micro-units) of the first slice."""
        tariff = share.tariff
        want = price(tariff, SLICE)
        if not want:
            return None, 0
        payer = self._account(share)
        free = self.reservations.available(payer)
        if share.level == 0 and free < self.settings.mincreditonroute:
            raise ApiError(402, "not enough credit")
        if want > free:
            if free < price(tariff, 1) or free < 0:
                raise ApiError(402, "not enough credit")
            want = price(tariff, maximum_duration(tariff, free, SLICE))
            if not want:
                return None, 0
        return self.reservations.reserve(unit, payer, MARK + meter.call.sipcallid, want, free), want

    def _account(self, share):
        account = self.users.by_id(share.payer)
        if account is None:
            raise ApiError(402, "nobody pays for this call")
        return account

    # -- while they talk ---------------------------------------------------------------------------

    def arm(self, meters, exhausted, provider=None):
        """They talk from now on; `exhausted(meter)` when the money is over."""
        now, moment = self.clock.monotonic(), self.rates.moment(self.clock.now())
        for meter in meters:
            meter.answered = now
            meter.exhausted = exhausted
            meter.state = TALKING
            meter.callee, meter.far = meter.call.callee, meter.call.far
            if meter.charge.called is None or meter.charge.called.id == _id(meter.callee):
                meter.provider = provider
            if meter.moment is not moment:
                self._fix(meter)
            self.talking[meter] = None
            self._wait(meter)

    def _fix(self, meter):
        """Another minute than that of the plan: the price of this one holds."""
        for share in meter.shares:
            try:
                rate = self.rates.find(self.users.by_id(share.account), meter.charge.number, self.clock.now())
            except ApiError:
                rate = None
            if rate is not None:
                share.fix(rate)
        meter.limit = meter.covered()

    def _wait(self, meter):
        """Until more has to be set aside."""
        if meter.limit < LONGEST:
            left = meter.limit - (self.clock.monotonic() - meter.answered)
            meter.timer = self.timers.later(max(0.0, left - MARGIN), lambda: self._run(self._extend(meter)))

    async def _extend(self, meter):
        meter.timer = None
        before = meter.limit
        try:
            await self.db.gate()
            if meter.state == TALKING:
                self._add(meter)
        except Exception as error:
            self._warn(f"no money could be set aside for a call: {error}")
        if meter.state != TALKING:
            return
        left = meter.limit - (self.clock.monotonic() - meter.answered)
        if left <= 1e-6:
            meter.exhausted(meter)
        elif meter.limit > before:
            self._wait(meter)
        else:
            meter.timer = self.timers.later(min(left, AGAIN), lambda: self._run(self._extend(meter)))

    def _add(self, meter):
        """Set the next slice aside, or as much of it as there is."""
        until = meter.limit + SLICE
        with self.db.unit() as unit:
            taken = [self._more(unit, meter, share, until) for share in meter.shares]
        for share, (reservation, more) in zip(meter.shares, taken):
            share.reservation = reservation
            share.held += more
        meter.limit = meter.covered()
        if any([more for _, more in taken]):
            self._set_aside(meter)

    def _more(self, unit, meter, share, until):
        tariff, payer = share.tariff, self._account(share)
        free = max(0, self.reservations.available(payer))
        want = price(tariff, until) - share.held
        if want > free:
            want = price(tariff, maximum_duration(tariff, share.held + free, until)) - share.held
        if want <= 0:
            return share.reservation, 0
        if share.reservation is None:
            return self.reservations.reserve(unit, payer, MARK + meter.call.sipcallid, want, free), want
        self.reservations.extend(unit, share.reservation, want)
        return share.reservation, want

    def _run(self, coroutine):
        """A coroutine that nobody waits for: a fault in it is told all the same."""
        spawn(coroutine).then(self._ran)

    def _ran(self, future):
        try:
            future.result()
        except Exception as error:
            self._warn(f"a charge has failed: {error!r}")

    # -- the end -----------------------------------------------------------------------------------

    def settle(self, meters, code, reason, side, ended, lossy=False):
        """They have ended: post what is due and write the records, in one unit, now or as soon as it can be.

        ended   monotonic seconds of the last proof of life
        lossy   nothing was rung and nothing is due: if it cannot be written now, it is not
        """
        for meter in meters:
            if meter.state >= CLOSED:
                raise RuntimeError("a charge ends once")
            if meter.timer is not None:
                meter.timer.cancel()
                meter.timer = None
            if meter.answered is not None:
                meter.seconds = int(min(max(0, ceil(ended - meter.answered - 1e-6)), meter.limit))
            meter.state = CLOSED
        final = Final(meters, code, reason, side, ended, lossy)
        if meters:
            self._run(self._write(final))

    async def _write(self, final):
        """True once it is written."""
        try:
            await self.group.run(lambda unit: self._post(unit, final), patient=True)
        except Exception as error:
            self._not_written(final, error)
            return False
        self._posted(final)
        for meter in final.meters:
            for share in meter.shares if meter.answered is not None else ():
                self._note(meter, share, price(share.tariff, meter.seconds), f"paid for {meter.seconds} s")
        return True

    def _post(self, unit, final):
        for meter in final.meters:
            when = meter.call.wall(meter.answered) if meter.answered is not None else 0.0
            self.callrecords.write(unit, row_of(meter, final), meter.shares, meter.seconds, when, meter.provider,
                                   meter.checkpoint)

    def _posted(self, final):
        for meter in final.meters:
            meter.state = POSTED
            self.talking.pop(meter, None)
            if meter.call.ended is not None:        # no circle of call, leg and bridge is left to the collector
                meter.call.near = meter.call.far = None

    def _not_written(self, final, error):
        final.tries += 1
        if final.lossy or final.tries >= TRIES and getattr(error, "code", 0) < 500:
            self._posted(final)
            return self._warn(f"a call is not recorded: {error!r}")
        if final.tries == 1:
            self._warn(f"a call could not be charged yet: {error!r}")
            self.pending.append(final)
        if self._retry is None:
            self._retry = self.timers.later(AGAIN, lambda: self._run(self._try_again()))

    async def _try_again(self):
        """Once more for all that could not be written."""
        self._retry = None
        for final in [self.pending.popleft() for _ in range(len(self.pending))]:
            if not await self._write(final) and final.meters[0].state != POSTED:
                self.pending.append(final)

    def flush(self):
        """At the end of the process: what waits for company, and one more try of what could not be written."""
        self.group.flush()
        self._run(self._try_again())
        return len(self.pending)

    # -- checkpoints -------------------------------------------------------------------------------

    def start(self):
        """Checkpoints from now on."""
        self.timers.later(CHECKPOINT, self._tick)

    def _tick(self):
        self.start()
        if not self._saving and self.talking:
            self._run(self.save())

    async def save(self):
        """Write how long each has talked so far."""
        self._saving = True
        try:
            meters = list(self.talking)
            for at in range(0, len(meters), BATCH):
                await self.db.gate()
                self._save(meters[at:at + BATCH])
                if at + BATCH < len(meters):
                    await self._pause()
        except Exception as error:
            self._warn(f"no checkpoint of calls: {error}")
        finally:
            self._saving = False

    def _save(self, meters):
        now, begun = self.clock.monotonic(), {}
        with self.db.unit() as unit:
            for meter in meters:
                if meter.state == POSTED:
                    continue
                seconds = meter.seconds if meter.state == CLOSED else int(min(now - meter.answered, meter.limit))
                if meter.checkpoint:
                    self.opencalls.go_on(unit, meter.checkpoint, seconds)
                else:
                    final = Final((meter,), 0, "", "", now)
                    begun[meter] = self.opencalls.begin(unit, meter.call.sipcallid, seconds,
                                                        meter.call.wall(meter.answered), row_of(meter, final),
                                                        meter.shares)
        for meter, id in begun.items():
            meter.checkpoint = id

    def _pause(self):
        done = Future()
        self.timers.later(PAUSE, done.set)
        return done

    def _warn(self, text):
        if self.log is not None:
            self.log.warning(text)


def _id(callee):
    """The account's id of a destination, None without one."""
    return callee.account.id if callee is not None and callee.account is not None else None
