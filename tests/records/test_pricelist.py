"""Import and export: all or nothing, beside others who write, after a crash, there and back."""

import io
import sqlite3
from contextlib import closing

import pytest

from mizu.base.clock import FakeClock
from mizu.base.errors import ConfigError
from mizu.records import pricelist
from mizu.records.pricecsv import FileFault, PriceReader, write
from mizu.records.pricelist import CHUNK, Importer, exported, opened

from .store import add


@pytest.fixture
def path(store):
    return store.db.path


def load(path, text, fixed={}, name="list", clock=None, tell=lambda phase, rows: None):
    importer = Importer(path, clock or FakeClock(), tell)
    try:
        return importer.load(PriceReader(io.StringIO(text, newline=""), fixed, importer.known, name))
    finally:
        importer.close()


def content(path, name=None):
    """The export as text."""
    file = io.StringIO(newline="")
    with closing(opened(path)) as db:
        write(file, exported(db, name))
    return file.getvalue()


def listed(store):
    """{(name, packetid, type, validfrom): {prefix: price}} of what is in the tables, staged or not."""
    rows = store.db.rows("SELECT e.name, e.packetid, e.type, e.validfrom, t.prefix, t.price FROM tb_billentries e"
                         " LEFT JOIN tb_billingtimes t ON t.entryid = e.id")
    found = {}
    for *place, prefix, price in rows:
        found.setdefault(tuple(place), {})[prefix] = price
    assert store.db.value("SELECT count(*) FROM tb_billingtimes") == sum(map(len, found.values()))
    return found


def test_a_list_is_made_replaced_and_others_stay(store, path):
    done = load(path, "prefix,price\n36,0.1\n40,0.2\n", {"packetid": "3"}, name="A")
    assert (done.prices, done.entries, done.names, done.before) == (2, 1, ["A"], 0)
    load(path, "prefix,price\n1,1\n", name="B")
    done = load(path, "prefix,price\n36,0.3\n", name="a")
    assert (done.prices, done.before) == (1, 2)
    assert listed(store) == {("a", 3, 1, ""): {"36": 0.3}, ("B", 0, 1, ""): {"1": 1.0}}


def test_a_list_of_another_packet_kind_or_time_is_another_list(store, path):
    load(path, "prefix,price\n36,1\n", name="A")
    load(path, "prefix,price\n36,2\n", {"packetid": "7"}, name="A")
    load(path, "prefix,price\n36,3\n", {"packetid": "0", "validfrom": "2030-01-01"}, name="A")
    load(path, "prefix,price\n36,4\n", {"packetid": "0", "validfrom": "2030-01-01T00:00:00Z"}, name="A")
    load(path, "prefix,price\n36,5\n", {"packetid": "0", "type": "provider"}, name="A")
    assert {key[1:]: prices["36"] for key, prices in listed(store).items()} == {
        (0, 1, ""): 1.0, (7, 1, ""): 2.0, (0, 1, "2030-01-01"): 3.0, (0, 1, "2030-01-01 00:00:00"): 4.0, (0, 2, ""): 5.0}
    store.db.execute("UPDATE tb_billentries SET validfrom = '2030-01-01T00:00:00Z' WHERE validfrom LIKE '%:%'").result()
    load(path, "prefix,price\n36,6\n", {"packetid": "0", "type": "1", "validfrom": "2030-01-01 00:00:00"}, name="A")
    assert listed(store)["A", 0, 1, "2030-01-01 00:00:00"] == {"36": 6.0} and len(listed(store)) == 5


def test_the_rates_that_run_follow(store, path):
    load(path, "prefix,destination,price,setup\n36,Hungary,0.1,0\n3630,Mobile,0.2,0.05\n")
    store.rates.reload()
    assert store.rates.find(None, "36301").entry.connectfee == 0.05
    assert store.rates.find(None, "361").price == 100_000
    load(path, "prefix,price\n36,0.3\n")
    assert store.db.foreign_change()
    store.rates.reload()
    assert store.rates.find(None, "36301").price == 300_000


@pytest.mark.parametrize("text, faults", [
    ("prefix,price\n36,0.1\n40,x\n", ["line 3: price takes"]), ("prefix,price\n", ["there is no price in it"]),
    ("prefix,price\n36,1\n40,1\n+36,2\n", ["line 4: the prefix 36 has a price for this time already, in line 2"]),
    ("prefix,price,step\n*,1,1\n*,1,60\n", ["line 3: the prefix * has a price for this time already, in line 2"]),
    ("prefix,price,entry\n36,1,A\n36,1,a\n", ["line 3: the prefix 36"]),
    ("prefix,price,currency\n36,1,EUR\n37,1,QQQ\n38,1,QQQ\n39,1,QQZ\n", ["line 3: there is no currency QQQ",
                                                                     "line 5: there is no currency QQZ"]),
    ('prefix,price\n36,1\n"37', ["line 3: unexpected end of data"]),
])
def test_a_faulty_file_changes_nothing(store, path, text, faults):
    load(path, "prefix,price\n1,1\n")
    commits = store.db.foreign_change() and listed(store)
    with pytest.raises(FileFault) as error:
        load(path, text)
    assert len(error.value.faults) == len(faults)
    assert all(told.startswith(wanted) for told, wanted in zip(error.value.faults, faults)), error.value.faults
    assert not store.db.foreign_change() and listed(store) == commits


def test_one_prefix_may_have_a_price_for_each_time_and_in_each_list(store, path):
    assert load(path, "prefix,price,timetype,fromtime,packet,entry\n36,1,2,,,A\n36,2,3,,,A\n36,3,1,8:00,,A\n"
                      "36,4,1,9:00,,A\n36,5,2,,1,A\n36,6,2,,,B\n").prices == 6


def test_export_and_import_are_each_others_inverse(store, path):
    sql = store.db.execute
    boss = add(store, "boss", type=2)
    sql("INSERT INTO tb_billentries (name, currency, type, billingstep, connectfee, vatincluded, vatvalue, parentid,"
        " validfrom, validto) VALUES ('A, \"quoted\"', 'EUR', 1, 60, 0.123456, 0, 8.875, ?, '2020-01-01', ''),"
        " ('', '', 2, 1, 0, 1, 0, 0, '', '2030-01-01 12:00')", (boss,)).result()
    sql("INSERT INTO tb_billentries DEFAULT VALUES").result()
    sql("INSERT INTO tb_billingtimes (entryid, prefix, destination, price, timetype, fromtime, totime, day) VALUES"
        " (1, '', 'World', 0.000001, 10, '', '', ''), (1, '36', 'Żółć', 999999999.999999, 1, '08:00', '18:00', '1-5'),"
        " (2, '36', 'x;y', 0, 11, '', '', ''), (3, '9999#', ' ', 1, 0, '', '', '12-24')").result()
    first = content(path)
    load(path, first)
    second = content(path)
    assert sorted(second.splitlines()) == sorted(first.replace(", ,1,0", ",,1,0").replace("9999#, ,", "9999#,,").splitlines())
    assert content(path, "").count("\r\n") == 3 and content(path, "no such").count("\r\n") == 1


def test_others_get_their_turn_between_short_transactions(store, path):
    rows = "".join([f"{number},1\n" for number in range(2 * CHUNK + 10)])
    paused = []

    class Sleeper(FakeClock):
        """At each pause somebody else writes; time goes on by a millisecond at each look."""
        def sleep(self, seconds):
            with store.db.unit() as unit:
                unit.run("UPDATE tb_checkpoint SET number = number + 1")
            paused.append(round(seconds, 6))

        def monotonic(self):
            self.seconds += 0.001
            return self.seconds
    told = []
    load(path, "prefix,price\n" + rows, clock=Sleeper(), tell=lambda phase, rows: told.append((phase, rows)))
    assert paused == [0.001] * 3
    assert told == [(phase, count) for phase in ("reading", "writing") for count in (CHUNK, 2 * CHUNK, 2 * CHUNK + 10)]


def test_half_an_import_holds_for_nobody_and_the_next_one_sweeps_up(store, path):
    load(path, "prefix,price\n" + "".join([f"{number},1\n" for number in range(100)]))
    before, rows = content(path), "".join([f"{number},2\n" for number in range(CHUNK + 100)])

    class Killed(Exception):
        pass

    for moment in ("reading", "writing", "removing"):
        seen = set()

        def die(phase, rows):
            seen.add(phase)
            if phase == moment and (phase != "removing" or "writing" in seen):
                raise Killed
        with pytest.raises(Killed):
            load(path, "prefix,price\n" + rows, tell=die)
        store.rates.reload()
        price = 2_000_000 if moment == "removing" else 1_000_000
        assert {store.rates.find(None, number).price for number in ("5", "42")} == {price}
        assert (content(path) == before) == (moment != "removing")
    load(path, "prefix,price\n1,3\n")
    assert listed(store) == {("list", 0, 1, ""): {"1": 3.0}}


def test_there_is_one_import_at_a_time_and_a_dead_one_does_not_count(store, path):
    first = Importer(path, FakeClock())
    with pytest.raises(ConfigError, match="another import is under way"):
        Importer(path, FakeClock())
    first.close()
    Importer(path, FakeClock()).close()


def test_what_is_no_database_of_this_version_is_refused_and_not_touched(tmp_path):
    for harm in (lambda file: None, lambda file: file.write_bytes(b""), lambda file: file.write_bytes(b"x" * 100),
                 lambda file: sqlite3.connect(file).execute("CREATE TABLE other (x)").connection.close()):
        file = tmp_path / "mizud.db"
        file.unlink(missing_ok=True)
        harm(file)
        before = file.exists() and file.read_bytes()
        with pytest.raises(ConfigError):
            Importer(str(file), FakeClock())
        assert (file.exists() and file.read_bytes()) == before and not (tmp_path / "mizud.db-import").exists()


def test_staged_entries_are_no_prices_to_the_export(store, path):
    store.db.execute("INSERT INTO tb_billentries (id, name, type) VALUES (1, 'x', -1)").result()
    store.db.execute("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (1, '36', 1)").result()
    assert content(path).count("\r\n") == 1 and pricelist.STAGED == -1
    assert store.rates.find(None, "36") is None


@pytest.mark.parametrize("moment, price, left", [("reading", 1.0, 100), ("writing", 1.0, 100), ("removing", 2.0, None)])
def test_an_import_that_is_given_up_leaves_nothing_behind(store, path, moment, price, left):
    load(path, "prefix,price\n" + "".join([f"{number},1\n" for number in range(100)]))
    seen = []

    def give_up(phase, rows):
        seen.append(phase)
        if phase == moment and seen.count(moment) == 1:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        load(path, "prefix,price\n" + "".join([f"{number},2\n" for number in range(CHUNK + 100)]), tell=give_up)
    assert store.db.row("SELECT count(*), max(price) FROM tb_billingtimes") == (left or CHUNK + 100, price)
    assert store.db.value("SELECT count(*) FROM tb_billentries") == 1


def test_what_a_killed_import_has_left_is_swept_by_the_server(store, path):
    load(path, "prefix,price\n36,1\n")
    with store.db.unit() as unit:
        unit.run("INSERT INTO tb_billentries (id, name, type) VALUES (50, 'list', -1)")
        unit.run("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (50, '36', 9), (50, '37', 9)")
    other = Importer(path, FakeClock())
    assert pricelist.sweep(path, FakeClock()) is None, "another import is under way"
    other.close()
    assert pricelist.sweep(path, FakeClock()) == 2 and pricelist.sweep(path, FakeClock()) == 0
    assert listed(store) == {("list", 0, 1, ""): {"36": 1.0}}
