"""A whole switch on the network of tests: the real agent, plan, bridge and bill; phones and trunks around it.

    office = Office(tmp_path)                           # the switch at 192.0.2.1:5060
    alice = office.phone("alice", credit=10)            # an account and its telephone, registered
    office.price("36", 0.60)                            # a minute towards 36…
    trunk = office.trunk("carrier", "203.0.113.5")      # a trunk and who answers there
    call = alice.invite("36201234567"); office.run(1)
    office.bills()                                      # the rows written so far
    office.swept()                                      # nothing is left anywhere: call it last
"""

from types import SimpleNamespace

from mizu.base.log import Log
from mizu.calls.board import Board
from mizu.calls.meter import Meters
from mizu.records.callprofile import Profiles
from mizu.records.callrecords import CallRecords
from mizu.records.dialplan import DialPlan
from mizu.records.directory import Directory
from mizu.records.numberform import NumberForm
from mizu.records.opencalls import OpenCalls
from mizu.records.ported import PortedNumbers
from mizu.records.routing import Routing
from mizu.records.sources import Sources
from mizu.sip.uri import Uri
from mizu.switch import Switch
from mizu.ua.digests import Digests
from mizu.ua.keepalive import KeepAlive
from mizu.ua.registrar import Registrar
from records.store import add, records
from tests.flows.network import FakeEntropy, FakeNetwork, FakeTimers
from tests.flows.phone import Phone

HOST = "192.0.2.1"


class Timers(FakeTimers):
    """FakeTimers that move the records' clock along."""

    def __init__(self, clock):
        super().__init__(clock.monotonic())
        self._clock = clock

    def advance(self, seconds):
        super().advance(seconds)
        self._clock.seconds = self.seconds

    @property
    def seconds(self):
        return self._seconds

    @seconds.setter
    def seconds(self, value):
        self._seconds = value
        if getattr(self, "_clock", None) is not None:
            self._clock.seconds = value


class Office:
    """The services of a server, as attributes, as far as calls need them."""

    def __init__(self, folder, *sets, over=None, **network):
        self.__dict__.update(vars(over or records(folder, *sets)))
        clock, settings = self.clock, self.settings
        self.timers = Timers(clock)
        self.network = FakeNetwork(self.timers, **network)
        self.endpoint = self.network.endpoint(HOST, 5060)
        self.endpoint.locate = self._locate
        self.endpoint.find = lambda key: None
        self.entropy = FakeEntropy(7)
        self.lines = []
        self.log = Log(stderr=None, clock=clock)
        for name in ("warning", "error", "info", "security"):
            setattr(self.log, name, lambda *text, **more: self.lines.append(text))
        self.board = Board(clock, settings, self.users, self.log)
        self.callrecords = CallRecords(self.db, self.users, self.ledger, self.rates, self.reservations, self.log)
        self.opencalls = OpenCalls(self.db, clock, self.callrecords, self.reservations, self.log)
        self.meters = Meters(self.db, clock, self.timers, settings, self.users, self.rates, self.reservations,
                             self.callrecords, self.opencalls, self.log)
        self.profiles, self.form = Profiles(self.db), NumberForm(settings)
        self.dialplan, self.ported = DialPlan(self.db), PortedNumbers(self.db)
        self.directory = Directory(self.db, self.users)
        self.sources = Sources(self.db, self.users, self.profiles, self.form)
        self.routing = Routing(self.db, settings, clock, self.users, self.profiles, self.rates, self.entropy)
        self.digests = Digests(self.users, settings, clock, self.entropy, lambda *facts: self.lines.append(facts))
        self.registrar = Registrar(self.locations, self.users, settings, clock, self.entropy, lambda host: True)
        self.keepalive = KeepAlive(self.locations, settings, clock)
        self.switch = Switch(self, self.timers, self.endpoint)
        self.agent = self.switch.agent
        self._hosts = 0
        self.idle = len(self.timers)        # what runs without any call

    def _locate(self, uri):
        from mizu.base.task import Future
        found = Future()
        transport = (uri.params.get("transport") or "udp").upper()
        found.set([(transport, uri.host, uri.port or 5060, uri.host)])
        return found

    # -- people, prices, trunks

    def account(self, username, credit=0, **values):
        """An Account with money."""
        id = add(self, username, password="secret-" + username, currency="USD", **values)
        account = self.users.by_id(id)
        if credit:
            with self.db.unit(actor="test", kind="admin") as unit:
                self.ledger.set_credit(unit, account, round(credit * 1_000_000), "admin", "test")
            self.users.reload([id])
        return account

    def phone(self, username, credit=0, transport="UDP", register=True, **values):
        """An account and its telephone."""
        self.account(username, credit, **values)
        self._hosts += 1
        phone = Phone(self.network, f"198.51.100.{self._hosts}", username, "secret-" + username, (HOST, 5060), transport)
        if register:
            phone.register()
            self.run(1)
            assert phone.registered, phone.register_codes
        return phone

    def device(self, username):
        """Another telephone of an account that is there already."""
        self._hosts += 1
        phone = Phone(self.network, f"198.51.100.{self._hosts}", username, "secret-" + username, (HOST, 5060))
        phone.register()
        self.run(1)
        return phone

    def trunk(self, name, host, prefix="", priority=7, **values):
        """A trunk with a row of tb_routing, and who answers there."""
        id = add(self, name, type=9, domainname=host, needauth=1, authip=host, **values)
        with self.db.unit(actor="test") as unit:
            unit.run("INSERT INTO tb_routing (name, prefix, serverid, priority) VALUES (?, ?, ?, ?)",
                     (name, prefix, id, priority))
        self.routing.reload()
        self.switch.trunks.refresh()
        phone = Phone(self.network, host, name, server=(HOST, 5060))
        phone.account = self.users.by_id(id)
        return phone

    def price(self, prefix, price, kind=1, **entry):
        """A price a minute towards a prefix, in a list of its own."""
        values = {"name": f"list {prefix}", "currency": "USD", "type": kind, **entry}
        with self.db.unit(actor="test") as unit:
            id = unit.run(f"INSERT INTO tb_billentries ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
                          tuple(values.values())).lastrowid
            unit.run("INSERT INTO tb_billingtimes (entryid, prefix, price) VALUES (?, ?, ?)", (id, prefix, price))
        self.rates.reload()
        return id

    # -- time, and what has come of it

    def run(self, seconds=0.5):
        self.timers.advance(seconds)

    def bills(self, *columns):
        """The records, oldest first: dicts, or tuples of the columns named."""
        names = columns or self.db.columns("tb_cdrs")
        rows = self.db.rows(f"SELECT {', '.join(names)} FROM tb_cdrs ORDER BY id")
        return rows if columns else [SimpleNamespace(**dict(zip(names, row))) for row in rows]

    def balance(self, username):
        """Micro-units."""
        return self.ledger.balance(self.users.by_username(username).id)

    def swept(self):
        """Nothing of any call is left: no leg, transaction, timer of a call, reservation, meter; the books agree."""
        self.run(70)
        assert not self.agent.legs, self.agent.legs
        assert not len(self.board), self.board.calls
        assert not self.meters.talking and not self.meters.pending
        assert not self.reservations.listed()
        layer = self.agent.layer
        assert not len(layer), (layer._clients, layer._servers)
        assert not layer.live and not layer._merged and not layer._towards
        assert not self.board._of and not self.board._lines
        assert not self.db.rows("SELECT * FROM tb_opencalls")
        assert not [line for line in self.lines if "error" in str(line).lower() or "ghost" in str(line)], self.lines
        timers = len(self.timers)
        assert timers <= self.idle, f"{timers} timers, {self.idle} at the beginning"
        rows = self.db.rows("SELECT u.id, u.credit_u, coalesce(sum(l.amount_u), 0) FROM tb_users u"
                            " LEFT JOIN tb_ledger l ON l.userid = u.id GROUP BY u.id")
        assert [row for row in rows if row[1] != row[2]] == []
