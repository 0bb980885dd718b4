"""The programs `import` and `export`: arguments, encodings, the bar, exit codes."""

import io

import pytest

from mizu import importer
from mizu.base.clock import FakeClock
from mizu.importer import DATA, INPUT, STORE, USAGE, Bar, decoded

from tests.blank import lay

PRICES = "prefix;destination;price\r\n36;Ungarn: Győr;0,1\r\n49;Österreich;0,2\r\n"


@pytest.fixture
def data(tmp_path):
    lay(tmp_path / "mizud.db")
    return tmp_path


def run(*args, environ={}):
    """(exit code, standard output, standard error)."""
    out, err = io.StringIO(newline=""), io.StringIO()
    code = importer.main([str(arg) for arg in args], environ, out, err)
    return code, out.getvalue(), err.getvalue()


def test_import_and_export_by_name_file_and_folder(data):
    (data / "Spring.csv").write_text(PRICES)
    assert run("import", data / "Spring.csv", "--data", data) == (0, "Spring: 2 prices, in 1 entry\n", "")
    assert run("import", data / "Spring.csv", "--entry=Autumn", "--vatincluded", "0", "--vatvalue=27", "--data", data) == (
        0, "Autumn: 2 prices, in 1 entry\n", "")
    code, out, err = run("export", "--entry", "autumn", environ={"STATE_DIRECTORY": f"{data}:/other"})
    assert (code, err) == (0, "2 prices\n") and out.splitlines()[1] == (
        "Autumn,1,,1,0,0,0,0,0,27,0,0,0,,,36,Ungarn: Győr,0.1,10,,,")
    assert run("export", data / "all.csv", "--data", data) == (0, "", "4 prices\n")
    assert run("import", data / "all.csv", "--data", data)[1] == "Autumn, Spring: 4 prices instead of 4, in 2 entries\n"
    assert not (data / "all.csv.part").exists()


def test_a_list_may_come_from_standard_input(data, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(PRICES.encode())))
    assert run("import", "-", "--entry", "Piped", "--data", data) == (0, "Piped: 2 prices, in 1 entry\n", "")


@pytest.mark.parametrize("args, code, words", [
    (("import",), USAGE, "which file?"), (("import", "a", "b"), USAGE, "one file, not also b"),
    (("import", "a", "--nosuch", "1"), USAGE, "unknown argument --nosuch"), (("import", "a", "--entry"), USAGE, "takes a value"),
    (("import", "a", "--entry", "--data", "x"), USAGE, "takes a value"),
    (("export", "--currency", "EUR"), USAGE, "unknown argument --currency"),
    (("import", "/nowhere/a.csv"), INPUT, "No such file"), (("export", "/nowhere/a.csv"), INPUT, "No such file"),
    (("import", "bad.csv"), DATA, "line 2: price takes"), (("import", "bad.csv", "--vatvalue", "x"), DATA, "vatvalue takes"),
    (("export", "--entry", "Nosuch"), DATA, "there is no price list Nosuch"),
    (("import", "good.csv", "--data", "nowhere"), STORE, "start the server once"),
])
def test_what_goes_wrong_has_its_code_and_sentence(data, monkeypatch, args, code, words):
    monkeypatch.chdir(data)
    (data / "good.csv").write_text(PRICES)
    (data / "bad.csv").write_text("prefix,price\n36,x\n")
    ended = run(*args, environ={"STATE_DIRECTORY": str(data)})
    assert ended[:2] == (code, "") and words in ended[2] and "Traceback" not in ended[2]


def test_help_names_every_rule():
    code, out, err = run("import", "--help")
    assert code == 0 and "--connectfee" in out and "--validto" in out and run("export", "-h") == (0, out, "")


def test_more_faults_than_are_told_are_said_to_be_there(data):
    (data / "bad.csv").write_text("prefix,price\n" + "36,x\n" * 30)
    code, _, err = run("import", data / "bad.csv", "--data", data)
    assert len(err.splitlines()) == 22 and err.endswith("more than 20 faults: the rest is not looked at\nnothing was imported\n")


@pytest.mark.parametrize("encoding, text", [
    ("utf-8", PRICES), ("utf-8-sig", PRICES), ("utf-16", PRICES), ("latin-1", PRICES.replace("ő", "ö")),
    ("utf-8", "prefix,price\n" + "ő" * 100_000), ("latin-1", "prefix,price\n" + "ö" * 3_000_000),
])
def test_the_encoding_is_found_out(encoding, text):
    assert "".join(decoded(io.BytesIO(text.encode(encoding)))) == text


def test_an_import_on_a_terminal_shows_the_bar_and_then_only_the_result(data):
    class Terminal(io.StringIO):
        def isatty(self):
            return True
    (data / "Spring.csv").write_text(PRICES)
    out, err = io.StringIO(), Terminal()
    assert importer.main(["import", str(data / "Spring.csv"), "--data", str(data)], {}, out, err) == 0
    assert out.getvalue() == "Spring: 2 prices, in 1 entry\n"
    assert "100%          2 prices" in err.getvalue() and err.getvalue().rpartition("\r")[2] == ""


def test_the_bar_is_drawn_on_a_terminal_only_and_leaves_nothing_behind():
    class Terminal(io.StringIO):
        def isatty(self):
            return True
    clock, terminal, file = FakeClock(), Terminal(), io.StringIO()
    bar = Bar(terminal, clock, lambda: 0.5)
    bar.tell("reading", 4000)
    bar.tell("reading", 5000)       # too soon
    clock.advance(1)
    bar.tell("writing", 1000)
    bar.end()
    drawn = terminal.getvalue().split("\r")
    assert drawn[1] == "reading   [###############               ]  50%      4,000 prices"
    assert drawn[2] == "writing   [######                        ]  20%      1,000 prices"
    assert drawn[3].strip() == "" and len(drawn[3]) >= len(drawn[2]) and drawn[4] == ""
    other = Bar(file, clock, lambda: 0.5)
    other.tell("reading", 4000)
    other.end()
    assert file.getvalue() == ""


@pytest.mark.parametrize("moment, words", [("writing", "given up, the prices are as they were"),
                                           ("removing", "the new prices hold")])
def test_an_import_that_is_given_up_says_which_prices_hold(data, monkeypatch, moment, words):
    (data / "Spring.csv").write_text(PRICES)
    run("import", data / "Spring.csv", "--data", data)
    seen = []

    def tell(self, phase, rows):
        seen.append(phase)
        if phase == moment and seen.count(moment) == 1:
            raise KeyboardInterrupt
    monkeypatch.setattr(Bar, "tell", tell)
    code, out, err = run("import", data / "Spring.csv", "--data", data)
    assert (code, out) == (130, "") and words in err
