"""Actions of tb_api: done once the answer is known, for built-in and custom names; a failure is a warning."""

import pytest

from mizu.base.errors import ApiError
from mizu.base.task import Future

from .house import LOOP, House, bare

AS_JOHN = bare("john", "johnpass")


class Acting(House):
    """A House whose programs, restarts and resets are written down in `done`."""

    def __init__(self, folder):
        super().__init__(folder)
        self.done, self.ends = [], (0, "")
        self.set(smtpserver="mail.example.com", smtpfrom="pbx@example.com", smsurl="http://gw/?t=[TO]&m=[TEXT]",
                 adminemail="admin@example.com", adminphone="3611234567", allowcmd=1)

    def run_program(self, argv):
        self.done.append(argv)
        future = Future()
        future.fail(self.ends) if isinstance(self.ends, Exception) else future.set(self.ends)
        return future

    def restart(self, force=False):
        self.done.append("restart")

    async def reset_database(self):
        self.done.append("database")

    def acts(self, action, body="", fname="apitest", **columns):
        assert self.rule(fname, custom_action=action, custom_action_body=body, **columns) == []
        return self


@pytest.fixture
def house(tmp_path):
    made = Acting(tmp_path)
    yield made
    made.db.close()


def sent(house):
    """[(recipients, subject, text)] and [url] that have left."""
    house.mails.outbox.tick()
    house.smsout.outbox.tick()
    return [(mail.recipients, mail.subject, mail.text) for mail in house.gateways.mails], house.gateways.urls


def test_a_mail_says_what_the_body_says(house):
    house.acts(1, "***TO boss@example.com, {email}\n***SUBJECT {username} tested\nHello {name}, {nothing}{txt}\n"
                  "you have {select credit from tb_users where id = USERID}")
    house.change("john", email="john@example.com", name="John")
    answer = house.keyed("apitest", txt="it works, ", **AS_JOHN)
    assert (answer.message, answer.warning) == ("OK: api test succeed", None)
    assert sent(house)[0] == [(("boss@example.com", "john@example.com"), "john tested",
                               "Hello John, it works, \nyou have 12.34")]
    assert house.db.value("SELECT userid FROM tb_mailqueue") == house.john


def test_without_a_body_the_administrator_hears_what_happened(house):
    house.acts(1)
    house.keyed("apitest", **AS_JOHN)
    house.acts(2)
    house.keyed("apitest", **AS_JOHN)
    report = "apitest by john from 203.0.113.9: OK: api test succeed"
    mails, urls = sent(house)
    assert mails == [(("admin@example.com",), "apitest: OK: api test succeed", report)]
    assert urls == ["http://gw/?t=3611234567&m=" + report.replace(" ", "%20").replace(":", "%3A")]


def test_an_sms_goes_to_every_number(house):
    house.acts(2, "***TO 3620111; {phone}\nHi {username}")
    house.change("john", phone="+36 30 222")
    house.keyed("apitest", **AS_JOHN)
    assert sent(house)[1] == ["http://gw/?t=3620111&m=Hi%20john", "http://gw/?t=%2B3630222&m=Hi%20john"]


def test_a_value_in_a_heading_adds_no_recipient_and_no_header(house):
    house.acts(1, "***TO {to}\n***SUBJECT {subject}\n{txt}")
    for to in ("a@example.org,b@example.org", "a@example.org\nBcc: b@example.org", "a@example.org b@example.org"):
        answer = house.keyed("apitest", to=to, **AS_JOHN)
        assert answer.message == "OK: api test succeed" and "is no e-mail address" in answer.warning
    house.keyed("apitest", to="a@example.org", subject="x\r\nBcc: b@example.org", txt="***TO c@d\n", **AS_JOHN)
    assert sent(house)[0] == [(("a@example.org",), "x  Bcc: b@example.org", "***TO c@d\n")]


def test_sql_has_its_values_bound(house):
    house.acts(8, "update tb_users set comment = '{txt}' where id = [USERID]")
    text = "'; delete from tb_users; --"
    assert house.ask("apitest", LOOP, authid="john", authpwd="johnpass", txt=text).warning is None
    assert house.value("john", "comment") == text and house.users.count() == 5
    house.acts(8, "update tb_users set comment = USERID where id = USERID")
    house.keyed("apitest", **AS_JOHN)
    assert house.value("john", "comment") == str(house.john)


def test_a_program_gets_words_and_no_value_becomes_two(house):
    house.acts(7, "notify.sh 'a b' user={username} {txt} ''")
    house.keyed("apitest", txt="one two; rm *", **AS_JOHN)
    assert house.done == [["notify.sh", "a b", "user=john", "one two; rm *", ""]]


@pytest.mark.parametrize("txt", ["-rf", "--help"])
def test_a_value_never_becomes_an_option(house, txt):
    house.acts(7, "notify.sh {txt}")
    answer = house.keyed("apitest", txt=txt, **AS_JOHN)
    assert house.done == [] and "could be an option" in answer.warning
    house.acts(7, "notify.sh -t{txt} -- -5")
    house.keyed("apitest", txt=txt, **AS_JOHN)
    assert house.done == [["notify.sh", f"-t{txt}", "--", "-5"]]


@pytest.mark.parametrize("ends, says", [
    ((3, "no such\nuser\n"), "notify.sh ended with 3: no such user"),
    (ApiError(504, "notify.sh was ended after 30 seconds"), "notify.sh was ended after 30 seconds"),
    (ValueError("a bug"), "see the server's log, request ")])
def test_a_program_that_fails_is_a_warning(house, ends, says):
    house.acts(7, "notify.sh")
    house.ends = ends
    answer = house.keyed("apitest", **AS_JOHN)
    assert answer.code == 200 and answer.warning.startswith(f"the action 7 (command) failed: {says}")


@pytest.mark.parametrize("action, done", [(4, ["restart"]), (5, ["database"]), (6, [("shutdown", "-r", "now")])])
def test_restarts(house, action, done):
    house.set(allowreboot=1)
    house.acts(action)
    assert house.keyed("apitest", **AS_JOHN).warning is None and house.done == done


@pytest.mark.parametrize("action, off, says", [
    (6, {"allowreboot": 0}, "set allowreboot=1"), (7, {"allowcmd": 0}, "set allowcmd=1"),
    (1, {"smtpserver": ""}, "set smtpserver"), (1, {"smtpfrom": "", "adminemail": ""}, "set smtpfrom"),
    (1, {"adminemail": ""}, "set adminemail"), (2, {"smsurl": ""}, "set smsurl"), (2, {"adminphone": ""}, "adminphone"),
    (3, {}, "places no calls")])
def test_what_is_not_there_is_named(house, action, off, says):
    house.set(**off)
    house.acts(action, "x")
    answer = house.keyed("apitest", **AS_JOHN)
    assert answer.code == 200 and says in answer.warning and house.done == []


def test_failures_have_actions_of_their_own(house):
    house.acts(57, "notify.sh {u_id}", "getuser")
    assert house.keyed("getuser", **AS_JOHN).code == 200 and house.done == []
    answer = house.keyed("getuser", authid="root", authpwd="rootpass", u_id=999, host=LOOP)
    assert answer.code == 404 and answer.warning is None and house.done == [["notify.sh", "999"]]
    house.acts(7, "notify.sh", "getuser")
    assert house.keyed("getuser", authid="root", authpwd="rootpass", u_id=999, host=LOOP).code == 404
    assert len(house.done) == 1


def test_nobody_who_was_not_let_in_sets_off_an_action(house):
    house.acts(57, "notify.sh")
    assert house.ask("apitest", authkey="wrong", **AS_JOHN).code == 401
    assert house.keyed("apitest", authid="john", authpwd="wrong").code == 401
    house.set(ratelimit_user="1/1")
    codes = {house.keyed("apitest", **AS_JOHN).code for _ in range(3)}
    assert 429 in codes and house.done == []


def test_custom_names_act_like_built_in_ones(house):
    house.acts(7, "notify.sh {sparam1}", "mine", customsql="*update tb_users set comment = '[SPARAM1]'"
                                                            " where id = USERID".replace("USERID", "[USERID]"),
               req_user=12)
    answer = house.keyed("mine", sparam1="five", **AS_JOHN)
    assert answer.message == "OK: 1 rows" and house.done == [["notify.sh", "five"]]
    house.acts(7, "notify.sh only", "other", req_user=12)
    assert house.keyed("other", **AS_JOHN).message == "OK" and house.done[1] == ["notify.sh", "only"]


def test_the_answer_keeps_a_warning_of_its_own(house, monkeypatch):
    house.acts(3)
    from mizu.base.message import Answer
    monkeypatch.setattr(house.table["apitest"].command, "function", lambda ctx: Answer("OK", warning="half"))
    assert house.keyed("apitest", **AS_JOHN).warning == "half; the action 3 (ring) failed: this server places no calls"


def test_the_queue_that_is_full_is_a_warning(house, monkeypatch):
    monkeypatch.setattr("mizu.records.outbox.MOST", 0)
    house.acts(1)
    answer = house.keyed("apitest", **AS_JOHN)
    assert answer.code == 200 and "wait to be sent" in answer.warning


def test_what_acts_is_no_part_of_a_batch(house):
    house.acts(1)
    answers = house.batch(("apitest1", {}), ("apitest", {"authid": "john", "authpwd": "johnpass"}))
    assert [answer.code for answer in answers] == [422, 400] and sent(house) == ([], [])


def test_an_action_that_waits_gives_the_answer_later(house):
    house.acts(7, "notify.sh")
    later = Future()
    house.run_program = lambda argv: later
    request = house.request("apitest", authkey="thekey", **AS_JOHN)
    from mizu.base.message import Session
    outcome = house.dispatcher.submit(request, Session(request.peer))
    assert not outcome.done
    later.set((0, ""))
    assert outcome.result().message == "OK: api test succeed"
