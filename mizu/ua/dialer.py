"""Destinations of a plan as legs: one for each device of an account, one for a trunk with all its addresses.

Says what the other side is shown of the caller (RFC 3323, RFC 3325).  Knows no stages and no money.
"""

from ..sip.headers import NameAddr, shared_name_addr
from ..sip.uri import Uri, shared_uri
from .addressing import Ways
from .outgoing import OutgoingLeg, Target

DEVICES = 10
"""Devices of one account that are rung together, those of the highest q first."""

PATIENCE = 6.0
"""Seconds that an address of a trunk may be silent before the next one is tried: a few repetitions, over the ocean."""

ANONYMOUS = NameAddr("sip:anonymous@anonymous.invalid", "Anonymous")


class Dialer:
    """agent, locations, trunks, settings; link(call, leg) hears of every leg."""

    def __init__(self, agent, locations, trunks, settings, link=lambda call, leg: None):
        self.agent = agent
        self.locations = locations
        self.trunks = trunks
        self.settings = settings
        self.link = link

    def dial(self, destination, call):
        """[OutgoingLeg] of a plan.Destination: none where nobody is registered."""
        if destination.kind == "trunk":
            targets = self._trunk(destination)
        else:
            bindings, q = self.locations.of(destination.account.id), destination.q
            if q is not None:
                bindings = [binding for binding in bindings if binding.q == q]
            targets = [self._device(destination, binding) for binding in bindings[:DEVICES]]
        legs = [OutgoingLeg(self.agent, call.bridge, target) for target in targets]
        for leg in legs:
            self.link(call, leg)
        return legs

    # -- devices

    def _device(self, destination, binding):
        """A binding: where it was heard, else where its Path or its contact says."""
        flow = binding.flow
        if flow is None or not flow.alive:
            flow = self.agent.transports.find((binding.transport, binding.host, binding.port, *binding.local))
        routes = binding.path
        uri = shared_uri(binding.contact)
        hop = shared_name_addr(routes[0]).uri if routes else binding.contact
        domain = self.domain(flow)
        return Target(binding.contact, f"<{Uri('sip', destination.number or uri.user, domain)}>",
                      self.origin(destination, domain), Ways(self.agent.transports, hop, flow), routes,
                      self.identity(destination, domain, False), None, destination.account, 32.0, True)

    # -- trunks

    def _trunk(self, destination):
        trunk = self.trunks.trunk(destination.account.id)
        if trunk is None or not (destination.domain or trunk.uri.host):
            return []
        uri = Uri("sip", destination.number, destination.domain or trunk.uri.host,
                  destination.port or trunk.uri.port if not destination.domain else destination.port or None,
                  trunk.uri.params)
        hop, routes = uri, ()
        if trunk.hop is not trunk.uri:
            hop, routes = trunk.hop, (f"<{trunk.hop};lr>",)
        domain = self.settings.domain or uri.host
        text = str(uri)
        to = text if uri.port is None and not uri.params else Uri("sip", destination.number, uri.host)
        ways = Ways(self.agent.transports, text if hop is uri else str(hop))
        target = Target(text, f"<{to}>", self.origin(destination, domain), ways, routes,
                        self.identity(destination, domain, True), trunk.credentials, destination.account, PATIENCE,
                        report=lambda code, seconds: self.trunks.heard(trunk.id, code, seconds))
        return [target]

    # -- what is shown

    def domain(self, flow):
        return self.settings.domain or (flow.advertised[0] if flow is not None else "localhost")

    def origin(self, destination, domain):
        """From, without its tag."""
        if destination.hidden:
            return str(ANONYMOUS)
        return str(NameAddr(str(Uri("sip", destination.caller, domain)), destination.display))

    def identity(self, destination, domain, trunk):
        """The fields of RFC 3325 and 3323."""
        fields = []
        if destination.asserted:
            fields.append(("P-Asserted-Identity",
                           str(NameAddr(str(Uri("sip", destination.asserted, domain)), destination.display))))
        if destination.hidden:
            fields.append(("Privacy", "id"))
        return fields
