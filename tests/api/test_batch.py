"""A batch is carried out together or not at all, in one transaction and one turn of the loop."""

import pytest

from mizu.api.command import TABLE
from mizu.base.message import Answer, Session
from mizu.base.task import Future

from .house import FAR, KEY, bare

ROOT = {"authkey": KEY, **bare("root", "rootpass")}
JOHN = {"authkey": KEY, **bare("john", "johnpass")}
TAKEN_BACK = (422, "ERROR: taken back, another request of the batch failed")
NOT_VALID = (422, "ERROR: not valid, another request of the batch failed")
NOT_TRIED = (422, "ERROR: not tried, another request of the batch failed")


def said(answers):
    return [(answer.code, answer.message) for answer in answers]


def test_all_of_them_answer_in_order(house):
    answers = house.batch(("apitest1", {}), ("balance", JOHN), ("version", {}))
    assert [answer.code for answer in answers] == [200] * 3
    assert [answer.entry for answer in answers] == ["apitest1", "balance", "version"]


def test_writes_are_one_commit_and_seen_by_those_behind(house):
    before = house.db.commits
    answers = house.batch(("setcredit", {**ROOT, "u_username": "john", "u_credit": 50}), ("balance", JOHN),
                          ("changecredit", {**ROOT, "u_username": "john", "u_credit": -1}), ("balance", JOHN))
    assert [answer.message for answer in answers][1::2] == ["Your credit is $50.00 USD", "Your credit is $49.00 USD"]
    assert house.db.commits == before + 1 and house.value("john", "credit") == 49


def test_one_failure_takes_all_of_them_back_in_the_table_and_in_memory(house):
    john = house.users.by_username("john")
    answers = house.batch(("setcredit", {**ROOT, "u_username": "john", "u_credit": 50}),
                          ("adduser", {**ROOT, "u_username": "fresh"}),
                          ("balance", {**ROOT, "u_username": "fresh"}),
                          ("setuser", {**ROOT, "u_id": house.john, "u_username": "jim"}),
                          ("balance", {**ROOT, "u_username": "nobody"}), ("apitest1", {}))
    assert said(answers) == [TAKEN_BACK, TAKEN_BACK, NOT_VALID, TAKEN_BACK, (404, "ERROR: no such user: nobody"), NOT_TRIED]
    assert all(answer.data is None for answer in answers)
    assert house.value("john", "credit") == 12.34 and house.value("fresh", "id") is None
    assert (john.username, john.credit) == ("john", 12_340_000)
    assert house.users.by_username("jim") is None and house.users.by_username("fresh") is None
    assert house.keyed("balance", **bare("john", "johnpass")).message == "Your credit is $12.34 USD"
    assert house.db.value("SELECT count(*) FROM tb_ledger WHERE kind = 'admin'") == 0


def test_a_disabled_account_is_back_when_the_batch_is_taken_back(house):
    house.batch(("disableuser", {**ROOT, "u_username": "john"}), ("nosuch", {}))
    assert house.keyed("balance", **bare("john", "johnpass")).code == 200


def test_each_row_of_the_ledger_names_its_request(house):
    house.batch(("setcredit", {**ROOT, "u_username": "john", "u_credit": 50}),
                ("setuser", {**ROOT, "u_username": "kid", "u_credit": 3}))
    assert house.db.rows("SELECT userid, actor FROM tb_ledger ORDER BY id DESC LIMIT 2") == [
        (house.kid, "root"), (house.john, "root")]


@pytest.mark.parametrize("failing", [{"authkey": "bad"}, {**JOHN, "authmd5": "0" * 32}])
def test_a_failed_login_in_a_batch_is_held_back_to_the_tick_as_a_whole(house, failing):
    from mizu.api.batch import submit_batch
    requests = [house.request("apitest1"), house.request("balance", **failing)]
    future = submit_batch(house.dispatcher, requests, Session(requests[0].peer))
    assert not future.done
    house.reactor.tick()
    answers = future.result()
    assert said(answers)[0] == NOT_VALID and answers[1].code == 401
    assert len(house.failures) == 1


def test_a_bug_in_one_of_them_takes_all_back(house, monkeypatch):
    def broken(ctx):
        raise KeyError
    monkeypatch.setattr(TABLE["apitest1"], "function", broken)
    answers = house.batch(("setcredit", {**ROOT, "u_username": "john", "u_credit": 50}), ("apitest1", {}))
    assert [answer.code for answer in answers] == [422, 500] and house.value("john", "credit") == 12.34
    assert not house.dispatcher.joined


def test_a_command_whose_only_wait_is_the_disk_may_be_part_of_it(house, monkeypatch):
    waited = []
    monkeypatch.setattr(house.db._sync, "wait", lambda: waited.append(house.db._unit) or _done())
    answers = house.batch(("adduser", {**ROOT, "u_username": "fresh", "sync": 2}))
    assert answers[0].code == 200 and waited == [None], "the batch waits once, after the commit"


def _done():
    future = Future()
    future.set()
    return future


def test_a_command_that_waits_for_more_is_ended_where_it_would_have_waited(house, monkeypatch):
    ended = []

    async def function(ctx):
        try:
            await Future()
        finally:
            ended.append(True)
        ended.append("went on")
        return Answer("OK")
    monkeypatch.setattr(TABLE["apitest1"], "function", function)
    monkeypatch.setattr(TABLE["apitest1"], "is_async", True)
    answers = house.batch(("setcredit", {**ROOT, "u_username": "john", "u_credit": 50}), ("apitest1", {}))
    assert said(answers) == [TAKEN_BACK, (400, "ERROR: apitest1 has to wait and cannot be part of a batch")]
    assert ended == [True] and house.value("john", "credit") == 12.34


@pytest.mark.parametrize("sync", [-1, 0])
def test_free_sql_cannot_be_part_of_it_and_is_not_run(house, sync):
    answers = house.batch(("db", {**ROOT, "sql": "update tb_users set credit = 99", "sync": sync}))
    assert answers[0].code == 400 and house.value("john", "credit") == 12.34


@pytest.mark.parametrize("sql", ["update tb_users set credit = 99", "*update tb_users set credit = 99"])
def test_custom_sql_that_writes_cannot_be_part_of_it_either(house, sql):
    house.rule("mine", customsql=sql)
    answers = house.batch(("mine", ROOT))
    assert answers[0].code == 400 and house.value("john", "credit") == 12.34


@pytest.mark.parametrize("entry", ["restart", "reload", "setini", "loadinifiles", "savesettings", "logrename",
                                   "delbanned", "apireload", "unittest"])
def test_what_no_rollback_can_take_back_is_refused_before_anything_is_tried(house, entry):
    before = house.db.commits
    credit = {**ROOT, "u_username": "john", "u_credit": 50}
    answers = house.batch(("setcredit", credit), (entry, ROOT), ("apitest1", {}))
    assert said(answers) == [NOT_TRIED, (400, f"ERROR: {entry} cannot be taken back and cannot be part of a batch"),
                             NOT_TRIED]
    assert house.db.commits == before


def test_the_audit_tells_what_came_of_it(house):
    house.batch(("setcredit", {**ROOT, "u_username": "john", "u_credit": 50}), ("balance", {**ROOT, "u_id": 999}))
    house.batch(("setcredit", {**ROOT, "u_username": "john", "u_credit": 50}))
    house.audit.save()
    assert house.db.rows("SELECT command, code FROM tb_audit") == [("setcredit", 422), ("setcredit", 200)]


def test_a_login_inside_a_batch_that_fails_is_forgotten(house):
    session = Session(house.request("x", transport="ws").peer)
    house.batch(("login", JOHN), ("nosuch", {}), session=session)
    assert session.user is None
    assert [a.code for a in house.batch(("login", JOHN), ("balance", {}), session=session)] == [200, 200]


def test_limits_count_every_request_of_a_batch(house):
    house.set(ratelimit_ip="5/5")
    answers = house.batch(*[("apitest1", {})] * 7, host=FAR)
    assert [answer.code for answer in answers] == [422] * 5 + [429, 422]


def test_the_database_that_refuses_fails_the_batch(house):
    from mizu.base.errors import ApiError
    house.db.broken = ApiError(503, "broken")
    with pytest.raises(ApiError):
        house.batch(("apitest1", {}))
    house.db.broken = None


def test_what_was_only_read_is_not_said_to_be_taken_back(house):
    answers = house.batch(("balance", {**ROOT, "u_username": "john"}), ("setuser", {**ROOT, "u_id": house.kid,
                                                                                   "u_comment": "x"}), ("nosuch", {}))
    assert said(answers)[:2] == [NOT_VALID, TAKEN_BACK]
