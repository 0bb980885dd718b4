"""Lists of call records in pages by key: nothing is lost or told twice, whatever the page's borders."""

import pytest

from mizu.base.message import RowStream
from mizu.records import cdrs
from mizu.records.cdrs import Scope, chosen

from .calls import make_calls
from .store import wait


@pytest.fixture
def calls(store, monkeypatch):
    """40 records, eight in each second, between john and trunk, both ways."""
    monkeypatch.setattr(cdrs, "PAGE", 7)
    ids = make_calls(store)
    with store.db.unit() as unit:
        unit.run("DELETE FROM tb_cdrs")
        for number in range(40):
            pair = (ids["john"], ids["trunk"]) if number % 3 else (ids["trunk"], ids["john"])
            unit.run("INSERT INTO tb_cdrs (id, datum, callerid, calledid, realduration) VALUES (?, ?, ?, ?, 10)",
                     (100 - number, f"2023-11-14 10:00:{number // 8:02d}.000", *pair))
    store.ids = ids
    store.wanted = [row[0] for row in store.db.rows("SELECT id FROM tb_cdrs ORDER BY datum DESC, id DESC")]
    return store


def read(calls, found, meanwhile=lambda: None, **options):
    """The ids of all rows, page by page."""
    rows = wait(calls.cdrs.rows(found, ["id", "datum", "costenduser"], **options))
    if rows.__class__ is not RowStream:
        return [row[0] for row in rows.rows]
    ids = []
    while page := wait(rows.more()):
        assert len(page) <= 7
        ids += [row[0] for row in page]
        meanwhile()
    assert wait(rows.more()) == []
    return ids


def everything(calls, **filters):
    return chosen(calls.db.columns("tb_cdrs"), (None, None), **filters)


def test_pages_are_the_whole_in_both_orders(calls):
    assert read(calls, everything(calls)) == calls.wanted
    assert read(calls, everything(calls), order="date") == calls.wanted[::-1]


@pytest.mark.parametrize("limit", [1, 6, 7, 8, 13, 14, 15, 39, 40, 41])
def test_a_limit_ends_in_its_place(calls, limit):
    assert read(calls, everything(calls), limit=limit) == calls.wanted[:limit]


@pytest.mark.parametrize("scope", [None, "john", "tree"])
def test_the_two_sides_of_an_account_are_merged(calls, scope):
    account = scope and Scope(calls.ids["john"], scope == "tree")
    assert read(calls, everything(calls, account=account)) == calls.wanted
    calls_out = [id for id in calls.wanted if (100 - id) % 3]
    assert read(calls, everything(calls, account=account or Scope(calls.ids["john"]), dir="out")) == calls_out


def test_the_last_row_follows_the_last_page(calls):
    for limit, last in ((0, 40), (7, 7), (3, 3)):
        assert read(calls, everything(calls), limit=limit, last=("summary", "", 1)) == \
            [*calls.wanted[:last], "summary"]


def test_records_that_come_meanwhile_do_not_push_others_into_the_next_page(calls):
    def another():
        calls.db.row("INSERT INTO tb_cdrs (datum) VALUES ('2023-11-14 11:00:00.000')")
    assert read(calls, everything(calls), another) == calls.wanted


def test_one_account_is_read_by_its_index_in_its_order(calls):
    found = everything(calls, account=Scope(calls.ids["john"]))
    sql = cdrs._union(found, ["id", "datum"], ()) + " ORDER BY 2 DESC, 1 DESC LIMIT 8"
    plan = " ".join(row[3] for row in calls.db.rows("EXPLAIN QUERY PLAN " + sql, found.args))
    assert "ix_cdrs_callerid_datum" in plan and "ix_cdrs_calledid_datum" in plan and "TEMP B-TREE" not in plan


def test_a_tree_is_not_sorted_anew_for_every_page(calls):
    found = everything(calls, account=Scope(calls.ids["john"], True))
    sql = cdrs._union(found, ["id", "datum"], ("c.datum <= '2'",), True) + " ORDER BY 2 DESC, 1 DESC LIMIT 8"
    plan = " ".join(row[3] for row in calls.db.rows("EXPLAIN QUERY PLAN " + sql, found.args))
    assert "ix_cdrs_datum" in plan and "FOR ORDER BY" not in plan
