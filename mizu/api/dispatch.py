"""One request, one line: limit, resolve, authenticate, authorize, bind, run, finish -> Answer.

The same for every transport and every format.  submit() answers at once where it can and gives a Future
where the command waits (a durable write, a query in a worker) or where a refusal is held back to the tick
that hides how long the look-up took.
"""

import difflib

from ..base.errors import ApiError
from ..base.log import where
from ..base.message import Answer, Role
from ..base.task import Future, spawn
from .auth import Authenticator
from .command import TABLE, Context
from .filter import refuse_injection

TICK = 0.020
"""Refused logins leave together at this interval, seconds."""

_INTERNAL = "internal error, see the server's log"


class Dispatcher:
    """`server` gives the services; `table` is {entry: Access}, renewed by reload()."""

    def __init__(self, server, auth, custom):
        self.server = server
        self.auth = auth
        self.custom = custom
        self.table = {}
        self.requests = 0
        self.failures = 0
        self._held = []

    def submit(self, request, session):
        """Request -> Answer, or a Future of one."""
        self.requests += 1
        access = self.table.get(request.entry)
        try:
            if access is None:
                raise self._unknown(request)
            context = self._admit(request, session, access)
            command = access.command
            if access.rule is not None and access.rule.sql:
                return self._wait(self.custom(context, access.rule), request, access)
            arguments = command.bind(request.params)
            if context.principal.role > Role.ADMIN:
                refuse_injection(command, arguments, request.params)
            if command.is_async:
                return self._wait(command.function(context, *arguments), request, access)
            return self._finish(command.function(context, *arguments), request, access)
        except ApiError as error:
            return self._refuse(error, request, access)
        except Exception as error:
            return self._bug(error, request, access)

    def _admit(self, request, session, access):
        """Limits, bans and the proof of who asks; returns the command's Context."""
        server = self.server
        host = request.peer.host
        trust = server.trust
        flags = trust.flags(host)
        now = request.received
        exempt = trust.exempt(flags)
        if not exempt:
            self._limit(server, host, access, now)
        if not access.enabled:
            raise ApiError(501, f"{access.name} is disabled (tb_api.enabled)")
        principal = request.principal = self.auth.authenticate(request, session, access, flags)
        user = principal.user
        if user is not None and not exempt:
            wait = server.limits.user.take(user.id, now)
            if wait:
                raise _too_many(wait)
        return Context(request, principal, session, access.command, server)

    @staticmethod
    def _limit(server, host, access, now):
        if server.bans.banned(host):
            raise ApiError(403, "this address is banned")
        limits = server.limits
        wait = limits.address.take(host, now) or limits.everybody.take("", now)
        command = access.command
        if command is not None and command.limit and not wait:
            wait = limits.command(command).take(host, now)
        if wait:
            raise _too_many(wait)

    def _wait(self, coroutine, request, access):
        future = spawn(coroutine)
        if future.done:
            return self._outcome(future, request, access)
        answer = Future()
        future.then(lambda done: answer.set(self._outcome(done, request, access)))
        return answer

    def _outcome(self, future, request, access):
        try:
            return self._finish(future.result(), request, access)
        except ApiError as error:
            return self._failed(error, request, access)
        except Exception as error:
            return self._bug(error, request, access)

    def _finish(self, answer, request, access):
        answer.entry = request.entry
        command = access.command
        if command is not None:
            command.calls += 1
            if command.audited:
                self.server.audit.record(request, access.name, answer.code)
        return answer

    def _refuse(self, error, request, access):
        """An ApiError as an Answer; failed logins are held back to the next tick."""
        answer = self._failed(error, request, access)
        if error.code != 401 or self.server.reactor is None:
            return answer
        future = Future()
        if not self._held:
            self.server.reactor.later(TICK, self._release)
        self._held.append((future, answer))
        return future

    def _release(self):
        held, self._held = self._held, []
        for future, answer in held:
            future.set(answer)

    def _failed(self, error, request, access):
        self.failures += 1
        command = access.command if access else None
        if command is not None:
            command.failures += 1
            if command.audited and request.principal is not None:
                self.server.audit.record(request, access.name, error.code)
        return Answer("ERROR: " + error.message, error.data, error.code, entry=request.entry, control=error.control)

    def _bug(self, error, request, access):
        self.failures += 1
        self.server.log.error(f"{request.entry} failed: {error!r}", serial=request.serial, at=where(error))
        return Answer(f"ERROR: {_INTERNAL}, request {request.serial}", code=500, entry=request.entry)

    def _unknown(self, request):
        """404 with the nearest names; counted against the address like any other request."""
        peer = request.peer
        if not self.server.trust.exempt(self.server.trust.flags(peer.host)):
            wait = self.server.limits.address.take(peer.host, request.received)
            if wait:
                return _too_many(wait)
        if not request.entry:
            return ApiError(404, "no command: send apientry=NAME (apientry=help lists the names)")
        near = difflib.get_close_matches(request.entry[:40], self.table, 3, 0.6)
        hint = f", did you mean {', '.join(near)}" if near else ""
        return ApiError(404, f"unknown command {request.entry[:40]!r}{hint} (help lists all)")


def _too_many(wait):
    return ApiError(429, f"too many requests, try again in {wait:.1f} s")
