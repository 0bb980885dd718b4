"""What calls leave in memory: nothing, also where nobody looks for circles."""

import gc

import pytest

from mizu.calls.bridge import Bridge
from mizu.calls.call import Call
from mizu.calls.hunt import Hunt
from mizu.sip.clienttransaction import ClientTransaction
from mizu.sip.servertransaction import ServerTransaction
from mizu.ua.exchange import Exchange
from mizu.ua.leg import Leg
from mizu.ua.session import SessionTimer
from tests.flows.phone import sdp

KINDS = Bridge, Call, Hunt, ClientTransaction, ServerTransaction, Exchange, Leg, SessionTimer


@pytest.fixture
def no_collector():
    """Nobody looks for circles; yields the objects that other tests have left."""
    gc.collect()
    gc.disable()
    yield [each for each in gc.get_objects() if isinstance(each, KINDS)]
    gc.enable()


def left(before):
    """Names of the objects of calls that have come since and are still there."""
    known = {id(each) for each in before}
    return sorted(type(each).__name__ for each in gc.get_objects() if isinstance(each, KINDS) and id(each) not in known)


def answered(office, alice, bob):
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    call.hold()
    office.run(1)
    call.reinvite(b"")
    call.request("INFO", b"Signal=1")
    office.run(1000)            # renewals
    bob.calls[-1].bye()


def cancelled(office, alice, bob):
    call = alice.invite("bob")
    office.run(1)
    call.cancel()


def refused(office, alice, bob):
    bob.on_call = lambda call: call.refuse(486)
    alice.invite("bob")


def nobody(office, alice, bob):
    alice.invite("nobody")


def transferred(office, alice, bob):
    carol = office.phone("carol")
    call = alice.invite("bob")
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    call.refer("sip:carol@192.0.2.1")
    office.run(1)
    carol.calls[-1].answer()
    office.run(3)
    carol.calls[-1].bye()


def reliable(office, alice, bob):
    bob.on_call = lambda call: call.ring(183, sdp(bob.host), (("Require", "100rel"), ("RSeq", "1")))
    call = alice.invite("bob", fields=(("Require", "100rel"),))
    office.run(1)
    bob.calls[-1].answer()
    office.run(1)
    call.bye()


def never_acknowledged(office, alice, bob):
    call = alice.invite("bob")
    call._ack = lambda invite: b""
    office.run(1)
    bob.calls[-1].answer()


def unreachable(office, alice, bob):
    bob.endpoint.close()
    alice.invite("bob")


@pytest.mark.parametrize("flow", [answered, cancelled, refused, nobody, transferred, reliable, never_acknowledged,
                                  unreachable])
def test_nothing_of_a_call_waits_for_the_collector_of_circles(office, no_collector, flow):
    alice, bob = office.phone("alice"), office.phone("bob")
    flow(office, alice, bob)
    office.run(5)
    office.swept()
    office.phone("dave").options()          # the layer lets go of what is spent with the next message
    office.run(40)
    assert left(no_collector) == []
