"""SQL as tokens and as a tree of brackets.

Lexical rules of SQLite (https://sqlite.org/syntax) widened by those of T-SQL: N'text', [name] with ]] doubled,
@@words, !< and !>.  Comments are dropped.  Knows nothing of what the words mean, but for CASE … END, a bracket too.
"""

import re
from typing import NamedTuple

from mizu.base.errors import ApiError

LENGTH = 1 << 18    # characters of one statement; the longest we ever saw were a few KiB
DEPTH = 60          # nested brackets: each costs a few Python frames here, and SQLite refuses 1000
SIZE = 20_000       # tokens, also of a translation: dateadd() repeats its argument, so nesting it could multiply

NUMBER, TEXT, DIGITS, DATE = "number", "text", "digits", "date"
"""The types that decide what + means; "" is unknown, DIGITS is text that may have to act as a number."""


class Token(NamedTuple):
    kind: str           # string blob quoted number name param keyword op mark
    text: str           # as SQLite shall read it
    word: str           # a name in lower case, a string's value, else the text
    space: bool = False     # white space or a comment stood before it
    type: str = ""


class Group:
    """Everything between two brackets, or between CASE and END."""

    __slots__ = ("open", "items", "close", "size", "type")

    def __init__(self, items, open=None, close=None):
        self.open = open or Token("mark", "(", "(")
        self.close = close or Token("mark", ")", ")")
        self.items = items
        self.type = None    # found out once, by operands.type_of
        self.size = 2 + sum(node.size if isinstance(node, Group) else 1 for node in items)
        bounded(self.size)

    kind = "group"

    @property
    def word(self):
        return self.open.word

    @property
    def space(self):
        return self.open.space


def bounded(size):
    if size > SIZE:
        raise ApiError(400, f"the SQL statement is too complex: more than {SIZE} words")


RULES = r"""
      (?P<blank>   (?: [\s\ufeff]++ | --[^\n]*+ | /\* (?s:.*?) \*/ )++ )
    | (?P<blob>    [xX]'(?:[0-9a-fA-F]{2})*+' )
    | (?P<string>  [nN]?'(?: [^']++ | '' )*+' )
    | (?P<quoted>  "(?: [^"]++ | "" )*+" | `(?: [^`]++ | `` )*+` | \[(?: [^\]]++ | \]\] )*+\] )
    | (?P<number>  0[xX][0-9a-fA-F]++ | (?: [0-9]++ (?:\.[0-9]*+)?+ | \.[0-9]++ ) (?:[eE][-+]?[0-9]++)?+ )
    | (?P<name>    [^\W\d][\w$]*+ )
    | (?P<param>   \?[0-9]*+ | @@?[^\W\d]\w*+ | [:$][^\W\d]\w*+ )
    | (?P<op>      ->> | -> | \|\| | << | >> | <> | <= | >= | == | != | !< | !> | /(?!\*) | [-+*%&|^~<>=] )
    | (?P<mark>    [(),.;] )
"""
LEXER = re.compile(RULES, re.VERBOSE)
KEYWORD = r"\[(?i:USERID|USERNAME|SPARAM[0-9]*+)\]|\{[^\W\d]\w*\}"
"""The places of custom SQL (the manual's chapter Custom); they win over [name]."""
CUSTOM_LEXER = re.compile(f"(?P<keyword>{KEYWORD})|{RULES}", re.VERBOSE)
WITHIN = re.compile(KEYWORD)

NEGATED = {"!<": ">=", "!>": "<="}
DECIMAL = re.compile(r"\s*[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\s*", re.ASCII)


def lex(sql, types=(), custom=False):
    """Text -> list of Token.  `types` gives columns their type; `custom` also reads the keywords of custom SQL."""
    if len(sql) > LENGTH:
        raise ApiError(400, f"the SQL statement is longer than {LENGTH} characters")
    if "\0" in sql or not sql.isascii() and re.search("[\ud800-\udfff]", sql):
        raise ApiError(400, "the SQL statement holds a character that is none")
    match = (CUSTOM_LEXER if custom else LEXER).match
    types = dict(types)
    tokens, at, space = [], 0, False
    while at < len(sql):
        found = match(sql, at)
        if found is None:
            raise ApiError(400, _trouble(sql, at))
        at = found.end()
        if found.lastgroup == "blank":
            space = True
            continue
        tokens.append(_token(found.lastgroup, found[0], space, types))
        bounded(len(tokens))
        space = False
    return tokens


def _token(kind, text, space, types):
    if kind == "string":
        return string(text[text.index("'") + 1:-1].replace("''", "'"), space)
    if kind == "name":
        return Token(kind, text, text.lower(), space, types.get(text.lower(), ""))
    if kind == "quoted":
        close = text[-1]
        value = text[1:-1].replace(close * 2, close)
        if not value:
            raise ApiError(400, f"{text} is an empty name")
        if close == "]" and "]" in value:   # the one form of T-SQL that SQLite cannot read
            text = '"%s"' % value.replace('"', '""')
        return Token(kind, text, value.lower(), space, types.get(value.lower(), ""))
    text = NEGATED.get(text, text)
    return Token(kind, text, text.lower(), space, NUMBER if kind == "number" else "")


def string(value, space=False):
    kind = DIGITS if DECIMAL.fullmatch(value) else TEXT
    return Token("string", "'%s'" % value.replace("'", "''"), value, space, kind)


def _trouble(sql, at):
    opened = {"'": "a text", '"': "a name", "`": "a name", "[": "a name", "/": "a comment"}.get(sql[at])
    return f"{opened} is not closed: {sql[at:at + 20]}" if opened else f"SQL has no use for {sql[at]!r} here"


def grow(tokens):
    """Tokens -> list of Token and Group; brackets that do not match, or hold a ;, are refused."""
    open_groups, items = [], []
    for token in tokens:
        word = token.word if token.kind in ("name", "mark") else ""
        if word in ("(", "case"):
            if len(open_groups) == DEPTH:
                raise ApiError(400, f"the SQL statement nests deeper than {DEPTH}")
            open_groups.append((token, items))
            items = []
        elif word in (")", "end"):
            opener = open_groups.pop() if open_groups else None
            if opener is None or (opener[0].word == "(") != (word == ")"):
                raise ApiError(400, f"unbalanced {token.text.upper()} in the SQL statement")
            opener[1].append(Group(items, opener[0], token))
            items = opener[1]
        elif word == ";" and open_groups:
            raise ApiError(400, "; inside brackets")
        else:
            items.append(token)
    if open_groups:
        raise ApiError(400, f"{open_groups[-1][0].text.upper()} is not closed in the SQL statement")
    return items


def flat(items):
    """The tree's tokens in order."""
    for node in items:
        if isinstance(node, Group):
            yield node.open
            yield from flat(node.items)
            yield node.close
        else:
            yield node


def spaced(items, space=True):
    """The same nodes, with or without white space before the first."""
    if not items or items[0].space == space:
        return items
    first = items[0]
    if isinstance(first, Group):
        head = Group(first.items, first.open._replace(space=space), first.close)
    else:
        head = first._replace(space=space)
    return [head, *items[1:]]


def split(items, separator=","):
    """The parts between the separators of this level; nothing at all is no part."""
    parts = [[]]
    for node in items:
        if node.kind == "mark" and node.word == separator:
            parts.append([])
        else:
            parts[-1].append(node)
    return parts if items else []


SIGNS = frozenset("-+*/%&|^~<>=!.")


def render(tokens):
    """Tokens -> text.  One space where the author had some (it shows in column headings), or where two would melt."""
    out, last = [], " "
    for token in tokens:
        first = token.text[0]
        if out and (token.space or _melts(last, first)):
            out.append(" ")
        out.append(token.text)
        last = token.text[-1]
    return "".join(out)


def _melts(last, first):
    if last in SIGNS:
        return first in SIGNS and "." not in (last, first) or last == "." == first
    return (last.isalnum() or last in "_$?'\"`") and (first.isalnum() or first in "_$?'\"`@:")
