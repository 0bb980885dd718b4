"""The ports: which are opened, where nobody chose one, and what is printed about them.

A port that somebody chose and that cannot be had ends the start; one that nobody chose gives way: the main port
80 to 8080, a secondary one to a warning.
"""

from ..net.bind import PortTaken
from ..net.datagram import DatagramPort
from ..net.listen import Listener

FALLBACK = 8080
"""Where an ordinary user's server is found when nobody chose a port."""

_RETRIES = 50
"""A free port is free for TCP; its number may be taken for UDP."""


class Ports:
    """Opens and closes them.  `front`, `console`, `old` take streams; `datagrams` takes (data, addr, local)."""

    def __init__(self, reactor, streams, settings, log):
        self.reactor = reactor
        self.streams = streams
        self.settings = settings
        self.log = log
        self.opened = {}
        self._all = []

    def open_main(self, on_stream, on_datagram, inherited=()):
        """The port of everything, TCP and UDP with the same number unless mainaportudp says otherwise."""
        settings = self.settings
        if not settings.usemainaport:
            return
        if inherited:
            for fd in inherited:
                listener = Listener(self.reactor, "", 0, on_stream, self.streams, fd=fd)
                self._keep("main", listener)
            self._udp(on_datagram, self.opened["main"])
            return
        wanted = settings.mainaport
        for attempt in range(_RETRIES):
            try:
                port = self._tcp("main", self._free(wanted), on_stream)
            except PortTaken as error:
                if settings.was_chosen("mainaport"):
                    raise
                self.log.warning(f"{error}: taking {FALLBACK} instead")
                port = self._tcp("main", FALLBACK, on_stream)
            try:
                return self._udp(on_datagram, port)
            except PortTaken:
                if not self._is_free(wanted) or attempt == _RETRIES - 1:
                    raise
                self.close("main")

    def open_secondary(self, name, setting, on_stream):
        """Another TCP port, as its setting says; 0 is off.  Returns the number or None."""
        wanted = getattr(self.settings, setting)
        if wanted == 0:
            return None
        chosen = self.settings.was_chosen(setting)
        if self.settings.port_zero and not chosen:
            wanted = "auto"
        try:
            return self._tcp(name, self._free(wanted), on_stream)
        except PortTaken as error:
            if chosen:
                raise
            self.log.warning(f"{error} (setting {setting}); going on without it")
            return None

    def close(self, name=None):
        """Accept no more on this port, or on any."""
        for entry in [entry for entry in self._all if name in (None, entry[0])]:
            entry[1].close()
            self._all.remove(entry)
            self.opened.pop(entry[0], None)

    def _is_free(self, wanted):
        return self.settings.port_zero or wanted in ("auto", 0)

    def _free(self, wanted):
        return 0 if self._is_free(wanted) and (wanted in ("auto", 0) or not self.settings.was_chosen("mainaport")) \
            else wanted

    def _tcp(self, name, port, on_stream):
        listener = Listener(self.reactor, "", port, on_stream, self.streams)
        self._keep(name, listener)
        number = listener.address[1]
        try:
            self._keep(name, Listener(self.reactor, "::", number, on_stream, self.streams))
        except PortTaken as error:
            self.log.debug(f"no IPv6 on port {number}: {error}")
        return number

    def _udp(self, on_datagram, port):
        wanted = self.settings.mainaportudp
        if self.settings.was_chosen("mainaportudp") and wanted not in ("auto", None):
            port = wanted
        self._keep("udp", DatagramPort(self.reactor, "", port, on_datagram))
        try:
            self._keep("udp", DatagramPort(self.reactor, "::", port, on_datagram))
        except PortTaken as error:
            self.log.debug(f"no IPv6 on UDP port {port}: {error}")

    def _keep(self, name, port):
        self._all.append((name, port))
        self.opened.setdefault(name, port.address[1])
