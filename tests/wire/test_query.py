"""Queries as browsers and old clients send them."""

import random
from urllib.parse import quote, quote_plus, unquote_to_bytes

import pytest

from mizu.base.errors import ApiError
from mizu.wire.query import MAX_PARAMETERS, decode_octets, parse_query, split_target, unquote


def test_a_target_is_split_at_its_first_question_mark():
    assert split_target("/a/b?c=d?e") == ("/a/b", "c=d?e")
    assert split_target("/a") == ("/a", "")


@pytest.mark.parametrize("query, params", [
    ("", {}),
    ("a=1&B=2", {"a": "1", "b": "2"}),
    ("a", {"a": ""}),
    ("a=", {"a": ""}),
    ("a=b=c", {"a": "b=c"}),
    ("=b&&a=1&", {"a": "1"}),
    ("a=1&A=2&a=3", {"a": "1"}),
    ("a=x+y%2Bz&c+d=e%20f", {"a": "x y+z", "c d": "e f"}),
    ("%41%3D=%26", {"a=": "&"}),
    ("a=1;b=2", {"a": "1;b=2"}),
    ("a=1&amp;b=2", {"a": "1", "amp;b": "2"}),
    ("a=é", {"a": "é"}),
    ("Ä=1", {"ä": "1"}),
])
def test_a_query_is_a_dict_of_its_first_values(query, params):
    assert parse_query(query) == params


@pytest.mark.parametrize("text, plain", [
    ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%%41", "%A"), ("%4%41", "%4A"), ("a%00b", "a\0b"), ("+", "+"),
    ("%C3%A9", "é"), ("%c3%a9", "é"), ("%E9", "é"), ("%E9%C3%A9x", "ééx"), ("%E2%82%AC", "€"), ("€%E2%82", "€â\x82"),
    ("%C0%AE", "À®"), ("%ED%A0%80", "í\xa0\x80"), ("\ud800%41", "í\xa0\x80A"), ("%u0041", "%u0041"), ("% 41", "% 41"),
    ("%+1", "%+1"), ("%\u0664\u0661", "%\u0664\u0661"),
])
def test_escapes_are_utf8_else_latin1_and_what_is_none_stays(text, plain):
    assert unquote(text) == plain


def test_too_many_parameters_are_refused():
    assert len(parse_query("&".join(f"a{i}" for i in range(MAX_PARAMETERS)))) == MAX_PARAMETERS
    for query in ("a&" * MAX_PARAMETERS, "&" * 10_000):
        with pytest.raises(ApiError) as caught:
            parse_query(query)
        assert caught.value.code == 400


def plain_query(query):
    params = {}
    for pair in query.split("&"):
        name, value = pair.split("=", 1) if "=" in pair else (pair, "")
        name, value = (decode_octets(unquote_to_bytes(text.replace("+", " "))) for text in (name, value))
        if name and name.lower() not in params:
            params[name.lower()] = value
    return params


def test_20000_mutants_are_read_as_urllib_reads_them():
    chance = random.Random(3986)
    pieces = ("&", "&", "=", "=", "+", "%", "%2", "%41", "%e9", "%C3%A9", "%26", "a", "A", "b", "authid", "é", "€",
              "\0", ";", "?")
    escaped = 0
    for _ in range(20_000):
        query = "".join(chance.choices(pieces, k=chance.randrange(12)))
        assert parse_query(query) == plain_query(query), query
        escaped += "%" in query
    assert 5_000 < escaped < 19_000


def test_what_urllib_quotes_comes_back():
    chance = random.Random(1)
    for _ in range(2_000):
        text = "".join(chance.choices("aZ0 +%&=/?#é€\U0001f600\r\n\0", k=chance.randrange(20)))
        assert unquote(quote(text)) == text
        assert parse_query("x=" + quote_plus(text)) == {"x": text}
