"""apitest, login, preauth, help, keepalive, close, apiexamples."""

import pytest

from mizu.api.command import TABLE
from mizu.base.message import Session
from mizu.formats.request import read_text

from api.house import FAR, KEY, bare


def test_apitest_answers_as_documented(desk):
    assert desk.ask("apitest1").message == desk.do("apitest").message == "OK: api test succeed"


def test_apitest2_tells_how_the_request_was_understood_without_secrets(desk):
    answer = desk.ask("apitest2", authkey=KEY, authid="john", authpwd="johnpass", num="123", format="json")
    data = answer.data
    assert answer.message == "OK: api test succeed"
    assert (data["transport"], data["address"], data["port"], data["encrypted"]) == ("http", FAR, 5, False)
    assert (data["syntax"], data["format"], data["direct"]) == ("url", "json", True)
    assert data["serial"] == desk.decoder.serial
    assert data["parameter num"] == "123" and data["parameter authid"] == "john"
    assert "johnpass" not in str(data) and KEY not in str(data)


def test_login_answers_id_user_name_type_and_rights(desk):
    answer = desk.do("login", by="john")
    assert answer.message == "OK: logged in"
    assert answer.data == {"id": desk.john, "username": "john", "type": 0, "rights": desk.value("john", "rights")}


def test_login_needs_an_account(desk):
    assert desk.ask("login", host="127.0.0.1", authkey=KEY).message == "ERROR: auth failed: wrong user or password"
    assert desk.ask("login", authkey=KEY, authid="john", authpwd="x").code == 401


def test_login_marks_the_session_with_role_and_nonce(desk):
    session = Session(desk.request("x", transport="tcp").peer)
    nonce = desk.nonces.issue(FAR)
    proof = bare("boss", "bosspass", nonce=nonce)
    desk.ask("login", transport="tcp", session=session, authkey=KEY, nonce=nonce, **proof)
    assert (session.user.username, session.role, session.nonce.text) == ("boss", 8, nonce)


def test_a_second_login_is_somebody_else(desk):
    session = Session(desk.request("x", transport="tcp").peer)
    for name in ("john", "boss"):
        desk.ask("login", transport="tcp", session=session, authkey=KEY, **bare(name, name + "pass"))
        assert session.user.username == name


def test_preauth_answers_a_live_nonce_in_the_manuals_words(desk):
    message = desk.ask("preauth").message
    assert message.startswith("OK: new nonce is:") and message.endswith("EOF")
    assert desk.nonces.find(message[17:-3]).host == FAR


def test_help_shows_users_what_they_may_send_and_administrators_all(desk):
    short = {name for names, *_ in desk.ask("help").data.rows for name in names.split(", ")}
    assert short == {name for names, *_ in desk.do("help", by="john").data.rows for name in names.split(", ")}
    long = {name for names, *_ in desk.do("help").data.rows for name in names.split(", ")}
    assert long == set(TABLE) and "balance" in short and "db" not in short
    assert len(desk.do("help", by="agent").data) == len(desk.do("help").data)


def test_help_with_a_name_shows_its_whole_declaration(desk):
    answer = desk.ask("help", command="Balance")
    assert answer.message.startswith("OK: balance, credit, creditrequest  [u_id|u_username?]\n")
    assert "Example: /mvapireq/?apientry=balance" in answer.message
    assert desk.ask("help", param1="credit").message == answer.message


def test_help_hides_what_the_asker_may_not_send(desk):
    assert desk.ask("help", command="db").code == desk.ask("help", command="nosuch").code == 404
    assert desk.do("help", command="db").code == 200


@pytest.mark.parametrize("entry", ["close", "exit", "quit"])
def test_close_answers_and_asks_for_the_end(desk, entry):
    answer = desk.ask(entry)
    assert answer.message.startswith("OK") and answer.close


def test_keepalive_changes_nothing(desk):
    answer = desk.ask("keepalive")
    assert answer.message == "OK" and not answer.close


@pytest.mark.parametrize("user", ["root", "john"])
def test_the_digests_of_apiexamples_work(desk, user):
    """Every example that needs a user is let in; what it then says of its parameters is not asked here."""
    rows = desk.do("apiexamples", user=user).data.rows
    assert rows[0][0] == "balance" and "authv3_" in rows[0][1]
    names = {name for name, _ in rows}
    assert "balance" in names and ("db" in names) == (user == "root")
    for name, line in rows:
        params = read_text(line).params
        if "authmd5" not in params:
            continue
        digest = {key: params[key] for key in ("authkey", "authid", "authmd5", "authsalt", "authsalt1", "authsalt2")
                  if key in params}
        assert desk.ask("apitest", host="127.0.0.1", **digest).code == 200, line


def test_the_first_example_gets_its_answer(desk):
    line = desk.do("apiexamples", user="john").data.rows[0][1]
    assert desk.text(line)[1].message == "Your credit is $12.34 USD"


def test_names_with_a_plus_survive_in_examples(desk):
    desk.account("a+b@c.d", password="x")
    line = desk.do("apiexamples", user="a+b@c.d").data.rows[0][1]
    assert desk.text(line)[1].code == 200


def test_apiexamples_without_a_user_are_your_own(desk):
    assert "authid=root" in desk.do("apiexamples").data.rows[0][1]
    assert desk.ask("apiexamples", host="127.0.0.1", authkey=KEY).code == 400
    assert desk.do("apiexamples", user="nobody").code == 404


def test_apiexamples_of_an_account_without_its_password_say_so(desk):
    desk.account("hanna")
    desk.change("hanna", password="", ha1="0" * 32)
    answer = desk.do("apiexamples", user="hanna")
    assert answer.code == 422 and "password" in answer.message


def test_apiexamples_are_for_administrators_not_support(desk):
    """They hold the API key, and digests that stand for any account."""
    assert desk.do("apiexamples", by="agent").code == 403
    assert desk.do("apiexamples", by="john").code == 403
