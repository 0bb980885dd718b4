"""The main port over Town's accounts: a Front, and streams whose bytes tests carry by hand."""

from mizu.serve.datagrams import DatagramApi
from mizu.serve.front import Front
from mizu.serve.httpd import HttpFront
from mizu.serve.routes import ROUTES
from mizu.serve.sipport import Transports
from mizu.serve.static import StaticFiles
from mizu.base.task import Future
from mizu.net.resolver import Resolver

from .talk import LAN, FakeStream, Hall

KEY = "KEY"
JOHN = f"authkey={KEY}&authid=john&authpwd=johnpass"
CREDIT = "Your credit is $12.34 USD"
TEST1 = "/mvapireq/?apientry=apitest1"


class FakeWorkers:
    """Calls wait for work()."""

    def __init__(self):
        self.calls = []

    def run(self, function, *args):
        future = Future()
        self.calls.append((future, function, args))
        return future

    def work(self):
        calls, self.calls = self.calls, []
        for future, function, args in calls:
            try:
                future.set(function(*args))
            except Exception as error:
                future.fail(error)


class WebStream(FakeStream):
    """Remembers when bytes moved; `full` is a peer that reads nothing."""

    def __init__(self, reactor, host="127.0.0.1", secure=False):
        super().__init__(reactor, host, secure)
        self.active = reactor.now
        self.full = self.aborted = False
        self.sends = 0

    def send(self, data):
        if self.open:
            self.sends += 1
            self.active = self.reactor.now
            if self.full:
                self.pending += len(data)
            self.sent += data

    def abort(self):
        self.open = False
        self.aborted = True

    def read(self):
        """The peer reads all that waits."""
        self.pending = 0
        self.active = self.reactor.now
        self.protocol.drained()

    def expire(self, seconds):
        """Let time pass; the deadline is looked at as the StreamSet does."""
        self.reactor.pass_time(seconds)
        if 0 < self.deadline <= self.reactor.now:
            self.deadline = 0.0
            self.protocol.expired()

    def lose(self):
        """The connection is gone."""
        self.open = False
        self.protocol.closed()


class Web(Hall):
    """Everything of the main port but its sockets."""

    def __init__(self, folder, *sets):
        super().__init__(folder, f"apiv2key={KEY}", "apideftrustadmin=1", *sets)
        self.trusted_proxies = ()
        self.hosts = {"", "h", "127.0.0.1"}
        self.workers = FakeWorkers()
        self.root_folder = folder / "mvweb"
        self.root_folder.mkdir()
        self.static = StaticFiles(str(self.root_folder))
        self.ports = type("Ports", (), {"opened": {"main": 80}})()
        self.wrong = ""
        self.http = HttpFront(self, ROUTES)
        self.transports = Transports(self.reactor, None, self.settings, self.entropy, Resolver, self.ports,
                                     lambda host: host.startswith("192.168."), ["203.0.113.1"], self.log)
        self.front = Front(self.http, lambda: None, self.log, self.transports)
        self.datagrams = DatagramApi(self.asker, self.clock, self.transports.sip_datagram)

    def trouble(self):
        return self.wrong

    def is_own_host(self, host):
        return host.partition(":")[0] in self.hosts

    def connect(self, host=LAN, secure=False):
        stream = WebStream(self.reactor, host, secure)
        self.front.accept(stream)
        return stream

    def talk(self, data, host=LAN):
        """All that comes back for `data` on a fresh connection, held back answers too."""
        stream = self.connect(host)
        stream.say(data)
        self.reactor.pass_time(0.05)
        return stream.sent

    def get(self, target, *fields, method="GET", body=b"", host=LAN):
        """(status, fields, body) of one request."""
        lines = [f"{method} {target} HTTP/1.1", "Host: h", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return parse_answers(self.talk("\r\n".join(lines).encode() + b"\r\n\r\n" + body, host), method)[0]


def parse_answers(data, method="GET"):
    """Bytes -> [(status, {name: value}, body)], by the plainest reading of RFC 9112."""
    answers = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        assert mark, head
        first, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = 0 if method == "HEAD" else int(fields.get("content-length", 0))
        assert len(data) >= length
        answers.append((int(first.split()[1]), fields, data[:length]))
        data = data[length:]
    return answers


class Waiting:
    """Commands whose answers come when the test says so: replaces Dispatcher.submit for entries `wait…`."""

    def __init__(self, web):
        self.futures = []
        self.started = []
        self._submit = web.dispatcher.submit
        web.dispatcher.submit = self.submit

    def submit(self, request, session):
        self.started.append(request.entry)
        if not request.entry.startswith("wait"):
            return self._submit(request, session)
        self.futures.append((Future(), request.entry))
        return self.futures[-1][0]

    def answer(self, index, message=None, **more):
        from mizu.base.message import Answer
        future, entry = self.futures[index]
        future.set(Answer(message or f"OK: {entry}", entry=entry, **more))
