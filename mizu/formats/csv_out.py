"""Answers as CSV (RFC 4180): a header line, CRLF, quotes doubled.

Rows are the table; a dict is a table of one row; all else is one row of code, status, message.
"""

import re

from ..base.message import Rows
from .json_out import scalar
from .table import as_rows

_QUOTED = re.compile('[",\r\n]|^ | $')
_FORMULA = "=+-@\t\r"       # what a spreadsheet takes for a formula (OWASP, CSV injection)


def render_csv(answer, csvsafe=False):
    """`csvsafe` puts ' in front of texts that a spreadsheet would compute."""
    rows = _rows(answer)
    field = _safe_field if csvsafe else _field
    return "".join(row_lines((rows.columns, *rows.rows), field)).encode("utf-8", "replace")


def row_lines(rows, field=None):
    """The lines of rows, CRLF at their ends."""
    field = field or _field
    return [",".join(map(field, row)) + "\r\n" for row in rows]


def _rows(answer):
    data = answer.data
    rows = as_rows([data] if isinstance(data, dict) and data else data)
    if rows is not None and rows.columns:
        return rows
    status = "success" if 200 <= answer.code < 300 else "error"
    return Rows(("code", "status", "message"), [(answer.code, status, answer.message)])


def _field(value):
    text = scalar(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _safe_field(value):
    if isinstance(value, str) and value[:1] and value[0] in _FORMULA:
        value = "'" + value
    return _field(value)
