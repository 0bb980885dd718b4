"""The settings in force: each an attribute, with the place it came from.

Order of force: `--set`, environment MIZUD_<SECTION>_<NAME>, a file of $CREDENTIALS_DIRECTORY named as the setting,
tb_settings, the ini file, the default of options.py.  An unknown name or a value that does not fit stops the start.
Rows of tb_settings whose names begin with `_` are notes of the server itself.
"""

import os
from errno import EACCES, EPERM, EROFS

from ..base.errors import ApiError, ConfigError
from . import schema, sqlite
from .ini import IniError, quote, read_ini, write_key
from .options import BY_NAME, OPTIONS, SECTIONS, nearest, parse

NOT_SETTINGS = frozenset(("MIZUD_ADMIN_PASSWORD",))
"""Variables in our name space that other parts read."""

MAX_CREDENTIAL = 64 << 10

DEFAULT = "default"

_NOT_OURS = (EACCES, EPERM, EROFS)


class Settings:
    """Defaults; load() makes one from all places.

    Every option is an attribute (`settings.ratelimit_ip`), in the shape that optiontypes.TYPES says.
    port_zero   mainaport is 0 or auto: every port that nobody chose is a free one
    """

    def __init__(self):
        self._origins = {}
        self._texts = {option.name: option.default for option in OPTIONS}
        self._places = ((), {}, None, False)
        self.port_zero = False
        for option in OPTIONS:
            setattr(self, option.name, parse(option, option.default))

    @classmethod
    def load(cls, argv_sets=(), environ=None, db_rows=(), ini_path=None, optional=False):
        """Settings from `--set` texts "name=value", a mapping of the environment, (name, value) rows of
        tb_settings and an ini file, which need not be there if `optional`; ConfigError, a line for each fault."""
        settings = cls()
        settings._places = (tuple(argv_sets), environ or {}, ini_path, optional)
        faults = []
        for place in (_from_ini(ini_path, optional, faults), _from_rows(db_rows),
                      _from_credentials(environ or {}, faults), _from_environment(environ or {}),
                      _from_arguments(argv_sets, faults)):
            for section, name, text, origin in place:
                fault = settings._take(section, name, text, origin)
                if fault:
                    faults.append(f"{origin}: {fault}")
        if faults:
            raise ConfigError("\n".join(faults))
        settings.port_zero = settings.mainaport in (0, "auto")
        return settings

    def _take(self, section, name, text, origin):
        """Put one value in force; returns what is wrong with it, or None."""
        option = BY_NAME.get(name.lower())
        if option is None:
            like = nearest(name)
            return f"there is no setting {name!r}" + (f"; did you mean {like}?" if like else "")
        if section and section != option.section:
            return f"{option.name} belongs to section [{option.section}], not [{section}]"
        try:
            setattr(self, option.name, parse(option, text))
        except ValueError as error:
            return f"{option.name} {error}" + ("" if option.secret else f"; this is {text[:80]!r}")
        self._origins[option.name] = origin
        self._texts[option.name] = text
        return None

    # -- looking

    def get(self, name):
        """The value of a setting whose name is a text; ApiError 404 with the nearest known name."""
        return getattr(self, known(name).name)

    def text(self, name):
        """The value as it was written."""
        return self._texts[known(name).name]

    def origin(self, name):
        """Where the value comes from: "--set", "environment MIZUD_API_X", "credential X", "tb_settings",
        "/etc/mizud.ini line 12" or "default"."""
        return self._origins.get(known(name).name, DEFAULT)

    def was_chosen(self, name):
        """Whether somebody set it, be it to the default's value."""
        return name in self._origins

    def described(self):
        """[(section, name, text with secrets masked, origin)] of all settings."""
        return [(option.section, option.name, "***" if option.secret and self._texts[option.name] else
                 self._texts[option.name], self._origins.get(option.name, DEFAULT)) for option in OPTIONS]

    @property
    def ini_path(self):
        """The ini file, or None."""
        return self._places[2]

    def option(self, name, section=""):
        """The Option of a name, or ApiError: 404 for an unknown one, 400 if it is not in that section."""
        option = known(name)
        if section and section.lower() != option.section:
            raise ApiError(400, f"{option.name} belongs to section {option.section}, not {section[:40]}")
        return option

    def read_file(self):
        """[(Option, text)] of the ini file, all of them good, none if it may be missing and is; blocks on the disk.
        ApiError."""
        if self._places[3] and not os.path.lexists(self.ini_path):
            return []
        entries = self._on_file(read_ini)
        found = [(self.option(entry.key, entry.section), entry.value) for entry in entries]
        for option, text in found:
            judge(option, text)
        return found

    def write_file(self, option, text):
        """Set one line of the ini file (None: take it out); returns what it said, None without one; blocks on the
        disk.  ApiError."""
        if text is not None:
            judge(option, text)
        old = self.on_file(option)
        self._on_file(write_key, option.section, option.name, text, option.secret)
        return old

    def on_file(self, option):
        """What the ini file says of a setting, None if nothing; blocks on the disk.  ApiError."""
        if self.ini_path is None or not os.path.lexists(self.ini_path):
            return None
        found = [entry.value for entry in self._on_file(read_ini) if entry.key.lower() == option.name]
        return found[-1] if found else None

    def _on_file(self, work, *args):
        path = self.ini_path
        if path is None:
            raise ApiError(501, "there is no ini file: start with --config FILE")
        try:
            return work(path, *args)
        except IniError as error:
            raise ApiError(400, f"{path} line {error.line}: {error}") from None
        except OSError as error:
            if error.errno in _NOT_OURS and work is write_key:
                move = ", or move it to the data folder and restart" if self._places[3] else ""
                raise ApiError(422, f"this server may not write {path} ({error.strerror}): edit it as its owner and "
                                    f"send reload{move}") from None
            raise ApiError(500, f"{path}: {error.strerror}") from None

    def stored(self, db):
        """{name: text} of the settings that tb_settings holds."""
        rows = db.rows("SELECT name, value FROM tb_settings ORDER BY name")
        return {BY_NAME[name.lower()].name: value or "" for name, value in rows if name.lower() in BY_NAME}

    # -- changing

    def changed_by_reload(self, new):
        """[(name, old value, new value, applied)] of what differs; those that take a restart are not applied."""
        return [(option.name, getattr(self, option.name), getattr(new, option.name), option.reload)
                for option in OPTIONS if getattr(self, option.name) != getattr(new, option.name)]

    def again(self, db):
        """The Settings that the same places give now; ConfigError."""
        argv_sets, environ, ini_path, optional = self._places
        return Settings.load(argv_sets, environ, db.rows("SELECT name, value FROM tb_settings"), ini_path, optional)

    def reload(self, db):
        """Read all places again and take over what may change while running; returns changed_by_reload().
        ConfigError leaves everything as it is."""
        new = self.again(db)
        changes = self.changed_by_reload(new)
        waiting = {name for name, _, _, applied in changes if not applied}
        for option in OPTIONS:
            if option.name not in waiting:
                setattr(self, option.name, getattr(new, option.name))
                self._texts[option.name] = new._texts[option.name]
                self._origins.pop(option.name, None)
                if option.name in new._origins:
                    self._origins[option.name] = new._origins[option.name]
        return changes

    async def set(self, db, name, value, changedby=""):
        """Write a setting to tb_settings (None: take it out) and reload; returns the changes.  ApiError 404, 400.
        A stronger place keeps its value: see origin()."""
        return await self.set_all(db, {name: value}, changedby)

    async def set_all(self, db, values, changedby=""):
        """The same for {name: value or None}, all or nothing."""
        options = {known(name): value for name, value in values.items()}
        for option, value in options.items():
            if value is not None:
                judge(option, value)
        await db.gate()
        with db.unit(actor=changedby or None, kind="setting") as unit:
            for option, value in options.items():
                if value is None:
                    unit.run("DELETE FROM tb_settings WHERE name = ?", (option.name,))
                else:       # the row stays the same one: tb_changes tells its history
                    unit.run("INSERT INTO tb_settings (name, value, changed, changedby) VALUES (?, ?, ?, ?)"
                             " ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed = excluded.changed,"
                             " changedby = excluded.changedby", (option.name, value, db.now(), changedby))
        return self.reload(db)


def known(name):
    """The Option of a name; ApiError 404 with the nearest known name."""
    option = BY_NAME.get(name.lower())
    if option is None:
        like = nearest(name)
        raise ApiError(404, f"there is no setting {name[:64]!r}" + (f"; did you mean {like}?" if like else ""))
    return option


def judge(option, text):
    """ApiError 400 unless the text fits."""
    try:
        parse(option, text)
    except ValueError as error:
        raise ApiError(400, f"{option.name} {error}") from None


def first_start_values(entropy):
    """{name: text} of the secrets that the first start makes."""
    return {"apiv2key": entropy.hex(16), "apiv2md5salt": entropy.hex(16)}


# -- the places, each as (section or "", name, text, origin)

def _from_ini(path, optional, faults):
    if path is None or optional and not os.path.lexists(path):
        return []
    try:
        return [(entry.section, entry.key, entry.value, f"{path} line {entry.line}") for entry in read_ini(path)]
    except IniError as error:
        faults.append(f"{path} line {error.line}: {error}")
    except OSError as error:
        faults.append(f"{path} cannot be read: {error.strerror}")
    return []


def _from_rows(rows):
    return [("", name, "" if value is None else str(value), "tb_settings")
            for name, value in rows if not name.startswith("_")]


def _from_credentials(environ, faults):
    """systemd.exec(5), LoadCredential: files that only the service can read.  A setting that names a file gets the
    credential's own name; files that are no settings are somebody else's."""
    folder, found = environ.get("CREDENTIALS_DIRECTORY"), []
    for option in OPTIONS if folder else ():
        path = os.path.join(folder, option.name)
        if not os.path.isfile(path):
            continue
        text = path
        if option.type != "path":
            try:
                with open(path, "rb") as file:
                    text = file.read(MAX_CREDENTIAL).decode().rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                faults.append(f"credential {option.name} cannot be read: {error}")
                continue
        found.append(("", option.name, text, f"credential {option.name}"))
    return found


def _from_environment(environ):
    for variable in sorted(environ):
        if variable.startswith("MIZUD_") and variable not in NOT_SETTINGS:
            section, _, name = variable[6:].lower().partition("_")
            yield section, name or section, environ[variable], f"environment {variable}"


def _from_arguments(argv_sets, faults):
    for text in argv_sets:
        name, equals, value = text.partition("=")
        if equals:
            yield "", name.strip(), value, "--set"
        else:
            faults.append(f"--set {text}: it takes name=value")


# -- without a running server

def stored_rows(path):
    """(name, value) of tb_settings in a database that may be in use, [] if there is none; neither it nor
    its log is changed or made.  ConfigError if it is not ours or newer than this program."""
    if not os.path.exists(path):
        return []
    connection = None
    try:
        connection = sqlite.read_only(path)
        if not schema.version(connection, path):
            return []
        return connection.execute("SELECT name, value FROM tb_settings").fetchall()
    except sqlite.module().Error as error:
        raise ConfigError(f"{path}: {error}") from None
    finally:
        if connection is not None:
            connection.close()


def check(argv_sets=(), environ=None, ini_path=None, db_path=None):
    """The Settings that a start would have; ConfigError.  Touches nothing."""
    return Settings.load(argv_sets, environ, stored_rows(db_path) if db_path else (), ini_path)


def render_ini():
    """The ini file with every setting at its default, commented out: etc/mizud.ini."""
    lines = [
        "; mizud: every setting with its default.  Take away the ; in front of a name to set it.",
        ";",
        "; Order of force: --set name=value, environment MIZUD_<SECTION>_<NAME>, a file of $CREDENTIALS_DIRECTORY",
        "; named as the setting, the table tb_settings, this file, the default.  `showcfg` tells which one won.",
        "; A value reaches to the end of its line; in double quotes it keeps blanks at its ends.",
    ]
    for section, title in SECTIONS.items():
        lines += ["", "", f"; {title}", f"[{section}]"]
        for option in OPTIONS:
            if option.section == section:
                restart = "" if option.reload else "; takes a restart"
                lines += ["", *_wrapped(option.help), f"; ({option.takes}{restart})",
                          f";{option.name} = {quote(option.default)}".rstrip()]
    return "\n".join(lines) + "\n"


def _wrapped(text, width=100):
    """Comment lines of a sentence."""
    lines = [";"]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append(";")
        lines[-1] += " " + word
    return lines
