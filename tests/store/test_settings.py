import os
from pathlib import Path

import pytest

from mizu.base.clock import Clock
from mizu.base.entropy import Entropy
from mizu.base.errors import ApiError, ConfigError
from mizu.base.task import spawn
from mizu.store.db import Database
from mizu.store.ini import parse_ini
from mizu.store.options import OPTIONS
from mizu.store.settings import Settings, check, first_start_values, render_ini, stored_rows

ETC = Path(__file__).resolve().parents[2] / "etc" / "mizud.ini"


@pytest.fixture
def ini(tmp_path):
    def write(text):
        (tmp_path / "mizud.ini").write_text(text)
        return str(tmp_path / "mizud.ini")
    return write


def test_the_file_in_etc_is_what_ini_prints():
    assert ETC.read_text() == render_ini()


def test_the_printed_file_sets_nothing_and_uncommented_it_sets_every_default(ini):
    assert parse_ini(render_ini()) == []
    names = {option.name for option in OPTIONS}
    lines = [line[1:] if line[:1] == ";" and line[1:].partition(" ")[0] in names and line[1:].split()[1:2] == ["="]
             else line for line in render_ini().splitlines()]
    path = ini("\n".join(lines))
    loaded = Settings.load(ini_path=path)
    assert loaded.changed_by_reload(Settings()) == []
    assert all(loaded.was_chosen(option.name) for option in OPTIONS)


def test_defaults_are_attributes():
    settings = Settings()
    assert (settings.mainaport, settings.mainaportudp, settings.bantime) == (80, None, 900)
    assert settings.ratelimit_ip == (50, 100) and settings.ratelimit_global[0] == 0
    assert settings.origin("mainaport") == "default" and not settings.was_chosen("mainaport")


def test_the_order_of_force(ini, tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    path = ini("bantime = 1\n")
    places = [(dict(ini_path=path), 1, f"{path} line 1"), (dict(db_rows=[("bantime", "2")]), 2, "tb_settings"),
              (dict(environ={"CREDENTIALS_DIRECTORY": str(folder)}), 3, "credential bantime"),
              (dict(environ={"CREDENTIALS_DIRECTORY": str(folder), "MIZUD_LIMITS_BANTIME": "4"}), 4,
               "environment MIZUD_LIMITS_BANTIME"), (dict(argv_sets=["bantime=5"]), 5, "--set")]
    (folder / "bantime").write_text("3\n")
    (folder / "sslkey").write_text("-----BEGIN")
    (folder / "nosetting").write_text("x")
    given = {}
    for place, value, origin in places:
        given.update(place)
        settings = Settings.load(**given)
        assert (settings.bantime, settings.origin("bantime")) == (value, origin)
    assert settings.sslkey == str(folder / "sslkey")


@pytest.mark.parametrize("text, says", [
    ("[network]\nmainport = 80\n", "line 2: there is no setting 'mainport'; did you mean mainaport?"),
    ("\n[api]\nbantime = 5\n", "line 3: bantime belongs to section [limits], not [api]"),
    ("[limits]\nbantime = long\n", "line 2: bantime takes seconds from 1 to 31536000; this is 'long'"),
    ("[limits]\nbantime\n", "line 2: the line is neither [section] nor key = value"),
    ("[api]\napideftrustadmin = 9\n", "line 2: apideftrustadmin takes one of 0, 1, 2, 3, 4; this is '9'"),
    ("[nowhere]\nbantime = 1\n", "line 2: bantime belongs to section [limits], not [nowhere]")])
def test_a_fault_names_file_line_setting_and_what_it_takes(ini, text, says):
    path = ini(text)
    with pytest.raises(ConfigError) as fault:
        Settings.load(ini_path=path)
    assert str(fault.value) == f"{path} {says}"


def test_all_faults_of_all_places_are_told_at_once_and_no_secret_with_them(ini):
    with pytest.raises(ConfigError) as fault:
        Settings.load(["nothing", "bantim=1"], {"MIZUD_LIMIT_BANTIME": "1", "MIZUD_ADMIN_PASSWORD": "x"},
                      [("trustlanip", "maybe"), ("apiv2md5salt", "sec\nret"), ("_note", "ours")], ini("x = 1"))
    lines = str(fault.value).splitlines()
    assert len(lines) == 6 and "ret" not in str(fault.value)
    assert "--set bantim" not in lines and any("did you mean bantime" in line for line in lines)


def test_an_ini_file_that_was_named_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Settings.load(ini_path=str(tmp_path / "none.ini"))


def test_port_zero_is_for_all_ports_that_nobody_chose():
    assert Settings.load(["mainaport=0"]).port_zero and Settings.load(["mainaport=auto"]).port_zero
    assert not Settings.load().port_zero and Settings.load(["mainaport=80"]).was_chosen("mainaport")


def test_described_masks_secrets():
    rows = {name: (text, origin) for _, name, text, origin in Settings.load(["apiv2key=abc"]).described()}
    assert rows["apiv2key"] == ("***", "--set") and rows["httpapikey"] == ("", "default")
    assert rows["bantime"] == ("900", "default")


def test_set_writes_the_table_and_holds_at_once_unless_something_stronger_does(db):
    settings = Settings.load(["maxrows=7"])
    changes = spawn(settings.set(db, "BanTime", "5", "root")).result()
    assert changes == [("bantime", 900, 5, True)] and settings.bantime == 5
    assert settings.origin("bantime") == "tb_settings"
    assert db.row("SELECT name, value, changedby FROM tb_settings") == ("bantime", "5", "root")
    spawn(settings.set(db, "bantime", "6", "root")).result()
    assert db.rows("SELECT value FROM tb_settings") == [("6",)]
    assert spawn(settings.set(db, "maxrows", "9")).result() == [] and settings.maxrows == 7
    assert spawn(settings.set(db, "bantime", None)).result() == [("bantime", 6, 900, True)]
    assert not settings.was_chosen("bantime")
    for name, value, code in (("bantime", "x", 400), ("bantim", "1", 404)):
        with pytest.raises(ApiError) as refused:
            spawn(settings.set(db, name, value)).result()
        assert refused.value.code == code


def test_a_reload_applies_what_may_change_and_names_what_takes_a_restart(db, ini):
    path = ini("[limits]\nbantime = 5\n[network]\nadminport = 1\n")
    settings = Settings.load(ini_path=path)
    ini("[limits]\nbantime = 6\n[network]\nadminport = 2\n")
    assert sorted(settings.reload(db)) == [("adminport", 1, 2, False), ("bantime", 5, 6, True)]
    assert (settings.bantime, settings.adminport) == (6, 1)
    ini("[limits]\nbantime = bad\n")
    with pytest.raises(ConfigError):
        settings.reload(db)
    assert settings.bantime == 6


def test_check_reads_the_database_and_touches_nothing(tmp_path, ini):
    path = str(tmp_path / "data" / "mizud.db")
    assert check(db_path=path).bantime == 900 and not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir()
    db = Database(path, Clock())
    db.open()
    spawn(Settings().set(db, "bantime", "5")).result()
    names = sorted(os.listdir(tmp_path / "data"))
    assert check(db_path=path).bantime == 5                     # in use, with a log
    assert sorted(os.listdir(tmp_path / "data")) == names
    db.close()
    before, changed = Path(path).read_bytes(), os.stat(path).st_mtime_ns
    assert check(db_path=path).bantime == 5
    assert os.listdir(tmp_path / "data") == ["mizud.db"]
    assert (Path(path).read_bytes(), os.stat(path).st_mtime_ns) == (before, changed)


def test_check_names_a_database_that_cannot_be_used(tmp_path):
    path = tmp_path / "odd ?#%.db"
    path.write_text("no database " * 500)
    with pytest.raises(ConfigError, match="not a database"):
        stored_rows(str(path))


def test_a_first_start_makes_its_secrets():
    values = first_start_values(Entropy())
    assert set(values) == {"apiv2key", "apiv2md5salt"} and all(len(text) == 32 for text in values.values())
    assert Settings.load(db_rows=values.items()).apiv2key == (values["apiv2key"],)
