"""The transaction of a `with db.unit()`, and who is at work in it."""

from . import sqlite

BETWEEN = 100
"""Milliseconds that the loop stands still for another process's transaction which began between our gate and here: a
piece of an import takes 15, and one write in a thousand meets it."""


class Unit:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK on an exception.  Never await inside.

    Inside another unit it joins that one as a savepoint: what it wrote is taken back alone when it fails, and
    with the outer one when that fails.  With an actor, the triggers of the ledger find (kind, actor, refid) in
    tb_actor for as long as it lasts.
    """
    __slots__ = ("_db", "_execute", "_actor", "_outer", "_begun")

    def __init__(self, db, actor, kind, refid, begun=False):
        self._db = db
        self._execute = db._execute
        self._actor = (kind or "sql", actor, "" if refid is None else str(refid)) if actor is not None else None
        self._outer = None
        self._begun = begun         # by Database.begun

    def __enter__(self):
        db = self._db
        if db.broken is not None:
            raise db.broken
        self._outer = db._unit
        try:
            if self._outer is not None:
                self._execute("SAVEPOINT unit")
            elif not self._begun:
                self._begin()
            if self._actor is not None:
                self._execute("INSERT OR REPLACE INTO tb_actor VALUES (1, ?, ?, ?)", self._actor)
        except db._sqlite.Error as error:
            self._undo()
            raise db.told(error)
        db._unit = self
        return self

    def _begin(self):
        try:
            self._execute("BEGIN IMMEDIATE")
        except self._db._sqlite.Error as error:
            if not sqlite.is_busy(error):
                raise
            self._execute(f"PRAGMA busy_timeout={BETWEEN}")
            try:
                self._execute("BEGIN IMMEDIATE")
            finally:
                self._execute("PRAGMA busy_timeout=0")

    def run(self, sql, args=()):
        """Execute; returns the cursor (fetchall, lastrowid, rowcount).  ApiError 422 for a broken constraint."""
        try:
            return self._execute(sql, args)
        except self._db._sqlite.Error as error:
            raise self._db.told(error)

    def __exit__(self, kind, error, trace):
        db = self._db
        db._unit = self._outer
        if kind is not None:
            self._undo()
            return
        try:
            if self._actor is not None:
                self._leave()
            self._execute("COMMIT" if self._outer is None else "RELEASE unit")
        except db._sqlite.Error as fault:
            self._undo()
            raise db.told(fault)
        if self._outer is None:
            db._undone.clear()
            db._committed()

    def _leave(self):
        """tb_actor as it was before."""
        self._execute("DELETE FROM tb_actor")
        outer = self._outer
        while outer is not None:
            if outer._actor is not None:
                self._execute("INSERT INTO tb_actor VALUES (1, ?, ?, ?)", outer._actor)
                return
            outer = outer._outer

    def _undo(self):
        """Take back what was written, then what memory had taken from it."""
        db = self._db
        if db._db.in_transaction:           # SQLite itself has ended it when the disk was full
            if self._outer is not None:
                self._execute("ROLLBACK TO unit")
                self._execute("RELEASE unit")
            else:
                self._execute("ROLLBACK")
        undone = list(db._undone)
        if self._outer is None:
            db._undone.clear()
        for callback, args in undone:
            callback(*args)
