"""Checkpoints: the log's contents into the database, on a connection and in a thread of their own.

PASSIVE only, which waits for nobody: once with the gate open, for the bulk, once with it closed, for what came
in meanwhile.  Then a small write starts the log afresh and pays the sync of its new header, which would
otherwise stall the loop's next commit.  Knows no gate: Database opens and closes it.
"""

from . import sqlite


class Checkpointer:
    """All methods run in the checkpoints' thread."""

    def __init__(self, path):
        self._path = path
        self._connection = None
        self.complete = False

    def passive(self):
        """Copy what may be copied; `complete` says whether that was all."""
        if self._connection is None:
            self._connection = sqlite.connect(self._path)
        try:
            busy, pages, copied = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self.complete = not busy and pages == copied
        except sqlite.module().OperationalError as error:
            self._failed(error)

    def passive_version(self):
        """passive(), then the version; in this order, because a checkpoint makes the version change."""
        self.passive()
        return self.version()

    def version(self):
        """Differs from the last look when another connection has committed since."""
        return self._connection.execute("PRAGMA data_version").fetchone()[0]

    def write(self):
        """The small write; without it nothing is lost but time, so a busy database is left alone."""
        if not self.complete:
            return False
        try:
            self._connection.execute("UPDATE tb_checkpoint SET number = number + 1")
        except sqlite.module().OperationalError as error:
            self._failed(error)
        return self.complete

    def _failed(self, error):
        """Another time, then; but a sync that fails is final."""
        self.complete = False
        fault = sqlite.told(error)
        if isinstance(fault, sqlite.SyncFailed):
            raise fault

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
