"""tb_recordings: which call a recording is of, and whose.  The files themselves are files.py's."""


class Recordings:
    """db, clock."""

    def __init__(self, db, clock):
        self.db = db
        self.clock = clock

    def add(self, unit, userid, filename, sipcallid="", caller="", called=""):
        """Note a recording that an account has sent; the same file again changes nothing.  Returns its id.

        filename   below the folder of recordings; a call of another account is not found by its Call-ID
        """
        known = self.db.value("SELECT id FROM tb_recordings WHERE userid = ? AND filename = ?", (userid, filename))
        if known is not None:
            return known
        cdrid = self.db.value("SELECT id FROM tb_cdrs WHERE sipcallid = ? AND sipcallid <> '' AND"
                              " (callerid = ? OR calledid = ?) ORDER BY id DESC LIMIT 1", (sipcallid, userid, userid))
        return unit.run("INSERT INTO tb_recordings (cdrid, userid, sipcallid, datum, callernumber, callednumber,"
                        " filename) VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (cdrid or 0, userid, sipcallid, self.clock.utc(), caller, called, filename)).lastrowid
