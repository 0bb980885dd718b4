"""JSON requests (RFC 8259): an object of parameters, or an array of such objects as a batch.

Values become the text that a client means: numbers as they are written, true and false by name, null empty,
nested objects and arrays their own compact JSON.  Does not know what a parameter is for.
"""

import json

from ..base.errors import ApiError

MAX_BATCH = 100         # commands a batch: it runs as one unit on the loop
MAX_PARAMS = 1000       # the widest table has some 300 columns
MAX_VALUES = 10_000     # counted by the commas: each value costs half a microsecond here
MAX_DEPTH = 32          # deeper than any parameter has a use for, far from Python's own limit

WRAPPERS = ("mvapireq", "params")   # members that may hold the parameters, beside apientry at most


class _Number(str):
    """A number as written, so that neither digits nor precision are lost."""
    __slots__ = ()


def parse_json(text):
    """JSON text -> {name in lower case: text}, or a list of such dicts for an array.  ApiError 400."""
    if text.count(",") >= MAX_VALUES:
        raise ApiError(400, f"JSON with more than {MAX_VALUES} values")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        raise ApiError(400, f"not valid JSON: {what} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise ApiError(400, f"JSON nested deeper than {MAX_DEPTH} levels") from None
    if type(value) is dict:
        return _params(value)
    if type(value) is not list:
        raise ApiError(400, "a JSON request is an object of parameters, or an array of such objects")
    if not 0 < len(value) <= MAX_BATCH:
        raise ApiError(400, f"a batch holds 1 to {MAX_BATCH} requests, this one {len(value)}")
    if not all(type(item) is dict for item in value):
        raise ApiError(400, "each request of a batch is a JSON object")
    return [_params(item) for item in value]


def _params(members):
    members = _unwrap(members)
    if len(members) > MAX_PARAMS:
        raise ApiError(400, f"more than {MAX_PARAMS} parameters")
    params = {name.lower(): value if type(value) is str else _text(value) for name, value in members.items()}
    if len(params) != len(members):
        raise ApiError(400, "a parameter is given twice: names ignore case")
    try:
        "".join([*params, *params.values()]).encode()
    except UnicodeEncodeError:
        raise ApiError(400, "half of a surrogate pair in a JSON string") from None
    return params


def _unwrap(members):
    """{"apientry": …, "params": {…}} and {"mvapireq": {…}} mean what they hold."""
    for wrapper in WRAPPERS:
        inner = members.get(wrapper)
        if type(inner) is dict and members.keys() <= {wrapper, "apientry"}:
            if "apientry" not in members:
                return inner
            if "apientry" not in map(str.lower, inner):
                return {"apientry": members["apientry"], **inner}
    return members


def _text(value):
    """A value that is no string, as the text of a parameter."""
    if value is None:
        return ""
    return _compact(value, 0)


def _compact(value, depth):
    kind = type(value)
    if kind is str:
        return _quote(value)
    if kind is _Number:
        return str(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if depth == MAX_DEPTH:
        raise ApiError(400, f"JSON nested deeper than {MAX_DEPTH} levels")
    if kind is list:
        return "[" + ",".join([_compact(item, depth + 1) for item in value]) + "]"
    return "{" + ",".join([_quote(name) + ":" + _compact(item, depth + 1) for name, item in value.items()]) + "}"


def _object(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ApiError(400, "a JSON object names a member twice")
    return members


def _refuse_constant(name):
    raise ApiError(400, f"{name} is no JSON number")


_quote = json.encoder.encode_basestring
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_Number, parse_float=_Number,
                            parse_constant=_refuse_constant)
