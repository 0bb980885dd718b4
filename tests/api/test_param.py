"""Texts become values, or the asker is told what the parameter takes."""

import random
from decimal import Decimal, InvalidOperation

import pytest

from mizu.api import param
from mizu.api.param import ALIASES, Param, choice
from mizu.base.errors import ApiError

GOOD = [
    (param.text, " a ' b ", " a ' b "), (param.secret, "x;--", "x;--"),
    (param.integer, "12", 12), (param.integer, " -7 ", -7), (param.integer, "+0", 0),
    (param.integer, "9" * 18, 10**18 - 1),
    (param.decimal, "1.5", 1.5), (param.decimal, "-.5", -0.5), (param.decimal, "3.", 3.0),
    (param.money, "10", 10_000_000), (param.money, "-0.5", -500_000), (param.money, ".000001", 1),
    (param.money, "1.10000000", 1_100_000), (param.money, "999999999.999999", 10**15 - 1),
    (param.flag, "1", True), (param.flag, "YES", True), (param.flag, "on", True), (param.flag, "true", True),
    (param.flag, "0", False), (param.flag, "No", False), (param.flag, "off", False), (param.flag, "false", False),
    (param.phone, " +36 1/234-567 ", "+36 1/234-567"), (param.phone, "john@example.com", "john@example.com"),
    (param.username, "a.b_c+d@e-f9", "a.b_c+d@e-f9"),
    (choice("quick", "full"), "FULL", "full"),
]
BAD = [
    (param.integer, "1.5"), (param.integer, "x"), (param.integer, "9" * 19), (param.integer, "1 2"),
    (param.integer, "٣"),
    (param.decimal, "1e5"), (param.decimal, "nan"), (param.decimal, "."), (param.decimal, "1,5"),
    (param.money, "1000000000"), (param.money, "0.0000001"), (param.money, "1e3"), (param.money, "-"),
    (param.money, "."), (param.money, "٣"), (param.flag, "2"), (param.flag, "ja"),
    (param.phone, "<x>"), (param.phone, "1" * 65),
    (param.username, "O'Brien"), (param.username, "é"), (param.username, "a" * 65), (choice("a"), "b"),
]


@pytest.mark.parametrize("type, text, value", GOOD)
def test_a_text_that_fits_becomes_the_value(type, text, value):
    got = type.parse(text)
    assert got == value and got.__class__ is value.__class__


@pytest.mark.parametrize("type, text", BAD)
def test_a_text_that_does_not_fit_names_parameter_and_what_it_takes(type, text):
    with pytest.raises(ApiError) as refusal:
        Param("p", type, "help").value(text)
    assert refusal.value.code == 400
    assert refusal.value.message == f"parameter p takes {type.takes}, not {text[:40]!r}"


def test_a_refusal_repeats_forty_characters_at_most():
    with pytest.raises(ApiError) as refusal:
        Param("p", param.integer, "help").value("x" * 100_000)
    assert len(refusal.value.message) < 100


def test_every_type_has_a_sample_it_takes_itself_and_a_schema():
    for type in (param.text, param.secret, param.integer, param.decimal, param.money, param.flag, param.phone,
                 param.username, choice("a", "b")):
        type.parse(type.sample)
        assert type.schema["type"] in ("string", "integer", "number", "boolean") and type.takes


def test_the_manuals_aliases_are_known():
    assert {"phone1", "from"} <= set(ALIASES["anum"]) and {"phone2", "to"} <= set(ALIASES["bnum"])
    assert {"text", "message", "msg"} <= set(ALIASES["txt"]) and "userid" in ALIASES["u_id"]
    assert {"usr", "username"} <= set(ALIASES["u_username"])
    assert {"maxcount", "u_maxcount", "count"} <= set(ALIASES["limit"])
    assert ALIASES["stats"] == ("statistics",)


def plain_money(text):
    """A second parser, in decimals."""
    text = text.strip()
    digits = text.lstrip("+-")
    if len(text) - len(digits) > 1 or not digits.isascii() or not digits.strip("0123456789") in ("", ".") \
            or digits.strip(".") == "" or len(digits.partition(".")[0]) > 10:
        return None
    try:
        micros = Decimal(text) * 10**6
    except InvalidOperation:
        return None
    return int(micros) if micros == int(micros) and abs(micros) < 10**15 else None


def plain_integer(text):
    text = text.strip()
    digits = text[1:] if text[:1] in ("+", "-") else text
    return int(text) if 0 < len(digits) <= 18 and digits.isascii() and digits.isdigit() else None


@pytest.mark.parametrize("type, plain", [(param.money, plain_money), (param.integer, plain_integer)])
def test_mutated_numbers_are_read_as_a_second_parser_reads_them(type, plain):
    chance = random.Random(5)
    seeds = ["10", "-0.5", "999999999.999999", "1.000000000", "  12 ", "+.000001", "000001", "1e5", "٣", "-"]
    accepted = 0
    for _ in range(20_000):
        text = list(chance.choice(seeds))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(text) + 1)
            text[at:at + chance.randrange(2)] = chance.choice("0123456789.+- e,x٣\n") * chance.choice((1, 1, 1, 9))
        text = "".join(text)
        try:
            value = type.parse(text)
            accepted += 1
        except ValueError:
            value = None
        assert value == plain(text), repr(text)
    assert 2_000 < accepted < 18_000
