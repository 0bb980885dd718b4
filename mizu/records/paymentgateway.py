"""The payment gateway of the setting paymenturl: one question, and what its answer means.

POST of JSON with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), and paymentkey as bearer token:
{payment, userid, amount, currency} and the card as {cardnum, expireyear, expmonth, ccv2}.  200 with `approved: true`
is an approval, 200 or 402 with `approved: false` a refusal; `reference` and `message` may stand beside it.  All else is
unclear.  A question without a card asks for what is known of its key: a gateway tells the result that it has stored,
and answers with some other status (404, 409) where there is none, or none yet.

Nothing of a card leaves this file but to the gateway, whose texts are kept without the digits that might be one's.
"""

import ipaddress
import json
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from ..base.errors import ApiError, NotReached
from .outbox import one_line
from .values import decimal

APPROVED, DECLINED, UNCLEAR = "approved", "declined", "unclear"

_VERDICTS = {(200, True): APPROVED, (200, False): DECLINED, (402, False): DECLINED}
"""(status, `approved`) -> what it means."""

_WAIT = frozenset((408, 409, 425, 429))
"""Refusals that do not tell what became of the key (RFC 9110 15.5, RFC 8470, RFC 6585, the draft's 2.7)."""

MAX_MESSAGE = 200
_DIGITS = re.compile(r"\d(?:[ .-]?\d){2,}")
_REFERENCE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:/-]{0,63}", re.ASCII)


class Verdict(NamedTuple):
    """state      APPROVED, DECLINED or UNCLEAR
    reference  the gateway's own name of the payment
    comment    why
    harmless   unclear, but this question alone cannot have led to a charge
    """
    state: str
    reference: str = ""
    comment: str = ""
    harmless: bool = False


class PaymentGateway:
    """settings; workers: threads that may block; fetch: as net.webclient.fetch."""

    def __init__(self, settings, workers, fetch):
        self.settings = settings
        self.workers = workers
        self.fetch = fetch

    def require(self):
        """Its address; ApiError 501 where there is none that a card may be sent to."""
        url = self.settings.paymenturl
        if not url:
            raise ApiError(501, "there is no payment gateway: set paymenturl")
        try:
            parts = urlsplit(url)
            private = parts.scheme == "https" or parts.scheme == "http" and _is_loopback(parts.hostname)
        except ValueError:
            private = False
        if not private or not parts.hostname:
            raise ApiError(501, "paymenturl takes an address that begins with https://")
        return url

    async def ask(self, payment, card=None):
        """The Verdict on a payment; never fails."""
        try:
            url = self.require()
            reply = await self.workers.run(self.fetch, url, _question(payment, card), self._headers(payment),
                                           float(self.settings.paymenttimeout))
        except ApiError as error:
            return Verdict(UNCLEAR, comment=error.message, harmless=isinstance(error, NotReached))
        except Exception as error:          # whose text might show what was sent
            return Verdict(UNCLEAR, comment=type(error).__name__)
        return read_verdict(reply, payment.lastfour)

    def _headers(self, payment):
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Idempotency-Key": payment.key}
        if self.settings.paymentkey:
            headers["Authorization"] = f"Bearer {self.settings.paymentkey}"
        return headers


def read_verdict(reply, lastfour):
    """What a reply (status, body) means."""
    told = _object(reply.body) if reply.status in (200, 402) else {}
    approved = told.get("approved")
    state = _VERDICTS.get((reply.status, approved)) if approved.__class__ is bool else None
    if state is not None:
        return Verdict(state, _reference(told.get("reference"), lastfour), _message(told.get("message")))
    refused = 400 <= reply.status < 500 and reply.status not in _WAIT
    return Verdict(UNCLEAR, comment=f"the gateway answers {reply.status} and neither approves nor declines",
                   harmless=refused)


def _question(payment, card):
    told = {"payment": payment.id, "userid": payment.userid, "amount": decimal(payment.micros),
            "currency": payment.currency}
    if card is not None:
        told |= {"cardnum": card.number, "expireyear": card.year, "expmonth": card.month, "ccv2": card.code}
    return json.dumps(told).encode()


def _object(body):
    """A JSON object, {} for anything else."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if told.__class__ is dict else {}


def _reference(text, lastfour):
    """The gateway's name of a payment, "" for one that is none or looks like the card's number."""
    text = str(text) if text.__class__ in (str, int) else ""
    digits = re.sub(r"[^0-9]", "", text)
    return text if _REFERENCE.fullmatch(text) and not re.search("[0-9]{8}" + lastfour, digits) else ""


def _message(text):
    """A sentence of the gateway, numbers left out."""
    return _DIGITS.sub("***", one_line(text))[:MAX_MESSAGE] if text.__class__ is str else ""


def _is_loopback(host):
    """Whether a host is written as a loopback address; a name may resolve to anything."""
    return ipaddress.ip_address(host or "").is_loopback
