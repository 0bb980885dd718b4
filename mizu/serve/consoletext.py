"""An answer as the console shows it: the message, then its data as a table.

Nothing of it can steer the terminal, and it has no empty line: that is what ends an answer for scripts.
"""

from ..base.message import Rows
from ..formats.json_out import scalar
from ..formats.table import as_rows, table


def console_text(answer, width=0):
    """Answer, or the list of a batch -> lines; `width` 0 cuts nothing."""
    if answer.__class__ is list:
        return "\n".join([console_text(each, width) for each in answer])
    if answer.blob is not None:
        return _blob(answer.blob)
    parts = [printable(answer.message), _data(answer, width)]
    if not parts[1] and answer.message == "OK" and _is_empty(answer.data):
        parts[0] = "OK: none"
    if parts[1] and as_rows(answer.data) is not None and answer.code < 400:
        del parts[0]                                # rows stand for themselves
    if answer.warning:
        parts.append("WARNING: " + printable(answer.warning))
    return "\n".join([part for part in parts if part])


def _is_empty(data):
    return isinstance(data, (Rows, list, tuple)) and not len(data)


def _data(answer, width):
    data, message = answer.data, answer.message
    if data is None or not message.startswith(("OK", "ERROR")):
        return ""                                   # a bare message is the whole text
    rows = as_rows(data)
    if rows is not None:
        return printable(table(rows, width)) + "\n… and more" * rows.truncated if rows.rows else ""
    if isinstance(data, dict):
        return printable(table(data, width))
    if isinstance(data, (list, tuple)):
        return "\n".join([table(scalar(item)) for item in data])
    return table(scalar(data)) if message == "OK" else ""


def _blob(blob):
    if blob.content_type.startswith("text/") and blob.filename is None:
        return printable(blob.body.decode("utf-8", "replace"))
    return f"OK: {blob.filename or 'a file'}, {blob.content_type}, {len(blob.body)} bytes: fetch it over HTTP"


def printable(text):
    """Lines that are not empty, each of them printable."""
    return "\n".join([table(line) for line in text.splitlines() if line.strip()])
