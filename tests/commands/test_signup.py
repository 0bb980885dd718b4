"""Sign-up: narrow from outside, wide for trusted sources."""

import pytest

from mizu.api.access import Access
from mizu.api.command import TABLE
from mizu.base.errors import ApiError
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


@pytest.mark.parametrize("verify", ["0", "mail"])
def test_nobody_signs_up_with_a_number_of_the_pool_or_of_somebody_else(town, verify):
    town.settings.newuserverify = verify
    town.settings.smtpserver, town.settings.smtpfrom = "mail", "pbx@example.com"
    town.ask("addrecord", table="tb_telnumbers", u_number="+36111")
    town.ask("setuser", u_username="john", u_telnumber="36222")
    for name, code in (("36111", 403), ("+36111", 403), ("36222", 422), ("+36222", 422)):
        assert town.refused("newuseru", **{**FORM, "u_username": name, "u_email": "a@example.org"})[0] == code


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
    assert Access("newuseru", TABLE["newuseru"], None).public and TABLE["newuseru"].limit == (0.1, 20)
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


# -- in two steps

def verifying(folder, how="mail"):
    return Town(folder, f"newuserverify={how}", "smtpserver=mail", "smtpfrom=pbx@example.com",
                "smsurl=http://gw/?t=[TO]&m=[TEXT]", "newusercredit=1.5")


FIRST = {**FORM, "u_email": "new@example.org", "u_phone": "+36 30 123 4567", "deviceid": "D"}


def code_of(town):
    """The code that was sent last."""
    town.mails.outbox.tick()
    town.smsout.outbox.tick()
    text = town.gateways.mails[-1].text if town.gateways.mails else town.gateways.urls[-1].partition("m=")[2]
    return text[:6]


def second(town, code, **change):
    return {"u_code": code, "u_username": "NEWUSERNAME", "u_password": "PASSWORD", "deviceid": "D", **change}


@pytest.mark.parametrize("how", ["mail", "sms"])
def test_the_account_is_there_with_the_code_and_not_before(tmp_path, how):
    town = verifying(tmp_path, how)
    answer = town.ask("newuseru", **FIRST)
    assert answer.message.startswith("OK: pending") and answer.data == {
        "username": "NEWUSERNAME", "verify": how, "lifetime": 900}
    assert town.value("NEWUSERNAME", "id") is None
    code = code_of(town)
    assert code.isdecimal()
    if how == "mail":
        assert town.gateways.mails[0].recipients == ("new@example.org",)
    else:
        assert town.gateways.urls[0].startswith("http://gw/?t=%2B36301234567&m=")
    answer = town.ask("newusercode", **second(town, code))
    assert answer.message == f"OK: user added, user_id: {town.value('newusername', 'id')}"
    assert town.db.row("SELECT password, name, email, deviceid, credit, country FROM tb_users WHERE username = ?",
                       ("NEWUSERNAME",)) == ("PASSWORD", "NAME", "new@example.org", "D", 1.5, "USA")
    assert town.db.rows("SELECT * FROM tb_pendingusers") == []
    town.db.close()


def test_neither_code_nor_password_is_kept(tmp_path):
    town = verifying(tmp_path)
    town.ask("newuseru", **FIRST)
    code = code_of(town)
    kept = str(town.db.rows("SELECT * FROM tb_pendingusers")) + str(town.db.rows("SELECT * FROM tb_mailqueue"))
    assert "PASSWORD" not in kept and code not in kept
    town.db.close()


@pytest.mark.parametrize("change", [
    {"u_code": "000000"}, {"u_code": ""}, {"u_username": "nobody"}, {"deviceid": "E"}, {"u_password": "short"}])
def test_what_is_no_second_step(tmp_path, change):
    town = verifying(tmp_path)
    town.ask("newuseru", **FIRST)
    before = town.users.count()
    with pytest.raises(ApiError) as error:
        town.ask("newusercode", **{**second(town, code_of(town)), **change})
    assert error.value.code == (400 if change == {"u_code": ""} else 422) and town.users.count() == before
    town.ask("newusercode", **second(town, code_of(town)))
    town.db.close()


def test_a_code_is_good_for_five_tries_and_a_quarter_of_an_hour(tmp_path):
    town = verifying(tmp_path)
    town.ask("newuseru", **FIRST)
    code = code_of(town)
    answers = []
    for guess in ["000000"] * 5 + [code]:
        with pytest.raises(ApiError) as error:
            town.ask("newusercode", **second(town, guess))
        answers.append((error.value.code, error.value.message))
    assert set(answers) == {(422, "wrong or expired code")}
    town.ask("newuseru", **FIRST)
    town.clock.advance(901)
    with pytest.raises(ApiError):
        town.ask("newusercode", **second(town, code_of(town)))
    town.db.close()


def test_only_the_last_code_counts_and_nobody_is_flooded(tmp_path):
    town = verifying(tmp_path)
    town.ask("newuseru", **FIRST)
    old = code_of(town)
    town.ask("newuseru", **FIRST)
    new = code_of(town)
    if old != new:
        with pytest.raises(ApiError):
            town.ask("newusercode", **second(town, old))
    town.ask("newuseru", **{**FIRST, "deviceid": "", "u_username": "third"})
    assert town.refused("newuseru", **{**FIRST, "deviceid": "", "u_username": "fourth", "u_email": "NEW@example.org"}
                        )[0] == 429
    town.ask("newusercode", **second(town, new))
    town.db.close()


def test_two_who_want_one_name_do_not_stand_in_each_others_way(tmp_path):
    town = verifying(tmp_path)
    town.ask("newuseru", **FIRST)
    one = code_of(town)
    town.ask("newuseru", **{**FIRST, "deviceid": "E", "u_email": "other@example.org"})
    two = code_of(town)
    town.ask("newusercode", **second(town, two, deviceid="E"))
    assert town.value("newusername", "email") == "other@example.org"
    with pytest.raises(ApiError) as error:
        town.ask("newusercode", **second(town, one))
    assert error.value.message == "user exists"
    town.db.close()


def test_the_second_step_and_a_gateway_that_are_not_configured_are_named(town, tmp_path):
    assert town.refused("newusercode", **second(town, "123456")) == (
        501, "sign-ups need no code: set newuserverify to mail or sms")
    for how, name in (("mail", "smtpserver"), ("sms", "smsurl")):
        (tmp_path / how).mkdir()
        bare = Town(tmp_path / how, f"newuserverify={how}")
        code, message = bare.refused("newuseru", **FIRST)
        assert code == 501 and name in message
        bare.db.close()


@pytest.mark.parametrize("how, change", [("mail", {"u_email": ""}), ("mail", {"u_email": "x@y, z@y"}),
                                         ("sms", {"u_phone": ""}), ("sms", {"u_phone": "PHONE"})])
def test_a_code_needs_somewhere_to_go(tmp_path, how, change):
    town = verifying(tmp_path, how)
    assert town.refused("newuseru", **{**FIRST, **change})[0] in (400, 422)
    town.db.close()


# -- accounts added beside the API

def test_an_account_that_was_added_beside_the_api_is_announced(town):
    account = town.users.by_id(town.john)
    with town.db.unit() as unit:
        unit.run("UPDATE tb_users SET name = 'New' WHERE id = ?", (town.john,))
    heard = []
    town.db.on_touched.append(lambda table, ids: heard.append((table, ids)))
    assert town.ask("newuserevent", "root", u_id=town.john).message == "OK: user announced"
    assert account.name == "New" and heard == [("tb_users", {town.john})]
    assert town.refused("newuserevent", "root", u_id=999)[0] == 404
    assert town.ask("newusersevent", "root").code == 200 and town.users.by_id(town.john) is not account
