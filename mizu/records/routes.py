"""Rows of tb_routing that come with a trunk (the manual's adduser: routing_id, routing_priority)."""

from ..base.errors import ApiError

PRIORITY = 7
"""Of a route that names none."""


def add_route(db, unit, serverid, name, routing_id=None, priority=PRIORITY):
    """Route to a new trunk; returns the id of the row.

    routing_id   id or name of an entry that the trunk joins, as one more server with the same patterns;
                 None joins the one that takes every number, if there is exactly one, else makes one called `name`
    """
    if routing_id is None:
        entries = db.rows("SELECT DISTINCT name FROM tb_routing WHERE prefix = '' AND callerpattern = ''"
                          " AND enabled <> 0 AND name <> '' LIMIT 2")
        entry = _entry(db, entries[0][0]) if len(entries) == 1 else None
    else:
        entry = _entry(db, routing_id)
        if entry is None:
            raise ApiError(404, f"no such routing entry: {routing_id[:64]}")
    row = entry or (name, "", -1, "", 10)
    id = unit.run("INSERT INTO tb_routing (name, callerpattern, callertype, prefix, timetype, serverid, priority)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, serverid, priority)).lastrowid
    db.touch("tb_routing", (id,))
    return id


def _entry(db, routing_id):
    """(name, callerpattern, callertype, prefix, timetype) of an entry by id or name."""
    columns = "SELECT name, callerpattern, callertype, prefix, timetype FROM tb_routing WHERE "
    if routing_id.isdecimal() and len(routing_id) < 18:
        row = db.row(columns + "id = ?", (int(routing_id),))
        if row is not None:
            return row
    return db.row(columns + "name = ? ORDER BY id", (routing_id,))
