"""A call and what is known of it: who, where to, when, what it is doing.  Knows neither its legs' protocol nor money.

Moments are monotonic seconds; wall() tells them as unix seconds of the clock that ran when the call began, so that a
record's dates agree with its durations whatever happens to the system's time.
"""

TRYING, RINGING, TALKING, ENDED = "trying", "ringing", "talking", "ended"
LONGEST_ID = 255
"""Characters of a Call-ID that are kept in tables and records."""


class Call:
    """id           number of the call since the start: what disccall calls it
    sipcallid    the Call-ID of the side that began it
    caller       plan.Caller: account, number, display, host …
    called       the number as it was dialled, then in normal form
    started, ringing, answered, ended    monotonic seconds, None until then
    state        one of the words above
    meters       those that run in it
    bridge       who ends it
    longest      seconds after the answer at which it is ended, 0: as the setting says
    callee       plan.Destination that is rung or talked to, the last of them
    near, far    the leg that began it, and the one that is talked to or was rung last; None without one
    sides        those of `talkers` once one of them was transferred, None before
    """
    __slots__ = ("id", "sipcallid", "caller", "called", "started", "ringing", "answered", "ended", "_wall", "state",
                 "meters", "bridge", "longest", "accessnumber", "recordfile", "callee", "near", "far",
                 "parties", "line", "sides")

    def __init__(self, clock, sipcallid, caller, called):
        self.id = 0
        self.sipcallid = sipcallid[:LONGEST_ID]
        self.caller = caller
        self.called = called
        self.started = clock.monotonic()
        self._wall = clock.now() - self.started
        self.ringing = self.answered = self.ended = None
        self.state = TRYING
        self.meters = []
        self.bridge = None
        self.longest = 0
        self.accessnumber = self.recordfile = ""
        self.callee = self.near = self.far = self.sides = None
        self.parties = {}           # {account id: "caller" or "called"}, the board's
        self.line = ()              # ids of the caller's account and those above it

    def wall(self, moment):
        """Unix seconds of a moment of this call."""
        return moment + self._wall

    def seconds(self, moment):
        """Talked so far."""
        if self.answered is None:
            return 0
        return max(0, int((moment if self.ended is None else self.ended) - self.answered))

    @property
    def talkers(self):
        """[(account or None, number)] of who calls and who is called, or of those who came in their place."""
        callee = self.callee
        return self.sides or [(self.caller.account, self.caller.number), (callee and callee.account, self.called)]

    def __repr__(self):
        return f"Call({self.id}, {self.state}, {self.called!r})"
