"""The certificate that sslcert and sslkey name: judged, loaded, and loaded again when its files are new.

judge() tells in one sentence, with the setting and the file, why OpenSSL would refuse it.  Knows no port and no
connection: those that run keep the context they began with.
"""

import os

from ..base.errors import ConfigError
from ..wire.tls import make_context

MAX_FILE = 1 << 20
"""Bytes of a file that are looked at: a chain has some ten KB."""

_LOCKED = (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED")


class Certificate:
    """settings, log.   context: the ssl.SSLContext in use, None without a certificate."""

    def __init__(self, settings, log):
        self.settings = settings
        self.log = log
        self.context = None
        self._stamp = None

    def load(self):
        """Once at the start, then every second: take over what is new.  ConfigError as long as there is no context;
        later the old one stays."""
        cert, key = _files(self.settings)
        if not cert:
            self.context = self._stamp = None
            return
        stamp = _stamp(cert, key)
        if stamp == self._stamp:
            return
        first, self._stamp = self._stamp is None and self.context is None, stamp
        try:
            context = judge(self.settings)
        except ConfigError as error:
            if first:
                raise
            self.log.error(f"the new certificate cannot be used, the old one stays: {error}")
            return
        if self.context is not None and context is not None:
            self.log.info("the certificate was loaded again")
        self.context = context or self.context

    def reload(self):
        """Look at the files whether they are new or not."""
        self._stamp = None
        self.load()


def judge(settings):
    """The ssl.SSLContext of the settings; None without a certificate, and on a Python without ssl.  ConfigError."""
    cert, key = _files(settings)
    if not cert:
        return None
    if b"CERTIFICATE-----" not in _read("sslcert", cert):
        raise ConfigError(f"sslcert: {cert} holds no certificate in PEM")
    name = "sslkey" if settings.sslkey else "sslcert"
    data = _read(name, key)
    if any(mark in data for mark in _LOCKED):
        raise ConfigError(f"{name}: the key in {key} is encrypted, and a server has nobody to ask for its password")
    if b" PRIVATE KEY-----" not in data:
        raise ConfigError(f"{name}: {key} holds no private key in PEM" + ("" if settings.sslkey else
                          ": name the file that does with sslkey"))
    try:
        import ssl  # noqa: F401
    except ImportError:
        return None
    try:
        return make_context(cert, key)
    except ConfigError as error:
        if "KEY_VALUES_MISMATCH" in str(error):
            raise ConfigError(f"sslkey: {key} is not the key of the certificate {cert} (sslcert)") from None
        raise ConfigError(f"sslcert: {error}") from None


def _files(settings):
    return settings.sslcert, settings.sslkey or settings.sslcert


def _stamp(*paths):
    """What tells that files are new; "unreadable" if one cannot be found."""
    try:
        return [os.stat(path).st_mtime_ns for path in paths]
    except OSError:
        return "unreadable"


def _read(name, path):
    try:
        with open(path, "rb") as file:
            return file.read(MAX_FILE)
    except OSError as error:
        raise ConfigError(f"{name}: {path} cannot be read: {error.strerror}") from None
