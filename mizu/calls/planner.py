"""From who calls and what was dialled to a Plan: may he, whom is it for, what does it cost, who is tried in what order.

Every step leaves a sentence in the plan's trace, whether it is asked for a call or by routingtest.  Reads records and
the board; reserves nothing and rings nobody.
"""

from ..base.errors import ApiError
from ..records.account import OUTBOUND, SENDER
from ..records.callprofile import permitted
from ..records.dialplan import INCOMING, OWN
from ..records.rates import PROVIDER
from ..records.routing import Asker
from ..records.users import DEPTH
from ..records.values import decimal
from .plan import Charge, Destination, Plan, Stage

FORWARDS = 5
"""Forwards of one call: a longer chain is a loop."""

MEMBERS = 50
"""Members of a ring group."""

TRUNK_SECONDS = 90
"""Seconds that a trunk's party may ring."""

VOICEMAIL = ("voicemail", "*98")

HIDE, HIDE_ALL, ALWAYS, ASSERT, ASSERT_TRUSTED = 4, 5, 0, 2, 3
"""tb_users.cli."""


class Refusal(Exception):
    """The call is not made."""

    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Planner:
    """server: its records as attributes (users, profiles, board, form, dialplan, ported, directory, routing, rates,
    reservations, locations, settings)."""

    def __init__(self, server):
        self.users = server.users
        self.profiles = server.profiles
        self.board = server.board
        self.form = server.form
        self.dialplan = server.dialplan
        self.ported = server.ported
        self.directory = server.directory
        self.routing = server.routing
        self.rates = server.rates
        self.payer = server.reservations.payer
        self.locations = server.locations
        self.settings = server.settings

    def plan(self, caller, called):
        """The Plan of a new call; it never raises for what a caller or the tables have done."""
        plan = Plan(called)
        try:
            self._judge(plan, caller)
            self._go(plan, caller, caller.account, called, "", "first", 0)
            if not plan.stages:
                raise Refusal(480, "Not Available")
        except Refusal as refusal:
            plan.refuse(refusal.code, refusal.reason)
        except ApiError as error:
            plan.refuse(503, error.message)
        return plan

    def transfer(self, target, account, caller):
        """The Plan of a transfer by an account, which pays for it."""
        plan = Plan(target)
        try:
            self._state(plan, account)
            self._go(plan, caller, account, target, "TRANS", "first", 0)
            if not plan.stages:
                raise Refusal(480, "Not Available")
        except Refusal as refusal:
            plan.refuse(refusal.code, refusal.reason)
        except ApiError as error:
            plan.refuse(503, error.message)
        return plan

    def redirect(self, target, destination, caller):
        """[Stage] of a 3xx of a destination: its account pays what that costs."""
        plan = Plan(target)
        account = destination.account
        if account is None or account.type in OUTBOUND:
            return []
        try:
            self._go(plan, caller, account, target, "FWD", "first", 1)
        except (Refusal, ApiError):
            return []
        return plan.stages

    # -- may he ------------------------------------------------------------------------------------

    def _judge(self, plan, caller):
        account = caller.account
        busy = self.board.busy()
        if busy:
            raise Refusal(503, f"no more calls: {busy}")
        self._state(plan, account)
        for each in (account, *self._above(account)):
            profile = self.profiles.of(each.id)
            if profile is not None and profile.maxlines > 0 and self.board.lines(each.id) >= profile.maxlines:
                raise Refusal(503, f"all {profile.maxlines} lines of {each.username} are in use")
        plan.note(f"the caller is {account.username} (id {account.id}), known by {caller.proof or 'nothing'}")

    def _state(self, plan, account):
        if account is None:
            raise Refusal(403, "nobody is known to call")
        if not account.enabled or account.disabled:
            raise Refusal(403, f"the account {account.username} is disabled")
        profile = self.profiles.of(account.id)
        if profile is None or not profile.candial:
            raise Refusal(403, f"{account.username} may not dial (candial)")

    def _above(self, account):
        """Its parents, the nearest first."""
        above = []
        while account.parentid and len(above) < DEPTH:
            account = self.users.by_id(account.parentid)
            if account is None or account in above:
                break
            above.append(account)
        return above

    # -- whom is it for ----------------------------------------------------------------------------

    def _go(self, plan, caller, account, called, mark, condition, depth):
        """Add the stages towards what `account` has dialled; `mark` and `depth` tell a forward or transfer."""
        if depth > FORWARDS:
            raise Refusal(482, "forwarded in a circle")
        number, normal = self._number(plan, caller, account, called)
        if not depth and not mark:
            plan.called = normal
        if called.lower() in VOICEMAIL:
            raise Refusal(501, "voicemail is not there")
        other, how = self.directory.find(number, normal)
        if other is None:
            other, how = self.directory.short(number, account), "short number"
        if other is not None and other.type not in OUTBOUND:
            plan.note(f"{number} is the account {other.username} by its {how}")
            return self._local(plan, caller, account, other, normal, mark, condition, depth)
        self._outside(plan, caller, account, normal, mark, condition)

    def _number(self, plan, caller, account, called):
        """(as the dial plan makes it, its normal form)"""
        number = called
        if caller.techprefix and account is caller.account and number.startswith(caller.techprefix):
            number = number[len(caller.techprefix):]
            plan.note(f"technical prefix {caller.techprefix} is taken off: {number}")
        number, rule = self.dialplan.rewrite(number, INCOMING if account.type in (SENDER, *OUTBOUND) else OWN)
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

    def _local(self, plan, caller, account, other, number, mark, condition, depth):
        self._may_reach(account, other)
        profile = self.profiles.of(other.id)
        if profile.forwardalways:
            plan.note(f"{other.username} forwards all calls to {profile.forwardalways}")
            return self._forward(plan, caller, account, other, profile.forwardalways, number, mark, condition, depth)
        charges = self._charges(account, number, other, mark)
        members = self._members(plan, other, profile)
        groups = [members] if profile.rgmode == 0 or len(members) < 2 else [[each] for each in members]
        began = len(plan.stages)
        for group in groups:
            destinations = [self._device(caller, account, each) for each in group if not self._gone(each)]
            if destinations:
                plan.add(Stage(destinations, profile.noanswertimeout or 15 if self._forwards(profile) or len(groups) > 1
                               else 60, condition if len(plan.stages) == began else "noanswer", charges))
        names = ", ".join([each.username for each in members])
        plan.note(f"{names} ring{'s' if len(members) == 1 else ''}" if len(plan.stages) > began else
                  f"{names}: nobody is registered")
        began = len(plan.stages) > began
        for when, target in (("busy", profile.forwardonbusy), ("noanswer", profile.forwardonnoanswer),
                             ("unavailable", profile.forwardonnoanswer)):
            if target and (began or when == "unavailable"):
                plan.note(f"when {when}: {target}")
                self._forward(plan, caller, account, other, target, number, mark, when if began else condition, depth,
                              optional=began)
        if not plan.stages:
            raise Refusal(480, "Not Available")

    @staticmethod
    def _forwards(profile):
        return profile.forwardonnoanswer

    def _gone(self, account):
        return not account.enabled or account.disabled or not self.locations.of(account.id)

    def _may_reach(self, account, other):
        if not other.enabled or other.disabled:
            raise Refusal(480, f"{other.username} is disabled")
        if account.usergroup and other.usergroup and account.usergroup != other.usergroup:
            raise Refusal(403, f"{other.username} is of another usergroup")
        for one, two in ((account, other), (other, account)):
            partners = self.profiles.of(one.id).allowedpartners
            if partners and not {str(two.id), two.username.lower()} & {word.lower() for word in partners}:
                raise Refusal(403, f"{two.username} is not among the allowedpartners of {one.username}")

    def _members(self, plan, other, profile):
        """The accounts that ring: the ring group's, itself among them only if it names itself."""
        members = []
        for word in profile.ringgroup[:MEMBERS]:
            found, _ = self.directory.find(word)
            if found is not None and found not in members and found.type not in OUTBOUND:
                members.append(found)
        return members or [other]

    def _forward(self, plan, caller, account, other, target, number, mark, condition, depth, optional=False):
        """Stages of a forward: the caller pays his call to `other`, `other` pays the rest."""
        if target.lower() in VOICEMAIL:
            if optional:
                return
            raise Refusal(501, "voicemail is not there")
        first = len(plan.stages)
        try:
            self._state(plan, other)
            self._go(plan, caller, other, target, "FWD", condition, depth + 1)
        except Refusal as refusal:
            if not optional:
                raise
            return plan.note(f"but {target} cannot be called: {refusal.reason}")
        own = self._charges(account, number, other, mark)
        for stage in plan.stages[first:]:
            stage.charges = own + stage.charges

    def _device(self, caller, account, other):
        return self._shown(Destination("account", other, other.username), caller, account, self.profiles.of(other.id),
                           False)

    # -- outside -----------------------------------------------------------------------------------

    def _outside(self, plan, caller, account, number, mark, condition):
        if not number.lstrip("+")[:1].isdigit():
            raise Refusal(404, f"{number} is nobody here")
        profile = self.profiles.of(account.id)
        if (profile.enabledprefixes or profile.blockprefixes) and not permitted(
                number, profile.enabledprefixes, profile.blockprefixes):
            raise Refusal(403, f"{account.username} may not call {number} (enabledprefixes, blockprefixes)")
        moved = self.ported.find(number)
        routed = number
        if moved is not None:
            routed = moved.providerpx + (moved.newnumber or number)
            plan.note(f"ported: routed as {routed}" + (f" to {moved.newdomain}" if moved.newdomain else ""))
        above = self._above(account)
        charges = self._charges(account, number, None, mark)
        if charges[0].rate is None:
            raise Refusal(404 if not self.routing.takes(routed) else 403, f"no price for {number}")
        plan.charge = plan.charge or charges[0]
        rate = charges[0].rate
        plan.note(f"price: prefix {rate.prefix or 'any'} {rate.destination or ''} at {decimal(rate.tariff.minute)}"
                  f" {rate.currency}/min, paid by {charges[0].payer.username}".replace("  ", " "))
        routes = self.routing.routes(Asker(account, caller.number, above), routed, self._lines, plan.trace)
        if not routes:
            raise Refusal(503 if self.routing.takes(routed) else 404, f"no trunk takes {routed}")
        for at, route in enumerate(routes):
            to = Destination("trunk", route.account, route.number)
            to.cost = self.rates.find(route.account, number, kind=PROVIDER) if self.rates.has(PROVIDER) else None
            if moved is not None:
                to.domain, to.port = moved.newdomain, moved.newport
            self._shown(to, caller, account, route.profile, True)
            plan.add(Stage([to], TRUNK_SECONDS, condition if not at else "failed", charges))
            plan.note(f"trunk {route.account.username} ({to.domain or route.profile.host}) as {route.number}, priority"
                      f" {route.row.priority}" + (", it rests: only if the others fail" if route.resting else ""))

    def _lines(self, id):
        return self.board.lines(id, below=False)

    # -- what it costs -----------------------------------------------------------------------------

    def _charges(self, account, number, other, mark):
        """[Charge] of an account's call; calls to accounts here are free unless there is a price."""
        rate = self.rates.find(account, number) if other is None or number[:1].isdigit() else None
        levels = self.rates.levels(account, number) if rate is not None else ()
        return [Charge(account, self.payer(account), number, rate, levels, other, mark)]

    # -- what is shown -----------------------------------------------------------------------------

    def _shown(self, to, caller, account, profile, trunk):
        """Caller's number as the other side sees it (cli of whoever calls and of whoever is called)."""
        own = self.profiles.of(caller.account.id)
        policy = profile.cli
        number = caller.number or caller.account.telnumber or caller.account.username
        hide = HIDE_ALL if HIDE_ALL in (policy, own.cli) else HIDE if HIDE in (policy, own.cli) or (
            caller.private and policy != ALWAYS) else 0
        to.caller, to.display = number, "" if hide else caller.display or own.displayname
        to.hidden = bool(hide)
        if hide != HIDE_ALL and (policy == ASSERT or trunk and (hide == HIDE or policy == ASSERT_TRUSTED)):
            to.asserted = number
        return to
