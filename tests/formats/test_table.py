"""Tables for people."""

from mizu.base.message import Rows
from mizu.formats.table import table

ROWS = Rows(("id", "name", "credit"), [(1, "john", 9.5), (20, "Zoë 漢字", None), (3, None, -12)])


def test_columns_are_aligned_and_numbers_stand_right():
    assert table(ROWS) == ("id  name      credit\n"
                           "--  --------  ------\n"
                           " 1  john         9.5\n"
                           "20  Zoë 漢字\n"
                           " 3               -12")


def test_long_columns_give_way_to_the_width_and_short_ones_stay():
    rows = Rows(("a", "b", "c"), [("1", "x" * 50, "y" * 50), ("2", "short", "漢" * 30)])
    lines = table(rows, 40).split("\n")
    assert max(map(len, lines)) <= 40
    assert lines[2] == f"1  {'x' * 16}…  {'y' * 17}" and lines[3] == " " * 22 + "y" * 17
    assert lines[5] == f"2  short{' ' * 12}  {'漢' * 8}"
    assert len(table(Rows(("a",), [("x" * 1000,)]))) == len("a\n\n") + 400


def test_too_many_columns_become_a_block_a_row():
    rows = Rows(("id", "username", "displayname"), [(1, "john", "John Smith of some place"), (2, "jim", None)])
    assert table(rows, 20) == ("-[ 1 ]" + "-" * 14 + "\nid: 1\nusername: john\ndisplayname: John\nSmith of some place\n"
                               "-[ 2 ]" + "-" * 14 + "\nid: 2\nusername: jim\ndisplayname:")
    assert table(rows, 40).split("\n")[0] == "id  username  displayname"
    assert table(Rows(list("abcdefghij"), [("12345",) * 10]), 20).split("\n")[3] == "c: 12345"


def test_the_last_column_goes_on_at_blanks():
    rows = Rows(("command", "summary"), [("help", "The commands, or one of them with an example")])
    assert table(rows, 30).split("\n")[2:] == ["help     The commands, or one", "         of them with an", "         example"]
    assert table({"a": "one two three"}, 11) == "a  one two\n   three"


def test_a_dict_has_two_columns_and_a_list_of_dicts_all_their_names():
    assert table({"credit": 9.5, "on": True, "x": [1]}) == "credit  9.5\non      true\nx       [1]"
    assert table([{"a": 1}, {"b": "x"}]) == "a  b\n-  -\n1\n   x"
    assert table(5) == "5" and table({}) == "" and table(Rows((), [])) == ""
    assert table(Rows(("a",), [])) == "a\n-"


def test_nothing_in_a_cell_steers_the_terminal():
    assert table({"a": "x\x1b[2J\r\ny\x9b"}) == "a  x?[2J  y?"
