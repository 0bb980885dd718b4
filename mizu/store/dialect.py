"""T-SQL's statements as SQLite's: one pass from the innermost bracket outward, each level in the same five steps.

The steps work on nodes (tokens and brackets), never on text, so nothing inside a string can be touched.  What they
write they leave alone the next time.  Whether SQLite then takes the statement is SQLite's to say.
"""

from mizu.base.errors import ApiError
from mizu.store.functions import GLOBALS, call, shifted
from mizu.store.operands import RESERVED, fill, is_brackets, is_mark, is_op, is_word, operand, primary, type_of
from mizu.store.tokens import DATE, DIGITS, NUMBER, TEXT, Group, Token, spaced, split

TYPES = {name: kind for kind, names in {
    TEXT: """username password pin name name2 contactname displayname shorttelnumber telnumber phone email email2 fax
        address billaddress postaddress country regnumber euregnumber gender language comment deviceid brandname
        companyname upperserver upperserverdomain forgotpasswordquestion forgotpasswordanswer ip equipment authip
        domainname techprefix transip proxy upperusername upperpassword allowedpartners enabledprefixes blockprefixes
        ringgroup forwardonbusy forwardonnoanswer forwardalways currency number actor callernumber callednumber
        origcallerid sipcallid disctext discside mark callerip calledip codec recordfile prefix destination
        callerpattern rewrite pattern replacement providerpx newnumber newdomain batch fname customsql
        custom_action_body accessnumber sign""",
    DATE: """datum callstartdate connectdate statusdate adddate birthday validfrom validto useddate lockeduntil
        changed""",
    NUMBER: """id userid type credit postpaid enabled temporarydisabled status port commission reduction
        dailylimit monthlylimit maxlines parentid packetid amount balance price rate unitprice billingstep
        connectfee realduration origduration alegduration blegduration callerid calledid costenduser costprovider
        costcompany costsales costother resellerid cdrid priority weight""",
}.items() for name in names.split()}
"""What the columns of our tables are (DATE: times as text); a name that is in no row stays unknown."""

VERBS = frozenset("""select with values insert replace update delete create drop alter explain pragma analyze reindex
    vacuum truncate""".split())
HINTS = frozenset("""nolock readuncommitted readcommitted repeatableread serializable rowlock paglock tablock tablockx
    updlock xlock holdlock readpast nowait noexpand forceseek forcescan snapshot""".split())
READERS = ("select", "values", "explain", "pragma")
SETS = ("union", "except", "intersect")


def translated(items):
    """The tree of a whole text -> the same for SQLite, statement by statement."""
    parts = [statement(part) for part in split(items, ";") if part]
    if not parts:
        raise ApiError(400, "the SQL statement is empty")
    out = parts[0]
    for part in parts[1:]:
        out += [Token("mark", ";", ";"), *part]
    return Group(out).items     # a Group knows its bound


def reads(items):
    """True for a tree that answers rows by itself."""
    if items and is_word(items[0], "with"):
        items = [node for node in items if is_word(node, *READERS, "insert", "update", "delete", "replace")]
    return bool(items) and is_word(items[0], *READERS)


def statement(items):
    """One statement's nodes -> the same for SQLite."""
    verb = items[0]
    if is_word(verb, "vacuum"):
        raise ApiError(400, "VACUUM is not run here, it would stop everybody: free pages of the file are used again by"
                            " themselves, and backups are compact copies")
    if verb.kind != "group" and not is_word(verb, *VERBS):
        raise ApiError(400, f"{verb.text[:30].upper()} is not supported: write SELECT, INSERT, UPDATE or DELETE")
    return rewrite(_verb(items))


def _verb(items):
    """The words that T-SQL lets you leave out after the verb."""
    verb, rest = items[0], items[1:]
    if not rest or not is_word(verb, "insert", "update", "delete", "truncate"):
        return items
    if is_word(rest[0], "top"):
        raise ApiError(400, f"{verb.word.upper()} TOP is not supported: choose the rows in WHERE")
    if is_word(verb, "truncate") and is_word(rest[0], "table"):
        return [*spaced(fill("delete from"), verb.space), *rest[1:]]
    if is_word(verb, "insert") and not is_word(rest[0], "into", "or"):
        return [verb, *spaced(fill("into")), *spaced(rest)]
    if is_word(verb, "delete") and not is_word(rest[0], "from"):
        if any(is_word(node, "from") for node in rest):
            raise ApiError(400, "DELETE with a second FROM is not supported: choose the rows in WHERE")
        return [verb, *spaced(fill("from")), *spaced(rest)]
    return items


def rewrite(items):
    """One level of brackets, its inner ones first."""
    items = [Group(rewrite(node.items), node.open, node.close) if node.kind == "group" else node for node in items]
    for step in (names, hints, calls, sums, selects):
        items = step(items)
    return items


def names(items):
    """dbo.x and db..x are x, temporarilydisabled is temporarydisabled, @@identity and @@rowcount are calls."""
    out, at = [], 0
    while at < len(items):
        node, end = items[at], at + 1
        if _is_name(node) and out and is_word(out[-1], "collate"):
            out.append(_collation(node))
        elif _is_name(node):
            start, end = _path(items, at)
            out += spaced([_column(part) for part in items[start:end]], node.space)
        elif node.kind == "param" and node.text.startswith("@@"):
            if node.word not in GLOBALS:
                raise ApiError(400, f"{node.text[:30]} is not supported")
            out += spaced(fill(GLOBALS[node.word]), node.space)
        elif is_mark(node, "."):
            raise ApiError(400, "a dot stands between two names")
        else:
            out.append(node)
        at = end
    return out


def _is_name(node):
    """A name that is no word of the grammar."""
    return node.kind == "quoted" or node.kind == "name" and node.word not in RESERVED


def _path(items, at):
    """The dotted name from `at` on: where its part within one database begins, and its end."""
    start, end = at, at + 1
    while end + 1 < len(items) and is_mark(items[end], "."):
        dots = 2 if is_mark(items[end + 1], ".") else 1
        if end + dots == len(items) or items[end + dots].kind not in ("name", "quoted"):
            return start, end + 2 * is_op(items[end + 1], ("*",))
        if dots == 2 or items[end - 1].word == "dbo":
            start = end + dots
        end += dots + 1
    return start, end


def _column(node):
    if node.word != "temporarilydisabled":
        return node
    return Token("name", "temporarydisabled", "temporarydisabled", node.space, NUMBER)


def _collation(node):
    """SQL Server's names say what is ignored: Latin1_General_CI_AS case, Latin1_General_CS_AS and …_BIN nothing."""
    word = "nocase" if "_ci_" in node.word else "binary" if "_cs_" in node.word or "_bin" in node.word else ""
    return Token("name", word, word, node.space) if word else node


def hints(items):
    """Drops WITH (NOLOCK), a table's bare (NOLOCK) and OPTION (…): they only speed up SQL Server."""
    out, clause = [], ""
    for at, node in enumerate(items):
        if is_word(node, *CLAUSES):
            clause = node.word
        before = items[at - 1] if at else None
        if is_word(node, "with") and _is_hint(items, at + 1) and out and not is_mark(before, ".") \
                or _is_hint(items, at) and _after_table(before, clause) \
                or clause and (_is_option(items, at) or _is_option(items, at - 1)):
            continue
        out.append(node)
    return out


CLAUSES = ("select", "from", "where", "set", "values", "order", "group", "on", "update", "into", "join", *SETS)


def _is_option(items, at):
    return 0 < at == len(items) - 2 and is_word(items[at], "option") and is_brackets(items, at + 1) \
        and items[at - 1].kind not in ("op", "mark")


def _is_hint(items, at):
    if not is_brackets(items, at):
        return False
    words = [node for node in items[at].items if not is_mark(node, ",")]
    return bool(words) and all(is_word(node, "index", *HINTS) or is_word(before, "index") and is_brackets([node], 0)
                               for before, node in zip([None, *words], words))


def _after_table(node, clause):
    """WITH, a table's name or its short name: what a hint may follow."""
    return is_word(node, "with") or clause in ("from", "join", "update", "into") and operand([node], 0) == 1


def calls(items):
    """Functions that SQLite lacks, or knows under another name."""
    out, at = [], 0
    while at < len(items):
        node, end = items[at], at + 1
        nodes = None
        if node.kind == "name" and is_brackets(items, end) and not (out and is_mark(out[-1], ".")):
            nodes = call(node.word, items[end])
        if nodes is None:
            out.append(node)
        else:
            if out and is_word(out[-1], "default"):     # of a column: SQLite wants brackets around any call
                nodes = [Group(nodes)]
            out += _behind(out, spaced(nodes, node.space))
            end += 1
        at = end
    return out


def _behind(out, nodes):
    """The nodes, if no name in front turns their bracket into the name's arguments."""
    if out and out[-1].kind == "name" and _is_name(out[-1]) and is_brackets(nodes, 0):
        raise ApiError(400, f"an operator is missing behind {out[-1].text[:40]}")
    return nodes


# What + and - mean

def sums(items):
    out, at = [], 0
    while at < len(items):
        end = at if out and is_word(out[-1], "top") else _term(items, at)     # TOP 5 -x is no difference
        if end == at:
            out.append(items[at])
            at += 1
            continue
        terms = [("+", items[at:end])]
        while end < len(items) and is_op(items[end], ("+", "-")):
            next_end = _term(items, end + 1)
            if next_end == end + 1:
                break
            terms.append((items[end].word, items[end + 1:next_end]))
            end = next_end
        done = _sum(terms) if len(terms) > 1 else None
        out += _behind(out, done) if done else items[at:end]
        at = end
    return out


def _term(items, at):
    """The end of the product (or the texts already joined) at `at`."""
    end = operand(items, at)
    while at < end < len(items) and is_op(items[end], ("*", "/", "%", "||", "->", "->>")):
        next_end = operand(items, end + 1)
        if next_end == end + 1:
            break
        end = next_end
    return end


def _sum(terms):
    """What becomes of terms (sign, nodes) between + and -; None leaves them as they are."""
    types = [type_of(nodes) for _, nodes in terms]
    if DATE in types:
        return _date_sum(terms, types)
    joins = [sign for sign, _ in terms[1:]]
    if "+" not in joins or TEXT not in types and DIGITS not in types:
        return None
    if NUMBER in types and TEXT not in types:
        return None         # '5' + 5 is 10 in both dialects
    if NUMBER in types or "-" in joins:
        raise ApiError(400, "a text and a number meet at +: cast one to the other's type")
    if TEXT not in types and "" in types:
        raise ApiError(400, "+ with a text that may be a number: write || to join, or cast to add")
    out = []
    for _, nodes in terms:      # each is an operand: products are numbers, and were refused
        out += [Token("op", "||", "||", nodes[0].space), *nodes]
    return out[1:]


def _date_sum(terms, types):
    """A date ± days, or the days between two dates."""
    dates = [term for term, kind in zip(terms, types) if kind == DATE]
    others = [term for term, kind in zip(terms, types) if kind != DATE]
    signs = [sign for sign, _ in dates]
    if signs not in (["+"], ["+", "-"]) or TEXT in types or DIGITS in types:
        raise ApiError(400, "a date takes + and - with days, or another date after -")
    rest = [node for sign, nodes in others for node in (Token("op", sign, sign), *nodes)]
    space = terms[0][1][0].space
    if len(dates) == 2:
        between = fill("julianday(?1)-julianday(?2)", dates[0][1], dates[1][1])
        return spaced([Group([*between, *rest])], space)
    rest = rest[1:] if is_op(rest[0], ("+",)) else rest
    return spaced(shifted(primary(dates[0][1]), rest), space)


# SELECT

def selects(items):
    """TOP n and OFFSET … FETCH become LIMIT at the end of the select they stand in; SELECT … INTO is refused."""
    if not any(is_word(node, "select") for node in items):
        return items
    arms, out = _arms(_paged(items)), []
    for place, (joint, arm) in enumerate(arms):
        start = _find(arm, "select")
        if any(is_word(node, "into") for node in arm[start:]):
            raise ApiError(400, "SELECT … INTO is not supported: write INSERT INTO … SELECT")
        if any(is_word(node, "select") for node in arm[start + 1:]) or place and 0 < start < len(arm):
            raise ApiError(400, "a second SELECT stands in brackets, or right behind UNION")
        arm, limit = _top(arm, start)
        if limit and len(arms) > 1:     # SQLite lets LIMIT only end the whole UNION
            end = _find(arm, "order") if place == len(arms) - 1 else len(arm)
            inner = Group([*spaced(arm[start:end], False), *limit])
            arm = [*arm[:start], *spaced(fill("select * from ?1", [inner])), *arm[end:]]
        elif limit:
            end = min(_find(arm, "returning"), _find(arm, "on", "conflict"))
            arm = [*arm[:end], *limit, *arm[end:]]
        out += joint + arm
    return out


def _find(items, *words):
    """Where these words begin, one after the other; behind the end if they do not."""
    last = len(items) - len(words) + 1
    return next((at for at in range(last) if all(is_word(items[at + n], word) for n, word in enumerate(words))),
                len(items))


def _arms(items):
    """The selects between UNION, EXCEPT and INTERSECT, each with the words in front of it."""
    arms, joint, start, at = [], [], 0, 0
    while at < len(items):
        if is_word(items[at], *SETS):
            end = at + 1 + (at + 1 < len(items) and is_word(items[at + 1], "all"))
            arms.append((joint, items[start:at]))
            joint, start, at = items[at:end], end, end
        else:
            at += 1
    return [*arms, (joint, items[start:])]


def _top(arm, select):
    """The select without its TOP, and the LIMIT that says the same."""
    at = select + 1
    at += at < len(arm) and is_word(arm[at], "distinct", "all")
    if at + 1 >= len(arm) or not is_word(arm[at], "top") or arm[at + 1].kind not in ("number", "param", "group"):
        return arm, []
    count, rest = arm[at + 1], arm[at + 2:]
    if rest and (is_word(rest[0], "percent") or _find(rest, "with", "ties") == 0):
        raise ApiError(400, f"TOP … {rest[0].text.upper()} is not supported: write TOP and a number")
    if not rest or any(is_word(node, "limit") for node in arm) or is_word(rest[0], "top", "distinct", "all"):
        raise ApiError(400, "TOP stands once before the columns of a SELECT, and without LIMIT")
    if count.kind == "group" and count.word == "(" and len(count.items) == 1:
        count = count.items[0]
    return [*arm[:at], *spaced(rest)], [Token("name", "limit", "limit", True), *spaced([count])]


def _paged(items):
    """… OFFSET a ROWS [FETCH NEXT b ROWS ONLY] at the end -> LIMIT b OFFSET a."""
    start = _find(items, "offset")
    tail, count = items[start:], fill("-1")
    if tail and is_word(tail[-1], "only"):
        at = _find(tail, "fetch")
        if at + 5 > len(tail) or not is_word(tail[-2], "row", "rows") or not is_word(tail[at + 1], "next", "first"):
            return items
        tail, count = tail[:at], tail[at + 2:-2]
    skip = tail[1:-1]
    if not skip or not is_word(tail[-1], "row", "rows") or _term(skip, 0) < len(skip) or _term(count, 0) < len(count):
        return items
    return [*items[:start], *spaced(fill("limit ?1 offset ?2", count, skip))]
