"""rebill."""

import pytest

from mizu.api.command import TABLE
from records.calls import make_calls


@pytest.fixture
def billed(town):
    town.stopping = False
    make_calls(town)
    for text in ("DELETE FROM tb_cdrresellers", "UPDATE tb_users SET currency = 'USD', credit = 10",
                 "INSERT INTO tb_billentries (id, name) VALUES (1, 'Standard')",
                 "INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (1, '36', 0.2), (1, '49', 0.06)"):
        town.db.execute(text).result()
    return town


def test_rebill_tells_each_accounts_difference_and_books_it(billed):
    told = billed.ask("rebill", param1="31", dryrun=1)
    assert told.message == "OK: 4 records, 2 would change, 2 accounts"
    assert billed.value("john", "credit") == 10
    done = billed.ask("rebill", "root", days="31")
    assert done.message == "OK: 4 records, 2 changed, 2 accounts" and done.data.rows == told.data.rows
    assert done.data.dicts()[1] == {"userid": billed.john, "username": "john", "records": 1, "before": 0.24,
                                    "after": 0.4, "difference": 0.16, "currency": "USD"}
    assert (billed.value("john", "credit"), billed.value("kid", "credit")) == (9.84, 9.92)
    assert billed.users.by_username("john").credit == 9_840_000
    assert billed.db.row("SELECT actor, kind, cdrid FROM tb_ledger ORDER BY id DESC") == ("root", "rebill", 6)
    assert billed.ask("rebill", days="31").message == "OK: 4 records, 0 changed, 0 accounts"


def test_what_could_not_be_rated_is_told_on_request(billed):
    assert billed.ask("rebill", days=31).warning == "1 records could not be rated: checkwarnings=1 lists them"
    answer = billed.ask("rebill", days=31, checkwarnings=1)
    assert answer.warning == "1 records could not be rated"
    assert answer.data == {"accounts": [], "warnings": [{"cdrid": 4, "warning": "no price for john of boss"}]}


def test_the_period_the_type_and_the_tree(billed):
    count = lambda **params: billed.ask("rebill", dryrun=1, **params).message.split()[1]    # noqa: E731
    assert count(days=1) == "3" and count(days="today") == "3" and count(days="lasthour") == "1"
    assert count(fromdate="2023-11-01", todate="2023-11-02") == "1"
    assert count(fromdt="2023-11-14 01:00:00") == "2"
    assert count(days=31, usertype=2) == "1" and count(days=31, parent=billed.boss) == "2"


@pytest.mark.parametrize("params, code", [
    ({}, 400), ({"days": "x"}, 400), ({"days": -1}, 400), ({"days": 31, "parent": 99_999}, 404),
    ({"fromdate": "soon"}, 400), ({"fromdate": "2023-11-02", "todate": "2023-11-01"}, 400),
    ({"todate": "2023-11-01"}, 400)])
def test_what_makes_no_sense_is_refused(billed, params, code):
    assert billed.refused("rebill", **params)[0] == code


def test_only_administrators_rebill_and_never_in_a_batch(billed):
    for who in ("john", "boss", "agent"):
        assert billed.refused("rebill", who, days=31)[0] == 403
    assert TABLE["rebill"].alone and TABLE["rebill"].audited
