"""A request of ours within a dialog and what becomes of it (RFC 3261 12.2.1).

Knows the leg that asks, and no other one.
"""

ALLOW = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, REFER, NOTIFY, OPTIONS"
SUPPORTED = "100rel, timer, replaces, norefersub"

LONGEST = 60
"""Seconds that somebody may think over a new offer, whether to show his picture for instance."""


class Exchange:
    """A request of ours within the dialog, with one more try where a trunk asks for a digest.

    The client transaction's user (sip.layer): `done(code, response)` once; code 0 without a transport.
    """
    __slots__ = ("leg", "method", "done", "body", "extra", "tries", "request", "transaction", "timer",
                 "left")

    def __init__(self, leg, method, done, body, extra):
        self.leg = leg
        self.method = method
        self.done = done
        self.body = body
        self.extra = extra
        self.tries = 0
        self.left = False
        self.request = self.transaction = self.timer = None

    def send(self, authorization=None):
        leg = self.leg
        request = leg.dialog.request(self.method)
        if self.method in ("INVITE", "UPDATE"):
            request.add("Allow", ALLOW)
            request.add("Supported", SUPPORTED)
            if leg.session is not None:
                leg.session.ask(request)
        for name, value in self.extra:
            request.add(name, leg.agent.contact(leg.flow) if value is None else value)
        if authorization is not None:
            request.add(*authorization)
        leg.describe_in(request, self.body)
        self.request = request
        leg.agent.send(leg, request, self)

    def responded(self, transaction, response):
        code = response.status
        if code < 200:
            return self._thought_over(transaction)
        if self.done is None:                       # a 200 came again: its ACK was lost
            return self._again(response)
        if code in (401, 407) and self.tries < 2 and self.leg.credentials is not None:
            self.tries += 1
            authorization = self.leg.agent.authorize(self.leg, self.request, response)
            if authorization is not None:
                return self.send(authorization)
        self._end(code, response)

    def _thought_over(self, transaction):
        """A re-INVITE that has a provisional answer has no end of its own (17.1.1.2)."""
        if self.transaction is None and self.method == "INVITE":
            self.timer = self.leg.agent.timers.later(LONGEST, self.leave)
        self.transaction = transaction
        if self.leg.over or self.left:
            self.leave()

    def leave(self):
        """The call or somebody's patience is over: a re-INVITE is taken back, once it is being thought over (9.1)."""
        self.left = True
        if self.method == "INVITE" and self.transaction is not None:
            self.transaction.cancel()

    def failed(self, transaction, why):
        if self.done is not None:
            self._end(408 if why == "timeout" else 0, None)

    def _end(self, code, response):
        if self.timer is not None:
            self.timer.cancel()
        done, self.done = self.done, None
        done(code, response)

    def _again(self, response):
        leg = self.leg
        if self.method == "INVITE" and response.status < 300 and leg.ack is not None and \
                leg.ack.cseq[0] == response.cseq[0]:
            leg.agent.send_ack(leg, leg.ack)


class Unheard:
    """The user of a client transaction whose end nobody waits for."""

    @staticmethod
    def responded(transaction, response):
        pass

    @staticmethod
    def failed(transaction, why):
        pass
