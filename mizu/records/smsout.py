"""SMS on their way: tb_smsqueue, and the gateway of the setting smsurl.

Asking the gateway is somebody else's work, given to the constructor: fetch(url), which blocks and gives an object
with status and text.  Knows no price: who sends for money books it before.
"""

import re
from urllib.parse import quote

from ..base.errors import ApiError
from .outbox import Outbox, one_line

MAX_TEXT = 1600
"""Characters: some ten parts (3GPP TS 23.040 9.2.3.24.1)."""

AGAIN = frozenset((408, 425, 429))
"""Refusals of the gateway that time may mend (RFC 9110 15.5, RFC 6585 4, RFC 8470 5.2)."""

_COLUMNS = ("id", "fromnumber", "tonumber", "message")
_NUMBER = re.compile(r"\+?[0-9]{3,20}", re.ASCII)
_ERROR = re.compile(r"\s*ERR", re.IGNORECASE)


class SmsOut:
    """outbox: the queue, which the server ticks."""

    def __init__(self, db, settings, clock, workers, fetch, log=None):
        self.settings = settings
        self.fetch = fetch
        self.outbox = Outbox(db, clock, workers, "tb_smsqueue", _COLUMNS, self._deliver, log)

    def require(self):
        """ApiError 501 where no SMS can leave."""
        if not self.settings.smsurl:
            raise ApiError(501, "there is no SMS gateway: set smsurl")

    def put(self, unit, to, text, sender="", userid=0, secret=False):
        """Queue an SMS; returns its id.  `secret`: the text is forgotten once it has left.

        ApiError 501 without a gateway, 422 for a number that is none, 503 when too many wait.
        """
        self.require()
        number = sms_number(to)
        return self.outbox.put(unit, {
            "userid": userid, "datum": self.outbox.clock.utc(), "fromnumber": one_line(sender)[:64],
            "tonumber": number, "message": text[:MAX_TEXT], "unicode": int(not text.isascii()), "secret": int(secret)})

    def _deliver(self, row):
        """In a worker: one row of the queue."""
        _, sender, to, text = row
        self.require()
        values = {"[FROM]": sender or self.settings.smsfrom, "[TO]": sms_number(to), "[TEXT]": text or ""}
        url = re.sub(r"\[(?:FROM|TO|TEXT)\]", lambda found: quote(values[found[0]], safe=""), self.settings.smsurl)
        reply = self.fetch(url)
        said = one_line(reply.text[:200])
        if not 200 <= reply.status < 300 or _ERROR.match(said):
            for_good = 400 <= reply.status < 500 and reply.status not in AGAIN
            raise ApiError(422 if for_good else 503, f"the gateway says {reply.status} {said}")
        return {"gatewayid": said[:64]}


def sms_number(text):
    """A telephone number without its ornaments; ApiError 422 if it is none."""
    number = re.sub(r"[ ()/.-]", "", text or "")
    if not _NUMBER.fullmatch(number):
        raise ApiError(422, f"{one_line(text or '')[:40]!r} is no telephone number")
    return number
