"""The manual's chapters Authentication, Hardened access, nonce, Custom and CLI against the started program.

A server behind a proxy (trustedproxies) shows what comes from elsewhere: X-Forwarded-For names an address outside.
"""

import base64
import json
import re
import secrets
import signal
import socket
from hashlib import md5
from urllib.parse import quote

import pytest

from mizu.store.options import BY_NAME

from .conftest import manual_accounts
from .harness import Server, eventually
from .wires import connect, datagram, digest, digest_v3, http, line, on_console, password, websocket

pytestmark = pytest.mark.live

FAR, LISTED, PRIVATE = "198.51.100.7", "203.0.113.9", "10.77.1.1"
"""An address far away, one in trustediplist, a private one that is not in our LAN."""

OK = "Your credit is $123.46 USD"
WRONG, WRONG_KEY = "ERROR: auth failed: wrong user or password", "ERROR: auth failed: wrong key xxx NORETRY"
DENIED = "ERROR: access denied"


class Hardened(Server):
    """A server whose settings are changed by its ini file and SIGHUP.  With arguments it is a second start: the
    accounts are there."""

    def __init__(self, folder, *args):
        self.ini = folder / "mizud.ini"
        self.ini.write_text("")
        self.certificate = None
        super().__init__(folder / "data", "--config", str(self.ini), *args)
        if not args:
            manual_accounts(self)
        self.set()

    def set(self, **settings):
        """These settings, all others as at the start."""
        settings = {"trustedproxies": "127.0.0.1", "trustediplist": LISTED, "maxauthfail": 0} | settings
        self.ini.write_text("".join([f"[{BY_NAME[name].section}]\n{name} = {value}\n"
                                     for name, value in settings.items()]))
        done = self.err.count(" reloaded")
        self.signal(signal.SIGHUP)
        assert eventually(lambda: self.err.count(" reloaded") > done), self.err

    def ask(self, entry, source=None, **params):
        """The text of the answer to a request from an address."""
        query = "".join([f"&{name}={quote(str(value))}" for name, value in params.items()])
        headers = {"X-Forwarded-For": source} if source else {}
        return http(self, f"/mvapireq/?apientry={entry}{query}", headers=headers).body

    def by(self, user="john", nonce="", key=True):
        """Parameters that prove a user by the documented digest, with fresh salts."""
        salts = secrets.token_hex(4), secrets.token_hex(4)
        proof = {"authid": user, "authmd5": digest_v3(self, user, *salts, nonce), "authsalt1": salts[0],
                 "authsalt2": salts[1]}
        return proof | ({"nonce": nonce[:16]} if nonce else {}) | ({"authkey": self.key} if key else {})

    def rule(self, name, **fields):
        """The row of tb_api of a command, none without fields; then apireload."""
        self.api("db", sql=f"delete from tb_api where fname = '{name}'")
        if fields:
            given = {f"u_{field}": value for field, value in fields.items()}
            assert self.api("addrecord", table="tb_api", u_fname=name, **given).startswith("OK")
        assert self.api("apireload").startswith("OK")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    server = Hardened(tmp_path_factory.mktemp("hardened"))
    yield server
    assert server.stop() == 0, server.err


@pytest.fixture
def hardened(shared):
    """The shared one, as at its start again afterwards."""
    yield shared
    shared.set()


# -- Authentication

def test_the_key_is_needed_and_waived_only_for_trusted_addresses(shared):
    named = {"authid": "john", "authpwd": "john-pw"}
    assert shared.ask("balance", FAR, **named) == WRONG_KEY
    assert shared.ask("balance", FAR, authkey="wrong", **named) == WRONG_KEY
    assert shared.ask("balance", authkey="wrong", **named) == WRONG_KEY
    assert shared.ask("balance", FAR, authkey=shared.key, **named) == OK
    assert shared.ask("balance", **named) == shared.ask("balance", LISTED, **named) == OK


def test_a_user_is_known_by_password_or_digest_and_unknown_ones_like_wrong_ones(shared):
    key = {"authkey": shared.key}
    salt = secrets.token_hex(4)
    bare = {"authid": "john", "authmd5": digest(shared, "john", salt)}
    assert shared.ask("balance", FAR, **shared.by()) == OK
    assert shared.ask("balance", FAR, **key, **bare, authsalt=salt) == OK
    assert shared.ask("balance", FAR, **key, **bare, authsalt1=salt) == OK
    assert shared.ask("balance", FAR, **key, **bare | {"authmd5": bare["authmd5"].upper()}, authsalt=salt) == OK
    assert shared.ask("balance", FAR, **key, **bare, authsalt="other") == WRONG
    assert shared.ask("balance", FAR, **key, authid="john", authpwd="wrong") == WRONG
    assert shared.ask("balance", FAR, **key, authid="nobody", authpwd="wrong") == WRONG
    assert shared.ask("balance", FAR, **key, authid="john") == WRONG
    assert shared.ask("balance", FAR, **key) == WRONG


def test_authid_may_be_id_name_did_or_pin_and_a_pin_stands_for_the_password(shared):
    assert shared.api("setuser", u_id=2001, u_pin="4711", u_telnumber="3611222333") == "OK"
    key = {"authkey": shared.key}
    for id in ("2001", "John", "3611222333", "4711"):
        assert shared.ask("balance", FAR, **key, authid=id, authpwd="john-pw") == OK, id
        assert shared.ask("balance", FAR, **key, authid=id, authmd5=digest(shared, "john", id=id)) == OK, id
    assert shared.ask("balance", FAR, **key, authid="john", authpwd="4711") == OK


@pytest.mark.parametrize("category, entry, far, near", [
    ("public", "apitest1", "OK: api test succeed", "OK: api test succeed"),
    ("user", "getcredit", "OK\ncredit: 0.0", "OK\ncredit: 0.0"),
    ("admin", "info", "OK: running", "OK: running"),
    ("sensitive", "newuseri", DENIED, "ERROR: missing parameter u_username"),
])
def test_each_category_asks_for_what_the_manual_says(shared, category, entry, far, near):
    admin = {"authkey": shared.key, "authid": "admin", "authpwd": shared.admin_password}
    assert shared.ask(entry, FAR, **admin).startswith(far)
    assert shared.ask(entry, **admin).startswith(near)
    if category in ("admin", "sensitive"):
        assert shared.ask(entry, **shared.by("john")).startswith(DENIED)
    if category != "public":
        assert shared.ask(entry, FAR).startswith("ERROR: ")


def test_the_manuals_row_of_tb_api_makes_balance_public_after_apireload(shared):
    assert shared.ask("balance", FAR, authid="john") == WRONG_KEY
    assert shared.api("db", sync=1, sql="insert into tb_api (fname, req_key, req_user) values ('balance', 0, 14)") \
        == "OK: 1 rows"
    assert shared.ask("balance", FAR, authid="john") == WRONG_KEY, "not before apireload"
    assert on_console(shared, "admin", shared.admin_password, "apireload")[0].startswith("OK")
    assert shared.ask("balance", FAR, authid="john") == OK
    shared.rule("balance")
    assert shared.ask("balance", FAR, authid="john") == WRONG_KEY


@pytest.mark.parametrize("fields, source, sent, answer", [
    ({"req_key": 0}, FAR, {"authid": "john", "authpwd": "john-pw"}, OK),
    ({"req_key": 1}, FAR, {"authid": "john", "authpwd": "john-pw"}, WRONG_KEY),
    ({"req_ip": 1}, FAR, "john", DENIED),
    ({"req_ip": 1}, None, "john", OK),
    ({"req_user": 2}, FAR, "john", DENIED),
    ({"req_user": 4}, FAR, "john", DENIED),
    ({"req_user": 6}, FAR, "john", DENIED),
    ({"req_user": 6}, FAR, "ever_admin", "Your credit is"),
    ({"req_user": 4}, FAR, "ever_admin", DENIED),
    ({"req_user": 4}, FAR, "voipadmin", "Your credit is"),
    ({"req_user": 8}, FAR, "owner", "Your credit is"),
    ({"req_user": 8}, FAR, "john", DENIED),
    ({"req_user": 11}, FAR, "john", DENIED),
    ({"req_user": 12}, FAR, "john", OK),
    ({"req_user_mode": 4}, FAR, {"authkey": None, "authid": "john"}, OK),
    ({"req_user_mode": 6}, FAR, {"authkey": None, "authid": "2001", "authpwd": "john-pw"}, WRONG),
    ({"req_user_mode": 6}, FAR, {"authkey": None, "authid": "john", "authpwd": "john-pw"}, OK),
    ({"req_user_credit": 123}, FAR, "john", OK),
    ({"req_user_credit": 124}, FAR, "john", "ERROR: not enough credit"),
    ({"req_user_credit": 2}, FAR, "five", "Your credit is"),
    ({"req_user_register": 1}, FAR, "john", "ERROR: access denied: the account is not registered"),
    ({"req_user_register": 0}, FAR, "john", OK),
    ({"req_user_login": 2}, FAR, "john", "ERROR: new nonce is:"),
    ({"req_user_login": 0}, FAR, "john", OK),
    ({"customsql": "select username from tb_users where id = [USERID]"}, FAR, "john", "john"),
    ({"enabled": 0}, FAR, "john", "ERROR: balance is disabled"),
    ({"enabled": 1}, FAR, "john", OK),
])
def test_a_row_of_tb_api_overrides_the_default_field_by_field(shared, fields, source, sent, answer):
    if sent.__class__ is str:
        sent = shared.by(sent)
    elif "authkey" in sent:
        sent = sent | {"authkey": shared.key}
    shared.rule("balance", **fields)
    try:
        assert shared.ask("balance", source, **sent).startswith(answer)
    finally:
        shared.rule("balance")


def test_key_and_salt_are_read_again_by_reloadapikeys(shared):
    key, salt = shared.key, shared.salt
    for name, value in (("apiv2key", f"{key},next-key"), ("apiv2md5salt", "pepper")):
        shared.api("db", sync=1, sql=f"update tb_settings set value = '{value}' where name = '{name}'")
    assert shared.ask("balance", FAR, **shared.by() | {"authkey": "next-key"}) == WRONG_KEY
    assert shared.api("reloadapikeys") == "OK: 2 keys"
    old = shared.by()
    assert shared.ask("balance", FAR, **old) == WRONG, "a digest over the old salt"
    inner = md5(f"tU29mjohnjohn-pw{old['authsalt1']}".encode()).hexdigest() + old["authsalt2"] + "pepper"
    new = old | {"authmd5": "authv3_" + md5(inner.encode()).hexdigest()}
    assert shared.ask("balance", FAR, **new) == shared.ask("balance", FAR, **new | {"authkey": "next-key"}) == OK
    for name, value in (("apiv2key", key), ("apiv2md5salt", salt)):
        shared.api("db", sync=1, sql=f"update tb_settings set value = '{value}' where name = '{name}'")
    assert shared.api("reloadapikeys") == "OK: 1 keys"
    assert shared.ask("balance", FAR, **old) == OK


# -- Hardened access: every setting with every value that shows from here

JOHN = {"authid": "john", "authpwd": "john-pw"}
KEY = {"authkey": "KEY"}
ROOT = {"authkey": "KEY", "authid": "voipadmin", "authpwd": "voipadmin-pw"}
OLD = {"authkey": "KEY", "authid": "john", "authsalt": "77"}
OLD_DIGESTS = ["rD58s:john:john-pw:77", "C8y5:john:john-pw:77", "johnjohn-pw77", "johnjohn-pw"]
IN = "OK"
NOT_REGISTERED = "ERROR: access denied: the account is not registered"

HARDENED = [
    # setting, value, command, from, sent, the answer begins
    ("apidefneedregister", 0, "apitest", FAR, JOHN | KEY, IN),
    ("apidefneedregister", 1, "apitest", FAR, JOHN | KEY, NOT_REGISTERED),
    ("apidefneedregister", 1, "apitest", FAR, ROOT, IN),
    ("apidefneedregister", 2, "apitest", FAR, JOHN | KEY, NOT_REGISTERED),
    ("allowtrustedip", 0, "apitest", None, JOHN, WRONG_KEY),
    ("allowtrustedip", 1, "apitest", None, JOHN, IN),
    ("allowtrustedip", 1, "apitest", LISTED, JOHN, WRONG_KEY),
    ("allowtrustedip", 2, "apitest", None, JOHN, IN),
    ("allowtrustedip", 2, "apitest", LISTED, JOHN, WRONG_KEY),
    ("allowtrustedip", 3, "apitest", LISTED, JOHN, IN),
    ("allowtrustedip", 3, "apitest", FAR, JOHN, WRONG_KEY),
    ("allowtrustedip", 3, "apitest", PRIVATE, JOHN, WRONG_KEY),
    ("allowtrustedip", 4, "apitest", LISTED, JOHN, IN),
    ("trustediplist", f"{LISTED},{PRIVATE}", "apitest", PRIVATE, JOHN, IN),
    ("trustediplist", f"{LISTED},10.77.0.0/16", "apitest", PRIVATE, JOHN, IN),
    ("apiv2ipauth", "", "newuseri", FAR, ROOT, DENIED),
    ("apiv2ipauth", FAR, "newuseri", FAR, ROOT, "ERROR: missing parameter u_username"),
    ("apitrustediponly", 0, "apitest", FAR, JOHN | KEY, IN),
    ("apitrustediponly", 1, "apitest", FAR, JOHN | KEY, DENIED),
    ("apitrustediponly", 1, "apitest1", FAR, {}, DENIED),
    ("apitrustediponly", 1, "apitest", None, JOHN | KEY, IN),
    ("apitrustediponly", 1, "apitest", LISTED, JOHN | KEY, IN),
    ("apideftrustadmin", 0, "info", None, ROOT, DENIED),
    ("apideftrustadmin", 1, "info", FAR, ROOT, IN),
    ("apideftrustadmin", 1, "info", None, KEY, IN),
    ("apideftrustadmin", 1, "info", LISTED, KEY, IN),
    ("apideftrustadmin", 1, "info", FAR, KEY, WRONG),
    ("apideftrustadmin", 2, "info", None, KEY, IN),
    ("apideftrustadmin", 2, "info", FAR, ROOT, DENIED),
    ("apideftrustadmin", 3, "info", FAR, ROOT, IN),
    ("apideftrustadmin", 3, "info", None, KEY, DENIED),
    ("apideftrustadmin", 4, "info", FAR, ROOT, DENIED),
    ("apideftrustadmin", 4, "info", None, KEY, DENIED),
    ("apideftrustadmin", 4, "info", None, ROOT, IN),
    ("apialtauth", -1, "apitest", FAR, JOHN | KEY | {"authid": "2001"}, IN),
    ("apialtauth", 0, "apitest", FAR, JOHN | KEY | {"authid": "2001"}, WRONG),
    ("apialtauth", 0, "apitest", FAR, JOHN | KEY, IN),
    *[("apialtauth", value, "apitest", FAR, OLD | {"authmd5": md5(formula.encode()).hexdigest()}, answer)
      for value, answer in ((-1, WRONG), (1, IN)) for formula in OLD_DIGESTS],
    ("apiv2auth", 4, "apitest", FAR, KEY | {"authid": "john"}, IN),
    ("apiv2auth", 6, "apitest", FAR, JOHN | KEY | {"authid": "2001"}, WRONG),
    ("apidefneedlogin", 1, "apitest", FAR, JOHN | KEY, "ERROR: new nonce is:"),
    ("apidefneedlogin", 1, "apitest", None, JOHN | KEY, IN),
    ("httpapikey", "second-key", "apitest", FAR, JOHN | {"authkey": "second-key"}, IN),
]


@pytest.mark.parametrize("name, value", list(dict.fromkeys(row[:2] for row in HARDENED)))
def test_a_setting_of_hardened_access_has_its_documented_effect(hardened, name, value):
    hardened.set(**{name: value})
    for _, _, entry, source, sent, answer in (row for row in HARDENED if row[:2] == (name, value)):
        sent = {each: hardened.key if text == "KEY" else text for each, text in sent.items()}
        assert hardened.ask(entry, source, **sent).startswith(answer), (entry, source, sent)


@pytest.mark.parametrize("value, reached", [(0, False), (1, True), (2, True), (3, True), (4, True), (5, True)])
def test_remoteadmin_says_who_reaches_the_console(hardened, value, reached):
    hardened.set(remoteadmin=value)
    with connect_console(hardened) as sock:
        sock.sendall(f"login,admin,{hardened.admin_password}\r\n".encode())
        answer = sock.makefile("rb").readline().decode()
    assert answer == ("OK: logged in as admin\r\n" if reached else "ERROR: access denied\r\n")


def connect_console(server):
    return socket.create_connection(("127.0.0.1", server.console), timeout=10)


def test_allowtrustedip_4_trusts_an_address_on_the_console_too(hardened):
    for value, answer in ((3, "ERROR: auth failed"), (4, "OK: running")):
        hardened.set(allowtrustedip=value)
        with connect_console(hardened) as sock:
            sock.sendall(b"info\r\ninfo\r\n")
            assert sock.makefile("rb").readline().decode().startswith(answer)


def test_apitrustfromconsole_2_makes_support_an_administrator_there(hardened):
    hardened.api("adduser", u_username="helper", u_password="helper-pw", u_type=14)
    for value, answer in ((0, DENIED), (1, DENIED), (2, "OK: credit is")):
        hardened.set(apitrustfromconsole=value)
        assert on_console(hardened, "helper", "helper-pw", "setcredit u_id=55 u_credit=1")[0].startswith(answer)


def test_the_console_takes_administrators_and_support_and_nobody_else(shared):
    shared.api("adduser", u_username="helper2", u_password="helper2-pw", u_type=14)
    assert on_console(shared, "voipadmin", "voipadmin-pw", "balance,2001") == [OK]
    assert on_console(shared, "helper2", "helper2-pw", "balance,2001") == [OK]
    assert on_console(shared, "john", "john-pw", "balance") == [
        "ERROR: access denied: the console is for administrators and support"]
    assert on_console(shared, "john", "wrong", "balance") == [WRONG]
    assert on_console(shared, "voipadmin", "wrong", "balance") == [WRONG]


def test_what_comes_from_a_foreign_page_or_an_unknown_proxy_is_never_trusted(hardened):
    target = "/mvapireq/?apientry=apitest&authid=john&authpwd=john-pw"
    for headers in ({"Origin": "http://evil.example"}, {"Referer": "http://evil.example/x"}, {"Host": "evil.example"},
                    {"Sec-Fetch-Site": "cross-site"}):
        assert http(hardened, target, headers=headers).body == WRONG_KEY, headers
    hardened.set(trustedproxies="")
    assert http(hardened, target, headers={"X-Forwarded-For": "127.0.0.1"}).body == WRONG_KEY
    assert http(hardened, target).body == "OK: api test succeed"


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", "' or 1=1 --", "x'; drop table tb_users; --",
                                   "1 union select password from tb_users"])
def test_parameters_of_users_are_filtered_and_those_of_administrators_are_not(shared, value):
    refused = shared.ask("setfield", FAR, **shared.by("john"), u_displayname=value)
    assert refused.startswith("ERROR: parameter u_displayname was refused")
    assert shared.ask("setfield", FAR, **shared.by("john"), u_displayname="John O'Brien & <3 select") == "OK"
    assert shared.api("setuser", u_id=2001, u_comment=value) == "OK"


# -- XOR and Base64

def encoded(text, key):
    """As the manual says: XOR with the key repeated, Base64, then - _ . for = + /."""
    mixed = bytes((byte ^ key.encode()[index % len(key)]) % 128 for index, byte in enumerate(text.encode()))
    return base64.b64encode(mixed).decode().translate(str.maketrans("=+/", "-_."))


def test_requests_and_values_may_be_obfuscated(hardened):
    credentials = f"authkey={hardened.key}&authid=john&authpwd=john-pw"
    closed = http(hardened, f"/mvapireq/?mcrfs={encoded('apientry=apitest1', 'xorkey')}").body
    assert closed == "ERROR: obfuscated requests are disabled: set httpapiencryptkey"
    hardened.set(httpapiencryptkey="xorkey")
    for query in (f"mcrfs={encoded('apientry=balance&' + credentials, 'xorkey')}",
                  f"mcrfs={encoded('/mvapireq/?apientry=balance&' + credentials, 'xorkey')}",
                  f"apientry=balance&mcrfs={encoded(credentials, 'xorkey')}",
                  f"apientry=balance&authkey={hardened.key}&authid=oenc1_{encoded('john', 'xorkey')}"
                  f"&authpwd=oenc1_{encoded('john-pw', 'xorkey')}"):
        assert http(hardened, f"/mvapireq/?{query}", headers={"X-Forwarded-For": FAR}).body == OK, query
        assert http(hardened, "/mvapireq/", method="POST", body=query,
                    headers={"Content-Type": "application/x-www-form-urlencoded"}).body == OK
        assert line(hardened, f"/mvapireq/?{query}") == websocket(hardened, f"/mvapireq/?{query}") == OK
    for query in (f"mcrfs={encoded('apientry=balance', 'XORKEY')}", "apientry=balance&authid=oenc1_!"):
        assert http(hardened, f"/mvapireq/?{query}").body == "ERROR: the encoded request cannot be read"
    assert hardened.ask("balance", FAR, **hardened.by()) == OK


# -- Using nonce for replay attack protection

def nonce_of(answer, word="OK"):
    return re.fullmatch(word + r": new nonce is:([0-9a-f]{32})EOF", answer)[1]


@pytest.mark.parametrize("need", [1, 2, 3])
def test_the_nonce_chapter_end_to_end(tmp_path, need):
    assert Hardened(tmp_path).stop() == 0
    server = Hardened(tmp_path, "--set", f"apidefneedlogin={need}")
    try:
        nonce = nonce_of(server.ask("preauth", FAR))
        assert server.ask("balance", FAR, **server.by(nonce=nonce)) == OK
        for size in (10, 16, 32):
            assert server.ask("balance", FAR, **server.by(nonce=nonce) | {"nonce": nonce[:size]}) == OK, size
        bare = {"authkey": server.key, "authid": "john", "authsalt": "9", "nonce": nonce[:10]}
        assert server.ask("balance", FAR, **bare, authmd5=digest(server, "john", "9", nonce)) == OK
        assert server.ask("balance", FAR, **bare, authmd5=digest(server, "john", "9")) == WRONG
        again = nonce_of(server.ask("balance", FAR, **server.by()), "ERROR")
        assert again != nonce and server.ask("balance", FAR, **server.by(nonce=again)) == OK
        dead = nonce_of(server.ask("balance", FAR, **server.by(nonce="0" * 32)), "ERROR")
        assert server.ask("balance", FAR, **server.by(nonce=dead)) == OK
        nonce_of(server.ask("balance", FAR, authkey=server.key, **JOHN), "ERROR")
        near = server.ask("balance", **server.by())
        assert near == OK if need == 1 else nonce_of(near, "ERROR")
        moved = server.ask("balance", LISTED, **server.by(nonce=nonce))
        assert moved == OK if need != 3 else nonce_of(moved, "ERROR")
    finally:
        assert server.stop() == 0


def test_a_connection_that_logged_in_with_a_nonce_needs_none_any_more(hardened):
    hardened.set(apidefneedlogin=2, allowtrustedip=0)
    nonce = nonce_of(hardened.ask("preauth"))
    joined = "&".join([f"{name}={value}" for name, value in hardened.by(nonce=nonce).items()])
    with connect(hardened) as sock, sock.makefile("rwb") as file:
        for request, answer in ((f"apientry=login&{joined}", "OK: logged in"), ("apientry=balance", OK)):
            file.write(f"/mvapireq/?{request}&format=line\r\n".encode())
            file.flush()
            assert file.readline().decode().startswith(answer)
    assert line(hardened, "/mvapireq/?apientry=balance") == WRONG_KEY


def test_the_nonce_of_a_row_of_tb_api_holds_for_that_command_alone(shared):
    shared.rule("balance", req_user_login=2)
    try:
        nonce = nonce_of(shared.ask("balance", **shared.by()), "ERROR")
        assert shared.ask("balance", **shared.by(nonce=nonce)) == OK
        assert shared.ask("getcredit", **shared.by()).startswith("OK")
    finally:
        shared.rule("balance")


def test_the_nonce_of_one_address_proves_nothing_in_a_datagram_of_another(shared):
    nonce = nonce_of(datagram(shared, "/mvapireq/?apientry=preauth" + "&now" * 8), "OK")
    request = "/mvapireq/?apientry=apitest&" + "&".join(
        [f"{name}={value}" for name, value in shared.by(nonce=nonce, key=False).items()])
    assert datagram(shared, request).startswith("OK: api test succeed")
    assert datagram(shared, request, source="127.0.0.2").startswith("ERROR: new nonce is:")


# -- Custom

CUSTOM = [
    ("select username from tb_users where id = [USERID]", {}, "john"),
    ("select count(*) from tb_users where username = '[USERNAME]'", {}, "1"),
    ("select '[SPARAM1]-[SPARAM2]' + '[SPARAM99]'", {"sparam1": "a'b", "SPARAM2": "--", "sparam99": "z"}, "a'b---z"),
    ("select '[SPARAM]'", {"sparam": "x; drop table tb_users"}, "x; drop table tb_users"),
    ("select name from tb_users where username = '{username}' and email = {email}", {}, "John"),
    ("select '{word}'", {"word": "' or 1=1 --"}, "' or 1=1 --"),
    ("*update tb_users set comment = '[SPARAM1]' where id = [USERID]", {"sparam1": "now"}, "OK: 1 rows"),
    ("update tb_users set comment = '[SPARAM1]' where id = [USERID]", {"sparam1": "soon"}, "OK: pending"),
    ("select top 3 id from tb_users with(nolock) order by id", {}, "1\n5\n55"),
]


@pytest.mark.parametrize("sql, sent, answer", CUSTOM)
def test_a_custom_name_runs_its_sql_with_its_keywords_bound(shared, sql, sent, answer):
    shared.rule("myrequest", customsql=sql, req_user=12)
    admins = {"targetuser": "john"} | shared.by("voipadmin")
    assert shared.ask("myrequest", **admins, **sent) == answer
    if sql.startswith("*"):
        assert shared.api("getfield", retfieldname="comment", filterfieldvalue="john") == "OK: now"
    shared.rule("myrequest")
    assert shared.ask("myrequest", **admins).startswith("ERROR: unknown command 'myrequest'")


def test_a_custom_name_is_the_administrators_unless_its_row_says_more(shared):
    shared.rule("myrequest", customsql="select 1 + 1")
    assert shared.ask("myrequest", FAR, **shared.by("john")) == DENIED
    assert shared.ask("myrequest", FAR, **shared.by("voipadmin")) == "2"
    shared.rule("myrequest", customsql="select 1 + 1", req_user=14, req_key=0)
    assert shared.ask("myrequest", FAR) == "2"
    shared.rule("myrequest")


# -- Generate API examples

def test_every_generated_example_of_a_reading_command_is_a_request_that_works(shared):
    answer = json.loads(shared.ask("apiexamples", format="json", user="john", **shared.by("voipadmin")))
    rows = {row["command"]: row["request"] for row in answer["data"]}
    assert "balance" in rows and "setcredit" not in rows
    for name in ("balance", "getcredit", "apitest", "login", "getuser", "getdetails"):
        target = re.sub(r"^\w+://[^/]*", "", rows[name])
        assert not http(shared, target, headers={"X-Forwarded-For": FAR}).body.startswith("ERROR"), rows[name]


def test_help_shows_the_commands_and_one_of_them(shared):
    everybody, admins = shared.ask("help", FAR), shared.api("help")
    assert "balance" in everybody and "setcredit" not in everybody and "setcredit" in admins
    assert shared.ask("help", FAR, command="balance").startswith("OK: ")
