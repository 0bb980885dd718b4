"""class Switch: the telephone switch of a server, built in floor order: who calls, where to, at what price, over what.

The one file that knows how the agent of RFC 3261, the plan and the bridge come together; class Server owns it.
"""

from . import VERSION
from .base.errors import RemoteProtocolError
from .calls.bridge import Bridges
from .calls.call import Call
from .calls.clicktocall import ClickToCall
from .calls.events import Fail
from .calls.planner import Planner
from .calls.story import Stories
from .calls.transfer import replace
from .sip.headers import parse_name_addr
from .sip.message import Message
from .sip.uri import shared_uri
from .ua.agent import Agent
from .ua.dialer import Dialer
from .ua.gate import Gate
from .ua.outgoing import Unheard
from .ua.trunk import Trunks

NAME = f"mizud/{VERSION}"

LATE = 60
"""Seconds that a registration's connection outlives it: its renewal may be on the way."""


class Timers:
    """What protocol machines need of the loop: later(seconds, callback), now() in monotonic seconds."""
    __slots__ = ("later", "now")

    def __init__(self, reactor, clock):
        self.later = reactor.later
        self.now = clock.monotonic


class Switch:
    """server: its services, as attributes · timers · transports (serve.sipport, or a network of tests)."""

    def __init__(self, server, timers, transports):
        self.server = server
        self.clock = server.clock
        self.stories = Stories(server.clock)
        self.agent = agent = Agent(timers, server.entropy, server.settings, transports, NAME, server.log,
                                   self.stories.heard)
        self.trunks = Trunks(agent, server.db, server.users, server.settings, server.log)
        self.dialer = Dialer(agent, server.locations, self.trunks, server.settings, self._linked)
        self.planner = Planner(server)
        server.routing.resting = self.trunks.resting
        self.trunks.quality = server.routing.quality.heard
        self.bridges = Bridges(server.board, server.meters, timers, server.clock, server.settings, self.dialer.dial,
                               self.redirected, self.transferred, self.stories.note, server.log)
        self.clicktocall = ClickToCall(self.bridges, server.board, server.clock, self.planner, server.entropy)
        agent.gate = Gate(server.sources, server.digests, server.users, server.locations)
        agent.register = self.register
        agent.switch = self.begin
        agent.draining = lambda: bool(server.board.closed)
        agent.back = self._back
        transports.lost = self._lost
        server.locations.busy = self._busy
        server.keepalive.ping = self.ping

    # -- registrations

    def register(self, transaction, message):
        """A REGISTER."""
        account = self.server.digests.authenticate(message)
        if account.__class__ is Message:
            return transaction.refuse(account)
        self.agent.proven(message, "Authorization")
        response = self.server.registrar.register(message, message.flow, account)
        transaction.respond(response)
        flow = message.flow
        if flow.reliable and response.status == 200:
            ends = [binding.expires for binding in self.server.locations.of(account.id) if binding.flow is flow]
            if ends:
                flow.keep(max(ends) - self.clock.now() + LATE)

    def ping(self, binding):
        """Keep the way to a device behind NAT open."""
        flow = binding.flow
        if flow is None or not flow.alive:
            flow = self.agent.transports.find((binding.transport, binding.host, binding.port, *binding.local))
        if flow is None:
            return
        request = Message.request("OPTIONS", binding.contact)
        add = request.add
        own = self.agent.contact(flow)
        add("Max-Forwards", "70")
        add("From", f"{own};tag={self.agent.layer.tag}")
        add("To", f"<{binding.contact}>")
        add("Call-ID", self.server.entropy.hex(12))
        add("CSeq", "1 OPTIONS")
        self.agent.layer.request(request, flow, Unheard)

    def _lost(self, flow):
        self.agent.layer.lost(flow)
        self.server.locations.lost(flow)

    def _back(self, account, contact):
        """The flow over which a phone has registered anew, None if it has not."""
        for binding in self.server.locations.of(account.id):
            if binding.contact == contact and binding.flow is not None and binding.flow.alive:
                return binding.flow
        return None

    def _busy(self, id):
        """tb_users.status of an account's calls: 0 none, 2 ringing, 3 talking."""
        states = [call.state for call in self.server.board.of(id)]
        return 3 if "talking" in states else 2 if states else 0

    # -- calls

    def begin(self, leg, caller, called, replaced=None):
        """A call of a leg that has proved whose it is."""
        offer = leg.opening()
        if replaced is not None:
            return self._replace(leg, replaced, offer)
        if caller.proof != "digest" and self.trunks.registers_as(called):
            # the Contact that we gave a provider: the number stands in To alone
            called = shared_uri(leg.transaction.request.to.uri).user or called
        call = Call(self.clock, leg.call_id, caller, called)
        story = self.stories.open(leg.call_id)
        plan = self._told(call, self.planner.plan(caller, called))
        call.called = plan.called
        self.bridges.open(call, leg, plan, offer)
        story.call = call.id

    def _replace(self, leg, replaced, offer):
        """A leg that takes the place of another one (RFC 3891)."""
        bridge = replaced.bridge
        if bridge is None or not replace(bridge, replaced, leg, offer):
            leg.take(Fail(481, ""))

    def redirected(self, contacts, destination, call):
        """[Stage] of a destination's 3xx: only to numbers and names of ours, and who was called pays."""
        stages = []
        for contact in contacts:
            try:
                user = shared_uri(parse_name_addr(contact).uri).user
            except RemoteProtocolError:
                continue
            if user:
                stages += self._told(call, self.planner.redirect(user, destination, call.caller)).stages
        return stages

    def transferred(self, target, account, call):
        """The Plan of a blind transfer by an account."""
        return self._told(call, self.planner.transfer(target, account, call.caller))

    def _told(self, call, plan):
        """The same Plan, once the call's story has it."""
        for text in plan.trace:
            self.stories.note(call.sipcallid, text)
        return plan

    def _linked(self, call, leg):
        """A leg of a call: its messages belong to the call's story, which an API request may have begun."""
        if self.stories.find(call.sipcallid) is None:
            self.stories.open(call.sipcallid, call.id)
        self.stories.link(call.sipcallid, leg.call_id)

    # -- life

    def start(self):
        self.trunks.start()

    def tick(self):
        """Once a second."""
        self.trunks.tick()

    def reload(self):
        """Every table that decides about calls is read again; running calls go on."""
        server = self.server
        for service in (server.profiles, server.sources, server.routing, server.dialplan, server.ported,
                        server.directory, server.rates, self.trunks):
            service.reload()

    def reset(self):
        """End all calls and give up what is under way; returns how many calls there were."""
        ended = self.server.board.drop_all("SIP was reset")
        self.agent.layer.abandon()
        return ended
