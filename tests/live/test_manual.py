"""The manual, example by example and in its order, against the started program; then what it claims around them."""

import http.client
import re
import secrets
import socket
from hashlib import md5
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from . import manual_examples as manual
from .harness import ROOT, Server
from .wires import certificate, datagram, http as over_http, line, websocket

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

@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A server with the accounts that the examples speak of."""
    folder = tmp_path_factory.mktemp("manual")
    paths = certificate(folder)
    tls = ["--set", f"sslcert={paths[0]}", "--set", f"sslkey={paths[1]}", "--set", "sslportmain=auto",
           "--set", "sslportweb=auto"] if paths else []
    server = Server(folder / "data", "--set", "httpstrictresponse=1", "--set", "enablejsonp=1", *tls)
    server.certificate = paths and paths[0]
    assert server.api("db", sql=manual.ACCOUNTS).startswith("OK")
    assert server.api("db", sql=manual.CALLS).startswith("OK")
    yield server
    assert server.stop() == 0, server.err


def password(server, user):
    return server.admin_password if user == "admin" else user + "-pw"


def digest(server, user, salt="", nonce="", id=None):
    """The simplified authmd5."""
    return md5(f"ck5Gp{id or user}{password(server, user)}{server.salt}{salt}{nonce}".encode()).hexdigest()


def digest_v3(server, user, salt1="", salt2="", nonce="", id=None):
    """The documented authmd5."""
    inner = md5(f"tU29m{id or user}{password(server, user)}{salt1}".encode()).hexdigest()
    return "authv3_" + md5((inner + salt2 + server.salt + nonce).encode()).hexdigest()


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
        return of(over_http(server, "/mvapireq/", method="POST", body=f"apientry=apitest2\n{printed}\n",
                            headers={"Content-Type": "text/ini"}))
    if printed.startswith(("http", "/")):
        target = re.sub(r"^\w+:[/ ]*[^/]*", "", printed).replace("¶", "&para")
        path, _, query = target.partition("?")
        target = quote(f"{path}?{valid(server, example, query)}", safe="/?&=%")
        if printed.startswith("/"):
            return raw(server, target)
        return of(over_http(server, target, secure=printed.startswith("https") and server.certificate is not None))
    if re.match(r"[a-z]+,", printed):
        return on_console(server, printed)
    return of(over_http(server, "/mvapireq/?" + as_admin(server, example, printed)))


def as_admin(server, example, printed):
    """The query that brings an SQL statement, a condition or a part of a query to its command."""
    for old, new in example.fill.items():
        printed = printed.replace(old, new)
    if re.match(r"[a-z_]+=[\w-]+(&|$)", printed):
        query = f"apientry=cdr&{printed}" if example.waits else f"apientry=getuser&{printed}"
        query += "" if example.waits or "u_id" in printed else "&u_username=john"
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


def on_console(server, text):
    """The answer of the console, whose texts have no code: that of an unknown command is 404."""
    with socket.create_connection(("127.0.0.1", server.console), timeout=10) as sock, sock.makefile("rb") as file:
        sock.sendall(f"login,admin,{server.admin_password}\r\n{text}\r\n".encode())
        sock.shutdown(socket.SHUT_WR)
        answer = file.read().decode().split("\r\n\r\n")[1]
    return 404 if answer.startswith("ERROR: unknown command") else 200, answer


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
    assert code == example.code and (text == example.says or re.match(example.says, text, re.S)), (code, text)
    if example.then:
        sql, answer = example.then
        assert target.api("db", sql=sql) == answer
