"""The dial plan (tb_dialplan): the called number rewritten before anything else looks at it.

The first row that matches decides: the lower priority, then the longer beginning, then the older row; what it makes is
not looked up again.  `direction`: 0 calls of everybody, 1 calls that come in from traffic senders and trunks, 2 calls
of our own users.  Rows are compiled once; one that cannot be understood is left out and reported.
"""

from ..base.errors import ApiError
from .dialpattern import Pattern, Replacement

EVERYBODY, INCOMING, OWN = 0, 1, 2

ROWS = 20_000
"""Rows that are compiled: 20 MB; those beyond are reported."""


class Rule:
    """One row: id, Pattern, Replacement, direction, priority."""
    __slots__ = ("id", "pattern", "replacement", "direction", "priority")

    def __init__(self, id, pattern, replacement, direction, priority):
        self.id = id
        self.pattern = Pattern(pattern)
        self.replacement = Replacement(self.pattern, replacement)
        self.direction = direction or EVERYBODY
        self.priority = 7 if priority is None else priority
        if self.direction not in (EVERYBODY, INCOMING, OWN):
            raise ApiError(422, f"direction takes 0, 1 or 2, not {direction}")

    def __repr__(self):
        return f"Rule({self.id}, {self.pattern.text!r})"


class DialPlan:
    """db; `faults` [text] of the rows that are left out, once they have been read."""

    def __init__(self, db):
        self.db = db
        self.faults = []
        self._rules = None          # {first character or "": [Rule]}
        db.on_touched.append(self._touched)

    def reload(self):
        """Read the rows again when they are next asked for."""
        self._rules = None

    def _touched(self, table, ids):
        if table == "tb_dialplan":
            self.reload()

    def rewrite(self, number, direction):
        """(new number, the Rule that has made it, or None)."""
        rules = self._read() if self._rules is None else self._rules
        if rules:
            for rule in rules.get(number[:1]) or rules.get("", ()):
                if rule.direction in (EVERYBODY, direction):
                    match = rule.pattern.matches(number)
                    if match is not None:
                        return rule.replacement.of(match), rule
        return number, None

    def __len__(self):
        rules = self._read() if self._rules is None else self._rules
        return len({rule for some in rules.values() for rule in some})

    def _read(self):
        """{character: the rules that may match a number that begins with it}, those of any number under ""."""
        self.faults = []
        found = []
        rows = self.db.rows("SELECT id, pattern, replacement, direction, priority FROM tb_dialplan ORDER BY id LIMIT ?",
                            (ROWS + 1,))
        for row in rows[:ROWS]:
            try:
                found.append(Rule(*row))
            except (ApiError, TypeError, AttributeError) as error:
                self.faults.append(f"tb_dialplan.id {row[0]}: {getattr(error, 'message', error)}")
        if len(rows) > ROWS:
            self.faults.append(f"tb_dialplan has more than {ROWS} rows: those beyond are not used")
        found.sort(key=lambda rule: (rule.priority, -len(rule.pattern.first), rule.id))
        rules = {first: [] for first in {rule.pattern.first[:1] for rule in found} | ({""} if found else set())}
        for rule in found:
            own = rule.pattern.first[:1]
            for first in ([own] if own else rules):
                rules[first].append(rule)
        self._rules = rules
        return rules
