"""What the switch does elsewhere, over the API: trunks and our registrations, legs, starting parts anew."""

import pytest


@pytest.fixture
def trunks(office):
    office.first = office.trunk("first", "203.0.113.5")
    office.second = office.trunk("second", "203.0.113.6", needregister=1, upperusername="we", upperpassword="x")
    office.run(1)
    return office


def rows(answer):
    return answer.data.dicts()


def test_trunks_and_registrations_are_listed(trunks):
    first, second = rows(trunks.ask("epreg"))
    assert (first["username"], first["server"], first["state"], first["rests"]) == ("first", "203.0.113.5", "off", 0)
    assert (second["state"], second["code"]) == ("failed", 481)      # what a telephone says to a REGISTER
    assert [row["username"] for row in rows(trunks.ask("epreg", regtype="registered"))] == ["second"]
    assert [row["username"] for row in rows(trunks.ask("epreg", regstate="off"))] == ["first"]


def test_a_trunk_that_fails_rests_until_it_is_started_anew(trunks):
    for _ in range(5):
        trunks.switch.trunks.failed(trunks.first.account.id, 503)
    before = rows(trunks.ask("epreg"))[0]
    assert before["failures"] == 5 and before["rests"] > 0
    assert trunks.ask("gwrst").message == "OK: 2 trunks"
    after = rows(trunks.ask("epreg"))[0]
    assert (after["failures"], after["rests"]) == (0, 0)


def test_our_registration_is_taken_back_once(trunks):
    assert trunks.ask("upperunreg", u_username="second").message == "OK: no longer registered at second"
    assert trunks.refused("upperunreg", u_username="first") == (404, "we are not registered at first")
    assert trunks.refused("upperunreg", u_username="nobody")[0] == 404


def test_legs_of_calls_in_progress_are_listed(trunks):
    mary, bob = trunks.phone("mary"), trunks.phone("bob")
    mary.invite("bob")
    trunks.run(1)
    near, far = rows(trunks.ask("endpoints"))
    assert (near["side"], near["username"], near["address"]) == ("caller", "mary", f"{mary.host}:5060")
    assert (far["side"], far["username"], far["transport"]) == ("called", "bob", "UDP")
    bob.calls[-1].refuse()
    trunks.run(1)
    assert rows(trunks.ask("endpoints")) == []


def test_a_reset_ends_calls_and_keeps_registrations(trunks):
    mary, bob = trunks.phone("mary"), trunks.phone("bob")
    call = mary.invite("bob")
    trunks.run(1)
    bob.calls[-1].answer()
    trunks.run(1)
    assert trunks.ask("sipreset").message == "OK: SIP was reset, 1 calls ended"
    trunks.run(1)
    assert call.state == bob.calls[-1].state == "ended"
    call = mary.invite("bob")
    trunks.run(1)
    assert call.state == "ringing"
    call.cancel()


def test_routing_is_read_again(trunks):
    with trunks.db.unit() as unit:
        unit.run("UPDATE tb_routing SET prefix = '49'")
    assert trunks.ask("vsiprst").message == "OK: routing and 2 trunks"
    assert not trunks.routing.takes("36")


def test_only_administrators_do_such_things(trunks):
    for entry in ("epreg", "upperunreg", "endpoints", "gwrst", "vsiprst", "sipreset"):
        assert trunks.refused(entry, "john")[0] == 403
