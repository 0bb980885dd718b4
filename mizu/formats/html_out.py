"""Answers as a small page: no script, every text escaped, rows as a table."""

from .json_out import scalar
from .table import as_rows

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }}
p {{ white-space: pre-wrap }}
.error {{ color: #c33 }}
table {{ border-collapse: collapse; font-size: 14px }}
th, td {{ border-bottom: 1px solid #8886; padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top }}
</style>
</head>
<body>
<p class="{status}">{message}</p>
{body}</body>
</html>
"""


_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def escape(text):
    """As html.escape; importing that takes 0.5 MB for the names of all entities."""
    return text.translate(_ENTITIES)


def render_html(answer):
    success = 200 <= answer.code < 300
    message = f"{answer.message} {answer.control}" if answer.control else answer.message
    body = _data(answer.data)
    if answer.warning:
        body += f'<p class="error">WARNING: {escape(answer.warning)}</p>\n'
    return _PAGE.format(title=escape(answer.entry or "mizud"), status="success" if success else "error",
                        message=escape(message), body=body).encode("utf-8", "replace")


def _data(data):
    """A table of rows with a head, of a dict with a head a line; a scalar is left to the message."""
    rows = as_rows(data)
    if rows is not None:
        lines = [_row("th", rows.columns), *row_lines(rows.rows)]
    elif isinstance(data, dict):
        lines = [f"<tr><th>{escape(str(name))}</th>{_cell('td', value)}</tr>\n" for name, value in data.items()]
    elif isinstance(data, (list, tuple)):
        lines = [_row("td", (item,)) for item in data]
    else:
        return ""
    return "<table>\n" + "".join(lines) + "</table>\n"


def row_lines(rows):
    """The lines of a table's rows."""
    return [_row("td", row) for row in rows]


def _row(tag, values):
    return "<tr>" + "".join([_cell(tag, value) for value in values]) + "</tr>\n"


def _cell(tag, value):
    return f"<{tag}>{escape(scalar(value))}</{tag}>"
