"""What a call is going to be: who calls, the stages in which somebody is rung, what each charge is.  Only facts; they
are found by planner, followed by hunt and paid by meter.
"""

MOST_NOTES = 200
"""Sentences of one plan: twenty trunks of twenty reasons would be more than anybody reads."""


class Caller:
    """account  who has proven himself, and how: proof ("digest", "address" …)
    via      the account that sent it, where the caller's number named another one
    number   as the caller shows it, "" if he shows none; display, his name; private: he asks to hide both
    host, port, transport    where it came from
    techprefix    what is to be taken off the called number
    """
    __slots__ = ("account", "number", "display", "host", "port", "transport", "proof", "techprefix", "via", "private")

    def __init__(self, account, number="", display="", host="", port=0, transport="", proof="", techprefix="", via=None,
                 private=False):
        self.account = account
        self.number = number
        self.display = display
        self.host = host
        self.port = port
        self.transport = transport
        self.proof = proof
        self.techprefix = techprefix
        self.via = via
        self.private = private


class Plan:
    """code     0, or the status with which the call is refused, and the reason
    called   the number in normal form · dialled  as it came
    stages   [Stage]
    trace    sentences that explain every step
    charge   the Charge that was priced for an outside number, None where there is none
    turns    ids of the ring groups in it of which one member comes after the other
    numbers  how many have been looked at to make it
    trial    nobody is going to be rung: the trace tells more
    """
    __slots__ = ("code", "reason", "called", "dialled", "stages", "trace", "charge", "turns", "numbers", "trial")

    def __init__(self, dialled):
        self.code = 0
        self.reason = ""
        self.called = self.dialled = dialled
        self.stages = []
        self.trace = []
        self.charge = None
        self.turns = set()
        self.numbers = 0
        self.trial = False

    def note(self, text):
        if len(self.trace) < MOST_NOTES:
            self.trace.append(text)

    def add(self, stage):
        self.stages.append(stage)

    def refuse(self, code, reason, why=""):
        """reason is what the caller hears, why what the trace tells."""
        self.code, self.reason = code, reason
        self.stages, self.charge = [], None
        self.note(f"refused: {code} {why or reason}")


class Stage:
    """Destinations that are rung together, for `timeout` seconds.

    condition   when it is tried: "first", or what became of the one before: "failed" "busy" "noanswer" "unavailable"
                (where there is none for that, "noanswer"), "next" whatever that was
    after       the stages that it may follow, () for any
    charges     [Charge]: what is paid if somebody answers here
    """
    __slots__ = ("destinations", "timeout", "condition", "charges", "after")

    def __init__(self, destinations, timeout, condition="first", charges=(), after=()):
        self.destinations = destinations
        self.timeout = timeout
        self.condition = condition
        self.charges = list(charges)
        self.after = after


class Destination:
    """kind      "account": its devices, or "trunk"
    account, number    whom, and the number that is sent
    caller, display    what is shown of the caller; hidden: nothing is (RFC 3323); asserted: the number for RFC 3325
    domain, port       where a ported number is instead of the trunk's own address
    q         of the devices of the account that are meant, None for all of them
    cost      Rate of the provider, or None; looked up when it is asked for, as most trunks of a plan are never tried
    """
    __slots__ = ("kind", "account", "number", "caller", "display", "hidden", "asserted", "domain", "port", "q", "_cost")

    def __init__(self, kind, account, number, cost=None):
        self.kind = kind
        self.account = account
        self.number = number
        self.caller = self.display = self.asserted = self.domain = ""
        self.hidden = False
        self.port = 0
        self.q = None
        self._cost = cost           # callable, then what it said

    @property
    def cost(self):
        if callable(self._cost):
            self._cost = self._cost()
        return self._cost


class Charge:
    """What one account's call costs, and its record: account (who calls in it), payer, number, rate (None: free),
    levels (resellers above), called (Account or None), mark ("" FWD TRANS P2P)."""
    __slots__ = ("account", "payer", "number", "rate", "levels", "called", "mark")

    def __init__(self, account, payer, number, rate, levels=(), called=None, mark=""):
        self.account = account
        self.payer = payer
        self.number = number
        self.rate = rate
        self.levels = levels
        self.called = called
        self.mark = mark
