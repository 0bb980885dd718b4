"""Whose address a request speaks for: proxies, other sites, names that are not ours."""

from types import SimpleNamespace

import pytest

from mizu.api.trust import Networks
from mizu.base.message import Peer
from mizu.serve.webfacts import web_facts

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"
PEER = Peer("http", PROXY, 5, ("10.0.0.9", 80))


def facts(proxies=("10.0.0.0/24",), peer=PEER, **fields):
    server = SimpleNamespace(trusted_proxies=Networks(proxies), is_own_host=lambda host: host in ("", "us", "us:80"),
                             settings=SimpleNamespace(corsorigins=("*",)))
    return web_facts(peer, {"host": "us", **{name.replace("_", "-"): value for name, value in fields.items()}}, server)


def told(**fields):
    found = facts(**fields)
    return found.peer.host, found.direct


def test_a_plain_request_speaks_for_its_address():
    assert told() == (PROXY, True)


@pytest.mark.parametrize("forwarded, client", [
    (CLIENT, CLIENT),
    (f"127.0.0.1, {CLIENT}", CLIENT),
    (f"1.2.3.4, {CLIENT}, 10.0.0.2", CLIENT),
    (f"10.0.0.3, 10.0.0.2", "10.0.0.3"),
    (f"{CLIENT}:4711", CLIENT),
    ("[2001:db8::1]:5", "2001:db8::1"),
    ("2001:db8::1", "2001:db8::1"),
    ("::ffff:203.0.113.7", CLIENT),
    ("::FFFF:cb00:7107", CLIENT),
])
def test_a_trusted_proxy_tells_the_client_whatever_the_client_said(forwarded, client):
    assert told(x_forwarded_for=forwarded) == (client, True)


@pytest.mark.parametrize("forwarded, client", [
    (f"for={CLIENT}", CLIENT), (f'For="{CLIENT}:99";proto=https;by=10.0.0.1', CLIENT),
    ('for=1.2.3.4, for="[2001:DB8::1]:80"', "2001:db8::1"), (f"for={CLIENT}, for=10.0.0.2", CLIENT),
])
def test_forwarded_is_read_as_rfc_7239_writes_it(forwarded, client):
    assert told(forwarded=forwarded) == (client, True)


@pytest.mark.parametrize("fields", [
    {"x_forwarded_for": "unknown"}, {"forwarded": "for=_hidden"}, {"forwarded": "proto=https"}, {"via": "1.1 x"},
    {"x_real_ip": CLIENT}, {"x_forwarded_for": ""}, {"x_forwarded_for": CLIENT, "forwarded": "for=127.0.0.1"},
    {"x_forwarded_proto": "https"}, {"x_forwarded_for": "127.0.0.1, nonsense"},
])
def test_a_proxy_that_does_not_say_who_it_is_hides_him(fields):
    assert told(**fields) == (PROXY, False)


@pytest.mark.parametrize("name", ["x_forwarded_for", "forwarded", "via", "x_real_ip", "x_forwarded_host"])
def test_who_is_no_trusted_proxy_is_not_believed_and_loses_his_trust(name):
    found = facts(proxies=(), **{name: "127.0.0.1"})
    assert (found.peer.host, found.direct) == (PROXY, False)


def test_both_fields_may_agree():
    assert told(x_forwarded_for=CLIENT, forwarded=f"for={CLIENT}") == (CLIENT, True)


@pytest.mark.parametrize("fields, direct", [
    ({"sec_fetch_site": "cross-site"}, False), ({"sec_fetch_site": "same-site"}, False),
    ({"sec_fetch_site": "same-origin"}, True), ({"sec_fetch_site": "none"}, True),
    ({"origin": "http://us"}, True), ({"origin": "http://them"}, False), ({"origin": "null"}, False),
    ({"origin": "http://us.them"}, False), ({"referer": "http://us/page?x"}, True),
    ({"referer": "https://them/us"}, False), ({"referer": "about:blank"}, False),
    ({"host": "them"}, False), ({"host": "us:80"}, True), ({"host": "us:80", "origin": "http://us:80"}, True),
    ({"host": ""}, True),
])
def test_what_a_browser_sends_for_another_site_has_no_trusted_address(fields, direct):
    assert facts(**fields).direct is direct


def test_accept_of_anything_asks_for_nothing():
    assert facts(accept="*/*").accept == "" and facts(accept="text/xml").accept == "text/xml"


def test_a_foreign_page_cannot_use_the_trust_of_its_readers_address(web):
    plain = "/mvapireq/?apientry=balance&authkey=KEY&authid=john"
    host = "127.0.0.1"
    assert web.get(plain, host=host)[2].startswith(b"Your credit")
    for field in ("Origin: http://evil", "Referer: http://evil/x", "Sec-Fetch-Site: cross-site",
                  "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 x"):
        assert web.get(plain, field, host=host)[2].startswith(b"ERROR: auth failed"), field
