"""Cards: judged without repeating what was sent."""

import random

import pytest

from mizu.base.errors import ApiError
from mizu.records.cards import has_check_digit, read_card

TODAY = "2024-03-15"


def luhn(number):
    """The sum by its table: what a doubled digit counts."""
    return sum(int(d if at % 2 == 0 else "0246813579"[int(d)]) for at, d in enumerate(number[::-1])) % 10 == 0


@pytest.mark.parametrize("number", ["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004",
                                    "378282246310005", "6304000000000000", "4222222222222"])
def test_card_numbers_of_the_networks_are_taken(number):
    card = read_card(number, "2030", "05", "123", TODAY)
    assert (card.number, card.lastfour) == ("".join(c for c in number if c.isdigit()), number[-4:])
    assert (card.year, card.month, card.code) == (2030, 5, "123")


def test_a_card_shows_four_digits_at_most():
    card = read_card("4111111111111111", "30", "5", "123", TODAY)
    assert repr(card) == str(card) == f"{card}" == "Card(…1111)" and not hasattr(card, "__dict__")


@pytest.mark.parametrize("sent, says", [
    (("4111111111111112", "2030", "5", "123"), "cardnum"), (("4111111111", "2030", "5", "123"), "cardnum"),
    (("4111111111111111" * 2, "2030", "5", "123"), "cardnum"), (("٤١١١١١١١١١١١١١١١", "2030", "5", "123"), "cardnum"),
    (("2030", "4111111111111111", "5", "123"), "cardnum"), (("4111111111111111", "1930", "5", "123"), "expireyear"),
    (("4111111111111111", "2030", "13", "123"), "expmonth"), (("4111111111111111", "2030", "0", "123"), "expmonth"),
    (("4111111111111111", "2030", "4111111111111111", "123"), "expmonth"),
    (("4111111111111111", "2030", "5", "12"), "ccv2"), (("4111111111111111", "2030", "5", "4111111111111111"), "ccv2"),
    (("4111111111111111", "2024", "2", "123"), "expired"), (("4111111111111111", "2044", "4", "123"), "20 years"),
    (("4111111111111111\0", "2030", "5", "123"), "cardnum"), (("", "", "", ""), "cardnum")])
def test_what_is_no_card_is_refused_without_repeating_it(sent, says):
    with pytest.raises(ApiError, match=says) as error:
        read_card(*sent, TODAY)
    assert error.value.code == 422
    assert not any([len(text) > 2 and text in error.value.message for text in sent])


def test_a_card_is_valid_to_the_end_of_its_month():
    assert read_card("4111111111111111", "24", "03", "1234", TODAY).month == 3


def test_the_check_digit_is_luhns_for_any_number():
    chance = random.Random(7812)
    for _ in range(20_000):
        number = "".join(chance.choices("0123456789", k=chance.randrange(12, 20)))
        assert has_check_digit(number) == luhn(number)
        assert sum([has_check_digit(number + digit) for digit in "0123456789"]) == 1
