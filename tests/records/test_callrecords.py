"""Records of calls and what is charged with them; checkpoints that are billed after a crash."""

import json

import pytest

from mizu.records.callrecords import BLANK, CallRecords, Share
from mizu.records.opencalls import MARK, OpenCalls
from mizu.records.price import price
from mizu.store import schema

from .store import add, wait

DOLLAR = 1_000_000


class Lines:
    """A log that keeps what it is told."""

    def __init__(self):
        self.lines = []
        self.warning = self.error = self.lines.append


@pytest.fixture
def desk(store):
    store.log = Lines()
    store.john = store.users.by_id(add(store, "john", credit=1.0, currency="USD"))
    with store.db.unit() as unit:
        entry = unit.run("INSERT INTO tb_billentries (name, currency, billingstep, vatincluded, vatvalue)"
                         " VALUES ('all', 'USD', 6, 0, 27)").lastrowid
        unit.run("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, '36', 0.10)", (entry,))
    store.rates.reload()
    store.callrecords = CallRecords(store.db, store.users, store.ledger, store.rates, store.reservations, store.log)
    return store


def shared(store):
    """john's Share towards 36, with a dime set aside."""
    share = Share(0, store.john.id, store.john.id, store.rates.find(store.john, "361"))
    with store.db.unit() as unit:
        share.reservation = store.reservations.reserve(unit, store.john, MARK + "c", DOLLAR // 10)
    return share


def row(store, **values):
    return {**BLANK, "callerid": store.john.id, "callernumber": "john", "callednumber": "361", "sipcallid": "c",
            "connectdate": store.clock.utc(), **values}


def opened(store):
    return OpenCalls(store.db, store.clock, store.callrecords, store.reservations, store.log)


def test_a_record_has_every_column_of_its_table():
    assert {*BLANK, "id"} == set(schema.columns("tb_cdrs"))


def test_a_share_reads_back_as_it_was(desk):
    share = shared(desk)
    again = Share.of(json.loads(json.dumps(share.facts())))
    assert [price(again.tariff, seconds) for seconds in range(200)] == [
        price(share.tariff, seconds) for seconds in range(200)]
    assert (again.payer, again.entry, again.currency, again.reservation.id) == (
        desk.john.id, share.entry, "USD", share.reservation.id)


def test_charge_record_and_reservation_are_one_unit(desk):
    share = shared(desk)
    with pytest.raises(RuntimeError), desk.db.unit() as unit:
        desk.callrecords.write(unit, row(desk), [share], 60)
        raise RuntimeError
    assert desk.ledger.balance(desk.john.id) == DOLLAR and len(desk.reservations.listed()) == 1
    with desk.db.unit() as unit:
        assert desk.callrecords.write(unit, row(desk), [share], 61) == 1
    assert desk.ledger.balance(desk.john.id) == DOLLAR - 139_700         # 66 s, and 27 %
    assert desk.reservations.listed() == []
    assert desk.db.row("SELECT realduration, costenduser, unitprice, billingstep, currency FROM tb_cdrs") == (
        61, 0.1397, 0.1, 6, "USD")


def test_a_payer_who_is_gone_leaves_a_record_and_a_warning(desk):
    share = shared(desk)
    with desk.db.unit() as unit:
        desk.users.delete(unit, desk.john.id)
    desk.users.reload((desk.john.id,))
    with desk.db.unit() as unit:
        desk.callrecords.write(unit, row(desk), [share], 60)
    assert desk.db.value("SELECT costenduser FROM tb_cdrs") == 0.127 and "could not be charged" in desk.log.lines[0]


def test_what_a_process_leaves_is_billed_by_the_next_one_and_what_cannot_be_read_is_told(desk):
    calls = opened(desk)
    share = shared(desk)
    with desk.db.unit() as unit:
        id = calls.begin(unit, "c", 10, desk.clock.now(), row(desk), [share])
        calls.go_on(unit, id, 20)
        unit.run("INSERT INTO tb_opencalls (callid, datum, seconds, facts) VALUES ('x', '', 5, '[1, {}')")
        desk.reservations.reserve(unit, desk.john, MARK + "ringing", 5)
        desk.reservations.reserve(unit, desk.john, "sms 1", 7)
    assert wait(calls.recover()) == (0, 0)          # its own
    after = opened(desk)
    assert wait(after.recover()) == (1, 1)
    assert desk.db.rows("SELECT realduration, costenduser, discreason, discside FROM tb_cdrs") == [
        (20, 0.0508, 500, "server")]
    assert [micros for _, micros in desk.reservations.listed()] == [7]
    assert desk.db.rows("SELECT callid FROM tb_opencalls") == [("x",)] and "cannot be billed" in desk.log.lines[0]
    assert wait(opened(desk).recover()) == (0, 0) and desk.ledger.balance(desk.john.id) == DOLLAR - 50_800
    assert desk.db.differences(whole=True).result().rows == []
