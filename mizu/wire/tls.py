"""TLS as a filter between bytes and bytes: ciphertext in, plaintext out, and back (RFC 8446, RFC 5246).

Both sides, over ssl.MemoryBIO; ssl is imported when the first context is
made, since small hosts package it apart.  Knows no sockets, and no
protocol inside; plain HTTP on a secure port is told by sniff before it comes here.
"""

from ..base.errors import ConfigError, RemoteProtocolError

READ = 65536            # bytes asked of OpenSSL at once; it gives at most a record, 16 KiB
PLAIN_LIMIT = 262144    # plaintext of one call: what a reader of the loop may be handed in one turn


def make_context(certfile, keyfile):
    """An ssl.SSLContext for our side from PEM files: TLS 1.2 and later, ALPN http/1.1, session tickets.

    Raises ConfigError in one sentence.  A context serves the connections made with it; a
    reload makes a new one and leaves them alone.
    """
    try:
        import ssl
    except ImportError:
        raise ConfigError("TLS needs Python's ssl module, which this Python lacks") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certfile, keyfile, password=_no_password)
    except OSError as error:                # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or error
        raise ConfigError(f"the certificate {certfile} with the key {keyfile} cannot be used: {reason}") from None
    return context


def make_client_context(verify, certfile="", keyfile=""):
    """An ssl.SSLContext for connections that we open.   verify: the far end's certificate must be signed by somebody
    this host trusts, and for the name that was asked for.  Our own certificate is shown to servers that want one.
    Raises ConfigError in one sentence.
    """
    try:
        import ssl
    except ImportError:
        raise ConfigError("TLS needs Python's ssl module, which this Python lacks") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if verify:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certfile:
        try:
            context.load_cert_chain(certfile, keyfile or certfile, password=_no_password)
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror or error
            raise ConfigError(f"the certificate {certfile} cannot be shown to others: {reason}") from None
    return context


def _no_password():
    """For an encrypted key: a daemon has nobody to ask."""
    return ""


class TlsFilter:
    """One connection.  After each call take what is to be sent with `take()`, also after an error: it is the alert.
    With a `server_hostname` it is the client's side, which begins at the first receive(b"").

    handshaken  plaintext may be sent
    closed      close_notify came: no more plaintext will
    more        receive() stopped at its bound: call it again with b""
    fault       OpenSSL's word for what went wrong, or ""
    """
    __slots__ = ("handshaken", "closed", "more", "fault", "_incoming", "_outgoing", "_object", "_ssl", "_over")

    def __init__(self, context, server_hostname=None):
        import ssl
        self._ssl = ssl
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=server_hostname is None,
                                        server_hostname=server_hostname)
        self.handshaken = False
        self.closed = False
        self.more = False
        self.fault = ""
        self._over = False              # nothing of ours may follow: failed, or close_notify sent

    def receive(self, data):
        """Ciphertext -> plaintext, b"" while there is none.  RemoteProtocolError if it is no TLS or a failed one."""
        if self._over or self.closed:
            return b""
        self._incoming.write(data)
        try:
            if not self.handshaken:
                self._object.do_handshake()
                self.handshaken = True
            return self._read()
        except self._ssl.SSLWantReadError:
            return b""
        except self._ssl.SSLError as error:
            self._over = True
            self.fault = error.reason or "failed"
            raise RemoteProtocolError(400, f"TLS: {self.fault}") from None

    def _read(self):
        """All plaintext there is, up to the bound."""
        plain, size, self.more = [], 0, False
        while size < PLAIN_LIMIT:
            try:
                chunk = self._object.read(READ)
            except self._ssl.SSLWantReadError:
                break
            except self._ssl.SSLError:
                if not plain:
                    raise
                self.more = True                # first what was good; the next call meets the error again
                break
            if not chunk:
                self.closed = True
                break
            plain.append(chunk)
            size += len(chunk)
        else:
            self.more = True
        return b"".join(plain)

    def send(self, data):
        """Plaintext to encrypt; what comes before the handshake or after the end is dropped."""
        if not self.handshaken or self._over:
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._object.write(rest):]      # a record at a time
        except self._ssl.SSLError:
            self._over = True

    def take(self):
        """Ciphertext that waits to leave; its bound is what the caller sends between two calls."""
        return self._outgoing.read()

    def close(self):
        """Queue close_notify; does not wait for the peer's."""
        if self.handshaken and not self._over:
            try:
                self._object.unwrap()
            except self._ssl.SSLError:          # it asks for the peer's answer, which nobody waits for
                pass
        self._over = True
