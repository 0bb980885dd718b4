"""Where a message really goes: the addresses of a URI as flows (RFC 3263), and what a NAT has made of a sender.

Knows no transactions and no dialogs.
"""

import re
from ipaddress import ip_address, ip_network

from ..base.errors import NotReached, RemoteProtocolError
from ..calls.events import Body
from ..sip import sdp
from ..sip.uri import shared_uri

HOSTS = 10_000
"""Hosts whose kind is remembered: a look-up costs 0.05 us, ip_address() 3."""

_CONNECTION = re.compile(rb"^c=IN IP[46] ([^\s/]+)", re.M).search
_AUDIO = re.compile(rb"^m=audio [0-9/]+ \S+ ([0-9]+(?: [0-9]+)*)", re.M).search
_STREAM = re.compile(rb"^(m=\S+) [0-9]+", re.M)
_PRIVATE = [ip_network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "::/127", "fc00::/7", "fe80::/10")]
"""RFC 1918, 6598, 3927, 1122; RFC 4193, 4291.  The standard library's is_private counts others in, and not 100.64."""

_ORIGIN = re.compile(rb"^(o=\S+ \S+ )([0-9]{1,20})( [^\r\n]+)", re.M).search
_AUTHOR = re.compile(rb"^o=[^\s]+", re.M)
_private = {}


def is_private(host):
    """Whether a host is an address that only its own network can reach."""
    known = _private.get(host)
    if known is None:
        if len(_private) >= HOSTS:
            _private.clear()
        try:
            address = ip_address(host)
            known = any([address in network for network in _PRIVATE])
        except ValueError:
            known = False
        _private[host] = known
    return known


def is_behind(next_hop, flow):
    """Whether the next hop of a dialog is what the flow already reaches: itself, or an address behind its NAT."""
    hop = shared_uri(next_hop)
    if hop.host == flow.host:
        return (hop.port or (5061 if flow.secure else 5060)) == flow.port
    return is_private(hop.host) and not is_private(flow.host)


def corrected(body, flow):
    """A Body whose private media address is replaced by the one it came from (the ports are those of its NAT)."""
    if flow is None or not body.content_type.startswith("application/sdp"):
        return body
    match = _CONNECTION(body.data)
    host = match[1].decode("ascii", "replace") if match else ""
    if not host or host == flow.host or not is_private(host) or is_private(flow.host):
        return body
    try:
        return Body(body.content_type, sdp.with_address(body.data, flow.host))
    except RemoteProtocolError:
        return body


def unnamed(body):
    """A description without its author's name (o=, RFC 3323 5.3: telephones write the user's there)."""
    return Body(body.content_type, _AUTHOR.sub(b"o=-", body.data, 1))


def continued(body, last):
    """A description that follows `last` in a dialog, whoever wrote either (RFC 3264 8): the author stays, and the
    version counts up if anything else has changed."""
    was, now = _ORIGIN(last.data), _ORIGIN(body.data)
    if was is None or now is None or was[1] == now[1] and was[3] == now[3]:
        return body

    def versioned(version):
        return b"%b%b%d%b%b" % (body.data[:now.start()], was[1], version, was[3], body.data[now.end():])
    same = versioned(int(was[2]))
    return last if same == last.data else Body(body.content_type, versioned(int(was[2]) + 1))


def declined(offer):
    """The answer to an offer that takes none of its streams (RFC 3264 6: port 0)."""
    return None if offer is None else Body(offer.content_type, _STREAM.sub(rb"\1 0", offer.data))


def codec_of(body, other=None):
    """The first codec of the first audio stream that the other side's description names too: one of the two is an
    offer with more than was agreed.  The first of all without the other, "" if there is none."""
    match = _AUDIO(body.data)
    if match is None:
        return ""
    types = match[1].split()
    if other is not None and (theirs := _AUDIO(other.data)):
        shared = theirs[1].split()
        types = [each for each in types if each in shared] or types
    name = re.search(rb"^a=rtpmap:%b ([^/\s]+)" % types[0], body.data, re.M)
    return name[1].decode("ascii", "replace") if name else sdp.STATIC.get(types[0].decode(), "").partition("/")[0]


class Ways:
    """The flows towards a URI, one after another; a live `flow` comes first, and where that was a datagram the same
    place is not tried again."""
    __slots__ = ("transports", "uri", "flow", "places", "tried")

    def __init__(self, transports, uri, flow=None):
        self.transports = transports
        self.uri = uri              # as text
        self.flow = flow
        self.places = self.tried = None

    async def next(self):
        """The next Flow, None when there is none any more."""
        flow, self.flow = self.flow, None
        if flow is not None and flow.alive:
            self.tried = flow.transport, flow.host, flow.port
            return flow
        if self.places is None:
            uri = shared_uri(self.uri)
            flow = self.transports.direct(uri)
            if flow is not None:
                self.places = iter(())
                return flow if self.tried != ("UDP", flow.host, flow.port) else None
            self.places = iter(await self.transports.locate(uri))
        for place in self.places:
            if place[0] == "UDP" and self.tried == tuple(place[:3]):
                continue
            try:
                return await self.transports.flow(*place)
            except NotReached:
                continue
        return None
