"""A client transaction (RFC 3261 17.1, RFC 6026 8): what we ask, repeated until it is answered.

Reports to its user: `responded(transaction, response)` each response, also repeated and forked 2xx for 64*T1;
`failed(transaction, "timeout" | "transport")` once, instead of a final response.  A user may be None, and a user that
has lost interest puts None there.  Knows neither dialogs nor tables of transactions; the layer has those.
"""

from .message import Message
from .transaction import ACCEPTED, CALLING, INVITE_CLIENT, NON_INVITE_CLIENT, T1, T2, TERMINATED, TRYING, Ending, bind

LONGEST_A = 16.0
"""Timer A doubles up to here; its next would come after Timer B."""


class ClientTransaction(Ending):
    """request  what was asked; None once its final response has been reported · flow · user · state ·
    live  no final response yet"""
    __slots__ = ("layer", "key", "flow", "user", "request", "live", "state", "again", "end",
                 "_machine", "_data", "_interval", "_reason")

    def __init__(self, layer, key, request, flow, user):
        self.layer = layer
        self.key = key
        self.flow = flow
        self.user = user
        self.request = request
        self.live = True
        self.again = self.end = 0.0         # when the lanes fire these events; 0 never
        if request.method == "INVITE":
            self._machine, self.state = _INVITE, CALLING
        else:
            self._machine, self.state = _NON_INVITE, TRYING
        self._data = request.render()
        self._interval = T1
        self._reason = None                 # Reason of the CANCEL, once one is wanted

    def start(self):
        layer = self.layer
        self.end = layer.patience.wait(self)
        if not self.flow.reliable:
            self.again = layer.again[T1].wait(self)
        if not layer.transmit(self.flow, self._data, self.request):
            layer.broken(self)

    def cancel(self, reason=""):
        """CANCEL the INVITE, now or after its first 1xx (9.1); `reason` is a value of Reason (RFC 3326).  Nothing
        happens where there is a final response already."""
        if self._reason is None:
            self._reason = reason
            self.fire("cancel")

    def fire(self, event, response=None):
        """An event of the tables in transaction.py."""
        actions, self.state = self._machine[self.state, event]
        for action in actions:
            action(self, response)

    # -- actions

    def _send(self, response):
        if not self.layer.transmit(self.flow, self._data):
            self.layer.broken(self)

    def _double(self, response):
        """Timer A doubles without a limit, Timer E up to T2."""
        longest = LONGEST_A if self._machine is _INVITE else T2
        if self._interval < longest:
            self._interval *= 2
        elif longest == LONGEST_A:
            return
        self.again = self.layer.again[self._interval].wait(self)

    def _slow(self, response):
        self.again = self.layer.again[T2].wait(self)

    def _rest(self, response):
        self.again = 0.0

    def _ease(self, response):
        """It rings: from here on the user decides how long."""
        self.end = 0.0

    def _cancel_now(self, response):
        if self._reason is not None:
            self.end = self.layer.patience.wait(self)
            self.layer.cancel(self, _derived(self.request, "CANCEL", self.request.get("To"), self._reason))

    def _ack(self, response):
        """ACK of a refusal (17.1.1.3); kept, for each repetition of the refusal asks for it again."""
        ack = _derived(self.request, "ACK", response.get("To"))
        self._data = ack.render()
        self.layer.transmit(self.flow, self._data, ack)

    def _accept(self, response):
        """Timer M."""
        self._settle()
        self.layer.spend(self)
        self._data = None
        self.end = self.layer.lingering.wait(self)

    def _complete(self, response):
        """Timer D or K."""
        self._settle()
        self.layer.spend(self)
        if self.flow.reliable:
            self.state = TERMINATED
            self._gone(response)
        elif self._machine is _INVITE:
            self.end = self.layer.lingering.wait(self)
        else:
            self._data = None
            self.end = self.layer.brief.wait(self)

    def _tell(self, response):
        user = self.user
        if not self.live and self.state is not ACCEPTED:
            self.user = None        # that was the last it hears
        if user is not None:
            user.responded(self, response)


def _derived(request, method, to, reason=""):
    """ACK of a refusal, or CANCEL: the request's own Via, Route, From, Call-ID and CSeq number (9.1, 17.1.1.3)."""
    message = Message.request(method, request.uri)
    given, fields = request.fields, message.fields
    fields["Via"] = given["Via"][:1]
    fields["Max-Forwards"] = ["70"]
    if "Route" in given:
        fields["Route"] = given["Route"]
    fields["From"] = given["From"]
    fields["To"] = [to]
    fields["Call-ID"] = given["Call-ID"]
    fields["CSeq"] = [f"{request.cseq[0]} {method}"]
    if reason:
        message.set("Reason", reason)
    return message


_INVITE = bind(INVITE_CLIENT, ClientTransaction)
_NON_INVITE = bind(NON_INVITE_CLIENT, ClientTransaction)
