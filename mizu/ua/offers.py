"""New offers within a call (RFC 3261 14, RFC 3311), from the telephone to the other side and from there to it.

One at a time from each side: who comes too early hears 500 or 491.  Knows a leg, which keeps what is under way.
"""

from ..calls.events import Update
from .exchange import ALLOW, SUPPORTED, Exchange
from .fields import passed_fields
from .session import MINIMUM, too_small
from .states import GONE, TALKING


def invited(leg, transaction, message):
    """A re-INVITE."""
    if leg.serving is not None or leg.waiting is not None:
        return _not_now(leg, transaction)
    if leg.asking is not None or leg.owed is not None or leg.state != TALKING:
        return leg.refuse(transaction, 491)
    _offered(leg, transaction, message)


def updated(leg, transaction, message):
    """An UPDATE, with an offer or to keep the session alive."""
    if not message.body:
        if too_small(message):
            return _too_brief(leg, transaction)
        leg.dialog.update_target(message)
        leg.refreshed(message)
        return transaction.respond(_final(leg, transaction, None))
    if leg.serving is not None or leg.unanswered and not leg.agreed:
        return _not_now(leg, transaction)
    if leg.asking is not None or leg.owed is not None:
        return leg.refuse(transaction, 491)
    _offered(leg, transaction, message)


def _not_now(leg, transaction):
    """Two offers at once from one side (14.2, RFC 3311 5.2)."""
    leg.refuse(transaction, 500, extra=(("Retry-After", str(leg.agent.chance(10))),))


def _too_brief(leg, transaction):
    leg.refuse(transaction, 422, extra=(("Min-SE", str(MINIMUM)),))


def _offered(leg, transaction, message):
    """A new offer, or a request for one: the other side answers, unless nothing has changed."""
    if too_small(message):
        return _too_brief(leg, transaction)
    leg.dialog.update_target(message)
    leg.refreshed(message)
    leg.serving = transaction
    transaction.user = leg
    body = leg.body_of(message)
    if body is not None and leg.theirs is not None and body.data == leg.theirs.data and leg.ours is not None:
        return answer(leg, transaction, body, 200, leg.ours)
    leg.heard(Update(body, lambda code, theirs=None, answered=None:
                     answer(leg, transaction, body, code, theirs, answered), passed_fields(message)))


def answer(leg, transaction, offer, code, body=None, answered=None):
    """The other side's answer to a re-INVITE or an UPDATE."""
    if leg.serving is not transaction or leg.over:
        return answered(None) if answered is not None else None
    leg.serving = None
    if not 200 <= code < 300:
        return leg.refuse(transaction, code if code >= 300 else 500)
    if offer is not None:
        leg.theirs = offer
    if transaction.request.method == "INVITE":
        leg.waiting = transaction, late_answer(leg, answered) if offer is None else None
    transaction.respond(_final(leg, transaction, body))


def late_answer(leg, answered):
    """What takes the answer that an ACK brings."""
    def take(body):
        leg.theirs = body or leg.theirs
        if answered is not None:
            answered(body)
    return take


def _final(leg, transaction, body):
    """The 200 of an INVITE or UPDATE."""
    response = transaction.request.reply(200, "", leg.tag)
    response.add("Contact", leg.agent.contact(transaction.flow))
    response.add("Allow", ALLOW)
    response.add("Supported", SUPPORTED)
    if leg.session is not None:
        leg.session.answer(transaction.request, response)
    leg.describe_in(response, body)
    return response


def take_update(leg, event):
    """The other side's new offer, or its wish for one."""
    if leg.asking is not None or leg.serving is not None or leg.waiting is not None or leg.owed is not None:
        return event.reply(491)
    if leg.state == TALKING:
        return _negotiate(leg, "INVITE", event)
    if leg.unanswered and leg.agreed and event.body is not None and "UPDATE" in leg.allowed:
        return _negotiate(leg, "UPDATE", event)
    event.reply(491)


def _negotiate(leg, method, event):
    """Send it; the answer goes back."""
    def done(code, response):
        leg.asking = None
        if response is None or not 200 <= code < 300:
            event.reply(code or 503)
            if code in GONE or response is None:
                leg.lost(code or 503, "the other side is gone")
            return
        leg.dialog.update_target(response)
        leg.refreshed(response)
        body = leg.body_of(response)
        leg.theirs = body or leg.theirs
        answered = None
        if method == "INVITE" and event.body is None:
            leg.owed, answered = (response, request.request), leg.pay
        elif method == "INVITE":
            leg.send_ack(response, request.request)
        event.reply(code, body, answered)
        if leg.over:
            leg.pay(None)
    leg.asking = request = Exchange(leg, method, done, event.body, (("Contact", None), *event.extra))
    request.send()
