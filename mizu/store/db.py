"""The database: one connection on the reactor for indexed reads and short writes, others beside it.

A unit of writing is `await db.gate()`, then `with db.unit() as unit:` without an await inside: no transaction
outlives a turn of the loop.  The gate is where everybody waits while another connection of ours writes (an
ad-hoc statement, the end of a checkpoint) or while another process does.  Without a reactor all of it works at
once, in the caller's thread.  Knows no table but tb_actor; opens the files through SQLite alone.
"""

import os

from ..base.errors import ApiError, ConfigError
from ..base.task import Future, spawn
from ..net.workers import LoopThread, QueueFull
from . import backup, schema, sqlite
from .adhoc import Reader, Running, Writer
from .checkpoint import Checkpointer
from .lane import Lane
from .outage import Outage, has_room
from .sync import LogSync, sync_folder
from .unit import Unit

CHECKPOINT_COMMITS = 2000
"""Commits after which a checkpoint is due: a log of some 16 MB."""

CHECKPOINT_SECONDS = 30.0

STOP_WAIT = 3.0
"""Seconds a thread gets to end what it does when the database closes."""


class Database:
    """path: the file, or ":memory:" for a test that needs no query() and no execute().

    running     {id: Running} of the ad-hoc statements under way
    on_touched  callables(table, ids): rows of cached tables changed beside the caches, called before the answer
    on_fatal    callable(error): the log cannot be made durable, the process must end (exit 74)
    """

    def __init__(self, path, clock, reactor=None, workers=None, log=None):
        self.path = os.fspath(path)
        self.running = {}
        self.on_touched = []
        self.on_fatal = None
        self.broken = None
        self._clock = clock
        self._reactor = reactor
        self._workers = workers
        self._log = log
        self._sqlite = None
        self._db = None
        self._reader = self._writer = self._checkpointer = None
        self._sync = None
        self._outage = Outage(self._attempt, reactor, log)
        self._lanes = {}
        self._unit = None           # the innermost unit that is open
        self._undone = {}           # (callback, args) of on_undo()
        self._opened = None         # the Future of a closed gate
        self._freed = None          # the Future of the wait for another process
        self._version = None        # data_version at the last look
        self._foreign = False
        self._checkpointed = 0      # commits at the last complete checkpoint
        self._tried = 0             # commits at the last one
        self._timer = None
        self._checkpointing = False
        self._numbers = 0
        self._columns = {}

    # -- opening and closing

    def open(self):
        """Make the file (0600) or bring its schema up to date, after a copy; ConfigError if that cannot be."""
        self._sqlite = sqlite.module()
        umask = os.umask(0o077)
        try:
            self._db = sqlite.connect(self.path, timeout=sqlite.BUSY_WAIT)
            self._prepare()
        except (self._sqlite.Error, OSError) as error:
            raise ConfigError(f"{self.path}: {error}") from None
        finally:
            os.umask(umask)
        self._reader = Reader(self.path, self._clock)
        self._writer = Writer(self.path, self._clock)
        self._checkpointer = Checkpointer(self.path)
        self._sync = LogSync(self.path + "-wal", self._reactor, self._thread("sync"), self._fatal)
        self._execute = sqlite.lenient(self._db.execute)
        self._look()
        self._foreign = False
        if self._reactor is not None:
            self._timer = self._reactor.every(CHECKPOINT_SECONDS, self._tick)

    def _prepare(self):
        """Check before the first change: a file that is refused stays as it was."""
        connection = self._db
        done = schema.version(connection, self.path)
        if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] not in ("wal", "memory"):
            raise ConfigError(f"{self.path}: its file system cannot keep SQLite's log (WAL)")
        if 0 < done < len(schema.STEPS):
            backup.copy(self.path, backup.name_for(self.path, self._clock, f"before-schema-{len(schema.STEPS)}"))
        steps = schema.upgrade(connection, self.path)
        connection.execute("PRAGMA busy_timeout=0")
        if steps and self.path != ":memory:":
            sync_folder(os.path.dirname(self.path) or ".")

    def close(self):
        """Wait for the threads, make what is written durable, leave one complete file behind."""
        if self._db is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._outage.close()
        for running in self.running.values():
            running.cancel()
        for lane in self._lanes.values():
            lane.close(STOP_WAIT)
        self._sync.close(STOP_WAIT)
        for side in (self._reader, self._writer, self._checkpointer):
            side.close()
        self._db.close()
        self._db = None

    def _thread(self, name):
        """What makes a thread of our own, or None without a reactor."""
        if self._reactor is None:
            return None
        return lambda turn: LoopThread(self._reactor, name, turn)

    def _lane(self, name):
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(self._reactor, self._thread(name))
        return lane

    # -- reading

    def rows(self, sql, args=()):
        """All rows of an indexed read, as tuples."""
        return self._execute(sql, args).fetchall()

    def row(self, sql, args=()):
        """The first row, or None."""
        return self._execute(sql, args).fetchone()

    def value(self, sql, args=()):
        """The first column of the first row, or None."""
        row = self._execute(sql, args).fetchone()
        return None if row is None else row[0]

    def columns(self, table):
        """{name: Column} of a table, an admin's own columns included; empty if there is none."""
        columns = self._columns.get(table)
        if columns is None:
            columns = self._columns[table] = schema.read_columns(self._db, table)
        return columns

    def foreign_change(self):
        """Whether another process has committed since the last time this was asked."""
        self._look()
        foreign, self._foreign = self._foreign, False
        if foreign:
            self._columns.clear()
        return foreign

    def _look(self, ours=False):
        """Note a commit on another connection; `ours`: that one is known."""
        version = self._execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version = version
            self._foreign = self._foreign or not ours

    # -- writing

    async def gate(self):
        """Wait until a unit may begin; ApiError 503 when another process writes for longer than BUSY_WAIT.

        Whoever waits is a request that was let in: their number is bounded at the door.  Inside a unit there is
        nothing to wait for.
        """
        if self.broken is not None:
            raise self.broken
        if self._unit is not None:
            return
        while self._opened is not None:
            await self._opened
        if not self._free():
            await self._outwait()

    async def begun(self):
        """gate() and unit() in one, for `with await db.begun() as unit:`, where nobody's name is to be known."""
        if self.broken is None and self._unit is None and self._opened is None and self._begins():
            return Unit(self, None, None, None, begun=True)
        await self.gate()
        return self.unit()

    def _free(self):
        """Whether nobody else writes just now."""
        free = self._begins()
        if free:
            self._execute("ROLLBACK")
        return free

    def _begins(self):
        """Whether a transaction has begun: nobody else writes then."""
        try:
            self._execute("BEGIN IMMEDIATE")
            return True
        except self._sqlite.Error as error:
            if sqlite.is_busy(error):
                return False
            raise self.told(error)

    async def _outwait(self):
        """Until another process has done its write: the thread `sql` waits for all of us."""
        deadline = self._clock.monotonic() + sqlite.BUSY_WAIT
        while True:
            if self._freed is None or self._freed.done:
                self._freed = self._lane("sql").run(self._writer.wait_until_free)
            await self._freed
            while self._opened is not None:
                await self._opened
                deadline = self._clock.monotonic() + sqlite.BUSY_WAIT       # that was no stranger
            if self._free():
                return
            if self._reactor is None or self._clock.monotonic() >= deadline:
                raise ApiError(503, "the database is busy")

    def unit(self, actor=None, kind=None, refid=None):
        """A transaction: BEGIN IMMEDIATE … COMMIT, or ROLLBACK on an exception.  Never await inside.  A unit
        inside another one joins it.

        actor, kind, refid: what the ledger says of every balance changed inside.
        """
        return Unit(self, actor, kind, refid)

    def on_undo(self, callback, *args):
        """Inside a unit: call callback(*args) should it be taken back, for memory that follows the tables."""
        if self._unit is not None:
            self._undone[callback, args] = None

    def touch(self, table, ids):
        """Tell those who keep rows of a table in memory that these have changed; once more should the unit be taken
        back."""
        for touched in self.on_touched:
            touched(table, ids)
        self.on_undo(self.touch, table, tuple(ids))

    def durable(self):
        """A Future that is done when all that has been committed until now survives a power cut; inside a unit it
        is done, and whoever opened that waits for the disk."""
        if self._unit is not None:
            done = Future()
            done.set()
            return done
        return self._sync.wait()

    def now(self):
        """UTC text as the tables hold it."""
        return self._clock.utc()

    @property
    def gated(self):
        """Whether units have to wait just now."""
        return self._opened is not None

    def trouble(self):
        """Why the database takes no writes, or ""."""
        return self._outage.message if self.broken is None else self.broken.message

    def told(self, error):
        """An sqlite3.Error of a write as what the asker is told; remembered where nobody could write."""
        fault = sqlite.told(error)
        if isinstance(fault, sqlite.SyncFailed):
            self._fatal(error)
        elif sqlite.is_unwritable(error):
            self._outage.begin(fault.message)
        return fault

    def _attempt(self):
        """A small write, to see whether the outage is over."""
        if not has_room(os.path.dirname(self.path) or "."):
            return
        try:
            with self.unit() as unit:
                unit.run("UPDATE tb_checkpoint SET number = number + 1")
        except ApiError:
            return          # it goes on, or somebody is at work: the next attempt will tell
        self._outage.end()

    @property
    def commits(self):
        """Number of commits since open()."""
        return self._sync.committed

    def _committed(self):
        sync = self._sync
        sync.committed += 1
        if sync.committed - self._tried >= CHECKPOINT_COMMITS and not self._checkpointing:
            self._tick()

    def _tick(self):
        spawn(self.checkpoint()).then(self._checkpoint_done)

    def _checkpoint_done(self, future):
        """Nobody waits for it, so what goes wrong is logged; the log grows until the next one succeeds."""
        try:
            future.result()
        except Exception as error:
            if self._log is not None:
                self._log.error(f"a checkpoint failed: {error}")

    def _fatal(self, error):
        self.broken = ApiError(503, f"the database cannot be made safe on the disk: {error}")
        if self.on_fatal is not None:
            self.on_fatal(error)

    async def _call(self, lane, function, *args):
        """function(*args) in a lane; a sync of SQLite's own that fails there is the end."""
        try:
            return await lane.run(function, *args)
        except sqlite.SyncFailed as fault:
            self._fatal(fault.error)
            raise

    async def _beside(self, lane, side, prepare, work, *args):
        """Close the gate and let another connection of ours write, without taking its commit for a foreign one,
        nor a foreign one for ours: `side` itself sees only the commits of others."""
        while self._opened is not None:
            await self._opened
        self._opened = Future()
        try:
            seen = await self._call(lane, prepare)
            self._look()
            done = await self._call(lane, work, *args)
            self._look(ours=True)
            if await lane.run(side.version) != seen:
                self._foreign = True
            return done
        finally:
            opened, self._opened = self._opened, None
            opened.set()

    # -- checkpoints

    async def checkpoint(self):
        """Bring the log's contents into the database if something was committed since the last time; returns
        whether all of it is there now.  Every CHECKPOINT_COMMITS commits and CHECKPOINT_SECONDS it comes by itself."""
        if self._checkpointing or self.broken is not None or self.path == ":memory:":
            return False
        if self.commits == self._checkpointed and not self._foreign:
            return True
        self._checkpointing = True
        try:
            lane, side = self._lane("checkpoint"), self._checkpointer
            await self._call(lane, side.passive)
            complete = await self._beside(lane, side, side.passive_version, side.write)
            self._tried = self.commits
            if complete:
                self._checkpointed = self.commits
            return complete
        finally:
            self._checkpointing = False

    # -- statements that somebody else wrote

    def query(self, sql, args=(), limit=1000, timeout=30.0, actor="", hide=frozenset()):
        """The Future of Rows: a read in a worker.  limit 0 means MAX_ROWS; reading a column of `hide` is refused."""
        return spawn(self._query(sql, args, limit, timeout, actor, hide))

    async def _query(self, sql, args, limit, timeout, actor, hide):
        running = self._register(sql, actor, timeout)
        try:
            return await self._work(self._reader.read, running, sql, args, limit, hide)
        except QueueFull:
            raise ApiError(503, "too many queries wait for a worker") from None
        finally:
            del self.running[running.id]

    def execute(self, sql, args=(), actor="sql", timeout=2.0):
        """The Future of Executed: any statement, in the thread `sql`; caches have been told when it is done.
        ApiError 400 inside a unit, which it could not join."""
        if self._unit is not None:
            raise ApiError(400, "free SQL has a transaction of its own and cannot be part of a batch")
        return spawn(self._run(sql, args, actor, timeout))

    async def _run(self, sql, args, actor, timeout):
        if self.broken is not None:
            raise self.broken
        running = self._register(sql, actor, timeout)
        try:
            writer = self._writer
            done = await self._beside(self._lane("sql"), writer, writer.version, writer.write, running, sql, args)
        finally:
            del self.running[running.id]
        self._committed()
        if done.ddl:
            self._columns.clear()
        for table, ids in done.touched.items():
            self.touch(table, ids)
        return done

    def _register(self, sql, actor, timeout):
        self._numbers += 1
        running = self.running[self._numbers] = Running(self._numbers, sql, self._clock.monotonic(), actor, timeout)
        return running

    def cancel(self, id):
        """End an ad-hoc statement; False if there is none of that number."""
        running = self.running.get(id)
        if running is None:
            return False
        running.cancel()
        return True

    def backup(self, target):
        """The Future of a consistent copy (VACUUM INTO), made in a worker and synced; the name of the copy."""
        return self._work(backup.copy, self.path, os.fspath(target))

    def _work(self, function, *args):
        return (self._lane("read") if self._workers is None else self._workers).run(function, *args)

    def differences(self, whole=False):
        """The Future of Rows (id, balance_u, ledger_u): accounts whose ledger says otherwise, none if all is well.
        `whole` adds up every row of the ledger instead of looking at the newest."""
        from .tables_money import DIFFERENCES, SUMS
        return self.query(SUMS if whole else DIFFERENCES, timeout=600.0, actor="checkcredits")
