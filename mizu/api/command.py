"""A command is declared once; everything else about it is read from the row.

    @command("rating", group="money", access=USER, summary="Price towards a number or prefix",
             params=[Param("bnum", phone, "called number or prefix", aliases=("bnun", "prefix"))])
    def rating(ctx, bnum): ...

The row holds the facts of the wire, the signature the defaults.  From the row come binding, `param1`…, the
comma form of the console, help, completion, OpenAPI, the man page, the examples and the default access.
"""

import re

from ..base.errors import ApiError
from ..base.message import Role
from ..records.account import SRVADMIN
from .param import ALIASES

OPEN = "open"               # no key, no user: credentials are not even looked at
ANYBODY = "anybody"         # no key; a user who proves himself sees more
PUBLIC = "public"           # key, no user
NAMED = "named"             # key, and a user by name alone
USER = "user"               # key and any proven account, on itself
ADMIN = "admin"             # key and an administrator
SENSITIVE = "sensitive"     # the same, and only from a trusted address

_ALL = frozenset(Role.ALL)
_USERS = _ALL - {Role.PUBLIC}
_ADMINS = frozenset((Role.SRVADMIN, Role.ADMIN))
ROLES = {OPEN: _ALL, ANYBODY: _ALL, PUBLIC: _ALL, NAMED: _ALL, USER: _USERS, ADMIN: _ADMINS, SENSITIVE: _ADMINS}

GROUPS = {
    "session": "Core and session",
    "accounts": "Accounts",
    "money": "Money",
    "numbers": "Numbers",
    "cdr": "Call records",
    "calls": "Calls and registrations",
    "messages": "Messages and presence",
    "store": "The store, files and custom commands",
    "server": "Operating the server",
}

TABLE = {}
"""Every name a command goes by -> Command, in the order of declaration."""

_NOTHING = object()
"""The default of a parameter that has to be given."""

_ID = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_IDS = ("u_id", *ALIASES["u_id"])

_ARGS, _KWARGS, _COROUTINE = 0x04, 0x08, 0x80
"""Flags of a code object (inspect.CO_…; importing inspect takes 1.4 MB)."""

_STRICT = frozenset(("integer", "decimal", "money", "flag", "username", "secret"))
"""Types whose values cannot hold an attack, or must not be looked at."""


class Command:
    """One row of the table.

    name, names   its name; all its names, the name first
    group         a key of GROUPS
    access        OPEN … SENSITIVE: the default rule, which a row of tb_api overrides
    roles         the roles the default rule lets in
    summary       one sentence for help
    params        [Param] in positional order
    fields        takes the fields of an account or row as u_NAME
    reads         changes nothing, so support users may, of any account
    alone         has an effect beside the database that no batch could take back
    audited       leaves a row in tb_audit
    limit         (requests a second, burst) for this command from one address, or None
    function      the function; awaitable when is_async
    places        how many values it takes without names
    either        the keys of u_username where that shares its place with u_id, else None
    judged        takes free texts, which the filter looks at when a user sends them
    """
    __slots__ = ("name", "names", "group", "access", "roles", "summary", "params", "fields", "reads", "alone",
                 "audited", "limit", "function", "is_async", "keys", "places", "either", "takes", "defaults", "judged",
                 "calls", "failures")

    def __init__(self, name, names, group, access, roles, summary, params, fields, reads, alone, audited, limit,
                 function):
        self.name = name
        self.names = names
        self.group = group
        self.access = access
        self.roles = roles
        self.summary = summary
        self.params = params
        self.fields = fields
        self.reads = reads
        self.alone = alone
        self.audited = audited
        self.limit = limit
        self.function = function
        self.is_async = bool(function.__code__.co_flags & _COROUTINE)
        defaults = function.__defaults__ or ()
        defaults = (_NOTHING,) * (len(params) - len(defaults)) + defaults
        own = {param.name for param in params}
        places = _places(params)
        self.places = places[-1] if places else 0
        self.keys = [(_keys(param, index, own), param, default)
                     for index, param, default in zip(places, params, defaults)]
        self.either = next((keys for keys, param, _ in self.keys if param.name == "u_username" and
                            keys[-1] in [other[-1] for other, each, _ in self.keys if each.name == "u_id"]), None)
        self.takes = frozenset(key for keys, _, _ in self.keys for key in keys)
        self.defaults = [default for _, _, default in self.keys]
        self.judged = fields or any(param.type.name not in _STRICT for param in params)
        self.calls = 0
        self.failures = 0

    def bind(self, given):
        """{name: text} as sent -> values in the order of the signature; an empty text counts as not given."""
        if self.takes.isdisjoint(given) and _NOTHING not in self.defaults:
            return self.defaults
        if self.either is not None and self.either[-1] in given:
            given = self._account_named(given)
        values = []
        for keys, param, default in self.keys:
            for key in keys:
                if key in given:
                    text = given[key]
                    if text:
                        values.append(param.value(text))
                        break
            else:
                if default is _NOTHING:
                    raise ApiError(400, f"missing parameter {param.name} ({param.help}; takes {param.type.takes})")
                values.append(default)
        return values

    def _account_named(self, given):
        """The same with what stands in the one place of u_id|u_username under its name: an id if it is a number, else
        a user name.  A number is given as both, see Context.account()."""
        given = dict(given)
        *names, place = self.either
        text = given.pop(place)
        if any([given.get(key) for key in _IDS]):
            return given
        named = any([given.get(key) for key in names])
        if named or _ID.fullmatch(text):
            given["u_id"] = text
        if not named:
            given["u_username"] = text
        return given

    def named(self, given):
        """{name: text} as sent, with aliases and `param1`… under the parameters' own names."""
        named = self._account_named(given) if self.either is not None and self.either[-1] in given else dict(given)
        for keys, param, _ in self.keys:
            sent = next((key for key in keys if key in named), param.name)
            if sent != param.name:
                named[param.name] = named.pop(sent)
        return named

    def required(self, param):
        """Whether the signature gives the parameter no default."""
        return next(default is _NOTHING for _, row, default in self.keys if row is param)


def _places(params):
    """The position of each parameter, from 1; `u_id|u_username` is one."""
    places = []
    for at, param in enumerate(params):
        shared = param.name == "u_username" and at and params[at - 1].name == "u_id"
        places.append((places[-1] if places else 0) + (not shared))
    return places


def _keys(param, index, own):
    aliases = param.aliases + tuple(a for a in ALIASES.get(param.name, ()) if a not in param.aliases)
    return (param.name, *(alias for alias in aliases if alias not in own), f"param{index}")


def command(name, *, group, access, summary, params=(), also=(), reads=False, tree=False, fields=False, alone=False,
            limit=None, audited=None):
    """Declare a command.  `also`: its other names · `reads`: changes nothing, so support users may ·
    `tree`: resellers may, in their own tree · `fields`: takes u_NAME fields · `alone`: never in a batch."""
    def declare(function):
        names = (name, *also)
        _refuse(names, group, access, summary, params, function)
        roles = ROLES[access]
        if reads and access == ADMIN:
            roles = roles | {Role.SUPPORT}
        if tree:
            roles = roles | {Role.RESELLER}
        writes = access in (ADMIN, SENSITIVE) and not reads if audited is None else audited
        row = Command(name, names, group, access, roles, summary, list(params), fields, reads, alone, writes, limit,
                      function)
        for each in names:
            TABLE[each] = row
        return function
    return declare


def _refuse(names, group, access, summary, params, function):
    """A declaration that contradicts itself is an error of the program, found at import."""
    signature = _parameters(function)[1:]
    where = f"command {names[0]}"
    if [param.name for param in params] != signature:
        raise TypeError(f"{where}: parameters {[p.name for p in params]} but the function takes {signature}")
    if not summary or summary != summary.strip():
        raise TypeError(f"{where}: no summary")
    if group not in GROUPS or access not in ROLES:
        raise TypeError(f"{where}: unknown group or access")
    taken = [each for each in names if each in TABLE or names.count(each) > 1 or each != each.lower()]
    if taken:
        raise TypeError(f"{where}: {taken} is declared twice or not in lower case")
    called = [name for param in params for name in (param.name, *param.aliases)]
    twice = [name for name in called if called.count(name) > 1 or name != name.lower()]
    if twice or not all(param.help for param in params):
        raise TypeError(f"{where}: a parameter without help, or a name of two: {twice}")


def _parameters(function):
    """Names of all its parameters in their order."""
    code = function.__code__
    more = bool(code.co_flags & _ARGS) + bool(code.co_flags & _KWARGS)
    return list(code.co_varnames[:code.co_argcount + code.co_kwonlyargcount + more])


class Context:
    """What a command sees: the request, who asks, the connection's session, the row, and the services."""
    __slots__ = ("request", "principal", "session", "command", "server")

    def __init__(self, request, principal, session, command, server):
        self.request = request
        self.principal = principal
        self.session = session
        self.command = command
        self.server = server

    @property
    def user(self):
        """The account the request acts on: the caller's own, or `targetuser`; None without one."""
        return self.principal.target

    @property
    def is_admin(self):
        return self.principal.role <= Role.ADMIN

    @property
    def actor(self):
        """Who is named in ledger and audit rows."""
        user = self.principal.user
        return user.username if user else "console" if self.session.console else self.request.peer.host

    def judge_rank(self, *types):
        """ApiError 403 if one of these account types is a server administrator's and the asker is none: whoever could
        make, change or impersonate one would be one."""
        if SRVADMIN in types and self.principal.role > Role.SRVADMIN:
            raise ApiError(403, "access denied: only a server administrator may make, change or impersonate one")

    def fields(self):
        """The u_NAME parameters as sent, without `u_`: {column: text}."""
        return {key[2:]: value for key, value in self.request.params.items() if key.startswith("u_") and len(key) > 2}

    def account(self, u_id=None, u_username=None, required=True):
        """The account that a request names.

        A user is always himself, whatever he sends; a reseller reaches his own tree, support every account by a
        command that reads; an administrator who names none gets 400 when `required`, else himself (None if he
        proved himself by address).
        """
        own = self.principal.target
        role = self.principal.role
        if role > Role.RESELLER and not (role == Role.SUPPORT and self.command.reads):
            if own is None:
                raise ApiError(401, "auth failed: wrong user or password")
            return own
        users = self.server.users
        if u_id is None and not u_username:
            if required and own is self.principal.user:
                raise ApiError(400, "missing user input")
            return own
        found = users.by_id(u_id) if u_id is not None else users.by_username(u_username)
        if found is None and u_username == str(u_id):       # a number in the place of both
            found = users.by_username(u_username)
        if role == Role.RESELLER and found is not None and not users.below(own, found):
            found = None
        if found is None:
            raise ApiError(404, f"no such user: {u_id if u_id is not None else u_username}")
        return found
