"""From who calls and what was dialled to a Plan: may he, whom is it for, what does it cost, who is tried in what order.

Every step leaves a sentence in the plan's trace, whether it is asked for a call or by routingtest; what is said of
other accounts there is for administrators, the caller hears the code and the reason alone.  Refusals: 403 what is not
allowed or has no price, 404 nobody of that name or number, 480 nobody there, 482 forwarded in a circle, 484 no number,
486 all lines busy at the called side, 500 an error of ours, 501 voicemail, 503 our limits, trunks included.  Credit is
judged when it is set aside (402).  Reads records and the board; reserves nothing and rings nobody.
"""

import re

from ..base.errors import ApiError
from ..records.account import OUTBOUND, SENDER
from ..records.dialplan import INCOMING, OWN
from ..records.directory import SHORT
from ..records.rates import PROVIDER
from ..records.routing import Asker
from ..records.values import decimal
from .permissions import Permissions, Refusal
from .plan import Charge, Destination, Plan, Stage
from .showing import shown

NUMBERS = 40
"""Numbers that are looked at for one plan: two forwards of each, and groups of groups, would grow without an end."""

MEMBERS = 50
"""Members of a ring group."""

STAGES = 20
"""Stages of one plan: nobody waits for more."""

LEVELS = 4
"""Different q of one account's devices that are rung one after the other."""

TURNS = 10_000
"""Ring groups whose turn is remembered; the table starts afresh when it is full."""

LONGEST = 64
"""Characters of a number or user name."""

TRUNK_SECONDS = 90
"""Seconds that a trunk's party may ring."""

DEVICE_SECONDS = 60
"""Seconds that an account's devices ring where nobody else is tried afterwards; else noanswertimeout, which is:"""

NOANSWER_SECONDS = 15

VOICEMAIL = ("voicemail", "*98")

_CARRIERS = frozenset((SENDER, *OUTBOUND))
_OUTSIDE = re.compile(r"\+?[0-9][0-9*#]*", re.ASCII)


class Way:
    """How a number came to be called: caller, the account that calls in it and pays, mark of its charge, condition and
    after of the first stage, accounts that have forwarded it, charges of all before."""
    __slots__ = ("caller", "account", "mark", "condition", "after", "chain", "charges")

    def __init__(self, caller, account, mark="", condition="first", after=(), chain=(), charges=()):
        self.caller = caller
        self.account = account
        self.mark = mark
        self.condition = condition
        self.after = after
        self.chain = chain
        self.charges = list(charges)

    def onward(self, account, charges, condition, after):
        """Forwarded by an account."""
        return Way(self.caller, account, "FWD", condition, after, (*self.chain, account), charges)


class Planner:
    """server: its records as attributes (users, profiles, board, form, dialplan, ported, directory, routing, rates,
    reservations, locations, log)."""

    def __init__(self, server):
        self.profiles = server.profiles
        self.board = server.board
        self.permissions = Permissions(server.users, server.profiles, server.board)
        self.form = server.form
        self.dialplan = server.dialplan
        self.ported = server.ported
        self.directory = server.directory
        self.routing = server.routing
        self.rates = server.rates
        self.payer = server.reservations.payer
        self.locations = server.locations
        self.log = server.log
        self._turns = {}            # {account id of a ring group: whose turn it is}

    def plan(self, caller, called, begun=False, trial=False):
        """The Plan of a call; it never raises.

        begun   another part of a call that has its line already
        trial   nobody is going to be rung: the turn of no ring group passes
        """
        def judge(plan):
            self._judge(plan, caller, begun)
        return self._planned(called, Way(caller, caller.account), judge, trial)

    def transfer(self, target, account, caller):
        """The Plan of a transfer by an account, which pays for it."""
        return self._planned(target, Way(caller, account, "TRANS"), lambda plan: self.permissions.dial(account))

    def redirect(self, target, destination, caller):
        """The Plan of a 3xx of a destination: its account pays what that costs."""
        account = destination.account

        def judge(plan):
            if account is None or account.type in OUTBOUND:
                raise Refusal(403, "trunks do not forward")
            self.permissions.dial(account)
        return self._planned(target, Way(caller, account, "FWD", chain=(account,)), judge)

    def _planned(self, called, way, judge, trial=False):
        plan = Plan(called)
        plan.trial = trial
        try:
            judge(plan)
            self._go(plan, way, called)
        except Refusal as refusal:
            plan.refuse(refusal.code, refusal.reason, refusal.why)
        except ApiError as error:
            plan.refuse(503, error.message)
        except Exception as error:      # a call that nobody answers would ring for ever
            self.log.error(f"a call could not be planned: {error!r}")
            plan.refuse(500, "Server Internal Error", repr(error))
        if not trial and plan.stages:
            self._pass(plan.turns)
        return plan

    def _pass(self, groups):
        """It is another one's turn in these ring groups."""
        if len(self._turns) + len(groups) > TURNS:
            self._turns.clear()
        for id in groups:
            self._turns[id] = self._turns.get(id, 0) + 1

    def _judge(self, plan, caller, begun):
        """Whether he may call at all, and now."""
        may = self.permissions
        may.dial(caller.account)
        plan.note(f"the caller is {caller.account.username} (id {caller.account.id}), known by"
                  f" {caller.proof or 'nothing'}")
        if caller.via is not None:
            may.dial(caller.via)
        if not begun:
            may.room(caller)

    # -- whom is it for ----------------------------------------------------------------------------

    def _go(self, plan, way, called):
        """Add the stages towards what an account has dialled, or forwards to.  Refusal if there is none."""
        plan.numbers += 1
        if plan.numbers > NUMBERS:
            raise Refusal(482, "forwarded too often")
        if len(called) > LONGEST:
            raise Refusal(404, "that is no number")
        number, normal = self._number(plan, way, called)
        if not way.mark:
            plan.called = normal
        if number.lower() in VOICEMAIL:
            raise Refusal(501, "voicemail is not there")
        other, how = self.directory.find(number, normal) if normal != number else self.directory.find(number)
        if other is None:
            other, how = self.directory.short(number, way.account), SHORT
        if other is not None and other.type not in OUTBOUND:
            plan.note(f"{number} is the account {other.username} by its {how}")
            self._local(plan, way, other, how, normal)
        elif _OUTSIDE.fullmatch(normal):
            self._outside(plan, way, normal)
        else:
            raise Refusal(404, f"{number} is nobody here")

    def _number(self, plan, way, called):
        """(as the dial plan makes it, its normal form)"""
        number, prefix = called, way.caller.techprefix
        if prefix and not way.mark and number.startswith(prefix):
            number = number[len(prefix):]
            plan.note(f"technical prefix {prefix} is taken off: {number}")
        number, rule = self.dialplan.rewrite(number, INCOMING if way.account.type in _CARRIERS else OWN)
        if rule is not None:
            plan.note(f"dial plan {rule.id} ({rule.pattern.text}) makes it {number}")
        rules = []
        normal = self.form.normal(number, "", rules)
        for rule in rules:
            plan.note(f"normal form: {rule}")
        if not normal:
            raise Refusal(484, "no number was dialled")
        return number, normal

    # -- accounts here -----------------------------------------------------------------------------

    def _local(self, plan, way, other, how, number):
        if other in way.chain:
            raise Refusal(482, "forwarded in a circle")
        self.permissions.reach(way.account, other, how)
        profile = self.profiles.of(other.id)
        charges = way.charges + [self._charge(way, number, other)]
        always = "voicemail" if profile.voicemailalways else profile.forwardalways
        if always:
            plan.note(f"{other.username} forwards all calls to {always}")
            return self._forward(plan, way.onward(other, charges, way.condition, way.after), always)
        if self.permissions.full(other):
            plan.note(f"all lines of {other.username} are in use (maxlines)")
            if not profile.forwardonbusy:
                raise Refusal(486, "Busy Here")
            return self._forward(plan, way.onward(other, charges, way.condition, way.after), profile.forwardonbusy)
        rung = self._ring(plan, way, other, profile, charges)
        if not rung:
            if not profile.forwardonnoanswer:
                raise Refusal(480, "Not Available")
            plan.note(f"{other.username} forwards them to {profile.forwardonnoanswer}")
            return self._forward(plan, way.onward(other, charges, way.condition, way.after), profile.forwardonnoanswer)
        for when, target in (("busy", profile.forwardonbusy), ("noanswer", profile.forwardonnoanswer)):
            if target:
                plan.note(f"when {when}: forwarded to {target}")
                self._perhaps(plan, way.onward(other, charges, when, rung), target)

    def _ring(self, plan, way, other, profile, charges):
        """Add the stages of an account and its ring group; returns them."""
        members, began = self._members(plan, other, profile), len(plan.stages)
        one_by_one = profile.rgmode != 0 and len(members) > 1
        more = one_by_one or profile.forwardonnoanswer
        seconds = (profile.noanswertimeout or NOANSWER_SECONDS) if more else DEVICE_SECONDS
        for group in [[each] for each in members] if one_by_one else [members]:
            rung = plan.stages[began:]
            if len(plan.stages) >= STAGES:
                plan.note("enough are tried by then: the others do not ring")
                break
            condition, after = ("next", tuple(rung)) if rung else (way.condition, way.after)
            if group[0].__class__ is str:
                self._perhaps(plan, way.onward(other, charges, condition, after), group[0])
                continue
            here = [self._device(way, each) for each in group
                    if not self._gone(each) and (each is other or not self.permissions.full(each))]
            levels = self._levels(way, here)
            for level in levels:
                plan.add(Stage(level, seconds if level is levels[-1] else profile.noanswertimeout or NOANSWER_SECONDS,
                               condition, charges, after))
                condition, after = "next", tuple(plan.stages[began:])
            if len(levels) > 1:
                plan.note(f"its devices ring in the order of their q: {', '.join(f'{at[0].q:g}' for at in levels)}")
            names = ", ".join([to.account.username for to in here])
            plan.note(f"ring{'s' if len(here) == 1 else ''} for {seconds} s: {names}" if here else
                      f"{', '.join([each.username for each in group])}: nobody is registered and free")
        return tuple(plan.stages[began:])

    def _levels(self, way, here):
        """[destinations] that ring one after the other: the devices of an account alone by their q (RFC 3261 16.6)."""
        if len(here) != 1:
            return [here] if here else []
        account = here[0].account
        order = sorted({binding.q for binding in self.locations.of(account.id)}, reverse=True)[:LEVELS]
        if len(order) < 2:
            return [here]
        levels = []
        for q in order:
            to = self._device(way, account)
            to.q = q
            levels.append([to])
        return levels

    def _members(self, plan, other, profile):
        """Whom a ring group rings, itself only if it is registered or names itself: Accounts, and numbers of outside
        where they are rung one by one.  Each call begins with another one then."""
        members = []
        for word in profile.ringgroup[:MEMBERS]:
            found, _ = self.directory.find(word, self.form.normal(word))
            if found is None and profile.rgmode != 0:
                members.append(word)
            elif found is None or found.type in OUTBOUND:
                plan.note(f"{word} of the ring group is no account: it does not ring")
            elif found not in members:
                members.append(found)
        if not members:
            return [other]
        if profile.rgmode != 0:
            turn = self._turns.get(other.id, 0)
            plan.turns.add(other.id)
            members = members[turn % len(members):] + members[:turn % len(members)]
        return members if other in members or self._gone(other) else [other, *members]

    def _gone(self, account):
        return not account.enabled or account.disabled or not self.locations.of(account.id)

    def _forward(self, plan, way, target):
        """Stages of a forward: who called pays his call to who forwards, who forwards the rest."""
        self.permissions.dial(way.account)
        self._go(plan, way, target)

    def _perhaps(self, plan, way, target):
        """The same where the call can do without."""
        began = len(plan.stages)
        try:
            if began >= STAGES:
                raise Refusal(480, "enough have been tried by then")
            self._forward(plan, way, target)
        except Refusal as refusal:
            del plan.stages[began:]
            plan.note(f"but {target} is not called: {refusal.code} {refusal.why}")
        except ApiError as error:       # a price that nobody can compute
            del plan.stages[began:]
            plan.note(f"but {target} is not called: {error.message}")

    def _device(self, way, other):
        to = Destination("account", other, other.username)
        return shown(to, way.caller, self.profiles.of(way.caller.account.id), self.profiles.of(other.id), False)

    # -- outside -----------------------------------------------------------------------------------

    def _outside(self, plan, way, number):
        account, moved, above = way.account, self.ported.find(number), self.permissions.above(way.account)
        self.permissions.outside(account, above, number)
        routed = number
        if moved is not None:
            routed = moved.providerpx + (moved.newnumber or number)
            plan.note(f"ported: routed as {routed}" + (f" to {moved.newdomain}" if moved.newdomain else ""))
        charge = self._charge(way, number, None)
        rate = charge.rate
        if rate is None:
            raise Refusal(403, f"no price for {number}") if self.routing.takes(routed) else \
                Refusal(404, f"nobody has {number}", f"{number} is nobody here, and neither price nor trunk takes it")
        plan.charge = plan.charge or charge
        plan.note(f"price: prefix {rate.prefix or 'any'} {rate.destination or ''} at {decimal(rate.tariff.minute)}"
                  f" {rate.currency}/min, paid by {charge.payer.username}".replace("  ", " "))
        told = []
        via = way.caller.via
        senders = () if way.mark else (account.id,) if via is None else (account.id, via.id)
        asker = Asker(account, way.caller.number, above, senders)
        routes = self.routing.routes(asker, routed, self._lines, told)
        for text in told if not plan.trial else (*told, *self.routing.unfit(asker, routed)):
            plan.note(text)
        if not routes:
            raise Refusal(503 if self.routing.takes(routed).difference(senders) else 404, f"no trunk takes {routed}")
        charges = way.charges + [charge]
        for route in routes[:max(0, STAGES - len(plan.stages))]:
            to = self._trunk(plan, way, route, number, moved)
            first = route is routes[0]
            plan.add(Stage([to], TRUNK_SECONDS, way.condition if first else "failed", charges, way.after if first
                           else plan.stages[-1:]))

    def _trunk(self, plan, way, route, number, moved):
        account = route.account
        to = Destination("trunk", account, route.number, lambda: self._cost(account, number))
        if moved is not None:
            to.domain, to.port = moved.newdomain, moved.newport
        plan.note(f"trunk {account.username} ({to.domain or route.profile.host}) as {route.number}, priority"
                  f" {route.row.priority}" + (", it rests: only if the others fail" if route.resting else "") +
                  (", without a price of its own: the last of them" if route.dear else ""))
        return shown(to, way.caller, self.profiles.of(way.caller.account.id), route.profile, True)

    def _lines(self, id):
        return self.board.lines(id, below=False)

    # -- what it costs -----------------------------------------------------------------------------

    def _charge(self, way, number, other):
        """The Charge of an account's call; calls to accounts here are free unless that very number has a price."""
        account = way.account
        rate = self.rates.find(account, number) if other is None or number[:1].isdigit() else None
        if rate is not None and other is not None and rate.prefix != number:
            rate = None
        levels = self.rates.levels(account, number) if rate is not None and account.parentid else ()
        return Charge(account, self.payer(account), number, rate, levels, other, way.mark)

    def _cost(self, account, number):
        """The Rate of a trunk, None without one."""
        try:
            return self.rates.find(account, number, kind=PROVIDER) if self.rates.has(PROVIDER) else None
        except ApiError:
            return None             # told again when the record is written
