"""A number is offered to one, locked for one, and given to one."""

import random

import pytest

from mizu.base.errors import ApiError
from mizu.records.numbers import MOST_LOCKED

from .store import add


@pytest.fixture
def store(store):
    for name in ("ann", "bob", "eve"):
        setattr(store, name, store.users.by_id(add(store, name)))
    pool(store, *[f"0188888{n}" for n in range(8)])
    return store


def pool(store, *numbers, **columns):
    names = ", ".join(["number", *columns])
    with store.db.unit() as unit:
        for number in numbers:
            unit.run(f"INSERT INTO tb_telnumbers ({names}) VALUES (?{', ?' * len(columns)})",
                     (number, *columns.values()))


def offer(store, count=1, account=None, ttype=0, bounded=False):
    with store.db.unit() as unit:
        return [row[0] for row in store.numbers.offer(unit, count, ttype, account, bounded)]


def lock(store, number="", account=None, admin=True):
    with store.db.unit() as unit:
        return store.numbers.lock(unit, number, 0, account, admin)


def assign(store, account, number="", assignas=0, verify=3, ttype=0):
    id = account if isinstance(account, int) else account.id
    with store.db.unit() as unit:
        done = store.numbers.assign(unit, number, ttype, id, assignas, verify)
    store.users.reload((id,))
    return done


def refused(function, *args, code=422, **more):
    with pytest.raises(ApiError) as error:
        function(*args, **more)
    assert error.value.code == code, error.value.message
    return error.value.message


def row(store, number):
    return store.db.row("SELECT free, location, lockedby FROM tb_telnumbers WHERE number = ?", (number,))


def test_what_is_offered_is_offered_to_nobody_else_for_a_while(store):
    first = offer(store, 5)
    assert first == [f"0188888{n}" for n in range(5)]
    assert offer(store, 5, store.ann) == ["01888885", "01888886", "01888887"]
    assert refused(offer, store, 1, code=404) == "no free number"
    store.clock.advance(store.settings.numberlockseconds - 0.001)
    assert refused(offer, store, 1, code=404) == "no free number"
    store.clock.advance(0.002)
    assert offer(store, 3) == first[:3]


def test_the_kind_of_number_is_kept_apart(store):
    pool(store, "0800111", ttype=3, country="HU", price=2.5)
    with store.db.unit() as unit:
        assert store.numbers.offer(unit, 9, 3, None, False) == [("0800111", "HU", 2.5)]
    assert refused(offer, store, ttype=4, code=404) == "no free number"


def test_numbers_that_somebody_has_are_not_offered(store):
    pool(store, "1000", "1001", "1002", "1003", "1004", ttype=5)
    with store.db.unit() as unit:
        unit.run("UPDATE tb_telnumbers SET free = 0 WHERE number = '1000'")
        unit.run("UPDATE tb_telnumbers SET location = ? WHERE number = '1001'", (store.ann.id,))
        store.users.update(unit, store.ann.id, {"telnumber": "1002"})
        store.users.update(unit, store.bob.id, {"username": "1003"})
        store.users.add_number(unit, store.eve.id, "1004")
    assert refused(offer, store, 9, ttype=5, code=404) == "no free number"
    for number in ("1000", "1001", "1002", "1003", "1004"):
        assert refused(lock, store, number) == f"the number {number} is not free"


def test_a_lock_is_for_one_account(store):
    assert lock(store, "01888880", store.ann, admin=False) == "01888880"
    assert lock(store, "01888880", store.ann, admin=False) == "01888880"
    for account, admin in ((store.bob, False), (store.bob, True), (None, True)):
        assert refused(lock, store, "01888880", account, admin) == "the number 01888880 is locked"
    assert refused(assign, store, store.bob, "01888880") == "the number 01888880 is locked"
    assert assign(store, store.ann, "01888880") == ("01888880", "telnumber")
    assert row(store, "01888880") == (0, store.ann.id, 0)


def test_a_lock_for_nobody_yet_is_any_administrators(store):
    number, = offer(store)
    assert refused(lock, store, number, store.ann, admin=False) == f"the number {number} is locked"
    assert lock(store, number) == number and lock(store, number, store.ann) == number
    assert refused(lock, store, number, store.bob) == f"the number {number} is locked"
    other, = offer(store)
    assert assign(store, store.bob, other) == (other, "telnumber")


def test_without_a_name_a_free_number_is_taken_first_the_one_locked_for_the_account(store):
    assert lock(store) == "01888880"
    assert lock(store, "01888885", store.ann) == "01888885"
    assert assign(store, store.ann)[0] == "01888885" and store.ann.telnumber == "01888885"
    assert assign(store, store.bob)[0] == "01888881"
    for _ in range(5):
        offer(store)
    assert refused(assign, store, store.eve, code=404) == "no free number"


def test_one_users_locks_are_bounded(store):
    pool(store, *[f"2{n:04}" for n in range(MOST_LOCKED + 50)], ttype=7)
    assert len(offer(store, MOST_LOCKED + 10, store.ann, 7, bounded=True)) == MOST_LOCKED
    assert "choose one of them" in refused(offer, store, 1, store.ann, 7, bounded=True)
    assert "choose one of them" in refused(lock, store, "20120", store.ann, admin=False)
    assert lock(store, "20001", store.ann, admin=False) == "20001"
    assert len(offer(store, 10, store.bob, 7, bounded=True)) == 10
    store.clock.advance(store.settings.numberlockseconds + 1)
    assert len(offer(store, 10, store.ann, 7, bounded=True)) == 10


def test_an_unknown_number_is_not_of_the_pool(store):
    assert refused(lock, store, "555", code=404) == "no such number in the pool: 555"
    assert refused(assign, store, store.ann, "555", code=404) == "no such number in the pool: 555"


def test_a_leading_plus_makes_no_other_number(store):
    pool(store, "+3611", "3622")
    assert lock(store, "3611") == "+3611" and lock(store, "+3622") == "3622"
    assert assign(store, store.ann, "3611") == ("+3611", "telnumber")


@pytest.mark.parametrize("verify, outside, pooled, other_lock, other_owner, no_account", [
    (3, 404, 0, 422, 422, 404), (2, 0, 0, 422, 422, 404), (1, 0, 0, 422, 422, 404), (0, 0, 0, 0, 422, 0)])
def test_the_levels_of_verification(store, verify, outside, pooled, other_lock, other_owner, no_account):
    lock(store, "01888881", store.bob)
    assign(store, store.bob, "01888882")
    with store.db.unit() as unit:
        store.users.update(unit, store.eve.id, {"telnumber": "777"})
    cases = ((store.ann, "555", outside), (store.ann, "01888880", pooled), (store.ann, "01888881", other_lock),
             (store.ann, "01888882", other_owner), (store.ann, "777", other_owner if verify < 3 else 404),
             (4711, "01888887", no_account))
    for account, number, code in cases:
        if code:
            refused(assign, store, account, number, verify=verify, code=code)
        else:
            assert assign(store, account, number, verify=verify)[0] == number
    assert store.bob.telnumber == "01888882" and row(store, "01888882") == (0, store.bob.id, 0)


def test_a_disabled_account_gets_a_number_only_unverified(store):
    with store.db.unit() as unit:
        store.users.update(unit, store.ann.id, {"enabled": 0})
    store.users.reload((store.ann.id,))
    assert refused(assign, store, store.ann) == "account disabled"
    assert assign(store, store.ann, verify=0) == ("01888880", "telnumber")


@pytest.mark.parametrize("assignas, column", [(0, "telnumber"), (1, "username"), (2, "telnumber")])
def test_a_number_becomes_user_name_or_telephone_number(store, assignas, column):
    assert assign(store, store.ann, "01888880", assignas) == ("01888880", column)
    assert getattr(store.ann, column) == "01888880"
    assert store.users.find("01888880", True) is store.ann


def test_asking_again_changes_nothing(store):
    for _ in range(3):
        assert assign(store, store.ann, "01888880") == ("01888880", "telnumber")
    assert store.db.value("SELECT count(*) FROM tb_users_numbers") == 0
    assert refused(assign, store, store.bob, "01888880") == "the number 01888880 is not free"


def test_the_number_before_still_rings(store):
    for number in ("01888880", "01888881", "01888880"):
        assign(store, store.ann, number)
    assert store.ann.telnumber == "01888880"
    assert store.db.rows("SELECT userid, number, kind FROM tb_users_numbers") == [(store.ann.id, "01888881", "did")]
    assert store.users.find("01888881", True) is store.ann


def test_a_user_name_that_cannot_be_is_refused_and_the_number_stays_free(store):
    pool(store, "0 1", "011*1")
    assert "characters" in refused(assign, store, store.ann, "011*1", 1, code=400)
    assert row(store, "011*1") == (1, 0, 0) and store.ann.username == "ann"


def test_the_numbers_of_a_deleted_account_go_back_to_the_pool(store):
    assign(store, store.ann, "01888880")
    with store.db.unit() as unit:
        store.users.delete(unit, store.ann.id)
    store.users.reload((store.ann.id,))
    assert row(store, "01888880")[:2] == (1, 0) and assign(store, store.bob, "01888880")[0] == "01888880"


def test_random_requests_never_give_one_number_to_two(store):
    chance = random.Random(23)
    people = [store.ann, store.bob, store.eve]
    numbers = [f"0188888{n}" for n in range(8)] + ["999", "998"]
    for _ in range(600):
        account, number = chance.choice(people), chance.choice([*numbers, ""])
        try:
            what = chance.randrange(4)
            if what == 0:
                offer(store, chance.randrange(1, 4), chance.choice([account, None]))
            elif what == 1:
                lock(store, number, account, chance.random() < 0.5)
            else:
                assign(store, account, number, chance.randrange(3), chance.randrange(4))
        except ApiError:
            pass
        if chance.random() < 0.1:
            store.clock.advance(1000)
        owners = {}
        for id, *names in store.db.rows("SELECT id, username, telnumber FROM tb_users UNION ALL"
                                        " SELECT userid, number, '' FROM tb_users_numbers"):
            for name in filter(None, names):
                assert owners.setdefault(name, id) == id
        for number, location in store.db.rows("SELECT number, location FROM tb_telnumbers WHERE free = 0"):
            assert owners.get(number, location) == location
