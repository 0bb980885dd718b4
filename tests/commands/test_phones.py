"""Is somebody there, and how does a browser phone connect."""

import pytest

from mizu.base.message import Peer, Session

from api.house import KEY, House


@pytest.fixture
def house(tmp_path):
    from types import SimpleNamespace
    made = House(tmp_path)
    made.ports = SimpleNamespace(opened={"main": 8080, "tls": 8443})
    made.is_registered = lambda account, host=None: made._registered(account, host)
    yield made
    made.db.close()


JOHN = {"authid": "john", "authpwd": "johnpass"}


def test_status_by_name_alone(house):
    assert house.keyed("status", authid="john").message == "OK: 1"
    assert house.keyed("status", authid="nobody").message == "OK: 0"
    assert house.keyed("status").message == "OK: 0"
    assert house.ask("status", authid="john").code == 401
    house.registered.add((house.john, "10.0.0.1"))
    assert house.keyed("status", authid="john").data == 2


def test_verifyuser_asks_for_another(house):
    house.registered.add((house.kid, "10.0.0.1"))
    assert house.keyed("verifyuser", userusername="KID", **JOHN).message == "OK: 2"
    assert house.keyed("verifyuser", userlist="boss", **JOHN).message == "OK: 1"
    assert house.keyed("verifyuser", userusername="nobody", **JOHN).message == "OK: 0"
    assert house.keyed("verifyuser", userusername="john").code == 401


def test_wsuser_stores_what_is_sent_and_answers_how_to_connect(house):
    request = house.request("wsuser", authkey=KEY, brandname="brand", companyname="COMPANY", upperserver="IP",
                            upperserverdomain="DOMAIN", **JOHN)
    request.peer = Peer("http", "203.0.113.9", 5, ("198.51.100.7", 8080))
    answer = house.answer(house.dispatcher.submit(request, Session(request.peer)))
    assert answer.message == "OK: wsuser" and list(answer.data.items())[-1] == ("username", "john")
    assert answer.data["ws"] == "ws://198.51.100.7:8080/mfstwebsocket"
    assert answer.data["wss"] == "wss://198.51.100.7:8443/mfstwebsocket"
    assert house.db.row("SELECT brandname, companyname, upperserver, upperserverdomain FROM tb_users WHERE id = ?",
                        (house.john,)) == ("brand", "COMPANY", "IP", "DOMAIN")
    house.set(domain="voip.example.com")
    again = house.keyed("wsuser", **JOHN)
    assert again.data["domain"] == "voip.example.com" and house.value("john", "brandname") == "brand"


@pytest.mark.parametrize("params", [{"brandname": "x" * 201}, {"upperserver": "a\nb"}, {"brandname": "<script>"}])
def test_what_wsuser_does_not_take(house, params):
    assert house.keyed("wsuser", **params, **JOHN).code == 400
    assert house.value("john", "brandname") == "" and house.value("john", "upperserver") == ""


def test_an_administrator_by_address_has_no_phone(house):
    assert house.ask("wsuser", "127.0.0.1", authkey=KEY).code == 400
