"""What is set aside cannot be spent twice, and is posted or given back exactly once."""

import random

import pytest

from mizu.base.errors import ApiError

from .store import add, records

DOLLAR = 1_000_000


@pytest.fixture
def john(store):
    return store.users.by_id(add(store, "john", credit=10.0, currency="USD"))


def reserve(store, account, micros, callid="call-1"):
    with store.db.unit() as unit:
        return store.reservations.reserve(unit, account, callid, micros)


def refused(function, *args, code=422):
    with pytest.raises(ApiError) as error:
        function(*args)
    assert error.value.code == code
    return error.value.message


def test_what_is_reserved_is_not_available_and_still_in_the_balance(store, john):
    first = reserve(store, john, 4 * DOLLAR)
    assert store.reservations.available(john) == 6 * DOLLAR
    assert store.ledger.balance(john.id) == 10 * DOLLAR
    assert refused(reserve, store, john, 6 * DOLLAR + 1) == "not enough credit"
    second = reserve(store, john, 6 * DOLLAR, "call-2")
    assert store.reservations.available(john) == 0
    with store.db.unit() as unit:
        store.reservations.void(unit, first)
    assert store.reservations.available(john) == 4 * DOLLAR
    assert [(each[0].callid, each[1]) for each in store.reservations.listed()] == [("call-2", 6 * DOLLAR)]
    with store.db.unit() as unit:
        assert store.reservations.post(unit, second, 2_500_001, "call", "john", 7, "to 36") == (
            10 * DOLLAR, 7_499_999)
    assert store.db.row("SELECT kind, amount_u, refid, cdrid, actor, comment FROM tb_ledger ORDER BY id DESC") == (
        "call", -2_500_001, "call-2", 7, "john", "to 36")
    assert store.reservations.available(john) == 7_499_999 and store.reservations.listed() == []


def test_a_reservation_grows_as_far_as_there_is_credit(store, john):
    held = reserve(store, john, 4 * DOLLAR)

    def extend(micros):
        with store.db.unit() as unit:
            return store.reservations.extend(unit, held, micros)
    store.clock.advance(60)
    assert extend(5 * DOLLAR) == 9 * DOLLAR
    assert refused(extend, DOLLAR + 1) == "not enough credit"
    assert extend(DOLLAR) == 10 * DOLLAR and store.reservations.available(john) == 0
    assert store.reservations.listed(before=store.clock.utc()) == []
    store.clock.advance(1)
    assert store.reservations.listed(before=store.clock.utc())[0][1] == 10 * DOLLAR


def test_nothing_is_posted_or_given_back_twice(store, john):
    held = reserve(store, john, DOLLAR)
    with store.db.unit() as unit:
        store.reservations.post(unit, held, DOLLAR, "call", "john")
    reserve(store, john, DOLLAR, "another")       # its row may have the same id
    for again in (lambda unit: store.reservations.post(unit, held, DOLLAR, "call", "john"),
                  lambda unit: store.reservations.void(unit, held),
                  lambda unit: store.reservations.extend(unit, held, 1)):
        def attempt():
            with store.db.unit() as unit:
                again(unit)
        assert refused(attempt) == "the reservation of call-1 has ended"
    assert store.ledger.balance(john.id) == 9 * DOLLAR and len(store.reservations.listed()) == 1


def test_the_true_price_is_charged_although_it_is_more_than_was_reserved(store, john):
    held = reserve(store, john, DOLLAR)
    with store.db.unit() as unit:
        assert store.reservations.post(unit, held, 12 * DOLLAR, "call", "john") == (10 * DOLLAR, -2 * DOLLAR)
    assert store.reservations.available(john) == -2 * DOLLAR
    assert refused(reserve, store, john, 0) == "not enough credit"


def test_negative_amounts_are_refused(store, john):
    held = reserve(store, john, DOLLAR)
    with store.db.unit() as unit:
        refused(store.reservations.reserve, unit, john, "x", -1)
        refused(store.reservations.extend, unit, held, -1)
        refused(store.reservations.post, unit, held, -1, "call", "john")
    assert store.reservations.available(john) == 9 * DOLLAR


def test_a_unit_that_fails_takes_its_reservation_back(store, john):
    with pytest.raises(RuntimeError), store.db.unit() as unit:
        store.reservations.reserve(unit, john, "call-1", DOLLAR)
        raise RuntimeError
    assert store.reservations.available(john) == 10 * DOLLAR


def test_reservations_survive_a_restart(tmp_path):
    store = records(tmp_path)
    held = reserve(store, store.users.by_id(add(store, "john", credit=10.0)), DOLLAR)
    store.db.close()
    store = records(tmp_path)
    (found, micros), = store.reservations.listed()
    assert (found.id, found.userid, found.callid, micros) == (held.id, held.userid, held.callid, DOLLAR)
    with store.db.unit() as unit:
        store.reservations.post(unit, held, DOLLAR, "call", "john")
    store.db.close()


# -- limits

def spend(store, account, micros, kind="call"):
    with store.db.unit() as unit:
        store.ledger.add(unit, account, -micros, kind, "test")


def limit(store, account, **columns):
    with store.db.unit() as unit:
        store.users.update(unit, account.id, columns)
    store.users.reload((account.id,))


def test_the_daily_limit_bounds_what_a_day_may_spend(store, john):
    store.settings.timezone = "UTC"
    store.clock.seconds = 1_700_000_000 // 86400 * 86400 + 3600.0
    spend(store, john, DOLLAR)
    limit(store, john, dailylimit=3.0)
    assert store.reservations.available(john) == 2 * DOLLAR
    reserve(store, john, DOLLAR)
    assert store.reservations.available(john) == DOLLAR
    spend(store, john, 5 * DOLLAR, "admin")           # an administrator's correction is no spending
    spend(store, john, -DOLLAR // 2, "rebill")        # what a new rating gives back may be spent again
    assert store.reservations.available(john) == DOLLAR + DOLLAR // 2
    store.clock.advance(86400)
    assert store.reservations.available(john) == 2 * DOLLAR


def test_the_monthly_limit_counts_from_the_billing_day(store, john):
    store.settings.timezone = "UTC"
    store.clock.seconds = 1_702_598_400.0       # 2023-12-15
    limit(store, john, monthlylimit=4.0, billingday=20)
    spend(store, john, 3 * DOLLAR)
    assert store.reservations.available(john) == DOLLAR
    store.clock.advance(5 * 86400 - 1)
    assert store.reservations.available(john) == DOLLAR
    store.clock.advance(1)
    assert store.reservations.available(john) == 4 * DOLLAR
    limit(store, john, postpaid=1)
    assert store.reservations.available(john) == 7 * DOLLAR       # its balance is its month


def test_the_first_row_since_a_moment_is_found_by_halves(store):
    chance, times, john = random.Random(19), [], store.users.by_id(add(store, "john"))
    for _ in range(40):
        store.clock.advance(chance.choice((0, 0.5, 60)))
        spend(store, john, 1)
        times.append(store.clock.utc())
    for since in {*times, "2000", "2999", times[7][:-1]}:
        first = store.ledger.first_since(since)
        ids = [id for id, in store.db.rows("SELECT id FROM tb_ledger WHERE datum >= ?", (since,))]
        assert first == (min(ids) if ids else store.db.value("SELECT max(id) + 1 FROM tb_ledger"))


def test_who_pays_is_the_billing_account_if_there_is_one(store, john):
    child = store.users.by_id(add(store, "child", parentid=john.id, billinguserid=john.id))
    lost = store.users.by_id(add(store, "lost"))
    with store.db.unit(actor="x") as unit:
        unit.run("UPDATE tb_users SET billinguserid = 999 WHERE username = 'lost'")
    store.users.reload((lost.id,))
    assert [store.reservations.payer(each) for each in (child, john, lost)] == [john, john, lost]


def test_an_end_users_calls_are_paid_by_the_end_user_above_it(store, john):
    child = store.users.by_id(add(store, "child", parentid=john.id))
    below = store.users.by_id(add(store, "below", parentid=child.id))
    reseller = store.users.by_id(add(store, "reseller", type=2, billinguserid=john.id))
    resold = store.users.by_id(add(store, "resold", parentid=reseller.id))
    trunk = store.users.by_id(add(store, "sender", type=5, parentid=john.id))
    alone = store.users.by_id(add(store, "alone", parentid=john.id))
    lost = store.users.by_id(add(store, "nobody", parentid=999))
    with store.db.unit(actor="x") as unit:
        unit.run("UPDATE tb_users SET billinguserid = id WHERE username = 'alone'")
    store.users.reload((alone.id,))
    everybody = (child, below, reseller, resold, trunk, alone, lost)
    assert [store.reservations.payer(each) for each in everybody] == [john, john, john, resold, trunk, alone, lost]


def test_whoever_pays_for_the_parent_pays_for_those_below_and_loops_end(store, john):
    company = store.users.by_id(add(store, "company"))
    child = store.users.by_id(add(store, "child", parentid=john.id))
    with store.db.unit(actor="x") as unit:
        unit.run("UPDATE tb_users SET billinguserid = ? WHERE id = ?", (company.id, john.id))
    store.users.reload((john.id,))
    assert store.reservations.payer(child) == company
    with store.db.unit(actor="x") as unit:
        unit.run("UPDATE tb_users SET parentid = ? WHERE id = ?", (child.id, company.id))
    store.users.reload((company.id,))
    assert [store.reservations.payer(each) for each in (child, john, company)] == [company, child, john]


def test_random_reservations_never_spend_more_than_there_is(store):
    chance = random.Random(17)
    people = [store.users.by_id(add(store, f"u{n}", credit=5.0)) for n in range(3)]
    balance = {account.id: 5 * DOLLAR for account in people}
    held = {}
    for turn in range(1500):
        account = chance.choice(people)
        mine = [key for key in held if key.userid == account.id]
        free = balance[account.id] - sum(held[key] for key in mine)
        assert store.reservations.available(account) == free
        micros = chance.choice((0, free, free + 1, chance.randrange(2 * DOLLAR)))
        what = chance.choice(("reserve", "extend", "post", "void", "recharge"))
        try:
            with store.db.unit() as unit:
                if what == "reserve":
                    held[store.reservations.reserve(unit, account, f"call-{turn}", micros)] = micros
                    assert micros <= free
                elif what == "recharge":
                    store.ledger.add(unit, account, DOLLAR // 7, "recharge", "x")
                    balance[account.id] += DOLLAR // 7
                elif mine:
                    key = chance.choice(mine)
                    if what == "extend":
                        assert store.reservations.extend(unit, key, micros) == held[key] + micros and micros <= free
                        held[key] += micros
                    elif what == "void":
                        store.reservations.void(unit, key)
                        del held[key]
                    else:
                        price = chance.randrange(held[key] + 1)
                        store.reservations.post(unit, key, price, "call", "x")
                        balance[account.id] -= price
                        del held[key]
        except ApiError as error:
            assert error.message in ("not enough credit", "an amount to spend is not negative")
            assert micros > free or micros < 0
        assert balance[account.id] >= 0
    assert store.db.differences(whole=True).result().rows == []
    assert {account.id: store.ledger.balance(account.id) for account in people} == balance
