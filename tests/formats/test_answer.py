"""Answers in every format."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from urllib.parse import parse_qs

import pytest
from mizu.base.errors import ApiError
from mizu.base.message import Answer, Rows
from mizu.formats.answer import CONTENT_TYPE, RENDER, render, render_batch

MANUAL_SUCCESS = b"""{
  "code": 200,
  "status": "success",
  "success": true,
  "message": "OK: api test succeed",
  "data": null,
  "frequest": "apitest1"
}"""

MANUAL_ERROR = b"""{
  "code": 400,
  "status": "error",
  "error": true,
  "message": "ERROR: missing user input",
  "data": null,
  "frequest": "getuser"
}"""

USERS = Rows(("id", "username", "credit", "note"), [(1, "john", 9.5, None), (2, 'a"b,<&>', -3, "x\r\ny\tz")])
REFUSED = Answer("ERROR: auth failed: wrong key 5", code=401, control="NORETRY", entry="balance")
SAVED = Answer("OK: saved", {"user_id": 5, "on": True}, warning="mail not sent", entry="setuser")


def text(answer, format="text", **options):
    return render(answer, format, **options).decode()


def test_the_two_examples_of_the_manual_come_out_byte_for_byte():
    assert render(Answer("OK: api test succeed", entry="apitest1"), "json") == MANUAL_SUCCESS
    assert render(Answer("ERROR: missing user input", code=400, entry="getuser"), "json") == MANUAL_ERROR


@pytest.mark.parametrize("data", [
    None, 0, -5, 9.8, 1e-7, True, False, "", "é\"\\\n\u2028\0", [], {},
    [1, [2, {"a": None}]], {"a": {"b": [1.5]}, "c": []},
    {"r": [{"x": 1}, {"y": "2"}]}, 10 ** 30,
])
def test_any_data_survives_json(data):
    members = json.loads(render(Answer("OK", data, entry="x"), "json"))
    assert members["data"] == data and type(members["data"]) is type(data)
    assert list(members) == ["code", "status", "success", "message", "data", "frequest"]


def test_small_data_has_the_layout_of_the_manual():
    for data in ({"a": 1, "b": [1, {"c": None}], "d": {}}, [{"a": 1}, {"a": 2}], [[], [1]]):
        members = {"code": 200, "status": "success", "success": True, "message": "OK", "data": data, "frequest": "x"}
        assert text(Answer("OK", data, entry="x"), "json") == json.dumps(members, indent=2)
    rows = Rows(("a", "b"), [(1, {"c": 2}), (None, "x")])
    assert text(Answer("OK", rows), "json") == text(Answer("OK", rows.dicts()), "json")


def test_long_tables_have_one_row_a_line():
    rows = Rows(("a", "b"), [(i, {"c": [i]}) for i in range(101)])
    body = text(Answer("OK", rows), "json")
    assert json.loads(body)["data"] == rows.dicts()
    assert '\n    {"a": 7, "b": {"c":[7]}},\n' in body


def test_what_json_lacks_is_written_as_what_it_has():
    class Number(int):
        pass

    data = {"nan": float("nan"), "inf": [float("inf")], "b": b"\xff", "t": b"a", "n": Number(5), 7: (1,), "o": range(2)}
    assert json.loads(render(Answer("OK", data), "json"))["data"] == {
        "nan": None, "inf": [None], "b": "/w==", "t": "a", "n": 5, "7": [1], "o": "range(0, 2)"}


def test_a_warning_stands_between_data_and_frequest():
    members = list(json.loads(render(SAVED, "json")))
    assert members == ["code", "status", "success", "message", "data", "warning", "frequest"]


def test_half_a_surrogate_pair_breaks_no_format():
    answer = Answer("OK: \ud800", {"a\ud800": "\udfff"}, warning="\ud800", entry="x\ud800")
    for format in RENDER:
        render(answer, format).decode()


def test_noretry_stays_in_the_message_of_a_401_only():
    for format in RENDER:
        if format != "csv":
            assert "NORETRY" in text(REFUSED, format)
    for answer in (Answer("ERROR: x", code=403, control="NORETRY"), Answer("ERROR: x", code=401, control="DISPLAY")):
        for format in RENDER:
            shown = format in ("text", "line", "html", "cleartext", "url", "pcap")
            assert (answer.control in text(answer, format)) is shown


def test_jsonp_calls_the_callback():
    body = text(Answer("OK: \u2028", entry="x"), "jsonp", callback="a.b$_9")
    assert body.startswith("/**/a.b$_9({") and body.endswith("});") and "\u2028" not in body
    assert json.loads(body[len("/**/a.b$_9("):-2])["message"] == "OK: \u2028"
    for callback in ("", "a(b)", "a" * 65, "é", "a b", "a\n"):
        with pytest.raises(ApiError, match="callback"):
            render(SAVED, "jsonp", callback)


def test_a_batch_is_an_array_in_order():
    assert [item["code"] for item in json.loads(render_batch([SAVED, REFUSED]))] == [200, 401]


def test_bare_text_is_the_whole_text():
    assert text(Answer("9.8 USD", {"credit": 9.8})) == "9.8 USD"
    assert text(Answer("0111\n0222", Rows(("num",), [("0111",), ("0222",)]))) == "0111\n0222"


def test_text_shows_data_behind_the_message():
    assert text(SAVED) == "OK: saved\nuser_id: 5\non: true\nWARNING: mail not sent"
    assert text(Answer("OK", 5)) == "OK: 5" == text(Answer("OK: 5", 5))
    assert text(Answer("OK", {"a": {"b": [1, None]}, "c": "x\ny", "d": None})) == 'OK\na: {"b":[1,null]}\nc: x y\nd: '
    assert text(REFUSED) == "ERROR: auth failed: wrong key 5 NORETRY"


def test_rows_stand_for_themselves_in_text():
    assert text(Answer("OK: 2 rows", USERS)) == 'id\tusername\tcredit\tnote\n1\tjohn\t9.5\t\n2\ta"b,<&>\t-3\tx  y z'
    assert text(Answer("OK", Rows(("num",), [("1",), ("2",)]))) == "1\n2" == text(Answer("OK", ["1", 2]))
    assert text(Answer("OK: no rows", Rows(("num", "x"), []))) == "OK: no rows"


def test_line_is_one_line():
    assert text(SAVED, "line") == "OK: saved; user_id: 5; on: true; WARNING: mail not sent"
    assert text(Answer("ERROR: a\r\n\nb ", code=500), "line") == "ERROR: a; b"
    assert "\n" not in text(Answer("OK", USERS), "line")


def test_url_is_a_form_with_all_members():
    assert text(Answer("OK: a&b=é", entry="x"), "url") == (
        "code=200&status=success&success=true&message=OK%3A+a%26b%3D%C3%A9&data=&frequest=x")
    members = parse_qs(text(SAVED, "url"))
    assert json.loads(members["data"][0]) == {"user_id": 5, "on": True} and members["warning"] == ["mail not sent"]
    assert "error=true" in text(REFUSED, "url")


def test_xml_holds_the_members_and_the_text_of_old():
    root = ElementTree.fromstring(render(SAVED, "xml"))
    assert [(child.tag, child.text) for child in root if child.tag != "data"] == [
        ("code", "200"), ("status", "success"), ("success", "true"), ("message", "OK: saved"), ("text", "OK: saved"),
        ("warning", "mail not sent"), ("frequest", "setuser")]
    assert {child.tag: child.text for child in root.find("data")} == {"user_id": "5", "on": "true"}
    assert ElementTree.fromstring(render(REFUSED, "xml")).find("error").text == "true"


def test_rows_survive_xml():
    rows = ElementTree.fromstring(render(Answer("OK", USERS), "xml")).findall("data/row")
    cells = [[cell.text for cell in row] for row in rows]
    assert cells == [["1", "john", "9.5", None], ["2", 'a"b,<&>', "-3", "x\r\ny\tz"]]
    assert [cell.tag for cell in rows[0]] == list(USERS.columns)
    items = ElementTree.fromstring(render(Answer("OK", [1, {"a": []}]), "xml")).find("data")
    assert [item.tag for item in items] == ["item", "row"]


def test_every_character_makes_well_formed_xml():
    everything = "".join(map(chr, range(0x300))) + "\ud800\udfff\ufffe\uffff\U0001f600"
    root = ElementTree.fromstring(render(Answer(everything, {everything: everything, "1a": 1, "": 2, "é": 3}), "xml"))
    assert root.find("message").text[0x20:0x300] == everything[0x20:0x300]
    assert root.find("message").text[:0x20] == "".join(c if c in "\t\n\r" else "\ufffd" for c in everything[:0x20])
    assert [child.tag for child in root.find("data")][1:] == ["_1a", "_", "_"]


def test_soap_wraps_the_members_in_a_response():
    root = ElementTree.fromstring(render(SAVED, "soap"))
    space = "{http://www.w3.org/2003/05/soap-envelope}"
    assert (root.tag, root[0].tag, root[0][0].tag) == (space + "Envelope", space + "Body", "setuserResponse")
    assert root[0][0].find("data/user_id").text == "5"


def test_html_escapes_everything():
    body = text(Answer("ERROR: <script>", {"<b>": "<i>", "r": [1]}, code=400, warning="<w>", entry="</title>"), "html")
    assert not any(mark in body for mark in ("<script>", "<b>", "<i>", "<w>", "</title></title>"))
    assert 'class="error">ERROR: &lt;script&gt;' in body
    page = text(Answer("OK", USERS), "html")
    assert "<th>username</th>" in page and "<td>a&quot;b,&lt;&amp;&gt;</td>" in page
    assert "<table>" not in text(Answer("OK", 5), "html") and "<td>5</td>" in text(Answer("OK", [5]), "html")


def test_csv_is_read_back_by_a_csv_reader():
    body = text(Answer("OK", USERS), "csv")
    assert body.startswith("id,username,credit,note\r\n1,john,9.5,\r\n")
    assert list(csv.reader(io.StringIO(body, newline=""))) == [
        list(USERS.columns), ["1", "john", "9.5", ""], ["2", 'a"b,<&>', "-3", "x\r\ny\tz"]]
    assert text(Answer("OK", [{"a": 1}, {"b": 2, "a": 3}]), "csv") == "a,b\r\n1,\r\n3,2\r\n"
    assert text(Answer("OK", {"a": 1, "b": [1, 2]}), "csv") == 'a,b\r\n1,"[1,2]"\r\n'
    assert text(REFUSED, "csv") == "code,status,message\r\n401,error,ERROR: auth failed: wrong key 5\r\n"
    assert text(Answer("OK", Rows(("a", "b"), [])), "csv") == "a,b\r\n"


def test_csvsafe_disarms_formulas_and_leaves_numbers():
    rows = Rows(("a",), [("=1+1",), ("+36",), ("-x",), ("@a",), ("\tb",), (-5,), ("ok",)])
    assert text(Answer("OK", rows), "csv", csvsafe=True) == "a\r\n'=1+1\r\n'+36\r\n'-x\r\n'@a\r\n'\tb\r\n-5\r\nok\r\n"
    assert text(Answer("OK", rows), "csv").startswith("a\r\n=1+1\r\n+36")


def test_content_types_are_those_of_the_manual():
    assert {name: kind.partition(";")[0] for name, kind in CONTENT_TYPE.items()} == {
        "json": "application/json", "xml": "text/xml", "text": "text/plain", "line": "text/plain", "html": "text/html",
        "url": "application/x-www-form-urlencoded", "soap": "application/soap+xml", "jsonp": "application/javascript",
        "cleartext": "text/plain", "csv": "text/csv", "pcap": "text/plain"}


def test_a_list_without_entries_says_so():
    assert text(Answer("OK", Rows(("a", "b"), []))) == text(Answer("OK", [])) == "OK: none"
