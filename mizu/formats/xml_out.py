"""XML answers, and SOAP 1.2 around them.  `text` repeats `message`: that is its name in older versions.

Rows are `<row>` elements, the items of a list `<item>`; nothing is an empty element.
"""

import re

from ..base.message import Rows
from .json_out import scalar

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ENVELOPE = ('<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope">\n<soap:Body>\n%s\n'
             '</soap:Body>\n</soap:Envelope>\n')

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}   # a bare CR would arrive as LF
_SPECIAL = re.compile("[&<>\"\r\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # the last are no Char of XML 1.0
_NO_NAME = re.compile(r"[^0-9A-Za-z_.-]")


def render_xml(answer):
    """A document with the root `answer`."""
    return (_DECLARATION + _element("answer", _members(answer), "\n") + "\n").encode()


def render_soap(answer):
    """Envelope, Body, and in it the same members as `<NAMEResponse>`."""
    response = _element((answer.entry or "answer") + "Response", _members(answer), "\n")
    return (_DECLARATION + _ENVELOPE % response).encode()


def row_elements(rows, line):
    """The elements of dicts, as they stand in `data`."""
    return [_element("row", row, line) for row in rows]


def _members(answer):
    success = 200 <= answer.code < 300
    message = answer.message
    if answer.control == "NORETRY" and answer.code == 401:
        message += " NORETRY"
    members = {"code": answer.code, "status": "success" if success else "error",
               "success" if success else "error": True, "message": message, "text": message, "data": answer.data}
    if answer.warning:
        members["warning"] = answer.warning
    members["frequest"] = answer.entry
    return members


def _element(name, value, line):
    """An element; `line` is a line break with its indentation."""
    name = xml_name(name)
    children = _children(value)
    if children is None:
        text = _SPECIAL.sub(_replace, scalar(value))
        return f"<{name}>{text}</{name}>" if text else f"<{name}/>"
    if not children:
        return f"<{name}/>"
    inner = line + "  "
    return f"<{name}>{inner}" + inner.join([_element(*child, inner) for child in children]) + f"{line}</{name}>"


def _children(value):
    """(name, value) of the parts of a structure, None for a scalar."""
    if isinstance(value, Rows):
        return [("row", row) for row in value.dicts()]
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, (list, tuple)):
        return [("row" if isinstance(item, dict) else "item", item) for item in value]
    return None


def xml_name(name):
    """A name as an element may have it: other characters become `_`, and none begins with a digit, `-` or `.`."""
    name = _NO_NAME.sub("_", str(name)) or "_"
    return name if name[0].isalpha() or name[0] == "_" else "_" + name


def _replace(match):
    return _ESCAPES.get(match[0], "\ufffd")
