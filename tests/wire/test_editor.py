"""The line editor on a terminal of one row that is as plain as can be."""

import random
import re

import pytest

from mizu.wire.editor import HISTORY_LIMIT, LINE_LIMIT, Editor

WORDS = ["addcredit", "adduser", "balance", "bannedlist", "status"]


def complete(text):
    word = re.split("[ ,]", text)[-1]
    return [name for name in WORDS if name.startswith(word.lower())]


class Terminal:
    """Rows of text, a cursor, and no more than the editor's escape sequences."""

    def __init__(self, width=80):
        self.width, self.rows, self.column = width, [""], 0

    def feed(self, data):
        for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|[^\x1b]", data.decode()):
            row = self.rows[-1]
            if part == "\r":
                self.column = 0
            elif part == "\n":
                self.rows.append("")
            elif part == "\x1b[K":
                self.rows[-1] = row[:self.column]
            elif part in ("\x1b[H", "\x1b[2J"):
                self.rows, self.column = [""], 0
            elif part[0] == "\x1b":
                assert part[-1] == "D"
                self.column -= int(part[2:-1])
                assert self.column >= 0
            elif part != "\a":
                assert part.isprintable(), part
                self.rows[-1] = row[:self.column].ljust(self.column) + part + row[self.column + 1:]
                self.column += 1
                assert self.column < self.width, "the terminal would wrap"
        return self

    @property
    def row(self):
        return self.rows[-1]


def start(**options):
    editor = Editor("mizu> ", complete, **options)
    terminal = Terminal(editor.width).feed(editor.redraw())
    return editor, terminal


def type_in(editor, terminal, data):
    lines, echo = editor.feed(data)
    terminal.feed(echo)
    return lines


def test_typed_text_is_echoed_as_it_is():
    editor, terminal = start()
    assert terminal.row == "mizu> "
    assert editor.feed(b"bal") == ([], b"bal")
    assert editor.feed("é".encode()[:1]) == ([], b"") and editor.feed("é".encode()[1:]) == ([], "é".encode())
    assert editor.feed(b"\n") == (["balé"], b"\r\n")
    assert editor.redraw() == b"\rmizu> \x1b[K"


@pytest.mark.parametrize("keys, line, cursor", [
    (b"abc\x7f", "ab", 2), (b"abc\x08\x08", "a", 1), (b"\x7f", "", 0),
    (b"abc\x1b[D\x1b[Dx", "axbc", 2), (b"abc\x1bOD\x1b[Cx", "abcx", 4),
    (b"abc\x01x", "xabc", 1), (b"abc\x1b[Hx\x1b[Fy", "xabcy", 5), (b"abc\x1b[1~x\x1b[4~y", "xabcy", 5),
    (b"abc\x01\x1b[3~", "bc", 0), (b"abc\x01\x04", "bc", 0), (b"abc\x02\x0b", "ab", 2), (b"abc\x02\x15", "c", 0),
    (b"one two  \x17", "one ", 4), (b"one two\x17\x17", "", 0), (b"a\x02\x02\x02b\x05c", "bac", 3),
    (b"a\x00\x1b[99Xb\x1bOPc\x1bxd\x1b[[e\xc2\x85", "abcde", 5),
    (b"abc\x03de", "de", 2),
    (b"a\x1b\x1b[Db", "ba", 1), (b"a\x1b[1;1;1;1;1;1;1;1Db", "a1;1Db", 6),
])
def test_keys_edit_the_line(keys, line, cursor):
    for step in (1, 100):
        editor, terminal = start()
        for at in range(0, len(keys), step):
            assert type_in(editor, terminal, keys[at:at + step]) == []
        assert (editor.line, editor.cursor) == (line, cursor)
        assert (terminal.row, terminal.column) == ("mizu> " + line, 6 + cursor)


def test_history_goes_up_and_down_and_keeps_the_line_that_was_begun():
    editor, terminal = start()
    assert type_in(editor, terminal, b"one\ntwo\ntwo\n \n\n") == ["one", "two", "two", " ", ""]
    assert editor.history == ["one", "two"]
    terminal.feed(editor.redraw())
    for keys, row in [(b"dra", "dra"), (b"\x1b[A", "two"), (b"\x1b[A", "one"), (b"\x1b[A", "one"), (b"\x1b[B", "two"),
                      (b"\x1b[B", "dra"), (b"\x1b[B", "dra"), (b"\x10x", "twox")]:
        type_in(editor, terminal, keys)
        assert terminal.row == "mizu> " + row
    assert type_in(editor, terminal, b"\n") == ["twox"]
    assert editor.history == ["one", "two", "twox"]


def test_history_is_bounded():
    editor, _ = start()
    editor.feed(b"".join(b"%d\n" % number for number in range(300)))
    assert len(editor.history) == HISTORY_LIMIT and editor.history[-1] == "299"


def test_a_hidden_line_is_neither_shown_nor_kept():
    editor, terminal = start(hidden=True)
    assert type_in(editor, terminal, b"secret\t\x1b[A") == []
    assert terminal.rows == ["mizu> "]
    assert type_in(editor, terminal, b"!\n") == ["secret!"]
    assert terminal.rows == ["mizu> ", ""] and editor.history == []


def test_one_candidate_completes_with_a_blank():
    editor, terminal = start()
    type_in(editor, terminal, b"BAL\t1")
    assert terminal.row == "mizu> balance 1"
    type_in(editor, terminal, b"\x01x,st\t")
    assert terminal.row == "mizu> x,status balance 1"


def test_a_candidate_that_ends_in_an_equal_sign_gets_no_blank():
    editor = Editor("", lambda text: ["u_id="])
    editor.feed(b"u\t")
    assert editor.line == "u_id="


def test_several_candidates_complete_what_they_share_and_a_second_tab_lists_them():
    editor, terminal = start(width=30)
    type_in(editor, terminal, b"a\t")
    assert terminal.rows == ["mizu> add"]
    type_in(editor, terminal, b"\t")
    assert terminal.rows == ["mizu> add", "addcredit  adduser", "mizu> add"]
    type_in(editor, terminal, b"\x15\t")
    assert terminal.row == "mizu> "
    type_in(editor, terminal, b"\t")
    assert terminal.rows[-4:] == ["addcredit   bannedlist", "adduser     status", "balance", "mizu> "]
    type_in(editor, terminal, b"st\t")
    assert terminal.row == "mizu> status "


def test_no_candidate_rings_the_bell():
    editor, _ = start()
    assert editor.feed(b"xyz\t")[1].replace(b"xyz", b"") == b"\a"


def test_a_paste_of_tabs_makes_no_flood():
    calls = []
    editor = Editor("", lambda text: calls.append(text) or WORDS)
    editor.redraw()
    _, echo = editor.feed(b"\t" * 10_000 + b"a\t" * 10_000)
    assert len(calls) < 10 and len(echo) < 2000


def test_control_d_on_an_empty_line_ends_it():
    editor, terminal = start()
    type_in(editor, terminal, b"a\x04\x7f")
    assert not editor.ended
    assert type_in(editor, terminal, b"\x04never\n") == []
    assert editor.ended and terminal.rows == ["mizu> ", ""]


def test_control_c_drops_the_line_and_control_l_the_screen():
    editor, terminal = start()
    type_in(editor, terminal, b"abc\x03de")
    assert terminal.rows == ["mizu> abc^C", "mizu> de"]
    type_in(editor, terminal, b"\x0c")
    assert terminal.rows == ["mizu> de"]


def test_keys_typed_ahead_wait_for_the_prompt():
    editor, terminal = start()
    assert type_in(editor, terminal, b"one\ntw\x1b") == ["one"]
    assert terminal.rows == ["mizu> one", ""]
    assert type_in(editor, terminal, b"[Dx") == []
    assert terminal.rows == ["mizu> one", ""]
    terminal.feed(editor.redraw())
    assert (terminal.row, terminal.column) == ("mizu> txw", 8)


def test_cr_lf_and_cr_end_one_line_each():
    editor, _ = start()
    lines = []
    for key in (b"a\r", b"\nb\r", b"\r", b"c\n"):
        lines += editor.feed(key)[0]
    assert lines == ["a", "b", "", "c"]


def test_a_long_line_is_seen_through_a_window_and_bounded():
    editor, terminal = start(width=20)
    type_in(editor, terminal, b"0123456789abcdefghij")
    assert (terminal.row, terminal.column) == ("mizu> 9abcdefghij", 17)
    type_in(editor, terminal, b"\x01")
    assert (terminal.row, terminal.column) == ("mizu> 0123456789a", 6)
    type_in(editor, terminal, b"x" * 5000)
    assert len(editor.line) == LINE_LIMIT
    assert type_in(editor, terminal, b"\n")[0].count("x") == LINE_LIMIT - 20


class Model:
    """The same keys by name, on a list of characters."""

    def __init__(self):
        self.chars, self.cursor, self.lines = [], 0, []

    def press(self, name):
        chars, cursor = self.chars, self.cursor
        if name == "enter":
            self.lines.append("".join(chars))
            self.chars, self.cursor = [], 0
        elif name == "cancel":
            self.chars, self.cursor = [], 0
        elif name == "left":
            self.cursor = max(0, cursor - 1)
        elif name == "right":
            self.cursor = min(len(chars), cursor + 1)
        elif name in ("home", "end"):
            self.cursor = 0 if name == "home" else len(chars)
        elif name == "backspace" and cursor:
            self.cursor -= 1
            del chars[cursor - 1]
        elif name == "delete":
            del chars[cursor:cursor + 1]
        elif name == "kill":
            del chars[cursor:]
        elif name == "kill before":
            del chars[:cursor]
            self.cursor = 0
        elif name == "kill word":
            while self.cursor and chars[self.cursor - 1] == " ":
                self.cursor -= 1
            while self.cursor and chars[self.cursor - 1] != " ":
                self.cursor -= 1
            del chars[self.cursor:cursor]
        elif name.startswith("+"):
            for char in name[1:]:
                self.chars.insert(self.cursor, char)
                self.cursor += 1


PRESSES = [("enter", b"\n"), ("cancel", b"\x03"), ("left", b"\x1b[D"), ("left", b"\x1bOD"), ("right", b"\x1b[C"),
           ("home", b"\x01"), ("home", b"\x1b[7~"), ("end", b"\x05"), ("end", b"\x1b[F"), ("backspace", b"\x7f"),
           ("delete", b"\x1b[3~"), ("kill", b"\x0b"), ("kill before", b"\x15"), ("kill word", b"\x17"),
           ("nothing", b"\x1b[5~"), ("nothing", b"\x07"), ("nothing", b"\x0c"), ("+ ", b" "), ("+ä€", "ä€".encode()),
           ("+sip:", b"sip:"), ("+longer than it", b"longer than it"), ("+\ufffd", b"\xff")]


def test_random_keys_leave_the_models_line_and_the_terminal_shows_it():
    rng = random.Random(10)
    finished = 0
    for _ in range(20_000):
        model, (editor, terminal) = Model(), start(width=rng.choice([24, 80]))
        presses = rng.choices(PRESSES, k=rng.randrange(1, 14))
        for name, _ in presses:
            model.press(name)
        data, lines = b"".join(keys for _, keys in presses), []
        while data:
            size = rng.randrange(1, 12)
            new = type_in(editor, terminal, data[:size])
            if new:
                terminal.feed(editor.redraw())
            lines += new
            data = data[size:]
        assert (lines, editor.line, editor.cursor) == (model.lines, "".join(model.chars), model.cursor)
        room = editor.width - 9
        first = max(0, model.cursor - room)
        assert terminal.row == "mizu> " + "".join(model.chars)[first:first + room]
        assert terminal.column == 6 + model.cursor - first
        finished += len(lines)
    assert finished > 3000


def test_random_bytes_do_no_harm_and_stay_bounded():
    rng = random.Random(11)
    alphabet = bytes(range(32)) * 2 + b"\x1b" * 20 + b"[O;~ABCDH0123\x7f\xc3\xa9\xff balnce"
    editor, terminal = start(width=40)
    for _ in range(20_000):
        data = bytes(rng.choices(alphabet, k=rng.randrange(40)))
        lines, echo = editor.feed(data)
        terminal.feed(echo)
        assert len(echo) <= 200 * len(data)
        assert 0 <= editor.cursor <= len(editor.line) <= LINE_LIMIT
        assert all(line.isprintable() for line in lines)
        if editor.ended:
            editor, terminal = start(width=40, history=editor.history)
        elif lines:
            terminal.feed(editor.redraw())
        del terminal.rows[:-3]
    assert len(editor.history) <= HISTORY_LIMIT
