"""Who begins a call: by credentials, else by address, technical prefix or name (records.sources), else a challenge.

Knows neither routes nor money; what the account may do is judged by the plan.
"""

from ..calls.plan import Caller
from ..records.account import OUTBOUND, SENDER
from ..sip.headers import parse_name_addr
from ..sip.uri import shared_uri

CARRIERS = frozenset((SENDER, *OUTBOUND))
"""Types of accounts whose callers are not ours to know."""

NO_NUMBER = ("", "anonymous", "unknown", "restricted", "unavailable")
"""User parts of From that are no caller's number."""


class Gate:
    """sources (records.sources), digests (ua.digests), users."""

    def __init__(self, sources, digests, users):
        self.sources = sources
        self.digests = digests
        self.users = users

    def caller(self, transaction, message):
        """The plan.Caller of an INVITE; None if it was challenged or refused, which has been answered then."""
        flow = message.flow
        user = shared_uri(message.from_.uri).user
        called = shared_uri(message.uri).user
        if "Proxy-Authorization" not in message.fields:
            source = self.sources.find(flow.host, flow.port, user, called)
            if source is not None and not source.digest:
                return self._caller(message, source.account, source.proof, source.techprefix, source.via)
        account = self.digests.authenticate(message, 407)
        if not hasattr(account, "username"):
            transaction.refuse(account)
            return None
        if not self.sources.permits(account, flow.host, flow.port):
            transaction.refuse(message.reply(403, "Not from this address", self.digests.entropy.hex(5)))
            return None
        return self._caller(message, account, "digest", "", account)

    def _caller(self, message, account, proof, techprefix, via):
        """The plan.Caller of who has proved himself."""
        flow, sender = message.flow, message.from_
        number = shared_uri(sender.uri).user
        private = number.lower() in NO_NUMBER or "id" in message.get("Privacy").lower().replace(";", " ").split()
        if private and "P-Asserted-Identity" in message.fields and proof != "digest":
            number = shared_uri(parse_name_addr(message.items("P-Asserted-Identity")[0]).uri).user
        elif proof == "digest" and number != account.username and account.type not in CARRIERS and \
                not self.users.owned.has(account.id, number):
            number = account.telnumber or account.username      # nobody shows a number that is not his
        return Caller(account, "" if number.lower() in NO_NUMBER else number, sender.display, flow.host, flow.port,
                      flow.transport, proof, techprefix, via, private)
