"""Who begins a call: by address, technical prefix or name (records.sources), else by credentials after a challenge.

An end user shows his name or a number of his own and nothing else; carriers, whose callers are not ours to know, show
what they like and may assert it (RFC 3325).  Knows neither routes nor money; what the account may do is judged by the
plan.
"""

import re

from ..calls.plan import Caller
from ..records.account import OUTBOUND, SENDER
from ..sip.headers import parse_name_addr
from ..sip.message import Message
from ..sip.uri import shared_uri

CARRIERS = frozenset((SENDER, *OUTBOUND))
"""Types of accounts whose callers are not ours to know."""

NO_NUMBER = ("", "anonymous", "unknown", "restricted", "unavailable")
"""User parts of From that are no caller's number."""

HIDING = frozenset(("id", "user", "full"))
"""Values of Privacy that ask for the caller's number to be kept back (RFC 3323 4.2, RFC 3325 9.3; full: drafts)."""

LONGEST = 64
"""Characters of a caller's number."""

_NUMBER = re.compile(r"[+0-9][-+0-9*#()./ ]{2,}", re.ASCII).fullmatch
_WORDS = re.compile(r"[a-z]+").findall


class Gate:
    """sources (records.sources), digests (ua.digests), users, locations."""

    def __init__(self, sources, digests, users, locations):
        self.sources = sources
        self.digests = digests
        self.users = users
        self.locations = locations

    def caller(self, transaction, message):
        """The plan.Caller of an INVITE; None if it was challenged or refused, which has been answered then."""
        flow = message.flow
        if "Proxy-Authorization" not in message.fields or not self._answers(message):
            name = shared_uri(message.from_.uri).user
            source = self.sources.find(flow.host, flow.port, name, shared_uri(message.uri).user)
            if source is not None and not source.digest and not self._another(source, name, flow):
                return self._caller(message, source.account, source.proof, source.techprefix, source.via)
        account = self.digests.authenticate(message, 407)
        if account.__class__ is Message:
            transaction.refuse(account)
            return None
        if not self.sources.permits(account, flow.host, flow.port):
            transaction.refuse(message.reply(403, "Not from this address", self.digests.entropy.hex(5)))
            return None
        return self._caller(message, account, "digest", "", account)

    def _another(self, source, name, flow):
        """Whether it comes from somebody else behind that address, a trunk's or a whole office's, who has to prove
        himself: a phone that has registered over this flow, or who shows a user name of ours that is no number, as
        carriers show numbers."""
        account = self.users.by_username(name)
        if account is None or account is source.via or account is source.account or account.type in CARRIERS:
            return False
        if source.via.type in CARRIERS and not _NUMBER(name):
            return True
        here = flow.transport, flow.host, flow.port
        return any([(each.transport, each.host, each.port) == here for each in self.locations.of(account.id)])

    def _answers(self, message):
        """Whether there are credentials for us, not only some that a proxy of another realm has asked for."""
        realm = self.digests.realm
        return any([realm in value for value in message.values("Proxy-Authorization")])

    def _caller(self, message, account, proof, techprefix, via):
        """The plan.Caller of who has proved himself."""
        flow, sender = message.flow, message.from_
        number, display = shared_uri(sender.uri).user, sender.display
        private = number.lower() in NO_NUMBER or \
            "Privacy" in message.fields and not HIDING.isdisjoint(_WORDS(message.get("Privacy").lower()))
        if via.type in CARRIERS:
            if private and "P-Asserted-Identity" in message.fields:
                number = shared_uri(parse_name_addr(message.items("P-Asserted-Identity")[0]).uri).user
        elif account is via:                # else it was found by the number that is shown
            if not self._own(account, number):
                number = account.telnumber or account.username
            if _NUMBER(display) and not self._own(account, display):
                display = ""
        return Caller(account, "" if number.lower() in NO_NUMBER else number[:LONGEST], display, flow.host, flow.port,
                      flow.transport, proof, techprefix, via, private)

    def _own(self, account, number):
        """Whether an account goes by that name or number, however the number is written."""
        return number == account.username or self.users.owned.has(account.id, number) or \
            self.users.owned.has(account.id, self.sources.form.normal(number))
