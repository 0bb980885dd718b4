"""history and revert."""

import pytest

from mizu.api.command import TABLE


@pytest.fixture
def changed(town):
    """Town whose john got a comment, then a name and a password, by root."""
    town.ask("setuser", "root", u_id=town.john, u_comment="first")
    town.ask("setuser", "root", u_id=town.john, u_name="John", u_password="secretword")
    town.reloads = 0

    def reload():
        town.reloads += 1
        return town.settings.reload(town.db)
    town.reload = reload
    return town


def last(town, **params):
    return town.ask("history", "root", **params).data.dicts()[0]


def test_history_tells_who_changed_what_secrets_masked(changed):
    rows = changed.ask("history", "agent", u_username="john").data.dicts()
    shown = [(row["actor"], row["action"], row["field"], row["old"], row["new"]) for row in rows[:3]]
    assert shown == [("root", "update", "password", "***", "***"), ("root", "update", "name", "", "John"),
                     ("root", "update", "comment", "", "first")]
    assert changed.ask("history", param1="tb_users", param2=changed.john).data.rows == [tuple(r.values()) for r in rows]
    assert len({row["change"] for row in changed.ask("history", limit=2).data.dicts()}) == 2
    assert last(changed, change=rows[2]["change"])["new"] == "first"


def test_one_change_is_taken_back_and_memory_follows(changed):
    comment = next(row for row in changed.ask("history", u_username="john").data.dicts() if row["field"] == "comment")
    assert changed.ask("revert", "root", change=comment["change"]).message == (
        f"OK: change {comment['change']} of tb_users.id {changed.john} was taken back")
    assert changed.value("john", "comment") == "" and changed.value("john", "name") == "John"
    assert changed.users.by_username("john").password == "secretword"
    password = next(row for row in changed.ask("history", u_username="john").data.dicts() if row["field"] == "password")
    changed.ask("revert", "root", change=password["change"])
    assert changed.users.by_username("john").password == "johnpass"
    assert last(changed, u_username="john")["kind"] == "revert"


def test_the_last_change_of_a_row_needs_no_number(changed):
    changed.ask("revert", param1="tb_users", param2=changed.john)
    assert changed.value("john", "name") == "" and changed.value("john", "comment") == "first"
    changed.ask("revert", u_username="john")
    assert changed.value("john", "name") == "John"


def test_what_has_changed_since_needs_force(changed):
    change = last(changed, u_username="john")["change"]
    changed.ask("setuser", "root", u_id=changed.john, u_name="Johnny")
    assert changed.refused("revert", change=change) == (
        422, "name has changed since: force=1 takes it back all the same")
    changed.ask("revert", change=change, force=1)
    assert changed.value("john", "name") == ""


def test_prices_settings_and_rules_are_in_force_again_at_once(changed):
    changed.ask("addrecord", table="tb_billentries", u_name="Standard")
    id = changed.ask("addrecord", table="tb_billingtimes", u_entryid=1, u_prefix="36", u_price="0.1").data["id"]
    changed.ask("setfield", table="tb_billingtimes", rowid=id, u_price="0.9")
    assert changed.ask("rating", "john", bnum="36").message.startswith("0.90")
    changed.ask("revert", table="tb_billingtimes", rowid=id)
    assert changed.ask("rating", "john", bnum="36").message.startswith("0.10")
    id = changed.ask("addrecord", table="tb_settings", u_name="maxrows", u_value="7").data["id"]
    changed.ask("revert", table="tb_settings", rowid=id)
    assert changed.reloads == 1 and changed.settings.maxrows == 1000
    id = changed.ask("addrecord", table="tb_api", u_fname="cdr", u_enabled=0).data["id"]
    changed.reload_rules()
    assert not changed.table["cdr"].enabled
    changed.ask("revert", table="tb_api", rowid=id)
    assert changed.table["cdr"].enabled


def test_money_is_booked_back(changed):
    changed.ask("changecredit", u_id=changed.john, u_credit=5)
    booking = last(changed, table="tb_ledger", rowid=changed.john)
    assert (booking["amount"], booking["balance"]) == (5.0, 17.34)
    answer = changed.ask("revert", "root", table="tb_ledger", change=booking["change"])
    assert answer.data == {"user_id": changed.john, "credit": 12.34}
    assert changed.users.by_username("john").credit == 12_340_000
    assert changed.refused("revert", table="tb_ledger", change=booking["change"])[0] == 422


def test_a_deleted_account_comes_back_and_its_money_after_it(changed):
    changed.ask("deluser", u_id=changed.john, force=1)
    answer = changed.ask("revert", "root", table="tb_users", rowid=changed.john)
    booking = last(changed, table="tb_ledger", rowid=changed.john)
    assert answer.message.endswith("was taken back; its balance of 12.34 was closed: revert table=tb_ledger"
                                   f" change={booking['change']} brings that back, too")
    assert changed.ask("revert", "root", table="tb_ledger", change=booking["change"]).data["credit"] == 12.34


def test_the_last_administrator_stays(changed):
    changed.ask("setuser", u_id=changed.john, u_type=15)
    change = last(changed, u_username="john")["change"]
    changed.db.execute("UPDATE tb_users SET type = 0 WHERE username = 'root'").result()
    assert changed.refused("revert", change=change) == (422, "the last administrator has to stay")


@pytest.mark.parametrize("entry, params, code", [
    ("revert", {}, 400), ("revert", {"table": "tb_users"}, 400), ("revert", {"change": 99_999}, 404),
    ("revert", {"table": "tb_api", "change": 1}, 422), ("revert", {"table": "tb_ledger"}, 400),
    ("revert", {"table": "tb_ledger", "change": 99_999}, 404), ("history", {"table": "tb_ledger"}, 400),
    ("history", {"u_username": "nobody"}, 404), ("revert", {"change": "x"}, 400)])
def test_what_names_no_change_is_refused(changed, entry, params, code):
    assert changed.refused(entry, **params)[0] == code


def test_only_administrators_take_back_and_never_in_a_batch(changed):
    for who in ("john", "boss", "agent"):
        assert changed.refused("revert", who, change=1)[0] == 403
    for who in ("john", "boss"):
        assert changed.refused("history", who)[0] == 403
    assert TABLE["revert"].alone and TABLE["revert"].audited


def test_an_administrator_takes_no_change_of_a_server_administrator_back(changed):
    changed.ask("setuser", "root", u_username="root", u_comment="mine")
    assert changed.refused("revert", table="tb_users", rowid=changed.root)[0] == 403
    assert changed.ask("revert", "root", table="tb_users", rowid=changed.root).code == 200


def test_lines_of_the_ini_file_have_a_history_and_a_way_back(desk):
    desk.with_ini("[limits]\nbantime = 7\n")
    desk.do("setini", key="bantime", value="9")
    desk.do("setini", key="smtppassword", value="s3cret")
    told = lambda: [(row["kind"], row["name"], row["old"], row["new"], row["actor"]) for row in     # noqa: E731
                    desk.do("history", table="mizud.ini").data.dicts()]
    assert told() == [("setting", "smtppassword", None, "***", "root"), ("setting", "bantime", "7", "9", "root")]
    first = desk.do("history", table="mizud.ini").data.dicts()[1]["change"]
    assert desk.do("revert", change=first).message == f"OK: change {first} of bantime in mizud.ini was taken back"
    assert "bantime = 7" in desk.ini and desk.settings.bantime == 7
    assert told()[0] == ("revert", "bantime", "9", "7", "root")
    answer = desk.do("revert", change=first)
    assert answer.code == 422 and "has changed since" in answer.message
    desk.do("setini", key="bantime")
    assert "bantime" not in desk.ini and told()[0] == ("setting", "bantime", "7", None, "root")
    desk.do("revert", change=desk.do("history", table="mizud.ini").data.dicts()[0]["change"])
    assert "bantime = 7" in desk.ini


def test_a_key_of_the_first_start_is_not_taken_out_by_the_way(changed):
    with changed.db.unit(actor="first start", kind="start") as unit:
        unit.run("INSERT INTO tb_settings (name, value) VALUES ('apiv2md5salt', 'salty')")
    id = last(changed)["rowid"]
    code, text = changed.refused("revert", table="tb_settings", rowid=id)
    assert code == 422 and "force=1" in text
    changed.ask("revert", table="tb_settings", rowid=id, force=1)
    assert changed.db.value("SELECT count(*) FROM tb_settings") == 0


@pytest.mark.parametrize("entry, params, kind", [
    ("disableuser", {"u_username": "john"}, "admin"), ("setuser", {"u_username": "john", "u_comment": "x"}, "admin"),
    ("disableuser", {"u_username": "john", "disabletype": 3}, "admin")])
def test_history_tells_commands_from_sql(town, entry, params, kind):
    town.ask(entry, "root", **params)
    assert last(town)["kind"] == kind
    town.ask("db", "root", sql=f"update tb_users set comment = 'y' where id = {town.john}")
    assert last(town)["kind"] == "sql"


def test_a_number_that_was_given_away_does_not_come_back_and_one_that_is_free_does(town):
    pool = lambda: town.db.row("SELECT free, location FROM tb_telnumbers")
    town.ask("addrecord", table="tb_telnumbers", u_number="36111")
    town.ask("setuser", u_username="john", u_telnumber="36111")
    town.ask("setuser", u_username="john", u_telnumber="")
    change = last(town, u_username="john")["change"]
    town.ask("setuser", u_username="kid", u_telnumber="+36111")
    assert town.refused("revert", change=change) == (422, "the number 36111 belongs to another account")
    town.ask("setuser", u_username="kid", num1="36111", u_telnumber="")
    assert pool() == (0, town.kid)
    town.ask("setuser", u_username="kid", num1="")
    assert pool() == (1, 0)
    town.ask("revert", change=change)
    assert town.value("john", "telnumber") == "36111" and pool() == (0, town.john)
