"""A number belongs to one account, whichever way it comes to it, and goes back to the pool when that loses it."""

import random

import pytest

from mizu.base.clock import utc_text
from mizu.base.errors import ApiError

from .store import add

POOL = ("3611", "+3622", "3633")


@pytest.fixture
def store(store):
    for name in ("ann", "bob"):
        setattr(store, name, add(store, name))
    with store.db.unit() as unit:
        for number in POOL:
            unit.run("INSERT INTO tb_telnumbers (number) VALUES (?)", (number,))
    return store


def change(store, call, *args):
    with store.db.unit() as unit:
        return call(unit, *args)


def row(store, number):
    return store.db.row("SELECT free, location FROM tb_telnumbers WHERE number = ?", (number,))


WAYS = {
    "telnumber": lambda store, id, number: change(store, store.users.update, id, {"telnumber": number}),
    "username": lambda store, id, number: change(store, store.users.update, id, {"username": number}),
    "further": lambda store, id, number: change(store, store.users.add_number, id, number),
    "list": lambda store, id, number: change(store, store.users.set_numbers, id, [number]),
    "record": lambda store, id, number: change(store, store.fields.add, "tb_users_numbers",
                                               {"userid": id, "number": number}),
    "assigned": lambda store, id, number: change(store, store.numbers.assign, number, 0, id, 0, 2),
}


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
@pytest.mark.parametrize("number, other", [("3611", "3611"), ("3622", "+3622"), ("777", "+777")])
def test_a_number_belongs_to_one_account_whichever_way_it_came(store, first, second, number, other):
    WAYS[first](store, store.ann, number)
    if number in ("3611", "3622"):
        assert row(store, "+3622" if number == "3622" else number) == (0, store.ann)
    commits = store.db.commits
    with pytest.raises(ApiError) as error:
        WAYS[second](store, store.bob, other)
    assert error.value.code == 422 and store.db.commits == commits


@pytest.mark.parametrize("way", WAYS)
def test_a_new_account_takes_no_number_of_another_and_what_it_takes_leaves_the_pool(store, way):
    WAYS[way](store, store.ann, "3611")
    for values in ({"username": "3611"}, {"username": "+3611"}, {"username": "x", "telnumber": "3611"}):
        with pytest.raises(ApiError):
            add(store, **values)
    id = add(store, "+3633", telnumber="3622")
    assert row(store, "3633") == (0, id) and row(store, "+3622") == (0, id)


@pytest.mark.parametrize("lost", ["update", "replaced", "deleted", "renamed"])
def test_a_number_that_an_account_loses_goes_back(store, lost):
    id = add(store, "3611")
    change(store, store.users.add_number, id, "3633")
    if lost == "update":
        change(store, store.users.update, id, {"username": "x"})
        change(store, store.users.set_numbers, id, [])
    elif lost == "replaced":
        change(store, store.users.update, id, {"username": "+3622"})
        change(store, store.users.set_numbers, id, ["999"])
        assert row(store, "+3622") == (0, id)
    elif lost == "deleted":
        change(store, store.users.delete, id)
    else:
        change(store, store.users.switch, id, {"enabled": 0}, lambda name, id: "off")
        assert row(store, "3633") == (0, id)
        change(store, store.users.set_numbers, id, [])
    assert row(store, "3611") == (1, 0) and row(store, "3633") == (1, 0)


def test_a_number_that_moves_within_an_account_stays_its_own(store):
    change(store, store.users.add_number, store.ann, "3611")
    change(store, store.users.update, store.ann, {"telnumber": "3611"})
    change(store, store.users.set_numbers, store.ann, [])
    assert row(store, "3611") == (0, store.ann)
    change(store, store.users.update, store.ann, {"telnumber": ""})
    assert row(store, "3611") == (1, 0)


def test_a_row_of_further_numbers_that_changes_hands_takes_the_number_along(store):
    id = WAYS["record"](store, store.ann, "3611")
    change(store, store.fields.set, "tb_users_numbers", id, {"userid": store.bob})
    assert row(store, "3611") == (0, store.bob)
    change(store, store.fields.set, "tb_users_numbers", id, {"number": "3633"})
    assert row(store, "3611") == (1, 0) and row(store, "3633") == (0, store.bob)
    change(store, store.fields.set, "tb_users_numbers", id, {"kind": "ani"})
    assert row(store, "3633") == (1, 0)


def test_what_is_reserved_or_locked_for_somebody_else_is_not_taken(store):
    until = utc_text(store.clock.now() + 60)
    store.db.execute(f"UPDATE tb_telnumbers SET lockedby = {store.bob}, lockeduntil = '{until}' WHERE number = '3611'"
                     ).result()
    store.db.execute("UPDATE tb_telnumbers SET free = 0 WHERE number = '3633'").result()
    for number, word in (("3611", "is locked"), ("3633", "is not free")):
        for way in ("telnumber", "username", "further", "list", "record"):
            with pytest.raises(ApiError) as error:
                WAYS[way](store, store.ann, number)
            assert error.value.message.endswith(word)
    WAYS["further"](store, store.bob, "3611")
    assert row(store, "3611") == (0, store.bob)


def test_a_row_of_the_pool_says_whose_the_number_is(store):
    change(store, store.users.update, store.ann, {"telnumber": "3644"})
    id = change(store, store.fields.add, "tb_telnumbers", {"number": "+3644"})
    assert row(store, "+3644") == (0, store.ann)
    for values in ({"free": 1}, {"location": store.bob}, {"location": 0}):
        with pytest.raises(ApiError):
            change(store, store.fields.set, "tb_telnumbers", id, values)
    change(store, store.fields.set, "tb_telnumbers", id, {"country": "HU"})
    assert row(store, "+3644") == (0, store.ann)


def test_random_changes_leave_every_number_with_one_account_and_the_pool_in_step(store):
    chance = random.Random(31)
    ids = [store.ann, store.bob, *[add(store, f"u{n}") for n in range(3)]]
    for _ in range(800):
        way, number = chance.choice(list(WAYS)), chance.choice([*POOL, "3622", "+3611", "555"])
        try:
            WAYS[way](store, chance.choice(ids), number)
        except ApiError:
            pass
        if chance.random() < 0.2:
            id = chance.choice(ids)
            change(store, store.users.set_numbers, id, [])
            change(store, store.users.update, id, {"telnumber": "", "username": f"n{id}"})
        store.users.reload(ids)
        owners = {}
        for id in ids:
            for name in store.users.owned.of(id):
                assert owners.setdefault(name.removeprefix("+"), id) == id
        for number, free, location in store.db.rows("SELECT number, free, location FROM tb_telnumbers"):
            owner = owners.get(number.removeprefix("+"))
            assert (free, location) == ((1, 0) if owner is None else (0, owner))


def test_what_is_no_number_does_not_get_into_the_pool(store):
    assert store.fields.check("tb_telnumbers", {"number": "+36 (1) 22"}) == {"number": "+36122"}
    for table in ("tb_telnumbers", "tb_users_numbers"):
        with pytest.raises(ApiError) as error:
            store.fields.check(table, {"number": "abc"})
        assert error.value.message == "parameter u_number takes a telephone number, not 'abc'"
