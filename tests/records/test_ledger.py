"""Balances and their rows never part, and what is shown is rounded once."""

import random

import pytest

from mizu.base.errors import ApiError
from mizu.records.ledger import MOST, money_text

from .store import add


@pytest.mark.parametrize("micros, text", [
    (0, "0.00"), (12_340_000, "12.34"), (4_999, "0.00"), (5_000, "0.01"), (-4_999, "0.00"), (-5_000, "-0.01"),
    (-12_345_000, "-12.35"), (12_345_000, "12.35"), (999_999_999_999_999, "1000000000.00"), (9_800_000, "9.80")])
def test_money_has_two_decimals_a_half_away_from_zero(micros, text):
    assert money_text(micros) == text


def test_the_credit_word_of_getuser_rounds_like_money_text(store):
    from .store import wait
    chance = random.Random(5)
    id = add(store, "john", currency="EUR")
    for micros in [0, -1, 4_999, 5_000, -4_999, -5_000] + [chance.randrange(-MOST + 1, MOST) for _ in range(50)]:
        with store.db.unit() as unit:
            store.ledger.set_credit(unit, store.users.by_id(id), micros, "test", "me")
        row = wait(store.listing.one(id, ["credittext"], True))
        assert row["credittext"] == money_text(micros) + " EUR"


def test_random_bookings_keep_the_ledgers_sum_and_the_balance_equal(store):
    chance = random.Random(7)
    ids = [add(store, f"u{n}", credit=float(n)) for n in range(5)]
    expected = {id: n * 10**6 for n, id in enumerate(ids)}
    for _ in range(500):
        id = chance.choice(ids)
        account = store.users.by_id(id)
        micros = chance.choice([0, 1, -1, chance.randrange(-10**9, 10**9), chance.randrange(-10**14, 10**14)])
        set_it = chance.random() < 0.3
        with store.db.unit() as unit:
            book = store.ledger.set_credit if set_it else store.ledger.add
            _, new = book(unit, account, micros, "test", "me", comment="c")
        expected[id] = micros if set_it else expected[id] + micros
        store.users.reload([id])
        assert new == expected[id] == account.credit == store.ledger.balance(id)
    sums = dict(store.db.rows("SELECT userid, sum(amount_u) FROM tb_ledger GROUP BY userid"))
    assert {id: sums.get(id, 0) for id in ids} == expected
    assert store.db.differences(whole=True).result().rows == []


def test_a_balance_out_of_range_is_refused_and_nothing_is_written(store):
    account = store.users.by_id(add(store, "john", credit=5.0))
    for change in (store.ledger.set_credit, store.ledger.add):
        for micros in (MOST, -MOST - 5 * 10**6):
            with pytest.raises(ApiError) as error, store.db.unit() as unit:
                change(unit, account, micros, "test", "me")
            assert error.value.code == 422
    assert store.ledger.balance(account.id) == 5_000_000
    assert store.db.value("SELECT count(*) FROM tb_ledger") == 1


def test_a_row_says_who_when_and_why(store):
    account = store.users.by_id(add(store, "john"))
    with store.db.unit() as unit:
        store.ledger.add(unit, account, -2_500_000, "call", "john", refid="abc", comment="to 36")
    assert store.db.row("SELECT userid, kind, amount, balance, refid, actor, comment, datum FROM tb_ledger") == (
        account.id, "call", -2.5, -2.5, "abc", "john", "to 36", store.clock.utc())


def test_the_sentence_follows_the_settings(store):
    account = store.users.by_id(add(store, "john", credit=12.34, currency="USD"))
    settings, ledger = store.settings, store.ledger
    assert ledger.sentence(account) == "Your credit is $12.34 USD"
    account.postpaid = 1
    assert ledger.sentence(account) == "Postpaid. Your credit is $12.34 USD"
    account.postpaid, account.credit, account.currency = 0, -1_005_000, "EUR"
    assert ledger.sentence(account) == "Your credit is €-1.01 EUR"
    account.currency = "QQQ"
    assert ledger.sentence(account) == "Your credit is -1.01 QQQ"
    settings.yourcredittext, settings.yourcredittextprefix, settings.yourcredittextsuffix = "100% of", "", ""
    ledger.reload()
    assert ledger.sentence(account) == "100% of -1.01"
    settings.yourcredittextsuffix = "coins"
    ledger.reload()
    assert ledger.sentence(account) == "100% of -1.01 coins"


def test_a_changed_sign_of_a_currency_is_seen_at_once(store):
    account = store.users.by_id(add(store, "john", currency="USD"))
    store.ledger.sentence(account)
    store.db.execute("UPDATE tb_currencies SET sign = 'US$' WHERE name = 'USD'").result()
    assert store.ledger.sentence(account) == "Your credit is US$0.00 USD"
