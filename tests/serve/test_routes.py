"""Pages, health and descriptions on the main port."""

import json

from mizu.serve.page import front_page


def test_the_page_says_what_this_is_and_where_to_go(web):
    status, fields, body = web.get("/")
    assert status == 200 and fields["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in fields["content-security-policy"]
    for place in (b"/mvapireq/?apientry=apitest1", b"/openapi.json", b"/mvstwebsocket/", b"/healthz", b"/mvweb/"):
        assert place in body
    assert web.get("/index.html")[2] == body


def test_the_page_shows_no_script_of_whoever_made_the_host_up(web):
    assert b"<script>" not in front_page(web, "<script>alert(1)</script>")


def test_health_is_the_loop_and_readiness_the_database(web):
    assert web.get("/healthz")[0::2] == (200, b"OK\n") and web.get("/readyz")[0::2] == (200, b"OK\n")
    web.wrong = "the database takes no writes"
    assert web.get("/healthz")[0] == 200
    assert web.get("/readyz")[0::2] == (503, b"the database takes no writes\n")


def test_the_api_is_described_for_programs(web):
    status, fields, body = web.get("/openapi.json")
    assert status == 200 and json.loads(body)["openapi"].startswith("3.1")
    assert fields["access-control-allow-origin"] == "*"
