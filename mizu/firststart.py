"""The data folder, and what the first start puts into it: keys, salt, administrator, `initial-admin`.

The file is complete on the disk before the transaction that makes its contents true, and the note `_first_start`
in tb_settings belongs to that transaction: after a crash at any moment the next start makes new secrets, writes
the file anew and goes on.  Knows no port and no request.
"""

import os

from .base.errors import ConfigError
from .store.ini import replace
from .store.settings import first_start_values

NAMES = "log files mvweb recordings voicemail reports backup certs".split()
ADMINISTRATOR = "admin"
PASSWORD = "MIZUD_ADMIN_PASSWORD"
DONE = "_first_start"


class Folders:
    """Absolute paths: `data`, every one of NAMES below it (`log` may lie elsewhere), and those of four files."""

    def __init__(self, data, log=None):
        self.data = os.path.abspath(data)
        for name in NAMES:
            setattr(self, name, os.path.join(self.data, name))
        self.log = os.path.abspath(log) if log else self.log
        self.database = os.path.join(self.data, "mizud.db")
        self.lock = os.path.join(self.data, "mizud.lock")
        self.logfile = os.path.join(self.log, "mizud.log")
        self.initial_admin = os.path.join(self.data, "initial-admin")

    def make(self):
        """Make those that are missing, 0700.  ConfigError."""
        for path in (self.data, *[getattr(self, name) for name in NAMES]):
            try:
                os.makedirs(path, 0o700, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise ConfigError(f"{path} cannot be a folder: a file is in its place") from None
            except OSError as error:
                raise ConfigError(f"the folder {path} cannot be made: {error.strerror}") from None

    def take(self):
        """Hold the folder for this process until it ends; ConfigError names who holds it already.

        The lock lies on a file of its own: closing a descriptor of the database would drop SQLite's locks.
        """
        import fcntl
        self._held = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._held, 20).decode("ascii", "replace").strip()
            raise ConfigError(f"{self.data} is in use by another mizud (process {pid})") from None
        os.ftruncate(self._held, 0)
        os.pwrite(self._held, b"%d\n" % os.getpid(), 0)


def first_start(server, url):
    """Make what is missing in a new database; False if there was nothing to do.

    A key or salt that was chosen elsewhere (ini file, environment, --set) is not made: the table would be the
    stronger place.  Neither is an administrator whose name is taken.
    """
    db, settings = server.db, server.settings
    if db.value("SELECT 1 FROM tb_settings WHERE name = ?", (DONE,)):
        return False
    chosen = "httpapikey" if settings.was_chosen("httpapikey") else "apiv2key"
    made = {name: text for name, text in first_start_values(server.entropy).items()
            if not settings.was_chosen(name) and (name != "apiv2key" or chosen == name)}
    password = None
    if not db.value("SELECT 1 FROM tb_users WHERE username = ?", (ADMINISTRATOR,)):
        password = _given_password(server.environ) or server.entropy.password()
    replace(server.folders.initial_admin, _described(url, password, made.get(chosen, settings.text(chosen)),
                                                     made.get("apiv2md5salt", settings.text("apiv2md5salt"))), 0o600)
    with db.unit(actor="first start", kind="start") as unit:
        if password is not None:
            server.users.create(unit, {"username": ADMINISTRATOR, "password": password, "type": 16, "needauth": 4,
                                       "name": "Administrator", "enabled": 1})
        for name, text in (*made.items(), (DONE, server.clock.utc())):
            unit.run("INSERT INTO tb_settings (name, value, changed, changedby) VALUES (?, ?, ?, 'first start')",
                     (name, text, server.clock.utc()))
    return True


def _described(url, password, key, salt):
    """The text of initial-admin."""
    rows = [("address", url)]
    if password is not None:
        rows += [("administrator", ADMINISTRATOR), ("password", password)]
    rows += [("apikey", key), ("apiv2md5salt", salt)]
    return ("; Made at the first start of mizud.  Keep what you need elsewhere and delete this file.\n"
            + "".join(f"{name} = {text}\n" for name, text in rows)).encode()


def _given_password(environ):
    """The first password, if whoever starts the program has chosen it: a variable, or a credential of that name."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder and os.path.isfile(os.path.join(folder, PASSWORD)):
        with open(os.path.join(folder, PASSWORD), encoding="utf-8") as file:
            return file.read(1024).strip()
    return environ.get(PASSWORD)
