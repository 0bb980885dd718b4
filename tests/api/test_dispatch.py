"""One request, one line: what it finds on its way, and what comes back."""

import pytest

from mizu.api.command import TABLE, Context
from mizu.base.errors import ApiError
from mizu.base.message import Answer, Session
from mizu.base.task import Future

from .house import FAR, LOOP, bare


# -- finding the command ---------------------------------------------------------------------------

@pytest.mark.parametrize("entry, near", [("balanse", "balance"), ("getusr", "getuser"), ("apitst", "apitest")])
def test_an_unknown_command_is_answered_with_the_nearest_names(house, entry, near):
    answer = house.ask(entry)
    assert answer.code == 404 and answer.entry == entry
    assert answer.message.startswith(f"ERROR: unknown command {entry!r}, did you mean ") and near in answer.message


def test_a_name_like_no_other_gets_no_guess(house):
    assert house.ask("qqqqqq").message == "ERROR: unknown command 'qqqqqq' (help lists all)"


def test_a_long_name_is_neither_searched_nor_repeated(house):
    assert len(house.ask("x" * 100_000).message) < 120


def test_no_command_says_how_to_send_one(house):
    answer = house.text("foo=1")[1]
    assert answer.code == 404 and answer.message.startswith("ERROR: no command: send apientry=NAME")


def test_custom_names_are_guessed_too(house):
    house.rule("mycustomreport", customsql="select 1")
    assert "mycustomreport" in house.ask("mycustomrepor").message


def test_names_ignore_case(house):
    assert house.ask("ApiTest1").message == "OK: api test succeed"


# -- parameters ------------------------------------------------------------------------------------

def test_a_missing_parameter_is_400_and_named(house):
    answer = house.keyed("search", **bare("john", "johnpass"))
    assert answer.code == 400 and answer.message.startswith("ERROR: missing parameter txt (")


def test_a_bad_parameter_is_400_and_says_what_it_takes(house):
    answer = house.keyed("balance", **bare("john", "johnpass"), u_id="x")
    assert answer.message == "ERROR: parameter u_id takes a whole number, not 'x'"


def test_who_may_not_learns_nothing_of_parameters(house):
    assert house.keyed("setcredit", **bare("john", "johnpass"), u_id="x").code == 403
    assert house.ask("setcredit", u_id="x").code == 401


# -- faults ----------------------------------------------------------------------------------------

def replaced(monkeypatch, name, function, is_async=False):
    monkeypatch.setattr(TABLE[name], "function", function)
    monkeypatch.setattr(TABLE[name], "is_async", is_async)


def broken(ctx):
    raise KeyError("secret detail")


async def broken_later(ctx):
    raise KeyError("secret detail")


@pytest.mark.parametrize("function, is_async", [(broken, False), (broken_later, True)])
def test_a_bug_is_500_with_the_serial_and_nothing_else(house, monkeypatch, function, is_async):
    replaced(monkeypatch, "apitest1", function, is_async)
    answer = house.ask("apitest1")
    serial = house.decoder.serial
    assert (answer.code, answer.message) == (500, f"ERROR: internal error, see the server's log, request {serial}")
    assert answer.data is None and answer.entry == "apitest1"
    line = house.log.tail(1)[0]
    assert f"request={serial}" in line and "KeyError" in line and "test_dispatch.py" in line and " broken" in line


def test_a_bug_after_a_wait_is_logged_as_well(house, monkeypatch):
    waited = Future()

    async def function(ctx):
        await waited
        raise ZeroDivisionError
    replaced(monkeypatch, "apitest1", function, True)
    request = house.request("apitest1")
    outcome = house.dispatcher.submit(request, Session(request.peer))
    assert not outcome.done
    waited.set()
    assert outcome.result().code == 500 and "ZeroDivisionError" in house.log.tail(1)[0]


@pytest.mark.parametrize("waits", [False, True])
def test_an_api_error_keeps_its_code_text_data_and_control(house, monkeypatch, waits):
    def refuse(ctx):
        raise ApiError(422, "no", control="DISPLAY", data={"a": 1})

    async def refuse_later(ctx):
        refuse(ctx)
    replaced(monkeypatch, "apitest1", refuse_later if waits else refuse, waits)
    answer = house.ask("apitest1")
    assert (answer.code, answer.message, answer.control, answer.data) == (422, "ERROR: no", "DISPLAY", {"a": 1})


# -- waiting ---------------------------------------------------------------------------------------

def test_a_command_that_waits_gives_a_future_of_its_answer(house, monkeypatch):
    waited = Future()

    async def function(ctx):
        return Answer("OK: " + await waited)
    replaced(monkeypatch, "apitest1", function, True)
    request = house.request("apitest1")
    outcome = house.dispatcher.submit(request, Session(request.peer))
    assert outcome.__class__ is Future and not outcome.done
    waited.set("done")
    assert outcome.result().message == "OK: done" and outcome.result().entry == "apitest1"


def test_a_command_that_need_not_wait_answers_at_once(house):
    request = house.request("setcredit", LOOP, authkey="thekey", u_username="john", u_credit=1)
    outcome = house.dispatcher.submit(request, Session(request.peer))
    assert outcome.__class__ is Answer and outcome.code == 200


def test_held_refusals_leave_with_one_timer(house):
    requests = [house.request("apitest") for _ in range(50)]
    held = [house.dispatcher.submit(request, Session(request.peer)) for request in requests]
    assert len(house.reactor.timers) == 1 and not any(each.done for each in held)
    house.reactor.tick()
    assert all(each.done for each in held) and house.dispatcher._held == []
    house.dispatcher.submit(requests[0], Session(requests[0].peer))
    assert len(house.reactor.timers) == 1


def test_only_401_is_held_back(house):
    for entry, params in (("nosuch", {}), ("quickstat", {"authkey": "thekey", **bare("john", "johnpass")})):
        request = house.request(entry, **params)
        assert house.dispatcher.submit(request, Session(request.peer)).__class__ is Answer


# -- counting, auditing ----------------------------------------------------------------------------

def test_requests_calls_and_failures_are_counted(house):
    row, dispatcher = TABLE["balance"], house.dispatcher
    before = row.calls, row.failures, dispatcher.requests, dispatcher.failures
    house.keyed("balance", **bare("john", "johnpass"))
    house.keyed("balance", **bare("john", "wrong"))
    house.ask("nosuch")
    now = row.calls, row.failures, dispatcher.requests, dispatcher.failures
    assert [b - a for a, b in zip(before, now)] == [1, 1, 3, 2]


def test_what_administrators_change_leaves_a_row_in_tb_audit(house):
    proof = bare("root", "rootpass")
    house.keyed("setcredit", **proof, u_username="john", u_credit=1)
    house.keyed("setcredit", **proof, u_username="nobody", u_credit=1)
    house.keyed("quickstat", **proof)
    house.keyed("setcredit", **bare("root", "wrong"), u_username="john", u_credit=1)
    house.audit.save()
    assert house.db.rows("SELECT username, command, ip, code FROM tb_audit") == [
        ("root", "setcredit", FAR, 200), ("root", "setcredit", FAR, 404)]


# -- what a command sees ---------------------------------------------------------------------------

def test_the_context_tells_who_acts(house):
    request = house.request("balance", **{"u_name": "x", "u_": "y", "U_Email": "z"})
    root, john = house.users.by_id(house.root), house.users.by_id(house.john)
    session = Session(request.peer)

    def context(user, role, target=None):
        from mizu.base.message import Principal
        return Context(request, Principal(user, role, (), target or user), session, TABLE["balance"], house)
    assert context(root, 4).is_admin and not context(john, 12).is_admin
    assert context(root, 4, john).user is john and context(root, 4, john).actor == "root"
    assert context(None, 6).actor == FAR
    session.console = True
    assert context(None, 6).actor == "console"
    assert context(root, 4).fields() == {"name": "x", "email": "z"}


def test_apireload_closes_rows_whose_sql_the_database_refuses(house):
    house.rule("wrong", customsql="select nosuch from tb_users", req_user=6)
    house.rule("drops", customsql="drop table tb_users", req_user=6)
    house.rule("right", customsql="update tb_users set comment = '[SPARAM1]' where id = [USERID]", req_user=6)
    root = bare("root", "rootpass")
    answer = house.keyed("apireload", **root)
    assert "tb_api wrong: customsql: SQL: no such column: nosuch" in answer.warning
    assert "tb_api drops: customsql: SQL: changing the shape of tb_users is not allowed here" in answer.warning
    assert "right" not in answer.warning and house.keyed("right", **root).code == 200
    assert house.keyed("wrong", **root).code == house.keyed("drops", **root).code == 501
    house.reload_rules()
    assert house.keyed("wrong", **root).code == 501, "any other reload keeps it closed"
    house.rule("wrong", customsql="select id from tb_users", req_user=6)
    assert house.keyed("apireload", **root).code == 200 and house.keyed("wrong", **root).code == 200
