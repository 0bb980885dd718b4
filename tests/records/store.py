"""A database on the disk and the records over it, without a reactor: every future is done at once."""

from types import SimpleNamespace

from mizu.base.clock import FakeClock
from mizu.base.entropy import Entropy
from mizu.base.task import Future, spawn
from mizu.firststart import Folders
from mizu.records.audit import Audit
from mizu.records.bans import Bans
from mizu.records.cdrfiles import CdrFiles
from mizu.records.cdrs import Cdrs
from mizu.records.cdrupkeep import CdrUpkeep
from mizu.records.changes import Changes
from mizu.records.credits import Credits
from mizu.records.currencies import Currencies
from mizu.records.fields import Fields
from mizu.records.files import Files
from mizu.records.ledger import Ledger
from mizu.records.listing import Listing
from mizu.records.locations import Locations
from mizu.records.mail import Mails
from mizu.records.numbers import Numbers
from mizu.records.pins import Pins
from mizu.records.rates import Rates
from mizu.records.rebill import Rebill
from mizu.records.recordings import Recordings
from mizu.records.reservations import Reservations
from mizu.records.resets import Resets
from mizu.records.rules import Rules
from mizu.records.signups import Signups
from mizu.records.smsout import SmsOut
from mizu.records.transfers import Transfers
from mizu.records.statistics import Statistics
from mizu.records.users import Users
from mizu.store.db import Database
from mizu.store.settings import Settings

from tests.blank import lay


class Now:
    """Workers that do the work at once."""

    @staticmethod
    def run(function, *args):
        future = Future()
        try:
            future.set(function(*args))
        except Exception as error:
            future.fail(error)
        return future


class Gateways:
    """A mail server and an SMS gateway: what they were sent; `faults` are raised by the next sendings."""

    def __init__(self):
        self.mails, self.urls, self.faults, self.reply = [], [], [], (200, "ID: 42")

    def send(self, gateway, mail):
        if self.faults:
            raise self.faults.pop(0)
        self.mails.append(mail)

    def fetch(self, url):
        if self.faults:
            raise self.faults.pop(0)
        self.urls.append(url)
        return SimpleNamespace(status=self.reply[0], text=self.reply[1])


def rest(seconds):
    """A pause that is over at once."""
    done = Future()
    done.set()
    return done


def records(folder, *sets):
    """The services of records/, as attributes."""
    clock = FakeClock()
    settings = Settings.load(sets)
    db = Database(lay(folder / "mizud.db"), clock)
    db.open()
    users = Users(db, settings, clock)
    ledger = Ledger(db, clock, users)
    currencies = Currencies(db, settings)
    reservations = Reservations(db, clock, users, ledger)
    cdrs, statistics = Cdrs(db, settings), Statistics(db, clock, settings, currencies)
    rates = Rates(db, settings, clock, users, currencies, reservations.payer)
    gateways, locations = Gateways(), Locations(db, clock, rest)
    return SimpleNamespace(clock=clock, settings=settings, db=db, users=users, entropy=Entropy(), workers=Now(),
                           gateways=gateways, mails=Mails(db, settings, clock, Now(), gateways.send),
                           smsout=SmsOut(db, settings, clock, Now(), gateways.fetch),
                           signups=Signups(db, clock, Entropy()), resets=Resets(db, clock, Entropy()),
                           ledger=ledger, currencies=currencies, reservations=reservations,
                           rates=rates,
                           transfers=Transfers(ledger, reservations, currencies),
                           pins=Pins(db, clock, ledger, currencies), numbers=Numbers(db, clock, users),
                           credits=Credits(db, clock, users, ledger, reservations), rules=Rules(db), bans=Bans(db, settings, clock),
                           audit=Audit(db, clock), listing=Listing(db, clock, settings, locations), fields=Fields(db, users),
                           cdrs=cdrs, statistics=statistics, cdrfiles=CdrFiles(db, cdrs, Now()),
                           cdrupkeep=CdrUpkeep(db, clock, settings, statistics),
                           files=Files(Folders(folder / "data"), settings, clock, Now(), Entropy()),
                           locations=locations,
                           recordings=Recordings(db, clock), changes=Changes(db, clock, users, ledger),
                           rebill=Rebill(db, clock, users, ledger, rates, settings, rest))


def wait(awaitable):
    """The result of a coroutine or Future that needs no reactor."""
    return (awaitable if isinstance(awaitable, Future) else spawn(awaitable)).result()


def add(services, username, **values):
    """A new account's id."""
    with services.db.unit(actor="test") as unit:
        return services.users.create(unit, {"username": username, **values})
