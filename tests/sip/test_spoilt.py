"""Transactions over a network that loses a fifth, doubles and reorders: they end right, and nothing is left."""

import random

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


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_users_do_whenever_they_do_it_no_impossible_cell_is_met(seed, transport):
    world, chance = spoilt(seed, transport), random.Random(seed)
    here, there = world.here, world.there
    asked, came = [], []

    def take(transaction, message):
        came.append((transaction, message))
        if chance.random() < 0.7:
            transaction.user = there
        if chance.random() < 0.5:
            transaction.respond(message.reply(chance.choice((100, 180, 200, 302, 404)), to_tag="t"))
        elif chance.random() < 0.2:
            transaction.refuse(message.reply(401, to_tag="t"))

    def cancelled(transaction):
        if chance.random() < 0.8:
            transaction.respond(transaction.request.reply(487, to_tag="t"))

    def late():
        transaction, message = chance.choice(came)
        transaction.respond(message.reply(chance.choice((100, 183, 200, 486, 603)), to_tag="t"))

    def acked():
        transaction, message = chance.choice(came)
        if message.method == "INVITE":
            transaction.acked()

    def ask():
        method = chance.choice(("INVITE", "INVITE", "OPTIONS", "BYE"))
        asked.append(world.ask(method=method, call_id=f"c{len(asked)}", to_tag="t" if method == "BYE" else ""))

    there.take, there.cancelled = take, cancelled
    here.responded = lambda transaction, response: chance.random() < 0.1 and transaction.cancel()
    deeds = {ask: 6, lambda: asked and chance.choice(asked).cancel(): 3, lambda: came and late(): 4,
             lambda: came and acked(): 2, lambda: here.layer.unreachable(world.flow.host, world.flow.port): 0.2,
             lambda: here.layer.lost(world.flow): 0.1}
    for _ in range(300):
        chance.choices(list(deeds), list(deeds.values()))[0]()
        world.timers.advance(chance.choice((0, 0.01, 0.1, 0.5, 3)))
    there.take = answer(480)
    world.timers.advance(40)
    for transaction in asked:
        transaction.cancel()
    for transaction, message in came:
        transaction.respond(message.reply(480, to_tag="t"))
    world.is_empty()
