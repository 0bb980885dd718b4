"""The manual's chapters Authentication and Hardened access, sentence by sentence: whom a request is from."""

import pytest

from mizu.api import auth, digests
from mizu.base.message import Role, Session

from .house import FAR, KEY, LAN, LISTED, LOOP, OWN, bare, md5, v3

OK = "Your credit is $12.34 USD"
WRONG_KEY = (401, "ERROR: auth failed: wrong key xxx")
WRONG_USER = (401, "ERROR: auth failed: wrong user or password")


def said(answer):
    return answer.code, answer.message


def john(house, **how):
    """John asks for his balance with the key."""
    return house.keyed("balance", **how)


# -- texts -----------------------------------------------------------------------------------------

def test_a_wrong_key_gets_the_text_that_old_clients_know(house):
    answer = house.ask("balance", authkey="bad", **bare("john", "johnpass"))
    assert said(answer) == WRONG_KEY and answer.control == "NORETRY"


def test_unknown_user_and_wrong_password_get_one_text(house):
    for name in ("nobody", "john"):
        assert said(john(house, authid=name, authpwd="x")) == WRONG_USER


def test_a_user_command_without_a_user_is_a_wrong_user_but_no_failed_login(house):
    assert said(house.keyed("balance")) == WRONG_USER and house.failures == []


# -- key -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("key", ["thekey", "second", "oldkey"])
def test_the_key_may_be_any_of_apiv2key_and_httpapikey(house, key):
    assert house.ask("balance", authkey=key, **bare("john", "johnpass")).code == 200


@pytest.mark.parametrize("key", [None, "", "THEKEY", "thekey,second", "\udc80"])
def test_no_other_key_will_do(house, key):
    given = {} if key is None else {"authkey": key}
    assert said(house.ask("balance", **given, **bare("john", "johnpass"))) == WRONG_KEY
    assert house.failures == [(FAR, None)]


def test_keys_are_rotated_by_a_reload(house):
    house.settings.apiv2key = ("third",)
    assert house.ask("balance", authkey="third", **bare("john", "johnpass")).code == 401
    house.auth.reload()
    assert house.ask("balance", authkey="third", **bare("john", "johnpass")).code == 200
    assert house.ask("balance", authkey=KEY, **bare("john", "johnpass")).code == 401


def test_without_keys_in_the_settings_none_is_needed(house):
    house.set(apiv2key="", httpapikey="")
    assert house.ask("balance", **bare("john", "johnpass")).code == 200


@pytest.mark.parametrize("entry", ["apitest1", "apitest2", "preauth", "keepalive", "close", "version", "help"])
def test_plain_public_commands_need_no_key(house, entry):
    assert house.ask(entry).code == 200


def test_apitest_needs_key_and_user(house):
    assert said(house.ask("apitest", **bare("john", "johnpass"))) == WRONG_KEY
    assert said(house.keyed("apitest")) == WRONG_USER
    assert house.keyed("apitest", **bare("john", "johnpass")).message == "OK: api test succeed"


def test_a_wrong_key_is_refused_even_where_none_is_needed(house):
    assert said(house.ask("help", authkey="bad")) == WRONG_KEY


@pytest.mark.parametrize("host", [LOOP, OWN, LAN, LISTED])
def test_trusted_addresses_need_no_key(house, host):
    assert house.ask("balance", host=host, **bare("john", "johnpass")).code == 200


# -- user ------------------------------------------------------------------------------------------

@pytest.fixture
def jack(house):
    account = house.account("jack", password="jackpass", pin="4711", name="Jack Frost", telnumber="3612345", credit=5)
    house.db._execute("INSERT INTO tb_users_numbers (userid, number, kind) VALUES (?, '3698765', 'did')", (account.id,))
    return account


@pytest.mark.parametrize("authid", ["jack", "JACK", "3612345", "3698765", "4711", "Jack Frost", "ID"])
def test_authid_may_be_user_name_did_pin_id_or_name(house, jack, authid):
    authid = str(jack.id) if authid == "ID" else authid
    assert john(house, authid=authid, authpwd="jackpass").message == "Your credit is $5.00 USD"
    assert john(house, **bare(authid, "jackpass")).code == 200
    assert john(house, **v3(authid, "jackpass")).code == 200


def test_the_id_inside_a_digest_is_authid_as_it_was_sent(house, jack):
    assert john(house, **{**bare("jack", "jackpass"), "authid": "Jack Frost"}).code == 401


def test_a_user_name_goes_before_a_did_and_a_pin(house, jack):
    house.account("4711", password="otherpass", credit=9)
    assert john(house, authid="4711", authpwd="otherpass").message == "Your credit is $9.00 USD"
    assert john(house, authid="4711", authpwd="jackpass").code == 401


def test_an_ambiguous_name_is_nobody(house, jack):
    house.account("jill", password="jackpass", name="Jack Frost")
    assert said(john(house, authid="Jack Frost", authpwd="jackpass")) == WRONG_USER


def test_the_password_may_be_the_pin(house, jack):
    assert john(house, authid="jack", authpwd="4711").code == 200
    assert john(house, **bare("jack", "4711")).code == 200
    assert john(house, **v3("jack", "4711")).code == 200


def test_an_account_with_a_pin_alone_is_proven_by_it(house):
    house.account("card", password="", pin="998877")
    assert john(house, authid="998877", authpwd="998877").code == 200


def test_an_account_without_password_and_pin_is_proven_by_nothing(house):
    house.account("blank", password="", pin="")
    for proof in (bare("blank", ""), v3("blank", ""), {"authid": "blank", "authpwd": ""}, {"authid": "blank"}):
        assert said(john(house, **proof)) == WRONG_USER


def test_password_is_another_name_of_authpwd(house):
    assert john(house, authid="john", password="johnpass").code == 200


def test_passwords_may_be_any_text(house):
    house.account("dora", password="pässwörd '; -- ✓")
    assert john(house, authid="dora", authpwd="pässwörd '; -- ✓").code == 200
    assert john(house, **bare("dora", "pässwörd '; -- ✓")).code == 200
    assert john(house, authid="dora", authpwd="\udcff").code == 401


@pytest.mark.parametrize("column, value", [("enabled", 0), ("temporarydisabled", 1), ("rights", 10)])
def test_a_disabled_account_is_told_so_once_it_has_proved_itself(house, column, value):
    house.change("john", **{column: value})
    assert said(john(house, authid="john", authpwd="johnpass")) == (403, "ERROR: account disabled")
    assert said(john(house, authid="john", authpwd="x")) == WRONG_USER


@pytest.mark.parametrize("rights, role", [(0, 4), (20, 12), (30, 12), (40, 10), (50, 6)])
def test_rights_only_lower_the_role(house, rights, role):
    house.change("root", rights=rights)
    request = house.request("balance", authkey=KEY, **bare("root", "rootpass"))
    house.dispatcher.submit(request, Session(request.peer))
    assert request.principal.role == role


# -- digests ---------------------------------------------------------------------------------------

def test_the_formulas_are_the_manuals():
    assert digests.digest_v3("id", "pw", "a", "b", "srv", "nonce") == md5(md5("tU29midpwa") + "bsrvnonce")
    assert digests.digest_bare("id", "pw", "salt", "srv") == md5("ck5Gpidpwsrvsalt")
    assert digests.digest_bare("id", "pw", "salt", "srv", "nonce") == md5("ck5Gpidpwsrvsaltnonce")
    assert set(digests.old_digests("id", "pw", "x")) == {md5(text) for text in (
        "rD58s:id:pw:x", "C8y5:id:pw:x", "idpwx", "idpw", "id:pw:x", "id:pw")}


@pytest.mark.parametrize("how", [bare, v3])
def test_both_formulas_prove_the_user_with_and_without_salts(house, how):
    assert john(house, **how("john", "johnpass")).code == 200
    assert john(house, **how("john", "johnpass", "")).code == 200
    assert john(house, **how("john", "wrong")).code == 401
    house.set(apiv2md5salt="")
    assert john(house, **how("john", "johnpass", serversalt="")).code == 200


@pytest.mark.parametrize("how", [bare, v3])
def test_hex_digits_may_be_of_either_case(house, how):
    proof = how("john", "johnpass")
    mark, _, digits = proof["authmd5"].rpartition("_")
    proof["authmd5"] = (mark + "_" if mark else "") + digits.upper()
    assert john(house, **proof).code == 200


def test_authsalt_and_authsalt1_are_synonyms(house):
    proof = bare("john", "johnpass")
    proof["authsalt1"] = proof.pop("authsalt")
    assert john(house, **proof).code == 200
    proof = v3("john", "johnpass")
    proof["authsalt"] = proof.pop("authsalt1")
    assert john(house, **proof).code == 200


def test_authsalt2_is_no_part_of_the_bare_formula(house):
    assert john(house, **bare("john", "johnpass"), authsalt2="anything").code == 200


def test_a_digest_goes_before_a_password(house):
    assert john(house, **bare("john", "wrong"), authpwd="johnpass").code == 401


@pytest.mark.parametrize("junk", ["x", "authv3_", "authv3_" + "0" * 32, "0" * 32, "é" * 32, "\udc80"])
def test_what_is_no_digest_proves_nothing(house, junk):
    assert said(john(house, authid="john", authmd5=junk, authsalt="s1")) == WRONG_USER


# -- apialtauth, apiv2auth -------------------------------------------------------------------------

OLD = ["rD58s:{0}:{1}:s1", "C8y5:{0}:{1}:s1", "{0}{1}s1", "{0}{1}", "{0}:{1}:s1", "{0}:{1}"]


@pytest.mark.parametrize("formula", OLD)
def test_old_digests_need_apialtauth_1(house, formula):
    proof = {"authid": "john", "authmd5": md5(formula.format("john", "johnpass")), "authsalt": "s1"}
    for setting, code in ((-1, 401), (0, 401), (1, 200)):
        house.set(apialtauth=setting)
        assert john(house, **proof).code == code
    proof["authmd5"] = proof["authmd5"].upper()
    assert john(house, **proof).code == 200


def test_old_digests_prove_nothing_where_a_nonce_is_named(house):
    house.set(apialtauth=1)
    nonce = house.nonces.issue(FAR)
    assert john(house, authid="john", authmd5=md5("johnjohnpass"), nonce=nonce).code == 401


@pytest.mark.parametrize("settings", [{"apialtauth": 0}, {"apiv2auth": 6}])
def test_strict_takes_user_name_and_password_or_documented_digest_alone(house, jack, settings):
    house.set(**settings)
    assert john(house, authid="jack", authpwd="jackpass").code == 200
    assert john(house, **bare("jack", "jackpass")).code == john(house, **v3("jack", "jackpass")).code == 200
    for authid, password in (("3612345", "jackpass"), ("4711", "jackpass"), (str(jack.id), "jackpass"),
                             ("Jack Frost", "jackpass"), ("jack", "4711")):
        assert john(house, authid=authid, authpwd=password).code == 401


def test_apiv2auth_4_takes_one_of_them(house, jack):
    house.set(apiv2auth=4)
    assert john(house, authid="jack").message == john(house, authpwd="4711").message == "Your credit is $5.00 USD"
    assert john(house, authid="jack", authpwd="wrong").code == 401
    assert said(john(house, authid="nobody")) == said(john(house, authpwd="nobody")) == WRONG_USER


def test_a_bare_name_is_never_an_administrator(house):
    house.set(apiv2auth=4)
    assert house.keyed("info", authid="root").code == 403


# -- passwordstore=ha1 -----------------------------------------------------------------------------

@pytest.fixture
def hashed(house):
    from mizu.records.credentials import ha1
    house.settings.passwordstore = "ha1"
    house.auth.reload()
    house.account("hanna", credit=3)
    house.change("hanna", password="", ha1=ha1("hanna", "mizud", "hannapass"))
    return house


def test_an_account_without_its_password_is_proven_by_the_hash(hashed):
    assert john(hashed, authid="hanna", authpwd="hannapass").message == "Your credit is $3.00 USD"
    assert john(hashed, authid="HANNA", authpwd="hannapass").code == 200
    assert said(john(hashed, authid="hanna", authpwd="wrong")) == WRONG_USER
    assert said(john(hashed, authid="nobody", authpwd="hannapass")) == WRONG_USER


def test_digests_over_the_password_cannot_work_there(hashed):
    assert john(hashed, **bare("hanna", "hannapass")).code == 401
    assert john(hashed, **bare("hanna", "")).code == 401


def test_the_hash_itself_is_no_password(hashed):
    kept = hashed.value("hanna", "ha1")
    assert john(hashed, authid="hanna", authpwd=kept).code == 401


# -- the same work, in constant time ---------------------------------------------------------------

WAYS = [bare("{0}", "x"), v3("{0}", "x"), {"authid": "{0}", "authpwd": "x"}]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("alternatives", [-1, 0, 1])
@pytest.mark.parametrize("store", ["plain", "ha1"])
def test_an_unknown_user_costs_the_same_digests_and_comparisons(house, monkeypatch, way, alternatives, store):
    house.settings.passwordstore = store
    house.set(apialtauth=alternatives)
    house.account("pinned", password="abc", pin="4711")
    house.account("blank", password="")
    counts = []

    def spy(module, name):
        real = getattr(module, name)

        def counted(*args, **kwargs):
            counts.append(name)
            return real(*args, **kwargs)
        monkeypatch.setattr(module, name, counted)
    spy(digests, "_hex")
    spy(auth, "compare_digest")
    spy(auth, "ha1")
    work = {}
    for name in ("john", "pinned", "blank", "unknown"):
        counts.clear()
        assert john(house, **{key: value.format(name) for key, value in way.items()}).code == 401
        work[name] = list(counts)
    assert work["john"] == work["pinned"] == work["blank"] == work["unknown"] and len(work["john"]) > 1


def test_a_miss_takes_every_look_up_that_a_hit_of_the_last_kind_takes(house, monkeypatch):
    house.account("zoe", password="abc", name="Zoe Last")
    looked, row, rows = [], house.db.row, house.db.rows
    monkeypatch.setattr(house.db, "rows", lambda *args: looked.append(1) or rows(*args))
    john(house, authid="Zoe Last", authpwd="x")
    hit = len(looked)
    looked.clear()
    john(house, authid="No Body", authpwd="x")
    assert len(looked) == hit == 4


def test_secrets_are_compared_in_constant_time(house):
    """Nothing but compare_digest sees what was sent beside what is kept."""
    import inspect
    source = inspect.getsource(auth.Authenticator._proven) + inspect.getsource(auth.Authenticator._digest_fits) + \
        inspect.getsource(auth.Authenticator._password_fits) + inspect.getsource(auth.Authenticator._key_sent)
    assert "compare_digest" in source and "== wanted" not in source and "== password" not in source


def test_refusals_of_logins_wait_for_the_tick(house):
    wrong = [house.request("balance", authkey=KEY, authid=name, authpwd="x") for name in ("john", "nobody")]
    held = [house.dispatcher.submit(request, Session(request.peer)) for request in wrong]
    assert not held[0].done and not held[1].done and [seconds for seconds, _ in house.reactor.timers] == [0.020]
    house.reactor.tick()
    assert [said(each.result()) for each in held] == [WRONG_USER, WRONG_USER]


def test_a_right_login_does_not_wait(house):
    request = house.request("balance", authkey=KEY, **bare("john", "johnpass"))
    assert house.dispatcher.submit(request, Session(request.peer)).message == OK


# -- what counts towards a ban ---------------------------------------------------------------------

def test_wrong_keys_users_and_passwords_count(house):
    house.ask("balance", authkey="bad")
    john(house, authid="nobody", authpwd="x")
    john(house, **bare("john", "wrong"))
    john(house, authid="john")
    assert house.failures == [(FAR, None), (FAR, "nobody"), (FAR, "john"), (FAR, "john")]


def test_refusals_of_the_proven_do_not_count(house):
    house.keyed("quickstat", **bare("john", "johnpass"))
    house.change("john", enabled=0)
    john(house, **bare("john", "johnpass"))
    assert house.failures == []


def test_the_principal_tells_how_it_was_proven(house):
    request = house.request("balance", host=LISTED, authkey=KEY, **bare("root", "rootpass"))
    house.dispatcher.submit(request, Session(request.peer))
    principal = request.principal
    assert (principal.user.username, principal.role, principal.proofs) == ("root", Role.SRVADMIN, ["ip", "key", "md5"])


def test_an_address_alone_or_acting_as_one_makes_nobody_server_administrator(house):
    request = house.request("setuser", host=LOOP, authkey=KEY, authid="root", u_username="root", u_comment="x")
    assert house.answer(house.dispatcher.submit(request, Session(request.peer))).code == 403
    assert request.principal.role == Role.ADMIN
    house.account("deputy", type=15, password="deputypass")
    answer = house.keyed("changepwd", **bare("deputy", "deputypass"), targetuser="root", newpassword="mine12345")
    assert answer.code == 403 and house.value("root", "password") == "rootpass"
