"""Card payments: whatever the gateway and the process do, a card is charged once and an account credited once."""

import json
import random
from types import SimpleNamespace

import pytest

from mizu.base.errors import ApiError, NotReached
from mizu.base.log import Log
from mizu.base.task import spawn
from mizu.records.paymentgateway import APPROVED, DECLINED, UNCLEAR, read_verdict

from .cardgateway import CARD, NUMBER, CardGateway, Slow, paying
from .store import add, wait

TEN = 10_000_000


@pytest.fixture
def gateway():
    return CardGateway()


@pytest.fixture
def john(store):
    return store.users.by_id(add(store, "john", credit=1.0, currency="USD"))


def pay(payments, account, micros=TEN, requestid="", card=CARD):
    return wait(payments.charge(account, payments.card(*card), micros, "john", requestid))


def refused(payments, account, micros=TEN, requestid="", card=CARD):
    before = payments.db.value("SELECT count(*) FROM tb_payments")
    with pytest.raises(ApiError) as error:
        pay(payments, account, micros, requestid, card)
    assert payments.db.value("SELECT count(*) FROM tb_payments") == before
    assert NUMBER not in error.value.message
    return error.value.code, error.value.message


def booked(store):
    return store.db.rows("SELECT refid, amount, actor, comment FROM tb_ledger WHERE kind = 'card' ORDER BY id")


# -- the straight way

def test_an_approval_credits_the_account_with_a_ledger_row_of_the_payment(store, gateway, john):
    payment, known = pay(paying(store, gateway), john)
    assert (payment.state, payment.reference, payment.lastfour, known) == (APPROVED, "R1", "1111", False)
    assert booked(store) == [(str(payment.id), 10.0, "john", "card …1111")]
    assert store.users.by_id(john.id).credit == 11_000_000 == store.ledger.balance(john.id)
    (headers, told), = gateway.asked
    assert headers["Idempotency-Key"] == payment.key and len(payment.key) == 32 and "Authorization" not in headers
    assert told == {"payment": payment.id, "userid": john.id, "amount": 10.0, "currency": "USD", "cardnum": NUMBER,
                    "expireyear": 2030, "expmonth": 5, "ccv2": "123"}


def test_the_row_is_on_the_disk_before_the_gateway_is_asked(store, gateway, john):
    seen, durable, fetch = [], store.db.durable, gateway.fetch
    store.db.durable = lambda: seen.append("durable " + store.db.value("SELECT state FROM tb_payments")) or durable()
    gateway.fetch = lambda *args: seen.append("asked " + store.db.value("SELECT state FROM tb_payments")) or fetch(*args)
    pay(paying(store, gateway), john)
    assert seen == ["durable new", "asked asked"]


def test_paymentkey_is_sent_as_bearer_token(store, gateway, john):
    store.settings.paymentkey = "s3cret"
    pay(paying(store, gateway), john)
    assert gateway.asked[0][0]["Authorization"] == "Bearer s3cret"


def test_a_declined_card_credits_nothing_and_tells_why_without_numbers(store, gateway, john):
    payments = paying(store, gateway)
    payment, _ = pay(payments, john, card=(*CARD[:3], "999"))
    assert (payment.state, payment.comment) == (DECLINED, "***: no funds")
    assert booked(store) == [] and gateway.charges == {}
    assert pay(payments, john)[0].state == APPROVED        # the next try is a payment of its own


@pytest.mark.parametrize("url", ["", "http://gw.example/", "ftp://gw.example", "https://", "http://localhost/", "x",
                                 "http://127.0.0.1.evil.example/", "http://[", "http://10.0.0.1/", "http:///x"])
def test_a_card_goes_to_no_gateway_but_over_https(store, gateway, john, url):
    payments = paying(store, gateway)
    store.settings.paymenturl = url
    code, message = refused(payments, john)
    assert code == 501 and "paymenturl" in message and gateway.asked == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:8/", "http://[::1]:8/x", "https://gw.example:8443/a?b=c"])
def test_https_and_the_own_machine_are_gateways(store, gateway, url):
    payments = paying(store, gateway)
    store.settings.paymenturl = url
    assert payments.gateway.require() == url


@pytest.mark.parametrize("micros, says", [(0, "above zero"), (-TEN, "above zero"), (10_000_010_000, "10000.00 at most"),
                                          (10**15 - 1, "decimals"), (1_234_500_001, "two decimals"), (5_000, "two decimals")])
def test_amounts_that_cannot_be_paid_are_refused_before_anybody_is_asked(store, gateway, john, micros, says):
    code, message = refused(paying(store, gateway), john, micros)
    assert code == 422 and says in message and gateway.asked == []


def test_a_requestid_that_is_the_cards_number_is_refused(store, gateway, john):
    assert refused(paying(store, gateway), john, requestid=f"x{NUMBER}")[0] == 422


# -- what belongs together

def test_a_double_click_is_one_payment_with_one_answer(store, gateway, john):
    slow = Slow()
    payments = paying(store, gateway, slow)
    clicks = [spawn(payments.charge(john, payments.card(*CARD), TEN, "john")) for _ in range(20)]
    other = spawn(payments.charge(john, payments.card(*CARD), 2 * TEN, "john"))
    assert len(slow.waiting) == 2 and not any([click.done for click in clicks])
    slow.go()
    assert {(payment.id, payment.state) for payment, _ in [click.result() for click in clicks]} == {(1, APPROVED)}
    assert [known for _, known in [click.result() for click in clicks]] == [False] + [True] * 19
    assert other.result()[0].id == 2 and list(gateway.charges.values()) == [10.0, 20.0]
    assert store.ledger.balance(john.id) == 31_000_000


def test_the_same_again_is_a_new_payment_a_minute_after_the_approval(store, gateway, john):
    payments = paying(store, gateway)
    assert pay(payments, john) == (payments.payment(1), False)
    store.clock.advance(59)
    assert pay(payments, john) == (payments.payment(1), True)
    store.clock.advance(2)
    assert pay(payments, john)[0].id == 2
    mary = store.users.by_id(add(store, "mary", currency="USD"))
    assert pay(payments, mary)[0].id == 3
    assert pay(payments, mary, card=("5500000000000004", *CARD[1:]))[0].id == 4
    assert len(gateway.charges) == 4


def test_a_requestid_names_one_payment_for_ever(store, gateway, john):
    payments = paying(store, gateway)
    for advance in (0, 30, 90, 10**7):
        store.clock.advance(advance)
        assert pay(payments, john, requestid="order-1")[0].id == 1
    assert pay(payments, john, requestid="order-2")[0].id == 2
    assert pay(payments, john)[0].id == 3
    assert refused(payments, john, 2 * TEN, "order-1") == (422, "this requestid belongs to another payment")
    mary = store.users.by_id(add(store, "mary", currency="USD"))
    assert pay(payments, mary, requestid="order-1")[0].id == 4
    assert len(gateway.charges) == 4


def test_a_declined_requestid_stays_declined(store, gateway, john):
    payments = paying(store, gateway)
    bad = (*CARD[:3], "999")
    assert [pay(payments, john, requestid="a", card=card)[0].state for card in (bad, CARD)] == [DECLINED, DECLINED]
    assert len(gateway.asked) == 1


# -- trouble

@pytest.mark.parametrize("trouble", ["lost", "broken", (500, b""), (200, b"<html>"), (200, b"[true]"), (200, b"{}"),
                                     (200, b'{"approved": "true"}'), (200, b'{"approved": 1}'), (302, b""),
                                     (200, b'{"approved": true'), (200, b"[" * 60_000), (200, b"\xff\xfe"),
                                     (201, b'{"approved": true}'), (402, b'{"approved": true}'), (409, b""),
                                     (500, b'{"approved": false}')])
def test_an_unclear_answer_is_asked_again_with_the_same_key(store, gateway, john, trouble):
    gateway.trouble = [trouble, trouble]
    payment, _ = pay(paying(store, gateway), john)
    assert payment.state == APPROVED and list(gateway.charges) == [payment.key]
    assert {headers["Idempotency-Key"] for headers, _ in gateway.asked} == {payment.key}
    assert len(booked(store)) == 1


def test_what_stays_unclear_is_asked_every_minute_without_the_card_until_it_is_clear(store, gateway, john):
    payments = paying(store, gateway)
    gateway.trouble = ["broken"] * 5
    payment, _ = pay(payments, john)
    assert payment.state == UNCLEAR and payment.open and booked(store) == []
    asked = len(gateway.asked)
    for _ in range(10):
        payments.tick()         # the first round asks for all that is open
    assert len(gateway.asked) == asked + 1
    store.clock.advance(61)
    payments.tick()
    assert payments.payment(1).state == UNCLEAR
    store.clock.advance(61)
    payments.tick()
    assert payments.payment(1).state == APPROVED and not payments.busy
    assert all([told.keys() == {"payment", "userid", "amount", "currency"} for _, told in gateway.asked[asked:]])
    assert store.users.by_id(john.id).credit == 11_000_000 and len(gateway.charges) == len(booked(store)) == 1


def test_the_same_request_for_an_open_payment_asks_again_with_card_and_key(store, gateway, john):
    payments = paying(store, gateway)
    gateway.trouble = ["lost"] * 3
    assert pay(payments, john)[0].open
    store.clock.advance(3600)
    payment, known = pay(payments, john)
    assert (payment.id, payment.state, known) == (1, APPROVED, True) and len(gateway.charges) == 1


def test_a_payment_that_stays_unclear_is_closed_after_a_day_with_a_line_in_the_log(store, gateway, john):
    log = Log(stderr=None, clock=store.clock)
    payments = paying(store, gateway, log=log)
    gateway.trouble = [(503, b"")] * 3
    pay(payments, john)
    for _ in range(3):
        gateway.trouble = [(503, b"")]
        store.clock.advance(8 * 3600 - 60)
        payments.tick()
        assert payments.payment(1).open
    gateway.trouble = [(503, b"")]
    store.clock.advance(400)
    payments.tick()
    payment = payments.payment(1)
    assert payment.state == DECLINED and "unclear for 24 hours" in payment.comment
    assert any(["closed as declined" in line and payment.key in line for line in log.tail()])
    payments.tick()
    assert len(gateway.asked) == 7


def test_a_payment_is_not_closed_while_somebody_pays_on_with_the_card(store, gateway, john):
    gateway.trouble = ["lost"] * 3
    pay(paying(store, gateway), john)
    store.clock.advance(86_401)
    slow = Slow()
    payments = paying(store, gateway, slow)
    payments.tick()
    late = slow.waiting.pop()                       # the round's question without the card
    again = spawn(payments.charge(john, payments.card(*CARD), TEN, "john"))
    slow.waiting, with_card = [late], slow.waiting
    slow.go()
    assert payments.payment(1).open
    slow.waiting = with_card
    slow.go()
    assert again.result()[0].state == APPROVED and len(gateway.charges) == len(booked(store)) == 1


def test_an_answer_after_a_day_still_counts(store, gateway, john):
    gateway.trouble = ["broken"] * 3
    payments = paying(store, gateway)
    pay(payments, john)
    store.clock.advance(3 * 86_400)
    paying(store, gateway).tick()
    assert payments.payment(1).state == APPROVED


def test_where_no_gateway_could_be_reached_there_is_no_payment(store, gateway, john):
    gateway.trouble = [NotReached, (401, b""), (404, b"")]
    payments = paying(store, gateway)
    payment, _ = pay(payments, john)
    assert payment.state == DECLINED and payment.comment.startswith("not made: the gateway answers 404")
    gateway.trouble = ["lost", NotReached, NotReached]
    assert pay(payments, john)[0].state == UNCLEAR


def test_an_account_that_tries_out_cards_is_stopped(store, gateway, john):
    payments = paying(store, gateway)
    for _ in range(10):
        assert pay(payments, john, card=(*CARD[:3], "999"))[0].state == DECLINED
    assert refused(payments, john)[0] == 429
    store.clock.advance(3601)
    assert pay(payments, john)[0].state == APPROVED


def test_only_so_many_wait_for_the_gateway(store, gateway):
    payments = paying(store, gateway, Slow())
    users = [store.users.by_id(add(store, f"u{number}", currency="USD")) for number in range(41)]
    for user in users[:40]:
        spawn(payments.charge(user, payments.card(*CARD), TEN, "u"))
    assert payments.busy and refused(payments, users[40])[0] == 503
    payments.stop()
    payments.gateway.workers.go()
    assert not payments.busy and refused(payments, users[40])[0] == 503 and len(booked(store)) == 40


def test_an_account_that_is_gone_or_full_is_told_to_the_operator(store, gateway, john):
    log, slow = Log(stderr=None, clock=store.clock), Slow()
    payments = paying(store, gateway, slow, log)
    first = spawn(payments.charge(john, payments.card(*CARD), TEN, "john"))
    with store.db.unit() as unit:
        store.users.delete(unit, john.id)
    store.users.forget()
    slow.go()
    assert first.result()[0].comment == "not credited: the account is gone" and first.result()[0].state == APPROVED
    rich = store.users.by_id(add(store, "rich", credit=999_999_995.0, currency="USD"))
    second = spawn(payments.charge(rich, payments.card(*CARD), TEN, "rich"))
    slow.go()
    assert "no room" in second.result()[0].comment and booked(store) == []
    assert sum(["give it back at the gateway" in line for line in log.tail()]) == 2


def test_no_payment_is_credited_twice_whoever_tries(store, gateway, john):
    payment, _ = pay(paying(store, gateway), john)
    with pytest.raises(ApiError), store.db.unit() as unit:
        store.ledger.add(unit, john, TEN, "card", "x", str(payment.id))
    assert store.ledger.balance(john.id) == 11_000_000


def test_a_database_that_takes_nothing_leaves_an_approval_to_the_next_round(store, gateway, john):
    payments = paying(store, gateway)
    gate, fetch = store.db.gate, gateway.fetch

    async def busy():
        raise ApiError(503, "the database is busy")

    def answered(*args):
        store.db.gate = busy
        return fetch(*args)
    payments.gateway.fetch = answered
    payment, _ = pay(payments, john)
    assert payment.state == "asked" and len(gateway.charges) == 1 and booked(store) == []
    store.db.gate = gate
    payments.gateway.fetch = fetch
    store.clock.advance(61)
    payments.tick()
    assert payments.payment(1).state == APPROVED and len(gateway.charges) == len(booked(store)) == 1


# -- the card is nowhere

def test_neither_table_nor_log_holds_the_card(store, gateway, john, tmp_path):
    log = Log(level="debug", stderr=None, clock=store.clock)
    payments = paying(store, gateway, log=log)
    gateway.trouble = ["lost", "broken", (500, NUMBER.encode())]
    pay(payments, john)
    gateway.trouble = [(200, json.dumps({"approved": True, "reference": f"tx-{NUMBER}", "message": NUMBER}).encode())]
    pay(payments, john, 2 * TEN)
    assert [payments.payment(id).reference for id in (1, 2)] == ["", ""]
    assert NUMBER not in "\n".join(log.tail()) and len(log.tail()) == 2
    for file in tmp_path.iterdir():
        assert NUMBER.encode() not in file.read_bytes()


# -- verdicts

@pytest.mark.parametrize("status, told, state", [
    (200, {"approved": True}, APPROVED), (200, {"approved": False}, DECLINED), (402, {"approved": False}, DECLINED),
    (402, {"approved": True}, UNCLEAR), (200, {"approved": None}, UNCLEAR), (202, {"approved": True}, UNCLEAR),
    (404, {"approved": False}, UNCLEAR), (200, [], UNCLEAR), (200, "approved", UNCLEAR)])
def test_what_an_answer_means(status, told, state):
    assert read_verdict(SimpleNamespace(status=status, body=json.dumps(told).encode()), "1111").state == state


@pytest.mark.parametrize("sent, kept", [("ch_3Abc-9", "ch_3Abc-9"), (42, "42"), (None, ""), (True, ""), ("x" * 65, ""),
                                        ("a b", ""), ("4111111111111111", ""), ("ref:41111111.1111:9", ""), ("é", "")])
def test_a_reference_is_a_plain_word_and_no_card(sent, kept):
    reply = SimpleNamespace(status=200, body=json.dumps({"approved": True, "reference": sent}).encode())
    assert read_verdict(reply, "1111").reference == kept


def test_any_body_is_a_verdict():
    chance = random.Random(200)
    seeds = [b'{"approved": true, "reference": "a"}', b'{"approved": false, "message": "no"}', b'{"a": [1, {"b": null}]}']
    for _ in range(20_000):
        body = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(body))
            body[at:at + chance.randrange(2)] = bytes(chance.choices(b'{}[]",:tfn1\\ \xff\x00ae', k=chance.randrange(3)))
        verdict = read_verdict(SimpleNamespace(status=200, body=bytes(body)), "1111")
        try:
            told = json.loads(bytes(body).decode())
        except ValueError:
            told = None
        says = told.get("approved") if isinstance(told, dict) else None
        assert verdict.state == (APPROVED if says is True else DECLINED if says is False else UNCLEAR)


# -- the whole of it

@pytest.mark.slow
def test_random_trouble_and_restarts_never_charge_or_credit_twice_and_lose_nothing(store, gateway):
    """200 sequences: a process that ends between any two steps is Payments made anew over the same database."""
    chance = random.Random(5)
    for sequence in range(200):
        account = store.users.by_id(add(store, f"u{sequence}", currency="USD"))
        before, lives = len(gateway.charges), []
        for _ in range(30):
            trouble(store, gateway, account, chance, lives)
        gateway.trouble = []
        store.clock.advance(86_400)
        paying(store, gateway).tick()
        assert store.db.value("SELECT count(*) FROM tb_payments WHERE state NOT IN ('approved', 'declined')") == 0
        approved = dict(store.db.rows("SELECT idempotencykey, amount FROM tb_payments WHERE state = 'approved'"))
        assert approved == gateway.charges
        assert store.ledger.balance(account.id) == sum(list(gateway.charges.values())[before:]) * 1_000_000
    assert store.db.value("SELECT count(*) FROM tb_ledger WHERE kind = 'card'") == len(gateway.charges) > 200


def trouble(store, gateway, account, chance, lives):
    """One step of a sequence; `lives` holds the process of the moment and what it waits for, if there is one."""
    what = chance.randrange(9)
    gateway.trouble = chance.choices(["lost", "broken", (500, b""), NotReached, None, None], k=2)
    if what == 0 or not lives:       # what was under way is never heard of again
        slow = Slow()
        lives[:] = paying(store, gateway, slow), slow
    payments, slow = lives
    if what < 5:
        card = payments.card(*CARD[:3], chance.choice(("123", "999")))
        spawn(payments.charge(account, card, TEN * chance.randrange(1, 3), "u", chance.choice(("", "a", "b"))))
    elif what == 5 and slow.waiting:        # the gateway has done it, and nobody is there to hear
        slow.waiting = slow.waiting[:1]
        slow.go_deaf()
        lives.clear()
    else:
        store.clock.advance(chance.choice((1, 61)))
        payments.tick()
        slow.go()
