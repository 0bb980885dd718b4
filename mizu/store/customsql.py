"""The SQL and the action bodies of tb_api rows (the manual's chapters Custom and Actions), compiled once.

[USERID], [USERNAME], [SPARAM], [SPARAM1] … [SPARAM99] and {name} become bound parameters wherever a value may stand,
inside strings too; anywhere else they are refused, so no input ever becomes SQL.  Who binds them is not known here.
"""

import re
import shlex
from typing import NamedTuple

from mizu.base.errors import ApiError
from mizu.store.dialect import TYPES, reads, translated
from mizu.store.operands import is_brackets, is_mark, is_op, is_word
from mizu.store.tokens import DIGITS, WITHIN, Group, Token, flat, grow, lex, render, split, string


class Custom(NamedTuple):
    sync: bool          # a leading *: the answer waits for the statement
    is_query: bool
    sql: str            # with a ? for each of args
    args: tuple         # ("USERID",) ("USERNAME",) ("SPARAM", n; 0 without a number) ("FIELD", name in lower case)


CHANGERS = ("select", "with", "values", "insert", "replace", "update", "delete")


def compile_custom(sql, types=TYPES, bare=False):
    """`customsql` -> Custom.  `bare`: the word USERID in capitals is a keyword too, as within {select …}."""
    text = sql.strip()
    sync = text.startswith("*")
    tokens = lex(text[sync:], types, custom=True)
    tree = grow(tokens)
    parts = [part for part in split(tree, ";") if part]
    if len(parts) != 1:
        raise ApiError(400, "custom SQL is exactly one statement")
    values = {id(token) for token, is_value in _places(tree) if is_value}
    args, bound = [], []
    for token in tokens:
        bound += _bound(token, id(token) in values, args, bare)
    if args and not is_word(parts[0][0], *CHANGERS):
        raise ApiError(400, "keywords stand in SELECT, INSERT, UPDATE and DELETE only")
    out, order = [], []
    for token in flat(translated(grow(bound))):     # translating moves and repeats them, so they are counted last
        if token.kind == "param":
            order.append(args[int(token.text[1:])])
            token = token._replace(text="?")
        out.append(token)
    return Custom(sync, reads(tree), render(out), tuple(order))


def _bound(token, is_value, args, bare):
    """The token, or what takes its place; ?n stands for args[n] until all is translated."""
    if token.kind == "param" and not token.text.startswith("@@"):
        raise ApiError(400, f"nothing can be bound to {token.text[:30]}: write [SPARAM1] or {{name}}")
    if bare and is_value and token.kind == "name" and token.text == "USERID":
        return [_parameter("[USERID]", args)._replace(space=token.space)]
    if token.kind not in ("keyword", "string", "quoted") or not WITHIN.search(token.text):
        return [token]
    if not is_value or token.kind == "quoted":
        raise ApiError(400, f"{WITHIN.search(token.text)[0]} may only stand for a value: {token.text[:60]}")
    if token.kind == "keyword":
        return [_parameter(token.text, args)._replace(space=token.space)]
    return _joined(token, args)


def _parameter(keyword, args, type=""):
    name = keyword[1:-1]
    if keyword[0] == "{":
        arg = ("FIELD", name.lower())
    elif name[:6].upper() == "SPARAM":
        digits = name[6:]
        if digits and not (len(digits) < 3 and 1 <= int(digits) <= 99):
            raise ApiError(400, f"{keyword[:30]}: [SPARAM1] to [SPARAM99]")
        arg = ("SPARAM", int(digits or 0))
    else:
        arg = (name.upper(),)
    args.append(arg)
    return Token("param", f"?{len(args) - 1}", "?", False, type)


def _joined(token, args):
    """'[SPARAM]' -> ?0 and 'a[SPARAM1]b' -> ('a'||?0||'b')."""
    parts, at = [], 0
    for found in WITHIN.finditer(token.word):
        if found.start() > at:
            parts.append(string(token.word[at:found.start()]))
        parts.append(_parameter(found[0], args, DIGITS))
        at = found.end()
    if at < len(token.word):
        parts.append(string(token.word[at:]))
    if len(parts) == 1:
        return [parts[0]._replace(space=token.space)]
    out = [Token("mark", "(", "(", token.space)]
    for part in parts:
        out += [part, Token("op", "||", "||")]
    return [*out[:-1], Token("mark", ")", ")")]


# Where a value may stand

CLAUSES = {"select": "value", "where": "value", "on": "value", "having": "value", "limit": "value", "offset": "value",
           "returning": "value", "values": "value", "from": "name", "join": "name", "into": "name", "update": "name",
           "table": "name", "using": "name", "insert": "name", "replace": "name", "delete": "name", "with": "name",
           "set": "set", "order": "list", "group": "list", "partition": "list"}
BEFORE_VALUE = ("select", "distinct", "all", "where", "and", "or", "not", "on", "having", "when", "then", "else",
                "case", "between", "like", "glob", "is", "limit", "offset", "top", "returning", "escape")


def _places(items, clause="value"):
    """(token, whether it stands where a value may) of every token."""
    before = None
    for at, node in enumerate(items):
        if is_word(node, *CLAUSES) and not (node.word == "replace" and is_brackets(items, at + 1)):
            clause = CLAUSES[node.word]
        if isinstance(node, Group):
            yield from _places(node.items, _within(before, clause) if node.word == "(" else "value")
        else:
            after = items[at + 1] if at + 1 < len(items) else None
            followed = after is not None and (is_mark(after, ".") or is_brackets(items, at + 1))
            yield node, not followed and _follows(before, clause)
        if before is None or not is_word(before, "top"):    # behind TOP and its number all is as behind TOP
            before = node


def _within(before, clause):
    """The clause inside a bracket: names where it lists columns or tables."""
    if clause == "name" or clause == "set" and (is_word(before, "set") or is_mark(before, ",")):
        return "name"
    return "value"


def _follows(before, clause):
    if clause == "name":
        return False
    if before is None or is_mark(before, ","):
        return clause == "value"
    return is_op(before, before.word) or is_word(before, *BEFORE_VALUE)


# Bodies of actions

class Body(NamedTuple):
    to: tuple           # parts of the ***TO lines, a comma between several; empty if there is none
    subject: tuple      # parts of the ***SUBJECT line
    parts: tuple        # text | ("FIELD", name in lower case) | ("SELECT", Custom)


HEADING = re.compile(r"\*\*\*(TO|SUBJECT)\b[ \t]*[:=]?[ \t]*([^\n]*?)[ \t\r]*(?=\*\*\*(?:TO|SUBJECT)\b|\n|\Z)\n?",
                     re.IGNORECASE)
OPENING = re.compile(r"\{(?:(?P<field>[^\W\d]\w*)\}|(?=select\s))", re.IGNORECASE)
CLOSING = re.compile(r"'(?:[^']++|'')*+'|\{[^\W\d]\w*\}|(?P<end>\})")


def action_body(text):
    """`custom_action_body` -> Body.  ***TO and ***SUBJECT begin a line, or follow each other in one."""
    heads = {"to": [], "subject": []}
    lines, at = [], 0
    while at < len(text):
        found = HEADING.match(text, at)
        while found:
            heads[found[1].lower()].append(found[2])
            at = found.end()
            found = HEADING.match(text, at)
        end = text.find("\n", at) + 1 or len(text)
        lines.append(text[at:end])
        at = end
    return Body(select_template(",".join(filter(None, heads["to"]))),
                select_template(heads["subject"][-1] if heads["subject"] else ""), select_template("".join(lines)))


def command_words(text):
    """A command line -> its words, each the parts of a template: no value makes two words of one."""
    values, marked = [], []
    for part in select_template(text.replace("\0", " ")):
        marked.append(part if isinstance(part, str) else f"\0{len(values)}\0")
        if not isinstance(part, str):
            values.append(part)
    try:
        words = shlex.split("".join(marked))
    except ValueError as error:
        raise ApiError(400, f"the command line cannot be split: {error}") from None
    if not words or not words[0] or "\0" in words[0]:
        raise ApiError(400, "a command line begins with the name of a program")
    return tuple([_parts(word, values) for word in words])


def _parts(word, values):
    """The text between the marks, and the values they stand for."""
    pieces = word.split("\0")
    return tuple(filter(None, [values[int(piece)] if at % 2 else piece for at, piece in enumerate(pieces)]))


def select_template(body):
    """Text with {field} and {select …} -> its parts; other braces are text."""
    parts, at = [], 0
    while found := OPENING.search(body, at):
        parts.append(body[at:found.start()])
        if found["field"]:
            parts.append(("FIELD", found["field"].lower()))
            at = found.end()
        else:
            at = _closing(body, found.end())
            custom = compile_custom(body[found.end():at - 1], bare=True)
            parts.append(("SELECT", custom))
    parts.append(body[at:])
    return tuple(filter(None, parts))


def _closing(body, at):
    """Behind the } that ends the {select …} whose text begins at `at`."""
    for found in CLOSING.finditer(body, at):
        if found["end"]:
            return found.end()
    raise ApiError(400, f"{{{body[at:at + 30]}… has no closing brace")
