"""The ini file of the settings: `[section]`, `key = value`, comments that begin with `;` or `#`.

A value reaches to the end of its line, so it may hold `;` and `#`; in double quotes it keeps blanks at its ends.
Knows no settings: names and values are judged by settings.py.
"""

import os
import re

from .sync import sync_folder

MAX_BYTES = 1 << 20         # a file of ours has 20 KB

_SECTION = re.compile(r"\[[ \t]*([A-Za-z0-9_.-]{1,64})[ \t]*\]")
_KEY = re.compile(r"([A-Za-z0-9_.-]{1,64})[ \t]*=(.*)")


class IniError(ValueError):
    """The file cannot be read: line (from 1) and what is wrong with it."""

    def __init__(self, line, message):
        super().__init__(message)
        self.line = line
        self.message = message


class Entry:
    """One `key = value`: section is "" in front of the first header."""
    __slots__ = ("line", "section", "key", "value")

    def __init__(self, line, section, key, value):
        self.line = line
        self.section = section
        self.key = key
        self.value = value

    def __eq__(self, other):
        return (self.section, self.key, self.value) == (other.section, other.key, other.value)

    def __repr__(self):
        return f"Entry({self.line}, {self.section!r}, {self.key!r}, {self.value!r})"


def decode(data):
    """The file's bytes as text; IniError."""
    if len(data) > MAX_BYTES:
        raise IniError(1, f"the file is larger than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IniError(data.count(b"\n", 0, error.start) + 1, "the line is not UTF-8") from None


def split_lines(text):
    """Lines as an editor counts them: only LF and CR LF end one."""
    return text.replace("\r\n", "\n").split("\n")


def parse_ini(text):
    """[Entry] in the file's order, sections and keys in lower case; IniError."""
    entries, section, seen = [], "", {}
    for number, line in enumerate(split_lines(text), 1):
        entry = _parse_line(line.strip(" \t"), number, section)
        if isinstance(entry, str):
            section = entry
        elif entry is not None:
            first = seen.setdefault((section, entry.key), number)
            if first != number:
                raise IniError(number, f"{entry.key} is already set in line {first}")
            entries.append(entry)
    return entries


def _parse_line(line, number, section):
    """An Entry, the name of a section, or None for nothing."""
    if not line or line[0] in ";#":
        return None
    if not is_plain(line.replace("\t", " ")):
        raise IniError(number, "there is a control character in the line")
    found = _SECTION.fullmatch(line)
    if found:
        return found[1].lower()
    found = _KEY.fullmatch(line)
    if not found:
        raise IniError(number, "the line is neither [section] nor key = value")
    return Entry(number, section, found[1].lower(), unquote(found[2].strip(" \t")))


def is_plain(text):
    """Whether a text can stand in one line: no control characters; a no-break space is none."""
    return text.replace("\xa0", " ").isprintable()


def unquote(value):
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def quote(value):
    """A value as its line holds it: in quotes where it would lose something without."""
    return f'"{value}"' if value != value.strip() or (len(value) > 1 and value[0] == value[-1] == '"') else value


def render_entries(entries):
    """The shortest file that holds these entries."""
    lines, section = [], ""
    for entry in entries:
        if entry.section != section:
            section = entry.section
            lines.append(f"[{section}]")
        lines.append(f"{entry.key} = {quote(entry.value)}")
    return "\n".join(lines) + "\n"


def edit(text, section, key, value):
    """The file's text with one key set (None: taken out), every other line as it was.

    A new key goes behind its commented default if there is one, else to the end of its section.
    """
    lines = text.split("\n")
    here, place, default, end = "", None, None, None
    commented = re.compile(rf"[;#][ \t]*{re.escape(key)}[ \t]*=", re.I)
    for at, line in enumerate(lines):
        bare = line.strip(" \t\r")
        header = _SECTION.fullmatch(bare)
        if header:
            here = header[1].lower()
        found = _KEY.fullmatch(bare)
        if here == section:
            if found and found[1].lower() == key:
                place = at
            elif commented.match(bare):
                default = at
            if bare:
                end = at
    ending = "\r" if lines[0].endswith("\r") else ""
    new = f"{key} = {quote(value)}{ending}" if value is not None else None
    if place is not None:
        lines[place:place + 1] = [] if new is None else [new]
    elif new is not None:
        _insert(lines, new, section, default if default is not None else end, ending)
    return "\n".join(lines)


def _insert(lines, new, section, after, ending):
    if after is not None:
        lines.insert(after + 1, new)
    elif section == "":
        lines.insert(0, new)
    else:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += [ending] * bool(lines) + [f"[{section}]{ending}", new, ""]


def read_ini(path):
    """[Entry] of a file; IniError, OSError."""
    with open(path, "rb") as file:
        return parse_ini(decode(file.read(MAX_BYTES + 1)))


def write_key(path, section, key, value, secret=False):
    """Set one key of a file (None: take it out), which is replaced as a whole: a power cut leaves the old one or the
    new one.  The file is made if there is none, for its owner alone; mode and owner stay, but nobody else reads a file
    that gets a secret.  IniError, OSError."""
    if value is not None and not is_plain(value):
        raise IniError(0, "a value is one line of printable characters")
    section, key = section.lower(), key.lower()
    data, mode, owner = b"", 0o600, None
    if os.path.exists(path):
        path = os.path.realpath(path)
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
            status = os.fstat(file.fileno())
            mode, owner = status.st_mode & 0o777, (status.st_uid, status.st_gid)
    text = edit(decode(data), section, key, value)
    there = [entry.value for entry in parse_ini(text) if (entry.section, entry.key) == (section, key)]
    if there != ([] if value is None else [value]):
        raise IniError(0, f"{key} cannot be written to [{section}]")
    replace(path, text.encode(), mode & 0o600 if secret and value else mode, owner)


def replace(path, data, mode, owner=None):
    """Write a file beside, sync it, put it in place, sync the folder."""
    part = path + ".part"
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(fd, mode)
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(fd, *owner)
                except PermissionError:
                    pass        # an ordinary user's copy is his own
            os.fsync(fd)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
    sync_folder(os.path.dirname(path) or ".")
