"""`mizud.py import` and `mizud.py export`: price lists as CSV, beside a server that runs or without one.

Obeys sysexits(3) for the codes.  The rules of a file are records.pricecsv's, the way into the tables is
records.pricelist's; here are arguments, text encodings, the bar and the sentences.
"""

import codecs
import os
import sys

from .base.clock import Clock
from .base.errors import ApiError, ConfigError
from .firststart import Folders
from .records import pricecsv, pricelist
from .store import sqlite

USAGE, DATA, INPUT, STORE = 64, 65, 66, 74

HELP = """usage: mizud.py import FILE [--entry NAME] [--data DIR] [--RULE VALUE …]
       mizud.py export [FILE] [--entry NAME] [--data DIR]

The prices of a list are replaced by those of the file, all or none; other lists stay as they are.
FILE    CSV whose first line names its columns; prefix and price must be there.  -: standard input or output
NAME    the price list; without it the file's column `entry`, else the name of the file
RULE    {rules}:
        for all rows, as a column of this name would say for each; what neither says stays as it is

Lists of one name are several if their type, packet, user, parent or validity differ: with --validfrom 2027-01-01
the new prices lie beside those of today.
"""

_WIDTH, _PACE = 30, 0.1         # characters of the bar, seconds between two looks of it


class UsageError(Exception):
    """Arguments that cannot be understood."""


def main(argv, environ=os.environ, out=None, err=None):
    """Run `import` or `export`; returns the exit code."""
    err = err or sys.stderr
    try:
        if "--help" in argv or "-h" in argv:
            (out or sys.stdout).write(_help())
            return 0
        program, path, data, fixed = _arguments(argv)
        database = Folders(data or environ.get("STATE_DIRECTORY", "").partition(":")[0] or "data").database
        os.umask(0o077)
        work = _import if program == "import" else _export
        return work(database, path, fixed, out or sys.stdout, err)
    except UsageError as error:
        return _fail(err, USAGE, f"mizud: {error}\n{_help()}")
    except pricecsv.FileFault as error:
        more = f"\nmore than {pricecsv.FAULTS} faults: the rest is not looked at" * (
            len(error.faults) >= pricecsv.FAULTS)
        return _fail(err, DATA, "\n".join(error.faults) + more + "\nnothing was imported")
    except (UnicodeError, OSError) as error:
        return _fail(err, INPUT, f"mizud: {error}")
    except (ConfigError, ApiError, sqlite.module().Error) as error:
        return _fail(err, STORE, f"mizud: {error}")
    except KeyboardInterrupt:
        return _fail(err, 130, "\nmizud: given up, the prices are as they were")


def _help():
    names = [f"--{name}" for name in pricecsv.RULE_NAMES[1:]]
    return HELP.format(rules=", ".join(names[:8]) + ",\n        " + ", ".join(names[8:]))


def _fail(err, code, text):
    err.write(text.rstrip("\n") + "\n")
    return code


def _arguments(argv):
    """(program, file or "-", data folder or None, {rule: text})."""
    program, *rest = argv
    path, data, fixed = None, None, {}
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--"):
            if path is not None:
                raise UsageError(f"one file, not also {name}")
            path = name + equals + value
            continue
        if name != "--data" and name[2:] not in (pricecsv.RULE_NAMES if program == "import" else ("entry",)):
            raise UsageError(f"unknown argument {name}")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise UsageError(f"{name} takes a value")
            value = rest.pop(0)
        if name == "--data":
            data = value
        else:
            fixed[name[2:]] = value
    if path is None and program == "import":
        raise UsageError("which file?")
    return program, path or "-", data, fixed


# -- import

def _import(database, path, fixed, out, err):
    pricecsv.check_fixed(fixed)
    source = sys.stdin.buffer if path == "-" else open(path, "rb")
    with decoded(source, path != "-") as lines:
        clock = Clock()
        size = os.fstat(source.fileno()).st_size if path != "-" else 0
        bar = Bar(err, clock, lambda: source.tell() / size if size else 0)
        importer = pricelist.Importer(database, clock, bar.tell)
        try:
            name = os.path.splitext(os.path.basename(path))[0] if path != "-" else ""
            reader = pricecsv.PriceReader(lines, fixed, importer.known, name)
            done = importer.load(reader)
        except KeyboardInterrupt:
            if importer.switched:
                return _fail(err, 130, "\nmizud: the new prices hold; what is left of the old ones goes later")
            raise
        finally:
            bar.end()
            importer.close()
    for note in reader.notes:
        err.write(note + "\n")
    lists = ", ".join(name or "(no name)" for name in done.names[:5]) + " …" * (len(done.names) > 5)
    replaced = f" instead of {done.before:,}" if done.before else ""
    entries = "1 entry" if done.entries == 1 else f"{done.entries:,} entries"
    out.write(f"{lists}: {done.prices:,} prices{replaced}, in {entries}\n")
    return 0


def decoded(source, seekable=True):
    """The text lines of a binary file: UTF-8 or UTF-16 by their marks, UTF-8 where all of it is, else Latin-1."""
    import io
    if not seekable:
        source = io.BytesIO(source.read())
    return io.TextIOWrapper(source, _encoding(source), newline="")


def _encoding(source):
    decoder = codecs.getincrementaldecoder("utf-8")()
    first = source.read(1 << 16)
    try:
        if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        piece = first
        while piece:
            decoder.decode(piece)
            piece = source.read(1 << 20)
        decoder.decode(b"", True)
        return "utf-8-sig"
    except UnicodeDecodeError:
        return "latin-1"
    finally:
        source.seek(0)


class Bar:
    """How far it is, on a terminal and nowhere else; `read()` is the share of the file that has been read."""

    def __init__(self, stream, clock, read):
        self._stream = stream if stream.isatty() else None
        self._clock = clock
        self._read = read
        self._total = 0
        self._next = 0.0

    def tell(self, phase, rows):
        if self._stream is None:
            return
        if phase == "reading":
            self._total = rows
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + _PACE
        share = self._read() if phase == "reading" else min(rows / max(self._total, 1), 1)
        done = int(share * _WIDTH)
        self._stream.write(f"\r{phase:9} [{'#' * done:{_WIDTH}}] {share:4.0%} {rows:10,} prices")
        self._stream.flush()

    def end(self):
        """Leave an empty line behind."""
        if self._stream is not None and self._next:
            self._stream.write("\r" + " " * (_WIDTH + 40) + "\r")
            self._stream.flush()


# -- export

def _export(database, path, fixed, out, err):
    db = pricelist.opened(database)
    try:
        name = fixed.get("entry")
        if name is not None and not pricelist.exists(db, name):
            return _fail(err, DATA, f"mizud: there is no price list {name}")
        rows = pricelist.exported(db, name)
        count = pricecsv.write(out, rows) if path == "-" else _written(path, rows)
    finally:
        db.close()
    err.write(f"{count:,} prices\n")
    return 0


def _written(path, rows):
    """Whole or not at all: under its name only when it is complete."""
    part = path + ".part"
    try:
        with open(part, "w", encoding="utf-8", newline="") as file:
            count = pricecsv.write(file, rows)
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
    return count
