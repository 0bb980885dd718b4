"""The rows of tb_api, compiled: whom a command asks for, and the SQL of custom names (the manual's chapters
Authentication, Custom and Actions).

A row that cannot be understood closes its name: what an operator wrote to restrict a command never opens it by
a slip.  Nothing of it is run here.
"""

import re

from ..base.errors import ApiError
from ..store.tsql import action_body, command_words, compile_custom

_NAME = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)

_ALLOWED = {
    "req_key": (None, 0, 1), "req_ip": (None, 0, 1), "req_user": (None, 0, 2, 4, 6, 8, 10, 11, 12, 14),
    "req_user_mode": (None, 0, 2, 4, 6), "req_user_register": (None, 0, 1, 2), "req_user_login": (None, 0, 1, 2, 3),
    "custom_action": (None, *range(0, 9), *range(51, 59)), "enabled": (None, 0, 1),
}
"""Column -> values it takes, as the manual lists them."""

_COLUMNS = ("fname", "req_key", "req_ip", "req_user", "req_user_mode", "req_user_credit", "req_user_register",
            "req_user_login", "customsql", "custom_action", "custom_action_body", "enabled")

_BODIES = {1: action_body, 2: action_body, 7: command_words, 8: lambda body: compile_custom(body, bare=True)}
"""What an action's body is compiled by: the text of mails and SMS, the words of a program, a statement."""


class Rule:
    """One row.  name as in fname, lower case · key ip user mode credit register login as the row says ·
    sql: store.customsql.Custom, or None · action · does: its body compiled, see _BODIES · enabled · fault: why it is
    closed, or None."""
    __slots__ = ("name", "key", "ip", "user", "mode", "credit", "register", "login", "sql", "action", "does", "enabled",
                 "fault")

    def __init__(self, row):
        (name, self.key, self.ip, self.user, self.mode, self.credit, self.register, self.login, sql, self.action,
         body, enabled) = row
        self.name = name.lower()
        self.sql = self.does = None
        self.enabled = 1 if enabled is None else enabled
        self.fault = _fault(row)
        if self.fault is None and sql and sql.strip("* \t\r\n"):
            try:
                self.sql = compile_custom(sql)
            except ApiError as error:
                self.fault = f"customsql: {error.message}"
        if self.fault is None and self.action:
            try:
                self.does = _BODIES.get(self.action % 50, str)(body or "")
            except ApiError as error:
                self.fault = f"custom_action_body: {error.message}"
        if self.fault is not None:
            self.close()

    def close(self):
        """Nobody may send it: the fields as they are if they say nothing wrong."""
        self.key, self.ip, self.user, self.mode = 1, 1, 2, 0
        self.credit = self.register = self.login = None
        self.action = self.enabled = 0


def _fault(row):
    """What is wrong with the fields of a row, or None."""
    given = dict(zip(_COLUMNS, row))
    if not _NAME.fullmatch(given["fname"].lower()):
        return "fname takes up to 64 of the characters a-z 0-9 _ . -"
    for column, allowed in _ALLOWED.items():
        if given[column] not in allowed:
            return f"{column} takes one of {', '.join(str(value) for value in allowed if value is not None)}"
    if not isinstance(given["req_user_credit"], (int, float, type(None))):
        return "req_user_credit takes an amount"
    return None


class Rules:
    """rows: {name in lower case: Rule}, as of the last reload()."""

    def __init__(self, db):
        self.db = db
        self.rows = {}
        self._bad = {}          # SQL -> why the database refuses it, as of the last judge()

    async def judge(self):
        """Have the database look at every statement: reload() closes the names of those that it refuses."""
        self._bad = {}
        self.reload()
        for sql in {rule.sql.sql: rule.sql for rule in self.rows.values() if rule.sql is not None}.values():
            look = self.db.query if sql.is_query else self.db.execute
            try:
                await look("EXPLAIN " + sql.sql, [None] * len(sql.args))
            except ApiError as error:
                if error.code >= 500:
                    raise
                self._bad[sql.sql] = error.message

    def reload(self):
        """Read tb_api; returns what is wrong, one text a row."""
        rules = [Rule(row) for row in self.db.rows(f"SELECT {', '.join(_COLUMNS)} FROM tb_api ORDER BY id")]
        for rule in rules:
            if rule.sql is not None and rule.sql.sql in self._bad:
                rule.fault = f"customsql: {self._bad[rule.sql.sql]}"
                rule.sql = None
                rule.close()
        self.rows = {rule.name: rule for rule in rules}
        return [f"tb_api {rule.name[:64]}: {rule.fault}" for rule in rules if rule.fault]
