"""watch and calls: what is painted, when, how it ends, and what is not repeated."""

from types import SimpleNamespace

import pytest

from mizu.base.errors import ApiError
from mizu.base.message import Answer, Rows
from mizu.calls.current import FULL
from mizu.serve.consolewatch import LIVE, asked_to_watch, picture

from .test_console import AGREED, connect, hall, logged_in, script      # noqa: F401  (a fixture)

COLUMNS = b"\xff\xfb\x1f\xff\xfa\x1f\x00%c\x00%c\xff\xf0"


@pytest.mark.parametrize("line, wanted", [
    ("watch 5 balance 1", (5, "balance 1", ())), ("watch,5,balance,1", (5, "balance,1", ())),
    ("WATCH currentcalls", (2, "currentcalls", ())), ("watch balance u_username=john", (2, "balance u_username=john", ())),
    ("calls", (2, "currentcalls", LIVE)), (" Calls 1 ", (1, "currentcalls", LIVE)), ("watch calls", (2, "currentcalls", LIVE)),
    ("watch 3 calls", (3, "currentcalls", LIVE)), ("watcher 1", None), ("balance", None), ("callsign", None)])
def test_what_asks_for_it(line, wanted):
    assert asked_to_watch(line) == wanted


@pytest.mark.parametrize("line", ["watch", "watch 5", "watch 0 balance", "watch 3601 balance", "watch nosuch", "calls 0",
                                  "watch watch balance", "watch 1 login root x", f"watch {'9' * 5000} balance"])
def test_what_does_not(line):
    with pytest.raises(ApiError):
        asked_to_watch(line)


@pytest.mark.parametrize("line", ["setcredit u_username=john u_credit=5", "db update tb_users set credit=1", "reload",
                                  "login,root,x", "addcredit 5"])
def test_what_changes_something_is_not_repeated(line):
    with pytest.raises(ApiError, match="changes something"):
        asked_to_watch("watch 2 " + line)


def test_it_is_painted_anew_until_a_key_is_pressed(hall):
    stream = logged_in(hall, keys=True)
    stream.say(b"watch 5 balance u_username=john\r\0")
    first = stream.sent.decode()
    stream.take()
    assert "\x1b[2J\x1b[H" in first and "every 5 s: balance u_username=john" in first and "$12.34" in first
    assert not first.endswith("mizud> \x1b[K")
    hall.reactor.pass_time(4.9)
    assert stream.sent == b""
    with hall.db.unit(actor="test") as unit:
        hall.ledger.set_credit(unit, hall.users.by_username("john"), 7_000_000, "admin", "test")
    hall.users.reload([hall.john])
    hall.reactor.pass_time(0.2)
    second = stream.sent.decode()
    assert second.startswith("\x1b[H") and "\x1b[2J" not in second and "$7.00" in second and second.endswith("\x1b[J")
    stream.take()
    stream.say(b"q")
    assert stream.take().endswith("mizud> \x1b[K")
    hall.reactor.pass_time(60)
    assert stream.sent == b"" and not [timer for timer in hall.reactor.timers if timer.callback]
    stream.say(b"keepalive\r\0")
    assert "OK\n" in stream.take()


def test_a_command_that_waits_is_never_asked_twice_at_once(hall):
    stream = logged_in(hall, keys=True)
    stream.protocol.received(b"watch 1 listusers\r\0")
    hall.reactor.pass_time(3)
    assert 2 <= stream.sent.count(b"\x1b[J") <= 4
    stream.say(b" ")
    assert stream.take().endswith("mizud> \x1b[K")


def test_what_was_typed_ahead_ends_it_after_one_picture(hall):
    stream = logged_in(hall, keys=True)
    stream.say(b"watch version\r\0keepalive\r\0")
    text = stream.take()
    assert text.index("every 2 s: version") < text.rindex("OK\n") and text.endswith("mizud> \x1b[K")
    hall.reactor.pass_time(10)
    assert stream.sent == b""


def test_a_terminal_of_lines_gets_pictures_one_below_the_other(hall):
    stream = logged_in(hall)
    stream.say(b"watch version\r\n")
    hall.reactor.pass_time(4.1)
    text = stream.sent.decode()
    assert text.count("every 2 s: version") == 3 and "\x1b" not in text
    stream.take()
    stream.say(b"\r\n")
    assert stream.take().endswith("mizud> ")


def test_a_script_gets_one_picture_and_its_next_lines_are_commands(hall):
    text = script(hall, "login,root,rootpass\nwatch 1 version\nkeepalive\nwatch nosuch\n")
    answers = text.split("\n\n")
    assert "every 1 s: version" in answers[1] and "mizud" in answers[1] and answers[2] == "OK"
    assert answers[3].startswith("ERROR: no such command to watch") and "\x1b" not in text


def test_a_script_waits_for_a_picture_that_takes_its_time(hall):
    text = script(hall, "login,root,rootpass\nwatch 1 listusers\nkeepalive\n")
    answers = text.split("\n\n")
    assert "every 1 s: listusers" in answers[1] and "john" in answers[1] and answers[2] == "OK"


def test_a_refusal_ends_it(hall):
    stream = logged_in(hall, keys=True)
    stream.say(b"watch balance u_username=nosuch\r\0")
    assert "\x1b[2J" not in stream.sent.decode() and "ERROR: " in stream.sent.decode()
    assert stream.take().endswith("mizud> \x1b[K")
    hall.reactor.pass_time(10)
    assert stream.sent == b""


def test_a_terminal_that_does_not_keep_up_is_not_painted_on(hall):
    stream = logged_in(hall, keys=True)
    stream.say(b"calls\r\0")
    stream.take()
    stream.pending = 1 << 20
    hall.reactor.pass_time(10)
    assert stream.sent == b""
    stream.pending = 0
    hall.reactor.pass_time(2)
    assert b"every 2 s: currentcalls" in stream.sent


@pytest.mark.parametrize("end", ["close", "ended"])
def test_a_terminal_that_goes_leaves_no_timer(hall, end):
    stream = logged_in(hall, keys=True)
    stream.say(b"calls\r\0")
    if end == "ended":
        stream.protocol.ended()
    else:
        stream.close()
        stream.protocol.closed()
    stream.settle()
    assert not stream.open and not [timer for timer in hall.reactor.timers if timer.callback]


def test_it_is_not_idle(hall):
    stream = logged_in(hall, keys=True)
    stream.say(b"calls\r\0")
    stream.protocol.expired()
    assert stream.open and stream.deadline > hall.reactor.now


def test_tab_and_help_know_it(hall):
    stream = logged_in(hall, keys=True)
    stream.say(b"watch 5 currentc\t")
    assert "watch 5 currentcalls " in stream.take()
    stream.say(b"\x15watc\t")
    assert "mizud> watch " in stream.take()
    stream.say(b"\x15watch balance u_usern\t")
    assert "u_username=" in stream.take()
    text = script(hall, "login,root,rootpass\nhelp\nhelp watch\nhelp,calls\n")
    assert "watch [seconds?, command]" in text and text.count("On the console: the calls in progress, watched") == 2


# -- pictures

def watched(rows=0, width=80, height=24, columns=LIVE, calls=1234):
    data = Rows(FULL, [(number, "talking", "alice", "alice", "bob", "36201234567", "2026-11-25 03:00:00", "2026-11-25", 75,
                        0.25, "USD", "abc@host", 5, 6, "198.51.100.1", "203.0.113.5", "PCMU") for number in range(rows)])
    board = type("Board", (), {"__len__": lambda self: calls, "rate": lambda self: 12})()
    server = SimpleNamespace(clock=SimpleNamespace(now=lambda: 1764042000.0), board=board)
    watch = SimpleNamespace(seconds=2, line="currentcalls", columns=columns)
    return picture(server, watch, Answer("OK", data), width, height)


def test_the_head_tells_the_time_the_calls_and_how_many_are_new():
    assert watched()[0] == "2025-11-25 03:40:00 UTC  1234 calls, 12 cps  every 2 s: currentcalls"
    assert watched()[1:] == ["OK: none"]


def test_calls_are_lines_of_what_matters_that_fit():
    lines = watched(3)
    assert lines[1].split() == ["dbcallid", "state", "seconds", "caller", "callednumber", "called", "cost", "currency"]
    assert lines[3].split() == ["0", "talking", "75", "alice", "36201234567", "bob", "0.25", "USD"]
    assert watched(3, width=60)[1].split() == ["dbcallid", "state", "seconds", "caller", "callednumber", "called"]
    assert "codec" in watched(3, width=120)[1] and len(watched(3, width=0, height=0)[1].split()) == len(LIVE)


@pytest.mark.parametrize("columns", [LIVE, ()])
@pytest.mark.parametrize("width", [20, 80, 300])
@pytest.mark.parametrize("height", [1, 2, 5, 24, 100])
@pytest.mark.parametrize("rows", [0, 1, 19, 20, 5000])
def test_a_picture_never_scrolls(rows, height, width, columns):
    lines = watched(rows, width, height, columns)
    assert len(lines) <= max(2, height - 1) and max(map(len, lines)) <= width
    if rows == 5000 and height > 2:
        assert lines[-1] == "… and more"
