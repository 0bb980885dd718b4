"""class Server: builds every service in floor order, starts and stops it; the one file that knows all of them."""

import os

from .api.access import compile_access
from .api.auth import Authenticator
from .api.custom import run_custom
from .api.decode import Decoder
from .api.dispatch import Dispatcher
from .api.limits import Limits
from .api.nonces import Nonces
from .api.trust import Networks, Trust
from .base import circles
from .base.entropy import Entropy
from .base.errors import ApiError, ConfigError
from .base.log import where
from .base.message import Peer
from .base.task import spawn
from .calls.board import Board
from .calls.current import CurrentCalls
from .calls.meter import Meters
from .commands import load
from .net.addresses import Lan, address_key, own_addresses, unmapped
from .net.process import run_program
from .net.reactor import Reactor
from .net.resolver import Resolver
from .net.smtp import send_mail
from .net.streams import StreamSet
from .net.webclient import fetch
from .net.workers import Workers, stacks
from .records.audit import Audit
from .records.bans import Bans
from .records.callprofile import Profiles
from .records.callrecords import CallRecords
from .records.cdrfiles import CdrFiles
from .records.cdrs import Cdrs
from .records.cdrupkeep import CdrUpkeep
from .records.changes import Changes
from .records.credits import Credits
from .records.currencies import Currencies
from .records.dialplan import DialPlan
from .records.directory import Directory
from .records.fields import Fields
from .records.files import Files
from .records.ledger import Ledger
from .records.listing import Listing
from .records.locations import Locations
from .records.mail import Mails
from .records.notices import send_notices
from .records.numbers import Numbers
from .records.opencalls import OpenCalls
from .records.payments import Payments
from .records.pins import Pins
from .records.ported import PortedNumbers
from .records.pricelist import STAGED, sweep
from .records.rates import Rates
from .records.rebill import Rebill
from .records.recordings import Recordings
from .records.reservations import Reservations
from .records.resets import Resets
from .records.routing import Routing
from .records.rules import Rules
from .records.signups import Signups
from .records.smsout import SmsOut
from .records.sources import Sources
from .records.statistics import Statistics
from .records.transfers import Transfers
from .records.users import Users
from .serve.asker import Asker
from .serve.certificate import Certificate, judge
from .serve.console import ConsoleFront
from .serve.datagrams import DatagramApi
from .serve.front import Front
from .serve.hepport import HepPort
from .serve.httpd import HttpFront
from .serve.oldapi import old_api_front
from .serve.ports import Ports
from .serve.routes import ROUTES
from .serve.sipapi import SipApi
from .serve.sipport import Transports
from .serve.static import StaticFiles
from .serve.stunport import StunPort
from .store.db import Database
from .store.group import Group
from .switch import Switch, Timers
from .ua.digests import Digests
from .ua.guard import Guard
from .ua.keepalive import KeepAlive
from .ua.registrar import Registrar

HOUSEKEEPING = 1.0
"""Seconds: Date fields, certificates, expired bans."""

FOREIGN = 0.05
"""Seconds between looks for another process's commits (DATA_VERSION costs 2 us)."""

OUTSIDE = 100
"""Calls that wait for other hosts and programs (mail, SMS, web, commands), 30 s each at most."""

RECOVER = 60.0
"""Seconds until another try to bill what the last process left, between two looks for ghosts of calls, and for how many
objects there are."""

SWEEP = 0.1
"""Seconds between two parts of a round over all registrations."""

QUIET = 1_000
"""Transactions of SIP, answered ones among them, below which all objects are looked at, once an hour; and once a day
however many there are."""

DAY = 24
"""Hours without a look at all objects, at most."""

HOUR = 3600
"""Seconds between two runs of Credits.maintenance, at full hours."""

DRAIN = 10.0
"""Seconds that requests under way may take at the end."""


class Server:
    """The services of one process, as attributes; commands see them as `ctx.server`."""

    def __init__(self, settings, folders, log, clock, environ, inherited=()):
        self.settings = settings
        self.folders = folders
        self.log = log
        self.clock = clock
        self.environ = environ
        self.inherited = inherited
        self.entropy = Entropy()
        self.started = clock.now()
        self.exit_code = 0
        self.stopping = self.restarting = False
        self.reactor = Reactor(clock, report_slow=self._slow, report_error=self._error)
        self.workers = Workers(self.reactor)
        self.outside = Workers(self.reactor, queue_limit=OUTSIDE, name="outside")
        self.streams = StreamSet(self.reactor, settings.maxconnections or None)
        self._build_records()
        self._build_calls()
        self._build_api()
        self._build_serve()

    # -- building, floor by floor ------------------------------------------------------------------

    def _build_records(self):
        clock, settings = self.clock, self.settings
        self.db = Database(self.folders.database, clock, self.reactor, self.workers, self.log)
        self.db.on_fatal = self._store_lost
        self.db.open()
        self.users = Users(self.db, settings, clock)
        self.ledger = Ledger(self.db, clock, self.users)
        self.currencies = Currencies(self.db, settings)
        self.reservations = Reservations(self.db, clock, self.users, self.ledger)
        self.transfers = Transfers(self.ledger, self.reservations, self.currencies)
        self.rates = Rates(self.db, settings, clock, self.users, self.currencies, self.reservations.payer, self.log)
        self.pins = Pins(self.db, clock, self.ledger, self.currencies)
        self.payments = Payments(self.db, settings, clock, self.entropy, self.users, self.ledger, self.currencies,
                                 Workers(self.reactor, queue_limit=OUTSIDE, name="payment"), fetch,
                                 self.reactor.sleep, self.log)
        self.numbers = Numbers(self.db, clock, self.users)
        self.credits = Credits(self.db, clock, self.users, self.ledger, self.reservations, self.log)
        self.rules = Rules(self.db)
        self.bans = Bans(self.db, settings, clock)
        self.audit = Audit(self.db, clock)
        self.locations = Locations(self.db, clock, self.reactor.sleep)
        self.listing = Listing(self.db, clock, settings, self.locations)
        self.fields = Fields(self.db, self.users)
        self.cdrs = Cdrs(self.db, settings)
        self.statistics = Statistics(self.db, clock, settings, self.currencies)
        self.files = Files(self.folders, settings, clock, self.workers, self.entropy)
        self.recordings = Recordings(self.db, clock)
        self.changes = Changes(self.db, clock, self.users, self.ledger)
        self.rebill = Rebill(self.db, clock, self.users, self.ledger, self.rates, settings, self.reactor.sleep)
        self.signups = Signups(self.db, clock, self.entropy)
        self.resets = Resets(self.db, clock, self.entropy)
        self.mails = Mails(self.db, settings, clock, self.outside, send_mail, self.log)
        self.smsout = SmsOut(self.db, settings, clock, self.outside, fetch, self.log)
        self.cdrfiles = CdrFiles(self.db, self.cdrs, self.workers)
        self.cdrupkeep = CdrUpkeep(self.db, clock, settings, self.statistics)
        self.callrecords = CallRecords(self.db, self.users, self.ledger, self.rates, self.reservations, self.log)
        self.opencalls = OpenCalls(self.db, clock, self.callrecords, self.reservations, self.log)

    def _build_calls(self):
        clock, settings = self.clock, self.settings
        self.form, self.profiles = self.rates.form, Profiles(self.db)
        self.dialplan, self.ported = DialPlan(self.db), PortedNumbers(self.db)
        self.directory = Directory(self.db, self.users)
        self.sources = Sources(self.db, self.users, self.profiles, self.form)
        self.routing = Routing(self.db, settings, clock, self.users, self.profiles, self.rates, self.entropy)
        self.board = Board(clock, settings, self.users, self.log)
        self.board.changed = self.locations.touch
        self.meters = Meters(self.db, clock, self.reactor, settings, self.users, self.rates, self.reservations,
                             self.callrecords, self.opencalls, self.log,
                             Group(self.db, self.reactor.soon, self.reactor.later))
        self.currentcalls = CurrentCalls(self.board, self.users, clock)
        self.listing.currentcalls = self.currentcalls.by_account

    def _build_api(self):
        clock, settings = self.clock, self.settings
        own = frozenset(unmapped(host) for host in own_addresses())
        self.lan = lan = Lan(clock)
        self.own_addresses = own
        self.trust = Trust(settings, own.__contains__, lan.__contains__)
        self.nonces = Nonces(clock, self.entropy, lambda: settings.noncelifetime)
        self.limits = Limits(settings)
        self.auth = Authenticator(settings, self.users, self.trust, self.nonces, self.entropy,
                                  self.is_registered, self._login_failed)
        self.digests = Digests(self.users, settings, clock, self.entropy, self._sip_failed)
        self.registrar = Registrar(self.locations, self.users, settings, clock, self.entropy, self.is_own_host)
        self.keepalive = KeepAlive(self.locations, settings, clock)
        load()
        self.decoder = Decoder(settings, clock)
        self.dispatcher = Dispatcher(self, self.auth, run_custom)
        self.reload_rules()
        self._read_hosts()

    def _build_serve(self):
        self.asker = Asker(self.decoder, self.dispatcher)
        self.static = StaticFiles(self.folders.mvweb)
        self.http = HttpFront(self, ROUTES)
        self.certificate = Certificate(self.settings, self.log)
        self.ports = Ports(self.reactor, self.streams, self.settings, self.log)
        self.resolver = Resolver(self.reactor, self.streams, self.entropy, lambda: self.settings.dnsservers)
        self.sources.addresses = self.resolver.addresses
        self.stun = StunPort(lambda host, data: self.guard.admits_stun(host, data))
        self.transports = Transports(self.reactor, self.streams, self.settings, self.entropy, self.resolver, self.ports,
                                     self.lan.__contains__, own_addresses(), self.log, self.stun.datagram)
        self.ports.on_error = self.transports.on_icmp
        self.front = Front(self.http, lambda: self.tls_context, self.log, self.transports)
        self.sip_front = Front(self.http, lambda: self.tls_context, self.log, self.transports, only_sip=True)
        self.console = ConsoleFront(self, lambda: self.tls_context)
        self.datagrams = DatagramApi(self.asker, self.clock, self.transports.sip_datagram, self.stun.datagram)
        self.switch = Switch(self, Timers(self.reactor, self.clock), self.transports)
        self.stories = self.switch.stories
        self.guard = self.switch.agent.guard = Guard(self.settings, self.bans.banned, self._is_exempt,
                                                     self.clock.monotonic, address_key, self.log)
        self.hep = HepPort(self.settings, self.stories, self.resolver.addresses, self.log)
        SipApi(self.switch.agent, self.asker, self.digests, self.settings)

    # -- life --------------------------------------------------------------------------------------

    def start(self):
        """Open the ports; returns {name: number}.  Raises PortTaken and ConfigError."""
        self.certificate.load()
        settings, ports = self.settings, self.ports
        ports.open_main(self.front.accept, self.datagrams.received, self.inherited)
        ports.open_sip(self.sip_front.accept, self.transports.datagram)
        if self.tls_context is not None:
            ports.open_secondary("sips", "localtlsport", self.sip_front.accept)
            ports.open_secondary("tls", "sslportmain", self.front.accept)
            if settings.sslportweb != settings.sslportmain:
                ports.open_secondary("tlsweb", "sslportweb", self.front.accept)
        if settings.remoteadmin:
            ports.open_secondary("console", "adminport", self.console.accept)
        ports.open_secondary("old", "httpserver", Front(old_api_front(self), lambda: self.tls_context, self.log).accept)
        self.reactor.every(HOUSEKEEPING, self._housekeeping)
        self.reactor.every(SWEEP, self.keepalive.tick)
        self.reactor.every(FOREIGN, self._foreign)
        circles.tame()
        self._unswept = 0
        self.reactor.soon(self._maintain)
        self.reactor.soon(self._recover)
        self.reactor.every(RECOVER, self.board.sweep)
        self.reactor.every(RECOVER, lambda: circles.overgrown() and circles.sweep())
        self.meters.start()
        self.switch.start()
        self.hep.reload()
        return ports.opened

    def run(self):
        """Turn the reactor until stop() has finished; returns the exit code."""
        self.reactor.run()
        self.ports.close()
        self.hep.close()
        self.workers.stop(DRAIN / 2)
        self.meters.flush()
        for service in (self.audit, self.bans, self.locations):
            try:
                service.save()
            except ApiError as error:
                self.log.error(f"what waited to be written is lost: {error.message}")
        self.db.close()
        return self.exit_code

    def restart(self, force=False):
        """Stop, and let the process start itself again; `force` does not wait for what is under way.  ApiError 422
        if it would not start."""
        try:
            self.check()
        except ConfigError as error:
            raise ApiError(422, "not restarted, for it would not start: " + "; ".join(str(error).split("\n"))) from None
        self.restarting = True
        self.reactor.later(0.1 if force else 0.0, self.reactor.stop if force else self.stop)

    def stop(self):
        """Accept no more, let what is under way finish, then leave run()."""
        if self.stopping:
            return
        self.stopping = self.locations.frozen = True
        self.board.close("the server stops")
        self.board.drop_all("the server stops")
        self.ports.stop_listening()
        self.datagrams.closed = True
        for queue in self.queues:
            queue.stop()
        for stream in self.streams:
            getattr(stream.protocol, "finish", stream.close)()
        self._drain(self.clock.monotonic() + DRAIN)

    def _drain(self, until):
        busy = len(self.streams) or len(self.board) or any([queue.busy for queue in self.queues])
        if not busy or self.clock.monotonic() > until:
            self.reactor.stop()
        else:
            self.reactor.later(0.05, lambda: self._drain(until))

    def reload(self):
        """Settings, certificate, keys, rules and logs again; returns [(name, old, new, applied)].  ConfigError leaves
        everything as it is."""
        self.check()
        changes = self.settings.reload(self.db)
        for service in (self.trust, self.limits, self.guard, self.auth, self.digests, self.decoder, self.ledger,
                        self.transports, self.switch, self.hep):
            service.reload()
        self._read_hosts()
        self.reload_rules()
        self.certificate.reload()
        self.log.set_level(self.settings.loglevel)
        self.log.reopen()
        return changes

    def check(self):
        """ConfigError if a start would refuse the settings as they are written now."""
        judge(self.settings.again(self.db))

    def reload_rules(self):
        """tb_api again; returns what is wrong with its rows."""
        faults = self.rules.reload()
        self.dispatcher.table = compile_access(self.rules.rows)
        return faults

    def reload_keys(self):
        """apiv2key, httpapikey and the salt again; returns how many keys there are."""
        self.settings.reload(self.db)
        self.auth.reload()
        return len(self.auth.keys)

    def run_program(self, argv):
        """The Future of (exit code, output): a program without a shell, ended when its time is up."""
        return self.outside.run(run_program, argv)

    async def reset_database(self):
        """Bring the log's contents into the database and drop what is held of its rows, to be read again."""
        await self.db.checkpoint()
        self.users.forget()
        for service in (self.ledger, self.rates):
            service.reload()

    def threads(self):
        """[(thread, what it is doing)]."""
        return stacks()

    @property
    def tls_context(self):
        """The ssl.SSLContext of new connections, None without a certificate."""
        return self.certificate.context

    def status(self):
        """One line for the service manager."""
        return f"{len(self.streams)} connections, {self.dispatcher.requests} requests"

    def trouble(self):
        """Why the server is not ready for work, or ""."""
        if self.stopping:
            return "stopping"
        return self.db.trouble()

    # -- what services ask of each other -----------------------------------------------------------

    def is_registered(self, account, host=None):
        """Whether the account has a live SIP registration (from this address)."""
        return self.locations.registered(account.id, host)

    def _is_exempt(self, host):
        """Whether SIP from there is neither limited nor banned: this machine, trusted addresses, carriers."""
        return self.trust.exempt(self.trust.flags(host)) or self.sources.knows(host)

    def is_own_host(self, host):
        """Whether a Host field names this server (a page of another site may resolve its own name to us)."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and host[-1:] != "]" else host
        name = name.strip("[]").lower().rstrip(".")
        return name in self.hosts

    def _read_hosts(self):
        settings = self.settings
        names = {"", "localhost", os.uname().nodename.lower(), settings.domain.lower(), *self.own_addresses}
        if settings.externip != "auto":
            names.add(settings.externip)
        self.hosts = names | {name for name in names if name.startswith("127.")} | {"127.0.0.1", "::1"}
        self.trusted_proxies = Networks(settings.trustedproxies)

    def _login_failed(self, request, flags, authid):
        """A wrong key, user or password."""
        self._guessed(request, flags, "InvalidPassword" if authid else "InvalidAccountID", authid or "key",
                      "failed logins")

    def _sip_failed(self, request, event, name):
        """A wrong proof in a SIP request, with a nonce that had been to its address."""
        flow = request.flow
        peer = Peer(flow.transport.lower(), flow.host, flow.port, flow.local, flow.secure)
        self.log.security(event, name, peer, "SIP")
        if request.method == "REGISTER":
            self.registrar.note(request, name, 401)
        if not self.trust.exempt(self.trust.flags(flow.host)):
            self.bans.fail(flow.host, "failed registrations" if request.method == "REGISTER" else "failed SIP proofs")

    def wrong_pin(self, request, account):
        """A prepaid code that there is not, sent for an account."""
        flags = self.trust.flags(request.peer.host)
        self._guessed(request, flags, "ChallengeResponseFailed", account.username, "wrong PINs")

    def _guessed(self, request, flags, event, name, reason):
        """The security line, and one step towards a ban."""
        peer = request.peer
        proven = peer.transport != "udp" or request.params.get("nonce", "") != ""
        self.log.security(event, name, peer, "API", proven)
        if proven and not self.trust.exempt(flags):
            self.bans.fail(peer.host, reason)

    # -- upkeep ------------------------------------------------------------------------------------

    def _housekeeping(self):
        circles.age()
        self.http.tick()
        self.certificate.load()
        self.bans.tick()
        self.audit.tick()
        self.locations.tick()
        self.switch.tick()
        self.sources.tick()
        self.guard.tick()
        self.hep.tick()
        for queue in self.queues:
            queue.tick()

    @property
    def queues(self):
        """What waits to be sent, or to be answered by a gateway."""
        return self.mails.outbox, self.smsout.outbox, self.payments

    def _maintain(self):
        """At the start, once requests are served, and then at every full hour."""
        self.reactor.later(HOUR - self.clock.now() % HOUR + 1, self._maintain)
        self._unswept += 1
        if len(self.switch.agent.layer) < QUIET or self._unswept >= DAY:
            self._unswept = 0
            circles.sweep()
        spawn(self._upkeep())

    async def _upkeep(self):
        """What is done every hour; a part that fails is tried again with the next one."""
        for what, job in (("the maintenance of credits", self.credits.maintenance),
                          ("notices of low credit", lambda: send_notices(self.credits, self.mails, self.log)),
                          ("the mail queue", self.mails.outbox.purge), ("the SMS queue", self.smsout.outbox.purge),
                          ("changes of long ago", self.changes.prune),
                          ("what a killed import has left", self._sweep_prices)):
            try:
                await job()
            except Exception as error:
                self._error(what, error)

    async def _sweep_prices(self):
        if self.db.value("SELECT 1 FROM tb_billentries WHERE type = ?", (STAGED,)):
            await self.workers.run(sweep, self.folders.database, self.clock)

    def _recover(self):
        """Bill the calls that the last process did not end."""
        spawn(self.opencalls.recover()).then(self._recovered)

    def _recovered(self, future):
        try:
            future.result()
        except Exception as error:
            self._error("billing the calls of the last process", error)
            self.reactor.later(RECOVER, self._recover)

    def _foreign(self):
        if self.db.foreign_change():
            self.users.reload_all()
            self.ledger.reload()
            self.switch.reload()

    def _store_lost(self, error):
        """A sync failed: nothing that was answered since can be promised, so stop at once (exit 74)."""
        self.log.error(f"the database cannot be made durable, stopping: {error}")
        self.exit_code = 74
        self.reactor.stop()

    def _slow(self, name, seconds):
        self.log.warning(f"{name} held the loop for {seconds * 1000:.0f} ms")

    def _error(self, name, error):
        self.log.error(f"{name} failed: {error!r}", at=where(error))
