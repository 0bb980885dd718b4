"""tb_portednumbers."""

from mizu.records.ported import PortedNumbers


def add(store, *row):
    with store.db.unit() as unit:
        unit.run("INSERT INTO tb_portednumbers (number, providerpx, newnumber, newdomain, newport, priority)"
                 " VALUES (?, ?, ?, ?, ?, ?)", row)


def test_a_number_is_found_with_a_plus_or_without_and_the_lower_priority_counts(store):
    ported = PortedNumbers(store.db)
    assert ported.find("36301") is None
    add(store, "36301", "99", "", "", 0, 7)
    add(store, "36301", "77", "36302", "new.example.com", 5070, 3)
    add(store, "+36309", None, None, " d.example.com ", 70000, 7)
    ported.reload()
    found = ported.find("36301")
    assert (found.providerpx, found.newnumber, found.newdomain, found.newport) == (
        "77", "36302", "new.example.com", 5070)
    found = ported.find("36309")
    assert (found.providerpx, found.newnumber, found.newdomain, found.newport) == ("", "", "d.example.com", 0)
    assert ported.find("3630") is None


def test_the_look_up_uses_the_index(store):
    plan = store.db.rows("EXPLAIN QUERY PLAN SELECT number FROM tb_portednumbers WHERE number IN (?, ?)"
                         " ORDER BY priority, id LIMIT 1", ("1", "+1"))
    assert "ix_portednumbers_number" in plan[0][3]


def test_the_first_row_that_comes_is_seen(store):
    ported = PortedNumbers(store.db)
    assert ported.find("1") is None
    store.db.execute("INSERT INTO tb_portednumbers (number, newnumber) VALUES ('1', '2')").result()
    assert ported.find("1").newnumber == "2"
