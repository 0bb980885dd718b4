"""Lists of accounts: the manual's filters, orders and pages (List users), one account's details, and the search.

All of it is one SELECT in a worker.  Knows who asks only as `scope`, the account whose tree he may see.
"""

from ..base.clock import utc_text
from ..base.errors import ApiError
from ..store.schema import SECRET_COLUMNS
from ..store.tsql import expression
from .details import STATISTICS, shown, statistics_tables
from .users import DEPTH

MOST = 100_000
"""Rows of one list, as of any query."""

MOST_WORKED = 10_000
"""Rows that are nested or thinned out one by one on the loop: some 30 ms."""

ORDERS = {-1: "u.id", 0: "", 1: "u.id", 2: "u.adddate DESC, u.id DESC", 3: "u.username", 4: "u.statusdate DESC, u.id"}
"""Each has an index, along which a page is read; a + keeps SQLite from walking it where few accounts are meant."""

_ENDUSER = "+u.type = 0"
"""Nearly all accounts: no index helps to find them."""

_TREE = ("u.id IN (WITH RECURSIVE tree(id) AS (SELECT id FROM tb_users WHERE parentid = {0} AND parentid <> 0"
         " UNION SELECT c.id FROM tree JOIN tb_users c ON c.parentid = tree.id AND c.parentid <> 0)"
         " SELECT id FROM tree WHERE id <> {0})")

_CHILD = "coalesce(u.parentid, 0) <> 0"
_MAIN = "coalesce(u.parentid, 0) = 0"
_OFF = "(u.enabled = 0 OR u.temporarydisabled = 1)"

_RARE = frozenset((_OFF, "u.status > 0"))
"""Conditions with an index of the accounts that meet them."""

_ENABLED = {-1: None, 0: _OFF, 1: f"NOT {_OFF}"}
_ACTIVE = {-1: None, 0: "coalesce(u.status, 0) <= 0", 1: "u.status > 0"}
_PARENT = {-1: None, -2: _CHILD, 0: _MAIN}
_INCLUSIVE = {-1: None, -2: f"{_ENDUSER} AND {_CHILD}", 0: f"{_ENDUSER} AND {_MAIN}"}
"""Values of the filters -> condition; a parent's id is none of them."""


class Filter:
    """Conditions over `tb_users u` and their arguments; `rare` if few accounts may meet them."""

    def __init__(self):
        self.conditions = []
        self.args = {}
        self.rare = False

    def add(self, condition, **args):
        self.conditions.append(condition)
        self.args.update(args)
        self.rare = self.rare or bool(args) or condition in _RARE

    @property
    def where(self):
        return " AND ".join([f"({condition})" for condition in self.conditions]) or "1"


def filtered(columns, type=None, id=None, parent=-1, parentinclusive=-1, enabled=None, active=-1, where="", scope=None):
    """The filters of listusers -> Filter.

    None for type: end users without calling cards; for enabled: those that are; for both when `id` names one.
    """
    found = Filter()
    if where:                                   # first: it is what most accounts do not meet
        found.add(expression(where, [name for name in columns if name not in SECRET_COLUMNS], SECRET_COLUMNS))
        found.rare = True
    if type is None and id is None:
        found.add(f"{_ENDUSER} AND coalesce(u.isoperator, 0) = 0")
    elif type == 0:
        found.add(_ENDUSER)
    elif type is not None and type != -1:
        found.add("u.type = :type", type=type)
    if id is not None:
        found.add("u.id = :id", id=id)
    _choice(found, "enabled", _ENABLED, (1 if id is None else -1) if enabled is None else enabled)
    _choice(found, "active", _ACTIVE, active)
    if parent in _PARENT:
        _choice(found, "parent", _PARENT, parent)
    else:
        found.add(_TREE.format(":parent"), parent=parent)
    if parentinclusive in _INCLUSIVE:
        _choice(found, "parentinclusive", _INCLUSIVE, parentinclusive)
    else:
        found.add(_TREE.format(":top"), top=parentinclusive)
    if parentinclusive not in _INCLUSIVE:       # the parent himself, whatever he is
        found.conditions = [f"({found.where}) OR u.id = :top"]
    if scope is not None:
        found.add(_TREE.format(":scope") + " OR u.id = :scope", scope=scope)
    return found


def _choice(found, name, choices, value):
    if value not in choices:
        raise ApiError(400, f"parameter {name} takes one of {', '.join(map(str, choices))}, not {value}")
    if choices[value]:
        found.add(choices[value])


class Listing:
    """db, clock, settings (defaultcurrency, dbtimeout), locations.

    currentcalls   function(direction, pcr) -> {account id: [dict]}, which the floor above gives
    """

    def __init__(self, db, clock, settings, locations):
        self.db = db
        self.clock = clock
        self.settings = settings
        self.locations = locations
        self.currentcalls = lambda direction, pcr: {}

    async def rows(self, words, found, full, order=-1, limit=MOST, offset=-1, statdays=1.0, direction=0, pcr=False,
                   actor=""):
        """Rows of the accounts that `found` (a Filter) lets through, with the columns of `words`.

        full    False hides what only administrators see
        offset  number of the page, -1 none;  truncated if there are more than `limit`
        """
        columns = shown(self.db.columns("tb_users"), words, full)
        if order not in ORDERS:
            raise ApiError(400, f"parameter order takes one of {', '.join(map(str, ORDERS))}, not {order}")
        limit = limit if 0 < limit < MOST else MOST
        args = {**found.args, "currency": self.settings.defaultcurrency,
                "since": utc_text(max(0.0, self.clock.now() - min(max(statdays, 0.0), 36500.0) * 86400))}
        order = f"+{ORDERS[order]}" if found.rare and order > 1 else ORDERS[order]
        sql = _select(columns, found, order, limit, max(0, offset) * limit, direction, pcr)
        rows = await self.db.query(sql, args, limit=limit, timeout=self.settings.dbtimeout, actor=actor,
                                   hide=SECRET_COLUMNS)
        if "runtime" in columns:
            _fill(rows, list(columns).index("runtime"), self.locations.describe)
        if "currentcalls" in columns:
            _fill(rows, list(columns).index("currentcalls"), self.currentcalls(direction, pcr).get)
        return rows

    async def one(self, id, words, full, **statistics):
        """{column: value} of one account, {} if there is none."""
        found = Filter()
        found.add("u.id = :id", id=id)
        rows = await self.rows(words, found, full, limit=1, **statistics)
        if not rows.rows:
            return {}
        row = rows.dicts()[0]
        if "statustext" in row:     # the column is a second behind
            row["statustext"] = self.locations.statustext(id) or row["statustext"]
        return row

    async def search(self, text, limit, scope, actor=""):
        """Rows (username, displayname, name, telnumber): people whose user name, name or number holds `text`.

        scope   Account who asks and sees his group, his siblings and those below him; None sees all
        """
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        found = Filter()
        found.add("u.type IN (0, 1)")
        found.add(f"NOT {_OFF}")
        found.add(" OR ".join([f"u.{column} LIKE :pattern ESCAPE '\\'"
                               for column in ("username", "displayname", "name", "telnumber")]), pattern=pattern)
        if scope is not None:
            found.add("(u.usergroup <> '' AND u.usergroup = :group) OR (u.parentid <> 0 AND u.parentid = :parent)"
                      f" OR u.id = :me OR {_TREE.format(':me')}",
                      group=scope.usergroup, parent=scope.parentid, me=scope.id)
        sql = ("SELECT u.username, u.displayname, u.name, u.telnumber FROM tb_users u"
               f" WHERE {found.where} ORDER BY u.username")
        return await self.db.query(sql, found.args, limit=limit, timeout=self.settings.dbtimeout, actor=actor)


def _select(columns, found, order, limit, skip, direction, pcr):
    names = ", ".join([f'{sql} AS "{name}"' for name, sql in columns.items()])
    order = f"ORDER BY {order}" if order else ""
    page = f"{order} LIMIT {limit + 1} OFFSET {skip}"
    if not STATISTICS.keys() & columns.keys():
        if not skip:
            return f"SELECT {names} FROM tb_users u WHERE {found.where} {page}"
        # the pages in front are read in the index alone
        return (f"SELECT {names} FROM (SELECT u.id AS chosen FROM tb_users u WHERE {found.where} {page})"
                f" CROSS JOIN tb_users u ON u.id = chosen {order}")
    return (f"WITH RECURSIVE chosen(id, type) AS (SELECT u.id, u.type FROM tb_users u WHERE {found.where} {page}),"
            f" {statistics_tables(direction, pcr)} SELECT {names} FROM chosen JOIN tb_users u ON u.id = chosen.id"
            f" LEFT JOIN s ON s.top = u.id {order}")


def _fill(rows, at, describe):
    """In a column of ids, what is known of each."""
    rows.rows = [(*row[:at], describe(row[at]) or None, *row[at + 1:]) for row in rows.rows]


def thinned(row):
    """A dict without null, empty, 0 and false (`skipnullfields`); its id and user name stay."""
    return {name: value for name, value in row.items() if value not in (None, "", 0) or name in ("id", "username")}


def nested(rows):
    """Dicts with id and parentid as a forest: each has its sub-users as `children`, down to DEPTH levels."""
    known = {row["id"]: row for row in rows}
    below = {}
    roots = []
    for row in rows:
        parent = row.get("parentid") or 0
        (below.setdefault(parent, []) if parent in known and parent != row["id"] else roots).append(row)
    level, reached = roots, {row["id"] for row in roots}
    for depth in range(1, len(rows) + 1):
        lower = []
        for row in level:
            children = [child for child in below.get(row["id"], ()) if child["id"] not in reached]
            reached.update(child["id"] for child in children)
            lower += children
            if children and depth < DEPTH:
                row["children"] = children
            else:
                roots = roots + children if children else roots
        if not lower:
            break
        level = lower
    return roots + [row for row in rows if row["id"] not in reached]     # a loop of parents has no root
