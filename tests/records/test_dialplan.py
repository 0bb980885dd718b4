"""Patterns, and the rows of tb_dialplan."""

import random
import re
from time import perf_counter

import pytest

from mizu.base.errors import ApiError
from mizu.records.dialpattern import Pattern, Replacement
from mizu.records.dialplan import EVERYBODY, INCOMING, OWN, DialPlan


def rewritten(pattern, replacement, number):
    made = Pattern(pattern)
    match = made.matches(number)
    return None if match is None else Replacement(made, replacement).of(match)


@pytest.mark.parametrize("pattern, replacement, number, wanted", [
    ("112", "36112", "112", "36112"), ("112", "x", "1123", None), ("112", "", "112", ""),
    ("06*", "36", "06301", "36301"), ("06*", "36*", "06301", "36301"), ("06*", "36", "06", "36"),
    ("06.", "36", "06", None), ("06.", "36.", "061", "361"), ("*", "9*", "123", "9123"), ("*", "9", "", "9"),
    ("9XXX", "36120XXX", "9123", "36120123"), ("9xxx", "36120", "9123", "36120"), ("9xxx", "1", "91234", None),
    ("8NXX", "8NXX", "8199", None), ("8NXX", "7NXX", "8299", "7299"), ("0Z.", "36Z", "0301", "36301"),
    ("0Z.", "36Z", "0012", None), ("*98", "voice", "*98", "voice"), ("*98*", "36", "*98123", "36123"),
    ("**", "1", "*5", "15"), ("john", "36301", "john", "36301"), ("maxine", "36", "maxine", "36"),
    ("100", "maxine", "100", "maxine"), ("+36*", "36", "+361", "361"),
    (r"/^0([1-9].*)/", r"36\1", "0301", "36301"), (r"/^0([1-9].*)/", r"36\1", "0012", None),
    ("/^00/", "", "00361", "361"), ("/5$/", "6", "1235", "1236"), (r"/^(?:00|\+)?36/", "0", "+36301", "0301"),
    (r"/^[12]{2}3/", "9", "123", "9"), (r"/^\d{3,4}$/", "7", "1234", "7"),
])
def test_a_pattern_meets_numbers_and_makes_others(pattern, replacement, number, wanted):
    assert rewritten(pattern, replacement, number) == wanted


@pytest.mark.parametrize("pattern", [
    "", " ", "3 6", "3(6", "36**1/", "x" * 200, "/(a+)+$/", "/(.*)*/", "/(a|a)*$/", "/(a|aa)+$/", "/a*a*a*b/",
    r"/(a)\1/", "/(?=a)/", "/(?<=a)b/", "/[/", "/(/", "/a{2}{3}/", "/a++/", "/(?:a?){9}/", "/a?b?c?d?e?/",
    "/x{1,99999999999}/", "/(?P<n>a)/",
])
def test_a_pattern_that_is_none_or_might_take_long_is_refused(pattern):
    with pytest.raises(ApiError) as refused:
        Pattern(pattern)
    assert refused.value.code == 422


@pytest.mark.parametrize("pattern, replacement", [
    ("9X", "XX"), ("9*", "(1)"), ("/1/", r"\1"), ("/(1)/", r"\2"), ("/1/", "\\"), ("/1/", r"\g<0>"), ("9*", "1" * 99),
])
def test_a_replacement_that_asks_for_too_much_is_refused(pattern, replacement):
    with pytest.raises(ApiError):
        Replacement(Pattern(pattern), replacement)


def test_a_number_without_end_matches_nothing():
    assert Pattern("*").matches("1" * 65) is None and Pattern("/1/").matches("1" * 65) is None


def test_no_expression_that_is_taken_takes_long():
    chance = random.Random(5)
    pieces = ("a", "[ab]", ".", "(a|b)", "(?:a)", "(", ")", "*", "+", "?", "{1,9}", "{3}", "|", "$", "^", r"\w", r"\1")
    numbers = ["a" * 64, "ab" * 32, "a" * 63 + "!"]
    taken = 0
    for _ in range(20_000):
        text = "/" + "".join(chance.choices(pieces, k=chance.randrange(1, 10))) + "/"
        try:
            pattern = Pattern(text)
        except ApiError:
            continue
        taken += 1
        begun = perf_counter()
        for number in numbers:
            pattern.matches(number)
        assert perf_counter() - begun < 0.2, text
        assert re.compile(text[1:-1])
    assert taken > 1000


# -- the table


class Plan:
    def __init__(self, store):
        self.db = store.db
        self.plan = DialPlan(store.db)

    def add(self, pattern, replacement, direction=0, priority=7):
        with self.db.unit() as unit:
            unit.run("INSERT INTO tb_dialplan (pattern, replacement, direction, priority) VALUES (?, ?, ?, ?)",
                     (pattern, replacement, direction, priority))
        self.plan.reload()

    def of(self, number, direction=OWN):
        return self.plan.rewrite(number, direction)[0]


@pytest.fixture
def plan(store):
    return Plan(store)


def test_without_a_row_a_number_stays(plan):
    assert plan.plan.rewrite("36301", OWN) == ("36301", None) and plan.plan.faults == []


def test_priority_decides_then_the_longer_beginning_then_age(plan):
    plan.add("06*", "36")
    plan.add("0630*", "4930")
    plan.add("*", "9", priority=8)
    plan.add("0670*", "1", priority=1)
    plan.add("06*", "5")
    assert [plan.of(number) for number in ("061", "06301", "06701", "1", "")] == ["361", "49301", "11", "91", "9"]


def test_what_a_row_makes_is_not_looked_up_again(plan):
    plan.add("1", "2")
    plan.add("2", "3")
    assert plan.of("1") == "2"


def test_a_direction_narrows(plan):
    plan.add("1", "in", INCOMING, 1)
    plan.add("1", "own", OWN, 1)
    plan.add("2", "all", EVERYBODY)
    assert [plan.of("1", way) for way in (INCOMING, OWN, EVERYBODY)] == ["in", "own", "1"]
    assert plan.of("2", INCOMING) == plan.of("2") == "all"


def test_a_bad_row_is_reported_and_the_others_hold(plan):
    plan.add("/(a+)+/", "1")
    plan.add("06*", "36")
    plan.add("5", "6", direction=9)
    plan.add(12, 34)
    assert plan.of("061") == "361" and plan.of("5") == "5" and plan.of("12") == "34"
    assert [fault[:19] for fault in plan.plan.faults] == ["tb_dialplan.id 1: /", "tb_dialplan.id 3: d"]
    assert len(plan.plan) == 2


def test_a_change_beside_us_is_seen(plan, store):
    assert plan.of("1") == "1"
    store.db.execute("INSERT INTO tb_dialplan (pattern, replacement) VALUES ('1', '2')").result()
    assert plan.of("1") == "2"
