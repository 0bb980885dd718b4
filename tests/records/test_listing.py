"""Lists of accounts: every filter, order and detail of the manual, and nothing secret in any of them."""

import pytest

from mizu.base.clock import utc_text
from mizu.base.errors import ApiError
from mizu.records.account import TYPES
from mizu.records.details import BASIC, split_words
from mizu.records.listing import filtered, nested, thinned
from mizu.store.schema import SECRET_COLUMNS

from .store import add, wait


@pytest.fixture
def town(store):
    """boss (reseller) - sub (reseller) - leaf; kid below boss; lone; off; card; a trunk in, a trunk out, an admin."""
    store.ids = {}
    for name, values in {
            "boss": {"type": 2, "adddate": "2022-01-01"}, "sub": {"type": 2, "parentid": "boss"},
            "leaf": {"parentid": "sub", "credit": 150.0}, "kid": {"parentid": "boss", "status": 1, "statusdate": "2022-02-02 00:00:00"},
            "lone": {"credit": 50.0, "adddate": "2021-01-01", "comment": "O'Brien"},
            "off": {"enabled": 0}, "away": {"temporarydisabled": 1}, "card": {"isoperator": 6},
            "in": {"type": 5}, "out": {"type": 9}, "root": {"type": 16, "password": "geheim", "pin": "99"}}.items():
        if "parentid" in values:
            values["parentid"] = store.ids[values["parentid"]]
        store.ids[name] = add(store, name, **values)
    return store


def names(town, order=-1, limit=1000, offset=-1, **filters):
    for key in ("parent", "parentinclusive", "scope", "id"):
        if isinstance(filters.get(key), str):
            filters[key] = town.ids[filters[key]]
    rows = wait(town.listing.rows([], filtered(town.db.columns("tb_users"), **filters), True, order, limit, offset))
    return " ".join(row[1] for row in rows.rows)


@pytest.mark.parametrize("filters, expected", [
    ({}, "leaf kid lone"),
    ({"type": 0}, "leaf kid lone card"),
    ({"type": -1}, "boss sub leaf kid lone card in out root"),
    ({"type": 5}, "in"), ({"type": 9}, "out"), ({"type": 3}, ""),
    ({"enabled": -1}, "leaf kid lone off away"), ({"enabled": 0}, "off away"), ({"enabled": 1}, "leaf kid lone"),
    ({"active": 1}, "kid"), ({"active": 0}, "leaf lone"),
    ({"parent": -2}, "leaf kid"), ({"parent": 0}, "lone"), ({"parent": "boss"}, "leaf kid"),
    ({"parent": "boss", "type": -1}, "sub leaf kid"), ({"parent": "sub"}, "leaf"), ({"parent": "leaf"}, ""),
    ({"parentinclusive": -2}, "leaf kid"), ({"parentinclusive": 0}, "lone"),
    ({"parentinclusive": "boss"}, "boss leaf kid"), ({"parentinclusive": "leaf"}, "leaf"),
    ({"id": "off"}, "off"), ({"id": "out"}, "out"), ({"id": "out", "type": 0}, ""), ({"id": "off", "enabled": 1}, ""),
    ({"where": "credit > 100 and postpaid < 1"}, "leaf"), ({"where": "where comment like '%O''B%'"}, "lone"),
    ({"where": "temporarilydisabled = 1", "enabled": -1}, "away"),
    ({"where": "username = 'lone' or 1 = 1", "scope": "sub"}, "leaf"),
    ({"scope": "boss"}, "leaf kid"), ({"scope": "boss", "type": -1}, "boss sub leaf kid"),
    ({"scope": "sub", "parentinclusive": "boss", "type": -1}, "sub leaf"),
    ({"scope": "sub", "id": "lone"}, ""), ({"scope": "lone", "parent": "boss"}, "")])
def test_each_filter_lets_through_what_the_manual_says(town, filters, expected):
    assert names(town, **filters) == expected


@pytest.mark.parametrize("order, expected", [
    (-1, "boss sub leaf kid lone card in out root"), (1, "boss sub leaf kid lone card in out root"),
    (2, "root out in card kid leaf sub boss lone"), (3, "boss card in kid leaf lone out root sub")])
def test_orders(town, order, expected):
    assert names(town, order, type=-1) == expected


def test_recently_used_comes_first(town):
    assert names(town, 4).split()[0] == "kid"
    assert sorted(names(town, 0).split()) == ["kid", "leaf", "lone"]


def test_pages_follow_each_other_without_gap_and_the_rest_is_told(town):
    pages = [names(town, 3, 2, page, type=-1) for page in range(6)]
    assert pages == ["boss card", "in kid", "leaf lone", "out root", "sub", ""]
    rows = wait(town.listing.rows([], filtered(town.db.columns("tb_users")), True, limit=2))
    assert rows.truncated and len(rows) == 2


@pytest.mark.parametrize("filters", [
    {"enabled": 2}, {"active": -2}, {"where": "1=1; drop table tb_users"}, {"where": "id in (select 1)"},
    {"where": "password = 'x'"}, {"where": "pin > ''"}, {"where": "upperpassword like 'a%'"},
    {"where": "tb_users.id = 1"},
    {"where": "1=1) or (1=1"}, {"where": "load_extension('x')"}, {"where": "nosuch = 1"}])
def test_a_filter_that_goes_beyond_one_expression_is_refused(town, filters):
    with pytest.raises(ApiError) as error:
        result = names(town, **filters)
        pytest.fail(result)
    assert error.value.code == 400


def test_no_detail_shows_a_secret(town):
    row = wait(town.listing.one(town.ids["root"], ["all"], True))
    assert not SECRET_COLUMNS & row.keys() and "geheim" not in str(row) and "99" not in map(str, row.values())
    assert "commission" in row
    assert "commission" not in wait(town.listing.one(town.ids["root"], ["all"], False))
    for word in sorted(SECRET_COLUMNS - {"token"}):
        with pytest.raises(ApiError) as error:
            wait(town.listing.one(town.ids["root"], [word], True))
        assert error.value.code == 403
    with pytest.raises(ApiError) as error:
        wait(town.listing.one(town.ids["root"], ["commission"], False))
    assert error.value.code == 403


def test_words_choose_columns_and_default_to_id_and_username(town):
    one = lambda words: wait(town.listing.one(town.ids["lone"], split_words(words), True))
    assert one("") == {"id": town.ids["lone"], "username": "lone"}
    assert tuple(one("basic")) == BASIC
    assert one("telnumber-credit") == {"id": town.ids["lone"], "username": "lone", "telnumber": "", "credit": 50.0}
    assert list(one("typetext-statustext-credittext").values())[2:] == ["end user", "Not Used", "50.00 USD"]
    assert one("currentcalls-runtime")["runtime"] is None
    with pytest.raises(ApiError) as error:
        one("telnumbr")
    assert error.value.message == "unknown field telnumbr, did you mean telnumber"


def test_every_type_has_its_word(town):
    for number, text in TYPES.items():
        id = add(town, f"t{number}", type=number)
        assert wait(town.listing.one(id, ["typetext"], True))["typetext"] == text
    assert wait(town.listing.one(town.ids["card"], ["typetext"], True))["typetext"] == "calling card"


@pytest.mark.parametrize("values, text", [
    ({}, "Not Used"), ({"statusdate": "2024-01-01"}, "Offline"), ({"status": 1}, "Registered"), ({"status": 2}, "In Call"),
    ({"status": 3}, "Speaking")])
def test_statustext(store, values, text):
    assert wait(store.listing.one(add(store, "a", **values), ["statustext"], True))["statustext"] == text


def call(town, caller, called, seconds, days=0.5):
    with town.db.unit() as unit:
        unit.run("INSERT INTO tb_cdrs (datum, callerid, calledid, realduration) VALUES (?, ?, ?, ?)",
                 (utc_text(town.clock.now() - days * 86400), town.ids[caller], town.ids[called], seconds))


def test_statistics_count_by_direction_days_and_tree(town):
    call(town, "leaf", "out", 60)
    call(town, "leaf", "out", 0)
    call(town, "kid", "leaf", 30)
    call(town, "kid", "out", 600, days=2)
    get = lambda name, **how: tuple(wait(town.listing.one(town.ids[name], ["statistics"], True, **how)).values())[2:]
    assert get("leaf") == (2, 60, 50.0, 60.0)
    assert get("leaf", direction=2) == (1, 30, 100.0, 30.0)
    assert get("leaf", direction=3) == (3, 90, 66.67, 45.0)
    assert get("out") == (2, 60, 50.0, 60.0)                    # a SIP server is called
    assert get("out", direction=1) == (0, 0, 0, 0)
    assert get("kid", statdays=3.0) == (2, 630, 100.0, 315.0)
    assert get("boss") == (0, 0, 0, 0)
    assert get("boss", pcr=True) == (3, 90, 66.67, 45.0)
    assert get("boss", pcr=True, direction=3) == (3, 90, 66.67, 45.0)       # a call inside the tree counts once
    assert get("kid", statdays=0.04166) == (0, 0, 0, 0)
    found = filtered(town.db.columns("tb_users"), parentinclusive=town.ids["boss"])
    rows = wait(town.listing.rows(["statistics"], found, True, statdays=1.0, pcr=True))
    assert [row[1:3] for row in rows.rows] == [("boss", 3), ("leaf", 2), ("kid", 1)]


def test_search_finds_people_in_reach_only(town):
    leaf, kid = town.users.by_id(town.ids["leaf"]), town.users.by_id(town.ids["kid"])
    found = lambda text, scope: [row[0] for row in wait(town.listing.search(text, 10, scope)).rows]
    assert found("l", None) == ["leaf", "lone"]
    assert found("l", leaf) == ["leaf"] and found("kid", kid) == ["kid"] and found("lone", kid) == []
    assert found("e", town.users.by_id(town.ids["boss"])) == ["leaf"]
    assert found("%", None) == [] and found("_", None) == [] and found("\\", None) == []
    with town.db.unit() as unit:
        for id in (leaf.id, town.ids["lone"]):
            town.users.update(unit, id, {"usergroup": "sales", "telnumber": f"36500{id}"})
    town.users.forget()
    assert found("36500", town.users.by_id(leaf.id)) == ["leaf", "lone"]


def test_nesting_keeps_every_row_once_whatever_the_parents_say():
    def count(rows):
        return sum(1 + count(row.get("children", ())) for row in rows)

    def make(pairs):
        return [{"id": id, "parentid": parent} for id, parent in pairs]
    forest = nested(make([(3, 2), (1, 0), (2, 1), (4, 1), (9, 77)]))
    assert [row["id"] for row in forest] == [1, 9]
    assert [row["id"] for row in forest[0]["children"]] == [2, 4]
    assert forest[0]["children"][0]["children"][0]["id"] == 3
    assert count(nested(make([(1, 2), (2, 1), (3, 3)]))) == 3
    deep = nested(make([(n, n - 1) for n in range(1, 2001)]))
    assert count_deep(deep) == 2000


def count_deep(rows):
    total = 0
    while rows:
        total += len(rows)
        rows = [child for row in rows for child in row.get("children", ())]
    return total


def test_thinned_rows_keep_who_they_are():
    assert thinned({"id": 0, "username": "", "a": None, "b": 0, "c": "", "d": 0.0, "e": "x"}) == {
        "id": 0, "username": "", "e": "x"}


@pytest.mark.parametrize("filters, order, index", [
    ({}, 2, "COVERING INDEX ix_users_added"), ({"type": 0, "parent": 0}, 4, "COVERING INDEX ix_users_used"),
    ({"parentinclusive": 0}, 3, "INDEX sqlite_autoindex_tb_users_1"), ({"enabled": -1, "type": -1}, 2, "ix_users_added"),
    ({"enabled": 0}, 2, "ix_users_off"), ({"enabled": 0}, 1, "ix_users_off"), ({"type": 9}, 4, "ix_users_type")])
def test_a_page_of_a_long_list_is_read_along_an_index(town, filters, order, index):
    rows = town.db.rows("EXPLAIN QUERY PLAN " + listed_sql(town, order, **filters))
    assert index in rows[1][3] or index in rows[0][3], rows


def listed_sql(town, order, **filters):
    """The SELECT of a second page, its values in it."""
    asked = []
    real, town.db.query = town.db.query, lambda sql, args, **more: asked.append((sql, args)) or real(sql, args, **more)
    names(town, order, 10, 1, **filters)
    town.db.query = real
    sql, args = asked[0]
    for name, value in args.items():
        sql = sql.replace(f":{name}", repr(value))
    return sql


def test_a_later_page_tells_its_columns_in_order(town):
    for order in (1, 2, 3, 4):
        one = names(town, order, 100, type=-1, enabled=-1).split()
        two = [name for page in range(6) for name in names(town, order, 2, page, type=-1, enabled=-1).split()]
        assert one == two and len(one) == 11
