"""Requests as key=value lines against a second reader."""

import re

import pytest
from mizu.base.errors import ApiError
from mizu.formats.ini import parse_ini

from .mutate import mutations


def test_lines_are_parameters_and_comments_and_sections_are_not():
    assert parse_ini("; c\r\n[api]\r\nApientry = sms \n# x\n\n  txt=a = b; c #5\rauthid=\n") == {
        "apientry": "sms", "txt": "a = b; c #5", "authid": ""}


def test_of_a_key_given_twice_the_first_counts():
    assert parse_ini("a=1\nA=2") == {"a": "1"}


def test_a_line_without_key_is_refused_by_its_number():
    for text in ("a=1\nhello", "a=1\n=5"):
        with pytest.raises(ApiError, match="line 2") as caught:
            parse_ini(text)
        assert caught.value.code == 400


def test_parameters_are_bounded():
    lines = [f"a{i}=" for i in range(1001)]
    assert len(parse_ini("\n".join(lines[:1000]))) == 1000
    with pytest.raises(ApiError, match="1000"):
        parse_ini("\n".join(lines))


LINE = re.compile(r"\s*(?:[;#].*|\[.*\]|(?P<key>[^=;#\s][^=]*?)\s*=\s*(?P<value>.*?))?\s*", re.S)


def oracle(text):
    params = {}
    for line in re.split("\r\n|\r|\n", text):
        match = LINE.fullmatch(line)
        if not match:
            return None
        if match["key"]:
            params[match["key"].lower()] = params.get(match["key"].lower(), match["value"])
    return params


SEEDS = [b"[api]\napientry=balance\nauthid = 1111\n; comment\n", b"a=1\r\n  B = x y \r\n#z=1\r\n[s]\r\nc==d",
         b"txt=a;b#c\rnow=\r\n\r\n[x", b"=\n[]\n[\n]=1"]


def test_20000_mutants_are_read_as_a_regex_reads_them_or_refused():
    accepted = 0
    for data in mutations(SEEDS, 20_000, [b"=", b"\n", b"\r\n", b";", b"[", b"]", b" "]):
        text = data.decode("latin-1")
        try:
            result = parse_ini(text)
        except ApiError as error:
            assert error.code == 400
            result = None
        assert result == oracle(text), data
        accepted += result is not None
    assert 2_000 < accepted < 19_000
