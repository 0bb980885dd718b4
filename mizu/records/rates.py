"""Which price holds for whom: tb_billentries (price lists and their rules), tb_billingtimes (prefixes), tb_holidays.

The entry of one account comes first; where it has no price for a number, the list does: the first that is set of the
account's packet, its parent's own list, the parent's packet, and so on upwards, at last the default list (entries of
no user, packet or parent).  A list is every entry of that place, so it may be one entry with all prefixes or one per
destination.  In it the longest prefix with a price that holds now wins, then the more specific time type, then the
entry that is valid since later, then the newer row.

Entries are in memory, prefixes are read by index: the prefixes of a number in one statement.
"""

from functools import lru_cache

from ..base.clock import utc_text
from ..base.errors import ApiError, ConfigError
from ..base.zone import Zone
from . import account as accounts
from .numberform import NumberForm
from .price import MICRO, Tariff
from .timetype import SPECIFIC, Moment
from .users import DEPTH

ENDUSER, PROVIDER, SALES, COMPANY, OTHER = 1, 2, 3, 4, 5
"""tb_billentries.type: whose price it is."""

LONGEST_PREFIX = 24
"""Digits of a number that are compared: E.164 has 15, a technical prefix in front a few."""

OWN = 20_000
"""Accounts whose own entries (or that they have none) are remembered."""

RATES = 20_000
"""Prices that are kept with what follows from them: 20 MB."""

LEAVES = 20_000
"""Prefixes without a longer one whose prices are kept: 10 MB."""

_COLUMNS = ("id", "name", "currency", "type", "billingstep", "minammount", "freeammount", "freeafter", "connectfee",
            "vatincluded", "vatvalue", "packetid", "userid", "parentid", "validfrom", "validto")

_ENTRIES = f"""
SELECT {', '.join(_COLUMNS)},
       (SELECT prefix FROM tb_billingtimes WHERE entryid = e.id ORDER BY prefix LIMIT 1),
       (SELECT prefix FROM tb_billingtimes WHERE entryid = e.id ORDER BY prefix DESC LIMIT 1)
FROM tb_billentries e WHERE """


@lru_cache(1024)
def _prices(entries, prefixes):
    """The statement for so many entries and prefixes."""
    return ("SELECT id, entryid, prefix, destination, price, timetype, fromtime, totime, day FROM tb_billingtimes"
            f" WHERE entryid IN ({','.join('?' * entries)}) AND prefix IN ({','.join('?' * prefixes)})")


@lru_cache(1024)
def _longer(entries):
    """The statement that tells whether there are longer prefixes in so many entries."""
    return ("SELECT EXISTS (SELECT 1 FROM tb_billingtimes"
            f" WHERE entryid IN ({','.join('?' * entries)}) AND prefix > ? AND prefix < ?)")


class Entry:
    """One row of tb_billentries; `stem` is what all its prefixes begin with, None if it has none."""
    __slots__ = (*_COLUMNS, "stem")

    def __init__(self, row):
        for name, value in zip(_COLUMNS, row):
            setattr(self, name, value)
        first, last = row[len(_COLUMNS):]
        self.stem = None if first is None else _common(first, last)
        self.vatincluded = self.vatincluded != 0
        self.validfrom, self.validto = _moment(self.validfrom), _moment(self.validto)

    def is_valid(self, utc):
        """At a moment (UTC text); a `validto` without a time holds until the end of its day."""
        return self.validfrom <= utc and (not self.validto or utc[:len(self.validto)] <= self.validto)

    def tariff(self, price, rate):
        """The Tariff of a price (micro-units a minute) under the entry's rules."""
        return Tariff(price, _micros(self.connectfee), self.billingstep, self.minammount, self.freeammount,
                      self.freeafter, self.vatincluded, self.vatvalue, rate)


class PriceList:
    """Entries of one place, by what their prefixes begin with: an entry per destination is found as fast as one."""
    __slots__ = ("entries", "_stems")

    def __init__(self, entries=()):
        self.entries = []
        self._stems = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry):
        if entry.stem is not None:
            self.entries.append(entry)
            self._stems.setdefault(entry.stem, []).append(entry)

    def near(self, prefixes):
        """Entries that may hold one of the prefixes of a number, those with the shortest stem first."""
        stems = self._stems
        return [entry for prefix in prefixes if prefix in stems for entry in stems[prefix]]


class Rate:
    """What was found for a number: fixed when a call is answered.

    prefix, destination, timetype, timeid   the row of tb_billingtimes
    entry      Entry: its rules; `entry.currency` may be empty, for the default currency
    price      micro-units a minute as the list has it
    currency   the payer's, which `tariff` turns everything into
    tariff     for price() and maximum_duration()
    """
    __slots__ = ("timeid", "prefix", "destination", "timetype", "entry", "price", "currency", "tariff")

    def __init__(self, row, entry, currency, rate):
        self.timeid, _, self.prefix, self.destination, price, self.timetype = row[:6]
        self.entry = entry
        self.price = _micros(price)
        self.currency = currency
        self.tariff = entry.tariff(self.price, rate)

    def __repr__(self):
        return f"Rate({self.prefix!r}, {self.price})"


class Rates:
    """db, settings (timezone, country, peakhours …), clock, users, currencies; payer(account): who is charged for an
    account, whose currency everything is turned into; log or None.

    form   NumberForm: numbers as prefixes are compared with them
    """

    def __init__(self, db, settings, clock, users, currencies, payer, log=None):
        self.db = db
        self.settings = settings
        self.clock = clock
        self.users = users
        self.currencies = currencies
        self.payer = payer
        self.log = log
        self.form = NumberForm(settings)
        self._lists = None          # {(type, packetid, parentid): PriceList}
        self._own = {}              # {userid: {type: PriceList}}
        self._leaves = {}           # {ids of entries: {prefix without a longer one: rows of it and its own prefixes}}
        self._leaf_count = 0
        self._rates = {}            # {(row of tb_billingtimes, currency): Rate}
        self._kinds = None          # types of all entries
        self._moment = (None, None)
        self._zone = None
        self._holidays = None
        db.on_touched.append(self._touched)

    def reload(self):
        """After a change of settings, or one of the tables by somebody else: read again what is asked for."""
        self._lists = self._zone = self._holidays = self._kinds = None
        self._own.clear()
        self._rates.clear()
        self._leaves, self._leaf_count = {}, 0
        self._moment = (None, None)

    def _touched(self, table, ids):
        if table in ("tb_billentries", "tb_billingtimes", "tb_holidays", "tb_currencies"):
            self.reload()

    # -- the price ---------------------------------------------------------------------------------

    def find(self, account, number, when=None, kind=ENDUSER, payer=None):
        """The Rate of an account (None: of nobody in particular) towards a number in normal form, at a moment (unix
        seconds, now without it); None where no price holds.  ApiError 501 or 500 where it cannot be computed.

        payer   whose currency it is told in; without one that of whoever is charged for the account
        """
        when = self.clock.now() if when is None else when
        utc = utc_text(when)
        number = number[:LONGEST_PREFIX]
        prefixes = [number[:end] for end in range(len(number) + 1)]
        for plan, decides in self._plans(account, kind):
            near = {entry.id: entry for entry in plan.near(prefixes) if entry.is_valid(utc)}
            row = self._best(near, prefixes, self.moment(when)) if near else None
            if row is not None:
                return self._rate(row, near[row[1]], payer or account and self.payer(account))
            if decides and any(entry.is_valid(utc) for entry in plan.entries):
                return None
        return None

    def _best(self, entries, prefixes, moment):
        """The row of tb_billingtimes that decides, or None."""
        ids = tuple(entries)
        leaves = self._leaves.get(ids)
        if leaves is None:
            if len(self._leaves) >= LEAVES:
                self._leaves.clear()
            leaves = self._leaves[ids] = {}
        rows = next((leaves[prefix] for prefix in prefixes if prefix in leaves), None) or \
            self._read_prices(ids, leaves, prefixes[len(next(iter(entries.values())).stem):])
        rows = [row for row in rows if moment.holds(*row[5:])]
        if len(rows) < 2:
            return rows[0] if rows else None
        return max(rows, key=lambda row: (len(row[2]), SPECIFIC[row[5]], entries[row[1]].validfrom, row[0]))

    def _read_prices(self, ids, leaves, prefixes):
        """The rows of all prefixes of a number; kept for all numbers that begin with the longest of them where there is
        none that is longer still."""
        rows = self.db.rows(_prices(len(ids), len(prefixes)), (*ids, *prefixes))
        if rows:
            longest = max([row[2] for row in rows], key=len)
            if not self.db.value(_longer(len(ids)), (*ids, longest, longest + "\U0010ffff")):
                self._leaf_count += 1
                if self._leaf_count > LEAVES:
                    self._leaves, self._leaf_count = {}, 0
                else:
                    leaves[longest] = rows
        return rows

    def _rate(self, row, entry, payer):
        currency = self.currencies.named(payer.currency if payer is not None else "")
        rate = self._rates.get((row, currency))
        if rate is None:
            try:
                rate = Rate(row, entry, currency, self.currencies.exchange(entry.currency, currency))
            except (ValueError, TypeError, OverflowError) as error:        # somebody's SQL
                raise ApiError(500, f"price list {entry.name[:40]!r}, prefix {row[2]}: {error}") from None
            if len(self._rates) >= RATES:
                self._rates.clear()
            self._rates[row, currency] = rate
        return rate

    def has(self, kind):
        """Whether there is any price of a kind."""
        if self._kinds is None:
            self._kinds = {each for each, in self.db.rows("SELECT DISTINCT type FROM tb_billentries")}
        return kind in self._kinds

    def levels(self, account, number, when=None):
        """What the resellers above an account pay, for tb_cdrresellers: [(level, reseller, Rate or None)], the
        nearest first as level 1.  An end user above it is none: he pays for its calls himself."""
        above = [each for each in self._above(account) if each.type != accounts.ENDUSER]
        return [(level, each, self.find(each, number, when)) for level, each in enumerate(above, 1)]

    # -- whose list --------------------------------------------------------------------------------

    def _plans(self, account, kind):
        """(PriceList, whether it decides) in their order; one that decides is the last if it is valid at all."""
        lists = self._read_lists() if self._lists is None else self._lists
        keys = []
        if account is not None:
            own = self._own_list(account.id).get(kind)
            if own is not None:
                yield own, False
            for each in (account, *self._above(account)):
                packet, parent = each.packetid or 0, each.parentid
                keys += [(kind, packet, parent), (kind, packet, 0), (kind, 0, parent)]
        for key in (*[key for key in keys if key[1] or key[2]], (kind, 0, 0)):
            if key in lists:
                yield lists[key], True

    def _above(self, account):
        """Its parents, the nearest first."""
        above = []
        while account is not None and account.parentid and len(above) < DEPTH:
            account = self.users.by_id(account.parentid)
            if account is None or account in above:
                break
            above.append(account)
        return above

    def _read_lists(self):
        """A few thousand entries at most: those of one account alone are not among them."""
        lists = self._lists = {}
        for row in self.db.rows(_ENTRIES + "coalesce(userid, 0) = 0 AND type > 0"):
            entry = Entry(row)
            lists.setdefault((entry.type, entry.packetid or 0, entry.parentid or 0), PriceList()).add(entry)
        return lists

    def _own_list(self, id):
        own = self._own.get(id)
        if own is None:
            if len(self._own) >= OWN:
                self._own.clear()
            own = self._own[id] = {}
            for row in self.db.rows(_ENTRIES + "userid = ?", (id,)):
                entry = Entry(row)
                own.setdefault(entry.type, PriceList()).add(entry)
        return own

    # -- when --------------------------------------------------------------------------------------

    def moment(self, when):
        """The Moment of unix seconds in the time zone of the setting; one a minute is computed."""
        minute = when // 60
        if self._moment[0] != minute:
            if self._zone is None:
                self._zone = self._read_zone()
                self._holidays = self._read_holidays()
            moment = Moment(self._zone.local(when), self.settings,
                            lambda date: date in self._holidays or date[5:] in self._holidays)
            self._moment = minute, moment
        return self._moment[1]

    def _read_zone(self):
        try:
            return Zone(self.settings.timezone)
        except ConfigError as error:
            if self.log is not None:
                self.log.warning(f"{error}: prices follow the system's time")
            return Zone()

    def _read_holidays(self):
        """Days as YYYY-MM-DD or MM-DD: those of no country and those of the setting's."""
        rows = self.db.rows("SELECT day FROM tb_holidays WHERE coalesce(country, '') = '' OR :country = ''"
                            " OR lower(country) = lower(:country)", {"country": self.settings.country})
        return frozenset([day.strip()[:10] for day, in rows])


def _common(first, last):
    """The prefix of two texts, which all that are sorted between them share."""
    end = next((at for at, (one, other) in enumerate(zip(first, last)) if one != other), min(len(first), len(last)))
    return first[:end]


def _moment(text):
    """A column's date or time as it is compared with UTC text."""
    return (text or "").strip().replace("T", " ").rstrip("Z")


def _micros(units):
    """A money column -> micro-units."""
    return round((units or 0) * MICRO)
