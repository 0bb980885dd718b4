"""The telephony room over real records: legs that do what they are told, a clock and timers that are moved by hand."""

import heapq
import itertools
from types import SimpleNamespace

from mizu.base.log import Log
from mizu.calls.board import Board
from mizu.calls.bridge import Bridges
from mizu.calls.call import Call
from mizu.calls.events import Body, Connect, Disconnect, Fail, Info, Progress, Ring, Transfer, Try, Update
from mizu.calls.meter import Meters
from mizu.records.callrecords import CallRecords
from mizu.records.opencalls import OpenCalls

from records.store import add, records

DOLLAR = 1_000_000


class Timers:
    """later() over a FakeClock; pass(seconds) goes from timer to timer."""

    def __init__(self, clock):
        self.clock = clock
        self._heap = []
        self._numbers = itertools.count()

    def now(self):
        return self.clock.monotonic()

    def later(self, seconds, callback):
        timer = SimpleNamespace(callback=callback)
        timer.cancel = lambda: setattr(timer, "callback", None)
        heapq.heappush(self._heap, (self.clock.seconds + seconds, next(self._numbers), timer))
        return timer

    def live(self):
        return [timer for _, _, timer in self._heap if timer.callback is not None]

    def run(self, seconds):
        until = self.clock.seconds + seconds
        while self._heap and self._heap[0][0] <= until + 1e-9:
            when, _, timer = heapq.heappop(self._heap)
            self.clock.seconds = max(self.clock.seconds, when)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self.clock.seconds = until


class FakeLeg:
    """Remembers what it was told in `told`; `replies` are given to the Updates it gets."""

    def __init__(self, name, clock, log):
        self.name, self.clock, self.log = name, clock, log
        self.bridge = self.account = None
        self.told = []
        self.started = self.alive_at = clock.monotonic()
        self.answered = None
        self.silent = False
        self.onto = {}              # {event class: function(leg, event)}: what it does at once

    def take(self, event):
        assert not (self.silent and event.__class__ not in (Disconnect, Fail)), f"{self.name} is silent, got {event!r}"
        self.told.append(event)
        self.log.append((self.name, event))
        if event.__class__ in (Disconnect, Fail):
            self.silent = True
        if event.__class__ in self.onto:
            self.onto[event.__class__](self, event)

    def say(self, event):
        """What the far end does."""
        if event.__class__ in (Disconnect, Fail):
            self.silent = True
        self.bridge.heard(self, event)

    def describe(self, other=None):
        return {"side": "", "host": f"10.0.0.{len(self.name)}", "port": 5060, "transport": "UDP", "agent": "",
                "codec": "PCMA"}

    @property
    def words(self):
        return [event.__class__.__name__ for event in self.told]

    @property
    def last(self):
        return self.told[-1] if self.told else None

    def ring(self, body=None):
        self.say(Progress(183, sdp(body)) if body else Ring())

    def answer(self, body="answer", answered=None):
        self.answered = self.clock.monotonic()
        self.say(Connect(sdp(body), (), answered))

    def fail(self, code, reason="", contacts=()):
        self.say(Fail(code, reason, contacts))

    def bye(self, code=200, reason=""):
        self.say(Disconnect(code, reason))

    def __repr__(self):
        return f"<{self.name}>"


def sdp(text):
    return text if text is None or text.__class__ is Body else Body("application/sdp", text.encode())


class Switch:
    """call("john", stage(…)) -> Bridge; legs by the name of their destination in `legs`."""

    def __init__(self, folder, *sets, over=None):
        """`over`: services that are there already."""
        self.__dict__.update(vars(over or records(folder, *sets)))
        self.folder = folder
        self.lines = []
        self.log = Log(stderr=None, clock=self.clock)
        self.log.warning = self.log.error = lambda text, **more: self.lines.append(text)
        self.timers = Timers(self.clock)
        self.events = []
        self.legs = {}
        self.everyone = []
        self.reachable = None       # names that dial() finds; None: all
        self.redirects, self.transfers, self.stories = {}, {}, []
        self.callrecords = CallRecords(self.db, self.users, self.ledger, self.rates, self.reservations, self.log)
        self.opencalls = OpenCalls(self.db, self.clock, self.callrecords, self.reservations, self.log)
        self.meters = Meters(self.db, self.clock, self.timers, self.settings, self.users, self.rates,
                             self.reservations, self.callrecords, self.opencalls, self.log)
        self.board = over.board if over else Board(self.clock, self.settings, self.users, self.log)
        self.bridges = Bridges(self.board, self.meters, self.timers, self.clock, self.settings, self.dial,
                               self.redirect, self.transfer, lambda key, text: self.stories.append(text), self.log)
        self._numbers = itertools.count(1)

    # -- people and prices

    def person(self, name, **values):
        return self.users.by_username(name) or self.users.by_id(add(self, name, **values))

    def price(self, prefix, price, kind=1, **entry):
        """A list of one price a minute."""
        values = {"name": f"list {prefix}", "currency": "USD", "type": kind, **entry}
        with self.db.unit() as unit:
            id = unit.run(f"INSERT INTO tb_billentries ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
                          tuple(values.values())).lastrowid
            unit.run("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, ?, ?)", (id, prefix, price))
        self.rates.reload()
        return id

    # -- plans

    def charge(self, account, number, mark="", called=None, free=False):
        rate = None if free else self.rates.find(account, number)
        return SimpleNamespace(account=account, payer=self.reservations.payer(account), number=number, rate=rate,
                               levels=[] if rate is None else self.rates.levels(account, number), called=called,
                               mark=mark)

    def to(self, *names, kind="account", account=True):
        return [SimpleNamespace(kind=kind, account=self.person(name) if account else None, number=name, cost=None)
                for name in names]

    def stage(self, *names, charges=(), timeout=30, condition="first", kind="account", after=()):
        return SimpleNamespace(destinations=self.to(*names, kind=kind), timeout=timeout, condition=condition,
                               charges=list(charges), after=after)

    def plan(self, *stages, code=0, reason=""):
        return SimpleNamespace(code=code, reason=reason, stages=list(stages), called="", dialled="", trace=[])

    def call(self, name, *stages, number="3612345", offer="offer", connected=None, plan=None):
        account = self.person(name) if name else None
        caller = SimpleNamespace(account=account, via=None, number=name or "", display="", host="192.0.2.9")
        leg = self.leg(f"{name}'s")
        call = Call(self.clock, f"call-{next(self._numbers)}@phone", caller, number)
        return self.bridges.open(call, leg, plan or self.plan(*stages), Try(sdp(offer)), connected)

    def paid(self, name, number="3612345", to=("bob",), **more):
        """A call that its caller pays."""
        return self.call(name, self.stage(*to, charges=[self.charge(self.person(name), number)], **more), number=number)

    # -- what upper floors give

    def leg(self, name):
        leg = FakeLeg(name, self.clock, self.events)
        self.everyone.append(leg)
        return leg

    def dial(self, destination, call):
        name = destination.number
        if self.reachable is not None and name not in self.reachable:
            return []
        leg = self.legs[name] = self.leg(name)
        leg.bridge, leg.account = call.bridge, destination.account
        return [leg]

    def redirect(self, contacts, destination, call):
        return [self.redirects[contact] for contact in contacts if contact in self.redirects]

    def transfer(self, target, account, call):
        return self.transfers.get(target) or self.plan(code=404, reason="nobody")

    # -- what must be true

    def run(self, seconds):
        self.timers.run(seconds)

    def rows(self, columns="*"):
        return self.db.rows(f"SELECT {columns} FROM tb_cdrs ORDER BY id")

    def credit(self, name):
        return self.db.value("SELECT credit_u FROM tb_users WHERE username = ?", (name,))

    def held(self):
        return sum([micros for _, micros in self.reservations.listed()])

    def clean(self):
        """Nothing is left of any call."""
        assert len(self.board) == 0 and self.board._of == {} and self.board._lines == {}
        assert self.reservations.listed() == [] and not self.meters.talking and not self.meters.pending
        assert self.db.rows("SELECT * FROM tb_opencalls") == []
        assert self.timers.live() == []
        assert [leg for leg in self.everyone if not leg.silent] == []
        assert self.db.differences(whole=True).result().rows == []
