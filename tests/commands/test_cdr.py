"""Call records and statistics, by what the manual's chapters CDR API and Statistics say; the numbers are in calls.py."""

import pytest

from mizu.base.message import Rows

from records.calls import make_calls


@pytest.fixture
def calls(town):
    town.ids = make_calls(town)
    return town


def cdr(town, who=None, **params):
    """The Answer to `cdr`; `by` is the parameter, `who` asks."""
    if "by" in params:
        params["BY"] = params.pop("by")
    return town.ask("cdr", who, **params)


def ids(town, who=None, **params):
    """The records of an answer, newest first unless the order is another."""
    rows = cdr(town, who, **params).data
    return [row["id"] for row in (rows.dicts() if isinstance(rows, Rows) else rows)]


def stats(town, who=None, **params):
    """Statistics as a list of tuples in the order of the columns."""
    return cdr(town, who, **params).data.rows


# -- filters

@pytest.mark.parametrize("params, expected", [
    ({}, [6, 5, 4, 3, 2]), ({"days": "lastmonth"}, [6, 5, 4, 3, 2, 1]), ({"days": "0.1"}, [6, 5]),
    ({"days": "lasthour"}, [6]), ({"days": "today"}, [6, 5, 4, 3]), ({"days": "thismonth"}, [6, 5, 4, 3, 2, 1]),
    ({"fromdt": "2023-11-13 23:30", "todt": "2023-11-14 10:00"}, [3, 2]), ({"todt": "2023-11-02"}, [1]),
    ({"fromdt": "2023-11-14T11:00:00+01:00"}, [6, 5, 4]), ({"cdrid": 1}, [1]), ({"callid": "+4912345@phone"}, [1]),
    ({"cdrid": 1, "days": "today"}, []),
    ({"u_username": "john"}, [6, 4, 2]), ({"u_username": "john", "dir": "in"}, [4]),
    ({"usr": "john", "dir": "out", "days": 30}, [6, 2, 1]), ({"dir": "in"}, [6, 5, 4, 3, 2]),
    ({"u_username": "boss"}, [4]), ({"u_username": "boss", "pcr": "true"}, [5, 4, 3]),
    ({"u_username": "boss", "pcr": 1, "dir": "in"}, []), ({"u_type": 9}, [6, 5, 3, 2]), ({"u_type": 0}, [6, 5, 3, 2]),
    ({"u_type": 2}, [4]), ({"u_type": 0, "dir": "in"}, [4]), ({"u_type": 5}, []), ({"u_type": -1}, [6, 5, 4, 3, 2]),
    ({"prefix": "3630"}, [6, 3]), ({"prefix": "+40"}, [5, 2]), ({"prefix": "49", "days": 30}, [1]),
    ({"connected": "yes"}, [6, 4, 3]), ({"type": "notconnected"}, [5, 2]), ({"connected": "all"}, [6, 5, 4, 3, 2]),
    ({"dsqjp": "discreason = 486"}, [5]), ({"dsqjp": "datum < '2023-11-02'"}, [1]),
    ({"dsqjp": "where realduration between 30 and 60 and callednumber like '363%'"}, [3]),
    ({"caller": "john"}, [6, 2]), ({"called": "40722222222x"}, []), ({"called": "john"}, [4]),
    ({"order": "date"}, [2, 3, 4, 5, 6]), ({"order": "caller"}, [4, 6, 2, 5, 3]), ({"order": "null"}, [6, 5, 4, 3, 2]),
    ({"order": "called"}, [6, 3, 5, 2, 4]), ({"order": "user"}, [4, 6, 2, 5, 3]),
    ({"limit": 2}, [6, 5]), ({"maxcount": 2, "order": "date"}, [2, 3]), ({"limit": 0}, [6, 5, 4, 3, 2])])
def test_a_filter_lets_through(calls, params, expected):
    assert ids(calls, **params) == expected


def test_caller_and_called_are_ids_with_those_below_if_asked_for(calls):
    john, trunk, boss = (calls.ids[name] for name in ("john", "trunk", "boss"))
    assert ids(calls, caller=john) == [6, 2] and ids(calls, called=trunk) == [6, 5, 3, 2]
    assert ids(calls, caller=boss, called=john) == [4] and ids(calls, caller=boss, pcr=1) == [5, 4, 3]
    assert ids(calls, days=10, caller=john, prefix=40) == [2]


def test_day_words_follow_the_time_zone(calls):
    calls.settings.timezone = "Europe/Budapest"        # there the day began at 23:00
    assert ids(calls, days="today") == [6, 5, 4, 3, 2]


def test_a_loop_of_parents_ends(calls):
    calls.db.row("UPDATE tb_users SET parentid = ? WHERE id = ?", (calls.ids["kid"], calls.ids["boss"]))
    assert ids(calls, u_username="boss", pcr=1) == [5, 4, 3]


def test_a_call_to_oneself_is_one_record(calls):
    calls.db.row("UPDATE tb_cdrs SET calledid = callerid WHERE id = 6")
    assert ids(calls, u_username="john") == [6, 4, 2]
    assert stats(calls, u_username="john", stats="cdrc") == [(3,)]


def test_a_limit_that_nobody_chose_is_said(calls):
    with calls.db.unit() as unit:
        unit.run("INSERT INTO tb_cdrs (datum) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                 " WHERE i < 1500) SELECT '2023-11-14 21:00:00.000' FROM n")
    answer = cdr(calls)
    assert len(answer.data) == 1000 and answer.warning == "only the first 1000 rows: use limit"
    assert cdr(calls, limit=1000).warning is None and len(cdr(calls, limit=0).data) == 1505


# -- fields

def test_fields_are_few_usual_or_all(calls):
    assert cdr(calls, fields="min", cdrid=6).data.dicts() == [
        {"id": 6, "datum": "2023-11-14 22:00:00.000", "callernumber": "john", "callednumber": "36301111111",
         "realduration": 120, "costenduser": 0.24}]
    usual = cdr(calls, cdrid=6).data.dicts()[0]
    assert usual["costprovider"] == 0.10 and usual["discreason"] == 200 and "callerip" not in usual
    assert set(cdr(calls, cdrid=6, fields="all").data.columns) == set(calls.db.columns("tb_cdrs"))


def test_skipnullfields_leaves_out_what_is_empty(calls):
    row = cdr(calls, cdrid=5, skipnullfields="true").data[0]
    assert row["discreason"] == 486 and not {"realduration", "connectdate", "costenduser"} & set(row)


def test_resellers_have_records_of_their_own(calls):
    row, = cdr(calls, isreseller="true").data.dicts()
    assert (row["cdrid"], row["level"], row["costenduser"], row["currency"]) == (3, 1, 0.09, "EUR")
    assert (row["callednumber"], row["resellerid"]) == ("36302222222", calls.ids["boss"])
    assert len(cdr(calls, "boss", isreseller=1).data) == 1
    assert len(cdr(calls, isreseller=1, u_username="john").data) == 0
    assert len(cdr(calls, isreseller=1, u_username="boss", prefix="3630", dsqjp="level = 1").data) == 1
    assert stats(calls, isreseller=1, stats="cdrc-endusercost-sl") == [(1, 0.09, 60, "EUR")]
    assert calls.refused("cdr", "john", isreseller=1)[0] == 403


def test_a_summary_is_the_last_row(calls):
    rows = cdr(calls, days="thismonth", summary="yes").data.dicts()
    assert len(rows) == 7 and rows[0]["cdrc"] is None
    last = {name: value for name, value in rows[-1].items() if value is not None}
    assert last == {"id": "summary", "realduration": 220, "costenduser": 0.42, "costprovider": 0.152, "cdrc": 6,
                    "asr": 66.67, "acd": 55.0}
    assert "costprovider" not in cdr(calls, "john", summary="yes").data.columns


# -- who sees what

def test_a_user_sees_his_own_whatever_he_sends(calls):
    assert ids(calls, "john", days="lastmonth") == [6, 4, 2, 1]
    assert ids(calls, "john", u_id=calls.ids["kid"]) == [6, 4, 2]
    assert ids(calls, "john", u_username="kid", caller=calls.ids["kid"]) == []
    assert ids(calls, "john", dir="in") == [4] and ids(calls, "kid", pcr=1) == [5, 3]


def test_a_reseller_sees_his_tree(calls):
    assert ids(calls, "boss") == [5, 4, 3] and ids(calls, "boss", u_username="kid") == [5, 3]
    assert ids(calls, "boss", dir="out", connected="yes") == [4, 3]
    assert calls.refused("cdr", "boss", u_username="john") == (404, "no such user: john")


def test_support_sees_all_and_an_administrator_may_look_as_somebody(calls):
    assert ids(calls, "agent") == [6, 5, 4, 3, 2] and ids(calls, "root") == [6, 5, 4, 3, 2]
    assert ids(calls, "root", u_username="root") == []


def test_users_see_no_figures_of_ours(calls):
    hidden = {"costprovider", "costcompany", "costsales", "costother", "calledip", "callerip", "dirid"}
    for name in ("john", "boss"):
        assert not hidden & set(cdr(calls, name, fields="all").data.columns)
        for word in ("providercost", "profit", "profit_percent", "salescost", "companycost", "othercost",
                     "avg_providercost"):
            assert calls.refused("cdr", name, stats=word) == (403, f"the statistic {word} is for administrators")
        assert calls.refused("cdr", name, dsqjp="1=1") == (403, "dsqjp is for administrators")
    assert hidden <= set(cdr(calls, "agent", fields="all").data.columns)


def test_what_the_other_side_has_paid_is_not_shown(calls):
    row, = cdr(calls, "john", cdrid=4).data.dicts()
    assert row["costenduser"] == 0 and row["unitprice"] == 0 and row["realduration"] == 30
    assert stats(calls, "john", days=30, stats="cdrc-endusercost") == [(4, 0.25)]
    assert cdr(calls, "boss", cdrid=4).data.dicts()[0]["costenduser"] == 0.05


# -- statistics

def test_statistics_are_computed(calls):
    names = "cdrc-succ-sl-asr-acd-asrb-act-endusercost-providercost-profit-profit_percent-salescost-companycost-othercost"
    row, = stats(calls, days=30, stats=names)
    # 4 of 6 answered; 3 of 30 s and more; set up in 5, 10, 4 and 1.5 s
    assert row == (6, 4, 220, 66.67, 55.0, 50.0, 5.13, 0.42, 0.152, 0.268, 63.81, 0.042, 0.021, 0.0042)
    assert stats(calls, days=30, statistics="avg_endusercost-avg_providercost") == [
        (round(0.42 * 60 / 220, 6), round(0.152 * 60 / 220, 6))]
    rtp = cdr(calls, days=30, stats="rtp").data
    assert rtp.columns == ["rtp_packets", "rtp_lost", "rtp_jitter"]
    assert rtp.rows == [(22000, round(100 * 220 / 22220, 2), 5.0)]


def test_by_alone_counts_and_sums_what_the_asker_may_see(calls):
    assert cdr(calls, by="all").data.dicts() == [
        {"cdrc": 5, "sl": 210, "endusercost": 0.41, "providercost": 0.15}]
    assert cdr(calls, by="all", fields="all").data.columns[-1] == "profit"
    assert cdr(calls, "john", by="all").data.columns == ["cdrc", "sl", "endusercost"]


@pytest.mark.parametrize("by, expected", [
    ("day", [("11-01", 1), ("11-13", 1), ("11-14", 4)]),
    ("hour", [(0, 1), (10, 1), (12, 1), (20, 1), (22, 1), (23, 1)]),
    ("day-hour", [("11-01", 12, 1), ("11-13", 23, 1), ("11-14", 0, 1), ("11-14", 10, 1), ("11-14", 20, 1),
                  ("11-14", 22, 1)]),
    ("caller", [("boss", 1), ("john", 3), ("kid", 2)]), ("caller-all", [("boss", 1), ("john", 3), ("kid", 2)]),
    ("called", [("+4912345", 1), ("36301111111", 1), ("36302222222", 1), ("40722222222", 1), ("40733333333", 1),
                ("john", 1)]),
    ("calleruser-calleduser", [("boss", "john", 1), ("kid", "trunk", 2), ("john", "trunk", 3)]), ("all", [(6,)])])
def test_records_are_grouped(calls, by, expected):
    assert stats(calls, days=30, by=by, stats="cdrc") == expected


def test_records_are_grouped_by_account(calls):
    boss, kid, john, trunk = (calls.ids[name] for name in ("boss", "kid", "john", "trunk"))
    assert stats(calls, days=30, by="callerid", stats="sl") == [(boss, 30), (kid, 60), (john, 130)]
    assert stats(calls, days=30, by="calledid-calleduser", stats="cdrc") == [(john, "john", 1), (trunk, "trunk", 5)]
    assert stats(calls, "boss", by="calleruser", stats="cdrc", pcr=1) == [("boss", 1), ("kid", 2)]


def test_days_and_hours_follow_the_time_zone_over_a_change_of_clocks(calls):
    calls.settings.timezone = "Europe/Budapest"
    with calls.db.unit() as unit:       # 2023-10-29 01:00 UTC the clocks went back from 3:00 to 2:00
        unit.run("INSERT INTO tb_cdrs (datum) VALUES ('2023-10-29 00:30:00.000'), ('2023-10-29 01:30:00.000'),"
                 " ('2023-10-28 22:30:00.000'), ('2023-10-29 23:30:00.000')")
    params = {"fromdt": "2023-10-01", "todt": "2023-11-01"}
    assert stats(calls, by="day", stats="cdrc", **params) == [("10-29", 3), ("10-30", 1)]
    assert stats(calls, by="hour", stats="cdrc", **params) == [(0, 2), (2, 2)]
    assert stats(calls, by="day", stats="cdrc") == [("11-14", 5)]


def test_a_time_zone_that_this_host_does_not_know_is_said_where_it_matters(calls):
    calls.settings.timezone = "Nowhere/Atlantis"
    assert ids(calls, days=1) == [6, 5, 4, 3, 2]
    for params in ({"days": "today"}, {"BY": "day"}, {"BY": "hour", "days": 1}):
        code, message = calls.refused("cdr", **params)
        assert code == 501 and message.startswith("setting timezone: ")


def test_the_year_is_shown_where_two_years_have_the_day(calls):
    with calls.db.unit() as unit:
        unit.run("INSERT INTO tb_cdrs (datum) VALUES ('2022-11-14 22:30:00.000')")
    assert stats(calls, days="lastyear", by="day", stats="cdrc")[0] == ("2022-11-14", 1)


def test_groups_have_a_limit_and_a_summary(calls):
    answer = cdr(calls, days=30, by="caller-called", stats="cdrc-sl", limit=2, summary=1)
    assert answer.data.rows == [("boss", "john", 1, 30), ("john", "+4912345", 1, 10), ("summary", None, 6, 220)]


def test_nothing_is_counted_as_nothing(calls):
    assert stats(calls, todt="2000-01-01", stats="cdrc-sl-asr-acd-profit_percent-rtp-act") == [(0,) * 9]
    assert stats(calls, todt="2000-01-01", by="day") == []
    assert cdr(calls, todt="2000-01-01").data.rows == []


def test_odd_dates_in_the_table_harm_nobody(calls):
    with calls.db.unit() as unit:
        unit.run("INSERT INTO tb_cdrs (datum) VALUES (''), ('never')")
    assert stats(calls, todt="2024-01-01", by="day", stats="cdrc")[0] == (None, 1)
    assert stats(calls, fromdt="2020-01-01", by="day", stats="cdrc")[0] == (None, 1)


# -- faults

@pytest.mark.parametrize("params, code, said", [
    ({"days": "yesterday"}, 400, "parameter days takes a number of days, or one of lasthour"),
    ({"days": "0"}, 400, "parameter days"), ({"fromdt": "soon"}, 400, "parameter fromdt takes a date"),
    ({"fromdt": "2023-01-02", "todt": "2023-01-01"}, 400, "ends before it begins"),
    ({"stats": "cdrc-nonsense"}, 400, "unknown statistic 'nonsense', use cdrc"),
    ({"BY": "week"}, 400, "unknown grouping 'week', use day"), ({"limit": -1}, 400, "limit takes 0 or more"),
    ({"fields": "some"}, 400, "fields takes one of min, normal, all"), ({"dir": "up"}, 400, "dir takes one of"),
    ({"connected": "maybe"}, 400, "connected takes one of"), ({"order": "id"}, 400, "order takes one of date"),
    ({"u_username": "nobody"}, 404, "no such user"), ({"cdrid": "x"}, 400, "cdrid takes a whole number"),
    ({"dsqjp": "1=1; delete from tb_cdrs"}, 400, "condition"), ({"dsqjp": "nocolumn = 1"}, 400, "unknown column"),
    ({"dsqjp": "id in (select id from tb_users)"}, 400, "condition"), ({"dsqjp": "("}, 400, "")])
def test_what_makes_no_sense_is_refused_in_words(calls, params, code, said):
    refusal = calls.refused("cdr", **params)
    assert refusal[0] == code and said in refusal[1]


# -- currencies

def paid_in(calls, currencies, **rates):
    """Give records other currencies: {id: name}."""
    with calls.db.unit() as unit:
        for id, name in currencies.items():
            unit.run("UPDATE tb_cdrs SET currency = ? WHERE id = ?", (name, id))
        for name, rate in rates.items():
            unit.run("UPDATE tb_currencies SET rate = ? WHERE name = ?", (rate, name))


def test_money_of_several_currencies_is_added_up_in_the_default_one_and_says_so(calls):
    paid_in(calls, {6: "EUR", 4: "huf", 1: ""}, EUR=0.5, HUF=400)
    rows = cdr(calls, days=30, stats="cdrc-endusercost-providercost-profit").data
    assert rows.dicts() == [{"cdrc": 6, "endusercost": 0.610125, "providercost": 0.252, "profit": 0.358125,
                             "currency": "USD"}]        # 0.24 / 0.5 + 0.05 / 400 + 0.12 + 0.01
    rows = cdr(calls, days=30, by="day", stats="endusercost", summary=1).data
    assert rows.rows == [("11-01", 0.01, "USD"), ("11-13", 0, "USD"), ("11-14", 0.600125, "USD"),
                         ("summary", 0.610125, "USD")]
    last = cdr(calls, days=30, summary=1).data.dicts()[-1]
    assert (last["costenduser"], last["costprovider"], last["currency"]) == (0.610125, 0.252, "USD")


def test_money_of_one_other_currency_stays_in_it(calls):
    paid_in(calls, dict.fromkeys(range(1, 7), "EUR"))
    assert stats(calls, stats="endusercost-cdrc") == [(0.41, 5, "EUR")]
    assert stats(calls, "john", days=30, stats="endusercost") == [(0.25, "EUR")]
    paid_in(calls, {2: "HUF"})          # moved no money
    assert stats(calls, stats="endusercost-cdrc") == [(0.41, 5, "EUR")]
    calls.ask("createcdrinfo", days="thismonth")
    assert calls.db.rows("SELECT day, endusercost, currency FROM tb_cdrinfo WHERE cdrc = 4") == [
        ("2023-11-14", 0.41, "EUR")]


def test_the_default_currency_needs_no_word(calls):
    paid_in(calls, {6: "usd", 4: ""})
    assert cdr(calls, stats="endusercost-cdrc").data.columns == ["endusercost", "cdrc"]


def test_without_a_rate_money_is_refused_and_the_rest_is_not(calls):
    paid_in(calls, {6: "EUR"})
    assert calls.refused("cdr", stats="cdrc-profit") == (
        422, "costs are in EUR, USD: no exchange rate: set tb_currencies.rate of EUR; or ask for statistics without"
             " money")
    assert stats(calls, stats="cdrc-sl") == [(5, 210)]
    paid_in(calls, {6: "O'Q"})
    assert "there is no currency O'Q in tb_currencies" in calls.refused("cdr", stats="profit")[1]
    with calls.db.unit() as unit:
        unit.run("INSERT INTO tb_currencies (name, rate) VALUES ('o''q', 2)")
    assert stats(calls, stats="endusercost") == [(0.29, "USD")]
