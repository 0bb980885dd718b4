"""The console's line editor in character mode: keys in, finished lines and the echo out.

The usual keys of a shell, drawn with CR, text and ESC [ K on one row of an ECMA-48
terminal; a line longer than the row is shown through a window around the cursor.
While a finished line is answered nothing is drawn: keys typed ahead appear with the
next `redraw()`.  Knows no telnet, no sockets and no commands.
"""

import codecs
import re

LINE_LIMIT = 4096       # characters; the longest sensible command, further keys ring the bell
HISTORY_LIMIT = 200     # lines kept for one connection
LIST_LIMIT = 400        # completions shown; more than there are commands
TAB_LIMIT = 8           # completions in one read: more come from a paste, not from a hand

_KEY = re.compile(                  # a run of text, a control character, a whole escape sequence
    r"[^\0-\x1f\x7f]+|[\0-\x1a\x1c-\x1f\x7f]"
    r"|\x1b\[[0-9;]{0,12}[@-~]|\x1bO[ -~]|\x1b[ -NP-Z\\-~]")
_OPEN = re.compile(r"\x1b(?:\[[0-9;]{0,12}|O)?\Z")             # the rest of the key is still under way
_BROKEN = re.compile(r"\x1b(?:\[[0-9;]{0,12}|O)?")
_WORD = re.compile(r"[^ ,]*\Z")
_KILLED_WORD = re.compile(r"[^ ]* *\Z")


class Editor:
    """One connection's line.

    complete  callable(text before the cursor) -> candidates for its last word (after blank or comma)
    history   list of earlier lines, appended to
    prompt, width (columns) and hidden (a password: nothing is shown or kept) may be set at any time;
    who changes `hidden` between two lines feeds line by line: `for part in data.splitlines(True)`
    ended     Ctrl-D on an empty line: the user wants to leave
    Every character counts as one column.
    """

    def __init__(self, prompt="", complete=None, history=None, width=80, hidden=False):
        self.prompt = prompt
        self.complete = complete or (lambda text: [])
        self.history = [] if history is None else history
        self.width = width
        self.hidden = hidden
        self.ended = False
        self.line = ""
        self.cursor = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""              # an escape sequence that came in half, at most 15 characters
        self._shown = None              # (row, column) as the terminal has it; None: no prompt on it
        self._recall = None             # index in history of the line on show, None: the user's own
        self._draft = ""                # the user's own line meanwhile
        self._choices = None            # what the last key, a Tab, left to choose from
        self._after_cr = False
        self._tabs = 0                  # in this read
        self._lines = []
        self._echo = []

    def feed(self, data):
        """Keys -> (finished lines, bytes to echo).  After finished lines have been answered, send `redraw()`."""
        text = self._pending + self._decoder.decode(data)
        self._pending, self._tabs, at = "", 0, 0
        while at < len(text) and not self.ended:
            if match := _KEY.match(text, at):
                self._press(match.group())
            elif _OPEN.match(text, at):
                self._pending = text[at:]
                break
            else:
                match = _BROKEN.match(text, at)
            at = match.end()
        self._paint()
        lines, echo = self._lines, "".join(self._echo)
        self._lines, self._echo = [], []
        return lines, echo.encode()

    def redraw(self):
        """The bytes that draw prompt and line on an empty row: at first, after answers, after other output."""
        self._shown = ("", 0)
        self._paint()
        echo, self._echo = "".join(self._echo), []
        return echo.encode()

    def _press(self, key):
        choices, self._choices = self._choices, None
        after_cr, self._after_cr = self._after_cr, key == "\r"
        if key == "\n" and after_cr:
            return
        if key == "\t":
            self._tab(choices)
        elif key in KEYS:
            KEYS[key](self)
        elif key[0] >= " ":
            self._insert("".join(filter(str.isprintable, key)))

    def _set(self, line, cursor):
        self.line = line
        self.cursor = cursor

    def _insert(self, text):
        room = LINE_LIMIT - len(self.line)
        if len(text) > room:
            text = text[:room]
            self._bell()
        self._set(self.line[:self.cursor] + text + self.line[self.cursor:], self.cursor + len(text))

    def _cut(self, start, end):
        self._set(self.line[:start] + self.line[end:], start)

    def _bell(self):
        if self._shown and self._echo[-1:] != ["\a"]:
            self._echo.append("\a")

    # Keys.

    def _enter(self):
        self.cursor = len(self.line)
        self._lines.append(self.line)
        if self.line.strip() and not self.hidden and self.history[-1:] != [self.line]:
            self.history.append(self.line)
            del self.history[:-HISTORY_LIMIT]
        self._leave_row("\r\n")
        self._clear()

    def _cancel(self):
        self._leave_row("^C\r\n", again=True)
        self._clear()

    def _delete_or_end(self):
        if self.line:
            self._cut(self.cursor, self.cursor + 1)
        else:
            self._leave_row("\r\n")
            self.ended = True

    def _backspace(self):
        if self.cursor:
            self._cut(self.cursor - 1, self.cursor)

    def _kill_word(self):
        self._cut(_KILLED_WORD.search(self.line[:self.cursor]).start(), self.cursor)

    def _move(self, cursor):
        self.cursor = min(max(cursor, 0), len(self.line))

    def _clear(self):
        self._set("", 0)
        self._recall, self._draft = None, ""

    def _clear_screen(self):
        if self._shown:
            self._echo.append("\x1b[H\x1b[2J")
            self._shown = ("", 0)

    def _go_back(self, step):
        """Up (-1) and down (1) through the history, whose lower end is the line that the user had begun."""
        if self.hidden or not self.history:
            return
        here = len(self.history) if self._recall is None else min(self._recall, len(self.history))
        there = min(max(here + step, 0), len(self.history))
        if self._recall is None:
            self._draft = self.line
        self._recall = there if there < len(self.history) else None
        line = (self._draft if self._recall is None else self.history[there])[:LINE_LIMIT]
        self._set(line, len(line))

    def _tab(self, choices):
        """Complete the last word as far as it is certain; a second Tab lists what is left to choose from."""
        self._tabs += 1
        if self.hidden or self._tabs > TAB_LIMIT:
            return
        if choices:
            return self._list(choices)
        before = self.line[:self.cursor]
        word = _WORD.search(before).group()
        found = sorted(set(self.complete(before)))
        if not found:
            return self._bell()
        common = _common_prefix(found)
        if len(found) == 1 and not common.endswith("="):
            common += " "
        if common.lower().startswith(word.lower()) and len(before) - len(word) + len(common) <= LINE_LIMIT:
            after = self.line[self.cursor:][:LINE_LIMIT - len(before) + len(word) - len(common)]
            before = before[:len(before) - len(word)] + common
            self._set(before + after, len(before))
        if len(found) > 1:
            self._choices = found
            self._bell()

    def _list(self, choices):
        self._choices = choices
        if not self._shown:
            return
        cells = choices[:LIST_LIMIT]
        wide = max(map(len, cells)) + 2
        columns = max(1, self.width // wide)
        rows = -(-len(cells) // columns)
        self._leave_row("\r\n", again=True)
        for row in range(rows):
            self._echo.append("".join(cell.ljust(wide) for cell in cells[row::rows]).rstrip() + "\r\n")

    # The terminal.

    def _view(self):
        """(the row as it should be, the column of the cursor), never so long that the terminal wraps."""
        if self.hidden:
            return self.prompt, len(self.prompt)
        room = max(self.width - len(self.prompt) - 3, 8)            # 3: the cursor, or ^C
        start = max(0, self.cursor - room)
        return self.prompt + self.line[start:start + room], len(self.prompt) + self.cursor - start

    def _paint(self):
        """Bring the terminal's row up to date: what was typed at its end as it is, all else drawn anew."""
        if self._shown is None or self.ended:
            return
        row, column = self._view()
        shown, at = self._shown
        if (row, column) == self._shown:
            return
        if shown and at == len(shown) and column == len(row) and row.startswith(shown):
            self._echo.append(row[at:])
        else:
            back = len(row) - column
            self._echo.append(f"\r{row}\x1b[K" + (f"\x1b[{back}D" if back else ""))
        self._shown = (row, column)

    def _leave_row(self, text, again=False):
        """Paint what is due, then go to a new row; without `again` the prompt waits for redraw()."""
        if self._shown:
            self._paint()
            self._echo.append(text)
            self._shown = ("", 0) if again else None


def _common_prefix(words):
    """Of a sorted list: what its first and last share, all share."""
    first, last = words[0], words[-1]
    size = 0
    while size < min(len(first), len(last)) and first[size] == last[size]:
        size += 1
    return first[:size]


KEYS = {key: action for keys, action in (
    ("\n \r", Editor._enter),
    ("\x7f \b", Editor._backspace),
    ("\x1b[3~", lambda self: self._cut(self.cursor, self.cursor + 1)),
    ("\x03", Editor._cancel),
    ("\x04", Editor._delete_or_end),
    ("\x02 \x1b[D \x1bOD", lambda self: self._move(self.cursor - 1)),
    ("\x06 \x1b[C \x1bOC", lambda self: self._move(self.cursor + 1)),
    ("\x01 \x1b[H \x1bOH \x1b[1~ \x1b[7~", lambda self: self._move(0)),
    ("\x05 \x1b[F \x1bOF \x1b[4~ \x1b[8~", lambda self: self._move(len(self.line))),
    ("\x10 \x1b[A \x1bOA", lambda self: self._go_back(-1)),
    ("\x0e \x1b[B \x1bOB", lambda self: self._go_back(1)),
    ("\x0b", lambda self: self._set(self.line[:self.cursor], self.cursor)),
    ("\x15", lambda self: self._cut(0, self.cursor)),
    ("\x17", Editor._kill_word),
    ("\x0c", Editor._clear_screen),
) for key in keys.split(" ")}
