"""A server transaction (RFC 3261 17.2, RFC 6026 8): a request that came, until it is answered and that has arrived.

Whoever takes the request sets `user`, which then hears: `cancelled(transaction)`, an INVITE to be answered 487 (its
CANCEL has had its 200); `failed(transaction, "timeout" | "transport")`, no ACK of the 2xx came within 64*T1, or the
asker is gone.  An INVITE that nobody has taken when its CANCEL comes is answered 487 here.  A 2xx of an INVITE is
repeated until `acked()`.  Knows neither dialogs nor tables of transactions; the layer has those.
"""

from .transaction import (ACCEPTED, EVENT_OF, INVITE_SERVER, NON_INVITE_SERVER, PROCEEDING, T1, T2, TERMINATED,
                          TRYING, TRYING_AFTER, Ending, bind)


class ServerTransaction(Ending):
    """request  what is asked; None soon after the final response, of a 2xx of an INVITE after its ACK · flow it came
    by · user · state · live  no final response yet"""
    __slots__ = ("layer", "key", "merged", "origin", "flow", "user", "request", "live", "state", "again", "end",
                 "back", "_machine", "_response", "_data", "_interval")

    def __init__(self, layer, key, request, back):
        self.layer = layer
        self.key = key
        self.merged = None          # key and From by which a merged request is known (8.2.2.2)
        self.origin = ""
        self.flow = request.flow
        self.user = None
        self.request = request
        self.live = True
        self.again = self.end = 0.0         # when the lanes fire these events; 0 never
        if request.method == "INVITE":
            self._machine, self.state = _INVITE, PROCEEDING
        else:
            self._machine, self.state = _NON_INVITE, TRYING
        self.back = back            # the flow that answers take
        self._response = None       # the last 1xx
        self._data = None
        self._interval = T1

    @property
    def tag(self):
        """Our tag in the last 1xx, "" if there was none."""
        return self._response.to_tag if self._response is not None else ""

    def respond(self, response):
        """Send a response; one after the final response or after the asker is gone does nothing."""
        self.fire(EVENT_OF[response.status // 100], response)
        if not self.live and self.state is not ACCEPTED:
            self.layer.spend(self)

    def refuse(self, response):
        """Send a final response and forget all (8.2.7): for challenges, which a repeated request just gets again, so
        that a flood of requests fills no table.  Not after a 1xx: the asker has stopped repeating."""
        if self._data is not None or not self.live:
            self.respond(response)
            return
        self.layer.transmit(self.back, response.render(), response)
        self.state = TERMINATED
        self._gone(None)

    def acked(self):
        """The ACK of the 2xx is there."""
        self.fire("acked")

    def wait(self):
        """The taker needs time: 100 Trying after 200 ms, or an end to a request that is never answered."""
        if self._data is None and self.live:
            if self._machine is _INVITE:
                self.again = self.layer.again[TRYING_AFTER].wait(self)
            else:
                self.end = self.layer.patience.wait(self)

    def fire(self, event, message=None):
        """An event of the tables in transaction.py."""
        actions, self.state = self._machine[self.state, event]
        for action in actions:
            action(self, message)

    # -- actions

    def _reply(self, response):
        self.again = 0.0
        self._response = response
        self._data = response.render()
        if not self.layer.transmit(self.back, self._data, response):
            self.layer.broken(self)

    def _trying(self, _):
        self._reply(self.request.reply(100))

    def _send(self, _):
        if self._data is not None and not self.layer.transmit(self.back, self._data):
            self.layer.broken(self)

    def _double(self, _):
        self._interval = min(self._interval * 2, T2)
        self.again = self.layer.again[self._interval].wait(self)

    def _rest(self, _):
        self.again = 0.0

    def _accept(self, _):
        """Timer L, and the 2xx again and again, also over reliable transports (13.3.1.4)."""
        self._settle()
        self.again = self.layer.again[T1].wait(self)
        self.end = self.layer.patience.wait(self)

    def _hush(self, _):
        self._data = self.user = None
        self.layer.spend(self)
        self.end = self.layer.lingering.wait(self)

    def _await_ack(self, _):
        """Timers G and H."""
        self._settle()
        self.layer.part(self)
        self.user = None
        if not self.back.reliable:
            self.again = self.layer.again[T1].wait(self)
        self.end = self.layer.lingering.wait(self)

    def _confirm(self, _):
        """Timer I."""
        self._data = None
        if self.back.reliable:
            self.state = TERMINATED
            self._gone(None)
        else:
            self.end = self.layer.brief.wait(self)

    def _complete(self, _):
        """Timer J."""
        self._settle()
        self.user = None
        if self.request.method == "REGISTER":       # by the thousand; one that comes again has its CSeq against it
            self.layer.part(self)
            self.origin = ""
        if self.back.reliable:
            self.state = TERMINATED
            self._gone(None)
        else:
            self.end = self.layer.lingering.wait(self)

    def _cancelled(self, _):
        if self.user is None:
            self.fire("final", self.request.reply(487, to_tag=self.tag or self.layer.tag))
        else:
            self.user.cancelled(self)

    def _pass_on(self, ack):
        self.layer.on_request(None, ack)

    def _settle(self):
        self._response = None
        super()._settle()


_INVITE = bind(INVITE_SERVER, ServerTransaction)
_NON_INVITE = bind(NON_INVITE_SERVER, ServerTransaction)
