"""SQL that integrations wrote for SQL Server, made fit for SQLite: text in, text out.

The door of the dialect: `translate` serves the `db` command, `expression` the `where` and `dsqjp` of listusers and
cdr, `compile_custom` and `action_body` (customsql) the rows of tb_api.  Every refusal is an ApiError 400 in words.
Knows no database: whether tables exist and who may touch them is judged where it runs.
"""

from mizu.base.errors import ApiError
from mizu.store.customsql import Body, Custom, action_body, command_words, compile_custom, select_template
from mizu.store.dialect import TYPES, reads, rewrite, translated
from mizu.store.functions import FUNCTIONS, SPECIAL
from mizu.store.operands import is_brackets, is_mark, is_word
from mizu.store.tokens import Group, flat, grow, lex, render, split

__all__ = ["ALLOWED", "Body", "Custom", "action_body", "command_words", "compile_custom", "expression", "is_query",
           "select_template", "single", "statements", "translate"]


def translate(sql, types=TYPES):
    """T-SQL (or SQLite's own SQL) -> SQLite's.  `types` says what columns are: TEXT, NUMBER or DATE of tokens."""
    return render(flat(translated(grow(lex(sql, types)))))


def statements(sql):
    """How many statements the text holds."""
    return sum(bool(part) for part in split(lex(sql), ";"))


def single(sql):
    """The text, if it is exactly one statement (a ; behind it is fine)."""
    count = statements(sql)
    if count != 1:
        raise ApiError(400, "the SQL statement is empty" if count == 0 else f"{count} SQL statements: one at a time")
    return sql


def is_query(sql):
    """True if it answers rows by itself: what `isopen` is where nobody says."""
    return reads(grow(lex(sql)))


# One expression

ALLOWED = (frozenset(FUNCTIONS) | frozenset(SPECIAL) | frozenset("""coalesce ifnull nullif length substr upper lower
    ltrim rtrim trim replace instr abs round min max date time datetime julianday strftime sign unicode""".split())
    ) - {"replicate", "space", "newid", "scope_identity"}
"""Functions of `where` and `dsqjp`: nothing that makes large values, reads files or the state of the connection."""

GRAMMAR = frozenset("""and or not in is null like glob between case when then else end escape collate nocase cast as
    true false isnull notnull""".split())
QUERY = frozenset("""select union intersect except from where join with values exists having order group limit offset
    insert update delete""".split())
UNITS_FIRST = ("dateadd", "datediff", "datepart")


def expression(text, columns, secret=frozenset(), functions=ALLOWED):
    """One condition over these columns -> the same for SQLite, in brackets.  A leading WHERE or AND is tolerated."""
    items = grow(lex(text, TYPES))
    while items and is_word(items[0], "where", "and"):
        items = items[1:]
    if not items:
        raise ApiError(400, "the condition is empty")
    if any(is_mark(node, ",") for node in items):
        raise ApiError(400, "a condition is one expression: no comma outside brackets")
    _judge(items, columns, secret, functions)
    return render(flat([Group(rewrite(items))]))


def _judge(items, columns, secret, functions):
    for at, node in enumerate(items):
        if node.kind == "group":
            head = items[at - 1] if at else node
            skip = _typed(head, node) if node.word == "(" else ()
            _judge([inner for place, inner in enumerate(node.items) if place not in skip], columns, secret, functions)
        elif node.kind == "param" or is_mark(node, ";") or is_mark(node, "."):
            raise ApiError(400, f"{node.text} has no place in a condition")
        elif node.kind in ("name", "quoted"):
            _judge_name(node, is_brackets(items, at + 1), columns, secret, functions)


def _judge_name(node, called, columns, secret, functions):
    word = "temporarydisabled" if node.word == "temporarilydisabled" else node.word
    if word in secret:
        raise ApiError(400, f"the column {word} cannot be asked for")
    if node.kind == "name" and word in QUERY and word not in columns:
        raise ApiError(400, f"{word.upper()} has no place in a condition: it compares columns, no query")
    if node.kind == "name" and called and word not in GRAMMAR:
        if word not in functions:
            raise ApiError(400, f"the function {word[:40]} has no place in a condition")
    elif word not in columns and not (node.kind == "name" and word in GRAMMAR):
        raise ApiError(400, f"unknown column in the condition: {word[:40]}")


def _typed(head, group):
    """The places of a call that hold a type or a unit of time, no column."""
    items = group.items
    if is_word(head, "cast"):
        at = max((place for place, node in enumerate(items) if is_word(node, "as")), default=len(items))
        return range(at + 1, len(items))
    if is_word(head, "convert"):
        return range(next((place for place, node in enumerate(items) if is_mark(node, ",")), 0))
    return (0,) if is_word(head, *UNITS_FIRST) else ()
