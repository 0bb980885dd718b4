"""Call records and statistics over them (the manual's chapters CDR API and Statistics)."""

from ..api.command import USER, command
from ..api.param import Param, Type, choice, flag, integer, text
from ..base.errors import ApiError
from ..base.message import Answer, Role, RowStream
from ..records.cdrs import ALL, LEVELS, NEWEST, ORDERS, SUMMARY, Scope, chosen, shown
from ..records.details import split_words
from ..records.listing import thinned
from ..records.periods import MOMENT_TAKES, SINCE, TAKES, parse_days, parse_moment, period
from ..records.statistics import DEFAULTS, INTERNAL, groups_of, statistics_of
from .accounts import PCR, U_ID, U_USERNAME

LIMIT = 1000
"""Records of an answer that names no limit (the manual's)."""

DAYS = Type("days", parse_days, TAKES, {"type": "string"}, "lastmonth")
MOMENT = Type("moment", parse_moment, MOMENT_TAKES, {"type": "string"}, "2026-01-31")
FROMDT = Param("fromdt", MOMENT, "from this moment on")
TODT = Param("todt", MOMENT, "up to and without this moment")

_CONNECTED = {"all": None, "yes": True, "connected": True, "no": False, "notconnected": False}


def _party(word):
    """An id, or a number as it stands in the records."""
    word = word.strip()
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 19 else word


PARTY = Type("party", _party, "the id of an account, or a user name or number", {"type": "string"}, "123")


@command("cdr", group="cdr", access=USER, reads=True, tree=True,
         summary="Call records, or statistics over them; users see their own, resellers those of their tree",
         params=[U_ID, U_USERNAME,
                 Param("caller", PARTY, "who called: id of the account, else the number as recorded"),
                 Param("called", PARTY, "who was called: id of the account, else the number as recorded"),
                 Param("u_type", integer, "type of the account: 0 end users, 5 traffic senders, 9 SIP servers"),
                 Param("prefix", text, "beginning of the called number"),
                 Param("cdrid", integer, "one record, by its id"),
                 Param("callid", text, "the calls of one SIP Call-ID"),
                 Param("days", DAYS, "how far back: a number of days, lasthour, today, lastday, lastweek, lastmonth,"
                                     " lastyear, thismonth or thisyear; the last 24 hours if nothing says when"),
                 FROMDT, TODT,
                 Param("dsqjp", text, "an SQL condition over the fields (administrators)"),
                 Param("connected", choice(*_CONNECTED), "answered calls, the others, or all", aliases=("type",)),
                 Param("dir", choice("all", "in", "out"), "calls to the account, from it, or both"),
                 PCR,
                 Param("limit", integer, "records at most, 0 for all"),
                 Param("fields", choice(*LEVELS), "how many fields to tell"),
                 Param("isreseller", flag, "the records of resellers instead"),
                 Param("by", text, "statistics by day, hour, calleruser, caller, callerid, calleduser, called,"
                                   " calledid, joined by -, or all for the total"),
                 Param("stats", text, "statistics, joined by -: cdrc, sl, asr, acd, endusercost, providercost, profit,"
                                      " act, asrb, profit_percent, salescost, companycost, othercost, succ, rtp,"
                                      " avg_endusercost, avg_providercost"),
                 Param("order", choice(*ORDERS), "by what to sort; else the newest first"),
                 Param("summary", flag, "a last row that sums up"),
                 Param("skipnullfields", flag, "leave out what is null, empty or 0")])
async def cdr(ctx, u_id=None, u_username=None, caller=None, called=None, u_type=None, prefix="", cdrid=None, callid="",
              days=None, fromdt=None, todt=None, dsqjp="", connected="all", dir=ALL, pcr=False, limit=None,
              fields="normal", isreseller=False, by="", stats="", order=NEWEST, summary=False, skipnullfields=False):
    _judge(ctx, dsqjp, isreseller, limit)
    if days is None and not (fromdt or todt or cdrid is not None or callid or _dated(dsqjp)):
        days = "lastday"
    server, full = ctx.server, ctx.principal.role in (Role.SRVADMIN, Role.ADMIN, Role.SUPPORT)
    zone = server.statistics.zone if days in SINCE else None
    when = period(zone, server.clock.now(), days, fromdt, todt)
    columns = server.db.columns("tb_cdrs")
    found = chosen(columns, when, *_scopes(ctx, u_id, u_username, pcr), caller, called, pcr, dir, u_type, prefix, cdrid,
                   callid, _CONNECTED[connected], dsqjp, isreseller)
    most = LIMIT if limit is None else limit
    if by or stats:
        rows = await _statistics(ctx, found, split_words(by), split_words(stats), fields, full, most, summary)
    else:
        rows = await _records(ctx, found, shown(columns, fields, full, isreseller), order, most, summary)
    return _answer(rows, limit, skipnullfields)


def _judge(ctx, dsqjp, isreseller, limit):
    if dsqjp and not ctx.is_admin:
        raise ApiError(403, "dsqjp is for administrators")
    if isreseller and ctx.principal.role > Role.SUPPORT:
        raise ApiError(403, "isreseller is for resellers and administrators")
    if limit is not None and limit < 0:
        raise ApiError(400, f"parameter limit takes 0 or more, not {limit}")


def _answer(rows, limit, skipnullfields):
    """Rows or a RowStream as Answer; a limit that nobody chose is said."""
    answer = Answer("OK", rows)
    if rows.__class__ is RowStream:
        rows.thin = skipnullfields
        return answer
    if rows.truncated and not limit:
        answer.warning = f"only the first {len(rows)} rows: use limit" if limit is None else f"no more than {len(rows)}"
    if skipnullfields:
        answer.data = [thinned(row) for row in rows.dicts()]
    return answer


def _scopes(ctx, u_id, u_username, pcr):
    """(Scope of what the asker may see, Scope of the account he names); None for all."""
    role, own = ctx.principal.role, ctx.principal.target
    named = u_id is not None or bool(u_username)
    account = ctx.account(u_id, u_username, required=False)
    if role <= Role.ADMIN or role == Role.SUPPORT:
        everybody = account is None or not named and own is ctx.principal.user
        return None, None if everybody else Scope(account.id, pcr)
    asker = Scope(own.id, role == Role.RESELLER)
    return asker, Scope(account.id, pcr) if role == Role.RESELLER and named else None


def _dated(condition):
    """Whether a condition says itself when."""
    return any(column in condition.lower() for column in ("datum", "callstartdate", "connectdate"))


async def _statistics(ctx, found, by, stats, fields, full, limit, summary):
    statistics = ctx.server.statistics
    names = statistics_of(stats or [name for name in DEFAULTS[fields] if full or name not in INTERNAL], full)
    groups = groups_of(by)
    rows = await statistics.rows(found, names, groups, limit, ctx.actor)
    if summary and groups:
        total = await statistics.rows(found, names, actor=ctx.actor)
        totals = total.dicts()[0]
        rows.rows.append(("summary", *[None] * (len(groups) - 1),
                          *[totals.get(name) for name in rows.columns[len(groups):]]))
    return rows


async def _records(ctx, found, names, order, limit, summary):
    last = None
    if summary:
        names = [*names, *SUMMARY]
        last = await ctx.server.statistics.summary(found, names, ctx.actor)
    return await ctx.server.cdrs.rows(found, names, order, limit, ctx.actor, last)
