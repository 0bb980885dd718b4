"""tb_changes: every path leaves its trace, and one change goes back without touching another."""

import random
import sqlite3
import string

import pytest

from formats.mutate import mutations
from mizu.base.errors import ApiError
from mizu.records import changes as module
from mizu.records.changes import parse_fields
from mizu.store import schema
from mizu.store.tables_changes import LEFT_OUT, WATCHED

from .store import add, wait


@pytest.fixture
def john(store):
    return add(store, "john", password="first", credit=5.0, comment="old")


def run(store, sql, args=()):
    return wait(store.db.execute(sql, args, "root"))


def told(store, table="", rowid=None, columns=("action", "field", "old", "new")):
    rows = store.changes.listed(table, rowid)
    return [tuple(row[column] for column in columns) for row in rows.dicts()]


def revert(store, change, force=False):
    with store.db.unit(actor="root", kind="revert", refid=change.id) as unit:
        store.changes.revert(unit, change, force)


def refused(store, change, force=False):
    before = store.db.commits
    with pytest.raises(ApiError) as caught:
        revert(store, change, force)
    assert store.db.commits == before
    return caught.value.code


# -- what leaves a trace

def test_a_change_tells_who_when_what_was_and_what_is(store, john):
    with store.db.unit(actor="root", kind="admin") as unit:
        store.users.update(unit, john, {"comment": "new", "name": "John"})
    assert told(store, "tb_users", john, ("actor", "kind", "table", "rowid", "name", "action", "field", "old", "new"))[
        :2] == [("root", "admin", "tb_users", john, "john", "update", "name", "", "John"),
                ("root", "admin", "tb_users", john, "john", "update", "comment", "old", "new")]


def test_every_path_leaves_its_trace(store, john):
    run(store, "UPDATE tb_users SET comment = 'by db' WHERE id = ?", (john,))
    with sqlite3.connect(store.db.path) as shell:
        shell.execute("UPDATE tb_users SET comment = 'by a shell' WHERE id = ?", (john,))
    shell.close()
    assert told(store, "tb_users", john, ("actor", "new"))[:2] == [("sql", "by a shell"), ("root", "by db")]


def test_balances_and_states_leave_none_and_what_stays_the_same_neither(store, john):
    before = told(store)
    with store.db.unit(actor="root") as unit:
        store.ledger.set_credit(unit, store.users.by_id(john), 7_000_000, "admin", "root")
    run(store, "UPDATE tb_users SET credit = 9, status = 1, statusdate = 'x', ip = 'y', port = 5, equipment = 'z'")
    run(store, "UPDATE tb_users SET comment = comment, credit = 3")
    run(store, "INSERT INTO tb_settings (name, value) VALUES ('_note', 'x')")
    run(store, "UPDATE tb_settings SET value = 'y', changed = 'z'")
    assert told(store) == before


def test_letters_that_differ_in_case_only_are_a_change(store, john):
    run(store, "UPDATE tb_users SET username = 'John', name = 'a'")
    run(store, "UPDATE tb_users SET name = 'A'")
    assert told(store)[:3] == [("update", "name", "a", "A"), ("update", "username", "john", "John"),
                               ("update", "name", "", "a")]


def test_what_is_added_or_gone_is_told_with_what_is_not_at_its_default(store):
    run(store, "INSERT INTO tb_routing (name, prefix) VALUES ('r', '36')")
    run(store, "DELETE FROM tb_routing")
    assert told(store) == [("delete", "name", "r", None), ("delete", "prefix", "36", None),
                           ("insert", "name", None, "r"), ("insert", "prefix", None, "36")]


def test_secrets_are_masked(store, john):
    with store.db.unit(actor="root") as unit:
        store.users.update(unit, john, {"password": "second", "pin": "1234", "upperpassword": "x"})
    wait(store.settings.set_all(store.db, {"apiv2key": "k1", "yourcredittext": "You have"}, "root"))
    shown = {row["field"]: (row["old"], row["new"]) for row in store.changes.listed("tb_users", john, None, 1).dicts()}
    assert shown == {"password": ("***", "***"), "pin": ("", "***"), "upperpassword": ("", "***")}
    assert ("apiv2key", "value", "***") in told(store, "tb_settings", None, ("name", "field", "new"))
    assert ("yourcredittext", "value", "You have") in told(store, "tb_settings", None, ("name", "field", "new"))
    assert not any("second" in str(row) or "k1" in str(row) for row in store.changes.listed().rows)


def test_a_setting_has_one_history_however_often_it_is_set(store):
    for value in ("1", "2", "3"):
        wait(store.settings.set(store.db, "maxrows", value, "root"))
    id, = store.db.row("SELECT id FROM tb_settings WHERE name = 'maxrows'")
    assert told(store, "tb_settings", id, ("actor", "action", "old", "new")) == [
        ("root", "update", "2", "3"), ("root", "update", "1", "2"),
        ("root", "insert", None, "maxrows"), ("root", "insert", None, "1")]


def test_every_watched_table_and_column_is_covered(store):
    for table, label in WATCHED.items():
        columns = schema.columns(table)
        assert label in columns and LEFT_OUT.get(table, frozenset()) <= set(columns)
        watched = [name for name, column in columns.items()
                   if name != "id" and not column.generated and name not in LEFT_OUT.get(table, ())]
        for action in ("update", "insert", "delete"):
            sql = store.db.value("SELECT sql FROM sqlite_master WHERE name = ?", (f"tr_changes_{table[3:]}_{action}",))
            assert all(f"'{name}='" in sql for name in watched), (table, action)


def test_nobody_writes_history_by_sql_over_the_api(store, john):
    for sql in ("DELETE FROM tb_changes", "UPDATE tb_changes SET actor = 'x'",
                "INSERT INTO tb_changes (tablename, recordid, action) VALUES ('x', 1, 'y')"):
        with pytest.raises(ApiError) as caught:
            run(store, sql)
        assert caught.value.code == 403
    with pytest.raises(ApiError):
        store.fields.check("tb_changes", {"actor": "x"})


# -- taking back

def test_a_change_is_taken_back_and_that_is_a_change_too(store, john):
    run(store, "UPDATE tb_users SET comment = 'new', noanswertimeout = 9, email = NULL WHERE id = ?", (john,))
    change = store.changes.last("tb_users", john)
    revert(store, change)
    assert store.db.row("SELECT comment, noanswertimeout, email FROM tb_users WHERE id = ?", (john,)) == ("old", 15, "")
    last = store.changes.last("tb_users", john)
    assert (last.actor, last.kind, last.old) == ("root", "revert", change.new)
    revert(store, last)
    assert store.db.value("SELECT comment FROM tb_users WHERE id = ?", (john,)) == "new"


def test_what_has_changed_since_is_not_overwritten_unless_forced(store, john):
    run(store, "UPDATE tb_users SET comment = 'a', name = 'b' WHERE id = ?", (john,))
    change = store.changes.last("tb_users", john)
    run(store, "UPDATE tb_users SET email = 'c' WHERE id = ?", (john,))
    run(store, "UPDATE tb_users SET name = 'd' WHERE id = ?", (john,))
    assert refused(store, change) == 422
    revert(store, change, force=True)
    assert store.db.row("SELECT comment, name, email FROM tb_users WHERE id = ?", (john,)) == ("old", "", "c")


def test_a_new_row_goes_and_a_deleted_one_comes_back_with_its_id_and_its_numbers_type(store):
    run(store, "INSERT INTO tb_billentries (id, name) VALUES (5, 'Standard')")
    run(store, "INSERT INTO tb_billingtimes (id, entryid, prefix, price, destination)"
               " VALUES (7, 5, '36', 0.1, 'O''Hara, ''x''')")
    before = store.db.row("SELECT * FROM tb_billingtimes")
    added = store.changes.last("tb_billingtimes", 7)
    run(store, "DELETE FROM tb_billingtimes")
    gone = store.changes.last("tb_billingtimes", 7)
    assert refused(store, added) == 404
    revert(store, gone)
    assert store.db.row("SELECT * FROM tb_billingtimes") == before
    assert refused(store, gone) == 422
    run(store, "UPDATE tb_billingtimes SET price = 0.2")
    assert refused(store, added) == 422
    revert(store, added, force=True)
    assert store.db.rows("SELECT * FROM tb_billingtimes") == []


def test_an_account_comes_back_without_its_money_and_the_books_agree(store, john):
    with store.db.unit(actor="root", kind="close") as unit:
        store.users.delete(unit, john)
    revert(store, store.changes.last("tb_users", john))
    assert store.db.row("SELECT username, password, comment, credit FROM tb_users") == ("john", "first", "old", 0.0)
    assert not wait(store.db.differences(whole=True)).rows


def test_a_new_account_is_not_deleted_this_way(store, john):
    assert refused(store, store.changes.last("tb_users", john)) == 422


def test_a_name_that_somebody_else_has_now_is_not_given_back(store, john):
    run(store, "UPDATE tb_users SET username = 'jack'")
    change = store.changes.last("tb_users", john)
    add(store, "john")
    assert refused(store, change) == 422


def test_a_setting_that_would_stop_the_next_start_is_refused(store):
    run(store, "INSERT INTO tb_settings (id, name, value) VALUES (1, 'maxrows', 'many')")
    run(store, "UPDATE tb_settings SET value = '5'")
    assert refused(store, store.changes.last("tb_settings", 1)) == 400


def test_an_account_does_not_come_back_below_itself_or_below_nobody(store, john):
    chief = add(store, "chief")
    for id, parent in ((john, chief), (john, 0), (chief, john)):
        with store.db.unit() as unit:
            store.users.update(unit, id, {"parentid": parent})
        store.users.reload((id,))
    set_once, away = store.changes.listed("tb_users", john).rows[1][0], store.changes.listed("tb_users", john).rows[0][0]
    assert set_once < away and refused(store, store.changes.by_id(away), force=True) == 422
    with store.db.unit() as unit:
        store.users.update(unit, chief, {"parentid": 0})
        store.users.reload((chief,))
        store.users.delete(unit, chief)
    assert refused(store, store.changes.by_id(away), force=True) == 422


def test_money_does_not_change_its_currency_by_the_way_back(store, john):
    other = add(store, "ann", currency="EUR")
    with store.db.unit() as unit:
        store.users.update(unit, other, {"currency": "HUF"})
    change = store.changes.last("tb_users", other)
    run(store, "UPDATE tb_users SET credit = 7 WHERE id = ?", (other,))
    assert refused(store, change, force=True) == 422
    run(store, "UPDATE tb_users SET credit = 0 WHERE id = ?", (other,))
    revert(store, change)
    assert store.users.column(other, "currency") == "EUR"


def test_a_table_without_history_is_told(store):
    for table in ("tb_nosuch", "tb_cdrs"):
        with pytest.raises(ApiError) as caught:
            store.changes.listed(table)
        assert caught.value.code == 404 and "tb_users, " in caught.value.message


def test_prices_of_an_import_leave_one_trace_and_are_taken_back_by_an_import(store, tmp_path):
    from mizu.records import pricecsv, pricelist
    for price in ("0.1", "0.2"):
        importer = pricelist.Importer(store.db.path, store.clock)
        importer.load(pricecsv.PriceReader([f"prefix;price\n36;{price}\n44;0.3\n"][0].splitlines(True), {},
                                           importer.known, "Standard"))
        importer.close()
    rows = told(store, "", None, ("actor", "kind", "table", "action", "name"))
    assert set(rows) == {("import", "import", "tb_billentries", "insert", "Standard"),
                         ("import", "import", "tb_billentries", "delete", "Standard")}
    last = store.changes.listed().dicts()[0]
    assert refused(store, store.changes.by_id(last["change"])) == 422


def test_money_is_booked_back_once_and_never_edited(store, john):
    with store.db.unit(actor="root") as unit:
        store.ledger.add(unit, store.users.by_id(john), 2_500_000, "admin", "root")
    booking = store.db.value("SELECT max(id) FROM tb_ledger")
    with store.db.unit(actor="root") as unit:
        account, new = store.changes.revert_booking(unit, booking, "root")
    assert (account.username, new) == ("john", 5_000_000)
    assert store.db.row("SELECT kind, amount, balance, refid FROM tb_ledger ORDER BY id DESC") == (
        "revert", -2.5, 5.0, f"revert:{booking}")
    for id in (booking, 999):
        with pytest.raises(ApiError), store.db.unit(actor="root") as unit:
            store.changes.revert_booking(unit, id, "root")
    assert store.changes.listed("tb_ledger", john).dicts()[0]["amount"] == -2.5
    assert not wait(store.db.differences(whole=True)).rows


def test_the_newest_are_kept(store, john, monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "BATCH", 7)
    for number in range(40):
        run(store, "UPDATE tb_users SET comment = ?", (str(number),))
    first = store.db.value("SELECT min(id) FROM tb_changes")
    last = store.db.value("SELECT max(id) FROM tb_changes")
    assert wait(store.changes.prune()) == last - first + 1 - 10
    assert store.db.row("SELECT min(id), max(id) FROM tb_changes") == (last - 9, last)
    assert wait(store.changes.prune()) == 0


def test_no_change_is_404(store):
    for look in (lambda: store.changes.by_id(5), lambda: store.changes.last("tb_users", 5)):
        with pytest.raises(ApiError) as caught:
            look()
        assert caught.value.code == 404


# -- the texts

def render(fields):
    """As SQLite writes it."""
    quote = sqlite3.connect(":memory:").execute
    return "".join([f"{name}={quote('SELECT quote(?)', (value,)).fetchone()[0]}," for name, value in fields.items()])


def test_every_value_comes_back_from_its_text():
    chance = random.Random(5)
    for _ in range(500):
        fields = {}
        for name in ("a", "B_2", "c"):
            fields[name] = chance.choice([
                None, "", "'", "''", "a,b='x',", chance.randrange(-2**63, 2**63),
                chance.random() * 10**chance.randrange(-9, 12),
                1e300, -0.1, 5.0, bytes([chance.randrange(256)] * 3), "é\n\t€𝄞",
                "".join(chance.choices(string.printable, k=chance.randrange(20)))])
        parsed = parse_fields(render(fields))
        assert parsed == fields and list(map(type, parsed.values())) == list(map(type, fields.values()))


def plain_parser(text):
    """The same, letter by letter; None for what is refused."""
    fields, at = {}, 0
    while at < len(text):
        equals = text.find("=", at)
        name = text[at:equals]
        if equals < 0 or not name or not all(c.isascii() and (c.isalnum() or c == "_") for c in name) or name in fields:
            return None
        at = equals + 1
        if text[at:at + 1] == "'":
            value, at = "", at + 1
            while True:
                if at >= len(text):
                    return None
                if text[at] != "'":
                    value, at = value + text[at], at + 1
                elif text[at + 1:at + 2] == "'":
                    value, at = value + "'", at + 2
                else:
                    at += 1
                    break
        else:
            end = text.find(",", at)
            word = text[at:end] if end >= 0 else ""
            at += len(word)
            try:
                value = plain_word(word)
            except ValueError:
                return None
        if text[at:at + 1] != ",":
            return None
        fields[name], at = value, at + 1
    return fields


def plain_word(word):
    if word == "NULL":
        return None
    if word[:2] == "X'" and word[-1] == "'" and not set(word[2:-1]) - set("0123456789ABCDEF") and len(word) % 2:
        return bytes.fromhex(word[2:-1])
    if not word or set(word) - set("0123456789+-.eE"):
        raise ValueError
    if "." not in word and not set(word) & set("eE"):
        return int(word)
    whole, point, rest = word.partition(".")
    if not point or not whole.lstrip("+-").isdigit() or not rest[:1].isdigit() or rest[-1] in "eE+-":
        raise ValueError
    return float(word)


def test_mutated_texts_are_read_as_a_plain_parser_reads_them_or_refused():
    seeds = [render(fields).encode() for fields in (
        {"username": "john", "password": "it's", "credit": 1.25}, {"a": None, "b": b"\x01\xff", "c": -5},
        {"comment": "x=1,'y',\n", "price": 1e-7, "n": 1e25}, {"x": "", "y": "é€"})]
    accepted = 0
    for data in mutations(seeds, 20_000, [b"'", b"''", b"=", b",", b"X'", b"NULL", b"1.5e", b"_a"]):
        text = data.decode("utf-8", "replace")
        try:
            parsed = parse_fields(text)
        except ValueError:
            parsed = None
        assert parsed == plain_parser(text), text
        accepted += parsed is not None
    assert 2000 < accepted < 19_000
