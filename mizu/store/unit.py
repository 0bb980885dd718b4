"""The transaction of a `with db.unit()`, and who is at work in it."""

from . import sqlite


class Unit:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK on an exception.  Never await inside.

    With an actor, the triggers of the ledger find (kind, actor, refid) in tb_actor for as long as it lasts.
    """
    __slots__ = ("_db", "_execute", "_actor")

    def __init__(self, db, actor, kind, refid):
        self._db = db
        self._execute = db._execute
        self._actor = (kind or "sql", actor, "" if refid is None else str(refid)) if actor is not None else None

    def __enter__(self):
        if self._db.broken is not None:
            raise self._db.broken
        try:
            self._execute("BEGIN IMMEDIATE")
            if self._actor is not None:
                self._execute("INSERT INTO tb_actor VALUES (1, ?, ?, ?)", self._actor)
        except self._db._sqlite.Error as error:
            self._undo()
            raise sqlite.told(error)
        return self

    def run(self, sql, args=()):
        """Execute; returns the cursor (fetchall, lastrowid, rowcount).  ApiError 422 for a broken constraint."""
        try:
            return self._execute(sql, args)
        except self._db._sqlite.Error as error:
            raise sqlite.told(error)

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self._undo()
            return
        try:
            if self._actor is not None:
                self._execute("DELETE FROM tb_actor")
            self._execute("COMMIT")
        except self._db._sqlite.Error as fault:
            self._undo()
            raise sqlite.told(fault)
        self._db._committed()

    def _undo(self):
        if self._db._db.in_transaction:
            self._execute("ROLLBACK")
