"""What a leg and its bridge say to each other about a call; codes are the SIP numbers, as causes.

An outgoing leg is started by take(Try); an incoming one has said Try when it was made.  After a Fail or a Disconnect,
whoever said it, a leg is silent for ever.  `body` is a Body or None, `extra` [(header name, value)] that pass through
from one side to the other; `account` of a leg is whose it is, or None.

Offers and answers (RFC 3264) are opaque here.  A Try or Update without a body asks for an offer: what comes back in
Connect or reply() is one then, and `answered(body)` beside it takes its answer, called once at most.
"""


class Body:
    """A session description or another body, as it came."""
    __slots__ = ("content_type", "data")

    def __init__(self, content_type, data):
        self.content_type = content_type
        self.data = data

    def __repr__(self):
        return f"Body({self.content_type!r}, {self.data!r})"


class Try:
    """A call begins: the first word of an incoming leg, and the first to an outgoing one."""
    __slots__ = ("body", "extra")

    def __init__(self, body=None, extra=()):
        self.body = body
        self.extra = extra


class Ring:
    """180 and what else is told to who waits."""
    __slots__ = ("code", "body", "extra")

    def __init__(self, code=180, body=None, extra=()):
        self.code = code
        self.body = body
        self.extra = extra


class Progress:
    """183: early media."""
    __slots__ = ("code", "body", "extra")

    def __init__(self, code=183, body=None, extra=()):
        self.code = code
        self.body = body
        self.extra = extra


class Connect:
    """200: they talk from now on."""
    __slots__ = ("body", "extra", "answered")

    def __init__(self, body=None, extra=(), answered=None):
        self.body = body
        self.extra = extra
        self.answered = answered


class Update:
    """A new offer while they talk, or the wish for one: hold is nothing else.  reply(code, body=None, answered=None)
    is called exactly once."""
    __slots__ = ("body", "reply", "extra")

    def __init__(self, body, reply, extra=()):
        self.body = body
        self.reply = reply
        self.extra = extra


class Withdraw:
    """Who has said Update takes it back before its answer."""
    __slots__ = ()


class Info:
    """Something for the other side's program, keys pressed among it.  reply(code) is called exactly once."""
    __slots__ = ("content_type", "data", "reply", "extra")

    def __init__(self, content_type, data, reply, extra=()):
        self.content_type = content_type
        self.data = data
        self.reply = reply
        self.extra = extra


class Transfer:
    """Connect the other side with `target` (a number or user name) and leave me out; `replaces` is the leg of another
    call whose other side is meant, or None.  reply(code) is called exactly once, with what has become of it."""
    __slots__ = ("target", "replaces", "reply")

    def __init__(self, target, replaces, reply):
        self.target = target
        self.replaces = replaces
        self.reply = reply


class Fail:
    """A call that does not come about: code, reason, contacts of a redirection (texts), seconds to wait (0: unsaid)."""
    __slots__ = ("code", "reason", "contacts", "retry_after", "extra")

    def __init__(self, code, reason="", contacts=(), retry_after=0, extra=()):
        self.code = code
        self.reason = reason
        self.contacts = contacts
        self.retry_after = retry_after
        self.extra = extra

    def __repr__(self):
        return f"Fail({self.code}, {self.reason!r})"


class Disconnect:
    """The end, or a call taken back before its answer.  A code above 299 says that nobody has hung up: the far end is
    gone, and the leg's `alive_at` tells since when.  side: "caller", "called" or "server"."""
    __slots__ = ("code", "reason", "side", "extra")

    def __init__(self, code=200, reason="", side="", extra=()):
        self.code = code
        self.reason = reason
        self.side = side
        self.extra = extra

    def __repr__(self):
        return f"Disconnect({self.code}, {self.reason!r}, {self.side!r})"
