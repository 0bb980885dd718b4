"""Who may send a command: the default rule of its declaration, overridden by a row of tb_api.

The table of Access objects is compiled once at start and at `apireload`; a request looks up one of them.
"""

from ..base.message import Role
from .command import ANYBODY, NAMED, OPEN, PUBLIC, SENSITIVE, TABLE, USER

_REQ_USER = {OPEN: Role.PUBLIC, ANYBODY: Role.PUBLIC, PUBLIC: Role.PUBLIC, NAMED: Role.PUBLIC, USER: Role.USER}

MODE_NONE, MODE_DEFAULT, MODE_USER_OR, MODE_STRICT = 0, 2, 4, 6
"""tb_api.req_user_mode: as `apiv2auth` · user and password or PIN · one of them is enough · user name and password."""


class Access:
    """One compiled row.

    name      the command as tb_api spells it
    command   Command, or None for a custom name
    rule      the row of tb_api (mizu.records.rules.Rule), or None
    open      credentials are not looked at
    public    nobody has to prove himself; a name alone names the account
    key, ip   authkey needed; peer must be trusted or in apiv2ipauth
    roles     roles that may, as a frozenset
    mode      0 2 4 6
    credit    minimum in micro-units, or None; -1 stands for mincreditonroute
    register, login   0, 1 …, or None for the global default
    enabled   0 answers 501
    """
    __slots__ = ("name", "command", "rule", "open", "key", "ip", "roles", "public", "mode", "credit", "register",
                 "login", "enabled")

    def __init__(self, name, command, rule):
        category = command.access if command else None
        user = _REQ_USER.get(category, Role.ADMIN)
        self.name = name
        self.command = command
        self.rule = rule
        self.open = category == OPEN
        self.key = category not in (OPEN, ANYBODY)
        self.ip = category == SENSITIVE
        self.roles = command.roles if command else roles_up_to(Role.ADMIN)
        self.mode = MODE_NONE
        self.credit = self.register = self.login = None
        self.enabled = True
        if rule is not None:
            user = self._override(rule, user)
        self.public = user == Role.PUBLIC

    def _override(self, rule, user):
        self.open = False
        if rule.key is not None:
            self.key = bool(rule.key)
        if rule.ip is not None:
            self.ip = bool(rule.ip)
        if rule.user:
            user = rule.user
            self.roles = frozenset() if user == 2 else roles_up_to(user)
        if rule.mode:
            self.mode = rule.mode
        if rule.credit not in (None, 0, 1):
            self.credit = -1 if rule.credit == 2 else int(rule.credit * 1_000_000)
        self.register = rule.register
        self.login = rule.login
        self.enabled = bool(rule.enabled)
        return user


def roles_up_to(user):
    """The roles that pass `req_user`: a smaller number may do more."""
    return frozenset(role for role in Role.ALL if role <= user)


def compile_access(rules):
    """{fname: Rule} -> {entry: Access} for every command and every custom name."""
    table = {}
    for entry, command in TABLE.items():
        rule = rules.get(entry) or rules.get(command.name)
        table[entry] = Access(entry, command, rule)
    for name, rule in rules.items():
        if name not in table:
            table[name] = Access(name, None, rule)
    return table
