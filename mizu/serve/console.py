"""The admin console: a port for people with telnet and for scripts with netcat (manual, chapter CLI).

Who speaks first decides.  A client that waits is greeted in telnet and asked for user and password; its keys are
edited here once it lets us echo, else its lines are taken as they come.  A client that speaks at once is a script:
`login,USER,PASSWORD`, or user and password on two lines, then its commands; no prompt, no echo, and an empty line
ends every answer, so that a program can tell where it ends.  One command at a time, answered in order.
"""

from ..api.trust import LAN, LISTED, LOOPBACK, OWN
from ..wire.sniff import LINE, MORE, TLS, sniff_stream
from ..wire.telnet import IAC
from .consoleconnection import ConsoleConnection

_HERE = LOOPBACK | OWN
REACH = {0: 0, 1: LOOPBACK, 2: _HERE, 3: _HERE | LISTED, 4: _HERE | LISTED | LAN, 5: None}
"""remoteadmin -> the flags of Trust that let an address in; None for any."""

GREET_SECONDS = 0.25
"""Of silence, then the far end is somebody who waits to be asked."""


class ConsoleFront:
    """`tls()` gives the current ssl.SSLContext, or None without a certificate."""

    def __init__(self, server, tls):
        self.server = server
        self.tls = tls

    def accept(self, stream):
        """A listener's new connection."""
        server, host = self.server, stream.peer.host
        flags = server.trust.flags(host)
        reach = REACH[server.settings.remoteadmin]
        if reach is not None and not flags & reach or server.bans.banned(host) and not server.trust.exempt(flags):
            stream.send(b"ERROR: access denied\r\n")
            return stream.close()
        self.begin(stream)

    def begin(self, stream, tls=None):
        stream.protocol = Listening(stream, self, tls)
        stream.deadline = stream.reactor.now + self.server.settings.sniffwait

    def start_tls(self, stream, data):
        context = self.tls()
        if context is None or stream.peer.secure:
            return stream.abort()
        from ..wire.tls import TlsFilter
        tls = TlsFilter(context)
        self.begin(stream, tls)
        stream.start_tls(tls, data)


class Listening:
    """The protocol of a stream until it is known who speaks first."""
    __slots__ = ("stream", "front", "tls", "buffer", "timer")

    def __init__(self, stream, front, tls):
        self.stream = stream
        self.front = front
        self.tls = tls
        self.buffer = b""
        self.timer = stream.reactor.later(GREET_SECONDS, self._silence)

    def received(self, data):
        self.timer.cancel()
        data = self.buffer + data
        if data[0] == IAC:
            return self._hand_over(data, script=False)
        verdict = sniff_stream(data)
        if verdict is TLS:
            self.front.start_tls(self.stream, data)
        elif verdict is LINE:
            self._hand_over(data, script=True)
        elif verdict is MORE:
            self.buffer = data
        else:
            self.stream.close()

    def _silence(self):
        if self.stream.protocol is not self:
            return
        if self.tls is not None and not self.tls.handshaken:
            self.timer = self.stream.reactor.later(GREET_SECONDS, self._silence)
        else:
            self._hand_over(b"", script=False)

    def _hand_over(self, data, script):
        connection = self.stream.protocol = ConsoleConnection(self.stream, self.front, script)
        connection.start(data)

    def ended(self):
        self.timer.cancel()
        if self.buffer and sniff_stream(self.buffer, ended=True) is LINE:
            self._hand_over(self.buffer, script=True)
            self.stream.protocol.ended()
        else:
            self.stream.close()

    def expired(self):
        self.stream.abort()

    def drained(self):
        pass

    def closed(self):
        self.timer.cancel()
