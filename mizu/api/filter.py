"""The filter of the manual's chapter Hardened access: parameters of user commands that look like an injection.

Our own SQL is always bound and our own pages always escape; this is for what sits behind us.  It knows the
shapes of attacks, not single characters: O'Brien, "5 < 6", "select a plan; thanks" and AT&T pass.
"""

import re

from ..base.errors import ApiError

_SUSPECT = re.compile(r"[<'\";]|--|/\*|javascript:|union", re.I)
"""Cheap first look: without one of these nothing below can match."""

_ATTACK = re.compile(r"""
    <\s*/?\s*(script|iframe|object|embed|svg|img|link|meta|style|form|base|body)\b    # markup that runs or loads
  | \bon(error|load|click|mouse\w+|focus|key\w+)\s*=                                  # its event handlers
  | (javascript|vbscript|data)\s*:\s*[^\s]*[(,;<]
  | ['"]\s*\)?\s*(or|and)\b[^=<>]*([=<>]|\blike\b)                                  # a broken-out quote goes on in SQL
  | ['"]\s*\)?\s*(union|having|group\s+by|order\s+by)\b
  | ['"]\s*\)?\s*(--|\#|/\*)                                                          # or comments out the rest
  | ;\s*(select|insert|update|delete|drop|alter|create|exec|execute|truncate|shutdown|attach|pragma)\b\s+\w
  | \bunion\s+(all\s+)?select\b
  | /\*.*\*/
""", re.I | re.X | re.S)

_SECRETS = frozenset(("authpwd", "password", "u_password", "newpassword", "oldpassword", "pin", "u_pin"))


def looks_like_injection(text):
    return bool(_SUSPECT.search(text) and _ATTACK.search(text))


def refuse_injection(command, arguments, params):
    """ApiError 400 if one of a user command's values looks like an attack; passwords may be anything."""
    for (_, param, _), value in zip(command.keys, arguments):
        if value.__class__ is str and param.type.name != "secret" and looks_like_injection(value):
            raise ApiError(400, f"parameter {param.name} was refused: it looks like SQL or script")
    if command.fields:
        for name, value in params.items():
            if name.startswith("u_") and name not in _SECRETS and looks_like_injection(value):
                raise ApiError(400, f"parameter {name} was refused: it looks like SQL or script")
