"""The old API: values by their order and by their names, and its codes."""

import random

import pytest

from mizu.api.oldapi import COMMANDS, is_old, named, old_code, read_old
from mizu.base.errors import ApiError
from mizu.wire.query import unquote


def read(target):
    path, _, query = target.partition("?")
    parsed, pin = read_old(path, query)
    return parsed.params, pin


@pytest.mark.parametrize("target, params", [
    ("/xmapi/balance?key=K&john&secret&now", {"apientry": "balance"}),
    ("/xmapi/balance?key=K&john&secret&3612345&now", {"apientry": "balance"}),
    ("/xmapi/rating?key=K&john&secret&3612345", {"apientry": "rating", "bnum": "3612345"}),
    ("/xmapi/RATING/?key=K&john&secret&%2B36+1", {"apientry": "rating", "bnum": "+36 1"}),
    ("/xmapi/p2p?key=K&john&secret&11&22&now", {"apientry": "p2p", "anum": "11", "bnum": "22"}),
    ("/xmapi/cb?key=K&john&secret&11&now", {"apientry": "callback", "num": "11"}),
    ("/xmapi/sms?key=K&john&secret&11&hello+you", {"apientry": "sms", "to": "11", "txt": "hello you"}),
    ("/xmapi/recharge?key=K&john&secret&CODE", {"apientry": "charge", "pin": "CODE"}),
    ("/xmapi/cli?key=K&john&secret&11", {"apientry": "cli", "anum": "11"}),
    ("/xmapi/addcredit?key=K&john&secret&5.5", {"apientry": "addcredit", "credit": "5.5"}),
])
def test_user_and_password_come_before_the_commands_own_values(target, params):
    assert read(target) == ({"authkey": "K", "authid": "john", "authpwd": "secret", **params}, False)


@pytest.mark.parametrize("target, params", [
    ("/xmapi/balance?key=K&1234&now", {"apientry": "balance"}),
    ("/xmapi/rating?key=K&1234&36", {"apientry": "rating", "bnum": "36"}),
    ("/xmapi/p2p?key=K&1234&11&22", {"apientry": "p2p", "anum": "11", "bnum": "22"}),
    ("/xmapi/rating?key=K&pincode=1234&36", {"apientry": "rating", "bnum": "36"}),
])
def test_a_pin_stands_for_both(target, params):
    got, pin = read(target)
    assert pin and got == {"authkey": "K", "authid": "1234", "authpwd": "1234", **params}


@pytest.mark.parametrize("target", [
    "/xmapi/rating?key=K&username=john&password=secret&number=36", "/xmapi/rating?number=36&key=K&john&secret",
    "/xmapi/rating?key=K&user=john&pwd=secret&bnum=36&now=5", "/xmapi/rating?authkey=K&authid=john&authpwd=secret&36",
])
def test_values_may_have_their_names(target):
    params, pin = read(target)
    wanted = {"apientry": "rating", "authkey": "K", "authid": "john", "authpwd": "secret", "bnum": "36"}
    assert not pin and wanted.items() <= params.items()


def test_a_new_account_is_not_who_asks():
    assert read("/xmapi/adduser?key=K&new&secret&now")[0] == {
        "apientry": "adduser", "authkey": "K", "u_username": "new", "u_password": "secret"}
    assert read("/xmapi/adduser?key=K&username=new&password=secret")[0] == {
        "apientry": "adduser", "authkey": "K", "u_username": "new", "u_password": "secret"}


@pytest.mark.parametrize("target, code", [
    ("/xmapi/nonsense?key=K", 406), ("/xmapi/?key=K", 406), ("/xmapi/setcredit?key=K&a&b&5", 406),
    ("/xmapi/rating?key=K&1234", 421), ("/xmapi/rating?key=K", 421),
    ("/xmapi/p2p?key=K&1234&11", 421), ("/xmapi/balance?" + "&" * 1000, 412),
])
def test_what_cannot_be_read_has_the_old_code(target, code):
    with pytest.raises(ApiError) as caught:
        read(target)
    assert caught.value.code == code


@pytest.mark.parametrize("code, pin, old", [
    (200, False, 200), (401, False, 403), (403, False, 403), (401, True, 420), (404, False, 404), (400, False, 412),
    (500, False, 412), (501, True, 412), (406, False, 406), (421, False, 421), (429, False, 412),
])
def test_codes_are_those_of_the_old_api(code, pin, old):
    assert old_code(code, pin) == old


def test_over_the_new_api_the_old_names_are_mapped_only_where_they_say_who_asks():
    assert is_old("balance", {"username": "john", "password": "x"}) and is_old("rating", {"pincode": "1"})
    assert not is_old("balance", {"username": "john"})              # an administrator asks for john
    assert not is_old("setuser", {"username": "john", "password": "x"})
    assert not is_old("balance", {"authid": "root", "username": "john", "password": "x"})
    assert named("rating", {"key": "K", "username": "john", "password": "x", "number": "36"}) == {
        "authkey": "K", "authid": "john", "authpwd": "x", "bnum": "36"}


def test_twenty_thousand_queries_are_read_as_a_second_reader_does():
    chance = random.Random(9)
    names = list(COMMANDS) + ["nonsense"]
    pieces = ["john", "a%20b", "1+2", "now", "new", "", "%", "%zz", "key=K", "username=u", "password=p", "pincode=7",
              "number=5", "authid=a", "x=y=z", "=v", "bnum=8", "\u00e9", "x", "USERNAME=w"]
    read_well = 0
    for _ in range(20_000):
        name = chance.choice(names)
        query = "&".join(chance.choice(pieces) for _ in range(chance.randrange(7)))
        try:
            params, pin = read(f"/xmapi/{name}?{query}")
        except ApiError as error:
            assert error.code == (406 if name == "nonsense" else 421), query
            assert name == "nonsense" or not complete(name, query), query
            continue
        read_well += 1
        assert complete(name, query) and params["apientry"] == COMMANDS[name][0]
        bare = [unquote(piece.replace("+", " ")) for piece in query.split("&") if piece and "=" not in piece]
        own = [params.get(key) for key in ("authid", "authpwd", *COMMANDS[name][1])]
        for text in own:
            assert text is None or text in bare or text in ("u", "p", "7", "5", "a", "8", "w"), query
        assert not pin or params["authid"] == params["authpwd"]
        assert pin or name == "adduser" or "pincode=7" not in query or "authid=a" in query
    assert read_well > 5000


def complete(name, query):
    """Whether every value of the command is there, counted from the outside."""
    bare = [piece for piece in query.split("&") if piece and "=" not in piece]
    while bare and bare[-1] in ("now", "new"):
        bare.pop()
    given = {piece.split("=")[0].lower(): piece for piece in reversed(query.split("&")) if "=" in piece}
    values = list(COMMANDS[name][1])
    if name == "adduser":
        has = {"u_username": "username" in given, "u_password": "password" in given}
    else:
        has = {value: value in given for value in values}
        if "number" in given and values:
            has[values[0]] = True
    lacking = [value for value in values if not has[value]]
    if name == "adduser" or given.keys() & {"pincode", "authid", "username"}:
        return len(bare) >= len(lacking)
    if len(bare) >= len(lacking) + 2:
        return True
    return len(bare) - (1 if bare else 0) >= len(lacking)


@pytest.mark.parametrize("path, start", [("/xmapi/", "missing command, there are "), ("/xmapi/x", "unknown command 'x'")])
def test_a_missing_and_an_unknown_command_are_told_which_there_are(path, start):
    from mizu.api.command import TABLE
    with pytest.raises(ApiError) as refusal:
        read_old(path, "key=K")
    names = refusal.value.message.rpartition("there are ")[2].split(", ")
    assert refusal.value.message.startswith(start) and all([COMMANDS[name][0] in TABLE for name in names])
