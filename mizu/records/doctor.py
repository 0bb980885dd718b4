"""Whether an installation is sound: each finding in one sentence, and its remedy in another.

A check is a function that yields findings; CHECKS lists them.  All of it blocks on the disk and belongs in a worker.
Only looks: what is wrong is mended by the operator.
"""

import os
import shutil
from datetime import datetime, timezone
from ipaddress import ip_address

from ..base.errors import ConfigError
from ..base.zone import Zone
from ..store.examine import examine
from .validity import validities

ERROR, WARNING = "error", "warning"

LEAST_FREE, LITTLE_FREE = 100 << 20, 1 << 30
"""Bytes of disk below which the server stops taking files, and below which it is time to look."""

EXPIRES = 14 * 86400
"""Seconds before the end of a certificate from which on it is told."""

EARLIEST = datetime(2025, 1, 1, tzinfo=timezone.utc).timestamp()
"""No clock of this program's can stand before its time."""

SHORT_KEY = 12
"""Characters of an API key: fewer can be found by trying."""

AHEAD = 86400
"""Seconds that rows may lie in the future before somebody has set the clock back."""

MOST_PEM = 1 << 20


class Finding:
    """severity: ERROR or WARNING; subject: a word; text and remedy: a sentence each, without the full stop."""
    __slots__ = ("severity", "subject", "text", "remedy")

    def __init__(self, severity, subject, text, remedy):
        self.severity = severity
        self.subject = subject
        self.text = text
        self.remedy = remedy

    def __repr__(self):
        return f"Finding({self.severity!r}, {self.subject!r}, {self.text!r})"


class Case:
    """What is looked at.

    folders    firststart.Folders, or what has `data`, `database`, `initial_admin`
    settings   those in force
    now        unix seconds
    own        our addresses
    ports      {name: number} of those that are open, None where no server runs
    taken      sentences about ports that could not be had, where none runs
    """
    __slots__ = ("folders", "settings", "now", "own", "ports", "taken")

    def __init__(self, folders, settings, now, own=(), ports=None, taken=()):
        self.folders = folders
        self.settings = settings
        self.now = now
        self.own = own
        self.ports = ports
        self.taken = taken


def diagnose(case):
    """[Finding], errors first."""
    found = [Finding(*each) for check in CHECKS for each in check(case)]
    return sorted(found, key=lambda each: each.severity != ERROR)


# -- the data

def database(case):
    try:
        found = examine(case.folders.database)
    except ConfigError as error:
        yield (ERROR, "database", f"it cannot be read: {error}", "restore the newest copy from backup/")
        return
    if found.faults:
        yield (ERROR, "database", f"it is damaged: {'; '.join(found.faults)[:300]}",
               "stop the server and restore the newest copy from backup/")
    if found.differing:
        some = "1 balance is" if found.differing == 1 else f"{found.differing} balances are"
        yield (ERROR, "ledger", f"{some} not what the ledger says",
               "run checkcredits, then checkcredits with fix=1")
    if not found.admins:
        yield (ERROR, "accounts", "no administrator can log in", "enable one in tb_users with the sqlite3 shell")
    if found.same:
        some = "1 account has its" if found.same == 1 else f"{found.same} accounts have their"
        yield (WARNING, "accounts", f"{some} user name as password",
               "give them others: db with sql=select id from tb_users where password = username")
    if found.empty:
        some = "1 account logs" if found.empty == 1 else f"{found.empty} accounts log"
        yield (WARNING, "accounts", f"{some} in with an empty password", "set their passwords")
    try:
        newest = datetime.fromisoformat(found.newest).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return
    if newest > case.now + AHEAD:
        yield (ERROR, "clock", f"the newest records are of {found.newest[:16]} UTC, in the future",
               "set the clock right and have it kept so by NTP")


def disk(case):
    try:
        usage = shutil.disk_usage(case.folders.data)
    except OSError:
        return
    if usage.free < LITTLE_FREE:
        yield (ERROR if usage.free < LEAST_FREE else WARNING, "disk",
               f"{usage.free >> 20} MiB are free in {case.folders.data}", "make room: old copies, recordings and logs")


def permissions(case):
    folders, settings = case.folders, case.settings
    secret = [(folders.data, 0o077, "chmod 700"), (folders.database, 0o077, "chmod 600"),
              (folders.initial_admin, 0o077, "chmod 600")]
    if settings.sslcert:
        secret.append((settings.sslkey or settings.sslcert, 0o007, "chmod 600"))
    if settings.ini_path:
        secret.append((settings.ini_path, 0o007, "chmod 640"))
    for path, mask, remedy in secret:
        try:
            about = os.stat(path)
        except OSError:
            continue
        if about.st_mode & mask:
            yield WARNING, "permissions", f"others may read {path}", f"{remedy} {path}"
    if not os.access(folders.data, os.W_OK):
        yield (ERROR, "permissions", f"{folders.data} cannot be written", "give it to the user who runs the server")
    if os.path.exists(folders.initial_admin):
        yield (WARNING, "first start", f"{folders.initial_admin} still holds password and key",
               "keep what you need elsewhere and delete it")


# -- the host

def clock(case):
    if case.now < EARLIEST:
        yield (ERROR, "clock", f"it stands in {datetime.fromtimestamp(case.now, timezone.utc).year}",
               "set it and have it kept right by NTP")
    try:
        Zone(case.settings.timezone)
    except ConfigError as error:
        yield ERROR, "clock", str(error), "install time zone data (package tzdata) or set timezone"


def certificate(case):
    path = case.settings.sslcert
    if not path:
        return
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            dates = validities(file.read(MOST_PEM))
    except (OSError, ValueError) as error:
        yield ERROR, "certificate", f"{path} cannot be read: {error}", "set sslcert to a chain in PEM"
        return
    if not dates:
        yield ERROR, "certificate", f"there is no certificate in {path}", "set sslcert to a chain in PEM"
        return
    begins, ends = max(each for each, _ in dates), min(each for _, each in dates)
    if ends < case.now:
        yield ERROR, "certificate", f"it ended on {_day(ends)}", "renew it: it is taken over without a restart"
    elif begins > case.now:
        yield ERROR, "certificate", f"it is not valid before {_day(begins)}", "look at the clock, or get another one"
    elif ends < case.now + EXPIRES:
        yield WARNING, "certificate", f"it ends on {_day(ends)}", "renew it: it is taken over without a restart"


def ports(case):
    for sentence in case.taken:
        yield WARNING, "ports", sentence, "end what has the port, or choose another one"
    if case.ports is None:
        return
    settings, opened = case.settings, case.ports
    if isinstance(settings.mainaport, int) and settings.mainaport and opened.get("main") not in (
            None, settings.mainaport):
        yield (WARNING, "ports", f"port {settings.mainaport} could not be had, {opened['main']} serves instead",
               "give the right to it (CAP_NET_BIND_SERVICE) or end what has it")
    if settings.sslcert and settings.sslportmain and "tls" not in opened:
        yield (WARNING, "ports", f"port {settings.sslportmain} for TLS could not be had", "choose another sslportmain")
    if settings.remoteadmin and settings.adminport and "console" not in opened:
        yield (WARNING, "ports", f"port {settings.adminport} for the console could not be had",
               "choose another adminport, or 0 for none")


# -- the settings

def proofs(case):
    settings = case.settings
    if not settings.apiv2key and not settings.httpapikey:
        yield WARNING, "settings", "no API key is needed", "set apiv2key"
    elif any([len(key) < SHORT_KEY for key in (*settings.apiv2key, *settings.httpapikey)]):
        yield (WARNING, "settings", f"an API key is shorter than {SHORT_KEY} characters: it can be guessed",
               "set apiv2key and httpapikey to longer ones")
    if not settings.apiv2md5salt:
        yield WARNING, "settings", "the digests have no server salt", "set apiv2md5salt"
    if settings.apideftrustadmin == 2:
        yield (WARNING, "settings", "an address alone makes an administrator (apideftrustadmin 2)",
               "set apideftrustadmin to 1, 3 or 4")
    if settings.apitrustfromconsole == 2 and settings.remoteadmin == 5:
        yield (WARNING, "settings", "whoever reaches the console administers (apitrustfromconsole 2, remoteadmin 5)",
               "set remoteadmin to 1")
    if not settings.maxauthfail:
        yield WARNING, "settings", "passwords may be guessed without end (maxauthfail 0)", "set maxauthfail to 10"
    for origins in ("corsorigins", "wsorigins"):
        if any("@" in origin for origin in getattr(settings, origins)):
            yield (WARNING, "settings", f"{origins} holds a user or password, which no browser sends",
                   "leave scheme, host and port, as https://example.com")


def reach(case):
    settings = case.settings
    for name in ("trustediplist", "apiv2ipauth", "trustedproxies"):
        if any(each.endswith("/0") for each in getattr(settings, name)):
            yield ERROR, "settings", f"{name} holds the whole Internet", f"list single addresses in {name}"
    own = [ip_address(host) for host in case.own]
    public = [str(each) for each in own if each.is_global]
    if not public:
        return
    where = ", ".join(public[:2])
    neighbours = any([each.is_private and not each.is_loopback for each in own])
    if neighbours and settings.trustlanip and settings.allowtrustedip:
        yield (WARNING, "settings", f"neighbours in the private network are trusted (trustlanip 1), {where} is public",
               "set trustlanip to 0 unless that network is yours")
    if not settings.sslcert:
        yield (WARNING, "settings", f"passwords to {where} cross the Internet in clear", "set sslcert and sslkey")
    if settings.allowcmd and settings.remoteadmin == 5:
        yield (WARNING, "settings", "an administrator from anywhere may run programs (allowcmd 1)",
               "set allowcmd to 0, or remoteadmin to 1 to 4")


def _day(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).date().isoformat()


CHECKS = (database, disk, permissions, clock, certificate, ports, proofs, reach)
