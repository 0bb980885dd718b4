"""A binding (RFC 3261 10): where an address of record can be reached, in 600 bytes with its texts."""

from sys import intern

CONNECTED = frozenset(("TCP", "TLS", "WS", "WSS"))
"""Transports whose flow ends with its connection."""

FLOW_ONLY = frozenset(("WS", "WSS"))
"""Transports on which nobody can be called but over the connection that he opened (RFC 7118 5)."""

COLUMNS = ("id", "userid", "contact", "instance", "regid", "q", "expires", "callid", "cseq", "useragent", "path", "ip",
           "port", "transport", "localip", "localport", "natted", "push", "methods", "registered")
"""The columns of tb_locations."""


class Binding:
    """id of its row, userid the account.

    contact     URI as it was sent
    instance    `<urn:uuid:…>` (RFC 5626), reg_id 0 without outbound
    expires     unix seconds
    path        texts of the Path fields, the next hop first (RFC 3327)
    host, port  the far end of the flow: where requests really go (received)
    local       (host, port) of ours
    natted      the contact names another address than that: the device is behind NAT
    flow        what it came over, None once that is gone or after a restart
    push        `pn:provider:param:prid` (RFC 8599) or the text of X-MPUSH
    registered  unix seconds of the first registration; stated: when tb_users was last told
    """
    __slots__ = ("id", "userid", "contact", "instance", "reg_id", "q", "expires", "call_id", "cseq", "user_agent",
                 "path", "host", "port", "transport", "local", "natted", "push", "methods", "registered", "flow",
                 "stated")

    def __init__(self, id, userid, contact, instance="", reg_id=0, q=1.0, expires=0, call_id="", cseq=0,
                 user_agent="", path=(), host="", port=0, transport="UDP", local=("", 0), natted=0, push="",
                 methods="", registered=0, flow=None):
        self.id = id
        self.userid = userid
        self.contact = contact
        self.instance = instance
        self.reg_id = reg_id
        self.q = q
        self.expires = expires
        self.call_id = call_id
        self.cseq = cseq
        self.user_agent = intern(user_agent)
        self.path = path
        self.host = host
        self.port = port
        self.transport = intern(transport)
        self.local = local
        self.natted = natted
        self.push = push
        self.methods = intern(methods)
        self.registered = registered
        self.flow = flow
        self.stated = 0

    @classmethod
    def loaded(cls, row, local):
        """From a row of COLUMNS; `local` is the one pair of its address."""
        return cls(*row[:10], tuple(row[10].split("\n")) if row[10] else (), *row[11:14], local, *row[16:])

    def row(self):
        """The values of COLUMNS."""
        return (self.id, self.userid, self.contact, self.instance, self.reg_id, self.q, self.expires, self.call_id,
                self.cseq, self.user_agent, "\n".join(self.path), self.host, self.port, self.transport,
                *self.local, self.natted, self.push, self.methods, self.registered)

    @property
    def received(self):
        """(host, port) that requests are sent to."""
        return self.host, self.port

    @property
    def flow_key(self):
        """The key of its live flow, None without one."""
        return self.flow.key if self.flow is not None else None

    def __repr__(self):
        return f"Binding({self.userid}, {self.contact!r})"
