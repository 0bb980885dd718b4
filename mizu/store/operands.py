"""Operands of SQL: where one begins and ends among the nodes, its type, and templates that make new ones.

The type is what decides whether + adds, joins or moves a date.  Knows SQLite's functions, not T-SQL's.
"""

import re
from functools import lru_cache

from mizu.base.errors import ApiError
from mizu.store.tokens import DATE, DIGITS, NUMBER, TEXT, Group, flat, grow, lex, spaced, split

TIME = "%Y-%m-%d %H:%M:%f"      # our times, as text; they sort and compare as they are
DAY = "%Y-%m-%d"
EPOCH = "2415020.5"             # the Julian day of 1900-01-01, T-SQL's day 0
DATE_FORMATS = frozenset({TIME, DAY, "%Y-%m-%d %H:%M:00.000"})

RESERVED = frozenset("""select distinct all from where and or not in is like glob regexp between when then else as on
    join inner outer cross natural using order group by having limit offset union except intersect values insert into
    update set delete with exists escape collate asc desc create table index view drop alter add default primary
    unique check references foreign constraint returning top over filter explain pragma isnull notnull""".split())
"""Words that are no operand: a sign after them is a prefix."""

RESULTS = {
    NUMBER: """length instr abs round count sum avg total julianday unicode changes last_insert_rowid total_changes
        sign row_number rank dense_rank random""",
    TEXT: "upper lower substr replace trim ltrim rtrim hex char group_concat time typeof quote printf",
    DATE: "date datetime",
}
RESULT = {name: kind for kind, names in RESULTS.items() for name in names.split()}
LIKE_ARGUMENT = frozenset(("ifnull", "coalesce", "nullif", "min", "max"))
CAST_RESULT = {"text": TEXT, "integer": NUMBER, "real": NUMBER, "numeric": NUMBER}


def is_word(node, *words):
    return node is not None and node.kind == "name" and node.word in words


def is_mark(node, mark):
    return node is not None and node.kind == "mark" and node.word == mark


def is_op(node, ops):
    return node.kind == "op" and node.word in ops


def is_brackets(items, at):
    return at < len(items) and items[at].kind == "group" and items[at].word == "("


def operand(items, at):
    """The end of the operand that starts at `at`: signs, then a value, column, call or bracket; `at` if none does."""
    start = at
    while at < len(items) and is_op(items[at], ("+", "-", "~")):
        at += 1
    if at == len(items):
        return start
    node = items[at]
    if node.kind in ("name", "quoted") and not is_word(node, *RESERVED):
        while at + 2 < len(items) and is_mark(items[at + 1], ".") and (
                items[at + 2].kind in ("name", "quoted") or is_op(items[at + 2], "*")):
            at += 2
        at += is_brackets(items, at + 1)
        while at + 2 < len(items) and is_word(items[at + 1], "over", "filter") and is_brackets(items, at + 2):
            at += 2
    elif node.kind in ("op", "mark", "name"):
        return start
    at += 1
    while at + 1 < len(items) and is_word(items[at], "collate") and items[at + 1].kind in ("name", "quoted"):
        at += 2
    return at


def type_of(items):
    """The type of an expression, "" where it cannot be known."""
    end = operand(items, 0)
    if not items or not end:
        return ""
    if end == len(items):
        return NUMBER if items[0].kind == "op" else _operand_type(items)
    ops = {node.word for node in items if node.kind == "op"}
    return TEXT if ops == {"||"} else NUMBER if ops else ""


def _operand_type(items):
    head, last = items[0], items[-1]
    if head.kind == "group":
        if head.type is None:
            head.type = type_of(head.items) if head.word == "(" else ""
        return head.type
    if last.kind == "group" and len(items) == 2:
        if last.type is None:
            last.type = _call_type(head.word, last.items)
        return last.type
    for node in items:
        if is_word(node, "collate"):
            return TEXT
    return DATE if is_word(head, "current_timestamp") else last.type


def _call_type(name, items):
    if name == "cast":
        return CAST_RESULT.get(items[-1].word, "") if items else ""
    if name == "strftime":
        form = items[0].word if items and items[0].kind == "string" else ""
        return DATE if form in DATE_FORMATS else DIGITS if len(form) == 2 else TEXT
    if name in LIKE_ARGUMENT:
        return next(filter(None, map(type_of, split(items))), "")
    return RESULT.get(name, "")


def plain(items):
    """The nodes' text without white space."""
    return "".join(token.text for token in flat(items))


# Templates

@lru_cache(256)      # a few carry a size out of the statement
def _template(text):
    return grow(lex(text))


def fill(text, *arguments):
    """The template as nodes, with the arguments (lists of nodes) in the places of ?1, ?2 …"""
    return _fill(_template(text), arguments)


def _fill(items, arguments):
    out = []
    for node in items:
        if isinstance(node, Group):
            out.append(Group(_fill(node.items, arguments), node.open, node.close))
        elif node.kind == "param":
            out += spaced(arguments[int(node.text[1:]) - 1], node.space)
        else:
            out.append(node)
    return out


def primary(items):
    """The expression as one operand without a sign."""
    return items if operand(items, 0) == len(items) and items[0].kind != "op" else [Group(items)]


def number(items):
    """The argument where a number is taken; text is read as one, a date is refused."""
    kind = type_of(items)
    if kind == DATE:
        raise ApiError(400, "a date stands where a number belongs")
    return fill("cast(?1 as integer)", items) if kind in (TEXT, DIGITS) else primary(items)


def date(items):
    """The argument where a date is taken: a number counts days from 1900-01-01, '20240131' is a date too."""
    if type_of(items) == NUMBER:
        return fill(f"({EPOCH}+?1)", primary(items))
    if len(items) == 1 and items[0].kind == "string" and re.fullmatch(r"[0-9]{8}(?: .*)?", items[0].word):
        return reordered(items, "%Y%m%d")
    return items


def reordered(items, form):
    """Text in another order of year, month and day -> our order."""
    plain = form.replace("%Y", "YYYY").replace("%m", "MM").replace("%d", "DD")
    year, month, day = (plain.index(mark) + 1 for mark in ("YYYY", "MM", "DD"))
    return fill(f"(substr(?1,{year},4)||'-'||substr(?1,{month},2)||'-'||substr(?1,{day},2)"
                f"||substr(?1,{len(plain) + 1}))", items)
