"""The API over HTTP: where the parameters may stand, and what the answer is called."""

import json

import pytest

from mizu.base.message import Answer, Blob

from .talk import FAR
from .web import CREDIT, JOHN, TEST1, Waiting, Web


def post(web, content_type, body, target="/mvapireq/", *fields):
    return web.get(target, f"Content-Type: {content_type}", *fields, method="POST", body=body.encode())


def test_a_request_may_stand_in_the_query(web):
    status, fields, body = web.get(TEST1)
    assert (status, body) == (200, b"OK: api test succeed") and fields["content-type"] == "text/plain; charset=utf-8"
    assert fields["cache-control"] == "no-store" and fields["x-content-type-options"] == "nosniff"


def test_the_manuals_two_json_answers_come_byte_for_byte(web):
    good = web.get(TEST1 + "&format=json")
    assert good[1]["content-type"] == "application/json" and good[2] == (
        b'{\n  "code": 200,\n  "status": "success",\n  "success": true,\n  "message": "OK: api test succeed",\n'
        b'  "data": null,\n  "frequest": "apitest1"\n}')
    bad = web.get("/mvapireq/?apientry=getuser&param=all&format=json&authkey=KEY&authid=root&authpwd=rootpass")
    assert bad[2] == (b'{\n  "code": 400,\n  "status": "error",\n  "error": true,\n'
                      b'  "message": "ERROR: missing user input",\n  "data": null,\n  "frequest": "getuser"\n}')


@pytest.mark.parametrize("content_type, body", [
    ("application/x-www-form-urlencoded", f"apientry=balance&{JOHN}"),
    ("application/json", json.dumps({"apientry": "balance", "authkey": "KEY", "authid": "john", "authpwd": "johnpass"})),
    ("text/plain", f"apientry=balance&{JOHN}"),
    ("text/ini", "apientry=balance\nauthkey=KEY\nauthid=john\nauthpwd=johnpass\n"),
    ("application/xml", "<r><apientry>balance</apientry><authkey>KEY</authkey><authid>john</authid>"
                        "<authpwd>johnpass</authpwd></r>"),
    ("application/soap+xml", '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><balance>'
                             "<authkey>KEY</authkey><authid>john</authid><authpwd>johnpass</authpwd></balance>"
                             "</s:Body></s:Envelope>"),
    ("application/rdf+xml", '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description>'
                            "<apientry>balance</apientry><authkey>KEY</authkey><authid>john</authid>"
                            "<authpwd>johnpass</authpwd></rdf:Description></rdf:RDF>"),
    ("multipart/form-data; boundary=x", "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in
        [("apientry", "balance"), ("authkey", "KEY"), ("authid", "john"), ("authpwd", "johnpass")]) + "--x--\r\n"),
])
def test_a_request_may_be_a_body_in_every_format(web, content_type, body):
    assert CREDIT in post(web, content_type, body)[2].decode()


def test_query_and_body_are_one_request_and_the_query_wins(web):
    status, _, body = post(web, "application/json", '{"apientry": "apitest2", "authid": "john"}',
                           f"/mvapireq/?apientry=balance&{JOHN}&format=text")
    assert body.decode() == CREDIT


def test_an_array_is_a_batch_answered_by_an_array(web):
    status, fields, body = post(web, "application/json", '[{"apientry": "apitest1"}, {"apientry": "balance"}]',
                                f"/mvapireq/?{JOHN}&format=text")
    assert fields["content-type"] == "application/json"
    assert [each["message"] for each in json.loads(body)] == ["OK: api test succeed", CREDIT]


def test_the_path_may_name_the_command(web):
    assert web.get("/mvapireq/apitest1")[2] == b"OK: api test succeed"
    assert web.get("/anything/MVAPI/apitest1/")[2] == b"OK: api test succeed"


@pytest.mark.parametrize("content_type, body, code", [
    ("application/json", "{", 400), ("image/png", "x", 400), ("application/xml", "<!DOCTYPE a><a/>", 400),
    ("multipart/form-data", "x", 400), ("text/plain; charset=klingon", "apientry=apitest1", 400),
])
def test_a_body_that_cannot_be_read_is_told_why(web, content_type, body, code):
    answer = post(web, content_type, body, "/mvapireq/", "Accept: application/json")
    assert answer[0] == 200 and json.loads(answer[2])["code"] == code


def test_codes_are_http_codes_when_asked_for(tmp_path):
    web = Web(tmp_path, "httpstrictresponse=1")
    strict = {entry: web.get(f"/mvapireq/?apientry={entry}") for entry in ("apitest1", "nonsense", "getuser")}
    assert [strict[entry][0] for entry in strict] == [200, 404, 401]
    assert "www-authenticate" in strict["getuser"][1]
    assert web.get("/mvapireq/?apientry=listusers&authkey=KEY&authid=john&authpwd=johnpass", host=FAR)[0] == 403
    web.db.close()


def test_every_code_is_200_by_default(web):
    assert web.get("/mvapireq/?apientry=nonsense")[0] == 200


def test_accept_chooses_the_format_by_its_weights(web):
    def kind(accept):
        return web.get(TEST1, f"Accept: {accept}")[1]["content-type"].partition(";")[0]
    assert kind("text/xml;q=0.5, application/json;q=0.9") == "application/json"
    assert kind("text/html,application/xhtml+xml") == "text/html"
    assert kind("*/*") == "text/plain"


@pytest.mark.parametrize("format, kind", [
    ("json", "application/json"), ("xml", "text/xml"), ("text", "text/plain"), ("line", "text/plain"),
    ("html", "text/html"), ("url", "application/x-www-form-urlencoded"), ("soap", "application/soap+xml"),
    ("cleartext", "text/plain")])
def test_every_format_has_its_type(web, format, kind):
    status, fields, body = web.get(f"{TEST1}&format={format}", "Accept: image/png")
    assert status == 200 and fields["content-type"].partition(";")[0] == kind and b"api" in body


def test_jsonp_is_off_until_it_is_switched_on(web):
    assert b"enablejsonp" in web.get(f"{TEST1}&format=jsonp&callback=f")[2]


def test_jsonp_calls_back_on_get_only_and_is_never_sniffed(tmp_path):
    web = Web(tmp_path, "enablejsonp=1")
    status, fields, body = web.get(f"{TEST1}&format=jsonp&callback=f")
    assert body.startswith(b"/**/f({") and fields["content-type"].startswith("application/javascript")
    assert fields["x-content-type-options"] == "nosniff"
    asked = Waiting(web)
    for answer in (post(web, "text/plain", "apientry=apitest1&format=jsonp&callback=f"),
                   post(web, "text/plain", "x=1", f"{TEST1}&format=jsonp&callback=f"),
                   web.get(f"{TEST1}&format=jsonp&callback=alert(1)"), web.get(f"{TEST1}&format=jsonp")):
        assert b"jsonp" in answer[2] and not answer[1]["content-type"].startswith("application/javascript")
    assert asked.started == [], "refused before anything was done"
    web.db.close()


def test_a_blob_is_sent_as_what_it_is_under_a_harmless_name(web):
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(b"GET /mvapireq/?apientry=wait HTTP/1.1\r\nHost: h\r\n\r\n")
    waiting.answer(0, blob=Blob("audio/wav", b"RIFF", 'a"\r\nX: y/../\u00e9.wav'))
    assert b"Content-Type: audio/wav\r\n" in stream.sent and stream.sent.endswith(b"\r\n\r\nRIFF")
    assert b'Content-Disposition: attachment; filename="a___X_ y_..__.wav"\r\n' in stream.sent


def test_close_is_answered_and_the_connection_closed(web):
    stream = web.connect()
    stream.say(b"GET /mvapireq/?apientry=close HTTP/1.1\r\nHost: h\r\n\r\n" * 2)
    assert stream.sent.count(b"HTTP/1.1 200") == 1 and b"Connection: close" in stream.sent and not stream.open


def test_an_answer_that_cannot_be_rendered_is_a_500_with_its_serial(web):
    class Broken:
        def __str__(self):
            return 1 // 0
    waiting = Waiting(web)
    stream = web.connect()
    stream.say(b"GET /mvapireq/?apientry=wait&format=json HTTP/1.1\r\nHost: h\r\n\r\n")
    waiting.answer(0, data={"a": Broken()})
    assert b'"code": 500' in stream.sent and b"internal error, see the server's log, request 1" in stream.sent
    assert b"Zero" not in stream.sent and stream.open


def test_pages_of_other_sites_may_read_as_corsorigins_says(tmp_path):
    web = Web(tmp_path, "corsorigins=http://a http://b")
    allowed = web.get(TEST1, "Origin: http://b")[1]
    assert allowed["access-control-allow-origin"] == "http://b" and allowed["vary"] == "Origin"
    assert "access-control-allow-origin" not in web.get(TEST1, "Origin: http://c")[1]
    assert "access-control-allow-methods" not in web.get(TEST1, "Origin: http://c", method="OPTIONS")[1]
    web.db.close()


def test_a_batch_that_the_database_refuses_is_refused_as_a_whole(web):
    from mizu.base.errors import ApiError
    from mizu.serve.asker import Asker, code_of
    assert code_of([Answer(), Answer(code=422)]) == 422 and code_of([Answer()]) == 200
    asker = Asker(web.decoder, web.dispatcher)

    class Done:
        @staticmethod
        def result():
            raise ApiError(503, "busy")
    request = web.decoder.blank(None)
    assert [answer.code for answer in asker._settled([request, request], Done)] == [503, 503]


@pytest.mark.parametrize("content_type, body, target, found", [
    ("application/json", '{"apientry": "apitest1', "/mvapireq/", "application/json"),
    ("text/plain", '{"apientry": "apitest1', "/mvapireq/", "application/json"),
    ("application/xml", "<r><apientry>", "/mvapireq/", "text/xml"),
    ("application/soap+xml", "<s:Envelope><", "/mvapireq/", "application/soap+xml"),
    ("application/json", "{", "/mvapireq/?format=xml", "text/xml"),
    ("application/json", "{", "/mvapireq/?format=text", "text/plain"),
    ("text/ini", "[a]\nb", "/mvapireq/?format=json", "application/json"),
    ("application/json", "{", "/mvapireq/?format=nosuch", "application/json"),
])
def test_a_body_that_cannot_be_read_is_answered_in_its_own_format_or_the_one_asked_for(web, content_type, body, target,
                                                                                       found):
    status, fields, answer = post(web, content_type, body, target)
    assert fields["content-type"].partition(";")[0] == found and b"ERROR: " in answer
    assert b" at at " not in answer


def test_accept_holds_for_what_cannot_be_read_too(web):
    assert post(web, "text/plain", "<r", "/mvapireq/", "Accept: application/json")[1]["content-type"] == \
        "application/json"
