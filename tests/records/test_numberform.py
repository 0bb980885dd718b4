"""The normal form of numbers, rule by rule."""

import random
from types import SimpleNamespace

import pytest

from mizu.records.countries import COUNTRIES
from mizu.records.numberform import NumberForm


def form(**changed):
    settings = {"normalizenumbers": True, "normalize_clean": True, "normalize_localpx": "", "minnormalizelength": 6,
                "country": ""}
    return NumberForm(SimpleNamespace(**{**settings, **changed}))


@pytest.mark.parametrize("dialled, normal", [
    ("36301234567", "36301234567"), ("+36301234567", "36301234567"), ("0036301234567", "36301234567"),
    ("+0036301234567", "36301234567"), ("+36 (30) 123-45.67", "36301234567"), ("+44 (0)20 7946 0000", "442079460000"),
    ("0044(0)2079460000", "442079460000"), ("06301234567", "06301234567"), ("36/30/1234567", "36301234567"),
    ("john", "john"), ("John.Doe-7", "John.Doe-7"), ("agent_100200300", "agent_100200300"), ("1@example.com",) * 2,
    ("100", "100"), ("+36", "+36"), ("112", "112"), ("*98", "*98"), ("*21*36301234567#",) * 2, ("", ""), ("+", "+"),
    ("12-345", "12-345"), ("12-3456", "123456"), ("Ångström", "Ångström"), ("٣٦٣٠١٢٣٤٥٦٧",) * 2, ("00", "00"),
])
def test_what_is_dialled_has_its_normal_form(dialled, normal):
    assert form().normal(dialled) == normal


@pytest.mark.parametrize("local, country, dialled, normal", [
    ("36", "", "0301234567", "36301234567"), ("06=36", "", "06301234567", "36301234567"),
    ("06=36", "", "0301234567", "0301234567"), ("06=36,0=43", "", "0301234567", "43301234567"),
    ("06>36 , 0 : +43", "", "06301234567", "36301234567"), ("", "HU", "06301234567", "36301234567"),
    ("", "hu", "06 30 123 4567", "36301234567"), ("", "GB", "02079460000", "442079460000"),
    ("", "GB", "00362012345", "362012345"), ("", "US", "011442079460000", "442079460000"),
    ("", "US", "12125550100", "12125550100"), ("", "US", "2125550100", "2125550100"),
    ("", "AU", "0011442079460000", "442079460000"), ("", "AU", "00442079460000", "442079460000"),
    ("", "KE", "000442079460000", "442079460000"), ("", "RU", "810442079460000", "442079460000"), ("", "RU", "8613912345678", "8613912345678"),
    ("8=7", "RU", "89161234567", "79161234567"), ("", "IT", "0612345678", "0612345678"),
    ("1", "HU", "0301234567", "1301234567"), ("nonsense", "HU", "06301234567", "36301234567"),
    ("", "Hungary", "06301234567", "06301234567"), ("36", "", "00430123456", "430123456"),
])
def test_local_numbers_get_their_code(local, country, dialled, normal):
    assert form(normalize_localpx=local, country=country).normal(dialled) == normal


def test_a_country_that_is_named_counts_instead_of_the_settings():
    assert form(country="HU").normal("02079460000", "GB") == "442079460000"


def test_every_rule_is_told():
    rules = []
    assert form(country="GB").normal("(020) 7946-0000", rules=rules) == "442079460000"
    assert rules == ["junk out: (020) 7946-0000 is 02079460000 (normalize_clean)",
                     "national prefix 0 is 44: 442079460000"]
    for dialled, told in (("+3630 1234567", 2), ("36301234567", 0), ("100", 0), ("0010", 1), ("john", 1), ("*21*123456#", 1)):
        rules = []
        form().normal(dialled, rules=rules)
        assert len(rules) == told, (dialled, rules)


def test_switched_off_nothing_is_done_and_unclean_only_the_prefixes():
    rules = []
    assert form(normalizenumbers=False).normal("+36 30", rules=rules) == "+36 30"
    assert rules == ["numbers stay as they are dialled (normalizenumbers is 0)"]
    assert form(normalize_clean=False).normal("+36-30-1234567") == "36-30-1234567"
    assert form(minnormalizelength=0).normal("+36") == "36"


def test_the_beginning_of_a_number_is_never_too_short():
    assert [form().beginning(text) for text in ("+36", "0036", "36", "00", "0", "john", "+0036")] == [
        "36", "36", "36", "", "0", "john", "36"]
    assert form(country="HU").beginning("0630") == "3630"


def test_a_normal_form_holds_digits_or_is_what_was_dialled():
    chance = random.Random(11)
    for country in ("", "HU", "US", "DE"):
        made = form(country=country)
        for _ in range(5000):
            dialled = "".join(chance.choices("+0123456789 ()-/.*#a", k=chance.randrange(24)))
            normal = made.normal(dialled)
            assert normal == dialled or normal.isdecimal() or not normal
            assert "a" not in dialled or normal == dialled


def test_the_table_of_countries_is_sound():
    assert len(COUNTRIES) > 80
    for name, country in COUNTRIES.items():
        assert len(name) == 2 and name.isupper() and country.code.isdecimal() and country.international.isdecimal()
        assert country.national in ("", "0", "1", "06")
