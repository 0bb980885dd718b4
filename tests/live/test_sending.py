"""What the server sends and runs by itself: mails, SMS, programs; with a mail server and a gateway beside it."""

import re
import sys
from email import message_from_string, policy

import pytest

from net.gateways import SmtpServer, WebServer

from .harness import Server, eventually

pytestmark = pytest.mark.live


class Gateways:
    def __init__(self, folder):
        self.smtp, self.web = SmtpServer(), WebServer()
        self.sets = ["smtpserver=127.0.0.1", f"smtpport={self.smtp.port}", "smtptls=none", "smtpfrom=pbx@example.com",
                     "adminemail=admin@example.com", "adminphone=3611", "smsfrom=PBX",
                     f"smsurl=http://127.0.0.1:{self.web.port}/send?from=[FROM]&to=[TO]&text=[TEXT]", "allowcmd=1"]
        self.data = folder / "data"

    def start(self, *sets):
        return Server(self.data, *[word for each in (*self.sets, *sets) for word in ("--set", each)])

    def mail(self, number=0):
        """(recipients, message) of a mail, once it has come."""
        assert eventually(lambda: len(self.smtp.mails) > number, 15), "no mail came"
        _, recipients, text = self.smtp.mails[number]
        return recipients, message_from_string(text, policy=policy.default)

    def close(self):
        self.smtp.__exit__()
        self.web.__exit__()


@pytest.fixture
def gateways(tmp_path):
    made = Gateways(tmp_path)
    yield made
    made.close()


def acts(server, fname, action, body):
    assert server.api("addrecord", table="tb_api", u_fname=fname, u_custom_action=action,
                      u_custom_action_body=body).startswith("OK")
    assert server.api("apireload").startswith("OK")


@pytest.mark.slow
def test_actions_send_mail_and_sms_and_run_programs(gateways, tmp_path):
    server = gateways.start()
    try:
        acts(server, "version", 1, "***TO ops@example.com\n***SUBJECT Asked by {username}\nBalance: "
                                   "{select top 1 credit from tb_users with(nolock) where id = USERID}")
        acts(server, "info", 2, "Info for {username} & co")
        program = tmp_path / "note.py"
        program.write_text("import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))")
        acts(server, "shortinfo", 7, f"{sys.executable} {program} {tmp_path}/noted {{txt}} 'x y'")
        acts(server, "getuser", 57, "/no/such/program")
        assert server.api("version").startswith("OK: mizud") and "WARNING" not in server.api("info")
        assert "WARNING" not in server.api("shortinfo", txt="a b; touch c")
        assert (tmp_path / "noted").read_text() == "['a b; touch c', 'x y']"
        answer = server.api("getuser", u_id=999)
        assert answer.startswith("ERROR: no such user") and "WARNING: the action 57 (command) failed" in answer
        recipients, mail = gateways.mail()
        assert recipients == ["ops@example.com"] and mail["Subject"] == "Asked by admin"
        assert mail.get_content() == "Balance: 0.0\n"
        assert eventually(lambda: gateways.web.requests)
        assert gateways.web.requests[0][0] == \
            "GET /send?from=PBX&to=3611&text=Info%20for%20admin%20%26%20co HTTP/1.1"
        assert eventually(lambda: server.api("db", sql="select state, gatewayid from tb_smsqueue")
                          == "state\tgatewayid\nsent\tID: 42")
    finally:
        assert server.stop() == 0, server.err


@pytest.mark.slow
def test_a_sign_up_by_code_and_a_reset_by_link(gateways):
    server = gateways.start("newuserverify=mail", "reseturl=https://example.com/?t=[TOKEN]")
    try:
        key = f"authkey={server.key}"
        form = "u_username=ann&u_email=ann@example.org&u_password=first-password&deviceid=D"
        assert server.get(f"/mvapireq/?apientry=newuseru&{key}&{form}").startswith("OK: pending")
        recipients, mail = gateways.mail()
        code = re.match(r"\d{6}", mail.get_content())[0]
        assert recipients == ["ann@example.org"]
        answer = server.get(f"/mvapireq/?apientry=newusercode&{key}&u_code={code}&{form}")
        assert answer.startswith("OK: user added")
        own = f"{key}&authid=ann&authpwd=first-password"
        assert server.get(f"/mvapireq/?apientry=setuser&{own}&u_forgotpasswordquestion=Pet?"
                          "&u_forgotpasswordanswer=Rex") == "OK"
        asked = "/mvapireq/?apientry=forgotpassword"
        assert server.get(f"{asked}question&{key}&email=ann@example.org") == "OK: Pet?"
        answers = {server.get(f"{asked}answer&{key}&email={who}@example.org&forgotpasswordanswer=rex")
                   for who in ("ann", "bob")}
        assert len(answers) == 1
        token = re.search(r"https://example.com/\?t=(\w+)", gateways.mail(1)[1].get_content())[1]
        reset = f"{asked}reset&{key}&token={token}&newpassword=second-password"
        assert [server.get(reset)[:2] for _ in range(2)] == ["OK", "ER"]
        assert server.get(f"/mvapireq/?apientry=apitest&{own}").startswith("ERROR")
        assert server.get(f"/mvapireq/?apientry=apitest&{own.replace('first', 'second')}").startswith("OK")
        log = "".join(path.read_text() for path in (gateways.data / "log").iterdir())
        assert token not in log and code not in log and "second-password" not in log
    finally:
        assert server.stop() == 0, server.err


@pytest.mark.slow
def test_a_queued_mail_survives_a_kill(gateways):
    server = gateways.start()
    try:
        acts(server, "version", 1, "***TO ops@example.com\nstill here")
        server.api("version")
    finally:
        server.kill()
    server = gateways.start()
    try:
        assert gateways.mail()[0] == ["ops@example.com"]
    finally:
        assert server.stop() == 0, server.err
    assert len(gateways.smtp.mails) == 1
