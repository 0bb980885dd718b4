"""Nonces, logins, sessions, registration and credit (manual, Hardened access and Using nonce)."""

import pytest

from mizu.base.message import Session

from .house import FAR, LAN, bare, v3

OK = "Your credit is $12.34 USD"
WRONG_USER = (401, "ERROR: auth failed: wrong user or password")


def said(answer):
    return answer.code, answer.message


def john(house, **how):
    """John asks for his balance with the key."""
    return house.keyed("balance", **how)


# -- nonce -----------------------------------------------------------------------------------------

def test_preauth_answers_a_nonce_and_the_digest_takes_the_whole_of_it(house):
    text = house.ask("preauth").message
    assert text.startswith("OK: new nonce is:") and text.endswith("EOF")
    nonce = text[len("OK: new nonce is:"):-3]
    for length in (10, 16, 20, len(nonce)):
        for how in (bare, v3):
            assert john(house, **how("john", "johnpass", nonce=nonce), nonce=nonce[:length]).message == OK
    assert john(house, **bare("john", "johnpass", nonce=nonce[:10]), nonce=nonce[:10]).code == 401
    assert john(house, **bare("john", "johnpass"), nonce=nonce).code == 401


@pytest.mark.parametrize("sent", ["0123456789", "x", "éééééééééé"])
def test_an_unknown_or_short_nonce_is_answered_with_a_new_one(house, sent):
    answer = john(house, **bare("john", "johnpass"), nonce=sent)
    assert answer.code == 401 and answer.message.startswith("ERROR: new nonce is:") and answer.message[-3:] == "EOF"
    nonce = answer.message[len("ERROR: new nonce is:"):-3]
    assert john(house, **bare("john", "johnpass", nonce=nonce), nonce=nonce[:10]).code == 200


def test_a_nonce_that_does_not_go_on_as_it_did_is_dead(house):
    nonce = house.nonces.issue(FAR)
    assert john(house, **bare("john", "johnpass", nonce=nonce), nonce=nonce[:10] + "x").code == 401


def test_a_nonce_lives_for_noncelifetime(house):
    nonce = house.nonces.issue(FAR)
    house.clock.advance(299)
    assert john(house, **bare("john", "johnpass", nonce=nonce), nonce=nonce[:10]).code == 200
    house.clock.advance(2)
    assert "new nonce" in john(house, **bare("john", "johnpass", nonce=nonce), nonce=nonce[:10]).message


def test_a_dead_nonce_is_no_failed_login(house):
    john(house, **bare("john", "wrong"), nonce="0123456789")
    assert house.failures == []


# -- apidefneedlogin -------------------------------------------------------------------------------

#                     0    1    2    3
NEED = [
    (FAR, "none",     200, 401, 401, 401),
    (LAN, "none",     200, 200, 401, 401),
    (FAR, "own",      200, 200, 200, 200),
    (FAR, "foreign",  200, 200, 200, 401),
    (LAN, "foreign",  200, 200, 200, 401),
]


@pytest.mark.parametrize("host, nonce, codes", [(host, nonce, codes) for host, nonce, *codes in NEED])
@pytest.mark.parametrize("by", ["setting", "row"])
def test_apidefneedlogin_and_req_user_login(house, host, nonce, codes, by):
    given = {"none": "", "own": house.nonces.issue(host), "foreign": house.nonces.issue("203.0.113.77")}[nonce]
    proof = {**bare("john", "johnpass", nonce=given), **({"nonce": given[:10]} if given else {})}
    for level, code in enumerate(codes):
        if by == "setting":
            house.set(apidefneedlogin=level)
        else:
            house.set(apidefneedlogin=3 - level)
            house.rule("balance", req_user_login=level)
        answer = john(house, host=host, **proof)
        assert answer.code == code, level
        assert code == 200 or answer.message.startswith("ERROR: new nonce is:")


def test_a_clear_password_with_a_nonce_is_no_login(house):
    house.set(apidefneedlogin=2)
    assert john(house, authid="john", authpwd="johnpass", nonce=house.nonces.issue(FAR)).code == 401


def test_public_commands_need_no_login(house):
    house.set(apidefneedlogin=2)
    assert house.ask("help").code == house.ask("preauth").code == house.ask("apitest1").code == 200


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws", "wss"])
def test_a_session_opened_with_a_nonce_meets_the_need(house, transport):
    house.set(apidefneedlogin=2)
    session = Session(house.request("x", transport=transport).peer)
    nonce = house.nonces.issue(FAR)
    proof = bare("john", "johnpass", nonce=nonce)
    assert house.keyed("login", transport=transport, session=session, nonce=nonce[:10], **proof).code == 200
    assert house.ask("balance", transport=transport, session=session).message == OK
    assert house.keyed("balance", transport=transport, session=session, **bare("john", "johnpass")).code == 200
    house.clock.advance(1000)
    assert house.ask("balance", transport=transport, session=session).message == OK
    assert "new nonce" in house.keyed("balance", transport=transport, session=session, **bare("kid", "kidpass")).message


def test_a_session_opened_without_one_does_not(house):
    session = Session(house.request("x", transport="tcp").peer)
    assert house.keyed("login", transport="tcp", session=session, **bare("john", "johnpass")).code == 200
    assert house.ask("balance", transport="tcp", session=session).code == 200
    house.set(apidefneedlogin=2)
    assert "new nonce" in house.ask("balance", transport="tcp", session=session).message


# -- sessions --------------------------------------------------------------------------------------

@pytest.mark.parametrize("transport", ["http", "https", "udp"])
def test_http_and_udp_remember_nobody(house, transport):
    session = Session(house.request("x", transport=transport).peer)
    nonce = house.nonces.issue(FAR)
    proof = bare("john", "johnpass", nonce=nonce)
    assert house.keyed("login", transport=transport, session=session, nonce=nonce, **proof).code == 200
    assert session.user is None and session.nonce is None
    assert said(house.keyed("balance", transport=transport, session=session)) == WRONG_USER


def test_a_session_may_name_itself_and_nobody_else(house):
    session = Session(house.request("x", transport="ws").peer)
    house.keyed("login", transport="ws", session=session, **bare("john", "johnpass"))
    assert house.ask("balance", transport="ws", session=session, authid="john").message == OK
    assert said(house.ask("balance", transport="ws", session=session, authid="kid")) == WRONG_USER


def test_a_login_by_address_alone_is_not_remembered(house):
    session = Session(house.request("x", host=LAN, transport="tcp").peer)
    assert house.keyed("login", host=LAN, transport="tcp", session=session, authid="root").code == 200
    assert session.user is None
    assert house.keyed("quickstat", host=LAN, transport="tcp", session=session).code == 401


def test_a_session_ends_with_its_account(house):
    session = Session(house.request("x", transport="tcp").peer)
    house.keyed("login", transport="tcp", session=session, **bare("john", "johnpass"))
    house.change("john", enabled=0)
    assert said(house.ask("balance", transport="tcp", session=session)) == WRONG_USER


def test_a_session_never_has_more_than_it_was_opened_with(house):
    session = Session(house.request("x", transport="tcp").peer)
    house.keyed("login", transport="tcp", session=session, **bare("john", "johnpass"))
    house.change("john", type=16)
    assert house.ask("quickstat", transport="tcp", session=session).code == 403


# -- apidefneedregister, credit --------------------------------------------------------------------

@pytest.mark.parametrize("by", ["setting", "row"])
def test_users_must_be_registered_where_that_is_asked(house, by):
    ask = lambda host=FAR: john(house, host=host, **bare("john", "johnpass"))
    need = lambda level: (house.set(apidefneedregister=level) if by == "setting"
                          else house.rule("balance", req_user_register=level))
    need(1)
    assert said(ask()) == (403, "ERROR: access denied: the account is not registered")
    house.registered.add((house.john, "203.0.113.200"))
    assert ask().code == 200
    need(2)
    assert ask().code == 403 and ask("203.0.113.200").code == 200
    need(0)
    house.registered.clear()
    assert ask().code == 200


def test_a_row_goes_before_the_setting(house):
    house.set(apidefneedregister=1)
    house.rule("balance", req_user_register=0)
    assert john(house, **bare("john", "johnpass")).code == 200


def test_staff_has_no_phone_to_register(house):
    house.set(apidefneedregister=1)
    assert house.keyed("quickstat", **bare("root", "rootpass")).code == 200
    assert house.keyed("quickstat", **bare("agent", "agentpass")).code == 200
    assert house.ask("help").code == 200


@pytest.mark.parametrize("credit, code", [(0, 200), (1, 200), (12.34, 200), (12.35, 403), (-5, 200), (None, 200)])
def test_req_user_credit_is_a_minimum(house, credit, code):
    house.rule("balance", req_user_credit=credit)
    assert john(house, **bare("john", "johnpass")).code == code


def test_req_user_credit_2_means_mincreditonroute(house):
    house.rule("balance", req_user_credit=2)
    for least, code in ((12, 200), (13, 403)):
        house.set(mincreditonroute=least)
        assert john(house, **bare("john", "johnpass")).code == code
    house.change("john", credit=-7)
    house.rule("balance", req_user_credit=-5)
    assert said(john(house, **bare("john", "johnpass"))) == (403, "ERROR: not enough credit")


def test_credit_is_not_asked_of_administrators(house):
    house.rule("balance", req_user_credit=1000)
    assert john(house, **bare("root", "rootpass")).code == 200
