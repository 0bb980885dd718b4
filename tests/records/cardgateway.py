"""A payment gateway that charges a key once and tells what it has stored, however badly it answers."""

import json
from types import SimpleNamespace

from mizu.base.errors import NotReached
from mizu.base.task import Future
from mizu.records.payments import Payments

from .store import Now

CARD = ("4111 1111 1111 1111", "2030", "5", "123")
NUMBER = "4111111111111111"


class CardGateway:
    """charges  {key: amount} of what was taken from cards
    asked    [(headers, told)] of every question
    trouble  what happens to the next questions, one each: "lost" before it is heard, "broken" once it is done (no
             answer), NotReached, or a (status, body) in place of the answer
    refuses  codes (ccv2) that are declined
    """

    def __init__(self):
        self.charges, self.asked, self.trouble, self.refuses, self._stored = {}, [], [], {"999"}, {}

    def fetch(self, url, body, headers, seconds):
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble == "lost":
            raise TimeoutError("nothing comes back from 4111111111111111")
        if trouble is NotReached:
            raise NotReached(502, "gw.example does not answer: refused")
        told = json.loads(body)
        self.asked.append((headers, told))
        if isinstance(trouble, tuple):
            return SimpleNamespace(status=trouble[0], body=trouble[1])
        status, answer = self.judge(headers["Idempotency-Key"], told)
        if trouble == "broken":
            raise ConnectionResetError("4111111111111111 was cut")
        return SimpleNamespace(status=status, body=json.dumps(answer).encode())

    def judge(self, key, told):
        if key not in self._stored:
            if "cardnum" not in told:
                return 404, {"error": "no such key"}
            approved = told["ccv2"] not in self.refuses
            if approved:
                assert key not in self.charges
                self.charges[key] = told["amount"]
            self._stored[key] = {"approved": approved, "reference": f"R{len(self._stored) + 1}",
                                 **({} if approved else {"message": "4111-1111-1111-1111: no funds"})}
        return 200, self._stored[key]


def paying(store, gateway, workers=Now(), log=None):
    """Payments over a store, as a start of the server makes them."""
    def sleep(seconds):
        store.clock.advance(seconds)
        done = Future()
        done.set()
        return done
    store.settings.paymenturl = "https://gw.example/charge"
    return Payments(store.db, store.settings, store.clock, store.entropy, store.users, store.ledger, store.currencies,
                    workers, gateway.fetch, sleep, log)


class Slow:
    """Workers that begin when they are told to."""

    def __init__(self):
        self.waiting = []

    def run(self, function, *args):
        future = Future()
        self.waiting.append((future, function, args))
        return future

    def go(self):
        waiting, self.waiting = self.waiting, []
        for future, function, args in waiting:
            try:
                future.set(function(*args))
            except Exception as error:
                future.fail(error)

    def go_deaf(self):
        """Do it; whoever waited has gone."""
        for _, function, args in self.waiting:
            try:
                function(*args)
            except Exception:
                pass
