"""RFC 3261 10.3 step by step, Path, Outbound, NAT and push."""

import pytest

from mizu.base.entropy import Entropy
from mizu.ua.registrar import ATTEMPTS, Registrar

from records.store import add

from .register import FLOW, Device, Flow, request, settings

HERE = "<sip:john@192.0.2.7:5060>"
THERE = "<sip:john@192.0.2.7:5070>"


@pytest.fixture
def house(store):
    store.john = store.users.by_id(add(store, "john", password="p"))
    store.other = store.users.by_id(add(store, "other", password="p", telnumber="3612345678"))
    store.config = settings()
    store.registrar = Registrar(store.locations, store.users, store.config, store.clock, Entropy(),
                                lambda host: host.lower() == "voip.example.com")
    store.phone = Device(store.registrar, store.john)
    return store


def contacts(response):
    return response.items("Contact")


def bound(house):
    return [binding.contact for binding in house.locations.held(house.john.id)]


def test_a_first_registration_is_answered_with_its_contact(house):
    response = house.phone.register(HERE, fields=["User-Agent: phone 1.0", "Expires: 600"])
    assert response.status == 200 and contacts(response) == [HERE + ";expires=600"]
    assert response.get("Date") == "Tue, 14 Nov 2023 22:13:20 GMT" and response.to_tag
    binding, = house.locations.of(house.john.id)
    assert (binding.received, binding.transport, binding.user_agent) == (("192.0.2.7", 5060), "UDP", "phone 1.0")
    assert binding.flow is FLOW and binding.local == ("198.51.100.1", 5060) and not binding.natted


def test_a_refresh_keeps_the_binding_and_its_beginning(house):
    house.phone.register(HERE)
    first, = house.locations.held(house.john.id)
    house.clock.advance(100)
    assert contacts(house.phone.register(HERE)) == [HERE + ";expires=3600"]
    again, = house.locations.held(house.john.id)
    assert (again.id, again.registered) == (first.id, first.registered) and again.expires == first.expires + 100


def test_several_devices_are_all_told(house):
    house.phone.register(HERE + ";expires=600;q=0.5")
    house.clock.advance(10)
    response = house.phone.register(THERE + ";expires=60;q=0.250")
    assert contacts(response) == [HERE + ";expires=590;q=0.5", THERE + ";expires=60;q=0.25"]


def test_two_contacts_in_one_request_or_none(house):
    assert len(contacts(house.phone.register(f"{HERE}, {THERE};expires=120"))) == 2
    refused = house.phone.register(HERE + ";expires=0", THERE + ";expires=5")
    assert refused.status == 423 and len(bound(house)) == 2
    assert house.phone.register(HERE + ";expires=0", THERE).status == 200 and bound(house) == [THERE[1:-1]]


def test_the_same_contact_twice_is_one(house):
    assert contacts(house.phone.register(HERE, HERE + ";q=0.3")) == [HERE + ";expires=3600;q=0.3"]


def test_asking_changes_nothing(house):
    house.phone.register(HERE)
    waiting = house.locations.waiting()
    assert contacts(house.phone.register()) == [HERE + ";expires=3600"]
    assert contacts(Device(house.registrar, house.other).register(to="sip:other@voip.example.com")) == []
    assert house.locations.waiting() == waiting


@pytest.mark.parametrize("contact, fields, granted", [
    (HERE, (), 3600), (HERE, ["Expires: 120"], 120), (HERE + ";expires=180", ["Expires: 120"], 180),
    (HERE + ";expires=99999", (), 7200), (HERE, ["Expires: x"], 3600), (HERE + ";expires=x", ["Expires: 99"], 3600),
    (HERE + ";expires=60", (), 60)])
def test_whose_time_holds(house, contact, fields, granted):
    assert contacts(house.phone.register(contact, fields=fields)) == [f"{HERE};expires={granted}"]


@pytest.mark.parametrize("seconds", [1, 59])
def test_a_time_that_is_too_short_is_refused_with_the_least_one(house, seconds):
    response = house.phone.register(f"{HERE};expires={seconds}")
    assert (response.status, response.get("Min-Expires"), bound(house)) == (423, "60", [])


def test_an_end_is_an_end(house):
    house.phone.register(HERE), house.phone.register(THERE)
    response = house.phone.register(HERE, fields=["Expires: 0"])
    assert response.status == 200 and contacts(response) == [THERE + ";expires=3600"]
    assert house.phone.register(HERE + ";expires=0").status == 200          # once more does no harm
    assert contacts(house.phone.register("*", fields=["Expires: 0"])) == [] and bound(house) == []
    house.locations.tick()
    assert house.db.value("SELECT status FROM tb_users WHERE username = 'john'") == -1


@pytest.mark.parametrize("sent, fields", [
    (["*"], []), (["*"], ["Expires: 60"]), (["*"], ["Expires: x"]), (["*", HERE], ["Expires: 0"])])
def test_a_star_stands_alone_and_with_0(house, sent, fields):
    house.phone.register(THERE)
    assert house.phone.register(*sent, fields=fields).status == 400 and bound(house) == [THERE[1:-1]]


@pytest.mark.parametrize("sent", [HERE, HERE + ";expires=0", "*"])
def test_a_request_that_comes_late_changes_nothing(house, sent):
    house.phone.register(HERE, cseq=5)
    for number in (4, 5):
        assert house.phone.register(sent, fields=["Expires: 0"], cseq=number).status == 500
    assert house.phone.register(THERE, HERE, cseq=5).status == 500
    assert bound(house) == [HERE[1:-1]]
    assert house.phone.register(sent, fields=["Expires: 0"], cseq=1, call_id="after-a-reboot").status == 200
    assert bound(house) == []


@pytest.mark.parametrize("first, second, same", [
    ("<sip:john@Phone.example.com>", "<sip:john@phone.EXAMPLE.com;foo=1>", True),
    ("<sip:john@192.0.2.7>", "<sip:JOHN@192.0.2.7>", False), ("<sip:john@192.0.2.7>", "<sip:john@192.0.2.7:5060>", False),
    ("<sip:john@192.0.2.7;transport=tcp>", "<sip:john@192.0.2.7>", False),
    ("<sip:%6Aohn@192.0.2.7>", "<sip:john@192.0.2.7>", True)])
def test_contacts_are_compared_as_uris(house, first, second, same):
    house.phone.register(first)
    house.phone.register(second)
    assert len(bound(house)) == (1 if same else 2)


@pytest.mark.parametrize("contact, status", [
    ("<sip:john@192.0.2.7>;q=2", 400), ("<sip:john@192.0.2.7>;q=0.1234", 400),
    ("<sip:" + "a" * 1000 + "@b>", 400), ("<mailto:a@b>", 416), ("<tel:+361>", 400)])
def test_a_contact_that_is_none(house, contact, status):
    assert house.phone.register(contact).status == status and bound(house) == []


def test_only_the_own_address_of_record_can_be_changed(house):
    assert house.phone.register(HERE, to="sip:JOHN@voip.example.com").status == 200
    for to in ("sip:other@voip.example.com", "sip:nobody@voip.example.com", "sip:voip.example.com"):
        assert house.phone.register(THERE, to=to).status == 403
    number = Device(house.registrar, house.other)
    assert number.register(HERE, to="sip:3612345678@voip.example.com").status == 200
    assert len(house.locations.of(house.other.id)) == 1 and bound(house) == [HERE[1:-1]]


def test_the_domain_counts_where_there_is_one(house):
    elsewhere = {"to": "sip:john@elsewhere.example.org"}
    assert house.phone.register(HERE, **elsewhere).status == 200
    house.config.domain = "voip.example.com"
    assert house.phone.register(HERE, **elsewhere).status == 404
    assert house.phone.register(HERE, uri="sip:elsewhere.example.org").status == 404
    assert house.phone.register(HERE, uri="sip:VOIP.example.com").status == 200


def test_what_is_required_must_be_known(house):
    response = house.phone.register(HERE, fields=["Require: path, foo, bar"])
    assert (response.status, response.get("Unsupported")) == (420, "foo, bar") and bound(house) == []
    assert house.phone.register(HERE, fields=["Require: Path"]).status == 200


def test_an_account_has_so_many_devices_and_the_one_that_ends_first_leaves(house):
    house.config.maxregistrations = 3
    for number, seconds in enumerate((600, 300, 900), 1):
        house.phone.register(f"<sip:john@192.0.2.7:{number}>;expires={seconds}")
    house.phone.register("<sip:john@192.0.2.7:4>;expires=60")
    assert [contact.rpartition(":")[2] for contact in bound(house)] == ["1", "3", "4"]
    assert house.phone.register(*[f"<sip:john@192.0.2.7:{number}>" for number in range(10, 14)]).status == 403
    assert len(bound(house)) == 3


def test_a_server_that_is_full_asks_to_come_again(house, monkeypatch):
    house.phone.register(HERE)
    monkeypatch.setattr("mizu.records.locations.MOST", 1)
    response = house.phone.register(THERE)
    assert (response.status, response.get("Retry-After")) == (503, "300")
    assert house.phone.register(HERE).status == 200


# -- NAT

@pytest.mark.parametrize("contact, flow, via, natted", [
    ("<sip:j@10.0.0.9:5060>", Flow("203.0.113.5", 40000), "", True),
    ("<sip:j@203.0.113.5:5060>", Flow("203.0.113.5", 40000), "", False),
    ("<sip:j@203.0.113.5:5060>", Flow("203.0.113.5", 40000), "SIP/2.0/UDP 10.0.0.9;rport;branch=z9hG4bKr", True),
    ("<sip:j@203.0.113.5>", Flow("203.0.113.5", 5060), "SIP/2.0/UDP 10.0.0.9;rport;branch=z9hG4bKs", False),
    ("<sip:j@203.0.113.5;transport=tcp>", Flow("203.0.113.5", 40000, "TCP"), "", False),
    ("<sip:j@a4.invalid;transport=ws>", Flow("203.0.113.5", 40000, "WSS"), "", True),
    ("<sip:j@[2001:db8::9]>", Flow("2001:db8::9", 5060), "", False),
    ("<sip:j@pbx.example.org>", Flow("203.0.113.5", 5060), "", False)])
def test_who_is_behind_nat(house, contact, flow, via, natted):
    house.phone.register(contact, flow=flow, via=via)
    binding, = house.locations.of(house.john.id)
    assert bool(binding.natted) == natted and binding.received == (flow.host, flow.port)


def test_a_new_way_through_the_nat_moves_the_binding(house):
    house.phone.register("<sip:j@10.0.0.9>", flow=Flow("203.0.113.5", 40000))
    house.phone.register("<sip:j@10.0.0.9>", flow=Flow("203.0.113.99", 41000))
    binding, = house.locations.of(house.john.id)
    assert binding.received == ("203.0.113.99", 41000)


def test_two_private_networks_may_use_the_same_address(house):
    house.phone.register("<sip:j@10.0.0.9>", flow=Flow("203.0.113.5", 40000))
    Device(house.registrar, house.john, "c2@phone").register("<sip:j@10.0.0.9>", flow=Flow("198.51.100.9", 40000))
    assert sorted(binding.host for binding in house.locations.of(house.john.id)) == ["198.51.100.9", "203.0.113.5"]


# -- Path, Outbound, push

def test_a_path_is_kept_and_told_to_those_who_know_it(house):
    path = ["Path: <sip:p2.example.com;lr>, <sip:p1.example.com;lr;ob>"]
    response = house.phone.register("<sip:john@10.0.0.9>", fields=[*path, "Supported: path"])
    assert response.values("Path") == ["<sip:p2.example.com;lr>, <sip:p1.example.com;lr;ob>"]
    binding, = house.locations.of(house.john.id)
    assert binding.path == ("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr;ob>") and not binding.natted
    assert house.phone.register("<sip:john@10.0.0.9>", fields=path).values("Path") == []
    assert house.phone.register(HERE, fields=["Path: <sip:p.example.com;lr>"] * 5).status == 400
    assert house.phone.register(HERE, fields=["Path: nonsense <"]).status == 400


INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


def test_outbound_binds_instance_and_flow(house):
    ask = {"fields": ["Supported: path, outbound"]}
    first, second = Flow("203.0.113.5", 1, "TLS"), Flow("203.0.113.5", 2, "TLS")
    response = house.phone.register(f"<sip:j@10.0.0.9;transport=tls>;reg-id=1;{INSTANCE}", flow=first, **ask)
    assert response.get("Require") == "outbound" and response.get("Flow-Timer") == "120"
    assert contacts(response) == [f"<sip:j@10.0.0.9;transport=tls>;expires=3600;{INSTANCE};reg-id=1"]
    house.phone.register(f"<sip:j@10.0.0.9;transport=tls>;reg-id=2;{INSTANCE}", flow=second, **ask)
    assert [binding.flow for binding in house.locations.held(house.john.id)] == [first, second]
    third = Flow("198.51.100.9", 3, "TLS")      # the device has moved: same instance, same reg-id
    house.phone.register(f"<sip:j@10.9.9.9;transport=tls>;reg-id=1;{INSTANCE}", flow=third, call_id="new", **ask)
    assert [binding.flow for binding in house.locations.held(house.john.id)] == [third, second]
    house.locations.lost(second)
    assert [binding.reg_id for binding in house.locations.held(house.john.id)] == [1]


@pytest.mark.parametrize("contact, fields", [
    (f"{HERE};reg-id=1;{INSTANCE}", []), (f"{HERE};reg-id=1", ["Supported: outbound"]),
    (f"{HERE};{INSTANCE}", ["Supported: outbound"])])
def test_outbound_needs_all_of_its_parts(house, contact, fields):
    response = house.phone.register(contact, fields=fields)
    assert response.status == 200 and not response.get("Require")
    assert house.locations.of(house.john.id)[0].reg_id == 0


def test_outbound_is_promised_over_udp_too_where_its_keep_alives_come_more_often(house):
    response = house.phone.register(f"{HERE};reg-id=1;{INSTANCE}", fields=["Supported: outbound"])
    assert response.status == 200 and response.get("Require") == "outbound" and response.get("Flow-Timer") == "29"
    assert house.locations.of(house.john.id)[0].reg_id == 1


def test_outbound_through_a_proxy_needs_one_that_knows_it(house):
    via = "SIP/2.0/UDP p1.example.com;branch=z9hG4bKp, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKu"
    contact, ask = f"<sip:j@10.0.0.9>;reg-id=1;{INSTANCE}", "Supported: outbound, path"
    assert house.phone.register(contact, via=via, fields=[ask]).status == 439
    assert house.phone.register(contact, via=via, fields=[ask, "Path: <sip:p1.example.com;lr>"]).status == 439
    assert house.phone.register(contact, via=via, fields=[ask, "Path: <sip:p1.example.com;lr;ob>"]).status == 200
    assert house.phone.register(f"{HERE};reg-id=0;{INSTANCE}", fields=[ask]).status == 400


def test_push_is_kept(house):
    house.phone.register("<sip:j@192.0.2.7;pn-provider=apns;pn-param=T.b;pn-prid=abc>")
    house.phone.register(THERE, fields=["X-MPUSH: g:com.example.phone:token"])
    assert [binding.push for binding in house.locations.held(house.john.id)] == [
        "pn:apns:T.b:abc", "g:com.example.phone:token"]


# -- what is remembered

def test_attempts_are_remembered_within_bounds(house):
    house.phone.register(HERE, fields=["User-Agent: phone"])
    house.phone.register(HERE + ";expires=1")
    assert [(each[1], each[5], each[6]) for each in house.registrar.attempts] == [("john", "phone", 200),
                                                                                   ("john", "", 423)]
    assert (house.registrar.accepted, house.registrar.refused) == (1, 1)
    for _ in range(ATTEMPTS):
        house.registrar.note(request(HERE), "nobody", 401)
    assert len(house.registrar.attempts) == ATTEMPTS and house.registrar.refused == ATTEMPTS + 1
