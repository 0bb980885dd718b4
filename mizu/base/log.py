"""The log: one line an event, to stderr and to `log/mizud.log`, the last lines also in memory.

Obeys sd-daemon(3) for the priority prefixes `<3>` … `<7>`, and the shape of Asterisk's
security events for the lines that fail2ban reads (`log/security.log`).  A log that cannot
be written never stops the server: the line is dropped and counted.  Knows no sockets and
no settings.
"""

import os
import re
import select
import stat
from collections import deque
from functools import lru_cache

ERROR, WARNING, INFO, DEBUG = 3, 4, 6, 7
LEVELS = {"error": ERROR, "warning": WARNING, "info": INFO, "debug": DEBUG}
WORDS = {number: word for word, number in LEVELS.items()}

MAX_EVENT = 2000            # characters: a sentence of ours with a path or two in it
MAX_VALUE = 500             # characters of a value, which may be an attacker's
MAX_FILE = 50 << 20         # bytes; with the five old ones a log takes 300 MiB at most
OLD_FILES = 5
TAIL_LINES = 2000           # lines in memory, 1 MiB or so
READ_BYTES = 8 << 20        # how far back a search reads: a tenth of a second's work

# Names whose values no log shows; `u_` may stand in front, and every name that ends like one of ENDINGS counts too.
SECRETS = ("key authkey apikey apiv2key httpapikey httpapiencryptkey pushkey sslkey pass pin pincode pincodes code"
           " nonce authmd5 md5 digest response token to_token sessionid mcrfs cardnum cardnumber ccv2 cvv2 cvv cvc"
           " expireyear expyear expmonth expiremonth forgotpasswordanswer apiv2md5salt serversalt").split()
ENDINGS = "password passwd pwd secret".split()
HEADERS = "authorization proxy-authorization cookie x-api-key".split()

_NAME = rf"(?<![\w.-])(?:(?:u_)?(?:{'|'.join(SECRETS)})|\w{{0,32}}(?:{'|'.join(ENDINGS)}))"
_SECRET_NAME = re.compile(_NAME + r"\Z", re.I)
_SECRET_TEXT = re.compile(
    rf"""("{_NAME}"\s{{0,9}}:\s{{0,9}})(?:"(?:\\.|[^"\\])*"?|[^,}}\]\s]*)"""     # JSON
    rf"""|(<(?:\w{{0,32}}:)?{_NAME}(?:\s[^<>]{{0,99}})?>)[^<]*"""                  # XML
    rf"""|({_NAME}\s?=\s?)(?:"[^"]*"?|'[^']*'?|[^&\r\n]*)"""                     # query, ini, console
    rf"""|(^(?:{"|".join(HEADERS)})\s?:)[^\r\n]*""", re.I | re.M)


def mask(what):
    """A text or a dict with the values of secrets replaced by `***`; anything else as it is."""
    if isinstance(what, str):
        if "=" not in what and ":" not in what and ">" not in what:     # most values: nothing is named in them
            return what
        return _SECRET_TEXT.sub(lambda found: (found[1] or found[2] or found[3] or found[4]) + "***", what)
    if isinstance(what, dict):
        positional = ("param2", "param4") if "apientry" not in what else ()     # then the key and the password
        return {name: "***" if _is_secret(name) or name in positional else mask(value)
                for name, value in what.items()}
    return what


@lru_cache(maxsize=1024)
def _is_secret(name):
    return _SECRET_NAME.match(name) is not None


def escape(text, limit=MAX_VALUE, also='\\"'):
    """One line of printable characters: the rest and those of `also` as \\xNN; cut at `limit`."""
    if len(text) > limit:
        text = text[:limit] + "…"
    if text.isprintable() and not any(c in text for c in also):
        return text
    return "".join(c if c.isprintable() and c not in also else _code(ord(c)) for c in text)


def _code(number):
    return "\\x%02x" % number if number < 256 else "\\u%04x" % number if number < 65536 else "\\U%08x" % number


def fact(name, value):
    """`name=value`, in quotes if the value has spaces; secrets masked, all escaped.  A number is ours: code=404."""
    if _SECRET_NAME.match(name) and value.__class__ is not int:
        return name + "=***"
    text = escape(mask(value if isinstance(value, str) else str(mask(value))[:MAX_VALUE * 2]))
    return f'{name}="{text}"' if " " in text or not text else f"{name}={text}"


def where(error):
    """What went wrong and where, in one line: `ValueError: … at file.py:12 f < file.py:7 g`, innermost first."""
    frames = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/mizu/')[2]}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return f"{type(error).__name__}: {str(error)[:200]} at {' < '.join(frames[:-7:-1])}"


def is_journal(environ, fd=2):
    """Does systemd's journal read this descriptor?  (systemd.exec(5), JOURNAL_STREAM: `device:inode`)"""
    try:
        about = os.fstat(fd)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"


class Log:
    """level   error, warning, info or debug
    stderr  a descriptor, or None
    path    of mizud.log, or None; security.log lies beside it
    clock   base.clock
    journal stderr is the journal: priorities in front, no time
    """

    def __init__(self, level="info", stderr=2, path=None, clock=None, journal=False):
        self.clock = clock
        self.journal = journal
        self.lost = 0
        self.set_level(level)
        self._ring = deque(maxlen=TAIL_LINES)
        self._stderr = stderr
        self._ready = _readiness(stderr)
        self._main = self._security = None
        if path is not None:
            self.open(path)

    def open(self, path):
        """Begin to write `path` and `security.log` beside it."""
        self._main = LogFile(path)
        self._security = LogFile(os.path.join(os.path.dirname(path), "security.log"))

    def set_level(self, level):
        self.level = LEVELS[level]

    def error(self, event, *, serial=None, **facts):
        self._event(ERROR, event, serial, facts)

    def warning(self, event, *, serial=None, **facts):
        self._event(WARNING, event, serial, facts)

    def info(self, event, *, serial=None, **facts):
        self._event(INFO, event, serial, facts)

    def debug(self, event, *, serial=None, **facts):
        if self.level >= DEBUG:
            self._event(DEBUG, event, serial, facts)

    def exception(self, event, error, *, serial=None, **facts):
        """A fault of ours: an error with what went wrong and where."""
        self._event(ERROR, event, serial, facts | {"error": where(error)})

    def security(self, event, account, peer, service, proven=True):
        """A refusal as fail2ban reads it.

        event    InvalidPassword, InvalidAccountID, ChallengeResponseFailed or FailedACL
        peer     Peer: only the socket's address is told, never a header's
        service  API, SIP, Console, TURN
        proven   False: the address may be forged (UDP without a nonce round trip); then the
                 line names it ClaimedAddress, and no filter bans an innocent one
        """
        family = "IPV6" if ":" in peer.host else "IPV4"
        transport = "UDP" if peer.transport == "udp" else "TLS" if peer.secure else "TCP"
        text = (f'SECURITY[{os.getpid()}] mizud: SecurityEvent="{event}",EventTV="{self._time()}",Severity="Error"'
                f',Service="{service}",AccountID="{escape(account, 64)}"'
                f',{"RemoteAddress" if proven else "ClaimedAddress"}="{family}/{transport}/{peer.host}/{peer.port}"')
        self._write(WARNING, text, text, self._security)

    def tail(self, lines=TAIL_LINES):
        """The last lines, oldest first."""
        return list(self._ring)[-lines:] if lines > 0 else []

    def reopen(self):
        """After SIGHUP: logrotate(8) may have moved the files."""
        for file in self._files():
            file.reopen()

    def rotate(self, name=""):
        """Move mizud.log aside as `name` (default: with the time); returns the name, "" without a file."""
        if self._main is None:
            return ""
        name = name or "mizud-%s.log" % self._time()[:19].translate({45: None, 58: None, 32: "-"})
        self._main.rename(name)
        return name

    def _files(self):
        return [file for file in (self._main, self._security) if file is not None]

    def _time(self):
        return self.clock.utc() + "Z"

    def _event(self, level, event, serial, facts):
        if level > self.level:
            return
        words = [escape(mask(event[:MAX_EVENT]), MAX_EVENT, also="\\")]
        if serial is not None:
            words.append(f"request={serial}")
        words += [fact(name, value) for name, value in facts.items() if value is not None]
        text = " ".join(words)
        self._write(level, text, f"{WORDS[level]:7} {text}", self._main)

    def _write(self, level, bare, text, file):
        line = f"{self._time()} {text}"
        self._ring.append(line)
        if self._stderr is not None:
            self._to_stderr(f"<{level}>{bare}\n" if self.journal else line + "\n")
        if file is None:
            return
        self.lost += not file.write((line + "\n").encode("utf-8", "backslashreplace"))
        if self.lost and file.sound:
            lost, self.lost = self.lost, 0
            self.warning(f"{lost} lines of the log could not be written")

    def _to_stderr(self, line):
        """A reader that has stopped must not stop the server: then the line is dropped."""
        try:
            if self._ready is None or self._ready.poll(0):
                os.write(self._stderr, line.encode("utf-8", "backslashreplace"))
        except OSError:
            pass


def _readiness(fd):
    """A poll object that tells whether a pipe or a socket takes a line now; None where writes never wait."""
    try:
        mode = os.fstat(fd).st_mode
    except (OSError, TypeError):
        return None
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)) or not hasattr(select, "poll"):
        return None
    ready = select.poll()
    ready.register(fd, select.POLLOUT)
    return ready


class LogFile:
    """A file that is only appended to, renamed to `.1` … `.5` when it is full."""

    def __init__(self, path, limit=MAX_FILE):
        self.path = path
        self.limit = limit
        self.sound = True
        self._fd = None
        self._size = 0
        self._torn = False
        self.reopen()

    def reopen(self):
        self.close()
        try:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._fd).st_size
        except OSError:
            self.sound = False

    def close(self):
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def write(self, line):
        """True when the line is in the file."""
        if self._fd is None:
            self.reopen()
        try:
            if self._size + len(line) > self.limit:
                self._shift()
            if self._torn:
                line = b"\n" + line
            done = os.write(self._fd, line)
        except (OSError, TypeError):            # TypeError: there is no descriptor
            self.sound = False
            return False
        self._size += done
        self.sound = done == len(line)
        self._torn = not self.sound
        return self.sound

    def rename(self, name):
        """OSError if that cannot be done; `name` stays in the folder."""
        target = os.path.join(os.path.dirname(self.path), os.path.basename(name))
        if os.path.basename(name) != name or name in ("", ".", "..") or os.path.lexists(target):
            raise FileExistsError(f"{name!r} is taken or is no plain file name")
        os.rename(self.path, target)
        self.reopen()

    def _shift(self):
        for number in range(OLD_FILES, 0, -1):
            older = f"{self.path}.{number - 1}" if number > 1 else self.path
            if os.path.lexists(older):
                os.replace(older, f"{self.path}.{number}")
        self.reopen()


def read_log(path, lines=100, pattern="", limit=READ_BYTES):
    """The last lines of a file that hold `pattern` (any case), oldest first; looks at its last `limit` bytes."""
    wanted = pattern.lower()
    found = deque(maxlen=max(0, lines))
    with open(path, "rb") as file:
        start = max(0, os.fstat(file.fileno()).st_size - limit)
        file.seek(start)
        text = file.read(limit).decode("utf-8", "replace")
    whole = text.split("\n")
    for line in whole[1 if start else 0:]:
        if line and wanted in line.lower():
            found.append(line)
    return list(found)
