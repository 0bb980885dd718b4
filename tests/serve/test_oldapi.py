"""The port of the old API: its answers and its codes over HTTP."""

import pytest

from mizu.serve.httpd import HttpConnection, HttpFront
from mizu.serve.oldapi import old_api_front

from .talk import LAN, FakeStream, Hall


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path, "apiv2key=KEY", "httpstrictresponse=1", "apideftrustadmin=1")
    made.trusted_proxies = ()
    made.is_own_host = lambda host: True
    made.http = HttpFront(made, ())
    yield made
    made.db.close()


def get(hall, target, host=LAN):
    """(status, body)."""
    stream = FakeStream(hall.reactor, host)
    stream.peer = stream.peer.over("http")
    stream.protocol = HttpConnection(stream, old_api_front(hall))
    stream.say(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    hall.reactor.pass_time(0.05)
    head, _, body = stream.sent.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


def test_a_user_asks_with_name_and_password(hall):
    assert get(hall, "/xmapi/balance?key=KEY&john&johnpass&now") == (200, "Your credit is $12.34 USD")
    assert get(hall, "/xmapi/BALANCE?key=KEY&username=john&password=johnpass")[0] == 200


@pytest.mark.parametrize("target, status, body", [
    ("/xmapi/balance?key=KEY&john&wrong", 403, "ERROR:auth failed: wrong user or password"),
    ("/xmapi/balance?key=WRONG&john&johnpass", 403, "ERROR:auth failed: wrong key"),
    ("/xmapi/balance?key=KEY&9999", 420, "ERROR:auth failed: wrong user or password"),
    ("/xmapi/nonsense?key=KEY&john&johnpass", 406, "ERROR:unknown command"),
    ("/xmapi/rating?key=KEY&john", 421, "ERROR:rating takes bnum"),
    ("/xmapi/balance", 403, "ERROR:"),
])
def test_a_refusal_has_its_code_and_its_reason(hall, target, status, body):
    got = get(hall, target, "198.51.100.7")
    assert got[0] == status and got[1].startswith(body)


def test_a_command_that_is_not_there_yet_is_unknown(hall):
    del hall.table["balance"]
    assert get(hall, "/xmapi/balance?key=KEY&john&johnpass") == (406, "ERROR:unknown command")


def test_every_answer_is_200_unless_codes_are_asked_for(hall):
    hall.settings.httpstrictresponse = False
    assert get(hall, "/xmapi/nonsense?key=KEY")[0] == 200


def test_the_new_api_is_not_served_there(hall):
    assert get(hall, "/mvapireq/?apientry=balance&authkey=KEY&authid=john&authpwd=johnpass")[0] == 404
