"""The ports: which are opened, where nobody chose one, and what is printed about them.

A port that somebody chose and that cannot be had ends the start; one that nobody chose gives way: the main port
80 to 8080, a secondary one to a warning.
"""

from errno import EADDRINUSE

from ..net.bind import PortTaken
from ..net.datagram import DatagramPort
from ..net.listen import Listener

FALLBACK = 8080
"""Where an ordinary user's server is found when nobody chose a port."""

_FREE = ("auto", 0)
_UNSET = ("", None)

MAX_SIP = 16
"""Ports of sipports; each is four sockets and one for every address."""

_RETRIES = 50
"""A free port is free for TCP; its number may be taken for UDP."""


class Ports:
    """Opens and closes them.

    opened      {name: number}
    on_error    hears of ICMP errors of UDP ports opened from now on: on_error(addr, errno)
    """

    def __init__(self, reactor, streams, settings, log):
        self.reactor = reactor
        self.streams = streams
        self.settings = settings
        self.log = log
        self.opened = {}
        self.on_error = None
        self._all = []

    def open_main(self, on_stream, on_datagram, inherited=()):
        """The port of everything, TCP and UDP with the same number unless mainaportudp says otherwise."""
        settings = self.settings
        if not settings.usemainaport:
            return
        try:
            self._open_main(on_stream, on_datagram, inherited)
        except PortTaken as error:
            apart = error.udp and (inherited or settings.mainaportudp not in _UNSET)
            raise error.advise("the setting mainaportudp" if apart else "--port") from None

    def _open_main(self, on_stream, on_datagram, inherited):
        settings = self.settings
        if inherited:
            for fd in inherited:
                self._keep("main", Listener(self.reactor, "", 0, on_stream, self.streams, fd=fd))
            return self._udp(on_datagram, self.opened["main"])
        if settings.mainaport in _FREE:
            return self._free(lambda: self._open_both(0, on_stream, on_datagram))
        try:
            return self._open_both(settings.mainaport, on_stream, on_datagram)
        except PortTaken as error:
            if settings.was_chosen("mainaport") or error.udp and settings.mainaportudp not in _UNSET:
                raise
            self.log.warning(f"{error}: port {FALLBACK} is opened instead")
        return self._open_both(FALLBACK, on_stream, on_datagram)

    def open_secondary(self, name, setting, on_stream):
        """Another TCP port, as its setting says; 0 is off.  Returns the number or None."""
        wanted = getattr(self.settings, setting)
        if wanted == 0 or wanted in _UNSET:
            return None
        chosen = self.settings.was_chosen(setting)
        if wanted in _FREE or self.settings.port_zero and not chosen:
            wanted = 0
        try:
            return self._tcp(name, wanted, on_stream)
        except PortTaken as error:
            if chosen:
                raise error.advise(f"the setting {setting}") from None
            self.log.warning(f"{error} (setting {setting}); going on without it")
            return None

    def open_sip(self, on_stream, on_datagram):
        """The ports where phones expect SIP, UDP and TCP with the same number."""
        settings = self.settings
        chosen = settings.was_chosen("sipports")
        wanted = ("auto",) if settings.port_zero and not chosen and settings.sipports else settings.sipports
        for index, port in enumerate(wanted[:MAX_SIP]):
            name = f"sip{index + 1}" if index else "sip"
            if port in _FREE:
                self._free(lambda: self._open_both(0, on_stream, on_datagram, name, name))
            elif port not in self.opened.values():
                try:
                    self._open_both(port, on_stream, on_datagram, name, name)
                except PortTaken as error:
                    if chosen:
                        raise error.advise("the setting sipports") from None
                    self.log.warning(f"{error} (setting sipports); going on without it")

    @property
    def datagram_ports(self):
        """The UDP ports, those of SIP first."""
        found = [(name == "udp", index, port) for index, (name, port) in enumerate(self._all)
                 if isinstance(port, DatagramPort)]
        return [port for _, _, port in sorted(found, key=lambda each: each[:2])]

    @property
    def locals(self):
        """Our addresses of all UDP ports."""
        return [local for port in self.datagram_ports for local in port.locals]

    def stop_listening(self):
        """Accept no more connections; datagrams still come and go."""
        for entry in [entry for entry in self._all if isinstance(entry[1], Listener)]:
            entry[1].close()
            self._all.remove(entry)

    def close(self, name=None):
        """Accept no more on this port, or on any."""
        for entry in [entry for entry in self._all if name in (None, entry[0])]:
            entry[1].close()
            self._all.remove(entry)
            self.opened.pop(entry[0], None)

    @staticmethod
    def _free(open_both):
        for attempt in range(_RETRIES):
            try:
                return open_both()
            except PortTaken:
                if attempt == _RETRIES - 1:
                    raise

    def _open_both(self, port, on_stream, on_datagram, name="main", udp="udp"):
        """TCP and UDP, or neither."""
        try:
            number = self._tcp(name, port, on_stream)
            self._udp(on_datagram, number, udp)
        except PortTaken:
            self.close(name)
            raise

    def _tcp(self, name, port, on_stream):
        listener = Listener(self.reactor, "", port, on_stream, self.streams)
        self._keep(name, listener)
        number = listener.address[1]
        self._also_ipv6(name, number, lambda: Listener(self.reactor, "::", number, on_stream, self.streams))
        return number

    def _udp(self, on_datagram, port, name="udp"):
        wanted = self.settings.mainaportudp
        if wanted not in _UNSET and name == "udp":
            port = 0 if wanted in _FREE else wanted
        udp = DatagramPort(self.reactor, "", port, on_datagram, self.on_error)
        self._keep(name, udp)
        number = udp.address[1]
        self._also_ipv6(name, number, lambda: DatagramPort(self.reactor, "::", number, on_datagram, self.on_error))

    def _also_ipv6(self, name, number, open):
        """The same number over IPv6, where the host has it."""
        try:
            self._keep(name, open())
        except PortTaken as error:
            tell = self.log.warning if error.errno == EADDRINUSE else self.log.debug
            tell(f"port {number} is not open over IPv6: {error}")

    def _keep(self, name, port):
        self._all.append((name, port))
        self.opened.setdefault(name, port.address[1])
