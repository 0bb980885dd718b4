"""The console: who is let in, what scripts and people see, and what no peer can make it do."""

import pytest

from mizu.api.auth import digest_bare
from mizu.serve.console import ConsoleFront
from mizu.serve.consoleconnection import IDLE_SECONDS, LINE_LIMIT, LOGIN_SECONDS

from .talk import FAR, LAN, FakeStream, Hall

WRONG = "ERROR: auth failed: wrong user or password"
NO_STAFF = "ERROR: access denied: the console is for administrators and support"
AGREED = b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x03"        # DO ECHO, DO SGA, WILL SGA
WIDE = b"\xff\xfb\x1f\xff\xfa\x1f\x00\x28\x00\x18\xff\xf0"    # WILL NAWS, 40 by 24


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path)
    yield made
    made.db.close()


def connect(hall, host="127.0.0.1", secure=False):
    stream = FakeStream(hall.reactor, host, secure)
    ConsoleFront(hall, lambda: None).accept(stream)
    return stream


def script(hall, text, host="127.0.0.1", secure=False):
    """What netcat prints."""
    stream = connect(hall, host, secure)
    stream.say(text.encode())
    if stream.open:
        stream.end()
    assert not stream.open
    return stream.take()


def greeted(hall, host="127.0.0.1"):
    """Somebody who waits until he is asked."""
    stream = connect(hall, host)
    hall.reactor.pass_time(0.3)
    return stream


def logged_in(hall, *, keys=False):
    stream = greeted(hall)
    stream.say(AGREED if keys else b"")
    stream.say(b"root\r\n")
    stream.say(b"rootpass\r\n")
    stream.take()
    return stream


# -- scripts

@pytest.mark.parametrize("login", [
    "login,root,rootpass", "login root rootpass", "LOGIN,root,rootpass", "login authid=root authpwd='rootpass'",
    "root\nrootpass", "/mvapireq/?apientry=login&authid=root&authpwd=rootpass",
    '{"apientry": "login", "authid": "root", "authpwd": "rootpass"}',
])
def test_a_script_logs_in_on_its_first_line_or_its_first_two(hall, login):
    assert script(hall, login + "\nkeepalive\n") == "OK: logged in as root\n\nOK\n\n"


def test_a_script_sees_no_prompt_no_echo_and_no_telnet(hall):
    stream = connect(hall)
    stream.say(b"login,root,rootpass\r\nkeepalive\r\n")
    assert stream.sent == b"OK: logged in as root\r\n\r\nOK\r\n\r\n"


def test_a_last_line_without_an_end_is_a_command_too(hall):
    assert script(hall, "login,root,rootpass\nkeepalive").endswith("\n\nOK\n\n")
    assert script(hall, "root\nrootpass") == "OK: logged in as root\n\n"


def test_an_empty_line_ends_every_answer_and_is_in_none(hall):
    text = script(hall, "login,root,rootpass\nhelp\nhelp,balance\n")
    answers = text.split("\n\n")
    assert len(answers) == 4 and answers[3] == ""
    assert answers[1].splitlines()[0].split() == ["command", "summary"]
    assert answers[2].startswith("OK: balance")


def test_a_wrong_login_ends_a_script_and_its_commands_are_no_passwords(hall):
    assert script(hall, "login,root,nope\nversion\nroot\nrootpass\n") == WRONG + "\n\n"
    assert hall.failures == ["root"]


def test_commands_without_a_login_are_told_so(hall):
    assert "log in first: login,USER,PASSWORD" in script(hall, "version\n")
    assert "log in first" in script(hall, "apientry=version\nversion\n")


def test_answers_come_in_the_order_of_the_commands_also_when_they_wait(hall):
    lines = ("login,root,rootpass", "balance u_username=john", "nosuch", "keepalive", "db select 1 as one", "keepalive")
    text = script(hall, "\n".join(lines) + "\n")
    answers = text.split("\n\n")
    assert answers[1] == "Your credit is $12.34 USD"
    assert answers[2].startswith("ERROR: unknown command 'nosuch'")
    assert answers[3] == "OK" and answers[4].split() == ["one", "---", "1"] and answers[5] == "OK"


def test_the_end_closes_after_exit(hall):
    for word in ("exit", "quit", "close"):
        assert script(hall, f"login,root,rootpass\n{word}\nkeepalive\n") == "OK: logged in as root\n\nOK: bye\n\n"


def test_a_format_may_be_asked_for(hall):
    assert '"message": "OK"' in script(hall, "login,root,rootpass\nkeepalive format=json\n")


def test_nothing_in_an_answer_steers_the_terminal(hall):
    hall.db.execute("UPDATE tb_users SET name = 'a' || char(27) || '[2J' || char(10) || 'b' WHERE username = 'john'")
    text = script(hall, "login,root,rootpass\ndb select name from tb_users where username='john'\n")
    assert "a?[2J b" in text


# -- who is let in

def test_support_is_let_in_and_may_read(hall):
    assert script(hall, "login,agent,agentpass\nkeepalive\n") == "OK: logged in as agent\n\nOK\n\n"


@pytest.mark.parametrize("user", ["john", "boss", "kid"])
def test_nobody_else_is_let_in_though_the_password_is_right(hall, user):
    assert script(hall, f"login,{user},{user}pass\nkeepalive\n") == NO_STAFF + "\n\n"
    assert hall.failures == []
    assert script(hall, f"login,{user},wrong\n") == WRONG + "\n\n" and hall.failures == [user]


@pytest.mark.parametrize("user", ["john", "root", "nobody"])
def test_every_refusal_takes_until_the_tick(hall, user):
    stream = connect(hall)
    stream.protocol.received(f"login,{user},x\n".encode())
    assert stream.sent == b"" and stream.open
    hall.reactor.pass_time(0.02)
    assert stream.take() == WRONG + "\n\n"


@pytest.mark.parametrize("line", ["login,root", "login root ''", "root\n", "login authid=root"])
def test_a_name_without_a_password_is_never_enough(tmp_path, line):
    hall = Hall(tmp_path, "apiv2key=")
    assert script(hall, line + "\nkeepalive\n").startswith(WRONG)
    hall.db.close()


def test_the_settings_about_administrators_over_the_api_do_not_close_the_console(tmp_path):
    hall = Hall(tmp_path, "apideftrustadmin=0", "apidefneedlogin=2", "apidefneedregister=1", "apitrustediponly=1")
    assert script(hall, "login,root,rootpass\nkeepalive\n", LAN).startswith("OK: logged in as root\n\nOK")
    assert script(hall, "login,agent,agentpass\nkeepalive\n", LAN).startswith("OK: logged in as agent\n\nOK")
    hall.db.close()


@pytest.mark.parametrize("level, hosts", [
    (1, "127.0.0.1 ::1"), (2, "127.0.0.1 ::1 203.0.113.1"), (3, "127.0.0.1 ::1 203.0.113.1 198.51.100.9"),
    (4, f"127.0.0.1 ::1 203.0.113.1 198.51.100.9 {LAN}"), (5, f"127.0.0.1 ::1 203.0.113.1 198.51.100.9 {LAN} {FAR}"),
])
def test_remoteadmin_says_from_where(tmp_path, level, hosts):
    hall = Hall(tmp_path, f"remoteadmin={level}", "trustediplist=198.51.100.9")
    for host in ("127.0.0.1", "::1", "203.0.113.1", "198.51.100.9", LAN, FAR):
        stream = connect(hall, host)
        assert stream.open == (host in hosts.split()), host
        assert stream.open or stream.sent == b"ERROR: access denied\r\n"
    hall.db.close()


def test_a_banned_address_is_refused_at_once(hall):
    hall.bans.ban(FAR, "test", 60)
    assert not connect(hall, FAR).open


def test_failures_count_towards_a_ban(hall):
    for _ in range(hall.settings.maxauthfail):
        script(hall, "login,root,nope\n", LAN)
    assert hall.bans.banned(LAN) and not connect(hall, LAN).open


@pytest.mark.parametrize("setting, by, code", [("0", "agent", False), ("1", "agent", False), ("2", "agent", True)])
def test_apitrustfromconsole_2_makes_support_an_administrator(tmp_path, setting, by, code):
    hall = Hall(tmp_path, f"apitrustfromconsole={setting}")
    text = script(hall, f"login,{by},{by}pass\nsetcredit u_username=john u_credit=5\n")
    assert ("ERROR" not in text) == code
    hall.db.close()


@pytest.mark.parametrize("setting", [0, 1])
def test_apitrustfromconsole_decides_about_sensitive_commands_from_strange_addresses(tmp_path, setting):
    hall = Hall(tmp_path, f"apitrustfromconsole={setting}")
    text = script(hall, "login,root,rootpass\nnewuseri u_username=new\n", FAR, secure=True)
    assert ("trusted addresses only" in text) == (setting == 0)
    hall.db.close()


def test_allowtrustedip_4_lets_loopback_in_without_a_login(tmp_path):
    hall = Hall(tmp_path, "allowtrustedip=4")
    assert script(hall, "balance u_username=john\n") == "Your credit is $12.34 USD\n\n"
    assert "log in first" in script(hall, "version\n", LAN)
    hall.db.close()


def test_a_login_inside_a_batch_makes_nobody_else_of_a_connection(hall):
    batch = '[{"apientry": "login", "authid": "john", "authpwd": "johnpass"}]'
    text = script(hall, f"login,root,rootpass\n{batch}\nkeepalive\n")
    assert not text.endswith("OK\n\n")


def test_another_login_on_the_same_connection_is_judged_like_the_first(hall):
    text = script(hall, "login,root,rootpass\nlogin,agent,agentpass\nlogin,john,johnpass\nkeepalive\n")
    assert text == f"OK: logged in as root\n\nOK: logged in as agent\n\n{NO_STAFF}\n\n"


# -- from outside

def test_from_outside_a_password_is_taken_inside_tls_only(hall):
    for line in ("login,root,rootpass", "root\nrootpass", "login authid=root password=rootpass"):
        text = script(hall, line + "\nkeepalive\n", FAR)
        assert text.startswith("ERROR: from here log in inside TLS") and "OK" not in text
    assert script(hall, "login,root,rootpass\n", FAR, secure=True) == "OK: logged in as root\n\n"
    assert script(hall, "login,root,rootpass\n", LAN) == "OK: logged in as root\n\n"


def test_from_outside_a_digest_is_taken(hall):
    digest = digest_bare("root", "rootpass", "123", hall.settings.apiv2md5salt)
    assert script(hall, f"login root {digest} 123\n", FAR) == "OK: logged in as root\n\n"
    assert script(hall, f"login root {digest} 124\n", FAR) == WRONG + "\n\n"


@pytest.mark.parametrize("first", [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\nlogin,root,rootpass\r\n", "POST /login,root,rootpass HTTP/1.0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\n", "\x80\x2e\x01\x00\x02\n", "INVITE sip:a@b SIP/2.0\r\n"])
def test_http_and_other_protocols_are_closed_without_a_word(hall, first):
    stream = connect(hall)
    stream.say(first.encode("latin-1"))
    assert not stream.open and stream.sent == b""


def test_http_that_comes_late_is_closed(hall):
    stream = greeted(hall)
    stream.take()
    stream.say(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nlogin,root,rootpass\r\n")
    assert not stream.open and stream.take() == ""


# -- people

def test_who_waits_is_greeted_and_asked(hall):
    stream = connect(hall)
    hall.reactor.pass_time(0.2)
    assert stream.sent == b""
    hall.reactor.pass_time(0.1)
    assert stream.sent.startswith(b"\xff") and stream.take() == "mizud console\nUser: "
    stream.say(b"root\r\n")
    assert stream.take() == "Password: "
    stream.say(b"rootpass\r\n")
    assert stream.take() == "OK: logged in as root\nmizud> "
    stream.say(b"keepalive\r\n\r\n")
    assert stream.take() == "OK\nmizud> mizud> "


def test_three_wrong_logins_close(hall):
    stream = greeted(hall)
    for _ in range(3):
        assert stream.open
        stream.say(b"root\r\nwrong\r\n")
    assert not stream.open and stream.take().count(WRONG) == 3 and len(hall.failures) == 3


def test_keys_are_echoed_but_not_the_password(hall):
    stream = greeted(hall)
    stream.say(AGREED)
    stream.take()
    stream.say(b"root\r")
    assert "root" in stream.take()
    stream.say(b"\0rootpass\r\0")
    text = stream.take()
    assert "rootpass" not in text and "logged in as root" in text and text.endswith("mizud> \x1b[K")
    stream.say(b"\x1b[A")
    assert "root" not in stream.take(), "the history begins after the login"


def test_history_tab_and_control_d(hall):
    stream = logged_in(hall, keys=True)
    stream.say(b"keepa\t")
    assert stream.take().endswith("keepalive ")
    stream.say(b"\r\0")
    assert stream.take().startswith("\nOK\n")
    stream.say(b"\x1b[A")
    assert "keepalive" in stream.take()
    stream.say(b"\x15setcredit u_cr\t")
    assert "u_credit=" in stream.take()
    stream.say(b"\x15help lis\t")
    assert "help list" in stream.take()
    stream.say(b"\x15\x04")
    assert not stream.open


def test_tables_are_as_wide_as_the_window(hall):
    stream = logged_in(hall, keys=True)
    stream.say(WIDE)
    stream.take()
    stream.say(b"help\r\0")
    lines = stream.take().split("\n")
    assert len(lines) > 20 and max(map(len, lines)) <= 40


def test_a_program_may_say_how_wide_its_tables_are(hall):
    text = script(hall, '{"apientry":"login","authid":"root","authpwd":"rootpass","width":60}\nhelp\n')
    assert max(map(len, text.split("\n"))) <= 60
    assert max(map(len, script(hall, "login,root,rootpass\nhelp\n").split("\n"))) > 200


def test_what_is_typed_ahead_waits_for_its_turn(hall):
    stream = greeted(hall)
    stream.say(AGREED + b"root\r\0rootpass\r\0keepalive\r\0db select 1 as one\r\0keepalive\r\0")
    text = stream.take()
    assert "rootpass" not in text and text.index("logged in") < text.index("OK\n", text.index("keepalive")) \
        < text.index("one\n") and text.endswith("mizud> \x1b[K")


def test_keys_without_character_mode_are_lines(hall):
    stream = greeted(hall)
    stream.say(b"\xff\xfe\x01\xff\xfe\x03")
    stream.take()
    stream.say(b"root\r\nroot")
    stream.say(b"pass\r\n")
    assert stream.take() == "Password: OK: logged in as root\nmizud> "


def test_a_program_that_logs_in_with_json_after_the_greeting_gets_plain_lines(hall):
    stream = greeted(hall)
    stream.take()
    stream.say(b'{"apientry":"login","authid":"root","authpwd":"rootpass"}\nkeepalive\n')
    assert stream.take() == "OK: logged in as root\n\nOK\n\n"


# -- bounds

def test_a_login_has_its_time_and_a_drop_now_and_then_buys_no_more(hall):
    stream = greeted(hall)
    end = stream.deadline
    assert end == pytest.approx(hall.reactor.now + LOGIN_SECONDS, abs=0.1)
    hall.reactor.pass_time(30)
    stream.say(b"r")
    assert stream.deadline == end
    stream.protocol.expired()
    assert not stream.open


def test_an_idle_console_is_closed(hall):
    stream = logged_in(hall)
    assert stream.deadline == pytest.approx(hall.reactor.now + IDLE_SECONDS, abs=1)
    stream.protocol.expired()
    assert not stream.open and "too long" in stream.take()


def test_a_line_has_a_bound(hall):
    stream = connect(hall)
    stream.say(b"login,root,rootpass\n" + b"x" * LINE_LIMIT)
    assert stream.open
    stream.say(b"xx")
    assert not stream.open and "longer than" in stream.take()


def test_a_slow_reader_is_not_answered_on_and_on(hall):
    stream = connect(hall)
    stream.say(b"login,root,rootpass\n")
    stream.take()
    stream.pending = 1 << 20
    stream.say(b"keepalive\n" * 5)
    assert stream.take() == "" and stream.paused
    stream.pending = 0
    stream.protocol.drained()
    stream.settle()
    assert stream.take() == "OK\n\n" * 5 and not stream.paused


def test_a_flood_of_commands_shares_the_turns_of_the_loop(hall):
    stream = connect(hall)
    stream.say(b"login,root,rootpass\n")
    stream.take()
    stream.protocol.received(b"keepalive\n" * 200)
    assert stream.take().count("OK") == 64 and stream.paused
    stream.settle()
    assert stream.take().count("OK") == 136 and not stream.paused


def test_the_last_command_of_a_turn_is_waited_for_like_any_other(hall):
    stream = connect(hall)
    stream.say(b"login,root,rootpass\n")
    stream.take()
    stream.say(b"keepalive\n" * 63 + b"db select 1 as one\nversion\n")
    answers = stream.take().split("\n\n")
    assert answers[63].split() == ["one", "---", "1"] and "mizud" in answers[64]


def test_nothing_happens_after_the_end(hall):
    stream = connect(hall)
    stream.protocol.received(b"login,root,nope\n")
    stream.close()
    stream.protocol.closed()
    hall.reactor.pass_time(1)
    assert stream.sent == b""


def test_help_has_two_columns_and_shows_what_is_typed_here(hall):
    text = script(hall, "login root rootpass width=80\nhelp\nhelp balance\n")
    line = next(line for line in text.split("\n") if line.startswith("balance"))
    assert line.startswith("balance, credit, creditrequest [u_id|u") and max(map(len, text.split("\n\n")[1].split("\n"))) <= 80
    assert "Credit of an account as a sentence" in line
    assert text.endswith("Example: balance u_username=john\n\n")


def test_a_list_without_entries_says_so(hall):
    assert script(hall, "login root rootpass\nbannedlist\n").endswith("OK: none\n\n")
