"""A command is declared once: what contradicts itself is refused at import, all else is read from the row."""

import re

import pytest

from mizu import commands
from mizu.api import command as module
from mizu.api.command import ADMIN, GROUPS, SENSITIVE, TABLE, USER, command
from mizu.api.param import Param, integer, text
from mizu.base.errors import ApiError
from mizu.base.message import Role

from .house import bare

if not TABLE:
    commands.load()


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(module, "TABLE", {})
    return module.TABLE


def declare(function=lambda ctx, a=None: None, name="x", group="money", access=USER, summary="Does x",
            params=(Param("a", text, "what"),), **more):
    command(name, group=group, access=access, summary=summary, params=params, **more)(function)
    return module.TABLE[name]


# -- declaration -----------------------------------------------------------------------------------

@pytest.mark.parametrize("wrong", [
    {"function": lambda ctx: None}, {"function": lambda ctx, b: None}, {"function": lambda ctx, a, b: None},
    {"params": (Param("a", text, "what"), Param("b", text, "that"))},
    {"summary": ""}, {"summary": " "}, {"summary": "Does x "}, {"group": "nowhere"}, {"access": "anyone"},
    {"name": "X"}, {"also": ("Y",)}, {"also": ("x",)}, {"also": ("y", "y")},
    {"params": (Param("a", text, ""),)},
    {"params": (Param("a", text, "what", aliases=("a",)),)},
    {"function": lambda ctx, a, b: None,
     "params": (Param("a", text, "what", aliases=("c",)), Param("b", text, "that", aliases=("c",)))},
    {"function": lambda ctx, a, b: None,
     "params": (Param("a", text, "what", aliases=("b",)), Param("b", text, "that"))},
])
def test_a_declaration_that_contradicts_itself_is_refused(table, wrong):
    with pytest.raises(TypeError):
        declare(**wrong)
    assert table == {}


@pytest.mark.parametrize("second", [{"name": "x"}, {"name": "y"}, {"name": "z", "also": ("y",)}])
def test_a_name_is_declared_once(table, second):
    declare(also=("y",))
    with pytest.raises(TypeError):
        declare(**second)


def test_every_name_leads_to_one_row(table):
    row = declare(also=("y", "z"))
    assert table == {"x": row, "y": row, "z": row} and row.names == ("x", "y", "z")


def test_who_may_follows_from_the_declaration(table):
    users = {4, 6, 8, 10, 11, 12}
    assert declare(name="a").roles == users
    assert declare(name="b", access=ADMIN).roles == {4, 6}
    assert declare(name="c", access=ADMIN, reads=True).roles == {4, 6, Role.SUPPORT}
    assert declare(name="d", access=ADMIN, tree=True).roles == {4, 6, Role.RESELLER}
    assert declare(name="e", access=SENSITIVE, reads=True).roles == {4, 6}
    assert declare(name="f", access=module.PUBLIC).roles == set(Role.ALL)


def test_what_changes_something_as_an_administrator_is_audited(table):
    assert declare(name="a", access=ADMIN).audited and declare(name="b", access=SENSITIVE).audited
    assert not declare(name="c", access=ADMIN, reads=True).audited and not declare(name="d").audited
    assert declare(name="e", audited=True).audited and not declare(name="f", access=ADMIN, audited=False).audited


# -- binding ---------------------------------------------------------------------------------------

def test_names_aliases_and_positions_bind(table):
    row = declare(lambda ctx, bnum, limit=5: None, params=(Param("bnum", text, "number", aliases=("bnun",)),
                                                           Param("limit", integer, "rows")))
    for given in ({"bnum": "1"}, {"bnun": "1"}, {"phone2": "1"}, {"to": "1"}, {"called": "1"}, {"param1": "1"}):
        assert row.bind(given) == ["1", 5]
    for name in ("limit", "maxcount", "u_maxcount", "count", "param2"):
        assert row.bind({"bnum": "1", name: "7"}) == ["1", 7]


def test_the_name_goes_before_aliases_and_those_before_the_position(table):
    row = declare(lambda ctx, bnum: None, params=(Param("bnum", text, "number"),))
    assert row.bind({"param1": "c", "to": "b", "bnum": "a"}) == ["a"]
    assert row.bind({"param1": "c", "to": "b", "bnum": ""}) == ["b"]
    assert row.bind({"param1": "c", "to": ""}) == ["c"]


def test_an_alias_holds_only_where_the_command_has_no_parameter_of_that_name(table):
    row = declare(lambda ctx, anum="", to="": None, params=(Param("anum", text, "a"), Param("to", text, "b")))
    assert row.bind({"to": "9"}) == ["", "9"] and row.bind({"bnum": "9"}) == ["", "9"]


def test_a_missing_parameter_is_named_with_what_it_takes(table):
    row = declare(lambda ctx, a: None, params=(Param("a", integer, "how many"),))
    for given in ({}, {"a": ""}):
        with pytest.raises(ApiError) as refusal:
            row.bind(given)
        assert refusal.value.code == 400
        assert refusal.value.message == "missing parameter a (how many; takes a whole number)"


def test_unknown_parameters_are_ignored(table):
    assert declare().bind({"zzz": "1", "now": "2", "new": "3"}) == [None]


def test_required_is_what_has_no_default(table):
    row = declare(lambda ctx, a, b=None: None, params=(Param("a", text, "x"), Param("b", text, "y")))
    assert [row.required(param) for param in row.params] == [True, False]


# -- the account that a request names --------------------------------------------------------------

def test_a_user_is_himself_whatever_he_sends(house):
    for given in ({"u_username": "boss"}, {"u_id": house.boss}, {"userid": house.boss}):
        assert house.keyed("balance", **bare("john", "johnpass"), **given).message == "Your credit is $12.34 USD"


def test_a_reseller_reaches_his_tree_and_nobody_else(house):
    proof = bare("boss", "bosspass")
    assert house.keyed("balance", **proof, u_username="kid").code == 200
    assert house.keyed("balance", **proof, u_id=house.kid).code == 200
    answer = house.keyed("balance", **proof, u_username="john")
    assert (answer.code, answer.message) == (404, "ERROR: no such user: john")
    assert house.keyed("balance", **proof, u_username="nobody").message == "ERROR: no such user: nobody"


def test_support_reads_every_account_and_changes_none_but_its_own(house):
    proof = bare("agent", "agentpass")
    assert house.keyed("balance", **proof, u_username="john").message == "Your credit is $12.34 USD"
    assert house.keyed("balance", **proof).code == 200
    house.keyed("setuser", **proof, u_username="john", u_displayname="changed")
    assert house.value("john", "displayname") != "changed"
    assert house.keyed("setcredit", **proof, u_username="john", u_credit=1).code == 403


@pytest.mark.parametrize("entry, params", [("setuser", {}), ("deluser", {}), ("disableuser", {}), ("enableuser", {}),
                                           ("setcredit", {"u_credit": 1}), ("changecredit", {"u_credit": 1}),
                                           ("getuser", {})])
def test_an_administrator_who_names_nobody_is_told_so(house, entry, params):
    answer = house.keyed(entry, **bare("root", "rootpass"), **params)
    assert (answer.code, answer.message) == (400, "ERROR: missing user input")


@pytest.mark.parametrize("entry", ["balance", "getcredit"])
def test_some_commands_mean_the_administrator_himself(house, entry):
    assert house.keyed(entry, **bare("root", "rootpass")).code == 200
    assert house.keyed(entry, host="127.0.0.1").code == 400


# -- the whole table -------------------------------------------------------------------------------

ISSUE = """apitest apitest1 apitest2 login preauth help keepalive close exit quit apiexamples
newuseru newuseri newuser adduser getuser listusers setuser deluser disableuser enableuser getdetails setfield getfield
addrecord changepwd search balance credit getcredit setcredit changecredit db apireload reloadapikeys version heartbeat
info shortinfo quickstat deviceid fastusers syncusers lists locks querylist threads threads2 threadlist delobj showlog
log logsearch logrename showcfg getini setini savesettings saveinifiles loadinifiles reload restart bannedlist delbanned
unittest""".split()


def test_every_command_that_is_promised_is_in_the_table():
    assert [name for name in ISSUE if name not in TABLE] == []


@pytest.mark.parametrize("row", {id(row): row for row in TABLE.values()}.values(), ids=lambda row: row.name)
def test_every_row_says_what_it_is_and_what_it_takes(row):
    assert row.group in GROUPS and row.summary[0].isupper() and not row.summary.endswith(".")
    assert all(re.fullmatch(r"[a-z0-9_]{1,32}", name) for name in row.names)
    for param in row.params:
        assert param.help and len(param.help) < 200 and param.type.takes
        assert re.fullmatch(r"[a-z0-9_]{1,32}", param.name)
    assert row.function.__module__.startswith("mizu.commands.")


# -- the one place of u_id|u_username --------------------------------------------------------------

def test_the_first_place_names_an_account_by_id_or_by_name(house):
    root = bare("root", "rootpass")
    for who in ("john", "JOHN", house.john):
        assert house.keyed("balance", **root, param1=who).message == "Your credit is $12.34 USD"
    assert house.keyed("setcredit", **root, param1="john", param2="10").data["credit"] == 10
    assert house.keyed("balance", **root, param1="nobody").message == "ERROR: no such user: nobody"
    assert house.keyed("rating", **root, param1="36", param2="nobody").message == "ERROR: no such user: nobody"


def test_a_number_is_an_id_before_it_is_a_name(house):
    root = bare("root", "rootpass")
    house.account(str(house.john), credit=1)
    house.account("0036", credit=2)
    house.account("777", credit=3)
    for who, credit in ((house.john, "12.34"), ("0036", "2.00"), ("777", "3.00")):
        assert f"${credit} " in house.keyed("balance", **root, param1=who).message
    assert house.keyed("balance", **root, u_id=777).code == 404
    assert house.keyed("balance", **root, u_id=777, param1="john").code == 404


def test_a_rename_names_its_account_in_the_place(house):
    root = bare("root", "rootpass")
    assert house.keyed("setuser", **root, param1=house.kid, u_username="grown").code == 200
    assert house.users.by_id(house.kid).username == "grown"
    assert house.keyed("setuser", **root, param1="john", u_username="jim").code == 400
    assert house.keyed("setuser", **root, u_id=999, u_username="john", u_comment="x").code == 404


def test_whoever_has_both_gives_them_one_place():
    for row in {id(row): row for row in TABLE.values()}.values():
        names = [param.name for param in row.params]
        if "u_id" in names and "u_username" in names:
            assert row.places == len(names) - 1 and row.either[-1] == f"param{names.index('u_id') + 1}", row.name
