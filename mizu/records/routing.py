"""Which trunks take a call, in their order (tb_routing): compiled in memory, asked once a call.

A row fits by caller (callertype, callerpattern: his number or user name), prefix of the called number and time; several
prefixes may stand in one row.  The order: the lower priority, then the longer prefix, then what `brs_lcr` says, then
chance by weight (0 comes last).  A trunk that has failed lately is tried after all others.

    brs_lcr   0 priority only   2 least cost   4 best route   5 best route for its cost   1, 3 as 0, 2, without GSM

`rewrite` changes the number that is sent: rules old>new of its beginning, separated by commas, the first that fits
(0036>0, >00); then the technical prefix of the row, else the trunk's, is put in front.  Rows that cannot be understood
are left out and reported.
"""

import re

from ..base.errors import ApiError
from .account import GSM, ISDN, SERVER
from .callprofile import permitted, prefixes
from .dialpattern import Pattern
from .quality import Qualities
from .rates import PROVIDER

VOICE = frozenset((SERVER, GSM, ISDN))
"""Types of accounts that calls are routed to."""

PRIORITY_ONLY, PRIORITY_NO_GSM, LEAST_COST, LEAST_COST_NO_GSM, BEST, BOTH = range(6)
_NO_GSM = (PRIORITY_NO_GSM, LEAST_COST_NO_GSM)
_BY_COST = (LEAST_COST, LEAST_COST_NO_GSM, BOTH)
_BY_QUALITY = (BEST, BOTH)
MODES = ("priority only", "priority only, without GSM", "least cost", "least cost, without GSM", "best route",
         "best route for its cost")

ROWS = 50_000
"""Rows that are compiled: 40 MB; those beyond are reported."""

MOST = 20
"""Trunks of one call: nobody waits for more."""

SHOWN = 30
"""Sentences on rows that do not fit."""

_SELECT = ("SELECT id, name, callerpattern, callertype, prefix, timetype, serverid, priority, weight, techprefix,"
           " rewrite FROM tb_routing WHERE enabled <> 0 ORDER BY id LIMIT ?")
_REWRITE = re.compile(r"\s*([0-9*#+]*)\s*>\s*([0-9A-Za-z*#+]*)\s*", re.ASCII)

NO_COST = float("inf")


class Row:
    """One row, compiled."""
    __slots__ = ("id", "name", "pattern", "callertype", "prefixes", "timetype", "serverid", "priority", "weight",
                 "techprefix", "rewrite")

    def __init__(self, row):
        (self.id, self.name, pattern, callertype, prefix, timetype, self.serverid, priority, weight, techprefix,
         rewrite) = row
        for value in (callertype, timetype, self.serverid, priority, weight):
            if value is not None and value.__class__ is not int:
                raise ApiError(422, f"takes a whole number, not {str(value)[:40]!r}")
        self.pattern = Pattern(pattern) if pattern else None
        self.callertype = -1 if callertype is None else callertype
        self.prefixes = prefixes(prefix) or ("",)
        self.timetype = 10 if timetype is None else timetype
        self.priority = 7 if priority is None else priority
        self.weight = max(1 if weight is None else weight, 0)
        self.techprefix = str(techprefix or "").strip()
        self.rewrite = parse_rewrite(rewrite)

    def fits(self, caller):
        """Whether it is for this Asker."""
        if self.callertype >= 0 and self.callertype != caller.type:
            return False
        return self.pattern is None or bool(self.pattern.matches(caller.number) or self.pattern.matches(caller.name))

    def unfit(self, caller):
        """Why it is not, or "" """
        if self.fits(caller):
            return ""
        if self.callertype not in (-1, caller.type):
            return f"it is for callers of type {self.callertype}"
        return f"it is for callers like {self.pattern.text}"

    def sent(self, number, techprefix):
        """The number as the trunk gets it."""
        for old, new in self.rewrite:
            if number.startswith(old):
                number = new + number[len(old):]
                break
        return (self.techprefix or techprefix) + number


class Asker:
    """Who calls, as routes see him: type and user name of the account, his number, ids and names of the account and
    those above it; senders: ids of trunks that sent the call, which do not get it back."""
    __slots__ = ("type", "name", "number", "partners", "senders")

    def __init__(self, account, number, above=(), senders=()):
        self.type = account.type
        self.name = account.username
        self.number = number
        self.senders = senders
        self.partners = {text for each in (account, *above) for text in (str(each.id), each.username.lower())}


class Route:
    """A trunk that takes the call: row, account, profile, number to send, cost (micro-units a minute or NO_COST; only
    where the mode asks for it), quality (0 … 1)."""
    __slots__ = ("row", "account", "profile", "number", "cost", "dear", "quality", "resting", "rank")

    def __init__(self, row, account, profile, number):
        self.row = row
        self.account = account
        self.profile = profile
        self.number = number
        self.cost = NO_COST
        self.dear = False           # its cost is asked for and unknown
        self.quality = 1.0
        self.resting = False
        self.rank = ()


class Routing:
    """db, settings (brs_lcr), clock, users, profiles, rates (moment, find), entropy.

    resting(account)   whether a trunk has failed lately, set by whoever sends it calls
    quality            Qualities: what calls over each trunk came to
    """

    def __init__(self, db, settings, clock, users, profiles, rates, entropy):
        self.db = db
        self.settings = settings
        self.clock = clock
        self.users = users
        self.profiles = profiles
        self.rates = rates
        self.entropy = entropy
        self.resting = lambda account: False
        self.quality = Qualities(clock)
        self.faults = []
        self._rows = None           # {prefix: [Row]}
        self._lengths = ()          # of the prefixes, the longest first
        self._costs = (None, {})
        db.on_touched.append(self._touched)

    def reload(self):
        """Read the rows again when they are next asked for."""
        self._rows = None
        self._costs = (None, {})

    def _touched(self, table, ids):
        if table in ("tb_routing", "tb_users", "tb_billentries", "tb_billingtimes", "tb_currencies"):
            self._costs = (None, {})
            if table == "tb_routing":
                self._rows = None

    def __len__(self):
        rows = self._read() if self._rows is None else self._rows
        return len({row.id for some in rows.values() for row in some})

    # -- asking ------------------------------------------------------------------------------------

    def routes(self, asker, number, lines, trace):
        """[Route] for a number in normal form, the best first; `trace` is told why others are not among them.

        lines   callable(account id): calls that it has just now
        """
        mode = self.settings.brs_lcr
        found, order = {}, (mode in _BY_COST, mode in _BY_QUALITY)
        rows = self._matching(asker, number)
        for prefix, row in rows:
            if row.serverid not in found:       # the first way to a trunk is the best one
                route = self._route(row, asker, number, mode, lines, trace)
                found[row.serverid] = route
                if route is not None:
                    self._weigh(route, prefix, number, *order)
        routes = [route for route in found.values() if route is not None]
        if len(routes) > 1:
            routes.sort(key=lambda route: route.rank)
            self._shuffle(routes)
        if not rows:
            trace.append(f"no route takes {number}")
        return routes[:MOST]

    def unfit(self, asker, number):
        """Why other rows of that number are not for this caller or not for now, and the rows that nobody understands:
        at most SHOWN sentences."""
        rows = self._read() if self._rows is None else self._rows
        types = self.rates.moment(self.clock.now()).types
        told = []
        for row in [row for length in self._lengths if length <= len(number) for row in rows.get(number[:length], ())]:
            why = row.unfit(asker) or ("" if row.timetype in types else f"it is not its time (timetype {row.timetype})")
            if why:
                told.append(f"route {row.name or row.id} to {self._name(row)} is left out: {why}")
        return [*told, *[f"a route is left out: {fault}" for fault in self.faults]][:SHOWN]

    def _name(self, row):
        account = self.users.by_id(row.serverid)
        return account.username if account is not None else f"account {row.serverid}"

    def takes(self, number):
        """The ids of the trunks that have a row for that number, whoever calls and when."""
        rows = self._read() if self._rows is None else self._rows
        return {row.serverid for length in self._lengths if length <= len(number)
                for row in rows.get(number[:length], ())}

    def _matching(self, asker, number):
        """[(prefix, Row)] that fit, by priority, then the longest prefix."""
        rows = self._read() if self._rows is None else self._rows
        types = self.rates.moment(self.clock.now()).types
        found = []
        for length in self._lengths:
            prefix = number[:length]
            if length <= len(number) and prefix in rows:
                found += [(prefix, row) for row in rows[prefix] if row.timetype in types and row.fits(asker)]
        found.sort(key=_first)
        return found

    def _route(self, row, asker, number, mode, lines, trace):
        """The Route to a row's trunk, or None with the reason told."""
        account = self.users.by_id(row.serverid)
        profile = account and self.profiles.of(account.id)
        why = "there is no such account" if profile is None else self._refusal(account, profile, asker, number, mode,
                                                                               lines)
        if why:
            trace.append(f"route {row.name or row.id} to {self._name(row)} is left out: {why}")
            return None
        return Route(row, account, profile, row.sent(number, profile.techprefix))

    def _refusal(self, account, profile, asker, number, mode, lines):
        """Why a trunk does not get the call, or "" """
        if account.id in asker.senders:
            return "the call comes from it"
        if account.type not in VOICE:
            return "it takes no calls by its type"
        if not account.enabled or account.disabled == 1:
            return "it is disabled"
        if mode in _NO_GSM and account.type == GSM:
            return "GSM targets are left out (brs_lcr)"
        if not profile.host:
            return "it has neither a domain name nor an address"
        if (profile.enabledprefixes or profile.blockprefixes) and not permitted(
                number, profile.enabledprefixes, profile.blockprefixes):
            return "its prefixes do not allow the number"
        if profile.allowedpartners and not partner(profile.allowedpartners, asker):
            return "the caller is not among its allowedpartners"
        if profile.maxlines > 0 and lines(account.id) >= profile.maxlines:
            return f"all its {profile.maxlines} lines are in use"
        return ""

    # -- the order ---------------------------------------------------------------------------------

    def _weigh(self, route, prefix, number, by_cost, by_quality):
        row = route.row
        route.resting = bool(self.resting(route.account))
        if by_quality:
            route.quality = self.quality.score(route.account.id)
        if by_cost:
            route.cost = self.cost(route.account, number)
            route.dear = route.cost == NO_COST
        merit = -route.quality if not by_cost else route.cost / route.quality if by_quality else route.cost
        route.rank = route.resting, row.priority, -len(prefix), merit, row.weight == 0

    def cost(self, account, number):
        """Micro-units a minute of a trunk's own price in the default currency, NO_COST without one; remembered for the
        minute."""
        minute, costs = self._costs
        now = self.clock.now() // 60
        if minute != now or len(costs) > ROWS:
            self._costs = now, costs = now, {}
        found = costs.get((account.id, number))
        if found is None:
            try:
                rate = self.rates.find(account, number, kind=PROVIDER)
            except ApiError:
                rate = None
            found = costs[account.id, number] = NO_COST if rate is None else self._in_default(rate)
        return found

    def _in_default(self, rate):
        """Prices of several currencies compared in one."""
        try:
            bought, per = self.rates.currencies.exchange(rate.currency, self.rates.currencies.named(""))
        except ApiError:
            return NO_COST
        return rate.tariff.minute * bought / per

    def _shuffle(self, routes):
        """By chance and weight among those that are alike, in place."""
        start = 0
        for end in range(1, len(routes) + 1):
            if end == len(routes) or routes[end].rank != routes[start].rank:
                if end - start > 1:
                    routes[start:end] = self._drawn(routes[start:end])
                start = end

    def _drawn(self, alike):
        order = []
        while len(alike) > 1:
            total = sum([route.row.weight for route in alike]) or len(alike)
            draw = int.from_bytes(self.entropy.bytes(4), "big") * total >> 32
            at = 0
            while at < len(alike) - 1 and draw >= (alike[at].row.weight or 1):
                draw -= alike[at].row.weight or 1
                at += 1
            order.append(alike.pop(at))
        return order + alike

    # -- the table ---------------------------------------------------------------------------------

    def _read(self):
        self.faults = []
        found = {}
        rows = self.db.rows(_SELECT, (ROWS + 1,))
        for row in rows[:ROWS]:
            try:
                compiled = Row(row)
                for prefix in compiled.prefixes:
                    found.setdefault(prefix, []).append(compiled)
            except (ApiError, TypeError, AttributeError) as error:
                self.faults.append(f"tb_routing.id {row[0]}: {getattr(error, 'message', error)}")
        if len(rows) > ROWS:
            self.faults.append(f"tb_routing has more than {ROWS} rows: those beyond are not used")
        self._lengths = tuple(sorted({len(prefix) for prefix in found}, reverse=True))
        self._rows = found
        return found


def _first(pair):
    prefix, row = pair
    return row.priority, -len(prefix)


def partner(allowed, asker):
    """Whether one of the ids or user names of a list is the asker's, or of an account above his."""
    return any(word.lower() in asker.partners for word in allowed)


def parse_rewrite(text):
    """`0036>0, >00` -> [(old, new)]; ApiError 422 for anything else."""
    rules = []
    for part in str(text or "").split(",") if text else ():
        match = _REWRITE.fullmatch(part)
        if match is None:
            raise ApiError(422, f"rewrite takes old>new, not {part[:40]!r}")
        rules.append((match[1], match[2]))
    return rules
