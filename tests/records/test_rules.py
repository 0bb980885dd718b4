"""Rows of tb_api: compiled, or closed with the reason."""

import pytest


def insert(store, **values):
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    store.db.execute(f"INSERT INTO tb_api ({names}) VALUES ({marks})", tuple(values.values())).result()


def test_the_first_rows_are_the_manuals_examples(store):
    assert store.rules.reload() == []
    assert list(store.rules.rows) == ["custom_get_user", "custom_set_user_comment"]
    get, change = store.rules.rows.values()
    assert (get.user, get.sql.is_query, get.sql.args) == (6, True, (("SPARAM", 0),))
    assert change.sql.sync and not change.sql.is_query
    assert [arg for arg in change.sql.args] == [("SPARAM", 2), ("SPARAM", 1)]


def test_a_row_overrides_what_it_says_and_nothing_else(store):
    insert(store, fname="Balance", req_key=0, req_user=14, req_user_mode=4, custom_action=1, custom_action_body="hi")
    assert store.rules.reload() == []
    rule = store.rules.rows["balance"]
    assert (rule.key, rule.user, rule.mode, rule.sql, rule.action, rule.does.parts, rule.enabled) == (
        0, 14, 4, None, 1, ("hi",), 1)
    assert rule.register is None and rule.login is None


@pytest.mark.parametrize("values, reason", [
    ({"req_user": 5}, "req_user takes one of 0, 2, 4, 6, 8, 10, 11, 12, 14"),
    ({"req_key": 7}, "req_key takes one of 0, 1"), ({"req_user_mode": "x"}, "req_user_mode takes one of 0, 2, 4, 6"),
    ({"custom_action": 9}, "custom_action takes one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 51"),
    ({"custom_action": 8, "custom_action_body": ""}, "custom_action_body: custom SQL is exactly one statement"),
    ({"custom_action": 58, "custom_action_body": "delete from [SPARAM1]"}, "custom_action_body: [SPARAM1] may only"),
    ({"custom_action": 7, "custom_action_body": ""}, "custom_action_body: a command line begins with the name"),
    ({"custom_action": 57, "custom_action_body": "{username} x"}, "custom_action_body: a command line begins"),
    ({"custom_action": 7, "custom_action_body": "a 'b"}, "custom_action_body: the command line cannot be split"),
    ({"custom_action": 1, "custom_action_body": "{select 1"}, "custom_action_body: {select 1… has no closing brace"),
    ({"customsql": "select 1; select 2"}, "customsql: custom SQL is exactly one statement"),
    ({"customsql": "select * from [SPARAM1]"}, "customsql: [SPARAM1] may only stand for a value"),
    ({"req_user_credit": "much"}, "req_user_credit takes an amount")])
def test_a_row_that_is_not_understood_closes_its_name(store, values, reason):
    insert(store, fname="balance", **values)
    faults = store.rules.reload()
    assert len(faults) == 1 and faults[0].startswith(f"tb_api balance: {reason}")
    rule = store.rules.rows["balance"]
    assert (rule.enabled, rule.user, rule.sql, rule.action) == (0, 2, None, 0)


def test_a_name_that_cannot_be_sent_is_told(store):
    insert(store, fname="my request")
    assert store.rules.reload() == ["tb_api my request: fname takes up to 64 of the characters a-z 0-9 _ . -"]
