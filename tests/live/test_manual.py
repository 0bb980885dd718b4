"""The manual, example by example and in its order, against the started program; then what it claims around them."""

import json
import re
import secrets
from urllib.parse import quote

import pytest

from . import manual_examples as manual, wires
from .harness import ROOT
from .wires import datagram, digest, http, line, on_console, password, websocket

pytestmark = pytest.mark.live

MANUAL = ROOT.parent / "shared" / "spec" / "mizu-api.txt"

PRINTED = re.compile(r"""
    `(?P<code>(?:https?:|\{select)[^`]*)`
  | <(?P<angle>https?:[^>]*)>
  | \[(?P<link>https?:[^\]]*)\]
  | (?P<url>(?:https?|wss?)://[^\s<>`)\]]+)
  | ^(?P<line>/mvapi\S*)
  | ^(?P<console>[a-z]+,\d[\w,]*)$
  | (?P<sql>\*?\b(?i:select\s.*\bfrom\s+tb_|update\s+tb_\w+\s+set\s|insert\s+into\s+tb_).*)
  | “(?P<where>[a-z]+\ [<>=]\ [^”]*)”
  | (?:^|[:(]\ ?|example\ )&?(?P<part>[a-z_]+=[\w-]+(?:&[a-z_]+=[\w-]+)*)(?=$|\)|\ )
""", re.X)
"""How an example is set in the manual."""


def printed_examples(text):
    """The example requests of the manual in their order."""
    for row in text.splitlines():
        for match in PRINTED.finditer(row):
            kind, example = match.lastgroup, match[match.lastgroup]
            if kind not in ("code", "angle", "link", "url") or re.search("mvapi|mvst|select", example):
                yield example


@pytest.fixture(scope="module")
def spec():
    if not MANUAL.is_file():
        pytest.skip(f"the manual is not at {MANUAL}: the manifest alone is run")
    return MANUAL.read_text()


def test_every_example_of_the_manual_has_its_row_in_its_place(spec):
    assert list(printed_examples(spec)) == [example.printed for example in manual.EXAMPLES]


def test_every_answer_the_manual_prints_is_compared(spec):
    assert re.findall(r"```\n(\{\n.*?\n\})\n```", spec, re.S) == manual.PRINTED_ANSWERS


# -- the examples

def valid(server, example, query):
    """The query of an example with what is valid here: its names, this server's key, a fresh salt, its digest."""
    for old, new in example.fill.items():
        query = query.replace(old, new)
    query = query.replace("NEWUSERNAME", "new" + secrets.token_hex(4))
    params = [pair.partition("=") for pair in query.split("&")]
    given = {name: value for name, _, value in params}
    user = manual.PLACEHOLDERS.get(given.get("authid"), given.get("authid"))
    user = example.who or user
    salt = secrets.token_hex(4)
    made = {"authkey": server.key, "authid": user, "authpwd": user and password(server, user), "authsalt": salt,
            "authsalt2": secrets.token_hex(4),
            "authmd5": user and digest(server, user, salt if "authsalt" in given else "")}
    return "&".join([f"{name}{equals}{made.get(name) or manual.PLACEHOLDERS.get(value, value)}"
                     for name, equals, value in params])


def asked(server, example):
    """(code, text) of the answer to an example, sent the way it is printed."""
    printed = example.printed
    if printed.startswith("ws"):
        return 200, websocket(server, "/mvapireq/?apientry=apitest1")
    if printed == "key=value":
        return of(http(server, "/mvapireq/", method="POST", body=f"apientry=apitest2\n{printed}\n",
                            headers={"Content-Type": "text/ini"}))
    if printed.startswith(("http", "/")):
        target = re.sub(r"^\w+:[/ ]*[^/]*", "", printed).replace("¶", "&para")
        path, _, query = target.partition("?")
        target = quote(f"{path}?{valid(server, example, query)}", safe="/?&=%")
        if printed.startswith("/"):
            return raw(server, target)
        return of(http(server, target, secure=printed.startswith("https") and server.certificate is not None))
    if re.match(r"[a-z]+,", printed):       # its texts have no code: that of an unknown command is 404
        answer, = on_console(server, "admin", server.admin_password, example.fill.get(printed, printed))
        return 404 if answer.startswith("ERROR: unknown command") else 200, answer
    return of(http(server, "/mvapireq/?" + as_admin(server, example, printed)))


def as_admin(server, example, printed):
    """The query that brings an SQL statement, a condition or a part of a query to its command."""
    for old, new in example.fill.items():
        printed = printed.replace(old, new)
    if re.match(r"[a-z_]+=[\w-]+(&|$)", printed):
        query = f"apientry=cdr&{printed}"
        if printed.startswith(("details=", "u_id=")):
            query = f"apientry=getuser&{printed}" + ("" if "u_id" in printed else "&u_username=john")
    elif re.match(r"[a-z]+ [<>=]", printed):
        query = f"apientry=listusers&where={quote(printed)}"
    else:
        query = f"apientry=db&sync=1&sql={quote(printed)}"
    return f"{query}&{server.as_admin}"


def of(response):
    return response.status, response.body


def raw(server, request):
    """The answer over raw TCP and over UDP, which is the same."""
    answer = line(server, request)
    assert datagram(server, request).rstrip("\r\n") == answer
    return 200, answer


def open_to_all(server, command):
    """What the manual's chapter Authentication says: a row in tb_api, then apireload."""
    assert server.api("addrecord", table="tb_api", u_fname=command, u_req_key=0, u_req_user=14,
                      u_req_user_mode=4).startswith("OK")
    assert server.api("apireload").startswith("OK")


def close_again(server, command):
    assert server.api("db", sql=f"delete from tb_api where fname = '{command}'") == "OK: 1 rows"
    assert server.api("apireload").startswith("OK")


@pytest.mark.parametrize("example", manual.EXAMPLES, ids=[
    f"{number:03d} {example.printed[:60]}" for number, example in enumerate(manual.EXAMPLES)])
def test_an_example(target, example):
    if example.first:
        assert target.api("db", sql=example.first).startswith("OK")
    if example.public:
        assert asked(target, example) == (401, "ERROR: auth failed: wrong user or password")
        open_to_all(target, example.public)
    code, text = asked(target, example)
    if example.public:
        close_again(target, example.public)
    if example.says in manual.PRINTED_ANSWERS:
        assert (code, text) == (example.code, example.says)
    if example.waits and code != example.code:
        pytest.fail(f"it {example.waits}, and that has come: let the row say what it answers now\n{code} {text}")
    assert code == example.code and (text == example.says or re.match(example.says, text, re.S)), (code, text)
    if example.then:
        sql, answer = example.then
        assert target.api("db", sql=sql) == answer


# -- Protocol: the same request over every transport, answered in every format

TRANSPORTS = {
    "HTTP": lambda server, request: http(server, request).body,
    "HTTPS": lambda server, request: http(server, request, secure=True).body,
    "TCP": lambda server, request: lined(server, request),
    "TLS": lambda server, request: lined(server, request, secure=True),
    "UDP": datagram,
    "WS": websocket,
    "WSS": lambda server, request: websocket(server, request, secure=True),
}

JSON = """{
  "code": 200,
  "status": "success",
  "success": true,
  "message": "MESSAGE",
  "data": null,
  "frequest": "ENTRY"
}"""
XML = """<ROOT>
  <code>200</code>
  <status>success</status>
  <success>true</success>
  <message>MESSAGE</message>
  <text>MESSAGE</text>
  <data/>
  <frequest>ENTRY</frequest>
</ROOT>"""
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
SOAP = (DECLARATION + '<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope">\n<soap:Body>\n'
        + XML.replace("ROOT", "ENTRYResponse") + "\n</soap:Body>\n</soap:Envelope>")

FORMATS = {
    "json": ("application/json", JSON),
    "xml": ("text/xml", DECLARATION + XML.replace("ROOT", "answer")),
    "text": ("text/plain", "MESSAGE"),
    "line": ("text/plain", "MESSAGE"),
    "html": ("text/html", '<!DOCTYPE html>...<p class="success">MESSAGE</p>\n</body>\n</html>'),
    "url": ("application/x-www-form-urlencoded",
            "code=200&status=success&success=true&message=QUOTED&data=&frequest=ENTRY"),
    "soap": ("application/soap+xml", SOAP),
    "jsonp": ("application/javascript", f"/**/show({JSON});"),
    "cleartext": ("text/plain", "MESSAGE"),
    "csv": ("text/csv", "code,status,message\n200,success,MESSAGE"),
}
"""Format -> (Content-Type, the answer to ENTRY)."""

ASKED = {"apitest1": "OK: api test succeed", "balance": "Your credit is $123.46 USD"}


def lined(server, request, secure=False, port=None):
    """All lines of the answer to a raw line: the server closes after the second."""
    with wires.connect(server, secure, port=port) as sock, sock.makefile("rb") as answers:
        sock.sendall(f"{request}\r\n/mvapireq/?apientry=close\r\n".encode())
        text = answers.read().decode()
    assert text.endswith("\r\nOK: bye\r\n") and "\n" not in text.replace("\r\n", "")
    return text.removesuffix("OK: bye\r\n")


def as_john(server, salt=None):
    """What makes the sender john, with a fresh salt."""
    salt = salt or secrets.token_hex(4)
    return {"authkey": server.key, "authid": "john", "authmd5": digest(server, "john", salt), "authsalt": salt}


def joined(params):
    return "&".join([f"{name}={quote(value)}" for name, value in params.items()])


def answer_in(format, entry):
    text = FORMATS[format][1].replace("MESSAGE", ASKED[entry]).replace("ENTRY", entry)
    return text.replace("QUOTED", quote(ASKED[entry]).replace("%20", "+"))


def assert_same(text, wanted):
    """The two texts but for the kind of line ends; `...` is anything."""
    text = text.replace("\r\n", "\n").rstrip("\n")
    start, dots, end = wanted.partition("...")
    assert text == wanted if not dots else text.startswith(start) and text.endswith(end)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_transport_answers_the_two_first_examples_in_every_format(target, transport):
    for format in FORMATS:
        for entry in ASKED:
            if transport == "UDP" and entry == "apitest1":
                continue                # unproven, so never answered by more than was sent
            request = f"/mvapireq/?apientry={entry}&callback=show&format={format}"
            request += "" if entry == "apitest1" else "&" + joined(as_john(target))
            assert_same(TRANSPORTS[transport](target, request), answer_in(format, entry))


def test_udp_answers_what_needs_no_proof_by_no_more_than_was_asked(target):
    assert datagram(target, "/mvapireq/?apientry=apitest1") == "OK: api test succeed"
    assert datagram(target, "/mvapireq/?apientry=apitest1&format=json").strip() in ("OK: use TCP", "ERROR: use TCP")


def test_formats_have_their_content_types(target):
    for format, (kind, _) in FORMATS.items():
        response = http(target, f"/mvapireq/?apientry=apitest1&callback=show&format={format}")
        assert response.headers["content-type"].partition(";")[0] == kind, format


def test_requests_follow_each_other_in_one_websocket_and_one_tcp_connection(target):
    requests = [f"/mvapireq/?apientry={entry}&{joined(as_john(target))}" for entry in ("apitest1", "balance") * 3]
    with wires.WebSocket(target, headers="Sec-WebSocket-Protocol: api\r\n") as socket:
        assert [socket.ask(request) for request in requests] == list(ASKED.values()) * 3
        assert socket.ask(f"apientry=balance&{joined(as_john(target))}\r\n") == ASKED["balance"]
    assert line(target, "\r\n".join(requests), lines=6).split("\r\n") == list(ASKED.values()) * 3


def test_http_1_0_is_answered_too(target):
    with wires.connect(target) as sock, sock.makefile("rb") as file:
        sock.sendall(b"GET /mvapireq/?apientry=apitest1 HTTP/1.0\r\n\r\n")
        head, _, body = file.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and body == b"OK: api test succeed"


def test_the_secure_port_serves_tls(target):
    if target.certificate is None:
        pytest.skip("there is no openssl to make a certificate")
    ports = json.loads(http(target, f"/mvapireq/?apientry=info&format=json&{target.as_admin}").body)["data"]["ports"]
    request = f"/mvapireq/?apientry=balance&{joined(as_john(target))}"
    assert http(target, request, secure=True, port=ports["tls"]).body == ASKED["balance"]
    assert lined(target, request, secure=True, port=ports["tls"]).strip() == ASKED["balance"]


@pytest.mark.parametrize("path", ["/mvapireq/?", "/mvapireq?", "/mvapi/?", "/mvapi?", "/MVAPIREQ/?"])
def test_the_entry_point_is_any_path_with_mvapi(target, path):
    assert http(target, f"{path}apientry=apitest1").body == "OK: api test succeed"


# -- Request/response format: every way to write a request

def xml(params):
    return "".join([f"<{name}>{value}</{name}>" for name, value in params.items()])


def soap(params):
    params = dict(params)
    entry = params.pop("apientry")
    return ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<m:{entry} xmlns:m="urn:x">{xml(params)}</m:{entry}></s:Body></s:Envelope>')


def rdf(params):
    return ('<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f"<r:Description>{xml(params)}</r:Description></r:RDF>")


def multipart(params):
    return "".join([f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                    for name, value in params.items()]) + "--edge--\r\n"


def ini(params):
    return "; a request\r\n[request]\r\n" + "".join([f"{name} = {value}\r\n" for name, value in params.items()])


SYNTAXES = {
    "HTML form": ("application/x-www-form-urlencoded", joined, "text"),
    "multipart form": ("multipart/form-data; boundary=edge", multipart, "text"),
    "JSON": ("application/json", lambda params: json.dumps(params), "json"),
    "XML": ("text/xml", lambda params: f"<request>{xml(params)}</request>", "xml"),
    "SOAP": ("application/soap+xml", soap, "soap"),
    "RDF": ("application/rdf+xml", rdf, "xml"),
    "ini": ("text/ini", ini, "text"),
    "plain text": ("text/plain", joined, "text"),
    "parameters in the body": ("", lambda params: "/mvapireq/?" + joined(params), "text"),
}
"""Name -> (Content-Type, how it is written, the format of the answer that is guessed from it)."""


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_body_in_every_syntax_is_a_request(target, syntax):
    kind, write, format = SYNTAXES[syntax]
    headers = {"Content-Type": kind} if kind else {}
    for entry in ASKED:
        body = write({"apientry": entry} | as_john(target))
        response = http(target, "/mvapireq/", method="POST", body=body, headers=headers)
        assert_same(response.body, answer_in(format, entry))
        response = http(target, "/mvapireq/?format=url", method="POST", body=body, headers=headers)
        assert_same(response.body, answer_in("url", entry))


@pytest.mark.parametrize("transport", ["TCP", "TLS", "UDP", "WS", "WSS"])
@pytest.mark.parametrize("syntax", ["JSON", "XML", "SOAP", "RDF", "plain text"])
def test_a_line_a_datagram_or_a_message_may_be_written_in_them_too(target, transport, syntax):
    _, write, format = SYNTAXES[syntax]
    request = write({"apientry": "balance"} | as_john(target))
    assert_same(TRANSPORTS[transport](target, request), answer_in(format, "balance"))


def test_jsonp_is_a_script_for_any_page(target):
    response = http(target, "/mvapireq/?apientry=balance&format=jsonp&callback=my.show_1&" + joined(as_john(target)))
    assert response.body == f"/**/my.show_1({answer_in('json', 'balance')});"
    refused = http(target, "/mvapireq/?apientry=apitest1&format=jsonp&callback=alert(1)")
    assert refused.status == 400 and refused.body.startswith("ERROR: ")


def test_a_batch_is_an_array_of_requests_and_of_answers(target):
    body = json.dumps([{"apientry": entry} | as_john(target) for entry in ("apitest1", "getcredit", "balance")])
    answers = json.loads(http(target, "/mvapireq/", method="POST", body=body,
                              headers={"Content-Type": "application/json"}).body)
    assert [answer["frequest"] for answer in answers] == ["apitest1", "getcredit", "balance"]
    assert answers[1]["data"] == {"credit": 123.456, "currency": "USD", "postpaid": 0}


def test_members_of_answers_are_those_the_manual_lists(target):
    failed = json.loads(http(target, "/mvapireq/?apientry=nosuch&format=json").body)
    assert list(failed) == ["code", "status", "error", "message", "data", "frequest"] and failed["code"] == 404
    warned = json.loads(http(target, f"/mvapireq/?apientry=listusers&limit=1&format=json&{target.as_admin}").body)
    assert list(warned) == ["code", "status", "success", "message", "data", "warning", "frequest"]
    assert warned["success"] is True and len(warned["data"]) == 1 and "only the first 1" in warned["warning"]


def test_the_code_is_the_status_only_with_httpstrictresponse(server, target):
    for target, wanted in ((server, 200), (target, 404)):
        response = target.request("GET", "/mvapireq/?apientry=nosuch&format=json")
        assert response.status == wanted and json.loads(response.body)["code"] == 404


# -- Parameters

@pytest.mark.parametrize("query", [
    "param1=balance&param2={key}&param3=john&param4=john-pw",
    "apientry=balance&param1=2001&{admin}",
    "apientry=credit&u_username=john&{admin}",
    "apientry=creditrequest&userid=2001&{admin}",
    "apientry=balance&targetuser=john&{admin}",
    "apientry=balance&{john}&now",
    "apientry=balance&{john}&now=555&new=x&unknown=1",
    "APIENTRY=Balance&{john}",
    "api%65ntry=balance&{john}",
    "apientry=balance&key={key}&username=john&password=john-pw",
])
def test_parameters_by_name_by_number_and_by_their_other_names(target, query):
    query = query.format(key=target.key, admin=target.as_admin, john=joined(as_john(target)))
    assert http(target, "/mvapireq/?" + query).body == ASKED["balance"]


def test_the_command_may_stand_in_the_path(target):
    assert http(target, f"/mvapireq/balance?{joined(as_john(target))}").body == ASKED["balance"]


def test_only_administrators_are_somebody_else(target):
    for query in ("targetuser=five", "u_username=five", "u_id=5"):
        response = http(target, f"/mvapireq/?apientry=getdetails&mode=min&{query}&{joined(as_john(target))}")
        assert response.body.startswith("OK\nid: 2001\n")


def test_cyrillic_and_o_brien_pass_in_any_way_they_are_written(target):
    for index, text in enumerate(("Żółć Анна", "O'Brien", "a+b=c&d;e", "  5 < 6")):
        name = quote(text)
        http(target, f"/mvapireq/?apientry=setuser&u_id=5&u_comment={name}&{target.as_admin}")
        assert target.api("getfield", filterfieldname="id", filterfieldvalue=5, retfieldname="comment") == f"OK: {text}"
