"""showcfg, getini, setini, savesettings, loadinifiles."""

import errno
import json
import os
import stat

import pytest

INI = "; mine\n[api]\napiv2key = thekey\n[limits]\nbantime = 7\n"


@pytest.fixture
def desk(desk):
    return desk.with_ini(INI, "maxauthfail=3")


def rows(answer):
    return {name: (value, origin) for _, name, value, origin in answer.data.rows}


def test_showcfg_tells_every_setting_and_where_it_comes_from(desk):
    shown = rows(desk.do("showcfg"))
    assert shown["bantime"] == ("7", f"{desk.folder}/mizud.ini line 5")
    assert shown["maxauthfail"] == ("3", "--set") and shown["sniffwait"] == ("5", "default")
    assert shown["apiv2key"][0] == "***" and "thekey" not in str(shown)


def test_showcfg_may_look_for_a_part_of_a_name(desk):
    assert set(rows(desk.do("showcfg", key="BANT"))) == {"bantime"}
    assert set(rows(desk.do("showcfg", txt="bant"))) == {"bantime"}


def test_getini(desk):
    answer = desk.do("getini", section="limits", key="bantime")
    assert answer.message == "OK: 7"
    assert answer.data == {"section": "limits", "key": "bantime", "value": "7",
                           "origin": f"{desk.folder}/mizud.ini line 5"}
    assert desk.do("getini", key="bantime").message == desk.do("getini", param1="bantime").message == "OK: 7"
    assert desk.do("getini", key="apiv2key").message == "OK: ***"
    assert desk.do("getini", key="apiv2md5salt").message == "OK: "


def test_a_section_is_listed_whole(desk):
    shown = rows(desk.do("getini", section="limits"))
    assert shown["bantime"] == ("7", f"{desk.folder}/mizud.ini line 5") and "loglevel" not in shown
    assert rows(desk.do("showcfg", section="Limits")) == shown
    assert set(rows(desk.do("showcfg", section="api", key="apiv2"))) == {"apiv2key", "apiv2md5salt", "apiv2ipauth",
                                                                         "apiv2auth"}
    answer = desk.do("showcfg", section="nosuch")
    assert answer.code == 404 and "network" in answer.message


@pytest.mark.parametrize("params, code, text", [
    ({}, 400, "missing parameter key"), ({"key": "bantim"}, 404, "did you mean bantime"),
    ({"section": "api", "key": "bantime"}, 400, "belongs to section limits")])
def test_getini_refuses_by_name(desk, params, code, text):
    answer = desk.do("getini", **params)
    assert answer.code == code and text in answer.message


def test_setini_writes_the_file_and_applies_it(desk):
    answer = desk.do("setini", section="limits", key="bantime", value="9")
    assert answer.message == "OK: 1 written" and answer.warning is None
    assert desk.ini == INI.replace("= 7", "= 9") and desk.settings.bantime == 9 and desk.reloads == 1


def test_setini_without_a_value_takes_the_line_out(desk):
    desk.do("setini", section="limits", key="bantime")
    assert "bantime" not in desk.ini and desk.settings.bantime == 900


def test_setini_says_what_keeps_it_from_having_its_effect(desk):
    assert desk.do("setini", section="network", key="sipports", value="5080").warning == "after a restart: sipports"
    answer = desk.do("setini", section="limits", key="maxauthfail", value="5")
    assert answer.warning == "something stronger keeps its value: maxauthfail (--set)"


def test_setini_moves_a_setting_out_of_the_database(desk):
    with desk.db.unit() as unit:
        unit.run("INSERT INTO tb_settings (name, value) VALUES ('ApiV2Key', 'old'), ('bantime', '11')")
    desk.reload()
    answer = desk.do("setini", section="api", key="apiv2key", value="new")
    assert answer.message == "OK: 1 written" and answer.warning is None
    assert desk.settings.apiv2key == ("new",) and [key.decode() for key in desk.auth.keys] == ["new"]
    assert desk.db.rows("SELECT name FROM tb_settings") == [("bantime",)]
    assert desk.db.value("SELECT actor FROM tb_changes WHERE action = 'delete'") == "root"
    answer = desk.do("setini", section="limits", key="bantime")
    assert answer.warning == "something stronger keeps its value: bantime (tb_settings)", "nothing to move it to"


def test_a_crash_between_file_and_database_leaves_the_old_value_in_force(desk, monkeypatch):
    with desk.db.unit() as unit:
        unit.run("INSERT INTO tb_settings (name, value) VALUES ('bantime', '11')")
    monkeypatch.setattr(desk.settings, "set", lambda *args: 1 / 0)
    assert desk.do("setini", section="limits", key="bantime", value="12").code == 500
    assert "bantime = 12" in desk.ini and desk.db.rows("SELECT value FROM tb_settings") == [("11",)]


def test_a_file_that_gets_a_secret_is_for_its_owner_alone(desk):
    path = desk.folder / "mizud.ini"
    path.chmod(0o644)
    desk.do("setini", key="bantime", value="9")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    desk.do("setini", key="smtppassword", value="s3cret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("params, code", [
    ({"section": "limits", "key": "bantime", "value": "x"}, 400),
    ({"section": "limits", "key": "nosuch", "value": "1"}, 404),
    ({"section": "api", "key": "bantime", "value": "1"}, 400), ({"section": "limits", "value": "1"}, 400),
    ({"section": "limits", "key": "bantime", "value": "1", "file": "/etc/passwd"}, 404),
    ({"section": "api", "key": "domain", "value": "a\nb"}, 400)])
def test_setini_refuses_before_it_writes(desk, params, code):
    assert desk.do("setini", **params).code == code
    assert desk.ini == INI and desk.reloads == 0


def test_setini_needs_no_section(desk):
    assert desk.do("setini", key="loglevel", value="debug").message == "OK: 1 written"
    assert "[system]\nloglevel = debug\n" in desk.ini


def test_the_file_of_the_data_folder_need_not_be_there(desk):
    path = desk.folder / "mizud.ini"
    path.unlink()
    desk.settings._places = ((), {}, str(path), True)
    assert desk.do("getini", key="bantime").code == desk.do("reload").code == 200
    assert desk.do("loadinifiles").message == "OK: 0 written" and not path.exists()
    assert desk.do("setini", section="limits", key="bantime", value="9").message == "OK: 1 written"
    assert desk.ini == "[limits]\nbantime = 9\n" and desk.settings.bantime == 9
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_file_that_may_not_be_written_is_named_with_the_remedy(desk, monkeypatch, code):
    def refuse(*args):
        raise OSError(code, os.strerror(code))
    monkeypatch.setattr("mizu.store.ini.replace", refuse)
    desk.settings._places = (*desk.settings._places[:3], True)
    answer = desk.do("setini", section="limits", key="bantime", value="9")
    assert answer.code == 422 and f"may not write {desk.folder}/mizud.ini" in answer.message
    assert "send reload" in answer.message and "data folder" in answer.message


def test_setini_says_what_else_is_wrong_in_the_file(desk):
    (desk.folder / "mizud.ini").write_text(INI + "authfailtime = never\n")
    answer = desk.do("setini", section="limits", key="bantime", value="9")
    assert answer.code == 422 and "authfailtime takes" in answer.message


@pytest.mark.parametrize("entry", ["savesettings", "saveinifiles"])
def test_savesettings_writes_what_the_database_holds(desk, entry):
    with desk.db.unit() as unit:
        unit.run("INSERT INTO tb_settings (name, value) VALUES ('bantime', '11'), ('maxauthfail', '12'),"
                 " ('_note', 'x')")
    answer = desk.do(entry, module="all", notsaved=1)
    assert answer.message == f"OK: 2 settings written to {desk.folder}/mizud.ini"
    assert "bantime = 11\n" in desk.ini and "maxauthfail = 12\n" in desk.ini, "not what --set says"
    assert "_note" not in desk.ini


def test_loadinifiles_takes_the_file_into_the_database(desk):
    (desk.folder / "mizud.ini").write_text(INI + "authfailtime = 60\n")
    answer = desk.do("loadinifiles")
    assert answer.message == "OK: 3 written" and answer.warning is None
    assert dict(desk.db.rows("SELECT name, value FROM tb_settings")) == {
        "apiv2key": "thekey", "bantime": "7", "authfailtime": "60"}
    assert desk.db.value("SELECT changedby FROM tb_settings WHERE name = 'bantime'") == "root"
    assert desk.settings.authfailtime == 60 and desk.settings.origin("bantime") == "tb_settings"


def test_loadinifiles_is_one_transaction_and_takes_nothing_of_a_bad_file(desk):
    before = desk.db.commits
    (desk.folder / "mizud.ini").write_text(INI + "authfailtime = never\n")
    assert desk.do("loadinifiles").code == 400
    (desk.folder / "mizud.ini").write_text(INI + "[broken\n")
    assert desk.do("loadinifiles").code == 400
    assert desk.db.commits == before
    (desk.folder / "mizud.ini").write_text(INI)
    assert desk.do("loadinifiles").code == 200 and desk.db.commits == before + 1


def test_the_audit_keeps_the_name_of_a_setting_and_no_secret_however_they_were_sent(desk):
    desk.do("setini", param1="api", param2="httpapikey", param3="s3cret")
    desk.do("setini", section="limits", name="bantime", value="9")
    desk.audit.save()
    assert [json.loads(row) for row, in desk.db.rows("SELECT params FROM tb_audit ORDER BY id")] == [
        {"section": "api", "key": "httpapikey", "value": "***"}, {"section": "limits", "key": "bantime", "value": "9"}]
