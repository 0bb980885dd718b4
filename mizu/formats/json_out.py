"""JSON answers (RFC 8259): members, order and layout as in the manual's examples; and JSONP around them.

`scalar` is the text of one value for all other formats; structures are JSON in one line there.
"""

import base64
import json

from ..base.message import Rows

INDENTED_ROWS = 100     # a longer table has one row a line: half the bytes, and still for people

_quote = json.encoder.c_encode_basestring or json.encoder.encode_basestring

_SUCCESS = ('{\n  "code": %d,\n  "status": "success",\n  "success": true,\n  "message": %s,\n  "data": %s,\n'
            '%s  "frequest": %s\n}')
_ERROR = _SUCCESS.replace('"success",\n  "success"', '"error",\n  "error"')


def render_json(answer):
    """The members code, status, success or error, message, data, warning if there is one, frequest."""
    code, message, data, warning = answer.code, answer.message, answer.data, answer.warning
    if answer.control == "NORETRY" and code == 401:     # old clients look for it in the message
        message += " NORETRY"
    return ((_SUCCESS if 200 <= code < 300 else _ERROR) % (
        code, _quote(message), "null" if data is None else _value(data, "\n  "),
        f'  "warning": {_quote(warning)},\n' if warning else "", _quote(answer.entry))).encode("utf-8", "replace")


def render_jsonp(answer, callback):
    """A script that calls `callback`; the comment in front keeps plugins from reading the name as a file header."""
    text = render_json(answer).decode().replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f"/**/{callback}({text});".encode()


def scalar(value):
    """A value as the text formats show it: None empty, true and false by name, structures as compact JSON."""
    show = _SHOWN.get(type(value))
    if show:
        return show(value)
    text = _value(value, "")
    return json.loads(text) if text[:1] == '"' else text


def _value(value, line):
    """JSON of a value; `line` is a line break with the indentation of the value, or "" for no line breaks."""
    encode = _SCALARS.get(type(value))
    if encode:
        return encode(value)
    if isinstance(value, Rows):
        return _rows(value, line)
    if isinstance(value, dict):
        inner = line and line + "  "
        colon = ": " if line else ":"
        members = [_quote(str(name)) + colon + _value(item, inner) for name, item in value.items()]
        return _enclose("{", members, "}", line)
    if isinstance(value, (list, tuple, set, frozenset)):
        inner = line and line + "  "
        return _enclose("[", [_value(item, inner) for item in value], "]", line)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return _SCALARS[kind](kind(value))
    return _quote(str(value))


def _rows(table, line):
    """A list of objects."""
    if not line or len(table.rows) > INDENTED_ROWS:
        return _enclose("[", row_objects(table.columns, table.rows, ", " if line else ","), "]", line)
    inner = line + "    "
    return _enclose("[", row_objects(table.columns, table.rows, "", inner), "]", line)


def row_objects(columns, rows, comma, line=""):
    """The objects of a table's rows; `line` is a line break with the indentation of their members, or "" for
    objects in one line with `comma` between them.  The names are quoted once, not once a row."""
    colon = ": " if line or comma != "," else ":"
    names = [_quote(name) + colon for name in columns]
    scalars = _SCALARS.get
    objects = []
    for row in rows:
        members = []
        for name, item in zip(names, row):
            encode = scalars(type(item))
            members.append(name + (encode(item) if encode else _value(item, line)))
        objects.append(_enclose("{", members, "}", line[:-2]) if line else "{" + comma.join(members) + "}")
    return objects


def row_object(row):
    """A dict in one line, as a row of a long table."""
    return "{" + ", ".join([_quote(name) + ": " + _value(item, "") for name, item in row.items()]) + "}"


def _enclose(opening, items, closing, line):
    if not items:
        return opening + closing
    if not line:
        return opening + ",".join(items) + closing
    return f"{opening}{line}  " + f",{line}  ".join(items) + line + closing


def _float(value):
    return float.__repr__(value) if value - value == 0 else "null"      # JSON has neither NaN nor Infinity


def _bytes(value):
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


_SCALARS = {
    str: _quote, int: int.__repr__, float: _float, type(None): lambda value: "null",
    bool: lambda value: "true" if value else "false", bytes: lambda value: _quote(_bytes(value)),
}
_SHOWN = {**_SCALARS, str: str, type(None): lambda value: "", bytes: _bytes}
