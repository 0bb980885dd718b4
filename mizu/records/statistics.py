"""What is counted over call records: statistics and what they are grouped by (the manual's chapter Statistics).

One SELECT in a worker: sums over the records, grouped, and around them the formulas.  Money is added up in
micro-units.  Where records are in several currencies, each amount is turned into the default one by tb_currencies;
a column `currency` then says so, as it does where all are in one that is not the default.  A call succeeded if
somebody talked.
"""

import re

from ..base.clock import utc_text
from ..base.errors import ApiError, ConfigError
from ..base.message import Rows
from ..base.zone import Zone
from .cdrs import SUMMARY
from .periods import offsets, seconds

MONEY = ("enduser", "provider", "sales", "company", "other")
"""Sums of money, each of a column cost…"""

SUMS = {
    "cdrc": "count(*)",
    "sl": "sum(c.realduration)",
    "succ": "sum(c.realduration > 0)",
    "long": "sum(c.realduration >= 30)",
    **{name: f"sum(CAST(round(c.cost{name}{{rate}} * 1000000) AS INTEGER))" for name in MONEY},
    "setup": "avg(CASE WHEN c.realduration > 0 AND c.connectdate <> '' AND c.callstartdate <> ''"
             " THEN (julianday(c.connectdate) - julianday(c.callstartdate)) * 86400 END)",
    "packets": "sum(c.callerpackets + c.calledpackets)",
    "lost": "sum(c.callerlost + c.calledlost)",
    "jitter": "avg(CASE WHEN c.callerpackets + c.calledpackets > 0 THEN (c.callerjitter + c.calledjitter) / 2.0 END)",
}
"""What is summed up over the records of a group; callers' and called parties' media count the same."""


def _money(sum):
    return f"coalesce({sum}, 0) / 1000000.0"


def _ratio(part, whole, times="1.0", digits=2):
    return f"coalesce(round({times} * {part} / nullif({whole}, 0), {digits}), 0)"


STATISTICS = {
    "cdrc": {"cdrc": "coalesce(s.cdrc, 0)"},
    "sl": {"sl": "coalesce(s.sl, 0)"},
    "asr": {"asr": _ratio("s.succ", "s.cdrc", "100.0")},
    "acd": {"acd": _ratio("s.sl", "s.succ")},
    "endusercost": {"endusercost": _money("s.enduser")},
    "providercost": {"providercost": _money("s.provider")},
    "profit": {"profit": _money("(s.enduser - s.provider)")},
    "act": {"act": "coalesce(round(s.setup, 2), 0)"},
    "asrb": {"asrb": _ratio("s.long", "s.cdrc", "100.0")},
    "profit_percent": {"profit_percent": _ratio("(s.enduser - s.provider)", "s.enduser", "100.0")},
    "salescost": {"salescost": _money("s.sales")},
    "companycost": {"companycost": _money("s.company")},
    "othercost": {"othercost": _money("s.other")},
    "succ": {"succ": "coalesce(s.succ, 0)"},
    "rtp": {"rtp_packets": "coalesce(s.packets, 0)", "rtp_lost": _ratio("s.lost", "(s.packets + s.lost)", "100.0"),
            "rtp_jitter": "coalesce(round(s.jitter, 2), 0)"},
    "avg_endusercost": {"avg_endusercost": _ratio("s.enduser", "s.sl", "60.0 / 1000000", 6)},
    "avg_providercost": {"avg_providercost": _ratio("s.provider", "s.sl", "60.0 / 1000000", 6)},
}
"""Statistic -> {column: formula over the sums `s`}.  sl, acd and act are seconds, asr, asrb, profit_percent and
rtp_lost per cent, avg_… a minute's price, rtp_jitter milliseconds."""

INTERNAL = frozenset("providercost profit profit_percent salescost companycost othercost avg_providercost".split())
"""Figures that end users and resellers do not see."""

DEFAULT = "cdrc sl endusercost providercost".split()
DEFAULTS = {"min": DEFAULT[:2], "normal": DEFAULT, "all": [*DEFAULT, "profit"]}
"""`fields` -> the statistics of a grouping that names none."""

SUMMED = {"realduration": "sl", "costenduser": "endusercost", "costprovider": "providercost", "costsales": "salescost",
          "costcompany": "companycost", "costother": "othercost", **{name: name for name in SUMMARY}}
"""Column of a list of records -> the statistic that sums it up."""

_USERNAME = "coalesce((SELECT username FROM tb_users WHERE id = s.{0}), '')"
GROUPS = {
    "day": ("day", "strftime('%Y-%m-%d', c.datum, zone_offset)", "s.day"),
    "hour": ("hour", "CAST(strftime('%H', c.datum, zone_offset) AS INTEGER)", "s.hour"),
    "calleruser": ("callerid", "c.callerid", _USERNAME.format("callerid")),
    "caller": ("caller", "c.callernumber", "s.caller"),
    "callerid": ("callerid", "c.callerid", "s.callerid"),
    "calleduser": ("calledid", "c.calledid", _USERNAME.format("calledid")),
    "called": ("called", "c.callednumber", "s.called"),
    "calledid": ("calledid", "c.calledid", "s.calledid"),
}
"""Grouping -> (key, its expression over a record, what is shown of it)."""

TOTAL = "all"

_CURRENCY = "CASE WHEN coalesce(c.currency, '') = '' THEN :home ELSE upper(c.currency) END"
"""A record's; case does not count."""


def statistics_of(words, full):
    """Names of statistics from their words; 400 for unknown ones, 403 for those that only we see."""
    names = list(dict.fromkeys(words))
    for name in names:
        if name not in STATISTICS:
            raise ApiError(400, f"unknown statistic {name[:40]!r}, use {', '.join(STATISTICS)}, joined by -")
        if name in INTERNAL and not full:
            raise ApiError(403, f"the statistic {name} is for administrators")
    return names


def groups_of(words):
    """Names of groupings from their words, none for the total."""
    names = [name for name in dict.fromkeys(words) if name != TOTAL]
    for name in names:
        if name not in GROUPS:
            raise ApiError(400, f"unknown grouping {name[:40]!r}, use {', '.join(GROUPS)}, joined by -, or all")
    return names


class Statistics:
    """db, clock, settings (timezone, dbtimeout), currencies."""

    def __init__(self, db, clock, settings, currencies):
        self.db = db
        self.clock = clock
        self.settings = settings
        self.currencies = currencies
        self._zone = None

    @property
    def zone(self):
        """The Zone of the setting, for day borders; ApiError 501 where this host knows none of its name."""
        name = self.settings.timezone
        if self._zone is None or self._zone.name != name:
            try:
                self._zone = Zone(name)
            except ConfigError as error:
                raise ApiError(501, f"setting timezone: {error}") from None
        return self._zone

    async def rows(self, found, names, groups=(), limit=0, actor="", short=True):
        """Rows of statistics over the records that `found` (Chosen) means, a row a group in their order.

        names, groups  of statistics_of(), groups_of()
        short          days are month-day, unless two years have the same

        ApiError 422 where money is in several currencies and one of them has no rate.
        """
        pieces = self._pieces(found) if {"day", "hour"} & set(groups) else ()
        args = {**found.args, **{f"zone{at}_{part}": value for at, piece in enumerate(pieces)
                                 for part, value in zip(("from", "to", "offset"), piece)}}
        args["home"] = home = self.currencies.named("").upper()
        query = _Select(found, names, groups, len(pieces))
        rows = await self._query(query.sql(), args, limit, actor)
        if query.money:
            met = {name for row in rows.rows for name in row[-2:] if name is not None} or {home}
            if len(met) > 1:
                met = {name for name, in (await self._query(query.currencies(), args, 0, actor)).rows if name}
                rows = await self._query(query.sql(self._exchange(met)), args, limit, actor)
            told = () if met == {home} else (*met,) if len(met) == 1 else (home,)
            rows = Rows([*rows.columns[:-2], *["currency" for _ in told]], [(*row[:-2], *told) for row in rows.rows],
                        rows.truncated)
        if short and "day" in groups:
            _shorten(rows, groups.index("day"))
        return rows

    def _query(self, sql, args, limit, actor):
        return self.db.query(sql, args, limit=limit, timeout=self.settings.dbtimeout, actor=actor)

    def _exchange(self, names):
        """SQL that turns an amount of one of the currencies into the default one; ApiError 422 without a rate."""
        try:
            rates = [(name, *self.currencies.exchange(name, "")) for name in sorted(names)]
        except ApiError as error:
            raise ApiError(422, f"costs are in {', '.join(sorted(names))}: {error.message}; or ask for statistics"
                                " without money") from None
        quoted = [(name.replace("'", "''"), numerator, denominator) for name, numerator, denominator in rates]
        return f" * CASE {_CURRENCY}" + "".join([f" WHEN '{name}' THEN {float(numerator)!r} / {float(denominator)!r}"
                                                 for name, numerator, denominator in quoted]) + " END"

    async def summary(self, found, names, actor=""):
        """The row that sums up a list of records with the columns `names`; its id is the word summary."""
        summed = {name: SUMMED[name] for name in names if name in SUMMED}
        totals = (await self.rows(found, list(summed.values()), actor=actor)).dicts()[0]
        summed["currency"] = "currency"
        return tuple(["summary" if name == "id" else totals.get(summed.get(name)) for name in names])

    def _pieces(self, found):
        """[(from, to, modifier of strftime)]: where in the period the zone has which offset."""
        first, last = found.since, found.until
        if first is None or last is None:
            oldest, newest = self.db.row("SELECT (SELECT min(datum) FROM tb_cdrs), (SELECT max(datum) FROM tb_cdrs)")
            first, last = first or oldest, last or newest
        pieces = offsets(self.zone, self._moment(first), self._moment(last))
        begins = [found.since or "", *[utc_text(begin) for begin, _, _ in pieces[1:]]]
        ends = [*begins[1:], found.until or "~"]        # behind every date
        return [(begin, end, f"{piece[2]} seconds") for begin, end, piece in zip(begins, ends, pieces)]

    def _moment(self, text):
        try:
            return seconds(text or "")
        except ValueError:          # somebody's SQL wrote no date there
            return self.clock.now()


class _Select:
    """The SELECT of statistics; `money` if there are costs among them, whose first and last currency are its last
    columns."""

    def __init__(self, found, names, groups, pieces):
        shown = {column: sql for name in names for column, sql in STATISTICS[name].items()}
        self.found = found
        self.pieces = pieces
        self.keys = dict([GROUPS[group][:2] for group in groups])
        self.sums = {name: SUMS[name] for name in re.findall(r"\bs\.(\w+)", " ".join(shown.values()))}
        self.money = [f"c.cost{name}" for name in MONEY if name in self.sums]
        self.columns = [f'{GROUPS[group][2]} AS "{group}"' for group in groups]
        self.columns += [f'{sql} AS "{name}"' for name, sql in shown.items()]
        if self.money:
            met = f"CASE WHEN {' OR '.join([f'{each} <> 0' for each in self.money])} THEN {_CURRENCY} END"
            self.sums.update(first=f"min({met})", last=f"max({met})")
            self.columns += ["s.first", "s.last"]

    def sql(self, rate=""):
        """rate   SQL behind an amount, which turns it into the default currency"""
        sums = {name: sql.replace("{rate}", rate) for name, sql in self.sums.items()}
        inner = ", ".join([f"{sql} AS {key}" for key, sql in {**self.keys, **sums}.items()])
        by = f" GROUP BY {', '.join(str(at + 1) for at in range(len(self.keys)))}" if self.keys else ""
        order = f" ORDER BY {', '.join(f's.{key}' for key in self.keys)}" if self.keys else ""
        return (f"{self._zone()}SELECT {', '.join(self.columns)} FROM"
                f" (SELECT {inner} FROM ({_records(self.found, inner, self.pieces)}) c{by}) s{order}")

    def currencies(self):
        """The SELECT of all currencies that there are."""
        return f"{self._zone()}SELECT DISTINCT {_CURRENCY} FROM ({_records(self.found, _CURRENCY, self.pieces)}) c"

    def _zone(self):
        pieces = ", ".join(f"(:zone{at}_from, :zone{at}_to, :zone{at}_offset)" for at in range(self.pieces))
        return _ZONE.format(pieces) if self.pieces else ""


_ZONE = "WITH zone(zone_from, zone_to, zone_offset) AS (VALUES {}) "


def _records(found, sums, zoned):
    """The columns that sums and keys need, of the records of all sides."""
    names = dict.fromkeys(re.findall(r"\bc\.(\w+)", sums))
    listed = [f"{found.paid} AS costenduser" if name == "costenduser" else f"c.{name}" for name in names]
    source, period = f"{found.source} c", found.dated
    if zoned:
        listed.append("zone_offset")
        source, period = f"zone CROSS JOIN {source}", ("c.datum >= zone_from", "c.datum < zone_to")
    listed = ", ".join(listed) or "1"
    return " UNION ALL ".join([f"SELECT {listed} FROM {source} WHERE {found.where(side, period)}"
                               for side in found.sides])


def _shorten(rows, at):
    """Dates to month-day, unless two years have the same."""
    days = {row[at] for row in rows.rows if row[at]}
    if len({day[5:] for day in days}) == len(days):
        rows.rows = [(*row[:at], row[at] and row[at][5:], *row[at + 1:]) for row in rows.rows]
