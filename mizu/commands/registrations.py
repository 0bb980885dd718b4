"""Who is registered: devices, attempts, figures, and how to end a registration (the manual's console commands)."""

from collections import Counter

from ..api.command import ADMIN, command
from ..api.param import Param, choice, integer, secret, text, username
from ..base.clock import utc_text
from ..base.errors import ApiError
from ..base.message import Answer, Rows
from ..records.credentials import check_password
from ..records.locations import shown
from .accounts import U_ID, U_USERNAME

MOST = 10_000
"""Devices of one list: 30 ms of the loop."""

ALL = "all"

BRIEF = ("username", "address", "transport", "useragent", "expires")
FULL = ("username", "userid", "address", "transport", "useragent", "contact", "q", "expires", "registered", "nat",
        "instance", "regid", "callid", "path", "push")


@command("reguser", also=("regusers",), group="calls", access=ADMIN, reads=True,
         summary="Registered devices; all: with every detail, else those of one account",
         params=[Param("usr", text, "a user name, all for details of everybody, nothing for a short list"),
                 Param("limit", integer, "devices at most")])
def reguser(ctx, usr="", limit=0):
    server = ctx.server
    usr = usr.strip()
    if usr and usr.lower() != ALL:
        account = server.users.by_username(usr)
        if account is None:
            raise ApiError(404, f"no such user: {usr[:64]}")
        rows = [_full(server, binding) for binding in server.locations.of(account.id)]
        return Answer("OK" if rows else "OK: not registered", Rows(FULL, rows) if rows else None)
    columns, row = (FULL, _full) if usr else (BRIEF, _brief)
    most = min(limit, MOST) if limit > 0 else server.settings.maxrows
    rows = []
    for binding in server.locations:
        if len(rows) == most:
            return Answer("OK", Rows(columns, rows, True), warning=f"only the first {most} devices: use limit")
        rows.append(row(server, binding))
    return Answer("OK", Rows(columns, rows))


def _name(server, binding):
    account = server.users.by_id(binding.userid)
    return account.username if account is not None else ""


def _left(server, binding):
    return int(binding.expires - server.clock.now())


def _brief(server, binding):
    return (_name(server, binding), shown(binding), binding.transport, binding.user_agent, _left(server, binding))


def _full(server, binding):
    """A row of FULL; of a push token only its kind is told, who has it could send notices."""
    return (_name(server, binding), binding.userid, shown(binding), binding.transport, binding.user_agent,
            binding.contact.partition(";pn-")[0], binding.q, _left(server, binding), utc_text(binding.registered),
            binding.natted, binding.instance, binding.reg_id, binding.call_id, ", ".join(binding.path),
            binding.push.rpartition(":")[0])


@command("regstat", group="calls", access=ADMIN, reads=True,
         summary="Registrations by transport and user agent, and how many succeed and fail")
def regstat(ctx):
    server, registrar = ctx.server, ctx.server.registrar
    transports, agents, natted, accounts = Counter(), Counter(), 0, set()
    for binding in server.locations:
        transports[binding.transport] += 1
        agents[binding.user_agent.split("/")[0].split(" ")[0]] += 1
        natted += binding.natted
        accounts.add(binding.userid)
    now = server.clock.now()
    minute = sum([now - attempt[0] <= 60 for attempt in registrar.attempts])
    return Answer("OK", {
        "registrations": sum(transports.values()), "accounts": len(accounts), "natted": natted,
        **{transport.lower(): count for transport, count in sorted(transports.items())},
        "accepted": registrar.accepted, "refused": registrar.refused, "last_minute": minute,
        "waiting_to_be_written": server.locations.waiting(),
        "useragents": ", ".join([f"{agent or '(none)'}: {count}" for agent, count in agents.most_common(20)])})


@command("fastregusers", group="calls", access=ADMIN, reads=True,
         summary="The last attempts to register, newest first; succ: those that succeeded",
         params=[Param("mode", choice("all", "succ"), "which ones"), Param("limit", integer, "how many at most")])
def fastregusers(ctx, mode="all", limit=1000):
    rows = []
    for when, name, host, port, transport, agent, status in reversed(ctx.server.registrar.attempts):
        if len(rows) >= limit:
            break
        if mode == "all" or status == 200:
            rows.append((utc_text(when), name, f"{host}:{port}", transport, agent, status))
    return Answer("OK", Rows(("datum", "username", "address", "transport", "useragent", "status"), rows))


@command("setfastregpwd", group="calls", access=ADMIN,
         summary="Another SIP password for an account, in memory only: until the next start or the next change",
         params=[Param("u_username", username, "user name of the account"), Param("password", secret, "the password")])
def setfastregpwd(ctx, u_username, password):
    account = ctx.account(None, u_username)
    ctx.judge_rank(account.type)
    ctx.server.digests.set_fast(account, check_password(password))
    return Answer("OK: password set until the next start")


@command("unreg", group="calls", access=ADMIN,
         summary="Ends registrations of an account, of an address, or all of them",
         params=[U_ID, Param("u_username", username, "user name of the account, or all"),
                 Param("ip", text, "only what was registered from this address"),
                 Param("mode", integer, "0 or 1: SIP has no word for it, the device notices when it registers again")])
def unreg(ctx, u_id=None, u_username="", ip="", mode=0):
    locations = ctx.server.locations
    if mode not in (0, 1):
        raise ApiError(400, f"parameter mode takes 0 or 1, not {mode}")
    host = ip.strip() or None
    if u_id is None and (u_username.lower() == ALL or not u_username and host):
        ids = locations.accounts()
    else:
        ids = [ctx.account(u_id, u_username).id]
    count = sum([locations.drop(id, host) for id in ids])
    return Answer(f"OK: {count} unregistered", count)


@command("pushremove", group="calls", access=ADMIN, summary="Forgets the push tokens of an account",
         params=[U_ID, U_USERNAME])
async def pushremove(ctx, u_id=None, u_username=None):
    count = await ctx.server.locations.forget_tokens(ctx.account(u_id, u_username).id)
    await ctx.server.db.durable()
    return Answer(f"OK: {count} removed", count)
