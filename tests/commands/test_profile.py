"""A user about himself."""

import pytest


def test_getdetails_has_three_sizes(town):
    assert town.ask("getdetails", "john", mode="min").data == {
        "id": town.john, "username": "john", "name": "", "credit": 12.34, "currency": "USD", "postpaid": 0,
        "statustext": "Not Used"}
    normal, most = (town.ask("getdetails", "john", mode=mode).data for mode in ("normal", "max"))
    assert town.ask("getdetails", "john").data == normal
    assert normal["credittext"] == "12.34 USD" and len(most) > 80 and "johnpass" not in str(most)
    assert town.refused("getdetails", "john", mode="x")[0] == 400
    assert town.refused("getdetails") == (400, "missing user input")


def test_changepwd_asks_for_the_old_one(town):
    assert town.refused("changepwd", "john", newpassword="newpassword", oldpassword="wrong") == (
        403, "the old password is wrong")
    assert town.refused("changepwd", "john", newpassword="newpassword") == (
        400, "missing parameter oldpassword (the one until now; takes a text)")
    assert town.refused("changepwd", "john", oldpassword="johnpass")[0] == 400
    for bad in ("short", "JOHN", "tab\tin it here", "x" * 129):
        assert town.refused("changepwd", "john", newpassword=bad, oldpassword="johnpass")[0] == 422
    account = town.users.by_username("john")
    town.ask("changepwd", "john", newpassword="newpassword", oldpassword="johnpass")
    assert account.password == "newpassword" == town.value("john", "password")


@pytest.mark.parametrize("who, txt, found", [
    ("john", "jo", ["john"]), ("john", "kid", []), ("kid", "ki", ["kid"]), ("boss", "kid", ["kid"]),
    (None, "kid", ["kid"]), ("agent", "john", ["john"]), (None, "root", [])])
def test_search_stays_in_the_callers_reach(town, who, txt, found):
    assert [row[0] for row in town.ask("search", who, txt=txt).data.rows] == found


def test_search_takes_two_characters(town):
    assert town.refused("search", "john", txt="j ")[0] == 400
