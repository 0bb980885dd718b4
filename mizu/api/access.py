"""Who may send a command: the default rule of its declaration, overridden by a row of tb_api.

The table of Access objects is compiled once at start and at `apireload`; a request looks up one of them.
"""

from ..base.message import Role
from .command import ANYBODY, NAMED, OPEN, PUBLIC, SENSITIVE, TABLE, USER

_REQ_USER = {OPEN: Role.PUBLIC, ANYBODY: Role.PUBLIC, PUBLIC: Role.PUBLIC, NAMED: Role.PUBLIC, USER: Role.USER}

MODE_NONE, MODE_USER_OR, MODE_STRICT = 0, 4, 6
"""tb_api.req_user_mode: as `apiv2auth` · one of user name and PIN is enough · user name and password only; what is
left, 2, is user and password or PIN."""

MIN_ON_ROUTE = object()
"""As Access.credit: the setting mincreditonroute, whatever it is when the request comes."""


class Access:
    """One compiled row.

    name      the command as tb_api spells it
    command   Command, or None for a custom name
    rule      the row of tb_api (mizu.records.rules.Rule), or None
    custom    the row says what is done, not the command
    open      credentials are not looked at
    public    nobody has to prove himself; a name alone names the account
    key, ip   authkey needed; peer must be trusted or in apiv2ipauth
    roles     roles that may, as a frozenset
    mode      0 2 4 6
    credit    minimum in micro-units, MIN_ON_ROUTE or None
    register, login   0, 1 …, or None for the global default, which does not hold where nobody has to prove himself
    enabled   0 answers 501
    action    what is to be done once the answer is known (tb_api.custom_action), or 0
    password  the other name of `authpwd`: the command's own parameter goes before
    """
    __slots__ = ("name", "command", "rule", "custom", "open", "key", "ip", "roles", "public", "mode", "credit",
                 "register", "login", "enabled", "action", "password")

    def __init__(self, name, command, rule):
        category = command.access if command else None
        user = _REQ_USER.get(category, Role.ADMIN)
        self.name = name
        self.command = command
        self.rule = rule
        self.custom = command is None or bool(rule and rule.sql)
        self.open = category == OPEN
        self.key = category not in (OPEN, ANYBODY)
        self.ip = category == SENSITIVE
        self.roles = command.roles if command else roles_up_to(Role.ADMIN)
        self.mode = MODE_NONE
        self.credit = self.register = self.login = None
        self.enabled = True
        self.action = 0
        if rule is not None:
            user = self._override(rule, user)
        self.public = user == Role.PUBLIC
        if self.public:
            self.register, self.login = self.register or 0, self.login or 0
        own = command is not None and "password" in [param.name for param in command.params]
        self.password = "authpwd" if own else "password"

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
            self.credit = MIN_ON_ROUTE if rule.credit == 2 else round(rule.credit * 1_000_000)
        self.register = rule.register
        self.login = rule.login
        self.enabled = bool(rule.enabled)
        self.action = rule.action or 0
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
