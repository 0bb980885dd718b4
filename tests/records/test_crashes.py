"""Random sequences of recharge, transfer, charge, crash and restart: the ledger's sum stays the balance.

A crash is what another process would find after kill -9 at any statement: the files as they are at that moment,
the log's committed part and what had been written of the rest.  tests/live kills the real program.
"""

import random
import shutil

import pytest

from mizu.base.errors import ApiError

from .store import add, records

SEQUENCES, STEPS, CRASHES = 200, 14, 3
NAMES = ("ann", "bob", "eve")
PINS = 5
DOLLAR = 1_000_000


class Crash(Exception):
    """The process is gone."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A database with three accounts and some PINs, closed."""
    folder = tmp_path_factory.mktemp("fresh")
    store = records(folder)
    for name in NAMES:
        add(store, name, credit=5.0, currency="USD")
    with store.db.unit() as unit:
        for number in range(PINS):
            unit.run("INSERT INTO tb_prepaidcodes (pin, value) VALUES (?, ?)", (f"700{number}", number + 0.1))
    store.db.close()
    return folder / "mizud.db"


class Run:
    """One sequence: a store that crashes and comes back, and a plain model of what it must hold."""

    def __init__(self, folder, fresh, chance):
        self.folder, self.chance, self.crashes = folder, chance, 0
        (folder / "0").mkdir()
        shutil.copy(fresh, folder / "0")
        self.balance = {name: 5 * DOLLAR for name in NAMES}
        self.pins = {f"700{number}": number * DOLLAR + DOLLAR // 10 for number in range(PINS)}
        self.held = {}              # callid -> (name, micros)
        self.start()

    def start(self):
        self.store = records(self.folder / str(self.crashes))
        self.store.db._execute("PRAGMA synchronous=OFF")        # the next process reads what is in the page cache
        self.open = {each.callid: each for each, _ in self.store.reservations.listed()}

    def state(self):
        store = self.store
        return (dict(store.db.rows("SELECT username, credit_u FROM tb_users")),
                {pin for pin, in store.db.rows("SELECT pin FROM tb_prepaidcodes WHERE usedby = 0")},
                {each.callid: micros for each, micros in store.reservations.listed()})

    def model(self):
        return dict(self.balance), set(self.pins), {callid: micros for callid, (_, micros) in self.held.items()}

    def check(self):
        store = self.store
        assert self.state() == self.model()
        for whole in (True, False):
            assert store.db.differences(whole).result().rows == []
        ledger, balances = store.db.row("SELECT (SELECT sum(amount_u) FROM tb_ledger),"
                                        " (SELECT sum(credit_u) FROM tb_users)")
        assert ledger == balances and all(micros >= 0 for micros in self.balance.values())
        assert store.db.value("SELECT max(n) FROM (SELECT count(*) AS n FROM tb_ledger WHERE kind = 'recharge'"
                              " GROUP BY refid)") in (None, 1)

    # -- operations: (what the store does in a unit, what becomes of the model if it did)

    def account(self, name):
        return self.store.users.by_username(name)

    def recharge(self, name):
        pin = self.chance.choice([f"700{number}" for number in range(PINS + 1)])

        def model():
            self.balance[name] += self.pins.pop(pin)
        return lambda unit: self.store.pins.recharge(unit, self.account(name), pin, name), model

    def transfer(self, name):
        other, micros = self.chance.choice(NAMES), self.chance.randrange(-DOLLAR, 7 * DOLLAR)

        def model():
            self.balance[name] -= micros
            self.balance[other] += micros
        return (lambda unit: self.store.transfers.give(unit, self.account(name), self.account(other), micros, name),
                model)

    def reserve(self, name):
        callid, micros = f"call-{self.chance.randrange(10**9)}", self.chance.randrange(4 * DOLLAR)

        def model():
            self.held[callid] = name, micros
        return lambda unit: self.store.reservations.reserve(unit, self.account(name), callid, micros), model

    def charge(self, name):
        if not self.open:
            return self.reserve(name)
        callid, reservation = self.chance.choice(list(self.open.items()))
        price = self.chance.randrange(self.held[callid][1] + 1)

        def model():
            self.balance[self.held.pop(callid)[0]] -= price
        return lambda unit: self.store.reservations.post(unit, reservation, price, "call", name), model

    def void(self, name):
        if not self.open:
            return self.recharge(name)
        callid, reservation = self.chance.choice(list(self.open.items()))
        return lambda unit: self.store.reservations.void(unit, reservation), lambda: self.held.pop(callid)

    # -- steps

    def step(self, crash_at=None):
        """One operation; with `crash_at` the process dies before that statement of it, or after its last one."""
        name = self.chance.choice(NAMES)
        operate, model = self.chance.choice((self.recharge, self.transfer, self.reserve, self.charge, self.void))(name)
        store, execute, before = self.store, self.store.db._execute, self.model()
        if crash_at is not None:
            store.db._execute = self.dying(execute, crash_at)
        try:
            with store.db.unit() as unit:
                operate(unit)
            done = True
        except (ApiError, Crash):
            done = False
        store.db._execute = execute
        if done:
            model()
        if crash_at is not None:
            after = self.model() if done else before
            self.restart()
            if self.state() != after:       # committed, but nobody was told any more
                assert not done
                model()
        else:
            store.users.reload([store.users.by_username(each).id for each in NAMES])
            self.open = {each.callid: each for each, _ in store.reservations.listed()}
        self.check()

    def dying(self, execute, crash_at):
        """db._execute that leaves the files as they are at the moment of death to the next process."""
        left = [crash_at]

        def run(*args):
            if left[0] == 0:
                self.leave_files()
                left[0] = -1
                raise Crash
            left[0] -= 1
            return execute(*args)
        return run

    def leave_files(self):
        old, new = self.folder / str(self.crashes), self.folder / str(self.crashes + 1)
        new.mkdir()
        for name in ("mizud.db", "mizud.db-wal"):
            if (old / name).exists():
                shutil.copy(old / name, new)

    def restart(self):
        old = self.store.db
        if not (self.folder / str(self.crashes + 1)).exists():
            self.leave_files()
        self.crashes += 1
        self.start()
        old.close()


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_random_sequences_with_crashes_keep_the_ledgers_sum_the_balances(fresh, tmp_path, block):
    for number in range(SEQUENCES // 10):
        chance = random.Random(block * 1000 + number)
        folder = tmp_path / str(number)
        folder.mkdir()
        run = Run(folder, fresh, chance)
        fatal = set(chance.sample(range(STEPS), CRASHES))
        for step in range(STEPS):
            run.step(chance.randrange(12) if step in fatal else None)
        assert run.crashes == CRASHES
        run.store.db.close()
        shutil.rmtree(folder)
