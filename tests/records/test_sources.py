"""Who sends a call: every kind of tb_users.needauth, and what happens where two are meant."""

import pytest

from mizu.base.errors import NotReached
from mizu.base.task import Future
from mizu.records.callprofile import Profiles, permitted, prefixes, words
from mizu.records.numberform import NumberForm
from mizu.records.sources import Sources, parse_networks, split_port

from .store import add, wait

HERE, THERE = "192.0.2.1", "198.51.100.9"


class Senders:
    def __init__(self, store):
        self.store = store
        self.sources = Sources(store.db, store.users, Profiles(store.db), NumberForm(store.settings))

    def add(self, name, needauth, **columns):
        return add(self.store, name, needauth=needauth, **columns)

    def further(self, id, host, port=0):
        with self.store.db.unit() as unit:
            self.store.users.add_address(unit, id, host, port)

    def number(self, id, number, kind="ani"):
        with self.store.db.unit() as unit:
            unit.run("INSERT INTO tb_users_numbers (userid, number, kind) VALUES (?, ?, ?)", (id, number, kind))

    def who(self, host=HERE, port=5060, name="", called="36301234567"):
        """The user name of who sends, with ? where a digest is needed still; None for nobody."""
        source = self.sources.find(host, port, name, called)
        return None if source is None else source.account.username + "?" * source.digest


@pytest.fixture
def senders(store):
    return Senders(store)


def test_an_address_proves_its_account(senders):
    senders.add("in", 1, type=5, authip=HERE)
    assert senders.who() == senders.who(port=9, name="whoever") == "in" and senders.who(THERE) is None


def test_digest_accounts_are_found_by_nothing_but_the_digest(senders):
    senders.add("john", 4, authip=HERE)
    assert senders.who(name="john") is None


def test_a_technical_prefix_proves_its_account_and_the_longest_counts(senders):
    senders.add("a", 2, techprefix="99")
    senders.add("b", 2, techprefix="991")
    senders.add("nothing", 2)
    assert [senders.who(called=number) for number in ("9936301", "9916301", "36301")] == ["a", "b", None]
    assert senders.sources.find(HERE, 1, "", "9916301").techprefix == "991"


def test_a_technical_prefix_and_an_address_are_both_needed(senders):
    senders.add("a", 3, authip=HERE, techprefix="77")
    senders.add("b", 3, authip=HERE, techprefix="778")
    senders.add("plain", 1, authip=HERE)
    assert [senders.who(called=number) for number in ("77361", "778361", "361")] == ["a", "b", "plain"]
    assert senders.who(THERE, called="77361") is None
    assert senders.sources.find(HERE, 1, "", "361").techprefix == ""


def test_an_address_with_its_port_is_narrower_than_the_address(senders):
    senders.add("plain", 1, authip=HERE)
    senders.add("at5070", 6, authip=f"{HERE}:5070")
    senders.add("at5080", 6, authip=HERE, port=5080)
    id = senders.add("further", 6, authip="203.0.113.1")
    senders.further(id, HERE, 5090)
    assert [senders.who(port=port) for port in (5060, 5070, 5080, 5090)] == ["plain", "at5070", "at5080", "further"]
    assert senders.who("203.0.113.1") == "further" and senders.who("203.0.113.1", 5061) is None


def test_an_address_and_a_user_name_are_both_needed(senders):
    senders.add("a", 7, authip=HERE)
    senders.add("b", 7, authip=HERE, telnumber="36301")
    assert [senders.who(name=name) for name in ("a", "A", "b", "36301", "c", "")] == ["a", "a", "b", "b", None, None]
    assert senders.who(THERE, name="a") is None


def test_an_address_and_a_digest_leave_the_digest_to_be_asked(senders):
    senders.add("a", 8, authip=HERE)
    senders.add("r", 10, authip="198.51.100.0/24")
    assert senders.who(name="a") == "a?" and senders.who(name="x") is None and senders.who(THERE, name="a") is None
    assert senders.who(THERE, name="r") == "r?"


def test_the_smallest_network_counts(senders):
    senders.add("wide", 9, authip="192.0.0.0/16")
    senders.add("range", 9, authip="192.0.2.1-192.0.2.6")
    senders.add("six", 9, authip="2001:db8::/32")
    assert [senders.who(host) for host in ("192.0.9.9", HERE, "192.0.2.6", "192.0.2.7", "2001:db8::1", THERE, "x")] == [
        "wide", "range", "range", "wide", "six", None, None]
    senders.add("host", 1, authip=HERE)
    assert senders.who() == "host"


def test_a_network_that_is_somebodys_plain_address_proves_him_too(senders):
    id = senders.add("in", 1, authip="203.0.113.7")
    senders.further(id, "192.0.2.0/24")
    assert senders.who() == senders.who("203.0.113.7") == "in"


def test_a_user_name_alone_is_believed_where_nothing_else_is_asked(senders):
    senders.add("trusting", 5, telnumber="36301")
    senders.add("open", 0, telnumber="36302")
    assert [senders.who(name=name) for name in ("trusting", "36301", "open", "36302", "+36302")] == [
        "trusting", None, "open", "open", "open"]


def test_of_two_that_prove_themselves_alike_the_named_one_counts_else_nobody(senders):
    senders.add("a", 1, authip=HERE)
    senders.add("b", 1, authip=HERE)
    assert senders.who() is None and senders.who(name="x") is None
    assert senders.who(name="B") == "b"
    senders.add("p", 2, techprefix="88")
    senders.add("q", 2, techprefix="88")
    assert senders.who(THERE, called="881") is None and senders.who(THERE, name="q", called="881") == "q"


def test_an_outbound_trunk_is_known_by_where_calls_to_it_go(senders):
    senders.add("trunk", 1, type=9, ip=HERE)
    senders.add("phone", 1, ip=THERE)
    assert senders.who() == "trunk" and senders.who(THERE) is None


def test_a_carriers_calls_are_those_of_the_account_made_for_them(senders):
    senders.add("carrier", 1, type=9, domainname=HERE)
    senders.add("carrier_in", 1, type=5, authip=HERE)
    assert senders.who(name="36705556666") == senders.who(name="carrier") == "carrier_in"


def test_a_domain_name_counts_once_it_is_resolved(senders):
    senders.add("in", 1, authip="Gw.Example.com:5080")
    assert senders.sources.names == ["gw.example.com"] and senders.who() is None
    senders.sources.resolved("gw.example.com", [HERE])
    assert senders.who() == "in"
    senders.sources.resolved("gw.example.com", [THERE])
    assert senders.who() is None and senders.who(THERE) == "in"


def test_domain_names_are_asked_for_at_once_and_once_a_minute(senders):
    senders.add("in", 1, authip="gw.example.com")
    asked, answer = [], Future()

    def addresses(name):
        asked.append(name)
        return answer
    senders.sources.tick()
    senders.sources.addresses = addresses
    senders.sources.tick()
    senders.sources.tick()
    assert asked == ["gw.example.com"] and senders.who() is None
    answer.set([HERE])
    assert senders.who() == "in"
    for _ in range(56):
        senders.sources.tick()
    assert len(asked) == 1
    answer = Future()
    answer.fail(NotReached(503, "no name server answers"))
    senders.sources.tick()
    assert len(asked) == 2 and senders.who() == "in"


def test_a_name_that_has_no_address_is_not_asked_for_every_second(senders):
    senders.add("in", 1, authip="gw.example.com")
    asked, none = [], Future()
    none.set([])
    senders.sources.addresses = lambda name: asked.append(name) or none
    for _ in range(59):
        senders.sources.tick()
    assert len(asked) == 1 and senders.who() is None


def test_changes_are_seen_whatever_way_they_take(senders, store):
    id = senders.add("in", 1, authip=HERE)
    assert senders.who() == "in"
    with store.db.unit() as unit:
        store.users.update(unit, id, {"authip": THERE})
    assert senders.who() is None and senders.who(THERE) == "in"
    wait(store.db.execute("UPDATE tb_users SET authip = ''"))
    assert senders.who(THERE) is None
    wait(store.db.execute("INSERT INTO tb_users_authip (userid, authip) VALUES (?, ?)", (id, HERE)))
    assert senders.who() == "in"
    with store.db.unit() as unit:
        store.users.switch(unit, id, {"enabled": 0})
    assert senders.who() is None


def test_what_is_taken_back_is_not_seen(senders, store):
    id = senders.add("in", 1, authip=HERE)
    assert senders.who() == "in"
    with pytest.raises(KeyError), store.db.unit() as unit:
        store.users.update(unit, id, {"authip": THERE})
        raise KeyError
    assert senders.who() == "in"


def test_nonsense_is_reported_and_the_others_hold(senders, store):
    senders.add("good", 1, authip=HERE)
    for authip in ("300.1.1.1", "1.2.3.4/99", "1.2.3.4-x"):
        wait(store.db.execute("INSERT INTO tb_users (username, needauth, authip) VALUES (?, 1, ?)", ("u" + authip, authip)))
    assert senders.who() == "good" and len(senders.sources.faults) == 2
    assert senders.sources.names == ["1.2.3.4-x"]


def test_a_digest_is_worth_something_only_from_where_it_may_come(senders, store):
    ids = {kind: senders.add(f"u{kind}", kind, authip=HERE, port=5060, techprefix="1") for kind in range(11)}
    for kind, id in ids.items():
        account = store.users.by_id(id)
        assert senders.sources.permits(account, HERE, 5060), kind
        assert senders.sources.permits(account, THERE, 5060) == (kind in (0, 2, 4, 5)), kind
    assert not senders.sources.permits(store.users.by_id(ids[6]), HERE, 5061)


def test_a_callers_number_names_the_account_where_it_is_looked_up(senders, store):
    gateway = senders.add("gate", 1, type=5, authip=HERE, anumberlookup=1)
    john, bill = senders.add("john", 4), senders.add("bill", 4)
    senders.number(john, "36301111111")
    source = senders.sources.find(HERE, 5060, "+36301111111", "1")
    assert (source.account.username, source.via.id, source.digest) == ("john", gateway, False)
    assert senders.who(name="36302222222") == "gate"
    senders.number(bill, "+36301111111")
    assert senders.who(name="36301111111") == "gate", "two accounts have that number"
    wait(store.db.execute("UPDATE tb_users SET anumberlookup = 0"))
    assert senders.who(name="36301111111") == "gate"


def test_the_look_up_of_accounts_uses_the_index(store):
    rows = store.db.rows("EXPLAIN QUERY PLAN SELECT id FROM tb_users u WHERE u.needauth IN (1, 2) AND u.enabled <> 0")
    assert "ix_users_needauth" in rows[0][3]


@pytest.mark.parametrize("text, wanted", [
    ("1.2.3.4:5070", ("1.2.3.4", 5070)), ("[::1]:5070", ("::1", 5070)), ("[::1]", ("::1", 0)), ("::1", ("::1", 0)),
    ("host", ("host", 0)), ("host:5070", ("host", 5070)), ("1.2.3.0/24", ("1.2.3.0/24", 0)), ("h:x", ("h", 0)),
])
def test_a_port_is_split_off(text, wanted):
    assert split_port(text) == wanted


def test_networks_and_ranges_are_read():
    assert [str(network) for network in parse_networks("10.0.0.1-10.0.0.4")] == [
        "10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"]
    assert parse_networks("10.0.0.4-10.0.0.1") is None and parse_networks("a.example.com") is None
    assert parse_networks("10.0.0.1-::1") is None and parse_networks("10.1.1.1/8")[0].prefixlen == 8


# -- profiles


def test_a_profile_takes_lists_as_people_write_them(store):
    assert words(" john; 36301,7 |x\n") == ("john", "36301", "7", "x") and words(None) == ()
    assert prefixes("+36, 49*,1xx") == ("36", "49", "1")
    profiles = Profiles(store.db)
    id = add(store, "a", ringgroup="b, c", enabledprefixes="+36", noanswertimeout=None, domainname=" d ", ip="i")
    profile = profiles.of(id)
    assert (profile.ringgroup, profile.enabledprefixes, profile.noanswertimeout, profile.host, profile.transport) == (
        ("b", "c"), ("36",), 15, "d", "UDP")
    assert profiles.of(99) is None and profiles.of(id) is profile
    wait(store.db.execute("UPDATE tb_users SET protocol = 2"))
    assert profiles.of(id).transport == "TLS"


@pytest.mark.parametrize("number, enabled, blocked, wanted", [
    ("361", (), (), True), ("361", ("36",), (), True), ("491", ("36",), (), False), ("361", (), ("36",), False),
    ("361", ("36",), ("361",), False), ("3612", ("36", "3612"), ("361",), True), ("361", ("36",), ("36",), False),
    ("1", ("",), (), True), ("1", ("",), ("",), False),
])
def test_the_longest_prefix_permits(number, enabled, blocked, wanted):
    assert permitted(number, enabled, blocked) == wanted
