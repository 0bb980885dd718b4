"""Months begin once, notices go to whom they concern, and the books are compared."""

import pytest

from mizu.base.errors import ApiError
from mizu.base.message import Rows
from mizu.records.credits import Credits

from .store import add, wait

DOLLAR = 1_000_000
DAY = 86_400


@pytest.fixture
def store(store):
    store.settings.timezone = "UTC"
    store.clock.seconds = 1_710_504_000.0        # 2024-03-15 12:00:00
    wait(store.credits.maintenance())
    return store


def postpaid(store, name="joe", credit=2.0, limit=50.0, **columns):
    return store.users.by_id(add(store, name, credit=credit, postpaid=1, monthlylimit=limit, **columns))


def book(store, account, micros):
    with store.db.unit() as unit:
        store.ledger.add(unit, account, micros, "test", "x")
    store.users.reload((account.id,))


def resets(store, account):
    return store.db.rows("SELECT datum, amount_u, balance_u, actor FROM tb_ledger WHERE userid = ? AND kind = 'reset'",
                         (account.id,))


def test_a_month_lifts_the_credit_to_the_limit_once(store):
    joe = postpaid(store, billingday=20)
    assert wait(store.credits.reset_months()) == 0
    store.clock.advance(4 * DAY + DAY // 2)
    assert wait(store.credits.reset_months()) == 1
    assert resets(store, joe) == [(store.clock.utc(), 48 * DOLLAR, 50 * DOLLAR, "server")]
    assert joe.credit == 50 * DOLLAR            # in memory, too
    book(store, joe, -20 * DOLLAR)
    for _ in range(100):
        store.clock.advance(3600)
        assert wait(store.credits.reset_months()) == 0
    assert store.ledger.balance(joe.id) == 30 * DOLLAR
    store.clock.advance(70 * DAY)               # two months of them not running: one reset
    assert wait(store.credits.reset_months()) == 1 and store.ledger.balance(joe.id) == 50 * DOLLAR


def test_a_crash_between_the_resets_and_their_note_resets_nothing_twice(store):
    joe = postpaid(store, billingday=16)
    store.clock.advance(DAY)
    note = store.db.value("SELECT value FROM tb_settings WHERE name = '_credit_reset'")
    assert wait(store.credits.reset_months()) == 1
    book(store, joe, -DOLLAR)
    with store.db.unit() as unit:
        unit.run("UPDATE tb_settings SET value = ? WHERE name = '_credit_reset'", (note,))
    store.clock.advance(5)
    assert wait(store.credits.reset_months()) == 0 and store.ledger.balance(joe.id) == 49 * DOLLAR


def test_credit_beyond_the_limit_stays_and_the_month_has_begun_all_the_same(store):
    joe = postpaid(store, credit=60.0, billingday=16)
    store.clock.advance(DAY)
    assert wait(store.credits.reset_months()) == 1 and resets(store, joe)[0][1:3] == (0, 60 * DOLLAR)
    book(store, joe, -59 * DOLLAR)
    store.clock.advance(3600)
    assert wait(store.credits.reset_months()) == 0 and store.ledger.balance(joe.id) == DOLLAR
    assert store.db.differences(whole=True).result().rows == []


def test_who_is_not_reset(store):
    idle = [postpaid(store, "other", billingday=25), postpaid(store, "unlimited", limit=0.0, billingday=16),
            store.users.by_id(add(store, "prepaid", monthlylimit=50.0, billingday=16))]
    store.clock.advance(DAY)
    idle.append(postpaid(store, "new", billingday=16))       # of today: what it has is its first month
    assert wait(store.credits.reset_months()) == 0
    assert [resets(store, account) for account in idle] == [[], [], [], []]


@pytest.mark.parametrize("day", [0, None, -3, 1, 29, 31, 77])
def test_any_billing_day_comes_twelve_times_a_year(store, day):
    joe = postpaid(store)
    with store.db.unit() as unit:
        unit.run("UPDATE tb_users SET billingday = ?", (day,))      # as another program may leave it
    for _ in range(366):
        store.clock.advance(DAY)
        wait(store.credits.reset_months())
    assert len(resets(store, joe)) == 12


def test_months_begin_by_the_page(store, monkeypatch):
    monkeypatch.setattr("mizu.records.credits.PAGE", 7)
    monkeypatch.setattr("mizu.records.credits.BATCH", 3)
    for number in range(20):
        postpaid(store, f"u{number}", billingday=16)
    store.clock.advance(DAY)
    assert wait(store.credits.reset_months()) == 20
    assert store.db.value("SELECT count(*) FROM tb_users WHERE credit_u = 50000000") == 20


# -- notices

def due(store):
    rows = wait(store.credits.due_notices())
    return [row["username"] for row in rows.dicts()]


def test_a_notice_is_due_once_each_time_a_balance_falls_below(store):
    joe = store.users.by_id(add(store, "joe", credit=10.0, sendlowcreditemail=1, email="joe@example.com"))
    quiet = store.users.by_id(add(store, "quiet", credit=10.0))
    store.clock.advance(60)
    assert due(store) == []
    for account in (joe, quiet):
        book(store, account, -9 * DOLLAR)
    assert due(store) == []                     # 1.00 is not below 1
    for account in (joe, quiet):
        book(store, account, -1)
        book(store, account, -1)
    row, = wait(store.credits.due_notices()).dicts()
    assert (row["id"], row["email"], row["credit"]) == (joe.id, "joe@example.com", 0.999998)
    store.clock.advance(1)
    with store.db.unit() as unit:
        store.credits.noticed(unit)
    store.clock.advance(1)
    book(store, joe, -DOLLAR // 2)
    assert due(store) == []
    book(store, joe, 5 * DOLLAR)
    book(store, joe, -5 * DOLLAR)
    assert due(store) == ["joe"]
    book(store, joe, 5 * DOLLAR)
    assert due(store) == []                     # he has paid before anybody told him
    store.settings.lowcredit = 20 * DOLLAR
    assert due(store) == []


# -- the books

def falsify(store, id, micros):
    """A balance that no trigger has seen, as a restored or patched file may have it."""
    triggers = store.db.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'tb_users'")
    with store.db.unit() as unit:
        for name, _ in triggers:
            unit.run(f"DROP TRIGGER {name}")
        unit.run("UPDATE tb_users SET credit = ? / 1000000.0 WHERE id = ?", (micros, id))
        for _, sql in triggers:
            unit.run(sql)


def test_the_check_finds_what_differs_and_fix_believes_the_ledger(store):
    joe = store.users.by_id(add(store, "joe", credit=10.0))
    found = wait(store.credits.check())
    assert found == {"accounts": 1, "differences": [], "reservations": 0, "reserved": 0, "stale": 0, "notices": 0}
    falsify(store, joe.id, 99 * DOLLAR)
    found = wait(store.credits.check())
    assert found["differences"] == [{"id": joe.id, "balance": 99 * DOLLAR, "ledger": 10 * DOLLAR}]
    assert wait(store.credits.fix(found["differences"])) == (1, 0)
    assert joe.credit == store.ledger.balance(joe.id) == 10 * DOLLAR
    assert wait(store.credits.check())["differences"] == []
    assert store.db.value("SELECT count(*) FROM tb_ledger") == 1


def test_a_reservation_that_no_call_can_need_is_stale_and_given_back_by_fix(store):
    joe = store.users.by_id(add(store, "joe", credit=10.0))
    with store.db.unit() as unit:
        store.reservations.reserve(unit, joe, "old", 3 * DOLLAR)
    store.clock.advance(store.settings.maxcallduration + 3601)
    with store.db.unit() as unit:
        store.reservations.reserve(unit, joe, "new", 2 * DOLLAR)
    found = wait(store.credits.check())
    assert (found["reservations"], found["reserved"], found["stale"]) == (2, 5 * DOLLAR, 1)
    assert wait(store.credits.fix([])) == (0, 1)
    assert [each.callid for each, _ in store.reservations.listed()] == ["new"]


def test_maintenance_tells_of_differences_and_adds_up_every_row_once_a_day(store):
    told, asked = [], []

    class Log:
        @staticmethod
        def error(text):
            told.append(text)
    credits = Credits(store.db, store.clock, store.users, store.ledger, store.reservations, Log)
    differences = store.db.differences
    store.db.differences = lambda whole=False: asked.append(whole) or differences(whole)
    joe = store.users.by_id(add(store, "joe", credit=10.0))
    for _ in range(30):
        wait(credits.maintenance())
        store.clock.advance(3600)
    assert asked == [whole for whole in [False] * 12 + [True] + [False] * 17] and told == []
    falsify(store, joe.id, 11 * DOLLAR)
    assert wait(credits.maintenance()).__class__ is Rows
    assert told == [f"1 balances are not what the ledger says (checkcredits): accounts {joe.id}"]


def test_a_deleted_account_leaves_no_reservation_and_no_difference(store):
    joe = store.users.by_id(add(store, "joe", credit=10.0))
    with store.db.unit() as unit:
        held = store.reservations.reserve(unit, joe, "call", DOLLAR)
        store.users.delete(unit, joe.id)
    store.users.reload((joe.id,))
    assert store.reservations.listed() == [] and wait(store.credits.check())["differences"] == []
    with pytest.raises(ApiError), store.db.unit() as unit:
        store.reservations.post(unit, held, DOLLAR, "call", "x")
