"""Lines of the console: their forms, their quotes, and a second reader that has to agree."""

import pytest

from mizu.base.errors import ApiError
from mizu.formats.console import read_console

from .mutate import mutations

TAKES = {"db": 1, "sms": 2, "apitest": 0}


def read(line):
    return read_console(line, TAKES.get).params


@pytest.mark.parametrize("line, params", [
    ("balance", {}),
    ("  BALANCE  ", {}),
    ("rebill,31", {"param1": "31"}),
    ("x, 31 , a b ,c", {"param1": "31", "param2": "a b", "param3": "c"}),
    ("x ,1", {"param1": "1"}),
    ("x,,1,", {"param1": "", "param2": "1", "param3": ""}),
    ("x,'a, ''b''',\"c\"", {"param1": "a, 'b'", "param2": "c"}),
    ("x,a=1", {"param1": "a=1"}),
    ("x 1 two", {"param1": "1", "param2": "two"}),
    ("x 31 U_Name=\"A \"\"B\"\" C\"  b=", {"param1": "31", "u_name": 'A "B" C', "b": ""}),
    ("x a='O''Brien' b=O'Brien", {"a": "O'Brien", "b": "O'Brien"}),
    ("x a=b=c", {"a": "b=c"}),
    ("x \u00e9=1", {"param1": "\u00e9=1"}),
])
def test_a_line_is_a_command_with_values_and_names(line, params):
    assert read(line) == {"apientry": line.split(",")[0].split()[0].lower(), **params}


@pytest.mark.parametrize("line, rest", [
    ("db select id, a from t where x=1", "select id, a from t where x=1"),
    ("db,select id, 'a' from t", "select id, 'a' from t"),
    ("db 'a' || 'b'", "'a' || 'b'"),
    ("db 'a'||'b'", "'a'||'b'"),
    ("db \"select 1\"", "select 1"),
    ("db,\"select 1, 2\"", "select 1, 2"),
    ("db 'open", "'open"),
    ("db,, select 1, 2", "select 1, 2"),
])
def test_the_last_value_of_a_known_command_is_the_rest_of_the_line(line, rest):
    assert read(line) == {"apientry": "db", "param1": rest}


def test_an_empty_value_before_the_last_one_is_passed_over():
    assert read_console("balance,,john", lambda entry: 1).params == {"apientry": "balance", "param1": "john"}
    assert read_console("balance,", lambda entry: 1).params == {"apientry": "balance", "param1": ""}


def test_names_behind_the_last_value_stay_names():
    assert read("db x format=json") == {"apientry": "db", "param1": "x", "format": "json"}
    assert read("sms 36 hello there now") == {"apientry": "sms", "param1": "36", "param2": "hello there now"}


@pytest.mark.parametrize("line, params", [
    ("/mvapireq/?apientry=balance&u_id=3", {"apientry": "balance", "u_id": "3"}),
    ("apientry=balance&a=b%20c", {"apientry": "balance", "a": "b c"}),
    ('{"apientry": "balance", "u_id": 3}', {"apientry": "balance", "u_id": "3"}),
    ("<r><apientry>balance</apientry></r>", {"apientry": "balance"}),
    ("?", {"apientry": "help"}),
])
def test_what_the_main_port_understands_is_understood_here(line, params):
    assert read(line) == params


@pytest.mark.parametrize("line, reason", [
    ("", "begins with the name"),
    (",1", "begins with the name"),
    ("'x' 1", "begins with the name"),
    ("x'1'", "a comma or a blank"),
    ("x 'open", "quotes go around"),
    ("x 'a'b", "quotes go around"),
    ("x,'a'b", "quotes go around"),
    ("x n='a'b", "quotes go around"),
    ("x n=a b", "a value without a name"),
    ("x n=1 N=2", "n is given twice"),
    ("x param1=1 param1=2", "given twice"),
    ("x" + ",1" * 1001, "more than"),
    ("{1}", "not valid JSON"),
])
def test_a_line_that_cannot_be_read_says_why(line, reason):
    with pytest.raises(ApiError, match=reason) as caught:
        read_console(line)
    assert caught.value.code == 400


def plain(line):
    """The same, letter by letter: (entry, {name: value}), ValueError where the line is refused."""
    line = line.strip()
    entry = ""
    while line[len(entry):len(entry) + 1] not in ("", *",=\"'&") and not line[len(entry)].isspace():
        entry += line[len(entry)]
    rest = line[len(entry):]
    if not entry or rest and rest[0] != "," and not rest[0].isspace():
        raise ValueError
    rest = rest.lstrip()
    most = TAKES.get(entry.lower())
    params, comma, index, named = {}, rest[:1] == ",", 0, False
    while rest:
        rest = rest[1:].lstrip() if comma else rest
        head = rest.split("=")[0]
        name = None
        if not comma and "=" in rest and head.isascii() and head.replace("-", "").replace(".", "").isidentifier() \
                and head[0] not in "-.0123456789" and not any(map(str.isspace, head)):
            name, rest = head.lower(), rest[len(head) + 1:]
            named = True
        elif named:
            raise ValueError
        else:
            index += 1
        while comma and index == most and rest[:1] == ",":
            rest = rest[1:].lstrip()
        value, behind = plain_value(rest, comma)
        follows = (behind or "").lstrip()
        if name is None and index == most and (value is None or follows and (comma or not begins_named(follows))):
            value, behind = rest, ""
        if value is None:
            raise ValueError
        key = name or f"param{index}"
        if key in params:
            raise ValueError
        params[key] = value
        rest = behind if comma else behind.lstrip()
    return entry.lower(), params


def begins_named(text):
    head = text.split("=")[0]
    return "=" in text and head.isascii() and head[:1] not in ("", *"-.0123456789") and \
        head.replace("-", "").replace(".", "").isidentifier()


def plain_value(rest, comma):
    quote = rest[:1]
    if quote not in ("'", '"'):
        size = 0
        while size < len(rest) and not (rest[size] == "," if comma else rest[size].isspace()):
            size += 1
        return rest[:size].rstrip(), rest[size:]
    value, at = "", 1
    while True:
        if at >= len(rest):
            return None, None
        if rest[at] == quote:
            if rest[at + 1:at + 2] != quote:
                break
            at += 1
        value += rest[at]
        at += 1
    behind = rest[at + 1:]
    if comma:
        behind = behind.lstrip()
    if behind and not (behind[0] == "," if comma else behind[0].isspace()):
        return None, None
    return value, behind


SEEDS = [line.encode() for line in (
    "rebill,31", "x, 31 , a b ,c", "x,'a, ''b''',\"c\"", "x 31 u_name=\"A \"\"B\"\"\" b=", "db select a, 'b' from t",
    "db,select 1", "sms 36 hello world", "x a='O''Brien' b=O'B", "help", "setuser u_id=3 u_name='x y' format=json",
    "apitest 1 2", "x.y-z \"\" ''", "sms,36,\"a, b\"", "sms 1 'two' f=3", "db 'a'||'b'", "x\ta\u00a0b\u00e9=1")]
SPLINTERS = [b"'", b'"', b"''", b",", b" ", b"=", b"a=", b"db ", b"sms,", b"\t", b"x ", b"-.", b"\xc3\xa9"]


def test_twenty_thousand_broken_lines_are_read_as_a_second_reader_does():
    accepted = refused = 0
    for data in mutations(SEEDS, 20_000, SPLINTERS):
        line = data.decode("utf-8", "replace")
        start = line.strip()
        if start[:1] in ("", *"/?{[<") or begins_named(start) or start[:5].lower() in ("http:", "https", "mvapi"):
            continue
        if "=" in start and start.split("=")[0].replace("_", "a").isalnum() and start.split("=")[0].isascii():
            continue                            # a query
        try:
            entry, params = plain(line)
        except ValueError:
            refused += 1
            with pytest.raises(ApiError) as caught:
                read(line)
            assert caught.value.code == 400
        else:
            accepted += 1
            if "apientry" in params:            # given twice, as it were
                continue
            assert read(line) == {"apientry": entry, **params}, line
    assert accepted > 8000 and refused > 2000


def test_a_long_line_costs_no_more_than_its_length():
    for line in ("x " + "'" * 60000, "x " + "'a' " * 900, "x,'" + "a''" * 20000, "db " + "a=" * 30000,
                 "x" + " " * 60000 + "y", "x n=" + '"' * 59999):
        try:
            read(line)
        except ApiError as error:
            assert len(error.message) < 300
