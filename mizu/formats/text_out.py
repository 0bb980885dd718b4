"""Answers for people and simple scripts: text, line (the same in one line) and url.

A bare message (neither OK nor ERROR in front) is the whole text; rows stand for themselves, one a line, columns
separated by tabs under their names, a single column without its name; the members of a dict follow the message.
"""

from urllib.parse import quote_plus

from .json_out import scalar
from .table import as_rows

_BLANKS = str.maketrans("\t\r\n", "   ")


def render_text(answer):
    if answer.data is None and not answer.warning and not answer.control:
        return answer.message.encode("utf-8", "replace")
    return "\n".join(text_lines(answer)).encode("utf-8", "replace")


def render_line(answer):
    """All in one line: `; ` between what text has on several."""
    lines = [piece.strip() for line in text_lines(answer) for piece in line.splitlines()]
    return "; ".join([line for line in lines if line]).encode("utf-8", "replace")


def render_url(answer):
    """The members as a form (WHATWG URL 5.2); structures are compact JSON."""
    success = 200 <= answer.code < 300
    members = [("code", str(answer.code)), ("status", "success" if success else "error"),
               ("success" if success else "error", "true"),
               ("message", f"{answer.message} {answer.control}" if answer.control else answer.message),
               ("data", scalar(answer.data))]
    if answer.warning:
        members.append(("warning", answer.warning))
    members.append(("frequest", answer.entry))
    return "&".join([name + "=" + quote_plus(text, errors="replace") for name, text in members]).encode()


def text_lines(answer):
    """The lines of the text; a warning is one of them, the control word the very end."""
    lines = data_lines(answer)
    if answer.warning:
        lines.append("WARNING: " + answer.warning)
    if answer.control:
        lines[-1] += " " + answer.control
    return lines


def data_lines(answer):
    """Message and data, without warning and control word."""
    message, data = answer.message, answer.data
    if data is None or message and not message.startswith(("OK", "ERROR")):
        return [message]
    rows = as_rows(data)
    if rows is not None:
        return _row_lines(rows) or [_none(message)]
    if isinstance(data, dict):
        return [message, *[f"{name}: {_cell(value)}" for name, value in data.items()]]
    if isinstance(data, (list, tuple)):
        return [_cell(item) for item in data] or [_none(message)]
    return ["OK: " + scalar(data)] if message == "OK" else [message]


def _none(message):
    """What stands for a list without entries."""
    return "OK: none" if message == "OK" else message


def _row_lines(rows):
    lines = row_lines(rows.rows)
    if lines and len(rows.columns) > 1:
        lines.insert(0, "\t".join(map(str, rows.columns)))
    return lines


def row_lines(rows):
    """The lines of a table's rows."""
    return ["\t".join([_cell(value) for value in row]) for row in rows]


def _cell(value):
    text = scalar(value)
    return text if text.isprintable() else text.translate(_BLANKS)
