"""REFER within a dialog (RFC 3515, 5589): a transfer asked for by the phone at a leg's end, and the news of it.

The request is answered 202 and followed by NOTIFYs with the status of the new call as a sipfrag (RFC 3420), unless
`Refer-Sub: false` (RFC 4488) spares them.  The bridge does the transfer; this file knows only its words.
"""

from ..base.errors import RemoteProtocolError
from ..calls.events import Body, Transfer
from ..sip.headers import parse_name_addr
from ..sip.names import reason_phrase
from ..sip.uri import parse_uri

SECONDS = 60
"""What is left of the implicit subscription, said in every NOTIFY: a transfer rings no longer."""


def received(leg, transaction, message):
    """A REFER in the dialog of `leg`."""
    targets = message.items("Refer-To")
    if len(targets) != 1:
        return leg.refuse(transaction, 400, "Exactly One Refer-To Needed")
    try:
        uri = parse_uri(parse_name_addr(targets[0]).uri)
    except RemoteProtocolError as error:
        return leg.refuse(transaction, error.status, error.reason)
    if uri.scheme not in ("sip", "sips", "tel"):
        return leg.refuse(transaction, 416)
    if (uri.params.get("method") or "INVITE").upper() != "INVITE":
        return leg.refuse(transaction, 400, "Only Calls Are Referred")
    replaces = None
    named = uri.headers.get("replaces")
    if named:
        replaces = leg.agent.replaced(named)
        if replaces is None:
            return leg.refuse(transaction, 481, "Replaced Call Is Not Here")
    quiet = message.get("Refer-Sub").strip().lower() == "false"
    response = message.reply(202, "", leg.tag)
    response.add("Contact", leg.agent.contact(transaction.flow))
    if quiet:
        response.add("Refer-Sub", "false")
    transaction.respond(response)
    told = []

    def tell(code, body=None):
        if not quiet:
            told.append(code)
            _notify(leg, message.cseq[0], code)
    leg.heard(Transfer(uri.user, replaces, tell))
    if not told:                # the first news comes at once (2.4.4); the last must not be overtaken by it
        tell(100)


def _notify(leg, number, code):
    """News for the transferor, if it is still there."""
    if leg.over:
        return
    state = f"active;expires={SECONDS}" if code < 200 else "terminated;reason=noresource"
    fragment = f"SIP/2.0 {code} {reason_phrase(code)}\r\n".encode()
    leg.news += 1
    leg.ask("NOTIFY", lambda status, response: leg.told(), Body("message/sipfrag;version=2.0", fragment),
            (("Event", f"refer;id={number}"), ("Subscription-State", state), ("Contact", None)))
