"""Administrative commands leave rows, without secrets, in groups."""

import json

import pytest

from mizu.base.message import Peer, Principal, Request, Role

from .store import add, wait


def request(params, user=None):
    made = Request("setuser", params, Peer("http", "10.0.0.9", 5))
    made.principal = Principal(user, Role.ADMIN)
    return made


def test_a_row_says_who_what_from_where_and_how_it_ended(store):
    user = store.users.by_id(add(store, "root", type=16))
    store.audit.record(request({"u_id": "5", "u_comment": "Ü", "authkey": "k", "authpwd": "p"}, user), "setuser", 200)
    store.audit.record(request({"u_id": "6"}), "setuser", 404)
    store.audit.tick()
    rows = store.db.rows("SELECT datum, userid, username, command, params, ip, transport, code FROM tb_audit")
    assert rows[0] == (store.clock.utc(), user.id, "root", "setuser", '{"u_id": "5", "u_comment": "Ü"}', "10.0.0.9",
                       "http", 200)
    assert rows[1][1:3] == (0, "") and rows[1][7] == 404


def test_secrets_are_masked_also_as_a_fields_value(store):
    for params in ({"u_password": "s3cret"}, {"u_pin": "s3cret"}, {"newpassword": "s3cret"},
                   {"fieldname": "Password", "fieldvalue": "s3cret"},
                   {"fieldname": "upperpassword", "fieldvalue": "s3cret"},
                   {"sql": "update tb_users set password = 's3cret'"}):
        store.audit.record(request(params), "x", 200)
    store.audit.save()
    rows = store.db.rows("SELECT params FROM tb_audit")
    assert len(rows) == 6 and "s3cret" not in str(rows)
    assert json.loads(rows[0][0]) == {"u_password": "***"}


def test_what_waits_is_bounded_and_long_requests_are_cut(store, monkeypatch):
    monkeypatch.setattr("mizu.records.audit.MOST", 3)
    for _ in range(5):
        store.audit.record(request({"u_comment": "x" * 9000}), "x", 200)
    assert store.audit.lost == 2
    store.audit.tick()
    assert store.db.value("SELECT max(length(params)) FROM tb_audit") == 2000


def test_the_heartbeat_commits(store):
    before = store.db.commits
    wait(store.audit.heartbeat())
    assert store.db.commits == before + 1


def kept(store, command, **params):
    store.audit.record(request(params), command, 200)
    store.audit.save()
    return json.loads(store.db.value("SELECT params FROM tb_audit ORDER BY id DESC LIMIT 1"))


def test_the_value_of_a_secret_setting_is_masked_its_name_and_other_values_are_not(store):
    for key in ("httpapikey", "APIV2KEY", "smtppassword", "nosuchkey", ""):
        assert kept(store, "setini", section="api", key=key, value="s3cret")["value"] == "***"
    assert kept(store, "setini", section="api", key="httpapikey", value="s") == \
        {"section": "api", "key": "httpapikey", "value": "***"}
    assert kept(store, "setini", key="bantime", value="9") == {"key": "bantime", "value": "9"}
    assert kept(store, "getini", key="a1b2c3") == {"key": "***"}, "a key to the API in a wrong place"


def test_what_is_written_to_the_table_of_settings_is_masked(store):
    assert kept(store, "setfield", table="TB_SETTINGS", fieldname="value", fieldvalue="s3cret", rowid="4") == \
        {"table": "TB_SETTINGS", "fieldname": "value", "fieldvalue": "***", "rowid": "4"}
    assert kept(store, "setfield", table="tb_settings", u_value="s3cret")["u_value"] == "***"
    assert kept(store, "addrecord", table="tb_settings", u_name="apiv2key", u_value="s3cret") == \
        {"table": "tb_settings", "u_name": "apiv2key", "u_value": "***"}
    assert kept(store, "getfield", filterfieldname="u_Pin", filterfieldvalue="1234")["filterfieldvalue"] == "***"
    assert kept(store, "setuser", u_ha1="s3cret", u_passwordhash="s3cret") == {"u_ha1": "***", "u_passwordhash": "***"}


@pytest.mark.parametrize("sql, told", [
    ("update tb_settings set value='s3cret' where name = 'apiv2key'",
     "update tb_settings set value='***' where name = '***'"),
    ("insert into tb_users (username, pin) values ('ann', 1234)", "insert into tb_users (username, pin) values ('***', '***')"),
    ("update [tb_users] set [password]=N's3''cret' where id=5", "update [tb_users] set [password]=N'***' where id=5"),
    ("insert into tb_users values (7, 's3cret')", "insert into tb_users values (7, '***')"),
    ('select id from tb_users where PASSWORD like "s3cret', "select id from tb_users where PASSWORD like '***'"),
    ("update tb_users set comment='spin 1234' where username='ann'",
     "update tb_users set comment='spin 1234' where username='ann'")])
def test_sql_that_deals_with_secrets_loses_its_literals(store, sql, told):
    assert kept(store, "db", sql=sql) == {"sql": told}
