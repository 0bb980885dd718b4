"""What a request said, as tb_audit may keep it: without authentication, with `***` in the place of secrets.

A secret is known by its own name (base.log.mask), by the name of the column or setting that it is the value of, or by
the SQL around it.  Where that cannot be told it counts as one.
"""

import json
import re

from ..base.log import mask
from ..store.options import BY_NAME
from ..store.schema import SECRET_COLUMNS

MAX_PARAMS = 2000
"""Characters of the parameters in a row."""

_AUTH = frozenset(("authkey", "authid", "authpwd", "authmd5", "authsalt", "authsalt1", "authsalt2", "nonce", "apientry",
                   "format", "now", "new"))

_VALUES = (("key", "value"), ("fieldname", "fieldvalue"), ("filterfieldname", "filterfieldvalue"))
"""Parameters of which one names what the other holds."""

_SQL = ("sql", "where", "dsqjp")

_DELICATE = re.compile(rf"(?<!\w)(?:tb_settings|{'|'.join(sorted(SECRET_COLUMNS))})(?!\w)"
                       r"|\binto\b[^(]*\b(?:values|select)\b", re.I)
"""SQL whose literals may be secrets; also an INSERT that names no columns."""

_LITERAL = re.compile(r"""'(?:[^']|'')*'?|"(?:[^"]|"")*"?|(?<![\w.])\d{4,}""")
"""A text in either quotes, closed or not; a number that could be a PIN."""


def told(command, params):
    """The parameters of a command as JSON."""
    shown = {name: value for name, value in mask(params).items() if name not in _AUTH}
    if _is_setting(params.get("key", "")):
        shown["key"] = params["key"]            # of setini, not a key to anything
    settings = params.get("table", "").lower() == "tb_settings"
    for name, value in _VALUES:
        if params.get(value) and _is_secret(params.get(name, ""), settings, command):
            shown[value] = "***"
    for name in params:
        if name[:2] == "u_" and (name[2:] in SECRET_COLUMNS or settings and name == "u_value"):
            shown[name] = "***"
    for name in _SQL:
        if name in shown:
            shown[name] = _quiet(params[name])
    return json.dumps(shown, ensure_ascii=False)[:MAX_PARAMS]


def _is_setting(name):
    return name.lower() in BY_NAME


def _is_secret(name, settings, command):
    """Whether the value beside this name is one: any that may be a setting's and is not known to be harmless."""
    name = name.lower().removeprefix("u_")
    if command == "setini":
        return not _is_setting(name) or BY_NAME[name].secret
    return name in SECRET_COLUMNS or settings and name in ("", "value")


def _quiet(sql):
    """SQL without its literals if it deals with secrets."""
    return _LITERAL.sub("'***'", sql) if _DELICATE.search(sql) else mask(sql)
