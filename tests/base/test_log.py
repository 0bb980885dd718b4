import configparser
import os
import random
import re
import shutil
import subprocess

import pytest

from mizu.base.clock import Clock, FakeClock
from mizu.base.log import LogFile, Log, escape, fact, is_journal, mask, read_log, where
from mizu.base.message import Peer

FILTER = os.path.join(os.path.dirname(__file__), "../../etc/fail2ban/filter.d/mizud.conf")


@pytest.fixture
def log(tmp_path):
    return Log("info", None, str(tmp_path / "mizud.log"), FakeClock())


def lines(tmp_path, name="mizud.log"):
    return (tmp_path / name).read_text().splitlines()


def test_an_event_is_one_line_with_utc_time_level_request_and_facts(log, tmp_path):
    log.warning("refused", serial=7, peer=Peer("tcp", "192.0.2.1", 99), text="a b", nothing=None)
    assert lines(tmp_path) == ['2023-11-14 22:13:20.000Z warning refused request=7 peer=tcp:192.0.2.1:99 text="a b"']


def test_what_is_below_the_level_is_not_written(log, tmp_path):
    log.debug("unseen")
    log.set_level("error")
    log.warning("unseen")
    log.error("seen")
    assert [line.split()[-1] for line in lines(tmp_path)] == ["seen"]


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\x00b", "a\u2028b", "a\u202eb", "a\x85b", "a\ud800b"])
def test_no_text_breaks_a_line_or_reaches_the_terminal(log, tmp_path, text):
    log.info("x " + text, value=text)
    raw = (tmp_path / "mizud.log").read_bytes().decode()
    assert raw.count("\n") == 1 and raw[:-1].isprintable()


def test_an_escaped_text_is_unambiguous():
    assert escape('a"\\x0a\n') == "a\\x22\\x5cx0a\\x0a"


def test_a_value_is_bounded(log, tmp_path):
    log.info("x" * 99999, value="y" * 99999)
    assert len(lines(tmp_path)[0]) < 2700


@pytest.mark.parametrize("text, masked", [
    ("authkey=abc&apientry=x", "authkey=***&apientry=x"),
    ("/mvapireq/?apientry=login&authid=1&authpwd=geheim&u_password=x%20y", "/mvapireq/?apientry=login&authid=1&authpwd=***&u_password=***"),
    ('{"authpwd": "a\\"b c", "pin":1234,"u_name":"n"}', '{"authpwd": ***, "pin":***,"u_name":"n"}'),
    ("<authmd5>0123</authmd5><x>1</x>", "<authmd5>***</authmd5><x>1</x>"),
    ("password = two words\nname = n", "password = ***\nname = n"),
    ("smtppassword=x&upperpassword=y&newpassword=z", "smtppassword=***&upperpassword=***&newpassword=***"),
    ("U_PIN=1&NONCE=2&cardnum=3&ccv2=4", "U_PIN=***&NONCE=***&cardnum=***&ccv2=***"),
    ("Authorization: Basic QQ==\r\nHost: x", "Authorization:***\r\nHost: x"),
    ("monkey=1&spin=2&keyword=3&authsalt=4", "monkey=1&spin=2&keyword=3&authsalt=4"),
    ("no such key: foo", "no such key: foo"),
])
def test_secrets_in_a_text_are_masked(text, masked):
    assert mask(text) == masked


def test_secrets_in_a_dict_are_masked_at_every_depth():
    assert mask({"apientry": "x", "authpwd": "s", "param2": "n", "in": {"u_pin": 1}}) == \
        {"apientry": "x", "authpwd": "***", "param2": "n", "in": {"u_pin": "***"}}


def test_positional_key_and_password_are_masked():
    assert mask({"param1": "balance", "param2": "key", "param3": "user", "param4": "pwd"}) == \
        {"param1": "balance", "param2": "***", "param3": "user", "param4": "***"}


def test_a_secret_never_reaches_the_log_by_a_fact(log, tmp_path):
    assert fact("code", 404) == "code=404"
    log.info("setuser authpwd=s3cret", password="s3cret", params={"u_password": "s3cret"}, query="a=1&pin=s3cret")
    assert "s3cret" not in lines(tmp_path)[0] and "s3cret" not in log.tail(1)[0]


def test_masking_hostile_text_takes_steps_in_proportion_to_its_length():
    seed = random.Random(1)
    for _ in range(300):
        text = "".join(seed.choice(["authpwd", "pwd", "=", " ", '"', ":", "<", ">", "\\", "w" * 40]) for _ in range(2000))
        assert len(mask(text)) <= 2 * len(text)


def test_an_error_is_told_with_its_place():
    def inner():
        raise ValueError("odd\nthing")
    try:
        inner()
    except ValueError as error:
        assert re.match(r"ValueError: odd\nthing at .*test_log.py:\d+ inner < .*:\d+ test_an_error", where(error))
        assert "\n" not in fact("error", where(error))


def test_a_fault_of_ours_is_one_line_with_its_request(log, tmp_path):
    try:
        {}["key=s3cret"]
    except KeyError as error:
        log.exception("request failed", error, serial=9)
    line, = lines(tmp_path)
    assert "request failed request=9 error=" in line and "KeyError" in line and "s3cret" not in line


def test_the_journal_gets_priorities_and_no_time(tmp_path):
    with open(tmp_path / "stderr", "wb") as file:
        log = Log("info", file.fileno(), None, FakeClock(), journal=True)
        log.error("bad")
        log.info("good")
        log.security("InvalidPassword", "1001", Peer("udp", "203.0.113.9", 5060), "SIP")
    bad, good, security = lines(tmp_path, "stderr")
    assert (bad, good) == ("<3>bad", "<6>good") and security.startswith("<4>SECURITY[")


def test_stderr_is_the_journal_only_if_its_inode_says_so(tmp_path):
    with open(tmp_path / "x", "wb") as file:
        about = os.fstat(file.fileno())
        assert is_journal({"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}, file.fileno())
        assert not is_journal({"JOURNAL_STREAM": "1:2"}, file.fileno())
        assert not is_journal({}, file.fileno())


def test_a_reader_of_stderr_that_stopped_does_not_stop_us():
    reader, writer = os.pipe()
    log = Log("info", writer, None, FakeClock())
    for _ in range(5000):                       # a pipe holds 64 KiB: a waiting write would hang here
        log.info("x" * 100)
    os.close(reader)
    log.info("and a closed one raises nothing")
    os.close(writer)


def test_a_full_disk_loses_lines_and_says_how_many(log, tmp_path, monkeypatch):
    real = os.write

    def full(fd, data):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "write", full)
    log.info("one")
    log.info("two")
    monkeypatch.setattr(os, "write", real)
    log.info("three")
    assert [line[25:] for line in lines(tmp_path)] == ["info    three", "warning 2 lines of the log could not be written"]


def test_a_torn_line_does_not_swallow_the_next_one(tmp_path, monkeypatch):
    file, real = LogFile(str(tmp_path / "x")), os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    assert not file.write(b"first\n")
    monkeypatch.setattr(os, "write", real)
    assert file.write(b"second\n") and lines(tmp_path, "x") == ["fir", "second"]


def test_a_folder_that_is_gone_stops_nothing(tmp_path):
    log = Log("info", None, str(tmp_path / "no" / "mizud.log"), FakeClock())
    log.info("one")
    assert log.lost == 1 and log.tail() == ["2023-11-14 22:13:20.000Z info    one"]
    (tmp_path / "no").mkdir()
    log.info("two")
    assert len(lines(tmp_path, "no/mizud.log")) == 2


def test_a_log_file_is_private_and_turns_over_at_its_bound(tmp_path):
    file = LogFile(str(tmp_path / "x"), limit=20)
    for number in range(30):
        file.write(b"line %04d\n" % number)
    assert sorted(os.listdir(tmp_path)) == ["x", "x.1", "x.2", "x.3", "x.4", "x.5"]
    assert lines(tmp_path, "x") == ["line 0028", "line 0029"] and lines(tmp_path, "x.5") == ["line 0018", "line 0019"]
    assert os.stat(tmp_path / "x").st_mode & 0o777 == 0o600


def test_reopen_follows_logrotate(log, tmp_path):
    log.info("old")
    os.rename(tmp_path / "mizud.log", tmp_path / "mizud.log.old")
    log.reopen()
    log.info("new")
    assert len(lines(tmp_path)) == 1 and lines(tmp_path)[0].endswith("new")


def test_rotate_names_the_file_and_stays_in_the_folder(log, tmp_path):
    log.info("old")
    assert log.rotate() == "mizud-20231114-221320.log"
    assert log.rotate("kept.log") == "kept.log" and (tmp_path / "kept.log").exists()
    for name in ("../x", "a/b", ".", "kept.log"):
        with pytest.raises(FileExistsError):
            log.rotate(name)


def test_the_ring_keeps_the_last_lines(log):
    for number in range(2500):
        log.info(str(number))
    assert len(log.tail()) == 2000 and log.tail(2)[-1].endswith(" 2499") and log.tail(0) == []


def test_read_log_finds_the_last_matches_within_its_bound(tmp_path):
    path = tmp_path / "x"
    path.write_text("".join(f"Line {number}\n" for number in range(1000)))
    assert read_log(path, 2) == ["Line 998", "Line 999"]
    assert read_log(path, 1, "LINE 7") == ["Line 799"]
    assert read_log(path, 9, "Line 10\n") == []
    assert len(read_log(path, 5000, limit=95)) == 10


def failregex():
    parser = configparser.ConfigParser()
    parser.read(FILTER)
    host = r"(?:::f{4,6}:)?(?P<host>[\w\-.^_]*\w|[0-9a-f:]+)"
    return re.compile(parser["Definition"]["failregex"].replace("<HOST>", host))


def banned(text):
    """The addresses that the shipped filter takes from a security log (fail2ban cuts the time out first)."""
    return [found["host"] for line in text.splitlines() if (found := failregex().search(line[24:]))]


@pytest.mark.parametrize("host", ["203.0.113.9", "2001:db8::1"])
@pytest.mark.parametrize("event", ["InvalidPassword", "InvalidAccountID", "ChallengeResponseFailed", "FailedACL"])
def test_fail2ban_finds_the_peer_in_the_security_line(log, tmp_path, event, host):
    log.security(event, "1001", Peer("tcp", host, 5060), "API")
    assert banned((tmp_path / "security.log").read_text()) == [host]


@pytest.mark.parametrize("account", [
    '",RemoteAddress="IPV4/UDP/198.51.100.1/1"',
    'x\n2023-11-14 22:13:20.000Z SECURITY[1] mizud: SecurityEvent="InvalidPassword",EventTV="",Severity="Error"'
    ',Service="SIP",AccountID="x",RemoteAddress="IPV4/UDP/198.51.100.1/1"',
    "a" * 9999, "\\", '\\"', "\x1b[2J", "",
])
def test_no_account_name_can_get_somebody_else_banned(log, tmp_path, account):
    log.security("InvalidPassword", account, Peer("udp", "203.0.113.9", 5060), "SIP")
    log.info("login failed " + account, user=account)
    both = (tmp_path / "security.log").read_text() + (tmp_path / "mizud.log").read_text()
    assert banned(both) == ["203.0.113.9"]


def test_an_address_that_may_be_forged_bans_nobody(log, tmp_path):
    log.security("InvalidPassword", "1001", Peer("udp", "203.0.113.9", 5060), "SIP", proven=False)
    assert "ClaimedAddress" in lines(tmp_path, "security.log")[0] and not banned((tmp_path / "security.log").read_text())


@pytest.mark.interop
@pytest.mark.skipif(not shutil.which("fail2ban-regex"), reason="fail2ban is not installed")
def test_fail2ban_itself_reads_the_shipped_filter(tmp_path):
    log = Log("info", None, str(tmp_path / "mizud.log"), Clock())
    for host in ("203.0.113.9", "2001:db8::1"):
        log.security("InvalidPassword", "x", Peer("udp", host, 5060), "SIP")
    report = subprocess.run(["fail2ban-regex", "--print-all-matched", "--VD", str(tmp_path / "security.log"), FILTER],
                            capture_output=True, text=True).stdout
    assert "2 lines, 0 ignored, 2 matched, 0 missed" in report, report
