"""Bindings in memory, and the copy that a restart reads."""

import tracemalloc

import pytest

from mizu.base.errors import ApiError
from mizu.records import locations as module
from mizu.records.binding import Binding
from mizu.records.locations import OFFLINE, UNREGISTERED, Locations, token

from .store import add, records, rest, wait


class Flow:
    def __init__(self, key="f1"):
        self.key = key


def put(store, id, contact="sip:a@10.0.0.9", lifetime=60, **facts):
    """Register one more contact."""
    locations = store.locations
    facts = {"host": "192.0.2.7", "port": 5060, "user_agent": "phone 1.0", "local": ("198.51.100.1", 5060),
             "registered": int(store.clock.now())} | facts
    binding = Binding(locations.new_id(), id, contact, expires=int(store.clock.now()) + lifetime, **facts)
    locations.replace(id, (*locations.held(id), binding))
    return binding


def reopened(store):
    """The same file as another process finds it, as it is on the disk at this moment."""
    return Locations(store.db, store.clock, rest)


def facts(binding):
    return binding.row()


def state(store, id):
    return store.db.row("SELECT status, ip, port, equipment FROM tb_users WHERE id = ?", (id,))


def test_what_has_expired_is_nowhere(store):
    put(store, 1)
    assert store.locations.registered(1) and store.locations.registered(1, "192.0.2.7")
    assert not store.locations.registered(1, "192.0.2.8") and not store.locations.registered(2)
    store.clock.advance(60)
    assert store.locations.of(1) == [] and not store.locations.registered(1) and list(store.locations) == []
    assert len(store.locations) == 1 and store.locations.expire(1) == () and len(store.locations) == 0


def test_the_preferred_device_comes_first(store):
    put(store, 1, "sip:a@old")
    put(store, 1, "sip:a@new")
    put(store, 1, "sip:a@spare", q=0.1)
    assert [binding.contact for binding in store.locations.of(1)] == ["sip:a@new", "sip:a@old", "sip:a@spare"]


def test_a_flush_is_read_again_word_for_word(store):
    made = put(store, 7, "sip:a@10.0.0.9;pn-provider=apns", instance="<urn:uuid:1>", reg_id=2, q=0.7, call_id="c@h",
               cseq=42, path=("<sip:p1;lr>", "<sip:p2;lr>"), transport="TLS", natted=1, push="pn:apns:x:y",
               methods="INVITE,BYE")
    put(store, 8)
    store.locations.tick()
    again = reopened(store)
    assert [facts(binding) for binding in again.of(7)] == [facts(made)] and len(again) == 2
    assert again.of(7)[0].local is again.of(8)[0].local and again.new_id() == store.locations.new_id()


def test_a_stop_loses_nothing_and_a_crash_what_came_since_the_last_tick(store, tmp_path):
    put(store, 1)
    store.locations.tick()
    put(store, 2)
    assert reopened(store).accounts() == [1]
    store.locations.save()
    store.db.close()
    again = records(tmp_path)
    assert again.locations.accounts() == [1, 2]
    again.db.close()


def test_a_refresh_in_the_same_second_is_one_row_and_a_quiet_second_none(store):
    id = add(store, "a")
    binding = put(store, id)
    for _ in range(50):
        binding = Binding.loaded(binding.row(), binding.local)
        store.locations.replace(id, (binding,))
    assert store.locations.waiting() == 2           # the binding, and what tb_users tells
    store.locations.tick()
    commits = store.db.commits
    store.locations.tick()
    assert store.db.commits == commits and store.locations.waiting() == 0
    assert store.db.value("SELECT count(*) FROM tb_locations") == 1


def test_what_is_gone_leaves_the_table(store):
    put(store, 1), put(store, 1, "sip:b@x"), put(store, 2)
    store.locations.tick()
    assert store.locations.drop(1) == 2 and store.locations.drop(1) == 0
    store.locations.tick()
    assert reopened(store).accounts() == [2]
    assert store.db.value("SELECT count(*) FROM tb_locations") == 1


def test_one_address_of_an_account_can_be_dropped(store):
    put(store, 1), put(store, 1, "sip:b@x", host="192.0.2.8")
    assert store.locations.drop(1, "192.0.2.8") == 1
    assert [binding.host for binding in store.locations.of(1)] == ["192.0.2.7"]


def test_many_changes_are_written_in_groups(store, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 10)
    for id in range(1, 26):
        put(store, id)
    before = store.db.commits
    store.locations.tick()
    assert store.db.commits == before + 3 and len(reopened(store)) == 25


def test_a_busy_database_loses_nothing(store, monkeypatch):
    put(store, 1)

    def busy(*args, **named):
        raise ApiError(503, "busy")
    with monkeypatch.context() as patched:
        patched.setattr(store.db, "unit", busy)
        store.locations.tick()
        put(store, 1, "sip:b@x")
    store.locations.tick()
    assert len(reopened(store).of(1)) == 2


def test_the_accounts_row_tells_the_state(store):
    id = add(store, "a")
    put(store, id)
    assert state(store, id) == (0, "", 0, "")
    store.locations.tick()
    assert state(store, id) == (1, "192.0.2.7", 5060, "phone 1.0")
    store.locations.replace(id, (), UNREGISTERED)
    store.locations.tick()
    assert state(store, id)[0] == UNREGISTERED
    put(store, id)
    store.clock.advance(61)
    store.locations.expire(id)
    store.locations.tick()
    assert state(store, id)[0] == OFFLINE


def test_a_call_shows_in_the_state(store):
    id = add(store, "a")
    put(store, id)
    store.locations.busy = lambda each: module.RINGING
    store.locations.touch(id)
    store.locations.tick()
    assert state(store, id) == (2, "192.0.2.7", 5060, "phone 1.0")
    store.locations.busy = lambda each: 0
    store.locations.touch(id)
    store.locations.tick()
    assert state(store, id)[0] == 1


def test_a_start_tidies_up_what_expired_meanwhile(store):
    id, other = add(store, "a"), add(store, "b")
    put(store, id), put(store, other, lifetime=600)
    store.locations.busy = lambda each: module.SPEAKING
    store.locations.touch(other)
    store.locations.tick()
    store.clock.advance(100)
    again = reopened(store)
    again.tick()
    assert state(store, id)[0] == 0 and state(store, other)[0] == 1
    assert store.db.value("SELECT count(*) FROM tb_locations") == 1


def test_a_connection_takes_along_what_can_be_reached_over_it_alone(store):
    flow = Flow()
    put(store, 1, "sip:a@x.invalid", transport="WSS", flow=flow)
    put(store, 1, "sip:a@192.0.2.7", transport="TCP", flow=flow)
    put(store, 2, "sip:b@10.0.0.1", transport="TCP", flow=flow, natted=1)
    put(store, 3, "sip:c@192.0.2.7", transport="TCP", flow=flow, reg_id=1)
    put(store, 4, "sip:d@192.0.2.7", transport="TCP", flow=Flow("f2"))
    store.locations.lost(Flow("f3"))
    store.locations.lost(flow)
    assert [binding.contact for binding in store.locations] == ["sip:a@192.0.2.7", "sip:d@192.0.2.7"]
    assert store.locations.of(1)[0].flow is None and store.locations.of(4)[0].flow_key == "f2"
    store.locations.save()                          # from now on the connections that end are closed by us
    store.locations.lost(store.locations.of(4)[0].flow)
    assert store.locations.of(4)[0].flow is not None


def test_a_push_token_is_kept_once_and_forgotten_on_request(store):
    id = add(store, "a")
    put(store, id, push="g:com.example.phone:tok:en")
    put(store, id, push="pn:apns:team;topic:abc")
    put(store, 99, push="i:x:orphan")
    store.locations.tick()
    rows = "SELECT platform, package, token FROM tb_pushtokens ORDER BY id"
    assert store.db.rows(rows) == [("g", "com.example.phone", "tok:en"), ("apns", "team;topic", "abc")]
    assert wait(store.locations.forget_tokens(id)) == 2
    store.locations.tick()
    assert store.db.rows(rows) == [] and [binding.push for binding in reopened(store).of(id)] == ["", ""]


@pytest.mark.parametrize("text, parts", [("i:com.x:t", ("i", "com.x", "t")), ("bare", ("", "", "bare")),
                                         ("pn:fcm:p:t", ("fcm", "p", "t")), ("pn:x", ("", "", "pn:x"))])
def test_the_parts_of_a_push_token(text, parts):
    assert token(text) == parts


def test_a_binding_costs_little(store):
    put(store, 0)
    tracemalloc.start()
    for id in range(1, 2001):
        put(store, id, "sip:%d@10.0.%d.%d:5060;transport=udp" % (10**6 + id, id // 256, id % 256),
            call_id="%032x@10.0.0.1" % id, cseq=1000 + id, port=1024 + id, host="198.51.%d.%d" % (id // 256, id % 256),
            instance="")
    store.locations._changed.clear()
    store.locations._states.clear()
    size = tracemalloc.get_traced_memory()[0] / 2000
    tracemalloc.stop()
    assert size < 900, f"{size:.0f} bytes"
