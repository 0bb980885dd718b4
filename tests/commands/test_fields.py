"""setfield, getfield, addrecord."""


def test_a_user_sets_a_listed_field_both_ways(town):
    town.ask("setfield", "john", fieldtype="string", fieldname="displayname", fieldvalue="Johnny", rowid=town.kid)
    town.ask("setfield", "john", u_forwardonbusy="36", u_noanswertimeout=20)
    sql = "SELECT displayname, forwardonbusy, noanswertimeout FROM tb_users WHERE id = ?"
    assert town.db.row(sql, (town.john,)) == ("Johnny", "36", 20)
    assert town.value("kid", "displayname") == ""


def test_a_user_sets_nothing_else(town):
    for params in ({"fieldname": "credit", "fieldvalue": 5}, {"u_type": 16}, {"table": "tb_api", "u_req_user": 14},
                   {"fieldname": "password", "fieldvalue": "x"}):
        assert town.refused("setfield", "john", **params)[0] == 403
    town.ask("setfield", "john", fieldname="name", fieldvalue="John")
    assert town.refused("setfield", "john", fieldname="name", fieldvalue="Jim") == (
        403, "the field u_name is set already and cannot be changed by a user")


def test_an_administrator_sets_any_field_of_any_table(town):
    town.ask("setfield", table="tb_users", rowid=town.john, u_comment="x", u_password="y")
    assert town.users.by_id(town.john).password == "y"
    town.ask("setfield", "root", fieldname="u_comment", fieldvalue="mine")
    assert town.value("root", "comment") == "mine"
    town.ask("setfield", table="TB_CURRENCIES", rowid=1, fieldname="sign", fieldvalue="US$", sync=0)
    assert town.ask("balance", "john").message == "Your credit is US$12.34 USD"
    for params, code in (({"rowid": 1, "table": "nosuch", "u_a": 1}, 404), ({"rowid": 999, "u_comment": 1}, 404),
                         ({"rowid": 999, "table": "tb_api", "u_fname": "x"}, 404), ({"u_comment": 1}, 400),
                         ({"rowid": town.john, "u_nosuch": 1}, 400), ({"rowid": town.john}, 400),
                         ({"rowid": 1, "table": "tb_ledger", "u_comment": "x"}, 422)):
        assert town.refused("setfield", **params)[0] == code


def test_an_empty_value_clears(town):
    town.ask("setuser", u_id=town.john, u_comment="x")
    town.ask("setfield", rowid=town.john, fieldname="comment", fieldvalue="")
    assert town.value("john", "comment") == ""


def test_getfield_answers_the_value_with_the_manuals_defaults(town):
    answer = town.ask("getfield", filterfieldvalue="john")
    assert (answer.message, answer.data) == (f"OK: {town.john}", town.john)
    assert town.ask("getfield", retfieldname="password", filterfieldvalue="john").message == "OK: johnpass"
    assert town.ask("getfield", None, param1="tb_users", param2="username", param4="id", param5=town.kid).data == "kid"
    assert town.refused("getfield", filterfieldvalue="nobody") == (404, "no row in tb_users with username nobody")
    assert town.refused("getfield")[0] == 400
    for by in ("john", "boss", "agent"):
        assert town.refused("getfield", by, filterfieldvalue="john")[0] == 403


def test_addrecord_adds_a_row_to_any_table(town):
    answer = town.ask("addrecord", table="tb_holidays", u_day="2024-12-24", sync=2)
    assert answer.data == {"id": 1} and answer.message == "OK: record added, id: 1"
    id = town.ask("addrecord", table="tb_users", u_username="rec", u_credit="2.5").data["id"]
    assert town.users.by_id(id).credit == 2_500_000 and town.users.by_id(id).password
    for params, code in (({"table": "tb_users", "u_username": "john"}, 422), ({"table": "tb_users"}, 400),
                         ({"table": "tb_currencies", "u_name": "usd"}, 422), ({"table": "x", "u_a": 1}, 404), ({}, 400),
                         ({"table": "tb_ledger", "u_userid": 1, "u_amount_u": 5, "u_balance_u": 7}, 422)):
        assert town.refused("addrecord", **params)[0] == code


def test_a_setting_in_the_table_is_judged_as_anywhere_else(town):
    town.ask("addrecord", table="tb_settings", u_name="bantime", u_value="9")
    row = town.db.value("SELECT id FROM tb_settings WHERE name = 'bantime'")
    for entry, params, code, text in (
            ("addrecord", {"u_name": "bantim", "u_value": "9"}, 404, "did you mean bantime?"),
            ("addrecord", {"u_name": "maxrows", "u_value": "many"}, 400, "maxrows takes a whole number"),
            ("addrecord", {"u_value": "9"}, 404, "there is no setting"),
            ("setfield", {"rowid": row, "u_value": "x"}, 400, "bantime takes seconds"),
            ("setfield", {"rowid": row, "fieldname": "name", "fieldvalue": "bantim"}, 404, "did you mean bantime?")):
        refused, message = town.refused(entry, table="tb_settings", **params)
        assert refused == code and text in message
    town.ask("setfield", table="tb_settings", rowid=row, fieldname="value", fieldvalue="8")
    assert town.db.row("SELECT name, value FROM tb_settings WHERE id = ?", (row,)) == ("bantime", "8")


def test_an_unknown_field_is_named_as_it_was_sent(town):
    for by in ("john", "boss", None):
        assert town.refused("setfield", by, rowid=town.john, fieldname="nix", fieldvalue="1") == (
            400, "unknown field nix")
    assert town.refused("setfield", table="tb_currencies", rowid=1, u_nix="1") == (400, "unknown field u_nix")


def test_a_reseller_who_names_no_row_is_himself(town):
    town.ask("setfield", "boss", fieldname="name", fieldvalue="Boss")
    town.ask("setuser", "boss", u_displayname="The boss")
    assert (town.value("boss", "name"), town.value("boss", "displayname")) == ("Boss", "The boss")
    town.ask("setfield", "boss", rowid=town.kid, u_comment="mine")
    assert town.value("kid", "comment") == "mine"
    assert town.refused("setfield", "boss", rowid=town.john, u_comment="x")[0] == 404


def test_what_is_there_already_is_told_in_words(town):
    assert town.refused("addrecord", table="tb_currencies", u_name="usd") == (422, "tb_currencies.name exists already")
