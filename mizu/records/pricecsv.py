"""Price lists as CSV (RFC 4180, and what spreadsheets make of it): a text of lines <-> rows and rules.

The first line names the columns, in any order and by the names that price lists use; `;`, tab or `,` stand between
them, whichever makes sense of it.  A price may have a decimal comma.  A row's own columns are those of
tb_billingtimes; the others are rules of tb_billentries, and rows of the same rules make one entry.  Knows no table.
"""

import csv
import re
from itertools import chain

from .timetype import minutes, parse_days

FAULTS = 20
"""Faults that are told one by one; with more the file is another one than was meant."""

MOST_RULES = 1000
"""Different rules of one file: the entries that it makes."""

KINDS = {"enduser": 1, "user": 1, "provider": 2, "sales": 3, "company": 4, "other": 5}
EVERY = "*"
"""As a prefix: of every number.  An empty cell is rather a mistake."""

_PREFIX = re.compile(r"[0-9A-Za-z*#]{1,24}", re.ASCII)
_DECIMAL = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{0,6})0*)?|[.,]([0-9]{1,6})0*", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
                   r"(?:[ T]([01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,3})?)?Z?)?", re.ASCII)


class FileFault(Exception):
    """A file that is refused: `faults` are sentences, with the line where there is one."""

    def __init__(self, faults):
        super().__init__("\n".join(faults))
        self.faults = faults


# -- cells: text without blanks around -> value, or ValueError(what the column takes) ---------------

def _prefix(text):
    if not _PREFIX.fullmatch(text):
        text = text.lstrip("+").replace(" ", "")
        if not _PREFIX.fullmatch(text):
            raise ValueError(f"up to 24 digits, {EVERY} for every number")
    return "" if text == EVERY else text


def _text(text):
    if len(text) > 200 or not text.isprintable():
        raise ValueError("a text of up to 200 characters")
    return text


def _amount(text):
    found = _DECIMAL.fullmatch(text)
    if not found:
        raise ValueError("a number that is not negative, below 1000000000 and with at most 6 decimals")
    return float(f"{found[1] or 0}.{found[2] or found[3] or 0}")


def _whole(least, most):
    def parse(text):
        if not re.fullmatch("[0-9]{1,10}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)
    return parse


def _kind(text):
    kind = KINDS.get(re.sub("[ _-]", "", text.lower()), text)
    if str(kind) not in ("1", "2", "3", "4", "5"):
        raise ValueError("1 end user, 2 provider, 3 sales, 4 company or 5 other")
    return int(kind)


def _flag(text):
    value = {"1": 1, "yes": 1, "true": 1, "0": 0, "no": 0, "false": 0}.get(text.lower())
    if value is None:
        raise ValueError("0 or 1")
    return value


def _date(text):
    if text and not _DATE.fullmatch(text):
        raise ValueError("a date as 2026-01-31, or with a time behind it, in UTC")
    return text.replace("T", " ").rstrip("Z")


def _time(text):
    at = minutes(text) if text else None
    if text and at is None:
        raise ValueError("a time of the day as 08:00")
    return "%02d:%02d" % divmod(at, 60) if text else ""


def _day(text):
    if parse_days(text) is None:
        raise ValueError("days as 1-5, sat,sun, 2026-12-31 or 12-24")
    return text


class Column:
    """names   as headers have it, without blanks and signs; the first is the column's own
    parse   text -> value
    default where the file has no such column and the list no such rule yet; None: it must be there
    """
    __slots__ = ("name", "names", "parse", "default")

    def __init__(self, names, parse, default=None):
        self.names = names.split()
        self.name = self.names[0]
        self.parse = parse
        self.default = default


ROW = [
    Column("prefix code dialcode dialingcode areacode numberprefix callprefix", _prefix),
    Column("destination destinationname name description country region zone", _text, ""),
    Column("price rate priceperminute pricemin rateperminute ratemin permin perminute unitprice cost", _amount),
    Column("timetype period", _whole(0, 11), 10),
    Column("fromtime timefrom starttime", _time, ""),
    Column("totime timeto endtime", _time, ""),
    Column("day days weekday weekdays", _day, ""),
]
RULES = [
    Column("entry entryname list pricelist tariff ratecard", _text, ""),
    Column("type kind pricetype", _kind, 1),
    Column("currency cur curr", _text, ""),
    Column("billingstep step increment billingincrement interval", _whole(1, 86_400), 1),
    Column("minammount minamount minimum minduration initial", _whole(0, 86_400), 0),
    Column("freeammount freeamount freeseconds", _whole(0, 86_400), 0),
    Column("freeafter", _whole(0, 10**9), 0),
    Column("connectfee setup setupfee connectionfee connectioncharge", _amount, 0.0),
    Column("vatincluded", _flag, 1),
    Column("vatvalue vat vatpercent", _amount, 0.0),
    Column("packetid packet", _whole(0, 2**31), 0),
    Column("userid user", _whole(0, 2**31), 0),
    Column("parentid parent reseller", _whole(0, 2**31), 0),
    Column("validfrom effectivedate effective startdate", _date, ""),
    Column("validto enddate expires", _date, ""),
]
NAMES = [column.name for column in (*RULES, *ROW)]
RULE_NAMES = [column.name for column in RULES]
SCOPE = ("entry", "type", "packetid", "userid", "parentid", "validfrom", "validto")
"""Rules that tell one list from another: whose it is and when it holds.  In it a prefix has one price a time."""

_BY_NAME = {name: column for column in (*RULES, *ROW) for name in column.names}


class PriceReader:
    """The prices of an iterable of text lines (line ends kept).

    fixed     {name of a rule: text} that holds for every row, whatever the file says
    known     known(entry name) -> {name of a rule: value} where such a list is there already, for what the file lacks
    rules     one tuple in the order of RULES for each entry, as far as it was read; `firsts` its first line
    notes     what is odd and no fault
    faults    sentences; when it has some at the end, nothing that was read counts

    Iterate over it once: (line, number of the rules, prefix, destination, price, timetype, fromtime, totime, day).
    """

    def __init__(self, lines, fixed, known=lambda name: {}, name=""):
        self.rules = []
        self.firsts = []
        self.notes = []
        self.faults = []
        self._fixed = fixed
        self._known = known
        self._name = name
        self._numbers = {}          # parsed rules -> number
        self._seen = {}             # cells of a row's rules -> number
        self._whens = {}            # cells of a row's time -> parsed
        self._told = False          # that a prefix is no beginning of a number in normal form
        lines = iter(lines)
        self._above, first = next(((number, line) for number, line in enumerate(lines) if line.strip("; \t\r\n,")),
                                  (0, ""))
        self._csv = csv.reader(chain((first,), lines), delimiter=_delimiter(first), strict=True)
        self._read_header()

    def _read_header(self):
        line = self._above + 1
        try:
            header = next(self._csv, [])
        except csv.Error as error:
            raise FileFault([f"line {line}: {error}"]) from None
        self._width = len(header)
        self._at = {}
        for index, cell in enumerate(header):
            name = _plain(cell)
            column = _BY_NAME.get(name)
            if column is None:
                import difflib
                near = difflib.get_close_matches(name[:40], _BY_NAME, 1, 0.7)
                hint = f" (did you mean {near[0]}?)" if near else ""
                if name:
                    self.notes.append(f"the column {cell.strip()[:40]!r} is not known and ignored{hint}")
            elif column.name not in self._at:
                self._at[column.name] = index
            elif column.name == "destination":
                self.notes.append(f"the column {cell.strip()[:40]!r} is ignored: there is a destination already")
            else:
                raise FileFault([f"line {line}: the column {column.name} is there twice"])
        missing = [name for name in ("prefix", "price") if name not in self._at]
        if missing:
            raise FileFault([f"line {line}: no column {missing[0]}; the first line names the columns:"
                             " prefix, destination, price …"])

    # -- rows --------------------------------------------------------------------------------------

    def __iter__(self):
        reader, width = self._csv, self._width
        prefix_at, price_at = self._at["prefix"], self._at["price"]
        destination_at = self._at.get("destination")
        when = self._cells(ROW[3:])
        rules = self._cells(RULES)
        while len(self.faults) < FAULTS:
            line = self._above + reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:      # the quotes are lost: what follows means nothing
                self.faults.append(f"line {line}: {error}")
                return
            if not any(cells):
                continue
            try:
                if len(cells) != width and (len(cells) < width or any(cells[width:])):
                    raise ValueError(f"{len(cells)} cells, the first line names {width}")
                prefix = self._cell(ROW[0], cells[prefix_at])
                if prefix[:2] == "00" and not self._told:
                    self._told = True
                    self.notes.append(f"line {line}: the prefix {prefix[:40]} begins with 00: no number does"
                                      " unless normalizenumbers is 0")
                yield (line, self._rule(line, rules(cells)), prefix,
                       "" if destination_at is None else self._cell(ROW[1], cells[destination_at]),
                       self._cell(ROW[2], cells[price_at]), *self._when(when(cells)))
            except ValueError as error:
                self.faults.append(f"line {line}: {error}")

    def _cells(self, columns):
        """row -> the cells of these columns as a tuple, None for a column that is not there."""
        at = [self._at.get(column.name) for column in columns]
        return lambda cells: tuple([None if index is None else cells[index] for index in at])

    @staticmethod
    def _cell(column, text):
        """ValueError names column, what it takes and what was there."""
        text = text.strip()
        try:
            return column.parse(text)
        except ValueError as error:
            raise ValueError(f"{column.name} takes {error}, not {text[:40]!r}") from None

    def _when(self, cells):
        when = self._whens.get(cells)
        if when is None:
            if len(self._whens) > 10_000:
                self._whens.clear()
            when = self._whens[cells] = tuple([
                column.default if text is None or not text.strip() else self._cell(column, text)
                for column, text in zip(ROW[3:], cells)])
        return when

    def _rule(self, line, cells):
        number = self._seen.get(cells)
        if number is None:
            rules = self._parsed(cells)
            number = self._numbers.setdefault(rules, len(self.rules))
            if number == len(self.rules):
                if number >= MOST_RULES:
                    raise ValueError(f"more than {MOST_RULES} different rules")
                self.rules.append(rules)
                self.firsts.append(line)
            if len(self._seen) < 10 * MOST_RULES:
                self._seen[cells] = number
        return number

    def _parsed(self, cells):
        """Fixed value, else the cell, else the rule of the list as it is, else the default."""
        texts = {**{column.name: text for column, text in zip(RULES, cells) if text is not None}, **self._fixed}
        given = {column.name: self._cell(column, texts[column.name]) for column in RULES
                 if column.name in texts and (texts[column.name].strip() or column.default == "")}
        name = given.setdefault("entry", self._name)
        known = self._known(name)
        return tuple([given.get(column.name, known.get(column.name, column.default)) for column in RULES])


def rule(rules, name):
    """One of the rules in a tuple of them."""
    return rules[RULE_NAMES.index(name)]


def check_fixed(fixed):
    """FileFault for a name that is no rule, or a value that it does not take."""
    for name, text in fixed.items():
        if name not in RULE_NAMES:
            raise FileFault([f"there is no rule {name}; there are {', '.join(RULE_NAMES)}"])
        try:
            PriceReader._cell(_BY_NAME[name], text)
        except ValueError as error:
            raise FileFault([str(error)]) from None


def _plain(cell):
    """A header as the columns' names are compared with it."""
    return re.sub("[^a-z0-9]", "", cell.lower())


def _delimiter(header):
    """The separator by which most of a header's names are known."""
    return max(";\t,", key=lambda sign: sum(_plain(cell) in _BY_NAME for cell in header.split(sign)))


# -- writing ---------------------------------------------------------------------------------------

def write(file, rows):
    """Rows in the order of NAMES -> CSV; returns how many there were."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(NAMES)
    count = 0
    for row in rows:
        writer.writerow(map(_shown, row))
        count += 1
    return count


def _shown(value):
    """A number without exponent and idle zeros."""
    if value.__class__ is float:
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return value
