"""Who is registered, how it went, and how to end it."""

from types import SimpleNamespace

import pytest

from mizu.base.entropy import Entropy
from mizu.records.binding import Binding
from mizu.ua.digests import Digests
from mizu.ua.registrar import Registrar

from records.store import wait


@pytest.fixture
def phones(town):
    town.registrar = Registrar(town.locations, town.users, town.settings, town.clock, Entropy(), lambda host: True)
    town.digests = Digests(town.users, town.settings, town.clock, Entropy(), lambda *facts: None)
    town.is_registered = lambda account, host=None: town.locations.registered(account.id, host)
    put(town, town.john, "sip:john@10.0.0.9;pn-provider=fcm;pn-prid=geheim", push="pn:fcm:x:geheim", natted=1)
    put(town, town.john, "sip:john@192.0.2.8", host="192.0.2.8", transport="TCP", q=0.5)
    put(town, town.kid, "sip:kid@[2001:db8::1]", host="2001:db8::1", user_agent="Bria/5")
    return town


def put(town, id, contact, **facts):
    now = int(town.clock.now())
    binding = Binding(town.locations.new_id(), id, contact, expires=now + 600, registered=now, **{
        "host": "203.0.113.5", "port": 40000, "user_agent": "phone 1.0", **facts})
    town.locations.replace(id, (*town.locations.held(id), binding))


def note(town, name, status, agent="phone 1.0"):
    flow = SimpleNamespace(host="203.0.113.5", port=5060, transport="UDP")
    town.registrar.note(SimpleNamespace(flow=flow, get=lambda field: agent), name, status)


def test_reguser_lists_devices(phones):
    answer = phones.ask("reguser")
    assert answer.data.columns == ("username", "address", "transport", "useragent", "expires")
    assert answer.data.rows == [("john", "203.0.113.5:40000", "UDP", "phone 1.0", 600),
                                ("john", "192.0.2.8:40000", "TCP", "phone 1.0", 600),
                                ("kid", "[2001:db8::1]:40000", "UDP", "Bria/5", 600)]
    assert phones.ask("regusers", limit=1).data.rows == answer.data.rows[:1]
    assert "limit" in phones.ask("reguser", limit=2).warning and phones.ask("reguser", limit=3).warning is None


def test_reguser_tells_all_of_one_or_of_everybody_but_no_token(phones):
    one = phones.ask("reguser", usr="JOHN").data.dicts()
    assert [(row["contact"], row["nat"], row["push"]) for row in one] == [
        ("sip:john@10.0.0.9", 1, "pn:fcm:x"), ("sip:john@192.0.2.8", 0, "")]
    assert len(phones.ask("reguser", usr="all").data.rows) == 3
    assert "geheim" not in repr(phones.ask("reguser", usr="all").data.rows)
    assert phones.ask("reguser", usr="boss").message == "OK: not registered"
    assert phones.refused("reguser", usr="nobody")[0] == 404
    assert phones.refused("reguser", "john")[0] == 403 and phones.ask("reguser", "agent").code == 200


def test_regstat_counts(phones):
    note(phones, "john", 200), note(phones, "eve", 401)
    data = phones.ask("regstat").data
    assert (data["registrations"], data["accounts"], data["natted"], data["udp"], data["tcp"]) == (3, 2, 1, 2, 1)
    assert (data["accepted"], data["refused"], data["last_minute"]) == (1, 1, 2)
    assert data["useragents"] == "phone: 2, Bria: 1"


def test_fastregusers_tells_the_last_attempts(phones):
    note(phones, "john", 200), note(phones, "eve", 401)
    assert [(row[1], row[5]) for row in phones.ask("fastregusers").data.rows] == [("eve", 401), ("john", 200)]
    assert [row[1] for row in phones.ask("fastregusers", mode="succ").data.rows] == ["john"]
    assert len(phones.ask("fastregusers", limit=1).data.rows) == 1


def test_setfastregpwd_writes_nothing(phones):
    before = phones.db.commits
    assert phones.ask("setfastregpwd", username="john", password="fast").code == 200
    assert phones.db.commits == before and phones.digests.fast == {phones.john: ("johnpass", "fast")}
    assert phones.refused("setfastregpwd", username="john", password="x" * 200)[0] == 422
    assert phones.refused("setfastregpwd", username="root", password="taken-over")[0] == 403


@pytest.mark.parametrize("params, count, left", [
    ({"u_username": "john"}, 2, 1), ({"username": "john", "ip": "192.0.2.8"}, 1, 2), ({"u_username": "all"}, 3, 0),
    ({"ip": "203.0.113.5"}, 1, 2), ({"u_username": "boss", "mode": 1}, 0, 3)])
def test_unreg_ends_registrations(phones, params, count, left):
    answer = phones.ask("unreg", **params)
    assert (answer.message, len(phones.locations)) == (f"OK: {count} unregistered", left)


def test_unreg_needs_somebody(phones):
    assert phones.ask("unreg", u_id=phones.kid).data == 1
    assert phones.refused("unreg")[0] == 400 and phones.refused("unreg", u_username="nobody")[0] == 404
    assert phones.refused("unreg", u_username="john", mode=2)[0] == 400 and len(phones.locations) == 2


def test_pushremove_forgets_tokens(phones):
    phones.locations.tick()
    assert phones.ask("pushremove", u_username="john").message == "OK: 1 removed"
    assert phones.ask("pushremove", u_username="john").message == "OK: 0 removed"
    assert all(not binding.push for binding in phones.locations.of(phones.john))


def test_details_tell_the_devices(phones):
    row = phones.ask("getuser", u_username="kid", details="statustext-runtime").data
    assert row["statustext"] == "Registered" and row["runtime"] == [
        {"address": "udp:[2001:db8::1]:40000", "equipment": "Bria/5", "contact": "sip:kid@[2001:db8::1]",
         "created": "2023-11-14 22:13:20.000", "expires": "2023-11-14 22:23:20.000"}]
    phones.locations.tick()
    rows = phones.ask("listusers", active=1, details="statustext-runtime").data.rows
    assert [(row[1], row[2], len(row[3])) for row in rows] == [("kid", "Registered", 1), ("john", "Registered", 2)]
    phones.locations.busy = lambda id: 2
    assert phones.ask("getuser", u_username="kid", details="statustext").data["statustext"] == "In Call"
    assert phones.ask("verifyuser", userusername="kid").message == "OK: 3"
    phones.locations.busy = lambda id: 0
    assert phones.ask("verifyuser", userusername="kid").message == "OK: 2"


def test_the_words_of_states(phones):
    said = lambda: phones.ask("getuser", u_username="kid", details="statustext").data["statustext"]  # noqa: E731
    assert phones.ask("getuser", u_username="boss", details="statustext").data["statustext"] == "Not Used"
    phones.locations.replace(phones.kid, (), -1)
    phones.locations.tick()
    assert said() == "Unregistered"
    put(phones, phones.kid, "sip:kid@x")
    assert said() == "Registered"
    phones.clock.advance(601)
    phones.locations.expire(phones.kid)
    phones.locations.tick()
    assert said() == "Offline"


def test_who_is_disabled_or_deleted_has_no_device(phones):
    phones.ask("disableuser", u_username="john", unregister=0)
    assert len(phones.locations.of(phones.john)) == 2
    phones.ask("disableuser", u_username="john")
    assert phones.locations.of(phones.john) == []
    phones.ask("deluser", u_username="kid")
    phones.locations.tick()
    assert len(phones.locations) == 0 and phones.db.rows("SELECT * FROM tb_locations") == []
    assert wait(phones.locations.forget_tokens(phones.kid)) == 0
