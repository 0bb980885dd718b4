"""version … unittest: the server's own state, and the handles to change it."""

import os
import shutil

import pytest

from mizu import VERSION
from mizu.commands.operate import resident, size, uptime


@pytest.mark.parametrize("seconds, text", [(0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3700, "1 h 1 min"),
                                           (90_000, "1 d 1 h"), (864_000, "10 d 0 h")])
def test_uptime_in_words(seconds, text):
    assert uptime(seconds) == text


@pytest.mark.parametrize("number, text", [(900, "900 bytes"), (1536, "1.5 KiB"), (31 << 20, "31 MiB"),
                                          (3 << 29, "1.5 GiB")])
def test_sizes_have_units(number, text):
    assert size(number) == text


def test_info_tells_memory_and_the_database_with_its_log_in_units(desk):
    os.truncate(desk.folder / "mizud.db", 20 << 20)
    os.truncate(desk.folder / "mizud.db-wal", 11 << 20)
    data = desk.do("info").data
    assert data["database"] == "31 MiB" and data["memory"].endswith(" MiB")


def test_resident_memory_is_known_here():
    assert resident() > 1 << 20


def test_version_needs_no_key(desk):
    assert desk.ask("version").message == f"OK: mizud {VERSION}"


def test_heartbeat_quick_is_alive_or_tells_the_trouble(desk):
    answer = desk.do("heartbeat")
    assert answer.message == "OK: alive" and answer.data["uptime"] == 3700 and answer.data["peak_lag_ms"] == 2.5
    desk.ill = "stopping"
    answer = desk.do("heartbeat")
    assert (answer.code, answer.message) == (500, "ERROR: stopping") and answer.data["uptime"] == 3700


def test_heartbeat_full_writes_to_the_database_and_looks_at_the_disk(desk, monkeypatch):
    there = shutil.disk_usage(desk.folder)
    used = there._replace(used=max(there.used, there.total // 1000))    # a disk in memory may be empty
    monkeypatch.setattr(shutil, "disk_usage", {str(desk.folder): used}.__getitem__)
    before = desk.db.commits
    answer = desk.do("heartbeat", mode="full")
    assert desk.db.commits == before + 1
    assert answer.data["database_ms"] >= 0 and answer.data["disk_free"] > 0 and 0 < answer.data["disk_percent"] <= 100
    assert answer.data["disk_free"] == there.free
    assert answer.data["disk_percent"] == pytest.approx(100 * used.used / used.total, abs=0.051)


def test_info_tells_the_important_parameters(desk):
    data = desk.do("info").data
    assert data["version"] == VERSION and data["uptime"] == "1 h 1 min" and data["ports"] == {"main": 8080}
    assert data["connections"] == 2 and data["tls"] is False and data["database"].endswith("iB")
    assert (data["sip_dropped"], data["hep_sent"], data["hep_dropped"]) == (7, 5, 6)


def test_shortinfo_is_one_line(desk):
    message = desk.do("shortinfo").message
    assert message == f"OK: mizud {VERSION}, up 1 h 1 min, 2 connections, 3 requests"


def test_quickstat_counts_by_command(desk):
    desk.do("balance", by="john")
    rows = {name: (good, bad) for name, good, bad in desk.do("quickstat").data.rows}
    assert rows["balance"][0] >= 1


def test_deviceid_is_the_same_until_the_salt_changes_and_is_not_the_salt(desk):
    first = desk.do("deviceid").message
    assert first == desk.do("deviceid").message and len(first) == len("OK: ") + 16
    assert desk.settings.apiv2md5salt not in first
    desk.settings.apiv2md5salt = "other"
    assert desk.do("deviceid").message != first


def test_fastusers_lists_accounts_in_memory(desk):
    desk.do("balance", by="john")
    rows = desk.do("fastusers").data.rows
    assert (desk.john, "john", 0, 1, 12.34) in rows
    assert len(desk.do("fastusers", limit=1).data) == 1 and len(desk.do("fastusers", limit=-1).data) == 0


@pytest.mark.parametrize("entry, params", [("syncusers", {}), ("syncusers", {"oop": "1"}), ("delobj", {}),
                                           ("delobj", {"what": "dbobj"})])
def test_accounts_are_read_again_afterwards(desk, entry, params):
    desk.do("balance", by="john")
    desk.db._execute("UPDATE tb_users SET displayname = 'behind our back' WHERE username = 'john'")
    assert desk.users.by_username("john").displayname != "behind our back"
    assert desk.do(entry, **params).code == 200
    assert desk.users.by_username("john").displayname == "behind our back"


def test_delobj_small_keeps_the_accounts(desk):
    desk.do("balance", by="john")
    held = len(desk.users.listed())
    desk.do("delobj", what="small")
    assert len(desk.users.listed()) >= held


def test_lists_and_locks(desk):
    rows = dict(desk.do("lists").data.rows)
    assert rows["connections"] == 2 and rows["commands"] > 60 and rows["accounts"] >= 1
    assert rows["SIP sources"] == rows["stories of calls"] == 0
    assert dict(desk.do("locks").data.rows)["database gate"] == "open"


def test_querylist_shows_statements_and_an_administrator_ends_them(desk):
    assert len(desk.do("querylist").data) == 0
    running = desk.db._register("SELECT slow", "root", 30)
    try:
        desk.clock.advance(2)
        assert desk.do("querylist").data.rows == [(running.id, 2.0, "root", "SELECT slow")]
        assert desk.do("querylist", by="agent", cancel=running.id).code == 403
        assert desk.do("querylist", cancel=running.id).message == f"OK: statement {running.id} was told to end"
        assert desk.do("querylist", cancel=999).code == 404
    finally:
        del desk.db.running[running.id]


@pytest.mark.parametrize("entry", ["threads", "threadlist", "threads2"])
def test_threads_and_their_stacks(desk, entry):
    assert desk.do(entry).data.rows == [("MainThread", "run < turn")]


def test_bans_are_listed_and_lifted(desk):
    for host in ("203.0.113.1", "203.0.113.2", "203.0.113.3"):
        desk.bans.ban(host, "test")
    assert [row[0] for row in desk.do("bannedlist").data.rows] == ["203.0.113.1", "203.0.113.2", "203.0.113.3"]
    assert desk.do("delbanned", ip="203.0.113.1").message == "OK: 1 lifted"
    assert desk.do("delbanned", ip="203.0.113.1").code == 404
    assert desk.do("delbanned", param1="ALL").message == "OK: 2 lifted"
    assert desk.do("delbanned").message == "OK: 0 lifted"
    assert not desk.bans.banned("203.0.113.2")


def test_reload_tells_what_changed(desk):
    desk.with_ini("[limits]\nbantime = 7\n")
    assert desk.do("reload").message == "OK: reloaded, 0 settings changed"
    (desk.folder / "mizud.ini").write_text("[limits]\nbantime = 8\n[network]\nsniffwait = 9\nsipports = 5080\n")
    answer = desk.do("reload")
    assert answer.message == "OK: reloaded, 3 settings changed"
    assert dict(answer.data.rows) == {"bantime": "yes", "sniffwait": "yes", "sipports": "after a restart"}
    assert desk.settings.bantime == 8


def test_a_reload_that_cannot_be_changes_nothing_and_says_why(desk):
    desk.with_ini("[limits]\nbantime = 7\n")
    (desk.folder / "mizud.ini").write_text("[limits]\nbantime = x\nnosuch = 1\n")
    answer = desk.do("reload")
    assert answer.code == 422 and "line 2: bantime takes" in answer.message and "nosuch" in answer.message
    assert "\n" not in answer.message and desk.settings.bantime == 7


@pytest.mark.parametrize("what, force", [("", False), ("service", False), ("force", True)])
def test_restart_is_told_to_the_server(desk, what, force):
    assert desk.do("restart", what=what).message == "OK: restarting"
    assert desk.restarted == [force]


def test_restart_takes_no_other_part(desk):
    assert desk.do("restart", what="server").code == 400 and desk.restarted == []


class Ticking:
    """A clock that moves with every look."""

    def __init__(self):
        self.seconds = 1000.0

    def monotonic(self):
        self.seconds += 0.0001
        return self.seconds

    def now(self):
        return self.seconds

    def advance(self, seconds):
        self.seconds += seconds


@pytest.mark.parametrize("params", [{}, {"threads": 4, "parameter": "shortinfo"}])
def test_unittest_prints_figures(desk, params):
    desk.clock = desk.reactor.clock = Ticking()
    answer = desk.do("unittest", **params)
    data = answer.data
    assert answer.message == "OK: passed" and data["requests"] > 100 and data["per_second"] > 0
    assert data["failures"] == 0 and 0 < data["mean_us"] <= data["p99_us"] <= data["worst_us"]


def test_unittest_sends_requests_that_are_decoded_dispatched_and_counted(desk):
    desk.clock = desk.reactor.clock = Ticking()
    before = desk.dispatcher.requests
    data = desk.do("unittest", threads=8).data
    assert desk.dispatcher.requests == before + 1 + data["requests"] and data["requests"] % 8 == 0


def test_unittest_fails_with_the_first_of_the_answers_that_are_wrong(desk):
    desk.clock = desk.reactor.clock = Ticking()
    desk.rule("apitest1", enabled=0)
    answer = desk.do("unittest")
    assert answer.code == 422 and answer.data["failures"] == answer.data["requests"] > 0
    assert answer.message.endswith("requests failed: ERROR: apitest1 is disabled (tb_api.enabled)")


@pytest.mark.parametrize("params", [{"parameter": "restart"}, {"parameter": "preauth"}, {"parameter": "syncusers"},
                                    {"parameter": "nosuch"}, {"parameter": "logsearch"}, {"parameter": "db"},
                                    {"threads": 65}, {"threads": 0}, {"testtime": 61}, {"testtime": 0},
                                    {"testtype": "sip"}])
def test_unittest_refuses_what_it_must_not_do(desk, params):
    assert desk.do("unittest", **params).code == 400 and desk.restarted == []


@pytest.mark.parametrize("entry", ["heartbeat", "info", "shortinfo", "quickstat", "deviceid", "fastusers", "lists",
                                   "locks", "querylist", "threads", "bannedlist", "showlog", "showcfg", "getini"])
def test_support_may_look(desk, entry):
    assert desk.do(entry, by="agent", key="bantime").code == 200
    assert desk.do(entry, by="john").code == 403


@pytest.mark.parametrize("entry", ["syncusers", "delobj", "delbanned", "reload", "restart", "unittest", "log",
                                   "logrename", "setini", "savesettings", "loadinifiles"])
def test_support_may_not_touch(desk, entry):
    assert desk.do(entry, by="agent").code == 403
