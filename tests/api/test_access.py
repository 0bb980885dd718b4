"""The rows of tb_api over the defaults of the declarations (manual, Authentication, from "fine-tuned" on)."""

import pytest

from mizu.api import command as declared
from mizu.api.access import MIN_ON_ROUTE, Access, compile_access, roles_up_to
from mizu.api.command import TABLE
from mizu.base.message import Role

from .house import CLIENT, FAR, KEY, LAN, LISTED, LOOP, bare

WHO = {"root": Role.SRVADMIN, "admin": Role.ADMIN, "boss": Role.RESELLER, "agent": Role.SUPPORT, "john": Role.USER}


def code(house, entry, by=None, host=FAR, **params):
    proof = bare(by, by + "pass") if by else {}
    return house.keyed(entry, host=host, **proof, **params).code


@pytest.fixture
def staffed(house):
    house.account("admin", type=15, password="adminpass")
    return house


# -- defaults --------------------------------------------------------------------------------------

DEFAULTS = [
    ("apitest1", (200, 200, 200, 200, 200, 200)),         # open
    ("help", (200, 200, 200, 200, 200, 200)),             # anybody
    ("apitest", (401, 200, 200, 200, 200, 200)),          # user
    ("quickstat", (401, 403, 200, 403, 200, 200)),        # admin, reads: support too
    ("syncusers", (401, 403, 403, 403, 200, 200)),        # admin
]


@pytest.mark.parametrize("entry, codes", DEFAULTS)
def test_the_categories_let_in_whom_the_manual_says(staffed, entry, codes):
    assert [code(staffed, entry, by) for by in (None, "john", "agent", "boss", "admin", "root")] == list(codes)


def test_sensitive_commands_want_an_administrator_at_a_trusted_address(staffed):
    new = {"u_username": "new1", "u_password": "secret123"}
    assert code(staffed, "newuseri", "root", FAR, **new) == 403
    assert code(staffed, "newuseri", "john", LAN, **new) == 403
    assert code(staffed, "newuseri", "root", LAN, **new) == 200
    assert code(staffed, "newuseri", "root", CLIENT, **{**new, "u_username": "new2"}) == 200


def test_resellers_reach_their_own_tree_where_the_declaration_says_so(staffed):
    assert code(staffed, "listusers", "boss") == 200 and code(staffed, "listusers", "john") == 403


# -- fname, req_key, req_ip ------------------------------------------------------------------------

def test_the_manuals_example_makes_balance_public(house):
    """"just add a new record into tb_api with the fname set to balance and the req_key to 0 and the req_user to 14"."""
    house.rule("balance", req_key=0, req_user=14)
    assert house.ask("balance", authid="john").message == "Your credit is $12.34 USD"
    assert house.ask("balance", authid="nobody").code == 401
    assert house.ask("balance").code == 401
    house.rule("balance", req_key=0, req_user=14, req_user_mode=4)
    assert house.ask("balance", authid="john").code == 200


def test_public_keeps_the_key_unless_req_key_is_0(house):
    house.rule("balance", req_user=14)
    assert house.ask("balance", authid="john").code == 401
    assert house.keyed("balance", authid="john").code == 200


def test_on_a_public_command_a_wrong_password_is_refused_all_the_same(house):
    house.rule("balance", req_key=0, req_user=14)
    assert house.ask("balance", authid="john", authpwd="wrong").code == 401


def test_a_public_name_acts_on_itself_alone(house):
    house.rule("balance", req_key=0, req_user=14)
    assert house.ask("balance", authid="boss", u_username="john").message == "Your credit is €0.00 EUR"


def test_fname_is_the_exact_name_and_ignores_case(house):
    house.rule("BALANCE", req_key=0, req_user=14)
    assert house.ask("balance", authid="john").code == 200
    assert house.ask("credit", authid="john").code == 200, "another name of the same command follows"
    house.rule("credit", enabled=0)
    assert house.ask("credit", authid="john").code == 501
    assert house.ask("balance", authid="john").code == 200


def test_req_ip_asks_for_a_trusted_address_or_one_of_apiv2ipauth(house):
    house.rule("balance", req_ip=1)
    for host, expected in ((LOOP, 200), (LAN, 200), (LISTED, 200), (CLIENT, 200), (FAR, 403)):
        assert code(house, "balance", "john", host) == expected
    assert house.keyed("balance", host=CLIENT, direct=False, **bare("john", "johnpass")).code == 403
    house.set(trustlanip=0)
    assert code(house, "balance", "john", LAN) == 403


def test_req_ip_0_opens_a_sensitive_command_to_administrators_anywhere(house):
    house.rule("newuseri", req_ip=0)
    assert code(house, "newuseri", "root", u_username="new1", u_password="secret123") == 200


# -- req_user --------------------------------------------------------------------------------------

REQ_USER = {
    #    nobody john agent boss admin root
    2:  (401, 403, 403, 403, 403, 403),
    4:  (401, 403, 403, 403, 403, 200),
    6:  (401, 403, 403, 403, 200, 200),
    8:  (401, 403, 403, 200, 200, 200),
    10: (401, 403, 200, 200, 200, 200),
    11: (401, 403, 200, 200, 200, 200),
    12: (401, 200, 200, 200, 200, 200),
    14: (200, 200, 200, 200, 200, 200),
}


@pytest.mark.parametrize("req_user", REQ_USER)
@pytest.mark.parametrize("entry", ["apitest", "shared"])
def test_req_user_lets_in_the_roles_up_to_it(staffed, req_user, entry):
    staffed.rule(entry, req_user=req_user, **({"customsql": "select 1 as one"} if entry == "shared" else {}))
    assert staffed.dispatcher.table[entry].roles == frozenset(role for role in Role.ALL if role <= req_user and
                                                              req_user != 2)
    got = [_code(staffed, entry, by) for by in (None, "john", "agent", "boss", "admin", "root")]
    assert got == list(REQ_USER[req_user])


def _code(house, entry, by):
    return house.keyed(entry, **(bare(by, by + "pass") if by else {})).code


def test_req_user_11_lets_in_users_whose_phone_has_registered(house):
    house.rule("apitest", req_user=11)
    assert code(house, "apitest", "john") == 403
    house.registered.add((house.john, FAR))
    assert code(house, "apitest", "john") == 200


@pytest.mark.parametrize("entry, req_user", [("apitest", 12), ("quickstat", 6), ("mine", 6)])
def test_req_user_0_and_null_keep_the_default(staffed, entry, req_user):
    for value in (0, None):
        staffed.rule(entry, req_user=value, **({"customsql": "select 1"} if entry == "mine" else {}))
        access = staffed.dispatcher.table[entry]
        assert Role.ADMIN in access.roles and (Role.USER in access.roles) == (req_user == 12)


# -- req_user_mode ---------------------------------------------------------------------------------

@pytest.mark.parametrize("mode, setting, pin, did, bare_name", [
    (0, 2, 200, 200, 401), (2, 6, 200, 200, 401), (4, 2, 200, 200, 200), (6, 2, 401, 401, 401), (0, 6, 401, 401, 401),
    (0, 4, 200, 200, 200), (2, 4, 200, 200, 401), (None, 2, 200, 200, 401)])
def test_req_user_mode_goes_before_apiv2auth(house, mode, setting, pin, did, bare_name):
    house.account("jack", password="jackpass", pin="4711", telnumber="3612345")
    house.set(apiv2auth=setting)
    house.rule("balance", req_user_mode=mode)
    assert house.keyed("balance", authid="jack", authpwd="4711").code == pin
    assert house.keyed("balance", authid="3612345", authpwd="jackpass").code == did
    assert house.keyed("balance", authid="jack").code == bare_name
    assert house.keyed("balance", authid="jack", authpwd="jackpass").code == 200


# -- enabled, custom names -------------------------------------------------------------------------

def test_enabled_0_disables_and_names_the_column(house):
    house.rule("balance", enabled=0)
    answer = house.keyed("balance", **bare("john", "johnpass"))
    assert (answer.code, answer.message) == (501, "ERROR: balance is disabled (tb_api.enabled)")


def test_a_row_of_its_own_name_is_a_new_command(house):
    house.rule("mynewcustomapi", customsql="select username from tb_users where username = '[SPARAM]'")
    answer = house.ask("mynewcustomapi", authkey=KEY, sparam="john", **bare("root", "rootpass"))
    assert answer.code == 200 and answer.data.rows == [("john",)]
    assert house.ask("mynewcustomapi", authkey=KEY, sparam="john", **bare("john", "johnpass")).code == 403


def test_a_row_without_sql_answers_ok(house):
    house.rule("justanaction", custom_action=1)
    assert house.keyed("justanaction", **bare("root", "rootpass")).message == "OK"


def test_customsql_takes_the_place_of_a_predefined_command(house):
    house.rule("apitest", customsql="select 7 as seven")
    assert house.keyed("apitest", **bare("john", "johnpass")).data.rows == [(7,)]


def test_changes_of_tb_api_hold_from_apireload_on(house):
    with house.db.unit() as unit:
        unit.run("INSERT INTO tb_api (fname, req_key, req_user) VALUES ('balance', 0, 14)")
    assert house.ask("balance", authid="john").code == 401
    assert house.keyed("apireload", **bare("root", "rootpass")).code == 200
    assert house.ask("balance", authid="john").code == 200


def test_a_row_with_a_mistake_closes_its_name(house):
    assert house.rule("balance", req_user=13) != []
    assert code(house, "balance", "root", LOOP) == 501


# -- compiled --------------------------------------------------------------------------------------

def test_every_name_of_every_command_has_its_access(house):
    assert set(TABLE) <= set(house.dispatcher.table)


def test_credit_is_kept_in_micro_units(house):
    house.rule("balance", req_user_credit=2.000001)
    assert house.dispatcher.table["balance"].credit == 2_000_001
    house.rule("balance", req_user_credit=2)
    assert house.dispatcher.table["balance"].credit is MIN_ON_ROUTE


def test_the_defaults_that_ask_more_of_users_do_not_hold_for_public_commands():
    for row in TABLE.values():
        access = Access(row.name, row, None)
        public = row.access in (declared.OPEN, declared.ANYBODY, declared.PUBLIC, declared.NAMED)
        assert access.public == public and (access.login, access.register) == ((0, 0) if public else (None, None))


def test_roles_up_to_a_number():
    assert roles_up_to(8) == {4, 6, 8} and roles_up_to(14) == set(Role.ALL)


def test_without_rows_only_declared_commands_are_there():
    assert set(compile_access({})) == set(TABLE)


def test_a_row_with_a_fault_is_not_called_disabled(house):
    house.rule("balance", custom_action=99)
    answer = house.keyed("balance", **bare("john", "johnpass"))
    assert (answer.code, answer.message) == (
        501, "ERROR: balance is closed, its row of tb_api has a fault: see apireload")
