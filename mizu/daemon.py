"""The process: arguments, folders, signals, readiness, exit codes.

Obeys sysexits(3) for the codes, sd_notify(3) and systemd.exec(5) for what a service manager is told and tells.
Builds the one Server and turns it; knows nothing of what it does.
"""

import os
import sys

from . import VERSION
from .base.errors import ConfigError

USAGE, PORT, STORE, CONFIG = 64, 69, 74, 78

GRACE = 20
"""Seconds from SIGTERM to the end, whatever hangs: 10 for requests under way, the rest to close the database."""

STATUS_SECONDS = 10
"""How often the service manager is told how much there is to do."""

OPTIONS = (
    ("--config", "FILE", "settings (default: $CONFIGURATION_DIRECTORY/mizud.ini if it is there, else DATA/mizud.ini)"),
    ("--data", "DIR", "data folder (default: $STATE_DIRECTORY, else ./data)"),
    ("--port", "N", "the port of everything; 0: a free one (default: 80, else 8080)"),
    ("--set", "NAME=VALUE", "a setting; may be repeated"),
    ("--check-config", "", "look at the settings, touch nothing: exit status 0 or 78"),
    ("--ini", "", "print an ini file with every setting"),
    ("--openapi", "", "print the API as OpenAPI 3.1"),
    ("--manual", "", "print the man page: mizud.py --manual | man -l -"),
    ("--version", "", "print the version"),
    ("--help", "", "print this"),
)


class UsageError(Exception):
    """Arguments that cannot be understood: exit code 64."""


class Arguments:
    """What was asked for: config, data, sets, and `action`: "" to serve, or the option that only prints."""

    def __init__(self, argv):
        self.config = self.data = None
        self.sets = []
        self.action = ""
        rest = list(argv)
        while rest:
            name, equals, value = rest.pop(0).partition("=")
            name = {"-h": "--help", "-V": "--version"}.get(name, name)
            takes = next((takes for known, takes, _ in OPTIONS if known == name), None)
            if takes is None:
                raise UsageError(f"unknown argument {name}{nearest(name)}")
            if takes and not equals:
                if not rest or rest[0].startswith("--"):
                    raise UsageError(f"{name} takes {takes}")
                value = rest.pop(0)
            elif equals and not takes:
                raise UsageError(f"{name} takes no value")
            self._take(name, value)

    def _take(self, name, value):
        if name == "--config":
            self.config = value
        elif name == "--data":
            self.data = value
        elif name == "--set":
            if "=" not in value:
                raise UsageError(f"--set takes NAME=VALUE, not {value}")
            self.sets.append(value)
        elif name == "--port":
            if value != "auto" and not (value.isascii() and value.isdigit() and int(value) < 65536):
                raise UsageError(f"--port takes a number from 0 to 65535, not {value}")
            self.sets.append(f"mainaport={value}")
        else:
            self.action = self.action or name


def nearest(name):
    import difflib
    words = [known for known, _, _ in OPTIONS] + ["console", "import", "export", "doctor"]
    like = difflib.get_close_matches(name, words, 1)
    return f"; did you mean {like[0]}?" if like else ""


def usage():
    lines = ["usage: mizud.py [OPTION …]", "       mizud.py console [HOST[:PORT]] [-c COMMAND]",
             "       mizud.py import FILE.csv | export [FILE.csv]     price lists; --help tells more",
             "       mizud.py doctor [--data DIR]     what is wrong here, and what to do about it", ""]
    return "\n".join(lines + [f"  {name + ' ' + takes:22} {help}" for name, takes, help in OPTIONS])


def main(argv, environ=os.environ):
    """Run the program; returns the exit code."""
    if argv[:1] == ["console"]:
        from .serve.consoleclient import main as console
        return console(argv[1:], environ)
    if argv[:1] in (["import"], ["export"]):
        import signal
        from .importer import main as importer
        signal.signal(signal.SIGTERM, signal.default_int_handler)       # given up as by Ctrl-C
        return importer(argv, environ)
    try:
        doctor = argv[:1] == ["doctor"]
        arguments = Arguments(argv[1:] if doctor else argv)
        if doctor and not arguments.action:
            return _doctor(arguments, environ)
        return _print(arguments.action) if arguments.action in PRINTS else _serve(arguments, environ)
    except UsageError as error:
        return _fault(f"{error}\n{usage()}", USAGE)
    except ConfigError as error:
        return _fault(error, CONFIG)
    except KeyboardInterrupt:
        return 0


# -- what only prints

def _ini():
    from .store.settings import render_ini
    return render_ini()


def _openapi():
    from .api import manual
    from .commands import load
    load()
    return manual.openapi()


def _manual():
    from .api import manual
    from .commands import load
    load()
    return manual.man_page()


PRINTS = {"--version": lambda: f"mizud {VERSION}", "--help": usage, "--ini": _ini, "--openapi": _openapi,
          "--manual": _manual}


def _print(action):
    _say(PRINTS[action]())
    return 0


def _say(text, fd=1):
    """Write a text and a line's end; whoever has stopped reading misses it."""
    rest = (text.rstrip("\n") + "\n").encode("utf-8", "backslashreplace")
    try:
        while rest:
            rest = rest[os.write(fd, rest):]
    except OSError:
        pass


def _fault(error, code):
    for line in str(error).split("\n"):
        _say(line if line.startswith((" ", "usage")) or not line else f"mizud: {line}", 2)
    return code


# -- looking

def _doctor(arguments, environ):
    """1 if something was found."""
    from .doctor import examined, told
    folders = _folders(arguments, environ)
    findings = examined(folders, _ini_path(arguments, environ, folders.data), arguments.sets, environ)
    _say(told(findings))
    return 1 if findings else 0


# -- serving

def _serve(arguments, environ):
    from .serve.certificate import judge
    from .store.settings import Settings, check, stored_rows
    folders = _folders(arguments, environ)
    if arguments.action:
        ini = _ini_path(arguments, environ, folders.data)
        judge(check(arguments.sets, environ, ini, folders.database))
        _say("the configuration is good" + (f": {ini}" if ini else ""))
        return 0
    os.umask(0o077)
    try:
        rows = stored_rows(folders.database)
    except ConfigError as error:
        return _fault(error, STORE)
    settings = Settings.load(arguments.sets, environ, rows, *_ini_place(arguments, environ, folders.data))
    judge(settings)
    try:
        folders.make()
        folders.take()
    except (OSError, ConfigError) as error:
        return _fault(_sentence(error), STORE)
    return Process(settings, folders, environ).run()


def _sentence(error):
    """What an OSError says, in the words of an administrator."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)} cannot be used: {error.strerror}"
    return str(error)


def _folders(arguments, environ):
    from .firststart import Folders
    data = arguments.data or environ.get("STATE_DIRECTORY", "").partition(":")[0] or "data"
    return Folders(data, environ.get("LOGS_DIRECTORY", "").partition(":")[0])


def _ini_path(arguments, environ, data):
    """The ini file if it is there, or if --config names it; else None."""
    path, optional = _ini_place(arguments, environ, data)
    return None if optional and not os.path.exists(path) else path


def _ini_place(arguments, environ, data):
    """(the ini file, whether it may be missing): that of --config, the service manager's if it is there, or that of
    the data folder."""
    if arguments.config:
        return arguments.config, False
    folder = environ.get("CONFIGURATION_DIRECTORY", "").partition(":")[0]
    path = os.path.join(folder, "mizud.ini")
    if folder and os.path.exists(path):
        return path, True
    return os.path.join(data, "mizud.ini"), True


class Process:
    """One run of the server: from its log to its exit code."""

    def __init__(self, settings, folders, environ):
        from .base.clock import Clock
        from .base.log import Log, is_journal
        self.settings = settings
        self.folders = folders
        self.environ = environ
        self.clock = Clock()
        self.log = Log(settings.loglevel, 2, folders.logfile, self.clock, is_journal(environ))
        self.server = None
        self._terminated = False
        self._passed = []

    def run(self):
        from .net.bind import PortTaken
        from .server import Server
        try:
            self.server = Server(self.settings, self.folders, self.log, self.clock, self.environ,
                                 list(self._inherited()))
        except (ConfigError, OSError) as error:
            return self._refuse(error, STORE)
        self._catch_signals()
        try:
            opened = self.server.start()
        except PortTaken as error:
            return self._refuse(error, PORT)
        except (ConfigError, OSError) as error:
            return self._refuse(error, CONFIG)
        try:
            lines = self._greeting(opened)
        except OSError as error:
            return self._refuse(error, STORE)
        for line in lines:
            _say(line)
        self.log.info(f"mizud {VERSION} serves", pid=os.getpid(), data=self.folders.data,
                      **opened)
        self._ready()
        code = self.server.run()
        self.log.info("mizud has stopped", exit=code)
        if self.server.restarting and not self._terminated:
            self._begin_again()
        return code

    def _begin_again(self):
        """The same program in the same process: to a service manager it has never ended."""
        for fd in self._passed:
            os.set_inheritable(fd, True)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

    def _refuse(self, error, code):
        """The start is over: one sentence to whoever started it, and to the log."""
        self.log.error(f"not started: {_sentence(error)}")
        if self.server is not None:
            self.server.db.close()
        return code

    # -- what is printed

    def _greeting(self, opened):
        """The lines of the start; on the first one also key, administrator and file."""
        from .firststart import first_start
        main = opened.get("main")
        others = [f"{name} {number}" for name, number in opened.items()
                  if name not in ("main", "udp") or name == "udp" and number != main]
        listens = ", ".join([f"listens on port {main}{self._instead(main)}", *others]) if main else \
            "has no main port (usemainaport), " + (", ".join(others) or "and no other one")
        lines = [f"mizud {VERSION} {listens}"]
        if first_start(self.server, self._url(opened)):
            self.server.reload_keys()
            lines += [f"first start: administrator, password and API key are in {self.folders.initial_admin}",
                      "             read it, then delete it"]
        lines += self._first_request(opened)
        self._warn(main)
        return lines

    def _instead(self, main):
        """A word about the port that was wanted, if nobody handed us another one."""
        wanted = self.settings.mainaport
        given = self._passed or not isinstance(wanted, int) or wanted in (0, main)
        return "" if given else f" (port {wanted} cannot be had)"

    @staticmethod
    def _first_request(opened):
        """A line that can be pasted into a shell, [] if no port takes one."""
        for name, command in (("main", "curl 'http://127.0.0.1:{}/mvapireq/?apientry=apitest1'"),
                              ("tls", "curl -k 'https://127.0.0.1:{}/mvapireq/?apientry=apitest1'"),
                              ("console", "python3 mizud.py console 127.0.0.1:{}")):
            if name in opened:
                return ["first request: " + command.format(opened[name])]
        return []

    def _url(self, opened):
        """Where others reach the server."""
        from .net.addresses import is_loopback, own_addresses
        host = next((host for host in own_addresses() if not is_loopback(host) and ":" not in host), "127.0.0.1")
        for name, scheme, usual in (("main", "http", 80), ("tls", "https", 443)):
            if name in opened:
                return f"{scheme}://{host}" + (f":{opened[name]}/" if opened[name] != usual else "/")
        return host

    def _warn(self, port):
        """Sentences that an administrator should read once."""
        from ipaddress import ip_address
        from .net.addresses import own_addresses
        public = [host for host in own_addresses() if ip_address(host).is_global]
        if public and port:
            self.log.warning(f"port {port} can be reached from the whole Internet at {', '.join(public[:4])}")
        if not _has_ssl():
            ports = "; sslcert is set, but the ports of TLS are not opened" if self.settings.sslcert else ""
            self.log.warning(f"this Python has no ssl module (package python3-openssl): all but TLS works{ports}")

    # -- the service manager and signals

    def _inherited(self):
        """Copies of the listening TCP sockets that the service manager passed (sd_listen_fds(3)); the originals
        stay open, so that a restart finds them."""
        from .net.notify import inherited, socket_kind
        for fd, name in inherited(self.environ, os.getpid()):
            self._passed.append(fd)
            kind = socket_kind(fd)
            if kind is not None and kind[0] == "tcp":
                yield os.dup(fd)
            else:
                self.log.warning("an inherited descriptor is no TCP socket and left alone", fd=fd, name=name)

    def _tell(self, **fields):
        from .net.notify import notify
        notify(self.environ, **fields)

    def _ready(self):
        from .net.notify import watchdog_seconds
        server = self.server
        self._tell(READY=1, STATUS=server.status())
        if self.environ.get("NOTIFY_SOCKET"):
            server.reactor.every(STATUS_SECONDS, lambda: self._tell(STATUS=server.status()))
        pace = watchdog_seconds(self.environ, os.getpid())
        if pace:
            server.reactor.every(pace, lambda: self._tell(WATCHDOG=1))

    def _catch_signals(self):
        import signal
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._terminate)
        signal.signal(signal.SIGHUP, lambda number, frame: self.server.reactor.from_thread(self._reload))

    def _terminate(self, number, frame):
        """Finish what is under way, within GRACE; at once when asked again."""
        import signal
        if self._terminated:
            os._exit(0)
        self._terminated = True
        signal.signal(signal.SIGALRM, lambda number, frame: os._exit(0))
        signal.alarm(GRACE)
        self.server.reactor.from_thread(self._stop)

    def _stop(self):
        self._tell(STOPPING=1, STATUS="stopping")
        self.log.info("stopping")
        self.server.stop()

    def _reload(self):
        self._tell(RELOADING=1, MONOTONIC_USEC=int(self.clock.monotonic() * 1e6))
        try:
            changes = self.server.reload()
            self.log.set_level(self.settings.loglevel)
            self.log.info("reloaded", applied=_names(changes, True), after_a_restart=_names(changes, False))
        except Exception as error:      # a bad file must not stop a server that runs
            self.log.error(f"not reloaded, everything stays as it was: {error}")
        self._tell(READY=1, STATUS=self.server.status())


def _names(changes, applied):
    return ",".join(name for name, _, _, does in changes if does == applied) or None


def _has_ssl():
    """Asked without the import, which costs 15 ms."""
    from importlib.util import find_spec
    try:
        return find_spec("_ssl") is not None
    except ImportError:
        return False
