"""The board: the calls in progress, by number, account and Call-ID, and how many there are.

Who may make another one is judged with its counts (plan); it refuses nothing itself.
"""

from collections import deque

from ..records.users import DEPTH
from .call import ENDED, TALKING

MOST = 100_000
"""Calls at once whatever the setting says: 3 GB of memory."""

FASTEST = 10_000
"""Calls a second that are counted: more than one process of ours can begin."""

GHOST = 60
"""Seconds that a call may outlive its time before the sweep ends it."""

TOO_LONG = 7 * 86400
"""Seconds of talk where no limit is set: the setting's own highest value."""

UNANSWERED = 900
"""Seconds that a call which nobody answers may take with all its forwards: each rings for three minutes at most."""


class Board:
    """clock, settings (maxcalls, maxcps, maxcallduration), users; log or None.

    changed  function(account id): a call of it began, was answered or ended
    closed   why there are no new calls (willstop, the end of the server), or ""
    """

    def __init__(self, clock, settings, users, log=None):
        self.clock = clock
        self.settings = settings
        self.users = users
        self.log = log
        self.changed = lambda id: None
        self.closed = ""
        self.calls = {}
        self.total = 0              # calls since the start
        self._of = {}               # {account id: {call id: Call}}
        self._lines = {}            # {account id: calls of it and of those below it, as the caller or who sent it}
        self._begun = deque(maxlen=FASTEST)     # when the calls of the last second began

    def __len__(self):
        return len(self.calls)

    # -- counts

    def of(self, account):
        """The calls in which an account (an id) takes part."""
        return list(self._of.get(account, {}).values())

    def lines(self, account, below=True):
        """How many calls an account (an id) has; as the caller with those of the accounts below it, or its own."""
        return max(self._lines.get(account, 0) if below else 0, len(self._of.get(account, ())))

    def busy(self):
        """Why no call at all can be added just now, or ""."""
        settings = self.settings
        if self.closed:
            return self.closed
        if len(self.calls) >= (settings.maxcalls or MOST):
            return "maxcalls"
        return "maxcps" if settings.maxcps and self.rate() >= settings.maxcps else ""

    def rate(self):
        """Calls that began within the last second."""
        begun, since = self._begun, self.clock.monotonic() - 1.0
        while begun and begun[0] <= since:
            begun.popleft()
        return len(begun)

    # -- calls

    def add(self, call):
        """A call has begun: it gets its number, once."""
        if call.id:
            return
        self.total += 1
        call.id = self.total
        self.calls[call.id] = call
        self._begun.append(call.started)
        if call.caller.account is not None:
            self.join(call, call.caller.account, "caller")

    def join(self, call, account, side):
        """An account takes part, as the caller or because it is rung."""
        if account.id in call.parties or call.id not in self.calls:
            return
        call.parties[account.id] = side
        self._of.setdefault(account.id, {})[call.id] = call
        self.changed(account.id)
        if side == "caller":
            call.line = self._upwards(account)
            via = call.caller.via
            if via is not None and via.id not in call.line:     # a gateway whose caller has an account of his own
                call.line.append(via.id)
            for id in call.line:
                self._lines[id] = self._lines.get(id, 0) + 1

    def part(self, call, id, only=None):
        """It does not any more (`only`: if it was that side)."""
        side = call.parties.get(id)
        if side is None or only not in (None, side):
            return
        del call.parties[id]
        calls = self._of[id]
        del calls[call.id]
        if not calls:
            del self._of[id]
        self.changed(id)
        if side == "caller":
            for above in call.line:
                self._lines[above] -= 1
                if not self._lines[above]:
                    del self._lines[above]

    def remove(self, call):
        """A call has ended."""
        if self.calls.pop(call.id, None) is not None:
            for id in list(call.parties):
                self.part(call, id)

    # -- ending them

    def find(self, word):
        """The Call that a number of ours or a Call-ID names, or None."""
        if word.isascii() and word.isdecimal() and int(word) in self.calls:
            return self.calls[int(word)]
        return next((call for call in self.calls.values() if call.sipcallid == word), None)

    def drop(self, id, reason="ended by the operator", code=480):
        """End a call on both sides; False if there is none of that number."""
        call = self.calls.get(id)
        if call is None:
            return False
        call.bridge.hang_up(code, reason)
        return True

    def drop_account(self, id, reason="the account was disabled"):
        """End all calls of an account; returns how many there were."""
        return sum([self.drop(call.id, reason) for call in self.of(id)])

    def close(self, reason):
        """No new calls from now on; "" takes them again."""
        self.closed = reason

    def drop_all(self, reason):
        return sum([self.drop(id, reason, 503) for id in list(self.calls)])

    def sweep(self):
        """End what should have ended by itself, which would be an error of ours; returns how many there were."""
        now, ghosts = self.clock.monotonic(), 0
        for call in list(self.calls.values()):
            if call.state == TALKING:
                late = now - call.answered > (call.longest or self.settings.maxcallduration or TOO_LONG) + GHOST
            else:
                late = call.state == ENDED or now - call.started > UNANSWERED + GHOST
            if late:
                ghosts += 1
                if self.log is not None:
                    self.log.error(f"a ghost: {call!r} {call.sipcallid[:64]}")
                if call.bridge is not None:
                    call.bridge.hang_up(500, "lost")
                self.remove(call)
        return ghosts

    def _upwards(self, account):
        """The ids of an account and of those above it."""
        ids = [account.id]
        while account.parentid and len(ids) < DEPTH:
            account = self.users.by_id(account.parentid)
            if account is None or account.id in ids:
                break
            ids.append(account.id)
        return ids
