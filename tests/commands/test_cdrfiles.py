"""Call records to and from files, day summaries and directions; the records are those of calls.py."""

import csv
from types import SimpleNamespace

import pytest

from mizu.records import cdrs

from records.calls import make_calls


@pytest.fixture
def calls(town, tmp_path):
    town.ids = make_calls(town)
    town.folders = SimpleNamespace(reports=str(tmp_path / "reports"), files=str(tmp_path / "files"))
    (tmp_path / "reports").mkdir()
    (tmp_path / "files").mkdir()
    town.tmp = tmp_path
    return town


def written(calls, answer, delimiter=","):
    with open(calls.tmp / "reports" / answer.data["file"], encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


# -- gencdr

def test_without_a_period_the_last_whole_day_is_written(calls):
    answer = calls.ask("gencdr")
    assert answer.message == "OK: 1 records in reports/cdr_20231113T000000_20231114T000000.csv"
    row, = written(calls, answer)
    assert list(row) == list(calls.db.columns("tb_cdrs")) and (row["id"], row["callednumber"]) == ("2", "40733333333")


def test_a_period_has_one_file_that_is_the_same_each_time(calls):
    period = {"fromdate": "2023-11-14 00:30", "todate": "2023-11-14 22:00"}
    first = calls.ask("gencdr", **period)
    path = calls.tmp / "reports" / first.data["file"]
    bytes = path.read_bytes()
    assert calls.ask("gencdr", **period).data == first.data and path.read_bytes() == bytes
    assert [path.name for path in (calls.tmp / "reports").iterdir()] == ["cdr_20231114T003000_20231114T220000.csv"]
    assert [row["id"] for row in written(calls, first)] == ["3", "4", "5"]
    assert bytes.count(b"\r\n") == 4


@pytest.mark.parametrize("params, expected", [
    ({"fromdate": "2023-11-01"}, ["1", "2"]), ({"todate": "2023-11-02"}, ["1"]), ({"fromdate": "2023-11-02"}, ["2"]),
    ({"fromdate": "2000-01-01", "todate": "2030-01-01"}, list("123456"))])
def test_one_end_of_the_period_is_enough(calls, params, expected):
    assert [row["id"] for row in written(calls, calls.ask("gencdr", **params))] == expected


def test_fields_are_parted_as_asked_for(calls):
    for name, delimiter in (("semicolon", ";"), ("tab", "\t")):
        answer = calls.ask("gencdr", fromdate="2023-11-01", fformat=name)
        assert [row["callednumber"] for row in written(calls, answer, delimiter)] == ["+4912345", "40733333333"]


def test_the_last_day_is_that_of_the_time_zone(calls):
    calls.settings.timezone = "Europe/Budapest"
    assert calls.ask("gencdr").data["from"] == "2023-11-12 23:00:00.000"


def test_a_file_of_many_pages_is_whole(calls, monkeypatch):
    monkeypatch.setattr(cdrs, "PAGE", 2)
    rows = written(calls, calls.ask("gencdr", fromdate="2000-01-01", todate="2030-01-01"))
    assert [row["id"] for row in rows] == list("123456")


def test_what_cannot_be_written_leaves_nothing(calls):
    assert calls.refused("gencdr", fromdate="2023-11-02", todate="2023-11-01")[0] == 400
    (calls.tmp / "reports").rmdir()
    code, message = calls.refused("gencdr")
    assert code == 422 and message.endswith("cannot be written: No such file or directory")


# -- parsegsmcdr

HEADER = "datum,callerid,callednumber,realduration,costenduser,comment\n"
LINES = ('2023-11-14 21:00:00,7,36301,60,0.5,"said ""hi"", left"\n', "2023-11-14T22:00:00+01:00,7,36302,0,0,\n")


def log(calls, text, name="gsm.csv"):
    (calls.tmp / "files" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def test_each_line_becomes_a_record_once(calls):
    name = log(calls, HEADER + LINES[0])
    assert calls.ask("parsegsmcdr", file=name).message == "OK: 1 records added, 0 known before"
    log(calls, HEADER + LINES[0] + "\r\n" + LINES[1])          # the log has grown
    assert calls.ask("parsegsmcdr", file=name).data == {"added": 1, "known": 1}
    assert calls.ask("parsegsmcdr", file=log(calls, HEADER + LINES[1] + LINES[1], "other")).data["added"] == 0
    assert calls.db.rows("SELECT datum, callerid, callednumber, realduration, costenduser, comment FROM tb_cdrs"
                         " WHERE callerid = 7 ORDER BY id") == [
        ("2023-11-14 21:00:00.000", 7, "36301", 60, 0.5, 'said "hi", left'),
        ("2023-11-14 21:00:00.000", 7, "36302", 0, 0.0, "")]


def test_a_file_of_ours_can_be_read_elsewhere(calls):
    answer = calls.ask("gencdr", fromdate="2000-01-01", todate="2030-01-01")
    text = (calls.tmp / "reports" / answer.data["file"]).read_bytes()
    columns = ", ".join(name for name in calls.db.columns("tb_cdrs") if name != "id")
    before = calls.db.rows(f"SELECT {columns} FROM tb_cdrs ORDER BY id")
    calls.db.row("DELETE FROM tb_cdrs")
    assert calls.ask("parsegsmcdr", file=log(calls, b"\xef\xbb\xbf" + text)).data == {"added": 6, "known": 0}
    assert calls.db.rows(f"SELECT {columns} FROM tb_cdrs ORDER BY id") == before


@pytest.mark.parametrize("text, said", [
    ("callerid,callednumber\n1,2\n", "line 1: the first line holds names of tb_cdrs"),
    ("datum,datum\n", "line 1: the first line"), ("datum,nocolumn\n", "line 1: unknown field nocolumn"),
    (HEADER + LINES[0] + "soon,1,2,3,4,\n", "line 3: datum holds no date and time: 'soon'"),
    (HEADER + LINES[0] + ",1,2,3,4,\n", "line 3: datum holds no date and time: ''"),
    (HEADER + LINES[0] + "\n2023-11-14,1,2,long,4,\n", "line 4: parameter realduration takes a whole number"),
    (HEADER + LINES[0] + "2023-11-14,1,2,3,4\n", "line 3: 5 fields, but the first line names 6"),
    (HEADER + LINES[0] + '2023-11-14,1,2,3,4,"open\n', "line 3: "),
    (HEADER + LINES[0] + "2023-11-14,1,2,3,4," + "x" * 70_000 + "\n", "line 3: longer than 65536"),
    ((HEADER + LINES[0]).encode() + b"2023-11-14,1,2,3,4,\xff\n", "no UTF-8")])
def test_a_file_with_a_fault_adds_nothing_and_names_the_line(calls, text, said):
    code, message = calls.refused("parsegsmcdr", file=log(calls, text))
    assert code == 400 and said in message
    assert calls.db.value("SELECT count(*) FROM tb_cdrs") == 6


@pytest.mark.parametrize("name", ["../mizud.db", "/etc/passwd", "..", ".", "a/../../x", "link"])
def test_a_file_outside_the_folder_is_not_read(calls, name):
    (calls.tmp / "files" / "link").symlink_to("/etc/passwd")
    assert calls.refused("parsegsmcdr", file=name)[0] == 403


def test_a_file_that_is_not_there_is_said(calls):
    assert calls.refused("parsegsmcdr", file="nothing.csv") == (
        404, "nothing.csv cannot be read: No such file or directory")


# -- createcdrinfo, updcdrdir

def test_days_are_summed_up_and_summed_up_anew(calls):
    assert calls.ask("createcdrinfo", days="thismonth").message == "OK: 3 days summed up"
    expected = [("2023-11-01", 1, 1, 10, 0.01, 0.002, 0.001, 0.0005, 0.0001),
                ("2023-11-13", 1, 0, 0, 0, 0, 0, 0, 0), ("2023-11-14", 4, 3, 210, 0.41, 0.15, 0.041, 0.0205, 0.0041)]
    read = "SELECT day, cdrc, succ, sl, endusercost, providercost, salescost, companycost, othercost FROM tb_cdrinfo"
    assert calls.db.rows(read) == expected
    calls.db.row("DELETE FROM tb_cdrs WHERE id = 2")
    assert calls.ask("createcdrinfo").data == {"days": 1}      # today and the day before
    assert calls.db.rows(read) == [expected[0], expected[2]]


def test_a_direction_is_the_longest_prefix_of_the_records_price_list(calls):
    with calls.db.unit() as unit:
        unit.run("INSERT INTO tb_billingtimes (id, entryid, prefix) VALUES (1, 1, '36'), (2, 1, '3630'),"
                 " (3, 2, '363011'), (4, 1, ''), (5, 1, '40')")
        unit.run("UPDATE tb_cdrs SET billingentry = 1, dirid = CASE id WHEN 5 THEN 5 ELSE 77 END WHERE id <> 1")
    assert calls.ask("updcdrdir", days=30).message == "OK: 4 of 6 records changed"
    assert calls.db.rows("SELECT id, dirid FROM tb_cdrs") == [(1, 0), (2, 5), (3, 2), (4, 4), (5, 5), (6, 2)]
    assert calls.ask("updcdrdir", days=30).data["changed"] == 0


def test_all_of_it_is_for_administrators(calls):
    for entry in ("gencdr", "createcdrinfo", "updcdrdir", "parsegsmcdr"):
        for name in ("john", "boss", "agent"):
            assert calls.refused(entry, name, file="x")[0] == 403
