"""From a request to the format of its answer."""

import pytest
from mizu.base.errors import ApiError
from mizu.formats.answer import CONTENT_TYPE
from mizu.formats.media_type import parse_media_type
from mizu.formats.negotiate import FORMATS, MEDIA_TYPES, choose, format_named, guess_from_accept

from .mutate import mutations

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("format_param, forced, accept, syntax, default, chosen", [
    ("xml", "json", CHROME, "json", "text", "xml"),
    ("", "json", CHROME, "xml", "text", "json"),
    ("", "application/xml", CHROME, "json", "text", "xml"),
    ("", "", CHROME, "json", "text", "html"),
    ("", "", "*/*", "json", "text", "json"),
    ("", "", "*/*", "url", "text", "text"),
    ("", "", "", "xml", "text", "xml"), ("", "", "", "rdf", "text", "xml"), ("", "", "", "soap", "text", "soap"),
    ("", "", "text/xml", "soap", "text", "soap"),
    ("", "", "", "form", "application/json", "json"),
    ("", "", "", "ini", "line", "line"), ("", "", "", "text", "", "text"),
    ("", "nonsense", "", "url", "nonsense", "text"),
    ("JSON", "", "", "url", "text", "json"), ("application/json", "", "", "url", "text", "json"),
])
def test_the_four_steps_in_their_order(format_param, forced, accept, syntax, default, chosen):
    assert choose(format_param, forced, accept, syntax, default) == chosen


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(ApiError) as caught:
        choose("yaml", "", "", "url", "text")
    assert caught.value.code == 400 and all(name in caught.value.message for name in ("yaml", *FORMATS))


@pytest.mark.parametrize("accept, chosen", [
    ("application/json, text/plain, */*", "json"), ("text/plain;q=0.5, application/xml;q=0.9", "xml"),
    ("application/json;q=0, text/csv;q=0.001", "csv"), ("text/html;level=1;q=0.4,text/plain;q=0.4", "html"),
    ("text/*", "text"), ("application/*;q=0.1", "json"), ("*/*", None), ("image/png", None), ("", None),
    (",,;q=1", None),
    ("application/json;q=1.5", None), ("application/json;q=x,text/xml", "xml"),
    ("text/html;q=0.1234, text/xml;q=0.1", "xml"),
    ('text/plain;x="a,application/json;q=1";q=0.5, text/html;q=0.6', "html"), ("TEXT/HTML ; Q=1.000", "html"),
    (",".join(["a/b"] * 64 + ["text/html"]), None),
])
def test_accept_is_weighed(accept, chosen):
    assert guess_from_accept(accept) == chosen


def test_every_format_has_a_content_type_that_names_it():
    assert set(CONTENT_TYPE) == set(FORMATS)
    for name in FORMATS:
        expected = {"line": "text", "cleartext": "text", "pcap": "text", "jsonp": None}.get(name, name)
        assert MEDIA_TYPES.get(parse_media_type(CONTENT_TYPE[name])[0]) == expected
        assert format_named(name) == name


def slow(accept):
    """Plainly: read element by element, sort by weight."""
    ranges, element, quoted, escaped = [], [""], False, False
    for char in accept + ",":
        if char == "," and not quoted:
            ranges.append(element)
            element = [""]
            continue
        if char == ";" and not quoted:
            element.append("")
            continue
        if char == '"' and not escaped:
            quoted = not quoted
        escaped = char == "\\" and not escaped
        element[-1] += char
    found = []
    for place, (name, *params) in enumerate(ranges):
        weight = "1"
        for param in reversed(params):
            if param.partition("=")[0].strip().lower() == "q":
                weight = param.partition("=")[2].strip().strip('"')
        if weight in ("", ".") or set(weight) - set("01.23456789") or weight[0] not in "01" or weight.count(".") > 1:
            continue
        if weight[1:2] not in ("", ".") or len(weight) > 5 or not 0 < float(weight) <= 1:
            continue
        if name.strip().lower() in MEDIA_TYPES:
            found.append((-float(weight), place, MEDIA_TYPES[name.strip().lower()]))
    return min(found)[2] if found else None


def test_20000_mutants_of_accept_are_weighed_as_the_slow_reader_weighs_them():
    seeds = [CHROME.encode(), b"application/json, text/plain;q=0.5, */*;q=0.1",
             b'text/xml;x="a,b;q=0";q=0.25,text/csv;q=0.251',
             b"text/html;q=0,application/soap+xml;q=1.0"]
    chosen = set()
    for data in mutations(seeds, 20_000, [b",", b";", b"q=0", b";q=1", b"=", b'"', b"text/html", b"*/*", b" ", b"0.5"]):
        accept = data.decode("latin-1")
        if "\\" in accept or accept.count('"') % 2 or 'q="' in accept.lower().replace(" ", ""):
            continue        # the slow reader knows no escapes
        assert guess_from_accept(accept) == slow(accept), accept
        chosen.add(slow(accept))
    assert chosen >= {"json", "text", "xml", "csv", "html", "soap", None}
