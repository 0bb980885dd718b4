"""A transfer is two rows or none, and takes only what the giver may spend."""

import pytest

from mizu.base.errors import ApiError

from .store import add

DOLLAR = 1_000_000


@pytest.fixture
def pair(store):
    return [store.users.by_id(add(store, name, credit=credit, currency=currency))
            for name, credit, currency in (("ann", 10.0, "USD"), ("bob", 1.0, ""))]


def give(store, giver, taker, micros):
    with store.db.unit() as unit:
        return store.transfers.give(unit, giver, taker, micros, "ann")


def refused(store, giver, taker, micros):
    before = store.db.rows("SELECT id, credit_u FROM tb_users"), store.db.value("SELECT count(*) FROM tb_ledger")
    with pytest.raises(ApiError) as error:
        give(store, giver, taker, micros)
    assert before == (store.db.rows("SELECT id, credit_u FROM tb_users"),
                      store.db.value("SELECT count(*) FROM tb_ledger"))
    assert error.value.code == 422
    return error.value.message


def test_a_transfer_leaves_a_row_on_either_side(store, pair):
    ann, bob = pair
    assert give(store, ann, bob, 2_500_001) == (7_499_999, 3_500_001)
    assert store.db.rows("SELECT userid, kind, amount_u, refid, actor, comment FROM tb_ledger WHERE kind = 'transfer'") \
        == [(ann.id, "transfer", -2_500_001, str(bob.id), "ann", "to bob"),
            (bob.id, "transfer", 2_500_001, str(ann.id), "ann", "from ann")]
    assert give(store, ann, bob, 7_499_999) == (0, 11 * DOLLAR)


@pytest.mark.parametrize("micros, says", [
    (10 * DOLLAR + 1, "not enough credit"), (10**15 - 1, "not enough credit"), (0, "above zero"), (-5, "above zero")])
def test_an_amount_beyond_the_credit_or_below_zero_is_refused(store, pair, micros, says):
    assert says in refused(store, *pair, micros)


def test_what_is_reserved_or_beyond_the_days_limit_stays(store, pair):
    ann, bob = pair
    with store.db.unit() as unit:
        store.reservations.reserve(unit, ann, "call", 4 * DOLLAR)
    assert refused(store, ann, bob, 6 * DOLLAR + 1) == "not enough credit"
    with store.db.unit() as unit:
        store.users.update(unit, ann.id, {"dailylimit": 5.5})
    give(store, ann, bob, DOLLAR)
    assert refused(store, ann, bob, DOLLAR) == "not enough credit"      # 4 reserved and 1 given of 5.5
    give(store, ann, bob, DOLLAR // 2)


def test_who_gives_nothing_and_who_gets_nothing(store, pair):
    ann, bob = pair
    assert refused(store, ann, ann, 1) == "nobody gives credit to himself"
    for id, column, value, says in ((bob.id, "currency", "EUR", "bob has another currency: EUR"),
                                    (bob.id, "enabled", 0, "the account bob is disabled"),
                                    (bob.id, "temporarydisabled", 1, "the account bob is disabled"),
                                    (ann.id, "postpaid", 1, "a postpaid account has a limit and no credit to give")):
        old = store.db.value(f"SELECT {column} FROM tb_users WHERE id = ?", (id,))
        for now in (value, old):
            with store.db.unit() as unit:
                unit.run(f"UPDATE tb_users SET {column} = ? WHERE id = ?", (now, id))
            store.users.reload((id,))
            if now == value:
                assert refused(store, ann, bob, 1) == says
    give(store, ann, bob, 1)


def test_a_receiver_whose_balance_would_not_fit_costs_the_giver_nothing(store, pair):
    ann, bob = pair
    with store.db.unit() as unit:
        store.ledger.set_credit(unit, bob, 10**15 - 1, "test", "x")
    assert "stays below" in refused(store, ann, bob, 1)
