"""Call records as files: written for an external biller, read from a gateway's log.  CSV (RFC 4180), headed by the
names of tb_cdrs.

A period has one file, which is complete or not there; writing it again writes the same.  A line of a log becomes a
record once, however often and in however many files it comes.
"""

import csv
import os
from hashlib import blake2b
from itertools import islice

from ..base.errors import ApiError
from ..base.message import RowStream
from .cdrs import chosen, shown
from .periods import parse_moment
from .values import checked

FORMATS = {"csv": ",", "semicolon": ";", "tab": "\t"}
"""Formats of a written file: what is between two fields."""

ROWS = 250
"""Rows that a worker writes in one call: 1 ms of the interpreter."""

LINES = 100
"""Lines that are read and made records in one turn of the loop: 2 ms."""

LONGEST = 65_536
"""Characters of a line."""

_MOMENTS = ("datum", "callstartdate", "connectdate")


class CdrFiles:
    """db, cdrs, workers."""

    def __init__(self, db, cdrs, workers):
        self.db = db
        self.cdrs = cdrs
        self.workers = workers
        self._writing = set()

    # -- out

    async def write(self, folder, since, until, format="csv", actor=""):
        """Write the records of a period into a file of `folder`; (its name, how many)."""
        name = f"cdr_{_stamp(since)}_{_stamp(until)}.csv"
        path = os.path.join(folder, name)
        if path in self._writing:
            raise ApiError(422, f"{name} is being written")
        columns = self.db.columns("tb_cdrs")
        names = shown(columns, "all", True)
        self._writing.add(path)
        try:
            data = await self.cdrs.rows(chosen(columns, (since, until)), names, "date", actor=actor)
            file = await self.workers.run(_File, path, names, FORMATS[format])
            try:
                await self._write_rows(file, data)
                await self.workers.run(file.finish)
            except BaseException:
                await self.workers.run(file.drop)
                raise
        except OSError as error:
            raise ApiError(422, f"{name} cannot be written: {error.strerror}") from None
        finally:
            self._writing.discard(path)
        return name, file.count

    async def _write_rows(self, file, data):
        stream = data.__class__ is RowStream
        rows = await data.more() if stream else data.rows
        while rows:
            for at in range(0, len(rows), ROWS):
                await self.workers.run(file.write, rows[at:at + ROWS])
            rows = await data.more() if stream else ()

    # -- in

    async def read(self, path):
        """The lines of a file as records, nothing of it if one of them is wrong; (added, known before)."""
        columns = self.db.columns("tb_cdrs")
        async for _ in _parsed(self.workers, path, columns):
            pass
        added = known = 0
        async for rows in _parsed(self.workers, path, columns):
            await self.db.gate()
            with self.db.unit() as unit:
                new = sum([_insert(unit, key, row) for key, row in rows])
            added, known = added + new, known + len(rows) - new
        await self.db.durable()
        return added, known


def _stamp(moment):
    """2026-01-31 18:00:00.000 -> 20260131T180000."""
    return moment[:19].replace("-", "").replace(":", "").replace(" ", "T")


class _File:
    """A file under another name until it is complete; every method blocks."""

    def __init__(self, path, names, delimiter):
        self.count = 0
        self._path = path
        self._file = open(path + ".part", "w", encoding="utf-8", errors="replace", newline="")
        self._writer = csv.writer(self._file, delimiter=delimiter, lineterminator="\r\n")
        self._writer.writerow(names)

    def write(self, rows):
        self._writer.writerows(rows)
        self.count += len(rows)

    def finish(self):
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._path + ".part", self._path)

    def drop(self):
        self._file.close()
        os.unlink(self._path + ".part")


async def _parsed(workers, path, columns):
    """Lists of (key, {column: value}) of a file's lines; ApiError 400 with the number of a line that is wrong."""
    parser = _Parser(columns)
    with await workers.run(_open, path) as file:
        while lines := await workers.run(_read, file, parser):
            yield [row for row in map(parser.row, lines) if row]


class _Parser:
    """columns: {name: Column} of tb_cdrs."""

    def __init__(self, columns):
        self._columns = columns
        self._names = None
        self._number = 0

    def row(self, line):
        """(key, values) of a line, None of an empty one and of the header."""
        self._number += 1
        if len(line) > LONGEST:
            raise self.fault(f"longer than {LONGEST} characters")
        text = line.strip("\r\n")
        if not text.strip():
            return None
        try:
            fields = next(csv.reader([text], strict=True))
        except csv.Error as error:
            raise self.fault(str(error)) from None
        if self._names is None:
            self._names = self._header(fields)
            return None
        if len(fields) != len(self._names):
            raise self.fault(f"{len(fields)} fields, but the first line names {len(self._names)}")
        return _key(text), self._values(dict(zip(self._names, fields)))

    def _header(self, fields):
        names = [field.strip().lower() for field in fields]
        if "datum" not in names or len(set(names)) < len(names):
            raise self.fault("the first line holds names of tb_cdrs, datum among them, each once")
        self._values({name: "" for name in names if name not in _MOMENTS})
        return names

    def _values(self, fields):
        fields.pop("id", None)      # the record gets a number of its own
        try:
            for name in _MOMENTS:
                if fields.get(name) or name == "datum" and name in fields:
                    fields[name] = parse_moment(fields[name])
            return checked(fields, self._columns)
        except ValueError:
            raise self.fault(f"{name} holds no date and time: {fields[name][:40]!r}") from None
        except ApiError as error:
            raise self.fault(error.message) from None

    def fault(self, said):
        return ApiError(400, f"line {self._number}: {said}")


def _open(path):
    try:
        return open(path, encoding="utf-8-sig", newline="\n")
    except OSError as error:
        raise ApiError(404, f"{os.path.basename(path)} cannot be read: {error.strerror}") from None


def _read(file, parser):
    try:
        return list(islice(iter(lambda: file.readline(LONGEST + 1), ""), LINES))
    except UnicodeDecodeError:
        raise parser.fault("this, or what follows it, is no UTF-8") from None


def _key(text):
    """63 bits of a digest: among a million lines two of the same key come once in 18 million logs."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _insert(unit, key, row):
    """1 if the line is new."""
    if not unit.run("INSERT OR IGNORE INTO tb_cdrlines (id, cdrid) VALUES (?, 0)", (key,)).rowcount:
        return 0
    names = ", ".join([f'"{name}"' for name in row])
    id = unit.run(f"INSERT INTO tb_cdrs ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())).lastrowid
    unit.run("UPDATE tb_cdrlines SET cdrid = ? WHERE id = ?", (id, key))
    return 1
