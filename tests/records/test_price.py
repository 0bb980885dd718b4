"""price() and maximum_duration(): cases computed by hand, and properties against exact fractions."""

import random
from fractions import Fraction
from math import ceil, floor

import pytest

from mizu.records.price import LONGEST, Tariff, billed, maximum_duration, price

DIME = 100_000      # 0.10 a minute
EUR_USD = (108, 100)

GOLDEN = [
    # rules, seconds, micro-units                                     the arithmetic
    (dict(price=DIME), 0, 0),                                       # no talk costs nothing
    (dict(price=DIME), 60, 100_000),                                # 0.10 · 60/60
    (dict(price=DIME), 1, 1_667),                                   # 0.10 / 60 = 0.0016666… up
    (dict(price=DIME), 2, 3_333),                                   # 0.20 / 60 = 0.0033333… down
    (dict(price=DIME), 3, 5_000),                                   # 0.30 / 60 = 0.005
    (dict(price=DIME), 61, 101_667),                                # 6.10 / 60 = 0.10166666… up
    (dict(price=DIME), 0.2, 1_667),                                 # 0.2 s count as 1 s
    (dict(price=DIME), 60.0001, 101_667),                           # and this as 61
    (dict(price=1), 30, 1),                                         # half a micro-unit goes up
    (dict(price=1), 29, 0),                                         # 0.48 of one goes down
    (dict(price=1), 90, 2),                                         # 1.5 up
    (dict(price=DIME, billingstep=60), 1, 100_000),                 # a minute begun
    (dict(price=DIME, billingstep=60), 60, 100_000),                # exactly one
    (dict(price=DIME, billingstep=60), 61, 200_000),                # two
    (dict(price=DIME, billingstep=6), 61, 110_000),                 # 66 s: 0.10 · 66/60
    (dict(price=DIME, billingstep=6, minammount=30), 1, 50_000),    # 30 s: 0.10 · 30/60
    (dict(price=DIME, billingstep=6, minammount=30), 31, 60_000),   # 36 s: 0.10 · 36/60
    (dict(price=DIME, billingstep=60, minammount=30), 5, 100_000),  # at least 30, up to 60
    (dict(price=DIME, billingstep=7, minammount=30), 5, 58_333),    # at least 30, up to 35: 3.5/60
    (dict(price=DIME, minammount=30), 0, 0),                        # a minimum is none without talk
    (dict(price=DIME, freeammount=10), 10, 0),                      # all of it free
    (dict(price=DIME, freeammount=10), 11, 1_667),                  # 1 s
    (dict(price=DIME, freeammount=10, billingstep=60), 11, 83_333),     # 60 - 10 = 50 s: 5/60 = 0.083333…
    (dict(price=DIME, freeammount=10, connectfee=50_000), 3, 50_000),   # the fee all the same
    (dict(price=DIME, freeafter=120), 3600, 200_000),               # 120 s are paid
    (dict(price=DIME, freeafter=120), 119, 198_333),                # 119 s: 11.9/60 = 0.198333…
    (dict(price=DIME, freeammount=30, freeafter=60), 120, 100_000),     # 120 - 30 = 90, at most 60
    (dict(price=DIME, connectfee=50_000), 60, 150_000),             # 0.05 + 0.10
    (dict(price=DIME, connectfee=50_000), 0, 0),                    # no talk, no fee
    (dict(price=0, connectfee=250_000), 999, 250_000),              # only the fee
    (dict(price=DIME, vatincluded=0, vatvalue=27), 60, 127_000),    # 0.10 · 1.27
    (dict(price=DIME, vatincluded=1, vatvalue=27), 60, 100_000),    # 27 % are in it
    (dict(price=DIME, vatincluded=0, vatvalue=19.6), 1, 1_993),     # 0.10/60 · 1.196 = 0.00199333…
    (dict(price=DIME, vatincluded=0, vatvalue=27, connectfee=50_000), 90, 254_000),     # (0.05 + 0.15) · 1.27
    (dict(price=DIME, rate=EUR_USD), 60, 108_000),                  # 0.10 · 1.08
    (dict(price=DIME, rate=(1, 3)), 60, 33_333),                    # 0.0333333…
    (dict(price=DIME, rate=(1, 3)), 120, 66_667),                   # rounded once, not twice 33 333
    (dict(price=DIME, rate=(36_250, 100), connectfee=10_000), 30, 21_750_000),          # (0.01 + 0.05) · 362.5
    (dict(price=70_000, connectfee=10_000, billingstep=30, minammount=60, freeammount=15, freeafter=600,
          vatincluded=0, vatvalue=27, rate=EUR_USD), 100, 181_737),
    # 120 s, less 15 = 105: (0.6 + 0.07·105)/60 = 0.1325; · 1.27 · 1.08 = 0.181737
    (dict(price=10**9, billingstep=60), 86_400, 1_440_000_000_000),     # 1000 a minute for a day
]


@pytest.mark.parametrize("rules, seconds, micros", GOLDEN)
def test_a_price_is_what_the_hand_computes(rules, seconds, micros):
    assert price(Tariff(**rules), seconds) == micros


def tariff_of(chance):
    """Rules of any kind, small numbers and nothing often among them."""
    def some(*values):
        return chance.choice(values)
    return dict(price=some(0, 1, 7, chance.randrange(50), chance.randrange(10**6), chance.randrange(10**9)),
                connectfee=some(0, 0, 1, chance.randrange(10**6)), billingstep=some(1, 1, 6, 30, 60, 7),
                minammount=some(0, 0, 1, 30, 60, 61, chance.randrange(200)),
                freeammount=some(0, 0, 10, 60, chance.randrange(300)),
                freeafter=some(0, 0, 60, chance.randrange(1000)), vatincluded=some(0, 1),
                vatvalue=some(0, 20, 27, 19.6, 8.875), rate=some((1, 1), (108, 100), (1, 3), (36_250, 100), (27, 10_000)))


def tariffs(seed, count):
    chance = random.Random(seed)
    return [(Tariff(**rules), rules, chance) for rules in (tariff_of(chance) for _ in range(count))]


def exactly(rules, seconds):
    """The price without rounding, by the sentence that defines it."""
    s = ceil(seconds)
    if s <= 0:
        return Fraction(0)
    s = max(s, rules["minammount"])
    s = ceil(Fraction(s, rules["billingstep"])) * rules["billingstep"]
    s = max(s - rules["freeammount"], 0)
    if rules["freeafter"]:
        s = min(s, rules["freeafter"])
    cost = rules["connectfee"] + Fraction(rules["price"]) * s / 60
    if not rules["vatincluded"]:
        cost *= (100 + Fraction(str(rules["vatvalue"]))) / 100
    return cost * Fraction(*rules["rate"])


def test_a_price_is_the_exact_fraction_rounded_once_a_half_upward():
    for tariff, rules, chance in tariffs(1, 3000):
        for seconds in (0, 1, chance.randrange(100), chance.randrange(5000), chance.random() * 100):
            assert price(tariff, seconds) == floor(exactly(rules, seconds) + Fraction(1, 2)), (rules, seconds)


def test_talking_longer_never_costs_less():
    for tariff, rules, chance in tariffs(2, 300):
        prices = [price(tariff, seconds) for seconds in range(400)]
        assert prices == sorted(prices), rules


def test_a_price_does_not_change_within_a_step():
    for tariff, _, chance in tariffs(3, 500):
        step = tariff.billingstep
        steps = chance.randrange(1, 100)
        assert len({price(tariff, steps * step - n) for n in range(step)}) == 1


def test_the_maximum_duration_is_paid_and_a_step_more_is_not():
    bounded = 0
    for tariff, rules, chance in tariffs(4, 4000):
        for available in (-1, 0, 1, chance.randrange(1000), chance.randrange(10**6), chance.randrange(10**10)):
            longest = maximum_duration(tariff, available)
            assert longest == 0 or price(tariff, longest) <= available, (rules, available)
            if longest < LONGEST:
                bounded += 1
                assert price(tariff, longest + tariff.billingstep) > available, (rules, available)
                assert price(tariff, longest + 1) > available, (rules, available)
    assert bounded > 10_000


def test_the_maximum_duration_agrees_with_a_search():
    for tariff, rules, chance in tariffs(5, 400):
        available = chance.randrange(10**chance.randrange(1, 7))
        searched = max((d for d in range(1, 500) if price(tariff, d) <= available), default=0)
        assert min(maximum_duration(tariff, available), 499) == searched, (rules, available)


def test_the_maximum_duration_never_exceeds_the_most():
    assert maximum_duration(Tariff(0), 0, 10_800) == 10_800
    assert maximum_duration(Tariff(1), 10**12, 10_800) == 10_800
    assert maximum_duration(Tariff(DIME, freeafter=60), 100_000, 10_800) == 10_800
    assert maximum_duration(Tariff(DIME, freeafter=60), 99_999, 10_800) == 59     # 60 would be 100 000
    assert maximum_duration(Tariff(0), -1, 10_800) == 0


def test_what_would_pay_the_caller_is_refused():
    for rules in (dict(price=-1), dict(price=1, connectfee=-1), dict(price=1, vatincluded=0, vatvalue=-1),
                  dict(price=1, rate=(0, 1)), dict(price=1, rate=(-1, 1)), dict(price=1, rate=(1, 0))):
        with pytest.raises(ValueError):
            Tariff(**rules)


def test_rules_that_are_missing_or_senseless_count_as_none():
    tariff = Tariff(DIME, 0, None, None, -5, None, None, None)
    assert price(tariff, 61) == 101_667 and billed(tariff, 61) == 61
    assert price(Tariff(DIME, billingstep=0), 61) == price(Tariff(DIME, billingstep=-3), 61) == 101_667


def test_what_a_minute_and_the_fee_cost_is_told_gross():
    tariff = Tariff(DIME, connectfee=50_000, vatincluded=0, vatvalue=27, rate=EUR_USD, billingstep=60)
    assert (tariff.minute, tariff.fee) == (137_160, 68_580)
