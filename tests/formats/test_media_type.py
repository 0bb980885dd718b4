"""Media types and charsets."""

import pytest
from mizu.base.errors import ApiError
from mizu.formats.media_type import decode, parse_media_type, split_quoted

from .mutate import mutations


def test_a_media_type_has_a_name_and_parameters():
    assert parse_media_type(' Text/HTML ;Charset="utf-8" ; x=a\\"b;charset=z;;y') == (
        "text/html", {"charset": "utf-8", "x": 'a\\"b', "": "", "y": ""})
    assert parse_media_type('a/b; n="x;\\"y\\\\"')[1] == {"n": 'x;"y\\'}
    assert parse_media_type("") == ("", {})
    assert parse_media_type('a/b; n="')[1] == {"n": ""}


def test_marks_inside_quotes_do_not_split():
    assert split_quoted('a,"b,\\",c",d', ",") == ["a", '"b,\\",c"', "d"]


def test_text_is_decoded_by_its_charset():
    assert decode(b"\xef\xbb\xbf\xc3\xa9") == "é" == decode(b"\xe9", "ISO-8859-1")
    assert decode("é".encode("utf-16"), "utf-16") == "é"
    assert decode(b"\xff\xc3\xa9") == "ÿé"
    for data, charset in ((b"\xff", "utf-8"), (b"\xff", "us-ascii"), (b"a", "rot13"), (b"a", "hex")):
        with pytest.raises(ApiError) as caught:
            decode(data, charset)
        assert caught.value.code == 400


def slow_split(text, mark):
    """Character by character."""
    pieces, inside, skip = [""], False, False
    for at, char in enumerate(text):
        if skip:
            skip = False
        elif char == "\\" and text[at + 1:at + 2] in ("\\", '"'):
            skip = True
        elif char == '"':
            inside = not inside
        elif char == mark and not inside:
            pieces.append("")
            continue
        pieces[-1] += char
    return pieces


def test_20000_mutants_split_as_a_slow_splitter_splits_them():
    seeds = [b'a,"b,c",d', b'"a\\"b",c', b"a,b,,", b'a\\",b"c,\\\\"d,e', b'x="\\\\\\",",y']
    for data in mutations(seeds, 20_000, [b'"', b",", b"\\", b'\\"']):
        text = data.decode("latin-1")
        assert split_quoted(text, ",") == (slow_split(text, ",") if '"' in text else text.split(",")), text
