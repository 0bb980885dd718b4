"""One line of the console -> Parsed (manual, chapter CLI).

    command,value,value                     positional: the command's own param1, param2 …
    command value name=value name="a b"     words, named ones behind; names ignore case
    /mvapireq/?apientry=…  {"apientry": …}  whatever a line on the main port may be, read as there
    ?                                       help

A value in single or double quotes may hold blanks and commas; the quote itself is doubled inside.  Where the command
is known to take N values the last of them is the rest of the line, so that SQL and messages need no quotes; empty
ones before it are passed over.
Knows no command but `help`.
"""

import re

from ..base.errors import ApiError
from ..wire.query import MAX_PARAMETERS
from .request import Parsed, read_text

_FOREIGN = re.compile(r"[/?{\[<]|https?:|mvapi|\w+=", re.I | re.A)
_ENTRY = re.compile(r"[^\s,=\"'&]+")
_NAME = re.compile(r"([A-Za-z_][\w.-]*)=", re.A)
_BARE = {",": re.compile(r"[^,]*"), "": re.compile(r"\S*")}
_QUOTED = {"'": re.compile(r"'([^']*(?:''[^']*)*)'"), '"': re.compile(r'"([^"]*(?:""[^"]*)*)"')}
_GAP = re.compile(r"\s*")


def read_console(line, takes=lambda entry: None):
    """`takes(entry)` -> how many values the command has, None if nobody knows.  ApiError 400."""
    line = line.strip()
    if line == "?":
        line = "help"
    if _FOREIGN.match(line):
        return read_text(line)
    match = _ENTRY.match(line)
    if not match:
        raise ApiError(400, "a line begins with the name of a command (help lists them)")
    entry = match.group().lower()
    at = _skip(line, match.end())
    comma = line[at:at + 1] == ","
    if at == match.end() < len(line) and not comma:
        raise ApiError(400, f"a comma or a blank goes between a command and its values: {line[:at + 1][-40:]}")
    params = {"apientry": entry}
    (_commas if comma else _words)(line, at, takes(entry), params)
    return Parsed("console", "", params)


def _commas(line, at, most, params):
    """`,value,value`: every comma begins a value, an empty one counts as not given."""
    index = 0
    while at < len(line):
        at, index = _skip(line, at + 1), index + 1
        while index == most and line[at:at + 1] == ",":     # empty, and there is more: that is meant
            at = _skip(line, at + 1)
        value, end = _value(line, at, ",", index == most)
        _add(params, f"param{index}", value)
        at = end


def _words(line, at, most, params):
    """`value value name=value`."""
    index, named = 0, False
    while at < len(line):
        name = _NAME.match(line, at)
        if name:
            value, end = _value(line, name.end(), "")
            _add(params, name[1].lower(), value)
            named = True
        elif named:
            raise ApiError(400, f"a value without a name behind one with a name, "
                                f"blanks need quotes (name=\"a b\"): {line[at:at + 40]}")
        else:
            index += 1
            value, end = _value(line, at, "", index == most)
            _add(params, f"param{index}", value)
        at = _skip(line, end)


def _value(line, at, separator, last=False):
    """(value, where the separator behind it is); the last value goes to the end of the line, unless what
    follows it is separate and has names."""
    value, end = _piece(line, at, separator)
    after = _skip(line, end or at)
    if last and (end is None or after < len(line) and (separator or not _NAME.match(line, after))):
        return line[at:], len(line)
    if end is None:
        raise ApiError(400, f"quotes go around a whole value, and are doubled inside: {line[at:at + 40]}")
    return value, end


def _piece(line, at, separator):
    """(one value, quoted or bare, where its separator is); (None, None) where the quotes do not fit."""
    quote = line[at:at + 1]
    if quote not in _QUOTED:
        match = _BARE[separator].match(line, at)
        return match.group().rstrip(), match.end()
    match = _QUOTED[quote].match(line, at)
    if not match:
        return None, None
    end = _skip(line, match.end())
    if end < len(line) and (line[end] != separator if separator else end == match.end()):
        return None, None
    return match[1].replace(quote * 2, quote), end


def _add(params, name, value):
    if name in params:
        raise ApiError(400, f"{name} is given twice")
    if len(params) > MAX_PARAMETERS:
        raise ApiError(400, f"more than {MAX_PARAMETERS} values")
    params[name] = value


def _skip(line, at):
    return _GAP.match(line, at).end()
