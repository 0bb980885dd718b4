"""cccharge: over HTTPS, once, and the card stays in no request, answer, log or table."""

import pytest

from mizu.api.command import TABLE, Context
from mizu.api.trust import Trust
from mizu.base.errors import ApiError
from mizu.base.log import Log, mask
from mizu.base.message import Peer, Principal, Request, Session
from mizu.base.task import spawn
from mizu.records.paymentgateway import UNCLEAR

from records.cardgateway import NUMBER, CardGateway, paying

CARD = {"cardnum": NUMBER, "expireyear": "2030", "expmonth": "05", "ccv2": "737"}


@pytest.fixture
def shop(town):
    town.gateway = CardGateway()
    town.payments = paying(town, town.gateway, log=town.log)
    town.trust = Trust(town.settings, lambda host: False, lambda host: False)
    return town


def ask(town, peer=Peer("https", "192.0.2.7", 5, secure=True), direct=True, user="john", **params):
    """(Answer, the request as it was left)"""
    account = town.users.by_username(user) if user else None
    request = Request("cccharge", {name: str(value) for name, value in {**CARD, "ammount": "10.5", **params}.items()
                                   if value is not None}, peer, direct)
    context = Context(request, Principal(account, 12 if account else 6, (), account), Session(peer), TABLE["cccharge"], town)
    return spawn(context.command.function(context, *context.command.bind(request.params))).result(), request


def refused(town, *args, **params):
    with pytest.raises(ApiError) as error:
        ask(town, *args, **params)
    assert NUMBER not in error.value.message and "737" not in error.value.message
    return error.value.code, error.value.message


def test_an_approved_payment_tells_the_balance(shop):
    answer, _ = ask(shop)
    assert answer.message == "OK: credit is 22.84 USD" and answer.warning is None
    assert answer.data == {"credit": 22.84, "currency": "USD", "amount": 10.5, "payment": 1, "reference": "R1"}
    assert shop.users.by_username("john").credit == 22_840_000
    again, _ = ask(shop)
    assert again.data == answer.data and again.warning == "payment 1 had been asked for already and was made once"
    assert ask(shop, requestid="order-7")[0].data["payment"] == 2
    assert list(shop.gateway.charges.values()) == [10.5, 10.5]


def test_the_manuals_positions_and_other_names_are_taken(shop):
    names = {name: None for name in (*CARD, "ammount")}
    answer, request = ask(shop, **names, param1=NUMBER, param2="30", param3="5", param4="737", param5="1.25")
    assert answer.data["amount"] == 1.25 and request.params == {"param5": "1.25"}
    answer, request = ask(shop, **names, cardnumber=NUMBER, expyear="30", expiremonth="5", cvv="737", amount="2")
    assert answer.data["amount"] == 2.0 and request.params == {"amount": "2"}


def test_a_card_is_taken_over_https_or_on_the_own_machine_only(shop):
    for peer, direct in ((Peer("http", "192.0.2.7", 5), True), (Peer("tcp", "10.0.0.1", 5), True),
                         (Peer("udp", "192.0.2.7", 5), True), (Peer("http", "127.0.0.1", 5), False)):
        assert refused(shop, peer, direct) == (403, "access denied: a card is taken over HTTPS only")
    assert shop.gateway.asked == []
    for number, peer in enumerate((Peer("http", "127.0.0.1", 5), Peer("http", "::1", 5),
                                   Peer("wss", "192.0.2.7", 5, secure=True))):
        assert ask(shop, peer, requestid=f"r{number}")[0].code == 200


def test_without_a_gateway_the_setting_is_named(shop):
    shop.settings.paymenturl = ""
    assert refused(shop) == (501, "there is no payment gateway: set paymenturl")
    assert refused(shop, user=None) == (400, "missing user input")


@pytest.mark.parametrize("wrong, code", [
    ({"cardnum": "4111111111111112"}, 422), ({"cardnum": "737"}, 422), ({"expireyear": NUMBER}, 422),
    ({"expmonth": NUMBER}, 422), ({"ccv2": NUMBER}, 422), ({"ammount": NUMBER}, 400), ({"ammount": "737x"}, 400),
    ({"ammount": "0"}, 422), ({"ammount": "-5"}, 422), ({"ammount": "10000.01"}, 422), ({"ammount": "1.001"}, 422),
    ({"ammount": "1e3"}, 400), ({"expireyear": "2020"}, 422), ({"requestid": NUMBER}, 422), ({"ccv2": None}, 400)])
def test_what_is_wrong_is_told_without_the_card(shop, wrong, code):
    assert refused(shop, **wrong)[0] == code
    assert shop.gateway.asked == [] and shop.db.value("SELECT count(*) FROM tb_payments") == 0


def test_a_declined_card_and_an_open_payment_are_different_answers(shop):
    assert refused(shop, ccv2="999") == (422, "payment 1 was declined: ***: no funds")
    shop.gateway.trouble = ["broken"] * 3
    with pytest.raises(ApiError) as error:
        ask(shop)
    assert error.value.code == 504 and error.value.control == "NORETRY" and "do not pay again" in error.value.message
    assert shop.payments.payment(2).state == UNCLEAR
    assert ask(shop)[0].data["payment"] == 2 and len(shop.gateway.charges) == 1


def test_the_answer_waits_for_the_disk(shop):
    waits = []
    durable = shop.db.durable
    shop.db.durable = lambda: waits.append(shop.db.value("SELECT state FROM tb_payments")) or durable()
    ask(shop)
    assert waits == ["new", "approved"]


def test_the_card_leaves_the_request_and_no_log_shows_it(shop):
    shop.log = shop.payments.log = Log(level="debug", stderr=None, clock=shop.clock)
    shop.gateway.trouble = ["lost", "broken"]
    _, request = ask(shop)
    assert request.params == {"ammount": "10.5"}
    assert NUMBER not in "\n".join(shop.log.tail()) and "737" not in "\n".join(shop.log.tail())
    assert set(mask({**CARD, "cardnumber": NUMBER, "cvv2": "737", "cvc": "737"}).values()) == {"***"}
    assert mask(f"GET /?cardnum={NUMBER}&ccv2=737&expireyear=2030") == "GET /?cardnum=***&ccv2=***&expireyear=***"


def test_it_is_never_part_of_a_batch_and_leaves_no_parameters_in_the_audit():
    assert TABLE["cccharge"].alone and not TABLE["cccharge"].audited
