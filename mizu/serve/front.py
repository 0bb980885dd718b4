"""A port of streams: every new one is sniffed once and handed to the protocol it speaks.

The main port speaks them all, one of SIP's own nothing else.  TLS is a filter in front: what comes out of it is
sniffed again.
"""

from ..wire.sniff import HTTP, LINE, MORE, SIP, TLS, leading, sniff_stream
from .httpd import HttpConnection
from .lines import LineConnection


class Front:
    """`tls()` gives the current ssl.SSLContext, or None without a certificate.   transports: of SIP, or None
    only_sip    it speaks SIP alone, plain or inside TLS"""

    def __init__(self, http, tls, log, transports=None, only_sip=False):
        self.http = http
        self.tls = tls
        self.log = log
        self.transports = transports
        self.only_sip = only_sip

    def accept(self, stream):
        """A listener's new connection."""
        stream.protocol = Sniffing(stream, self)
        stream.deadline = stream.reactor.now + self.http.settings.sniffwait

    def hand_over(self, stream, verdict, data):
        """Give the stream to its protocol, with what was read so far."""
        if verdict is TLS and not stream.peer.secure:
            return self._start_tls(stream, data)
        if verdict is SIP and self.transports is not None:
            self.transports.accept(stream)
        elif self.only_sip:
            return stream.abort()
        elif verdict is HTTP:
            stream.peer = stream.peer.over("https" if stream.peer.secure else "http")
            stream.protocol = HttpConnection(stream, self.http)
        elif verdict is LINE:
            stream.protocol = LineConnection(stream, self.http)
        else:
            return stream.abort()
        stream.protocol.received(data)

    def _start_tls(self, stream, data):
        context = self.tls()
        if context is None:
            return stream.abort()
        from ..wire.tls import TlsFilter
        stream.protocol = Sniffing(stream, self)
        stream.deadline = stream.reactor.now + self.http.settings.sniffwait
        stream.start_tls(TlsFilter(context), data)


class Sniffing:
    """The protocol of a stream that has not said yet what it speaks."""
    __slots__ = ("stream", "front", "buffer")

    def __init__(self, stream, front):
        self.stream = stream
        self.front = front
        self.buffer = b""

    def received(self, data):
        if self.buffer:
            data = self.buffer + data
        self._decide(data, False)

    def ended(self):
        if self.buffer:
            self._decide(self.buffer, True)
            if self.stream.protocol is not None and self.stream.protocol is not self:
                self.stream.protocol.ended()
        else:
            self.stream.close()

    def _decide(self, data, ended):
        verdict = sniff_stream(data, ended)
        if verdict is MORE:
            self.buffer = data
        else:
            self.buffer = b""
            self.front.hand_over(self.stream, verdict, data[leading(data):] if verdict is not LINE else data)

    def expired(self):
        self.stream.abort()

    def finish(self):
        """The server stops."""
        self.stream.close()

    def drained(self):
        pass

    def closed(self):
        pass
