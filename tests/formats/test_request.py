"""Which format a text or a body is in, and URLs against urllib."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from mizu.base.errors import ApiError
from mizu.formats.request import MAX_TEXT, meant, path_entry, read_body, read_text

from .mutate import mutations

PARAMS = {"apientry": "balance", "authid": "1111"}


@pytest.mark.parametrize("text, path", [
    ("/mvapireq/?apientry=balance&authid=1111", "/mvapireq/"),
    ("/mvapireq/?apientry=balance&authid=1111\r\n", "/mvapireq/"),
    ("/mvapireq?APIENTRY=balance&AuthId=1111", "/mvapireq"),
    ("/mvapi/x?apientry=balance&authid=1111 ", "/mvapi/x"),
    ("mvapireq/?apientry=balance&authid=1111\n", "/mvapireq/"),
    ("apientry=balance&authid=1111", ""),
    ("apientry=balance&authid=1111\r\n\0", ""),
    ("authid=1111&apientry=balance#x", ""),
    ("?apientry=balance&authid=1111", "/"),
    ("GET /mvapireq/?apientry=balance&authid=1111", "/mvapireq/"),
    ("GET /mvapireq/?apientry=balance&authid=1111 HTTP/1.1\r\n", "/mvapireq/"),
    ("http://domain.com/mvapireq/?apientry=balance&authid=1111", "/mvapireq/"),
    ("http:// 10.2.2.2/mvapireq/?apientry=balance&authid=1111", "/mvapireq/"),
    ("<https://domain.com:443/mvapireq/?apientry=balance&authid=1111>", "/mvapireq/"),
    ("/mvapireq/?apientry=bal\r\nance&auth\nid=1111#fragment", "/mvapireq/"),
    ("/mvapireq/?apientry=bal%61nce&authid=1111&authid=2222", "/mvapireq/"),
    ("\ufeff/mvapireq/?apientry=balance&authid=1111", "/mvapireq/"),
])
def test_a_url_or_a_part_of_it_is_read_as_a_browser_would_send_it(text, path):
    parsed = read_text(text)
    assert (parsed.syntax, parsed.path, parsed.params, parsed.files) == ("url", path, PARAMS, None)


@pytest.mark.parametrize("text, syntax", [
    ('{"apientry": "balance", "authid": 1111}', "json"), (' {"apientry":"balance","authid":"1111"}\n', "json"),
    ("<r><apientry>balance</apientry><authid>1111</authid></r>", "xml"),
    ("<balance><authid>1111</authid></balance>", "xml"),
    ("apientry=balance\nauthid=1111", "ini"), ("[api]\r\napientry = balance\r\nauthid = 1111", "ini"),
    ("; hello\napientry=balance\nauthid=1111\n", "ini"),
])
def test_other_formats_are_told_by_how_they_begin(text, syntax):
    for parsed in (read_text(text), read_body("text/plain", text.encode()), read_body(None, text.encode())):
        assert (parsed.syntax, parsed.path, parsed.params) == (syntax, "", PARAMS)
    parsed = read_body("application/x-www-form-urlencoded", text.encode())      # curl -d says so of everything
    assert (parsed.syntax, parsed.params) == (syntax, PARAMS)


def test_an_array_of_objects_is_a_batch_and_not_a_section():
    assert read_text('[ {"a": 1}, {"b": 2}]').params == [{"a": "1"}, {"b": "2"}]
    assert read_text("[a]\nb=2").params == {"b": "2"}
    with pytest.raises(ApiError, match="batch"):
        read_text("[]")


def test_a_lone_word_is_the_command():
    assert read_text("apitest1\n").params == {"apientry": "apitest1"}


def test_what_pages_make_of_an_ampersand_and_param_is_undone():
    assert read_text("/mvapireq/?apientry=getuser\xb6m=all").params == {"apientry": "getuser", "param": "all"}


@pytest.mark.parametrize("content_type, body, syntax", [
    ("application/x-www-form-urlencoded", b"apientry=balance&authid=1111", "form"),
    ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", b"apientry=balance&authid=1%3111\r\n", "form"),
    ("text/plain", b"apientry=balance&authid=1111", "text"),
    ("text/plain", b"/mvapireq/?apientry=balance&authid=1111\n", "url"),
    ("application/octet-stream", b"\xef\xbb\xbfapientry=balance&authid=1111", "text"),
    ("application/json", b'\xef\xbb\xbf{"apientry": "balance", "authid": 1111}', "json"),
    ("application/vnd.x+json", b'{"apientry": "balance", "authid": 1111}', "json"),
    ("text/xml; charset=utf-8", b"<r><apientry>balance</apientry><authid>1111</authid></r>", "xml"),
    ("application/atom+xml", b"<balance><authid>1111</authid></balance>", "xml"),
    ("application/xml", "<r><apientry>balance</apientry><authid>1111</authid></r>".encode("utf-16"), "xml"),
    ("text/plain; charset=utf-16", "apientry=balance&authid=1111".encode("utf-16"), "text"),
    ("text/ini", b"apientry=balance\nauthid=1111", "ini"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="apientry"\r\n\r\nbalance\r\n'
     b'--x\r\nContent-Disposition: form-data; name="authid"\r\n\r\n1111\r\n--x--', "form"),
])
def test_a_body_is_read_by_its_content_type(content_type, body, syntax):
    parsed = read_body(content_type, body)
    assert (parsed.syntax, parsed.params) == (syntax, PARAMS)


def test_a_form_keeps_what_a_url_could_not_hold():
    assert read_body("application/x-www-form-urlencoded", b"txt=call #5&b=\xe9").params == {"txt": "call #5", "b": "é"}


def test_an_empty_body_says_nothing():
    for content_type in ("", "application/json", "image/png"):
        assert read_body(content_type, b"").params == {}


@pytest.mark.parametrize("content_type, body, reason", [
    ("image/png", b"x", "application/json"), ("application/json", b"a=b", "JSON"), ("application/xml", b"a=b", "XML"),
    ("application/json", b"\xff", "utf-8"), ("text/plain; charset=x", b"a", "charset"),
    ("multipart/form-data", b"x", "boundary"),
    ("text/plain", b"a" * (MAX_TEXT + 1), "longer"), ("text/ini", b"hello", "line 1"),
    ("text/plain", b"&".join(b"a%d=" % i for i in range(1001)), "1000"),
])
def test_what_cannot_be_read_is_refused_with_a_reason(content_type, body, reason):
    with pytest.raises(ApiError) as caught:
        read_body(content_type, body)
    assert caught.value.code == 400 and reason in caught.value.message


def test_a_long_row_of_blanks_costs_no_more_than_its_length():
    blanks = " " * 60_000       # seconds, where a search for the version tries every blank
    assert read_text(f"GET {blanks}/mvapireq/?a=1{blanks}b").params == {"a": f"1{blanks}b"}


def test_a_path_may_name_the_command():
    assert [path_entry(path) for path in ("", "/", "/mvapireq/", "/mvapireq", "/mvapireq/Balance", "/mvapireq/balance/",
                                          "/x/mvapi/v2/balance", "/mvapireq//", "/other/balance")] == [
        "", "", "", "", "balance", "balance", "balance", "", ""]


SEEDS = [b"/mvapireq/?apientry=balance&authkey=5&authid=a+b&authmd5=e48%20c&x",
         b"http://host:80/mvapireq/NAME?a=%C3%A9&A=2",
         b"?apientry=x&a=1#frag?&ment", b"apientry=balance&txt=a=b&&=c&d=", b"/mvapi?x=%e9%zz%&y=%2",
         b"/a\r\nb?c\td=1\n"]
SPLINTERS = [b"&", b"=", b"%", b"%41", b"+", b"?", b"#", b"/", b"\r\n", b"\t", b"%26", b"\xe9"]


def oracle(text):
    """Path and parameters by urllib; every byte that is not UTF-8 is taken as Latin-1 there as here."""
    text = text.strip(" \t\r\n\0")
    if not re.match("http://|/(?!\\s*/)|[?]|apientry=", text):
        return None
    text = re.sub("[\r\n]", "", "?" + text if text[0] == "a" else text)
    text = text.partition("#")[0].rstrip(" \t\0").replace("\t", "%09")
    try:
        parts = urlsplit(text)
        params = {}
        for name, value in parse_qsl(parts.query, keep_blank_values=True, errors="strict"):
            params.setdefault(name.lower(), value)
    except ValueError:
        return None
    params.pop("", None)
    return parts.path.replace("%09", "\t"), params


def test_20000_mutants_are_read_as_urllib_reads_them():
    compared = 0
    for data in mutations(SEEDS, 20_000, SPLINTERS):
        text = data.decode("latin-1")
        try:
            parsed = read_text(text)
        except ApiError as error:
            assert error.code == 400
            parsed = None
        expected = oracle(text)
        lines = text.strip(" \t\r\n\0").split("\n")
        if expected is None or "\xb6m" in text or len(lines) > 1 and re.fullmatch("a[^&]*=[^&]*", lines[0]):
            continue        # the last are lines key=value
        compared += 1
        path, params = expected
        assert parsed.params == params, text
        if text.lstrip()[:1] == "/":
            assert parsed.path == path, text
    assert compared > 10_000


def test_20000_mutants_of_all_formats_give_a_request_or_a_400():
    seeds = [*SEEDS, b'{"apientry":"x","a":[1]}', b'[{"a":"b"}]', b"<r><apientry>x</apientry></r>", b"[s]\na=b\n;c",
             b"<http://x/mvapireq/?a=b>", b"GET /mvapireq/?a=b HTTP/1.1\r\n", b"balance"]
    syntaxes = set()
    for data in mutations(seeds, 20_000, [*SPLINTERS, b"{", b"[", b"<", b">", b"}", b"]", b"\n", b";", b"\xff", b"\0"]):
        for read in (lambda: read_text(data.decode("latin-1")), lambda: read_body("", data)):
            try:
                parsed = read()
            except ApiError as error:
                assert error.code == 400 and error.message
                continue
            syntaxes.add(parsed.syntax)
            for params in parsed.params if isinstance(parsed.params, list) else [parsed.params]:
                assert all(type(name) is type(value) is str and name == name.lower() for name, value in params.items())
                "".join(params.values()).encode()
    assert syntaxes == {"url", "json", "xml", "ini", "text", "form"}     # an empty body counts as a form


@pytest.mark.parametrize("text, content_type, syntax", [
    ('{"a', "", "json"), (b"\xef\xbb\xbf [{", "text/plain", "json"), (b"", "application/vnd.x+json", "json"),
    ("[section]", "", "url"), ("<a", "", "xml"), (b"<s:Envelope", "text/xml", "soap"), ("a=b", "text/xml", "xml"),
    (b"\xff\xfe", "", "url"), ("", "", "url")])
def test_what_cannot_be_read_was_meant_as_something(text, content_type, syntax):
    assert meant(text, content_type) == syntax
