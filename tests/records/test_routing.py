"""Trunks in the order of tb_routing."""

from collections import Counter
from random import Random

import pytest

from mizu.base.errors import ApiError
from mizu.records.callprofile import Profiles
from mizu.records.quality import HALF, Qualities
from mizu.records.routing import Asker, Routing, parse_rewrite

from .store import add, wait


class Chance:
    def __init__(self):
        self.random = Random(3)

    def bytes(self, count):
        return self.random.randbytes(count)


class Trunks:
    def __init__(self, store):
        self.store = store
        self.routing = Routing(store.db, store.settings, store.clock, store.users, Profiles(store.db), store.rates,
                               Chance())
        self.john = store.users.by_id(add(store, "john"))
        self.lines = {}
        self.trace = []

    def add(self, name, prefix="", type=9, account=None, **columns):
        """A trunk with its row; returns the account's id."""
        found = self.store.users.by_username(name)
        id = found.id if found else add(self.store, name, type=type, ip="192.0.2.9", **(account or {}))
        columns = {"name": name, "serverid": id, "prefix": prefix, **columns}
        with self.store.db.unit() as unit:
            unit.run(f"INSERT INTO tb_routing ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                     tuple(columns.values()))
        self.routing.reload()
        return id

    def price(self, id, price, currency=""):
        with self.store.db.unit() as unit:
            entry = unit.run("INSERT INTO tb_billentries (type, userid, currency) VALUES (2, ?, ?)",
                             (id, currency)).lastrowid
            unit.run("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, '', ?)", (entry, price))
        self.store.rates.reload()
        self.routing.reload()

    def routes(self, number="36301234567", account=None, caller="36209999999", above=()):
        self.trace = []
        return self.routing.routes(Asker(account or self.john, caller, above), number,
                                   lambda id: self.lines.get(id, 0), self.trace)

    def of(self, *args, **more):
        return [route.account.username for route in self.routes(*args, **more)]


@pytest.fixture
def trunks(store):
    store.settings.timezone = "UTC"
    store.settings.brs_lcr = 0
    return Trunks(store)


def test_a_route_takes_the_numbers_of_its_prefixes(trunks):
    trunks.add("all")
    trunks.add("hu", "36")
    trunks.add("two", "+49, 43*")
    assert [trunks.of(number) for number in ("3630", "4930", "4330", "1", "")] == [
        ["hu", "all"], ["two", "all"], ["two", "all"], ["all"], ["all"]]


def test_without_a_route_there_is_none_and_it_says_so(trunks):
    trunks.add("hu", "36")
    assert trunks.of("49") == [] and trunks.trace == ["no route takes 49"]
    assert trunks.routing.takes("3630") and not trunks.routing.takes("49") and not trunks.routing.takes("3")


def test_the_priority_decides_before_the_prefix(trunks):
    trunks.add("long", "3630", priority=7)
    trunks.add("first", "", priority=1)
    trunks.add("short", "36", priority=7)
    trunks.add("last", "363", priority=9)
    assert trunks.of() == ["first", "long", "short", "last"]


def test_a_trunk_with_two_rows_comes_once_by_the_better_one(trunks):
    trunks.add("a", "", priority=7, techprefix="1")
    trunks.add("a", "36", priority=7, techprefix="2")
    assert [route.number[0] for route in trunks.routes()] == ["2"]


def test_callers_are_told_apart_by_type_number_and_name(trunks):
    store = trunks.store
    sender = store.users.by_id(add(store, "sender", type=5))
    trunks.add("senders", callertype=5, priority=1)
    trunks.add("mobiles", callerpattern="3620*", priority=2)
    trunks.add("johns", callerpattern="john", priority=3)
    trunks.add("rest", priority=4)
    assert trunks.of() == ["mobiles", "johns", "rest"]
    assert trunks.of(account=sender, caller="1") == ["senders", "rest"]


def test_a_route_holds_at_its_time(trunks):
    trunks.store.clock.seconds = 1704110400        # Monday noon, UTC
    trunks.add("peak", timetype=2)
    trunks.add("weekend", timetype=5)
    trunks.add("off", timetype=0)
    assert trunks.of() == ["peak"]
    trunks.store.clock.seconds += 5 * 86400
    assert trunks.of() == ["weekend"]


@pytest.mark.parametrize("columns, why", [
    ({"enabled": 0}, "it is disabled"), ({"temporarydisabled": 1}, "it is disabled"),
    ({"enabledprefixes": "49"}, "its prefixes do not allow the number"),
    ({"blockprefixes": "3630"}, "its prefixes do not allow the number"),
    ({"allowedpartners": "bill,99"}, "the caller is not among its allowedpartners"),
    ({"maxlines": 2}, "all its 2 lines are in use"),
])
def test_a_trunk_is_left_out_for_a_reason_that_is_told(trunks, columns, why):
    id = trunks.add("a", account=columns)
    trunks.lines[id] = 2
    assert trunks.of() == [] and trunks.trace == [f"route a to a is left out: {why}"]


def test_only_what_takes_calls_gets_them(trunks):
    trunks.add("sms", type=12)
    trunks.add("phone", type=0)
    trunks.add("nowhere")
    wait(trunks.store.db.execute("UPDATE tb_users SET ip = '' WHERE username = 'nowhere'"))
    wait(trunks.store.db.execute("INSERT INTO tb_routing (name, serverid) VALUES ('gone', 999)"))
    assert trunks.of() == [] and len(trunks.trace) == 4


def test_partners_are_ids_or_names_and_those_above_count(trunks):
    store = trunks.store
    boss = store.users.by_id(add(store, "boss", type=2))
    trunks.add("a", account={"allowedpartners": f"{trunks.john.id} x"})
    trunks.add("b", account={"allowedpartners": "JOHN"})
    trunks.add("c", account={"allowedpartners": "boss"})
    assert sorted(trunks.of()) == ["a", "b"] and sorted(trunks.of(above=[boss])) == ["a", "b", "c"]


def test_the_number_is_rewritten_for_its_trunk(trunks):
    trunks.add("plain", "1")
    trunks.add("tech", "2", account={"techprefix": "77"})
    trunks.add("own", "3", techprefix="88", account={"techprefix": "77"})
    trunks.add("local", "4", rewrite="4930>030, 49>0")
    trunks.add("int", "5", rewrite=">00", techprefix="9#")
    assert [trunks.routes(number)[0].number for number in ("1", "2", "3", "4930", "4940", "4", "5")] == [
        "1", "772", "883", "030", "040", "4", "9#005"]


def test_the_least_cost_comes_first_and_unknown_cost_last(trunks):
    trunks.store.settings.brs_lcr = 2
    wait(trunks.store.db.execute("UPDATE tb_currencies SET rate = 0.5 WHERE name = 'EUR'"))
    for name, price, currency in (("dear", 0.3, ""), ("cheap", 0.1, ""), ("euro", 0.1, "EUR"), ("unknown", None, "")):
        id = trunks.add(name)
        if price is not None:
            trunks.price(id, price, currency)
    assert trunks.of() == ["cheap", "euro", "dear", "unknown"]
    trunks.add("vip", priority=1)
    assert trunks.of()[0] == "vip"


def test_without_gsm_in_modes_1_and_3(trunks):
    trunks.add("gsm", type=4)
    trunks.add("sip")
    for mode, wanted in ((0, 2), (1, 1), (2, 2), (3, 1), (4, 2), (5, 2)):
        trunks.store.settings.brs_lcr = mode
        assert len(trunks.of()) == wanted, mode


def test_the_best_route_comes_first(trunks):
    trunks.store.settings.brs_lcr = 4
    ids = [trunks.add(name) for name in ("bad", "good")]
    for _ in range(20):
        trunks.routing.quality.heard(ids[0], False)
        trunks.routing.quality.heard(ids[1], True, 100)
    assert {tuple(trunks.of()) for _ in range(20)} == {("good", "bad")}
    trunks.store.settings.brs_lcr = 0
    assert len({tuple(trunks.of()) for _ in range(20)}) == 2


def test_both_weigh_cost_by_quality(trunks):
    trunks.store.settings.brs_lcr = 5
    bad, good = trunks.add("bad"), trunks.add("good")
    trunks.price(bad, 0.10)
    trunks.price(good, 0.15)
    assert trunks.of() == ["bad", "good"]
    for _ in range(50):
        trunks.routing.quality.heard(bad, False)
    assert trunks.of() == ["good", "bad"]


def test_a_trunk_that_rests_is_tried_last(trunks):
    trunks.add("first", priority=1)
    trunks.add("second", priority=2)
    trunks.routing.resting = lambda account: account.username == "first"
    assert trunks.of() == ["second", "first"]


def test_weights_share_the_calls(trunks):
    for name, weight in (("a", 3), ("b", 1), ("never", 0)):
        trunks.add(name, weight=weight)
    calls = [trunks.of() for _ in range(4000)]
    first = Counter([call[0] for call in calls])
    assert 2850 < first["a"] < 3150 and first["a"] + first["b"] == 4000
    assert all(call[2] == "never" for call in calls)


def test_a_trunk_does_not_get_its_own_call_back(trunks):
    one, _ = trunks.add("one"), trunks.add("two")
    asker = Asker(trunks.store.users.by_id(one), "36209999999", (), (one,))
    routes = trunks.routing.routes(asker, "36301234567", lambda id: 0, trunks.trace)
    assert [route.account.username for route in routes] == ["two"]
    assert trunks.trace == ["route one to one is left out: the call comes from it"]


def test_why_other_rows_do_not_fit_is_told_to_who_tests(trunks):
    trunks.add("resellers", "36", callertype=2)
    trunks.add("budapest", "361", callerpattern="361*")
    trunks.add("vienna", "3630", callerpattern="431*")
    trunks.add("never", "363", timetype=0)
    trunks.add("bad", "36", rewrite="0036=0")
    trunks.add("fine", "36")
    assert trunks.routing.unfit(Asker(trunks.john, "36209999999"), "36301234567") == [
        "route vienna to vienna is left out: it is for callers like 431*",
        "route never to never is left out: it is not its time (timetype 0)",
        "route resellers to resellers is left out: it is for callers of type 2",
        "a route is left out: tb_routing.id 5: rewrite takes old>new, not '0036=0'"]


def test_rows_that_cannot_be_understood_are_reported(trunks):
    trunks.add("bad", rewrite="nonsense")
    trunks.add("worse", callerpattern="/(a+)+/")
    trunks.add("odd", priority="seven")
    trunks.add("good")
    assert "good" in trunks.of()
    assert [fault[:15] for fault in trunks.routing.faults] == [
        "tb_routing.id 1", "tb_routing.id 2", "tb_routing.id 3"]


def test_a_change_is_seen(trunks):
    id = trunks.add("a")
    assert trunks.of() == ["a"]
    wait(trunks.store.db.execute("UPDATE tb_routing SET enabled = 0"))
    assert trunks.of() == []
    wait(trunks.store.db.execute("UPDATE tb_routing SET enabled = 1"))
    with trunks.store.db.unit() as unit:
        trunks.store.users.delete(unit, id)
    assert trunks.of() == [] and trunks.trace == ["no route takes 36301234567"]


def test_rewrite_rules_are_read():
    assert parse_rewrite("0036>0, >00") == [("0036", "0"), ("", "00")] and parse_rewrite(None) == []
    with pytest.raises(ApiError):
        parse_rewrite("00")


def test_quality_fades_and_begins_good(store):
    quality = Qualities(store.clock)
    assert quality.score(1) == 1.0 and quality.figures(1) is None
    for _ in range(100):
        quality.heard(1, False)
    assert quality.score(1) == 0.1
    store.clock.advance(HALF)
    assert quality.figures(1)[0] == pytest.approx(50)
    store.clock.advance(20 * HALF)
    assert quality.score(1) == 1.0
    for _ in range(100):
        quality.heard(2, True, 3)
    assert quality.score(2) < 0.6, "a recording answers at once"
