"""Mails on their way: tb_mailqueue, and the settings of the mail server.

Handing a mail over is somebody else's work, given to the constructor: send(gateway, mail), which blocks.
"""

import re
from typing import NamedTuple

from ..base.errors import ApiError
from .outbox import Outbox, one_line

MOST_RECIPIENTS = 20
"""Of one mail: notices to a team, not a mailing list."""

MAX_TEXT = 100_000
"""Characters of a mail."""

_COLUMNS = ("id", "datum", "fromaddress", "toaddress", "subject", "message")

_ADDRESS = re.compile(r"[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]{1,64}@[0-9A-Za-z]([0-9A-Za-z.-]{0,253}[0-9A-Za-z])?")
"""addr-spec of RFC 5322 3.4.1 without quotes, comments and literals."""


class Gateway(NamedTuple):
    host: str
    port: int
    tls: str
    user: str
    password: str


class Mail(NamedTuple):
    sender: str
    recipients: tuple
    subject: str
    text: str
    id: str


class Mails:
    """outbox: the queue, which the server ticks."""

    def __init__(self, db, settings, clock, workers, send, log=None):
        self.settings = settings
        self.send = send
        self.outbox = Outbox(db, clock, workers, "tb_mailqueue", _COLUMNS, self._deliver, log)

    def require(self):
        """ApiError 501 where no mail can leave."""
        if not self.settings.smtpserver:
            raise ApiError(501, "there is no mail server: set smtpserver")
        if not self.sender():
            raise ApiError(501, "mails have no sender: set smtpfrom")

    def sender(self):
        """The address of mails that name none."""
        settings = self.settings
        return settings.smtpfrom or (settings.smtpuser if is_address(settings.smtpuser) else settings.adminemail)

    def put(self, unit, recipients, subject, text, sender="", userid=0, secret=False):
        """Queue a mail to [address]; returns its id.  `secret`: the text is forgotten once it has left.

        ApiError 501 without a mail server, 422 for an address that is none, 503 when too many wait.
        """
        self.require()
        if not recipients:
            raise ApiError(422, "a mail needs a recipient")
        if len(recipients) > MOST_RECIPIENTS:
            raise ApiError(422, f"a mail has {MOST_RECIPIENTS} recipients at most")
        for address in (*recipients, *([sender] if sender else ())):
            if not is_address(address):
                raise ApiError(422, f"{one_line(address)[:64]!r} is no e-mail address")
        return self.outbox.put(unit, {
            "userid": userid, "datum": self.outbox.clock.utc(), "fromaddress": sender,
            "toaddress": ", ".join(recipients), "subject": one_line(subject)[:500], "message": text[:MAX_TEXT],
            "secret": int(secret)})

    def _deliver(self, row):
        """In a worker: one row of the queue."""
        id, datum, sender, recipients, subject, text = row
        settings = self.settings
        addresses = tuple(filter(None, re.split(r"[\s,;]+", recipients or "")))
        if not addresses or not all(map(is_address, addresses)):        # a row that somebody's SQL has made
            raise ApiError(422, f"{one_line(recipients or '')[:64]!r} is no e-mail address")
        self.require()
        gateway = Gateway(settings.smtpserver, settings.smtpport, settings.smtptls, settings.smtpuser,
                          settings.smtppassword)
        number = re.sub(r"[^0-9]", "", datum or "")
        self.send(gateway, Mail(one_line(sender or "") or self.sender(), addresses, one_line(subject or ""), text or "",
                                f"{id}.{number}"))
        return {}


def is_address(text):
    """Whether a text is one e-mail address."""
    return _ADDRESS.fullmatch(text) is not None and ".." not in text
