"""The db command, custom commands, apireload."""

import pytest

from mizu.base.errors import ApiError, ConfigError


@pytest.mark.parametrize("sql, rows", [
    ("select top 1 username from tb_users order by id", [("root",)]),
    ("select username from tb_users with(nolock) where credit > 10 and postpaid < 1", [("john",)]),
    ("SELECT TOP 1 * FROM tb_cdrs WITH(NOLOCK) WHERE datum > getdate() - 1 AND sipcallid = 'xyz'", []),
    ("select top 1 id from tb_users where username = 'john' and status > 0 and statusdate > getdate() - 0.1"
     " and Enabled <> 0 and temporarilydisabled <> 1", []),
    ("select password from tb_users where username = 'john';", [("johnpass",)])])
def test_queries_of_the_manual(town, sql, rows):
    assert town.ask("db", sql=sql).data.rows == rows
    assert town.ask("db", txt=sql).data.rows == rows


def test_a_change_is_seen_in_memory_and_in_the_ledger(town):
    account = town.users.by_username("john")
    answer = town.ask("db", "root", sql="update tb_users set credit = credit + 1 where username = 'john'")
    assert answer.message == "OK: 1 rows" and account.credit == 13_340_000
    assert town.db.row("SELECT kind, amount, actor FROM tb_ledger ORDER BY id DESC") == ("sql", 1.0, "root")
    assert town.ask("db", sql="delete from tb_users where id = 999").message == "OK: 0 rows"


def test_sync_0_is_pending_and_its_failure_goes_to_the_log(town):
    assert town.ask("db", sql="update tb_users set comment = 'x' where id = 1", sync=0).message == "OK: pending"
    assert town.value("root", "comment") == "x"
    assert town.ask("db", sql="update tb_nosuch set a = 1", sync=0).message == "OK: pending"
    assert "tb_nosuch" in town.log.tail(1)[0]


@pytest.mark.parametrize("params, code", [
    ({"sql": "select 1; select 2"}, 400), ({"sql": ";"}, 400), ({"sql": "select nosuch from tb_users"}, 400), ({}, 400),
    ({"sql": "update tb_users set credit = 'x'"}, 422), ({"sql": "drop table tb_ledger"}, 403),
    ({"sql": "delete from tb_ledger"}, 422), ({"sql": "insert into tb_users (username) values ('john')"}, 422),
    ({"sql": "update tb_users set name = 'x'", "isopen": 1}, 403), ({"sql": "begin"}, 400)])
def test_what_db_refuses(town, params, code):
    assert town.refused("db", **params)[0] == code


def test_vacuum_is_refused_with_the_reason(town):
    for sql in ("vacuum", "VACUUM INTO '/tmp/x'"):
        code, message = town.refused("db", sql=sql)
        assert code == 400 and message.startswith("VACUUM is not run here, it would stop everybody")


def test_db_says_when_no_administrator_is_left(town):
    assert town.ask("db", sql="update tb_users set comment = 'x'").warning is None
    assert town.ask("db", sql="update tb_users set enabled = 0 where type = 16").warning.startswith(
        "no administrator is left who could log in")


def test_db_is_for_administrators(town):
    for who in ("john", "boss", "agent"):
        assert town.refused("db", who, sql="select 1")[0] == 403


def test_rows_are_cut_with_a_word(town):
    town.settings.maxrows = 2
    answer = town.ask("db", sql="select * from tb_currencies")
    assert len(answer.data) == 2 and answer.warning == "only the first 2 rows"


# -- custom commands -------------------------------------------------------------------------------

def custom(town, sql, user=12, name="mine"):
    town.ask("db", sql="delete from tb_api where fname = 'mine'")
    town.ask("addrecord", table="tb_api", u_fname=name, u_customsql=sql, u_req_user=user)
    return town.ask("apireload")


def test_the_manuals_custom_commands_are_there(town):
    row = town.ask("custom_get_user", sparam="john").data.dicts()[0]
    assert row["id"] == town.john and row["password"] == "johnpass"
    answer = town.ask("custom_set_user_comment", sparam1="john", sparam2="yeees")
    assert answer.message == "OK: 1 rows" and town.value("john", "comment") == "yeees"
    assert town.refused("custom_get_user", "john", sparam="john")[0] == 403


def test_keywords_are_bound_and_never_become_sql(town):
    evil = "x' OR '1'='1"
    assert town.ask("custom_get_user", sparam=evil).data.rows == []
    town.ask("custom_set_user_comment", sparam1="john", sparam2=evil)
    assert town.value("john", "comment") == evil and town.value("kid", "comment") == ""
    assert town.ask("custom_get_user").data.rows == []


def test_every_keyword_stands_for_its_value(town):
    custom(town, "select [USERID], '[USERNAME]', '{username}', '{email}', {credit}, '{other}', '[SPARAM2]',"
                 " 'a[SPARAM1]b'")
    row = town.ask("mine", "john", sparam1="one", sparam2="two", other="three", credit="99").data.rows[0]
    assert row == (town.john, "john", "john", "", 12.34, "three", "two", "aoneb")
    assert town.ask("mine").data.rows[0][:3] == (0, "", "")


def test_without_a_star_the_answer_does_not_wait(town):
    custom(town, "update tb_users set comment = '[SPARAM1]' where id = [USERID]")
    assert town.ask("mine", "john", sparam1="hi").message == "OK: pending"
    assert town.value("john", "comment") == "hi"


def test_custom_sql_shows_users_a_hundred_rows_and_no_secrets(town):
    custom(town, "select username, password from tb_users")
    assert town.refused("mine", "john")[0] == 403
    assert len(town.ask("mine").data) == 5
    custom(town, "with n(i) as (select 1 union all select i + 1 from n where i < 500) select i from n")
    assert len(town.ask("mine", "john").data) == 100


def test_apireload_tells_which_rows_it_closed(town):
    answer = custom(town, "select * from [SPARAM1]")
    assert answer.message == "OK: 3 rows of tb_api" and answer.warning.startswith("tb_api mine: customsql:")
    assert town.table["mine"].enabled is False


def test_reloadapikeys(town):
    assert town.ask("reloadapikeys").message == "OK: 3 keys"


def test_reloadapikeys_says_which_setting_is_wrong(town, monkeypatch):
    def wrong(server):
        raise ConfigError("tb_settings: there is no setting 'smtppasword'")
    monkeypatch.setattr(type(town), "reload_keys", wrong)
    with pytest.raises(ApiError, match="nothing was reloaded: tb_settings: there is no setting") as refused:
        town.ask("reloadapikeys")
    assert refused.value.code == 422


def test_a_refused_pragma_is_told_which_are_allowed(town):
    for sql in ("pragma journal_mode", "pragma synchronous=0"):
        code, message = town.refused("db", sql=sql)
        assert code == 403 and "table_info" in message, message
