"""Trust by address, the administrator, the console, acting as another (manual, Authentication and Hardened access)."""

import pytest

from mizu.base.message import Session

from .house import CLIENT, FAR, GATEWAY, LAN, LISTED, LOOP, OWN, bare

OK = "Your credit is $12.34 USD"
WRONG_USER = (401, "ERROR: auth failed: wrong user or password")


def said(answer):
    return answer.code, answer.message


def john(house, **how):
    """John asks for his balance with the key."""
    return house.keyed("balance", **how)


# -- trust by address ------------------------------------------------------------------------------

def test_a_trusted_address_with_key_and_authid_but_no_password_acts_as_that_account(house):
    for host in (LOOP, OWN, LAN, LISTED):
        assert john(house, host=host, authid="john").message == OK
    for host in (FAR, CLIENT, GATEWAY):
        assert said(john(house, host=host, authid="john")) == WRONG_USER


def test_without_the_key_a_trusted_address_acts_as_nobody(house):
    assert said(house.ask("balance", host=LOOP, authid="john")) == WRONG_USER


@pytest.mark.parametrize("needauth, code", [(0, 200), (5, 200), (1, 200), (7, 200), (4, 401), (2, 401), (8, 401)])
def test_needauth_lets_a_trusted_address_act_without_the_key(house, needauth, code):
    house.change("john", needauth=needauth, authip=LAN)
    assert house.ask("balance", host=LAN, authid="john").code == code


@pytest.mark.parametrize("needauth", range(11))
def test_needauth_never_opens_the_api_to_an_untrusted_address(house, needauth):
    house.change("john", needauth=needauth, authip=FAR)
    assert said(john(house, authid="john")) == WRONG_USER


def test_needauth_of_an_address_asks_for_that_address(house):
    house.change("john", needauth=1, authip=OWN)
    assert house.ask("balance", host=LAN, authid="john").code == 401


@pytest.mark.parametrize("host, admin", [(LOOP, 200), (LISTED, 200), (LAN, 401), (OWN, 401), (CLIENT, 401), (FAR, 401)])
def test_key_without_authid_is_an_administrator_from_loopback_and_trustediplist_only(house, host, admin):
    assert house.keyed("quickstat", host=host).code == admin


def test_loopback_without_the_key_is_no_administrator(house):
    assert said(house.ask("quickstat", host=LOOP)) == WRONG_USER


@pytest.mark.parametrize("host, code", [(LOOP, 200), (LISTED, 200), (LAN, 403), (OWN, 403)])
def test_lan_trust_never_waives_an_administrators_credentials(house, host, code):
    assert house.keyed("quickstat", host=host, authid="root").code == code
    assert house.keyed("quickstat", host=host, **bare("root", "rootpass")).code == 200


def test_the_name_of_an_administrator_on_a_public_command_gives_nothing(house):
    house.rule("balance", req_key=0, req_user=14, req_user_mode=4)
    john = house.users.by_username("john").id
    root = house.ask("balance", host=LOOP, authid="root", u_id=john)
    assert root.message == "Your credit is $0.00 USD"


@pytest.mark.parametrize("level, trusted", [(0, ()), (1, (LOOP, OWN)), (2, (LOOP, OWN, LAN)),
                                            (3, (LOOP, OWN, LAN, LISTED)), (4, (LOOP, OWN, LAN, LISTED))])
def test_allowtrustedip_says_which_addresses_count(house, level, trusted):
    house.set(allowtrustedip=level)
    for host in (LOOP, OWN, LAN, LISTED, CLIENT, GATEWAY, FAR):
        assert john(house, host=host, authid="john").code == (200 if host in trusted else 401)


def test_trustlanip_0_takes_the_lan_out(house):
    house.set(trustlanip=0)
    assert john(house, host=LAN, authid="john").code == 401
    assert john(house, host=OWN, authid="john").code == 200


def test_the_default_gateway_is_not_the_lan(house):
    assert john(house, host=GATEWAY, authid="john").code == 401


def test_a_request_that_is_not_direct_has_no_trust(house):
    assert john(house, host=LOOP, direct=False, authid="john").code == 401
    assert house.ask("balance", host=LOOP, direct=False, **bare("john", "johnpass")).code == 401


def test_apitrustediponly_shuts_everybody_else_out(house):
    house.set(apitrustediponly=1)
    for host, code in ((LOOP, 200), (OWN, 200), (LAN, 200), (LISTED, 200), (CLIENT, 403), (FAR, 403)):
        assert john(house, host=host, **bare("john", "johnpass")).code == code
        assert house.ask("apitest1", host=host).code == code
        assert house.ask("preauth", host=host, transport="udp").code == code
    assert house.ask("apitest1", host=LOOP, direct=False).code == 403


# -- UDP -------------------------------------------------------------------------------------------

def test_a_datagram_is_trusted_by_address_with_a_live_nonce_only(house):
    assert john(house, host=LAN, transport="udp", authid="john").code == 401
    nonce = house.nonces.issue(LAN)
    assert john(house, host=LAN, transport="udp", authid="john", nonce=nonce[:10]).message == OK


def test_somebody_elses_nonce_proves_nothing_of_a_datagrams_address(house):
    """Else a forged sender could be banned, or trusted, by whoever holds a nonce of his own."""
    nonce = house.nonces.issue(FAR)
    answer = john(house, host=LAN, transport="udp", authid="john", authpwd="wrong", nonce=nonce)
    assert answer.message.startswith("ERROR: new nonce is:") and house.failures == []


def test_a_nonce_does_not_make_a_proxied_request_trusted(house):
    nonce = house.nonces.issue(LOOP)
    assert john(house, host=LOOP, direct=False, authid="john", nonce=nonce).code == 401


# -- apideftrustadmin ------------------------------------------------------------------------------

#                      0    1    2    3    4
ADMIN = [
    (FAR, "login",    403, 200, 403, 200, 403),
    (LISTED, "login", 403, 200, 200, 200, 200),
    (LAN, "login",    403, 200, 200, 200, 200),
    (LISTED, "key",   403, 200, 200, 403, 403),
    (LISTED, "name",  403, 200, 200, 403, 403),
    (LAN, "name",     403, 403, 403, 403, 403),
    (LAN, "key",      401, 401, 401, 401, 401),
    (FAR, "key",      401, 401, 401, 401, 401),
]


@pytest.mark.parametrize("host, how, codes", [(host, how, codes) for host, how, *codes in ADMIN])
def test_apideftrustadmin_says_how_an_administrator_is_known(house, host, how, codes):
    proof = {"login": bare("root", "rootpass"), "key": {}, "name": {"authid": "root"}}[how]
    for level, code in enumerate(codes):
        house.set(apideftrustadmin=level)
        assert house.keyed("quickstat", host=host, **proof).code == code, level


def test_apideftrustadmin_does_not_touch_users_and_support(house):
    house.set(apideftrustadmin=0)
    assert john(house, **bare("john", "johnpass")).code == 200
    assert house.keyed("quickstat", **bare("agent", "agentpass")).code == 200


# -- the console -----------------------------------------------------------------------------------

def console(house, host=FAR, by="agent"):
    session = Session(house.request("x", host=host, transport="console").peer)
    if by:
        assert house.ask("login", host=host, transport="console", session=session,
                         **bare(by, by + "pass")).code == 200
        session.console = True
    return lambda entry, **params: house.ask(entry, host=host, transport="console", session=session, **params)


def test_the_console_needs_no_key_but_a_login(house):
    assert console(house)("quickstat").code == 200
    assert said(console(house, by=None)("quickstat")) == WRONG_USER


@pytest.mark.parametrize("level, code", [(0, 403), (1, 403), (2, 200)])
def test_apitrustfromconsole_2_makes_it_an_administrator(house, level, code):
    house.set(apitrustfromconsole=level)
    assert console(house)("syncusers").code == code


@pytest.mark.parametrize("level, code", [(0, 403), (1, 200), (2, 200)])
def test_apitrustfromconsole_1_trusts_it_like_an_address(house, level, code):
    house.set(apitrustfromconsole=level)
    assert console(house, by="root")("newuseri", u_username="new1", u_password="secret123").code == code


def test_the_consoles_own_settings_decide_there(house):
    house.set(apideftrustadmin=0, apidefneedlogin=2, apitrustediponly=1)
    assert console(house, by="root")("quickstat").code == 200


def test_a_local_console_may_send_what_only_trusted_addresses_may(house):
    assert console(house, host=LOOP, by="root")("newuseri", u_username="new1", u_password="secret123").code == 200


def test_the_address_of_a_console_stands_for_nobody_below_allowtrustedip_4(house):
    session = Session(house.request("x", host=LOOP, transport="console").peer)
    ask = lambda: house.ask("quickstat", host=LOOP, transport="console", session=session)
    session.console = True
    assert ask().code == 401
    house.set(allowtrustedip=4)
    assert ask().code == 200


# -- targetuser ------------------------------------------------------------------------------------

def test_targetuser_lets_an_administrator_act_as_anybody(house):
    assert house.keyed("balance", **bare("root", "rootpass"), targetuser="john").message == OK
    assert house.keyed("balance", host=LOOP, targetuser=str(house.john)).message == OK
    answer = house.keyed("balance", **bare("root", "rootpass"), targetuser="nobody")
    assert said(answer) == (404, "ERROR: no such user: nobody")


@pytest.mark.parametrize("by", ["john", "boss", "agent"])
def test_targetuser_does_nothing_for_others(house, by):
    own = house.keyed("balance", **bare(by, by + "pass")).message
    assert house.keyed("balance", **bare(by, by + "pass"), targetuser="john" if by != "john" else "kid").message == own
