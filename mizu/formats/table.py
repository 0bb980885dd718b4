"""Rows for people: an aligned table for the console, and the shape that all formats of rows share."""

from ..base.message import Rows
from .json_out import scalar

GAP = "  "
NARROWEST = 4       # columns are not cut below this: the terminal wraps instead
READABLE = 8        # a column of longer values is worth this at least, else the row becomes a block
LONGEST = 2000      # characters of a cell that goes on over lines
WIDEST = 200        # a cell longer than this helps nobody in a table


def as_rows(data):
    """Rows of data that is a table: Rows, or a list of dicts (columns in order of appearance).  Else None."""
    if isinstance(data, Rows):
        return data
    if not (isinstance(data, (list, tuple)) and data and all(isinstance(item, dict) for item in data)):
        return None
    columns = list(dict.fromkeys(name for item in data for name in item))
    return Rows(columns, [tuple(map(item.get, columns)) for item in data])


def table(data, width=0):
    """Text of rows under their column names, or of a dict as two columns; `width` is the terminal's, 0 for any."""
    if isinstance(data, dict):
        return _draw([(str(name), value) for name, value in data.items()], (False, False), width)
    rows = as_rows(data)
    if rows is None:
        return _clean(scalar(data))
    if not rows.columns:
        return ""
    if width and rows.rows and least_width(rows) > width:
        return _blocks(rows, width)
    numbers = [all(type(row[i]) in (int, float, type(None)) for row in rows.rows) for i in range(len(rows.columns))]
    return _draw([list(map(str, rows.columns)), None, *rows.rows], numbers, width)


def least_width(rows):
    """The width below which the columns say nothing any more."""
    names = list(map(str, rows.columns))
    cells = [max([_width(_clean(scalar(row[i]))) for row in rows.rows]) for i in range(len(names))]
    least = [max(_width(name), min(cell, READABLE)) for name, cell in zip(names, cells)]
    return sum(least) + len(GAP) * (len(names) - 1)


def _blocks(rows, width):
    """A block of `name: value` a row, for tables wider than the terminal."""
    lines = []
    for number, row in enumerate(rows.rows, 1):
        lines.append(f"-[ {number} ]".ljust(min(width, 40), "-"))
        for name, value in zip(rows.columns, row):
            lines += _wrapped(_clean(f"{name}: {scalar(value)}").rstrip(), width)
    return "\n".join(lines)


def _draw(rows, right, width):
    """Lines of cells; None stands for a ruler; `right` says which columns are right-aligned.  With a width the last
    column goes on in the next line."""
    cells = [row and [_clean(scalar(value)) for value in row] for row in rows]
    widths = [max(_width(row[i]) for row in cells if row) for i in range(len(right) if rows else 0)]
    cap = _cap(widths, width)
    widths = [min(natural, cap) for natural in widths]
    lines = []
    for row in cells:
        if row is None:
            lines.append(GAP.join(["-" * size for size in widths]))
        else:
            whole = [row[-1]] if not width else _wrapped(row[-1], widths[-1])
            for text in whole:
                lines.append(GAP.join([_fit(*cell) for cell in zip([*row[:-1], text], widths, right)]).rstrip())
                row = [""] * len(row)
    return "\n".join(lines)


def _cap(widths, width):
    """The widest that a column may be so that all fit: the long ones give way, the short ones keep their size."""
    cap = min(max(widths, default=0), WIDEST)
    room = width - len(GAP) * (len(widths) - 1)
    while width and cap > NARROWEST and sum([min(natural, cap) for natural in widths]) > room:
        cap -= 1
    return cap


def _wrapped(text, size):
    """The text on lines of that many cells, broken at blanks where there are any."""
    lines, text = [], text if len(text) <= LONGEST else text[:LONGEST] + "…"
    while _width(text) > size:
        end = size
        while end > 1 and _width(text[:end]) > size:
            end -= 1
        blank = text.rfind(" ", 1, end + 1)
        end = blank if blank > 0 else end
        lines.append(text[:end])
        text = text[end:].lstrip()
    return [*lines, text]


def _fit(text, size, right):
    length = _width(text)
    if length > size:
        while text and length > size - 1:
            length -= _width(text[-1])
            text = text[:-1]
        text, length = text + "…", length + 1
    blanks = " " * (size - length)
    return blanks + text if right else text + blanks


def _width(text):
    """Cells on a terminal: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata      # 1 MB that most hosts never need
    return sum([0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
                for char in text])


def _clean(text):
    """One printable line: what could steer a terminal is shown as a question mark."""
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else " " if char in "\r\n\t" else "?" for char in text])
