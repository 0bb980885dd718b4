"""A House with what the operating commands look at: reactor, streams, ports, folders, log file, ini file."""

from types import SimpleNamespace

from mizu.base.log import Log
from mizu.base.task import Future
from mizu.store.settings import Settings

from api.house import House, Reactor


class Turning(Reactor):
    """A reactor whose sleep() moves the clock at once."""
    lag, peak_lag = 0.001, 0.0025

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def sleep(self, seconds):
        self.clock.advance(seconds)
        done = Future()
        done.set()
        return done


class Strangers(list):
    """ua.guard.Guard as commands see it."""
    dropped = 7


class Desk(House):
    """do("info") is the Answer to root; settings are loaded from an ini file in the folder."""

    def __init__(self, folder):
        super().__init__(folder)
        self.folder = folder
        self.reactor = Turning(self.clock)
        self.log = Log(path=str(folder / "mizud.log"), stderr=None, clock=self.clock)
        self.folders = SimpleNamespace(log=str(folder), data=str(folder), database=str(folder / "mizud.db"))
        self.streams, self.datagrams, self.tls_context = [1, 2], [1], None
        self.guard, self.stories = Strangers(), []
        self.hep = SimpleNamespace(sent=5, dropped=6)
        self.workers = Queue(self.workers)
        self.ports = SimpleNamespace(opened={"main": 8080})
        self.started = self.clock.now() - 3700
        self.restarted, self.reloads, self.ill = [], 0, ""

    def with_ini(self, text, *sets):
        """Settings from a file, as after a start with --config."""
        (self.folder / "mizud.ini").write_text(text)
        loaded = Settings.load(sets, {}, self.db.rows("SELECT name, value FROM tb_settings"),
                               str(self.folder / "mizud.ini"))
        self.settings.__dict__.clear()
        self.settings.__dict__.update(loaded.__dict__)
        self.auth.reload()
        return self

    @property
    def ini(self):
        return (self.folder / "mizud.ini").read_text()

    def do(self, entry, by="root", **params):
        request = self.request(entry, host="127.0.0.1", authid=by, authpwd=by + "pass", **params)
        if self.auth.keys:
            request.params["authkey"] = self.auth.keys[0].decode()
        from mizu.base.message import Session
        return self.answer(self.dispatcher.submit(request, Session(request.peer)))

    # -- what commands ask of the server

    def trouble(self):
        return self.ill

    def status(self):
        return "2 connections, 3 requests"

    def threads(self):
        return [("MainThread", "run < turn")]

    def restart(self, force=False):
        self.restarted.append(force)

    def reload(self):
        self.reloads += 1
        changes = self.settings.reload(self.db)
        for service in (self.trust, self.limits, self.auth, self.decoder):
            service.reload()
        return changes


class Queue:
    """Workers with a length."""

    def __init__(self, workers):
        self.run = workers.run

    def __len__(self):
        return 0
