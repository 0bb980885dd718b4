"""The API over SIP: a request in the header X-MAPI of a MESSAGE, an OPTIONS or an INFO, from who has proven himself by
a digest, where the setting `sipapi` is on.  The answer is the body of the 200, and the same header: JSON and XML in one
line where they fit, of a text the first line.
"""

from ..base.message import Peer, Role, Session
from ..base.errors import ApiError
from ..base.task import Future
from ..formats.request import meant, read_text

FIELD = "X-MAPI"
METHODS = ("MESSAGE", "OPTIONS", "INFO")

LINE = 1_000
"""Characters of the answer in the header."""

BODY = 16_384
"""Bytes of the answer in the body: a datagram of SIP carries as much."""


class SipApi:
    """agent (ua.agent), asker, digests (ua.digests), settings."""

    def __init__(self, agent, asker, digests, settings):
        self.agent = agent
        self.asker = asker
        self.digests = digests
        self.settings = settings
        agent.api = self.takes

    def takes(self, transaction, message):
        """Whether a request was meant for the API; it is answered then, sooner or later."""
        if message.method not in METHODS or FIELD not in message.fields or not self.settings.sipapi:
            return False
        account = self.digests.authenticate(message, 401)
        if not hasattr(account, "username"):
            transaction.refuse(account)
            return True
        self._ask(transaction, message, account)
        return True

    def _ask(self, transaction, message, account):
        flow, text = message.flow, message.get(FIELD)
        peer = Peer("sip", flow.host, flow.port, flow.local, flow.secure)
        session = Session(peer)
        session.user = account
        session.role = Role.SIPUSER if account.role == Role.USER else account.role
        try:
            parsed = read_text(text)
        except ApiError as error:
            request, answer = self.asker.refused(error, peer, syntax=meant(text))
        else:
            request, answer = self.asker.ask(parsed, peer, session, False)
        if answer.__class__ is Future:
            answer.then(lambda done: self._answer(transaction, message, request, done.result()))
        else:
            self._answer(transaction, message, request, answer)

    def _answer(self, transaction, message, request, answer):
        if answer.__class__ is not list and answer.blob is not None:
            body = b"ERROR: a file does not fit into SIP, use HTTP"
        else:
            body = self.asker.body(request, answer)
        if len(body) > BODY:
            body = b"ERROR: the answer is too long for SIP, use HTTP"
        response = message.reply(200, "", self.agent.layer.tag)
        response.add(FIELD, _line(body.decode("utf-8", "replace")))
        response.add("Content-Type", "text/plain;charset=utf-8")
        response.body = body
        transaction.respond(response)


def _line(text):
    """An answer as a header has room for it."""
    lines = [line.strip() for line in text.splitlines()] or [""]
    whole = " ".join(lines)
    return whole if text[:1] in ("{", "[", "<") and len(whole) <= LINE else lines[0][:LINE]
