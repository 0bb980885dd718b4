"""A whole server without sockets: real services over Town's accounts, a reactor and streams moved by hand."""

from mizu.api.auth import Authenticator
from mizu.api.custom import run_custom
from mizu.api.decode import Decoder
from mizu.api.dispatch import Dispatcher
from mizu.api.nonces import Nonces
from mizu.api.trust import Trust
from mizu.base.message import Peer
from mizu.serve.asker import Asker

from commands.asking import Town

LAN = "192.168.7.7"
FAR = "198.51.100.7"


class FakeReactor:
    def __init__(self, clock):
        self.clock = clock
        self.timers = []
        self.calls = []

    @property
    def now(self):
        return self.clock.monotonic()

    def soon(self, callback):
        self.calls.append(callback)

    def later(self, seconds, callback):
        timer = FakeTimer(self.now + seconds, callback)
        self.timers.append(timer)
        return timer

    def turn(self):
        calls, self.calls = self.calls, []
        for call in calls:
            call()

    def pass_time(self, seconds):
        """Move the clock, and do what is due by then."""
        until = self.now + seconds
        while due := [timer for timer in self.timers if timer.when <= until]:
            timer = min(due, key=lambda each: each.when)
            self.timers.remove(timer)
            self.clock.advance(max(0, timer.when - self.now))
            if timer.callback:
                timer.callback()
            self.turn()
        self.clock.advance(until - self.now)
        self.turn()


class FakeTimer:
    def __init__(self, when, callback):
        self.when = when
        self.callback = callback

    def cancel(self):
        self.callback = None


class FakeStream:
    """What a protocol sees of a connection; `sent` is what the far end has got so far."""

    def __init__(self, reactor, host="127.0.0.1", secure=False):
        self.reactor = reactor
        self.peer = Peer("tls" if secure else "tcp", host, 4711, ("127.0.0.1", 8090), secure)
        self.protocol = None
        self.deadline = 0.0
        self.open = True
        self.paused = False
        self.pending = 0
        self.sent = b""
        self.waiting = b""

    def send(self, data):
        if self.open:
            self.sent += data

    def close(self):
        self.open = False

    abort = close

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    # -- the far end

    def say(self, data):
        """Bytes arrive, as soon as the protocol reads; what waits for a tick or a turn gets it."""
        self.waiting += data
        self.settle()

    def settle(self):
        for _ in range(1000):
            if self.waiting and self.open and not self.paused:
                data, self.waiting = self.waiting, b""
                self.protocol.received(data)
            self.reactor.turn()
            if self.paused and self.pending == 0:
                self.reactor.pass_time(0.02)
            elif not (self.waiting and self.open and not self.paused) and not self.reactor.calls:
                return

    def end(self):
        self.settle()
        self.protocol.ended()
        self.settle()

    def take(self):
        """What has been sent since the last look, as text without telnet."""
        sent, self.sent = self.sent, b""
        while (at := sent.find(b"\xff")) >= 0:
            sent = sent[:at] + sent[at + 3:]
        return sent.decode().replace("\r\n", "\n").replace("\r\0", "\r")


class Hall(Town):
    """Town with everything above the records."""

    def __init__(self, folder, *sets):
        super().__init__(folder, *sets)
        self.failures = []
        self.reactor = FakeReactor(self.clock)
        self.trust = Trust(self.settings, lambda host: host == "203.0.113.1", lambda host: host.startswith("192.168."))
        self.nonces = Nonces(self.clock, self.entropy, lambda: 300)
        self.auth = Authenticator(self.settings, self.users, self.trust, self.nonces, self.entropy,
                                  lambda account, host=None: False, self._failed)
        self.decoder = Decoder(self.settings, self.clock)
        self.dispatcher = Dispatcher(self, self.auth, run_custom)
        self.dispatcher.table = self.table
        self.asker = Asker(self.decoder, self.dispatcher)

    def _failed(self, request, flags, authid):
        self.failures.append(authid)
        if not self.trust.exempt(flags):
            self.bans.fail(request.peer.host)
