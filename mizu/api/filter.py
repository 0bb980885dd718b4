"""The filter of the manual's chapter Hardened access: parameters of user commands that look like an injection.

Our own SQL is always bound and our own pages always escape; this is for what sits behind us.  It knows the
shapes of attacks, not single characters: O'Brien, "5 < 6", "select a plan; thanks" and AT&T pass.  Every repeat in
the patterns has a bound, so the time is linear in the text.
"""

import re

from ..base.errors import ApiError
from .param import secret

_SUSPECT = re.compile(r"""[<'"`;=]|--|/\*|union|script\s*:|data\s*:|_schema|sqlite_|xp_|sysobjects""", re.I)
"""Cheap first look: without one of these nothing below can match."""

_TERM = r"""\(?['"`]?[\w.@%]{0,30}['"`]?\)?"""

_ATTACK = re.compile(rf"""
    <\ ?/?\ ?(script|iframe|object|embed|svg|img|link|meta|style|form|base|body|video|audio|input|math)\b
  | \bon(error|load|click|dblclick|mouse\w{{2,8}}|pointer\w{{2,8}}|focus|focusin|blur|key\w{{2,8}}|submit|change|input|
         toggle|wheel|drag\w{{0,8}}|animation\w{{3,10}}|begin|hashchange|message|resize|scroll)\ ?=
  | \b(javascript|vbscript)\ ?:\ ?\S | \bdata\ ?:\ ?(text/html|image/svg|application/x?html)
  | ['"`](                                                      # out of the literal: how SQL would go on
      \)?;?(--|/\*) | \ ?\)?\ ?;?\ ?(--|\#|/\*)[-\ +]{{0,9}}$
    | \ ?\)?\ ?((or|and|xor|\|\||&&)\ ?{_TERM}\ ?([=<>]{{1,2}}|\b(like|in|is|regexp|between)\b)\ ?(['"`(\d]|null|not)
        | (or|and|xor)\b[^;]{{0,80}}(--|\#|/\*)
        | (or|and|xor)\ (true|false|not\ \d|\d{{1,9}})\ ?(--|\#|/\*|['"`;]|$)
        | (or|and|xor|\|\||&&|;|,|\+)\ ?\(?\ ?(sleep|benchmark|pg_sleep|substr|substring|ascii|unicode|exists|select|
             version|database|load_extension|randomblob|char|concat)\ ?\(
        | (group|order)\ by\ \d | having\ {_TERM}\ ?[=<>]))
  | ;\ ?((drop|alter|create|truncate)\ (table|database|view|index|user|login|procedure|trigger|schema)\b
         |insert\ into\b|delete\ from\b|replace\ into\b|update\ [\w".\[\]]{{1,64}}\ set\b
         |select\ ([\d*@('"]|[^;]{{1,80}}\bfrom\b)|exec(ute)?\ ?[(@'x]|exec(ute)?\ (sp_|master)
         |shutdown\b\ ?(with|;|--|$)|attach\ (database\b|')|pragma\ \w|waitfor\ delay|declare\ @)
  | \bunion\ (all\ |distinct\ )?\(?\ ?select\b
  | \b(or|and)\ (?P<n>\d{{1,9}})\ ?(=|\blike\b)\ ?(?P=n)\b
  | ^[\w.'")]{{1,40}}\ (or|and)\ \d{{1,9}}\ ?(=|<>|<|>)\ ?\d{{1,9}}\ ?(--|\#|/\*|$)
  | \b(or|and)\ ('[^']{{0,20}}'|"[^"]{{0,20}}")\ ?(=|<>|<|>|\blike\b)\ ?['"\d]
  | \b(xp_cmdshell|information_schema|sqlite_(master|schema)|sysobjects)\b
""", re.I | re.X)

LONGEST = 65_536
"""Characters of a value that is looked at: some ten milliseconds for one that is made to be slow."""

_SECRETS = frozenset(("authpwd", "authkey", "authmd5", "password", "u_password", "newpassword", "oldpassword", "pin",
                      "u_pin", "u_upperpassword", "u_forgotpasswordanswer", "forgotpasswordanswer"))
"""May be anything."""


def looks_like_injection(text):
    """Whether a value looks like an attack on what shows it or asks a database with it, or is too long to tell."""
    if not _SUSPECT.search(text):
        return False
    if len(text) > LONGEST:
        return True
    opened = text.find("/*")
    if opened >= 0 and text.find("*/", opened) > 0:         # a comment that stands for a blank
        return True
    return bool(_ATTACK.search(" ".join(text.replace("\0", "").split())))


def refuse_injection(command, arguments, params):
    """ApiError 400 if a value of a user's command looks like an attack; passwords may be anything."""
    for (_, param, _), value in zip(command.keys, arguments):
        if value.__class__ is str and param.type is not secret and looks_like_injection(value):
            raise _refusal(param.name)
    if command.fields:
        refuse_injected(params, "u_")


def refuse_injected(params, prefix=""):
    """The same for parameters as they were sent, those whose names begin with `prefix`."""
    for name, value in params.items():
        if name.startswith(prefix) and name not in _SECRETS and looks_like_injection(value):
            raise _refusal(name)


def _refusal(name):
    return ApiError(400, f"parameter {name[:64]} was refused: it looks like SQL or script")
