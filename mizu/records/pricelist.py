"""Price lists in and out while the server runs: whole, or not at all.

A file is read into a table of our own first; nobody else's waits for that.  Then its rows go into tb_billingtimes a
few thousand at a time, below entries of type STAGED, which hold for nobody; one short transaction lets these take
the place of the old ones, whose rows go the way the new ones came.  Whatever ends it in between, the prices are
either the old or the new; an import that is given up sweeps up itself, after one that was killed the server does, or
the next one.  An import is one process's, on connections of its own.
"""

import os

from ..base.errors import ConfigError
from ..store import schema, sqlite
from .pricecsv import FAULTS, NAMES, RULE_NAMES, SCOPE, FileFault, rule

STAGED = -1
"""tb_billentries.type of an entry that is on its way in or out."""

CHUNK = 4000
"""Rows of one transaction: some 20 ms that other writers wait for."""

BUSY = 60.0
"""Seconds that we wait for them."""

_TABLE = {"entry": "name"}
"""Rules whose column of tb_billentries has another name."""

_RULES = [_TABLE.get(name, name) for name in RULE_NAMES]
_ROW = ("prefix", "destination", "price", "timetype", "fromtime", "totime", "day")

_REPLACED = f"""
UPDATE tb_billentries SET type = {STAGED}
WHERE name = ? AND type = ? AND coalesce(packetid, 0) = ? AND coalesce(userid, 0) = ? AND coalesce(parentid, 0) = ?
  AND rtrim(replace(coalesce(validfrom, ''), 'T', ' '), 'Z') = ?
  AND rtrim(replace(coalesce(validto, ''), 'T', ' '), 'Z') = ?"""
"""What a list of pricecsv.SCOPE had until now."""


class Imported:
    """prices, entries: how many there are now in the lists of these names; before: how many prices there were."""
    __slots__ = ("prices", "entries", "names", "before")

    def __init__(self, prices, entries, names, before):
        self.prices = prices
        self.entries = entries
        self.names = names
        self.before = before


def opened(path):
    """A connection to the database of a server; ConfigError without one of our schema."""
    if not os.path.exists(path):
        raise ConfigError(f"there is no database {path}: start the server once, or name its folder by --data")
    connection = None
    try:
        connection = sqlite.connect(path, timeout=BUSY)
        if schema.version(connection, path) != len(schema.STEPS):
            raise ConfigError(f"{path} was written by another version of mizud: start this one once")
        return connection
    except (ConfigError, sqlite.module().Error) as error:
        if connection is not None:
            connection.close()
        raise error if isinstance(error, ConfigError) else ConfigError(f"{path}: {error}") from None


class Importer:
    """path: the database · clock: whose sleep() leaves others their turn · tell(phase, rows): progress."""

    def __init__(self, path, clock, tell=lambda phase, rows: None):
        self.clock = clock
        self.tell = tell
        self.switched = False       # whether the new prices hold
        self._db = opened(path)
        try:
            self._own = self._only(path, path + "-import")
        except ConfigError:
            self._db.close()
            raise

    @staticmethod
    def _only(path, lock):
        """A connection for our table.  Its file is never written to: the lock on it says that there is one import."""
        try:
            own = sqlite.connect(lock)
            own.execute("BEGIN EXCLUSIVE")
        except sqlite.module().OperationalError as error:
            raise ConfigError("another import is under way" if sqlite.is_busy(error) else f"{lock}: {error}") from None
        if os.geteuid() == 0:
            about = os.stat(path)
            os.chown(lock, about.st_uid, about.st_gid)
        return own

    def close(self):
        self._own.close()
        self._db.close()

    def known(self, name):
        """The rules of the list of that name, as PriceReader wants them; {} without one."""
        row = self._db.execute(f"SELECT {', '.join(_RULES)} FROM tb_billentries WHERE name = ? AND type <> ?"
                               " ORDER BY id LIMIT 1", (name, STAGED)).fetchone()
        return {} if row is None else {key: value for key, value in zip(RULE_NAMES, row) if value is not None}

    def load(self, reader):
        """All prices of a PriceReader instead of those that their lists had; returns Imported.  FileFault: nothing
        has changed."""
        count = self._read(reader)
        try:
            self.sweep()
            return self._install(reader.rules, count)
        except KeyboardInterrupt:       # a second one leaves the sweeping to others
            self.sweep()
            raise

    # -- reading -----------------------------------------------------------------------------------

    def _read(self, reader):
        """The file into our table; how many rows."""
        own = self._own
        own.execute(f"CREATE TEMP TABLE prices (line INTEGER, rule INTEGER, {', '.join(_ROW)})")
        count = 0
        for rows in _chunks(reader):
            own.executemany("INSERT INTO prices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            count += len(rows)
            self.tell("reading", count)
        if not reader.faults:
            self._judge(reader)
        if not reader.faults and not count:
            reader.faults.append("there is no price in it")
        if reader.faults:
            raise FileFault(reader.faults)
        return count

    def _judge(self, reader):
        """Faults that no row shows by itself: an unknown currency, two prices of one prefix."""
        known = {name.lower() for name, in self._db.execute("SELECT name FROM tb_currencies")}
        for line, rules in zip(reader.firsts, reader.rules):
            currency = rule(rules, "currency")
            if currency and currency.lower() not in known and len(reader.faults) < FAULTS:
                reader.faults.append(f"line {line}: there is no currency {currency}")
        self._own.execute("CREATE TEMP TABLE scopes (rule INTEGER PRIMARY KEY, scope TEXT)")
        self._own.executemany("INSERT INTO scopes VALUES (?, ?)", [
            (number, "\0".join([str(rule(rules, name)).lower() for name in SCOPE]))
            for number, rules in enumerate(reader.rules)])
        self._own.execute("CREATE INDEX temp.ix_prices ON prices (prefix, timetype, fromtime, totime, day)")
        twice = self._own.execute(
            "SELECT min(p.line), max(p.line), p.prefix FROM prices p JOIN scopes s ON s.rule = p.rule"
            " GROUP BY p.prefix, p.timetype, p.fromtime, p.totime, p.day, s.scope HAVING count(*) > 1"
            " ORDER BY 2 LIMIT ?", (FAULTS - len(reader.faults),))
        reader.faults += [f"line {last}: the prefix {prefix or '*'} has a price for this time already, in line {first}"
                          for first, last, prefix in twice]

    # -- writing -----------------------------------------------------------------------------------

    def _install(self, rules, count):
        """Stage, switch, sweep."""
        ids = self._stage(rules)
        done = 0
        rows = self._own.execute(f"SELECT rule, {', '.join(_ROW)} FROM prices ORDER BY rule, prefix")
        for chunk in _chunks(rows):
            self._write(f"INSERT INTO tb_billingtimes (entryid, {', '.join(_ROW)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        [(ids[number], *row) for number, *row in chunk])
            done += len(chunk)
            self.tell("writing", done)
        self._switch(ids, rules)
        names = sorted({rule(each, "entry") for each in rules}, key=str.lower)
        return Imported(count, len(ids), names, self.sweep())

    def _stage(self, rules):
        """The new entries, which nobody sees yet; their ids."""
        marks = ", ".join("?" * len(_RULES))
        insert = f"INSERT INTO tb_billentries ({', '.join(_RULES)}) VALUES ({marks})"
        at = RULE_NAMES.index("type")
        with _Transaction(self._db) as execute:
            return [execute(insert, (*each[:at], STAGED, *each[at + 1:])).lastrowid for each in rules]

    def _switch(self, ids, rules):
        """The new entries hold from this commit on, and it is on the disk."""
        self._db.execute("PRAGMA synchronous=FULL")
        with _Transaction(self._db) as execute:
            execute("INSERT OR REPLACE INTO tb_actor VALUES (1, 'import', 'import', '')")
            for scope in {tuple([rule(each, name) for name in SCOPE]) for each in rules}:
                execute(_REPLACED, scope)
            for id, each in zip(ids, rules):
                execute("UPDATE tb_billentries SET type = ? WHERE id = ?", (rule(each, "type"), id))
            execute("DELETE FROM tb_actor")
        self.switched = True
        self._db.execute("PRAGMA synchronous=NORMAL")

    def sweep(self):
        """Remove what is staged and will never hold; how many prices that were."""
        ids = [id for id, in self._db.execute("SELECT id FROM tb_billentries WHERE type = ?", (STAGED,))]
        count = 0
        for id in ids:
            while True:
                rows = self._db.execute("SELECT id FROM tb_billingtimes WHERE entryid = ? LIMIT ?",
                                        (id, CHUNK)).fetchall()
                if not rows:
                    break
                self._write("DELETE FROM tb_billingtimes WHERE id = ?", rows)
                count += len(rows)
                self.tell("removing", count)
        if ids:
            self._write("DELETE FROM tb_billentries WHERE id = ?", [(id,) for id in ids])
        return count

    def _write(self, sql, rows):
        """One short transaction, then as long a pause: whoever waits for the database gets it."""
        began = self.clock.monotonic()
        with _Transaction(self._db):
            self._db.executemany(sql, rows)
        self.clock.sleep(self.clock.monotonic() - began)


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT or ROLLBACK; gives the connection's execute."""
    __slots__ = ("_db",)

    def __init__(self, db):
        self._db = db

    def __enter__(self):
        self._db.execute("BEGIN IMMEDIATE")
        return self._db.execute

    def __exit__(self, kind, error, trace):
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def sweep(path, clock):
    """Remove what an import that was killed has left; how many prices that were.  None while another is under way."""
    try:
        importer = Importer(path, clock)
    except ConfigError:
        return None
    try:
        return importer.sweep()
    finally:
        importer.close()


def _chunks(rows):
    chunk = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def exists(db, name):
    """Whether there is a price list of that name."""
    found = db.execute(f"SELECT 1 FROM tb_billentries WHERE name = ? AND type <> {STAGED}", (name,)).fetchone()
    return found is not None


def exported(db, name=None):
    """The rows of all lists, or of those of one name, in the order of pricecsv.NAMES: as of one moment."""
    columns = ", ".join([*(f"e.{column}" for column in _RULES),
                         "CASE t.prefix WHEN '' THEN '*' ELSE t.prefix END",
                         *(f"t.{column}" for column in _ROW[1:])])
    where, args = ("", ()) if name is None else (" AND e.name = ?", (name,))
    return db.execute(f"SELECT {columns} FROM tb_billentries e JOIN tb_billingtimes t ON t.entryid = e.id"
                      f" WHERE e.type <> {STAGED}{where} ORDER BY e.name, e.id, t.prefix, t.id", args)


__all__ = ["CHUNK", "FileFault", "Importer", "Imported", "NAMES", "STAGED", "exists", "exported", "opened", "sweep"]
