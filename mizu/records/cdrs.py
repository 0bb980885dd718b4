"""Call records: which of them a request means, and a list of these (the manual's chapter CDR API).

A long list is read in pages by key in workers, so that neither it nor a slow reader costs memory.  Owns the reading
of tb_cdrs and tb_cdrresellers; what is counted over them is statistics.py.
"""

from ..base.message import RowStream, Rows
from ..base.task import spawn
from ..store.schema import SECRET_COLUMNS
from ..store.tsql import expression
from .account import OUTBOUND

PAGE = 2000
"""Records read at once: 1 MB, 20 ms of a worker."""

MOST_SORTED = 100_000
"""Records of a list in an order that no index has."""

INTERNAL = frozenset("costprovider costcompany costsales costother dirid callerip calledip".split())
"""Columns for administrators and support: figures of our side, and where the other party was."""

MIN = "id datum callernumber callednumber realduration costenduser".split()
NORMAL = """id datum callstartdate connectdate callerid calledid callernumber callednumber realduration origduration
    discreason disctext discside mark unitprice costenduser costprovider currency sipcallid recordfile
    comment""".split()
LEVELS = {"min": MIN, "normal": NORMAL, "all": None}
"""`fields` -> columns, None for all that there are."""

RESELLERS = ("cdrid", "resellerid", "level")
"""Columns that a reseller's record has beside those of the call, or in their place."""

SUMMARY = ("cdrc", "asr", "acd")
"""Columns that only the row has which sums up a list; null in the records."""

OUT, IN, ALL = "out", "in", "all"

ORDERS = {
    "date": "datum, id",
    "caller": "callernumber, datum DESC, id DESC",
    "called": "callednumber, datum DESC, id DESC",
    "user": "(SELECT username FROM tb_users WHERE tb_users.id = callerid), datum DESC, id DESC",
    "null": "datum DESC, id DESC",
}
NEWEST = "null"
"""Without an order the newest come first: that is how they are found."""

_TREE = ("(WITH RECURSIVE tree(id) AS (SELECT :{0} UNION SELECT u.id FROM tree JOIN tb_users u"
         " ON u.parentid = tree.id AND u.parentid <> 0) SELECT id FROM tree)")

_SCAN = "/*scan*/"
"""Where a + goes that keeps SQLite from sorting the records of many accounts anew for every page."""


class Scope:
    """Whose records: one account, or with `below` also those under it."""
    __slots__ = ("id", "below")

    def __init__(self, id, below=False):
        self.id = id
        self.below = below


class Chosen:
    """The records that a request means, as SQL over `c`.

    source      the table, or what stands for it
    conditions  those that every record meets
    dated       those of the period, whose ends are since and until, None where it is open
    sides       alternatives of which it meets exactly one
    args        values of all
    paid        column costenduser as the asker may see it
    """
    __slots__ = ("source", "conditions", "dated", "sides", "args", "since", "until", "paid", "resellers")

    def __init__(self, columns, resellers=False, since=None, until=None):
        self.source = _resellers(columns) if resellers else "tb_cdrs"
        self.resellers = resellers
        self.conditions = []
        self.sides = ["1"]
        self.args = {}
        self.since = since
        self.until = until
        self.paid = "c.costenduser"
        self.dated = []             # the period's conditions
        if since is not None:
            self.dated.append("c.datum >= :since")
            self.args["since"] = since
        if until is not None:
            self.dated.append("c.datum < :until")
            self.args["until"] = until

    def add(self, condition, **args):
        self.conditions.append(condition)
        self.args.update(args)

    def where(self, side, more=(), scan=False):
        """The condition of one side; `more` holds in it, too, the period among it."""
        where = " AND ".join([f"({each})" for each in (*more, side, *self.conditions)])
        return where.replace(_SCAN, "+") if scan else where


def _resellers(columns):
    """tb_cdrresellers with the columns of its calls; the end user is the reseller."""
    own = {"id": "r.id", "datum": "r.datum", "unitprice": "r.unitprice", "billingentry": "r.billingentry",
           "currency": "r.currency", "costenduser": "r.cost", **{name: f"r.{name}" for name in RESELLERS}}
    names = [*columns, *[name for name in RESELLERS if name not in columns]]
    listed = ", ".join([own.get(name, f'd."{name}"') + f' AS "{name}"' for name in names])
    return f"(SELECT {listed} FROM tb_cdrresellers r JOIN tb_cdrs d ON d.id = r.cdrid)"


def chosen(columns, period, asker=None, account=None, caller=None, called=None, pcr=False, dir=ALL, usertype=None,
           prefix="", cdrid=None, callid="", connected=None, condition="", resellers=False):
    """The filters of cdr -> Chosen.

    columns    {name: Column} of tb_cdrs
    period     (since, until)
    asker      Scope of those who see no more than their own, else None
    account    Scope that u_id means, else None; one that the asker may see
    caller, called  id of an account, or the text of a number
    connected  True answered calls only, False the others
    """
    found = Chosen(columns, resellers, *period)
    for column, who in (("callerid", caller), ("calledid", called)):
        if isinstance(who, int):
            found.add(_of(column, column, pcr), **{column: who})
        elif who is not None:
            found.add(f"c.{column[:-2]}number = :{column}", **{column: who})
    _narrow(found, account or asker, dir)
    if asker is not None and not resellers:     # what somebody else has paid is not his to know
        found.args["asker"] = asker.id
        found.paid = f"CASE WHEN {_of('callerid', 'asker', asker.below)} THEN c.costenduser ELSE 0 END"
    if usertype not in (None, -1):
        side = "calledid" if dir == IN or dir == ALL and usertype in OUTBOUND else "callerid"
        found.add(f"c.{side} IN (SELECT id FROM tb_users WHERE type = :usertype)", usertype=usertype)
    if prefix:
        prefix = prefix.lstrip("+")
        found.add("substr(ltrim(c.callednumber, '+'), 1, :digits) = :prefix", prefix=prefix, digits=len(prefix))
    if cdrid is not None:
        found.add(f"c.{'cdrid' if resellers else 'id'} = :cdrid", cdrid=cdrid)
    if callid:
        found.add("c.sipcallid = :callid AND c.sipcallid <> ''", callid=callid)
    if connected is not None:
        found.add("c.realduration > 0" if connected else "coalesce(c.realduration, 0) <= 0")
    if condition:
        names = [*columns, *(RESELLERS if resellers else ())]
        found.add(expression(condition, [name for name in names if name not in SECRET_COLUMNS], SECRET_COLUMNS))
    return found


def _narrow(found, scope, dir):
    """The records of one account, or of it and those below."""
    if scope is None:
        return
    found.args["account"] = scope.id
    if found.resellers:
        return found.add(_of("resellerid", "account", scope.below))
    calls, is_called = _of("callerid", "account", scope.below), _of("calledid", "account", scope.below)
    if dir != ALL:
        found.sides = [calls if dir == OUT else is_called]
    elif scope.below:
        found.sides = [f"{calls} OR {is_called}"]
    else:           # two, so that each is read in the order of its index
        found.sides = [calls, f"{is_called} AND c.callerid IS NOT :account"]


def _of(column, name, below):
    return f"{_SCAN}c.{column} IN {_TREE.format(name)}" if below else f"c.{column} = :{name}"


def shown(columns, level, full, resellers=False):
    """Names of the columns of a level; id and datum come first.

    full   False for those who must not see INTERNAL
    """
    names = LEVELS[level] or ["id", "datum", *[name for name in columns if name not in ("id", "datum")]]
    if resellers:
        names = [*names[:2], *RESELLERS, *[name for name in names[2:] if name not in RESELLERS]]
    return [name for name in names if full or name not in INTERNAL]


class Cdrs:
    """db, settings (dbtimeout)."""

    def __init__(self, db, settings):
        self.db = db
        self.settings = settings

    async def rows(self, found, names, order=NEWEST, limit=0, actor="", last=None):
        """Rows of `names`, or a RowStream where there are more than PAGE of them.

        limit   of records, 0 for none
        last    a row that follows the records
        """
        if order not in ("date", NEWEST):
            return _with(await self._sorted(found, names, order, limit, actor), last)
        pages = _Pages(self, found, names, order, limit, actor, last)
        first = await pages.next()
        if pages.ended:
            return _with(Rows(names, first, pages.truncated), last)
        pages.first = first
        return RowStream(names, pages.more)

    async def _sorted(self, found, names, order, limit, actor):
        most = limit if 0 < limit < MOST_SORTED else MOST_SORTED
        inner = list(dict.fromkeys([*names, "callerid", "callernumber", "callednumber", "datum", "id"]))
        listed = ", ".join([f'"{name}"' for name in names])
        sql = f"SELECT {listed} FROM ({_union(found, inner, found.dated)}) ORDER BY {ORDERS[order]} LIMIT {most + 1}"
        return await self.query(sql, found.args, most, actor)

    def query(self, sql, args, limit, actor):
        return self.db.query(sql, args, limit=limit, timeout=self.settings.dbtimeout, actor=actor)


class _Pages:
    """A list in the order of datum, read on from the last record of the page before."""

    def __init__(self, cdrs, found, names, order, limit, actor, last):
        self.cdrs = cdrs
        self.found = found
        self.names = names
        self.order = order
        self.left = limit or None
        self.actor = actor
        self.first = None           # a page that has been read and waits to be asked for
        self.last = last
        self.key = None
        self.ended = self.truncated = False

    def more(self):
        """A Future of the next rows, [] at the end."""
        return spawn(self._more())

    async def _more(self):
        rows, self.first = self.first, None
        if not rows and not self.ended:
            rows = await self.next()
        if rows:
            return rows
        last, self.last = self.last, None
        return [] if last is None else [last]

    async def next(self):
        """Read the next page; `ended` when there are no more, `truncated` when the limit ends them."""
        size = PAGE if self.left is None else min(PAGE, self.left)
        args, more = self.found.args, self.found.dated
        if self.key is not None:
            sign = ">" if self.order == "date" else "<"
            more = (*more, f"c.datum {sign}= :keydatum", f"c.datum {sign} :keydatum OR c.id {sign} :keyid")
            args = {**args, "keydatum": self.key[1], "keyid": self.key[0]}
        order = "2, 1" if self.order == "date" else "2 DESC, 1 DESC"
        sql = f"{_union(self.found, self.names, more, self.key is not None)} ORDER BY {order} LIMIT {size + 1}"
        rows = await self.cdrs.query(sql, args, size, self.actor)
        if rows.rows:
            self.key = rows.rows[-1]
        if self.left is not None:
            self.left -= len(rows)
        self.ended = not rows.truncated or self.left == 0
        self.truncated = rows.truncated
        return rows.rows


def _union(found, names, more, scan=False):
    """The records of all sides."""
    special = {**dict.fromkeys(SUMMARY, "NULL"), "costenduser": found.paid,
               "unitprice": found.paid.replace("c.costenduser", "c.unitprice")}
    listed = ", ".join([special.get(name, f'c."{name}"') + f' AS "{name}"' for name in names])
    return " UNION ALL ".join([f"SELECT {listed} FROM {found.source} c WHERE {found.where(side, more, scan)}"
                               for side in found.sides]).replace(_SCAN, "")


def _with(rows, last):
    return rows if last is None else Rows(rows.columns, [*rows.rows, last], rows.truncated)
