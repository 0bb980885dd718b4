"""Commands asked without a server: a Context over records on the disk."""

import itertools
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mizu import commands
from mizu.api.access import compile_access
from mizu.api.command import TABLE, Context
from mizu.api.custom import run_custom
from mizu.api.limits import Limits
from mizu.base.errors import ApiError
from mizu.base.log import Log
from mizu.base.message import Answer, Peer, Principal, Request, Role, Session
from mizu.calls.board import Board
from mizu.calls.current import CurrentCalls
from mizu.calls.meter import Meters

from records.store import add, records, wait
from tests.blank import lay

if not TABLE:
    commands.load()

_serials = itertools.count(1)


@cache
def _settled(sets):
    """(content of the file, {name: id}) of a database with the accounts of a town: made once, then copied."""
    with TemporaryDirectory() as folder:
        made = records(Path(folder), *sets)
        ids = {"root": add(made, "root", type=16, password="rootpass"),
               "agent": add(made, "agent", type=14, password="agentpass"),
               "boss": add(made, "boss", type=2, password="bosspass", currency="EUR")}
        ids["kid"] = add(made, "kid", parentid=ids["boss"], password="kidpass")
        ids["john"] = add(made, "john", password="johnpass", credit=12.34, currency="USD")
        made.db.close()
        return Path(folder, "mizud.db").read_bytes(), ids


class Town:
    """Records with a few accounts: root (administrator), agent (support), boss (reseller) with kid below, john.

    ask("balance", "john", u_id="5") is the Answer to john; no user means an administrator by address."""

    def __init__(self, folder, *sets):
        content, accounts = _settled(sets)
        lay(folder / "mizud.db", content)
        self.__dict__.update(vars(records(folder, *sets)), **accounts)
        self.log = Log(stderr=None, clock=self.clock)
        self.limits = Limits(self.settings)
        self.board = Board(self.clock, self.settings, self.users)
        self.currentcalls = CurrentCalls(self.board, self.users, self.clock)
        self.listing.currentcalls = self.currentcalls.by_account
        self.meters = Meters(self.db, self.clock, None, self.settings, self.users, self.rates, self.reservations, None, None)
        self.reload_rules()

    def reload_rules(self):
        faults = self.rules.reload()
        self.table = compile_access(self.rules.rows)
        return faults

    def reload_keys(self):
        return 3

    def ask(self, entry, by=None, host="10.0.0.1", format="", **params):
        answer = self.asked(entry, by, host, format, **params)
        return wait(answer) if answer.__class__ is not Answer else answer

    def asked(self, entry, by=None, host="10.0.0.1", format="", **params):
        """The same while a command waits: its coroutine in place of the Answer."""
        user = self.users.by_username(by) if by else None
        role = user.role if user else Role.ADMIN
        request = Request(entry, {name.lower(): str(value) for name, value in params.items()},
                          Peer("http", host, 5), received=self.clock.monotonic(), serial=next(_serials))
        request.format = format
        request.principal = Principal(user, role, (), user)
        context = Context(request, request.principal, Session(request.peer), TABLE.get(entry), self)
        access = self.table[entry]
        if role not in access.roles:
            raise ApiError(403, "access denied")
        if access.rule is not None and access.rule.sql:
            return run_custom(context, access.rule)
        return access.command.function(context, *access.command.bind(request.params))

    def refused(self, entry, by=None, **params):
        """(code, message) of the refusal; nothing may have been committed."""
        before = self.db.commits
        try:
            answer = self.ask(entry, by, **params)
        except ApiError as error:
            assert self.db.commits == before, "something was written all the same"
            return error.code, error.message
        raise AssertionError(f"was not refused: {answer!r}")

    def value(self, username, column):
        return self.db.value(f"SELECT {column} FROM tb_users WHERE username = ?", (username,))
