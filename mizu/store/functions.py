"""T-SQL's functions as SQLite expressions (Microsoft's "Transact-SQL reference", chapter Functions).

Each row is a template: ?1, ?2 … stand for the arguments.  The result is one operand, so it fits wherever the call
stood, and it holds no word of T-SQL, so translating it again changes nothing.  SQLite 3.31 is enough.
"""

import re

from mizu.base.errors import ApiError
from mizu.store import casts
from mizu.store.operands import DAY, TIME, date, fill, is_word, number, plain, primary
from mizu.store.tokens import Group, Token, split, string

def _as_it_is(items):
    return items


PREPARE = {"x": _as_it_is, "n": number, "d": date, "p": primary}

FUNCTIONS = {      # name: {kinds of its arguments, see PREPARE: template}
    "getdate": {"": f"strftime('{TIME}','now')"},
    "getutcdate": {"": f"strftime('{TIME}','now')"},
    "sysdatetime": {"": f"strftime('{TIME}','now')"},
    "sysutcdatetime": {"": f"strftime('{TIME}','now')"},
    "eomonth": {"d": f"strftime('{DAY}',?1,'start of month','+1 month','-1 day')"},
    "isnull": {"xx": "ifnull(?1,?2)"},
    "iif": {"xxx": "case when ?1 then ?2 else ?3 end"},
    "len": {"x": "length(rtrim(?1))"},
    "datalength": {"x": "length(cast(?1 as blob))"},
    "substring": {"xnn": "substr(?1,max(?2,1),max(?3+min(?2,1)-1,0))"},
    "left": {"xn": "substr(?1,1,?2)"},
    "right": {"xn": "substr(?1,-?2,?2)"},      # with 0 characters wanted the length makes it empty
    "charindex": {"xx": "instr(lower(?2),lower(?1))",       # SQL Server ignores case
                  "xxn": "(instr(substr(lower(?2),max(?3,1)),lower(?1))"
                         "+(max(?3,1)-1)*(instr(substr(lower(?2),max(?3,1)),lower(?1))>0))"},
    "stuff": {"xnnx": "(substr(?1,1,?2-1)||ifnull(?4,'')||substr(?1,?2+?3))"},
    "replicate": {"xn": "replace(hex(zeroblob(?2)),'00',?1)"},
    "space": {"n": "replace(hex(zeroblob(?1)),'00',' ')"},
    "ascii": {"x": "unicode(?1)"},
    "count_big": {"x": "count(?1)"},
    "floor": {"n": "(cast(?1 as integer)-(?1<cast(?1 as integer)))"},
    "ceiling": {"n": "(cast(?1 as integer)+(?1>cast(?1 as integer)))"},
    "newid": {"": "(hex(randomblob(4))||'-'||hex(randomblob(2))||'-4'||substr(hex(randomblob(2)),2)"
                  "||'-A'||substr(hex(randomblob(2)),2)||'-'||hex(randomblob(6)))"},
    "scope_identity": {"": "last_insert_rowid()"},
}
GLOBALS = {"@@identity": "last_insert_rowid()", "@@rowcount": "changes()"}


def call(name, group):
    """A call of T-SQL -> nodes, or None where SQLite knows the function as it is."""
    if name in SPECIAL:
        return SPECIAL[name](split(group.items), name)
    rows = FUNCTIONS.get(name)
    if rows is None:
        return None
    arguments = split(group.items)
    for kinds, template in rows.items():
        if len(kinds) == len(arguments) and all(arguments):
            return fill(template, *(PREPARE[kind](argument) for kind, argument in zip(kinds, arguments)))
    raise ApiError(400, f"{name}() takes {' or '.join(str(len(kinds)) for kinds in rows)} arguments")


def _concat(arguments, name):
    if not all(arguments) or len(arguments) < 2:
        raise ApiError(400, "concat() takes 2 or more arguments")
    parts = []
    for argument in arguments:      # NULL counts as empty there
        parts += [Token("op", "||", "||"), *fill("ifnull(?1,'')", argument)]
    return [Group(parts[1:])]


# Dates: a unit's boundaries are counted, not its length

ALIASES = {alias: unit for unit, aliases in {
    "year": "yy yyyy", "quarter": "qq q", "month": "mm m", "dayofyear": "dy y", "day": "dd d", "week": "wk ww",
    "weekday": "dw w", "hour": "hh", "minute": "mi n", "second": "ss s", "millisecond": "ms",
}.items() for alias in (unit, *aliases.split())}

SECONDS = "(cast(strftime('%s',?1) as integer)+62135596800)"    # from the year 1 on, so that / rounds downward
ORDINAL = {
    "year": "cast(strftime('%Y',?1) as integer)",
    "quarter": "(cast(strftime('%Y',?1) as integer)*4+(cast(strftime('%m',?1) as integer)+2)/3)",
    "month": "(cast(strftime('%Y',?1) as integer)*12+cast(strftime('%m',?1) as integer))",
    "day": "cast(julianday(date(?1))+0.5 as integer)",
    "week": "(cast(julianday(date(?1))+1.5 as integer)/7)",     # weeks begin on Sunday
    "hour": f"({SECONDS}/3600)",
    "minute": f"({SECONDS}/60)",
    "second": SECONDS,
    "millisecond": f"({SECONDS}*1000+cast(substr(strftime('%f',?1),4) as integer))",
}
ORDINAL["dayofyear"] = ORDINAL["weekday"] = ORDINAL["day"]
PART = {
    "year": ORDINAL["year"],
    "quarter": "((cast(strftime('%m',?1) as integer)+2)/3)",
    "month": "cast(strftime('%m',?1) as integer)",
    "dayofyear": "cast(strftime('%j',?1) as integer)",
    "day": "cast(strftime('%d',?1) as integer)",
    "week": "((cast(strftime('%j',?1) as integer)+6+cast(strftime('%w',?1,'start of year') as integer))/7)",
    "weekday": "(cast(strftime('%w',?1) as integer)+1)",
    "hour": "cast(strftime('%H',?1) as integer)",
    "minute": "cast(strftime('%M',?1) as integer)",
    "second": "cast(strftime('%S',?1) as integer)",
    "millisecond": "cast(substr(strftime('%f',?1),4) as integer)",
}
STEP = {    # SQLite's unit, and how many of it
    "year": ("months", 12), "quarter": ("months", 3), "month": ("months", 1), "week": ("days", 7), "day": ("days", 1),
    "dayofyear": ("days", 1), "weekday": ("days", 1), "hour": ("hours", 1), "minute": ("minutes", 1),
    "second": ("seconds", 1), "millisecond": ("seconds", 0.001),
}
CLAMPED = (f"min(strftime('{TIME}',?1,?2),"     # 31 January and a month is the last of February, not 2 March
           f"strftime('{DAY}',?1,'start of month',?2,'+1 month','-1 day')||strftime(' %H:%M:%f',?1))")


def _unit(arguments, name, count):
    if len(arguments) != count or not all(arguments):
        raise ApiError(400, f"{name}() takes {count} arguments")
    unit = arguments[0][0]
    if len(arguments[0]) > 1 or unit.kind != "name" or unit.word not in ALIASES:
        raise ApiError(400, f"{name}() knows no unit {unit.word}: {', '.join(STEP)}")
    return ALIASES[unit.word]


def _datediff(arguments, name):
    unit = _unit(arguments, name, 3)
    first, second = (fill(ORDINAL[unit], date(argument)) for argument in arguments[1:])
    return [Group([*second, Token("op", "-", "-"), *first])]


def _datepart(arguments, name):
    return fill(PART[_unit(arguments, name, 2)], date(arguments[1]))


def _part(arguments, name):
    if len(arguments) != 1 or not arguments[0]:
        raise ApiError(400, f"{name}() takes 1 argument")
    return fill(PART[name], date(arguments[0]))


def _dateadd(arguments, name):
    unit, factor = STEP[_unit(arguments, name, 3)]
    count, when = arguments[1], date(arguments[2])
    digits = plain(count)
    if re.fullmatch(r"[-+]?[0-9]{1,9}", digits):
        modifier = [string(f"{int(digits) * factor:.10g} {unit}")]
    else:       # whole units only, as there
        times = "/1000.0" if factor < 1 else f"*{factor}" if factor > 1 else ""
        modifier = fill(f"(cast(?1 as integer){times})||' {unit}'" if times else f"cast(?1 as integer)||' {unit}'",
                        number(count))
    return fill(CLAMPED, when, modifier) if unit == "months" else moved(when, modifier)


def moved(when, modifier):
    """A date with one more modifier of SQLite's strftime."""
    if len(when) == 2 and is_word(when[0], "strftime") and when[1].items[:1] and when[1].items[0].word == TIME:
        group = when[1]
        return [when[0], Group([*group.items, Token("mark", ",", ","), *modifier], group.open, group.close)]
    return fill(f"strftime('{TIME}',?1,?2)", when, modifier)


def shifted(when, days):
    """A date and ± so many days, whole or not."""
    text = plain(days)
    if re.fullmatch(r"[-+]?[0-9]+(?:\.[0-9]+)?", text):
        return moved(when, [string(f"{text} days")])
    return moved(when, fill("(?1)||' days'", days))


SPECIAL = {"dateadd": _dateadd, "datediff": _datediff, "datepart": _datepart, "year": _part, "month": _part,
           "day": _part, "convert": casts.convert, "cast": casts.cast, "concat": _concat}
