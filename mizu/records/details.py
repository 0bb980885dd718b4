"""What can be shown of accounts: the words of `details`, each a row of columns (the manual's chapter Get user details).

Everything is computed in SQL, so that a long list costs the loop nothing, but what only memory knows: the columns
`runtime` and `currentcalls` hold the id whose registrations and calls `Listing` puts there.
"""

from ..base.errors import ApiError
from ..store.schema import SECRET_COLUMNS
from .account import OUTBOUND, TYPES
from .statistics import STATISTICS as FORMULAS
from .values import known

BASIC = ("id", "username", "name", "displayname", "type", "enabled", "temporarydisabled", "email", "phone", "telnumber",
         "country", "parentid", "usergroup", "credit", "currency", "postpaid", "packetid", "needauth", "status",
         "statusdate", "adddate")
"""The most important fields."""

INTERNAL = frozenset(("commission", "reduction"))
"""Figures of the sales side: for administrators and support only."""

_TYPETEXT = "CASE WHEN u.isoperator = 6 THEN 'calling card' ELSE CASE u.type %s ELSE 'other' END END" % " ".join(
    f"WHEN {number} THEN '{text}'" for number, text in TYPES.items())

_STATUSTEXT = ("CASE WHEN u.status >= 3 THEN 'Speaking' WHEN u.status = 2 THEN 'In Call' WHEN u.status = 1 THEN"
               " 'Registered' WHEN u.status < 0 THEN 'Unregistered' WHEN coalesce(u.statusdate, '') = ''"
               " THEN 'Not Used' ELSE 'Offline' END")

_CENTS = "((abs(u.credit_u) + 5000) / 10000)"
_CREDITTEXT = (f"printf('%s%d.%02d %s', CASE WHEN u.credit_u <= -5000 THEN '-' ELSE '' END, {_CENTS} / 100,"
               f" {_CENTS} % 100, coalesce(nullif(u.currency, ''), :currency))")

_NUMBERS = ("(SELECT group_concat(number, ', ') FROM (SELECT number FROM tb_users_numbers WHERE userid = u.id"
            " AND kind = 'did' ORDER BY id))")
_ADDRESSES = ("(SELECT group_concat(authip || CASE WHEN port > 0 THEN ':' || port ELSE '' END, ', ') FROM"
              " (SELECT authip, port FROM tb_users_authip WHERE userid = u.id ORDER BY id))")
"""The further ones, num1… and authip1…, besides telnumber and authip."""

STATISTICS = {name: FORMULAS[name][name] for name in ("cdrc", "sl", "asr", "acd")}
"""Calls, seconds talked, answered calls in per cent, seconds of an answered call."""

COMPUTED = {
    "statistics": STATISTICS,
    "currentcalls": {"currentcalls": "u.id"},
    "runtime": {"runtime": "u.id"},
    "statustext": {"statustext": _STATUSTEXT},
    "typetext": {"typetext": _TYPETEXT},
    "credittext": {"credittext": _CREDITTEXT},
    "numbers": {"numbers": _NUMBERS},
    "addresses": {"addresses": _ADDRESSES},
}
"""Word -> {column: SQL}; `u` is the row of tb_users, `s` that of statistics."""

LEVELS = {0: (), 1: ("basic",), 2: ("allfields",)}
"""`fields` of listusers as words."""


def shown(columns, words, full):
    """{column: SQL} for words of `details`, id and user name first.

    columns   {name: Column} of tb_users
    full      False for those who must not see INTERNAL
    """
    readable = [name for name, column in columns.items() if name not in SECRET_COLUMNS and not column.generated
                and (full or name not in INTERNAL)]
    chosen = {"id": "u.id", "username": "u.username"}
    for word in words:
        if word == "all":
            chosen.update((name, f'u."{name}"') for name in readable)
            for more in COMPUTED.values():
                chosen.update(more)
        elif word == "allfields":
            chosen.update((name, f'u."{name}"') for name in readable)
        elif word == "basic":
            chosen.update((name, f'u."{name}"') for name in BASIC)
        elif word in COMPUTED:
            chosen.update(COMPUTED[word])
        else:
            name = known(word, columns, written=False)
            if name in SECRET_COLUMNS or not (full or name in readable or columns[name].generated):
                raise ApiError(403, f"the field {name} is not shown")
            chosen[name] = f'u."{name}"'
    return chosen


def split_words(text):
    """`basic-statustext` -> its words in lower case."""
    return [word for word in text.lower().replace(",", "-").replace(" ", "").split("-") if word]


_OUTGOING, _INCOMING, _BOTH = 1, 2, 3
_CALLER = {_OUTGOING: "1", _INCOMING: "0", _BOTH: "1"}
_CALLED = {_OUTGOING: "0", _INCOMING: "1", _BOTH: "1"}
_OUT = f"IN ({', '.join(map(str, sorted(OUTBOUND)))})"


def statistics_tables(direction, pcr):
    """The tables below `chosen` that end in s(top, cdrc, sl, succ); `:since` is the first moment that counts.

    direction   0 as the type says (caller, but called for what we call out to), 1 outgoing, 2 incoming, 3 both
    pcr         with the calls of the sub-users, each call once
    """
    caller = _CALLER.get(direction, f"b.type NOT {_OUT}")
    called = _CALLED.get(direction, f"b.type {_OUT}")
    below = ("UNION SELECT b.top, b.type, c.id FROM below b JOIN tb_users c ON c.parentid = b.id AND c.parentid <> 0"
             if pcr else "")
    return f"""
        below(top, type, id) AS (SELECT id, type, id FROM chosen {below}),
        calls(top, cdr, duration) AS (
            SELECT b.top, c.id, c.realduration FROM below b JOIN tb_cdrs c ON c.callerid = b.id AND c.datum >= :since
            WHERE {caller}
            UNION
            SELECT b.top, c.id, c.realduration FROM below b JOIN tb_cdrs c ON c.calledid = b.id AND c.datum >= :since
            WHERE {called}),
        s(top, cdrc, sl, succ) AS (SELECT top, count(*), sum(duration), sum(duration > 0) FROM calls GROUP BY top)"""
