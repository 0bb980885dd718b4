"""A dialog (RFC 3261 12, 13.2.2.4, 14): what two user agents know of each other, and the requests between them.

Tags, sequence numbers, route set and remote target; who may send what when is the leg's.  Knows no transactions,
no flows and no media.
"""

from ..base.errors import RemoteProtocolError
from .headers import NameAddr, shared_name_addr
from .message import Message
from .uri import shared_uri

EARLY, CONFIRMED, TERMINATED = "early", "confirmed", "terminated"
TARGET_REFRESH = ("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER")
MAX_ROUTES = 32
"""Proxies on the way: more than any real one, and a request still fits into a datagram."""


class Dialog:
    """local_uri, remote_uri  URIs as text · local_cseq, remote_cseq  numbers, 0 before the first request ·
    remote_target  URI as text · route_set  [Route value] from us on · secure  sips all the way · state"""
    __slots__ = ("call_id", "local_tag", "remote_tag", "local_uri", "remote_uri", "local_cseq", "remote_cseq",
                 "remote_target", "route_set", "secure", "state", "_local", "_remote")

    @classmethod
    def uas(cls, request, response_tag):
        """The dialog that our response with this tag makes of a request (12.1.1).  RemoteProtocolError 400 where its
        Contact or a Record-Route makes no sense."""
        dialog = cls()
        dialog._fill(request, request.to, response_tag, request.from_, request.from_tag, request.get("From"))
        dialog.local_cseq, dialog.remote_cseq = 0, request.cseq[0]
        dialog.route_set = _routes(request)
        dialog.secure = request.uri[:5].lower() == "sips:"
        dialog.remote_target = _target(request) or dialog.remote_uri
        dialog.state = EARLY
        return dialog

    @classmethod
    def uac(cls, request, response):
        """The dialog that a response makes of our request (12.1.2); of a forked 2xx the request may be None."""
        dialog = cls()
        mine = response.from_ if request is None else request.from_
        dialog._fill(response, mine, mine.tag, response.to, response.to_tag, response.get("To"))
        dialog.local_cseq, dialog.remote_cseq = response.cseq[0], 0
        dialog.secure = request is not None and request.uri[:5].lower() == "sips:"
        dialog.remote_target = request.uri if request is not None else dialog.remote_uri
        dialog.confirm(response)
        return dialog

    def _fill(self, message, local, local_tag, remote, remote_tag, remote_text):
        self.call_id = message.call_id
        self.local_tag, self.remote_tag = local_tag, remote_tag
        self.local_uri, self.remote_uri = local.uri, remote.uri
        self._local = f"{NameAddr(local.uri, local.display)};tag={local_tag}"
        self._remote = remote_text

    @property
    def id(self):
        return self.call_id, self.local_tag, self.remote_tag

    def confirm(self, response):
        """A response of the first request: a 2xx ends the early time and says the route set anew (13.2.2.4).  What
        makes no sense in it counts as left out: our request cannot be refused any more."""
        try:
            self.route_set = _routes(response)[::-1]
        except RemoteProtocolError:
            self.route_set = []
        self._retarget(response)
        self.state = CONFIRMED if response.status >= 200 else EARLY

    def update_target(self, message):
        """A request that refreshes the target, or its 2xx (12.2)."""
        if message.method in TARGET_REFRESH and (not message.status or 200 <= message.status < 300):
            self._retarget(message)

    def _retarget(self, message):
        try:
            self.remote_target = _target(message) or self.remote_target
        except RemoteProtocolError:
            pass

    def accepts(self, request):
        """0, or the status of the refusal: 500 for a request that was overtaken by a later one (12.2.2)."""
        if request.method in ("ACK", "CANCEL"):
            return 0
        number = request.cseq[0]
        if number < self.remote_cseq:
            return 500
        self.remote_cseq = number
        return 0

    def request(self, method, cseq=None):
        """A request within the dialog (12.2.1.1), without Via and Contact; ACK takes the number of its INVITE."""
        if cseq is None:
            cseq = self.local_cseq = self.local_cseq + 1
        uri, routes = self.remote_target, self.route_set
        if routes and not _is_loose(routes[0]):
            uri, routes = _uri_of(routes[0]), [*routes[1:], f"<{uri}>"]
        message = Message.request(method, uri)
        fields = message.fields
        fields["Max-Forwards"] = ["70"]
        if routes:
            fields["Route"] = list(routes)
        fields["From"] = [self._local]
        fields["To"] = [self._remote]
        fields["Call-ID"] = [self.call_id]
        fields["CSeq"] = [f"{cseq} {method}"]
        return message

    @property
    def next_hop(self):
        """The URI, as text, of where requests are sent first."""
        return _uri_of(self.route_set[0]) if self.route_set else self.remote_target


def _target(message):
    contact = message.contact
    return contact.uri if contact is not None else ""


def _routes(message):
    """The Record-Route values; RemoteProtocolError 400 if one is no address."""
    if "Record-Route" not in message.fields:
        return []
    routes = message.items("Record-Route")[:MAX_ROUTES]
    for route in routes:
        shared_uri(_uri_of(route))
    return routes


def _uri_of(route):
    return shared_name_addr(route).uri


def _is_loose(route):
    """Whether a proxy takes the Route header for what it is (16.12); one of RFC 2543 wants to be the Request-URI."""
    return "lr" in shared_uri(_uri_of(route)).params
