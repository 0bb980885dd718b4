import sqlite3

import pytest

from mizu.base.clock import Clock
from mizu.base.errors import ConfigError
from mizu.store import schema, sqlite
from mizu.store.db import Database

MANUAL_FIELDS = """forwardonbusy forwardonnoanswer forwardalways voicemail musiconhold displayname noanswertimeout
    forwardearlystart changesptoring convertdtmf playadv playdisc sendsmsalert sendemailalert sendsmsreport
    senddailyemail sendlowcreditemail sendmonthlyemail sendotheremail notifymissedsms notifymissedemail choosecodecs
    needcodeconversion discvoice connectvoice voicemailonbusy voicemailonnoansw voicemailalways contactname name email
    email2 phone fax address billaddress postaddress country regnumber euregnumber birthday gender language
    utc""".split()

TABLES = """users users_authip users_numbers ledger reservations cdrs cdrresellers billentries billingtimes holidays
    currencies routing dialplan portednumbers prepaidcodes telnumbers api settings smsqueue mailqueue pushtokens
    offlinemessages presence voicemail conferences recordings bans audit scheduled""".split()


def test_every_table_is_there_and_has_an_id():
    for name in TABLES:
        assert "id" in schema.columns(f"tb_{name}"), name
    assert schema.columns("tb_nothing") == {}


def test_every_field_of_the_manuals_setfield_lists_is_a_column():
    assert not set(MANUAL_FIELDS) - set(schema.columns("tb_users"))


def test_tb_api_has_the_manuals_fields_and_an_id():
    assert list(schema.columns("tb_api")) == ["id", "fname", "req_key", "req_ip", "req_user", "req_user_mode",
                                              "req_user_credit", "req_user_register", "req_user_login", "customsql",
                                              "custom_action", "custom_action_body", "enabled"]


def test_the_first_rows_are_the_manuals_examples_and_the_currencies(db):
    assert db.rows("SELECT fname, customsql, req_user FROM tb_api") == [
        ("custom_get_user", "select * from tb_users where username = '[SPARAM]'", 6),
        ("custom_set_user_comment",
         "*update tb_users set comment = '[SPARAM2]' WHERE username = '[SPARAM1]'", 6)]
    assert db.value("SELECT sign FROM tb_currencies WHERE name = 'eur'") == "€"


def test_columns_know_type_default_and_what_cannot_be_written():
    columns = schema.columns("tb_users")
    assert (columns["noanswertimeout"].type, columns["noanswertimeout"].default) == ("INTEGER", "15")
    assert columns["credit"].type == "REAL" and not columns["credit"].generated
    assert columns["credit_u"].generated and columns["temporarilydisabled"].generated
    assert schema.SECRET_COLUMNS >= {"password", "pin", "upperpassword", "forgotpasswordanswer"}


def test_the_other_spelling_of_temporarydisabled_can_be_read(db):
    with db.unit() as unit:
        unit.run("INSERT INTO tb_users (username, temporarydisabled) VALUES ('a', 1)")
    assert db.value("SELECT temporarilydisabled FROM tb_users") == 1


def test_a_second_open_changes_nothing(path):
    for _ in range(2):
        db = Database(path, Clock())
        db.open()
        assert db.value("PRAGMA user_version") == len(schema.STEPS)
        assert db.value("SELECT count(*) FROM tb_api") == 2
        db.close()


def test_a_file_of_a_newer_program_or_of_somebody_else_is_refused_and_stays_as_it_was(path, tmp_path):
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=99")
    newer.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
    newer.close()
    other = str(tmp_path / "other.db")
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (a)")
    connection.close()
    garbage = str(tmp_path / "garbage.db")
    (tmp_path / "garbage.db").write_bytes(b"not a database at all" * 100)
    for name, says in ((path, "newer mizud"), (other, "not a database of mizud"), (garbage, "not a database")):
        before = open(name, "rb").read()
        with pytest.raises(ConfigError, match=says):
            Database(name, Clock()).open()
        assert open(name, "rb").read() == before


def test_a_step_comes_after_a_copy_and_a_broken_step_changes_nothing(path, tmp_path, monkeypatch):
    db = Database(path, Clock())
    db.open()
    with db.unit() as unit:
        unit.run("INSERT INTO tb_users (username) VALUES ('old')")
    db.close()
    good, bad = ("CREATE TABLE tb_new (id INTEGER PRIMARY KEY);",), ("CREATE TABLE tb_new2 (a);\nNONSENSE;\n",)
    monkeypatch.setattr(schema, "STEPS", schema.STEPS + (("good", good), ("bad", bad)))
    with pytest.raises(ConfigError, match="NONSENSE"):
        Database(path, Clock()).open()
    monkeypatch.setattr(schema, "STEPS", schema.STEPS[:-1])
    db = Database(path, Clock())
    db.open()
    assert db.value("PRAGMA user_version") == len(schema.STEPS)
    assert "id" in db.columns("tb_new") and db.columns("tb_new2") == {}
    db.close()
    copies = sorted((tmp_path / "backup").iterdir())
    assert copies and all(copy.stat().st_mode & 0o777 == 0o600 for copy in copies)
    connection = sqlite3.connect(copies[0])
    assert connection.execute("SELECT username FROM tb_users").fetchall() == [("old",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS) - 1,)
    connection.close()


def test_an_old_sqlite_and_a_missing_module_are_one_sentence(monkeypatch):
    monkeypatch.setattr(sqlite, "OLDEST", (99, 0, 0))
    with pytest.raises(ConfigError, match="^mizud needs SQLite 3.31 or later"):
        sqlite.module()
    monkeypatch.setitem(__import__("sys").modules, "sqlite3", None)
    with pytest.raises(ConfigError, match=r"^mizud needs Python's sqlite3 module \(package python3-sqlite3\)$"):
        sqlite.module()


@pytest.mark.parametrize("sql, index", [
    ("SELECT 1 FROM tb_users WHERE username = ?", "sqlite_autoindex_tb_users_1"),
    ("SELECT 1 FROM tb_users WHERE pin = ? AND pin <> ''", "ix_users_pin"),
    ("SELECT 1 FROM tb_users WHERE telnumber = ? AND telnumber <> ''", "ix_users_telnumber"),
    ("SELECT 1 FROM tb_users WHERE parentid = ? AND parentid <> 0", "ix_users_parentid"),
    ("SELECT 1 FROM tb_users_numbers WHERE number = ?", "ix_users_numbers_number"),
    ("SELECT 1 FROM tb_cdrs WHERE callerid = ? AND datum > '2024'", "ix_cdrs_callerid_datum"),
    ("SELECT 1 FROM tb_cdrs WHERE calledid = ? AND datum > '2024'", "ix_cdrs_calledid_datum"),
    ("SELECT 1 FROM tb_ledger WHERE userid = ? ORDER BY id DESC LIMIT 1", "ix_ledger_userid"),
    ("SELECT 1 FROM tb_billingtimes WHERE entryid = ? AND prefix = '36'", "ix_billingtimes_entryid_prefix"),
])
def test_a_usual_look_up_takes_its_index(db, sql, index):
    plan = " ".join([row[3] for row in db.rows("EXPLAIN QUERY PLAN " + sql, ("1",))])
    assert index in plan and "SCAN" not in plan and "TEMP B-TREE" not in plan
