"""Settings over the API: what is in force and why, the ini file, and the way between file and database."""

from ..api.command import ADMIN, command
from ..api.param import Param, flag, text
from ..base.errors import ApiError, ConfigError
from ..base.message import Answer, Rows

_SECTION = Param("section", text, "section of the ini file")
_KEY = Param("key", text, "name of the setting", aliases=("name",))
_FILE = Param("file", text, "the ini file's name; there is only one")
_MODULE = Param("module", text, "accepted and ignored: there is one file")


def _judge_file(ctx, file):
    """ApiError 404 if another file is named than the one there is."""
    path = str(ctx.server.settings.ini_path)
    if file not in ("", "all", "mizud", "mizud.ini", path.rpartition("/")[2]):
        raise ApiError(404, f"no such ini file: {file[:64]}")


@command("showcfg", group="server", access=ADMIN, reads=True,
         summary="Every setting with its value and where that comes from",
         params=[Param("key", text, "only settings whose name holds this text", aliases=("name", "txt")),
                 Param("section", text, "only those of this section")])
def showcfg(ctx, key="", section=""):
    return _listed(ctx, section, key)


def _listed(ctx, section, key=""):
    """Rows of the settings of a section ("" for all) whose names hold a text; ApiError 404 without such a section."""
    rows, section = ctx.server.settings.described(), section.lower()
    sections = dict.fromkeys(row[0] for row in rows)
    if section and section not in sections:
        raise ApiError(404, f"there is no section {section[:40]!r}: they are {', '.join(sections)}")
    return Answer("OK", Rows(("section", "setting", "value", "origin"),
                             [row for row in rows if section in ("", row[0]) and key.lower() in row[1]]))


@command("getini", group="server", access=ADMIN, reads=True,
         summary="A setting's value and where it comes from; without key those of a section",
         params=[_SECTION, _KEY, _FILE])
def getini(ctx, section="", key="", file=""):
    if section and not key:
        if section.lower() in {row[0] for row in ctx.server.settings.described()}:
            return _listed(ctx, section)
        section, key = "", section
    if not key:
        raise ApiError(400, "missing parameter key (name of the setting)")
    settings = ctx.server.settings
    option = settings.option(key, section)
    value = "***" if option.secret and settings.text(key) else settings.text(key)
    return Answer(f"OK: {value}", {"section": option.section, "key": option.name, "value": value,
                                   "origin": settings.origin(key)})


@command("setini", group="server", access=ADMIN, alone=True,
         summary="Writes a setting into the ini file, moves it there if the database has it, and reloads",
         params=[_SECTION, _KEY, Param("value", text, "the new value; without it the line is taken out"), _FILE])
async def setini(ctx, section="", key="", value=None, file=""):
    if not key:
        raise ApiError(400, "missing parameter key (name of the setting)")
    settings, db = ctx.server.settings, ctx.server.db
    option = settings.option(key, section)
    _judge_file(ctx, file)
    await written(ctx, option, value)
    if value is not None and option.name in settings.stored(db):
        await _moved(settings, db, option, ctx.actor)
    return _applied(ctx, [option], str(settings.ini_path))


async def written(ctx, option, value, kind="setting", refid=None):
    """Write a line of the ini file (None: take it out), and into the history what it was before."""
    server = ctx.server
    old = await server.workers.run(server.settings.write_file, option, value)
    if old != value:
        await server.db.gate()
        with server.db.unit(actor=ctx.actor, kind=kind, refid=refid) as unit:
            server.changes.note(unit, option.name, old, value)
        await server.db.durable()


async def _moved(settings, db, option, actor):
    """The file holds the setting: it takes its place from the database."""
    try:
        await settings.set(db, option.name, None, actor)
    except ConfigError:
        pass                                    # moved; the reload after this tells what is wrong elsewhere
    await db.durable()


def reloaded(ctx):
    """[(name, old, new, applied)] of what a reload has changed; ApiError 422 if something else is wrong somewhere."""
    try:
        return ctx.server.reload()
    except ConfigError as error:
        raise ApiError(422, "nothing was reloaded: " + "; ".join(str(error).split("\n"))) from None


def _applied(ctx, options, place):
    """Reload, and say what keeps a setting from having its effect; `place` is where it was written."""
    reloaded(ctx)
    settings = ctx.server.settings
    later = [option.name for option in options if not option.reload]
    stronger = [f"{option.name} ({settings.origin(option.name)})" for option in options
                if not settings.origin(option.name).startswith((place, "default"))]
    warning = "; ".join(([f"after a restart: {', '.join(later)}"] if later else []) +
                        ([f"something stronger keeps its value: {', '.join(stronger)}"] if stronger else []))
    return Answer(f"OK: {len(options)} written", warning=warning or None)


@command("savesettings", group="server", access=ADMIN, also=("saveinifiles",), alone=True,
         summary="Writes the settings of the database into the ini file",
         params=[_MODULE, _FILE, Param("notsaved", flag, "accepted and ignored: what is equal stays as it is")])
async def savesettings(ctx, module="", file="", notsaved=True):
    settings = ctx.server.settings
    _judge_file(ctx, file)
    stored = settings.stored(ctx.server.db)
    for name, value in stored.items():
        await written(ctx, settings.option(name), value)
    return Answer(f"OK: {len(stored)} settings written to {settings.ini_path}")


@command("loadinifiles", group="server", access=ADMIN, alone=True,
         summary="Takes the settings of the ini file into the database", params=[_MODULE, _FILE])
async def loadinifiles(ctx, module="", file=""):
    settings, db = ctx.server.settings, ctx.server.db
    _judge_file(ctx, file)
    found = await ctx.server.workers.run(settings.read_file)
    try:
        await settings.set_all(db, {option.name: value for option, value in found}, ctx.actor)
    except ConfigError:
        pass                                    # written; the reload below tells what is wrong elsewhere
    await db.durable()
    return _applied(ctx, [option for option, _ in found], "tb_settings")
