"""The telephone of the tests, against another one and against a registrar of a few lines."""

import pytest

from mizu.sip.digest import verify, ha1
from mizu.sip.headers import parse_credentials
from tests.flows.network import FakeNetwork, FakeTimers
from tests.flows.phone import Phone, sdp

SPOILT = [{}, {"loss": 0.2, "double": 0.2, "delay": (0.005, 0.4)}]


def two(transport="UDP", **spoilt):
    """Alice and Bob, each the other's server."""
    timers = FakeTimers()
    network = FakeNetwork(timers, **spoilt)
    alice = Phone(network, "10.0.0.1", "alice", server=("10.0.0.2", 5060), transport=transport)
    bob = Phone(network, "10.0.0.2", "bob", server=("10.0.0.1", 5060), transport=transport)
    return timers, alice, bob


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("seed", range(4))
def test_a_call_rings_is_answered_changed_and_hung_up(transport, spoilt, seed):
    timers, alice, bob = two(transport, seed=seed, **spoilt)
    call = alice.invite("bob")
    assert timers.until(lambda: bob.calls and call.state == "ringing" or call.code)
    bob.calls[0].answer()
    assert timers.until(lambda: "ACK" in bob.calls[0].asked)
    assert (call.state, call.code, call.body) == ("talking", 200, sdp("10.0.0.2"))
    call.hold()
    assert timers.until(lambda: bob.calls[0].asked.count("ACK") == 2)
    assert b"sendonly" in bob.calls[0].body
    call.refer("sip:carol@10.0.0.2")
    assert timers.until(lambda: call.referred[0] == 202)
    bob.calls[0].bye()
    assert timers.until(lambda: call.state == "ended") and call.ended_by == "them" and call.asked == ["BYE"]
    timers.advance(70)
    assert len(timers) == 0 and len(bob.calls) == 1


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_call_is_refused(spoilt):
    timers, alice, bob = two(**spoilt)
    bob.on_call = lambda call: call.refuse(486)
    call = alice.invite("bob")
    assert timers.until(lambda: call.state == "ended") and call.code == 486
    timers.advance(70)
    assert bob.calls[0].asked == ["ACK"] and len(timers) == 0


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_call_is_cancelled(spoilt):
    timers, alice, bob = two(**spoilt)
    call = alice.invite("bob")
    call.cancel()
    assert timers.until(lambda: call.state == "ended") and call.code == 487
    timers.advance(70)
    assert bob.calls[0].state == "ended" and len(timers) == 0


def test_a_phone_that_nobody_hears_gives_up():
    timers, alice, bob = two(loss=1.0)
    call = alice.invite("bob")
    timers.advance(33)
    assert (call.state, call.code) == ("ended", 408)


def test_a_phone_answers_the_challenge_of_its_registrar():
    timers = FakeTimers()
    network = FakeNetwork(timers)
    server = Phone(network, "192.0.2.1", "server")
    seen = []

    def asked(message):
        _, credentials = parse_credentials(message.get("Authorization"))
        proof = verify(credentials, "REGISTER", lambda algorithm: ha1(algorithm, "alice", "r", "secret"))
        seen.append((message.cseq[0], proof))
        response = message.reply(200 if proof == "ok" else 401, to_tag="t")
        if proof != "ok":
            response.add("WWW-Authenticate", 'Digest realm="r", qop="auth", nonce="abc", algorithm=SHA-256')
        server.say(message, response)
    server._asked = asked
    alice = Phone(network, "10.0.0.1", "alice", "secret")
    alice.register()
    timers.advance(1)
    assert alice.registered and seen == [(1, "broken"), (2, "ok")] and alice.register_codes == [200]
    alice.register(0)
    timers.advance(1)
    assert not alice.registered


def test_behind_a_nat_the_world_sees_another_address():
    timers = FakeTimers()
    network = FakeNetwork(timers)
    network.nat("10.0.0.1", "198.51.100.7")
    server = Phone(network, "192.0.2.1", "server")
    alice = Phone(network, "10.0.0.1", "alice")
    alice.options()
    timers.advance(1)
    asked, = server.got
    assert (asked.flow.host, asked.flow.port) == ("198.51.100.7", 30000) and [m.status for m in alice.got] == [200]
