"""Question, answer, link: the right one changes a password, once, and nothing tells who has an account."""

import re

import pytest

from mizu.commands.forgotten import AFTER
from mizu.records.resets import INVENTED

from api.house import FAR, House

ASKED = {"email": "john@example.org", "forgotpasswordquestion": "Colour of my cat?",
         "forgotpasswordanswer": "Purple  Grey"}


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path, smtpserver="mail", smtpfrom="pbx@example.com", ratelimit_ip="0")
    for command in ("forgotpasswordquestion", "forgotpasswordanswer", "forgotpasswordreset"):
        made.limits.commands[command] = made.limits.address         # no limit per address here
    made.change("john", **ASKED)
    yield made
    made.db.close()


def mailed(house):
    house.reactor.tick()
    house.mails.outbox.tick()
    return house.gateways.mails


def link(house):
    """The token of a right answer."""
    house.keyed("forgotpasswordanswer", email="john@example.org", forgotpasswordanswer="purple grey")
    return re.search(r"[0-9a-f]{32}", mailed(house)[-1].text)[0]


def test_the_question_is_the_users_or_one_like_it_and_stays_the_same(house):
    assert house.keyed("forgotpasswordquestion", email="JOHN@example.org").message == "OK: Colour of my cat?"
    invented = [house.keyed("forgotpasswordquestion", email=f"nobody{n}@example.org").data for n in range(40)]
    assert set(invented) <= set(INVENTED) and len(set(invented)) > 3
    assert invented == [house.keyed("forgotpasswordquestion", email=f"Nobody{n}@example.org").data for n in range(40)]
    house.change("kid", email="kid@example.org")         # has set no question
    assert house.keyed("forgotpasswordquestion", email="kid@example.org").data in INVENTED


def test_the_invented_question_cannot_be_computed_from_what_clients_know(tmp_path):
    questions = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        house = House(tmp_path / name)
        questions.append([house.keyed("forgotpasswordquestion", email=f"{n}@example.org").data for n in range(9)])
        house.db.close()
    assert questions[0] != questions[1]


def test_a_right_answer_mails_a_link_and_never_the_password(house):
    house.set(reseturl="https://example.com/reset?t=[TOKEN]")
    answer = house.keyed("forgotpasswordanswer", email="john@example.org", forgotpasswordanswer=" PURPLE grey ")
    assert house.db.rows("SELECT * FROM tb_resetlinks") == [], "the answer leaves before anything is looked up"
    assert house.reactor.timers[0][0] == AFTER
    mail, = mailed(house)
    assert mail.recipients == ("john@example.org",) and "johnpass" not in mail.text
    token = re.search(r"https://example.com/reset\?t=([0-9a-f]{32})\n", mail.text)[1]
    assert answer.message.startswith("OK") and token not in str(house.db.rows("SELECT * FROM tb_resetlinks"))
    assert token not in str(house.db.rows("SELECT * FROM tb_mailqueue"))
    reset = house.keyed("forgotpasswordreset", token=token, newpassword="brandnewpw")
    assert reset.message == "OK: password changed" and house.users.by_username("john").password == "brandnewpw"


def test_without_a_page_the_mail_tells_how_the_code_is_used(house):
    token = link(house)
    text = house.gateways.mails[-1].text
    assert f"\n    {token}\n" in text and "forgotpasswordreset:" in text
    assert f"apientry=forgotpasswordreset&token={token}&newpassword=" in text
    house.set(domain="sip.example.com")
    link(house)
    assert "forgotpasswordreset at sip.example.com:" in house.gateways.mails[-1].text


def test_a_wrong_answer_and_an_unknown_address_are_answered_alike(house):
    house.change("kid", email="kid@example.org")
    answers = [house.keyed("forgotpasswordanswer", email=email, forgotpasswordanswer=text) for email, text in (
        ("john@example.org", "purple grey"), ("john@example.org", "blue"), ("nobody@example.org", "purple grey"),
        ("kid@example.org", " "), ("x", "y"))]
    assert len({(answer.code, answer.message) for answer in answers}) == 1
    assert len(mailed(house)) == 1


def test_five_answers_an_hour_for_one_address_whether_there_is_one_or_not(house):
    for email in ("john@example.org", "nobody@example.org"):
        codes = [house.keyed("forgotpasswordanswer", email=email, forgotpasswordanswer="x").code for _ in range(6)]
        assert codes == [200] * 5 + [429]


def test_a_link_is_good_once_and_for_an_hour(house):
    token = link(house)
    assert house.keyed("forgotpasswordreset", token=token, newpassword="brandnewpw").code == 200
    assert house.keyed("forgotpasswordreset", token=token, newpassword="brandnewpw2").code == 422
    token = link(house)
    house.clock.advance(3601)
    assert house.keyed("forgotpasswordreset", token=token, newpassword="brandnewpw2").code == 422
    assert house.users.by_username("john").password == "brandnewpw"


def test_a_new_link_ends_the_old_one(house):
    old, new = link(house), link(house)
    assert house.keyed("forgotpasswordreset", token=old, newpassword="brandnewpw").code == 422
    assert house.keyed("forgotpasswordreset", token=new, newpassword="brandnewpw").code == 200


@pytest.mark.parametrize("newpassword", ["short", "john", "JohnJohn" * 20])
def test_a_password_that_is_refused_leaves_the_link_good(house, newpassword):
    house.set(minpasswordlength=1 if newpassword == "john" else 8)
    token = link(house)
    assert house.keyed("forgotpasswordreset", token=token, newpassword=newpassword).code == 422
    assert house.keyed("forgotpasswordreset", token=token, newpassword="brandnewpw").code == 200


@pytest.mark.parametrize("token", ["0" * 32, "x", "' or 1=1 --", "é\udcff"])
def test_what_is_no_link_changes_nothing(house, token):
    link(house)
    assert house.keyed("forgotpasswordreset", token=token, newpassword="brandnewpw").code == 422
    assert house.users.by_username("john").password == "johnpass"


def test_a_disabled_account_gets_no_link(house):
    house.change("john", enabled=0)
    house.keyed("forgotpasswordanswer", email="john@example.org", forgotpasswordanswer="purple grey")
    assert mailed(house) == []


def test_every_account_of_the_address_that_is_answered_gets_its_own(house):
    house.change("kid", **{**ASKED, "forgotpasswordanswer": "purple grey"})
    house.keyed("forgotpasswordanswer", email="john@example.org", forgotpasswordanswer="purple grey")
    assert {re.search("account (.*)\\.", mail.text)[1] for mail in mailed(house)} == {"john", "kid"}


def test_without_a_mail_server_it_says_so_to_everybody(house):
    house.set(smtpserver="")
    for email in ("john@example.org", "nobody@example.org"):
        answer = house.keyed("forgotpasswordanswer", email=email, forgotpasswordanswer="x")
        assert answer.code == 501 and "smtpserver" in answer.message


def test_strangers_with_the_key_ask_and_users_set_question_and_answer(house):
    assert house.ask("forgotpasswordquestion", FAR, email="x@y").code == 401
    changed = house.keyed("setuser", authid="john", authpwd="johnpass", u_forgotpasswordquestion="Q?",
                          u_forgotpasswordanswer="a<script>b")
    assert changed.code == 200 and house.value("john", "forgotpasswordanswer") == "a<script>b"
    assert "forgotpasswordanswer" not in str(house.keyed("getuser", authid="john", authpwd="johnpass",
                                                         details="allfields").data)


def test_what_goes_wrong_after_the_answer_is_logged(house, monkeypatch):
    lines = []
    monkeypatch.setattr(house.log, "error", lambda text, **more: lines.append(text))
    monkeypatch.setattr("mizu.records.outbox.MOST", 0)
    house.keyed("forgotpasswordanswer", email="john@example.org", forgotpasswordanswer="purple grey")
    house.reactor.tick()
    assert lines and "a reset link was not sent" in lines[0]
