"""What a record says of a charge: the row of tb_cdrs but for its prices, from the call and its meter."""

from math import ceil

from ..base.clock import utc_text
from ..records.callrecords import BLANK

class Refused:
    """A charge of nothing: a call that its caller may not make (the slots of plan.Charge)."""
    __slots__ = ("account", "payer", "number", "rate", "levels", "called", "mark")

    def __init__(self, account, number):
        self.account = self.payer = account
        self.number = number
        self.rate = self.called = None
        self.levels = ()
        self.mark = ""


_MEDIA = ("packets", "lost", "jitter")


def row_of(meter, final):
    """{column: value} in the order of callrecords.BLANK; `final` says how the charge ended."""
    call, charge = meter.call, meter.charge
    caller, callee, far = call.caller, meter.callee or call.callee, meter.far or call.far
    row = dict(BLANK)
    row["datum"] = utc_text(call.wall(final.ended))
    row["callstartdate"] = utc_text(call.wall(call.started))
    row["callerid"] = charge.account.id
    row["callernumber"], row["origcallerid"] = _numbers(call, charge)
    row["callednumber"] = charge.number
    called = charge.called or callee and callee.account
    row["calledid"] = called.id if called else 0
    row["resellerid"] = charge.levels[0][1].id if charge.levels else charge.account.parentid
    if meter.answered is not None:
        row["connectdate"] = utc_text(call.wall(meter.answered))
        row["origduration"] = _seconds(meter.answered, final.ended)
    row["alegduration"] = _seconds(call.started, final.ended)
    row["sipcallid"] = call.sipcallid
    row["discreason"], row["disctext"], row["discside"] = final.code, final.reason[:200], final.side
    row["mark"] = charge.mark or ("FAIL" if final.lossy else "")
    row["accessnumber"], row["recordfile"] = call.accessnumber, call.recordfile
    row["callerip"] = getattr(caller, "host", "") or ""
    if call.near is not None:
        facts = call.near.describe()
        row["callerip"] = row["callerip"] or facts.get("host", "")
        row["codec"] = facts.get("codec", "")
        _media(row, "caller", facts)
    if far is not None:
        facts = far.describe(call.near)
        row["calledip"] = facts.get("host", "")
        row["codec"] = facts.get("codec", "") or row["codec"]
        row["blegduration"] = _seconds(getattr(far, "started", final.ended), final.ended)
        _media(row, "called", facts)
    return row


def _numbers(call, charge):
    """(callernumber, origcallerid): whose call it is in this record, and the number that the caller showed."""
    shown = call.caller.number or ""
    if call.caller.account is not None and charge.account.id == call.caller.account.id:
        return shown or charge.account.username, shown
    return charge.account.username, shown


def _media(row, side, facts):
    for name in _MEDIA:
        if name in facts:
            row[side + name] = facts[name]


def _seconds(since, until):
    return max(0, ceil(until - since - 1e-6))
