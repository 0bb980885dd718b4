"""What call records would cost by the prices of now, and the differences booked: each once, however often it is run.

A record's costs say what has been charged so far; they change in the transaction that books the difference, to the
account that was charged, with the record's id.  So a second run finds nothing, a crash loses nothing, and two runs
cannot meet.  Charged are the caller's payer and the resellers of tb_cdrresellers: by the ledger's rows of the record,
and whoever would be now where it has none.  Costs of providers, sales, company and others change in the record alone.
Records are read in pages by key, and worked on in slices of a few milliseconds.
"""

from collections import deque

from ..base.errors import ApiError
from .account import OUTBOUND
from .periods import seconds
from .price import price
from .rates import COMPANY, ENDUSER, OTHER, PROVIDER, SALES
from .values import decimal

PAGE = 500
"""Records read at once."""

SLICE = 0.003
"""Seconds of work in one turn of the loop, and of rest behind it."""

WARNINGS = 1000
"""Records that are told one by one."""

NOT_CALLS = ("SMS", "FAX", "FAIL")
"""tb_cdrs.mark of what a price per minute is not for."""

_COSTS = ((PROVIDER, "costprovider"), (SALES, "costsales"), (COMPANY, "costcompany"), (OTHER, "costother"))
"""Prices of our side: type of the list, column."""

_MONEY = ", ".join([f"CAST(round(coalesce(c.{column}, 0) * 1000000) AS INTEGER)"
                    for column in ("costenduser", *[column for _, column in _COSTS])])

_CHOSEN = f"""FROM tb_cdrs c WHERE c.datum >= :since AND c.datum < :until AND c.realduration > 0
    AND coalesce(c.mark, '') NOT IN ({', '.join(map(repr, NOT_CALLS))})
    AND (:usertype IS NULL OR c.callerid IN (SELECT id FROM tb_users WHERE type = :usertype))
    AND (:parent IS NULL OR c.callerid IN (WITH RECURSIVE tree(id) AS (SELECT :parent UNION
        SELECT u.id FROM tree JOIN tb_users u ON u.parentid = tree.id AND u.parentid <> 0) SELECT id FROM tree))"""

_PAGE = f"""SELECT c.id, c.datum, c.connectdate, c.callerid, c.calledid, c.callednumber, c.realduration,
    coalesce(c.currency, ''), {_MONEY} {_CHOSEN}
    AND (c.datum > :since OR c.id > :last) ORDER BY c.datum, c.id LIMIT {PAGE + 1}"""

_LEVELS = """SELECT id, cdrid, resellerid, coalesce(currency, ''), CAST(round(coalesce(cost, 0) * 1000000) AS INTEGER)
    FROM tb_cdrresellers WHERE cdrid IN ({})"""

_CHARGED = """SELECT cdrid, userid, -sum(amount_u) FROM tb_ledger WHERE cdrid <> 0 AND cdrid IN ({})
    GROUP BY cdrid, userid ORDER BY cdrid, min(id)"""

_UNCHANGED = "CAST(round(coalesce({column}, 0) * 1000000) AS INTEGER) = ?"


class Change:
    """One figure of one record that would be another one: `payer` is whom the difference is booked to, or None."""
    __slots__ = ("table", "column", "id", "cdrid", "payer", "old", "new", "rate")

    def __init__(self, table, column, id, cdrid, payer, old, new, rate):
        self.table = table
        self.column = column
        self.id = id
        self.cdrid = cdrid
        self.payer = payer
        self.old = old
        self.new = new
        self.rate = rate


class Result:
    """How far it is, and what has come of it; money in micro-units.

    total     records that were there at the start, None before they are counted
    records   those that have been looked at; changed  those with another figure now
    accounts  {id: [username, currency, changed records, before, after]} of those with a difference
    unrated   records that could not be rated; warnings  [(cdrid, text)] of the first of them
    """
    __slots__ = ("total", "records", "changed", "accounts", "unrated", "warnings")

    def __init__(self):
        self.total = None
        self.records = self.changed = self.unrated = 0
        self.accounts = {}
        self.warnings = []

    def warn(self, cdrid, text):
        if len(self.warnings) < WARNINGS:
            self.warnings.append((cdrid, text))


class Rebill:
    """db, clock, users, ledger, rates (records), settings (dbtimeout); pause(seconds): a Future of a rest."""

    def __init__(self, db, clock, users, ledger, rates, settings, pause):
        self.db = db
        self.clock = clock
        self.users = users
        self.ledger = ledger
        self.rates = rates
        self.settings = settings
        self.pause = pause
        self.running = None         # the Result of a run under way

    async def run(self, since, until, usertype=None, parent=None, dryrun=False, margins=False, actor="",
                  stopping=lambda: False):
        """Rate the calls that ended from `since` to before `until` (UTC text) anew; returns the Result.  ApiError 422
        while another one runs, 503 once `stopping()`: what has been booked until then stays booked.

        usertype, parent   only callers of that type, and those in the tree of that account
        dryrun             nothing is written
        margins            warn of calls that cost more than they bring
        """
        if self.running is not None:
            raise ApiError(422, f"rebill is running: {self.running.records} of {self.running.total or '?'} records")
        result = self.running = Result()
        args = {"since": since, "until": until, "usertype": usertype, "parent": parent, "last": 0}
        work = _Work(self, result, dryrun, margins, actor)
        try:
            result.total = (await self._query(f"SELECT count(*) {_CHOSEN}", args, actor)).rows[0][0]
            while True:
                page = await self._query(_PAGE, args, actor)
                await self._page(page.rows[:PAGE], work, stopping)
                if len(page.rows) <= PAGE:
                    return result
                args["last"], args["since"] = page.rows[PAGE - 1][:2]
        finally:
            self.running = None

    async def _page(self, rows, work, stopping):
        levels, charged = {}, {}
        if rows:
            ids = ",".join([str(row[0]) for row in rows])
            for row in (await self._query(_LEVELS.format(ids), {}, work.actor)).rows:
                levels.setdefault(row[1], []).append(row)
            for cdrid, userid, sum in (await self._query(_CHARGED.format(ids), {}, work.actor)).rows:
                charged.setdefault(cdrid, {})[userid] = sum
        queue = deque(rows)
        while queue:
            if stopping():
                raise ApiError(503, f"the server stops after {work.result.records} records: run it again")
            await self.db.gate()
            work.slice(queue, levels, charged)
            await self.pause(SLICE)

    def _query(self, sql, args, actor):
        return self.db.query(sql, args, limit=0, timeout=self.settings.dbtimeout, actor=actor)


class _Work:
    """One run's slices."""

    def __init__(self, rebill, result, dryrun, margins, actor):
        self.db = rebill.db
        self.users = rebill.users
        self.ledger = rebill.ledger
        self.rates = rebill.rates
        self.monotonic = rebill.clock.monotonic
        self.result = result
        self.dryrun = dryrun
        self.margins = margins
        self.actor = actor

    def slice(self, queue, levels, charged):
        """Records from the front of the queue, for SLICE seconds; one unit for what has changed in them."""
        until = self.monotonic() + SLICE
        planned = []
        while queue:
            row = queue.popleft()
            self.result.records += 1
            try:
                planned.append(self._plan(row, levels.get(row[0], ()), charged.get(row[0], {})))
            except ApiError as error:
                self.result.unrated += 1
                self.result.warn(row[0], error.message)
            if self.monotonic() > until:
                break
        planned = [changes for changes in planned if changes]
        if self.dryrun:
            for changes in planned:
                self._count(changes)
        elif planned:
            self._apply(planned)

    # -- what would be

    def _plan(self, row, levels, sums):
        """The Changes of one record; ApiError says why it cannot be rated.

        sums   {userid: what the ledger says that it was charged for the record}, in the order of the bookings
        """
        cdrid, datum, connected, callerid, calledid, called, duration, currency, charged, *costs = row
        number, when = self.rates.form.normal(called or ""), _answered(connected, datum, duration)
        caller = self._account(callerid)
        shares = [("tb_cdrs", "costenduser", cdrid, caller, currency, charged)]
        shares += [("tb_cdrresellers", "cost", id, self._account(resellerid), own, cost)
                   for id, _, resellerid, own, cost in levels]
        payers = _charged(sums, [(self.rates.payer(share[3]).id, share[5]) for share in shares])
        changes = []
        for (table, column, id, account, own, cost), payer in zip(shares, map(self._account, payers)):
            rate, share = self._price(account, payer, number, when, duration, own)
            changes.append(Change(table, column, id, cdrid, payer, cost, share, rate))
        paid = changes[0].new
        for (kind, column), cost in zip(_COSTS, costs):
            new = self._cost(kind, caller, calledid, number, when, duration, currency, cost)
            changes.append(Change("tb_cdrs", column, cdrid, cdrid, None, cost, new, None))
            if self.margins and kind == PROVIDER and new > paid:
                self.result.warn(cdrid, f"costs {decimal(new):g} and brings {decimal(paid):g}")
        return [change for change in changes if change.new != change.old]

    def _account(self, id):
        account = self.users.by_id(id)
        if account is None:
            raise ApiError(404, f"account {id} is gone")
        return account

    def _price(self, account, payer, number, when, duration, currency):
        """(Rate, what the payer of an account is charged); the record's currency must be his."""
        rate = self.rates.find(account, number, when, ENDUSER, payer)
        if rate is None:
            raise ApiError(404, f"no price for {number} of {account.username}")
        if not self.rates.currencies.same(currency, rate.currency):
            raise ApiError(422, f"was charged in {currency or 'the default currency'}, {payer.username} has"
                                f" {rate.currency} now")
        return rate, price(rate.tariff, duration)

    def _cost(self, kind, caller, calledid, number, when, duration, currency, old):
        """What a call costs us by one kind of list, in the record's currency; as before where none holds."""
        account = self.users.by_id(calledid) if kind == PROVIDER else caller
        if account is None or kind == PROVIDER and account.type not in OUTBOUND:
            return old
        rate = self.rates.find(account, number, when, kind)
        if rate is None:
            return old
        return self.rates.currencies.convert(price(rate.tariff, duration), rate.currency, currency)

    # -- what is

    def _apply(self, planned):
        touched = set()
        with self.db.unit(actor=self.actor, kind="rebill") as unit:
            for changes in planned:
                try:
                    with self.db.unit():
                        booked = [change for change in changes if self._book(unit, change)]
                except ApiError as error:       # a balance beyond all bounds, an account that has just gone
                    self.result.unrated += 1
                    self.result.warn(changes[0].cdrid, error.message)
                    continue
                self._count(booked)
                touched.update(change.payer.id for change in booked if change.payer is not None)
        self.users.reload(touched)

    def _book(self, unit, change):
        """Write one figure and its difference; False if the record says something else by now."""
        sets = [f"{change.column} = ?"]
        values = [decimal(change.new)]
        if change.rate is not None:
            sets += ["unitprice = ?", "billingentry = ?"]
            values += [decimal(change.rate.price), change.rate.entry.id]
        if change.column == "costenduser":
            sets.append("billingstep = ?")
            values.append(change.rate.tariff.billingstep)
        done = unit.run(f"UPDATE {change.table} SET {', '.join(sets)} WHERE id = ? AND "
                        + _UNCHANGED.format(column=change.column), (*values, change.id, change.old)).rowcount
        if done and change.payer is not None:
            self.ledger.add(unit, change.payer, change.old - change.new, "rebill", self.actor,
                            comment=f"call {change.cdrid} rated anew", cdrid=change.cdrid)
        return bool(done)

    def _count(self, changes):
        self.result.changed += bool(changes)
        for change in changes:
            if change.payer is None:
                continue
            told = self.result.accounts.setdefault(
                change.payer.id, [change.payer.username, change.rate.currency, 0, 0, 0])
            told[2] += 1
            told[3] += change.old
            told[4] += change.new


def _charged(sums, figures):
    """Who was charged for the figures of a record: ids in their order.

    sums      {userid: micro-units of the ledger}, the caller's payer first
    figures   [(who would be charged now, what has been charged)]
    """
    left, found = dict(sums), []
    now = [payer for payer, _ in figures]
    for at, (payer, cost) in enumerate(figures):
        others = {*now[:at], *now[at + 1:]} - {payer}
        exact = [id for id, sum in left.items() if sum == cost]
        likely = [id for id, sum in left.items() if cost and (sum > cost or id not in others)]
        charged = exact[0] if exact else payer if payer in left or not likely else likely[0]
        if exact:
            del left[charged]
        elif charged in left:
            left[charged] -= cost
        found.append(charged)
    return found


def _answered(connected, datum, duration):
    """Unix seconds at which a call was answered: prices and times of the day are those of that moment."""
    for text, back in ((connected, 0), (datum, duration)):
        try:
            return seconds(text) - back
        except (TypeError, ValueError):
            continue
    raise ApiError(422, f"its date cannot be read: {datum[:40]}")
