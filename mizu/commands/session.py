"""Core and session: is anybody there, who am I, which commands are there."""

from ..api import manual
from ..api.auth import LOGIN_SESSIONS, WRONG_USER
from ..api.command import ADMIN, ANYBODY, OPEN, TABLE, USER, command
from ..api.digests import digest_bare, digest_v3
from ..api.param import Param, text, username
from ..base.errors import ApiError
from ..base.log import mask
from ..base.message import Answer, Role, Rows


@command("apitest1", group="session", access=OPEN, summary="Answers without any authentication")
def apitest1(ctx):
    return Answer("OK: api test succeed")


@command("apitest", group="session", access=USER, summary="Answers if key and user are right")
def apitest(ctx):
    return Answer("OK: api test succeed")


@command("apitest2", group="session", access=OPEN, summary="Tells how the request was understood")
def apitest2(ctx):
    request = ctx.request
    peer = request.peer
    seen = {"transport": peer.transport, "address": peer.host, "port": peer.port, "encrypted": peer.secure,
            "syntax": request.syntax, "format": request.format, "serial": request.serial, "direct": request.direct}
    seen.update(("parameter " + name, value) for name, value in mask(request.params).items())
    return Answer("OK: api test succeed", seen)


@command("login", group="session", access=USER,
         summary="Proves the user; a connection over TCP, WebSocket or to the console remembers him")
def login(ctx):
    user, session = ctx.principal.user, ctx.session
    if user is None:
        raise ApiError(401, WRONG_USER)
    if session.peer.transport in LOGIN_SESSIONS and not {"md5", "password"}.isdisjoint(ctx.principal.proofs):
        session.user = user
        session.role = ctx.principal.role
        session.nonce = ctx.server.nonces.find(ctx.request.params.get("nonce", ""))
    return Answer("OK: logged in", {"id": user.id, "username": user.username, "type": user.type,
                                    "rights": user.rights})


@command("preauth", group="session", access=OPEN, summary="A nonce for digests, bound to the asker's address")
def preauth(ctx):
    return Answer(f"OK: new nonce is:{ctx.server.nonces.issue(ctx.request.peer.host)}EOF")


@command("help", group="session", access=ANYBODY, summary="The commands, or one of them with an example",
         params=[Param("command", text, "name of a command")])
def help_(ctx, command=""):
    everything, console = ctx.principal.role <= Role.SUPPORT, ctx.request.peer.transport == "console"
    if not command:
        return Answer("OK", manual.overview(everything, console))
    row = TABLE.get(command.lower())
    if row is None and console and command.lower() in manual.CONSOLE:
        return Answer("OK: " + "\n".join(manual.CONSOLE[command.lower()]))
    if row is None or not (everything or row in manual.commands(False)):
        raise ApiError(404, f"unknown command {command[:40]!r} (help lists all)")
    return Answer("OK: " + manual.describe(row, console))


@command("keepalive", group="session", access=OPEN, summary="Keeps the connection open")
def keepalive(ctx):
    return Answer("OK")


@command("close", group="session", access=OPEN, also=("exit", "quit"), summary="Closes the connection")
def close(ctx):
    return Answer("OK: bye", close=True)


@command("apiexamples", group="session", access=ADMIN,
         summary="Ready requests for this server, with digests that work",
         params=[Param("user", username, "account the digests are for; without it your own")])
def apiexamples(ctx, user=None):
    account = ctx.server.users.by_username(user) if user else ctx.user
    if account is None:
        raise ApiError(404 if user else 400, f"no such user: {user}" if user else "missing user input")
    if account is not ctx.principal.user:
        ctx.judge_rank(account.type)
    if not account.password:
        raise ApiError(422, f"the password of {account.username} is not kept, so there is no digest of it")
    settings, salt = ctx.server.settings, ctx.server.entropy.digits(7)
    key = next((key for key in settings.apiv2key if key), "")
    bare = f"authmd5={digest_bare(account.username, account.password, salt, settings.apiv2md5salt)}&authsalt={salt}"
    salt2 = ctx.server.entropy.digits(7)
    v3 = digest_v3(account.username, account.password, salt, salt2, settings.apiv2md5salt, "")
    rows = [("balance", manual.example(TABLE["balance"], key, account.username,
                                       f"authmd5=authv3_{v3}&authsalt1={salt}&authsalt2={salt2}",
                                       account.username))]
    admin = account.role is not None and account.role <= Role.ADMIN
    rows += manual.examples(admin, key, account.username, bare)
    return Answer("OK", Rows(("command", "request"), rows))
