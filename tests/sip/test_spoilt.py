"""Transactions over a network that loses a fifth, doubles and reorders: they end right, and nothing is left."""

import pytest

from tests.sip.test_layer import World, answer, request

SPOILT = {"loss": 0.2, "double": 0.15}
ROUNDS = 60


def spoilt(seed, transport="UDP"):
    world = World(transport, seed=seed, **SPOILT)
    world.network.delay = (0.005, 0.4)
    return world


def final(heard):
    return [one for one in heard if isinstance(one, str) or one >= 200]


@pytest.mark.parametrize("seed", range(6))
def test_every_request_is_handed_up_once_and_answered_once(seed):
    world = spoilt(seed)
    world.there.take = answer(200)
    for number in range(ROUNDS):
        world.ask(method="OPTIONS", call_id=f"c{number}")
        world.timers.advance(0.05)
    world.timers.advance(40)
    assert world.here.heard == [200] * ROUNDS and len(world.there.requests) == ROUNDS
    world.is_empty()


@pytest.mark.parametrize("seed", range(6))
def test_refused_calls_end_with_one_refusal_each(seed):
    world = spoilt(seed)
    world.there.take = answer(180, 486)
    for number in range(ROUNDS):
        world.ask(call_id=f"c{number}")
        world.timers.advance(0.05)
    world.timers.advance(40)
    assert final(world.here.heard) == [486] * ROUNDS and len(world.there.requests) == ROUNDS
    assert world.there.acks == []
    world.is_empty()


@pytest.mark.parametrize("seed", range(6))
def test_accepted_calls_are_acknowledged_in_the_end(seed):
    world = spoilt(seed)
    waiting, failed = {}, []

    class Callee:
        @staticmethod
        def failed(transaction, why):
            failed.append(why)

    def take(transaction, message):
        transaction.user = Callee
        waiting[message.call_id] = transaction
        transaction.respond(message.reply(180, to_tag="t"))
        world.timers.later(1, lambda: transaction.respond(message.reply(200, to_tag="t")))

    def requested(transaction, message):
        if transaction is not None:
            take(transaction, message)
        else:
            waiting[message.call_id].acked()

    class Caller:
        def __init__(self):
            self.heard = []

        def responded(self, transaction, response):
            self.heard.append(response.status)
            if response.status == 200:
                world.here.layer.send_ack(request("ACK", response.call_id, to_tag="t"), world.flow)

        def failed(self, transaction, why):
            self.heard.append(why)

    world.there.layer.on_request = requested
    callers = [Caller() for _ in range(ROUNDS)]
    for number, caller in enumerate(callers):
        world.here.layer.request(request(call_id=f"c{number}"), world.flow, caller)
        world.timers.advance(0.05)
    world.timers.advance(70)
    assert all(200 in caller.heard and set(caller.heard) <= {100, 180, 200} for caller in callers)
    assert failed == [] and len(waiting) == ROUNDS
    world.is_empty()


@pytest.mark.parametrize("seed", range(6))
def test_cancelled_calls_end_on_both_sides(seed):
    world = spoilt(seed)

    def take(transaction, message):
        transaction.user = world.there
        transaction.respond(message.reply(180, to_tag="t"))

    world.there.take = take
    for number in range(ROUNDS):
        transaction = world.ask(call_id=f"c{number}")
        world.timers.later(number % 7 / 10, transaction.cancel)
        world.timers.advance(0.05)
    world.timers.advance(70)
    assert final(world.here.heard) == [487] * ROUNDS and len(world.there.cancels) == ROUNDS
    world.is_empty()


def test_whatever_is_answered_and_cancelled_at_the_same_time_ends():
    world = spoilt(98)

    def take(transaction, message):
        transaction.user = world.there
        transaction.respond(message.reply(180, to_tag="t"))
        world.timers.later(0.3, lambda: transaction.respond(message.reply(200, to_tag="t")))

    world.there.take = take
    for number in range(ROUNDS):
        transaction = world.ask(call_id=f"c{number}")
        world.timers.later(0.3, transaction.cancel)
        world.timers.advance(0.05)
    world.timers.advance(70)
    ends = final(world.here.heard)
    assert set(ends) <= {200, 487} and {200, 487} <= set(ends)
    world.is_empty()
