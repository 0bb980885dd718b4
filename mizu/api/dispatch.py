"""One request, one line: limit, resolve, authenticate, authorize, bind, run, finish, act -> Answer.

The same for every transport and every format.  submit() answers at once where it can and gives a Future
where the command waits (a durable write, a query in a worker) or where a refusal is held back to the tick
that hides how long the look-up took.
"""

from ..base.errors import ApiError
from ..base.log import where
from ..base.message import Answer, Role
from ..base.task import Future, spawn
from .actions import act, is_due
from .command import Context
from .filter import refuse_injected, refuse_injection

TICK = 0.020
"""Refused logins leave together at this interval, seconds."""

LONGEST_NAME = 40
"""Characters of an unknown command that are looked at and said again."""


class Dispatcher:
    """`server` gives the services; `table` is {entry: Access}, renewed by the server's reload_rules().

    custom  coroutine function(context, rule): what a row of tb_api says
    joined  the requests of a batch are being carried out: nothing may wait, the batch holds back and audits
    """

    def __init__(self, server, auth, custom):
        self.server = server
        self.auth = auth
        self.custom = custom
        self.table = {}
        self.requests = 0
        self.failures = 0
        self.joined = False
        self._held = []         # one for each request under way at most, and those are bounded at the door

    def submit(self, request, session):
        """Request -> Answer, or a Future of one; in a batch always an Answer."""
        self.requests += 1
        access = self.table.get(request.entry)
        if access is not None and access.action:
            return self._acted(self._carry_out(request, session, access), request, session, access)
        return self._carry_out(request, session, access)

    def _carry_out(self, request, session, access):
        try:
            if access is None:
                raise self._unknown(request)
            context = self._admit(request, session, access)
            if access.custom:
                if context.principal.role > Role.ADMIN:
                    refuse_injected(request.params)
                return self._wait(self.custom(context, access.rule), request, access)
            command = access.command
            arguments = command.bind(request.params)
            if command.judged and context.principal.role > Role.ADMIN:
                refuse_injection(command, arguments, request.params)
            if command.is_async:
                return self._wait(command.function(context, *arguments), request, access)
            return self._finish(command.function(context, *arguments), request, access)
        except ApiError as error:
            return self._refuse(error, request, access)
        except Exception as error:
            return self._bug(error, request, access)

    # -- letting in --------------------------------------------------------------------------------

    def _admit(self, request, session, access):
        """Limits, bans and the proof of who asks; returns the command's Context."""
        server = self.server
        flags = server.trust.flags(request.peer.host)
        now = request.received
        exempt = server.trust.exempt(flags)
        if not exempt:
            self._limit(request, flags, access.command)
        if not access.enabled:
            fault = access.rule is not None and access.rule.fault
            raise ApiError(501, f"{access.name} is closed, its row of tb_api has a fault: see apireload" if fault else
                           f"{access.name} is disabled (tb_api.enabled)")
        principal = request.principal = self.auth.authenticate(request, session, access, flags)
        user = principal.user
        if user is not None and not exempt:
            wait = server.limits.user.take(user.id, now)
            if wait:
                raise _too_many(wait)
        return Context(request, principal, session, access.command, server)

    def _limit(self, request, flags, command):
        """ApiError for a banned address and for one that asks too often."""
        server = self.server
        host = request.peer.host
        if server.bans.banned(host):
            raise ApiError(403, "this address is banned")
        if request.direct and server.trust.unlimited(flags):
            return
        limits, now = server.limits, request.received
        wait = limits.address.take(host, now) or limits.everybody.take("", now)
        if command is not None and command.limit and not wait:
            wait = limits.command(command).take(host, now)
        if wait:
            raise _too_many(wait)

    def _unknown(self, request):
        """404 with the nearest names; limited like any other request."""
        flags = self.server.trust.flags(request.peer.host)
        if not self.server.trust.exempt(flags):
            self._limit(request, flags, None)
        entry = request.entry[:LONGEST_NAME]
        if not entry:
            return ApiError(404, "no command: send apientry=NAME (apientry=help lists the names)")
        import difflib
        near = difflib.get_close_matches(entry, self.table, 3, 0.6)
        hint = f", did you mean {', '.join(near)}" if near else ""
        return ApiError(404, f"unknown command {entry!r}{hint} (help lists all)")

    # -- waiting -----------------------------------------------------------------------------------

    def _wait(self, coroutine, request, access):
        if self.joined:
            return self._finish(_at_once(coroutine, request), request, access)
        answer = Future()
        spawn(coroutine).then(lambda done: answer.set(self._outcome(done, request, access)))
        return answer.settled()

    def _outcome(self, future, request, access):
        try:
            return self._finish(future.result(), request, access)
        except ApiError as error:
            return self._failed(error, request, access)
        except Exception as error:
            return self._bug(error, request, access)

    def hold_back(self, answer):
        """The Answer itself, or a Future of it at the next tick."""
        if self.server.reactor is None or self.joined:
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

    def _acted(self, outcome, request, session, access):
        """The answer once the action of its row of tb_api has been done."""
        return spawn(self._act(outcome, request, session, access)).settled()

    async def _act(self, outcome, request, session, access):
        answer = await outcome if outcome.__class__ is Future else outcome
        if is_due(access.action, answer, request):
            await act(Context(request, request.principal, session, access.command, self.server), access.rule, answer)
        return answer

    # -- finishing ---------------------------------------------------------------------------------

    def _finish(self, answer, request, access):
        answer.entry = request.entry
        command = access.command
        if command is not None:
            command.calls += 1
            if command.audited and not self.joined:
                self._note(request, access, answer.code)
        return answer

    def _refuse(self, error, request, access):
        """An ApiError as an Answer; failed logins are held back to the next tick."""
        answer = self._failed(error, request, access)
        return self.hold_back(answer) if error.code == 401 else answer

    def _failed(self, error, request, access):
        self.failures += 1
        if access is not None and access.command is not None:
            access.command.failures += 1
            if not self.joined:
                self.audit(request, error.code)
        return Answer("ERROR: " + error.message, error.data, error.code, entry=request.entry, control=error.control)

    def _bug(self, error, request, access):
        self.server.log.error(f"{request.entry} failed: {where(error)}", serial=request.serial)
        return self._failed(ApiError(500, f"internal error, see the server's log, request {request.serial}"),
                            request, access)

    def audit(self, request, code):
        """Leave the row in tb_audit that the command asks for, once somebody has been let in."""
        access = self.table.get(request.entry)
        command = access.command if access is not None else None
        if command is not None and command.audited and request.principal is not None:
            self._note(request, access, code)

    def _note(self, request, access, code):
        self.server.audit.record(request, access.name, code, access.command.named(request.params))


def _at_once(coroutine, request):
    """What a coroutine returns that waits for nothing; another one is ended where it would have waited."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise ApiError(400, f"{request.entry} has to wait and cannot be part of a batch")


def _too_many(wait):
    return ApiError(429, f"too many requests, try again in {max(wait, 0.1):.1f} s")
