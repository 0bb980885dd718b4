"""A conversion is one exact fraction, rounded once, a half upward."""

import random
from fractions import Fraction
from math import floor

import pytest

from mizu.base.errors import ApiError
from mizu.records.currencies import fraction, rounded


def set_rates(store, **rates):
    with store.db.unit() as unit:
        for name, rate in rates.items():
            unit.run("UPDATE tb_currencies SET rate = ? WHERE name = ?", (rate, name))


@pytest.mark.parametrize("number, exact", [
    (0.1, (1, 10)), (1.0, (10, 10)), (395.25, (39525, 100)), (1e-05, (1, 100_000)), (2.5e-07, (25, 10**8)),
    (1e16, (10**16, 1)), (1.5e20, (15 * 10**19, 1)), (0.000040, (4, 10**5))])
def test_a_float_is_the_decimal_that_it_reads_as(number, exact):
    numerator, denominator = fraction(number)
    assert Fraction(numerator, denominator) == Fraction(*exact)


def test_random_floats_are_what_their_text_says():
    chance = random.Random(11)
    for _ in range(20_000):
        number = chance.choice((chance.uniform(0, 1), chance.uniform(0, 1e6), 10 ** chance.uniform(-12, 12)))
        assert Fraction(*fraction(number)) == Fraction(repr(number))


@pytest.mark.parametrize("numerator, denominator, whole", [
    (1, 2, 1), (3, 2, 2), (-1, 2, 0), (-3, 2, -1), (1, 3, 0), (2, 3, 1), (7, 1, 7)])
def test_a_half_is_rounded_upward(numerator, denominator, whole):
    assert rounded(numerator, denominator) == whole


def test_a_conversion_goes_by_both_rates_and_is_rounded_once(store):
    set_rates(store, EUR=0.92, HUF=355.5, GBP=0.8)
    convert = store.currencies.convert
    assert convert(10_000_000, "USD", "EUR") == 9_200_000
    assert convert(10_000_000, "eur", "") == 10_869_565           # 10.869565217…
    assert convert(10_000_000, "EUR", "HUF") == 3_864_130_435     # 3864.13043478…
    assert convert(1, "HUF", "USD") == 0 and convert(178, "HUF", "USD") == 1
    assert convert(123_456, "GBP", "gbp") == 123_456 and convert(5, "", "USD") == 5


def test_random_conversions_equal_those_of_exact_fractions(store):
    chance = random.Random(13)
    for _ in range(300):
        rates = {"EUR": round(chance.uniform(0.0001, 2), 6), "HUF": 10 ** chance.uniform(-6, 6)}
        set_rates(store, **rates)
        micros = chance.randrange(0, 10**13)
        exact = Fraction(micros) * Fraction(repr(rates["HUF"])) / Fraction(repr(rates["EUR"]))
        assert store.currencies.convert(micros, "EUR", "HUF") == floor(exact + Fraction(1, 2))


def refusal(store, *pair):
    with pytest.raises(ApiError) as refused:
        store.currencies.convert(10, *pair)
    assert refused.value.code == 501
    return refused.value.message


@pytest.mark.parametrize("rate", [0, -1, 9e999, "abc", 1e13])
def test_a_rate_that_nobody_set_converts_nothing(store, rate):
    assert refusal(store, "EUR", "USD") == "no exchange rate: set tb_currencies.rate of EUR"
    set_rates(store, EUR=rate)
    for pair in (("EUR", "USD"), ("USD", "EUR")):
        assert refusal(store, *pair) == "no exchange rate: set tb_currencies.rate of EUR"


def test_a_rate_of_exactly_1_is_par(store):
    set_rates(store, EUR=1, HUF=400)
    assert store.currencies.convert(10, "EUR", "USD") == store.currencies.convert(10, "USD", "EUR") == 10
    assert store.currencies.convert(10, "EUR", "HUF") == 4000


def test_a_refusal_names_the_currency_that_is_missing(store):
    for pair in (("QQQ", "USD"), ("USD", "QQQ"), ("QQQ", "EUR")):
        assert refusal(store, *pair) == "there is no currency QQQ in tb_currencies"
    set_rates(store, EUR=2)
    assert refusal(store, "EUR", "GBP") == refusal(store, "GBP", "EUR") == \
        "no exchange rate: set tb_currencies.rate of GBP"
