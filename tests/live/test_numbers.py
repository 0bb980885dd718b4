"""Numbers over the wire: two callers never get one."""

import json

import pytest

from .test_recharge import in_parallel

pytestmark = pytest.mark.live


@pytest.fixture
def pool(fresh_server):
    """A server with 40 numbers and users u0 … u9."""
    rows = ", ".join([f"('018888{number:02}')" for number in range(40)])
    assert fresh_server.api("db", sql=f"insert into tb_telnumbers (number) values {rows}").startswith("OK")
    rows = ", ".join([f"('u{number}', 'pw')" for number in range(10)])
    assert fresh_server.api("db", sql=f"insert into tb_users (username, password) values {rows}").startswith("OK")
    return fresh_server


def user(server, number):
    return f"authkey={server.key}&authid=u{number}&authpwd=pw"


@pytest.mark.parametrize("entry", ["getphonenumber", "lockphonenumber", "assignphonenumber"])
def test_fifty_at_a_time_get_forty_numbers_once_each(pool, entry):
    who = [pool.as_admin] * 50 if entry == "assignphonenumber" else [
        pool.as_admin if number % 2 else user(pool, number % 10) for number in range(50)]
    answers = in_parallel(pool, [f"/mvapireq/?apientry={entry}&{who[number]}&u_username=u{number % 10}&format=json"
                                 for number in range(50)])
    answers = [json.loads(answer) for answer in answers]
    given = [answer["message"].removeprefix("OK: ") for answer in answers if answer["code"] == 200]
    assert len(given) == len(set(given)) == 40 and all(number.startswith("018888") for number in given)
    assert [answer["message"] for answer in answers if answer["code"] != 200] == ["ERROR: no free number"] * 10
    if entry == "assignphonenumber":
        owners = pool.api("db", sql="select number from tb_users_numbers union all"
                                    " select telnumber from tb_users where telnumber <> ''").split("\n")
        assert sorted(owners) == sorted(given)


def test_one_number_wanted_by_fifty_goes_to_one(pool):
    answers = in_parallel(pool, [f"/mvapireq/?apientry=assignphonenumber&{pool.as_admin}&u_username=u{number % 10}"
                                 f"&num=01888800&verify={number % 4}" for number in range(50)])
    assert sum([answer.startswith("OK") for answer in answers]) == 5        # whoever got it asked five times
    assert int(pool.api("db", sql="select count(*) from tb_users where telnumber = '01888800'")) == 1


def test_numbers_come_one_a_line(pool):
    assert pool.api("getphonenumber") == "01888800"
    assert pool.api("getphonenumber", limit=3) == "01888801\n01888802\n01888803"
    assert pool.get(f"/mvapireq/?apientry=getphonenumber&authkey={pool.key}&count=3&now=555") == \
        "01888804\n01888805\n01888806"
    assert in_parallel(pool, [f"/mvapireq/?apientry=getphonenumber&{user(pool, 1)}&limit=2"]) == [
        "01888807\r\n01888808\r\n"]
    assert json.loads(pool.api("getphonenumber", format="json"))["data"] == [
        {"number": "01888809", "country": "", "price": 0.0}]
