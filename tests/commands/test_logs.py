"""showlog, logsearch, log, logrename."""

import pytest


def lines(answer):
    return [line for line, in answer.data.rows]


def test_a_line_is_written_shown_and_found(desk):
    assert desk.do("log", txt="hello there").message == "OK: logged"
    desk.do("log", txt="good bye")
    assert "note: hello there by=root" in lines(desk.do("showlog"))[-2]
    found = lines(desk.do("logsearch", pattern="HELLO"))
    assert len(found) == 1 and "hello there" in found[0]
    assert lines(desk.do("logsearch", txt="nosuch")) == []


def test_a_line_stays_one_line_and_shows_no_secret(desk):
    desk.do("log", txt="a\nb password=geheim")
    last = lines(desk.do("showlog", lines=1))[0]
    assert "a\\x0ab" in last and "geheim" not in last


@pytest.mark.parametrize("count, shown", [(3, 3), (0, 1), (-5, 1), (10**9, 20)])
def test_lines_are_bounded(desk, count, shown):
    for number in range(20):
        desk.log.info(f"line {number}")
    got = lines(desk.do("showlog", lines=count))
    assert len(got) == shown and got[-1].endswith("line 19")


def test_the_security_log_is_the_other_one(desk):
    assert desk.do("showlog", which="security").code == 200
    answer = desk.do("showlog", which="../../etc/passwd")
    assert answer.code == 400 and "one of main, security" in answer.message


def test_a_log_that_is_not_there_is_404(desk):
    desk.folders.log = str(desk.folder / "nowhere")
    answer = desk.do("showlog")
    assert answer.code == 404 and answer.message.startswith("ERROR: the log main cannot be read: ")


def test_logrename_moves_the_log_aside(desk):
    desk.do("log", txt="before")
    assert desk.do("logrename", name="old.log").message == "OK: the old log is old.log"
    desk.do("log", txt="after")
    assert "before" in (desk.folder / "old.log").read_text()
    new = (desk.folder / "mizud.log").read_text()
    assert "after" in new and "before" not in new


def test_logrename_without_a_name_takes_the_time(desk):
    desk.do("log", txt="x")
    name = desk.do("logrename").message.rpartition(" ")[2]
    assert (desk.folder / name).exists() and name.startswith("mizud-2023")


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "mizud.log", "security.log", "..", "mizud.db"])
def test_logrename_takes_the_name_of_a_new_file(desk, name):
    desk.do("log", txt="x")
    assert desk.do("logrename", name=name).code == 400


def test_without_a_log_file_nothing_can_be_moved(desk):
    from mizu.base.log import Log
    desk.log = Log(stderr=None, clock=desk.clock)
    assert desk.do("logrename").code == 501
