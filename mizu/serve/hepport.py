"""Copies of all SIP messages and of what was decided about calls, for Homer and its kin: HEP3 over UDP to `hepserver`.

An observer of stories (calls/story.py), there only while the setting names a collector.  Nothing waits for it: a copy
that cannot be sent is dropped.  A name is looked up again every minute, so a collector may move.  Passwords of
digests are not in SIP messages; requests of the API inside SIP, which may hold some, never come here.
"""

from ..base.errors import ApiError
from ..base.task import spawn
from ..net.sender import Sender
from ..wire import hep

PORT = 9060
AGENT = 2001
"""Number of this node at the collector, as all examples of Homer have it."""

AGAIN = 60
"""Ticks of a second between two look-ups of the collector's name."""

NOBODY = ("0.0.0.0", 0)
"""Both ends of a note on a call without a message: one begun over the API."""


class HepPort:
    """settings (hepserver, domain), stories, addresses(name) -> Future of addresses, log.

    sent, dropped   packets
    open(host, port)   makes the Sender
    """

    def __init__(self, settings, stories, addresses, log, open=Sender):
        self.settings = settings
        self.stories = stories
        self.addresses = addresses
        self.log = log
        self.open = open
        self.sent = self.dropped = 0
        self._server = None             # (name, port)
        self._address = ""
        self._sender = None
        self._looking = False
        self._ticks = 0
        self._told = ""

    # -- what stories call

    def heard(self, when, outgoing, transport, local, remote, data, key):
        """A message, of the call whose Call-ID on the caller's side is `key`."""
        self._send(hep.SIP, when, transport, *((local, remote) if outgoing else (remote, local)), key, data)

    def noted(self, when, text, story):
        """A decision about a call."""
        transport, local, remote = next((what[1:4] for _, what in reversed(story.events) if what.__class__ is tuple),
                                        ("UDP", NOBODY, NOBODY))
        self._send(hep.LOG, when, transport, local, remote, story.key, text.encode("utf-8", "replace"))

    def _send(self, kind, when, transport, source, target, key, data):
        if self._sender is None:
            self.dropped += 1
            return
        name = self.settings.domain or "mizud"
        try:
            packet = hep.render(kind, when, transport, source, target, AGENT, key, data, name)
        except ValueError:              # an end that has no numeric address
            self.dropped += 1
            return
        if self._sender.send(packet):
            self.sent += 1
        else:
            self.dropped += 1

    # -- life

    def reload(self):
        """The setting may have changed."""
        server = place(self.settings.hepserver)
        if server is None and self.settings.hepserver:
            self._tell(f"hepserver {self.settings.hepserver[:80]} is no host:port, no copies are sent")
        if server == self._server:
            return
        self._server, self._told = server, ""
        self.close()
        if server is not None:
            self.stories.observers.append(self)
            self._look()

    def tick(self):
        """Once a second."""
        self._ticks += 1
        if self._server is not None and (self._sender is None or self._ticks % AGAIN == 0):
            self._look()

    def close(self):
        if self in self.stories.observers:
            self.stories.observers.remove(self)
        if self._sender is not None:
            self._sender.close()
        self._sender, self._address = None, ""

    def _look(self):
        if not self._looking:
            self._looking = True
            spawn(self._connect(self._server))

    async def _connect(self, server):
        """Send to where the name leads now; an address that was good stays while nobody knows a better one."""
        try:
            found = await self.addresses(server[0])
            if not found:
                self._tell(f"hepserver {server[0]} has no address")
            elif server == self._server and found[0] != self._address:
                sender = self.open(found[0], server[1])
                if self._sender is not None:
                    self._sender.close()
                self._sender, self._address, self._told = sender, found[0], ""
        except ApiError as error:
            self._tell(f"hepserver: {error.message}")
        finally:
            self._looking = False

    def _tell(self, text):
        if text != self._told:
            self._told = text
            self.log.warning(text)


def place(text):
    """`host`, `host:port`, `[v6]:port` or a bare IPv6 address -> (host, port); None if it is none."""
    text = text.strip()
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        if port and not port.startswith(":"):
            return None
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        port = port or "x"
    if not host or port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        return None
    return host, int(port or PORT)
