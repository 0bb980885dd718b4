"""What phones ask: is somebody there, and how do I connect (the manual's User commands and Wsuser)."""

from ..api.command import NAMED, USER, command
from ..api.param import Param, text, username
from ..base.errors import ApiError
from ..base.message import Answer

UNKNOWN, OFFLINE, ONLINE = 0, 1, 2
"""What status and verifyuser answer; 3 and 4 where tb_users.status would be 2 and 3."""

MAX_NAME = 200
"""Characters of a brand, company or host name."""


@command("status", group="accounts", access=NAMED, reads=True,
         summary="State of an account: 0 there is none, 1 offline, 2 online, 3 calling, 4 speaking")
def status(ctx):
    return _told(ctx, ctx.user)


@command("verifyuser", group="accounts", access=USER, reads=True, summary="The same for another account",
         params=[Param("userusername", username, "its user name", aliases=("userlist", "u_username"))])
def verifyuser(ctx, userusername):
    return _told(ctx, ctx.server.users.by_username(userusername))


def _told(ctx, account):
    if account is None:
        state = UNKNOWN
    else:
        busy = ctx.server.locations.busy(account.id)
        state = busy + 1 if busy else ONLINE if ctx.server.is_registered(account) else OFFLINE
    return Answer(f"OK: {state}", state)


@command("wsuser", group="accounts", access=USER, audited=True,
         summary="Stores the brand and the upper server of a browser phone; answers how it connects",
         params=[Param("brandname", text, "brand of the softphone"), Param("companyname", text, "company"),
                 Param("upperserver", text, "address of the upper server"),
                 Param("upperserverdomain", text, "its SIP domain")])
async def wsuser(ctx, brandname="", companyname="", upperserver="", upperserverdomain=""):
    server, account = ctx.server, ctx.user
    if account is None:
        raise ApiError(400, "missing user input")
    sent = {"brandname": brandname, "companyname": companyname, "upperserver": upperserver,
            "upperserverdomain": upperserverdomain}
    values = {name: value.strip() for name, value in sent.items() if value.strip()}
    for name, value in values.items():
        if len(value) > MAX_NAME or not value.isprintable():
            raise ApiError(400, f"parameter {name} takes up to {MAX_NAME} printable characters")
    if values:
        await server.db.gate()
        with server.db.unit(actor=ctx.actor, kind="user") as unit:
            server.users.update(unit, account.id, values)
        server.users.reload((account.id,))
        await server.db.durable()
    return Answer("OK: wsuser", {**_connection(ctx), "username": account.username})


def _connection(ctx):
    """The URLs of SIP over WebSocket (RFC 7118) and the SIP domain, as seen from where the request came in."""
    server, peer = ctx.server, ctx.request.peer
    settings, opened = server.settings, server.ports.opened
    own = settings.externip if settings.externip != "auto" else (peer.local or ("127.0.0.1",))[0]
    host = settings.domain or own
    shown = f"[{host}]" if ":" in host else host
    urls = {"ws": f"ws://{shown}:{opened['main']}/mfstwebsocket"} if "main" in opened else {}
    if "tls" in opened:
        urls["wss"] = f"wss://{shown}:{opened['tls']}/mfstwebsocket"
    return {**urls, "domain": host}
