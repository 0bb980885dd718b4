"""Random interleavings of everything that can happen in calls, and crashes at any statement: the books agree, nothing
is left over, and every charge has one record."""

import random
import shutil

import pytest

from mizu.calls.events import Transfer, Update

from records.store import wait

from .switch import DOLLAR, Switch, sdp

NAMES = ("john", "kate", "bob", "eve")


class Crash(BaseException):
    """The process is gone."""


class Town(Switch):
    """Four people who pay, with a reseller over two of them; counts the charges that were made."""

    def __init__(self, folder):
        super().__init__(folder)
        self.made = []
        meter = self.meters.meter
        self.meters.meter = lambda call, charge: self.made.append(meter(call, charge)) or self.made[-1]
        self.bridges_open = []

    def settle_down(self):
        boss = self.person("boss", type=2, credit=3.0, currency="USD")
        for name in NAMES:
            self.person(name, credit=0.4, currency="USD", parentid=boss.id if name in ("kate", "eve") else 0)
        self.price("36", 0.12)
        self.price("40", 0.5, billingstep=60, minammount=30)
        self.price("36", 0.06, userid=boss.id)
        return self


def step(town, chance):
    """One thing that happens."""
    legs = [leg for leg in town.everyone if not leg.silent and leg.bridge is not None]
    open_ = [bridge for bridge in town.bridges_open if not bridge.ended]
    what = chance.choice(("call", "call", "ring", "answer", "answer", "answer", "fail", "bye", "time", "time", "money",
                          "update", "transfer", "join", "drop"))
    if what == "call" and len(open_) < 5:
        name, number = chance.choice(NAMES), chance.choice(("3611", "4022"))
        charge = town.charge(town.person(name), number)
        forward = town.charge(town.person("bob"), "3699", mark="FWD")
        stages = [town.stage(*chance.sample(("p1", "p2", "p3"), chance.choice((1, 1, 2))), charges=[charge],
                             timeout=chance.choice((0, 10))),
                  town.stage("p4", condition=chance.choice(("busy", "failed", "noanswer")), charges=[charge, forward])]
        town.bridges_open.append(town.call(name, *stages[:chance.choice((1, 2))], number=number))
    elif what == "time":
        town.run(chance.choice((0.5, 7, 31, 75)))
    elif what == "money":
        with town.db.unit() as unit:
            town.ledger.add(unit, town.person(chance.choice(NAMES)), 30_000, "recharge", "x")
    elif what == "drop" and open_:
        town.board.drop(chance.choice(open_).call.id)
    elif not legs:
        return
    else:
        leg = chance.choice(legs)
        bridge = leg.bridge
        talking = bridge.call.answered is not None
        rung = bridge.hunt is not None and leg in bridge.hunt.branches
        if what == "ring" and rung:
            leg.ring()
        elif what == "answer" and rung:
            leg.answer()
        elif what == "fail" and rung:
            leg.fail(chance.choice((486, 503, 480, 603, 302, 408)))
        elif what == "bye" and not rung:
            leg.bye(chance.choice((200, 408)) if talking else 487)
        elif what == "update" and talking and not rung:
            leg.say(Update(sdp("x"), lambda code, body=None, answered=None: None))
        elif what in ("transfer", "join") and talking and not rung:
            other = next((each for each in legs if each.bridge is not bridge and each.bridge.a is each), None)
            town.transfers["x"] = town.plan(town.stage("p5", charges=[town.charge(town.person("bob"), "3655")]))
            leg.say(Transfer("x", other if what == "join" else None, lambda code, body=None: None))
    for leg in town.everyone:           # whoever is offered something answers
        if not leg.silent and leg.last.__class__ is Update and chance.random() < 0.8:
            leg.last.reply(chance.choice((200, 200, 200, 491, 488)), sdp("y"))


def check(town):
    """The books at any moment."""
    assert town.db.differences(whole=True).result().rows == []
    booked = -town.db.value("SELECT coalesce(sum(amount_u), 0) FROM tb_ledger WHERE kind = 'call'")
    recorded = town.db.value("SELECT coalesce((SELECT sum(CAST(round(costenduser * 1000000) AS INTEGER)) FROM tb_cdrs), 0)"
                             " + coalesce((SELECT sum(CAST(round(cost * 1000000) AS INTEGER)) FROM tb_cdrresellers), 0)")
    assert booked == recorded
    assert town.db.rows("SELECT u.username FROM tb_users u WHERE u.credit_u < (SELECT coalesce(sum(CAST(round(amount *"
                        " 1000000) AS INTEGER)), 0) FROM tb_reservations WHERE userid = u.id)") == []
    assert town.db.rows("SELECT sipcallid, callerid, mark, callednumber, count(*) FROM tb_cdrs WHERE mark <> 'TRANS'"
                        " GROUP BY 1, 2, 3, 4 HAVING count(*) > 1") == []


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fresh")
    town = Town(folder).settle_down()
    town.db.close()
    return folder / "mizud.db"


def town_at(fresh, folder):
    folder.mkdir()
    shutil.copy(fresh, folder)
    town = Town(folder)
    town.db._execute("PRAGMA synchronous=OFF")
    return town


def life(fresh, folder, seed, steps):
    chance = random.Random(seed)
    town = town_at(fresh, folder)
    for _ in range(steps):
        step(town, chance)
        if chance.random() < 0.2:
            check(town)
    for bridge in town.bridges_open:
        bridge.hang_up(480)
    check(town)
    town.clean()
    assert len(town.rows("id")) == len(town.made)
    assert {meter.state for meter in town.made} <= {4}
    town.db.close()
    shutil.rmtree(folder)


def test_whatever_happens_the_books_agree_and_nothing_is_left(fresh, tmp_path):
    for seed in range(25):
        life(fresh, tmp_path / str(seed), seed, 50)


@pytest.mark.slow
def test_whatever_happens_the_books_agree_in_many_more_lives(fresh, tmp_path):
    for seed in range(1000, 1400):
        life(fresh, tmp_path / str(seed), seed, 70)


# -- crashes

def dying(town, count, target):
    """db._execute that leaves the files to the next process before that many statements, and dies."""
    execute, left = town.db._execute, [count]

    def run(*args):
        left[0] -= 1
        if left[0] < 0:
            leave(town, target)
            raise Crash
        return execute(*args)
    town.db._execute = run
    return execute


def leave(town, target):
    if not target.exists():
        target.mkdir()
        for name in ("mizud.db", "mizud.db-wal"):
            if (town.folder / name).exists():
                shutil.copy(town.folder / name, target)


def death(fresh, folder, seed):
    chance = random.Random(seed)
    town = town_at(fresh, folder)
    town.meters.start()
    target = folder.parent / f"{folder.name}-after"
    for _ in range(chance.randrange(5, 40)):
        step(town, chance)
    execute = dying(town, chance.randrange(60), target)
    try:
        for _ in range(20):
            step(town, chance)
    except Crash:
        pass
    town.db._execute = execute
    leave(town, target)
    after = Town(target)
    open_, records = len(after.db.rows("SELECT 1 FROM tb_opencalls")), len(after.rows("id"))
    check(after)
    billed, _ = wait(after.opencalls.recover())
    assert billed == open_ and len(after.rows("id")) == records + open_
    check(after)
    assert after.held() == 0 and after.db.rows("SELECT 1 FROM tb_opencalls") == []
    assert wait(after.opencalls.recover()) == (0, 0)
    for each in (town, after):
        each.db.close()
        shutil.rmtree(each.folder)


def test_a_crash_at_any_statement_bills_every_call_once(fresh, tmp_path):
    for seed in range(30):
        death(fresh, tmp_path / str(seed), seed)


@pytest.mark.slow
def test_many_more_crashes(fresh, tmp_path):
    for seed in range(1000, 1500):
        death(fresh, tmp_path / str(seed), seed)
