"""adduser, getuser, listusers, setuser, deluser, disableuser, enableuser: the manual, sentence by sentence."""

import pytest

from mizu.base.errors import ApiError

from records.store import add

from .asking import Town


# -- adduser: the manual's examples ----------------------------------------------------------------

def test_the_simplest_enduser_gets_a_random_password(town):
    answer = town.ask("adduser", u_username="atest1")
    id = town.value("atest1", "id")
    assert answer.message == f"OK: user added, user_id: {id}"
    assert answer.data == {"user_id": id, "username": "atest1", "password": town.value("atest1", "password")}
    sql = "SELECT type, needauth, enabled, currency, credit, addedby FROM tb_users WHERE id = ?"
    assert town.db.row(sql, (id,)) == (0, 4, 1, "USD", 0.0, 0)


def test_a_better_enduser_has_what_was_sent(town):
    answer = town.ask("adduser", "root", u_type=0, u_name2="atest2", u_username="atest2", u_password="rand2",
                      u_credit=1, u_potpaid=0, sync=2)
    assert "password" not in answer.data
    assert town.db.row("SELECT name2, password, credit, postpaid, addedby FROM tb_users WHERE username = 'atest2'") == (
        "atest2", "rand2", 1.0, 0, town.root)
    assert town.db.rows("SELECT kind, amount, actor FROM tb_ledger WHERE userid = ?", (answer.data["user_id"],)) == [
        ("admin", 1.0, "root")]


def test_a_child_has_its_parents_currency(town):
    town.ask("adduser", u_type=0, u_isoperator=0, u_parentid=town.boss, u_username="atest3", u_password="rand3")
    assert town.value("atest3", "parentid") == town.boss and town.value("atest3", "currency") == "EUR"


def test_a_traffic_sender_has_several_addresses(town):
    answer = town.ask("adduser", u_username="in_trunk1", u_type=5, u_authip="5.5.5.5", u_authip2="6.6.6.6",
                      u_credit=100)
    assert town.db.row("SELECT needauth, authip FROM tb_users WHERE username = 'in_trunk1'") == (1, "5.5.5.5")
    assert town.db.rows("SELECT userid, authip, port FROM tb_users_authip") == [(answer.data["user_id"], "6.6.6.6", 0)]


def test_a_sip_server_gets_its_route_unless_told_otherwise(town):
    first = town.ask("adduser", u_username="out_trunk1", u_type=9, u_ip="7.7.7.7", u_port=5060, u_protocol=0)
    assert town.db.rows("SELECT name, serverid, priority FROM tb_routing") == [
        ("out_trunk1", first.data["user_id"], 7)]
    town.ask("adduser", u_username="out_trunk2", u_type=9, routing_id="null")
    town.ask("adduser", u_username="plain", routing_id="out_trunk1")
    assert town.db.value("SELECT count(*) FROM tb_routing") == 1
    town.ask("adduser", u_username="out_trunk3", u_type=9, routing_id="out_trunk1", routing_priority=2)
    assert town.db.value("SELECT priority FROM tb_routing WHERE id = 2") == 2


def test_all_or_nothing(town):
    add(town, "owner", telnumber="3612")
    users = town.db.value("SELECT count(*) FROM tb_users")
    for code, params in ((422, {"num1": "3611", "num2": "3612"}), (404, {"u_type": 9, "routing_id": "nosuch"}),
                         (400, {"u_nosuch": 1}), (400, {"u_port": "x"}), (400, {"authip1": "a b"}), (400, {"u_id": 77}),
                         (404, {"u_parentid": 777}), (422, {"u_password": "a\nb"}), (400, {"u_credit": "x"})):
        assert town.refused("adduser", u_username="new", **params)[0] == code
    assert town.db.value("SELECT count(*) FROM tb_users") == users
    assert town.db.value("SELECT count(*) FROM tb_users_numbers") == 0


@pytest.mark.parametrize("params, refusal", [
    ({"u_username": "JOHN"}, (422, "user exists")),
    ({"u_username": "a b"},
     (400, "parameter u_username takes 1 to 64 of the characters 0-9 A-Z a-z _ . + @ -, not 'a b'")),
    ({"u_username": "x", "u_displaynam": "x"}, (400, "unknown field u_displaynam, did you mean u_displayname"))])
def test_adduser_says_why_not(town, params, refusal):
    assert town.refused("adduser", **params) == refusal


def test_adduser_needs_a_name(town):
    assert town.refused("adduser")[0] == 400


def test_further_numbers_lead_to_the_account(town):
    id = town.ask("adduser", u_username="n", num1="36111", u_num2="36222").data["user_id"]
    assert town.users.find("36222", True).id == id


def test_userautoaddwithowner_makes_the_parent_once(tmp_path):
    town = Town(tmp_path, "userautoaddwithowner=1")
    town.ask("adduser", u_username="new", u_companyname="ACME")
    owner = town.db.row("SELECT id, type, name FROM tb_users WHERE username = 'new_owner'")
    assert owner[1:] == (3, "ACME") and town.value("new", "parentid") == owner[0]
    town.ask("deluser", u_username="new")
    town.ask("adduser", u_username="new")
    town.ask("adduser", u_username="child", u_parentid=town.boss)
    assert town.value("new", "parentid") == owner[0]
    assert town.db.value("SELECT count(*) FROM tb_users WHERE type = 3") == 1
    town.db.close()


def test_sync_0_does_not_wait(town):
    waits = []
    town.db.durable = lambda: waits.append(1) or town.db._sync.wait()
    for sync in ("0", "1", "2", "-1"):
        town.ask("adduser", u_username=f"s{sync}", sync=sync)
    assert len(waits) == 3
    assert town.refused("adduser", u_username="s", sync="5")[0] == 400


# -- resellers -------------------------------------------------------------------------------------

def test_a_reseller_adds_below_himself_and_nothing_that_is_not_his(town):
    town.ask("adduser", "boss", u_username="below", u_password="x")
    assert town.value("below", "parentid") == town.boss and town.value("below", "currency") == "EUR"
    town.ask("adduser", "boss", u_username="lower", u_parentid=town.kid)
    for params in ({"u_type": 15}, {"u_credit": 5}, {"u_rights": 60}, {"u_needauth": 0}, {"num1": "36"},
                   {"authip1": "1.1.1.1"}, {"u_packetid": 2}, {"u_postpaid": 1}, {"u_type": 9}):
        assert town.refused("adduser", "boss", u_username="evil", **params)[0] == 403
    assert town.refused("adduser", "boss", u_username="evil", u_parentid=town.john)[0] == 404


def test_a_reseller_sees_and_changes_only_his_tree(town):
    assert town.ask("getuser", "boss", u_username="kid").data["id"] == town.kid
    assert town.ask("getuser", "boss").data["username"] == "boss"
    for command in ("getuser", "setuser", "disableuser", "enableuser"):
        more = {"u_comment": 1} if command == "setuser" else {}
        for name in ("john", "root", "nobody"):
            assert town.refused(command, "boss", u_username=name, **more) == (404, f"no such user: {name}")
    assert [row[1] for row in town.ask("listusers", "boss", type=-1).data.rows] == ["boss", "kid"]
    town.ask("setuser", "boss", u_username="kid", u_comment="x", u_password="new")
    assert town.value("kid", "comment") == "x"
    assert town.refused("setuser", "boss", u_username="kid", u_credit=5)[0] == 403
    assert town.refused("setuser", "boss", u_username="kid", u_parentid=town.john)[0] == 404
    assert town.refused("setuser", "boss", u_id=town.boss, u_comment="x")[0] == 403       # of himself as any user
    assert town.refused("listusers", "boss", where="1=1")[0] == 403
    assert town.refused("deluser", "boss", u_username="kid")[0] == 403
    assert town.refused("disableuser", "boss", u_username="boss")[0] == 422


# -- getuser ---------------------------------------------------------------------------------------

def test_getuser_answers_id_and_username_by_default(town):
    assert town.ask("getuser", u_id=town.john).data == {"id": town.john, "username": "john"}


def test_getuser_without_a_user_is_told_so_in_the_manuals_words(town):
    assert town.refused("getuser", "root", param="all") == (400, "missing user input")
    assert town.refused("getuser") == (400, "missing user input")
    assert town.refused("getuser", u_username="nobody") == (404, "no such user: nobody")


def test_a_user_is_always_himself(town):
    assert town.ask("getuser", "john", u_id=town.root, u_username="kid").data["username"] == "john"


def test_details_are_joined_by_a_hyphen_and_empty_ones_can_be_left_out(town):
    data = town.ask("getuser", u_id=town.john, details="basic-typetext-statistics-credittext").data
    assert data["typetext"] == "end user" and data["cdrc"] == 0 and data["credittext"] == "12.34 USD"
    thin = town.ask("getuser", u_id=town.john, details="basic-statistics", skipnullfields="true").data
    assert "cdrc" not in thin and "email" not in thin and thin["credit"] == 12.34
    everything = town.ask("getuser", u_username="john", details="all").data
    assert everything["noanswertimeout"] == 15 and "password" not in everything and "johnpass" not in str(everything)


def test_sales_figures_are_not_for_users(town):
    assert "commission" in town.ask("getuser", u_id=town.john, details="all").data
    assert "commission" not in town.ask("getuser", "john", details="all").data
    assert town.refused("getuser", "john", details="commission")[0] == 403
    assert town.refused("getuser", "root", u_id=town.john, details="password")[0] == 403


# -- listusers -------------------------------------------------------------------------------------

def test_listusers_lists_end_users_by_default(town):
    rows = town.ask("listusers").data
    assert (tuple(rows.columns), [row[1] for row in rows.rows]) == (("id", "username"), ["kid", "john"])


def test_listusers_takes_both_spellings_of_its_parameters(town):
    assert [row[1] for row in town.ask("listusers", u_type=2).data.rows] == ["boss"]
    assert [row[1] for row in town.ask("listusers", u_type=-1, u_maxcount=2, u_order=3).data.rows] == ["agent", "boss"]
    assert len(town.ask("listusers", u_extended=2).data.columns) > 80
    assert "credit" in town.ask("listusers", fields=1).data.columns
    assert [row[1] for row in town.ask("listusers", order="username").data.rows] == ["john", "kid"]
    registered = town.ask("listusers", limit=0, fields=1, u_type=0, active=1, details="basic-statustext-runtime")
    assert registered.data.rows == [] and registered.data.columns[-2:] == ["statustext", "runtime"]
    for params in ({"fields": 3}, {"order": 9}, {"order": "x"}, {"where": "password=1"}):
        assert town.refused("listusers", **params)[0] == 400


def test_listusers_says_when_there_are_more(town):
    assert town.ask("listusers", limit=1).warning == "only the first 1 accounts: use limit and offset"
    assert town.ask("listusers", limit=1, offset=0).warning is None
    assert [row[1] for row in town.ask("listusers", limit=1, offset=1).data.rows] == ["john"]


def test_listusers_nests_children_under_their_parents(town):
    data = town.ask("listusers", parentinclusive=town.boss, pcr="true", details="basic-currentcalls-statistics",
                    statdays=3, skipnullfields="true").data
    assert [row["username"] for row in data] == ["boss"]
    assert [row["username"] for row in data[0]["children"]] == ["kid"]
    assert "email" not in data[0] and data[0]["currency"] == "EUR"


# -- setuser ---------------------------------------------------------------------------------------

def test_setuser_changes_one_or_several_fields_at_once(town):
    town.ask("setuser", u_username="john", u_comment="changed")
    town.ask("setuser", u_id=town.john, u_name="John", u_email="j@example.com", u_temporarilydisabled=1)
    assert town.db.row("SELECT comment, name, email, temporarydisabled FROM tb_users WHERE id = ?", (town.john,)) == (
        "changed", "John", "j@example.com", 1)
    assert town.users.by_id(town.john).disabled == 1


def test_setuser_with_the_id_renames(town):
    town.ask("setuser", u_id=town.john, u_username="johnny")
    assert town.users.by_username("johnny").id == town.john and town.users.by_username("john") is None
    assert town.refused("setuser", u_id=town.john, u_username="kid") == (422, "user exists")
    assert town.refused("setuser", u_id=town.john, u_username="a b")[0] == 400


def test_setuser_writes_all_or_nothing(town):
    for params in ({"u_comment": "x", "u_nosuch": 1}, {"u_comment": "x", "u_port": "x"}, {"u_credit_u": 5}, {},
                   {"u_comment": "x", "u_credit": "1e9"}, {"u_password": ""}):
        assert town.refused("setuser", u_username="john", **params)[0] in (400, 422)
    assert town.value("john", "comment") == ""


def test_setuser_of_the_credit_leaves_a_ledger_row(town):
    town.ask("setuser", "root", u_username="john", u_credit="20.5")
    assert town.db.row("SELECT kind, amount, balance, actor FROM tb_ledger ORDER BY id DESC") == (
        "admin", 8.16, 20.5, "root")
    assert town.users.by_id(town.john).credit == 20_500_000


def test_a_user_changes_only_what_the_manual_lists_of_himself(town):
    town.ask("setuser", "john", u_id=town.kid, u_forwardalways="36", u_email="a@b.c")
    assert town.value("john", "forwardalways") == "36" and town.value("kid", "forwardalways") == ""
    assert town.refused("setuser", "john", u_email="x@y.z")[0] == 403
    for params in ({"u_credit": 5}, {"u_type": 16}, {"u_enabled": 1}, {"u_password": "x"}, {"u_forwardalways": 1,
                                                                                         "u_rights": 60}):
        assert town.refused("setuser", "john", **params)[0] == 403
    assert town.refused("setuser", "john", u_username="other") == (400, "no field to set: send u_NAME=value")


def test_no_loop_of_parents_comes_about(town):
    for parent in (town.boss, town.kid):
        assert town.refused("setuser", u_id=town.boss, u_parentid=parent)[0] == 422
    town.ask("setuser", u_id=town.kid, u_parentid=0)
    town.ask("setuser", u_id=town.boss, u_parentid=town.kid)


@pytest.mark.parametrize("params, refusal", [
    ({"u_monthlylimit": -5}, "u_monthlylimit takes an amount from 0 to 1000000000, 0 for no limit, not -5"),
    ({"u_billingday": 45}, "u_billingday takes a day of the month from 1 to 31, not 45"),
    ({"u_port": 99999}, "u_port takes a port from 0 to 65535, not 99999"),
    ({"u_currency": "XYZ"}, "u_currency takes a currency of tb_currencies such as USD, not 'XYZ'"),
    ({"u_enabled": 7}, "u_enabled takes one of 0, 1, not 7"),
    ({"num1": "x"}, "num1 takes a telephone number, not 'x'")])
def test_a_value_that_no_account_could_mean_is_refused_on_every_way(town, params, refusal):
    for entry, more in (("setuser", {"u_username": "john"}), ("adduser", {"u_username": "new"}),
                        ("newuseri", {"u_username": "new"}), ("setfield", {"rowid": town.john}),
                        ("addrecord", {"table": "tb_users", "u_username": "new"})):
        if "num1" in params and entry in ("newuseri", "addrecord"):
            continue
        assert town.refused(entry, **more, u_comment="x", **params) == (400, f"parameter {refusal}"), entry
    assert town.value("john", "comment") == ""


def test_setuser_replaces_further_numbers_and_addresses(town):
    town.ask("addrecord", table="tb_telnumbers", u_number="36111")
    town.ask("adduser", u_username="t", u_type=5, u_authip="5.5.5.5", u_authip2="6.6.6.6", num1="36111", num2="36222")
    answer = town.ask("setuser", u_username="t", u_authip2="7.7.7.7", u_authip3="[::1]:5070")
    assert answer.data == {"addresses": ["7.7.7.7", "[::1]:5070"]}
    assert town.ask("setuser", u_username="t", u_num1="36222", num2="36 333").data == {"numbers": ["36222", "36333"]}
    assert town.db.row("SELECT free, location FROM tb_telnumbers") == (1, 0)
    shown = town.ask("getuser", u_username="t", details="numbers-addresses-authip").data
    assert (shown["numbers"], shown["addresses"], shown["authip"]) == ("36222, 36333", "7.7.7.7, ::1:5070", "5.5.5.5")
    assert town.ask("setuser", u_username="t", u_authip2="").data == {"addresses": []}
    assert town.ask("getuser", u_username="t", details="addresses").data["addresses"] is None
    assert town.refused("setuser", u_username="john", num1="36333", u_comment="x")[0] == 422
    assert town.value("john", "comment") == ""
    for by, name in (("john", "john"), ("boss", "kid")):
        assert town.refused("setuser", by, u_username=name, num1="1") == (
            403, "numbers and addresses are given by the administrator")


def test_what_stays_of_numbers_and_addresses_is_not_written_again(town):
    town.ask("adduser", u_username="t", num1="36111", num2="36222", authip1="1.1.1.1", authip2="[::1]:5070")
    town.ask("setuser", u_username="t", num1="36222", num2="36333", authip1="::1", authip2="1.1.1.1")
    assert town.db.rows("SELECT id, number FROM tb_users_numbers ORDER BY id") == [(2, "36222"), (3, "36333")]
    assert sorted(town.db.rows("SELECT authip, port FROM tb_users_authip")) == [("1.1.1.1", 0), ("::1", 0)]
    assert town.db.value("SELECT id FROM tb_users_authip WHERE authip = '1.1.1.1'") == 1


def test_a_number_of_the_pool_is_given_by_administrators_only(town):
    town.ask("addrecord", table="tb_telnumbers", u_number="+36111")
    assert town.refused("adduser", "boss", u_username="36111") == (
        403, "the user name 36111 is a number of the pool: assignphonenumber gives it")
    assert town.refused("setuser", "boss", u_id=town.kid, u_username="+36111")[0] == 403
    town.ask("adduser", u_username="36111")
    assert town.db.row("SELECT free, location FROM tb_telnumbers") == (0, town.value("36111", "id"))
    town.ask("deluser", u_username="36111")
    assert town.db.row("SELECT free, location FROM tb_telnumbers") == (1, 0)


def test_a_disabled_number_goes_back_with_its_name_and_comes_with_it(town):
    town.ask("addrecord", table="tb_telnumbers", u_number="36111")
    id = town.ask("adduser", u_username="36111").data["user_id"]
    town.ask("disableuser", u_id=id, disabletype=3)
    assert town.db.row("SELECT free, location FROM tb_telnumbers") == (1, 0)
    town.ask("enableuser", u_id=id)
    assert town.db.row("SELECT free, location FROM tb_telnumbers") == (0, id)
    town.ask("disableuser", u_id=id, disabletype=3)
    town.ask("setuser", u_username="john", u_telnumber="36111")
    assert town.refused("enableuser", u_id=id) == (422, "the number 36111 belongs to another account")


@pytest.mark.parametrize("values", [{"u_type": 0}, {"u_enabled": 0}, {"u_temporarilydisabled": 1}, {"u_rights": 30}])
def test_the_last_administrator_does_not_become_none(town, values):
    refusal = 422, "the last administrator has to stay"
    add(town, "off", type=15, enabled=0)
    add(town, "low", type=16, rights=30)
    for by in ("root", None):
        assert town.refused("setuser", by, u_username="root", **values)[0] in (403, 422)
    assert town.refused("setuser", "root", u_username="root", **values) == refusal
    assert town.refused("setfield", "root", rowid=town.root, **values) == refusal
    town.ask("adduser", "root", u_username="second", u_type=15)
    town.ask("setuser", "root", u_username="root", **values)


def test_a_credit_left_blank_moves_no_money(town):
    town.ask("setuser", u_username="john", u_credit="", u_comment="x")
    assert town.value("john", "credit") == 12.34 and town.value("john", "comment") == "x"
    assert town.refused("setuser", u_username="john", u_credit="")[0] == 400


def test_nobody_pays_who_is_not_there(town):
    for entry, params in (("setuser", {"u_username": "john"}), ("adduser", {"u_username": "new"})):
        assert town.refused(entry, **params, u_billinguserid=999) == (404, "no such user: 999 (u_billinguserid)")
    town.ask("setuser", u_username="john", u_billinguserid=town.boss)


def test_what_is_asked_of_statistics_has_its_bounds(town):
    for entry, params in (("getuser", {"u_username": "john"}), ("listusers", {})):
        assert town.refused(entry, **params, details="statistics", direction=9) == (
            400, "parameter direction takes 0, 1, 2 or 3, not '9'")


@pytest.mark.parametrize("params, name", [({"limit": -5}, "limit"), ({"offset": -7}, "offset"), ({"type": 99}, "type")])
def test_listusers_refuses_pages_that_there_are_not(town, params, name):
    code, message = town.refused("listusers", **params)
    assert code == 400 and message.startswith(f"parameter {name} takes ")


# -- deluser ---------------------------------------------------------------------------------------

def test_deluser_deletes_what_belongs_to_the_account_and_closes_its_books(town):
    town.ask("adduser", u_username="x", u_credit=5, num1="36111", authip1="1.1.1.1", u_type=9)
    id = town.value("x", "id")
    assert town.ask("deluser", "root", u_username="x").message == "OK: user deleted"
    for table in ("tb_users_numbers", "tb_users_authip", "tb_routing"):
        assert town.db.value(f"SELECT count(*) FROM {table}") == 0
    assert town.db.row("SELECT kind, balance, actor FROM tb_ledger WHERE userid = ? ORDER BY id DESC", (id,)) == (
        "close", 0.0, "root")
    assert town.refused("getuser", u_id=id)[0] == 404


def test_deluser_refuses_where_something_would_be_orphaned(town):
    with town.db.unit() as unit:
        unit.run("INSERT INTO tb_cdrs (callerid) VALUES (?)", (town.john,))
    assert town.refused("deluser", u_id=town.john) == (
        422, "call records refer to the account: use disableuser, or force=1")
    assert town.refused("deluser", u_username="boss") == (422, "boss has 1 sub-users: send pcr=1 to delete them, too")
    town.ask("deluser", u_id=town.john, force=1)
    assert town.ask("deluser", u_username="boss", pcr=1).message == "OK: 2 deleted"
    assert town.users.by_id(town.kid) is None and town.users.by_id(town.john) is None


def test_nobody_removes_himself_or_the_last_administrator(town):
    for command in ("deluser", "disableuser"):
        assert town.refused(command, "root", u_username="root") == (422, "nobody can remove or disable himself")
        assert town.refused(command, u_username="root") == (422, "the last administrator has to stay")
        assert town.refused(command) == (400, "missing user input")


# -- disableuser, enableuser -----------------------------------------------------------------------

@pytest.mark.parametrize("disabletype, state", [
    (None, (1, 1)), (0, (1, 1)), (1, (0, 0)), (2, (0, 1)), (3, (0, 1))])
def test_kinds_of_disabling_and_back(town, disabletype, state):
    how = {} if disabletype is None else {"disabletype": disabletype}
    read = lambda: town.db.row("SELECT username, enabled, temporarydisabled FROM tb_users WHERE id = ?", (town.john,))
    assert town.ask("disableuser", u_username="john", **how).message == "OK: user disabled"
    name = f"john_disabled_{town.john}" if disabletype == 3 else "john"
    assert read() == (name, *state)
    account = town.users.by_id(town.john)
    assert (account.username, account.enabled, account.disabled) == (name, *state)
    town.ask("disableuser", u_id=town.john, **how)
    assert read() == (name, *state)                   # twice is no more than once
    assert town.ask("enableuser", u_id=town.john).message == "OK: user enabled"
    assert read() == ("john", 1, 0)


def test_a_renamed_account_is_enabled_by_the_name_it_had(town):
    town.ask("disableuser", u_username="john", disabletype=3)
    assert town.refused("enableuser", "boss", u_username="john")[0] == 404
    town.ask("enableuser", u_username="John")
    assert town.value("john", "enabled") == 1
    for _ in range(2):
        town.ask("adduser", u_username="twin")
        town.ask("disableuser", u_username="twin", disabletype=3)
    assert town.refused("enableuser", u_username="twin") == (404, "no such user: twin")
    assert town.refused("enableuser", u_username="nobody") == (404, "no such user: nobody")


def test_enabling_inverts_the_kind_it_names(town):
    town.ask("disableuser", u_username="john", disabletype=2)
    town.ask("enableuser", u_username="john", disabletype=0)
    assert (town.value("john", "enabled"), town.value("john", "temporarydisabled")) == (0, 0)
    town.ask("enableuser", u_username="john", disabletype=1)
    assert town.value("john", "enabled") == 1
    assert town.refused("enableuser", u_username="john", disabletype=4)[0] == 400


def test_a_name_that_was_given_away_does_not_come_back(town):
    town.ask("disableuser", u_username="john", disabletype=3)
    town.ask("adduser", u_username="john")
    assert town.refused("enableuser", u_id=town.john) == (422, "user exists")


def test_disabling_takes_the_tree_along_if_asked(town):
    assert town.ask("disableuser", u_username="boss", pcr=1).message == "OK: 2 users disabled"
    assert town.users.by_id(town.kid).disabled == 1


# -- passwords as hashes ---------------------------------------------------------------------------

def test_passwordstore_ha1_leaves_no_password_on_the_disk(tmp_path):
    town = Town(tmp_path, "passwordstore=ha1", "realm=r")
    town.ask("adduser", u_username="hash", u_password="geheimnis", u_passwordhash="mine")
    password, ha1, hashed = town.db.row("SELECT password, ha1, passwordhash FROM tb_users WHERE username = 'hash'")
    assert password == "" and len(ha1) == 32 and hashed.startswith("scrypt$16384$8$1$")
    assert town.ask("changepwd", "hash", oldpassword="geheimnis", newpassword="neuesgeheimnis").code == 200
    with pytest.raises(ApiError):
        town.ask("changepwd", "hash", oldpassword="geheimnis", newpassword="neuesgeheimnis2")
    town.db.close()


def test_a_user_name_that_is_sent_along_unchanged_costs_no_password(tmp_path):
    town = Town(tmp_path, "passwordstore=ha1", "realm=r")
    id = town.ask("adduser", u_username="hash", u_password="geheimnis").data["user_id"]
    town.ask("setuser", u_id=id, u_username="hash", u_comment="x")
    assert town.value("hash", "ha1") and town.value("hash", "comment") == "x"
    town.ask("setuser", u_id=id, u_username="hash2")
    assert town.value("hash2", "ha1") == ""
    town.db.close()


# -- server administrators -------------------------------------------------------------------------

@pytest.mark.parametrize("by", ["deputy", None])
def test_an_administrator_does_not_become_or_take_over_a_server_administrator(town, by):
    add(town, "deputy", type=15, password="deputypass")
    second = add(town, "second", type=16, password="secret")
    refusal = 403, "access denied: only a server administrator may make, change or impersonate one"
    name = {"u_username": "second"}
    for entry, params in (("adduser", {"u_username": "new", "u_type": 16}), ("deluser", name), ("enableuser", name),
                          ("addrecord", {"table": "tb_users", "u_username": "new", "u_type": 16}),
                          ("newuseri", {"u_username": "new", "u_type": 16}), ("disableuser", name),
                          ("setuser", {"u_id": town.john, "u_type": 16}), ("setuser", {**name, "u_password": "x"}),
                          ("setuser", {**name, "u_type": 0}), ("setfield", {"rowid": second, "u_email": "a@b.c"}),
                          ("apiexamples", {"user": "second"})):
        assert town.refused(entry, by, **params) == refusal, entry
    refusal = 403, "access denied: only a server administrator may read the secrets of one"
    assert town.refused("getfield", by, retfieldname="password", filterfieldvalue="second") == refusal
    assert town.refused("getfield", by, filterfieldname="password", filterfieldvalue="secret")[0] == 404
    assert town.ask("getfield", by, retfieldname="type", filterfieldvalue="second").data == 16


def test_a_server_administrator_may(town):
    town.ask("adduser", "root", u_username="second", u_type=16, u_password="old")
    town.ask("setuser", "root", u_username="second", u_password="new")
    assert town.ask("getfield", "root", retfieldname="password", filterfieldvalue="second").data == "new"
    for entry in ("disableuser", "enableuser", "deluser"):
        assert town.ask(entry, "root", u_username="second").code == 200


@pytest.mark.parametrize("value", ["10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.9", "sip.example.com:5070", "fe80::1", "gw"])
def test_authip_takes_addresses_ranges_and_domains(town, value):
    town.ask("adduser", u_username="trunk", u_type=5, u_authip=value)
    town.ask("setuser", u_id=town.john, u_authip=value)


@pytest.mark.parametrize("value", ["999.1.1.1", "a b", "-x", "10.0.0.1;drop", "1.2.3"])
def test_authip_takes_nothing_else(town, value):
    for entry, params in (("adduser", {"u_username": "trunk"}), ("setuser", {"u_id": town.john}),
                          ("setfield", {"rowid": town.john}), ("adduser", {"u_username": "t", "authip1": "1.2.3.256"})):
        assert town.refused(entry, **params, u_authip=value)[0] == 400


def test_an_unknown_type_is_refused_with_the_known_ones(town):
    for entry, params in (("adduser", {"u_username": "new"}), ("setuser", {"u_id": town.john})):
        code, message = town.refused(entry, **params, u_type=99)
        assert code == 400 and message.startswith("parameter u_type takes one of 0 end user, 1 operator, ")
        assert message.endswith("17 other, not 99")
