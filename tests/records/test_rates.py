"""Whose price holds for a number: lists, prefixes, times, currencies, levels, changes."""

import random
from datetime import datetime, timezone

import pytest

from mizu.base.errors import ApiError
from mizu.records.currencies import Currencies
from mizu.records.price import price
from mizu.records.rates import COMPANY, PROVIDER, Rates

from .store import add

MONDAY_NOON = datetime(2024, 1, 1, 12, tzinfo=timezone.utc).timestamp()
HOUR, DAY = 3600, 86_400


@pytest.fixture
def rates(store):
    store.settings.timezone = "UTC"
    return Rates(store.db, store.settings, store.clock, store.users, Currencies(store.db, store.settings),
                 lambda account: account.billinguserid and store.users.by_id(account.billinguserid) or account)


class Lists:
    """Price lists written as an administrator's SQL writes them."""

    def __init__(self, store, rates):
        self.store = store
        self.rates = rates
        store.clock.seconds = MONDAY_NOON

    def entry(self, prefixes, **columns):
        """An entry; `prefixes` is {prefix: price} or [row of columns]; returns its id."""
        id = self.insert("tb_billentries", columns)
        rows = [{"prefix": p, "price": c} for p, c in prefixes.items()] if isinstance(prefixes, dict) else prefixes
        for row in rows:
            self.insert("tb_billingtimes", {"entryid": id, **row})
        return id

    def insert(self, table, columns):
        names = ", ".join(columns) or "name"
        marks = ", ".join("?" * len(columns)) or "''"
        return self.store.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})",
                                     tuple(columns.values())).result().lastrowid

    def account(self, name, **columns):
        return self.store.users.by_id(add(self.store, name, **columns))

    def price(self, account, number, *more):
        """Units a minute, None without a price."""
        rate = self.rates.find(account, number, *more)
        return None if rate is None else rate.price / 1e6


@pytest.fixture
def lists(store, rates):
    return Lists(store, rates)


def test_the_longest_prefix_wins(lists):
    lists.entry({"36": 0.1, "3630": 0.2, "36301": 0.3, "4": 9, "": 5})
    for number, wanted in (("3620", 0.1), ("3630", 0.2), ("36302", 0.2), ("36301", 0.3), ("363019999999999", 0.3),
                           ("36", 0.1), ("3", 5), ("", 5), ("john", 5), ("49", 9), ("3" + "0" * 60, 5)):
        assert lists.price(None, number) == wanted, number


def test_without_a_prefix_there_is_no_price(lists):
    assert lists.price(None, "36301") is None
    lists.entry({"36": 0.1})
    assert lists.price(None, "40") is None and lists.price(None, "3") is None and lists.price(None, "") is None


def test_an_entry_per_destination_is_a_list_as_one_entry_is(lists):
    lists.entry({"3630": 0.2, "3670": 0.21}, name="Hungary mobile")
    lists.entry({"36": 0.1}, name="Hungary")
    lists.entry({"40": 0.3, "4072": 0.4}, name="Romania")
    lists.entry({}, name="empty")
    assert [lists.price(None, n) for n in ("36301", "36701", "36201", "4071", "4072", "49")] == [
        0.2, 0.21, 0.1, 0.3, 0.4, None]
    assert lists.rates.find(None, "3670123").entry.name == "Hungary mobile"


def test_a_prefix_without_a_price_at_this_time_leaves_it_to_the_shorter_one(lists):
    lists.entry([{"prefix": "36", "price": 1}, {"prefix": "3630", "price": 2, "timetype": 5},
                 {"prefix": "3630", "price": 3, "timetype": 0}])
    assert lists.price(None, "3630") == 1 and lists.price(None, "3630", MONDAY_NOON + 5 * DAY) == 2


def test_of_several_time_types_the_more_specific_decides(lists):
    types = {9: 9, 1: 1.1, 8: 8, 7: 7, 2: 2, 3: 3, 5: 5, 6: 6, 4: 4, 10: 10, 11: 11}
    rows = [{"prefix": "36", "price": cost, "timetype": type, **({"fromtime": "12:00", "totime": "12:30"}
             if type == 1 else {})} for type, cost in types.items()]
    lists.entry(rows)
    lists.insert("tb_holidays", {"day": "2024-01-02"})
    lists.insert("tb_holidays", {"day": "12-25"})
    lists.insert("tb_holidays", {"day": "01-04", "country": "hu"})
    lists.store.settings.country = "HU"
    seen = [lists.price(None, "361", MONDAY_NOON + more) for more in (
        0, HOUR, 7 * HOUR, 11 * HOUR, -4.5 * HOUR, 5 * DAY + HOUR, DAY, -7 * DAY, 3 * DAY)]
    assert seen == [1.1, 2, 7, 8, 3, 5, 9, 9, 9]
    lists.store.settings.country = "RO"
    lists.rates.reload()
    assert lists.price(None, "361", MONDAY_NOON + 3 * DAY) == 1.1


def test_the_time_is_that_of_the_setting_timezone(lists):
    lists.entry([{"prefix": "36", "price": 1, "timetype": 2}, {"prefix": "36", "price": 2, "timetype": 11}])
    evening = MONDAY_NOON + 5.5 * HOUR      # 17:30 in London, 18:30 in Budapest
    assert lists.price(None, "36", evening) == 1
    lists.store.settings.timezone = "Europe/Budapest"
    lists.rates.reload()
    assert lists.price(None, "36", evening) == 2


def test_an_unknown_time_zone_is_said_once_and_the_systems_time_holds(lists):
    said = []
    lists.rates.log = type("Log", (), {"warning": staticmethod(said.append)})
    lists.store.settings.timezone = "Nowhere/Land"
    lists.entry({"36": 1})
    assert lists.price(None, "36") == lists.price(None, "36", MONDAY_NOON + DAY) == 1
    sentence, = said
    assert "Nowhere/Land" in sentence and "system's time" in sentence


def test_the_packet_of_the_account_then_the_parents_then_the_default_list_decides(lists):
    boss = lists.account("boss", type=2, packetid=7)
    kid = lists.account("kid", parentid=boss.id)
    grandkid = lists.account("grandkid", parentid=kid.id)
    rich = lists.account("rich", parentid=boss.id, packetid=8)
    john = lists.account("john")
    everybody = (boss, kid, grandkid, rich, john, None)
    lists.entry({"36": 1})
    assert [lists.price(each, "36") for each in everybody] == [1] * 6
    lists.entry({"36": 7}, packetid=7)
    assert [lists.price(each, "36") for each in everybody] == [7, 7, 7, 7, 1, 1]
    lists.entry({"36": 6}, parentid=boss.id)
    assert [lists.price(each, "36") for each in everybody] == [7, 6, 6, 6, 1, 1]
    lists.entry({"36": 8}, packetid=8)
    assert [lists.price(each, "36") for each in everybody] == [7, 6, 6, 8, 1, 1]
    lists.entry({"36": 5}, packetid=8, parentid=boss.id)
    assert [lists.price(each, "36") for each in everybody] == [7, 6, 6, 5, 1, 1]
    lists.entry({"36": 4}, userid=rich.id)
    assert [lists.price(each, "36") for each in everybody] == [7, 6, 6, 4, 1, 1]


def test_what_a_packet_lacks_is_not_sold_at_somebody_elses_price_but_own_prices_only_add(lists):
    john = lists.account("john", packetid=3)
    lists.entry({"36": 1, "40": 1, "49": 1})
    lists.entry({"36": 3, "40": 3}, packetid=3)
    lists.entry({"40": 4}, userid=john.id)
    assert [lists.price(john, number) for number in ("36", "40", "49")] == [3, 4, None]


def test_a_list_that_is_not_valid_now_is_as_if_not_set(lists):
    john = lists.account("john", packetid=3)
    lists.entry({"36": 1})
    lists.entry({"36": 3}, packetid=3, validfrom="2024-01-02", validto="2024-01-03")
    lists.entry({"36": 4}, packetid=3, validfrom="2024-01-03T12:00:00Z")
    days = [lists.price(john, "36", MONDAY_NOON + days * DAY) for days in (0, 0.6, 1, 1.9, 2, 3, 400)]
    assert days == [1, 3, 3, 3, 4, 4, 4]       # from noon of the third on both hold: the later begun one


def test_each_of_the_five_kinds_has_its_prices(lists):
    for kind in range(1, 6):
        lists.entry({"36": kind}, type=kind)
    assert [lists.price(None, "36", None, kind) for kind in range(1, 6)] == [1, 2, 3, 4, 5]
    trunk = lists.account("trunk", type=9, packetid=2)
    lists.entry({"36": 22}, type=PROVIDER, packetid=2)
    assert lists.price(trunk, "36", None, PROVIDER) == 22 and lists.price(trunk, "36", None, COMPANY) == 4


def test_a_rate_carries_the_rules_of_its_entry_and_the_payers_currency(lists):
    lists.store.db.execute("UPDATE tb_currencies SET rate = 0.5 WHERE name = 'EUR'").result()
    lists.store.db.execute("UPDATE tb_currencies SET rate = 362.5 WHERE name = 'HUF'").result()
    lists.entry([{"prefix": "36", "price": 0.2, "destination": "Hungary", "timetype": 4}], name="Standard",
                currency="EUR", billingstep=60, minammount=30, freeammount=5, freeafter=600, connectfee=0.1,
                vatincluded=0, vatvalue=27)
    payer = lists.account("payer", currency="HUF")
    john = lists.account("john", currency="USD", billinguserid=payer.id)
    rate = lists.rates.find(john, "3612345")
    assert (rate.prefix, rate.destination, rate.timetype, rate.price, rate.currency) == (
        "36", "Hungary", 4, 200_000, "HUF")
    assert (rate.entry.name, rate.entry.currency, rate.tariff.billingstep) == ("Standard", "EUR", 60)
    # (0.1 · 60 + 0.2 · 55) / 60 · 1.27 · 362.5 / 0.5 = 260.879166666…
    assert price(rate.tariff, 1) == 260_879_167
    assert rate.tariff.minute == 184_150_000     # 0.2 · 1.27 · 725


def test_money_of_a_currency_without_a_rate_is_not_taken_at_par(lists):
    lists.entry({"36": 1}, currency="EUR")
    with pytest.raises(ApiError) as error:
        lists.rates.find(None, "36")
    assert error.value.code == 501 and "EUR" in error.value.message
    assert lists.price(lists.account("john", currency="eur"), "36") == 1


@pytest.mark.parametrize("entry, row", [
    ({"connectfee": -1}, {"price": 1}), ({}, {"price": -1}), ({"vatincluded": 0, "vatvalue": -5}, {"price": 1}),
    ({"billingstep": "x"}, {"price": 1}), ({}, {"price": "dear"}), ({}, {"price": 9e999}),
    ({"vatincluded": 0, "vatvalue": "x"}, {"price": 1}), ({"freeammount": "x"}, {"price": 1}),
])
def test_a_row_that_makes_no_sense_is_an_error_and_no_free_call(lists, entry, row):
    lists.entry([{"prefix": "36", **row}], name="Odd", **entry)
    with pytest.raises(ApiError) as error:
        lists.rates.find(None, "361")
    assert error.value.code == 500 and "Odd" in error.value.message


def test_there_is_one_rate_for_each_reseller_up_the_tree(lists):
    top = lists.account("top", type=2, packetid=1)
    middle = lists.account("middle", type=2, parentid=top.id, packetid=2)
    kid = lists.account("kid", parentid=middle.id, packetid=3)
    for packet in (1, 2, 3):
        lists.entry({"36": packet}, packetid=packet)
    assert [(level, above.username, rate.price) for level, above, rate in lists.rates.levels(kid, "36")] == [
        (1, "middle", 2_000_000), (2, "top", 1_000_000)]
    assert lists.rates.levels(top, "36") == [] and lists.rates.levels(kid, "40")[0][2] is None


def test_an_end_user_above_another_is_no_reseller_of_his(lists):
    boss = lists.account("boss", type=2)
    main = lists.account("main", parentid=boss.id)
    sub = lists.account("sub", parentid=main.id)
    lists.entry({"36": 1})
    assert [(level, each.username) for level, each, _ in lists.rates.levels(sub, "36")] == [(1, "boss")]


def test_a_loop_of_parents_ends(lists):
    one = lists.account("one")
    two = lists.account("two", parentid=one.id)
    lists.store.db.execute("UPDATE tb_users SET parentid = ? WHERE id = ?", (two.id, one.id)).result()
    lists.entry({"36": 1})
    assert lists.price(two, "36") == 1 and len(lists.rates.levels(two, "36")) <= 2


def test_changes_are_seen_at_once(lists):
    john = lists.account("john")
    assert lists.price(john, "36") is None
    id = lists.entry({"36": 1})
    assert lists.price(john, "36") == 1
    execute = lists.store.db.execute
    execute("UPDATE tb_billingtimes SET price = 2 WHERE entryid = ?", (id,)).result()
    assert lists.price(john, "36") == 2
    execute("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, '4', 4)", (id,)).result()
    assert lists.price(john, "40") == 4
    own = lists.entry({"36": 3}, userid=john.id)
    assert lists.price(john, "36") == 3
    execute("UPDATE tb_billentries SET validto = '2000-01-01' WHERE id = ?", (own,)).result()
    assert lists.price(john, "36") == 2
    execute("DELETE FROM tb_billentries WHERE id = ?", (id,)).result()
    assert lists.price(john, "36") is None
    with lists.store.db.unit() as unit:
        lists.store.users.update(unit, john.id, {"packetid": 9})
    lists.store.users.reload([john.id])
    lists.entry({"36": 9}, packetid=9)
    assert lists.price(john, "36") == 9


def test_random_lists_agree_with_a_search_through_all_rows(lists):
    chance = random.Random(11)
    number = lambda digits: "".join(chance.choice("012") for _ in range(digits))  # noqa: E731
    rows = []
    for _ in range(30):
        prefixes = {chance.choice(("", "0", "12", "201")) + number(chance.randrange(4)) for _ in range(6)}
        for prefix, cost in (prices := {prefix: chance.randrange(1000) for prefix in sorted(prefixes)}).items():
            rows.append((len(prefix), len(rows), prefix, cost))
        lists.entry(prices)
    for _ in range(2000):
        called = number(chance.randrange(7))
        best = max((row for row in rows if called.startswith(row[2])), default=None)
        assert lists.price(None, called) == (best and best[3]), called
