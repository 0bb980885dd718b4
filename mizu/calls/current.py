"""Calls in progress as rows: whose they are, what they have cost so far.  Who may see what is asked of the caller."""

from ..base.clock import utc_text
from ..records.account import OUTBOUND
from ..records.users import DEPTH
from ..records.values import decimal

BRIEF = ("dbcallid", "state", "caller", "callernumber", "called", "callednumber", "callstartdate", "connectdate",
         "seconds", "cost", "currency", "callid")
FULL = (*BRIEF, "callerid", "calledid", "callerip", "calledip", "codec")
"""What everybody sees of his calls, and what administrators see of all."""

DEFAULT, OUTGOING, INCOMING, BOTH = range(4)
"""Directions as the manual numbers them; the first one is that of the account's type."""


class CurrentCalls:
    """board, users, clock."""

    def __init__(self, board, users, clock):
        self.board = board
        self.users = users
        self.clock = clock

    def chosen(self, account, direction=BOTH, pcr=False):
        """The calls of an account (of all without one), oldest first; `pcr`: those of the accounts below it, too."""
        board = self.board
        if account is None:
            return list(board.calls.values())
        if not pcr:
            return [call for call in board.of(account.id) if matches(account, call.parties[account.id], direction)]
        return [call for call in board.calls.values() if self.concerns(call, account, direction)]

    def concerns(self, call, account, direction=BOTH):
        """Whether an account or one below it takes part."""
        for id, side in call.parties.items():
            party = self.users.by_id(id)
            if party is not None and self.users.below(account, party) and matches(party, side, direction):
                return True
        return False

    def row(self, call, viewer=None):
        """A tuple of FULL, or of BRIEF as a viewer may see it: what others pay is not his to know, nor the trunks."""
        now = self.clock.monotonic()
        (caller, callernumber), (called, callednumber) = call.talkers
        cost, currency = self.cost(call, now, viewer)
        brief = (call.id, call.state, _name(caller, viewer), callernumber, _name(called, viewer), callednumber,
                 utc_text(call.wall(call.started)),
                 utc_text(call.wall(call.answered)) if call.answered is not None else "", call.seconds(now),
                 decimal(cost), currency, call.sipcallid)
        if viewer is not None:
            return brief
        here, there = (call.near, call.far) if call.sides is None else (call.bridge.a, call.bridge.b)
        near, far = [leg.describe(other) if leg is not None else {} for leg, other in ((here, there), (there, here))]
        host = getattr(call.caller, "host", "") if call.sides is None else ""
        return (*brief, caller.id if caller is not None else 0, called.id if called is not None else 0,
                host or near.get("host", ""), far.get("host", ""),
                far.get("codec", "") or near.get("codec", ""))

    def cost(self, call, now, viewer=None):
        """(micro-units, currency) so far: of what the viewer pays or those below him, of everything without one."""
        total, currency = 0, ""
        for meter in call.bridge.charges():
            charge = meter.charge
            if meter.answered is None or viewer is not None and charge.payer.id != viewer.id \
                    and not self.users.below(viewer, charge.account):
                continue
            micros, of = meter.cost(now - meter.answered)
            if not currency or of == currency:
                total, currency = total + micros, currency or of
        return total, currency

    def by_account(self, direction=DEFAULT, pcr=False):
        """{account id: [brief dict]} of all that have calls; `pcr`: with those of the accounts below."""
        found = {}
        for call in self.board.calls.values():
            row, seen = None, set()
            for id, side in call.parties.items():
                party = self.users.by_id(id)
                if party is None or not matches(party, side, direction):
                    continue
                for _ in range(DEPTH if pcr else 1):
                    if party is None or party.id in seen:
                        break
                    seen.add(party.id)
                    row = row or self._short(call)
                    found.setdefault(party.id, []).append(row)
                    party = self.users.by_id(party.parentid) if party.parentid else None
        return found

    def _short(self, call):
        (_, callernumber), (_, callednumber) = call.talkers
        return {"dbcallid": call.id, "state": call.state, "callernumber": callernumber,
                "callednumber": callednumber, "seconds": call.seconds(self.clock.monotonic())}


def _name(account, viewer):
    """As a viewer may see it, None being an administrator."""
    hidden = account is None or viewer is not None and account.type in OUTBOUND and account.id != viewer.id
    return "" if hidden else account.username


def matches(account, side, direction):
    """Whether an account's side of a call is meant by a direction."""
    if direction == DEFAULT:
        direction = INCOMING if account.type in OUTBOUND else OUTGOING
    return direction == BOTH or (side == "caller") == (direction == OUTGOING)
