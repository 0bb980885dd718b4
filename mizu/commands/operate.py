"""Operating the server: is it well, what does it hold, and the handles to reload and restart it."""

import hashlib
import os
import shutil
import sys

from .. import VERSION
from ..api.command import ADMIN, OPEN, TABLE, command
from ..api.param import Param, choice, integer, text
from ..api.selftest import SelfTest
from ..base import circles
from ..base.errors import ApiError
from ..base.message import Answer, Rows
from .settings import reloaded

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def uptime(seconds):
    """Seconds as `3 d 4 h`, `4 h 5 min`, `5 min 6 s`."""
    seconds = int(seconds)
    for unit, size, lower, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // part} {lower}"
    return f"{seconds} s"


def size(number):
    """Bytes as `900 bytes`, `31 MiB`, `1.5 GiB`."""
    for unit, bits in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if number >= 1 << bits:
            amount = number / (1 << bits)
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{number} bytes"


def stored(path):
    """Bytes of a database with its log."""
    return sum([os.path.getsize(name) for name in (path, path + "-wal") if os.path.exists(name)])


def resident():
    """Bytes of memory this process holds, 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0


@command("version", group="server", access=OPEN, summary="Name and version of the software")
def version(ctx):
    return Answer(f"OK: mizud {VERSION}")


@command("heartbeat", group="server", access=ADMIN, reads=True,
         summary="Whether the server is well; full also writes to the database and looks at the disk",
         params=[Param("mode", choice("quick", "full"), "how thoroughly")])
async def heartbeat(ctx, mode="quick"):
    server = ctx.server
    data = {"uptime": int(server.clock.now() - server.started), "lag_ms": round(server.reactor.lag * 1000, 3),
            "peak_lag_ms": round(server.reactor.peak_lag * 1000, 3), "connections": len(server.streams),
            "workers_waiting": len(server.workers)}
    trouble = server.trouble()
    if mode == "full":
        begun = server.clock.monotonic()
        await server.audit.heartbeat()
        data["database_ms"] = round((server.clock.monotonic() - begun) * 1000, 3)
        usage = await server.workers.run(shutil.disk_usage, server.folders.data)
        data["disk_free"], data["disk_percent"] = usage.free, round(100 * usage.used / usage.total, 1)
        if usage.free < 100 << 20:
            trouble = trouble or "less than 100 MiB of disk are left"
    if trouble:
        raise ApiError(500, trouble, data=data)
    return Answer("OK: alive", data)


@command("info", group="server", access=ADMIN, reads=True, summary="Status and important parameters of the server")
def info(ctx):
    server = ctx.server
    return Answer("OK: running", {
        "version": VERSION, "python": sys.version.split()[0], "system": " ".join(os.uname()[0:3:2]),
        "pid": os.getpid(), "uptime": uptime(server.clock.now() - server.started),
        "memory": size(resident()), "connections": len(server.streams), "ports": dict(server.ports.opened),
        "tls": server.tls_context is not None, "accounts": server.users.count(), "requests": server.dispatcher.requests,
        "failures": server.dispatcher.failures, "bans": len(server.bans), "lag_ms": round(server.reactor.lag * 1000, 3),
        "peak_lag_ms": round(server.reactor.peak_lag * 1000, 3), "data": server.folders.data,
        "database": size(stored(server.folders.database)), "log_lines_lost": server.log.lost,
        "sip_dropped": server.guard.dropped, "hep_sent": server.hep.sent, "hep_dropped": server.hep.dropped})


@command("shortinfo", group="server", access=ADMIN, reads=True, summary="The status in one line")
def shortinfo(ctx):
    server = ctx.server
    return Answer(f"OK: mizud {VERSION}, up {uptime(server.clock.now() - server.started)}, {server.status()}")


@command("quickstat", group="server", access=ADMIN, reads=True, summary="How often each command was sent and failed")
def quickstat(ctx):
    rows = {id(row): row for row in TABLE.values() if row.calls or row.failures}.values()
    return Answer("OK", Rows(("command", "succeeded", "failed"),
                             sorted([(row.name, row.calls, row.failures) for row in rows], key=lambda row: -row[1])))


@command("deviceid", group="server", access=ADMIN, reads=True, summary="A number that stands for this installation")
def deviceid(ctx):
    seed = f"deviceid:{ctx.server.settings.apiv2md5salt}".encode()
    return Answer(f"OK: {hashlib.sha256(seed).hexdigest()[:16]}")


@command("fastusers", group="server", access=ADMIN, reads=True, summary="The accounts held in memory",
         params=[Param("limit", integer, "how many")])
def fastusers(ctx, limit=1000):
    users = ctx.server.users.listed()[:max(0, limit)]
    return Answer("OK", Rows(("id", "username", "type", "enabled", "credit"),
                             [(user.id, user.username, user.type, user.enabled, user.credit / 1e6) for user in users]))


@command("syncusers", group="server", access=ADMIN, alone=True,
         summary="Brings the accounts in memory in line with the database",
         params=[Param("oop", text, "accepted and ignored")])
def syncusers(ctx, oop=""):
    held = len(ctx.server.users.listed())
    ctx.server.users.forget()
    return Answer(f"OK: {held} accounts are read again when they are next used")


@command("lists", group="server", access=ADMIN, reads=True, summary="The lists in memory and how long they are")
def lists(ctx):
    server = ctx.server
    sizes = {"accounts": len(server.users.listed()), "calls in progress": len(server.board),
             "bans": len(server.bans), "nonces": len(server.nonces),
             "connections": len(server.streams), "rules": len(server.rules.rows), "commands": len(TABLE),
             "limits per address": len(server.limits.address), "limits per user": len(server.limits.user),
             "datagrams remembered": len(server.datagrams), "SIP sources": len(server.guard),
             "stories of calls": len(server.stories)}
    return Answer("OK", Rows(("list", "entries"), list(sizes.items())))


@command("locks", group="server", access=ADMIN, reads=True, summary="What waits for what")
def locks(ctx):
    server = ctx.server
    rows = [("database gate", "closed" if server.db.gated else "open"),
            ("calls waiting for a worker", len(server.workers)), ("statements running", len(server.db.running))]
    return Answer("OK", Rows(("lock", "state"), rows))


@command("querylist", group="server", access=ADMIN, reads=True, summary="Statements that run in the database now",
         params=[Param("cancel", integer, "number of a statement to end")])
def querylist(ctx, cancel=None):
    db, now = ctx.server.db, ctx.server.clock.monotonic()
    if cancel is not None:
        if not ctx.is_admin:
            raise ApiError(403, "access denied: an administrator ends statements")
        if not db.cancel(cancel):
            raise ApiError(404, f"no statement {cancel} is running")
        return Answer(f"OK: statement {cancel} was told to end")
    return Answer("OK", Rows(("id", "seconds", "actor", "sql"),
                             [(run.id, round(now - run.started, 3), run.actor, run.sql[:500])
                              for run in db.running.values()]))


@command("threads", group="server", access=ADMIN, reads=True, also=("threadlist", "threads2"),
         summary="The threads and what they are doing")
def threads(ctx):
    return Answer("OK", Rows(("thread", "stack"), ctx.server.threads()))


@command("delobj", group="server", access=ADMIN, alone=True, summary="Drops what is held in memory, to be read again",
         params=[Param("what", choice("all", "dbobj", "small"), "all, dbobj (accounts) or small (garbage)")])
def delobj(ctx, what="all"):
    if what != "small":
        ctx.server.users.forget()
    return Answer(f"OK: dropped, {circles.sweep()} objects freed")


@command("bannedlist", group="server", access=ADMIN, reads=True, summary="Banned addresses with reason and end")
def bannedlist(ctx):
    return Answer("OK", ctx.server.bans.listing())


@command("delbanned", group="server", access=ADMIN, alone=True, summary="Lifts the ban of an address, or all of them",
         params=[Param("ip", text, "an address; all, or none named, for all of them")])
async def delbanned(ctx, ip="all"):
    ip = ip.strip().lower()
    lifted = await ctx.server.bans.lift(ip)
    if not lifted and ip != "all":
        raise ApiError(404, f"{ip[:64]} is not banned")
    return Answer(f"OK: {lifted} lifted")


@command("reload", group="server", access=ADMIN, alone=True,
         summary="Settings, certificate, keys, rules and logs again")
def reload(ctx):
    changes = reloaded(ctx)
    rows = [(name, "yes" if applied else "after a restart") for name, _, _, applied in changes]
    return Answer(f"OK: reloaded, {len(rows)} settings changed", Rows(("setting", "applied"), rows) if rows else None)


@command("restart", group="server", access=ADMIN, alone=True,
         summary="Finishes what is under way and starts the service again",
         params=[Param("what", choice("service", "force"), "service, or force: without waiting")])
def restart(ctx, what="service"):
    ctx.server.restart(force=what == "force")
    return Answer("OK: restarting")


@command("unittest", group="server", access=ADMIN, alone=True,
         summary="Sends the API requests of its own, checks the answers and prints figures",
         params=[Param("testtype", choice("api"), "what is tested"),
                 Param("threads", integer, "requests under way at once, 1 to 64"),
                 Param("testtime", integer, "seconds, 1 to 60"),
                 Param("parameter", text, "a command that only reads, instead of apitest1; sent as the asker")])
async def unittest(ctx, testtype="api", threads=1, testtime=1, parameter="apitest1"):
    row = TABLE.get(parameter.lower())
    bare = row is not None and row.name == "apitest1"
    if row is None or not (row.reads or bare) or any(row.required(param) for param in row.params):
        raise ApiError(400, "parameter takes the name of a command that only reads and needs no parameters")
    if not (1 <= threads <= 64 and 1 <= testtime <= 60):
        raise ApiError(400, "threads takes 1 to 64, testtime 1 to 60")
    test = SelfTest(ctx, row.name, bare)
    figures = await test.run(threads, testtime)
    if test.failures:
        raise ApiError(422, f"{test.failures} requests failed: {test.fault or 'no answer'}", data=figures)
    return Answer("OK: passed", figures)
