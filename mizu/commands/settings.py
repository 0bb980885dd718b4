"""Settings over the API: what is in force and why, the ini file, and the way between file and database."""

from ..api.command import ADMIN, command
from ..api.param import Param, flag, text
from ..base.errors import ApiError
from ..base.message import Answer, Rows
from ..store.ini import IniError, read_ini, write_key
from ..store.options import parse
from ..store.settings import known

_SECTION = Param("section", text, "section of the ini file")
_KEY = Param("key", text, "name of the setting", aliases=("name",))
_FILE = Param("file", text, "the ini file's name; there is only one")
_MODULE = Param("module", text, "accepted and ignored: there is one file")


def _ini(ctx, file=""):
    """The path of the ini file, or ApiError."""
    path = ctx.server.settings.ini_path
    if path is None:
        raise ApiError(501, "there is no ini file: start with --config FILE")
    if file not in ("", "all", "mizud", "mizud.ini", path.rpartition("/")[2]):
        raise ApiError(404, f"no such ini file: {file[:64]}")
    return path


def _option(section, key):
    option = known(key)
    if section and section.lower() != option.section:
        raise ApiError(400, f"{option.name} belongs to section {option.section}, not {section[:40]}")
    return option


async def _on_file(ctx, work, *args):
    """Work on the ini file, in a worker."""
    try:
        return await ctx.server.workers.run(work, *args)
    except IniError as error:
        raise ApiError(400, f"line {error.line}: {error}") from None
    except OSError as error:
        raise ApiError(500, f"the ini file: {error.strerror}") from None


@command("showcfg", group="server", access=ADMIN, reads=True,
         summary="Every setting with its value and where that comes from",
         params=[Param("key", text, "only settings whose name holds this text", aliases=("name", "txt"))])
def showcfg(ctx, key=""):
    rows = [row for row in ctx.server.settings.described() if key.lower() in row[1]]
    return Answer("OK", Rows(("section", "setting", "value", "origin"), rows))


@command("getini", group="server", access=ADMIN, reads=True, summary="A setting's value and where it comes from",
         params=[_SECTION, _KEY, _FILE])
def getini(ctx, section="", key="", file=""):
    if section and not key:
        section, key = "", section
    if not key:
        raise ApiError(400, "missing parameter key (name of the setting)")
    option, settings = _option(section, key), ctx.server.settings
    value = "***" if option.secret and settings.text(key) else settings.text(key)
    return Answer(f"OK: {value}", {"section": option.section, "key": option.name, "value": value,
                                   "origin": settings.origin(key)})


@command("setini", group="server", access=ADMIN, summary="Writes a setting into the ini file and reloads",
         params=[_SECTION, _KEY, Param("value", text, "the new value; without it the line is taken out"), _FILE])
async def setini(ctx, section, key, value=None, file=""):
    option = _option(section, key)
    path = _ini(ctx, file)
    if value is not None:
        _check(option, value)
    await _on_file(ctx, write_key, path, option.section, option.name, value)
    return _applied(ctx, [option])


def _check(option, value):
    try:
        parse(option, value)
    except ValueError as error:
        raise ApiError(400, f"{option.name} {error}") from None


def _applied(ctx, options):
    """Reload, and say what keeps a setting from having its effect."""
    ctx.server.reload()
    settings = ctx.server.settings
    later = [option.name for option in options if not option.reload]
    stronger = [f"{option.name} ({settings.origin(option.name)})" for option in options
                if not settings.origin(option.name).startswith((str(settings.ini_path), "default", "tb_settings"))]
    warning = "; ".join(([f"after a restart: {', '.join(later)}"] if later else []) +
                        ([f"something stronger keeps its value: {', '.join(stronger)}"] if stronger else []))
    return Answer(f"OK: {len(options)} written", warning=warning or None)


@command("savesettings", group="server", access=ADMIN, also=("saveinifiles",),
         summary="Writes the settings of the database into the ini file",
         params=[_MODULE, _FILE, Param("notsaved", flag, "accepted and ignored: settings that are equal stay as they are")])
async def savesettings(ctx, module="", file="", notsaved=True):
    path = _ini(ctx, file)
    options = [known(name) for name in ctx.server.settings.stored(ctx.server.db)]
    for option in options:
        await _on_file(ctx, write_key, path, option.section, option.name, ctx.server.settings.text(option.name))
    return Answer(f"OK: {len(options)} settings written to {path}")


@command("loadinifiles", group="server", access=ADMIN, summary="Takes the settings of the ini file into the database",
         params=[_MODULE, _FILE])
async def loadinifiles(ctx, module="", file=""):
    entries = await _on_file(ctx, read_ini, _ini(ctx, file))
    options = []
    for entry in entries:
        option = _option(entry.section, entry.key)
        _check(option, entry.value)
        options.append(option)
    settings = ctx.server.settings
    for option, entry in zip(options, entries):
        await settings.set(ctx.server.db, option.name, entry.value, ctx.actor)
    await ctx.server.db.durable()
    return _applied(ctx, options)
