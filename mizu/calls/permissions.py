"""Who may call, and whom: what the rows of accounts say (candial, maxlines, usergroup, allowedpartners, prefixes).

Each judgement returns nothing, or raises a Refusal: its reason is for the caller, `why` for administrators.  Reads
profiles and the board; knows no route and no price.
"""

from ..records.callprofile import permitted
from ..records.directory import NUMBER
from ..records.users import DEPTH


class Refusal(Exception):
    """A call is not made: code and reason as the caller hears them, why as the trace tells it."""

    def __init__(self, code, reason, why=""):
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.why = why or reason


class Permissions:
    """users, profiles, board."""

    def __init__(self, users, profiles, board):
        self.users = users
        self.profiles = profiles
        self.board = board

    def room(self, caller):
        """There is a line for one more call: of the server's, the caller's, and those above him."""
        busy = self.board.busy()
        if busy:
            raise Refusal(503, f"no more calls: {busy}")
        account, via = caller.account, caller.via or caller.account
        for each in (account, *self.above(account), via):
            if self.full(each):
                raise Refusal(503, "all lines are in use", f"all lines of {each.username} are in use (maxlines)")

    def dial(self, account):
        """The account may call at all."""
        if account is None:
            raise Refusal(403, "nobody is known to call")
        if not account.enabled or account.disabled:
            raise Refusal(403, "the account is disabled", f"the account {account.username} is disabled")
        profile = self.profiles.of(account.id)
        if profile is None or not profile.candial:
            raise Refusal(403, "the account may not dial", f"{account.username} may not dial (candial)")

    def reach(self, account, other, how):
        """The account may call the other one: a number is everybody's to call, a user name only those of its group."""
        if not other.enabled or other.disabled:
            raise Refusal(480, "Not Available", f"{other.username} is disabled")
        if how != NUMBER and account.usergroup and other.usergroup and account.usergroup != other.usergroup:
            raise Refusal(403, "not permitted", f"{other.username} is of another usergroup")
        for one, two in ((account, other), (other, account)):
            partners = self.profiles.of(one.id).allowedpartners
            if partners and not {str(two.id), two.username.lower()} & {word.lower() for word in partners}:
                raise Refusal(403, "not permitted", f"{two.username} is not among the allowedpartners of"
                              f" {one.username}")

    def outside(self, account, above, number):
        """The account, and those above it, may call a number of outside."""
        for each in (account, *above):
            profile = self.profiles.of(each.id)
            if (profile.enabledprefixes or profile.blockprefixes) and not permitted(
                    number, profile.enabledprefixes, profile.blockprefixes):
                raise Refusal(403, f"{number} may not be called", f"{each.username} may not call {number}"
                              " (enabledprefixes, blockprefixes)")

    def full(self, account):
        """Whether all lines of an account, those of accounts below it among them, are in use."""
        profile = self.profiles.of(account.id)
        return profile is not None and 0 < profile.maxlines <= self.board.lines(account.id)

    def above(self, account):
        """Its parents, the nearest first."""
        above = []
        while account.parentid and len(above) < DEPTH:
            account = self.users.by_id(account.parentid)
            if account is None or account in above:
                break
            above.append(account)
        return above
