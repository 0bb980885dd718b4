"""Requests as lines `key=value`, like an ini file: `;` or `#` begins a comment line, sections are ignored."""

from ..base.errors import ApiError

MAX_PARAMS = 1000       # as in every other format


def parse_ini(text):
    """Lines -> {key in lower case: value}; blanks around both are dropped, of a key given twice the first counts."""
    params = {}
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        line = line.strip()
        if not line or line[0] in ";#" or (line[0] == "[" and line[-1] == "]"):
            continue
        key, equals, value = line.partition("=")
        key = key.rstrip().lower()
        if not equals or not key:
            raise ApiError(400, f"line {number} is not key=value")
        params.setdefault(key, value.lstrip())
        if len(params) > MAX_PARAMS:
            raise ApiError(400, f"more than {MAX_PARAMS} parameters")
    return params
