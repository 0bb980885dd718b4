"""getphonenumber, lockphonenumber, assignphonenumber."""

import pytest

POOL = [f"0188888{n}" for n in range(6)]


@pytest.fixture
def pool(town):
    for number in POOL:
        town.ask("addrecord", table="tb_telnumbers", u_number=number)
    town.ask("addrecord", table="tb_telnumbers", u_number="0800", u_ttype=2, u_country="HU", u_price="2.5")
    return town


def lock_of(town, number):
    return town.db.value("SELECT lockedby FROM tb_telnumbers WHERE number = ? AND lockeduntil > ?",
                         (number, town.clock.utc()))


def test_numbers_come_one_a_line_and_as_rows(pool):
    answer = pool.ask("getphonenumber", limit=2)
    assert answer.message == "01888880\n01888881"
    assert answer.data.dicts()[0] == {"number": "01888880", "country": "", "price": 0.0}
    assert pool.ask("getphonenumber", "john").message == "01888882"
    assert pool.ask("getphonenumber", count=9).message.split("\n") == POOL[3:]
    assert pool.refused("getphonenumber") == (404, "no free number")
    assert pool.ask("getphonenumber", ttype=2).data.rows == [("0800", "HU", 2.5)]


def test_for_whom_a_number_is_locked(pool):
    pool.ask("getphonenumber", "root")
    pool.ask("getphonenumber", "root", u_username="john")
    pool.ask("getphonenumber", "john", u_username="boss")       # a user is always himself
    pool.ask("getphonenumber", "boss", u_username="kid")
    assert [lock_of(pool, number) for number in POOL[:4]] == [0, pool.john, pool.john, pool.kid]


@pytest.mark.parametrize("limit", [0, -1, 1001, "many"])
def test_a_count_of_numbers_has_its_limits(pool, limit):
    assert pool.refused("getphonenumber", limit=limit)[0] == 400


def test_a_lock_answers_its_number(pool):
    answer = pool.ask("lockphonenumber", "john", num="01888883")
    assert (answer.message, answer.data) == ("OK: 01888883", {"number": "01888883", "seconds": 900})
    assert pool.ask("lockphonenumber", "john").message == "OK: 01888880"
    assert pool.ask("lockphonenumber", num=" 0188 (8885)").message == "OK: 01888885"
    assert pool.refused("lockphonenumber", "boss", num="01888883") == (422, "the number 01888883 is locked")
    assert pool.refused("lockphonenumber", num="3456") == (404, "no such number in the pool: 3456")
    assert pool.refused("lockphonenumber", num="<script>")[0] == 400


def test_the_onboarding_of_the_manual(pool):
    shown = pool.ask("getphonenumber", "root", limit=5).message.split("\n")
    chosen = shown[3]
    assert pool.ask("lockphonenumber", "root", num=chosen).message == f"OK: {chosen}"
    id = pool.ask("adduser", "root", u_username="fresh").data["user_id"]
    answer = pool.ask("assignphonenumber", "root", u_id=id, num=chosen)
    assert answer.message == f"OK: {chosen}"
    assert answer.data == {"number": chosen, "user_id": id, "assigned": "telnumber"}
    assert pool.users.by_username("fresh").telnumber == chosen
    assert pool.ask("assignphonenumber", "root", u_username="john").message == "OK: 01888885"


def test_assigning_as_user_name_renames(pool):
    assert pool.ask("assignphonenumber", u_id=pool.john, assignas=1).data["assigned"] == "username"
    assert pool.users.by_username("john") is None and pool.users.by_username("01888880").id == pool.john


@pytest.mark.parametrize("params, code", [
    ({}, 400), ({"u_id": 99}, 404), ({"u_username": "nobody", "verify": 0}, 404), ({"u_id": 5, "verify": 4}, 400),
    ({"u_id": 5, "assignas": 3}, 400), ({"u_id": 5, "num": "555"}, 404), ({"u_id": 5, "verify": "x"}, 400)])
def test_what_cannot_be_assigned_is_said(pool, params, code):
    assert pool.refused("assignphonenumber", "root", **params)[0] == code


def test_numbers_of_outside_take_less_verification(pool):
    for verify, number in ((2, "555"), (1, "556"), (0, "557")):
        assert pool.ask("assignphonenumber", u_id=pool.john, num=number, verify=verify).message == f"OK: {number}"
        assert pool.refused("assignphonenumber", u_id=pool.kid, num=number, verify=verify)[0] == 422
    assert pool.ask("assignphonenumber", u_id=4711, num="01888880", verify=0).data == {
        "number": "01888880", "user_id": 4711, "assigned": ""}


def test_only_administrators_assign(pool):
    for who in ("john", "boss", "agent"):
        assert pool.refused("assignphonenumber", who, u_id=pool.kid)[0] == 403
