"""Rebilling: the differences by the prices of now, each booked once."""

import random

import pytest

from mizu.base.errors import ApiError
from mizu.records import rebill as module
from mizu.records.price import price

from .calls import make_calls
from .store import add, wait

ALWAYS = ("2000-01-01 00:00:00.000", "2030-01-01 00:00:00.000")


@pytest.fixture
def billed(store):
    """The calls of calls.py, with prices that are those they were charged by: 0.12 a minute for 36, 0.06 for 49, and
    0.10 for calls to a user."""
    store.ids = make_calls(store)
    list_of(store, 1, "Standard", {"36": 0.12, "49": 0.06, "john": 0.1})
    return store


def sql(store, text, *args):
    return wait(store.db.execute(text, args))


def list_of(store, id, name, prices, **columns):
    names = "".join(f", {column}" for column in columns)
    sql(store, f"INSERT INTO tb_billentries (id, name{names}) VALUES (?, ?{', ?' * len(columns)})", id, name,
        *columns.values())
    for prefix, each in prices.items():
        sql(store, "INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, ?, ?)", id, prefix, each)
    store.rates.reload()


def reprice(store, prefix, each):
    sql(store, "UPDATE tb_billingtimes SET price = ? WHERE prefix = ?", each, prefix)


def run(store, since=ALWAYS[0], until=ALWAYS[1], **more):
    return wait(store.rebill.run(since, until, actor="root", **more))


def cost(store, id, column="costenduser"):
    return store.db.value(f"SELECT {column} FROM tb_cdrs WHERE id = ?", (id,))


def credit(store, name):
    return store.db.value("SELECT credit FROM tb_users WHERE username = ?", (name,))


def bookings(store):
    return store.db.rows("SELECT l.cdrid, u.username, l.amount FROM tb_ledger l JOIN tb_users u ON u.id = l.userid"
                         " WHERE kind = 'rebill' ORDER BY l.cdrid, l.id")


def agree(store):
    return not wait(store.db.differences(whole=True)).rows


def without_reseller(store):
    sql(store, "DELETE FROM tb_cdrresellers")


def test_prices_that_stay_the_same_change_nothing(billed):
    without_reseller(billed)
    result = run(billed)
    assert (result.records, result.changed, result.unrated, result.accounts) == (4, 0, 0, {})
    assert bookings(billed) == []


def test_a_difference_is_booked_with_its_record_and_the_record_tells_the_new_price(billed):
    without_reseller(billed)
    reprice(billed, "36", 0.2)
    result = run(billed)
    assert (result.records, result.changed, result.unrated) == (4, 2, 0)
    assert bookings(billed) == [(3, "kid", -0.08), (6, "john", -0.16)]
    assert [cost(billed, id) for id in (3, 6, 1, 4)] == [0.2, 0.4, 0.01, 0.05]
    assert billed.db.row("SELECT unitprice, billingentry, billingstep FROM tb_cdrs WHERE id = 6") == (0.2, 1, 1)
    assert (credit(billed, "kid"), credit(billed, "john")) == (-0.08, -0.16)
    assert billed.users.by_username("john").credit == -160_000
    assert result.accounts[billed.ids["john"]] == ["john", "USD", 1, 240_000, 400_000]
    assert agree(billed)


def test_a_second_run_changes_nothing_and_the_way_back_gives_all_back(billed):
    without_reseller(billed)
    reprice(billed, "36", 0.2)
    run(billed)
    before = bookings(billed)
    again = run(billed)
    assert (again.records, again.changed, again.accounts) == (4, 0, {}) and bookings(billed) == before
    reprice(billed, "36", 0.12)
    run(billed)
    assert (credit(billed, "kid"), credit(billed, "john")) == (0, 0) and len(bookings(billed)) == 4 and agree(billed)


def test_a_dry_run_tells_the_same_and_writes_nothing(billed):
    without_reseller(billed)
    reprice(billed, "36", 0.2)
    before, rows = billed.db.commits, billed.db.rows("SELECT * FROM tb_cdrs")
    told = run(billed, dryrun=True)
    assert billed.db.commits == before and billed.db.rows("SELECT * FROM tb_cdrs") == rows
    done = run(billed)
    assert (told.changed, told.accounts) == (done.changed, done.accounts) and told.changed == 2


def test_a_record_without_a_price_or_an_account_keeps_its_cost_and_is_told(billed):
    without_reseller(billed)
    sql(billed, "DELETE FROM tb_billingtimes WHERE prefix = '49'")
    sql(billed, "DELETE FROM tb_users WHERE username = 'kid'")
    reprice(billed, "36", 0.2)
    result = run(billed)
    assert (result.records, result.changed, result.unrated) == (4, 1, 2)
    assert result.warnings == [(1, "no price for 4912345 of john"), (3, f"account {billed.ids['kid']} is gone")]
    assert (cost(billed, 1), cost(billed, 3)) == (0.01, 0.12)


def test_another_currency_than_at_the_time_is_no_difference_but_a_warning(billed):
    without_reseller(billed)
    sql(billed, "UPDATE tb_users SET currency = 'EUR' WHERE username = 'john'")
    sql(billed, "UPDATE tb_currencies SET rate = 0.5 WHERE name = 'EUR'")
    reprice(billed, "36", 0.2)
    result = run(billed)
    assert (result.unrated, [name for _, name, _ in bookings(billed)]) == (2, ["kid"])
    assert result.warnings[0] == (1, "was charged in USD, john has EUR now")


def test_only_the_calls_of_the_period_the_type_and_the_tree_that_are_asked_for(billed):
    without_reseller(billed)
    reprice(billed, "36", 0.2)
    reprice(billed, "49", 0.5)
    reprice(billed, "john", 0.5)
    ids = lambda **more: {id for id in (1, 3, 4, 6) if run_changes(billed, id, **more)}     # noqa: E731
    assert ids() == {1, 3, 4, 6}
    assert ids(since="2023-11-14 00:30:00.000") == {3, 4, 6}
    assert ids(until="2023-11-14 00:30:00.000") == {1}
    assert ids(usertype=2) == {4} and ids(usertype=0) == {1, 3, 6}
    assert ids(parent=billed.ids["boss"]) == {3, 4} and ids(parent=billed.ids["kid"]) == {3}


def run_changes(store, id, **more):
    """Whether a run would change a record."""
    changes, real = [], module._Work._count

    def count(self, planned):
        changes.extend(change.cdrid for change in planned)
        real(self, planned)
    module._Work._count = count
    try:
        run(store, dryrun=True, **more)
    finally:
        module._Work._count = real
    return id in changes


def test_messages_faxes_and_failures_are_no_calls(billed):
    without_reseller(billed)
    reprice(billed, "36", 0.2)
    for mark in module.NOT_CALLS:
        sql(billed, "UPDATE tb_cdrs SET mark = ?", mark)
        assert run(billed).records == 0
    sql(billed, "UPDATE tb_cdrs SET mark = 'CONF'")
    assert run(billed).changed == 2


def test_resellers_pay_their_share_anew_in_their_currency(billed):
    sql(billed, "UPDATE tb_users SET currency = 'EUR' WHERE username = 'boss'")
    sql(billed, "UPDATE tb_cdrs SET currency = 'EUR' WHERE id = 4")
    sql(billed, "UPDATE tb_currencies SET rate = 0.5 WHERE name = 'EUR'")
    list_of(billed, 2, "Boss", {"36": 0.1}, userid=billed.ids["boss"])
    run(billed)
    assert (3, "boss", 0.04) in bookings(billed)        # 0.09 was charged, 0.05 EUR is right
    assert billed.db.row("SELECT cost, unitprice, billingentry, currency FROM tb_cdrresellers") == (0.05, 0.1, 2, "EUR")
    assert credit(billed, "boss") == 0.065 and agree(billed)       # and half of his own call
    assert run(billed).changed == 0


def test_whoever_is_billed_for_another_gets_the_difference(billed):
    without_reseller(billed)
    sql(billed, "UPDATE tb_users SET billinguserid = ? WHERE username = 'kid'", billed.ids["john"])
    reprice(billed, "36", 0.2)
    run(billed)
    assert bookings(billed) == [(3, "john", -0.08), (6, "john", -0.16)]


def charged(store, cdrid, **users):
    """Ledger rows as a call books them: the caller's payer first."""
    with store.db.unit(actor="call") as unit:
        for name, micros in users.items():
            store.ledger.add(unit, store.users.by_username(name), -micros, "call", "call", cdrid=cdrid)


def test_a_difference_goes_to_whoever_was_charged_for_the_record(billed):
    without_reseller(billed)
    charged(billed, 3, kid=120_000)
    add(billed, "company", currency="EUR")
    sql(billed, "UPDATE tb_users SET billinguserid = (SELECT id FROM tb_users WHERE username = 'company')"
                " WHERE username IN ('kid', 'john')")
    sql(billed, "UPDATE tb_cdrs SET currency = 'EUR' WHERE id IN (1, 6)")
    sql(billed, "UPDATE tb_currencies SET rate = 0.5 WHERE name = 'EUR'")
    reprice(billed, "36", 0.2)
    reprice(billed, "49", 0.12)
    run(billed)
    assert bookings(billed) == [(3, "kid", -0.08), (6, "company", 0.04)]
    assert run(billed).changed == 0 and agree(billed)


def test_of_several_who_were_charged_each_gets_his_own_difference(billed):
    sql(billed, "UPDATE tb_cdrresellers SET currency = 'USD'")
    charged(billed, 3, kid=120_000, boss=90_000)
    list_of(billed, 2, "Boss", {"36": 0.15}, userid=billed.ids["boss"])
    sql(billed, "UPDATE tb_users SET billinguserid = ? WHERE username = 'kid'", billed.ids["boss"])
    reprice(billed, "36", 0.2)
    sql(billed, "UPDATE tb_billingtimes SET price = 0.15 WHERE entryid = 2")
    run(billed)
    assert [each for each in bookings(billed) if each[0] == 3] == [(3, "kid", -0.08), (3, "boss", -0.06)]


@pytest.mark.parametrize("sums, figures, who", [
    ({}, [(1, 5), (2, 4)], [1, 2]),                     # no rows: whoever would be now
    ({7: 5}, [(1, 5)], [7]), ({7: 0}, [(1, 0)], [7]),   # also when all was given back
    ({7: 5}, [(1, 9)], [7]),                            # a first difference that was booked to him
    ({7: 5, 2: 5}, [(2, 5), (2, 5)], [7, 2]),           # alike: the caller's payer was booked first
    ({2: 9}, [(2, 5), (2, 4)], [2, 2]), ({2: 9}, [(1, 5), (2, 4)], [2, 2]),     # one for both
    ({2: 4}, [(1, 0), (2, 4)], [1, 2]), ({2: -1}, [(1, 5), (2, 4)], [1, 2]),    # nothing of the caller's yet
    ({1: 5}, [(1, 5), (2, 0)], [1, 2]), ({8: 5, 9: 4}, [(1, 5), (2, 4)], [8, 9])])
def test_who_was_charged_is_read_from_the_ledgers_sums(sums, figures, who):
    assert module._charged(sums, figures) == who


def test_costs_of_our_side_change_in_the_record_and_move_no_money(billed):
    without_reseller(billed)
    list_of(billed, 5, "Trunk", {"36": 0.03}, type=2, userid=billed.ids["trunk"])
    list_of(billed, 6, "Sales", {"36": 0.01}, type=3)
    result = run(billed)
    assert result.changed == 2 and result.accounts == {} and bookings(billed) == []
    assert (cost(billed, 6, "costprovider"), cost(billed, 6, "costsales"), cost(billed, 6, "costcompany")) == (
        0.06, 0.02, 0.012)
    assert cost(billed, 1, "costprovider") == 0.002


def test_calls_that_cost_more_than_they_bring_are_told_where_that_is_asked(billed):
    without_reseller(billed)
    reprice(billed, "36", 0.04)
    assert run(billed, dryrun=True).warnings == []
    assert run(billed, dryrun=True, margins=True).warnings == [(3, "costs 0.05 and brings 0.04"),
                                                              (6, "costs 0.1 and brings 0.08")]


def test_the_price_is_that_of_the_moment_of_the_answer(billed):
    without_reseller(billed)
    sql(billed, "UPDATE tb_billentries SET validto = '2023-11-14 12:00:00' WHERE id = 1")
    list_of(billed, 2, "Later", {"36": 1}, validfrom="2023-11-14 12:00:01")
    run(billed)
    assert (cost(billed, 3), cost(billed, 6)) == (0.12, 2.0)
    sql(billed, "UPDATE tb_cdrs SET connectdate = '' WHERE id = 6")
    sql(billed, "UPDATE tb_billentries SET validfrom = '2023-11-14 21:59:00' WHERE id = 2")
    result = run(billed)
    assert result.warnings[-1][0] == 6      # answered at 21:58, when no list held


def test_pages_and_slices_miss_no_record_and_take_none_twice(billed, monkeypatch):
    without_reseller(billed)
    monkeypatch.setattr(module, "PAGE", 7)
    monkeypatch.setattr(module, "_PAGE", module._PAGE.replace("LIMIT 501", "LIMIT 8"))
    monkeypatch.setattr(module, "SLICE", -1)        # a record each
    with billed.db.unit() as unit:
        for number in range(100):
            unit.run("INSERT INTO tb_cdrs (datum, callerid, callednumber, realduration, costenduser, currency)"
                     " VALUES (?, ?, '361', 60, 0.12, 'USD')",
                     (f"2023-11-10 0{number // 40}:00:00.000", billed.ids["john"]))
    reprice(billed, "36", 0.22)
    result = run(billed)
    assert (result.total, result.records, result.changed) == (104, 104, 102)
    assert result.accounts[billed.ids["john"]][2] == 101
    assert credit(billed, "john") == -10.2 and agree(billed)


def test_a_record_that_changes_meanwhile_is_left_alone(billed):
    without_reseller(billed)
    reprice(billed, "36", 0.2)
    real = billed.db.gate

    async def gate():
        await real()
        with billed.db.unit() as unit:
            unit.run("UPDATE tb_cdrs SET costenduser = 9 WHERE id = 6")
    billed.db.gate = gate
    assert run(billed).changed == 1 and cost(billed, 6) == 9
    assert bookings(billed) == [(3, "kid", -0.08)]


def test_a_balance_beyond_all_bounds_spoils_its_own_record_only(billed):
    without_reseller(billed)
    with billed.db.unit(actor="x") as unit:
        billed.ledger.set_credit(unit, billed.users.by_id(billed.ids["john"]), -999_999_999_900_000, "admin", "x")
    reprice(billed, "36", 0.2)
    result = run(billed)
    assert (result.changed, result.unrated) == (1, 1) and cost(billed, 6) == 0.24 and cost(billed, 3) == 0.2
    assert agree(billed)


def test_one_run_at_a_time_and_it_ends_with_the_server(billed):
    without_reseller(billed)
    billed.rebill.running = module.Result()
    with pytest.raises(ApiError) as caught:
        run(billed)
    assert caught.value.code == 422
    billed.rebill.running = None
    with pytest.raises(ApiError) as caught:
        run(billed, stopping=lambda: True)
    assert caught.value.code == 503 and billed.rebill.running is None
    run(billed)


def test_random_prices_one_after_the_other_leave_what_the_last_one_alone_would(billed):
    """Σ differences = price by the last list − what was charged at first, for every record and account."""
    without_reseller(billed)
    chance = random.Random(4)
    for _ in range(60):
        sql(billed, "UPDATE tb_billentries SET billingstep = ?, minammount = ?, connectfee = ?, freeammount = ?",
            chance.choice([1, 6, 60]), chance.choice([0, 30]), chance.choice([0, 0.05]), chance.choice([0, 10]))
        reprice(billed, chance.choice(["36", "49", "john"]), round(chance.random(), 6))
        if chance.random() < 0.3:
            run(billed, dryrun=True)
        if chance.random() < 0.6:
            run(billed)
    run(billed)
    assert run(billed).changed == 0 and agree(billed)
    first = {1: 10_000, 3: 120_000, 4: 50_000, 6: 240_000}
    for id, paid in first.items():
        caller, number, seconds = billed.db.row("SELECT callerid, callednumber, realduration FROM tb_cdrs WHERE id = ?",
                                                (id,))
        right = price(billed.rates.find(billed.users.by_id(caller), number.lstrip("+")).tariff, seconds)
        booked = billed.db.value("SELECT -sum(amount_u) FROM tb_ledger WHERE kind = 'rebill' AND cdrid = ?", (id,)) or 0
        assert paid + booked == right


def test_a_caller_of_no_account_needs_one(billed):
    without_reseller(billed)
    add(billed, "later")
    sql(billed, "UPDATE tb_cdrs SET callerid = 0 WHERE id = 6")
    assert run(billed).warnings == [(6, "account 0 is gone")]
