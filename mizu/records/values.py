"""Values as somebody sent them, made fit for the columns of a table.

A field that no column has is refused by name, with the nearest one.  Knows no table by name but for its money.
"""

import re

from ..base.errors import ApiError

SYNONYMS = {"potpaid": "postpaid", "temporarilydisabled": "temporarydisabled",
            "notifymissede-mail": "notifymissedemail"}
"""Fields as they are also spelled, and their columns."""

MAX_TEXT = 65_536
"""Characters of one value: a letter's worth, and a request of 64 fields stays a few megabytes."""

_WORDS = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})", re.ASCII)


def checked(values, columns, prefix=""):
    """{field: text or number} -> {column: value as the column takes it}; `prefix` is what the asker writes in front."""
    row = {}
    for field, value in values.items():
        name = known(field, columns, prefix)
        row[name] = _value(prefix + field, columns[name], name, value)
    return row


def known(field, columns, prefix="", written=True):
    """The column a field means, or ApiError 400; `written` refuses those that are computed."""
    name = field.lower()
    name = SYNONYMS.get(name, name)
    column = columns.get(name)
    if column is None:
        import difflib
        near = difflib.get_close_matches(name[:64], columns, 1, 0.6)
        hint = f", did you mean {prefix}{near[0]}" if near else ""
        raise ApiError(400, f"unknown field {prefix}{field[:64]}{hint}")
    if column.generated and written:
        raise ApiError(400, f"the field {prefix}{field[:64]} is computed and cannot be set")
    return name


def _value(field, column, name, value):
    if value is None or value.__class__ in (int, float):
        return value
    if column.type == "TEXT":
        if "\0" in value:
            raise ApiError(400, f"parameter {field} takes a text without control characters: NUL is not allowed")
        if len(value) > MAX_TEXT:
            raise ApiError(400, f"parameter {field} takes a text of up to {MAX_TEXT} characters")
        return value
    text = value.strip().lower()
    if not text:
        return _empty(column)
    if column.type == "INTEGER":
        if text in _WORDS:
            return _WORDS[text]
        if not _INTEGER.fullmatch(text):
            raise ApiError(400, f"parameter {field} takes a whole number, not {value[:40]!r}")
        return int(text)
    if not _DECIMAL.fullmatch(text):
        raise ApiError(400, f"parameter {field} takes a number, not {value[:40]!r}")
    if abs(float(text)) >= 1e9 and name == "credit":
        raise ApiError(400, f"parameter {field} takes an amount below 1000000000")
    return round(float(text), 6)


def _empty(column):
    """A number that was sent empty is the column's default."""
    default = column.default
    return float(default or 0) if column.type == "REAL" else int(default) if (default or "").isdecimal() else 0


def decimal(micros):
    """Micro-units as the number of the tables: exact below 1e9."""
    return micros / 1_000_000.0
