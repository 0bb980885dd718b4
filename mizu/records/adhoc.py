"""SQL that an administrator writes into a request (the manual's chapter Custom SQL commands): read, changed, judged."""

from ..store.tsql import is_query, single, translate


def prepared(sql, isopen=None):
    """One statement in SQL Server's or SQLite's words -> (SQLite's, whether it answers rows).

    isopen   says so where the text does not
    """
    sql = single(sql)
    return translate(sql), is_query(sql) if isopen is None else isopen
