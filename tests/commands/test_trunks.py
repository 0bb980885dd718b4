"""addserver, as the manual's [OLD] chapter lists it."""

import pytest

COLUMNS = "username, type, name, needauth, domainname, ip, port, proxy, protocol, authip, credit, email, currency"


def rows(town, like="%"):
    return town.db.rows(f"SELECT {COLUMNS} FROM tb_users WHERE username LIKE ? AND type IN (5, 9) ORDER BY id", (like,))


def routes(town):
    return town.db.rows("SELECT name, serverid, priority FROM tb_routing")


def test_the_manuals_example_makes_server_and_sender_with_one_password(town):
    answer = town.ask("addserver", "root", u_name="NAME", u_domain="xxx.tokuvoip.com", now=711)
    out, into = town.value("NAME", "id"), town.value("NAME_in", "id")
    assert answer.message == f"OK: server added, user_id: {out}"
    assert answer.data == {"user_id": out, "username": "NAME", "sender_id": into, "sender_username": "NAME_in",
                           "password": town.value("NAME", "password")}
    assert town.value("NAME_in", "password") == town.value("NAME", "password") != ""
    assert rows(town) == [
        ("NAME", 9, "NAME", 1, "xxx.tokuvoip.com", "", 5060, "", 0, "", 0.0, "", "USD"),
        ("NAME_in", 5, "NAME", 1, "", "", 0, "", 0, "xxx.tokuvoip.com", 0.0, "", "USD")]
    assert routes(town) == [("NAME", out, 7)]


def test_every_parameter_has_its_field(town):
    town.ask("addserver", "root", u_type=9, u_name="My trunk (EU)", u_ip="192.0.2.7:5070", u_proxy="proxy.example.com",
             u_transport="TLS", u_auth=8, u_email="a@b", u_country="HU", u_currency="EUR", u_credit="12.5",
             u_password="pw", u_routingpriority=3, fieldname0="techprefix", fieldval0="99", fieldname99="u_comment",
             fieldvalue99="c", u_upperusername="we", u_upperpassword="hush", u_needregister=1)
    assert rows(town) == [("My_trunk_EU", 9, "My trunk (EU)", 8, "", "192.0.2.7", 5070, "proxy.example.com", 2, "",
                           12.5, "a@b", "EUR")]
    assert town.db.row("SELECT password, country, techprefix, comment FROM tb_users WHERE username = 'My_trunk_EU'") \
        == ("pw", "HU", "99", "c")
    assert town.db.row("SELECT upperusername, upperpassword, needregister FROM tb_users WHERE type = 9") == (
        "we", "hush", 1)
    assert [route[2] for route in routes(town)] == [3]


def test_a_sender_alone_has_no_route_and_the_credit_of_both_is_the_senders(town):
    town.ask("addserver", "root", u_type=5, u_username="in1", u_ip="192.0.2.8", u_routing="null")
    town.ask("addserver", "root", u_username="both", u_domain="d.example.com:5080", u_credit=7, u_routing="null")
    assert [row[:2] + row[5:7] + row[9:11] for row in rows(town)] == [
        ("in1", 5, "", 0, "192.0.2.8", 0.0), ("both", 9, "", 5080, "", 0.0), ("both_in", 5, "", 0, "d.example.com", 7.0)]
    assert routes(town) == []


def test_an_entry_is_joined_by_name(town):
    with town.db.unit() as unit:
        unit.run("INSERT INTO tb_routing (name, prefix) VALUES ('Europe', '3')")
    town.ask("addserver", "root", u_name="t", u_ip="192.0.2.9", u_routing="europe")
    assert [route[0] for route in routes(town)] == ["Europe", "Europe"]


@pytest.mark.parametrize("params, code", [
    ({"u_ip": "1.2.3.4"}, 400), ({"u_name": "x"}, 400), ({"u_name": "((", "u_ip": "1.2.3.4"}, 400),
    ({"u_name": "x", "u_ip": "1.2.3.4", "u_type": 4}, 400), ({"u_name": "x", "u_ip": "1.2.3.4", "u_port": 70000}, 400),
    ({"u_name": "x", "u_ip": "a b"}, 400), ({"u_name": "x", "u_ip": "1.2.3.4", "u_transport": "sctp"}, 400),
    ({"u_name": "x", "u_ip": "1.2.3.4", "fieldname1": "nosuch", "fieldval1": "1"}, 400),
    ({"u_name": "x", "u_ip": "1.2.3.4", "u_routing": "nosuch"}, 404),
    ({"u_username": "john", "u_ip": "1.2.3.4"}, 422), ({"u_username": "taken", "u_ip": "1.2.3.4"}, 422)])
def test_a_refusal_leaves_neither(town, params, code):
    town.ask("adduser", "root", u_username="taken_in")
    before = town.users.count()
    assert town.refused("addserver", "root", **params)[0] == code and town.users.count() == before


def test_it_is_for_administrators(town):
    assert town.refused("addserver", "boss", u_name="x", u_ip="1.2.3.4")[0] == 403
