"""Sign-up: narrow from outside, wide for trusted sources."""

import pytest

from mizu.api.access import Access
from mizu.api.command import TABLE
from mizu.base.message import Role

from .asking import Town

FORM = {"u_username": "NEWUSERNAME", "u_password": "PASSWORD", "u_name": "NAME", "u_email": "EMAIL", "u_phone": "PHONE",
        "u_currency": "USD", "u_country": "USA", "u_address": "x", "now": 555}


def test_the_manuals_sign_up(town):
    answer = town.ask("newuseru", **FORM, deviceid="DEVICEID")
    id = town.value("NEWUSERNAME", "id")
    assert answer.message == f"OK: user added, user_id: {id}"
    assert answer.data == {"user_id": id, "username": "NEWUSERNAME"}
    assert town.db.row("SELECT type, password, name, email, phone, currency, country, address, deviceid, credit,"
                       " enabled FROM tb_users WHERE id = ?", (id,)) == (
        0, "PASSWORD", "NAME", "EMAIL", "PHONE", "USD", "USA", "x", "DEVICEID", 0.0, 1)


@pytest.mark.parametrize("change, code", [
    ({"u_type": 15}, 400), ({"u_credit": 5}, 400), ({"u_nosuch": 1}, 400), ({"u_parentid": 1}, 400),
    ({"u_username": "a b"}, 400), ({"u_username": "JOHN"}, 422), ({"u_password": "short"}, 422),
    ({"u_password": "newusername"}, 422), ({"u_currency": "'--"}, 400), ({"u_password": ""}, 400)])
def test_what_a_stranger_may_not_send(town, change, code):
    assert town.refused("newuseru", **{**FORM, **change})[0] == code


def test_a_taken_name_tells_no_more_than_that(town):
    assert town.refused("newuseru", **{**FORM, "u_username": "root"}) == (422, "user exists")


def test_newusercredit_is_booked(tmp_path):
    town = Town(tmp_path, "newusercredit=1.5")
    town.ask("newuseru", **FORM)
    assert town.db.rows("SELECT kind, balance FROM tb_ledger ORDER BY id DESC LIMIT 1") == [("signup", 1.5)]
    town.db.close()


def test_a_device_signs_up_three_times_then_once_an_hour(town):
    for number in range(3):
        town.ask("newuseru", **{**FORM, "u_username": f"n{number}"}, deviceid="D")
    assert town.refused("newuseru", **{**FORM, "u_username": "n3"}, deviceid="D")[0] == 429
    town.ask("newuseru", **{**FORM, "u_username": "n3"}, deviceid="E")
    town.clock.advance(3601)
    town.ask("newuseru", **{**FORM, "u_username": "n4"}, deviceid="D")


def test_a_sign_up_is_public_and_limited_and_the_wide_one_is_neither():
    assert Access("newuseru", TABLE["newuseru"], None).public and TABLE["newuseru"].limit == (0.1, 5)
    wide = Access("newuseri", TABLE["newuseri"], None)
    assert wide.ip and wide.key and wide.roles == {Role.SRVADMIN, Role.ADMIN} and TABLE["newuser"] is TABLE["newuseri"]


def test_a_trusted_source_sets_any_field_and_the_credit(town):
    town.ask("newuseri", "root", **{**FORM, "u_username": "HE", "u_password": "x"}, credit=5, u_type=2, u_comment="c")
    row = town.db.row("SELECT type, comment, credit, email FROM tb_users WHERE username = 'HE'")
    assert row == (2, "c", 5.0, "EMAIL")
    town.ask("newuseri", param1="THEY", param2="pw", param3="Name", param9="dev", param10="2.5")
    assert town.db.row("SELECT password, name, deviceid, credit FROM tb_users WHERE username = 'THEY'") == (
        "pw", "Name", "dev", 2.5)
    assert town.ask("newuser", u_username="SHE").data["password"]
    assert town.refused("newuseri", u_username="IT", credit="x")[0] == 400
