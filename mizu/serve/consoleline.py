"""Lines of the console: how many values a command takes, what a login is, what Tab completes."""

import re

from ..api import manual
from ..api.command import TABLE
from ..base.errors import ApiError
from ..formats.console import read_console

_SEPARATOR = re.compile("[ ,]")


def takes(entry):
    """How many values a command has without names; those behind an SQL statement need theirs."""
    command = TABLE.get(entry)
    if command is None:
        return None
    names = [param.name for param in command.params]
    return names.index("sql") + 1 if "sql" in names else command.places


def login_params(line):
    """The parameters of `login …`, None if the line is none."""
    if not (line[:5].lower() == "login" and line[5:6] in (" ", ",", "\t", "&") or line[0] in "{/<" or "=" in line):
        return None
    params = read_console(line).params
    if params.__class__ is list or params.get("apientry", "").lower() != "login":
        raise ApiError(400, "log in first: login,USER,PASSWORD")
    return positional(params)


def positional(params):
    """login,USER,PASSWORD and login,USER,AUTHMD5,SALT."""
    values = [params.pop(f"param{index}", "") for index in (1, 2, 3)]
    names = ("authid", "authmd5", "authsalt") if values[2] else ("authid", "authpwd")
    for name, value in zip(names, values):
        if value:
            params.setdefault(name, value)
    return params


def complete(before, table):
    """Names of commands, then the command's parameters, for the last word of what stands before the cursor."""
    *words, word = _SEPARATOR.split(before.lstrip().lower())
    if words[:1] == ["watch"]:
        del words[:2 if words[1:] and words[1].isdecimal() else 1]
    if not words or words == ["help"]:
        names = (*table, *manual.CONSOLE)
    else:
        command = TABLE.get(words[0])
        names = [param.name + "=" for param in command.params] if command else ()
    return [name for name in names if name.startswith(word)]
