"""The nouns of mizud: who asks (Peer, Principal), what (Request), what comes back (Answer).

Plain classes with slots and no inheritance; treat every one as frozen once it
has been handed on.  They know no transport, no format and no command.
"""


class Role:
    """Roles with the numbers of tb_api.req_user; a smaller number may do more."""
    SRVADMIN = 4
    ADMIN = 6
    RESELLER = 8
    SUPPORT = 10
    SIPUSER = 11
    USER = 12
    PUBLIC = 14

    ALL = (SRVADMIN, ADMIN, RESELLER, SUPPORT, SIPUSER, USER, PUBLIC)


class Peer:
    """A network address as we see it: transport (udp tcp tls http https ws wss console sip sms),
    host and port of the far end, (host, port) of our own, whether the link is encrypted."""
    __slots__ = ("transport", "host", "port", "local", "secure")

    def __init__(self, transport, host, port, local=None, secure=False):
        self.transport = transport
        self.host = host
        self.port = port
        self.local = local
        self.secure = secure

    def over(self, transport):
        """The same far end, named by the protocol that it turned out to speak."""
        return Peer(transport, self.host, self.port, self.local, self.secure)

    def __repr__(self):
        return f"{self.transport}:{self.host}:{self.port}"


class Request:
    """One request, whatever carried it.

    entry     name of the command, lower case
    params    {name in lower case: text}
    peer      Peer
    direct    the peer's address may speak for the asker: no proxy in between, no browser that
              acts for another site, and a return path that was proven
    received  monotonic seconds
    serial    number of the request since the start; what the log calls it
    syntax    url json form ini xml soap rdf text console
    format    answer format by name, or None: chosen by the transport's default
    files     {field: (file name, bytes)} of a multipart body, or None
    principal who it proved to be from, once the dispatcher has found out
    """
    __slots__ = ("entry", "params", "peer", "direct", "received", "serial", "syntax", "format", "files", "principal")

    def __init__(self, entry, params, peer, direct=True, received=0.0, serial=0, syntax="url", format=None, files=None):
        self.entry = entry
        self.params = params
        self.peer = peer
        self.direct = direct
        self.received = received
        self.serial = serial
        self.syntax = syntax
        self.format = format
        self.files = files
        self.principal = None


class Answer:
    """What a command says.

    message   the whole text as the text formats show it ("OK: …", "ERROR: …", or bare where WIRE says so)
    code      as the manual's list: 200, 400, 401, 403, 404, 422, 500, 501 …
    data      None, a scalar, a dict, Rows / a list of dicts, or a RowStream
    warning   a sub-task that failed although the request succeeded
    entry     the command as it was asked for (`frequest`)
    control   word for old clients at the end of a text: "NORETRY", "DISPLAY" or ""
    blob      Blob instead of a text: a file to send
    close     close the connection once this has left
    """
    __slots__ = ("code", "message", "data", "warning", "entry", "control", "blob", "close")

    def __init__(self, message="OK", data=None, code=200, warning=None, entry="", control="", blob=None, close=False):
        self.code = code
        self.message = message
        self.data = data
        self.warning = warning
        self.entry = entry
        self.control = control
        self.blob = blob
        self.close = close

    def __repr__(self):
        return f"Answer({self.code}, {self.message!r})"


class Blob:
    """A file as an answer: content type, bytes, and a name if it is to be saved and not shown.  Over HTTP `body` may
    be an open file, which is closed by whoever sends it; `length` is then how many of its bytes are sent."""
    __slots__ = ("content_type", "body", "filename", "length")

    def __init__(self, content_type, body, filename=None, length=None):
        self.content_type = content_type
        self.body = body
        self.filename = filename
        self.length = length


class Rows:
    """A table as data: names of the columns and a list of tuples; a list of objects in json."""
    __slots__ = ("columns", "rows", "truncated")

    def __init__(self, columns, rows, truncated=False):
        self.columns = columns
        self.rows = rows
        self.truncated = truncated

    def __len__(self):
        return len(self.rows)

    def dicts(self):
        columns = self.columns
        return [dict(zip(columns, row)) for row in self.rows]


class RowStream:
    """A table too long for the memory, whose rows come a page at a time.

    columns   names
    more      function whose Future gives the next list of tuples, an empty one at the end
    thin      leave out what is null, empty or 0, where a format can
    """
    __slots__ = ("columns", "more", "thin")

    def __init__(self, columns, more, thin=False):
        self.columns = columns
        self.more = more
        self.thin = thin


class Principal:
    """Whom a request is from: the proven account (or None), its role, the proofs
    (of ip key password md5 nonce sip console) and the account it acts on."""
    __slots__ = ("user", "role", "proofs", "target")

    def __init__(self, user, role, proofs=(), target=None):
        self.user = user
        self.role = role
        self.proofs = proofs
        self.target = target


class Session:
    """What one connection remembers between its requests.

    peer      Peer
    user      account that `login` proved on this connection, or None
    role      its role
    nonce     the nonce that proved it, or None
    console   the console's login (grants what `apitrustfromconsole` says)
    """
    __slots__ = ("peer", "user", "role", "nonce", "console")

    def __init__(self, peer):
        self.peer = peer
        self.user = None
        self.role = Role.PUBLIC
        self.nonce = None
        self.console = False
