"""What a call leaves behind: its records, and the money that they say was charged, all in one unit.

One record (tb_cdrs) a charge, a row of tb_cdrresellers for each reseller above, a row of the ledger for each payer;
the reservations and the checkpoint of the charge end in the same unit, so that it is written once or not at all.
Costs of providers, sales, company and others follow from the lists of their kind, as re-billing sees them.  Knows no
call: what happened comes as a row.
"""

from ..base.errors import ApiError
from .account import OUTBOUND
from .price import Tariff, price
from .rates import COMPANY, OTHER, PROVIDER, SALES
from .reservations import Reservation
from .values import decimal

BLANK = {
    **dict.fromkeys("datum callstartdate connectdate callernumber callednumber origcallerid sipcallid disctext discside"
                    " mark currency accessnumber callerip calledip codec recordfile comment".split(), ""),
    **dict.fromkeys("callerid calledid resellerid realduration origduration alegduration blegduration discreason"
                    " billingstep billingentry dirid callerpackets callerlost callerjitter calledpackets calledlost"
                    " calledjitter".split(), 0),
    **dict.fromkeys("unitprice costenduser costprovider costcompany costsales costother".split(), 0.0),
}
"""Every column of tb_cdrs but its id, as it is when nothing is known."""

_RECORD = f"INSERT INTO tb_cdrs ({', '.join(BLANK)}) VALUES ({', '.join('?' * len(BLANK))})"

_LEVEL = ("INSERT INTO tb_cdrresellers (cdrid, resellerid, level, datum, unitprice, billingentry, cost, currency)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")

_INTERNAL = ((SALES, "costsales"), (COMPANY, "costcompany"), (OTHER, "costother"))

_TARIFF = Tariff.__slots__


class Share:
    """What one account is charged for a call: the caller (level 0), or a reseller above it (1, 2 …).

    account, payer   ids: whose price it is, who is charged
    price, entry, timeid, currency, step, tariff   of the Rate that holds
    reservation, held   what is set aside, or None and 0
    rate     the Rate itself, None of a share that was read back
    """
    __slots__ = ("level", "account", "payer", "price", "entry", "timeid", "currency", "tariff", "reservation", "held",
                 "rate")

    def __init__(self, level, account, payer, rate):
        self.level = level
        self.account = account
        self.payer = payer
        self.reservation = None
        self.held = 0
        self.fix(rate)

    def fix(self, rate):
        """The Rate that is charged by."""
        self.rate = rate
        self.price = rate.price
        self.entry = rate.entry.id
        self.timeid = rate.timeid
        self.currency = rate.currency
        self.tariff = rate.tariff

    def facts(self):
        """As JSON takes it."""
        kept = self.reservation
        return [self.level, self.account, self.payer, self.price, self.entry, self.timeid, self.currency,
                [getattr(self.tariff, name) for name in _TARIFF], kept and [kept.id, kept.userid, kept.callid]]

    @classmethod
    def of(cls, facts):
        share = cls.__new__(cls)
        (share.level, share.account, share.payer, share.price, share.entry, share.timeid, share.currency, tariff,
         kept) = facts
        share.tariff = Tariff.__new__(Tariff)
        for name, value in zip(_TARIFF, tariff):
            setattr(share.tariff, name, value)
        share.reservation, share.held, share.rate = kept and Reservation(*kept), 0, None
        return share


class CallRecords:
    """db, users, ledger, rates, reservations, log (or None)."""

    def __init__(self, db, users, ledger, rates, reservations, log=None):
        self.db = db
        self.users = users
        self.ledger = ledger
        self.rates = rates
        self.reservations = reservations
        self.log = log

    def write(self, unit, row, shares, seconds, when=0.0, provider=None, checkpoint=0):
        """Charge `seconds` of talk and leave the record; returns its id.

        row         BLANK with what is known, which is completed
        shares      [Share], the caller's first; none if the call is free
        when        unix seconds of the answer
        provider    the Rate of whoever took the call from us, if it was found before
        checkpoint  id of its row in tb_opencalls
        """
        row["realduration"] = seconds
        if shares:
            share = shares[0]
            row["unitprice"], row["billingentry"] = decimal(share.price), share.entry
            row["billingstep"], row["dirid"], row["currency"] = share.tariff.billingstep, share.timeid, share.currency
            row["costenduser"] = decimal(price(share.tariff, seconds))
        if seconds:
            self._cost(row, seconds, when, provider)
        cdrid = unit.run(_RECORD, tuple(row.values())).lastrowid
        for share in shares:
            self._charge(unit, share, row, cdrid, price(share.tariff, seconds))
        if checkpoint:
            unit.run("DELETE FROM tb_opencalls WHERE id = ?", (checkpoint,))
        return cdrid

    def _charge(self, unit, share, row, cdrid, micros):
        if share.reservation is not None:
            self.reservations.release(unit, share.reservation)
        if share.level:
            unit.run(_LEVEL, (cdrid, share.account, share.level, row["datum"], decimal(share.price), share.entry,
                              decimal(micros), share.currency))
        if not micros:
            return
        payer = self.users.by_id(share.payer)
        try:
            if payer is None:
                raise ApiError(404, f"account {share.payer} is gone")
            _, payer.credit = self.ledger.add(unit, payer, -micros, "call", row["callernumber"], row["sipcallid"],
                                              f"to {row['callednumber']}", cdrid)
            self.db.on_undo(self.users.reload, (payer.id,))
        except ApiError as error:
            if error.code not in (404, 422):        # the store: all of it is tried again
                raise
            self._warn(f"call {cdrid} of {decimal(micros)} {share.currency} could not be charged: {error.message}")

    # -- what it costs us

    def _cost(self, row, seconds, when, provider):
        rates, currency, number = self.rates, row["currency"], self.rates.form.normal(row["callednumber"])
        if provider is None and rates.has(PROVIDER):
            called = self.users.by_id(row["calledid"])
            if called is not None and called.type in OUTBOUND:
                provider = self._rate(called, number, when, PROVIDER)
        if provider is not None:
            row["costprovider"] = self._converted(provider, seconds, currency)
        for kind, column in _INTERNAL:
            if rates.has(kind):
                rate = self._rate(self.users.by_id(row["callerid"]), number, when, kind)
                if rate is not None:
                    row[column] = self._converted(rate, seconds, currency)

    def _rate(self, account, number, when, kind):
        try:
            return self.rates.find(account, number, when, kind)
        except ApiError as error:
            self._warn(f"a call to {number} has no cost of kind {kind}: {error.message}")

    def _converted(self, rate, seconds, currency):
        try:
            return decimal(self.rates.currencies.convert(price(rate.tariff, seconds), rate.currency, currency))
        except ApiError as error:
            self._warn(f"the cost of a call is not told: {error.message}")
            return 0.0

    def _warn(self, text):
        if self.log is not None:
            self.log.warning(text)
